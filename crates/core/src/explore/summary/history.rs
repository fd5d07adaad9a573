//! What a run held at each of its boundaries, and which words it read and wrote.

use super::guard::{FOLLOWED, Flags, Held};
use super::hash::Map;
use super::value::{Loc, REGISTERS};
use crate::machine::rflags::RF;

/// What a place held, and what that was on the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) held: Held,
    pub(super) sample: u64,
}

/// What a place held from which boundary on. Boundaries stand beside each other, because nearly all time goes into finding one of them.
#[derive(Clone, Debug, Default)]
struct Moments {
    from: Vec<u32>,
    held: Vec<Moment>,
    /// Whether some of it was opaque once.
    was_opaque: bool,
}

impl Moments {
    /// Whether it is news.
    fn note(&mut self, from: u32, moment: Moment) -> bool {
        self.was_opaque |= matches!(moment.held, Held::Word(value) if value.opaque() != 0);
        match self.held.last_mut() {
            Some(last) if *last == moment => return false,
            Some(last) if self.from.last() == Some(&from) => *last = moment,
            _ => {
                self.from.push(from);
                self.held.push(moment);
            }
        }
        true
    }

    fn at(&self, boundary: u32) -> Option<&Moment> {
        let after = self.from.partition_point(|from| *from <= boundary);
        self.held.get(after.checked_sub(1)?)
    }

    fn shrink(&mut self) {
        self.from.shrink_to_fit();
        self.held.shrink_to_fit();
    }

    fn bytes(&self) -> usize {
        self.held.capacity() * size_of::<Moment>() + self.from.capacity() * size_of::<u32>()
    }
}

/// For each place, what it held from which boundary on.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    registers: [Moments; REGISTERS],
    words: Map<u64, Moments>,
    flags: Vec<(u32, Flags, u64)>,
    /// Words that were written, and from which boundary on. What is written once more as it was matters from there on.
    changes: Vec<(u32, u64)>,
    /// The same of registers: a bit for each.
    register_changes: Vec<(u32, u32)>,
}

impl History {
    pub(super) fn note_word(&mut self, word: u64, from: u32, moment: Moment) {
        self.changes.push((from, word));
        self.words.entry(word).or_default().note(from, moment);
    }

    pub(super) fn note_register(&mut self, number: usize, from: u32, moment: Moment) {
        if !self.registers[number].note(from, moment) {
            return;
        }
        match self.register_changes.last_mut() {
            Some(last) if last.0 == from => last.1 |= 1 << number,
            _ => self.register_changes.push((from, 1 << number)),
        }
    }

    /// What a register was last on the machine.
    pub(super) fn sample(&self, number: usize) -> Option<u64> {
        self.registers[number].held.last().map(|moment| moment.sample)
    }

    pub(super) fn note_flags(&mut self, from: u32, flags: &Flags, rflags: u64) {
        let sample = rflags & (FOLLOWED | RF);
        match self.flags.last_mut() {
            Some((_, last, value)) if last == flags && *value == sample => {}
            Some(last) if last.0 == from => *last = (from, flags.clone(), sample),
            _ => self.flags.push((from, flags.clone(), sample)),
        }
    }

    /// What a place held at a boundary; nothing if the run and those before it have not touched it.
    pub(super) fn at(&self, loc: Loc, boundary: u32) -> Option<&Moment> {
        match loc {
            Loc::Register(number) => self.registers.get(usize::from(number))?.at(boundary),
            Loc::Memory(word) => self.words.get(&word)?.at(boundary),
            Loc::Flags => None,
        }
    }

    /// The flags at a boundary, and what they were on the machine.
    pub(super) fn flags_at(&self, boundary: u32) -> Option<(&Flags, u64)> {
        let after = self.flags.partition_point(|flags| flags.0 <= boundary);
        self.flags.get(after.checked_sub(1)?).map(|(_, flags, sample)| (flags, *sample))
    }

    /// The boundaries around `boundary` at which the place held the same: the first, and the first after the last.
    pub(super) fn version(&self, loc: Loc, boundary: u32) -> (u32, u32) {
        match loc {
            Loc::Flags => span(&self.flags, |flags| flags.0, boundary),
            Loc::Register(number) => {
                self.registers.get(usize::from(number)).map_or(ALWAYS, |it| span(&it.from, |from| *from, boundary))
            }
            Loc::Memory(word) => self.words.get(&word).map_or(ALWAYS, |it| span(&it.from, |from| *from, boundary)),
        }
    }

    /// Whether a place held something opaque. Nothing if the run and those before it have not touched it.
    pub(super) fn was_opaque(&self, loc: Loc) -> Option<bool> {
        match loc {
            Loc::Register(number) => self.registers.get(usize::from(number)).map(|moments| moments.was_opaque),
            Loc::Memory(word) => self.words.get(&word).map(|moments| moments.was_opaque),
            Loc::Flags => Some(self.flags.iter().any(|(_, flags, _)| flags.word().opaque() != 0)),
        }
    }

    /// From which boundary on a word has held what it holds last.
    pub(super) fn last_change(&self, word: u64) -> Option<u32> {
        self.words.get(&word)?.from.last().copied()
    }

    /// Gives back what was kept for more.
    pub(super) fn shrink(&mut self) {
        self.registers.iter_mut().chain(self.words.values_mut()).for_each(Moments::shrink);
        self.flags.shrink_to_fit();
        self.changes.shrink_to_fit();
        self.register_changes.shrink_to_fit();
    }

    /// About how many bytes it takes.
    pub(super) fn bytes(&self) -> u64 {
        self.registers.iter().chain(self.words.values()).map(Moments::bytes).sum::<usize>() as u64
    }

    /// Registers that may hold something else at boundary `last` than at `first`: a bit for each.
    pub(super) fn registers_changed_between(&self, first: u32, last: u32) -> u32 {
        let start = self.register_changes.partition_point(|change| change.0 <= first);
        let changes = self.register_changes.iter().skip(start).take_while(|change| change.0 <= last);
        changes.fold(0, |changed, change| changed | change.1)
    }

    /// Words that were written between two boundaries.
    pub(super) fn changed_between(&self, first: u32, last: u32) -> impl Iterator<Item = u64> {
        let start = self.changes.partition_point(|change| change.0 <= first);
        self.changes.iter().skip(start).take_while(move |change| change.0 <= last).map(|change| change.1)
    }

    /// Whether a word was written.
    pub(super) fn has(&self, word: u64) -> bool {
        self.words.contains_key(&word)
    }

    /// Words that were written.
    pub(super) fn words(&self) -> impl Iterator<Item = u64> {
        self.words.keys().copied()
    }
}

/// Every boundary.
const ALWAYS: (u32, u32) = (0, u32::MAX);

/// From where on a place held what it held at a boundary, and where it came to hold something else.
fn span<T>(moments: &[T], from: impl Fn(&T) -> u32, boundary: u32) -> (u32, u32) {
    let after = moments.partition_point(|moment| from(moment) <= boundary);
    let first = after.checked_sub(1).and_then(|index| moments.get(index)).map_or(0, &from);
    (first, moments.get(after).map_or(u32::MAX, &from))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    Read,
    Write,
}

/// What becomes of bytes of a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Read,
    /// These are neither read nor overwritten.
    Left(u8),
}

/// Which words a run read and wrote, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Uses {
    words: Map<u64, Vec<(u32, u8, Use)>>,
}

impl Uses {
    pub(super) fn read(&mut self, word: u64, step: u32, bytes: u8) {
        self.add(word, (step, bytes, Use::Read));
    }

    pub(super) fn write(&mut self, word: u64, step: u32, bytes: u8) {
        self.add(word, (step, bytes, Use::Write));
    }

    fn add(&mut self, word: u64, entry: (u32, u8, Use)) {
        let entries = self.words.entry(word).or_default();
        if entries.last() != Some(&entry) {
            entries.push(entry);
        }
    }

    /// What becomes of `bytes` from a boundary on.
    pub(super) fn fate(&self, word: u64, mut bytes: u8, boundary: u32) -> Fate {
        let Some(entries) = self.words.get(&word) else { return Fate::Left(bytes) };
        let start = entries.partition_point(|entry| entry.0 < boundary);
        for &(_, touched, how) in entries.iter().skip(start) {
            match how {
                Use::Read if touched & bytes != 0 => return Fate::Read,
                Use::Read => {}
                Use::Write => bytes &= !touched,
            }
        }
        Fate::Left(bytes)
    }

    /// The last boundary from which on the same becomes of a word as from `boundary` on.
    pub(super) fn same_fate_until(&self, word: u64, boundary: u32) -> u32 {
        let next = self.words.get(&word).and_then(|entries| entries.iter().find(|entry| entry.0 >= boundary));
        next.map_or(u32::MAX, |entry| entry.0)
    }

    /// Whether a word is read.
    pub(super) fn reads(&self, word: u64) -> bool {
        self.words.get(&word).is_some_and(|entries| entries.iter().any(|entry| entry.2 == Use::Read))
    }

    /// Words that are read.
    pub(super) fn read_words(&self) -> impl Iterator<Item = u64> {
        let is_read = |entries: &Vec<(u32, u8, Use)>| entries.iter().any(|entry| entry.2 == Use::Read);
        self.words.iter().filter(move |(_, entries)| is_read(entries)).map(|(word, _)| *word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_overwritten_before_it_is_read_does_not_matter() {
        let mut uses = Uses::default();
        uses.read(1, 3, 0x0f);
        uses.write(1, 5, 0x03);
        uses.read(1, 7, 0xff);
        assert_eq!(uses.fate(1, 0x01, 0), Fate::Read);
        assert_eq!(uses.fate(1, 0x03, 4), Fate::Left(0));
        assert_eq!(uses.fate(1, 0x07, 4), Fate::Read);
        assert_eq!(uses.fate(1, 0x07, 8), Fate::Left(0x07));
        assert_eq!(uses.fate(2, 0xff, 0), Fate::Left(0xff));
    }
}
