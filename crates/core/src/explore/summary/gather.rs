//! What runs do to page tables, text and translation caches.

use super::hash::Set;
use crate::explore::agree::Cached;
use crate::explore::journal::{Facts, Watch};
use crate::machine::observe::{ControlAccess, Delivered, MemoryAccess, TlbEvent, Written};
use crate::machine::{Event, Machine, Observer};
use iced_x86::Instruction;

/// An observer.
#[derive(Debug)]
pub(super) struct Gather<'a> {
    watch: Watch,
    cr3: u64,
    /// What was cached or used, and under which CR3.
    cached: &'a mut Set<(Cached, u64)>,
}

impl<'a> Gather<'a> {
    pub(super) fn new(machine: &Machine, cached: &'a mut Set<(Cached, u64)>) -> Self {
        // With PCIDs it does not matter which of the CR3s that name one is loaded.
        Self { watch: Watch::new(machine), cr3: machine.cpu.cr3, cached }
    }

    pub(super) fn into_facts(self) -> Facts {
        self.watch.into_parts().1
    }
}

impl Observer for Gather<'_> {
    fn before(&mut self, machine: &Machine, instruction: &Instruction) {
        self.watch.before(machine, instruction);
    }

    fn memory(&mut self, access: &MemoryAccess) {
        self.watch.memory(access);
    }

    fn tlb(&mut self, event: &TlbEvent) {
        match *event {
            TlbEvent::Hit { entry, .. } | TlbEvent::Fill { entry } => {
                self.cached.insert((Cached::Translation(entry).clean(), self.cr3));
            }
            TlbEvent::StructureFill { entry } => {
                self.cached.insert((Cached::Structure(entry), self.cr3));
            }
            TlbEvent::Miss { .. } | TlbEvent::Drop { .. } | TlbEvent::StructureDrop { .. } => {}
        }
        self.watch.tlb(event);
    }

    fn control(&mut self, access: &ControlAccess) {
        if let ControlAccess::Write { written: Written::Cr3 { .. }, after, .. } = *access {
            self.cr3 = after;
        }
        self.watch.control(access);
    }

    fn arriving(&mut self, machine: &Machine, event: Event, code: Option<u32>) {
        self.watch.arriving(machine, event, code);
    }

    fn delivered(&mut self, machine: &Machine, delivered: &Delivered) {
        self.watch.delivered(machine, delivered);
    }
}
