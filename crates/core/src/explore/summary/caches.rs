//! Cached translations that a walk may not find: which of them values follow, and which belong to every key.
//!
//! Where software changes only entries of last-level tables, these entries are words like others, except that walks read them. Whether a
//! translation through one of them is cached is a place too: look-ups read it, fills and invalidations write it. A word that no memory has
//! stands for it, see [`Caches::on`].

use super::hash::{Map, Set, hash};
use super::learned::Learned;
use super::round::Flaw;
use crate::explore::agree::{Cached, Tables};
use crate::machine::Machine;
use crate::machine::tlb::{Entry, Operation, PageSize, Reading};

/// The first of the words that stand for translations.
const FIRST: u64 = 1 << 60;

/// Whether a word stands for a translation.
pub(super) fn is_translation(word: u64) -> bool {
    word >= FIRST
}

/// What such a word holds.
const ABSENT: u64 = 0;
const CLEAN: u64 = 1;
const DIRTY: u64 = 2;

/// Translations that are not what walks find, or may not be.
#[derive(Clone, Debug, Default)]
pub(super) struct Caches {
    /// In the order in which they were found.
    stale: Vec<Cached>,
    numbers: Map<Cached, u32>,
    /// Bits for their pages: most of what is cached is of none of them.
    pages: u64,
    /// The same of those that values do not follow.
    keyed_pages: u64,
    /// For each of them that values follow, the entry by which walks come there.
    followed: Vec<Option<u64>>,
    /// Entries of last-level tables that values follow.
    entries: Set<u64>,
    reading: Reading,
    pub(super) flaw: Flaw,
}

/// A translation that values follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Followed {
    /// The word that stands for it.
    pub(super) word: u64,
    pub(super) entry: Entry,
    /// The entry by which walks come there.
    pub(super) leaf: u64,
}

/// A bit for the page that a translation is about.
fn page_bit(linear: u64) -> u64 {
    1 << (linear >> 12 & 63)
}

impl Caches {
    /// Adds what is not settled.
    pub(super) fn add(&mut self, mut found: Vec<Cached>) -> bool {
        let before = self.stale.len();
        found.sort_unstable_by_key(hash);
        for cached in found {
            let next = self.stale.len() as u32;
            if *self.numbers.entry(cached).or_insert(next) == next {
                self.pages |= page_bit(cached.linear());
                self.keyed_pages |= page_bit(cached.linear());
                self.stale.push(cached);
            }
        }
        before != self.stale.len()
    }

    pub(super) fn is_any_under_user_pcid(&self) -> bool {
        self.stale.iter().any(Cached::is_under_user_pcid)
    }

    /// Finds out what values follow. All that they do not follow belongs to keys: the entries by which walks come there too, because the
    /// promises walk the tables for what is cached.
    pub(super) fn follow(&mut self, tables: &Tables, machine: &Machine) {
        self.reading = machine.tlb.reading();
        self.followed = vec![None; self.stale.len()];
        self.keyed_pages = self.pages;
        self.entries.clear();
        let Some(changed) = tables.changed_last_levels().filter(|_| self.has_only_translations()) else { return };
        self.entries.extend(changed);
        let leaves: Vec<_> = self.stale.iter().map(|cached| leaf_of(tables, machine, cached)).collect();
        for (cached, leaf) in self.stale.iter().zip(&leaves) {
            if leaf.is_none_or(|leaf| !changed.contains(&leaf)) {
                tables.leaves(machine, cached.linear()).for_each(|leaf| {
                    self.entries.remove(&leaf);
                });
            }
        }
        let is_followed = |leaf: Option<u64>| leaf.filter(|leaf| self.entries.contains(leaf));
        self.followed = leaves.into_iter().map(is_followed).collect();
        let keyed = self.stale.iter().zip(&self.followed).filter(|(_, leaf)| leaf.is_none());
        self.keyed_pages = keyed.fold(0, |pages, (cached, _)| pages | page_bit(cached.linear()));
    }

    /// A stale entry of an upper table would lead walks elsewhere.
    fn has_only_translations(&self) -> bool {
        self.stale.iter().all(|cached| matches!(cached, Cached::Translation(_)))
    }

    /// Whether all that `other` follows is followed.
    pub(super) fn follows_all_of(&self, other: &Self) -> bool {
        let follows = |(number, leaf): (usize, &Option<u64>)| leaf.is_none() || self.followed.get(number) == Some(leaf);
        other.followed.iter().enumerate().all(follows) && other.entries.is_subset(&self.entries)
    }

    /// Whether values follow this entry of a table.
    pub(super) fn is_entry(&self, word: u64) -> bool {
        self.entries.contains(&word)
    }

    /// What values follow.
    pub(super) fn followed(&self) -> impl Iterator<Item = Followed> {
        self.stale.iter().zip(&self.followed).zip(FIRST..).filter_map(|((cached, leaf), word)| match (cached, *leaf) {
            (Cached::Translation(entry), Some(leaf)) => Some(Followed { word, entry: *entry, leaf }),
            _ => None,
        })
    }

    /// What values follow of the translations of a page.
    pub(super) fn followed_in(&self, linear: u64, size: PageSize) -> impl Iterator<Item = Followed> {
        let is_of_page = move |followed: &Followed| (followed.entry.linear ^ linear) & !size.offset_mask() == 0;
        let may_be = size != PageSize::Size4K || self.pages & page_bit(linear) != 0;
        may_be.then(|| self.followed().filter(is_of_page)).into_iter().flatten()
    }

    /// What values follow of what an operation removes.
    pub(super) fn removed_by(&self, operation: Operation) -> impl Iterator<Item = Followed> {
        let is_hidden = self.flaw == Flaw::NoInvalidations;
        self.followed().filter(move |followed| !is_hidden && operation.drops(self.reading, &followed.entry))
    }

    /// Whether values follow a cached translation.
    pub(super) fn follows(&self, entry: &Entry) -> bool {
        let number = || self.numbers.get(&Cached::Translation(*entry).clean());
        self.pages & page_bit(entry.linear) != 0
            && number().is_some_and(|&number| self.followed.get(number as usize).is_some_and(Option::is_some))
    }

    /// Which of those that values do not follow a machine holds.
    pub(super) fn keyed(&self, machine: &Machine) -> Vec<u32> {
        if self.keyed_pages == 0 {
            return Vec::new();
        }
        let entries = machine.tlb.entries().map(|entry| Cached::Translation(*entry));
        let structures = machine.tlb.structures().map(|entry| Cached::Structure(*entry));
        let mut numbers: Vec<_> = entries.chain(structures).filter_map(|cached| self.number(&cached)).collect();
        numbers.sort_unstable();
        numbers
    }

    fn number(&self, cached: &Cached) -> Option<u32> {
        if self.keyed_pages & page_bit(cached.linear()) == 0 {
            return None;
        }
        let number = self.numbers.get(&cached.clean()).copied()?;
        let is_keyed = self.followed.get(number as usize).is_none_or(Option::is_none);
        is_keyed.then(|| 2 * number + u32::from(cached.clean() != *cached))
    }

    /// What a word holds that stands for a translation; nothing for one of memory.
    fn on(&self, machine: &Machine, word: u64) -> Option<u64> {
        let Cached::Translation(entry) = self.stale.get(word.checked_sub(FIRST)? as usize)? else { return None };
        let is_it = |held: &&Entry| Entry { dirty: entry.dirty, ..**held } == *entry;
        let held = machine.tlb.covering(entry.linear).find(is_it);
        Some(held.map_or(ABSENT, |held| if held.dirty { DIRTY } else { CLEAN }))
    }
}

/// The entry by which walks come to a translation wherever it may be used, if all come by one, and the promises ask only whether that
/// one agrees.
fn leaf_of(tables: &Tables, machine: &Machine, cached: &Cached) -> Option<u64> {
    match cached {
        Cached::Translation(entry) if entry.page == PageSize::Size4K && !cached.is_under_user_pcid() => {
            tables.only_leaf(machine, entry)
        }
        _ => None,
    }
}

impl Learned {
    /// What a word holds on a machine.
    pub(super) fn on(&self, machine: &Machine, word: u64) -> u64 {
        self.caches.on(machine, word).unwrap_or_else(|| machine.memory.read_u64(word << 3))
    }
}
