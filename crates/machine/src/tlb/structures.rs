//! The paging-structure caches (SDM vol. 3A 4.10.3).

use super::StructureEntry;
use crate::level::UpperLevel;

/// Cached upper-level entries; at most one for each PCID, level and address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Structures {
    /// How many PDEs, PDPTEs and PML4Es fit; `None` is unbounded.
    capacity: Option<[usize; 3]>,
    /// Unbounded: sorted by PCID, level, address. Otherwise: most recently used first.
    entries: Vec<StructureEntry>,
}

/// The result of an insertion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Inserted {
    /// Whether the entry is new, or differs from the one it replaced.
    pub(super) changed: bool,
    /// The entry that it replaced for lack of room.
    pub(super) evicted: Option<StructureEntry>,
}

impl Structures {
    pub(super) fn with_capacity(capacity: [usize; 3]) -> Self {
        Self { capacity: Some(capacity), entries: Vec::new() }
    }

    /// Where the entry with this PCID, level and address is, or where it belongs.
    fn position(&self, key: (u16, UpperLevel, u64)) -> Result<usize, usize> {
        match self.capacity {
            None => self.entries.binary_search_by_key(&key, StructureEntry::key),
            Some(_) => self.entries.iter().position(|entry| entry.key() == key).ok_or(0),
        }
    }

    pub(super) fn find(&self, key: (u16, UpperLevel, u64)) -> Option<&StructureEntry> {
        self.entries.get(self.position(key).ok()?)
    }

    /// Whether using `entry` would change the order of replacement.
    pub(super) fn would_change(&self, entry: &StructureEntry) -> bool {
        self.capacity.is_some() && self.entries.first() != Some(entry)
    }

    /// Notes that `entry` was used.
    pub(super) fn touch(&mut self, entry: &StructureEntry) {
        if self.capacity.is_some()
            && let Ok(index) = self.position(entry.key())
            && let Some(used) = self.entries.get_mut(..=index)
        {
            used.rotate_right(1);
        }
    }

    pub(super) fn insert(&mut self, entry: StructureEntry) -> Inserted {
        match self.position(entry.key()) {
            Ok(index) => {
                let before = std::mem::replace(&mut self.entries[index], entry);
                self.touch(&entry);
                Inserted { changed: before != entry, evicted: None }
            }
            Err(index) => {
                let evicted = self.make_room(entry.level);
                self.entries.insert(index, entry);
                Inserted { changed: true, evicted }
            }
        }
    }

    /// Removes the least recently used entry of a full level.
    fn make_room(&mut self, level: UpperLevel) -> Option<StructureEntry> {
        let capacity = self.capacity?[level as usize - UpperLevel::Pd as usize];
        let held = self.entries.iter().filter(|entry| entry.level == level).count();
        let oldest = self.entries.iter().rposition(|entry| entry.level == level)?;
        (held >= capacity).then(|| self.entries.remove(oldest))
    }

    pub(super) fn retain(&mut self, keep: impl FnMut(&StructureEntry) -> bool) {
        self.entries.retain(keep);
    }

    pub(super) fn entries(&self) -> &[StructureEntry] {
        &self.entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rights::Rights;
    use UpperLevel::{Pd, Pdpt};

    fn entry(level: UpperLevel, number: u64) -> StructureEntry {
        StructureEntry { pcid: 0, level, linear: number << level.shift(), table: 0, rights: Rights::ALL }
    }

    #[test]
    fn a_full_level_loses_its_least_recently_used_entry_and_other_levels_nothing() {
        let mut structures = Structures::with_capacity([3, 1, 1]);
        structures.insert(entry(Pdpt, 7));
        for number in 0..3 {
            assert_eq!(structures.insert(entry(Pd, number)), Inserted { changed: true, evicted: None });
        }
        structures.touch(&entry(Pd, 0));
        assert_eq!(structures.insert(entry(Pd, 3)).evicted, Some(entry(Pd, 1)));
        assert_eq!(structures.insert(entry(Pd, 2)), Inserted { changed: false, evicted: None });
        assert_eq!(structures.insert(entry(Pd, 4)).evicted, Some(entry(Pd, 0)));
        assert_eq!(structures.insert(entry(Pdpt, 8)).evicted, Some(entry(Pdpt, 7)));
        let left: Vec<_> = structures.entries().iter().map(|entry| (entry.level, entry.linear)).collect();
        assert_eq!(left, [(Pdpt, 8 << 30), (Pd, 4 << 21), (Pd, 2 << 21), (Pd, 3 << 21)]);
    }

    #[test]
    fn the_order_of_use_is_no_part_of_unbounded_caches() {
        let mut left = Structures::default();
        let mut right = Structures::default();
        for number in 0..4 {
            left.insert(entry(Pd, number));
            right.insert(entry(Pd, 3 - number));
        }
        assert!(!left.would_change(&entry(Pd, 0)));
        left.touch(&entry(Pd, 2));
        assert_eq!(left, right);
    }
}
