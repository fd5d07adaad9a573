//! One sort for lists of every kind.
//!
//! The standard library compiles its sort anew for each type, as some five kilobytes of WebAssembly. This one sorts positions,
//! once, and then moves the items.

use std::cmp::Ordering;

/// Sorts as [`slice::sort_by_key`] does: items with equal keys stay in their order.
pub fn sort_by_key<T, K: Ord>(items: &mut [T], key: impl Fn(&T) -> K) {
    let positions = sorted(items.len(), &|one, other| key(&items[one]).cmp(&key(&items[other])));
    arrange(items, positions);
}

/// The positions of a list of `length` items, in the order of the items.
fn sorted(length: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let mut positions: Vec<usize> = (0..length).collect();
    positions.sort_by(|one, other| compare(*one, *other));
    positions
}

/// Moves each item to the index at which `positions` has its own, round by round of items that take each other's places.
fn arrange<T>(items: &mut [T], mut positions: Vec<usize>) {
    for first in 0..items.len() {
        let mut at = first;
        while positions[at] != first {
            let from = std::mem::replace(&mut positions[at], at);
            items.swap(at, from);
            at = from;
        }
        positions[at] = at;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_sorts_as_the_standard_library_does(keys in prop::collection::vec(0u8..20, 0..100)) {
            let mut items: Vec<(u8, usize)> = keys.into_iter().zip(0..).collect();
            let mut expected = items.clone();
            expected.sort_by_key(|(key, _)| *key);
            sort_by_key(&mut items, |(key, _)| *key);
            prop_assert_eq!(items, expected);
        }
    }
}
