//! What the explorer says of both sides: the strip, the counterexamples, and what is taken for granted.

use crate::choice::{Judging, Scope, Side};
use crate::counterexample::Counterexample;
use crate::explore::wire::Pace;
use crate::explore::{Begun, Found, Judged, Subject, VECTORS};
use crate::state::State;
use crate::view::outcome::{earlier, no_run};
use crate::words::grouped;
use cr3_core::machine::order::sort_by_key;
use cr3_core::promises::Promise;
use cr3_core::query::{Assumption, Reach, Standing, Verdict};
use cr3_core::scenario::{Nesting, Schedule, Vector};

/// How a side stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standpoint {
    /// Nothing is complete yet.
    Open,
    /// Every schedule so far keeps every promise.
    Holds,
    /// Some schedule breaks one.
    Breaks,
    /// There is no verdict, and none will come.
    Silent,
}

/// What the strip says of a side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The form.
    pub form: &'static str,
    /// How it stands.
    pub standpoint: Standpoint,
    /// What is said for good.
    pub words: String,
    /// How far the search is beyond that, or where it ended.
    pub further: String,
    /// The promise whose counterexample comes first.
    pub first: Option<Promise>,
}

/// What the strip says of a side.
#[must_use]
pub fn line(state: &State, side: Side) -> Line {
    let judged = state.explore.side(side);
    let (standpoint, words, further) = match &judged.subject {
        Some(subject) => said(subject, judged, (state.settings.judging, state.explore.pace)),
        None => (Standpoint::Silent, no_run(&state.runs, side), String::new()),
    };
    let words = earlier(&state.runs, side).map_or_else(|| words.clone(), |of| format!("{of}: {words}"));
    let first = judged.found.as_ref().and_then(|found| found.counterexamples.first());
    let form = state.setup.forms[side.index()].name();
    Line { form, standpoint, words, further, first: first.map(|it| it.promise) }
}

fn said(subject: &Subject, judged: &Judged, (judging, pace): (Judging, Pace)) -> (Standpoint, String, String) {
    if judging == Judging::Off {
        return (Standpoint::Silent, "not judged: judging is switched off".to_owned(), String::new());
    }
    match (&judged.found, &judged.trouble) {
        (None, None) => (Standpoint::Open, "being judged".to_owned(), further(subject, judged, pace)),
        (None, Some(why)) => (Standpoint::Silent, format!("no verdict: {why}"), String::new()),
        (Some(found), why) => {
            let (standpoint, words) = settled(subject, found);
            let trouble = why.as_ref().map(|why| format!("the search ended early: {why}"));
            let further = match standpoint {
                // Nothing follows where there is no verdict.
                Standpoint::Silent => String::new(),
                Standpoint::Open | Standpoint::Holds | Standpoint::Breaks => further(subject, judged, pace),
            };
            (standpoint, words, trouble.unwrap_or(further))
        }
    }
}

/// What page and terminal say where every counterexample goes beyond the model.
pub const UNTOLD: &str = "no answer: each counterexample first enters code that is not modelled";

fn settled(subject: &Subject, found: &Found) -> (Standpoint, String) {
    if let Some(wrong) = found.unconfirmed.first() {
        return (Standpoint::Silent, format!("no verdict: a run did not confirm the explorer's result ({wrong})"));
    }
    match found.verdict {
        // Another may follow that stays in the model.
        Verdict::Breaks if found.is_untold() && !found.is_over => (Standpoint::Open, "being judged".to_owned()),
        Verdict::Breaks if found.is_untold() => (Standpoint::Silent, UNTOLD.to_owned()),
        Verdict::Breaks => (Standpoint::Breaks, breaks(subject, found)),
        Verdict::Empty => (
            Standpoint::Silent,
            "no verdict: no exception struck kernel code that runs on the user's tables".to_owned(),
        ),
        Verdict::Holds | Verdict::NotFinished => match found.reach {
            Reach::Depth(0) => (Standpoint::Open, "not finished: no depth is complete".to_owned()),
            _ => (Standpoint::Holds, holds(subject, found)),
        },
    }
}

fn holds(subject: &Subject, found: &Found) -> String {
    let exceptions = match found.reach {
        Reach::Depth(1) => "single exceptions".to_owned(),
        Reach::Depth(depth) => format!("schedules of up to {depth} exceptions"),
        Reach::Any => return holds_any(subject),
    };
    format!("holds for all {exceptions}: {}", schedules(subject, found.schedules))
}

fn holds_any(subject: &Subject) -> String {
    let vectors = VECTORS.map(Vector::mnemonic).join(", ");
    format!("holds for every schedule of {vectors}, any depth, under {}", assumptions(subject.assumed()))
}

fn assumptions(count: usize) -> String {
    let plural = if count == 1 { "assumption" } else { "assumptions" };
    format!("{count} {plural}")
}

fn schedules(subject: &Subject, count: u64) -> String {
    let systems = match subject.scope {
        Scope::Displayed => String::new(),
        Scope::Standard => format!(" in {} systems", subject.systems()),
    };
    format!("{} schedules{systems}", grouped(count))
}

fn breaks(subject: &Subject, found: &Found) -> String {
    let Some(first) = found.counterexamples.first() else { return "breaks".to_owned() };
    let system = match subject.scope {
        Scope::Displayed => String::new(),
        Scope::Standard => format!(" ({})", system(first)),
    };
    format!("breaks: {}{system}", cause(first))
}

/// The system that a counterexample is of.
fn system(found: &Counterexample) -> String {
    format!("features {}, handler {}", found.features, found.handler)
}

/// What strikes, and what breaks then, in one line.
pub(crate) fn cause(found: &Counterexample) -> String {
    let beyond = found.beyond.as_ref().map(|words| format!("; the run {words}")).unwrap_or_default();
    match found.schedule.injections.is_empty() {
        true => format!("without any exception, {}{beyond}", found.cause),
        false => format!("{}; {}{beyond}", strikes(&found.schedule), found.cause),
    }
}

/// What strikes, in words.
#[must_use]
pub fn strikes(schedule: &Schedule) -> String {
    let mut words = String::new();
    for (index, injection) in schedule.injections.iter().enumerate() {
        words += match (index, injection.nesting) {
            (0, _) => "",
            (_, Nesting::Inside) => ", inside its handler ",
            (_, Nesting::After) => ", later ",
        };
        words += &format!("{} at {}", injection.vector.mnemonic(), injection.place);
    }
    words
}

/// How far the search is beyond what is settled.
fn further(subject: &Subject, judged: &Judged, pace: Pace) -> String {
    match (&judged.found, judged.begun) {
        (None, Some(begun)) => format!("{} schedules so far", grouped(begun.schedules)),
        (None, None) => String::new(),
        (Some(found), begun) if found.verdict == Verdict::Breaks && !found.is_untold() => how_many(found, begun, pace),
        (Some(found), begun) => deeper(subject, found, begun, pace),
    }
}

/// How many schedules break something, or whether a shorter one is still looked for.
fn how_many(found: &Found, begun: Option<Begun>, pace: Pace) -> String {
    let counted = match (found.breaking, found.reach) {
        (0, Reach::Depth(0)) => None,
        // It breaks deeper than what is complete.
        (0, reach) => Some(format!("{} hold", all(reach, found.schedules))),
        (breaking, _) => Some(format!("{} of {} schedules break", grouped(breaking), grouped(found.schedules))),
    };
    let more = begun.map(|begun| match (begun.reach, found.is_over) {
        (_, true) => not_finished(begun),
        // Single exceptions wait for nothing.
        (Reach::Depth(1), false) => format!("{} single exceptions so far", grouped(begun.schedules)),
        (_, false) => format!("a shorter one: {}", under_way(begun, pace)),
    });
    counted.into_iter().chain(more).collect::<Vec<_>>().join("; ")
}

fn all(reach: Reach, schedules: u64) -> String {
    match reach {
        Reach::Depth(1) => format!("all {} single exceptions", grouped(schedules)),
        reach => format!("all {} schedules of {}", grouped(schedules), depth(reach)),
    }
}

/// Said where nothing is wrong and nothing is under way.
pub(crate) const WAITS: &str = "waits until the page rests";

fn deeper(subject: &Subject, found: &Found, begun: Option<Begun>, pace: Pace) -> String {
    let next = subject.searches().iter().find(|reach| **reach > found.reach);
    let gave_up = found.obstacle.as_ref().map(|obstacle| format!("any depth: no answer, {obstacle}"));
    let now = match (begun, next, found.is_over) {
        (Some(begun), _, false) => Some(format!("deeper: {}", under_way(begun, pace))),
        (Some(begun), _, true) => Some(not_finished(begun)),
        (None, Some(reach), false) => Some(format!("deeper: {} {WAITS}", depth(*reach))),
        (None, Some(Reach::Any), true) if gave_up.is_none() => {
            Some("deeper: no answer for any depth within the budget".to_owned())
        }
        (None, None, true) if subject.scope == Scope::Standard => {
            Some("deeper: not tried for the standard set on this page".to_owned())
        }
        (None, _, _) => None,
    };
    gave_up.into_iter().chain(now).collect::<Vec<_>>().join("; ")
}

fn under_way(Begun { reach, schedules, done }: Begun, pace: Pace) -> String {
    let how_far = match reach {
        Reach::Any => format!("{} % of the budget spent", done / 10),
        Reach::Depth(_) => format!("{} schedules so far", grouped(schedules)),
    };
    let state = if pace == Pace::Deepen { "is tried" } else { WAITS };
    format!("{} {state}, {how_far}", depth(reach))
}

fn not_finished(Begun { reach, schedules, .. }: Begun) -> String {
    format!("{} not finished: {} schedules, then the budget was spent", depth(reach), grouped(schedules))
}

fn depth(reach: Reach) -> String {
    match reach {
        Reach::Depth(depth) => format!("depth {depth}"),
        Reach::Any => "any depth".to_owned(),
    }
}

/// A counterexample as the page shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// The side.
    pub side: Side,
    /// What its run is called.
    pub form: &'static str,
    /// The promise.
    pub promise: Promise,
    /// What strikes and what breaks, in one line.
    pub cause: String,
    /// The schedule in its text form.
    pub schedule: String,
    /// The step, from 1.
    pub step: u32,
    /// The system, where it is not the one on display.
    pub system: Option<String>,
    /// Whether there is a shorter one.
    pub length: &'static str,
    /// Whether the other side keeps the promise as far as is known.
    pub is_alone: bool,
}

/// The counterexamples of both sides. Sides that run the same share theirs.
#[must_use]
pub fn counterexamples(state: &State) -> Vec<(Side, &Counterexample)> {
    let sides = if runs_the_same(state) { &Side::BOTH[..1] } else { &Side::BOTH[..] };
    let found = |side: Side| state.explore.side(side).found.iter().flat_map(|found| &found.counterexamples);
    sides.iter().flat_map(|&side| found(side).map(move |it| (side, it))).collect()
}

fn runs_the_same(state: &State) -> bool {
    let [left, right] = Side::BOTH.map(|side| state.explore.side(side));
    left.subject.is_some() && left.ticket == right.ticket
}

/// Their cards, those of one side only first, and then those of fewest exceptions and steps.
#[must_use]
pub fn cards(state: &State) -> Vec<Card> {
    let is_same = runs_the_same(state);
    let is_alone = |side: Side, it: &Counterexample| {
        !is_same && state.explore.side(side.other()).counterexample(it.promise).is_none()
    };
    let mut all = counterexamples(state);
    sort_by_key(&mut all, |(side, it)| (!is_alone(*side, it), it.order(), side.index()));
    all.into_iter().map(|(side, it)| card(state, side, it, is_alone(side, it))).collect()
}

fn card(state: &State, side: Side, found: &Counterexample, is_alone: bool) -> Card {
    let is_displayed = (found.features, found.handler) == (state.setup.features, state.setup.handler);
    Card {
        side,
        form: state.names()[side.index()],
        promise: found.promise,
        cause: cause(found),
        schedule: found.schedule.to_string(),
        step: found.step,
        system: (!is_displayed).then(|| system(found)),
        length: found.shorter.words(),
        is_alone,
    }
}

/// A counterexample as text for a mail; `link` opens it.
#[must_use]
pub fn copied(state: &State, side: Side, promise: Promise, link: &str) -> Option<String> {
    let judged = state.explore.side(side);
    let (subject, found) = (judged.subject.as_ref()?, judged.counterexample(promise)?);
    let form = state.setup.forms[side.index()];
    let schedule = match found.schedule.injections.is_empty() {
        true => "nothing".to_owned(),
        false => found.schedule.to_string(),
    };
    let lines = [
        format!("{form} breaks {} at step {}", promise.id(), found.step),
        format!("{}.", cause(found)),
        String::new(),
        format!("strikes   {schedule}"),
        format!("features  {}", found.features),
        format!("handler   {}", found.handler),
        format!("found by  {}", subject.command(sought(found))),
        String::new(),
        link.to_owned(),
        String::new(),
    ];
    Some(lines.join("\n"))
}

/// How far a search goes that finds it: schedules of more exceptions than two are too many to look at one by one.
pub(crate) fn sought(found: &Counterexample) -> Reach {
    match found.schedule.injections.len() as u32 {
        depth @ 0..=2 => Reach::Depth(depth),
        _ => Reach::Any,
    }
}

/// An assumption with its switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Switch {
    /// The assumption.
    pub assumption: Assumption,
    /// Whether it is made.
    pub on: bool,
    /// Its outcome on each side: how many choices it excludes, or how it stands.
    pub sides: [String; 2],
    /// What the verdicts owe to it, as far as both are known.
    pub flips: Vec<String>,
}

/// All assumptions.
#[must_use]
pub fn switches(state: &State) -> Vec<Switch> {
    let [left, right] = Side::BOTH.map(|side| stands(state.explore.side(side)));
    let words = left.into_iter().zip(right);
    let switch = |(assumption, (left, right)): (Assumption, (String, String))| Switch {
        assumption,
        on: state.explore.assumed.holds(assumption),
        sides: [left, right],
        flips: flips(state, assumption),
    };
    Assumption::ALL.into_iter().zip(words).map(switch).collect()
}

/// The outcome of each assumption on a side.
fn stands(judged: &Judged) -> [String; Assumption::ALL.len()] {
    let Some(subject) = &judged.subject else { return Assumption::ALL.map(|_| "there is no run".to_owned()) };
    let standings = subject.standings();
    Assumption::ALL.map(|assumption| {
        let excluded = judged.found.as_ref().and_then(|found| found.excluded.get(assumption as usize));
        let missing = assumption.vector().filter(|vector| !VECTORS.contains(vector));
        match (standings[assumption as usize], missing, excluded) {
            (Standing::Excludes, Some(vector), _) => format!("excludes nothing: no {} strikes", vector.mnemonic()),
            (Standing::Excludes, None, Some(count)) => format!("{} excluded", grouped(*count)),
            (standing, ..) => standing.to_string(),
        }
    })
}

/// What the verdicts owe to an assumption, once where both say the same.
fn flips(state: &State, assumption: Assumption) -> Vec<String> {
    let [left, right] = Side::BOTH.map(|side| flip(state, side, assumption));
    let right = right.filter(|right| left.as_ref() != Some(right));
    left.into_iter().chain(right).collect()
}

/// What a side's verdict owes to an assumption: known once it was judged with it and without it.
fn flip(state: &State, side: Side, assumption: Assumption) -> Option<String> {
    let judged = state.explore.side(side);
    let (subject, now) = (judged.subject.as_deref()?, judged.found.as_deref()?);
    let other = state.explore.toggled(side, assumption)?;
    let form = state.names()[side.index()];
    let (with, without) = if subject.assumed.holds(assumption) { (now, other) } else { (other, now) };
    let first = without.counterexamples.first().filter(|_| with.verdict != Verdict::Breaks)?;
    let strikes = first.schedule.injections.len() as u32;
    let covers = with.reach >= Reach::Depth(strikes.max(1)) && !without.is_untold() && with.unconfirmed.is_empty();
    covers.then(|| format!("{form} holds only because of it: without it, {}", cause(first)))
}

/// How many assumptions the verdicts make, in words.
#[must_use]
pub fn assumed(state: &State) -> String {
    let subject = state.explore.sides.iter().find_map(|judged| judged.subject.as_deref());
    let made = subject.map_or_else(|| state.explore.assumed.iter().count(), Subject::assumed);
    let off = state.explore.assumed.off().count();
    let off = if off == 0 { String::new() } else { format!(", {off} off") };
    format!("under {}{off}", assumptions(made))
}

#[cfg(test)]
mod tests;
