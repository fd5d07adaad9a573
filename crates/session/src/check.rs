//! A second CPU that follows the runs, and its reports so far. It works elsewhere. Its reports are actions, so a list
//! of actions also replays a checked session.

pub mod wire;

use crate::choice::Side;
use std::rc::Rc;

/// The second CPU's result for one step.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Mark {
    /// It executed the step itself, and everything compared is equal.
    Agrees,
    /// It delivered the event itself too, with the same registers, stack and frame.
    Delivered,
    /// It took over the model's result, for this reason.
    Unjudged(Rc<str>),
    /// Its result differs.
    Differs,
}

/// The state of the second CPU.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Engine {
    /// Nobody asked for it, and nothing of it is loaded.
    #[default]
    Off,
    /// It is being fetched; this many bytes have arrived.
    Loading(u32),
    /// It follows.
    Ready,
    /// It is unavailable, or broke down twice on one run.
    Broken(Rc<str>),
}

/// What is known of one run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Followed {
    /// A mark for each step of the trace, as far as the second CPU has got.
    pub marks: Rc<Vec<Mark>>,
    /// Whether it followed the run to its end and compared all memory there.
    pub complete: bool,
}

/// Where a disagreement was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// In the run of a side.
    Run(Side),
    /// In a single injection tried on the form of a side.
    Sweep(Side),
    /// In the self-test: the second CPU was made wrong on purpose.
    Test,
}

/// A field of both processors at the disagreement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The register.
    pub name: String,
    /// Its value before the step.
    pub before: u64,
    /// Its value on the machine.
    pub ours: u64,
    /// Its value on the second CPU.
    pub theirs: u64,
}

/// The first step on which the two processors do not agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disagreement {
    /// Where it was found.
    pub origin: Origin,
    /// Step of the run, from 0.
    pub step: usize,
    /// The schedule of the run.
    pub schedule: String,
    /// The instruction in GNU syntax, or a description of another step.
    pub instruction: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// What differs, in words.
    pub differences: Vec<String>,
    /// Registers before the step, and both results.
    pub fields: Vec<Field>,
}

/// Progress of a sweep: every place that the uninterrupted run reaches, every vector, one injection at a time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Injections that are finished or refused.
    pub done: u32,
    /// Injections of the whole sweep: places times vectors.
    pub total: u32,
    /// Injections that struck.
    pub struck: u32,
    /// Injections that the architecture refuses at their place.
    pub refused: u32,
    /// Steps that both executed and that were compared.
    pub compared: u64,
    /// What is wrong with the runs that struck; agreement of the processors does not show it.
    pub findings: Findings,
}

/// What is wrong with the runs of a sweep.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Runs that break a promise or do not end as they should.
    pub runs: u32,
    /// By kind.
    pub kinds: Vec<Kind>,
}

/// A kind of mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kind {
    /// What such runs do, for example "break user-cr3".
    pub words: String,
    /// Number of such runs.
    pub runs: u32,
    /// The schedule of the first one.
    pub first: String,
}

/// The state of a sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It is running.
    Running,
    /// Everything was compared and is equal.
    Agrees,
    /// A person stopped it.
    Stopped,
    /// It ended at a disagreement.
    Differs,
}

/// A sweep over one form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sweep {
    /// The side whose form is swept.
    pub side: Side,
    /// Its progress.
    pub progress: Progress,
    /// Whether it is running, and how it ended.
    pub stage: Stage,
}

/// The state of the self-test.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SelfTest {
    /// Not asked for.
    #[default]
    None,
    /// Running.
    Running,
    /// The check found the wrong result where it was put.
    Found(Rc<Disagreement>),
    /// The check did not find it, for this reason.
    Missed(Rc<str>),
}

/// A report of the second CPU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// This many bytes of it have arrived.
    Received(u32),
    /// It is ready to follow.
    Opened,
    /// It is unavailable or broke down, for this reason.
    Broke(String),
    /// The results of the next steps of a side.
    Steps(Side, Vec<Mark>),
    /// A side was followed to its end.
    Ended(Side),
    /// Progress of the sweep, and whether it has ended.
    Swept(Progress, Stage),
    /// The first disagreement.
    Disagrees(Disagreement),
    /// Why the self-test failed.
    TestMissed(String),
}

impl Report {
    /// Merges the next report about the same recording into this one. Returns it if one report cannot express both.
    #[must_use]
    pub fn absorb(&mut self, next: Self) -> Option<Self> {
        match (self, next) {
            (Self::Steps(side, marks), Self::Steps(same, more)) if *side == same => marks.extend(more),
            (earlier @ Self::Swept(..), later @ Self::Swept(..)) => *earlier = later,
            (_, other) => return Some(other),
        }
        None
    }
}

/// The second CPU as a person sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Check {
    /// Its state.
    pub engine: Engine,
    /// How often it was turned on. Each time has an engine of its own: a person who turns it off and on again within one
    /// frame waits for another one.
    pub starts: u32,
    /// Identifies the recording that it follows. Reports about an earlier one are ignored.
    pub ticket: u32,
    /// Each run.
    pub sides: [Followed; 2],
    /// The most recent sweep.
    pub sweep: Option<Sweep>,
    /// The first disagreement of a run or a sweep.
    pub disagreement: Option<Rc<Disagreement>>,
    /// The self-test.
    pub self_test: SelfTest,
}

impl Check {
    /// Whether a person asked for it.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.engine != Engine::Off
    }

    /// The same engine on other runs, about which it knows nothing yet.
    #[must_use]
    pub(crate) fn restarted(&self) -> Self {
        let (engine, ticket) = (self.engine.clone(), self.ticket.wrapping_add(1));
        Self { engine, starts: self.starts, ticket, ..Self::default() }
    }

    /// On if it was off, and off otherwise.
    #[must_use]
    pub(crate) fn toggled(&self) -> Self {
        let (engine, more) = if self.is_on() { (Engine::Off, 0) } else { (Engine::Loading(0), 1) };
        Self { engine, starts: self.starts.wrapping_add(more), ..self.restarted() }
    }

    /// The result of a side's step; none while the second CPU has not reached it.
    #[must_use]
    pub fn mark(&self, side: Side, step: usize) -> Option<Mark> {
        self.sides[side.index()].marks.get(step).cloned()
    }

    /// Whether a sweep or the self-test is running.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.self_test == SelfTest::Running || self.sweep.as_ref().is_some_and(|sweep| sweep.stage == Stage::Running)
    }

    /// The check after a report about the recording of `ticket`.
    #[must_use]
    pub(crate) fn informed(&self, ticket: u32, report: Report) -> Self {
        let mut next = self.clone();
        if !self.is_on() {
            return next;
        }
        match report {
            Report::Received(bytes) if matches!(self.engine, Engine::Loading(_)) => {
                next.engine = Engine::Loading(bytes)
            }
            Report::Opened => next.engine = Engine::Ready,
            Report::Broke(why) => next.engine = Engine::Broken(why.into()),
            _ if ticket == self.ticket => next.follow(report),
            _ => {}
        }
        next
    }

    fn follow(&mut self, report: Report) {
        match report {
            Report::Steps(side, marks) => Rc::make_mut(&mut self.sides[side.index()].marks).extend(marks),
            Report::Ended(side) => self.sides[side.index()].complete = true,
            Report::Swept(progress, stage) => {
                if let Some(sweep) = self.sweep.as_mut().filter(|sweep| sweep.stage == Stage::Running) {
                    (sweep.progress, sweep.stage) = (progress, stage);
                }
            }
            Report::Disagrees(found) => self.disagree(Rc::new(found)),
            Report::TestMissed(why) => self.self_test = SelfTest::Missed(why.into()),
            Report::Received(_) | Report::Opened | Report::Broke(_) => {}
        }
    }

    fn disagree(&mut self, found: Rc<Disagreement>) {
        match found.origin {
            Origin::Test => self.self_test = SelfTest::Found(found),
            Origin::Run(_) => self.disagreement = Some(found),
            Origin::Sweep(_) => {
                if let Some(sweep) = &mut self.sweep {
                    sweep.stage = Stage::Differs;
                }
                self.disagreement = Some(found);
            }
        }
    }
}

#[cfg(test)]
mod tests;
