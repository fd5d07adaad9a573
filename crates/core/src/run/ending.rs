//! How a run ended, from Linux's view.

use super::End;
use crate::scenario::{PlaceId, Places};
use std::fmt::{self, Display, Formatter};

/// How a run ended. The modelled kernel ends a run by HLT at one of three labels (`linux/kernel/traps.S`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Ending {
    /// The user program exited.
    Finished,
    /// The kernel killed the user program by a fatal signal.
    TaskKilled,
    /// The kernel met an exception that it cannot handle.
    KernelPanic,
    /// HLT somewhere else, with nothing left to wake the processor.
    Halted,
    /// The processor shut down.
    Shutdown,
    /// The step budget was used up.
    Budget,
}

impl Ending {
    /// The ending of a run whose last step was at `last`.
    pub fn of(end: &End, places: &Places, last: Option<PlaceId>) -> Self {
        match end {
            End::Shutdown { .. } => Self::Shutdown,
            End::Budget { .. } => Self::Budget,
            End::Halted => match last.map_or("", |place| places.label(places.site(place).label)) {
                "run_end" => Self::Finished,
                "task_killed" => Self::TaskKilled,
                "kernel_panic" => Self::KernelPanic,
                _ => Self::Halted,
            },
        }
    }

    /// The name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::TaskKilled => "task_killed",
            Self::KernelPanic => "kernel_panic",
            Self::Halted => "halted",
            Self::Shutdown => "shutdown",
            Self::Budget => "budget",
        }
    }
}

impl Display for Ending {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Finished => "the program exited",
            Self::TaskKilled => "the kernel killed the program",
            Self::KernelPanic => "the kernel panicked",
            Self::Halted => "the processor halted for good",
            Self::Shutdown => "the processor shut down",
            Self::Budget => "the run was stopped",
        })
    }
}
