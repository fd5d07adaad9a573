//! The timer behind Run.

use cr3_session::Action;
use gloo::timers::callback::Interval;
use yew::prelude::*;

/// Milliseconds per row while running.
const PACE: u32 = 110;

/// Sends [`Action::Tick`] while `playing`.
#[hook]
pub(crate) fn use_play(playing: bool, dispatch: &Callback<Action>) {
    use_effect_with((playing, dispatch.clone()), |(playing, dispatch)| {
        let timer = playing.then(|| {
            let dispatch = dispatch.clone();
            Interval::new(PACE, move || dispatch.emit(Action::Tick))
        });
        move || drop(timer)
    });
}
