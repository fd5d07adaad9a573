//! What verdicts take for granted, each with its switch.

use super::Sheet;
use crate::view::Props;
use cr3_session::Action;
use cr3_session::view::verdict::{Switch, switches};
use yew::prelude::*;

pub(super) fn assumptions(props: &Props) -> Html {
    html! {
        <Sheet key="assumptions" class="assumptions" title="Assumptions" dispatch={props.dispatch.clone()}>
            <p class="quiet">
                { "A verdict is about what these leave. One that is off lets more strike; one about a handler counts where that handler runs, and \
                   lets it join the standard set. The link carries which are off." }
            </p>
            <ul>{ for switches(&props.state).iter().map(|switch| view(props, switch)) }</ul>
        </Sheet>
    }
}

fn view(props: &Props, switch: &Switch) -> Html {
    let Switch { assumption, on, sides } = switch;
    let assumption = *assumption;
    let names = props.state.setup.forms.map(|form| form.name());
    let said = match sides {
        [left, right] if left == right => left.clone(),
        [left, right] => format!("{} {left}, {} {right}", names[0], names[1]),
    };
    html! {
        <li key={assumption.id()}>
            <label>
                <input type="checkbox" checked={*on} onchange={props.dispatch.reform(move |_: Event| Action::ToggleAssumption(assumption))} />
                <b>{ assumption.sentence() }</b>
                <span class="id"><code>{ assumption.id() }</code>{ ": " }{ bare(&said) }</span>
                <span>{ bare(&format!("Because {}. Off: {}.", assumption.source(), assumption.off())) }</span>
            </label>
        </li>
    }
}

/// A sentence without the marks that it has in a terminal.
fn bare(words: &str) -> String {
    words.replace('`', "")
}
