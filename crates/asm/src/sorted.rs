//! Maps and sets in the order of their keys, for everything that the page loads.
//!
//! The standard library compiles its trees anew for each pair of types, as some ten kilobytes of WebAssembly. These are
//! sorted lists. A list that grows long is split in two, so that adding to it does not become slow with any number of keys.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::ops::Index;

/// The most pairs in one list. Moving so few takes about as long as finding a place among them.
const MOST: usize = 256;

/// Values by key.
#[derive(Clone)]
pub struct Map<K, V> {
    /// None is empty, and the keys ascend from list to list.
    lists: Vec<Vec<(K, V)>>,
}

/// The list of a pair, and its index there.
#[derive(Clone, Copy)]
struct Slot {
    list: usize,
    at: usize,
}

/// Where `compare` finds the key among `count` ascending ones, or where it would have to be put. Compiled once.
fn search(count: usize, compare: &dyn Fn(usize) -> Ordering) -> Result<usize, usize> {
    let (mut from, mut to) = (0, count);
    while from < to {
        let middle = from.midpoint(to);
        match compare(middle) {
            Ordering::Less => from = middle + 1,
            Ordering::Equal => return Ok(middle),
            Ordering::Greater => to = middle,
        }
    }
    Err(from)
}

impl<K: Ord, V> Map<K, V> {
    /// Without pairs.
    #[must_use]
    pub const fn new() -> Self {
        Self { lists: Vec::new() }
    }

    /// Whether there is no pair.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lists.is_empty()
    }

    /// The number of pairs.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lists.iter().map(Vec::len).sum()
    }

    /// The value of `key`.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let Slot { list, at } = self.find(key).ok()?;
        Some(&self.lists[list][at].1)
    }

    /// Whether there is a pair with `key`.
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.find(key).is_ok()
    }

    /// Adds a pair, or gives `key` another value and returns the one that it had.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.find(&key) {
            Ok(Slot { list, at }) => Some(std::mem::replace(&mut self.lists[list][at].1, value)),
            Err(slot) => {
                self.put(slot, (key, value));
                None
            }
        }
    }

    /// The value of `key`, which is added with the value of `make` if it is new.
    pub fn get_or_insert_with(&mut self, key: K, make: impl FnOnce() -> V) -> &mut V {
        let Slot { list, at } = match self.find(&key) {
            Ok(slot) => slot,
            Err(slot) => self.put(slot, (key, make())),
        };
        &mut self.lists[list][at].1
    }

    /// Takes the pair with `key` out, and returns its value.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let Slot { list, at } = self.find(key).ok()?;
        let (_, value) = self.lists[list].remove(at);
        if self.lists[list].is_empty() {
            self.lists.remove(list);
        }
        Some(value)
    }

    /// The pairs in the order of their keys.
    #[must_use]
    pub fn iter(&self) -> Iter<'_, K, V> {
        Iter { lists: self.lists.iter(), list: [].iter() }
    }

    /// The keys in their order.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.iter().map(|(key, _)| key)
    }

    /// The values in the order of their keys.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// Where the pair with `key` is, or where it would have to be put.
    fn find<Q: Ord + ?Sized>(&self, key: &Q) -> Result<Slot, Slot>
    where
        K: Borrow<Q>,
    {
        let begins = |list: usize| self.lists[list][0].0.borrow().cmp(key);
        let list = match search(self.lists.len(), &begins) {
            Ok(list) => return Ok(Slot { list, at: 0 }),
            Err(after) => after.saturating_sub(1),
        };
        let count = self.lists.get(list).map_or(0, Vec::len);
        let compare = |at: usize| self.lists[list][at].0.borrow().cmp(key);
        let slot = |at| Slot { list, at };
        search(count, &compare).map(slot).map_err(slot)
    }

    /// Puts a pair where `find` said, and returns where it then is.
    fn put(&mut self, Slot { mut list, mut at }: Slot, pair: (K, V)) -> Slot {
        match self.lists.get_mut(list) {
            None => self.lists.push(Vec::new()),
            Some(full) if full.len() == MOST => {
                let upper = full.split_off(MOST / 2);
                self.lists.insert(list + 1, upper);
                if at > MOST / 2 {
                    (list, at) = (list + 1, at - MOST / 2);
                }
            }
            Some(_) => {}
        }
        self.lists[list].insert(at, pair);
        Slot { list, at }
    }
}

/// The value of a key that is there; any other is a mistake in the program that asks.
impl<K: Ord + Borrow<Q>, Q: Ord + ?Sized, V> Index<&Q> for Map<K, V> {
    type Output = V;

    fn index(&self, key: &Q) -> &V {
        self.get(key).expect("the key is in the map")
    }
}

/// The pairs of a [`Map`] in the order of their keys.
pub struct Iter<'m, K, V> {
    lists: std::slice::Iter<'m, Vec<(K, V)>>,
    list: std::slice::Iter<'m, (K, V)>,
}

impl<K, V> Clone for Iter<'_, K, V> {
    fn clone(&self) -> Self {
        Self { lists: self.lists.clone(), list: self.list.clone() }
    }
}

impl<'m, K, V> Iterator for Iter<'m, K, V> {
    type Item = (&'m K, &'m V);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((key, value)) = self.list.next() {
                return Some((key, value));
            }
            self.list = self.lists.next()?.iter();
        }
    }
}

impl<'m, K: Ord, V> IntoIterator for &'m Map<K, V> {
    type Item = (&'m K, &'m V);
    type IntoIter = Iter<'m, K, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<K, V> IntoIterator for Map<K, V> {
    type Item = (K, V);
    type IntoIter = std::iter::Flatten<std::vec::IntoIter<Vec<(K, V)>>>;

    fn into_iter(self) -> Self::IntoIter {
        self.lists.into_iter().flatten()
    }
}

impl<K: Ord, V> Extend<(K, V)> for Map<K, V> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, pairs: I) {
        for (key, value) in pairs {
            self.insert(key, value);
        }
    }
}

impl<K: Ord, V> FromIterator<(K, V)> for Map<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let mut map = Self::new();
        map.extend(pairs);
        map
    }
}

impl<K: Ord, V, const N: usize> From<[(K, V); N]> for Map<K, V> {
    fn from(pairs: [(K, V); N]) -> Self {
        pairs.into_iter().collect()
    }
}

impl<K, V> Default for Map<K, V> {
    fn default() -> Self {
        Self { lists: Vec::new() }
    }
}

/// Two maps are equal when their pairs are, however these are spread over lists.
impl<K: Ord, V: PartialEq> PartialEq for Map<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other)
    }
}

impl<K: Ord, V: Eq> Eq for Map<K, V> {}

impl<K: Ord + fmt::Debug, V: fmt::Debug> fmt::Debug for Map<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

/// Keys without values.
#[derive(Clone, PartialEq, Eq)]
pub struct Set<K: Ord>(Map<K, ()>);

impl<K: Ord> Set<K> {
    /// Without keys.
    #[must_use]
    pub const fn new() -> Self {
        Self(Map::new())
    }

    /// Whether there is no key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The number of keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether `key` is among them.
    pub fn contains<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.0.contains_key(key)
    }

    /// Adds a key; true if it is new.
    pub fn insert(&mut self, key: K) -> bool {
        self.0.insert(key, ()).is_none()
    }

    /// The keys in their order.
    pub fn iter(&self) -> impl Iterator<Item = &K> {
        self.0.keys()
    }

    /// The keys in their order, by value.
    pub fn into_keys(self) -> impl Iterator<Item = K> {
        self.0.into_iter().map(|(key, ())| key)
    }
}

impl<K: Ord> Extend<K> for Set<K> {
    fn extend<I: IntoIterator<Item = K>>(&mut self, keys: I) {
        self.0.extend(keys.into_iter().map(|key| (key, ())));
    }
}

impl<K: Ord> FromIterator<K> for Set<K> {
    fn from_iter<I: IntoIterator<Item = K>>(keys: I) -> Self {
        let mut set = Self::new();
        set.extend(keys);
        set
    }
}

impl<K: Ord, const N: usize> From<[K; N]> for Set<K> {
    fn from(keys: [K; N]) -> Self {
        keys.into_iter().collect()
    }
}

impl<K: Ord> Default for Set<K> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Ord + fmt::Debug> fmt::Debug for Set<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cr3_testing::cases;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// What to do with a key.
    #[derive(Clone, Copy, Debug)]
    enum Change {
        Insert(u16, u32),
        Count(u16),
        Remove(u16),
    }

    fn change() -> impl Strategy<Value = Change> {
        let key = || 0u16..2000;
        prop_oneof![
            5 => (key(), any::<u32>()).prop_map(|(key, value)| Change::Insert(key, value)),
            1 => key().prop_map(Change::Count),
            3 => key().prop_map(Change::Remove),
        ]
    }

    /// Whether no list is empty or too long, and all are in order.
    fn is_sound<K: Ord, V>(map: &Map<K, V>) -> bool {
        map.lists.iter().all(|list| (1..=MOST).contains(&list.len())) && map.keys().is_sorted_by(|one, next| one < next)
    }

    proptest! {
        #![proptest_config(cases(64))]

        #[test]
        fn a_map_is_what_a_tree_is(changes in prop::collection::vec(change(), 0..4000)) {
            let (mut map, mut tree) = (Map::new(), BTreeMap::new());
            for change in changes {
                match change {
                    Change::Insert(key, value) => prop_assert_eq!(map.insert(key, value), tree.insert(key, value)),
                    Change::Remove(key) => prop_assert_eq!(map.remove(&key), tree.remove(&key)),
                    Change::Count(key) => {
                        let (own, other) = (map.get_or_insert_with(key, || 7), tree.entry(key).or_insert(7));
                        prop_assert_eq!(&own, &other);
                        *own = own.wrapping_add(1);
                        *other = other.wrapping_add(1);
                    }
                }
            }
            prop_assert!(is_sound(&map));
            prop_assert_eq!((map.len(), map.is_empty()), (tree.len(), tree.is_empty()));
            prop_assert!((0..2000).all(|key| map.get(&key) == tree.get(&key) && map.contains_key(&key) == tree.contains_key(&key)));
            prop_assert!(map.iter().eq(&tree));
            prop_assert_eq!(format!("{map:?}"), format!("{tree:?}"));
            prop_assert_eq!(&map, &tree.iter().map(|(key, value)| (*key, *value)).collect());
            prop_assert!(map.into_iter().eq(tree));
        }
    }

    #[test]
    fn equal_maps_may_have_other_lists() {
        let up: Map<u32, ()> = (0..1000).map(|key| (key, ())).collect();
        let down: Map<u32, ()> = (0..1000).rev().map(|key| (key, ())).collect();
        let lengths = |map: &Map<u32, ()>| map.lists.iter().map(Vec::len).collect::<Vec<_>>();
        assert_ne!(lengths(&up), lengths(&down));
        assert_eq!(up, down);
        assert_ne!(up, Map::new());
        assert_eq!(Map::from([("a", 1), ("b", 2)])["b"], 2);
    }

    #[test]
    fn a_set_keeps_each_key_once() {
        let mut set = Set::from(["b", "a", "b"]);
        assert_eq!(
            (set.insert("a"), set.insert("c"), set.contains("c"), set.contains("d")),
            (false, true, true, false)
        );
        assert_eq!((set.len(), set.is_empty(), Set::<u8>::new().is_empty()), (3, false, true));
        assert_eq!(format!("{set:?}"), r#"{"a", "b", "c"}"#);
        assert_eq!(set.into_keys().collect::<String>(), "abc");
    }
}
