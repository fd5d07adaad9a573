//! What floats above the page, one thing at a time.

mod about;
mod assumptions;
mod at_line;
mod claims;
mod counterexamples;
mod disagreement;
mod editor;
mod find;
mod handlers;
mod keys;
mod limits;
mod lines;
mod problems;
mod report;
mod sheet;
mod trees;

use crate::parts::leaf;
use cr3_session::{Action, Overlay, State};
use std::rc::Rc;
use yew::prelude::*;

pub(crate) use sheet::Sheet;

/// What is open. Each has a key of its own: one dialog never becomes another.
pub(crate) fn overlays(state: &Rc<State>, dispatch: &Callback<Action>) -> Html {
    let open = match state.overlay {
        Overlay::None | Overlay::Inject(_) => html! { <span key="none"></span> },
        _ => dialog(state, dispatch),
    };
    html! { { leaf("div", "overlays", open) } }
}

/// The dialog that is open. Out of line, so that all dialogs are in the rest of the module (crates/split).
#[inline(never)]
fn dialog(state: &Rc<State>, dispatch: &Callback<Action>) -> Html {
    match state.overlay {
        Overlay::Find => find::view(state, dispatch),
        Overlay::Keys => keys::view(state, dispatch),
        Overlay::Limits => limits::view(state, dispatch),
        Overlay::Editor => html! { <editor::Editor key="editor" state={state.clone()} dispatch={dispatch.clone()} /> },
        Overlay::Disagreement => disagreement::view(state, dispatch),
        Overlay::About => about::view(dispatch),
        Overlay::Handlers => handlers::view(state, dispatch),
        Overlay::Counterexamples => counterexamples::view(state, dispatch),
        Overlay::Assumptions => assumptions::view(state, dispatch),
        Overlay::Claims => claims::view(state, dispatch),
        Overlay::Lines => lines::view(state, dispatch),
        Overlay::Report => report::view(state, dispatch),
        Overlay::None | Overlay::Inject(_) => Html::default(),
    }
}
