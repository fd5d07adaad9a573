//! Accessed and dirty flags of paging-structure entries. No store of an instruction reports them. They are compared
//! where a translation was cached, and with all memory at the end of a run.

use super::log::Ours;
use super::second::Second;
use crate::difference::Difference;
use crate::limits::{self, Came};
use crate::paging_structures::structures;
use crate::processor::{CpuState, Failure, Outcome, Processor};
use cr3_core::machine::bits::{cr3, entry};
use cr3_core::machine::{Cpu, Machine, paging};
use std::collections::BTreeSet;

impl<P: Processor> Second<P> {
    /// Notes the accessed flags that the second CPU may have set and our machine not. It sets them when it looks up the
    /// next instruction at its RIP, in `next`, and when it walks for a global translation that our machine still has
    /// and Unicorn has flushed. The entries behind that translation were compared when it was cached.
    pub(super) fn note_early(&mut self, ours: &Ours<'_>, next: &CpuState) -> Result<(), Failure> {
        let machine = ours.machine;
        let root = paging::Start::root(&machine.cpu);
        let start = paging::Start { table: next.cr3 & cr3::TABLE, ..root };
        // Unicorn translates a whole block, which may end on the next page.
        for linear in [next.rip, (next.rip | 0xfff).wrapping_add(1)] {
            self.note_entries(paging::walk(&machine.cpu, &machine.memory, linear, start).steps())?;
        }
        for linear in ours.step.global_hits() {
            self.note_entries(walk(&ours.begun.cpu, machine, *linear).steps())?;
        }
        Ok(())
    }

    fn note_entries(&mut self, steps: &[paging::Step]) -> Result<(), Failure> {
        for step in steps {
            let unused = step.value & (entry::PRESENT | entry::ACCESSED) == entry::PRESENT;
            if unused && self.word(step.address, 8)? == step.value | entry::ACCESSED {
                self.early.insert(step.address);
            }
        }
        Ok(())
    }

    /// Our machine has fetched the instruction too, so its lookup is no longer early.
    pub(super) fn end_early(&mut self, ours: &Ours<'_>) {
        let begun = ours.begun;
        let Some(instruction) = begun.instruction.as_ref().filter(|_| !self.early.is_empty()) else { return };
        let last = begun.cpu.rip.wrapping_add(instruction.len().saturating_sub(1) as u64);
        for linear in [begun.cpu.rip, last] {
            for step in walk(&begun.cpu, ours.machine, linear).steps() {
                self.early.remove(&step.address);
            }
        }
    }

    /// Whether two words differ only in an accessed flag that the second CPU has set early.
    pub(super) fn is_early(&self, physical: u64, ours: u64, theirs: u64) -> bool {
        ours & entry::ACCESSED == 0 && theirs == ours | entry::ACCESSED && self.early.contains(&physical)
    }

    /// Compares the flags that the translations of this step's own accesses have set. `bytes` are those at RIP of an
    /// instruction that does not decode.
    pub(super) fn compare_flags(
        &mut self,
        ours: &Ours<'_>,
        bytes: &[u8],
        found: &mut Vec<Difference>,
    ) -> Result<(), Failure> {
        self.forgive_flags(ours, bytes)?;
        let (cpu, machine) = (&ours.begun.cpu, ours.machine);
        let delivery = entries(cpu, ours.step.delivery_fills(), machine);
        for physical in entries(cpu, ours.step.own_fills(), machine) {
            let (ours, theirs) = (machine.memory.read_u64(physical), self.word(physical, 8)?);
            // Our delivery may have set more flags in an entry that the instruction used.
            let more = delivery.contains(&physical) && only_flags(ours, theirs) && theirs & !ours == 0;
            if ours != theirs && !more {
                found.push(Difference::Memory { physical, ours, theirs });
            }
        }
        Ok(())
    }

    /// The second CPU takes over the flags that one of the two may have set and the other not.
    fn forgive_flags(&mut self, ours: &Ours<'_>, bytes: &[u8]) -> Result<(), Failure> {
        let (cpu, instruction, came) = (&ours.begun.cpu, ours.begun.instruction.as_ref(), came(ours));
        if let Some(instruction) = instruction {
            for linear in limits::accessed_by_one(instruction, cpu, &ours.observed.state, came) {
                self.take_over_flags(cpu, linear, ours.machine)?;
            }
        }
        if let Came::ToFault(Some(address)) = came {
            self.take_over_faulted(cpu, address, ours.machine)?;
        }
        if limits::reads_undecoded(instruction, bytes) { self.take_over_structures(cpu, ours.machine) } else { Ok(()) }
    }

    /// The second CPU takes over the accessed and dirty flags of the entries that translate `linear`, and nothing else
    /// in them.
    pub(super) fn take_over_flags(&mut self, cpu: &Cpu, linear: u64, machine: &Machine) -> Result<(), Failure> {
        for step in walk(cpu, machine, linear).steps() {
            self.take_over_entry(step.address, machine)?;
        }
        Ok(())
    }

    /// The second CPU takes back accessed flags that it has set on its way to a fault at `linear`.
    fn take_over_faulted(&mut self, cpu: &Cpu, linear: u64, machine: &Machine) -> Result<(), Failure> {
        for step in walk(cpu, machine, linear).steps() {
            if limits::accessed_by_fault(step.value, self.word(step.address, 8)?) {
                self.take_over_bytes(step.address, 8, machine)?;
            }
        }
        Ok(())
    }

    fn take_over_entry(&mut self, physical: u64, machine: &Machine) -> Result<(), Failure> {
        let (ours, theirs) = (machine.memory.read_u64(physical), self.word(physical, 8)?);
        if ours != theirs && only_flags(ours, theirs) { self.take_over_bytes(physical, 8, machine) } else { Ok(()) }
    }

    /// Does the same as [`Self::take_over_flags`] for all linear addresses, after a step in which the second CPU
    /// accessed something else.
    pub(super) fn take_over_structures(&mut self, cpu: &Cpu, machine: &Machine) -> Result<(), Failure> {
        let mut theirs = [0; 4096];
        let mut ours = [0; 4096];
        for table in structures(paging::Start::root(cpu), &machine.memory) {
            self.cpu.read(table, &mut theirs)?;
            machine.memory.read_bytes(table, &mut ours);
            if ours == theirs {
                continue;
            }
            for physical in (table..table + 0x1000).step_by(8) {
                self.take_over_entry(physical, machine)?;
            }
        }
        Ok(())
    }
}

/// The outcome of the instruction on our machine.
fn came(ours: &Ours<'_>) -> Came {
    match ours.observed.outcome {
        Outcome::Raised(_) => Came::ToFault(ours.step.faults().first().and_then(|fault| fault.address)),
        _ => Came::Through,
    }
}

/// Physical addresses of the entries that translate `linear` addresses.
pub(super) fn entries(cpu: &Cpu, linear: &[u64], machine: &Machine) -> BTreeSet<u64> {
    let walks = linear.iter().map(|linear| walk(cpu, machine, *linear));
    walks.flat_map(|walk| walk.steps().iter().map(|step| step.address).collect::<Vec<_>>()).collect()
}

fn walk(cpu: &Cpu, machine: &Machine, linear: u64) -> paging::Walk {
    paging::walk(cpu, &machine.memory, linear, paging::Start::root(cpu))
}

/// Whether two entries differ only in what a processor sets by itself.
fn only_flags(ours: u64, theirs: u64) -> bool {
    (ours ^ theirs) & !(entry::ACCESSED | entry::DIRTY) == 0
}
