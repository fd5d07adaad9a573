//! What differs between runs at one row.

use super::Comparison;
use crate::trace::Trace;

/// A field that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldDifference {
    /// A register as in [`crate::trace::RegisterChange::name`], a counter's name, or `cpl`, `level`, `pending_flush`.
    pub field: &'static str,
    /// The value after the row's step in each run that has one.
    pub values: Vec<Option<u64>>,
}

impl Comparison {
    /// The fields that differ after `row`. Addresses of code are compared by the place they name, so that moved code is no difference.
    pub fn fields(&self, runs: &[&Trace], row: usize) -> Vec<FieldDifference> {
        unimplemented!()
    }
}
