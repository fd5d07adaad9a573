//! The schedule as chips, with the outcome of each injection.

use crate::choice::Side;
use crate::inject;
use crate::runs::Runs;
use crate::state::State;
use cr3_core::compare::why_missed;
use cr3_core::scenario::{Nesting, Vector};
use cr3_core::trace::Unfired;

/// One injection of the schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chip {
    /// Index in the schedule.
    pub index: usize,
    /// What strikes.
    pub kind: Vector,
    /// Its name, as people write it.
    pub vector: &'static str,
    /// `label+offset#occurrence`.
    pub place: String,
    /// Whether it strikes inside the handler of the previous one.
    pub inside: bool,
    /// The row at which it struck.
    pub row: Option<usize>,
    /// Why it did not strike, by side.
    pub unfired: [Option<String>; 2],
}

/// The chips of a state.
#[must_use]
pub fn chips(state: &State) -> Vec<Chip> {
    let injections = &state.setup.schedule.injections;
    let rows = inject::all_struck(&state.runs, injections.len());
    injections
        .iter()
        .zip(rows)
        .enumerate()
        .map(|(index, (injection, row))| Chip {
            index,
            kind: injection.vector,
            vector: injection.vector.mnemonic(),
            place: injection.place.to_string(),
            inside: index > 0 && injection.nesting == Nesting::Inside,
            row,
            unfired: Side::BOTH.map(|side| unfired(&state.runs, side, index).map(|it| why(&state.runs, side, it))),
        })
        .collect()
}

fn unfired(runs: &Runs, side: Side, index: usize) -> Option<&Unfired> {
    runs.unfired(side).iter().find(|unfired| unfired.index == index)
}

/// Why an injection struck in neither run, from the first run that gives a reason.
#[must_use]
pub fn why_unfired(runs: &Runs, index: usize) -> Option<String> {
    Side::BOTH.into_iter().find_map(|side| unfired(runs, side, index).map(|it| why(runs, side, it)))
}

/// The reason; of a label that only the other side's text has, which text lacks it.
fn why(runs: &Runs, side: Side, unfired: &Unfired) -> String {
    let names = [side, side.other()].map(|side| if side == Side::Left { "the left side" } else { "the right side" });
    match runs.trace(side.other()) {
        Some(other) => why_missed(unfired, other, names),
        None => unfired.reason.to_string(),
    }
}
