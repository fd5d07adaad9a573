//! The timeline: one strip per run in aligned rows. The lanes show nesting, and the background shows which tables CR3
//! selects.
//!
//! In a run of many rows, a column stands for several rows. It keeps every lane that the run was in, and every
//! injection. Of events that would hide each other it shows the most important one, whose mark says how many more there
//! are.

use super::row::MarkKind;
use super::scale::{Scale, Unit};
use crate::choice::Side;
use crate::runs::Runs;
use cr3_core::counters::Counter;
use cr3_core::linux::{Half, tables_half};
use cr3_core::machine::order::sort_by_key;
use cr3_core::trace::{Breakage, Origin, Step, StepKind, Trace, delivery};
use std::cmp::Reverse;
use std::ops::Range;

/// Number of rows up to which each row has its own column.
const EXACT: usize = 2000;

/// Maximum number of columns for the lanes of a longer timeline: a few pixels each.
const COLUMNS: usize = 500;

/// The same for marks: each about as wide as a mark.
const MARKS: usize = 150;

/// A stretch with the same nesting on the same tables, in units of its strip from the strip's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The first unit.
    pub start: usize,
    /// The unit after the last one.
    pub end: usize,
    /// Handlers that have not returned.
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
    /// The unit, from the start of the strip.
    pub at: usize,
    /// Number of the step in its run, from 1.
    pub step: usize,
    /// Handlers that have not returned.
    pub level: u8,
    /// What happened.
    pub kind: MarkKind,
    /// For the tooltip.
    pub text: String,
}

impl Event {
    /// Whether it is shown whatever else happened in its column.
    fn stays(&self) -> bool {
        matches!(self.kind, MarkKind::Injection | MarkKind::Shutdown | MarkKind::Broken)
    }

    /// The order in which a column shows its events, lowest first.
    fn rank(&self) -> u8 {
        match self.kind {
            MarkKind::FlushingWrite => 0,
            MarkKind::NoFlushWrite => 1,
            MarkKind::Delivery => 2,
            _ => 3,
        }
    }
}

/// One strip.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Strip {
    /// How many units it has.
    pub units: usize,
    /// Stretches, the deepest nesting first. If a column has several, each is drawn over those that reach higher. A
    /// stretch continues through rows in which the run has no step.
    pub segments: Vec<Segment>,
    /// What happened, in order.
    pub events: Vec<Event>,
}

/// Both strips and the rows in which they differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timeline {
    /// The rows that are shown, and where they stand.
    pub scale: Scale,
    /// Lanes: one more than the deepest nesting.
    pub lanes: u8,
    /// Each side.
    pub strips: [Strip; 2],
    /// Ranges of rows that differ, from the first row that is shown: first row and the row after the last. None where each strip has a
    /// scale of its own.
    pub differences: Vec<(usize, usize)>,
}

/// The timeline of these rows of two runs.
#[must_use]
pub fn timeline(runs: &Runs, rows: Range<usize>) -> Timeline {
    let scale = Scale::new(runs, rows);
    let strips = Side::BOTH.map(|side| strip(runs, side, &scale));
    let deepest = strips.iter().flat_map(|strip| &strip.segments).map(|segment| segment.level).max();
    Timeline { lanes: deepest.unwrap_or(0).saturating_add(1), strips, differences: differences(runs, &scale), scale }
}

fn differences(runs: &Runs, scale: &Scale) -> Vec<(usize, usize)> {
    let rows = &scale.rows;
    let shown = runs.comparison.differences.iter().filter(|it| it.start < rows.end && rows.start < it.end);
    let shown = shown.map(|it| it.start.max(rows.start) - rows.start..it.end.min(rows.end) - rows.start);
    match scale.unit {
        Unit::Row => joined(shown, column_width(rows.len(), COLUMNS)),
        Unit::Step => Vec::new(),
    }
}

/// Rows in a column, if there are at most `columns` columns.
fn column_width(rows: usize, columns: usize) -> usize {
    if rows <= EXACT { 1 } else { rows.div_ceil(columns) }
}

/// The ranges, merged where they are closer together than the width of a column.
fn joined(ranges: impl Iterator<Item = Range<usize>>, width: usize) -> Vec<(usize, usize)> {
    let mut joined: Vec<(usize, usize)> = Vec::new();
    for range in ranges {
        match joined.last_mut() {
            Some((_, end)) if range.start < *end + width => *end = range.end,
            _ => joined.push((range.start, range.end)),
        }
    }
    joined
}

/// Level, tables and privilege level of a step.
type Ground = (u8, Half, u8);

fn strip(runs: &Runs, side: Side, scale: &Scale) -> Strip {
    let shown = scale.units(side);
    let units = shown.len();
    let mut segments = Vec::new();
    let mut happened = Vec::new();
    let mut ground = ground_before(runs, side, scale);
    let width = column_width(units, COLUMNS);
    for start in (0..units).step_by(width) {
        let column = start..units.min(start + width);
        let mut grounds = Vec::new();
        for at in column.clone() {
            let Some(row) = scale.row(runs, side, shown.start + at) else { continue };
            let step = runs.step(side, row);
            // Nothing happens to the run in a row without a step, so its last stretch continues there.
            ground = step.map(ground_of).or(ground);
            ground.into_iter().for_each(|ground| count(&mut grounds, ground));
            happened.extend(step.and_then(|step| event(row, at, runs.taken(side, row), step)));
        }
        extend(&mut segments, &column, grounds);
    }
    happened.extend(runs.trace(side).into_iter().flat_map(|trace| broken(runs, side, scale, trace)));
    sort_by_key(&mut segments, |segment| (Reverse(segment.level), segment.start));
    Strip { units, segments, events: told(happened, column_width(units, MARKS)) }
}

fn ground_of(step: &Step) -> Ground {
    (step.level, tables_half(step.cr3), step.cpl)
}

/// That of the last step before the rows that are shown.
fn ground_before(runs: &Runs, side: Side, scale: &Scale) -> Option<Ground> {
    let taken = runs.taken(side, scale.rows.start.checked_sub(1)?);
    runs.trace(side)?.steps.get(taken.checked_sub(1)?).map(ground_of)
}

fn count(grounds: &mut Vec<(Ground, usize)>, ground: Ground) {
    match grounds.iter_mut().find(|(known, _)| *known == ground) {
        Some((_, rows)) => *rows += 1,
        None => grounds.push((ground, 1)),
    }
}

/// Adds a column: at each level, with the background that most of its rows at that level have.
fn extend(segments: &mut Vec<Segment>, column: &Range<usize>, mut grounds: Vec<(Ground, usize)>) {
    sort_by_key(&mut grounds, |&((level, ..), rows)| (level, Reverse(rows)));
    grounds.dedup_by_key(|((level, ..), _)| *level);
    for ((level, half, cpl), _) in grounds {
        match segments.iter_mut().rfind(|segment| segment.level == level) {
            Some(last) if last.end == column.start && (last.half, last.cpl) == (half, cpl) => last.end = column.end,
            _ => segments.push(Segment { start: column.start, end: column.end, level, half, cpl }),
        }
    }
}

/// The events to show for columns of `width` rows: those that stay, and for each column the most important of the
/// others.
fn told(happened: Vec<Event>, width: usize) -> Vec<Event> {
    let (mut told, others): (Vec<_>, Vec<_>) = happened.into_iter().partition(Event::stays);
    for column in others.chunk_by(|one, next| one.at / width == next.at / width) {
        let Some(mut event) = column.iter().min_by_key(|event| event.rank()).cloned() else { continue };
        if let [first, .., last] = column {
            let (more, from, to) = (column.len() - 1, first.step, last.step);
            event.text = format!("{}; {more} more in steps {from} to {to}", event.text);
        }
        told.push(event);
    }
    sort_by_key(&mut told, |event| event.at);
    told
}

/// The shown rows at which promises broke.
fn broken(runs: &Runs, side: Side, scale: &Scale, trace: &Trace) -> Vec<Event> {
    let event = |breakage: &Breakage| {
        let level = trace.steps.get(breakage.step)?.level;
        let text = format!("breaks {} at step {}: {}", breakage.broken.invariant(), breakage.step + 1, breakage.broken);
        let row = runs.row_of(side, breakage.step)?;
        let at = scale.place(runs, side, row)?;
        Some(Event { row, at, step: breakage.step + 1, level, kind: MarkKind::Broken, text })
    };
    trace.breakages.iter().filter_map(event).collect()
}

fn event(row: usize, at: usize, number: usize, step: &Step) -> Option<Event> {
    let level = step.level;
    let told = |kind, text| Some(Event { row, at, step: number, level, kind, text });
    let redundant = if step.counted.contains(Counter::RedundantCr3Writes) { ", redundant" } else { "" };
    match step.kind {
        StepKind::Delivery { event: what, origin: origin @ Origin::Injected(_) } => {
            told(MarkKind::Injection, delivery(what, origin))
        }
        StepKind::Delivery { event: what, origin } => told(MarkKind::Delivery, delivery(what, origin)),
        StepKind::Shutdown { .. } => told(MarkKind::Shutdown, "the processor shuts down".into()),
        StepKind::Instruction if step.counted.contains(Counter::FlushingCr3Writes) => {
            told(MarkKind::FlushingWrite, format!("CR3 write, flush{redundant}"))
        }
        StepKind::Instruction if step.counted.contains(Counter::Cr3Writes) => {
            told(MarkKind::NoFlushWrite, format!("CR3 write, no flush{redundant}"))
        }
        StepKind::Instruction if step.counted.contains(Counter::DroppedEntries) => {
            told(MarkKind::Drop, "TLB entries dropped".into())
        }
        StepKind::Instruction => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{Settings, State};
    use crate::{Action, update};

    /// A run whose user mode faults endlessly.
    const ENDLESS: &str = "v=1&a=C&b=E&h=rogue-cr3&s=kernel_loop%2B1:nmi";

    /// How many events a mark stands for.
    fn weight(event: &Event) -> usize {
        let more = event.text.split_once("; ").and_then(|(_, more)| more.split(' ').next());
        1 + more.map_or(0, |more| more.parse().expect("a number"))
    }

    /// One side goes on for ever where the other returns.
    const PARTED: &str = "v=1&a=A&b=custom&s=kernel_loop%2B1:nmi";
    const LOOP: &str = ".macro RESTORE_CR3 scratch_reg:req save_reg:req\n1:\tjmp 1b\n.endm\n";

    fn opened(link: &str) -> State {
        update(&State::open(link, Settings::default()), Action::EditDraft(LOOP.to_owned()))
    }

    fn check(link: &str, segments: [usize; 2], events: [usize; 2], differences: usize) {
        let runs = &opened(link).runs;
        let timeline = timeline(runs, 0..runs.len());
        for side in Side::BOTH {
            let strip = &timeline.strips[side.index()];
            let told = |row: usize| strip.events.iter().any(|event| event.row == row && weight(event) == 1);
            let mut happened = 0;
            for row in 0..runs.len() {
                let Some(step) = runs.step(side, row) else { continue };
                let at = timeline.scale.place(runs, side, row).expect("it is shown");
                let mut here = strip.segments.iter().filter(|it| (it.start..it.end).contains(&at));
                assert!(here.any(|it| it.level == step.level), "no lane of row {row}");
                happened += usize::from(event(row, row, 0, step).is_some());
                let injected = matches!(step.kind, StepKind::Delivery { origin: Origin::Injected(_), .. });
                assert!(!injected || told(row), "no mark of the injection in row {row}");
            }
            let broken = runs.trace(side).expect("a run").breakages.len();
            assert_eq!(strip.events.iter().map(weight).sum::<usize>(), happened + broken);
        }
        for range in &runs.comparison.differences {
            let is_apart = timeline.scale.unit == Unit::Step;
            assert!(
                is_apart || timeline.differences.iter().any(|(start, end)| *start <= range.start && range.end <= *end)
            );
        }
        assert_eq!(timeline.strips.each_ref().map(|strip| strip.segments.len()), segments);
        assert_eq!(timeline.strips.each_ref().map(|strip| strip.events.len()), events);
        assert_eq!(timeline.differences.len(), differences);
    }

    #[test]
    fn nothing_is_lost() {
        check("", [39, 39], [23, 22], 1);
        check(ENDLESS, [3, 3], [155, 155], 0);
        check(PARTED, [39, 2], [23, 3], 0);
    }

    /// A part of the timeline shows what the whole one shows there.
    #[test]
    fn a_range_shows_what_is_in_it() {
        let runs = &opened("").runs;
        let whole = timeline(runs, 0..runs.len());
        for rows in [0..100, 150..200, 300..runs.len()] {
            let part = timeline(runs, rows.clone());
            for (part, whole) in part.strips.iter().zip(&whole.strips) {
                let told = |strip: &Strip| strip.events.iter().map(|it| (it.row, it.kind)).collect::<Vec<_>>();
                let within = told(whole).into_iter().filter(|(row, _)| rows.contains(row));
                assert_eq!(told(part), within.collect::<Vec<_>>());
                for at in 0..rows.len() {
                    let ground = |strip: &Strip, at: usize| {
                        let here = strip.segments.iter().rfind(|it| (it.start..it.end).contains(&at));
                        here.map(|it| (it.level, it.half, it.cpl))
                    };
                    assert_eq!(ground(part, at), ground(whole, rows.start + at), "row {}", rows.start + at);
                }
            }
        }
        let differences = |rows| timeline(runs, rows).differences;
        let (first, end) = whole.differences[0];
        assert_eq!(differences(first..end + 10), [(0, end - first)]);
        assert_eq!(differences(0..first), []);
    }

    #[test]
    fn one_column_tells_each_lane_and_the_weightiest_event() {
        let mut segments = Vec::new();
        let (kernel, user) = ((0, Half::Kernel, 0), (0, Half::User, 3));
        let mut grounds = Vec::new();
        [user, kernel, (1, Half::Kernel, 0), kernel].into_iter().for_each(|ground| count(&mut grounds, ground));
        extend(&mut segments, &(0..4), grounds);
        extend(&mut segments, &(4..8), vec![(kernel, 4)]);
        let told_of = segments.iter().map(|it| (it.level, it.half, it.start, it.end));
        assert_eq!(told_of.collect::<Vec<_>>(), [(0, Half::Kernel, 0, 8), (1, Half::Kernel, 0, 4)]);

        let event = |row, kind| Event { row, at: row, step: row + 1, level: 0, kind, text: format!("at {row}") };
        let kinds = [MarkKind::Drop, MarkKind::Injection, MarkKind::FlushingWrite, MarkKind::NoFlushWrite];
        let marks = told((4..).zip(kinds).map(|(row, kind)| event(row, kind)).collect(), 4);
        let texts: Vec<_> = marks.iter().map(|mark| (mark.row, mark.text.as_str())).collect();
        assert_eq!(texts, [(5, "at 5"), (6, "at 6; 2 more in steps 5 to 8")]);
    }
}
