//! What walks, look-ups, fills and invalidations read and write of what values follow of page tables and caches.

use super::caches::Followed;
use super::shadow::Shadow;
use super::value::Value;
use crate::machine::paging::Walk;
use crate::machine::tlb::{Entry, Operation, PageSize, TlbEvent};

impl Shadow {
    /// The processor has walked the tables.
    pub(super) fn walked(&mut self, walk: &Walk) {
        for word in walk.steps().iter().map(|step| step.address >> 3) {
            if self.learned.caches.is_entry(word) {
                self.walks_by(word);
            }
        }
    }

    /// A walk reads an entry, and does not look at the marks of use in it.
    fn walks_by(&mut self, word: u64) {
        self.note_read(word, u8::MAX);
        self.look(self.word(word).masked(!self.learned.marks(word)));
    }

    pub(super) fn translated(&mut self, event: &TlbEvent) {
        match *event {
            TlbEvent::Hit { entry, .. } => self.uses(&entry),
            TlbEvent::Miss { linear, pcid, .. } => {
                self.looks_up(linear, PageSize::Size4K, |other| other.global || other.pcid == pcid);
            }
            TlbEvent::Fill { entry } | TlbEvent::Drop { entry, .. } => self.caches_or_drops(&entry),
            TlbEvent::StructureFill { .. } | TlbEvent::StructureDrop { .. } => {}
        }
    }

    /// What is found depends on all that may be. A promise asks whether the tables say what is used.
    fn uses(&mut self, used: &Entry) {
        self.looks_up(used.linear, used.size, |other| used.global || other.global || other.pcid == used.pcid);
        if self.learned.caches.follows(used) {
            let leaves: Vec<_> = self.learned.caches.followed_in(used.linear, used.size).map(|it| it.leaf).collect();
            leaves.into_iter().for_each(|leaf| self.walks_by(leaf));
        }
    }

    fn looks_up(&mut self, linear: u64, size: PageSize, may_serve: impl Fn(&Entry) -> bool) {
        let found: Vec<_> =
            self.learned.caches.followed_in(linear, size).filter(|followed| may_serve(&followed.entry)).collect();
        for Followed { word, .. } in found {
            self.note_read(word, u8::MAX);
            self.look(self.word(word));
        }
    }

    /// The place of a translation in the cache holds another one now, or none.
    fn caches_or_drops(&mut self, entry: &Entry) {
        let has_its_place = |other: &Followed| other.entry.pcid == entry.pcid && entry.size == PageSize::Size4K;
        let found: Vec<_> = self.learned.caches.followed_in(entry.linear, entry.size).filter(has_its_place).collect();
        found.iter().for_each(|followed| self.decide(followed.word));
    }

    /// What an operation removes is not cached afterwards, whether it was or not.
    pub(super) fn invalidated(&mut self, operation: Operation) {
        if let Operation::PageFault { linear, .. } = operation {
            self.looks_up(linear, PageSize::Size4K, |_| true);
        }
        let removed: Vec<_> = self.learned.caches.removed_by(operation).collect();
        removed.iter().for_each(|followed| self.decide(followed.word));
    }

    /// The step at hand decides what a word holds.
    fn decide(&mut self, word: u64) {
        self.put(word, Value::KNOWN);
        self.uses.write(word, self.step, u8::MAX);
        self.touch(word);
    }
}
