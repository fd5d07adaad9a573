//! What runs do to page tables, text and translation caches.

use super::hash::Set;
use crate::explore::agree::Cached;
use crate::explore::journal::{Facts, Fetches, words};
use crate::machine::observe::{AccessKind, ControlAccess, MemoryAccess, TlbEvent, Written};
use crate::machine::tlb::Entry;
use crate::machine::{Machine, Observer};

/// What the runs of a round did.
#[derive(Clone, Debug, Default)]
pub(super) struct Gathered {
    facts: Facts,
    /// Words that were stored to, by number: of [`Self::facts`], until they are asked for.
    stored: Set<u64>,
    /// Those of them that were stored to in part.
    in_part: Set<u64>,
    /// What was cached or used, and under which CR3.
    cached: Set<(Cached, u64)>,
}

/// The same, in the end.
pub(super) struct Found {
    pub(super) facts: Facts,
    pub(super) cached: Set<(Cached, u64)>,
    /// Words that were stored to in part.
    pub(super) in_part: Set<u64>,
}

impl Gathered {
    pub(super) fn into_found(self) -> Found {
        let Self { mut facts, stored, in_part, cached } = self;
        facts.stored.extend(stored);
        Found { facts, cached, in_part }
    }
}

/// An observer.
#[derive(Debug)]
pub(super) struct Gather<'a> {
    fetches: Fetches,
    cr3: u64,
    /// Translations that were used lately: most are used again at once.
    recent: [Option<Entry>; RECENT],
    into: &'a mut Gathered,
}

const RECENT: usize = 8;

impl<'a> Gather<'a> {
    pub(super) fn new(machine: &Machine, into: &'a mut Gathered) -> Self {
        // With PCIDs it does not matter which of the CR3s that name one is loaded.
        let cr3 = machine.cpu.cr3;
        into.facts.cr3s.insert(cr3);
        Self { fetches: Fetches::default(), cr3, recent: [None; RECENT], into }
    }

    fn uses(&mut self, entry: Entry) {
        let place = &mut self.recent[(entry.linear >> 12) as usize % RECENT];
        if *place != Some(entry) {
            *place = Some(entry);
            self.into.cached.insert((Cached::Translation(entry).clean(), self.cr3));
        }
    }
}

impl Observer for Gather<'_> {
    fn memory(&mut self, access: &MemoryAccess) {
        if access.kind == AccessKind::Write {
            for (word, bytes) in words(access.physical, access.size) {
                self.into.stored.insert(word);
                if bytes != u8::MAX {
                    self.into.in_part.insert(word);
                }
            }
        }
    }

    fn tlb(&mut self, event: &TlbEvent) {
        match *event {
            TlbEvent::Hit { entry, .. } | TlbEvent::Fill { entry } => self.uses(entry),
            TlbEvent::StructureFill { entry } => {
                self.into.cached.insert((Cached::Structure(entry), self.cr3));
            }
            TlbEvent::Miss { .. } | TlbEvent::Drop { .. } | TlbEvent::StructureDrop { .. } => {}
        }
        self.fetches.tlb(event, &mut self.into.facts.fetched);
    }

    fn control(&mut self, access: &ControlAccess) {
        if let ControlAccess::Write { written: Written::Cr3 { .. }, after, .. } = *access {
            self.cr3 = after;
            self.recent = [None; RECENT];
            self.into.facts.cr3s.insert(after);
        }
    }
}
