//! Runs aligned step by step, and where they differ.
//!
//! Steps belong together if they execute the same mnemonic after the same label. Anchors (deliveries, labels, CR3
//! accesses, invalidations, SWAPGS, IRET) are aligned first, then the steps between two anchors.

mod align;
mod comparable;
mod fields;

pub use comparable::{Astray, astray, lacks_label, why_missed};
pub use fields::FieldDifference;

use crate::asm::sorted::{Map, Set};
use crate::counters::{Counter, CounterSet};
use crate::machine::Event;
use crate::machine::bits::cr3;
use crate::run::is_iret;
use crate::scenario::PlaceId;
use crate::trace::{Step, StepKind, Trace};
use iced_x86::Mnemonic;
use std::ops::Range;

/// Why two steps certainly belong in one row: the events that cut runs into segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Anchor {
    /// An event was delivered, or its delivery shut the processor down.
    Delivery,
    /// MOV from CR3.
    Cr3Read,
    /// MOV to CR3.
    Cr3Write,
    /// INVLPG, INVPCID, or a MOV to CR4 that invalidates.
    Flush,
    /// SWAPGS.
    Swapgs,
    /// IRET.
    Iret,
    /// The first instruction after a label.
    Label,
}

/// One row of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The step of each run, in the order given; none if the run has no step here.
    pub steps: Vec<Option<u32>>,
    /// The kind of anchor, if the row is one.
    pub anchor: Option<Anchor>,
    /// Whether the runs differ here: a step is missing, or its kind, CR3, privilege, nesting or counts differ.
    pub differs: bool,
}

/// Runs side by side.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// The rows, in order of time.
    pub rows: Vec<Row>,
    /// Maximal ranges of rows that differ.
    pub differences: Vec<Range<usize>>,
    /// Executed places that exist in some of the images only: the name, and for each run whether it has it.
    pub partial_places: Vec<(String, Vec<bool>)>,
    /// For each run, the row of each step.
    row_of: Vec<Vec<u32>>,
}

/// Aligns runs; see the module. Aligns each run with the rows of those before it.
pub fn compare(runs: &[&Trace]) -> Comparison {
    let mut labels = Map::new();
    let mut rows: Vec<Merged> = Vec::new();
    for (run, trace) in runs.iter().enumerate() {
        rows = merge(rows, run, &keys(trace, &mut labels));
    }
    finish(runs, rows)
}

impl Comparison {
    /// The row of step `step` of run `run`.
    pub fn row_of(&self, run: usize, step: usize) -> Option<usize> {
        let row = self.row_of.get(run)?.get(step)?;
        Some(*row as usize)
    }

    /// The first difference that begins after `row`.
    pub fn next_difference(&self, row: usize) -> Option<&Range<usize>> {
        self.differences.iter().find(|range| range.start > row)
    }

    /// The last difference that ends before `row`.
    pub fn previous_difference(&self, row: usize) -> Option<&Range<usize>> {
        self.differences.iter().rev().find(|range| range.end <= row)
    }

    /// Index in [`Self::differences`] of the difference that contains `row`.
    pub fn difference_at(&self, row: usize) -> Option<usize> {
        self.differences.iter().position(|range| range.contains(&row))
    }
}

/// What must be equal for two steps to share a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    /// The label by its number among the labels of all runs; none outside assembled code.
    label: Option<u32>,
    mnemonic: Mnemonic,
    event: Option<Event>,
    anchor: Option<Anchor>,
}

/// A row while runs are added.
struct Merged {
    key: Key,
    steps: Vec<(usize, u32)>,
}

fn keys(trace: &Trace, labels: &mut Map<String, u32>) -> Vec<Key> {
    let mut number = |label: &str| {
        let next = labels.len() as u32;
        *labels.get_or_insert_with(label.to_owned(), || next)
    };
    let numbers: Vec<u32> = trace.places.labels().map(&mut number).collect();
    let label = |place: PlaceId| numbers.get(trace.places.site(place).label.0 as usize).copied();
    trace
        .steps
        .iter()
        .map(|step| Key {
            label: step.place.and_then(label),
            mnemonic: step.mnemonic,
            event: event(step.kind),
            anchor: anchor(trace, step),
        })
        .collect()
}

fn event(kind: StepKind) -> Option<Event> {
    match kind {
        StepKind::Delivery { event, .. } => Some(event),
        StepKind::Instruction | StepKind::Shutdown { .. } => None,
    }
}

/// An invalidation other than a MOV to CR3, whether or not it found something to drop.
fn flushes(step: &Step) -> bool {
    matches!(step.mnemonic, Mnemonic::Invlpg | Mnemonic::Invpcid) || step.counted.contains(Counter::FlushingCr4Writes)
}

fn anchor(trace: &Trace, step: &Step) -> Option<Anchor> {
    let starts_label = |place| trace.places.site(place).offset == 0;
    match step.kind {
        StepKind::Delivery { .. } | StepKind::Shutdown { .. } => Some(Anchor::Delivery),
        StepKind::Instruction if step.counted.contains(Counter::Cr3Reads) => Some(Anchor::Cr3Read),
        StepKind::Instruction if step.counted.contains(Counter::Cr3Writes) => Some(Anchor::Cr3Write),
        StepKind::Instruction if flushes(step) => Some(Anchor::Flush),
        StepKind::Instruction if step.mnemonic == Mnemonic::Swapgs => Some(Anchor::Swapgs),
        StepKind::Instruction if is_iret(step.mnemonic) => Some(Anchor::Iret),
        StepKind::Instruction => step.place.is_some_and(starts_label).then_some(Anchor::Label),
    }
}

/// Adds a run to the rows of the runs before it.
fn merge(rows: Vec<Merged>, run: usize, steps: &[Key]) -> Vec<Merged> {
    let keys: Vec<Key> = rows.iter().map(|row| row.key).collect();
    let pairs = pairs(&keys, steps);
    let mut merged = Vec::with_capacity(rows.len().max(steps.len()));
    let mut rows = rows.into_iter();
    let (mut taken, mut next) = (0, 0);
    let new = |step: usize| Merged { key: steps[step], steps: vec![(run, step as u32)] };
    for (row, step) in pairs {
        merged.extend(rows.by_ref().take(row - taken));
        merged.extend((next..step).map(new));
        merged.extend(rows.next().map(|mut row| {
            row.steps.push((run, step as u32));
            row
        }));
        (taken, next) = (row + 1, step + 1);
    }
    merged.extend(rows);
    merged.extend((next..steps.len()).map(new));
    merged
}

/// Which elements of `a` and `b` belong together: anchors first, then the elements between them.
fn pairs(a: &[Key], b: &[Key]) -> Vec<(usize, usize)> {
    let (anchors_a, anchors_b) = (anchors(a), anchors(b));
    let keys = |at: &[usize], of: &[Key]| at.iter().map(|&index| of[index]).collect::<Vec<_>>();
    let anchored = align::common(&keys(&anchors_a, a), &keys(&anchors_b, b));
    let fixed = anchored.into_iter().map(|(i, j)| (anchors_a[i], anchors_b[j]));
    let mut pairs = Vec::new();
    let (mut from_a, mut from_b) = (0, 0);
    for (to_a, to_b) in fixed.chain([(a.len(), b.len())]) {
        let between = align::common(&a[from_a..to_a], &b[from_b..to_b]);
        pairs.extend(between.into_iter().map(|(i, j)| (from_a + i, from_b + j)));
        pairs.push((to_a, to_b));
        (from_a, from_b) = (to_a + 1, to_b + 1);
    }
    pairs.pop();
    pairs
}

fn anchors(keys: &[Key]) -> Vec<usize> {
    (0..keys.len()).filter(|&index| keys[index].anchor.is_some()).collect()
}

fn finish(runs: &[&Trace], merged: Vec<Merged>) -> Comparison {
    let cr3_fields = comparable_cr3(runs);
    let mut comparison = Comparison {
        row_of: runs.iter().map(|trace| vec![0; trace.steps.len()]).collect(),
        partial_places: partial_places(runs),
        ..Comparison::default()
    };
    for (index, Merged { key, steps: of }) in merged.into_iter().enumerate() {
        let mut steps = vec![None; runs.len()];
        for &(run, step) in &of {
            steps[run] = Some(step);
            comparison.row_of[run][step as usize] = index as u32;
        }
        let differs = of.len() < runs.len() || differ(runs, &of, cr3_fields);
        comparison.rows.push(Row { steps, anchor: key.anchor, differs });
    }
    comparison.differences = ranges(&comparison.rows);
    comparison
}

/// The bits of CR3 by which runs can be compared. PCIDs count only if all runs use them or none does.
fn comparable_cr3(runs: &[&Trace]) -> u64 {
    let mut pcid = runs.iter().map(|trace| trace.scenario.config.features.pcid);
    let first = pcid.next();
    match pcid.all(|pcid| Some(pcid) == first) {
        true => !0,
        false => !cr3::PCID,
    }
}

/// Counters that vary with where code lies in memory and not with what it does.
fn incidental() -> CounterSet {
    [Counter::TlbHits, Counter::PageWalkReads].into_iter().collect()
}

fn differ(runs: &[&Trace], steps: &[(usize, u32)], cr3_fields: u64) -> bool {
    let incidental = incidental();
    let view = |&(run, step): &(usize, u32)| {
        let trace = runs.get(run)?;
        let Step { kind, level, cpl, cr3_after, .. } = trace.steps.get(step as usize)?;
        let counts = trace.counts(step as usize).iter().filter(|(counter, _)| !incidental.contains(*counter));
        Some(((*kind, *level, *cpl, cr3_after & cr3_fields), counts))
    };
    let same = |a, b| match (view(a), view(b)) {
        (Some((a, counts_a)), Some((b, counts_b))) => a == b && counts_a.eq(counts_b),
        _ => false,
    };
    steps.windows(2).any(|pair| !same(&pair[0], &pair[1]))
}

fn ranges(rows: &[Row]) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for (index, _) in rows.iter().enumerate().filter(|(_, row)| row.differs) {
        match ranges.last_mut() {
            Some(last) if last.end == index => last.end += 1,
            _ => ranges.push(index..index + 1),
        }
    }
    ranges
}

fn partial_places(runs: &[&Trace]) -> Vec<(String, Vec<bool>)> {
    let mut names = Set::new();
    for trace in runs {
        let mut executed = vec![false; trace.places.iter().len()];
        for place in trace.steps.iter().filter_map(|step| step.place) {
            executed[place.0 as usize] = true;
        }
        let executed = (0..).map(PlaceId).zip(executed).filter(|(_, executed)| *executed);
        names.extend(executed.map(|(place, _)| trace.places.place(place)));
    }
    names
        .into_keys()
        .map(|place| (place.to_string(), runs.iter().map(|trace| trace.places.resolve(&place).is_ok()).collect()))
        .filter(|(_, has): &(_, Vec<bool>)| has.contains(&false))
        .collect()
}

/// A counter of several runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CounterRow {
    /// Which.
    pub counter: Counter,
    /// Its final value in each run.
    pub values: Vec<u64>,
    /// Each value minus the first run's; none if [`astray`] says that the two are not comparable.
    pub deltas: Vec<Option<i64>>,
}

/// The final counters of several runs, every counter, in the order of [`Counter::ALL`].
pub fn counters(runs: &[&Trace]) -> Vec<CounterRow> {
    let comparable: Vec<bool> = runs.iter().map(|run| astray([runs[0], run]).is_none()).collect();
    let row = |&counter: &Counter| {
        let values: Vec<u64> = runs.iter().map(|trace| trace.counters[counter]).collect();
        let first = values.first().copied().unwrap_or(0);
        let delta = |(&value, comparable): (&u64, &bool)| comparable.then_some(value.wrapping_sub(first) as i64);
        let deltas = values.iter().zip(&comparable).map(delta).collect();
        CounterRow { counter, values, deltas }
    };
    Counter::ALL.iter().map(row).collect()
}

#[cfg(test)]
mod tests;
