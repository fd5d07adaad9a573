//! The check of the summaries: schedules that the machine plays, compared with what the summaries say.

use super::classes::FamilyId;
use super::context::Context;
use super::family::End;
use super::guard::{FOLLOWED, read, register_of};
use super::round::Round;
use super::value::{Loc, Value};
use crate::explore::lane::{Lane, Strike, Went};
use crate::machine::refusal_reason;
use crate::scenario::Vector;

/// Where the summaries are wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Wrong {
    /// They have no call in this context.
    Missing,
    /// A handler returned as none of the ends of its call says.
    End,
    /// A handler inside which nothing struck did not return as the first run of its call did.
    FirstEnd,
    /// A schedule breaks a promise, and they say that none does.
    Breaks,
}

/// The outcome of one schedule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Played {
    /// Strikes.
    pub strikes: u32,
    /// The most handlers that were inside one another.
    pub deepest: u32,
    /// Returns that were compared with an end.
    pub returns: u32,
    /// Whether a promise broke.
    pub breaks: bool,
    /// What was wrong, and at which step.
    pub wrong: Option<(Wrong, u32)>,
    /// Before which steps what struck.
    pub schedule: Vec<(u32, Vector)>,
}

/// A handler that has not returned.
struct Open {
    callee: FamilyId,
    entry: Lane,
    struck_inside: bool,
}

impl Round {
    /// Plays a schedule: `choose` says what strikes at a boundary, given its step and the handlers around it. What is refused or
    /// excluded does not strike.
    pub(in crate::explore) fn play(&self, mut choose: impl FnMut(u32, usize) -> Option<Vector>) -> Played {
        let mut played = Played::default();
        let mut lane = Lane::start(&self.world);
        let mut open: Vec<Open> = Vec::new();
        loop {
            let chosen = choose(lane.steps(), lane.level());
            let vector = chosen.filter(|&vector| self.may_strike(&lane, vector));
            let went = match vector {
                None => lane.step(&self.world, &mut ()),
                Some(vector) => {
                    let Some(callee) = self.class(&lane, vector) else {
                        return self.wrong(played, Wrong::Missing, &lane);
                    };
                    open.iter_mut().for_each(|open| open.struck_inside = true);
                    open.push(Open { callee, entry: lane.clone(), struck_inside: false });
                    played.strikes += 1;
                    played.deepest = played.deepest.max(open.len() as u32);
                    lane.strike(&self.world, vector, &mut ())
                }
            };
            if !lane.broken().is_empty() {
                played.breaks = true;
                let wrong = self.failures.is_empty();
                return if wrong { self.wrong(played, Wrong::Breaks, &lane) } else { played };
            }
            if went == Went::Over {
                played.schedule = strikes(&lane);
                return played;
            }
            while open.len() > lane.level() {
                let Some(returned) = open.pop() else { break };
                played.returns += 1;
                if let Some(wrong) = self.judge(&returned, &lane) {
                    return self.wrong(played, wrong, &lane);
                }
            }
        }
    }

    fn may_strike(&self, lane: &Lane, vector: Vector) -> bool {
        refusal_reason(&lane.machine().cpu, vector.event()).is_none()
            && self.aim.assumed.excluding(&self.world, lane, vector).is_none()
    }

    fn wrong(&self, played: Played, wrong: Wrong, lane: &Lane) -> Played {
        Played { wrong: Some((wrong, lane.steps())), schedule: strikes(lane), ..played }
    }

    fn judge(&self, returned: &Open, lane: &Lane) -> Option<Wrong> {
        let ends = &self.family(returned.callee).ends;
        let context = Context::of(&self.learned, lane);
        let is = |end: &End| self.context_is(end.context, &context) && self.is_end(returned, end, lane);
        if returned.struck_inside {
            (!ends.iter().any(|end| is(end))).then_some(Wrong::End)
        } else {
            let steps = lane.steps() - returned.entry.steps();
            (!ends.first().is_some_and(|end| end.steps == steps && is(end))).then_some(Wrong::FirstEnd)
        }
    }

    /// Whether an end, applied to what was interrupted, is the state at hand in all that anybody sees.
    fn is_end(&self, returned: &Open, end: &End, lane: &Lane) -> bool {
        let (before, now) = (&returned.entry, lane.machine());
        let is = |(value, sample): (Value, u64), found: u64| {
            let predicted = value.evaluate(sample, |loc| read(&self.learned, before, loc));
            (predicted ^ found) & !value.opaque() == 0
        };
        let cpu = &now.cpu;
        let registers = end.registers.iter().enumerate().all(|(number, &place)| is(place, register_of(lane, number)));
        let flags = end.flags.0.word();
        let flags = (flags.evaluate(end.flags.1, |loc| read(&self.learned, before, loc)) ^ cpu.rflags)
            & FOLLOWED
            & !flags.opaque()
            == 0;
        let seen = self.learned.stored.iter().filter(|&&word| self.is_seen_after(returned.callee, word));
        let mut words = seen.map(|&word| {
            let index = end.words.binary_search_by_key(&word, |entry| entry.0);
            let untouched = (Value::input(Loc::Memory(word)), 0);
            let place = index.map_or(untouched, |index| (end.words[index].1, end.words[index].2));
            let marks = self.learned.marks(word) | super::shadow::bits_of(self.learned.counted(word));
            let found = self.learned.on(now, word);
            (place.0.evaluate(place.1, |loc| read(&self.learned, before, loc)) ^ found) & !(marks | place.0.opaque())
                == 0
        });
        registers && flags && words.all(|same| same)
    }
}

fn strikes(lane: &Lane) -> Vec<(u32, Vector)> {
    lane.strikes().iter().map(|&Strike { step, vector }| (step, vector)).collect()
}
