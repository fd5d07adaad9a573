//! What Linux promises, judged during a run.
//!
//! [`Promises`] is the one judge. It observes each step. The caller reports each boundary to it, and the counters that each step raised.
//! Traces, sweeps and the explorer all use it, so they judge the same way. [`Returns`] judges what an exception leaves behind.

mod judge;
mod records;
mod returns;
mod stale;

pub use judge::{ENDLESS, Promises};
#[cfg(feature = "search")]
pub(crate) use returns::makes_round;
pub use returns::{Returns, Struck};

use crate::linux::records::Inconsistent;
use crate::machine::Exception;
use crate::machine::cpu::GENERAL;
use crate::trace::Ending;
use std::fmt::{self, Display, Formatter};

/// Something that Linux promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Promise {
    /// User mode runs on the user's tables, under the user's PCID, in the address space of its task.
    UserCr3,
    /// Kernel code runs on the tables and under the PCID that the kernel's records name.
    KernelCr3,
    /// On return from an exception CR3 names what it named when the exception struck.
    Restored,
    /// No access uses a translation that the tables no longer say, unless a flush of it is pending.
    NoStale,
    /// A requested flush is neither lost nor late.
    FlushKept,
    /// On return from an exception the registers are as when it struck.
    Regs,
    /// Per-CPU data is accessed with the kernel's GS base.
    Gs,
    /// The kernel recovers from every exception it takes, and the program finishes.
    Mapped,
    /// Every handler returns to the one it interrupted, and no NMI is lost.
    Nested,
}

impl Promise {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::UserCr3,
        Self::KernelCr3,
        Self::Restored,
        Self::NoStale,
        Self::FlushKept,
        Self::Regs,
        Self::Gs,
        Self::Mapped,
        Self::Nested,
    ];

    /// The name in verdicts, links and text.
    pub fn id(self) -> &'static str {
        match self {
            Self::UserCr3 => "user-cr3",
            Self::KernelCr3 => "kernel-cr3",
            Self::Restored => "restored",
            Self::NoStale => "no-stale",
            Self::FlushKept => "flush-kept",
            Self::Regs => "regs",
            Self::Gs => "gs",
            Self::Mapped => "mapped",
            Self::Nested => "nested",
        }
    }
}

/// What does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// In user mode: tables, PCID or address space are not the task's.
    UserCr3(Inconsistent),
    /// In kernel mode: CR3 is not what the kernel's records say, and the kernel does not say that it is switching.
    KernelCr3(Inconsistent),
    /// A requested flush is lost.
    LostFlush,
    /// A requested flush comes late.
    LateFlush,
    /// An exception returned with another CR3.
    NotRestored {
        /// CR3 when it struck.
        expected: u64,
        /// CR3 on return.
        found: u64,
    },
    /// An access used a translation that a walk of the tables does not find.
    Stale {
        /// Linear address of the page.
        linear: u64,
        /// The physical address that the cached translation gives.
        cached: u64,
        /// The one that the tables give; none if they map nothing there.
        walked: Option<u64>,
    },
    /// An exception returned with another register.
    Register {
        /// Its name.
        name: &'static str,
        /// What it held when the exception struck.
        expected: u64,
        /// What it holds on return.
        found: u64,
    },
    /// Kernel code used GS with another base than the kernel's.
    GsBase {
        /// The base.
        base: u64,
    },
    /// The kernel took an exception that its exception table does not mend.
    Unmended {
        /// The exception.
        exception: Exception,
        /// The instruction that raised it.
        rip: u64,
    },
    /// The program did not finish.
    Ended(Ending),
    /// The program does not finish, [`ENDLESS`] steps after what struck last.
    Endless,
    /// A handler never returned to what it interrupted.
    Abandoned,
    /// An NMI was delivered and nobody handled it.
    LostNmi,
}

impl Broken {
    /// The promise that is broken.
    pub fn promise(self) -> Promise {
        match self {
            Self::UserCr3(_) => Promise::UserCr3,
            Self::KernelCr3(_) => Promise::KernelCr3,
            Self::LostFlush | Self::LateFlush => Promise::FlushKept,
            Self::NotRestored { .. } => Promise::Restored,
            Self::Stale { .. } => Promise::NoStale,
            Self::Register { .. } => Promise::Regs,
            Self::GsBase { .. } => Promise::Gs,
            Self::Unmended { .. } | Self::Ended(_) | Self::Endless => Promise::Mapped,
            Self::Abandoned | Self::LostNmi => Promise::Nested,
        }
    }

    /// Id of the invariant in verdicts, links and text.
    pub fn invariant(self) -> &'static str {
        self.promise().id()
    }
}

impl Display for Broken {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::UserCr3(inconsistent) | Self::KernelCr3(inconsistent) => inconsistent.fmt(f),
            Self::LostFlush => f.write_str("user mode runs under a PCID whose requested flush is lost"),
            Self::LateFlush => f.write_str("user mode runs under a PCID before its requested flush"),
            Self::NotRestored { expected, found } => {
                write!(f, "the exception struck with CR3 {expected:#x} and returned with {found:#x}")
            }
            Self::Stale { linear, cached, walked: Some(walked) } if cached == walked => {
                write!(f, "an access to {linear:#x} has rights that the tables no longer give")
            }
            Self::Stale { linear, cached, walked: Some(walked) } => {
                write!(
                    f,
                    "an access to {linear:#x} uses a stale translation to {cached:#x}, the tables say {walked:#x}"
                )
            }
            Self::Stale { linear, cached, walked: None } => {
                write!(f, "an access to {linear:#x} uses a stale translation to {cached:#x}, the tables map nothing")
            }
            Self::Register { name, expected, found } => {
                let name = if GENERAL.contains(name) { name.to_ascii_uppercase() } else { (*name).to_owned() };
                write!(f, "the exception struck with {name} {expected:#x} and returned with {found:#x}")
            }
            Self::GsBase { base } => write!(f, "the kernel uses GS with base {base:#x}, which is not its own"),
            Self::Unmended { exception, rip } => {
                write!(f, "the kernel takes an unhandled {} at {rip:#x}", exception.name())
            }
            Self::Ended(ending) => ending.fmt(f),
            Self::Endless => write!(f, "the program has not finished {ENDLESS} steps after the last exception"),
            Self::Abandoned => f.write_str("a handler never returns to what it interrupted"),
            Self::LostNmi => f.write_str("an NMI was delivered and is never handled"),
        }
    }
}

/// What a run broke, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breakage {
    /// Index of the step before which it does not hold; for a flush, of the step that decides its fate.
    pub step: usize,
    /// What does not hold.
    pub broken: Broken,
}
