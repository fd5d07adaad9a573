//! The state of both machines at a row, the source of the inspector's views.

use crate::choice::Side;
use crate::runs::Runs;
use cr3_core::counters::Counters;
use cr3_core::machine::Machine;
use cr3_core::trace::{Retaken, StepDetail};

/// One run at a row.
#[derive(Clone, Debug)]
pub struct Instant {
    /// The machine after the row's step, or after the last step before the row.
    pub after: Machine,
    /// The machine before the row's step; none if the run has no step in this row.
    pub before: Option<Machine>,
    /// What the row's step did.
    pub detail: Option<StepDetail>,
    /// The counters after the row's step.
    pub counters: Counters,
    /// The counters before it.
    pub counters_before: Counters,
}

impl Instant {
    /// The machine before the row's step, or the current one if nothing happened.
    #[must_use]
    pub fn earlier(&self) -> &Machine {
        self.before.as_ref().unwrap_or(&self.after)
    }
}

/// Both runs at a row.
#[derive(Clone, Debug)]
pub struct Moment {
    /// The row.
    pub row: usize,
    /// Each run that exists.
    pub sides: [Option<Instant>; 2],
}

impl Moment {
    /// Both runs at `row`.
    #[must_use]
    pub fn at(runs: &Runs, row: usize) -> Self {
        Self { row, sides: Side::BOTH.map(|side| instant(runs, side, row)) }
    }

    /// One run at the row.
    #[must_use]
    pub fn side(&self, side: Side) -> Option<&Instant> {
        self.sides[side.index()].as_ref()
    }
}

fn instant(runs: &Runs, side: Side, row: usize) -> Option<Instant> {
    let trace = runs.trace(side)?;
    let taken = runs.taken(side, row);
    let step = runs.step_index(side, row);
    let (before, after, detail) = match step.and_then(|step| trace.retake(step)) {
        Some(Retaken { before, after, detail }) => (Some(before), after, Some(detail)),
        None => (None, trace.machine_before(taken), None),
    };
    Some(Instant {
        after,
        before,
        detail,
        counters: trace.counters_before(taken),
        counters_before: trace.counters_before(step.unwrap_or(taken)),
    })
}
