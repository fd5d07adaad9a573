//! The timeline: one strip per run in aligned rows. Lanes are nesting, the ground is which tables CR3 selects.

use super::row::{MarkKind, delivery};
use crate::action::Side;
use crate::runs::Runs;
use cr3_core::counters::Counter;
use cr3_core::linux::{Half, tables_half};
use cr3_core::trace::{Origin, Step, StepKind};

/// Rows in a stretch of the same nesting on the same tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// First row.
    pub start: usize,
    /// The row after the last one.
    pub end: usize,
    /// Handlers that had not returned.
    pub level: u8,
    /// Tables that CR3 selects.
    pub half: Half,
    /// Privilege level, 0 to 3.
    pub cpl: u8,
}

/// Something that happened in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The row, from 0.
    pub row: usize,
    /// Handlers that had not returned.
    pub level: u8,
    /// What happened.
    pub kind: MarkKind,
    /// For the tooltip.
    pub text: String,
}

/// One strip.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Strip {
    /// Stretches in order. One goes on through rows in which the run has no step.
    pub segments: Vec<Segment>,
    /// What happened, in order of rows.
    pub events: Vec<Event>,
}

/// Both strips and the rows in which they differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timeline {
    /// Number of rows.
    pub rows: usize,
    /// Lanes: one more than the deepest nesting.
    pub lanes: u8,
    /// Each side.
    pub strips: [Strip; 2],
    /// Ranges of rows that differ: first row and the row after the last.
    pub differences: Vec<(usize, usize)>,
}

/// The timeline of two runs.
#[must_use]
pub fn timeline(runs: &Runs) -> Timeline {
    let strips = Side::BOTH.map(|side| strip(runs, side));
    let deepest = strips.iter().flat_map(|strip| &strip.segments).map(|segment| segment.level).max();
    Timeline {
        rows: runs.len(),
        lanes: deepest.unwrap_or(0).saturating_add(1),
        strips,
        differences: runs.comparison.differences.iter().map(|range| (range.start, range.end)).collect(),
    }
}

fn strip(runs: &Runs, side: Side) -> Strip {
    let mut strip = Strip::default();
    for row in 0..runs.len() {
        match runs.step(side, row) {
            Some(step) => {
                extend(&mut strip.segments, row, step);
                strip.events.extend(events(row, step));
            }
            // Where the run has no step its last stretch goes on: nothing happens to it there.
            None => prolong(&mut strip.segments, row),
        }
    }
    strip
}

fn extend(segments: &mut Vec<Segment>, row: usize, step: &Step) {
    let (level, half, cpl) = (step.level, tables_half(step.cr3), step.cpl);
    match segments.last_mut() {
        Some(last) if (last.level, last.half, last.cpl) == (level, half, cpl) => last.end = row + 1,
        _ => segments.push(Segment { start: row, end: row + 1, level, half, cpl }),
    }
}

fn prolong(segments: &mut [Segment], row: usize) {
    if let Some(last) = segments.last_mut() {
        last.end = row + 1;
    }
}

fn events(row: usize, step: &Step) -> Option<Event> {
    let level = step.level;
    let event = |kind, text| Some(Event { row, level, kind, text });
    let redundant = if step.counted.contains(Counter::RedundantCr3Writes) { ", redundant" } else { "" };
    match step.kind {
        StepKind::Delivery { event: what, origin: origin @ Origin::Injected(_) } => {
            event(MarkKind::Injection, delivery(what, origin))
        }
        StepKind::Delivery { event: what, origin } => event(MarkKind::Delivery, delivery(what, origin)),
        StepKind::Shutdown { .. } => event(MarkKind::Shutdown, "the processor shuts down".into()),
        StepKind::Instruction if step.counted.contains(Counter::FlushingCr3Writes) => {
            event(MarkKind::FlushingWrite, format!("CR3 write, flush{redundant}"))
        }
        StepKind::Instruction if step.counted.contains(Counter::Cr3Writes) => {
            event(MarkKind::NoFlushWrite, format!("CR3 write, no flush{redundant}"))
        }
        StepKind::Instruction if step.counted.contains(Counter::DroppedEntries) => {
            event(MarkKind::Drop, "TLB entries dropped".into())
        }
        StepKind::Instruction => None,
    }
}
