//! What is known of the line at which the cursor of the editor is.

use crate::parts::{nodes, term};
use crate::store::does;
use cr3_session::view::at_line::{About, about};
use cr3_session::{Action, State};
use yew::prelude::*;

pub(super) fn at_line(state: &State, line: u32, dispatch: &Callback<Action>) -> Html {
    let Some(About { title, does: sentence, changes, show, without, ask, terms }) = about(state, line) else {
        return html! {};
    };
    html! {
        <section class="at-line" aria-label="The line of the cursor">
            <p><code>{ title }</code></p>
            <dl>
                <div><dt>{ "does" }</dt><dd>{ sentence }{ " " }<span>{ act(show, "Show this step", dispatch) }</span></dd></div>
                <div><dt>{ "changes" }</dt><dd class="mono">{ if changes.is_empty() { "no register".to_owned() } else { changes.join(", ") } }</dd></div>
                <div><dt>{ "without it" }</dt><dd>{ without }{ " " }<span>{ act(ask, "Try it", dispatch) }</span></dd></div>
                <div><dt>{ "about" }</dt><dd>{ nodes(terms.into_iter().map(|it| html! { <span key={it.key()}>{ term(it, it.name()) }{ " " }</span> })) }</dd></div>
            </dl>
        </section>
    }
}

fn act(action: Option<Action>, words: &'static str, dispatch: &Callback<Action>) -> Html {
    let Some(action) = action else { return html! {} };
    html! { <button type="button" class="chip bare" onclick={does(dispatch, action)}>{ words }</button> }
}
