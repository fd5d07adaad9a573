//! What is known of schedules of fewer strikes.

use super::count::Counts;
use super::journal::{Exposed, Facts};

/// What sweeps with fewer strikes learned, for those with more.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    pub(super) exposed: Exposed,
    pub(super) facts: Facts,
    /// For each number of strikes from 1: what was counted from each boundary of the unstruck run on.
    pub(super) tails: Vec<Vec<Counts>>,
}

impl Known {
    /// Takes in one sweep's parts.
    pub(super) fn learn(&mut self, found: Learned, strikes: u32) {
        self.exposed.merge(&found.exposed);
        self.facts.merge(&found.facts);
        self.tails.resize(strikes as usize, Vec::new());
        if let Some(tails) = self.tails.last_mut() {
            tails.resize(tails.len().max(found.tails.len()), Counts::default());
            tails.iter_mut().zip(&found.tails).for_each(|(tail, more)| *tail += *more);
        }
    }
}

/// What a sweep learned.
#[derive(Clone, Debug, Default)]
pub(super) struct Learned {
    pub(super) exposed: Exposed,
    pub(super) facts: Facts,
    pub(super) tails: Vec<Counts>,
}
