//! Where running stops: at places, and at what steps do. All of it is a search over recorded rows.

use crate::choice::{Direction, Side};
use crate::runs::Runs;
use cr3_core::scenario::{Place, PlaceId};

/// Something that a run stops at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// A step that writes CR3.
    Cr3Write,
    /// A step that invalidates translations.
    Flush,
    /// A step at which a promise breaks.
    Broken,
    /// An arrival at an instruction.
    At(Place),
}

impl Stop {
    /// Those that are no place, in the order in which they are offered.
    pub const KINDS: [Self; 3] = [Self::Cr3Write, Self::Flush, Self::Broken];

    /// Its name where there is little room.
    #[must_use]
    pub fn short(&self) -> &str {
        match self {
            Self::Cr3Write => "CR3",
            Self::Flush => "flush",
            Self::Broken => "broken",
            Self::At(place) => &place.label,
        }
    }

    /// Its name.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Cr3Write => "CR3 write".to_owned(),
            Self::Flush => "flush".to_owned(),
            Self::Broken => "broken promise".to_owned(),
            Self::At(place) => place.to_string(),
        }
    }
}

/// A run under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Where it goes.
    pub direction: Direction,
    /// The row at which it ends; without it, the last row in that direction.
    pub goal: Option<usize>,
}

/// Where a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Halt {
    /// The row.
    pub row: usize,
    /// Why there.
    pub why: Why,
}

/// Why a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// It met these stops.
    Met(Vec<Stop>),
    /// It came to its goal.
    There,
    /// Nothing stopped it before the last row in this direction.
    End(Direction),
}

/// Stops, made ready for one recording: each name is looked up once.
pub(crate) struct Ready<'a> {
    runs: &'a Runs,
    stops: Vec<(&'a Stop, [Option<PlaceId>; 2])>,
}

impl<'a> Ready<'a> {
    pub(crate) fn new(runs: &'a Runs, stops: &'a [Stop]) -> Self {
        let place = |stop: &Stop, side| match stop {
            Stop::At(place) => runs.trace(side)?.places.resolve(place).ok(),
            _ => None,
        };
        let stops = stops.iter().map(|stop| (stop, Side::BOTH.map(|side| place(stop, side))));
        Self { runs, stops: stops.collect() }
    }

    fn is_met(&self, (stop, places): &(&Stop, [Option<PlaceId>; 2]), row: usize) -> bool {
        match stop {
            Stop::Cr3Write => self.runs.writes_cr3(row),
            Stop::Flush => self.runs.flushes(row),
            Stop::Broken => self.runs.breaks(row),
            Stop::At(_) => Side::BOTH.into_iter().any(|side| {
                let place = places[side.index()];
                place.is_some() && self.runs.step(side, row).and_then(|step| step.place) == place
            }),
        }
    }

    /// The stops that a row meets.
    pub(crate) fn met(&self, row: usize) -> impl Iterator<Item = &'a Stop> {
        self.stops.iter().filter(move |stop| self.is_met(stop, row)).map(|(stop, _)| *stop)
    }

    /// The first row that meets a stop on the way from one row to another, the last one included.
    pub(crate) fn between(&self, from: usize, to: usize) -> Option<usize> {
        let is_met = |row: &usize| self.met(*row).next().is_some();
        match () {
            () if self.stops.is_empty() => None,
            () if from <= to => (from + 1..=to).find(is_met),
            () => (to..from).rev().find(is_met),
        }
    }
}

#[cfg(test)]
mod tests;
