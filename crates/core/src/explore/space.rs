//! What is explored: the systems, the vectors, the depth, and what is taken for granted.

use super::assume::Assumptions;
use super::sweep::Method;
use crate::linux::{Config, Feature, Features, Handler, Handlers};
use crate::scenario::Vector;
use std::fmt::{self, Display, Formatter};

/// What to explore.
#[derive(Clone, Debug)]
pub struct Query {
    /// The systems.
    pub configs: Vec<Config>,
    /// What strikes.
    pub vectors: Vec<Vector>,
    /// The most strikes of a schedule.
    pub depth: u32,
    /// What is taken for granted.
    pub assumed: Assumptions,
    /// How schedules are judged.
    pub method: Method,
    /// Runs after which the search gives up.
    pub max_runs: Option<u64>,
    /// A share of the schedules of more than one strike.
    pub shard: Option<Shard>,
}

/// A share of the work: one of so many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    index: u32,
    of: u32,
}

impl Shard {
    /// Share `number`, counted from 1, of `of`; at most [`super::MAX_SHARES`]. Nothing for a share that does not exist.
    pub fn new(number: u32, of: u32) -> Option<Self> {
        let exists = (1..=of).contains(&number) && of <= super::MAX_SHARES;
        exists.then(|| Self { index: number - 1, of })
    }

    pub(super) fn has(self, share: u32) -> bool {
        share % self.of == self.index
    }
}

/// The features of the standard set: all, all but one of those that entry code has an ALTERNATIVE or a test for, and none.
pub fn standard_features() -> Vec<Features> {
    let single = [Feature::Invpcid, Feature::Pcid, Feature::Fsgsbase, Feature::Nx];
    let without = single.map(|feature| Features::ALL.toggled(feature));
    let none = Features { sev_es: true, ..Features::NONE };
    [Features::ALL].into_iter().chain(without).chain([none]).collect()
}

/// The handlers of the standard set, and those that an assumption no longer keeps out of it.
pub fn standard_handlers(assumed: Assumptions) -> Vec<Handlers> {
    let standard = [Handler::Quiet, Handler::Perf, Handler::PendingFlush];
    let joined = assumed.off().filter_map(|assumption| assumption.handler());
    standard.into_iter().chain(joined).map(Handlers::only).collect()
}

impl Display for Shard {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index + 1, self.of)
    }
}
