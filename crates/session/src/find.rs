//! A search of the runs and of the listed code: steps by number, labels, addresses, the text of instructions.

use crate::choice::{Direction, Match, Side};
use crate::runs::Runs;
use crate::state::State;
use cr3_core::scenario::{Place, PlaceId};
use cr3_core::trace::{Step, StepKind, Trace, delivery};

/// How many matches are shown at a time.
pub const SHOWN: usize = 8;

/// Hex digits from which on a word is taken for a part of an address.
const ADDRESS: usize = 4;

/// What a search found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Steps first, in order; then code that never runs.
    pub all: Vec<Match>,
    /// How many of them are steps.
    steps: usize,
}

/// A match as the page shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Where it leads.
    pub at: Match,
    /// Whether Enter goes there.
    pub is_chosen: bool,
    /// Which step it is, in both runs.
    pub step: String,
    /// `label+offset`.
    pub place: String,
    /// The instruction, or the event.
    pub text: String,
}

/// What matches a query.
#[must_use]
pub fn search(runs: &Runs, listed: Side, query: &str) -> Found {
    let query = query.trim().to_ascii_lowercase();
    if query.is_empty() {
        return Found::default();
    }
    let numbered = query.parse().map_or_else(|_| Vec::new(), |number| numbered(runs, number));
    // What is no number of a step may be an address without its prefix.
    let (rows, code) = match numbered.is_empty() {
        true => (matching(runs, &query), idle(runs, listed, &query)),
        false => (numbered, Vec::new()),
    };
    let steps = rows.len();
    Found { all: rows.into_iter().map(Match::Row).chain(code.into_iter().map(Match::Code)).collect(), steps }
}

/// The rows in which a side takes its step of this number.
fn numbered(runs: &Runs, number: usize) -> Vec<usize> {
    let row = |side| runs.row_of(side, number.checked_sub(1)?);
    match Side::BOTH.map(row) {
        [Some(left), Some(right)] if left != right => vec![left.min(right), left.max(right)],
        [left, right] => left.or(right).into_iter().collect(),
    }
}

fn matching(runs: &Runs, query: &str) -> Vec<usize> {
    let sites = Side::BOTH.map(|side| runs.trace(side).map_or_else(Vec::new, |trace| sites(trace, query)));
    let is_match = |side: Side, step: &Step| match step.kind {
        StepKind::Delivery { event, origin } => delivery(event, origin).to_ascii_lowercase().contains(query),
        _ => step.place.is_some_and(|PlaceId(id)| sites[side.index()].get(id as usize) == Some(&true)),
    };
    let row =
        |row: &usize| Side::BOTH.into_iter().any(|side| runs.step(side, *row).is_some_and(|it| is_match(side, it)));
    (0..runs.len()).filter(row).collect()
}

/// Which instructions of a run's code match: by place, by the label that they begin, by address, by text.
fn sites(trace: &Trace, query: &str) -> Vec<bool> {
    let digits = query.strip_prefix("0x").unwrap_or(query);
    let is_address = digits.len() >= ADDRESS && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let is_match = |(id, site): (u32, &cr3_core::scenario::Site)| {
        let name = trace.places.name(PlaceId(id)).to_ascii_lowercase();
        let text = trace.system.image.listing.get(site.line as usize).map_or("", |line| &line.text);
        name == query
            || (site.offset == 0 && name.contains(query))
            || (is_address && format!("{:x}", site.address).contains(digits))
            || spaced(text).contains(query)
    };
    (0..).zip(trace.places.iter()).map(is_match).collect()
}

/// A statement with single spaces, in small letters.
fn spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_ascii_lowercase()
}

/// Code of the listed side that matches and never runs.
fn idle(runs: &Runs, side: Side, query: &str) -> Vec<Place> {
    let Some(trace) = runs.trace(side) else { return Vec::new() };
    let mut sites = sites(trace, query);
    for PlaceId(id) in trace.steps.iter().filter_map(|step| step.place) {
        sites[id as usize] = false;
    }
    let places = (0..).zip(sites).filter(|(_, is_match)| *is_match);
    places.map(|(id, _)| trace.places.place(PlaceId(id))).collect()
}

impl Found {
    /// The row of the next match after a row, or before it.
    #[must_use]
    pub fn beside(&self, row: usize, direction: Direction) -> Option<usize> {
        let mut rows = self.all[..self.steps].iter().filter_map(|it| match it {
            Match::Row(row) => Some(*row),
            Match::Code(_) => None,
        });
        match direction {
            Direction::Forward => rows.find(|it| *it > row),
            Direction::Backward => rows.rfind(|it| *it < row),
        }
    }

    /// The match to which Enter goes: the first at the cursor or after it, or else the first of all.
    fn chosen(&self, cursor: usize) -> usize {
        let is_ahead = |it: &Match| matches!(it, Match::Row(row) if *row >= cursor);
        self.all.iter().position(is_ahead).unwrap_or(0)
    }
}

/// The matches about the chosen one, and in words how many there are.
#[must_use]
pub fn shown(state: &State) -> (Vec<Item>, String) {
    let found = search(&state.runs, state.side, &state.query);
    let chosen = found.chosen(state.cursor);
    let first = chosen.saturating_sub(1).min(found.all.len().saturating_sub(SHOWN));
    let near = found.all.iter().enumerate().skip(first).take(SHOWN);
    let words = match found.all.len() {
        _ if state.query.trim().is_empty() => String::new(),
        0 => format!("No step, label, address or instruction matches “{}”.", state.query.trim()),
        all => format!("{} of {all}", chosen + 1),
    };
    (near.map(|(index, at)| item(state, at, index == chosen)).collect(), words)
}

fn item(state: &State, at: &Match, is_chosen: bool) -> Item {
    let (step, place, text) = match at {
        Match::Row(row) => of_row(state, *row),
        Match::Code(place) => ("never runs".to_owned(), place.to_string(), text_at(state, place)),
    };
    Item { at: at.clone(), is_chosen, step, place, text }
}

fn of_row(state: &State, row: usize) -> (String, String, String) {
    let cells = crate::view::row::row(&state.runs, row).cells;
    let (place, text) = cells.into_iter().flatten().next().map(|cell| (cell.place, cell.text)).unwrap_or_default();
    (numbers(state, row), place, text)
}

/// The number of the step in both runs, once if they are equal.
fn numbers(state: &State, row: usize) -> String {
    let [left, right] = Side::BOTH.map(|side| state.runs.taken(side, row));
    let names = state.names();
    match Side::BOTH.map(|side| state.runs.trace(side).is_some()) {
        [true, true] if left != right => format!("{left} in {}, {right} in {}", names[0], names[1]),
        [true, _] => left.to_string(),
        _ => right.to_string(),
    }
}

fn text_at(state: &State, place: &Place) -> String {
    let line = || {
        let trace = state.runs.trace(state.side)?;
        let site = trace.places.site(trace.places.resolve(place).ok()?);
        trace.system.image.listing.get(site.line as usize)
    };
    line().map_or_else(String::new, |line| line.text.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests;
