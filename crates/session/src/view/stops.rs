//! The stops of a run, and where it ended, in words.

use crate::choice::Direction;
use crate::state::State;
use crate::stops::{Halt, Stop, Why};
use crate::view::position;

/// The stops that are offered: each kind of steps, and the places that are set.
#[must_use]
pub fn offered(state: &State) -> Vec<Stop> {
    let mut offered = Stop::KINDS.to_vec();
    for stop in &state.stops {
        if !offered.contains(stop) {
            offered.push(stop.clone());
        }
    }
    offered
}

/// Where and why the last run ended, as a sentence; nothing if none did.
#[must_use]
pub fn halted(state: &State) -> String {
    let Some(Halt { row, why }) = &state.halt else { return String::new() };
    let at = || position::at(state, *row);
    match why {
        Why::Met(stops) => {
            let stops: Vec<_> = stops.iter().map(Stop::words).collect();
            format!("Stopped by {} at {}.", stops.join(", "), at())
        }
        Why::There => format!("Ran to {}.", at()),
        Why::End(Direction::Forward) => "Nothing stops it: this is the last step.".to_owned(),
        Why::End(Direction::Backward) => "Nothing stops it: this is the first step.".to_owned(),
    }
}
