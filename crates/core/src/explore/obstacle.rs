//! What ends a search before it is through.

use crate::linux::Handler;
use std::fmt::{self, Display, Formatter};

/// What ended a search of a system before it was through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// Somebody stopped it.
    Stopped,
    /// The runs that it may take: those of a round, if it sums up what handlers do.
    Runs,
    /// The memory that its states may take: those of a round, if it sums up what handlers do.
    Memory,
    /// The steps that all rounds may take: so many.
    Steps(u64),
    /// A handler that is judged by how many handlers are around it, which no summary knows.
    Handler(Handler),
    /// Only what the manual says of translation caches is followed, not what a processor holds.
    Processor,
    /// Something looks at the marks of use in the entry of a page table at this physical address.
    Marks(u64),
    /// A summary says something else than the machine: a mistake of the explorer.
    Mistake(String),
}

impl Obstacle {
    /// The name in JSON.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Runs => "states",
            Self::Memory => "memory",
            Self::Steps(_) => "steps",
            Self::Handler(_) => "handler",
            Self::Processor => "processor",
            Self::Marks(_) => "marks",
            Self::Mistake(_) => "mistake",
        }
    }
}

impl Display for Obstacle {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped => f.write_str("it was stopped"),
            Self::Runs => f.write_str("its budget of states is spent"),
            Self::Memory => f.write_str("its budget of memory is spent"),
            Self::Steps(steps) => write!(f, "it took {steps} steps, its budget"),
            Self::Handler(handler) => write!(f, "what handler {handler} does cannot be summed up"),
            Self::Processor => f.write_str("the TLB of a processor cannot be summed up"),
            Self::Marks(entry) => {
                write!(f, "something looks at the marks of use in the table entry at {entry:#x}")
            }
            Self::Mistake(what) => write!(f, "a mistake of the explorer: {what}"),
        }
    }
}
