//! Runs aligned step by step, and where they differ.

mod align;
mod fields;

pub use fields::FieldDifference;

use crate::counters::Counter;
use crate::trace::Trace;
use std::ops::Range;

/// Why two steps stand in one row for sure: the events that cut runs into segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Anchor {
    /// An event was delivered.
    Delivery,
    /// The first instruction after a label.
    Label,
    /// MOV from CR3.
    Cr3Read,
    /// MOV to CR3.
    Cr3Write,
    /// INVLPG, INVPCID.
    Flush,
    /// SWAPGS.
    Swapgs,
    /// IRET.
    Iret,
}

/// One row of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The step of each run, in the order given; none where the run has no step here.
    pub steps: Vec<Option<u32>>,
    /// What holds the row in place, if the row is an anchor.
    pub anchor: Option<Anchor>,
    /// Whether the runs differ here: a step is missing, or CR3, privilege, nesting or what was counted differs.
    pub differs: bool,
}

/// Runs side by side.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// The rows, in order of time.
    pub rows: Vec<Row>,
    /// Maximal ranges of rows that differ.
    pub differences: Vec<Range<usize>>,
    /// Places that were executed and exist in some of the images only: name, and for each run whether it has it.
    pub partial_places: Vec<(String, Vec<bool>)>,
    /// For each run, the row of each step.
    row_of: Vec<Vec<u32>>,
}

/// Aligns runs; see [`Comparison`].
pub fn compare(runs: &[&Trace]) -> Comparison {
    unimplemented!()
}

impl Comparison {
    /// The row of step `step` of run `run`.
    pub fn row_of(&self, run: usize, step: usize) -> Option<usize> {
        let row = self.row_of.get(run)?.get(step)?;
        Some(*row as usize)
    }

    /// The difference after `row`, not counting the one that `row` is in.
    pub fn next_difference(&self, row: usize) -> Option<&Range<usize>> {
        self.differences.iter().find(|range| range.start > row)
    }

    /// The difference before `row`, not counting the one that `row` is in.
    pub fn previous_difference(&self, row: usize) -> Option<&Range<usize>> {
        self.differences.iter().rev().find(|range| range.end <= row)
    }

    /// Index in [`Self::differences`] of the difference that `row` is in.
    pub fn difference_at(&self, row: usize) -> Option<usize> {
        self.differences.iter().position(|range| range.contains(&row))
    }
}

/// A counter of several runs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct CounterRow {
    pub counter: Counter,
    pub values: Vec<u64>,
    /// Each value minus the first run's.
    pub deltas: Vec<i64>,
}

/// The final counters of several runs, every counter, in the order of [`Counter::ALL`].
pub fn counters(runs: &[&Trace]) -> Vec<CounterRow> {
    unimplemented!()
}
