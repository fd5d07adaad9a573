//! Which rows of a long list are in the document, and where the list stands. All rows have one height.

use std::ops::Range;

/// Rows kept above and below those in sight.
const OVERSCAN: usize = 4;

/// The part of a list that is in sight, in CSS pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sight {
    /// How far it is scrolled.
    pub top: f64,
    /// Height of the part; 0 while the list is hidden.
    pub height: f64,
    /// Height of a row, at least 1.
    pub row: f64,
}

/// What a list is to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Aim {
    /// This row, scrolling no further than needed, and to a third of the height where it is far away.
    Near(usize),
    /// One of these rows first; where none of them is, the first of them.
    First(Range<usize>),
}

impl Sight {
    /// The rows that belong into the document.
    #[must_use]
    pub fn rows(self, total: usize) -> Range<usize> {
        let end = self.first().saturating_add(self.count()).saturating_add(OVERSCAN);
        self.first().saturating_sub(OVERSCAN).min(total)..end.min(total)
    }

    /// The most rows that are in sight at once, wholly or in part.
    fn count(self) -> usize {
        (self.height / self.row) as usize + 2
    }

    /// Names the element that shows a row. Rows that are in the document at the same time have different ones, and what
    /// comes into sight takes over what went out of it.
    #[must_use]
    pub fn slot(self, row: usize) -> usize {
        row % (self.count() + 2 * OVERSCAN)
    }

    /// The first row in sight, wholly or in part.
    #[must_use]
    pub fn first(self) -> usize {
        (self.top / self.row) as usize
    }

    /// How far the list has to be scrolled for its aim. A hidden one stays where it is.
    #[must_use]
    pub fn aimed(self, aim: &Aim, total: usize) -> f64 {
        if self.height <= 0.0 {
            return self.top;
        }
        let top = match aim {
            Aim::Near(row) => self.near(*row),
            Aim::First(rows) if rows.contains(&self.first()) => self.top,
            Aim::First(rows) => self.row * rows.start as f64,
        };
        let last = self.row * total as f64 - self.height;
        top.min(last).max(0.0)
    }

    /// The same for a list that comes into sight: it has not stood anywhere that a person knows.
    #[must_use]
    pub fn opened(self, aim: &Aim, total: usize) -> f64 {
        Self { top: f64::MIN, ..self }.aimed(aim, total).max(0.0)
    }

    fn near(self, row: usize) -> f64 {
        let Self { top, height, row: one } = self;
        let at = one * row as f64;
        let margin = (2.0 * one).min(height / 4.0);
        let far = at < top - height || at > top + 2.0 * height;
        match () {
            () if at >= top + margin && at + one <= top + height - margin => top,
            () if far => at - height / 3.0,
            () if at < top + margin => at - margin,
            () => at + one + margin - height,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    const SIGHT: Sight = Sight { top: 2400.0, height: 480.0, row: 24.0 };

    fn check(aim: Aim, top: f64) {
        assert_eq!(SIGHT.aimed(&aim, 1000), top, "{aim:?}");
    }

    #[test]
    fn a_list_scrolls_no_further_than_needed() {
        check(Aim::Near(102), 2400.0);
        check(Aim::Near(117), 2400.0);
        check(Aim::Near(118), 2424.0);
        check(Aim::Near(101), 2376.0);
        check(Aim::Near(500), 12000.0 - 160.0);
        check(Aim::Near(0), 0.0);
        check(Aim::Near(999), 24000.0 - 480.0);
        check(Aim::First(98..101), 2400.0);
        check(Aim::First(98..100), 98.0 * 24.0);
        check(Aim::First(995..996), 24000.0 - 480.0);
    }

    #[test]
    fn a_list_that_opens_has_its_row_at_a_third() {
        let opened = |aim| SIGHT.opened(&aim, 1000);
        assert_eq!(opened(Aim::Near(102)), 102.0 * 24.0 - 160.0);
        assert_eq!(opened(Aim::Near(3)), 0.0);
        assert_eq!(opened(Aim::First(98..101)), 98.0 * 24.0);
        assert_eq!(opened(Aim::First(0..2)), 0.0);
    }

    #[test]
    fn a_hidden_list_stays_and_keeps_few_rows() {
        let hidden = Sight { height: 0.0, ..SIGHT };
        assert_eq!(hidden.aimed(&Aim::Near(5), 1000), 2400.0);
        assert_eq!(hidden.rows(1000), 96..106);
    }

    proptest! {
        #[test]
        fn what_is_aimed_at_is_in_the_document(top in 0.0..1e6, height in 1.0..3000.0, total in 1usize..100_000, row: prop::sample::Index) {
            let row = row.index(total);
            for aim in [Aim::Near(row), Aim::First(row..row + 1)] {
                let sight = Sight { top, height, row: 24.0 };
                let sight = Sight { top: sight.aimed(&aim, total), ..sight };
                prop_assert!(sight.rows(total).contains(&row), "{aim:?} {sight:?}");
                prop_assert!(sight.top >= 0.0 && sight.top <= (24.0 * total as f64 - height).max(0.0));
                let slots: BTreeSet<usize> = sight.rows(total).map(|row| sight.slot(row)).collect();
                prop_assert_eq!(slots.len(), sight.rows(total).len());
                let below = ((sight.top + height - 1.0) / 24.0) as usize;
                prop_assert!(sight.rows(total).end > below.min(total - 1));
            }
        }
    }
}
