//! Runs judged without being recorded: how they end, what they break, and what many of them break together.

use crate::counters::Tally;
use crate::linux::{Config, System};
use crate::promises::{Breakage, Promises};
use crate::run::{End, Runner};
use crate::scenario::{Places, Schedule};
use crate::trace::Ending;

/// The outcome of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// How it ended.
    pub ending: Ending,
    /// The first breakage of each invariant, in order of steps.
    pub breakages: Vec<Breakage>,
}

/// Runs `schedule` on `system`, which was booted from `config`, for at most `budget` steps. A trace of it would say the
/// same.
pub fn judge(system: &System, places: &Places, config: &Config, schedule: &Schedule, budget: u32) -> Judgement {
    let mut runner = Runner::new(system.machine.clone(), places, schedule);
    let mut tally = Tally::new(runner.machine());
    let mut promises = Promises::new(system, config, places);
    let mut last = None;
    let mut steps = 0;
    let end = loop {
        if steps == budget as usize {
            break End::Budget { steps: budget };
        }
        let rip = runner.machine().cpu.rip;
        promises.boundary(steps, runner.machine(), runner.nest().depth());
        if let Err(stop) = runner.step(&mut (&mut tally, &mut promises)) {
            break stop;
        }
        last = Some(rip);
        promises.counted(steps, tally.take_touched());
        steps += 1;
    };
    let ending = Ending::of(&end, places, last.and_then(|rip| places.at(rip)));
    promises.ended(steps.saturating_sub(1), ending);
    Judgement { ending, breakages: promises.broken().to_vec() }
}

/// What can be wrong with a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Wrong {
    /// A promise broke: the id of the invariant.
    Breaks(&'static str),
    /// The program did not exit.
    Ends(Ending),
}

impl Wrong {
    /// As a sentence about several runs.
    pub fn words(self) -> String {
        match self {
            Self::Breaks(invariant) => format!("break {invariant}"),
            Self::Ends(Ending::Budget) => "are cut before they end".to_owned(),
            Self::Ends(Ending::TaskKilled) => "end when the kernel kills the program".to_owned(),
            Self::Ends(Ending::KernelPanic) => "end in a kernel panic".to_owned(),
            Self::Ends(Ending::Shutdown) => "end in a shutdown".to_owned(),
            Self::Ends(_) => "halt for good".to_owned(),
        }
    }
}

/// One kind of mistake in some of many runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kind {
    /// What is wrong.
    pub wrong: Wrong,
    /// Number of runs with it.
    pub runs: u32,
    /// The first of them.
    pub first: Schedule,
}

/// What is wrong with many runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Runs that were judged.
    pub judged: u32,
    /// Runs with at least one mistake.
    pub runs: u32,
    /// By kind, in the order in which each was first found.
    pub kinds: Vec<Kind>,
}

impl Findings {
    /// Counts a run.
    pub fn add(&mut self, schedule: &Schedule, judgement: &Judgement) {
        let breaks = judgement.breakages.iter().map(|breakage| Wrong::Breaks(breakage.broken.invariant()));
        let ends = (judgement.ending != Ending::Finished).then_some(Wrong::Ends(judgement.ending));
        let wrong: Vec<_> = breaks.chain(ends).collect();
        self.judged += 1;
        self.runs += u32::from(!wrong.is_empty());
        for wrong in wrong {
            match self.kinds.iter_mut().find(|kind| kind.wrong == wrong) {
                Some(kind) => kind.runs += 1,
                None => self.kinds.push(Kind { wrong, runs: 1, first: schedule.clone() }),
            }
        }
    }
}
