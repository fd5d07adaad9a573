//! The searches of a subject, slice by slice, with their messages. Each goes further than the one before.

use crate::found::{at_instruction, found, improved};
use cr3_core::explore::{Explorer, Progress, Reach, Report, Shorter, Verdict};
use cr3_session::counterexample::Counterexample;
use cr3_session::explore::{Begun, Found, Message, Places, Subject};

/// Steps after which the search of a depth beyond single exceptions ends. Budgets count steps, not time, so that no answer depends on the
/// machine.
const BUDGET: u64 = 40_000_000;

/// Steps after which the search of any depth ends.
const BUDGET_OF_ANY: u64 = 4_000_000;

/// Bytes that the summaries of a side may take.
const MEMORY_OF_ANY: u64 = 384 << 20;

/// A step that is summed up takes as long as so many others.
const COST_OF_ANY: u64 = 20;

/// A search reports its progress once in this many slices.
const SLICES: u32 = 5;

/// The searches of a subject, and the last message about them.
pub(crate) struct Search {
    subject: Subject,
    /// How far the searches go after the one at hand.
    next: &'static [Reach],
    reach: Reach,
    explorer: Explorer,
    /// Steps of the search at hand.
    steps: u64,
    /// Promises that schedules of the depth at hand were seen to break.
    broken: usize,
    /// Slices since the last report of progress.
    slices: u32,
    /// The last finding that was sent.
    known: Option<Found>,
}

/// How a slice ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The search at hand goes on.
    No,
    /// It is through.
    Through,
    /// Its budget is spent.
    Spent,
}

impl Search {
    /// # Errors
    /// The subject does not assemble.
    pub(crate) fn new(subject: Subject) -> Result<Self, String> {
        let (&reach, next) = subject.searches().split_first().ok_or("nothing is searched")?;
        let explorer = explorer(&subject, reach)?;
        Ok(Self { subject, next, reach, explorer, steps: 0, broken: 0, slices: 0, known: None })
    }

    /// Whether single exceptions are not judged yet.
    pub(crate) fn is_shallow(&self) -> bool {
        self.reach == Reach::Depth(1)
    }

    /// Takes about so many steps; what it tells then.
    pub(crate) fn work(&mut self, steps: u64) -> (Progress, Vec<Message>) {
        let steps = if self.reach == Reach::Any { steps.div_ceil(COST_OF_ANY) } else { steps };
        let end = self.take(steps);
        let broken = self.explorer.begun().broken;
        self.slices += 1;
        let mut messages = Vec::new();
        if end != End::No || broken > self.broken {
            let report = self.explorer.report();
            if end != End::No {
                messages.extend(self.places(&report).map(Message::Places));
            }
            messages.extend(self.find(&report, end));
        }
        self.broken = broken;
        // How far the last search came says where it ended.
        let is_told = match end {
            End::No => self.slices >= SLICES,
            End::Through => false,
            End::Spent => self.next.is_empty(),
        };
        if is_told {
            self.slices = 0;
            messages.push(Message::Begun(self.begun()));
        }
        if end == End::No {
            return (Progress::More, messages);
        }
        match self.go_further() {
            Ok(progress) => (progress, messages),
            Err(why) => (Progress::Done, messages.into_iter().chain([Message::Broke(why)]).collect()),
        }
    }

    fn take(&mut self, steps: u64) -> End {
        let progress = self.explorer.work(steps);
        self.steps += steps;
        let is_spent = match self.reach {
            Reach::Depth(1) => false,
            Reach::Depth(_) => self.explorer.begun().work.steps >= BUDGET,
            Reach::Any => self.steps >= BUDGET_OF_ANY,
        };
        match (progress, is_spent) {
            (Progress::Done, _) => End::Through,
            (Progress::More, true) => End::Spent,
            (Progress::More, false) => End::No,
        }
    }

    /// What this report adds to the last finding, or repeats if nothing follows it.
    fn find(&mut self, report: &Report, end: End) -> Option<Message> {
        let found = improved(self.known.as_ref(), found(report));
        let is_over = end != End::No && (self.next.is_empty() || has_the_last_word(&found, self.next));
        let found = Found { is_over, ..found };
        let is_news = self.known.as_ref() != Some(&found);
        self.known = Some(found.clone());
        is_news.then_some(Message::Found(found))
    }

    /// Begins the next search, if one is to follow.
    fn go_further(&mut self) -> Result<Progress, String> {
        let is_over = self.known.as_ref().is_none_or(|found| found.is_over);
        let Some((&reach, next)) = self.next.split_first().filter(|_| !is_over) else { return Ok(Progress::Done) };
        self.explorer = explorer(&self.subject, reach)?;
        (self.reach, self.next) = (reach, next);
        (self.steps, self.broken, self.slices) = (0, 0, SLICES);
        Ok(Progress::More)
    }

    /// Choices by instruction, of the search that is complete; nothing where there are several systems.
    fn places(&self, report: &Report) -> Option<Places> {
        let [setting] = report.settings.as_slice() else { return None };
        let at = match self.reach {
            Reach::Depth(1) => &setting.by_place,
            Reach::Any => &setting.at_any_depth,
            Reach::Depth(_) => return None,
        };
        let places = Places { reach: self.reach, at: at.iter().map(at_instruction).collect() };
        (!at.is_empty()).then_some(places)
    }

    fn begun(&self) -> Begun {
        let (schedules, done) = match self.reach {
            // Those of fewer exceptions, which a depth begins with, are known already.
            Reach::Depth(depth) if self.explorer.strikes() == depth => {
                (self.explorer.begun().counts.schedules, self.explorer.done())
            }
            Reach::Depth(_) => (0, 0),
            Reach::Any => (0, (self.steps * 1000 / BUDGET_OF_ANY).min(1000) as u32),
        };
        Begun { reach: self.reach, schedules, done }
    }
}

fn explorer(subject: &Subject, reach: Reach) -> Result<Explorer, String> {
    let explorer = Explorer::new(subject.query(reach));
    let mut explorer = explorer.map_err(|_| "the form does not assemble in every system".to_owned())?;
    if reach == Reach::Any {
        explorer.limit_memory(MEMORY_OF_ANY);
    }
    Ok(explorer)
}

/// Whether one of these searches may find a shorter counterexample.
fn may_be_shortened(found: &Counterexample, next: &[Reach]) -> bool {
    let strikes = found.schedule.injections.len();
    let covers = |reach: &Reach| matches!(reach, Reach::Depth(depth) if *depth as usize >= strikes);
    found.shorter != Shorter::None && next.iter().any(covers)
}

/// Whether none of these searches would say more.
fn has_the_last_word(found: &Found, next: &[Reach]) -> bool {
    match found.verdict {
        _ if !found.unconfirmed.is_empty() => true,
        Verdict::Breaks if found.is_untold() => next.is_empty(),
        Verdict::Breaks => !found.counterexamples.iter().any(|it| may_be_shortened(it, next)),
        Verdict::Empty => true,
        Verdict::Holds | Verdict::NotFinished => found.reach == Reach::Any,
    }
}
