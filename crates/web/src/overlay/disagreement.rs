//! The step on which the two processors disagree: its bytes, the registers before it, and both results.

use super::Sheet;
use crate::parts::Hex;
use crate::view::Props;
use cr3_session::check::{Disagreement, Field};
use yew::prelude::*;

#[component]
pub(crate) fn View(props: &Props) -> Html {
    html! {
        <Sheet class="disagreement" title="The two processors disagree" dispatch={props.dispatch.clone()}>
            <div>{ for props.state.check.disagreement.iter().map(|found| report(found)) }</div>
        </Sheet>
    }
}

/// Everything known about a disagreement.
pub(crate) fn report(found: &Disagreement) -> Html {
    let bytes: Vec<String> = found.bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    html! {
        <div class="found">
            <p>
                <code>{ &found.instruction }</code>{ " " }<span class="quiet mono">{ bytes.join(" ") }</span>
                { format!(", step {}", found.step + 1) }
            </p>
            <p class="quiet">{ schedule(found) }</p>
            <ul>{ for found.differences.iter().enumerate().map(|(index, words)| html! { <li key={index}>{ words }</li> }) }</ul>
            <table class="fields states">
                <thead><tr>
                    <th scope="col">{ "register" }</th><th scope="col">{ "before" }</th>
                    <th scope="col">{ "model" }</th><th scope="col">{ "Unicorn" }</th>
                </tr></thead>
                <tbody>{ for found.fields.iter().map(row) }</tbody>
            </table>
        </div>
    }
}

fn schedule(found: &Disagreement) -> String {
    match found.schedule.is_empty() {
        true => "nothing injected".to_owned(),
        false => format!("injected: {}", found.schedule),
    }
}

fn row(field: &Field) -> Html {
    let differing = field.ours ^ field.theirs;
    html! {
        <tr key={field.name.clone()} class={(differing != 0).then_some("differs")}>
            <th scope="row"><code>{ &field.name }</code></th>
            <td><Hex value={field.before} /></td>
            <td><Hex value={field.ours} {differing} /></td>
            <td><Hex value={field.theirs} {differing} /></td>
        </tr>
    }
}
