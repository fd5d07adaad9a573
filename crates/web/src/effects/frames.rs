//! What waits until a frame is drawn, or until the browser has had its turn.

use gloo::render::{AnimationFrame, request_animation_frame};
use gloo::timers::callback::Timeout;
use gloo::utils::window;
use js_sys::Promise;
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen_futures::JsFuture;

/// What has to happen first. Dropping it calls the rest off.
pub(super) enum Wait {
    /// The frame.
    Frame { _frame: AnimationFrame },
    /// Its end.
    Drawn { _timer: Timeout },
}

/// Where a wait is kept while it lasts.
pub(super) type Slot = Rc<RefCell<Option<Wait>>>;

/// Acts once the next frame is drawn, unless something else is put into the slot before.
pub(super) fn once_drawn(slot: &Slot, act: impl FnOnce() + 'static) {
    let ended = {
        let slot = slot.clone();
        move || {
            slot.borrow_mut().take();
            act();
        }
    };
    let drawing = {
        let slot = slot.clone();
        move |_| *slot.borrow_mut() = Some(Wait::Drawn { _timer: Timeout::new(0, ended) })
    };
    *slot.borrow_mut() = Some(Wait::Frame { _frame: request_animation_frame(drawing) });
}

thread_local! {
    /// What the next frame does.
    static NEXT: RefCell<Option<AnimationFrame>> = const { RefCell::new(None) };
}

/// Acts before the next frame is drawn, unless something else takes its place: pointers move more often than frames are
/// drawn.
pub(crate) fn next_frame(act: impl FnOnce() + 'static) {
    let frame = request_animation_frame(move |_| act());
    NEXT.with_borrow_mut(|next| *next = Some(frame));
}

/// Lets the browser draw and listen.
pub(crate) async fn pause() {
    let turn = Promise::new(&mut |resolve, _| {
        // It fails only on a time that is none.
        let _ = window().set_timeout_with_callback(&resolve);
    });
    let _ = JsFuture::from(turn).await;
}
