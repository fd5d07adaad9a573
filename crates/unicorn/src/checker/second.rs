//! The second CPU, with what is known about its page tables.

use super::step::word;
use crate::processor::{Failure, Processor};
use cr3_core::machine::Machine;
use std::collections::BTreeSet;

/// A processor that follows.
pub(super) struct Second<P> {
    pub(super) cpu: P,
    /// Physical addresses of entries whose accessed flag the second CPU has set and our machine has not yet. It looked
    /// up an instruction that our machine has not fetched, or walked where our machine has a global translation.
    pub(super) early: BTreeSet<u64>,
}

impl<P: Processor> Second<P> {
    pub(super) fn new(cpu: P) -> Self {
        Self { cpu, early: BTreeSet::new() }
    }

    pub(super) fn load(&mut self, machine: &Machine) -> Result<(), Failure> {
        self.early.clear();
        self.cpu.load(machine)
    }

    /// Switches from `held`, the machine whose memory it has, to the memory of `machine`. Writes only what differs.
    pub(super) fn jump(&mut self, held: &Machine, machine: &Machine) -> Result<(), Failure> {
        self.take_back_early(held)?;
        let mut page = [0; 4096];
        for physical in held.memory.differences(&machine.memory) {
            machine.memory.read_bytes(physical, &mut page);
            self.cpu.write(physical, &page)?;
        }
        self.cpu.flush()
    }

    /// Takes back the flags that it has set early. The caller has to flush its translations afterwards.
    pub(super) fn take_back_early(&mut self, machine: &Machine) -> Result<(), Failure> {
        let early = std::mem::take(&mut self.early);
        early.into_iter().try_for_each(|physical| self.take_over_bytes(physical, 8, machine))
    }

    pub(super) fn take_over_bytes(&mut self, physical: u64, size: u8, machine: &Machine) -> Result<(), Failure> {
        let mut bytes = [0; 8];
        let bytes = &mut bytes[..usize::from(size.min(8))];
        machine.memory.read_bytes(physical, bytes);
        self.cpu.write(physical, bytes)
    }

    /// Up to eight bytes of its memory.
    pub(super) fn word(&mut self, physical: u64, size: u8) -> Result<u64, Failure> {
        let mut bytes = [0; 8];
        let bytes = &mut bytes[..usize::from(size.min(8))];
        self.cpu.read(physical, bytes)?;
        Ok(word(bytes))
    }
}
