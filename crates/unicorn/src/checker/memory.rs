//! Memory on both sides: what is compared, and what the second CPU takes over.

use super::step::{describe, word};
use super::{Begun, Checker, Verdict};
use crate::difference::{Difference, Observed};
use crate::limits::Limit;
use crate::processor::{CpuState, Failure, Outcome, Processor, Store};
use cr3_core::machine::Machine;
use cr3_core::machine::observe::MemoryAccess;

impl<P: Processor> Checker<P> {
    /// Compares all physical memory that `machine` has.
    pub fn compare_memory(&mut self, machine: &Machine) {
        for (physical, page) in machine.memory.pages() {
            self.compare_page(physical, page, machine);
        }
    }

    /// Compares one page of physical memory.
    pub fn compare_page(&mut self, physical: u64, ours: &[u8], machine: &Machine) {
        if self.verdict.is_some() {
            return;
        }
        let mut theirs = [0; 4096];
        let theirs = &mut theirs[..ours.len().min(4096)];
        if let Err(failure) = self.follower.read(physical, theirs) {
            self.verdict = Some(Verdict::Failure(failure));
            return;
        }
        if ours == theirs {
            return;
        }
        let mut found = Vec::new();
        self.different_words(physical, ours, theirs, &mut found);
        if !found.is_empty() {
            self.memory_mismatch(machine, found);
        }
    }

    /// Memory differs that no step was seen to store: the last instruction is shown with it.
    fn memory_mismatch(&mut self, machine: &Machine, found: Vec<Difference>) {
        let observed = Observed { outcome: Outcome::Retired, state: CpuState::of(&machine.cpu) };
        let (text, bytes, before) = match &self.last {
            Some(begun) => {
                let (text, bytes) = describe(begun, machine);
                (text, bytes, CpuState::of(&begun.cpu))
            }
            None => ("a load".to_owned(), Vec::new(), observed.state),
        };
        self.mismatch(format!("memory after {text}"), bytes, before, observed, observed, found);
    }

    /// The words of a page that differ, but for flags that the second CPU has set early.
    fn different_words(&self, physical: u64, ours: &[u8], theirs: &[u8], found: &mut Vec<Difference>) {
        let words = ours.chunks_exact(8).zip(theirs.chunks_exact(8));
        let words = words.map(|(ours, theirs)| (word(ours), word(theirs)));
        let different = (physical..)
            .step_by(8)
            .zip(words)
            .filter(|(physical, (ours, theirs))| ours != theirs && !self.is_early(*physical, *ours, *theirs));
        found.extend(different.map(|(physical, (ours, theirs))| Difference::Memory { physical, ours, theirs }));
    }

    /// Compares the memory that either of them stored to, but for our frames.
    pub(super) fn compare_stores(
        &mut self,
        theirs: &[Store],
        machine: &Machine,
        found: &mut Vec<Difference>,
    ) -> Result<(), Failure> {
        let (own, frames) = self.stores.split_at(self.stores_at_fault);
        let ours = own.iter().map(|store| (store.physical, store.size));
        let ranges = ours.chain(theirs.iter().map(|store| (store.physical, store.size)));
        for (physical, size) in ranges {
            // The last that they tell of this address, where memory need not be asked.
            let told = theirs.iter().rev().find(|store| store.physical == physical && store.size == size);
            if told.is_some_and(|store| store.value == machine.memory.read(physical, size.min(8))) {
                continue;
            }
            let mut bytes = [0; 8];
            let bytes = &mut bytes[..usize::from(size.min(8))];
            self.follower.read(physical, bytes)?;
            for (address, byte) in (physical..).zip(bytes.iter_mut()) {
                if frames.iter().any(|frame| address.wrapping_sub(frame.physical) < u64::from(frame.size)) {
                    *byte = machine.memory.read_u8(address);
                }
            }
            let (ours, theirs) = (machine.memory.read(physical, size.min(8)), word(bytes));
            if ours != theirs {
                found.push(Difference::Memory { physical, ours, theirs });
            }
        }
        Ok(())
    }

    /// The second CPU takes over our result of this step, where it stored something else too. What it cannot owe to the step
    /// is in `found` afterwards.
    pub(super) fn mirror(
        &mut self,
        limit: Limit,
        begun: &Begun,
        theirs: Option<&[Store]>,
        machine: &Machine,
        found: &mut Vec<Difference>,
    ) -> Result<(), Failure> {
        self.count_under(limit);
        if let Some(stores) = theirs {
            for store in stores {
                self.take_over_bytes(store.physical, store.size, machine)?;
            }
            self.take_over_structures(&begun.cpu, machine)?;
        }
        self.fills_at_fault = 0;
        self.take_over(machine)?;
        if theirs.is_some_and(|stores| stores.iter().any(crosses)) {
            self.take_over_tails(machine, found)?;
        }
        if matches!(limit, Limit::Invpcid | Limit::StaleTranslation) { self.follower.flush() } else { Ok(()) }
    }

    /// The second CPU takes over registers, the bytes stored in this step, and the flags of the delivery's translations.
    pub(super) fn take_over(&mut self, machine: &Machine) -> Result<(), Failure> {
        for index in 0..self.stores.len() {
            let MemoryAccess { physical, size, .. } = self.stores[index];
            self.take_over_bytes(physical, size, machine)?;
        }
        for index in self.fills_at_fault..self.fills.len() {
            self.take_over_flags(&machine.cpu, self.fills[index], machine)?;
        }
        self.follower.adopt(&machine.cpu)
    }

    /// Compares where the rest of a store that crosses pages may lie, but for what our delivery has written.
    pub(super) fn compare_tails(
        &mut self,
        begun: &Begun,
        theirs: &[Store],
        machine: &Machine,
        found: &mut Vec<Difference>,
    ) -> Result<(), Failure> {
        if !theirs.iter().any(crosses) {
            return Ok(());
        }
        let mut delivery = self.entries(&begun.cpu, &self.fills[self.fills_at_fault..], machine);
        delivery.extend(self.stores[self.stores_at_fault..].iter().map(|frame| frame.physical));
        for (physical, ours) in machine.memory.pages().filter(|(physical, _)| !delivery.contains(physical)) {
            let mut theirs = [0; 8];
            self.follower.read(physical, &mut theirs)?;
            self.different_words(physical, &ours[..8], &theirs, found);
        }
        Ok(())
    }

    /// Of a store that crosses pages Unicorn tells the first physical address only; the rest lies at the start of some page.
    fn take_over_tails(&mut self, machine: &Machine, found: &mut Vec<Difference>) -> Result<(), Failure> {
        let mut theirs = [0; 4096];
        for (physical, ours) in machine.memory.pages() {
            self.follower.read(physical, &mut theirs)?;
            if theirs[..8] != ours[..8] {
                self.take_over_bytes(physical, 8, machine)?;
            }
            if theirs[8..] != ours[8..] {
                self.different_words(physical, ours, &theirs, found);
            }
        }
        Ok(())
    }

    pub(super) fn take_over_bytes(&mut self, physical: u64, size: u8, machine: &Machine) -> Result<(), Failure> {
        let mut bytes = [0; 8];
        let bytes = &mut bytes[..usize::from(size.min(8))];
        machine.memory.read_bytes(physical, bytes);
        self.follower.write(physical, bytes)
    }
}

fn crosses(store: &Store) -> bool {
    store.physical & 0xfff > 0x1000 - u64::from(store.size)
}
