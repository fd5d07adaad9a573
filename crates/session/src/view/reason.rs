//! Why rows count as different: what one run has there and the other has not.

use crate::choice::Side;
use crate::runs::Runs;
use cr3_core::counters::Counter;
use cr3_core::trace::{Step, Trace};
use std::ops::Range;

/// The most reasons of one place.
const MOST: usize = 3;

/// Why the rows of a range differ, each reason once, the first first, at most [`MOST`] and how many more.
#[must_use]
pub fn reasons(runs: &Runs, range: &Range<usize>, names: [&str; 2]) -> Vec<String> {
    let mut reasons: Vec<(String, usize)> = Vec::new();
    let mut jumps = Jumps::default();
    for row in range.clone() {
        let why = reason(runs, row, names, &mut jumps);
        match reasons.iter_mut().find(|(known, _)| *known == why) {
            Some((_, rows)) => *rows += 1,
            None => reasons.push((why, 1)),
        }
    }
    let more = reasons.len().checked_sub(MOST).filter(|more| *more > 0);
    let more = more.map(|more| format!("and {more} more reasons"));
    let told = reasons.into_iter().take(MOST).map(|(why, rows)| match rows {
        1 => why,
        rows => format!("{why} ({rows} rows)"),
    });
    told.chain(more).collect()
}

/// Why a row differs.
fn reason(runs: &Runs, row: usize, [left_name, right_name]: [&str; 2], jumps: &mut Jumps) -> String {
    match Side::BOTH.map(|side| at(runs, side, row)) {
        [Some(left), Some(right)] => both(left, right),
        [Some(left), None] => absent(alone(left, left_name), right_name, jumps.past(runs, Side::Right, row)),
        [None, Some(right)] => absent(alone(right, right_name), left_name, jumps.past(runs, Side::Left, row)),
        [None, None] => String::new(),
    }
}

/// What one run does, and that the other has no such step, with the reason if that is known.
fn absent(does: String, other: &str, jumped: Option<String>) -> String {
    let why = jumped.map(|jumps| format!(": it {jumps}")).unwrap_or_default();
    format!("{does} {other} has no such step{why}").trim_start().to_owned()
}

/// The jump by which a side is past a row, if its last step before is one. Rows that follow each other have the same, so the last
/// answer is kept.
#[derive(Default)]
struct Jumps {
    last: Option<(Side, usize, Option<String>)>,
}

impl Jumps {
    fn past(&mut self, runs: &Runs, side: Side, row: usize) -> Option<String> {
        let index = runs.taken(side, row).checked_sub(1)?;
        match &self.last {
            Some((known, at, jump)) if (*known, *at) == (side, index) => jump.clone(),
            _ => {
                let trace = runs.trace(side)?;
                let sentence = trace.detail(index)?.sentence(trace);
                let jump = sentence.starts_with("jumps to ").then_some(sentence);
                self.last = Some((side, index, jump.clone()));
                jump
            }
        }
    }
}

type At<'a> = (&'a Trace, usize, &'a Step);

fn at(runs: &Runs, side: Side, row: usize) -> Option<At<'_>> {
    let index = runs.step_index(side, row)?;
    Some((runs.trace(side)?, index, runs.step(side, row)?))
}

/// What a step does that only one run has, where it matters.
fn alone((trace, index, step): At<'_>, name: &str) -> String {
    let writes = step.counted.contains(Counter::Cr3Writes);
    let detail = trace.detail(index).filter(|_| writes);
    detail.map_or_else(String::new, |detail| format!("{name}: {};", detail.sentence(trace).trim_end_matches('.')))
}

/// What two steps that belong together do differently.
fn both((left_run, left_at, left): At<'_>, (right_run, right_at, right): At<'_>) -> String {
    let mut why = Vec::new();
    if left.kind != right.kind {
        why.push("another event".to_owned());
    }
    if left.level != right.level {
        why.push(format!("nesting {} against {}", left.level, right.level));
    }
    if left.cpl != right.cpl {
        why.push(format!("CPL {} against {}", left.cpl, right.cpl));
    }
    if left.cr3_after != right.cr3_after {
        why.push(format!("CR3 {:#x} against {:#x}", left.cr3_after, right.cr3_after));
    }
    let of = |counts: &[(Counter, u32)], counter| {
        counts.iter().filter(|(it, _)| *it == counter).map(|(_, count)| count).sum::<u32>()
    };
    for &counter in Counter::ALL {
        let [first, second] = [(left_run, left_at), (right_run, right_at)].map(|(run, at)| of(run.counts(at), counter));
        if first != second && !matches!(counter, Counter::TlbHits | Counter::PageWalkReads) {
            why.push(format!("{} {first} against {second}", counter.label()));
        }
    }
    why.join(", ")
}
