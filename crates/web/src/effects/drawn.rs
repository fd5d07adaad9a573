//! What the page draws first. The rest follows frame by frame, so that a person sees the runs and can step before
//! everything is there.

use super::frames::{Slot, once_drawn};
use super::rest::rest;
use crate::parts::use_number;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

/// How much of the page is drawn. What comes later has its place from the start and moves nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Drawn {
    /// What is run, the timeline, the runs.
    Runs,
    /// The code and the state too.
    Panes,
    /// What is closed or below too: what of the page the rest of the module draws.
    Everything,
}

impl Drawn {
    fn next(self) -> Option<Self> {
        match self {
            Self::Runs => Some(Self::Panes),
            Self::Panes => Some(Self::Everything),
            Self::Everything => None,
        }
    }
}

/// How much to draw now.
#[hook]
pub(crate) fn use_drawn() -> Drawn {
    let drawn = use_state_eq(|| Drawn::Runs);
    let wait: Slot = use_mut_ref(|| None);
    let more = drawn.setter();
    let now = *drawn;
    use_number(now as u64, move || {
        if let Some(next) = now.next() {
            once_drawn(&wait, move || match next {
                Drawn::Everything => spawn_local(async move {
                    rest().await;
                    more.set(next);
                }),
                _ => more.set(next),
            });
        }
    });
    now
}
