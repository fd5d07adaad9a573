//! What opens takes the keys at once, and gives the focus back when it closes.
//!
//! Yew draws a panel at once. If that took longer than a frame, the effect that opens it and moves the focus runs a task
//! later. A key that a person pressed in between would act on the page below.

use super::use_once;
use std::cell::RefCell;
use std::rc::{Rc, Weak};
use yew::prelude::*;

/// What ends it.
type Undo = Box<dyn FnOnce()>;

enum Panel {
    Drawn(Box<dyn FnOnce() -> Undo>),
    Open(Undo),
    Closed,
}

type Shared = RefCell<Panel>;

thread_local! {
    /// The panel that was drawn last.
    static LAST: RefCell<Weak<Shared>> = const { RefCell::new(Weak::new()) };
}

/// Opens a panel once it is drawn: before the next key, at the latest. What `open` returns closes it.
#[hook]
pub(crate) fn use_opening<A, U>(open: A)
where
    A: FnOnce() -> U + 'static,
    U: FnOnce() + 'static,
{
    use_panel(Box::new(move || Box::new(open()) as Undo));
}

#[hook]
fn use_panel(open: Box<dyn FnOnce() -> Undo>) {
    let panel: Rc<Rc<Shared>> = use_memo((), move |()| {
        let panel = Rc::new(RefCell::new(Panel::Drawn(open)));
        LAST.set(Rc::downgrade(&panel));
        panel
    });
    use_once(move || {
        set_open(&panel);
        move || {
            if let Panel::Open(close) = panel.replace(Panel::Closed) {
                close();
            }
        }
    });
}

/// Opens what is drawn and not yet open. Returns whether there was something.
pub(crate) fn open_drawn() -> bool {
    LAST.with_borrow(Weak::upgrade).is_some_and(|panel| set_open(&panel))
}

fn set_open(panel: &Shared) -> bool {
    match panel.replace(Panel::Closed) {
        Panel::Drawn(open) => {
            let close = open();
            panel.replace(Panel::Open(close));
            true
        }
        opened => {
            panel.replace(opened);
            false
        }
    }
}
