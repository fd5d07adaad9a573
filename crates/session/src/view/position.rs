//! The position of the cursor, in steps of each run. A row in which a run has no step does not count for that run.

use crate::choice::Side;
use crate::state::State;

/// The position of a run at the cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Steps taken at the end of the row: the number of its step there, if it has one.
    pub step: usize,
    /// Steps of the whole run.
    pub steps: usize,
}

/// The position of a side; none if it does not run.
#[must_use]
pub fn position(state: &State, side: Side) -> Option<Position> {
    of_row(state, side, state.cursor)
}

fn of_row(state: &State, side: Side, row: usize) -> Option<Position> {
    let steps = state.runs.trace(side)?.steps.len();
    Some(Position { step: state.runs.taken(side, row), steps })
}

/// The positions of both, in words: once if they are equal.
#[must_use]
pub fn words(state: &State) -> String {
    at(state, state.cursor)
}

/// The same at another row.
#[must_use]
pub fn at(state: &State, row: usize) -> String {
    let of = |side: Side| of_row(state, side, row).map(|Position { step, steps }| format!("{step} of {steps}"));
    let [left, right] = state.short_names();
    // Where both sides have one name, their positions distinguish them.
    let names = if left == right { ["left", "right"] } else { [left, right] };
    match Side::BOTH.map(of) {
        [Some(left), Some(right)] if left == right => format!("step {left}"),
        [Some(left), Some(right)] => format!("step {left} in {}, {right} in {}", names[0], names[1]),
        [left, right] => left.or(right).map_or_else(|| "no step".to_owned(), |alone| format!("step {alone}")),
    }
}
