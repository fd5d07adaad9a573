//! The explorer: chosen exceptions at every instruction boundary, nested and one after the other, up to a number of strikes.
//!
//! The model is the machine itself. A choice is a boundary of a run, at any arrival, and a vector. It is *refused* by the architecture,
//! *excluded* by an assumption, or makes a *schedule*, which is run and judged by the promises of [`crate::promises`]. A verdict says up
//! to which depth, the number of strikes of a schedule, everything was covered.
//!
//! Who calls holds the clock and the threads: [`Explorer::work`] takes a slice of work; [`Explorer::tasks`] gives what may be done at
//! once, with the same result.

mod agree;
mod assume;
mod count;
mod journal;
mod lane;
mod report;
mod space;
mod summary;
mod sweep;
mod witness;
mod world;

pub use assume::{Assumption, Assumptions};
pub use count::{Costs, Counts, follows_instructions};
pub use report::{Report, Setting, Verdict, Violation};
pub use space::{MAX_SHARES, Query, Shard, Standing, standard_features, standard_handlers};
pub use sweep::{Method, Progress, Work};

use crate::asm::Diagnostic;
use crate::linux::Config;
use crate::promises::Breakage;
use std::sync::Arc;
use sweep::{Failure, Found, Known, Part, Plan, Sweep};
use world::World;

/// A search, and how far it has come.
pub struct Explorer {
    query: Query,
    systems: Vec<Explored>,
    /// The number of strikes of the schedules at hand.
    strikes: u32,
    /// The depth that is complete.
    complete: u32,
    is_over: bool,
    current: Option<Current>,
}

/// A system and what is known of it.
struct Explored {
    world: Arc<World>,
    known: Arc<Known>,
    /// For each number of strikes that is complete, from 1.
    counts: Vec<Counts>,
    costs: Costs,
    /// Of the last number of strikes.
    failures: Vec<Failure>,
    /// Whether there are others that were counted and not seen.
    hides: bool,
    work: Work,
}

/// Tasks that are done one after the other.
struct Current {
    waiting: std::vec::IntoIter<Task>,
    sweep: Option<Sweep>,
    done: Vec<Done>,
    of: usize,
}

/// A piece of work that depends on no other that is to be had at the same time.
pub struct Task {
    system: usize,
    world: Arc<World>,
    plan: Plan,
    known: Arc<Known>,
}

/// A task that was carried out.
pub struct Done {
    system: usize,
    found: Found,
}

impl Task {
    fn start(&self) -> Sweep {
        Sweep::new(Arc::clone(&self.world), self.plan.clone(), Arc::clone(&self.known))
    }

    /// Carries it out. Between slices `go_on` is asked; what is left undone makes the search end as not finished.
    pub fn run(self, mut go_on: impl FnMut() -> bool) -> Option<Done> {
        let mut sweep = self.start();
        while sweep.work(SLICE) == Progress::More {
            if !go_on() {
                return None;
            }
        }
        Some(Done { system: self.system, found: sweep.finish() })
    }
}

/// Steps of a slice: about ten milliseconds.
const SLICE: u64 = 100_000;

impl Explorer {
    /// Boots the systems of a query.
    ///
    /// # Errors
    /// The assembler's diagnostics when a person's macro does not assemble.
    pub fn new(query: Query) -> Result<Self, Vec<Diagnostic>> {
        let systems = query.configs.iter().map(Explored::new).collect::<Result<Vec<_>, _>>()?;
        let mut explorer = Self { query, systems, strikes: 0, complete: 0, is_over: false, current: None };
        explorer.next_depth();
        Ok(explorer)
    }

    /// What may be done at once, in order. To be given back to [`Self::absorb`] in this order. None when the search is over.
    pub fn tasks(&self) -> Vec<Task> {
        if self.is_over {
            return Vec::new();
        }
        // Only the last depth is shared out: each one needs to know what all schedules of fewer strikes come to.
        let shard = self.query.shard.filter(|_| self.strikes == self.query.depth);
        let parts: Vec<_> = match self.strikes {
            1 => vec![Part { index: 0, of: 1 }],
            _ => shard.unwrap_or(Shard::WHOLE).parts().collect(),
        };
        let limit = self.limit(parts.len());
        let each = |(system, explored): (usize, &Explored)| {
            let plan = |part| self.plan(part, limit);
            let task = |part| Task {
                system,
                world: Arc::clone(&explored.world),
                plan: plan(part),
                known: Arc::clone(&explored.known),
            };
            parts.iter().map(move |&part| task(part)).collect::<Vec<_>>()
        };
        self.systems.iter().enumerate().flat_map(each).collect()
    }

    /// The runs that each task may start, out of those that are left of the budget.
    fn limit(&self, parts: usize) -> u64 {
        let used: u64 = self.systems.iter().map(|system| system.work.runs).sum();
        let tasks = (parts * self.systems.len()) as u64;
        self.query.max_runs.map_or(u64::MAX, |max| max.saturating_sub(used) / tasks.max(1))
    }

    fn plan(&self, part: Part, limit: u64) -> Plan {
        Plan {
            strikes: self.strikes,
            vectors: self.query.vectors.clone().into(),
            assumed: self.query.assumed,
            method: self.query.method,
            part,
            followed: self.strikes < self.query.depth,
            limit,
        }
    }

    /// Takes in what the tasks came to. Fewer than there were tasks end the search as not finished.
    pub fn absorb(&mut self, done: Vec<Done>) {
        let is_whole = done.len() == self.tasks().len() && done.iter().all(|done| !done.found.is_partial);
        let mut found: Vec<Found> = self.systems.iter().map(|_| Found::default()).collect();
        for Done { system, found: mut part } in done {
            let learned = std::mem::take(&mut part.learned);
            if let (Some(explored), Some(found)) = (self.systems.get_mut(system), found.get_mut(system)) {
                Arc::make_mut(&mut explored.known).learn(learned, self.strikes);
                found.merge(part);
            }
        }
        self.systems.iter_mut().zip(found).for_each(|(system, found)| system.absorb(found));
        if is_whole {
            self.complete = self.strikes;
            self.next_depth();
        } else {
            self.is_over = true;
        }
    }

    fn next_depth(&mut self) {
        let breaks = self.systems.iter().any(|system| !system.failures.is_empty());
        self.is_over = breaks || self.strikes >= self.query.depth;
        self.strikes += u32::from(!self.is_over);
    }

    /// Takes about so many steps.
    pub fn work(&mut self, steps: u64) -> Progress {
        let Some(mut current) = self.current.take().or_else(|| self.begin()) else { return Progress::Done };
        let sweep = match current.sweep.take() {
            Some(sweep) => Some(sweep),
            None => current.waiting.as_slice().first().map(Task::start),
        };
        let Some(mut sweep) = sweep else {
            self.absorb(current.done);
            return if self.is_over { Progress::Done } else { Progress::More };
        };
        if sweep.work(steps) == Progress::More {
            current.sweep = Some(sweep);
        } else if let Some(task) = current.waiting.next() {
            current.done.push(Done { system: task.system, found: sweep.finish() });
        }
        self.current = Some(current);
        Progress::More
    }

    fn begin(&self) -> Option<Current> {
        let tasks = self.tasks();
        let of = tasks.len();
        (of != 0).then(|| Current { waiting: tasks.into_iter(), sweep: None, done: Vec::new(), of })
    }

    /// How much of the schedules of the depth at hand is done, in thousandths.
    pub fn done(&self) -> u32 {
        let Some(current) = &self.current else { return if self.is_over { 1000 } else { 0 } };
        let whole = current.done.len() as u32 * 1000;
        let begun = current.sweep.as_ref().map_or(0, Sweep::done);
        (whole + begun) / (current.of as u32).max(1)
    }

    /// The number of strikes of the schedules at hand.
    pub fn strikes(&self) -> u32 {
        self.strikes
    }
}

impl Explored {
    fn new(config: &Config) -> Result<Self, Vec<Diagnostic>> {
        let world = World::new(config)?;
        let failure =
            |breakage: &Breakage| Failure { strikes: Vec::new(), steps: breakage.step as u32, broken: breakage.broken };
        let failures = world.base_broken.iter().map(failure).collect();
        Ok(Self {
            world: Arc::new(world),
            known: Arc::default(),
            counts: Vec::new(),
            costs: Costs::default(),
            failures,
            hides: false,
            work: Work::default(),
        })
    }

    fn absorb(&mut self, found: Found) {
        self.counts.push(found.counts);
        self.failures = found.failures;
        self.hides = found.hides;
        self.costs.merge(&found.costs);
        self.work.add(found.work);
    }
}
