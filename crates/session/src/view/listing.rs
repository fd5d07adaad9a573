//! The code as it was assembled, with its gutter. Labels and instructions are rows of one height.

use crate::choice::{Direction, Side};
use crate::inject;
use crate::runs::Runs;
use crate::state::State;
use crate::stops::Stop;
use cr3_core::machine::order::sort_by_key;
use cr3_core::scenario::{Place, PlaceId};
use cr3_core::trace::Trace;
use std::ops::Range;
use std::rc::Rc;

/// A row of the listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// A section of the image.
    Section(String),
    /// A label; local ones start with `.L`.
    Label(String),
    /// An instruction.
    Instruction {
        /// Linear address.
        address: u64,
        /// The statement after macro expansion.
        text: String,
        /// `label+offset`, first arrival.
        place: Place,
        /// The text and the line, from 1, in which the statement is written.
        written: (String, u32),
        /// The macro that produced it.
        origin: Option<String>,
        /// How often the run executed it.
        executed: u32,
    },
}

/// The listing of one run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// The rows.
    pub lines: Vec<Line>,
    /// Names of the labels that are not local, with their rows, for the list of jump targets.
    pub labels: Vec<(String, usize)>,
    /// Address and row of each instruction, in order of both.
    row_of: Vec<(u64, usize)>,
}

impl Listing {
    /// The row of an instruction.
    #[must_use]
    pub fn row_of(&self, address: u64) -> Option<usize> {
        let at = self.row_of.binary_search_by_key(&address, |(address, _)| *address).ok()?;
        Some(self.row_of[at].1)
    }

    /// The place of the instruction in a row, or of the next one after it.
    #[must_use]
    pub fn place_from(&self, row: usize) -> Option<&Place> {
        self.lines.get(row..)?.iter().find_map(|line| match line {
            Line::Instruction { place, .. } => Some(place),
            Line::Label(_) | Line::Section(_) => None,
        })
    }

    /// The nearest row of an instruction after or before a row.
    #[must_use]
    pub fn next_instruction(&self, row: usize, direction: Direction) -> Option<usize> {
        let is_instruction = |at: &usize| matches!(self.lines.get(*at), Some(Line::Instruction { .. }));
        match direction {
            Direction::Forward => (row + 1..self.lines.len()).find(is_instruction),
            Direction::Backward => (0..row.min(self.lines.len())).rev().find(is_instruction),
        }
    }

    /// The row of an instruction and the rows of the labels and the section directly above it.
    #[must_use]
    pub fn group(&self, row: usize) -> Range<usize> {
        let above = self.lines.get(..row).unwrap_or_default();
        let names = above.iter().rev().take_while(|line| !matches!(line, Line::Instruction { .. })).count();
        row - names.min(row)..row + 1
    }

    fn push(&mut self, line: Line) {
        match &line {
            Line::Instruction { address, .. } => self.row_of.push((*address, self.lines.len())),
            Line::Label(name) if !name.starts_with(".L") => self.labels.push((name.clone(), self.lines.len())),
            Line::Label(_) | Line::Section(_) => {}
        }
        self.lines.push(line);
    }
}

/// The listing of one side's image.
#[must_use]
pub fn listing(runs: &Runs, side: Side) -> Listing {
    let Some(trace) = runs.trace(side) else {
        return Listing::default();
    };
    let labels = labels(trace);
    let executed = executed(trace);
    let mut listing = Listing::default();
    let mut section = None;
    for (index, site) in trace.places.iter().enumerate() {
        let here = section_of(trace, site.address);
        if here.is_some() && here != section {
            listing.push(Line::Section(here.unwrap_or_default().to_owned()));
            section = here;
        }
        let first = labels.partition_point(|(address, _)| *address < site.address);
        for (_, name) in labels[first..].iter().take_while(|(address, _)| *address == site.address) {
            listing.push(Line::Label((*name).to_owned()));
        }
        let id = PlaceId(index as u32);
        if let Some(line) = instruction(trace, id, executed.get(index).copied().unwrap_or(0)) {
            listing.push(line);
        }
    }
    listing
}

fn instruction(trace: &Trace, id: PlaceId, executed: u32) -> Option<Line> {
    let site = trace.places.site(id);
    let line = trace.system.image.listing.get(site.line as usize)?;
    Some(Line::Instruction {
        address: site.address,
        text: line.text.split_whitespace().collect::<Vec<_>>().join(" "),
        place: trace.places.place(id),
        written: (source_name(trace, line.position.source), line.position.line),
        origin: line.expansion.first().map(|(name, _)| name.clone()),
        executed,
    })
}

fn source_name(trace: &Trace, source: usize) -> String {
    trace.system.sources.get(source).map(|source| source.name.clone()).unwrap_or_default()
}

/// All labels in order of address. Names that people wrote come before those that macros made.
fn labels(trace: &Trace) -> Vec<(u64, &str)> {
    let symbols = trace.system.image.symbols.iter();
    let mut labels: Vec<_> = symbols.map(|(name, address)| (*address, name.as_str())).collect();
    sort_by_key(&mut labels, |(address, name)| (*address, name.starts_with(".L")));
    labels
}

fn section_of(trace: &Trace, address: u64) -> Option<&str> {
    let sections = trace.system.image.sections.iter();
    let mut holding = sections
        .filter(|section| address.checked_sub(section.base).is_some_and(|offset| offset < section.bytes.len() as u64));
    holding.next().map(|section| section.name.as_str())
}

fn executed(trace: &Trace) -> Vec<u32> {
    let mut executed = vec![0u32; trace.places.iter().len()];
    for step in &trace.steps {
        if let Some(count) = step.place.and_then(|id| executed.get_mut(id.0 as usize)) {
            *count = count.saturating_add(1);
        }
    }
    executed
}

/// What the gutter of the listing shows at the cursor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gutter {
    /// Row of the current instruction of the run whose code is listed.
    pub current: Option<usize>,
    /// Row of the current instruction of the other run, if its code has that place.
    pub other: Option<usize>,
    /// Rows at which a run stops.
    pub stops: Vec<usize>,
    /// What is injected.
    strikes: Rc<Vec<Strikes>>,
}

impl Gutter {
    /// What is injected beside a row.
    #[must_use]
    pub fn strikes(&self, row: usize) -> Option<&Strikes> {
        let at = self.strikes.binary_search_by_key(&row, |strikes| strikes.row).ok()?;
        self.strikes.get(at)
    }
}

/// The injections beside a row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Strikes {
    row: usize,
    /// Their numbers in the schedule, from 1.
    pub numbers: Vec<usize>,
    /// Why the last of those that struck in neither run did not.
    pub refused: Option<String>,
}

/// What is injected beside each row of a side's listing, each row once and in order. It is the same at every step.
#[must_use]
pub fn strikes(runs: &Runs, side: Side, listing: &Listing) -> Vec<Strikes> {
    let Some(trace) = runs.trace(side) else { return Vec::new() };
    let injections = &trace.scenario.schedule.injections;
    let struck = inject::all_struck(runs, injections.len());
    let mut all: Vec<Strikes> = Vec::new();
    for (index, injection) in injections.iter().enumerate() {
        let site = trace.places.resolve(&injection.place).ok().map(|id| trace.places.site(id));
        let Some(row) = site.and_then(|site| listing.row_of(site.address)) else {
            continue;
        };
        let at = all.binary_search_by_key(&row, |strikes| strikes.row).unwrap_or_else(|at| {
            all.insert(at, Strikes { row, ..Strikes::default() });
            at
        });
        all[at].numbers.push(index + 1);
        if struck[index].is_none()
            && let Some(why) = super::schedule::why_unfired(runs, index)
        {
            all[at].refused = Some(why);
        }
    }
    all
}

/// The gutter of `listing`, which must be that of the state's side, with what is injected.
#[must_use]
pub fn gutter(state: &State, listing: &Listing, strikes: Rc<Vec<Strikes>>) -> Gutter {
    let runs = &state.runs;
    let mut gutter = Gutter {
        current: current(runs, state.side, state.cursor, listing),
        other: other(runs, state.side, state.cursor, listing),
        stops: Vec::new(),
        strikes,
    };
    let Some(trace) = runs.trace(state.side) else {
        return gutter;
    };
    gutter.stops.extend(state.stops.iter().filter_map(|stop| match stop {
        Stop::At(place) => listing.row_of(trace.places.site(trace.places.resolve(place).ok()?).address),
        _ => None,
    }));
    gutter
}

/// The instruction that a side is at: that of the row's step, or the next one if it has none.
fn current(runs: &Runs, side: Side, row: usize, listing: &Listing) -> Option<usize> {
    let step = runs.step(side, row).or_else(|| runs.trace(side)?.steps.get(runs.taken(side, row)))?;
    listing.row_of(step.rip)
}

fn other(runs: &Runs, side: Side, row: usize, listing: &Listing) -> Option<usize> {
    let there = runs.trace(side.other())?;
    let here = runs.trace(side)?;
    let step = runs.step(side.other(), row).or_else(|| there.steps.get(runs.taken(side.other(), row)))?;
    let place = there.places.place(step.place?);
    let id = here.places.resolve(&place).ok()?;
    listing.row_of(here.places.site(id).address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{Settings, State};

    #[test]
    fn an_instruction_stands_below_its_names_and_between_its_neighbours() {
        let listing = listing(&State::open("", Settings::default()).runs, Side::Left);
        let rows = || 0..listing.lines.len();
        let instructions: Vec<usize> =
            rows().filter(|row| matches!(listing.lines[*row], Line::Instruction { .. })).collect();
        // Every row belongs to one group, and the groups follow each other.
        let groups: Vec<usize> = instructions.iter().flat_map(|row| listing.group(*row)).collect();
        assert_eq!(groups, rows().collect::<Vec<_>>());
        for row in rows() {
            let here = instructions.partition_point(|at| *at < row);
            let after = instructions.partition_point(|at| *at <= row);
            let before = here.checked_sub(1).map(|index| instructions[index]);
            assert_eq!(listing.next_instruction(row, Direction::Forward), instructions.get(after).copied());
            assert_eq!(listing.next_instruction(row, Direction::Backward), before);
            let Line::Instruction { place, .. } = &listing.lines[instructions[here]] else { unreachable!() };
            assert_eq!(listing.place_from(row), Some(place));
        }
        let end = listing.lines.len();
        assert_eq!(listing.place_from(end), None);
        assert_eq!(listing.next_instruction(end, Direction::Forward), None);
        assert_eq!(listing.next_instruction(end, Direction::Backward), instructions.last().copied());
    }
}
