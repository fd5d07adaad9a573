//! A booted system, and the places that the handling of a strike comes by.

use crate::asm::Diagnostic;
use crate::linux::layout as at;
use crate::linux::{self, Config, Stack, System, describe_stack};
use crate::machine::{Machine, Register};
use crate::run::End;
use crate::scenario::Places;
use crate::trace::Ending;

/// A system that was booted.
#[derive(Debug)]
pub(super) struct World {
    pub(super) config: Config,
    pub(super) system: System,
    pub(super) places: Places,
    pub(super) landmarks: Landmarks,
}

impl World {
    pub(super) fn new(config: &Config) -> Result<Self, Vec<Diagnostic>> {
        let system = linux::boot(config)?;
        let places = Places::new(&system.image);
        // A text may define other macros; these labels are ours, and every image has them.
        let symbol = |name: &str| system.image.symbols.get(name).copied().unwrap_or(u64::MAX);
        let landmarks = Landmarks::new(symbol);
        Ok(Self { config: config.clone(), places, landmarks, system })
    }

    /// How a run ended whose last instruction was at `rip`.
    pub(super) fn ending(&self, end: &End, rip: u64) -> Ending {
        Ending::of(end, &self.places, self.places.at(rip))
    }
}

/// What the handling of a strike came by.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    pub(super) paranoid: bool,
    pub(super) restoring: bool,
    pub(super) on_ist_stack: bool,
    pub(super) in_nmi: bool,
}

/// Addresses that the handling of a strike may come by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Landmarks {
    paranoid_entry: u64,
    /// The first instruction after either use of the macro.
    restored: [u64; 2],
    modelled_handler: u64,
}

/// `NMI_MASK` of linux/preempt.h.
const NMI_MASK: u32 = 0xf0_0000;

impl Landmarks {
    pub(super) fn new(symbol: impl Fn(&str) -> u64) -> Self {
        Self {
            paranoid_entry: symbol("paranoid_entry"),
            restored: ["paranoid_exit_cr3_restored", "nmi_exit_cr3_restored"].map(&symbol),
            modelled_handler: symbol("modelled_handler"),
        }
    }

    pub(super) fn see(&self, machine: &Machine, seen: &mut Seen) {
        let rip = machine.cpu.rip;
        seen.paranoid |= rip == self.paranoid_entry;
        seen.restoring |= self.restored.contains(&rip);
        if rip == self.modelled_handler {
            let stack = describe_stack(machine.cpu.registers[Register::Rsp as usize]);
            seen.on_ist_stack = matches!(stack, Some(Stack::Ist(_)));
            let count = at::PER_CPU_PHYSICAL + at::PERCPU_PCPU_HOT + at::PCPU_HOT_PREEMPT_COUNT;
            seen.in_nmi = machine.memory.read_u64(count) as u32 & NMI_MASK != 0;
        }
    }
}
