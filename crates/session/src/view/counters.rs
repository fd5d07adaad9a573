//! The counters of the two whole runs, with their differences.

use crate::choice::Side;
use crate::runs::Runs;
use cr3_core::counters::Counter;

/// Counters in the bar; the full list has the others.
pub const BAR: [Counter; 8] = [
    Counter::Cr3Writes,
    Counter::RedundantCr3Writes,
    Counter::FlushingCr3Writes,
    Counter::NoflushCr3Writes,
    Counter::DroppedEntries,
    Counter::TlbMisses,
    Counter::RefillMisses,
    Counter::Instructions,
];

/// The difference of a counter in both runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// There is none, or there are no two runs.
    None,
    /// Right minus left.
    Amount(i64),
    /// The values differ, and the runs are not comparable.
    NotComparable,
}

/// A counter of both runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// What is counted.
    pub counter: Counter,
    /// Each run; none if there is no run.
    pub values: [Option<u64>; 2],
    /// Right minus left; none if there are no two runs or their counters are not comparable.
    pub delta: Option<i64>,
}

impl Count {
    /// The name in the bar. The kinds of CR3 writes follow their sum and need not repeat it.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self.counter {
            Counter::RedundantCr3Writes => "redundant",
            Counter::FlushingCr3Writes => "flushing",
            Counter::NoflushCr3Writes => "no-flush",
            counter => counter.label(),
        }
    }

    /// The difference between the runs.
    #[must_use]
    pub fn difference(&self) -> Difference {
        match (self.delta, self.values) {
            (Some(0), _) => Difference::None,
            (Some(delta), _) => Difference::Amount(delta),
            (None, [Some(left), Some(right)]) if left != right => Difference::NotComparable,
            (None, _) => Difference::None,
        }
    }

    /// The difference as people write it, with a true minus sign.
    #[must_use]
    pub fn delta_text(&self) -> Option<String> {
        match self.difference() {
            Difference::None => None,
            Difference::Amount(delta) if delta < 0 => Some(format!("−{}", delta.unsigned_abs())),
            Difference::Amount(delta) => Some(format!("+{delta}")),
            Difference::NotComparable => Some("n/c".to_owned()),
        }
    }
}

/// One counter.
#[must_use]
pub fn count(runs: &Runs, counter: Counter) -> Count {
    let values = Side::BOTH.map(|side| runs.trace(side).map(|trace| trace.counters[counter]));
    let delta = match values {
        [Some(left), Some(right)] if runs.comparable => Some(right.cast_signed().wrapping_sub(left.cast_signed())),
        _ => None,
    };
    Count { counter, values, delta }
}

/// The counters of the bar.
#[must_use]
pub fn bar(runs: &Runs) -> Vec<Count> {
    BAR.into_iter().map(|counter| count(runs, counter)).collect()
}

/// Every counter that some run raised, except those of the bar.
#[must_use]
pub fn others(runs: &Runs) -> Vec<Count> {
    let rest = Counter::ALL.iter().filter(|counter| !BAR.contains(counter));
    rest.map(|counter| count(runs, *counter))
        .filter(|count| count.values.iter().flatten().any(|value| *value > 0))
        .collect()
}
