//! The timer behind Run.

use cr3_session::{Action, Pace};
use gloo::timers::callback::Interval;
use js_sys::Date;
use std::cell::Cell;
use yew::prelude::*;

/// The shortest time between two drawings in milliseconds: a faster pace takes several steps in each.
const SHORTEST: u32 = 20;

/// Sends [`Action::Tick`] with the steps that are due, while `pace` is that of a run.
#[hook]
pub(crate) fn use_play(pace: Option<Pace>, dispatch: &Callback<Action>) {
    use_effect_with((pace, dispatch.clone()), |(pace, dispatch)| {
        let timer = pace.and_then(Pace::rate).map(|rate| {
            let (dispatch, start, taken) = (dispatch.clone(), Date::now(), Cell::new(0));
            Interval::new((1000 / rate).max(SHORTEST), move || {
                // Timers are late where a page has much to do. What they miss is made up for.
                let due = ((Date::now() - start) * f64::from(rate) / 1000.0 + 0.5) as usize;
                dispatch.emit(Action::Tick(due.saturating_sub(taken.replace(due))));
            })
        });
        move || drop(timer)
    });
}
