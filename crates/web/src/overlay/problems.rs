//! What the assembler says of a text, each message at its place.

use crate::parts::nodes;
use cr3_session::view::diagnostics::Problem;
use yew::prelude::*;

pub(super) fn messages(class: &'static str, problems: &[Problem]) -> Html {
    html! { <ul>{ nodes(problems.iter().enumerate().map(|(index, problem)| message(class, index, problem))) }</ul> }
}

fn message(class: &'static str, index: usize, problem: &Problem) -> Html {
    html! {
        <li key={index}>
            <p {class}><b>{ &problem.place }</b>{ " " }{ &problem.message }</p>
            <pre class="excerpt">{ &problem.excerpt }</pre>
            <p class="quiet">{ problem.hint.clone().unwrap_or_default() }</p>
        </li>
    }
}
