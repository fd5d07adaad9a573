//! The two runs of a setup, aligned, with indexes for moving about in them.

use crate::assembly::{Failure, Texts};
use crate::choice::{Direction, Filter, Side, Target};
use crate::setup::{OwnTexts, Setup};
use cr3_core::asm::Diagnostic;
use cr3_core::compare::{self, Comparison};
use cr3_core::counters::Counter;
use cr3_core::linux::sources::form_source;
use cr3_core::linux::{Config, Form};
use cr3_core::scenario::{Place, Scenario, Unresolved};
use cr3_core::trace::{Options, Step, StepKind, Trace, Unfired};
use std::sync::Arc;

/// Rows of [`Target::Page`].
const PAGE: usize = 10;

/// Prefix of the names of the sources that hold forms of the restore macro.
const RESTORE_SOURCE: &str = "restore/";

/// The scenario with the text of an earlier run of a person's own text, if that is another one.
fn with_text_of(scenario: &Scenario, trace: &Trace) -> Option<Scenario> {
    let (wanted, ran) = (&scenario.config, &trace.scenario.config);
    let is_other = wanted.form == Form::Custom && ran.form == Form::Custom && wanted.custom != ran.custom;
    is_other.then(|| {
        // Another tree has another C side.
        let kernel = if ran.base == wanted.base { wanted.kernel } else { ran.kernel };
        let config = Config { custom: ran.custom.clone(), base: ran.base.clone(), kernel, ..wanted.clone() };
        Scenario { config, ..scenario.clone() }
    })
}

/// The runs of one setup. Equal only to itself: a new recording is a new value.
#[derive(Debug)]
pub struct Runs {
    /// The run of each side, or why there is none.
    pub sides: [Result<Trace, Failure>; 2],
    /// Why the run of a side is that of an earlier text of a person's own: what is wrong with the present one.
    pub refused: [Option<Vec<Diagnostic>>; 2],
    /// The runs aligned; only one run if the other failed.
    pub comparison: Comparison,
    /// Whether the counters of the two runs may be compared.
    pub comparable: bool,
    /// Steps that each side has in the rows up to and including each row.
    taken: [Vec<u32>; 2],
    /// Rows that [`Filter::Translation`] lists.
    translation: Vec<u32>,
    /// Rows that [`Filter::Differences`] lists.
    differing: Vec<u32>,
}

impl PartialEq for Runs {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Runs {
    /// Runs both sides of `setup`, whose texts `texts` has or assembles.
    #[must_use]
    pub fn record(setup: &Setup, custom: &OwnTexts, texts: &Texts) -> Self {
        Self::recorded(setup, custom, texts, None)
    }

    /// The same after these runs. A system that one of them started is not assembled again. Where a person's own text
    /// does not assemble, the last one that did keeps running.
    #[must_use]
    pub fn record_next(&self, setup: &Setup, custom: &OwnTexts, texts: &Texts) -> Self {
        Self::recorded(setup, custom, texts, Some(self))
    }

    /// The texts of a person's own that would keep running if the present ones do not assemble, where that takes assembling
    /// them anew: what runs has other features, say.
    pub(crate) fn earlier_texts(&self, setup: &Setup, custom: &OwnTexts) -> Vec<Config> {
        let earlier = |side| {
            let trace = self.trace(side)?;
            let last = with_text_of(&setup.scenario(side, custom), trace)?.config;
            (!trace.scenario.config.starts_as(&last)).then_some(last)
        };
        Side::BOTH.into_iter().filter_map(earlier).collect()
    }

    fn recorded(setup: &Setup, custom: &OwnTexts, texts: &Texts, earlier: Option<&Self>) -> Self {
        let before: Vec<&Trace> = earlier.into_iter().flat_map(|runs| runs.sides.iter().flatten()).collect();
        let record = |side, before: &[&Trace]| {
            let scenario = setup.scenario(side, custom);
            let run = |scenario: &Scenario| {
                let options = Options { budget: setup.budget };
                Trace::record_after(before.iter().copied(), scenario, options, |config| texts.start(config))
            };
            let last = earlier.and_then(|runs| runs.trace(side)).and_then(|trace| with_text_of(&scenario, trace));
            match (run(&scenario), last) {
                (Err(Failure::Refused(told)), Some(last)) => match run(&last) {
                    Ok(trace) => (Ok(trace), Some(told)),
                    Err(_) => (Err(Failure::Refused(told)), None),
                },
                (result, _) => (result, None),
            }
        };
        let (left, refused_left) = record(Side::Left, &before);
        let known: Vec<&Trace> = left.iter().chain(before.iter().copied()).collect();
        let (right, refused_right) = record(Side::Right, &known);
        Self { refused: [refused_left, refused_right], ..Self::align([left, right]) }
    }

    pub(crate) fn align(sides: [Result<Trace, Failure>; 2]) -> Self {
        let present: Vec<&Trace> = sides.iter().flatten().collect();
        let comparison = compare::compare(&present);
        let comparable = matches!(*present, [left, right] if compare::astray([left, right]).is_none());
        let mut runs = Self {
            sides,
            refused: [None, None],
            comparison,
            comparable,
            taken: [Vec::new(), Vec::new()],
            translation: Vec::new(),
            differing: Vec::new(),
        };
        runs.taken = Side::BOTH.map(|side| runs.count_taken(side));
        runs.translation = runs.listed(|runs, row| runs.translates(row));
        runs.differing = runs.listed(Self::differs);
        runs
    }

    fn count_taken(&self, side: Side) -> Vec<u32> {
        let mut taken = 0;
        (0..self.len())
            .map(|row| {
                taken += u32::from(self.step_index(side, row).is_some());
                taken
            })
            .collect()
    }

    fn listed(&self, wanted: impl Fn(&Self, usize) -> bool) -> Vec<u32> {
        let rows = (0..self.len()).filter(|row| wanted(self, *row));
        rows.filter_map(|row| u32::try_from(row).ok()).collect()
    }

    /// Number of aligned rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.comparison.rows.len()
    }

    /// Whether neither side has a step.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The nearest row that exists.
    #[must_use]
    pub fn clamp(&self, row: usize) -> usize {
        row.min(self.len().saturating_sub(1))
    }

    /// The run of a side.
    #[must_use]
    pub fn trace(&self, side: Side) -> Option<&Trace> {
        self.sides[side.index()].as_ref().ok()
    }

    /// The text of a person's own that a side runs: the present one, or the last one that assembled.
    #[must_use]
    pub fn text(&self, side: Side) -> Option<&Arc<str>> {
        self.trace(side).map(|trace| &trace.scenario.config.custom)
    }

    /// Whether the run of a side is that of an earlier text, because the present one does not assemble.
    #[must_use]
    pub fn is_of_earlier_text(&self, side: Side) -> bool {
        self.refused[side.index()].is_some()
    }

    /// The same runs as those of earlier texts, as the caller says.
    pub(crate) fn say_earlier(&mut self, sides: impl IntoIterator<Item = Side>) {
        sides.into_iter().for_each(|side| self.refused[side.index()] = Some(Vec::new()));
    }

    /// The index of a side among the runs that exist.
    fn position(&self, side: Side) -> Option<usize> {
        self.trace(side)?;
        let alone = side == Side::Right && self.trace(Side::Left).is_none();
        Some(if alone { 0 } else { side.index() })
    }

    /// The step of a side in a row; none if it has no step there.
    #[must_use]
    pub fn step_index(&self, side: Side, row: usize) -> Option<usize> {
        let position = self.position(side)?;
        let step = self.comparison.rows.get(row)?.steps.get(position)?;
        step.map(|step| step as usize)
    }

    /// The step of a side in a row.
    #[must_use]
    pub fn step(&self, side: Side, row: usize) -> Option<&Step> {
        self.trace(side)?.steps.get(self.step_index(side, row)?)
    }

    /// How many steps a side has taken at the end of the row.
    #[must_use]
    pub fn taken(&self, side: Side, row: usize) -> usize {
        self.taken[side.index()].get(row).copied().unwrap_or(0) as usize
    }

    /// The row of a step of a side.
    #[must_use]
    pub fn row_of(&self, side: Side, step: usize) -> Option<usize> {
        self.comparison.row_of(self.position(side)?, step)
    }

    /// Whether the runs differ in a row.
    #[must_use]
    pub fn differs(&self, row: usize) -> bool {
        self.comparison.rows.get(row).is_some_and(|row| row.differs)
    }

    /// The place of a row: that of the left run if it has a step there, else that of the right one.
    #[must_use]
    pub fn place(&self, row: usize) -> Option<Place> {
        Side::BOTH.into_iter().find_map(|side| {
            let place = self.step(side, row)?.place?;
            Some(self.trace(side)?.places.place(place))
        })
    }

    /// Why neither side has an instruction of that name. None if one has, or if one does not run and may have.
    #[must_use]
    pub fn unknown(&self, place: &Place) -> Option<Unresolved> {
        let (left, right) = (self.trace(Side::Left)?, self.trace(Side::Right)?);
        let of_left = left.places.resolve(place).err()?;
        let of_right = right.places.resolve(place).err()?;
        Some(if matches!(of_left, Unresolved::PastEnd { .. }) { of_left } else { of_right })
    }

    /// The text of the restore macro that a side runs.
    #[must_use]
    pub fn restore_source(&self, side: Side) -> Option<String> {
        let trace = self.trace(side)?;
        match trace.scenario.config.form {
            Form::Custom => {
                let mut sources = trace.system.sources.iter();
                sources.find(|source| source.name.starts_with(RESTORE_SOURCE)).map(|source| source.text.clone())
            }
            // A system that was assembled elsewhere comes without its texts.
            form => Some(form_source(form, "").text),
        }
    }

    /// Injections of the schedule that did not strike, by side.
    #[must_use]
    pub fn unfired(&self, side: Side) -> &[Unfired] {
        self.trace(side).map_or(&[], |trace| &trace.unfired)
    }

    /// The rows that a filter lists; none means all.
    #[must_use]
    pub fn rows(&self, filter: Filter) -> Option<&[u32]> {
        match filter {
            Filter::All => None,
            Filter::Translation => Some(&self.translation),
            Filter::Differences => Some(&self.differing),
        }
    }

    fn any(&self, row: usize, wanted: impl Fn(&Step) -> bool) -> bool {
        Side::BOTH.into_iter().filter_map(|side| self.step(side, row)).any(wanted)
    }

    pub(crate) fn writes_cr3(&self, row: usize) -> bool {
        self.any(row, |step| step.counted.contains(Counter::Cr3Writes))
    }

    pub(crate) fn flushes(&self, row: usize) -> bool {
        let flushing = [
            Counter::FlushingCr3Writes,
            Counter::FlushingCr4Writes,
            Counter::DroppedEntries,
            Counter::Invlpg,
            Counter::Invpcid,
        ];
        self.any(row, |step| flushing.into_iter().any(|counter| step.counted.contains(counter)))
    }

    /// Whether a promise breaks in a row.
    pub(crate) fn breaks(&self, row: usize) -> bool {
        Side::BOTH.into_iter().any(|side| {
            let step = self.step_index(side, row);
            self.trace(side).is_some_and(|trace| trace.breakages.iter().any(|it| Some(it.step) == step))
        })
    }

    fn delivers(&self, row: usize) -> bool {
        self.any(row, |step| matches!(step.kind, StepKind::Delivery { .. }))
    }

    fn translates(&self, row: usize) -> bool {
        let counted = [Counter::TlbMisses, Counter::FaultDroppedEntries, Counter::EvictedEntries];
        let missed = self.any(row, |step| counted.into_iter().any(|it| step.counted.contains(it)));
        missed || self.writes_cr3(row) || self.flushes(row) || self.delivers(row)
    }

    /// How deep in handlers a row is.
    #[must_use]
    pub fn level(&self, row: usize) -> u8 {
        Side::BOTH.into_iter().filter_map(|side| self.step(side, row)).map(|step| step.level).max().unwrap_or(0)
    }

    /// The row that a move leads to; none if there is no such row in that direction.
    #[must_use]
    pub fn target(&self, from: usize, target: Target, direction: Direction) -> Option<usize> {
        let last = self.len().checked_sub(1)?;
        let end = match direction {
            Direction::Forward => last,
            Direction::Backward => 0,
        };
        let level = self.level(from);
        let found = match target {
            Target::Row => self.search(from, direction, |_| true)?,
            Target::SameLevel => self.search(from, direction, |row| self.level(row) <= level)?,
            Target::Page => match direction {
                Direction::Forward => from.saturating_add(PAGE).min(last),
                Direction::Backward => from.saturating_sub(PAGE),
            },
            Target::End => end,
            Target::Difference => self.difference(from, direction)?,
            Target::Cr3Write => self.search(from, direction, |row| self.writes_cr3(row))?,
            Target::Flush => self.search(from, direction, |row| self.flushes(row))?,
            Target::Delivery => self.search(from, direction, |row| self.delivers(row))?,
        };
        (found != from).then_some(found)
    }

    fn search(&self, from: usize, direction: Direction, wanted: impl Fn(usize) -> bool) -> Option<usize> {
        match direction {
            Direction::Forward => (from.saturating_add(1)..self.len()).find(|row| wanted(*row)),
            Direction::Backward => (0..from.min(self.len())).rev().find(|row| wanted(*row)),
        }
    }

    fn difference(&self, from: usize, direction: Direction) -> Option<usize> {
        let range = match direction {
            Direction::Forward => self.comparison.next_difference(from),
            Direction::Backward => self.comparison.previous_difference(from),
        };
        range.map(|range| range.start)
    }

    /// The row on which the comparison turns: the one where one run writes CR3 and the other does not; else the CR3
    /// write that closely follows the first difference; else that difference, the first delivery, or the start.
    #[must_use]
    pub fn decisive(&self) -> usize {
        const CLOSELY: usize = 12;
        let alone = |row: &usize| {
            let writes = Side::BOTH
                .map(|side| self.step(side, *row).is_some_and(|step| step.counted.contains(Counter::Cr3Writes)));
            self.differs(*row) && writes[0] != writes[1]
        };
        let first = self.comparison.differences.first().map(|range| range.start);
        let write = first.and_then(|first| (first..self.len()).take(CLOSELY).find(|row| self.writes_cr3(*row)));
        (0..self.len())
            .find(alone)
            .or(write)
            .or(first)
            .or_else(|| (0..self.len()).find(|row| self.delivers(*row)))
            .unwrap_or(0)
    }

    /// The row of another recording that corresponds to `row` in this one: same place, same arrival.
    #[must_use]
    pub fn follow(&self, row: usize, other: &Self) -> Option<usize> {
        Side::BOTH.into_iter().find_map(|side| {
            let name = self.name(side, row)?;
            let arrival = (0..=row).filter(|row| self.name(side, *row).as_ref() == Some(&name)).count();
            (0..other.len()).filter(|row| other.name(side, *row).as_ref() == Some(&name)).nth(arrival.checked_sub(1)?)
        })
    }

    fn name(&self, side: Side, row: usize) -> Option<(&str, u32, bool)> {
        let step = self.step(side, row)?;
        let places = &self.trace(side)?.places;
        let site = places.site(step.place?);
        let delivery = matches!(step.kind, StepKind::Delivery { .. });
        Some((places.label(site.label), site.offset, delivery))
    }
}
