//! The observer that counts.

use super::misses::Misses;
use super::{CounterSet, Counters, PendingFlushes};

/// Counts what a machine does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    counters: Counters,
    touched: CounterSet,
    misses: Misses,
    pending: PendingFlushes,
    pcide: bool,
}
