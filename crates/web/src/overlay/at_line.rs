//! What is known of the line at which the cursor of the editor is.

use crate::parts::{leaf, nodes, term};
use crate::store::does;
use cr3_session::view::at_line::{About, about};
use cr3_session::{Action, State};
use yew::prelude::*;

pub(super) fn at_line(state: &State, line: u32, dispatch: &Callback<Action>) -> Html {
    let Some(About { title, means, does: sentence, changes, show, without, ask, why, terms }) = about(state, line)
    else {
        return html! {};
    };
    html! {
        <section class="at-line" aria-label="The line of the cursor">
            { leaf("p", "", leaf("code", "", title)) }
            { leaf("p", "quiet", means.unwrap_or_default()) }
            <dl>
                <div>{ leaf("dt", "", "does") }<dd>{ sentence }{ " " }{ leaf("span", "", act(show, "Show this step", dispatch)) }</dd></div>
                <div>{ leaf("dt", "", "changes") }{ leaf("dd", "mono", if changes.is_empty() { "no register".to_owned() } else { changes.join(", ") }) }</div>
                <div>{ leaf("dt", "", "why") }<dd>{ why.says }{ " " }{ leaf("span", "quiet", why.source) }</dd></div>
                <div>{ leaf("dt", "", "without it") }<dd>{ without }{ " " }{ leaf("span", "", act(ask, "Try it", dispatch)) }</dd></div>
                <div>{ leaf("dt", "", "about") }{ leaf("dd", "", nodes(terms.into_iter().map(|it| html! { <span key={it.key()}>{ term(it, it.name()) }{ " " }</span> }))) }</div>
            </dl>
        </section>
    }
}

fn act(action: Option<Action>, words: &'static str, dispatch: &Callback<Action>) -> Html {
    let Some(action) = action else { return html! {} };
    html! { <button type="button" class="chip bare" onclick={does(dispatch, action)}>{ words }</button> }
}
