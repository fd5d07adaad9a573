//! Searches and questions, carried out in slices, for whoever holds the clock: a worker, or the page itself where there is none.

use super::wire::{Pace, Request};
use super::{AtInstruction, Begun, Counterexample, Found, Subject, Told};
use crate::study::Question;
use crate::study::work::{Work, is_last};
use cr3_core::claims::Lab;
use cr3_core::explore::{self, Assumption, Explorer, Progress, Report, Violation};

/// Steps after which the search of the deepest depth begun ends. The budget counts steps, not time, so the answer does not depend on
/// the machine.
const BUDGET: u64 = 40_000_000;

/// A search reports its progress once in this many slices.
const SLICES: u32 = 5;

/// The searches and questions that are wanted.
#[derive(Default)]
pub struct Bench {
    jobs: Vec<Job>,
    pace: Pace,
    /// Whose turn it is.
    turn: usize,
    /// What the claims were measured with, form E: a person's own macro is held against it.
    merged: Lab,
}

struct Job {
    ticket: u32,
    stage: Stage,
}

enum Stage {
    Wanted(Subject),
    Searching(Box<Search>),
    Asked(Question),
    Studying(Work),
    Over,
}

/// A search, and what was told of it.
struct Search {
    explorer: Explorer,
    /// Whether single exceptions are told by instruction.
    tells_places: bool,
    /// The depth at hand when it was told last.
    strikes: u32,
    /// Promises that schedules of that depth were seen to break.
    broken: usize,
    /// Slices since it was told how far it is.
    slices: u32,
}

impl Bench {
    /// Takes a request.
    pub fn take(&mut self, request: Request) {
        match request {
            Request::Keep(tickets) => self.jobs.retain(|job| tickets.contains(&job.ticket)),
            Request::Judge(ticket, subject) if self.jobs.iter().all(|job| job.ticket != ticket) => {
                self.jobs.push(Job { ticket, stage: Stage::Wanted(subject) });
            }
            Request::Study(ticket, question) if self.jobs.iter().all(|job| job.ticket != ticket) => {
                self.jobs.push(Job { ticket, stage: Stage::Asked(question) });
            }
            Request::Judge(..) | Request::Study(..) => {}
            Request::Go(pace) => self.pace = pace,
        }
    }

    /// Whether there is nothing to do, unless something else is asked for.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.next().is_none()
    }

    /// What is to go on: in turn, but first the searches that have nothing complete, and then what a person waits for.
    fn next(&self) -> Option<usize> {
        let count = self.jobs.len();
        let in_turn = |is_meant: fn(&Job) -> bool| {
            let mut order = (1..=count).map(|ahead| (self.turn + ahead) % count);
            order.find(|&index| self.jobs.get(index).is_some_and(is_meant))
        };
        let asked = || in_turn(Job::is_question);
        in_turn(Job::is_shallow).or_else(asked).or_else(|| in_turn(Job::is_deep).filter(|_| self.pace == Pace::Deepen))
    }

    /// Takes about so many steps of one search, or a piece of a question; what it tells, with its ticket.
    pub fn slice(&mut self, steps: u64) -> Vec<(u32, Told)> {
        let Some(index) = self.next() else { return Vec::new() };
        self.turn = index;
        let Some(job) = self.jobs.get_mut(index) else { return Vec::new() };
        let told = job.slice(steps, &mut self.merged);
        told.into_iter().map(|told| (job.ticket, told)).collect()
    }
}

impl Job {
    fn is_shallow(&self) -> bool {
        match &self.stage {
            Stage::Wanted(_) => true,
            Stage::Searching(search) => search.explorer.strikes() <= 1,
            Stage::Over | Stage::Asked(_) | Stage::Studying(_) => false,
        }
    }

    fn is_deep(&self) -> bool {
        matches!(self.stage, Stage::Searching(_)) && !self.is_shallow()
    }

    fn is_question(&self) -> bool {
        matches!(self.stage, Stage::Asked(_) | Stage::Studying(_))
    }

    fn slice(&mut self, steps: u64, merged: &mut Lab) -> Vec<Told> {
        let (stage, told) = match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Wanted(subject) => match Search::new(&subject) {
                Ok(search) => (Stage::Searching(Box::new(search)), Vec::new()),
                Err(why) => (Stage::Over, vec![Told::Broke(why)]),
            },
            Stage::Searching(mut search) => {
                let (progress, told) = search.work(steps);
                let stage = if progress == Progress::Done { Stage::Over } else { Stage::Searching(search) };
                (stage, told)
            }
            Stage::Asked(question) => match Work::new(&question) {
                Ok(work) => (Stage::Studying(work), Vec::new()),
                Err(why) => (Stage::Over, vec![Told::Broke(why)]),
            },
            Stage::Studying(mut work) => {
                let told = work.slice(merged);
                let stage = if told.iter().any(is_last) { Stage::Over } else { Stage::Studying(work) };
                (stage, told)
            }
            Stage::Over => (Stage::Over, Vec::new()),
        };
        self.stage = stage;
        told
    }
}

impl Search {
    fn new(subject: &Subject) -> Result<Self, String> {
        let query = subject.query();
        let tells_places = query.configs.len() == 1;
        let explorer = Explorer::new(query).map_err(|_| "the form does not assemble in every system".to_owned())?;
        Ok(Self { strikes: explorer.strikes(), explorer, tells_places, broken: 0, slices: 0 })
    }

    fn work(&mut self, steps: u64) -> (Progress, Vec<Told>) {
        let progress = self.explorer.work(steps);
        let begun = self.explorer.begun();
        let is_spent = self.explorer.strikes() > 1 && begun.work.steps >= BUDGET;
        let is_over = progress == Progress::Done || is_spent;
        let progress = if is_over { Progress::Done } else { Progress::More };
        let is_deeper = self.explorer.strikes() != self.strikes;
        self.slices += 1;
        let mut told = Vec::new();
        if is_over || is_deeper || begun.broken > self.broken {
            let report = self.explorer.report();
            told.extend(self.places(&report).map(Told::Places).filter(|_| is_over || is_deeper));
            told.push(Told::Found(found(&report, is_over)));
        }
        if is_spent || self.slices >= SLICES {
            self.slices = 0;
            told.push(Told::Begun(self.begun(&begun)));
        }
        (self.strikes, self.broken) = (self.explorer.strikes(), begun.broken);
        (progress, told)
    }

    /// Single exceptions by instruction, once they are complete.
    fn places(&self, report: &Report) -> Option<Vec<AtInstruction>> {
        let setting = report.settings.first().filter(|_| self.tells_places && self.strikes == 1)?;
        Some(setting.by_place.iter().map(at_instruction).collect())
    }

    fn begun(&self, begun: &explore::Begun) -> Begun {
        Begun { depth: self.explorer.strikes(), schedules: begun.counts.schedules, done: self.explorer.done() }
    }
}

fn found(report: &Report, is_over: bool) -> Found {
    let counts = &report.counts;
    Found {
        verdict: report.verdict,
        depth: report.depth,
        schedules: counts.schedules,
        breaking: counts.breaking,
        refused: counts.refused,
        excluded: Assumption::ALL.map(|assumption| report.excluded(assumption)).to_vec(),
        counterexamples: report.violations.iter().map(counterexample).collect(),
        unconfirmed: report.unconfirmed.clone(),
        is_over,
    }
}

pub(crate) fn counterexample(violation: &Violation) -> Counterexample {
    Counterexample {
        promise: violation.broken.promise(),
        cause: violation.broken.to_string(),
        schedule: violation.schedule.clone(),
        step: violation.step(),
        is_minimal: violation.is_minimal,
        features: violation.config.features,
        handler: violation.config.handler,
    }
}

fn at_instruction(at: &explore::AtInstruction) -> AtInstruction {
    let excluded = Assumption::ALL.into_iter().map(|assumption| (assumption, at.counts.excluded(assumption)));
    AtInstruction {
        address: at.address,
        schedules: at.counts.schedules,
        breaking: at.counts.breaking,
        refused: at.counts.refused,
        refusal: at.refusal.map(str::to_owned),
        excluded: excluded.filter(|(_, count)| *count != 0).collect(),
    }
}
