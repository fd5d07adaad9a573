//! A set-associative array of translations with its replacement state.

use super::geometry::{Array, Index, Replacement};
use super::{Entry, PageSize};

/// An array and what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sets {
    array: &'static Array,
    sets: Vec<Set>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Set {
    ways: Vec<Option<Entry>>,
    recency: Recency,
}

/// What decides which way is replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Recency {
    Trees {
        /// One tree of bits for each group: bit `n` has children `2n` and `2n+1`, the root is bit 1. A set bit sends
        /// the next replacement to the right half.
        trees: Vec<u8>,
        /// Ways that share a tree.
        group_size: usize,
        /// The group last used, for replacement by groups.
        last_group: u8,
    },
    /// The ways, most recently used first.
    Order(Vec<u8>),
}

impl Sets {
    pub(super) fn new(array: &'static Array) -> Self {
        let set = Set { ways: vec![None; array.ways], recency: Recency::new(array) };
        Self { array, sets: vec![set; array.sets] }
    }

    pub(super) fn holds(&self, size: PageSize) -> bool {
        self.array.sizes.contains(&size)
    }

    /// Whether pages of one set always have the same number modulo `slots`.
    pub(super) fn refines(&self, slots: usize) -> bool {
        self.array.index == Index::Linear && self.array.sets.is_multiple_of(slots)
    }

    fn set_number(&self, linear: u64, size: PageSize) -> usize {
        let number = linear >> size.offset_mask().count_ones();
        let hashed = match self.array.index {
            Index::Linear => number,
            Index::Xor7 => number ^ number >> 7,
        };
        hashed as usize % self.array.sets
    }

    /// Translations for `linear` in this array.
    pub(super) fn covering(&self, linear: u64) -> impl Iterator<Item = &Entry> {
        self.array.sizes.iter().flat_map(move |size| {
            let ways = self.sets.get(self.set_number(linear, *size)).map_or(&[][..], |set| &set.ways);
            ways.iter().flatten().filter(move |entry| entry.size == *size && entry.covers(linear))
        })
    }

    /// Whether `entry` is held, as it is.
    pub(super) fn contains(&self, entry: &Entry) -> bool {
        self.sets.get(self.set_number(entry.linear, entry.size)).is_some_and(|set| set.ways.contains(&Some(*entry)))
    }

    /// Whether using `entry` would change the replacement state.
    pub(super) fn would_change(&self, entry: &Entry) -> bool {
        let Some(set) = self.sets.get(self.set_number(entry.linear, entry.size)) else { return false };
        set.position(entry).is_some_and(|way| set.recency.would_change(way))
    }

    /// Notes that `entry` was used.
    pub(super) fn touch(&mut self, entry: &Entry) {
        let number = self.set_number(entry.linear, entry.size);
        if let Some(set) = self.sets.get_mut(number)
            && let Some(way) = set.position(entry)
        {
            set.recency.touch(way);
        }
    }

    /// Replaces the entry with the same page, size and PCID by `entry`. Returns whether there was one.
    pub(super) fn update(&mut self, entry: &Entry) -> bool {
        let number = self.set_number(entry.linear, entry.size);
        let Some(set) = self.sets.get_mut(number) else { return false };
        let Some(way) = set.position(entry) else { return false };
        set.ways[way] = Some(*entry);
        true
    }

    /// Caches `entry` as the most recently used. Returns the entry that it replaced.
    pub(super) fn insert(&mut self, entry: Entry) -> Option<Entry> {
        let number = self.set_number(entry.linear, entry.size);
        let set = self.sets.get_mut(number)?;
        let same = set.position(&entry);
        let free = || set.ways.iter().position(Option::is_none);
        let way = same.or_else(free).unwrap_or_else(|| set.recency.victim());
        let evicted = set.ways.get_mut(way)?.replace(entry).filter(|_| same.is_none());
        set.recency.touch(way);
        evicted
    }

    /// Removes what `keep` rejects and passes it to `removed`.
    pub(super) fn retain(&mut self, keep: &mut impl FnMut(&Entry) -> bool, removed: &mut Vec<Entry>) {
        for way in self.sets.iter_mut().flat_map(|set| &mut set.ways) {
            removed.extend(way.take_if(|entry| !keep(entry)));
        }
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.sets.iter().flat_map(|set| set.ways.iter().flatten())
    }
}

impl Set {
    /// The way that holds the page of `entry` under its PCID.
    fn position(&self, entry: &Entry) -> Option<usize> {
        let same = |held: &Entry| (held.linear, held.size, held.pcid) == (entry.linear, entry.size, entry.pcid);
        self.ways.iter().position(|way| way.as_ref().is_some_and(same))
    }
}

impl Recency {
    fn new(array: &Array) -> Self {
        let trees = |group_size: usize| Self::Trees {
            trees: vec![0; array.ways.div_ceil(group_size)],
            group_size,
            last_group: 0,
        };
        match array.replacement {
            Replacement::TreePlru => trees(array.ways),
            Replacement::NextGroupPlru4 => trees(4),
            Replacement::Lru => Self::Order((0..array.ways as u8).collect()),
        }
    }

    fn would_change(&self, way: usize) -> bool {
        match self {
            Self::Trees { .. } => {
                let mut used = self.clone();
                used.touch(way);
                used != *self
            }
            Self::Order(order) => order.first().copied().map(usize::from) != Some(way),
        }
    }

    fn touch(&mut self, way: usize) {
        match self {
            Self::Trees { trees, group_size, last_group } => {
                let group = way / *group_size;
                *last_group = group as u8;
                if let Some(tree) = trees.get_mut(group) {
                    *tree = used(*tree, way % *group_size, *group_size);
                }
            }
            Self::Order(order) => {
                if let Some(at) = order.iter().position(|other| usize::from(*other) == way) {
                    order[..=at].rotate_right(1);
                }
            }
        }
    }

    /// The way to replace in a full set.
    fn victim(&self) -> usize {
        match self {
            Self::Trees { trees, group_size, last_group } => {
                let group = (usize::from(*last_group) + 1) % trees.len().max(1);
                group * group_size + next(trees.get(group).copied().unwrap_or(0), *group_size)
            }
            Self::Order(order) => order.last().copied().unwrap_or(0).into(),
        }
    }
}

/// The tree after a use of `way`, one of `ways`: the bits on its path point to the other half.
fn used(tree: u8, way: usize, ways: usize) -> u8 {
    let (mut tree, mut node, mut half) = (tree, 1, ways / 2);
    while half > 0 {
        let right = way & half != 0;
        tree = if right { tree & !(1 << node) } else { tree | 1 << node };
        node = node * 2 + usize::from(right);
        half /= 2;
    }
    tree
}

/// The way that the bits of the tree point to.
fn next(tree: u8, ways: usize) -> usize {
    let (mut way, mut node, mut half) = (0, 1, ways / 2);
    while half > 0 {
        let right = tree & 1 << node != 0;
        way |= if right { half } else { 0 };
        node = node * 2 + usize::from(right);
        half /= 2;
    }
    way
}

#[cfg(test)]
mod tests {
    use super::super::geometry::{SKYLAKE, Second};
    use super::*;
    use std::collections::BTreeSet;

    fn page(number: u64) -> Entry {
        Entry { linear: number << 12, physical: number << 12, ..Entry::EMPTY }
    }

    fn shared() -> &'static Array {
        match &SKYLAKE.second {
            Second::Shared(level) | Second::Split { data: level, .. } => &level.arrays[0],
        }
    }

    fn sets(array: &'static Array) -> Sets {
        Sets::new(array)
    }

    /// Pages that all go to one set of `array`.
    fn rivals(array: &'static Array, count: usize) -> Vec<Entry> {
        let sets = sets(array);
        (0..).map(page).filter(|entry| sets.set_number(entry.linear, entry.size) == 5).take(count).collect()
    }

    fn names(sets: &Sets, rivals: &[Entry]) -> String {
        let held = rivals.iter().enumerate().filter(|(_, entry)| sets.contains(entry));
        held.map(|(index, _)| char::from(b'a' + index as u8)).collect()
    }

    /// Uses rivals by letter and inserts those that are absent. Returns the letters evicted, `.` for none.
    fn play(array: &'static Array, script: &str) -> String {
        let rivals = rivals(array, 26);
        let mut sets = sets(array);
        let mut told = String::new();
        for letter in script.bytes() {
            let entry = rivals[usize::from(letter - b'a')];
            if sets.contains(&entry) {
                sets.touch(&entry);
                continue;
            }
            let evicted = sets.insert(entry);
            let index = rivals.iter().position(|rival| evicted == Some(*rival));
            told.push(index.map_or('.', |index| char::from(b'a' + index as u8)));
        }
        told
    }

    #[test]
    fn tree_plru_evicts_as_the_tree_points() {
        let data = &SKYLAKE.data.arrays[0];
        // Filled in order, then a miss: all bits point left again.
        assert_eq!(play(data, "abcde"), "....a");
        assert_eq!(play(data, "abcdaef"), "....cb");
        // Tree-PLRU is not LRU: b is the least recent here, yet d goes.
        assert_eq!(play(data, "abcdcae"), "....d");
        assert_eq!(play(data, "abcdefgh"), "....acbd");
        let fetches = &SKYLAKE.fetches.arrays[0];
        assert_eq!(play(fetches, "abcdefghijklmnop"), "........aecgbfdh");
    }

    #[test]
    fn lru_evicts_the_least_recently_used() {
        static FOUR: Array = Array {
            sizes: &[PageSize::Size4K],
            sets: 16,
            ways: 4,
            index: Index::Linear,
            replacement: Replacement::Lru,
        };
        assert_eq!(play(&FOUR, "abcde"), "....a");
        assert_eq!(play(&FOUR, "abcdaef"), "....bc");
        assert_eq!(play(&FOUR, "abcdcae"), "....b");
        assert_eq!(play(&FOUR, "abcdefgh"), "....abcd");
    }

    #[test]
    fn the_second_level_goes_round_its_groups() {
        let shared = shared();
        // Ways 0-3, 4-7, 8-11 are groups; the last fill was in the third, so the first is next.
        assert_eq!(play(shared, "abcdefghijklmnopqr"), "............aeicgk");
        // A use of the first group sends the next miss to the second.
        assert_eq!(play(shared, "abcdefghijklam"), "............e");
    }

    #[test]
    fn a_set_holds_as_many_pages_as_it_has_ways() {
        for (array, ways) in [(&SKYLAKE.data.arrays[0], 4), (&SKYLAKE.fetches.arrays[0], 8), (shared(), 12)] {
            let rivals = rivals(array, 26);
            let mut sets = sets(array);
            let mut evictions = 0;
            for entry in &rivals {
                evictions += usize::from(sets.insert(*entry).is_some());
                assert!(sets.contains(entry));
            }
            assert_eq!(evictions, 26 - ways);
            assert_eq!(sets.entries().count(), ways);
            assert_eq!(names(&sets, &rivals).len(), ways);
        }
    }

    #[test]
    fn the_second_level_hashes_by_xor_of_seven_bits() {
        let sets = sets(shared());
        let check = |number: u64, set| assert_eq!(sets.set_number(number << 12, PageSize::Size4K), set, "{number:#x}");
        check(0, 0);
        check(0x7f, 0x7f);
        check(0x80, 1);
        check(0x80 | 1, 0);
        check(0x3fff, 0);
        check(0x4000, 0);
        check(0x4005, 5);
        assert_eq!(sets.set_number(0x81 << 21, PageSize::Size2M), 0);
        assert_eq!(sets.set_number(0x83 << 21, PageSize::Size2M), 2);
        let all: BTreeSet<_> = (0..1 << 14).map(|number| sets.set_number(number << 12, PageSize::Size4K)).collect();
        assert_eq!(all.len(), 128);
    }

    #[test]
    fn a_use_changes_nothing_the_second_time() {
        for array in [&SKYLAKE.data.arrays[0], shared()] {
            let rivals = rivals(array, 4);
            let mut sets = sets(array);
            for entry in &rivals {
                sets.insert(*entry);
            }
            assert!(sets.would_change(&rivals[0]));
            sets.touch(&rivals[0]);
            assert!(!sets.would_change(&rivals[0]));
        }
    }
}
