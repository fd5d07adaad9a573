//! What can be asked of the explorer, and what it may answer: data, without the engine.

mod assumption;
mod verdict;

pub use assumption::{Assumption, Assumptions};
pub use verdict::{Reach, Shorter, Verdict};

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
    /// A share of the schedules of the last depth, if that is more than 1.
    pub shard: Option<Shard>,
}

/// How schedules are judged. Both ways must come to the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Each schedule is run to its end.
    Plain,
    /// A run that agrees with one whose end is known ends there.
    CutOff,
    /// As with cut-off up to the depth of the query. Then what handlers do is summed up, for schedules of any depth and number.
    Summaries,
}

/// How a query stands to an assumption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Its verdict takes it for granted, by excluding choices.
    Excludes,
    /// Its verdict takes it for granted: no system runs this handler.
    KeepsOut(Handler),
    /// It was turned off.
    Off,
    /// It was turned off, but no system runs the handler that it keeps out.
    OffUnused(Handler),
    /// It is not made, since a system runs the handler that it keeps out.
    Given(Handler),
}

impl Query {
    /// How the query stands to an assumption.
    pub fn standing(&self, assumption: Assumption) -> Standing {
        let runs = |handler| self.configs.iter().any(|config| config.handler.contains(handler));
        match (self.assumed.holds(assumption), assumption.handler()) {
            (true, None) => Standing::Excludes,
            (true, Some(handler)) if runs(handler) => Standing::Given(handler),
            (true, Some(handler)) => Standing::KeepsOut(handler),
            (false, Some(handler)) if !runs(handler) => Standing::OffUnused(handler),
            (false, _) => Standing::Off,
        }
    }
}

impl Standing {
    /// Whether a verdict takes the assumption for granted.
    pub fn is_assumed(self) -> bool {
        matches!(self, Self::Excludes | Self::KeepsOut(_))
    }
}

impl Display for Standing {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Excludes => f.write_str("assumed"),
            Self::KeepsOut(handler) => write!(f, "assumed: no system runs `{handler}`"),
            Self::Off => f.write_str("off"),
            Self::OffUnused(handler) => write!(f, "off, but no system runs `{handler}`"),
            Self::Given(handler) => write!(f, "not assumed: a system runs `{handler}`"),
        }
    }
}

/// A share of the work: one of so many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    pub(crate) index: u32,
    pub(crate) of: u32,
}

impl Shard {
    /// Share `number`, counted from 1, of `of`: the boundaries of the unstruck run at which the first exception strikes, dealt out
    /// in turn. Nothing for a share that does not exist.
    pub fn new(number: u32, of: u32) -> Option<Self> {
        let exists = (1..=of).contains(&number) && of <= MAX_SHARES;
        exists.then(|| Self { index: number - 1, of })
    }

    /// Whether something numbered belongs to the share, where all are dealt out in turn.
    pub fn holds(self, number: u64) -> bool {
        number % u64::from(self.of) == u64::from(self.index)
    }
}

/// More shares than boundaries would be empty.
pub const MAX_SHARES: u32 = 10_000;

impl Display for Shard {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index + 1, self.of)
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
