//! Rendering that may follow a frame later, so that a step is drawn at once and scrubbing keeps up with the hand.

use super::frames::{Slot, once_drawn};
use cr3_session::State;
use std::cell::RefCell;
use std::rc::Rc;
use yew::prelude::*;

/// The state it shows, and the one it has to show.
struct Later {
    shown: Rc<State>,
    newest: Rc<State>,
}

/// The state. If only its cursor moved, this is the previous state until the move is drawn.
#[hook]
pub(crate) fn use_later(state: &Rc<State>) -> Rc<State> {
    let later = use_mut_ref(|| Later { shown: state.clone(), newest: state.clone() });
    let wait: Slot = use_mut_ref(|| None);
    let again = use_force_update();
    let mut now = later.borrow_mut();
    now.newest = state.clone();
    if !state.moved_from(&now.shown) {
        now.shown = state.clone();
        wait.borrow_mut().take();
    } else if *state != now.shown && wait.borrow().is_none() {
        once_drawn(&wait, caught_up(later.clone(), again));
    }
    now.shown.clone()
}

fn caught_up(later: Rc<RefCell<Later>>, again: UseForceUpdateHandle) -> impl FnOnce() {
    move || {
        let newest = later.borrow().newest.clone();
        later.borrow_mut().shown = newest;
        again.force_update();
    }
}
