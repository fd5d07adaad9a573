//! What a screen reader says when something changed that the eye sees at once. Each announcement has at most
//! [`WORDS`] words: who listens cannot skim.

use crate::action::Action;
use crate::choice::{Direction, Goal, Overlay, Pace, Side, Target};
use crate::setup::short;
use crate::state::State;
use crate::view::outcome::{Outcome, not_comparable, outcome};
use crate::view::verdict::{Standpoint, line};
use crate::zoom::Zoom;
use cr3_core::query::Reach;
use cr3_core::trace::Ending;

/// The most words of an announcement.
pub const WORDS: usize = 25;

/// How both runs went.
#[must_use]
pub fn runs(state: &State) -> String {
    let went = Side::BOTH.map(|side| match outcome(&state.runs, side) {
        Some(Outcome { of: Some(_), .. }) => "does not assemble, the last one stays".to_owned(),
        Some(outcome) => run(&outcome),
        None => "does not assemble".to_owned(),
    });
    let names = state.setup.forms.map(|form| form.name());
    let counts = if not_comparable(&state.runs, names).is_some() { NOT_COMPARABLE } else { "" };
    both(state, went) + counts
}

/// Said where the counters of the two runs mean nothing beside each other.
const NOT_COMPARABLE: &str = " Not comparable.";

/// One run, in at most eleven words.
fn run(outcome: &Outcome) -> String {
    let broken = match outcome.broken.as_slice() {
        [] => "keeps all promises".to_owned(),
        [one] => format!("breaks {}", one.invariant),
        [first, more @ ..] => format!("breaks {} and {} more", first.invariant, more.len()),
    };
    let missed = match outcome.missed {
        0 => String::new(),
        missed => format!(", {missed} not struck"),
    };
    format!("{}, {broken}{missed}", ended(outcome.ended))
}

fn ended(ending: Ending) -> &'static str {
    match ending {
        Ending::Finished => "exited",
        Ending::TaskKilled => "killed",
        Ending::KernelPanic => "panicked",
        Ending::Halted => "halted",
        Ending::Shutdown => "shut down",
        Ending::Budget => "cut off",
    }
}

/// Both sides under the names of their forms, once if they are alike.
fn both(state: &State, [left, right]: [String; 2]) -> String {
    let [first, second] = state.setup.names().map(short);
    match left == right {
        true => format!("{first} and {second}: {left}."),
        false => format!("{first}: {left}. {second}: {right}."),
    }
}

/// What the explorer says of both forms, without the numbers on the way.
#[must_use]
pub fn verdicts(state: &State) -> String {
    both(state, Side::BOTH.map(|side| verdict(state, side)))
}

fn verdict(state: &State, side: Side) -> String {
    let line = line(state, side);
    match (line.standpoint, line.first) {
        (Standpoint::Open, _) => "being judged".to_owned(),
        (Standpoint::Silent, _) => "no verdict".to_owned(),
        (Standpoint::Breaks, Some(promise)) => format!("a schedule breaks {}", promise.id()),
        (Standpoint::Breaks, None) => "a schedule breaks a promise".to_owned(),
        (Standpoint::Holds, _) => format!("holds for {}", depth(state, side)),
    }
}

fn depth(state: &State, side: Side) -> String {
    match state.explore.side(side).found.as_ref().map(|found| found.reach) {
        Some(Reach::Depth(1)) | None => "single exceptions".to_owned(),
        Some(Reach::Depth(depth)) => format!("up to {depth} exceptions"),
        Some(Reach::Any) => "any depth".to_owned(),
    }
}

/// The forms that run; said when one changes.
#[must_use]
pub fn forms(state: &State) -> String {
    let [left, right] = state.setup.forms.map(|form| form.name());
    format!("Left runs form {left}, right runs form {right}.")
}

/// A schedule that does not parse: the reason, cut if it is long. The field has all of it.
#[must_use]
pub fn schedule(state: &State) -> String {
    state.schedule_draft.as_ref().map_or_else(String::new, |(_, why)| shortened(&format!("Schedule not taken: {why}")))
}

/// At most [`WORDS`] words.
fn shortened(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    match words.get(..WORDS) {
        Some(first) if words.len() > WORDS => format!("{} …", first.join(" ")),
        _ => words.join(" "),
    }
}

/// What a key says that finds nothing to do; none if its action does something.
#[must_use]
pub fn nothing(state: &State, action: &Action) -> Option<&'static str> {
    use Direction::{Backward, Forward};
    if crate::is_valid(state, action) {
        return None;
    }
    Some(match action {
        _ if state.runs.is_empty() => "There is no run to move in.",
        Action::Run(Forward) | Action::Move(Target::Row | Target::Page | Target::End, Forward) => {
            "This is the last step."
        }
        Action::Run(Backward) | Action::Move(Target::Row | Target::Page | Target::End, Backward) => {
            "This is the first step."
        }
        Action::Move(Target::SameLevel, Forward) => "There is no later step at this nesting level.",
        Action::Move(Target::SameLevel, Backward) => "There is no earlier step at this nesting level.",
        Action::Move(Target::Difference, _) if state.runs.comparison.differences.is_empty() => {
            "The runs do not differ."
        }
        Action::Move(Target::Difference, Forward) => "There is no later difference.",
        Action::Move(Target::Difference, Backward) => "There is no earlier difference.",
        Action::Move(Target::Cr3Write, Forward) => "There is no later CR3 write.",
        Action::Move(Target::Cr3Write, Backward) => "There is no earlier CR3 write.",
        Action::Move(Target::Flush, Forward) => "There is no later flush.",
        Action::Move(Target::Flush, Backward) => "There is no earlier flush.",
        Action::Move(Target::Delivery, Forward) => "There is no later delivery of an event.",
        Action::Move(Target::Delivery, Backward) => "There is no earlier delivery of an event.",
        Action::RunTo(Goal::Row(_)) => "You are already at this step.",
        Action::RunTo(Goal::Place(_)) => "Neither run reaches that place before or after this step.",
        Action::SetPace(Pace::AtOnce) => "This is the fastest pace.",
        Action::SetPace(_) => "This is the slowest pace.",
        Action::Zoom(Zoom::In) => "The timeline cannot zoom in further.",
        Action::Zoom(_) => "The timeline shows all steps.",
        Action::Find(_) if state.query.is_empty() => "No search is active: press / to start one.",
        Action::Find(Forward) => "There is no later step that the search finds.",
        Action::Find(Backward) => "There is no earlier step that the search finds.",
        Action::SwapForms => "Both sides run the same form.",
        Action::Open(Overlay::Lines) => "This form does not assemble, so it has no lines.",
        _ => return None,
    })
}

/// The action of a key, and what it says if there is nothing to do. A move that finds nothing still shows the row at hand.
pub fn answer(state: &State, action: Action) -> impl Iterator<Item = Action> {
    let told = nothing(state, &action).map(|words| Action::Tell(words.to_owned()));
    [action].into_iter().chain(told)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::choice::Form;
    use crate::state::Settings;
    use crate::update;
    use crate::view::outcome::Broken;
    use cr3_core::promises::Promise;
    use expect_test::{Expect, expect};

    fn words(text: &str) -> usize {
        text.split_whitespace().count()
    }

    fn broken(promise: Promise) -> Broken {
        Broken { promise, invariant: promise.id(), step: 1, row: None, place: String::new(), why: String::new() }
    }

    const ENDINGS: [Ending; 6] =
        [Ending::Finished, Ending::TaskKilled, Ending::KernelPanic, Ending::Halted, Ending::Shutdown, Ending::Budget];

    /// Every sentence about a run that differs from another in its words.
    fn every_run() -> Vec<String> {
        let mut all = vec!["does not assemble".to_owned()];
        for ended in ENDINGS {
            for breaks in 0..=Promise::ALL.len() {
                for missed in [0, 1, 60] {
                    let broken = Promise::ALL[..breaks].iter().rev().map(|it| broken(*it)).collect();
                    let ending = String::new();
                    all.push(run(&Outcome { of: None, sound: false, ended, ending, broken, missed }));
                }
            }
        }
        all
    }

    #[test]
    fn no_announcement_of_runs_is_long() {
        let state = State::open("", Settings::default());
        let all = every_run();
        assert_eq!(all.len(), 1 + 6 * 10 * 3);
        for left in &all {
            for right in &all {
                let said = both(&state, [left.clone(), right.clone()]) + NOT_COMPARABLE;
                assert!(words(&said) <= WORDS, "{} words: {said}", words(&said));
            }
        }
        for form in Form::ALL {
            assert_eq!(words(form.name()), 1, "a name of one word stands for any other");
        }
    }

    #[test]
    fn no_other_announcement_is_long() {
        let directions = [Direction::Forward, Direction::Backward];
        for link in ["", "v=1&a=A&b=A&s=&at=0", "v=1&a=custom&b=custom"] {
            let state = State::open(link, Settings::default());
            for said in [verdicts(&state), forms(&state), schedule(&state)] {
                assert!(words(&said) <= WORDS, "{said}");
            }
            let ends = [state.clone(), update(&state, Action::Move(Target::End, Direction::Forward))];
            for state in ends {
                for target in Target::ALL {
                    for direction in directions {
                        let action = Action::Move(target, direction);
                        let said = nothing(&state, &action);
                        assert_eq!(said.is_none(), crate::is_valid(&state, &action), "{link} {action:?}");
                        assert!(words(said.unwrap_or_default()) <= WORDS);
                    }
                }
            }
        }
        for text in ["nmi", "kernel_loop+1:nmi > ", &"a b ".repeat(40)] {
            let state = update(&State::open("", Settings::default()), Action::EditSchedule(text.to_owned()));
            assert!((3..=WORDS + 1).contains(&words(&schedule(&state))), "{}", schedule(&state));
        }
        assert_eq!(words(&shortened(&"word ".repeat(26)).replace('…', "")), WORDS);
    }

    fn check(link: &str, expected: Expect) {
        expected.assert_eq(&runs(&State::open(link, Settings::default())));
    }

    #[test]
    fn a_run_is_told_in_short() {
        check("v=1&s=kernel_loop%2B1:nmi", expect!["A and E: exited, keeps all promises."]);
        check(
            "v=1&a=never&b=E&s=entry_SYSRETQ_unsafe_stack:nmi",
            expect!["never: exited, breaks restored and 1 more. E: exited, keeps all promises. Not comparable."],
        );
        check("v=1&s=nowhere:nmi", expect!["A and E: exited, keeps all promises, 1 not struck."]);
    }

    #[test]
    fn a_key_without_effect_says_so() {
        let state = State::open("v=1&a=A&b=A&s=", Settings::default());
        let said = |action| nothing(&state, &action);
        assert_eq!(said(Action::Move(Target::Difference, Direction::Forward)), Some("The runs do not differ."));
        assert_eq!(said(Action::SwapForms), Some("Both sides run the same form."));
        assert_eq!(said(Action::Move(Target::Cr3Write, Direction::Forward)), None);
        let told = Action::Tell("Both sides run the same form.".to_owned());
        assert_eq!(answer(&state, Action::SwapForms).collect::<Vec<_>>(), [Action::SwapForms, told]);
    }
}
