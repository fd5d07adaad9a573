//! Where the cursor goes once the runs are there.

use super::visit;
use crate::aim::Aim;
use crate::choice::{Landing, Side};
use crate::inject::struck;
use crate::state::State;
use crate::view::outcome::outcome;
use crate::view::schedule::why_unfired;
use cr3_core::scenario::Vector;

/// Moves the cursor, which was at row `before` in the runs before these.
pub(super) fn land(state: &mut State, aim: Aim, before: usize) {
    let runs = &state.runs;
    let row = match aim {
        Aim::Step => None,
        // Alignment treats both sides alike, so the row usually keeps its number. Otherwise the place was followed.
        Aim::SameRow => Some(before).filter(|row| runs.clamp(*row) == *row),
        Aim::Decisive => Some(runs.decisive()),
        Aim::Link(row) => Some(runs.clamp(row.unwrap_or_else(|| runs.decisive()))),
        Aim::Strike(index) => struck(runs, index),
        Aim::Added(index, vector) => return added(state, index, vector),
        Aim::Swept(side) => swept(state, side),
        Aim::Counterexample(side, landing, step) => counterexample(state, side, landing, step),
        Aim::Claim(id, index) => return visit::look(state, id, index),
    };
    state.cursor = row.unwrap_or(state.cursor);
}

fn added(state: &mut State, index: usize, vector: Vector) {
    match struck(&state.runs, index) {
        Some(row) => state.cursor = row,
        None => {
            let why = why_unfired(&state.runs, index).unwrap_or_else(|| "there is no run".into());
            state.notice = Some(format!("The {} does not strike: {why}", vector.mnemonic()));
        }
    }
}

/// Where a swept run goes wrong, or its end.
fn swept(state: &State, side: Side) -> Option<usize> {
    let broken = outcome(&state.runs, side).and_then(|outcome| outcome.broken.first()?.row);
    let last = || state.runs.row_of(side, state.runs.trace(side)?.steps.len().checked_sub(1)?);
    broken.or_else(last)
}

/// The row before which the run of a counterexample breaks its promise, or that of its injection.
fn counterexample(state: &State, side: Side, landing: Landing, step: u32) -> Option<usize> {
    let last = state.runs.trace(side).map_or(0, |trace| trace.steps.len().saturating_sub(1));
    let failure = || state.runs.row_of(side, (step as usize).saturating_sub(1).min(last));
    match landing {
        Landing::Failure => failure(),
        Landing::Injection => struck(&state.runs, 0).or_else(failure),
    }
}
