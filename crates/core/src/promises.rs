//! What Linux promises at every instruction boundary, judged while a run goes on.
//!
//! [`Promises`] is fed by whoever steps a run: each boundary, and the counters that the step between two of them raised. So a
//! trace, a sweep and a search judge alike.

use crate::counters::{Counter, CounterSet};
use crate::linux::records::{BETWEEN_RECORDS, Inconsistent, check_cr3, check_user};
use crate::linux::{Config, Features, Handler};
use crate::machine::Machine;
use crate::scenario::{Place, Places};
use std::fmt::{self, Display, Formatter};

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
}

impl Broken {
    /// Id of the invariant in verdicts, links and text.
    pub fn invariant(self) -> &'static str {
        match self {
            Self::UserCr3(_) => "user-cr3",
            Self::KernelCr3(_) => "kernel-cr3",
            Self::LostFlush | Self::LateFlush => "flush-kept",
        }
    }
}

impl Display for Broken {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::UserCr3(inconsistent) | Self::KernelCr3(inconsistent) => inconsistent.fmt(f),
            Self::LostFlush => f.write_str("user mode runs under a PCID whose requested flush is lost"),
            Self::LateFlush => f.write_str("user mode runs under a PCID before its requested flush"),
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

    /// The first breakage of each invariant so far, in order of steps.
    pub fn broken(&self) -> &[Breakage] {
        &self.broken
    }
}

fn by_level(machine: &Machine, inconsistent: Inconsistent) -> Broken {
    if machine.cpu.cpl == 3 { Broken::UserCr3(inconsistent) } else { Broken::KernelCr3(inconsistent) }
}
