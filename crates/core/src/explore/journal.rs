//! What a run reads and writes, so that another run can be compared in what is still to be read.
//!
//! A read that is reported too often costs speed, never soundness: an instruction that stores without being known as a mere store counts
//! as one that reads first.

use super::lane::{Lane, Went};
use super::world::World;
use crate::machine::observe::{AccessKind, ControlAccess, Delivered, MemoryAccess, TlbEvent, Written};
use crate::machine::{Fault, Machine, Observer};
use iced_x86::{Instruction, Mnemonic};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What page tables and fetches of runs are to be known for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    /// Every CR3 that was loaded.
    pub(super) cr3s: BTreeSet<u64>,
    /// Pages that were executed: physical address, and mask of the offset within.
    pub(super) fetched: BTreeSet<(u64, u64)>,
    /// Words that were stored to, by number. Which of them are page tables is found out later.
    pub(super) stored: BTreeSet<u64>,
}

impl Facts {
    pub(super) fn new(machine: &Machine) -> Self {
        Self { cr3s: BTreeSet::from([machine.cpu.cr3]), ..Self::default() }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.cr3s.extend(&other.cr3s);
        self.fetched.extend(&other.fetched);
        self.stored.extend(&other.stored);
    }
}

/// A word of memory by number, and which of its bytes.
pub(super) type Bytes = (u64, u8);

/// The words that an access touches: one, or two.
pub(super) fn words(physical: u64, size: u8) -> impl Iterator<Item = Bytes> {
    let (first, start) = (physical >> 3, physical & 7);
    let bits = ((1u32 << size) - 1) << start;
    let low = (first, bits as u8);
    let high = (first + 1, (bits >> 8) as u8);
    [low, high].into_iter().filter(|(_, mask)| *mask != 0)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    Read,
    Write,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    word: u64,
    step: u32,
    mask: u8,
    what: Use,
}

/// What a run accessed from a step on, and what it goes on as after its last one.
#[derive(Debug, Default)]
pub(super) struct Record {
    /// Sorted by word, then in the order in which they happened.
    entries: Vec<Entry>,
    /// Where this run ends it goes on as that one does from a step on.
    next: Option<(Arc<Self>, u32)>,
    pub(super) facts: Facts,
}

impl Record {
    /// About how many bytes it takes.
    pub(super) fn bytes(&self) -> u64 {
        (self.entries.capacity() * size_of::<Entry>()) as u64
    }

    /// Whether some of these bytes are read at `step` or later, before they are written.
    pub(super) fn reads(&self, (word, mut mask): Bytes, step: u32) -> bool {
        let start = self.entries.partition_point(|entry| (entry.word, entry.step) < (word, step));
        for entry in self.entries.iter().skip(start).take_while(|entry| entry.word == word) {
            match entry.what {
                Use::Read if entry.mask & mask != 0 => return true,
                Use::Read => {}
                Use::Write => mask &= !entry.mask,
            }
        }
        mask != 0 && self.next.as_ref().is_some_and(|(next, step)| next.reads((word, mask), *step))
    }
}

/// Observes a run for a [`Record`].
#[derive(Debug)]
pub(super) struct Journal {
    step: u32,
    stores: Stores,
    fetches: Fetches,
    entries: Vec<Entry>,
    facts: Facts,
}

impl Journal {
    pub(super) fn new(lane: &Lane) -> Self {
        let facts = Facts::new(lane.machine());
        Self { step: 0, stores: Stores::Pure, fetches: Fetches::default(), entries: Vec::new(), facts }
    }

    /// Takes a step of `lane`.
    pub(super) fn step(&mut self, world: &World, lane: &mut Lane) -> Went {
        self.step = lane.steps();
        lane.step(world, self)
    }

    pub(super) fn finish(mut self, next: Option<(Arc<Record>, u32)>) -> Record {
        self.entries.sort_by_key(|entry| (entry.word, entry.step));
        let written = self.entries.iter().filter(|entry| entry.what == Use::Write);
        self.facts.stored.extend(written.map(|entry| entry.word));
        Record { entries: self.entries, next, facts: self.facts }
    }
}

/// Whether the stores of the instruction at hand depend on what they replace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stores {
    /// They do not: those of a delivery, or of an instruction that only stores. All that INT n, INT3 and INT1 store is
    /// the frame of what they deliver.
    Pure,
    Dependent,
}

impl Stores {
    fn of(instruction: &Instruction) -> Self {
        use Mnemonic::{
            Call, Int, Int1, Int3, Mov, Movsb, Movsd, Movsq, Movsw, Push, Pushfq, Stosb, Stosd, Stosq, Stosw,
        };
        match instruction.mnemonic() {
            Mov | Push | Pushfq | Call | Int | Int1 | Int3 | Stosb | Stosw | Stosd | Stosq | Movsb | Movsw | Movsd
            | Movsq => Self::Pure,
            _ => Self::Dependent,
        }
    }
}

/// Follows which pages are executed.
#[derive(Clone, Debug, Default)]
pub(super) struct Fetches {
    missed: bool,
    last: Option<(u64, u64)>,
}

impl Fetches {
    pub(super) fn tlb(&mut self, event: &TlbEvent, fetched: &mut BTreeSet<(u64, u64)>) {
        let entry = match event {
            TlbEvent::Hit { entry, kind: AccessKind::Execute } => entry,
            TlbEvent::Miss { kind, .. } => return self.missed = *kind == AccessKind::Execute,
            TlbEvent::Fill { entry } if self.missed => entry,
            _ => return,
        };
        let page = (entry.physical, entry.size.offset_mask());
        if self.last != Some(page) {
            self.last = Some(page);
            fetched.insert(page);
        }
    }
}

fn loaded(access: &ControlAccess) -> Option<u64> {
    match *access {
        ControlAccess::Write { written: Written::Cr3 { .. }, after, .. } => Some(after),
        _ => None,
    }
}

impl Observer for Journal {
    fn before(&mut self, _: &Machine, instruction: &Instruction) {
        self.stores = Stores::of(instruction);
    }

    fn memory(&mut self, access: &MemoryAccess) {
        let step = self.step;
        let writes = access.kind == AccessKind::Write;
        let uses: &[Use] = match (writes, self.stores) {
            (false, _) => &[Use::Read],
            (true, Stores::Pure) => &[Use::Write],
            (true, Stores::Dependent) => &[Use::Read, Use::Write],
        };
        for (word, mask) in words(access.physical, access.size) {
            self.entries.extend(uses.iter().map(|&what| Entry { word, step, mask, what }));
        }
    }

    fn tlb(&mut self, event: &TlbEvent) {
        self.fetches.tlb(event, &mut self.facts.fetched);
    }

    fn control(&mut self, access: &ControlAccess) {
        self.facts.cr3s.extend(loaded(access));
    }

    fn arriving(&mut self, _: &Machine, _: crate::machine::Event, _: Option<u32>) {
        self.stores = Stores::Pure;
    }

    /// What follows is its delivery.
    fn fault(&mut self, _: &Fault) {
        self.stores = Stores::Pure;
    }

    fn delivered(&mut self, _: &Machine, _: &Delivered) {
        self.stores = Stores::Pure;
    }
}

/// What handlers read that they have not written, whatever they interrupt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Exposed {
    words: BTreeMap<u64, u8>,
}

impl Exposed {
    pub(super) fn reads(&self, (word, mask): Bytes) -> bool {
        self.words.get(&word).is_some_and(|read| read & mask != 0)
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (word, mask) in &other.words {
            *self.words.entry(*word).or_default() |= mask;
        }
    }
}

/// Observes handlers for [`Exposed`] and [`Facts`].
#[derive(Debug)]
pub(super) struct Watch {
    stores: Stores,
    fetches: Fetches,
    written: BTreeMap<u64, u8>,
    exposed: Exposed,
    facts: Facts,
}

impl Watch {
    pub(super) fn new(machine: &Machine) -> Self {
        Self {
            stores: Stores::Pure,
            fetches: Fetches::default(),
            written: BTreeMap::new(),
            exposed: Exposed::default(),
            facts: Facts::new(machine),
        }
    }

    pub(super) fn into_parts(mut self) -> (Exposed, Facts) {
        self.facts.stored.extend(self.written.keys());
        (self.exposed, self.facts)
    }

    fn read(&mut self, (word, mask): Bytes) {
        let fresh = mask & !self.written.get(&word).copied().unwrap_or(0);
        if fresh != 0 {
            *self.exposed.words.entry(word).or_default() |= fresh;
        }
    }
}

impl Observer for Watch {
    fn before(&mut self, _: &Machine, instruction: &Instruction) {
        self.stores = Stores::of(instruction);
    }

    fn memory(&mut self, access: &MemoryAccess) {
        let writes = access.kind == AccessKind::Write;
        for (word, mask) in words(access.physical, access.size) {
            if !writes || self.stores == Stores::Dependent {
                self.read((word, mask));
            }
            if writes {
                *self.written.entry(word).or_default() |= mask;
            }
        }
    }

    fn tlb(&mut self, event: &TlbEvent) {
        self.fetches.tlb(event, &mut self.facts.fetched);
    }

    fn control(&mut self, access: &ControlAccess) {
        self.facts.cr3s.extend(loaded(access));
    }

    fn arriving(&mut self, _: &Machine, _: crate::machine::Event, _: Option<u32>) {
        self.stores = Stores::Pure;
    }

    /// What follows is its delivery.
    fn fault(&mut self, _: &Fault) {
        self.stores = Stores::Pure;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_access_touches_the_words_that_its_bytes_lie_in() {
        let touched = |physical, size| words(physical, size).collect::<Vec<_>>();
        assert_eq!(touched(0x1000, 8), [(0x200, 0xff)]);
        assert_eq!(touched(0x1006, 2), [(0x200, 0xc0)]);
        assert_eq!(touched(0x1006, 4), [(0x200, 0xc0), (0x201, 0x03)]);
        assert_eq!(touched(0x1007, 8), [(0x200, 0x80), (0x201, 0x7f)]);
    }

    fn record(entries: &[(u64, u32, u8, Use)], next: Option<(Arc<Record>, u32)>) -> Record {
        let entries = entries.iter().map(|&(word, step, mask, what)| Entry { word, step, mask, what }).collect();
        Record { entries, next, facts: Facts::default() }
    }

    #[test]
    fn bytes_are_read_unless_they_are_written_first() {
        let later = Arc::new(record(&[(1, 5, 0xff, Use::Read), (2, 9, 0xff, Use::Read)], None));
        let entries = [(1, 10, 0x0f, Use::Write), (1, 12, 0xff, Use::Read), (2, 11, 0xff, Use::Write)];
        let record = record(&entries, Some((later, 6)));
        let cases = [
            ("written first", (1, 0x0f), 10, false),
            ("in part", (1, 0xff), 10, true),
            ("the write is over", (1, 0x0f), 11, true),
            ("the run that it goes on as has read it before", (1, 0xff), 13, false),
            ("the run that it goes on as reads it", (2, 0xff), 12, true),
            ("written before that", (2, 0xff), 11, false),
            ("nobody reads it", (3, 0xff), 0, false),
        ];
        for (story, bytes, step, expected) in cases {
            assert_eq!(record.reads(bytes, step), expected, "{story}");
        }
    }
}
