//! What Linux promises at every instruction boundary, judged while a run goes on.
//!
//! [`Promises`] is fed by whoever steps a run: each boundary, and the counters that the step between two of them raised. So a
//! trace, a sweep and a search judge alike.
//!
//! [`Returns`] judges what an exception leaves behind. The explorer feeds it; traces and sweeps do not.

mod returns;

pub use returns::{Returns, Struck};

use crate::counters::{Counter, CounterSet};
use crate::linux::records::{BETWEEN_RECORDS, Inconsistent, check_cr3, check_user};
use crate::linux::{Config, Features, Handler};
use crate::machine::{Exception, Machine};
use crate::scenario::{Place, Places};
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
    /// A requested flush is neither lost nor late.
    FlushKept,
    /// On return from an exception the registers are as when it struck.
    Regs,
    /// Per-CPU data is accessed with the kernel's GS base.
    Gs,
    /// The kernel takes no exception that it cannot mend, and the program comes to its end.
    Mapped,
    /// Every handler returns to the one it interrupted, and no NMI is lost.
    Nested,
}

impl Promise {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::UserCr3,
        Self::KernelCr3,
        Self::Restored,
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
    /// The program did not come to its end.
    Ended(Ending),
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
            Self::Register { .. } => Promise::Regs,
            Self::GsBase { .. } => Promise::Gs,
            Self::Unmended { .. } | Self::Ended(_) => Promise::Mapped,
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
                write!(f, "the exception returns with CR3 {found:#x}, it struck with {expected:#x}")
            }
            Self::Register { name, expected, found } => {
                write!(f, "the exception returns with {name} {found:#x}, it struck with {expected:#x}")
            }
            Self::GsBase { base } => write!(f, "the kernel uses GS with base {base:#x}, which is not its own"),
            Self::Unmended { exception, rip } => {
                write!(f, "the kernel takes {} at {rip:#x}, which nothing mends", exception.name())
            }
            Self::Ended(ending) => ending.fmt(f),
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

/// Judges one run, boundary by boundary. Keeps the first breakage of each invariant.
#[derive(Clone, Debug)]
pub struct Promises {
    features: Features,
    /// The handler writes CR3 behind the kernel's back; what counts is whether that outlives it.
    rogue: bool,
    /// Address of [`BETWEEN_RECORDS`].
    between_records: Option<u64>,
    /// Whether the disagreement at hand began at that boundary.
    is_between_records: bool,
    broken: Vec<Breakage>,
}

impl Promises {
    /// What it judges, in words.
    pub const JUDGED: &str = "user-cr3, kernel-cr3 and flush-kept";

    /// Judges runs of `config`, whose image has these `places`.
    pub fn new(config: &Config, places: &Places) -> Self {
        let place = Place { label: BETWEEN_RECORDS.to_owned(), offset: 0, occurrence: 1 };
        Self {
            features: config.features,
            rogue: config.handler.contains(Handler::RogueCr3),
            between_records: places.resolve(&place).ok().map(|id| places.site(id).address),
            is_between_records: false,
            broken: Vec::new(),
        }
    }

    /// Judges the boundary before step `step`, `depth` handlers deep.
    pub fn boundary(&mut self, step: usize, machine: &Machine, depth: usize) {
        let user = check_user(machine, self.features).err();
        let records = check_cr3(machine).err();
        let at_label = self.between_records == Some(machine.cpu.rip);
        self.is_between_records = records.is_some() && (self.is_between_records || at_label);
        let is_excused = self.is_between_records || (self.rogue && depth > 0);
        let records = records.filter(|_| !is_excused).map(|inconsistent| by_level(machine, inconsistent));
        for broken in [user.map(Broken::UserCr3), records].into_iter().flatten() {
            self.keep(step, broken);
        }
    }

    /// Judges step `step` by the counters that it raised.
    pub fn counted(&mut self, step: usize, counted: CounterSet) {
        if counted.contains(Counter::LostFlushes) {
            self.keep(step, Broken::LostFlush);
        } else if counted.contains(Counter::LateFlushes) {
            self.keep(step, Broken::LateFlush);
        }
    }

    fn keep(&mut self, step: usize, broken: Broken) {
        if self.broken.iter().all(|other| other.broken.invariant() != broken.invariant()) {
            self.broken.push(Breakage { step, broken });
        }
    }

    /// Whether two judges of one system would go on to judge alike.
    pub fn agrees(&self, other: &Self) -> bool {
        self.is_between_records == other.is_between_records && self.broken == other.broken
    }

    /// Whether the disagreement at hand began at [`BETWEEN_RECORDS`].
    pub(crate) fn is_between_records(&self) -> bool {
        self.is_between_records
    }

    /// The first breakage of each invariant so far, in order of steps.
    pub fn broken(&self) -> &[Breakage] {
        &self.broken
    }
}

fn by_level(machine: &Machine, inconsistent: Inconsistent) -> Broken {
    if machine.cpu.cpl == 3 { Broken::UserCr3(inconsistent) } else { Broken::KernelCr3(inconsistent) }
}
