//! Memory on both sides: what is compared, and what the second CPU takes over.

use super::flags::entries;
use super::log::{Ours, Step};
use super::second::Second;
use super::step::word;
use crate::difference::Difference;
use crate::limits::Limit;
use crate::processor::{Failure, Processor, Store};
use cr3_core::machine::Machine;
use cr3_core::machine::observe::MemoryAccess;

impl<P: Processor> Second<P> {
    /// Compares one page of physical memory; `ours` is our page.
    pub(super) fn compare_page(&mut self, physical: u64, ours: &[u8]) -> Result<Vec<Difference>, Failure> {
        let mut theirs = [0; 4096];
        let theirs = &mut theirs[..ours.len().min(4096)];
        self.cpu.read(physical, theirs)?;
        let mut found = Vec::new();
        if ours != theirs {
            self.different_words(physical, ours, theirs, &mut found);
        }
        Ok(found)
    }

    /// The words of a page that differ in more than flags that the second CPU has set early.
    fn different_words(&self, physical: u64, ours: &[u8], theirs: &[u8], found: &mut Vec<Difference>) {
        let words = ours.chunks_exact(8).zip(theirs.chunks_exact(8));
        let words = words.map(|(ours, theirs)| (word(ours), word(theirs)));
        let different = (physical..)
            .step_by(8)
            .zip(words)
            .filter(|(physical, (ours, theirs))| ours != theirs && !self.is_early(*physical, *ours, *theirs));
        found.extend(different.map(|(physical, (ours, theirs))| Difference::Memory { physical, ours, theirs }));
    }

    /// Compares the memory that either of them stored to, except our frames.
    pub(super) fn compare_stores(
        &mut self,
        ours: &Ours<'_>,
        theirs: &[Store],
        found: &mut Vec<Difference>,
    ) -> Result<(), Failure> {
        let (memory, frames) = (&ours.machine.memory, ours.step.frames());
        let own = ours.step.own_stores().iter().map(|store| (store.physical, store.size));
        for (physical, size) in own.chain(theirs.iter().map(|store| (store.physical, store.size))) {
            let ours = memory.read(physical, size.min(8));
            // The last store that they report for this address; then there is no need to read memory.
            let reported = theirs.iter().rev().find(|store| store.physical == physical && store.size == size);
            if reported.is_some_and(|store| store.value == ours) {
                continue;
            }
            let mut bytes = [0; 8];
            let bytes = &mut bytes[..usize::from(size.min(8))];
            self.cpu.read(physical, bytes)?;
            for (address, byte) in (physical..).zip(bytes.iter_mut()) {
                if frames.iter().any(|frame| address.wrapping_sub(frame.physical) < u64::from(frame.size)) {
                    *byte = memory.read_u8(address);
                }
            }
            let theirs = word(bytes);
            if ours != theirs {
                found.push(Difference::Memory { physical, ours, theirs });
            }
        }
        Ok(())
    }

    /// The second CPU takes over our result of a step that it was not given.
    pub(super) fn mirror_unexecuted(&mut self, limit: Limit, ours: &Ours<'_>) -> Result<(), Failure> {
        self.take_over(ours.step, ours.step.fills(), ours.machine)?;
        self.flush_after(limit)
    }

    /// The second CPU takes over our result of the step, even where it stored something else. Returns the differences
    /// that do not come from the step.
    pub(super) fn mirror(
        &mut self,
        limit: Limit,
        ours: &Ours<'_>,
        theirs: &[Store],
    ) -> Result<Vec<Difference>, Failure> {
        for store in theirs {
            self.take_over_bytes(store.physical, store.size, ours.machine)?;
        }
        self.take_over_structures(&ours.begun.cpu, ours.machine)?;
        self.take_over(ours.step, ours.step.fills(), ours.machine)?;
        let mut found = Vec::new();
        if theirs.iter().any(crosses) {
            self.take_over_tails(ours.machine, &mut found)?;
        }
        self.flush_after(limit)?;
        Ok(found)
    }

    fn flush_after(&mut self, limit: Limit) -> Result<(), Failure> {
        if matches!(limit, Limit::Invpcid | Limit::StaleTranslation) { self.cpu.flush() } else { Ok(()) }
    }

    /// The second CPU takes over registers, the bytes stored in the step, and the flags of the translations of `fills`.
    pub(super) fn take_over(&mut self, step: Step<'_>, fills: &[u64], machine: &Machine) -> Result<(), Failure> {
        for MemoryAccess { physical, size, .. } in step.stores() {
            self.take_over_bytes(*physical, *size, machine)?;
        }
        for linear in fills {
            self.take_over_flags(&machine.cpu, *linear, machine)?;
        }
        self.cpu.adopt(&machine.cpu)
    }

    /// Compares where the rest of a store that crosses pages may lie, except what our delivery has written.
    pub(super) fn compare_tails(
        &mut self,
        ours: &Ours<'_>,
        theirs: &[Store],
        found: &mut Vec<Difference>,
    ) -> Result<(), Failure> {
        if !theirs.iter().any(crosses) {
            return Ok(());
        }
        let (step, machine) = (ours.step, ours.machine);
        let mut written = entries(&ours.begun.cpu, step.later_fills(), machine);
        written.extend(step.frames().iter().map(|frame| frame.physical));
        for (physical, ours) in machine.memory.pages().filter(|(physical, _)| !written.contains(physical)) {
            let mut theirs = [0; 8];
            self.cpu.read(physical, &mut theirs)?;
            self.different_words(physical, &ours[..8], &theirs, found);
        }
        Ok(())
    }

    /// Unicorn reports only the first physical address of a store that crosses pages; the rest lies at the start of
    /// some page.
    fn take_over_tails(&mut self, machine: &Machine, found: &mut Vec<Difference>) -> Result<(), Failure> {
        let mut theirs = [0; 4096];
        for (physical, ours) in machine.memory.pages() {
            self.cpu.read(physical, &mut theirs)?;
            if theirs[..8] != ours[..8] {
                self.take_over_bytes(physical, 8, machine)?;
            }
            if theirs[8..] != ours[8..] {
                self.different_words(physical, ours, &theirs, found);
            }
        }
        Ok(())
    }
}

fn crosses(store: &Store) -> bool {
    store.physical & 0xfff > 0x1000 - u64::from(store.size)
}
