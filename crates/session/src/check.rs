//! A second CPU that follows the runs, and what it has said so far. It works elsewhere; what it reports are actions, so a list of
//! actions replays a checked session as well.

pub mod wire;

use crate::choice::Side;
use std::rc::Rc;

/// What one step came to for the second CPU.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Mark {
    /// It executed the step itself, and all that is compared is equal.
    Agrees,
    /// It delivered the event itself too, with the same registers, stack and frame.
    Delivered,
    /// It took over the model's result, for this reason.
    Unjudged(Rc<str>),
    /// It came to something else.
    Differs,
}

/// How far the second CPU is from being of use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Engine {
    /// Nobody asked for it: nothing of it is loaded.
    #[default]
    Off,
    /// It is being fetched: so many bytes have arrived.
    Loading(u32),
    /// It follows.
    Ready,
    /// It cannot be had, or broke down twice on one run.
    Broken(Rc<str>),
}

/// What is known of one run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Followed {
    /// A mark for each step of the trace, as far as the second CPU has come.
    pub marks: Rc<Vec<Mark>>,
    /// Whether the run was followed to its end, and all memory compared there.
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
    /// What the machine made of it.
    pub ours: u64,
    /// What the second CPU made of it.
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
    /// The instruction in GNU syntax, or what else the step was.
    pub instruction: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// What is not equal, in words.
    pub differences: Vec<String>,
    /// Registers before the step, and what each processor made of them.
    pub fields: Vec<Field>,
}

/// How far a sweep is: every place that the uninterrupted run reaches, every vector, one injection at a time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Injections that are finished or refused.
    pub done: u32,
    /// Injections of the whole sweep: places times vectors.
    pub total: u32,
    /// Injections that struck.
    pub struck: u32,
    /// Injections that the architecture refuses there.
    pub refused: u32,
    /// Steps that both executed and that were compared.
    pub compared: u64,
    /// What is wrong with the runs that struck, which agreement of processors does not tell.
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

/// A kind of what is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kind {
    /// What such runs do, for example "break user-cr3".
    pub words: String,
    /// How many do.
    pub runs: u32,
    /// The schedule of the first.
    pub first: String,
}

/// What became of a sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It goes on.
    Running,
    /// All of it was compared and is equal.
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
    /// How far it is.
    pub progress: Progress,
    /// Whether it goes on, and how it ended.
    pub stage: Stage,
}

/// What became of the self-test.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SelfTest {
    /// Not asked for.
    #[default]
    None,
    /// Under way.
    Running,
    /// The wrong result was found where it was put.
    Found(Rc<Disagreement>),
    /// It was not.
    Missed(Rc<str>),
}

/// What the second CPU tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// So many bytes of it have arrived.
    Received(u32),
    /// It is ready to follow.
    Opened,
    /// It cannot be had, or broke down: in words.
    Broke(String),
    /// What the next steps of a side came to.
    Steps(Side, Vec<Mark>),
    /// A side was followed to its end.
    Ended(Side),
    /// How far the sweep is, and whether that was all.
    Swept(Progress, Stage),
    /// The first disagreement.
    Disagrees(Disagreement),
    /// Why the self-test failed.
    TestMissed(String),
}

impl Report {
    /// Takes in what came right after it on the same recording; hands it back where one report cannot say both.
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
    /// How far it is.
    pub engine: Engine,
    /// Names the recording that is followed: reports about an earlier one are ignored.
    pub ticket: u32,
    /// Each run.
    pub sides: [Followed; 2],
    /// The sweep that was asked for last.
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

    /// The same engine on other runs, of which it knows nothing yet.
    #[must_use]
    pub(crate) fn restarted(&self) -> Self {
        Self { engine: self.engine.clone(), ticket: self.ticket.wrapping_add(1), ..Self::default() }
    }

    /// Turned on if it was off, and off otherwise.
    #[must_use]
    pub(crate) fn toggled(&self) -> Self {
        let engine = if self.is_on() { Engine::Off } else { Engine::Loading(0) };
        Self { engine, ..self.restarted() }
    }

    /// What a side's step came to; none while the second CPU has not come so far.
    #[must_use]
    pub fn mark(&self, side: Side, step: usize) -> Option<Mark> {
        self.sides[side.index()].marks.get(step).cloned()
    }

    /// Whether a sweep or the self-test is under way.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.self_test == SelfTest::Running || self.sweep.as_ref().is_some_and(|sweep| sweep.stage == Stage::Running)
    }

    /// The check after a report about the recording that `ticket` names.
    #[must_use]
    pub(crate) fn told(&self, ticket: u32, report: Report) -> Self {
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
