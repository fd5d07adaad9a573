//! Carries out a schedule on a machine: steps it, and injects what is due at instruction boundaries.
//!
//! The runner records nothing; whoever wants to see passes an observer.

mod nesting;

use crate::asm::Diagnostic;
use crate::linux::{self, System};
use crate::machine::{Event, Fault, Machine, Observer};
use crate::scenario::{Injection, PlaceId, Places, Scenario, Schedule, Unresolved};
use std::sync::Arc;

pub use nesting::Nest;

/// Steps after which a run stops by itself, unless told otherwise.
pub const DEFAULT_BUDGET: u32 = 1_000_000;

/// Why an injection of the schedule did not strike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The place is none of this image's; see `nearest` within.
    NoSuchPlace(Unresolved),
    /// The run ended first. `arrivals` counts how often the place was reached.
    NotReached {
        /// Arrivals at the place from when the injection might strike.
        arrivals: u32,
    },
    /// It was to strike inside the handler of the injection before it, and that handler returned first.
    HandlerReturned {
        /// Arrivals at the place inside the handler.
        arrivals: u32,
    },
    /// The architecture does not let it strike there and then.
    Refused {
        /// The architectural reason, with its section of the manual.
        reason: String,
    },
    /// An injection before it did not strike, and the schedule counts from there.
    Predecessor {
        /// Index of that injection.
        index: usize,
    },
}

/// An injection that did not strike.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Unfired {
    /// Index in the schedule.
    pub index: usize,
    pub injection: Injection,
    pub reason: Reason,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// HLT with nothing left to wake the processor.
    Halted,
    /// The processor shut down.
    Shutdown {
        /// RIP of the interrupted instruction.
        rip: u64,
        /// The chain of faults, first cause first.
        chain: Vec<Fault>,
    },
    /// The step budget was used up.
    Budget {
        /// The budget, in steps.
        steps: u32,
    },
}

/// What started a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The injection with this index in the schedule.
    Injected(u32),
    /// The instruction at hand faulted and did not retire.
    Faulted,
    /// The instruction at hand retired and trapped: INT n, single step.
    Trapped,
    /// An NMI that was latched while NMIs were blocked.
    Latched,
}

/// What one step was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StepKind {
    /// An instruction retired.
    Instruction,
    /// An event was delivered.
    Delivery {
        /// Which.
        event: Event,
        /// Why.
        origin: Origin,
    },
    /// The processor shut down.
    Shutdown,
}
