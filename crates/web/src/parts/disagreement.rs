//! A disagreement of the two processors: the bytes of its step, the registers before it, and both results.

use super::{hex, leaf, nodes};
use cr3_session::check::{Disagreement, Field};
use yew::prelude::*;

/// Everything known about a disagreement.
pub(crate) fn report(found: &Disagreement) -> Html {
    let bytes: Vec<String> = found.bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    html! {
        <div class="found">
            <p>
                { leaf("code", "", &found.instruction) }{ " " }{ leaf("span", "quiet mono", bytes.join(" ")) }
                { format!(", step {}", found.step + 1) }
            </p>
            { leaf("p", "quiet", schedule(found)) }
            { leaf("ul", "", nodes(found.differences.iter().enumerate().map(|(index, words)| html! { <li key={index}>{ words }</li> }))) }
            <table class="fields states">
                <thead><tr>
                    <th scope="col">{ "register" }</th><th scope="col">{ "before" }</th>
                    <th scope="col">{ "model" }</th><th scope="col">{ "Unicorn" }</th>
                </tr></thead>
                { leaf("tbody", "", nodes(found.fields.iter().map(row))) }
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
            <th scope="row">{ leaf("code", "", &field.name) }</th>
            { leaf("td", "", hex(field.before, 0)) }
            { leaf("td", "", hex(field.ours, differing)) }
            { leaf("td", "", hex(field.theirs, differing)) }
        </tr>
    }
}
