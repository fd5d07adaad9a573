//! Which rows of a long list are in the document, and the list's scroll position. All rows have one height.

use std::ops::Range;

/// Rows kept above and below those in sight.
const OVERSCAN: usize = 4;

/// A smaller change is no scrolling by a person: CSS pixels. The position that a browser reports may differ from the
/// one it was given by this much, because it rounds to pixels of the screen.
const ROUNDING: f64 = 4.0;

/// Number of rows that a list counts as clearly visible, however little of it is visible.
const LEAST_CLEAR: f64 = 1.0;

/// The part of a list that is in sight, in CSS pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sight {
    /// Its scroll position.
    pub top: f64,
    /// Height of the part; 0 while the list is hidden.
    pub height: f64,
    /// How much of the height is visible while the page itself is not scrolled. The rest may be below the window's edge
    /// or behind something that sticks there.
    pub clear: f64,
    /// Height of a row, at least 1.
    pub row: f64,
}

/// What a list should show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Aim {
    /// This row. Scrolls no further than needed, or to a third of the height if the row is far away.
    Near(usize),
    /// One of these rows at the top; if none is, then the first of them.
    First(Range<usize>),
}

impl Sight {
    /// The rows that belong in the document.
    #[must_use]
    pub fn rows(self, total: usize) -> Range<usize> {
        let end = self.first().saturating_add(self.count()).saturating_add(OVERSCAN);
        self.first().saturating_sub(OVERSCAN).min(total)..end.min(total)
    }

    /// The first row in sight, wholly or in part.
    #[must_use]
    pub fn first(self) -> usize {
        (self.top / self.row) as usize
    }

    /// Maximum number of rows in sight at once, wholly or in part.
    fn count(self) -> usize {
        (self.height / self.row) as usize + 2
    }

    /// Identifies the element that shows a row. Rows in the document at the same time have different ones, and a row
    /// that comes into sight reuses that of one that left.
    #[must_use]
    pub fn slot(self, row: usize) -> usize {
        row % (self.count() + 2 * OVERSCAN)
    }

    /// Whether a row is wholly in clear sight.
    fn shows(self, row: usize) -> bool {
        let at = self.row * row as f64;
        at >= self.top && at + self.row <= self.top + self.clear
    }

    /// The scroll position that the aim requires.
    fn aimed(self, aim: &Aim, total: usize) -> f64 {
        let top = match aim {
            Aim::Near(row) => self.near(*row),
            Aim::First(rows) if rows.contains(&self.first()) => self.top,
            Aim::First(rows) => self.row * rows.start as f64,
        };
        Self { top, ..self }.within(total)
    }

    /// The same, whatever the position was before.
    fn opened(self, aim: &Aim, total: usize) -> f64 {
        Self { top: f64::MIN, ..self }.aimed(aim, total)
    }

    /// The scroll position, at most what the last row needs.
    fn within(self, total: usize) -> f64 {
        let last = self.length(total) - self.height;
        self.top.min(last).max(0.0)
    }

    /// Height of all rows plus the covered height, so that the last row can come into clear sight.
    #[must_use]
    pub fn length(self, total: usize) -> f64 {
        self.row * total as f64 + (self.height - self.clear)
    }

    fn near(self, row: usize) -> f64 {
        let Self { top, clear: height, row: one, .. } = self;
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

/// Who scrolled a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scroller {
    /// The list, or the browser on its own.
    Itself,
    /// A person.
    Person,
}

/// The meaning of a change of a list's scroll position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scrolled {
    /// Who did it.
    pub who: Scroller,
    /// Whether the rows have to be rendered again.
    pub rows_change: bool,
}

/// A list, its position, and the last aim. The owner talks to the browser.
#[derive(Clone, Debug, PartialEq)]
pub struct Stand {
    sight: Sight,
    aim: Option<Aim>,
    total: usize,
    sought: u32,
    /// The scroll position that the browser has to set.
    scroll: Option<f64>,
}

impl Stand {
    /// A list that the browser has not measured yet.
    #[must_use]
    pub fn new(row: f64) -> Self {
        Self::expected(0.0, row)
    }

    /// A list that the browser has not measured yet, and that will have about this height: its rows need not wait until it
    /// is measured.
    #[must_use]
    pub fn expected(height: f64, row: f64) -> Self {
        let sight = Sight { top: 0.0, height, clear: height, row };
        Self { sight, aim: None, total: 0, sought: 0, scroll: None }
    }

    /// What is in sight.
    #[must_use]
    pub fn sight(&self) -> Sight {
        self.sight
    }

    /// The scroll position that the browser has to set now; returned once.
    pub fn take_scroll(&mut self) -> Option<f64> {
        self.scroll.take()
    }

    /// The list has `total` rows and should show `aim`. `sought` changes each time that a person asks for it. Returns
    /// whether that is new. If it is not, the list stays where the person scrolled to.
    pub fn aim(&mut self, aim: Option<&Aim>, total: usize, sought: u32) -> bool {
        if (self.aim.as_ref(), self.total, self.sought) == (aim, total, sought) {
            return false;
        }
        (self.aim, self.total, self.sought) = (aim.cloned(), total, sought);
        if self.sight.height > 0.0 {
            self.scroll_to(aim.map_or(self.sight.within(total), |aim| self.sight.aimed(aim, total)));
        }
        true
    }

    /// The list has another height, or its rows have, or it is shown or hidden. Returns whether its rows have to be
    /// rendered again.
    pub fn resized(&mut self, height: f64, clear: f64, row: f64) -> bool {
        let before = self.sight;
        let clear = clear.max(LEAST_CLEAR * row).min(height);
        let after = Sight { height, clear, row, ..before };
        self.sight = after;
        if height <= 0.0 {
            return before.height > 0.0;
        }
        let appears = before.height <= 0.0;
        let top = match &self.aim {
            Some(aim) if appears || row != before.row => after.opened(aim, self.total),
            Some(aim @ Aim::Near(at)) if before.shows(*at) => after.aimed(aim, self.total),
            _ => after.within(self.total),
        };
        self.scroll_to(top);
        if appears {
            // Browsers forget the position while an element is hidden.
            self.scroll = Some(top);
        }
        before.rows(self.total) != self.sight.rows(self.total) || row != before.row || self.scroll.is_some()
    }

    /// The browser reports the list's scroll position.
    pub fn scrolled(&mut self, top: f64) -> Scrolled {
        let near = |known: f64| (top - known).abs() < ROUNDING;
        if near(self.sight.top) {
            return Scrolled { who: Scroller::Itself, rows_change: false };
        }
        // Content below the last row has disappeared, and browsers go back to that row.
        let by_itself = self.sight.top > self.sight.within(self.total) && near(self.sight.within(self.total));
        let before = self.sight.rows(self.total);
        self.sight.top = top;
        let who = if by_itself { Scroller::Itself } else { Scroller::Person };
        Scrolled { who, rows_change: before != self.sight.rows(self.total) }
    }

    fn scroll_to(&mut self, top: f64) {
        if top != self.sight.top {
            self.sight.top = top;
            self.scroll = Some(top);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    const SIGHT: Sight = Sight { top: 2400.0, height: 480.0, clear: 480.0, row: 24.0 };

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

    /// A list of 1000 rows, 20 of them in sight, with row 500 at a third.
    fn shown() -> Stand {
        let mut stand = Stand::new(24.0);
        assert!(stand.aim(Some(&Aim::Near(500)), 1000, 0));
        assert_eq!(stand.take_scroll(), None, "nobody sees it yet");
        assert!(stand.resized(480.0, 480.0, 24.0));
        assert_eq!(stand.take_scroll(), Some(11_840.0));
        stand
    }

    #[test]
    fn a_list_of_a_known_height_has_its_rows_before_it_is_measured() {
        let mut stand = Stand::expected(300.0, 24.0);
        assert!(stand.aim(Some(&Aim::Near(500)), 1000, 0));
        assert_eq!(stand.take_scroll(), Some(11_900.0));
        assert!(stand.sight().rows(1000).contains(&500));
        assert!(stand.resized(480.0, 480.0, 24.0), "more rows have room");
        assert_eq!(stand.take_scroll(), None, "they do not move");
        assert!(stand.resized(100.0, 100.0, 24.0), "much lower than expected");
        assert!(stand.sight().shows(500), "{stand:?}");
        assert!(stand.resized(0.0, 0.0, 24.0), "hidden");
    }

    #[test]
    fn a_person_is_told_apart_from_the_list() {
        let mut stand = shown();
        // What browsers make of 11840 if a pixel of the page is 1.25 of the screen.
        assert_eq!(stand.scrolled(11_837.6), ITSELF);
        assert_eq!(stand.scrolled(11_844.0), Scrolled { who: Scroller::Person, rows_change: false });
        assert_eq!(stand.scrolled(12_864.0), Scrolled { who: Scroller::Person, rows_change: true });
        assert!(!stand.aim(Some(&Aim::Near(500)), 1000, 0), "no new aim: the person stays");
        assert_eq!(stand.take_scroll(), None);
        assert!(stand.aim(Some(&Aim::Near(500)), 1000, 1), "asked for again");
        assert_eq!(stand.take_scroll(), Some(11_840.0));
    }

    const ITSELF: Scrolled = Scrolled { who: Scroller::Itself, rows_change: false };

    #[test]
    fn what_the_browser_does_by_itself_is_no_scrolling_of_a_person() {
        let mut stand = shown();
        stand.aim(None, 1000, 0);
        stand.scrolled(24_000.0 - 480.0);
        stand.aim(None, 600, 0);
        assert_eq!(stand.take_scroll(), Some(14_400.0 - 480.0));
        assert_eq!(stand.scrolled(14_400.0 - 480.0), ITSELF);
        // A menu below the last row, and its end.
        assert_eq!(stand.scrolled(14_400.0 - 180.0).who, Scroller::Person);
        assert_eq!(stand.scrolled(14_400.0 - 480.0), Scrolled { who: Scroller::Itself, rows_change: true });
        stand.resized(600.0, 600.0, 24.0);
        assert_eq!(stand.scrolled(14_400.0 - 600.0), ITSELF);
    }

    #[test]
    fn the_row_at_hand_stays_in_sight_when_the_window_changes() {
        let mut stand = shown();
        assert!(stand.resized(100.0, 100.0, 24.0));
        assert!(stand.sight().shows(500), "{stand:?}");
        assert!(stand.resized(100.0, 100.0, 28.0));
        assert!(stand.sight().shows(500), "{stand:?}");
        assert!(stand.resized(0.0, 0.0, 28.0), "hidden");
        assert!(stand.resized(100.0, 100.0, 28.0));
        assert!(stand.take_scroll().is_some(), "the browser has forgotten it");
        assert!(!stand.resized(100.0, 100.0, 28.0));
        stand.scrolled(0.0);
        stand.resized(200.0, 200.0, 28.0);
        assert_eq!(stand.sight().top, 0.0, "a person reads elsewhere");
    }

    #[test]
    fn a_row_is_shown_where_nothing_covers_it() {
        let mut stand = shown();
        assert!(stand.resized(480.0, 120.0, 24.0));
        assert!(stand.aim(Some(&Aim::Near(505)), 1000, 0));
        assert!(stand.sight().shows(505), "{stand:?}");
        assert!(505.0 * 24.0 + 24.0 <= stand.sight().top + 120.0);
        assert!(stand.aim(Some(&Aim::Near(999)), 1000, 0));
        assert_eq!(stand.sight().top, 24_000.0 - 120.0);
        stand.resized(480.0, -30.0, 24.0);
        assert_eq!(stand.sight().clear, 24.0, "all of it is below the edge");
    }

    #[test]
    fn a_hidden_list_stays_and_keeps_few_rows() {
        let mut stand = shown();
        stand.resized(0.0, 0.0, 24.0);
        assert!(stand.aim(Some(&Aim::Near(5)), 1000, 0));
        assert_eq!(stand.take_scroll(), None);
        assert_eq!(stand.sight().rows(1000), 489..499);
    }

    proptest! {
        #[test]
        fn what_is_aimed_at_is_in_the_document(top in 0.0..1e6, height in 1.0..3000.0, total in 1usize..100_000, row: prop::sample::Index) {
            let row = row.index(total);
            for aim in [Aim::Near(row), Aim::First(row..row + 1)] {
                let sight = Sight { top, height, clear: height, row: 24.0 };
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
