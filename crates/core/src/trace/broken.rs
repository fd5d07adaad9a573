//! What a run broke of what Linux promises, found at its instruction boundaries.

use super::Trace;
use crate::counters::Counter;
use crate::linux::Handler;
use crate::linux::records::{BETWEEN_RECORDS, Inconsistent, check_cr3, check_user};
use crate::machine::Machine;
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
    /// The step before which it does not hold; for a flush, the step that decides its fate.
    pub step: usize,
    /// What does not hold.
    pub broken: Broken,
}

impl Trace {
    /// The first breakage of each invariant, in order of steps. Takes every step again.
    pub fn breakages(&self) -> Vec<Breakage> {
        let mut found: Vec<Breakage> = Vec::new();
        let mut machine = self.system.machine.clone();
        let mut between_records = false;
        for step in 0..self.steps.len() {
            let disagrees = check_cr3(&machine).err();
            between_records = disagrees.is_some() && (between_records || self.place_name(step) == BETWEEN_RECORDS);
            let counts = !between_records && !self.in_rogue_handler(step);
            let cr3 = disagrees.filter(|_| counts).map(|inconsistent| by_level(&machine, inconsistent));
            let user = check_user(&machine, self.scenario.config.features).err().map(Broken::UserCr3);
            for broken in [user, cr3, self.flush(step)].into_iter().flatten() {
                if found.iter().all(|other| other.broken.invariant() != broken.invariant()) {
                    found.push(Breakage { step, broken });
                }
            }
            self.replay(&mut machine, step, &mut ());
        }
        found
    }

    /// This handler writes CR3 behind the kernel's back; what counts is whether that outlives it.
    fn in_rogue_handler(&self, step: usize) -> bool {
        let inside = self.steps.get(step).is_some_and(|step| step.level > 0);
        inside && self.scenario.config.handler.contains(Handler::RogueCr3)
    }

    fn flush(&self, step: usize) -> Option<Broken> {
        let counted = self.steps.get(step)?.counted;
        match (counted.contains(Counter::LostFlushes), counted.contains(Counter::LateFlushes)) {
            (true, _) => Some(Broken::LostFlush),
            (false, late) => late.then_some(Broken::LateFlush),
        }
    }
}

fn by_level(machine: &Machine, inconsistent: Inconsistent) -> Broken {
    if machine.cpu.cpl == 3 { Broken::UserCr3(inconsistent) } else { Broken::KernelCr3(inconsistent) }
}
