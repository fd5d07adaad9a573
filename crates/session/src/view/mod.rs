//! What the page shows, as plain data: pure functions of the runs and the cursor. A component decides nothing.

pub mod against;
pub mod at_line;
pub mod check;
pub mod claims;
pub mod configuration;
pub mod cost;
pub mod counters;
pub mod cr3;
pub mod diagnostics;
pub mod drafts;
pub mod handlers;
pub mod heat;
pub mod inject;
pub mod limits;
pub mod lines;
pub mod listing;
pub mod names;
pub mod notes;
pub mod outcome;
pub mod pending;
pub mod position;
pub mod reason;
pub mod registers;
pub mod relatives;
pub mod row;
pub mod scale;
pub mod schedule;
pub mod sentence;
pub mod stack;
pub mod stops;
pub mod timeline;
pub mod tlb;
pub mod trees;
pub mod trust;
pub mod verdict;
pub mod why;
pub mod window;

pub use cr3_core::linux::Half;

/// A number in a run at the cursor, and its value before the current step if that changed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value {
    /// After the step at the cursor.
    pub now: u64,
    /// Before it; none if the step did not change it.
    pub before: Option<u64>,
}

impl Value {
    /// `now`, with `before` only if it differs.
    #[must_use]
    pub fn new(now: u64, before: u64) -> Self {
        let before = (before != now).then_some(before);
        Self { now, before }
    }
}

/// Bits in which the two runs differ; none while one of them is absent.
#[must_use]
pub fn differing(values: &[Option<Value>; 2]) -> u64 {
    match values {
        [Some(left), Some(right)] => left.now ^ right.now,
        _ => 0,
    }
}
