//! Where the runs differ, row by row, and why.

use super::lines::{WIDTH, fit, wrap};
use crate::choice::Side;
use crate::runs::Runs;
use crate::view::reason::reasons;
use crate::view::row::{Cell, row};
use crate::view::sentence::NO_STEP;
use std::ops::Range;

/// Rows of differences to list; further ones are only counted.
const ROWS: usize = 32;

/// Places where the runs differ that are listed.
const PLACES: usize = 6;

pub(super) fn differences(runs: &Runs, names: [&str; 2]) -> Vec<String> {
    let ranges = &runs.comparison.differences;
    let total: usize = ranges.iter().map(ExactSizeIterator::len).sum();
    if runs.trace(Side::Left).is_none() || runs.trace(Side::Right).is_none() {
        return vec!["There are no two runs to compare.".into()];
    }
    if total == 0 {
        return vec!["The runs are the same in every step.".into()];
    }
    let places = if ranges.len() == 1 { "place" } else { "places" };
    let head =
        format!("{total} of {} rows differ, in {} {places}; each run numbers its own steps.", runs.len(), ranges.len());
    let mut lines = wrap("", &head);
    let mut left = ROWS;
    for range in ranges.iter().take(PLACES) {
        lines.extend(place(runs, range, &mut left));
        lines.extend(reasons(runs, range, names).iter().flat_map(|why| wrap("      ", why)));
    }
    let listed: usize = ranges.iter().take(PLACES).map(ExactSizeIterator::len).sum();
    let unlisted = total - listed.min(ROWS - left);
    if unlisted > 0 {
        lines.push(format!("        and {unlisted} more rows"));
    }
    lines
}

/// The rows of a place where the runs differ, as far as there is room.
fn place(runs: &Runs, range: &Range<usize>, left: &mut usize) -> Vec<String> {
    let shown = range.clone().take(*left);
    *left -= shown.len();
    let line = |index| {
        let [left, right] = row(runs, index).cells.map(|cell| cell.map_or(NO_STEP.into(), |cell| step(&cell)));
        let width = WIDTH / 2 - 2;
        format!("  {} {}", fit(&left, width), fit(&right, width)).trim_end().to_owned()
    };
    shown.map(line).collect()
}

fn step(cell: &Cell) -> String {
    let mut text = format!("{:>5} {}", cell.step, cell.text);
    for mark in cell.marks.iter().filter(|mark| !mark.text.is_empty()) {
        text.push_str(&format!(" [{}]", mark.words().replace('−', "-")));
    }
    text
}
