//! Runs followed by the second CPU: a queue of tasks, one engine, and what to do when the engine breaks down.

use crate::worker::{Said, Serve};
use cr3_core::judge;
use cr3_core::linux::{System, boot};
use cr3_core::scenario::Vector;
use cr3_jobs::receive;
use cr3_session::Side;
use cr3_session::check::wire::{self, Request, Task};
use cr3_session::check::{Disagreement, Field, Findings, Kind, Mark, Origin, Progress, Report, Stage};
use cr3_session::library::Library;
use cr3_session::setup::OwnTexts;
use cr3_session::story::STORIES;
use cr3_unicorn::checker::{Checked, Mismatch, Verdict};
use cr3_unicorn::follow::{self, Job, SweepJob};
use cr3_unicorn::wasm::Engine;
use cr3_unicorn::wrong::Wrong;
use js_sys::Date;
use js_sys::WebAssembly::Module;
use std::collections::VecDeque;
use wasm_bindgen::{JsCast, JsValue};

/// Milliseconds of a slice: short enough to take a newer request at once.
const SLICE: f64 = 40.0;

/// Steps between two checks of the clock.
const STEPS: u32 = 64;

/// Steps after which a followed run stops, as the page's own runs do.
const BUDGET: u32 = 100_000;

/// Steps for which the second CPU of the self-test is right.
const RIGHT_STEPS: u64 = 100;

/// Reports, each with the ticket of its recording.
type Reports = Vec<(u32, Report)>;

/// The queue, the engine while no task has it, and the module to open another engine.
#[derive(Default)]
pub(crate) struct Bench {
    module: Option<Module>,
    /// The kernel trees that it was given.
    library: Library,
    engine: Option<Engine>,
    opened: bool,
    waiting: VecDeque<Request>,
    current: Option<Current>,
}

/// A task under way.
struct Current {
    ticket: u32,
    work: Work,
    /// How often the engine broke down on it.
    failures: u32,
    /// The request, to start it again.
    request: Request,
    /// Marks of this attempt.
    seen: usize,
    /// Marks reported in all attempts: a repeated run does not report them again.
    reported: usize,
}

enum Work {
    Follow(Side, Box<Job<Engine>>),
    Sweep(Side, Box<SweepJob<Engine>>),
    Test(Box<Job<Wrong<Engine>>>),
}

impl Serve for Bench {
    /// Unicorn's compiled module, or a request.
    fn take(&mut self, message: JsValue) {
        match message.as_string() {
            Some(text) if receive(&text, &mut self.library) => {}
            Some(text) => Request::decode(&text, &self.library).into_iter().for_each(|request| self.ask(request)),
            None => self.module = Some(message.unchecked_into()),
        }
    }

    fn is_idle(&self) -> bool {
        self.current.is_none() && self.waiting.is_empty() && (self.opened || self.module.is_none())
    }

    fn slice(&mut self) -> Vec<Said> {
        self.reports().iter().map(|(ticket, report)| Said::Text(wire::encode(*ticket, report))).collect()
    }
}

impl Bench {
    fn ask(&mut self, request: Request) {
        let keeps = |request: &Request| matches!(request, Request::Follow(_));
        match request {
            Request::Forget => {
                self.waiting.clear();
                self.end_current(|_| false);
            }
            Request::Stop => {
                self.waiting.retain(keeps);
                self.end_current(keeps);
            }
            request => self.waiting.push_back(request),
        }
    }

    /// Ends the current task unless `keeps` accepts it. Its engine serves the next one.
    fn end_current(&mut self, keeps: impl Fn(&Request) -> bool) {
        if let Some(current) = self.current.take_if(|current| !keeps(&current.request)) {
            self.engine = Some(current.work.into_engine());
        }
    }

    /// Works for about [`SLICE`] milliseconds.
    fn reports(&mut self) -> Reports {
        let mut reports = Reports::new();
        if !self.opened && self.module.is_some() {
            self.opened = true;
            match self.spare() {
                Ok(engine) => {
                    self.engine = Some(engine);
                    reports.push((0, Report::Opened));
                }
                Err(why) => reports.push((0, Report::Broke(why))),
            }
        }
        let end = Date::now() + SLICE;
        while Date::now() < end && (self.current.is_some() || !self.waiting.is_empty()) {
            self.advance(&mut reports);
        }
        reports
    }

    fn advance(&mut self, reports: &mut Reports) {
        let Some(current) = &mut self.current else {
            if let Some(request) = self.waiting.pop_front()
                && let Err(why) = self.begin(request, 0, 0)
            {
                reports.push((0, Report::Broke(why)));
            }
            return;
        };
        match current.advance(reports) {
            Step::Goes => {}
            Step::Done => self.end_current(|_| false),
            Step::Broke(why) => self.recover(why, reports),
        }
    }

    /// The engine is useless. The first time, the task starts again on another one.
    fn recover(&mut self, why: String, reports: &mut Reports) {
        let Some(current) = self.current.take() else { return };
        if current.failures > 0 {
            reports.push((current.ticket, Report::Broke(why)));
            return;
        }
        if let Err(why) = self.begin(current.request, 1, current.reported) {
            reports.push((current.ticket, Report::Broke(why)));
        }
    }

    fn spare(&mut self) -> Result<Engine, String> {
        match (self.engine.take(), &self.module) {
            (Some(engine), _) => Ok(engine),
            (None, Some(module)) => Engine::open(module).map_err(|failure| failure.to_string()),
            (None, None) => Err("its module has not arrived".to_owned()),
        }
    }

    fn begin(&mut self, request: Request, failures: u32, reported: usize) -> Result<(), String> {
        let (ticket, work) = match &request {
            Request::Follow(task) => (task.ticket, self.follow(task)?),
            Request::Sweep(task) => (task.ticket, self.sweep(task)?),
            Request::Test { ticket } => (*ticket, self.test()?),
            Request::Stop | Request::Forget => return Ok(()),
        };
        self.current = Some(Current { ticket, work, failures, request, seen: 0, reported });
        Ok(())
    }

    fn follow(&mut self, task: &Task) -> Result<Work, String> {
        let system = booted(task)?;
        let job = Job::new(self.spare()?, &system, &task.scenario.schedule, BUDGET);
        Ok(Work::Follow(task.side, Box::new(job)))
    }

    fn sweep(&mut self, task: &Task) -> Result<Work, String> {
        let system = booted(task)?;
        let job = SweepJob::new(self.spare()?, &system, &task.scenario.config, &Vector::ALL, BUDGET);
        Ok(Work::Sweep(task.side, Box::new(job)))
    }

    /// The first story, with a second CPU that has bit 0 of RAX flipped from some step on.
    fn test(&mut self) -> Result<Work, String> {
        let scenario = STORIES[0].setup().scenario(Side::Left, &OwnTexts::default());
        let system = boot(&scenario.config).map_err(|_| "the first story does not assemble".to_owned())?;
        let follower = Wrong::after(RIGHT_STEPS, self.spare()?);
        Ok(Work::Test(Box::new(Job::new(follower, &system, &scenario.schedule, BUDGET))))
    }
}

fn booted(task: &Task) -> Result<System, String> {
    boot(&task.scenario.config).map_err(|_| "the form does not assemble".to_owned())
}

/// Adds a report to those of a slice. The page renders each report, so reports are merged where possible.
fn add(reports: &mut Reports, ticket: u32, report: Report) {
    let last = reports.last_mut().filter(|(other, _)| *other == ticket);
    let rest = match last {
        Some((_, last)) => last.absorb(report),
        None => Some(report),
    };
    reports.extend(rest.map(|report| (ticket, report)));
}

/// The result of a task's slice.
enum Step {
    Goes,
    Done,
    Broke(String),
}

impl Work {
    fn into_engine(self) -> Engine {
        match self {
            Self::Follow(_, job) => job.into_follower(),
            Self::Sweep(_, job) => job.into_follower(),
            Self::Test(job) => job.into_follower().into_inner(),
        }
    }
}

impl Current {
    fn advance(&mut self, reports: &mut Reports) -> Step {
        let ticket = self.ticket;
        let mut own = Reports::new();
        let step = match &mut self.work {
            Work::Follow(side, job) => {
                let (side, progress) = (*side, job.advance(STEPS));
                self.follow(side, progress, &mut own)
            }
            Work::Sweep(side, job) => sweep(*side, job.advance(STEPS), &mut own),
            Work::Test(job) => {
                let progress = job.advance(STEPS);
                self.seen += progress.marks.len();
                test(self.seen, progress, &mut own)
            }
        };
        own.into_iter().for_each(|(_, report)| add(reports, ticket, report));
        step
    }

    fn follow(&mut self, side: Side, progress: follow::Progress, reports: &mut Reports) -> Step {
        let known = self.reported.saturating_sub(self.seen).min(progress.marks.len());
        self.seen += progress.marks.len();
        self.reported = self.reported.max(self.seen);
        let fresh = &progress.marks[known..];
        if !fresh.is_empty() {
            reports.push((0, Report::Steps(side, fresh.iter().map(mark).collect())));
        }
        match (progress.report, progress.end) {
            (Some(found), _) => conclude(found, Origin::Run(side), self.seen, reports),
            (None, Some(_)) => {
                reports.push((0, Report::Ended(side)));
                Step::Done
            }
            (None, None) => Step::Goes,
        }
    }
}

fn sweep(side: Side, progress: follow::SweepProgress, reports: &mut Reports) -> Step {
    let swept = swept(&progress);
    let stage = if progress.is_done { Stage::Agrees } else { Stage::Running };
    if let Some(found) = progress.report {
        reports.push((0, Report::Swept(swept, Stage::Running)));
        return conclude(found, Origin::Sweep(side), 0, reports);
    }
    reports.push((0, Report::Swept(swept, stage)));
    if progress.is_done { Step::Done } else { Step::Goes }
}

fn test(seen: usize, progress: follow::Progress, reports: &mut Reports) -> Step {
    match (progress.report, progress.end) {
        (Some(found), _) => conclude(found, Origin::Test, seen, reports),
        (None, Some(_)) => {
            reports.push((0, Report::TestMissed("the run ended and nothing was found".to_owned())));
            Step::Done
        }
        (None, None) => Step::Goes,
    }
}

fn swept(progress: &follow::SweepProgress) -> Progress {
    let number = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
    Progress {
        done: number(progress.done as u64),
        total: number(progress.total as u64),
        struck: number(progress.swept.struck),
        refused: number(progress.swept.refused),
        compared: progress.tally.compared,
        findings: Findings { runs: progress.findings.runs, kinds: progress.findings.kinds.iter().map(kind).collect() },
    }
}

fn kind(kind: &judge::Kind) -> Kind {
    Kind { words: kind.wrong.words(), runs: kind.runs, first: kind.first.to_string() }
}

fn mark(checked: &Checked) -> Mark {
    match checked {
        Checked::Agrees => Mark::Agrees,
        Checked::DeliveredByBoth => Mark::Delivered,
        Checked::Unjudged(limit) => Mark::Unjudged(limit.reason().into()),
        Checked::Differs => Mark::Differs,
    }
}

/// Reports a disagreement at the last of the steps that were `seen`. A breakdown is not a disagreement.
fn conclude(found: follow::Report, origin: Origin, seen: usize, reports: &mut Reports) -> Step {
    match found.verdict {
        Verdict::Mismatch(mismatch) => {
            let step = seen.saturating_sub(1);
            reports.push((0, Report::Disagrees(disagreement(*mismatch, origin, step, found.schedule))));
            Step::Done
        }
        Verdict::Failure(failure) => Step::Broke(failure.to_string()),
    }
}

fn disagreement(mismatch: Mismatch, origin: Origin, step: usize, schedule: String) -> Disagreement {
    let Mismatch { step: _, instruction, bytes, before, ours, theirs, differences } = mismatch;
    let states = before.fields().into_iter().zip(ours.state.fields()).zip(theirs.state.fields());
    let fields =
        states.map(|(((name, before), (_, ours)), (_, theirs))| Field { name: name.to_owned(), before, ours, theirs });
    Disagreement {
        origin,
        step,
        schedule,
        instruction,
        bytes,
        differences: differences.iter().map(ToString::to_string).collect(),
        fields: fields.collect(),
    }
}
