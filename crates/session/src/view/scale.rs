//! Where rows stand on the strips of the timeline.
//!
//! Both strips show the same rows, one above the other. Where a run takes part in less than half of many rows, because
//! the other one goes on much longer, each strip shows the steps of its own run instead, over the whole width.

use crate::choice::Side;
use crate::runs::Runs;
use std::ops::Range;

/// Number of rows from which on a strip may have a scale of its own.
const MANY: usize = 2000;

/// What a strip counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unit {
    /// Rows, the same in both strips.
    #[default]
    Row,
    /// Steps of its own run.
    Step,
}

/// The rows that are shown, and what each strip counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scale {
    /// The rows.
    pub rows: Range<usize>,
    /// What a strip counts.
    pub unit: Unit,
    /// The units of each strip.
    units: [Range<usize>; 2],
}

impl Scale {
    /// The scale of these rows.
    #[must_use]
    pub fn new(runs: &Runs, rows: Range<usize>) -> Self {
        let before = |side, row: usize| row.checked_sub(1).map_or(0, |row| runs.taken(side, row));
        let steps = Side::BOTH.map(|side| before(side, rows.start)..before(side, rows.end));
        let is_short = |steps: &Range<usize>| !steps.is_empty() && steps.len() < rows.len() / 2;
        match rows.len() > MANY && steps.iter().any(is_short) {
            true => Self { rows, unit: Unit::Step, units: steps },
            false => Self { units: [rows.clone(), rows.clone()], unit: Unit::Row, rows },
        }
    }

    /// The units of a strip.
    #[must_use]
    pub fn units(&self, side: Side) -> Range<usize> {
        self.units[side.index()].clone()
    }

    /// The row of a unit.
    pub(super) fn row(&self, runs: &Runs, side: Side, unit: usize) -> Option<usize> {
        match self.unit {
            Unit::Row => Some(unit),
            Unit::Step => runs.row_of(side, unit),
        }
    }

    /// The unit of a row that is shown, from the start of the strip: where the run has no step, that of the next one.
    #[must_use]
    pub fn place(&self, runs: &Runs, side: Side, row: usize) -> Option<usize> {
        let units = &self.units[side.index()];
        let unit = match self.unit {
            Unit::Row => row,
            Unit::Step => runs.step_index(side, row).unwrap_or_else(|| runs.taken(side, row)),
        };
        let is_shown = self.rows.contains(&row) && !units.is_empty();
        is_shown.then(|| unit.clamp(units.start, units.end - 1) - units.start)
    }

    /// The row at a share of a strip's width.
    #[must_use]
    pub fn row_at(&self, runs: &Runs, side: Side, share: f64) -> usize {
        let units = &self.units[side.index()];
        let unit = units.start + (share.clamp(0.0, 1.0) * units.len() as f64) as usize;
        let unit = unit.min(units.end.saturating_sub(1)).max(units.start);
        self.row(runs, side, unit).unwrap_or(self.rows.start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{Settings, State};
    use crate::{Action, update};
    use std::rc::Rc;

    /// Goes on for ever where another form returns.
    const LOOP: &str = ".macro RESTORE_CR3 scratch_reg:req save_reg:req\n1:\tjmp 1b\n.endm\n";

    fn opened(link: &str, text: &str) -> Rc<Runs> {
        let edited = update(&State::open(link, Settings::default()), Action::EditDraft(text.to_owned()));
        edited.runs
    }

    fn check(runs: &Runs, rows: Range<usize>, unit: Unit) {
        let scale = Scale::new(runs, rows.clone());
        assert_eq!(scale.unit, unit, "{rows:?}");
        for side in Side::BOTH {
            let units = scale.units(side);
            for row in rows.clone().step_by(rows.len() / 400 + 1) {
                let place = scale.place(runs, side, row).expect("it is shown");
                assert!(place < units.len());
                let back = scale.row_at(runs, side, (place as f64 + 0.5) / units.len() as f64);
                assert!(back == row || runs.step_index(side, row).is_none(), "{row} {back}");
            }
            assert_eq!(scale.place(runs, side, rows.end), None);
            let ends = [0.0, 1.0].map(|share| scale.row_at(runs, side, share));
            assert!(ends.iter().all(|row| rows.contains(row)), "{ends:?} of {rows:?}");
        }
    }

    #[test]
    fn every_row_has_its_place_and_every_place_its_row() {
        let story = opened("", "");
        check(&story, 0..story.len(), Unit::Row);
        check(&story, 100..150, Unit::Row);
        let endless = opened("v=1&a=C&b=E&h=rogue-cr3&s=kernel_loop%2B1:nmi", "");
        check(&endless, 0..endless.len(), Unit::Row);
        let parted = opened("v=1&a=A&b=custom&s=kernel_loop%2B1:nmi", LOOP);
        assert!(parted.len() > 100_000, "one side goes on to the end of its budget");
        check(&parted, 0..parted.len(), Unit::Step);
        check(&parted, 0..1500, Unit::Row);
    }

    #[test]
    fn no_rows_have_no_places() {
        let runs = opened("v=1&a=custom&b=custom", "typo");
        let scale = Scale::new(&runs, 0..0);
        assert_eq!((scale.place(&runs, Side::Left, 0), scale.row_at(&runs, Side::Right, 0.5)), (None, 0));
    }
}
