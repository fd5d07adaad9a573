//! Runs of the Linux image on both processors, in slices, so that a worker can report progress and be stopped.
//!
//! [`Run`] and [`Sweep`] hold a run and leave the checker to the caller. [`Job`] and [`SweepJob`] combine both.

use crate::checker::{Checked, Checker, Tally, Verdict};
use crate::processor::Processor;
use cr3_core::judge::{Findings, judge};
use cr3_core::linux::{Config, System};
use cr3_core::machine::{self, Machine};
use cr3_core::run::{End, Runner};
use cr3_core::scenario::{Injection, Nesting, Place, Places, Schedule, Vector};
use std::collections::BTreeSet;
use std::fmt;

/// A run in which the two processors differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// What was injected, in the text form of a schedule; empty for an uninterrupted run.
    pub schedule: String,
    /// The difference.
    pub verdict: Verdict,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "inject={}\n{}", self.schedule, self.verdict)
    }
}

impl Report {
    fn of<P: Processor>(checker: &Checker<P>, schedule: impl fmt::Display) -> Option<Self> {
        let verdict = checker.verdict()?.clone();
        Some(Self { schedule: schedule.to_string(), verdict })
    }
}

/// One scenario on both.
pub struct Run {
    runner: Runner,
    schedule: Schedule,
    budget: u32,
    taken: u32,
    end: Option<End>,
}

impl Run {
    /// Loads `checker` with `system`, to run `schedule` from the start for at most `budget` steps.
    pub fn start<P: Processor>(checker: &mut Checker<P>, system: &System, schedule: &Schedule, budget: u32) -> Self {
        checker.load(&system.machine);
        let runner = Runner::new(system.machine.clone(), &Places::new(&system.image), schedule);
        Self { runner, schedule: schedule.clone(), budget, taken: 0, end: None }
    }

    /// Takes up to `steps` steps. Returns the result of each. At the end of the run all memory is compared.
    pub fn advance<P: Processor>(&mut self, checker: &mut Checker<P>, steps: u32) -> Vec<Checked> {
        let mut marks = Vec::new();
        for _ in 0..steps {
            if self.end.is_some() || checker.verdict().is_some() {
                break;
            }
            self.step(checker, &mut marks);
        }
        marks
    }

    fn step<P: Processor>(&mut self, checker: &mut Checker<P>, marks: &mut Vec<Checked>) {
        let end = if self.taken == self.budget {
            Err(End::Budget { steps: self.budget })
        } else {
            self.runner.step(checker).map(drop)
        };
        match end {
            Ok(()) => {
                self.taken += 1;
                marks.extend(checker.take_step());
            }
            Err(end) => {
                checker.compare_memory(self.runner.machine());
                self.end = Some(end);
            }
        }
    }

    /// How the run ended, once it has.
    pub fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    /// The first disagreement.
    pub fn report<P: Processor>(&self, checker: &Checker<P>) -> Option<Report> {
        Report::of(checker, &self.schedule)
    }
}

/// Progress of a [`Job`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The result of each step since the last call, one for each step of the trace.
    pub marks: Vec<Checked>,
    /// How much was compared since the start.
    pub tally: Tally,
    /// How the run ended, once it has.
    pub end: Option<End>,
    /// The first disagreement, which ends the job before the run.
    pub report: Option<Report>,
}

impl Progress {
    /// Whether there is nothing left to do.
    pub fn is_done(&self) -> bool {
        self.end.is_some() || self.report.is_some()
    }
}

/// One scenario, and the second CPU that follows it.
pub struct Job<P> {
    checker: Checker<P>,
    run: Run,
}

impl<P: Processor> Job<P> {
    /// Loads `follower` with `system`, to run `schedule` from the start for at most `budget` steps.
    pub fn new(follower: P, system: &System, schedule: &Schedule, budget: u32) -> Self {
        let mut checker = Checker::new(follower);
        let run = Run::start(&mut checker, system, schedule, budget);
        Self { checker, run }
    }

    /// Takes up to `steps` more steps.
    pub fn advance(&mut self, steps: u32) -> Progress {
        let marks = self.run.advance(&mut self.checker, steps);
        Progress {
            marks,
            tally: self.checker.tally().clone(),
            end: self.run.end.clone(),
            report: self.run.report(&self.checker),
        }
    }

    /// Returns the second CPU, to follow something else.
    pub fn into_follower(self) -> P {
        self.checker.into_follower()
    }
}

/// The machine at its first arrival at each place of the uninterrupted run, in order of arrival.
pub fn arrivals(system: &System, budget: u32) -> Vec<Machine> {
    let places = Places::new(&system.image);
    let mut runner = Runner::new(system.machine.clone(), &places, &Schedule::default());
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for _ in 0..budget {
        let machine = runner.machine();
        if seen.insert(machine.cpu.rip) && places.at(machine.cpu.rip).is_some() {
            found.push(machine.clone());
        }
        if runner.step(&mut ()).is_err() {
            break;
        }
    }
    found
}

/// How many injections of a [`Sweep`] struck, and how many the architecture refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Injections that were delivered.
    pub struck: u64,
    /// Injections that the architecture does not allow at that place.
    pub refused: u64,
}

/// Steps after the return of the handler that are compared too.
const AFTERMATH: u32 = 48;

/// Steps of one injected run before it counts as endless.
const ENDLESS: u32 = 20_000;

/// Each of some vectors injected at each of some places, compared until some steps after its handler has returned.
pub struct Sweep {
    places: Places,
    arrivals: Vec<Machine>,
    vectors: Vec<Vector>,
    /// Injections that began or were refused.
    begun: usize,
    struck: Option<Struck>,
    /// Schedules that struck since the caller last took them.
    fresh: Vec<Schedule>,
    /// The machine whose memory the second CPU has.
    held: Machine,
    swept: Swept,
    stage: Stage,
}

/// The state of a sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Injecting,
    Compared,
}

/// An injection that the sweep is following.
struct Struck {
    runner: Runner,
    schedule: Schedule,
    depth: usize,
    aftermath: u32,
    left: u32,
}

impl Sweep {
    /// Loads `checker` with `system`, to inject each of `vectors` at each of `arrivals`.
    pub fn start<P: Processor>(
        checker: &mut Checker<P>,
        system: &System,
        arrivals: Vec<Machine>,
        vectors: &[Vector],
    ) -> Self {
        checker.load(&system.machine);
        Self {
            places: Places::new(&system.image),
            arrivals,
            vectors: vectors.to_vec(),
            begun: 0,
            struck: None,
            fresh: Vec::new(),
            held: system.machine.clone(),
            swept: Swept::default(),
            stage: Stage::Injecting,
        }
    }

    /// Takes up to `steps` steps. After the last injection all memory is compared.
    pub fn advance<P: Processor>(&mut self, checker: &mut Checker<P>, steps: u32) {
        for _ in 0..steps {
            if self.stage == Stage::Compared || checker.verdict().is_some() {
                break;
            }
            match self.struck.take() {
                Some(struck) => self.follow(checker, struck),
                None => self.strike(checker),
            }
        }
    }

    /// Injections of the whole sweep, refused ones included.
    pub fn total(&self) -> usize {
        self.arrivals.len() * self.vectors.len()
    }

    /// Injections that are finished or refused.
    pub fn done(&self) -> usize {
        self.begun - usize::from(self.struck.is_some())
    }

    /// Whether all of it has been compared.
    pub fn is_done(&self) -> bool {
        self.stage == Stage::Compared
    }

    /// How many struck, and how many were refused.
    pub fn swept(&self) -> Swept {
        self.swept
    }

    /// The schedules that struck since the last call.
    pub fn take_struck(&mut self) -> Vec<Schedule> {
        std::mem::take(&mut self.fresh)
    }

    /// The first disagreement, with its injection.
    pub fn report<P: Processor>(&self, checker: &Checker<P>) -> Option<Report> {
        let schedule = self.struck.as_ref().map(|struck| struck.schedule.clone());
        Report::of(checker, schedule.unwrap_or_default())
    }

    /// Begins the next injection.
    fn strike<P: Processor>(&mut self, checker: &mut Checker<P>) {
        let place = self.begun / self.vectors.len().max(1);
        let (Some(machine), Some(vector)) =
            (self.arrivals.get(place), self.vectors.get(self.begun - place * self.vectors.len()))
        else {
            checker.compare_memory(&self.held);
            self.stage = Stage::Compared;
            return;
        };
        self.begun += 1;
        let Some(id) =
            self.places.at(machine.cpu.rip).filter(|_| machine::refusal_reason(&machine.cpu, vector.event()).is_none())
        else {
            self.swept.refused += 1;
            return;
        };
        self.swept.struck += 1;
        let place = Place { occurrence: 1, ..self.places.place(id) };
        let schedule = Schedule { injections: vec![Injection { place, vector: *vector, nesting: Nesting::After }] };
        self.fresh.push(schedule.clone());
        checker.jump(&self.held, machine);
        let runner = Runner::new(machine.clone(), &self.places, &schedule);
        let depth = runner.nest().depth();
        self.struck = Some(Struck { runner, schedule, depth, aftermath: AFTERMATH, left: ENDLESS });
    }

    /// Takes a step of an injection, and ends it some steps after its handler has returned.
    fn follow<P: Processor>(&mut self, checker: &mut Checker<P>, mut struck: Struck) {
        let went_on = struck.runner.step(checker).is_ok();
        checker.take_step();
        struck.left -= 1;
        if struck.runner.nest().depth() <= struck.depth {
            struck.aftermath -= 1;
        }
        let ended = !went_on || struck.left == 0 || struck.aftermath == 0;
        if ended && checker.verdict().is_none() {
            self.held = struck.runner.machine().clone();
        } else {
            self.struck = Some(struck);
        }
    }
}

/// Progress of a [`SweepJob`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SweepProgress {
    /// Injections that are finished or refused.
    pub done: usize,
    /// Injections of the whole sweep.
    pub total: usize,
    /// How many struck, and how many the architecture refused.
    pub swept: Swept,
    /// How much was compared since the start.
    pub tally: Tally,
    /// What is wrong with the runs that struck. Our machine alone runs each to its end, because agreement of processors
    /// says nothing about it.
    pub findings: Findings,
    /// Whether there is nothing left to do, also after a disagreement.
    pub is_done: bool,
    /// The first disagreement, which ends the sweep.
    pub report: Option<Report>,
}

/// Every place that the uninterrupted run reaches, and the second CPU that follows.
pub struct SweepJob<P> {
    checker: Checker<P>,
    sweep: Sweep,
    judge: Judge,
}

/// Judges the swept runs.
struct Judge {
    system: System,
    places: Places,
    config: Config,
    findings: Findings,
}

impl Judge {
    fn new(system: &System, config: &Config) -> Self {
        let places = Places::new(&system.image);
        Self { system: system.clone(), places, config: config.clone(), findings: Findings::default() }
    }

    fn run(&mut self, schedule: &Schedule) {
        let judgement = judge(&self.system, &self.places, &self.config, schedule, ENDLESS);
        self.findings.add(schedule, &judgement);
    }
}

impl<P: Processor> SweepJob<P> {
    /// Loads `follower` with `system`, which was booted from `config`. Injects each of `vectors` at the first arrival
    /// at each place that the uninterrupted run reaches in `budget` steps.
    pub fn new(follower: P, system: &System, config: &Config, vectors: &[Vector], budget: u32) -> Self {
        let mut checker = Checker::new(follower);
        let sweep = Sweep::start(&mut checker, system, arrivals(system, budget), vectors);
        Self { checker, sweep, judge: Judge::new(system, config) }
    }

    /// Takes up to `steps` more steps.
    pub fn advance(&mut self, steps: u32) -> SweepProgress {
        self.sweep.advance(&mut self.checker, steps);
        self.sweep.take_struck().iter().for_each(|schedule| self.judge.run(schedule));
        let report = self.sweep.report(&self.checker);
        SweepProgress {
            done: self.sweep.done(),
            total: self.sweep.total(),
            swept: self.sweep.swept(),
            tally: self.checker.tally().clone(),
            findings: self.judge.findings.clone(),
            is_done: self.sweep.is_done() || report.is_some(),
            report,
        }
    }

    /// Returns the second CPU, to follow something else.
    pub fn into_follower(self) -> P {
        self.checker.into_follower()
    }
}
