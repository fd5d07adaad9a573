//! The state that a page opens with, made in pieces: between them a browser draws and listens. A caller with kernel trees opens a link at once.

use crate::action::Action;
use crate::assembly::wire::assembly;
use crate::assembly::{Failure, Texts};
use crate::choice::Side;
use crate::drafts;
use crate::library::Library;
use crate::link::{self, Link};
use crate::runs::Runs;
use crate::setup::{OwnTexts, Setup};
use crate::state::{Settings, State};
use crate::tree::Trees;
use crate::update::update;
use cr3_core::linux::{System, boot};
use cr3_core::scenario::Scenario;
use cr3_core::trace::{Options, Trace};
use std::ops::ControlFlow;
use std::sync::Arc;

/// A system, or why there is none.
type Booted = Result<System, Failure>;

/// A state on its way. What is left to do is what no field has yet.
#[derive(Debug)]
pub struct Opening {
    decoded: (Link, Vec<String>),
    settings: Settings,
    kept: Vec<Arc<str>>,
    scenarios: [Scenario; 2],
    texts: Texts,
    booted: Option<Booted>,
    left: Option<Result<Trace, Failure>>,
}

impl Opening {
    /// Of what [`State::open_with`] opens at once, with these texts.
    #[must_use]
    pub fn new(text: &str, settings: Settings, kept: &[Arc<str>], mut texts: Texts) -> Self {
        let (decoded, kept) = (link::decode(text), drafts::tidy(kept.to_vec()));
        let (setup, custom) = State::asked(&decoded.0, &kept, settings.budget);
        let scenarios = Side::BOTH.map(|side| setup.scenario(side, &custom));
        let shown = scenarios.each_ref().map(|scenario| scenario.config.clone());
        texts.ask(&shown, |base| Trees::default().has(base));
        Self { decoded, settings, kept, scenarios, texts, booted: None, left: None }
    }

    /// Does the next piece: starts the left system, runs it, starts the right one, runs it. The state once that is done.
    pub fn go_on(mut self) -> ControlFlow<State, Self> {
        let [left, right] = &self.scenarios;
        let options = Options { budget: self.settings.budget };
        match (self.booted.take(), self.left.take()) {
            (None, None) => self.booted = Some(started(&self.texts, left)),
            (Some(system), None) => self.left = Some(run(system, left, options)),
            (None, Some(Ok(trace))) if trace.scenario.config.starts_as(&right.config) => {
                let again = Trace::record_after([&trace], right, options, |config| self.texts.start(config));
                return ControlFlow::Break(self.ended([Ok(trace), again]));
            }
            (None, trace) => (self.booted, self.left) = (Some(started(&self.texts, right)), trace),
            (Some(system), Some(trace)) => {
                let other = run(system, right, options);
                return ControlFlow::Break(self.ended([trace, other]));
            }
        }
        ControlFlow::Continue(self)
    }

    fn ended(self, sides: [Result<Trace, Failure>; 2]) -> State {
        State::opened(self.decoded, self.settings, self.kept, Trees::default(), self.texts, |_, _, _| {
            Runs::align(sides).into()
        })
    }
}

fn started(texts: &Texts, scenario: &Scenario) -> Booted {
    texts.start(&scenario.config)
}

fn run(system: Booted, scenario: &Scenario, options: Options) -> Result<Trace, Failure> {
    system.map(|system| Trace::record_system(system, scenario, options))
}

/// The state that a link asks for, with those of its trees that are here.
#[must_use]
pub fn open(link: &str, settings: Settings, library: &Library) -> State {
    let record = |setup: &Setup, custom: &OwnTexts, texts: &Texts| Runs::record(setup, custom, texts).into();
    let decoded = link::decode(link);
    let mut state = State::opened(decoded, settings, Vec::new(), library.trees(), Texts::default(), record);
    loop {
        let wanted = state.texts.wanted().next().map(|(ticket, config)| (ticket, library.filled(config)));
        let Some((ticket, config)) = wanted else { return state };
        let answer = boot(&config).map(|system| assembly(&system));
        state = update(&state, Action::Assembled(ticket, answer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(link: &str, kept: &[&str], pieces: usize) {
        let kept: Vec<Arc<str>> = kept.iter().map(|text| Arc::from(*text)).collect();
        let whole = State::open_with(link, Settings::default(), &kept);
        let mut opening = Opening::new(link, Settings::default(), &kept, Texts::default());
        for piece in 1.. {
            match opening.go_on() {
                ControlFlow::Continue(rest) => opening = rest,
                ControlFlow::Break(state) => {
                    assert_eq!(piece, pieces, "{link}");
                    let steps = |state: &State| Side::BOTH.map(|side| state.runs.trace(side).map(|it| it.steps.len()));
                    assert_eq!(steps(&state), steps(&whole), "{link}");
                    // Runs are equal to themselves only.
                    let runs = whole.runs.clone();
                    return assert_eq!(State { runs: runs.clone(), ..state }, State { runs, ..whole }, "{link}");
                }
            }
        }
    }

    #[test]
    fn the_pieces_come_to_what_one_call_does() {
        check("", &[], 4);
        check("v=1&a=E&b=E&s=kernel_loop+1:nmi&at=3", &[], 3);
        check("v=1&a=never&b=E&s=entry_SYSRETQ_unsafe_stack:nmi", &[".macro nothing", "other"], 4);
        check("v=1&a=A&b=custom", &["no macro at all"], 4);
        check("v=1&a=custom&b=custom", &["no macro at all"], 4);
    }
}
