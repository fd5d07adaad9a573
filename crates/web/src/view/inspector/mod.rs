//! The state of both machines at the cursor. Each part says who vouches for it.

mod cr3;
mod part;
mod pending;
mod registers;
mod stack;
mod tlb;

use super::Props;
use crate::parts::{leaf, nodes};
use crate::store::does;
use cr3_session::{Action, Moment, State, Tab, words};
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;
use yew::prelude::*;

pub(crate) fn inspector(props: &Props, moment: &Moment) -> Html {
    let Props { state, dispatch } = props;
    let part = part::Props { state, moment, names: state.names() };
    html! {
        <section class="pane inspector" aria-labelledby="inspector-title">
            <h2 class="hidden" id="inspector-title">{ "State after the step" }</h2>
            { cr3::view(&part) }
            { pending::view(&part) }
            <div class="tabs segments" role="group" aria-label="Part of the state">
                { nodes(Tab::ALL.into_iter().map(|tab| button(tab, state, dispatch))) }
            </div>
            <div class="parts" tabindex="0" role="region" aria-label={words::tab_key(state.tab)} onkeydown={row_by_key}>
                { leaf("div", "part", match state.tab {
                        Tab::Tlb => tlb::view(&part),
                        Tab::Registers => registers::view(&part),
                        Tab::Stack => stack::view(&part),
                    }) }
                { leaf("p", "vouch dim", legend(state)) }
            </div>
        </section>
    }
}

/// Up and down lead from row to row of the TLB and the stack, once one has the focus.
fn row_by_key(event: KeyboardEvent) {
    const ROWS: &str = "tr[tabindex]";
    let forward = match event.key().as_str() {
        "ArrowDown" => true,
        "ArrowUp" => false,
        _ => return,
    };
    let target = event.target().and_then(|target| target.dyn_into::<HtmlElement>().ok());
    let Some(target) = target.filter(|target| target.matches(ROWS).unwrap_or(false)) else { return };
    event.prevent_default();
    let rows = target.closest(".parts").ok().flatten().and_then(|parts| parts.query_selector_all(ROWS).ok());
    let Some(rows) = rows else { return };
    let at = (0..rows.length()).find(|index| rows.get(*index).is_some_and(|row| row == **target)).unwrap_or(0);
    let next = if forward { Some(at + 1) } else { at.checked_sub(1) };
    let row = next.and_then(|next| rows.get(next)?.dyn_into::<HtmlElement>().ok());
    if let Some(row) = row {
        // It fails only on elements that no longer exist.
        let _ = row.focus();
    }
}

fn button(tab: Tab, state: &State, dispatch: &Callback<Action>) -> Html {
    let name = match tab {
        Tab::Tlb => "TLB",
        Tab::Registers => "Registers",
        Tab::Stack => "Stack",
    };
    html! {
        <button type="button" key={name} aria-pressed={(state.tab == tab).to_string()}
            onclick={does(dispatch, Action::SetTab(tab))}>{ name }</button>
    }
}

fn legend(state: &State) -> &'static str {
    match state.check.is_on() {
        true => "M: the model. U: Unicorn has the same after this step. Point at a letter for the reason.",
        false => {
            "M: the model alone shows this. Tests compare its instructions with Unicorn, and its TLB and PCID rules with a second model; \"check with Unicorn\" compares each step here."
        }
    }
}
