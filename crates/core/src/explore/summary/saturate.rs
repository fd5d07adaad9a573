//! Rounds, until one finds nothing that it did not know before.

use super::classes::Classes;
use super::learned::{Learned, News};
use super::predict::Played;
use super::round::{Aim, Pace, Round};
use crate::explore::by_place::ByPlace;
use crate::explore::obstacle::Obstacle;
use crate::explore::sweep::{Failure, Progress, Work};
use crate::explore::world::World;
use crate::linux::Handler;
use crate::machine::tlb::Geometry;
use crate::scenario::Vector;
use std::sync::Arc;

#[cfg(test)]
mod twin;

/// Rounds that end soon after they have found something new. Most is found in these.
const SHORT_ROUNDS: u32 = 8;

/// Steps of all rounds after which a search gives up. NMI, #DB and #MC together take 280,000 with the quiet
/// handler.
const MAX_STEPS: u64 = 20_000_000;

/// A search of one system.
pub(in crate::explore) struct Saturation {
    world: Arc<World>,
    aim: Arc<Aim>,
    learned: Arc<Learned>,
    classes: Classes,
    round: Option<Round>,
    state: Reached,
    failures: Vec<Failure>,
    weighed: ByPlace,
    obstacle: Option<Obstacle>,
    work: Work,
    rounds: u32,
    /// How many strikes the schedules have that the round is at.
    strikes: u32,
}

/// Whether there is more to do in a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pursuit {
    GoesOn,
    Over,
}

/// How far a search is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::explore) enum Reached {
    OnTheWay,
    Fixpoint,
    GivenUp,
}

impl Saturation {
    pub(in crate::explore) fn new(world: Arc<World>, aim: Aim) -> Self {
        let mut learned = Learned::default();
        learned.caches.flaw = aim.flaw;
        let obstacle = cannot_be_summed_up(&world);
        Self {
            world,
            aim: Arc::new(aim),
            learned: Arc::new(learned),
            classes: Classes::default(),
            round: None,
            state: if obstacle.is_some() { Reached::GivenUp } else { Reached::OnTheWay },
            failures: Vec::new(),
            weighed: ByPlace::default(),
            obstacle,
            work: Work::default(),
            rounds: 0,
            strikes: 0,
        }
    }

    pub(in crate::explore) fn reached(&self) -> Reached {
        self.state
    }

    /// See [`Explorer::play`](crate::explore::Explorer::play).
    pub(in crate::explore) fn play(&self, choose: impl FnMut(u32, usize) -> Option<Vector>) -> Option<Played> {
        self.fixpoint().filter(|_| self.failures.is_empty()).map(|round| round.play(choose))
    }

    /// The round that found nothing new.
    pub(super) fn fixpoint(&self) -> Option<&Round> {
        self.round.as_ref().filter(|_| self.state == Reached::Fixpoint)
    }

    pub(in crate::explore) fn worked(&self) -> Work {
        self.work
    }

    pub(in crate::explore) fn failures(&self) -> &[Failure] {
        &self.failures
    }

    /// Choices at the boundaries of the runs of the round that found nothing new.
    pub(in crate::explore) fn weighed(&self) -> &ByPlace {
        &self.weighed
    }

    /// Drops the summaries, and keeps their outcomes.
    pub(in crate::explore) fn forget(&mut self) {
        self.round = None;
        self.classes = Classes::default();
        self.learned = Arc::default();
    }

    /// What ended it before its fixpoint.
    pub(in crate::explore) fn obstacle(&self) -> Option<&Obstacle> {
        self.obstacle.as_ref()
    }

    /// Leaves the rest undone.
    pub(in crate::explore) fn give_up(&mut self) {
        if self.state == Reached::OnTheWay {
            self.meet(Obstacle::Stopped);
        }
    }

    fn meet(&mut self, obstacle: Obstacle) {
        self.round = None;
        self.state = Reached::GivenUp;
        self.obstacle = Some(obstacle);
    }

    pub(in crate::explore) fn work(&mut self, steps: u64) -> Progress {
        if self.state != Reached::OnTheWay {
            return Progress::Done;
        }
        let mut round = match self.round.take() {
            Some(round) => round,
            None => self.begin(),
        };
        let end = round.steps + steps;
        while round.steps < end {
            if let Some(obstacle) = self.spent(&round) {
                self.failures = round.failures;
                self.meet(obstacle);
                return Progress::Done;
            }
            if self.advance(&mut round) == Pursuit::Over {
                self.close(round);
                return if self.state == Reached::OnTheWay { Progress::More } else { Progress::Done };
            }
        }
        self.round = Some(round);
        Progress::More
    }

    /// Goes on with a round.
    fn advance(&mut self, round: &mut Round) -> Pursuit {
        let is_next = round.next_strikes().is_some_and(|strikes| strikes > self.strikes);
        if is_next && round.pace == Pace::Short && !round.has_grown() {
            self.strikes = round.next_strikes().unwrap_or_default();
            self.take_in(round);
        }
        let goes_on = round.advance() || round.answer_demands();
        if goes_on || (!round.has_grown() && matches!(self.take_in(round), News::Stores(_))) {
            Pursuit::GoesOn
        } else {
            Pursuit::Over
        }
    }

    /// Takes in what a round has found so far.
    fn take_in(&mut self, round: &mut Round) -> News {
        let fresh = std::mem::take(&mut round.fresh);
        let news = Arc::make_mut(&mut self.learned).take(fresh, &self.world.system.machine);
        match &news {
            News::Nothing => {}
            News::Stores(words) => round.stores_more(Arc::clone(&self.learned), words),
            News::More => round.make_again(),
        }
        news
    }

    /// The budget that is spent.
    fn spent(&self, round: &Round) -> Option<Obstacle> {
        match () {
            () if self.work.steps + round.steps > MAX_STEPS => Some(Obstacle::Steps(MAX_STEPS)),
            () if round.runs.len() as u64 > self.aim.max_runs => Some(Obstacle::Runs),
            () if round.held > self.aim.max_memory => Some(Obstacle::Memory),
            () => None,
        }
    }

    fn begin(&mut self) -> Round {
        let pace = if self.rounds < SHORT_ROUNDS { Pace::Short } else { Pace::Whole };
        let classes = std::mem::take(&mut self.classes);
        self.strikes = 0;
        Round::new(Arc::clone(&self.world), Arc::clone(&self.aim), Arc::clone(&self.learned), classes, pace)
    }

    fn close(&mut self, mut round: Round) {
        let is_doubtful = round.strayed && !round.mistakes.is_empty();
        let was_through = round.is_through();
        if !was_through {
            round.demand();
        }
        round.keep_demands();
        let fresh = std::mem::take(&mut round.fresh);
        Arc::make_mut(&mut self.learned).take(fresh, &self.world.system.machine);
        let grew = round.has_grown() || is_doubtful;
        self.rounds += 1;
        self.work.steps += round.steps;
        self.work.runs += round.runs.len() as u64;
        self.work.cut += round.joined;
        if let Some(entry) = self.learned.seen_marks() {
            // What breaks was carried out, and is replayed before it is shown.
            self.failures = round.failures;
            self.meet(Obstacle::Marks(entry));
        } else if let Some(mistake) = round.mistakes.pop().filter(|_| !grew) {
            self.meet(Obstacle::Mistake(mistake));
        } else if !grew {
            self.failures.clone_from(&round.failures);
            self.weighed.clone_from(&round.weighed);
            self.state = Reached::Fixpoint;
            self.round = Some(round);
        } else {
            // Questions about what is followed no more have no answer.
            let keeps_questions = self.learned.caches.follows_all_of(&round.learned.caches);
            self.classes = if keeps_questions { round.classes } else { Classes::default() };
        }
    }
}

/// Why summaries cannot say what happens on a system.
fn cannot_be_summed_up(world: &World) -> Option<Obstacle> {
    let is_architectural = world.system.machine.tlb.geometry() == Geometry::Architectural;
    let by_depth = [Handler::RogueCr3, Handler::EfiCall];
    let handler = by_depth.into_iter().find(|handler| world.config.handler.contains(*handler));
    handler.map(Obstacle::Handler).or_else(|| (!is_architectural).then_some(Obstacle::Processor))
}
