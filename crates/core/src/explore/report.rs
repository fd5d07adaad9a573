//! The outcome of a search.

use super::assume::Assumption;
use super::by_place::AtInstruction;
use super::count::{Costs, Counts};
use super::explored::Explored;
use super::obstacle::Obstacle;
use super::sweep::{Aim, Failure, Work};
use super::{Explorer, witness};
use crate::counters::Counter;
use crate::linux::Config;
use crate::promises::{Breakage, Broken};
use crate::query::{Method, Query, Reach, Shorter, Verdict};
use crate::scenario::{Schedule, Vector};

/// A schedule that breaks a promise, confirmed by the runner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The system.
    pub config: Config,
    /// What does not hold.
    pub broken: Broken,
    /// What strikes; empty if the system breaks the promise by itself.
    pub schedule: Schedule,
    /// Steps until it is broken.
    pub steps: u32,
    /// What is known of shorter ones.
    pub shorter: Shorter,
}

impl Violation {
    /// The step at which it is broken, counted from 1 as everything that shows steps does.
    pub fn step(&self) -> u32 {
        self.steps + 1
    }

    /// The depth at which it breaks: 0 if the system breaks the promise by itself.
    pub fn depth(&self) -> usize {
        self.schedule.injections.len()
    }
}

/// The outcome of one system.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The system.
    pub config: Config,
    /// What the search says of this system. It says that a system breaks if a schedule was seen to break there, and if the runner confirms the
    /// best of them in all systems.
    pub verdict: Verdict,
    /// Which of its schedules were covered.
    pub reach: Reach,
    /// What ended its search early.
    pub obstacle: Option<Obstacle>,
    /// How much was done.
    pub work: Work,
    /// All choices of the depths that were looked at.
    pub counts: Counts,
    /// The same for each number of strikes that was looked at, from 1.
    pub depths: Vec<Counts>,
    /// What single strikes cost.
    pub costs: Costs,
    /// What single strikes result in before each instruction that the run without them reaches, in order of address. Empty unless the
    /// query asked for it.
    pub by_place: Vec<AtInstruction>,
    /// The same of any depth and number, once that is known. Its numbers are of the runs that stand for all others.
    pub at_any_depth: Vec<AtInstruction>,
    /// The first vector that struck nowhere.
    pub idle: Option<Vector>,
    /// Where the worst of them strike, in the words of a schedule.
    places: Vec<(u32, Vector, Schedule)>,
    /// Whether something was seen to break.
    fails: bool,
}

impl Setting {
    /// `failing` is what the search says of a system in which something was seen to break.
    fn new(explored: &Explored, query: &Query, failing: Verdict) -> Self {
        let counts = sum(&explored.counts);
        let idle = query.vectors.iter().copied().find(|&vector| counts.struck(vector) == 0);
        let setting = Self {
            config: explored.world.config.clone(),
            verdict: Verdict::NotFinished,
            reach: explored.reach(),
            obstacle: explored.obstacle.clone(),
            work: explored.work,
            counts,
            depths: explored.counts.clone(),
            costs: explored.costs.clone(),
            by_place: explored.by_place.clone(),
            at_any_depth: at_any_depth(explored),
            idle,
            places: places(explored),
            fails: !explored.failures.is_empty(),
        };
        let verdict = match () {
            () if setting.fails => failing,
            () if !explored.is_finished(query) => Verdict::NotFinished,
            () if setting.is_empty() => Verdict::Empty,
            () => Verdict::Holds,
        };
        Self { verdict, ..setting }
    }

    /// Schedules that break a promise; nothing if what breaks is not among those that were looked at one by one.
    pub fn breaking(&self) -> Option<u64> {
        counted(self.counts, self.fails)
    }

    /// The schedule that strikes this way.
    pub fn schedule(&self, step: u32, vector: Vector) -> Option<&Schedule> {
        self.places.iter().find(|place| (place.0, place.1) == (step, vector)).map(|place| &place.2)
    }

    /// Whether a vector struck nowhere, or with page-table isolation nothing struck in the kernel on the user's tables. Then the promise
    /// `reached` does not hold, that what a verdict speaks of was executed.
    pub fn is_empty(&self) -> bool {
        self.idle.is_some() || (self.config.features.pti && self.counts.on_user_tables == 0)
    }
}

/// Choices of any depth by instruction. A search that found something broken looked at no more than it took to find it.
fn at_any_depth(explored: &Explored) -> Vec<AtInstruction> {
    let holds = explored.is_saturated() && explored.failures.is_empty();
    let saturation = explored.saturation.as_ref().filter(|_| holds);
    saturation.map(|it| it.weighed().as_slice().to_vec()).unwrap_or_default()
}

/// Where the worst of single strikes strike.
fn places(explored: &Explored) -> Vec<(u32, Vector, Schedule)> {
    let worst = Counter::ALL.iter().filter_map(|&counter| explored.costs.worst(counter));
    let place = |(step, vector)| {
        let strike = super::lane::Strike { step, vector };
        Some((step, vector, witness::schedule(&explored.world, &[strike])?))
    };
    let mut strikes = Vec::new();
    for (_, step, vector) in worst {
        if !strikes.contains(&(step, vector)) {
            strikes.push((step, vector));
        }
    }
    strikes.into_iter().filter_map(place).collect()
}

fn sum<'c>(counts: impl IntoIterator<Item = &'c Counts>) -> Counts {
    counts.into_iter().fold(Counts::default(), |mut sum, counts| {
        sum += *counts;
        sum
    })
}

/// The schedules that break a promise, if these were counted, where some are known to.
fn counted(counts: Counts, fails: bool) -> Option<u64> {
    (!fails || counts.breaking != 0).then_some(counts.breaking)
}

impl Explored {
    fn reach(&self) -> Reach {
        let is_through = self.is_saturated() && self.failures.is_empty();
        if is_through { Reach::Any } else { Reach::Depth(self.complete) }
    }

    fn is_finished(&self, query: &Query) -> bool {
        match query.method {
            Method::Plain | Method::CutOff => self.complete >= query.depth,
            Method::Summaries => self.is_saturated(),
        }
    }
}

/// The outcome of a search, as far as it went.
#[derive(Clone, Debug)]
pub struct Report {
    /// What it says.
    pub verdict: Verdict,
    /// The depth up to which every schedule was covered one by one.
    pub depth: u32,
    /// Which schedules the verdict covers.
    pub reach: Reach,
    /// All choices of the depths that were looked at.
    pub counts: Counts,
    /// The same for each number of strikes that was looked at, from 1.
    pub depths: Vec<Counts>,
    /// With [`Reach::Any`]: the choices at the boundaries of the runs that stand for all others, single strikes among them.
    pub at_any_depth: Option<Counts>,
    /// System by system.
    pub settings: Vec<Setting>,
    /// The best for each promise, those of fewest strikes and steps first.
    pub violations: Vec<Violation>,
    /// Failures of the search that the runner does not confirm: mistakes of the explorer.
    pub unconfirmed: Vec<String>,
    /// What ended the search early, and the first system on which that was so.
    pub obstacle: Option<(Config, Obstacle)>,
    /// How much was done.
    pub work: Work,
}

impl Report {
    /// Choices that an assumption excluded: of any depth, if the search covered that.
    pub fn excluded(&self, assumption: Assumption) -> u64 {
        self.at_any_depth.unwrap_or(self.counts).excluded(assumption)
    }

    /// Schedules that break a promise; nothing if what breaks is not among those that were looked at one by one.
    pub fn breaking(&self) -> Option<u64> {
        counted(self.counts, !self.violations.is_empty() || !self.unconfirmed.is_empty())
    }
}

/// What breaks, and at which step, counted from 1 as everything that shows steps does.
fn at_step(broken: Broken, steps: usize) -> String {
    format!("{} at step {}", broken.invariant(), steps + 1)
}

impl Explorer {
    /// The outcome of the search so far. Counts are of the depths that are over; a schedule of the depth at hand that breaks a promise is
    /// among the violations as soon as it is found.
    pub fn report(&self) -> Report {
        let mut work = Work::default();
        let depths = self.depths();
        let counts = sum(&depths);
        self.systems.iter().for_each(|system| work.add(system.work));
        let (violations, unconfirmed) = self.violations();
        let failing = if violations.is_empty() { Verdict::NotFinished } else { Verdict::Breaks };
        let setting = |system| Setting::new(system, &self.query, failing);
        let settings: Vec<_> = self.systems.iter().map(setting).collect();
        let verdict = match () {
            () if !violations.is_empty() => Verdict::Breaks,
            () if !unconfirmed.is_empty() || !self.is_finished() => Verdict::NotFinished,
            () if settings.iter().any(Setting::is_empty) => Verdict::Empty,
            () => Verdict::Holds,
        };
        let reach = if self.is_saturated() && violations.is_empty() { Reach::Any } else { Reach::Depth(self.complete) };
        let at_any_depth = (reach == Reach::Any).then(|| self.at_any_depth());
        Report {
            verdict,
            depth: self.complete,
            reach,
            counts,
            depths,
            at_any_depth,
            settings,
            violations,
            unconfirmed,
            obstacle: self.obstacle(),
            work,
        }
    }

    fn obstacle(&self) -> Option<(Config, Obstacle)> {
        let met = |system: &Explored| Some((system.world.config.clone(), system.obstacle.clone()?));
        self.systems.iter().find_map(met)
    }

    fn at_any_depth(&self) -> Counts {
        let weighed = |system: &Explored| Some(system.saturation.as_ref()?.weighed().total());
        sum(&self.systems.iter().filter_map(weighed).collect::<Vec<_>>())
    }

    fn depths(&self) -> Vec<Counts> {
        let looked_at = self.systems.iter().map(|system| system.counts.len()).max().unwrap_or(0);
        let at = |depth: usize| sum(self.systems.iter().filter_map(|system| system.counts.get(depth)));
        (0..looked_at).map(at).collect()
    }

    fn is_finished(&self) -> bool {
        !self.systems.is_empty() && self.systems.iter().all(|system| system.is_finished(&self.query))
    }

    /// The best failure for each promise over all systems.
    fn violations(&self) -> (Vec<Violation>, Vec<String>) {
        let over = self.systems.iter().map(|system| (system, &system.failures));
        let under_way = self.under_way().map(|(system, found)| (system, &found.failures));
        let all = over.chain(under_way).flat_map(|(system, failures)| failures.iter().map(move |it| (system, it)));
        let mut best: Vec<(&Explored, &Failure)> = Vec::new();
        for (system, failure) in all {
            let promise = failure.broken.promise();
            match best.iter_mut().find(|(_, other)| other.broken.promise() == promise) {
                Some(other) if failure.order() < other.1.order() => *other = (system, failure),
                Some(_) => {}
                None => best.push((system, failure)),
            }
        }
        best.sort_by(|left, right| left.1.order().cmp(&right.1.order()));
        let mut violations = Vec::new();
        let mut unconfirmed = Vec::new();
        if self.aim == Aim::Shortest {
            best.truncate(1);
        }
        let fewest = best.first().map_or(0, |(_, failure)| failure.strikes.len());
        for (system, failure) in best {
            match self.confirmed(system, failure, fewest) {
                Ok(violation) => violations.push(violation),
                Err(text) => unconfirmed.push(text),
            }
        }
        (violations, unconfirmed)
    }

    /// The violation behind a failure. Of all failures the best has `fewest` strikes.
    fn confirmed(&self, system: &Explored, failure: &Failure, fewest: usize) -> Result<Violation, String> {
        let Failure { strikes, steps, broken } = failure;
        let unconfirmed = |what: &str| format!("{}: {what}", at_step(*broken, *steps as usize));
        let schedule =
            witness::schedule(&system.world, strikes).ok_or_else(|| unconfirmed("no schedule says where"))?;
        let replayed = witness::replay(&system.world, &schedule);
        if !replayed.contains(&Breakage { step: *steps as usize, broken: *broken }) {
            let seen: Vec<_> = replayed.iter().map(|seen| at_step(seen.broken, seen.step)).collect();
            let seen = if seen.is_empty() { "no breakage".to_owned() } else { seen.join(", ") };
            return Err(unconfirmed(&format!("the run of {schedule} shows {seen}")));
        }
        let shorter = self.shorter(strikes.len(), fewest);
        Ok(Violation { config: system.world.config.clone(), broken: *broken, schedule, steps: *steps, shorter })
    }

    /// What is known of counterexamples that are shorter than one of so many strikes.
    ///
    /// Summaries find what breaks in the order of strikes, and look at nothing of as many any more. So they say nothing of the steps that
    /// another schedule of as many takes, and nothing of promises that take more strikes than the first that was broken. A search of numbered
    /// depths that was cut off where a broken schedule is known says no more of the steps either.
    fn shorter(&self, strikes: usize, fewest: usize) -> Shorter {
        let saw_all = self.query.shard.is_none() && self.systems.iter().all(|system| !system.hides);
        let saw_fewer = self.complete as usize + 1 >= strikes || self.is_saturated();
        match self.complete as usize >= strikes {
            true if saw_all || strikes < 2 => Shorter::None,
            _ if saw_fewer && strikes == fewest => Shorter::OnlyInSteps,
            _ => Shorter::Unknown,
        }
    }
}
