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
mod by_place;
mod count;
mod explored;
mod journal;
mod known;
mod lane;
mod obstacle;
mod random;
mod report;
mod returning;
mod space;
mod summary;
mod sweep;
#[cfg(test)]
mod tests;
mod witness;
mod world;

pub use by_place::AtInstruction;
pub use count::{Costs, Counts, follows_instructions};
pub use obstacle::Obstacle;
pub use random::{MAX_LEVEL, MAX_STRIKES, Sampler, Samples};
pub use report::{Report, Setting, Violation};
pub use summary::{Played, Wrong};
pub use sweep::{Aim, Progress, Work};

pub use crate::query::{
    Assumption, Assumptions, MAX_SHARES, Method, Query, Reach, Shard, Shorter, Standing, Verdict, standard_features,
    standard_handlers,
};

use crate::asm::Diagnostic;
use crate::scenario::Vector;
use explored::Explored;
use known::Known;
use std::sync::Arc;
use summary::{Flaw, Saturation};
use sweep::{Found, Part, Plan, Sweep};
use world::World;

/// A search, and how far it has come.
pub struct Explorer {
    query: Query,
    aim: Aim,
    systems: Vec<Explored>,
    /// The number of strikes of the schedules at hand.
    strikes: u32,
    /// The depth that is complete.
    complete: u32,
    stage: Stage,
    current: Option<Current>,
    /// Bytes that the states of a task may take.
    memory: Option<u64>,
}

/// What is at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// All schedules of one number of strikes after the other.
    Depths,
    /// Schedules of any depth and number.
    Any,
    Over,
}

/// Tasks that are done one after the other.
struct Current {
    waiting: std::vec::IntoIter<Task>,
    running: Option<Running>,
    done: Vec<Done>,
    of: usize,
}

/// How far the depth at hand is, before it is complete.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Begun {
    /// The choices that were looked at.
    pub counts: Counts,
    /// What was done for that.
    pub work: Work,
    /// The promises that some schedule breaks, in all systems together.
    pub broken: usize,
}

/// A piece of work that depends on no other that is to be had at the same time.
pub struct Task {
    system: usize,
    world: Arc<World>,
    job: Job,
}

/// What a task is.
enum Job {
    Sweep { plan: Plan, known: Arc<Known> },
    Saturate(summary::Aim),
}

/// A task that goes on.
enum Running {
    Sweep(Box<Sweep>),
    Saturation(Box<Saturation>),
}

/// A task that was carried out.
pub struct Done {
    system: usize,
    came: Came,
}

/// The outcome of a task.
enum Came {
    Swept(Box<Found>),
    Saturated(Box<Saturation>),
}

impl Came {
    fn swept(&self) -> Option<&Found> {
        match self {
            Self::Swept(found) => Some(found),
            Self::Saturated(_) => None,
        }
    }
}

impl Running {
    /// What a sweep has found so far.
    fn found(&self) -> Option<&Found> {
        match self {
            Self::Sweep(sweep) => Some(sweep.found()),
            Self::Saturation(_) => None,
        }
    }

    fn work(&mut self, steps: u64) -> Progress {
        match self {
            Self::Sweep(sweep) => sweep.work(steps),
            Self::Saturation(saturation) => saturation.work(steps),
        }
    }

    /// Leaves the rest undone.
    fn give_up(&mut self) {
        match self {
            Self::Sweep(sweep) => sweep.give_up(Obstacle::Stopped),
            Self::Saturation(saturation) => saturation.give_up(),
        }
    }

    /// In thousandths. Nobody knows how far a saturation is before it is through.
    fn done(&self) -> u32 {
        match self {
            Self::Sweep(sweep) => sweep.done(),
            Self::Saturation(_) => 0,
        }
    }

    fn finish(self) -> Came {
        match self {
            Self::Sweep(sweep) => Came::Swept(Box::new(sweep.finish())),
            Self::Saturation(saturation) => Came::Saturated(saturation),
        }
    }
}

impl Task {
    fn start(&self) -> Running {
        let world = Arc::clone(&self.world);
        match &self.job {
            Job::Sweep { plan, known } => Running::Sweep(Box::new(Sweep::new(world, plan.clone(), Arc::clone(known)))),
            Job::Saturate(aim) => Running::Saturation(Box::new(Saturation::new(world, aim.clone()))),
        }
    }

    /// Carries it out. Between slices `go_on` is asked; what is left undone makes the search end as not finished.
    pub fn run(self, mut go_on: impl FnMut() -> bool) -> Option<Done> {
        let mut stopped = false;
        let done = self.run_until(|| {
            stopped |= !go_on();
            !stopped
        });
        (!stopped).then_some(done)
    }

    /// As [`Self::run`]. What is left undone makes the search end as not finished, and what was done is kept.
    pub fn run_until(self, mut go_on: impl FnMut() -> bool) -> Done {
        let mut running = self.start();
        while running.work(SLICE) == Progress::More {
            if !go_on() {
                running.give_up();
            }
        }
        Done { system: self.system, came: running.finish() }
    }
}

/// A budget of memory is divided by no more tasks than this, as nobody is expected to carry out more at once.
pub const MAX_TASKS_AT_ONCE: u64 = 16;

/// Runs of a round after which a saturation gives up, unless the query says otherwise.
const MAX_RUNS: u64 = 20_000;

/// Steps of a slice: about ten milliseconds.
const SLICE: u64 = 100_000;

impl Done {
    /// The same for a verdict alone, without what [`Explorer::play`] needs: the summaries of one system take hundreds of megabytes.
    #[must_use]
    pub fn without_summaries(mut self) -> Self {
        if let Came::Saturated(saturation) = &mut self.came {
            saturation.forget();
        }
        self
    }
}

impl Explorer {
    /// Boots the systems of a query.
    ///
    /// # Errors
    /// The assembler's diagnostics when a person's macro does not assemble.
    pub fn new(query: Query) -> Result<Self, Vec<Diagnostic>> {
        let systems = query.configs.iter().map(Explored::new).collect::<Result<Vec<_>, _>>()?;
        let mut explorer = Self {
            query,
            aim: Aim::Every,
            systems,
            strikes: 0,
            complete: 0,
            stage: Stage::Depths,
            current: None,
            memory: None,
        };
        explorer.next_depth();
        Ok(explorer)
    }

    /// The same search for the shortest counterexample alone. Counts and costs of a system that breaks are then of a part of its
    /// schedules.
    #[must_use]
    pub fn for_shortest(self) -> Self {
        Self { aim: Aim::Shortest, ..self }
    }

    /// What may be done at once, in order. To be given back to [`Self::absorb`] in this order. None when the search is over.
    pub fn tasks(&self) -> Vec<Task> {
        match self.stage {
            Stage::Over => return Vec::new(),
            Stage::Any => return self.saturations(),
            Stage::Depths => {}
        }
        // Only the last depth is shared out: each one needs to know the outcomes of all schedules of fewer strikes.
        let shard = self.query.shard.filter(|_| self.strikes == self.query.depth);
        let parts: Vec<_> = match self.strikes {
            1 => vec![Part { index: 0, of: 1 }],
            _ => shard.unwrap_or(Shard::WHOLE).parts().collect(),
        };
        let limit = self.limit(parts.len());
        let memory = self.memory_of(parts.len() * self.systems.len());
        let each = |(system, explored): (usize, &Explored)| {
            let plan = |part| self.plan(part, limit, memory);
            let task = |part| Task {
                system,
                world: Arc::clone(&explored.world),
                job: Job::Sweep { plan: plan(part), known: Arc::clone(&explored.known) },
            };
            parts.iter().map(move |&part| task(part)).collect::<Vec<_>>()
        };
        self.systems.iter().enumerate().flat_map(each).collect()
    }

    /// Ends the search as not finished when the states that it holds take about so many bytes.
    ///
    /// Each task may hold its share, of as many tasks as there are but of no more than [`MAX_TASKS_AT_ONCE`], so that no number depends on
    /// how many are carried out at once.
    pub fn limit_memory(&mut self, bytes: u64) {
        self.memory = Some(bytes);
    }

    fn memory_of(&self, tasks: usize) -> u64 {
        let share = (tasks as u64).clamp(1, MAX_TASKS_AT_ONCE);
        self.memory.map_or(u64::MAX, |bytes| bytes / share)
    }

    fn saturations(&self) -> Vec<Task> {
        let aim = summary::Aim {
            vectors: self.query.vectors.clone().into(),
            assumed: self.query.assumed,
            max_runs: self.query.max_runs.unwrap_or(MAX_RUNS),
            max_memory: self.memory_of(self.systems.len()),
            flaw: Flaw::None,
        };
        let worlds = self.systems.iter().map(|explored| Arc::clone(&explored.world)).enumerate();
        worlds.map(|(system, world)| Task { system, world, job: Job::Saturate(aim.clone()) }).collect()
    }

    /// The runs that each task may start, out of those that are left of the budget.
    fn limit(&self, parts: usize) -> u64 {
        let used: u64 = self.systems.iter().map(|system| system.work.runs).sum();
        let tasks = (parts * self.systems.len()) as u64;
        self.query.max_runs.map_or(u64::MAX, |max| max.saturating_sub(used) / tasks.max(1))
    }

    fn plan(&self, part: Part, limit: u64, memory: u64) -> Plan {
        Plan {
            strikes: self.strikes,
            vectors: self.query.vectors.clone().into(),
            assumed: self.query.assumed,
            method: self.query.method,
            aim: self.aim,
            part,
            followed: self.strikes < self.query.depth,
            limit,
            memory,
        }
    }

    /// Takes in the outcomes of the tasks. Fewer than there were tasks end the search as not finished.
    pub fn absorb(&mut self, done: Vec<Done>) {
        if self.stage == Stage::Any {
            return self.absorb_saturations(done);
        }
        // Each system has as many parts.
        let parts = self.tasks().len() / self.systems.len().max(1);
        let mut found: Vec<_> = self.systems.iter().map(|_| (Found::default(), parts)).collect();
        for Done { system, came } in done {
            let Came::Swept(part) = came else { continue };
            let mut part = *part;
            let learned = std::mem::take(&mut part.learned);
            if let (Some(explored), Some((found, missing))) = (self.systems.get_mut(system), found.get_mut(system)) {
                Arc::make_mut(&mut explored.known).learn(learned, self.strikes);
                found.merge(part);
                *missing = missing.saturating_sub(1);
            }
        }
        for (system, (mut found, missing)) in self.systems.iter_mut().zip(found) {
            if missing != 0 {
                found.obstacle.get_or_insert(Obstacle::Stopped);
            }
            system.absorb(found);
            system.complete += u32::from(system.obstacle.is_none());
        }
        if self.systems.iter().all(|system| system.obstacle.is_none()) {
            self.complete = self.strikes;
            self.next_depth();
        } else {
            self.stage = Stage::Over;
        }
    }

    fn absorb_saturations(&mut self, done: Vec<Done>) {
        for Done { system, came } in done {
            if let (Came::Saturated(saturation), Some(explored)) = (came, self.systems.get_mut(system)) {
                explored.absorb_saturation(*saturation);
            }
        }
        self.systems.iter_mut().filter(|system| system.saturation.is_none()).for_each(Explored::stop);
        self.stage = Stage::Over;
    }

    /// Ends the search as not finished, since somebody stopped it.
    pub fn stop(&mut self) {
        self.systems.iter_mut().for_each(Explored::stop);
        self.stage = Stage::Over;
    }

    fn next_depth(&mut self) {
        let breaks = self.systems.iter().any(|system| !system.failures.is_empty());
        let is_last = self.strikes >= self.query.depth;
        self.stage = match self.query.method {
            _ if breaks => Stage::Over,
            _ if !is_last => Stage::Depths,
            Method::Summaries => Stage::Any,
            Method::Plain | Method::CutOff => Stage::Over,
        };
        self.strikes += u32::from(self.stage == Stage::Depths);
    }

    /// Whether all systems are known to any depth and number, or to the first that breaks a promise.
    fn is_saturated(&self) -> bool {
        self.systems.iter().all(Explored::is_saturated)
    }

    /// Plays a schedule on a system that was saturated, and holds what happens against the summaries. `choose` says what strikes
    /// at a boundary, given its step and the handlers around it; what is refused or excluded does not strike. Nothing if the system
    /// was not saturated, or its summaries were dropped.
    pub fn play(&self, system: usize, choose: impl FnMut(u32, usize) -> Option<Vector>) -> Option<Played> {
        self.systems.get(system)?.saturation.as_ref()?.play(choose)
    }

    /// Takes about so many steps.
    pub fn work(&mut self, steps: u64) -> Progress {
        let Some(mut current) = self.current.take().or_else(|| self.begin()) else { return Progress::Done };
        let running = match current.running.take() {
            Some(running) => Some(running),
            None => current.waiting.as_slice().first().map(Task::start),
        };
        let Some(mut running) = running else {
            self.absorb(current.done);
            return if self.stage == Stage::Over { Progress::Done } else { Progress::More };
        };
        if running.work(steps) == Progress::More {
            current.running = Some(running);
        } else if let Some(task) = current.waiting.next() {
            current.done.push(Done { system: task.system, came: running.finish() });
        }
        self.current = Some(current);
        Progress::More
    }

    fn begin(&self) -> Option<Current> {
        let tasks = self.tasks();
        let of = tasks.len();
        (of != 0).then(|| Current { waiting: tasks.into_iter(), running: None, done: Vec::new(), of })
    }

    /// How much of the schedules of the depth at hand is done, in thousandths.
    pub fn done(&self) -> u32 {
        let Some(current) = &self.current else { return if self.stage == Stage::Over { 1000 } else { 0 } };
        let whole = current.done.len() as u32 * 1000;
        let begun = current.running.as_ref().map_or(0, Running::done);
        (whole + begun) / (current.of as u32).max(1)
    }

    /// The number of strikes of the schedules at hand.
    pub fn strikes(&self) -> u32 {
        self.strikes
    }

    /// Whether what handlers do is being summed up.
    pub fn is_at_any_depth(&self) -> bool {
        self.stage == Stage::Any
    }

    /// What [`Self::work`] has seen of the schedules at hand.
    pub fn begun(&self) -> Begun {
        let mut begun = Begun::default();
        for (_, found) in self.under_way() {
            begun.counts += found.counts;
            begun.work.add(found.work);
            begun.broken += found.failures.len();
        }
        begun
    }

    /// The outcome of the tasks at hand so far, with their systems.
    fn under_way(&self) -> impl Iterator<Item = (&Explored, &Found)> {
        let found = self.current.iter().flat_map(|current| {
            let done = current.done.iter().filter_map(|done| Some((done.system, done.came.swept()?)));
            let task = current.waiting.as_slice().first().map(|task| task.system);
            done.chain(task.zip(current.running.as_ref().and_then(Running::found)))
        });
        found.filter_map(|(system, found)| Some((self.systems.get(system)?, found)))
    }
}
