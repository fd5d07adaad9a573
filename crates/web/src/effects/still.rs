//! What a move of the cursor leaves as it is.

use cr3_session::State;
use std::rc::Rc;
use yew::prelude::*;

/// The state, or an earlier one from which only the cursor has moved: always the same one until something else changes, so that
/// pointers tell whether it did.
#[hook]
pub(crate) fn use_still(state: &Rc<State>) -> Rc<State> {
    let held = use_mut_ref(|| state.clone());
    let mut held = held.borrow_mut();
    if state.run.is_some() != held.run.is_some() || !state.moved_from(&held) {
        *held = state.clone();
    }
    held.clone()
}
