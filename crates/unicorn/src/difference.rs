//! The results of two processors in one step, field by field.

use crate::processor::{CpuState, Outcome, Raised};
use std::fmt;

/// The result of one processor in one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observed {
    /// Retired, or which exception.
    pub outcome: Outcome,
    /// The registers after it; for an exception, the interrupted ones.
    pub state: CpuState,
}

/// A difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// One retired and the other did not, or the exceptions differ.
    Outcome {
        /// Of our machine.
        ours: Outcome,
        /// Of the second CPU.
        theirs: Outcome,
    },
    /// A register.
    Register {
        /// Its name.
        name: &'static str,
        /// Of our machine.
        ours: u64,
        /// Of the second CPU.
        theirs: u64,
    },
    /// Physical memory.
    Memory {
        /// Address of the first byte.
        physical: u64,
        /// Of our machine, zero-extended.
        ours: u64,
        /// Of the second CPU, zero-extended.
        theirs: u64,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Outcome { ours, theirs } => write!(f, "ours {}, theirs {}", Words(*ours), Words(*theirs)),
            Self::Register { name, ours, theirs } => write!(f, "{name}: ours {ours:#x}, theirs {theirs:#x}"),
            Self::Memory { physical, ours, theirs } => {
                write!(f, "physical {physical:#x}: ours {ours:#x}, theirs {theirs:#x}")
            }
        }
    }
}

struct Words(Outcome);

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Outcome::Retired => write!(f, "retired"),
            Outcome::Syscall => write!(f, "stopped at SYSCALL"),
            Outcome::ShutDown => write!(f, "shut down"),
            Outcome::Raised(Raised { vector, error_code, cr2 }) => {
                write!(f, "raised vector {vector} with error code {error_code:#x}, CR2 {cr2:#x}")
            }
        }
    }
}

/// Everything in which `ours` and `theirs` differ.
pub fn differences(ours: &Observed, theirs: &Observed) -> Vec<Difference> {
    let outcome = outcome(ours.outcome, theirs.outcome);
    if ours.state == theirs.state {
        return outcome.into_iter().collect();
    }
    let pairs = ours.state.fields().into_iter().zip(theirs.state.fields());
    let different = pairs.filter(|(ours, theirs)| ours != theirs);
    let registers = different.map(|((name, ours), (_, theirs))| Difference::Register { name, ours, theirs });
    outcome.into_iter().chain(registers).collect()
}

fn outcome(ours: Outcome, theirs: Outcome) -> Option<Difference> {
    (ours != theirs).then_some(Difference::Outcome { ours, theirs })
}
