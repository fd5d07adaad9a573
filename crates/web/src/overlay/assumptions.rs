//! What verdicts take for granted, each with its switch.

use super::Sheet;
use crate::parts::{leaf, nodes, term};
use crate::store::does;
use crate::view::in_dialog;
use cr3_session::glossary::Term;
use cr3_session::view::verdict::{Switch, switches};
use cr3_session::{Action, Judging, State};
use yew::prelude::*;

pub(super) fn view(state: &State, dispatch: &Callback<Action>) -> Html {
    let judges = state.settings.judging == Judging::ByItself;
    html! {
        <Sheet key="assumptions" class="assumptions" title="Assumptions" dispatch={dispatch.clone()}>
            <p class="quiet">
                { "A verdict covers everything that these assumptions allow. Switch one off and more exceptions strike. One about a handler \
                   matters where that handler runs; off, it adds the handler to the standard set. The link records which are off." }
            </p>
            { in_dialog(state, dispatch) }
            <p class="switch">
                <button type="button" class="chip" aria-pressed={judges.to_string()}
                    onclick={does(dispatch, Action::ToggleJudging)}>{ "judge by itself" }</button>
                { leaf("span", "quiet", "Judges what is on display in the background. While this is off, nothing is judged.") }
            </p>
            { leaf("ul", "", nodes(switches(state).iter().map(|switch| item(state, dispatch, switch)))) }
        </Sheet>
    }
}

fn item(state: &State, dispatch: &Callback<Action>, switch: &Switch) -> Html {
    let Switch { assumption, on, sides, flips } = switch;
    let assumption = *assumption;
    let names = state.names();
    let said = match sides {
        [left, right] if left == right => left.clone(),
        [left, right] => format!("{} {left}, {} {right}", names[0], names[1]),
    };
    html! {
        <li key={assumption.id()}>
            <label>
                <input type="checkbox" checked={*on} onchange={does(dispatch, Action::ToggleAssumption(assumption))} />
                { leaf("b", "", assumption.sentence()) }
                <span class="id">{ term(Term::Assumption(assumption), html! { { leaf("code", "", assumption.id()) } }) }{ ": " }{ bare(&said) }</span>
                { leaf("span", "flips", flips.join("; ")) }
                { leaf("span", "", bare(&format!("Reason: {}. Off: {}.", assumption.source(), assumption.off()))) }
            </label>
        </li>
    }
}

/// A sentence without the marks that it has in a terminal.
fn bare(words: &str) -> String {
    words.replace('`', "")
}
