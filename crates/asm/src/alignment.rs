//! The alignments of a section, and the greatest of them between two items.

/// Where the alignments of a section are, and the greatest of each run of them whose length is a power of two.
pub(super) struct Alignments {
    /// Items, in order.
    items: Vec<usize>,
    /// `greatest[k][i]` of the `2^k` alignments from the `i`th on.
    greatest: Vec<Vec<u64>>,
}

impl Alignments {
    /// From pairs of an item and its alignment, in order of items.
    pub(super) fn new(alignments: impl Iterator<Item = (usize, u64)>) -> Self {
        let (items, single): (Vec<usize>, Vec<u64>) = alignments.unzip();
        let mut greatest = vec![single];
        let mut half = 1;
        while let Some(last) = greatest.last().filter(|last| last.len() > half) {
            let pairs = last.iter().zip(&last[half..]);
            greatest.push(pairs.map(|(a, b)| *a.max(b)).collect());
            half *= 2;
        }
        Self { items, greatest }
    }

    /// The greatest among the items `from..to`; 1 when none is there.
    pub(super) fn between(&self, from: usize, to: usize) -> u64 {
        let index = |item: usize| self.items.partition_point(|other| *other < item);
        let (first, end) = (index(from), index(to));
        let Some(level) = end.saturating_sub(first).checked_ilog2() else {
            return 1;
        };
        let row = &self.greatest[level as usize];
        row[first].max(row[end - (1 << level)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_greatest_is_that_of_a_scan(powers in prop::collection::vec(prop::option::of(0..12_u32), 0..70)) {
            let aligned = powers.iter().enumerate().filter_map(|(item, power)| Some((item, 1 << (*power)?)));
            let alignments = Alignments::new(aligned.clone());
            for from in 0..=powers.len() {
                for to in from..=powers.len() {
                    let inside = aligned.clone().filter(|(item, _)| (from..to).contains(item));
                    let scanned = inside.map(|(_, to)| to).max().unwrap_or(1);
                    prop_assert_eq!(alignments.between(from, to), scanned);
                }
            }
        }
    }
}
