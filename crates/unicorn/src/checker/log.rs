//! What our machine does in a step: written down while it happens, read when the step ends.

use super::step::{Begun, interrupts};
use crate::difference::Observed;
use crate::processor::{CpuState, Outcome};
use cr3_core::machine::observe::{AccessKind, Delivered, MemoryAccess, TlbEvent};
use cr3_core::machine::{Cpu, Event, Fault, Machine};
use iced_x86::Instruction;

/// The event to deliver, and the state that it interrupts.
pub(super) struct Arriving {
    pub(super) event: Event,
    pub(super) error_code: Option<u32>,
    /// The interrupted registers.
    pub(super) state: CpuState,
    pub(super) cpu: Cpu,
    /// Number of faults that make up the event itself; later ones are those of its delivery.
    pub(super) own_faults: usize,
}

impl Arriving {
    /// An event that no instruction raised.
    fn from_outside(event: Event, error_code: Option<u32>, cpu: &Cpu) -> Self {
        Self { event, error_code, state: CpuState::of(cpu), cpu: cpu.clone(), own_faults: 0 }
    }

    /// The event that an instruction raised: its first fault, or else the software interrupt that it is.
    pub(super) fn of_instruction(begun: &Begun, state: CpuState, faults: &[Fault], delivered: &Delivered) -> Self {
        let cpu = begun.cpu.clone();
        match faults.first() {
            Some(fault) => {
                let event = Event::Exception(fault.exception);
                Self { event, error_code: fault.error_code, state, cpu, own_faults: 1 }
            }
            None => Self { event: delivered.event, error_code: None, state, cpu, own_faults: 0 },
        }
    }
}

/// How a step began.
#[expect(clippy::large_enum_variant, reason = "a checker has one, and every step would allocate a box")]
#[derive(Default)]
pub(super) enum Origin {
    /// Not yet known: an instruction is being fetched.
    #[default]
    Fetch,
    /// With an instruction.
    Instruction(Begun),
    /// With an event that no instruction raised.
    Outside(Arriving),
}

/// How many stores and fills precede a delivery: those of the fetch, and of an instruction that faulted. A software
/// interrupt makes only its delivery's.
#[derive(Clone, Copy, Default)]
struct Preceding {
    stores: usize,
    fills: usize,
}

/// Collects what an observer sees of one step.
#[derive(Default)]
pub(super) struct StepLog {
    origin: Origin,
    faults: Vec<Fault>,
    stores: Vec<MemoryAccess>,
    /// Linear pages whose translations were cached, so that accessed and dirty flags may have been set for them.
    fills: Vec<u64>,
    /// Linear and physical pages of the cached translations that were used; the page tables may no longer contain them.
    hits: Vec<(u64, u64)>,
    /// Linear addresses for which a global translation was used, without a walk.
    global_hits: Vec<u64>,
    preceding: Preceding,
}

impl StepLog {
    /// Clears the log. Returns how the logged step began.
    pub(super) fn clear(&mut self) -> Origin {
        self.faults.clear();
        self.stores.clear();
        self.fills.clear();
        self.hits.clear();
        self.global_hits.clear();
        self.preceding = Preceding::default();
        std::mem::take(&mut self.origin)
    }

    /// An instruction was fetched. Translations cached so far belong to the fetch.
    pub(super) fn begin(&mut self, instruction: &Instruction, cpu: &Cpu) {
        self.hits.clear();
        self.preceding.fills = self.fills.len();
        self.origin = Origin::Instruction(Begun { instruction: Some(*instruction), cpu: cpu.clone() });
    }

    /// An event arrives that no instruction raised: everything that follows is its delivery.
    pub(super) fn arrive(&mut self, event: Event, error_code: Option<u32>, cpu: &Cpu) {
        self.clear();
        self.origin = Origin::Outside(Arriving::from_outside(event, error_code, cpu));
    }

    pub(super) fn memory(&mut self, access: &MemoryAccess) {
        if access.kind == AccessKind::Write {
            self.stores.push(*access);
        }
    }

    pub(super) fn tlb(&mut self, event: &TlbEvent) {
        match event {
            TlbEvent::Hit { entry, .. } => {
                self.hits.push((entry.linear, entry.physical));
                self.global_hits.extend(entry.global.then_some(entry.linear));
            }
            TlbEvent::Fill { entry } => self.fills.push(entry.linear),
            _ => {}
        }
    }

    pub(super) fn fault(&mut self, fault: &Fault) {
        if self.faults.is_empty() && !matches!(self.origin, Origin::Outside(_)) {
            self.preceding = Preceding { stores: self.stores.len(), fills: self.fills.len() };
        }
        self.faults.push(fault.clone());
    }

    pub(super) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Our side of the instruction, which has retired. None for a software interrupt, whose handler is entered before
    /// it retires.
    pub(super) fn retired<'a>(&'a self, machine: &'a Machine) -> Option<Ours<'a>> {
        let Origin::Instruction(begun) = &self.origin else { return None };
        let observed = Observed { outcome: Outcome::Retired, state: CpuState::of(&machine.cpu) };
        let step = Step { log: self, ended: Ended::Retired };
        let interrupts = begun.instruction.as_ref().is_some_and(interrupts);
        (!interrupts).then_some(Ours { begun, observed, step, machine })
    }

    /// The step, which has ended at a handler.
    pub(super) fn delivered(&self) -> Step<'_> {
        Step { log: self, ended: Ended::Delivered }
    }

    /// Whether the step has neither retired nor reached a handler: our machine shut down during a delivery.
    pub(super) fn is_cut_off(&self) -> bool {
        matches!(self.origin, Origin::Outside(_)) || !self.faults.is_empty()
    }

    pub(super) fn first_fault(&self) -> Option<&Fault> {
        self.faults.first()
    }
}

/// How a step ended.
#[derive(Clone, Copy)]
enum Ended {
    Retired,
    Delivered,
}

/// A step that our machine has taken.
#[derive(Clone, Copy)]
pub(super) struct Step<'a> {
    log: &'a StepLog,
    ended: Ended,
}

impl<'a> Step<'a> {
    pub(super) fn faults(self) -> &'a [Fault] {
        &self.log.faults
    }

    pub(super) fn hits(self) -> &'a [(u64, u64)] {
        &self.log.hits
    }

    pub(super) fn global_hits(self) -> &'a [u64] {
        &self.log.global_hits
    }

    pub(super) fn stores(self) -> &'a [MemoryAccess] {
        &self.log.stores
    }

    /// The instruction's own stores, and those of the frames that a delivery pushed.
    fn split_stores(self) -> (&'a [MemoryAccess], &'a [MemoryAccess]) {
        let own = match self.ended {
            Ended::Retired => self.log.stores.len(),
            Ended::Delivered => self.log.preceding.stores,
        };
        self.log.stores.split_at(own)
    }

    pub(super) fn own_stores(self) -> &'a [MemoryAccess] {
        self.split_stores().0
    }

    pub(super) fn frames(self) -> &'a [MemoryAccess] {
        self.split_stores().1
    }

    pub(super) fn fills(self) -> &'a [u64] {
        &self.log.fills
    }

    fn split_fills(self) -> (&'a [u64], &'a [u64]) {
        let own = match self.ended {
            Ended::Retired => self.log.fills.len(),
            Ended::Delivered => self.log.preceding.fills,
        };
        self.log.fills.split_at(own)
    }

    /// Fills of the fetch and of the instruction.
    pub(super) fn own_fills(self) -> &'a [u64] {
        self.split_fills().0
    }

    pub(super) fn delivery_fills(self) -> &'a [u64] {
        self.split_fills().1
    }

    /// Fills of the delivery, or of the data of an instruction that retired.
    pub(super) fn later_fills(self) -> &'a [u64] {
        &self.log.fills[self.log.preceding.fills..]
    }
}

/// Our machine's side of an instruction.
pub(super) struct Ours<'a> {
    pub(super) begun: &'a Begun,
    /// Its result.
    pub(super) observed: Observed,
    pub(super) step: Step<'a>,
    /// The machine after the step, its delivery included.
    pub(super) machine: &'a Machine,
}
