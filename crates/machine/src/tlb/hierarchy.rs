//! The TLBs of one processor: first levels over a second one, neither inclusive nor exclusive.

use super::geometry::{self, Level, RedundantWrite, Retained, Second};
use super::sets::Sets;
use super::{Cr3Flush, Entry, PageSize};
use crate::order::sort_by_key;
use crate::rights::AccessKind;

/// All levels and what they hold. An entry is the same in each level that holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hierarchy {
    redundant_write: RedundantWrite,
    /// The first levels, then the second.
    levels: Vec<Cache>,
    /// Index of the first and the second level for each [`AccessKind`].
    routes: [Route; 3],
    current: u16,
}

/// Where an access looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Route {
    first: usize,
    second: usize,
}

/// One level.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Cache {
    arrays: Vec<Sets>,
    retained: Retained,
    /// The other PCIDs that may have entries here, most recently used first.
    others: Vec<u16>,
}

impl Cache {
    fn new(level: &'static Level) -> Self {
        Self { arrays: level.arrays.iter().map(Sets::new).collect(), retained: level.retained, others: Vec::new() }
    }

    fn covering(&self, linear: u64) -> impl Iterator<Item = &Entry> {
        self.arrays.iter().flat_map(move |array| array.covering(linear))
    }

    fn contains(&self, entry: &Entry) -> bool {
        self.arrays.iter().any(|array| array.contains(entry))
    }

    fn array_for(&self, size: PageSize) -> Option<&Sets> {
        self.arrays.iter().find(|array| array.holds(size))
    }

    fn array_for_mut(&mut self, size: PageSize) -> Option<&mut Sets> {
        self.arrays.iter_mut().find(|array| array.holds(size))
    }

    fn retain(&mut self, mut keep: impl FnMut(&Entry) -> bool) -> Vec<Entry> {
        let mut removed = Vec::new();
        for array in &mut self.arrays {
            array.retain(&mut keep, &mut removed);
        }
        removed
    }

    /// The PCID changes from `old` to `new`: all but the most recently used PCIDs lose their entries.
    fn switch(&mut self, old: u16, new: u16, flush: Cr3Flush) -> Vec<Entry> {
        let limit = match flush {
            Cr3Flush::Flush => self.retained.flush,
            Cr3Flush::NoFlush => self.retained.no_flush,
        };
        self.others.retain(|pcid| *pcid != old && *pcid != new);
        self.others.insert(0, old);
        if self.others.len() <= limit {
            return Vec::new();
        }
        let lost = self.others.split_off(limit);
        self.retain(|entry| entry.global || !lost.contains(&entry.pcid))
    }
}

/// A translation found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// In the first level.
    First(Entry),
    /// In the second level only.
    Second(Entry),
}

impl Hierarchy {
    pub(super) fn new(geometry: &'static geometry::Hierarchy, redundant_write: RedundantWrite) -> Self {
        let second = match &geometry.second {
            Second::Shared(second) => [Some(second), None],
            Second::Split { data, fetches } => [Some(data), Some(fetches)],
        };
        let first = [Some(&geometry.data), geometry.stores.as_ref(), Some(&geometry.fetches)];
        let levels = first.into_iter().chain(second).flatten().map(Cache::new).collect();
        Self { redundant_write, levels, routes: routes(geometry), current: 0 }
    }

    fn route(&self, kind: AccessKind) -> Route {
        match kind {
            AccessKind::Read => self.routes[0],
            AccessKind::Write => self.routes[1],
            AccessKind::Execute => self.routes[2],
        }
    }

    /// Translations for `linear`, once for each level that holds them.
    pub(super) fn covering(&self, linear: u64) -> impl Iterator<Item = &Entry> {
        self.levels.iter().flat_map(move |level| level.covering(linear))
    }

    /// The translation to use for an access of `kind`: in the first level, else in the second. `better` orders those
    /// that `suits` accepts.
    pub(super) fn find<K: Ord>(
        &self,
        linear: u64,
        kind: AccessKind,
        suits: impl Fn(&&Entry) -> bool,
        better: impl Fn(&&Entry) -> K,
    ) -> Option<Found> {
        let best = |level: usize| self.levels[level].covering(linear).filter(&suits).min_by_key(&better).copied();
        let Route { first, second } = self.route(kind);
        best(first).map(Found::First).or_else(|| best(second).map(Found::Second))
    }

    /// Whether an entry that was just used stays the most recently used of its set as long as no other page whose
    /// number has the same remainder by `slots` is used. Loads and stores count together.
    pub(super) fn settles(&self, kind: AccessKind, entry: &Entry, slots: usize) -> bool {
        entry.size == PageSize::Size4K
            && self.routes[0] == self.routes[1]
            && self.first(kind).array_for(entry.size).is_some_and(|array| array.refines(slots))
    }

    fn first(&self, kind: AccessKind) -> &Cache {
        &self.levels[self.route(kind).first]
    }

    /// Whether using `entry` in a level changes replacement state.
    pub(super) fn would_change(&self, kind: AccessKind, entry: &Entry) -> bool {
        self.first(kind).array_for(entry.size).is_some_and(|array| array.would_change(entry))
    }

    /// Notes a use in the first level.
    pub(super) fn touch(&mut self, kind: AccessKind, entry: &Entry) {
        let first = self.route(kind).first;
        if let Some(array) = self.levels[first].array_for_mut(entry.size) {
            array.touch(entry);
        }
    }

    /// Notes a use in the second level, which brings the entry into the first. Returns the entry that left the
    /// hierarchy in exchange.
    pub(super) fn promote(&mut self, kind: AccessKind, entry: &Entry) -> Option<Entry> {
        let Route { first, second } = self.route(kind);
        if let Some(array) = self.levels[second].array_for_mut(entry.size) {
            array.touch(entry);
        }
        self.insert_into(first, *entry).filter(|evicted| !self.contains(evicted))
    }

    /// Caches a translation in both levels. Returns the entries that left the hierarchy in exchange.
    pub(super) fn fill(&mut self, kind: AccessKind, entry: Entry) -> Vec<Entry> {
        for array in self.levels.iter_mut().flat_map(|level| &mut level.arrays) {
            array.update(&entry);
        }
        let Route { first, second } = self.route(kind);
        let evicted = [first, second].map(|level| self.insert_into(level, entry));
        let mut lost: Vec<Entry> = Vec::new();
        for entry in evicted.into_iter().flatten() {
            if !self.contains(&entry) && !lost.contains(&entry) {
                lost.push(entry);
            }
        }
        lost
    }

    fn insert_into(&mut self, level: usize, entry: Entry) -> Option<Entry> {
        self.levels[level].array_for_mut(entry.size)?.insert(entry)
    }

    /// The PCID that is current before the first MOV to CR3.
    pub(super) fn start(&mut self, pcid: u16) {
        self.current = pcid;
    }

    /// A MOV to CR3 loaded `pcid`. Returns the entries that this alone removed from the hierarchy, beyond what it
    /// invalidated.
    pub(super) fn load_pcid(&mut self, pcid: u16, flush: Cr3Flush) -> Vec<Entry> {
        let old = std::mem::replace(&mut self.current, pcid);
        let removed = if old == pcid { self.redundant_write(flush) } else { self.switch(old, pcid, flush) };
        let mut lost: Vec<Entry> = removed.into_iter().filter(|entry| !self.contains(entry)).collect();
        sort(&mut lost);
        lost
    }

    fn redundant_write(&mut self, flush: Cr3Flush) -> Vec<Entry> {
        match (self.redundant_write, flush) {
            (RedundantWrite::EmptiesFirstLevel, Cr3Flush::NoFlush) => {
                let second = self.routes[0].second;
                let first = self.levels.iter_mut().take(second);
                first.flat_map(|level| level.retain(|entry| entry.global)).collect()
            }
            _ => Vec::new(),
        }
    }

    fn switch(&mut self, old: u16, new: u16, flush: Cr3Flush) -> Vec<Entry> {
        self.levels.iter_mut().flat_map(|level| level.switch(old, new, flush)).collect()
    }

    pub(super) fn contains(&self, entry: &Entry) -> bool {
        self.levels.iter().any(|level| level.contains(entry))
    }

    /// Removes what `keep` rejects from all levels. Returns each removed entry once, sorted.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&Entry) -> bool) -> Vec<Entry> {
        let mut removed: Vec<_> = self.levels.iter_mut().flat_map(|level| level.retain(&mut keep)).collect();
        sort(&mut removed);
        removed
    }

    /// Every entry once, sorted by page, size and PCID.
    pub(super) fn entries(&self) -> Vec<&Entry> {
        let arrays = self.levels.iter().flat_map(|level| &level.arrays);
        let mut entries: Vec<_> = arrays.flat_map(Sets::entries).collect();
        sort_by_key(&mut entries, |entry| super::sorted::key(entry));
        entries.dedup();
        entries
    }
}

/// Where loads, stores and fetches look: data, stores if they have their own, fetches, then the second level.
fn routes(geometry: &geometry::Hierarchy) -> [Route; 3] {
    let stores = usize::from(geometry.stores.is_some());
    let (fetches, second) = (stores + 1, stores + 2);
    let split = usize::from(matches!(geometry.second, Second::Split { .. }));
    let data = |first| Route { first, second };
    [data(0), data(stores), Route { first: fetches, second: second + split }]
}

fn sort(entries: &mut Vec<Entry>) {
    sort_by_key(entries, super::sorted::key);
    entries.dedup();
}

#[cfg(test)]
mod tests {
    use super::super::geometry::SKYLAKE;
    use super::*;
    use AccessKind::{Execute, Read};

    fn page(number: u64, pcid: u16) -> Entry {
        Entry { pcid, linear: number << 12, physical: number << 12, ..Entry::EMPTY }
    }

    fn skylake(redundant_write: RedundantWrite) -> Hierarchy {
        Hierarchy::new(&SKYLAKE, redundant_write)
    }

    /// Where an access finds the page: 1 or 2 for the level, 0 for nowhere.
    fn level(hierarchy: &Hierarchy, kind: AccessKind, entry: &Entry) -> u8 {
        let found = hierarchy.find(entry.linear, kind, |found| *found == entry, |found| found.pcid);
        match found {
            None => 0,
            Some(Found::First(_)) => 1,
            Some(Found::Second(_)) => 2,
        }
    }

    #[test]
    fn a_fill_reaches_the_level_of_its_access_and_the_shared_one() {
        let mut hierarchy = skylake(RedundantWrite::KeepsFirstLevel);
        let entry = page(3, 1);
        assert_eq!(hierarchy.fill(Read, entry), []);
        assert_eq!((level(&hierarchy, Read, &entry), level(&hierarchy, Execute, &entry)), (1, 2));
        assert_eq!(hierarchy.promote(Execute, &entry), None);
        assert_eq!(level(&hierarchy, Execute, &entry), 1);
        assert_eq!(hierarchy.entries(), [&entry]);
    }

    #[test]
    fn an_entry_is_lost_only_when_no_level_holds_it() {
        let mut hierarchy = skylake(RedundantWrite::KeepsFirstLevel);
        // They all go to one set of the first level and to 13 different sets of the second, which takes them all.
        let entries: Vec<_> = (0..13).map(|number| page(number << 4, 0)).collect();
        for entry in &entries {
            assert_eq!(hierarchy.fill(Read, *entry), []);
        }
        let levels: Vec<_> = entries.iter().map(|entry| level(&hierarchy, Read, entry)).collect();
        assert_eq!(levels, [2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1]);
        // One set of the second level, 16 sets of the first.
        let mut hierarchy = skylake(RedundantWrite::KeepsFirstLevel);
        let rivals: Vec<_> = (0..13).map(|number| page(number << 7 | number, 0)).collect();
        let lost: Vec<_> = rivals.iter().flat_map(|entry| hierarchy.fill(Read, *entry)).collect();
        assert_eq!(lost, []);
        assert_eq!(level(&hierarchy, Read, &rivals[0]), 1);
        assert_eq!(level(&hierarchy, Execute, &rivals[0]), 0);
        // Replaced in the first level as well, it is gone.
        let mut lost = Vec::new();
        for number in 1..=4 {
            lost.extend(hierarchy.fill(Read, page(1 << 20 | number << 4, 0)));
        }
        assert_eq!(lost, [rivals[0]]);
    }

    #[test]
    fn a_change_of_pcid_empties_the_data_level_and_keeps_four_others_in_the_shared_one() {
        let mut hierarchy = skylake(RedundantWrite::KeepsFirstLevel);
        let (own, global) = (page(1, 0), Entry { global: true, ..page(2, 0) });
        for entry in [own, global] {
            hierarchy.fill(Read, entry);
            hierarchy.promote(Execute, &entry);
        }
        let levels = |hierarchy: &Hierarchy| {
            [(Read, &own), (Execute, &own), (Read, &global)].map(|(kind, entry)| level(hierarchy, kind, entry))
        };
        assert_eq!(levels(&hierarchy), [1, 1, 1]);
        assert_eq!(hierarchy.load_pcid(1, Cr3Flush::NoFlush), []);
        assert_eq!(levels(&hierarchy), [2, 1, 1]);
        hierarchy.load_pcid(2, Cr3Flush::NoFlush);
        hierarchy.load_pcid(3, Cr3Flush::NoFlush);
        assert_eq!(levels(&hierarchy), [2, 1, 1]);
        hierarchy.load_pcid(4, Cr3Flush::NoFlush);
        assert_eq!(levels(&hierarchy), [2, 2, 1]);
        assert_eq!(hierarchy.load_pcid(5, Cr3Flush::NoFlush), [own]);
        assert_eq!(levels(&hierarchy), [0, 0, 1]);
    }

    #[test]
    fn the_fetch_level_keeps_one_other_pcid_after_a_flush_and_three_without() {
        for (flush, expected) in [(Cr3Flush::Flush, [1, 2, 2]), (Cr3Flush::NoFlush, [1, 1, 1])] {
            let mut hierarchy = skylake(RedundantWrite::KeepsFirstLevel);
            let entry = page(1, 0);
            hierarchy.fill(Execute, entry);
            let levels = [1, 2, 3].map(|pcid| {
                hierarchy.load_pcid(pcid, flush);
                level(&hierarchy, Execute, &entry)
            });
            assert_eq!(levels, expected, "{flush:?}");
        }
    }

    #[test]
    fn a_redundant_write_empties_the_first_level_only_where_that_is_assumed() {
        use RedundantWrite::{EmptiesFirstLevel, KeepsFirstLevel};
        for (assumed, flush, expected) in [
            (KeepsFirstLevel, Cr3Flush::NoFlush, 1),
            (EmptiesFirstLevel, Cr3Flush::NoFlush, 2),
            (EmptiesFirstLevel, Cr3Flush::Flush, 1),
        ] {
            let mut hierarchy = skylake(assumed);
            let entry = page(1, 0);
            hierarchy.fill(Read, entry);
            assert_eq!(hierarchy.load_pcid(0, flush), []);
            assert_eq!(level(&hierarchy, Read, &entry), expected, "{assumed:?} {flush:?}");
        }
    }
}
