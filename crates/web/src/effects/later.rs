//! Rendering that may follow a frame later, so that a step is drawn at once and scrubbing keeps up with the hand.

use cr3_session::State;
use gloo::render::{AnimationFrame, request_animation_frame};
use gloo::timers::callback::Timeout;
use std::cell::RefCell;
use std::rc::Rc;
use yew::prelude::*;

/// What has to happen before the newest state is shown.
enum Wait {
    /// The frame that draws the rest.
    Frame { _frame: AnimationFrame },
    /// The end of that frame.
    Drawn { _timer: Timeout },
}

/// The state it shows, and the one it has to show.
struct Later {
    shown: Rc<State>,
    newest: Rc<State>,
    wait: Option<Wait>,
}

/// The state. If only its cursor moved, this is the previous state until the move is drawn.
#[hook]
pub(crate) fn use_later(state: &Rc<State>) -> Rc<State> {
    let later = use_mut_ref(|| Later { shown: state.clone(), newest: state.clone(), wait: None });
    let again = use_force_update();
    let mut now = later.borrow_mut();
    now.newest = state.clone();
    if !state.moved_from(&now.shown) {
        now.shown = state.clone();
        now.wait = None;
    } else if *state != now.shown && now.wait.is_none() {
        now.wait = Some(Wait::Frame { _frame: request_animation_frame(drawing(later.clone(), again)) });
    }
    now.shown.clone()
}

fn drawing(later: Rc<RefCell<Later>>, again: UseForceUpdateHandle) -> impl FnOnce(f64) {
    move |_| {
        let drawn = {
            let later = later.clone();
            move || {
                let mut now = later.borrow_mut();
                now.shown = now.newest.clone();
                now.wait = None;
                drop(now);
                again.force_update();
            }
        };
        later.borrow_mut().wait = Some(Wait::Drawn { _timer: Timeout::new(0, drawn) });
    }
}
