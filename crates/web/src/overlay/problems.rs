//! What the assembler says of a text, each message at its place.

use crate::parts::{leaf, nodes};
use cr3_session::view::diagnostics::Problem;
use yew::prelude::*;

pub(super) fn messages(class: &'static str, problems: &[Problem]) -> Html {
    html! { { leaf("ul", "", nodes(problems.iter().enumerate().map(|(index, problem)| message(class, index, problem)))) } }
}

fn message(class: &'static str, index: usize, problem: &Problem) -> Html {
    html! {
        <li key={index}>
            <p {class}>{ leaf("b", "", &problem.place) }{ " " }{ &problem.message }</p>
            { leaf("pre", "excerpt", &problem.excerpt) }
            { leaf("p", "quiet", problem.hint.clone().unwrap_or_default()) }
        </li>
    }
}
