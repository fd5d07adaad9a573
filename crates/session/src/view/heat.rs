//! The stripe in the listing's gutter: what the explorer knows of exceptions before each instruction.

use crate::choice::{Scope, Side};
use crate::counterexample::Counterexample;
use crate::explore::{AtInstruction, Judged, Places};
use crate::state::State;
use crate::view::verdict::strikes;
use crate::words::grouped;
use cr3_core::promises::Promise;
use cr3_core::query::Reach;

/// What is known of exceptions before an instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heat {
    /// None of them breaks a promise.
    Holds,
    /// So many schedules that strike here break one.
    Breaks(u64),
    /// None is possible.
    Impossible,
    /// Nothing: only deeper schedules than those that were counted strike here.
    Open,
}

/// A mark of the stripe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// What it shows.
    pub heat: Heat,
    /// The same in words, with the reason where nothing is possible.
    pub words: String,
}

/// A counterexample that strikes before an instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strike {
    /// The promise that it breaks.
    pub promise: Promise,
    /// What strikes.
    pub words: String,
}

/// The stripe beside the code of a side.
pub struct Stripe<'a> {
    scope: Scope,
    judged: Option<&'a Judged>,
    /// What the counterexamples strike before, by address.
    struck: Vec<(u64, &'a Counterexample)>,
}

/// The stripe beside the code on display.
#[must_use]
pub fn stripe(state: &State) -> Stripe<'_> {
    let judged = state.explore.side(state.side);
    let found = judged.found.as_deref();
    let is_told = !judged.places.at.is_empty() && found.is_none_or(|found| !found.is_untold());
    let is_one = state.explore.scope == Scope::Displayed;
    let struck = found.into_iter().filter(|_| is_one).flat_map(|found| &found.counterexamples);
    let struck = struck.flat_map(|it| addresses(state, state.side, it).into_iter().map(move |address| (address, it)));
    Stripe { scope: state.explore.scope, judged: is_told.then_some(judged), struck: struck.collect() }
}

/// The instructions before which a counterexample strikes, each once.
fn addresses(state: &State, side: Side, found: &Counterexample) -> Vec<u64> {
    let Some(trace) = state.runs.trace(side) else { return Vec::new() };
    let places = found.schedule.injections.iter().filter_map(|it| trace.places.resolve(&it.place).ok());
    let mut addresses = Vec::new();
    for address in places.map(|id| trace.places.site(id).address) {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    addresses
}

impl Stripe<'_> {
    /// The mark of the instruction at an address; none while nothing is judged, and none where all that breaks a promise leaves the model.
    #[must_use]
    pub fn mark(&self, address: u64) -> Option<Mark> {
        match self.scope {
            Scope::Displayed => Some(of(self.judged?, address, &self.strikes(address))),
            Scope::Standard => {
                let words = "The standard set is many systems, in which an instruction has no one address: nothing is told here.";
                Some(Mark { heat: Heat::Open, words: words.to_owned() })
            }
        }
    }

    /// The counterexamples that strike before the instruction at an address, the best first.
    #[must_use]
    pub fn strikes(&self, address: u64) -> Vec<Strike> {
        let here = self.struck.iter().filter(|(at, _)| *at == address);
        here.map(|(_, it)| Strike { promise: it.promise, words: strikes(&it.schedule) }).collect()
    }
}

fn of(judged: &Judged, address: u64, strikes: &[Strike]) -> Mark {
    let places = &*judged.places;
    let at = places.at(address);
    let breaking = at.map_or(0, |at| at.breaking);
    match (breaking, strikes.len() as u64, at) {
        // Those of numbered depths are counted; a deeper one is known by itself.
        (0, 0, None) => unreached(places.reach),
        (0, 0, Some(at)) if at.schedules == 0 => Mark {
            heat: Heat::Impossible,
            words: format!("Impossible here: {}.", reasons(places.reach, at).join("; ")),
        },
        (0, 0, Some(at)) => Mark { heat: Heat::Holds, words: told(holds(places, at), reasons(places.reach, at)) },
        (0, known, at) => {
            let single = at.map(|at| format!("every single exception here holds: {} schedules", grouped(at.schedules)));
            Mark { heat: Heat::Breaks(known), words: told(deeper(strikes), single.into_iter().collect()) }
        }
        (breaking, _, Some(at)) => {
            let schedules = grouped(at.schedules);
            let counted = format!("{} of {schedules} schedules that strike here break a promise", grouped(breaking));
            Mark { heat: Heat::Breaks(breaking), words: told(counted, reasons(places.reach, at)) }
        }
        (_, _, None) => unreached(places.reach),
    }
}

fn unreached(reach: Reach) -> Mark {
    match reach {
        Reach::Any => {
            let words = "No exception can strike here: no schedule reaches this instruction.".to_owned();
            Mark { heat: Heat::Impossible, words }
        }
        Reach::Depth(_) => {
            let words = "No single exception strikes here: the uninterrupted run never reaches this instruction. \
                         What strikes inside handlers is not told by instruction.";
            Mark { heat: Heat::Open, words: words.to_owned() }
        }
    }
}

fn holds(places: &Places, at: &AtInstruction) -> String {
    match places.reach {
        Reach::Any => "Every schedule that strikes here holds, at any depth".to_owned(),
        Reach::Depth(_) => format!("Every single exception here holds: {} schedules", grouped(at.schedules)),
    }
}

/// A counterexample of several exceptions strikes here.
fn deeper(strikes: &[Strike]) -> String {
    let each = strikes.iter().map(|it| format!("{} breaks {}", it.words, it.promise.id()));
    format!("Strikes here and breaks a promise: {}", each.collect::<Vec<_>>().join("; "))
}

fn told(first: String, more: Vec<String>) -> String {
    std::iter::once(first).chain(more).collect::<Vec<_>>().join("; ") + "."
}

/// Why the other choices are none. Numbers of any depth would count the runs that stand for all others, which says nothing here.
fn reasons(reach: Reach, at: &AtInstruction) -> Vec<String> {
    let some = |count: u64| match reach {
        Reach::Any => "some".to_owned(),
        Reach::Depth(_) => grouped(count),
    };
    let refused = at.refusal.iter().map(|why| format!("{} refused: {why}", some(at.refused)));
    let excluded = at.excluded.iter().map(|(assumption, count)| {
        format!("{} excluded by {assumption}: {}", some(*count), assumption.sentence().trim_end_matches('.'))
    });
    refused.chain(excluded).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::Action;
    use crate::choice::Spot;
    use crate::explore::{Found, Message};
    use crate::state::Settings;
    use crate::update::update;
    use cr3_core::query::{Assumption, Shorter, Verdict};
    use cr3_core::scenario::Place;
    use expect_test::{Expect, expect};
    use std::rc::Rc;

    fn strike() -> Strike {
        Strike { promise: Promise::Restored, words: "NMI at a, inside its handler #DB at b".into() }
    }

    fn check(reach: Reach, at: Option<AtInstruction>, strikes: &[Strike], heat: Heat, words: Expect) {
        let places = Places { reach, at: at.into_iter().collect() };
        let judged = Judged { places: Rc::new(places), ..Judged::default() };
        let mark = of(&judged, 7, strikes);
        assert_eq!(mark.heat, heat);
        words.assert_eq(&mark.words);
    }

    /// What is known of an instruction is told in its menu too, with what strikes there.
    #[test]
    fn a_counterexample_is_marked_wherever_it_strikes() {
        let state = State::open("v=1&a=never&b=E&side=b&s=kernel_loop%2B1:nmi", Settings::default());
        let trace = state.runs.trace(Side::Right).expect("it runs");
        let address = |place: &str| {
            let place: Place = place.parse().expect("a place");
            trace.places.site(trace.places.resolve(&place).expect("it is there")).address
        };
        let [outer, inner] = ["kernel_loop", "exc_nmi"].map(address);
        let single = AtInstruction {
            address: outer,
            schedules: 3,
            breaking: 0,
            refused: 0,
            refusal: None,
            excluded: Vec::new(),
        };
        let found = Found {
            verdict: Verdict::Breaks,
            reach: Reach::Depth(1),
            schedules: 4134,
            breaking: 0,
            refused: 0,
            excluded: vec![0; Assumption::ALL.len()],
            counterexamples: vec![Counterexample {
                promise: Promise::Restored,
                cause: "why".into(),
                beyond: None,
                schedule: "kernel_loop#2:nmi > exc_nmi:db".parse().expect("a schedule"),
                step: 391,
                shorter: Shorter::OnlyInSteps,
                features: state.setup.features,
                handler: state.setup.handler,
            }],
            unconfirmed: Vec::new(),
            obstacle: None,
            is_over: true,
        };
        let ticket = state.explore.side(Side::Right).ticket;
        let told = [Message::Places(Places { reach: Reach::Depth(1), at: vec![single] }), Message::Found(found)];
        let state = told.into_iter().fold(state, |state, it| update(&state, Action::Explored(ticket, it)));
        let stripe = stripe(&state);
        for (address, heat) in [(outer, Heat::Breaks(1)), (inner, Heat::Breaks(1)), (0, Heat::Open)] {
            assert_eq!(stripe.mark(address).map(|mark| mark.heat), Some(heat), "{address:#x}");
        }
        let spot = Spot { place: "exc_nmi".parse().expect("a place"), row: None };
        let menu = crate::view::inject::menu(&state, &spot);
        assert_eq!(menu.known, stripe.mark(inner).map(|mark| mark.words));
        assert_eq!(menu.strikes, stripe.strikes(inner));
        assert_eq!(menu.strikes.len(), 1);
    }

    /// In the standard set a schedule belongs to one system of many.
    #[test]
    fn the_standard_set_marks_nothing() {
        let state = State::open("v=1&a=never&b=E&judge=standard", Settings::default());
        let mark = stripe(&state).mark(7);
        assert_eq!(mark.map(|mark| (mark.heat, mark.words.contains("standard set"))), Some((Heat::Open, true)));
    }

    #[test]
    fn each_mark_says_why() {
        let one = Reach::Depth(1);
        let at = AtInstruction { address: 7, schedules: 3, breaking: 0, refused: 0, refusal: None, excluded: vec![] };
        check(one, Some(at.clone()), &[], Heat::Holds, expect!["Every single exception here holds: 3 schedules."]);
        check(
            Reach::Any,
            Some(at.clone()),
            &[],
            Heat::Holds,
            expect!["Every schedule that strikes here holds, at any depth."],
        );
        let breaks = AtInstruction { schedules: 1200, breaking: 1001, ..at.clone() };
        check(
            one,
            Some(breaks),
            &[],
            Heat::Breaks(1001),
            expect!["1,001 of 1,200 schedules that strike here break a promise."],
        );
        let excluded = vec![(Assumption::NoRequestAfterLook, 2)];
        let partly = AtInstruction { schedules: 1, excluded: excluded.clone(), ..at.clone() };
        check(
            one,
            Some(partly),
            &[],
            Heat::Holds,
            expect![
                "Every single exception here holds: 1 schedules; 2 excluded by no-request-after-look: No user flush is requested between an exit's look at the mask and its CR3 write."
            ],
        );
        let impossible =
            AtInstruction { schedules: 0, refused: 1, refusal: Some("it waits (SDM)".into()), excluded, ..at.clone() };
        check(
            one,
            Some(impossible),
            &[],
            Heat::Impossible,
            expect![
                "Impossible here: 1 refused: it waits (SDM); 2 excluded by no-request-after-look: No user flush is requested between an exit's look at the mask and its CR3 write."
            ],
        );
        check(
            one,
            None,
            &[],
            Heat::Open,
            expect![
                "No single exception strikes here: the uninterrupted run never reaches this instruction. What strikes inside handlers is not told by instruction."
            ],
        );
        check(
            Reach::Any,
            None,
            &[],
            Heat::Impossible,
            expect!["No exception can strike here: no schedule reaches this instruction."],
        );
        check(
            one,
            Some(at),
            &[strike()],
            Heat::Breaks(1),
            expect![
                "Strikes here and breaks a promise: NMI at a, inside its handler #DB at b breaks restored; every single exception here holds: 3 schedules."
            ],
        );
        check(
            one,
            None,
            &[strike()],
            Heat::Breaks(1),
            expect!["Strikes here and breaks a promise: NMI at a, inside its handler #DB at b breaks restored."],
        );
    }
}
