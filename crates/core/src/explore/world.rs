//! What is explored: a system, its places, and the run in which nothing strikes.

use super::journal::{Journal, Record};
use super::lane::{Lane, Went};
use crate::asm::Diagnostic;
use crate::counters::Counters;
use crate::linux::{self, Config, Handler, System};
use crate::promises::Breakage;
use crate::scenario::Places;
use crate::trace::Ending;
use std::ops::Range;
use std::sync::Arc;

/// Addresses of the kernel's text that assumptions and endings know.
#[derive(Clone, Debug)]
pub(super) struct Text {
    /// The NMI handler before its frame is copied, and the way of a nested one.
    pub(super) nmi_head: Range<u64>,
    /// Where it copies frames.
    pub(super) nmi_copy: Range<u64>,
    /// Its IRET.
    pub(super) nmi_iret: u64,
    /// Where SYSCALL entry and exit run on the user's stack pointer.
    pub(super) gaps: [Range<u64>; 2],
    /// Entry and exit code.
    pub(super) entry: Range<u64>,
    /// Where runs end.
    ends: [(u64, Ending); 3],
}

impl Text {
    fn new(system: &System) -> Self {
        let image = &system.image;
        // A person's text may define other macros; these labels are ours, and every image has them.
        let symbol = |name: &str| image.symbols.get(name).copied().unwrap_or(u64::MAX);
        let between = |from: &str, to: &str| symbol(from)..symbol(to);
        let entry = image.sections.iter().find(|section| section.name == ".entry.text");
        Self {
            nmi_head: between("asm_exc_nmi", "repeat_nmi"),
            nmi_copy: between("repeat_nmi", "end_repeat_nmi"),
            nmi_iret: symbol("nmi_iret"),
            gaps: [
                between("entry_SYSCALL_64", "entry_SYSCALL_64_safe_stack"),
                between("entry_SYSRETQ_unsafe_stack", "entry_SYSRETQ_end"),
            ],
            entry: entry.map_or(0..0, |section| section.base..section.base + section.bytes.len() as u64),
            ends: [
                (symbol("run_end"), Ending::Finished),
                (symbol("task_killed"), Ending::TaskKilled),
                (symbol("kernel_panic"), Ending::KernelPanic),
            ],
        }
    }

    /// How a run ended that halted before `rip`: behind CLI and HLT.
    pub(super) fn ending(&self, rip: u64) -> Ending {
        let found = self.ends.iter().find(|(start, _)| rip.wrapping_sub(*start) == 2);
        found.map_or(Ending::Halted, |(_, ending)| *ending)
    }
}

/// A system and the run of it in which nothing strikes.
#[derive(Debug)]
pub(super) struct World {
    pub(super) config: Config,
    pub(super) system: System,
    pub(super) places: Places,
    pub(super) text: Text,
    /// The run in which nothing strikes.
    pub(super) base: Arc<Record>,
    /// Its counters at its end.
    pub(super) base_counters: Counters,
    /// Its steps.
    pub(super) base_steps: u32,
    /// What it breaks by itself.
    pub(super) base_broken: Vec<Breakage>,
}

impl World {
    pub(super) fn new(config: &Config) -> Result<Self, Vec<Diagnostic>> {
        let system = linux::boot(config)?;
        let places = Places::new(&system.image);
        let text = Text::new(&system);
        let mut world = Self {
            config: config.clone(),
            system,
            places,
            text,
            base: Arc::default(),
            base_counters: Counters::default(),
            base_steps: 0,
            base_broken: Vec::new(),
        };
        let mut lane = Lane::start(&world);
        let mut journal = Journal::new(&lane);
        while journal.step(&world, &mut lane) == Went::On {}
        world.base_broken = lane.broken().to_vec();
        world.base_counters = *lane.counters();
        world.base_steps = lane.steps();
        world.base = Arc::new(journal.finish(None));
        Ok(world)
    }

    /// Whether a handler may leave a request for a flush of user pages behind.
    pub(super) fn requests_flushes(&self) -> bool {
        let features = self.config.features;
        let asks = self.config.handler.contains(Handler::PendingFlush);
        asks && features.pti && features.pcid && !features.invpcid
    }
}
