//! Runs of both texts.

use crate::asm::Diagnostic;
use crate::counters::{Counter, Counters, Tally};
use crate::linux::{Base, Config, Form, System, Tree, boot};
use crate::promises::Promises;
use crate::run::{End, Runner};
use crate::scenario::{Injection, Nesting, Places, Schedule, Vector};
use crate::trace::Ending;
use std::collections::BTreeSet;
use std::fmt::{self, Display, Formatter};
use std::sync::Arc;

/// Steps after which a run stops; two kinds of runs never end.
const BUDGET: usize = 20_000;

/// The outcome of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// Its steps.
    pub steps: usize,
    /// How it ended.
    pub ending: Ending,
    /// The invariants that it broke, with the places where.
    pub broken: Vec<(&'static str, String)>,
    /// What it counted.
    pub counters: Counters,
    /// Indices of the injections that did not strike.
    pub unfired: Vec<usize>,
}

/// In what two runs differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mismatch {
    /// Not in the same number of steps.
    Steps,
    /// In their ends.
    Ending,
    /// In the promises that they break, or where.
    Promises,
    /// In a counter.
    Counter(Counter),
    /// In what struck: they are then two different runs, and nothing else is compared.
    Strikes,
}

impl Display for Mismatch {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Steps => f.write_str("steps"),
            Self::Ending => f.write_str("end"),
            Self::Promises => f.write_str("promises"),
            Self::Counter(counter) => f.write_str(counter.name()),
            Self::Strikes => f.write_str("strikes"),
        }
    }
}

impl Ran {
    /// In what two runs differ; nothing if they are the same.
    pub fn differs(&self, other: &Self) -> BTreeSet<Mismatch> {
        if self.unfired != other.unfired {
            return [Mismatch::Strikes].into();
        }
        let counters = self.counters.iter().filter(|(counter, count)| other.counters[*counter] != *count);
        let others = [
            (Mismatch::Steps, self.steps != other.steps),
            (Mismatch::Ending, self.ending != other.ending),
            (Mismatch::Promises, self.broken != other.broken),
        ];
        let others = others.into_iter().filter_map(|(mismatch, differs)| differs.then_some(mismatch));
        counters.map(|(counter, _)| Mismatch::Counter(counter)).chain(others).collect()
    }
}

/// A text that was booted.
#[derive(Debug)]
struct Text {
    config: Config,
    system: System,
    places: Places,
}

impl Text {
    fn new(config: Config) -> Result<Self, Vec<Diagnostic>> {
        let system = boot(&config)?;
        let places = Places::new(&system.image);
        Ok(Self { config, system, places })
    }

    fn run(&self, schedule: &Schedule) -> Ran {
        let mut runner = Runner::new(self.system.machine.clone(), &self.places, schedule);
        let mut tally = Tally::new(runner.machine());
        let mut promises = Promises::new(&self.system, &self.config, &self.places);
        let (mut steps, mut last) = (0, None);
        let mut rips = Vec::new();
        let end = loop {
            if steps == BUDGET {
                break End::Budget { steps: BUDGET as u32 };
            }
            let rip = runner.machine().cpu.rip;
            promises.boundary(steps, runner.machine(), runner.nest().depth());
            if let Err(stop) = runner.step(&mut (&mut tally, &mut promises)) {
                break stop;
            }
            last = Some(rip);
            rips.push(rip);
            promises.counted(steps, tally.take_touched());
            steps += 1;
        };
        let ending = Ending::of(&end, &self.places, last.and_then(|rip| self.places.at(rip)));
        promises.ended(steps.saturating_sub(1), ending);
        let place = |step: usize| rips.get(step).and_then(|rip| self.places.describe(*rip)).unwrap_or_default();
        let broken = promises.broken().iter().map(|broken| (broken.broken.invariant(), place(broken.step)));
        let (counters, broken) = (*tally.counters(), broken.collect());
        let (_, unfired) = runner.finish();
        let unfired = unfired.iter().map(|unfired| unfired.index).collect();
        Ran { steps, ending, broken, counters, unfired }
    }
}

/// The two texts on one machine.
#[derive(Debug)]
pub struct Pair {
    ours: Text,
    theirs: Text,
}

impl Pair {
    /// The built-in text with this form, and that of the tree with the settings that are the text of `config`; all else as in `config`.
    ///
    /// # Errors
    /// Diagnostics if the tree does not assemble.
    pub fn new(tree: &Arc<Tree>, form: Form, config: &Config) -> Result<Self, Vec<Diagnostic>> {
        let text = |base, form| Text::new(Config { base, form, ..config.clone() });
        Ok(Self { ours: text(Base::BuiltIn, form)?, theirs: text(Base::Tree(Arc::clone(tree)), Form::Custom)? })
    }

    /// Runs a schedule on both.
    pub fn run(&self, schedule: &Schedule) -> [Ran; 2] {
        [self.ours.run(schedule), self.theirs.run(schedule)]
    }

    /// One exception at each place of the built-in text.
    pub fn single_injections(&self, vectors: &[Vector]) -> Vec<Schedule> {
        let ids = (0..self.ours.places.iter().len() as u32).map(crate::scenario::PlaceId);
        let places: Vec<_> = ids.map(|id| self.ours.places.place(id)).collect();
        let injection = |vector: Vector| {
            places.iter().map(move |place| Injection { place: place.clone(), vector, nesting: Nesting::After })
        };
        let injections = vectors.iter().flat_map(|vector| injection(*vector));
        injections.map(|injection| Schedule { injections: vec![injection] }).collect()
    }
}
