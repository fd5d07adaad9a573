//! The second CPU's reports in words: for the line above the panes, for each step, for each field of the inspector.

use crate::check::{Check, Engine, Mark, Progress, Stage, Sweep};
use crate::choice::Side;
use crate::moment::Moment;
use crate::state::State;
use cr3_core::machine::order::sort_by_key;
use cr3_core::promises::Promises;
use std::cmp::Reverse;
use std::rc::Rc;

/// The second CPU by name and version.
pub const NAME: &str = "Unicorn 2.1.5";

/// The promises by which runs are judged.
const JUDGED: &str = Promises::JUDGED;

/// How many steps of one run had which result.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Steps of the run.
    pub steps: usize,
    /// Steps that both executed with the same result, deliveries included.
    pub agrees: usize,
    /// Of these, events that both delivered.
    pub delivered: usize,
    /// Steps whose result the second CPU took over, by reason, the most frequent first.
    pub unjudged: Vec<(Rc<str>, usize)>,
    /// Steps that it has not reached.
    pub waiting: usize,
    /// Whether it followed the whole run and compared its memory at the end.
    pub complete: bool,
}

/// The count of a side; none if there is no run.
#[must_use]
pub fn count(state: &State, side: Side) -> Option<Count> {
    let steps = state.runs.trace(side)?.steps.len();
    let followed = &state.check.sides[side.index()];
    let of = |wanted: &dyn Fn(&Mark) -> bool| followed.marks.iter().filter(|mark| wanted(mark)).count();
    let mut unjudged: Vec<(Rc<str>, usize)> = Vec::new();
    for mark in followed.marks.iter() {
        if let Mark::Unjudged(reason) = mark {
            match unjudged.iter_mut().find(|(known, _)| known == reason) {
                Some((_, times)) => *times += 1,
                None => unjudged.push((reason.clone(), 1)),
            }
        }
    }
    sort_by_key(&mut unjudged, |(reason, times)| (Reverse(*times), reason.clone()));
    Some(Count {
        steps,
        agrees: of(&|mark| matches!(mark, Mark::Agrees | Mark::Delivered)),
        delivered: of(&|mark| *mark == Mark::Delivered),
        unjudged,
        waiting: steps.saturating_sub(followed.marks.len()),
        complete: followed.complete,
    })
}

/// The summary for a person, in one sentence.
#[must_use]
pub fn headline(state: &State) -> String {
    match &state.check.engine {
        Engine::Off => String::new(),
        Engine::Loading(0) => format!("Fetching {NAME} …"),
        Engine::Loading(bytes) => format!("Fetching {NAME}: {} KB …", bytes / 1000),
        Engine::Broken(why) => format!("{NAME} is unavailable: {why}. Switch the check off and on to try again."),
        Engine::Ready => Side::BOTH.into_iter().filter_map(|side| sentence(state, side)).collect::<Vec<_>>().join("; "),
    }
}

fn sentence(state: &State, side: Side) -> Option<String> {
    let count = count(state, side)?;
    let name = state.names()[side.index()];
    let Count { steps, agrees, waiting, .. } = count;
    let unjudged: usize = count.unjudged.iter().map(|(_, count)| count).sum();
    let agreed = match (agrees, unjudged) {
        (_, 0) if agrees == steps => format!("{name}: agrees on all {steps} steps"),
        (_, 0) => format!("{name}: agrees on {agrees} of {steps} steps"),
        _ => format!("{name}: agrees on {agrees} of {steps} steps, cannot judge {unjudged}"),
    };
    let differs = state.check.sides[side.index()].marks.last() == Some(&Mark::Differs);
    Some(match (differs, waiting, count.complete) {
        (true, ..) => format!("{agreed}, and differs at the next"),
        (false, 0, true) => agreed,
        _ => format!("{agreed} so far"),
    })
}

/// Progress of a sweep, in one sentence.
#[must_use]
pub fn sweep(state: &State, sweep: &Sweep) -> String {
    let name = state.names()[sweep.side.index()];
    let progress = &sweep.progress;
    let told = format!(
        "{} of {} single injections into {name}: {} struck, {} refused by the architecture, {} steps compared",
        progress.done, progress.total, progress.struck, progress.refused, progress.compared
    );
    match sweep.stage {
        Stage::Running => format!("{told} …"),
        Stage::Agrees => {
            format!("{told}. {NAME} and this machine agree on all of them; that says nothing about the form.")
        }
        Stage::Stopped => format!("{told}. Stopped."),
        Stage::Differs => format!("{told}. They disagree on the next one."),
    }
}

/// What is wrong with the runs of a sweep, in one sentence; none while nothing struck.
#[must_use]
pub fn swept_runs(state: &State, sweep: &Sweep) -> Option<String> {
    let name = state.names()[sweep.side.index()];
    let Progress { struck, findings, .. } = &sweep.progress;
    let so_far = if sweep.stage == Stage::Agrees { "" } else { " so far" };
    match (struck, findings.runs) {
        (0, _) => None,
        (_, 0) => {
            Some(format!("None of the {struck} runs of {name}{so_far} breaks {JUDGED}, and each ends as it should."))
        }
        (_, runs) => Some(format!("{runs} of the {struck} runs of {name}{so_far} go wrong:")),
    }
}

/// The mark of a side in a row: its sign and its meaning. None while the check is off or if there is no step.
#[must_use]
pub fn mark(state: &State, side: Side, row: usize) -> Option<(Sign, String)> {
    if !state.check.is_on() {
        return None;
    }
    let step = state.runs.step_index(side, row)?;
    Some(match state.check.mark(side, step) {
        None => (Sign::Waiting, "not compared yet".to_owned()),
        Some(Mark::Agrees) => (Sign::Agrees, format!("{NAME} executed this step too, with the same result")),
        Some(Mark::Delivered) => (
            Sign::Delivered,
            format!("{NAME} delivered this event too, with the same frame; SS and MCIP are not compared"),
        ),
        Some(Mark::Unjudged(reason)) => (Sign::Unjudged, format!("not judged: {reason}")),
        Some(Mark::Differs) => (Sign::Differs, format!("{NAME} has another result")),
    })
}

/// The sign beside a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sign {
    /// Not compared yet.
    Waiting,
    /// Both executed it, with the same result.
    Agrees,
    /// Both delivered the event, with the same frame.
    Delivered,
    /// A limit of the second CPU: not compared.
    Unjudged,
    /// The first step on which they disagree.
    Differs,
}

impl Sign {
    /// One character.
    #[must_use]
    pub fn glyph(self) -> &'static str {
        match self {
            Self::Waiting => "·",
            Self::Agrees => "✓",
            Self::Delivered => "✓",
            Self::Unjudged => "–",
            Self::Differs => "≠",
        }
    }

    /// One word, which is also the style's name.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Agrees => "agrees",
            Self::Delivered => "delivered",
            Self::Unjudged => "unjudged",
            Self::Differs => "differs",
        }
    }
}

/// A part of the state that the inspector shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// Bit 63 of the value written to CR3.
    NoFlush,
    /// The other bits of CR3.
    Cr3,
    /// The number in CR3 bits 11:0.
    Pcid,
    /// `user_pcid_flush_mask`.
    PendingFlush,
    /// Cached translations.
    Tlb,
    /// Registers.
    Registers,
    /// The stack in memory.
    Stack,
}

/// Who vouches for a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voucher {
    /// Whether the second CPU vouches for it, in every run that has a step here.
    pub both: bool,
    /// Why, or why not.
    pub why: String,
}

impl Voucher {
    /// `model`, or `model + Unicorn`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        if self.both { "model + Unicorn" } else { "model" }
    }
}

/// Who vouches for a part of the state at the cursor.
#[must_use]
pub fn voucher(state: &State, moment: &Moment, part: Part) -> Voucher {
    match never(part) {
        Some(why) => Voucher { both: false, why: why.to_owned() },
        None if !state.check.is_on() => {
            Voucher { both: false, why: "\"check with Unicorn\" compares it with a second CPU".to_owned() }
        }
        None => judged(&state.check, state, moment, part),
    }
}

/// Why the second CPU cannot judge this part; none if it can.
fn never(part: Part) -> Option<&'static str> {
    match part {
        Part::NoFlush => Some(
            "Unicorn stores bit 63 of CR3 and flushes on every write; a second model written from the manual vouches for the rule",
        ),
        Part::Tlb => Some("Unicorn has no PCIDs; a second model written from the manual vouches for the rules"),
        Part::Cr3 | Part::Pcid | Part::PendingFlush | Part::Registers | Part::Stack => None,
    }
}

fn judged(check: &Check, state: &State, moment: &Moment, part: Part) -> Voucher {
    let sides = Side::BOTH.into_iter().filter(|side| state.runs.trace(*side).is_some());
    let last = |side| state.runs.taken(side, moment.row).checked_sub(1);
    let mut why = match part {
        Part::Pcid => {
            format!("{NAME} has the same number after this step; only the model says that it tags translations")
        }
        _ => format!("{NAME} has the same after this step"),
    };
    let mut both = true;
    for side in sides {
        let Some(step) = last(side) else { continue };
        let name = state.names()[side.index()];
        let doubt = match check.mark(side, step) {
            Some(Mark::Agrees | Mark::Delivered) => continue,
            Some(Mark::Unjudged(reason)) => {
                format!("{name}: {NAME} took over the model's result of this step: {reason}")
            }
            Some(Mark::Differs) => format!("{name}: {NAME} has another result for this step"),
            None => format!("{name}: not compared yet"),
        };
        why = if both { doubt } else { format!("{why}; {doubt}") };
        both = false;
    }
    Voucher { both, why }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::Action;
    use crate::check::Report;
    use crate::state::Settings;
    use crate::update::update;
    use expect_test::{Expect, expect};

    fn tell(state: &State, report: Report) -> State {
        update(state, Action::Checked(state.check.ticket, report))
    }

    fn ready() -> State {
        tell(&update(&State::open("", Settings::default()), Action::ToggleCheck), Report::Opened)
    }

    fn marked(marks: [Vec<Mark>; 2]) -> State {
        let [left, right] = marks;
        let state = tell(&ready(), Report::Steps(Side::Left, left));
        tell(&state, Report::Steps(Side::Right, right))
    }

    fn steps(state: &State, side: Side) -> usize {
        state.runs.trace(side).map_or(0, |trace| trace.steps.len())
    }

    /// The words with numbers of two digits and more hidden.
    fn check(words: &str, expected: Expect) {
        let mut steady = String::new();
        for part in words.split_inclusive(|c: char| !c.is_ascii_digit()) {
            let digits = part.chars().take_while(char::is_ascii_digit).count();
            steady += if digits > 1 { "#" } else { &part[..digits] };
            steady += &part[digits..];
        }
        expected.assert_eq(&steady);
    }

    #[test]
    fn headlines() {
        let state = ready();
        check(&headline(&State::open("", Settings::default())), expect![[""]]);
        check(
            &headline(&update(&State::open("", Settings::default()), Action::ToggleCheck)),
            expect!["Fetching Unicorn 2.1.5 …"],
        );
        check(&headline(&state), expect!["A: agrees on 0 of # steps so far; E: agrees on 0 of # steps so far"]);
        let all = [Side::Left, Side::Right].map(|side| vec![Mark::Agrees; steps(&state, side)]);
        let followed = marked(all);
        let complete = tell(&tell(&followed, Report::Ended(Side::Left)), Report::Ended(Side::Right));
        check(&headline(&complete), expect!["A: agrees on all # steps; E: agrees on all # steps"]);
        let some = marked([vec![Mark::Agrees, Mark::Unjudged("no INVPCID".into())], vec![Mark::Agrees, Mark::Differs]]);
        check(
            &headline(&some),
            expect![
                "A: agrees on 1 of # steps, cannot judge 1 so far; E: agrees on 1 of # steps, and differs at the next"
            ],
        );
        check(
            &headline(&tell(&state, Report::Broke("no memory".into()))),
            expect!["Unicorn 2.1.5 is unavailable: no memory. Switch the check off and on to try again."],
        );
    }

    #[test]
    fn sweeps() {
        let progress = Progress { done: 5, total: 9, struck: 4, refused: 1, compared: 7, ..Progress::default() };
        let state = ready();
        let said = |stage| sweep(&state, &Sweep { side: Side::Left, progress: progress.clone(), stage });
        expect![[r#"
            5 of 9 single injections into A: 4 struck, 1 refused by the architecture, 7 steps compared …
            5 of 9 single injections into A: 4 struck, 1 refused by the architecture, 7 steps compared. Unicorn 2.1.5 and this machine agree on all of them; that says nothing about the form.
            5 of 9 single injections into A: 4 struck, 1 refused by the architecture, 7 steps compared. Stopped.
            5 of 9 single injections into A: 4 struck, 1 refused by the architecture, 7 steps compared. They disagree on the next one."#]]
            .assert_eq(&[Stage::Running, Stage::Agrees, Stage::Stopped, Stage::Differs].map(said).join("\n"));
    }

    #[test]
    fn each_field_says_who_vouches_for_it() {
        let parts = [Part::NoFlush, Part::Cr3, Part::Pcid, Part::PendingFlush, Part::Tlb, Part::Registers, Part::Stack];
        let told = |state: &State, row: usize| {
            let moment = Moment::at(&state.runs, row);
            let each = parts.map(|part| {
                let voucher = voucher(state, &moment, part);
                format!("{part:?}: {}; {}\n", voucher.word(), voucher.why)
            });
            each.concat()
        };
        let marks = vec![Mark::Agrees, Mark::Unjudged("no INVPCID".into())];
        let state = marked([marks.clone(), vec![Mark::Agrees]]);
        let off = State::open("", Settings::default());
        expect![[r#"
            NoFlush: model; Unicorn stores bit 63 of CR3 and flushes on every write; a second model written from the manual vouches for the rule
            Cr3: model; "check with Unicorn" compares it with a second CPU
            Pcid: model; "check with Unicorn" compares it with a second CPU
            PendingFlush: model; "check with Unicorn" compares it with a second CPU
            Tlb: model; Unicorn has no PCIDs; a second model written from the manual vouches for the rules
            Registers: model; "check with Unicorn" compares it with a second CPU
            Stack: model; "check with Unicorn" compares it with a second CPU
        "#]].assert_eq(&told(&off, 0));
        expect![[r#"
            NoFlush: model; Unicorn stores bit 63 of CR3 and flushes on every write; a second model written from the manual vouches for the rule
            Cr3: model + Unicorn; Unicorn 2.1.5 has the same after this step
            Pcid: model + Unicorn; Unicorn 2.1.5 has the same number after this step; only the model says that it tags translations
            PendingFlush: model + Unicorn; Unicorn 2.1.5 has the same after this step
            Tlb: model; Unicorn has no PCIDs; a second model written from the manual vouches for the rules
            Registers: model + Unicorn; Unicorn 2.1.5 has the same after this step
            Stack: model + Unicorn; Unicorn 2.1.5 has the same after this step
        "#]].assert_eq(&told(&state, 0));
        expect![[r#"
            NoFlush: model; Unicorn stores bit 63 of CR3 and flushes on every write; a second model written from the manual vouches for the rule
            Cr3: model; A: Unicorn 2.1.5 took over the model's result of this step: no INVPCID; E: not compared yet
            Pcid: model; A: Unicorn 2.1.5 took over the model's result of this step: no INVPCID; E: not compared yet
            PendingFlush: model; A: Unicorn 2.1.5 took over the model's result of this step: no INVPCID; E: not compared yet
            Tlb: model; Unicorn has no PCIDs; a second model written from the manual vouches for the rules
            Registers: model; A: Unicorn 2.1.5 took over the model's result of this step: no INVPCID; E: not compared yet
            Stack: model; A: Unicorn 2.1.5 took over the model's result of this step: no INVPCID; E: not compared yet
        "#]].assert_eq(&told(&state, 1));
    }

    #[test]
    fn signs_stand_beside_steps_only() {
        let state =
            marked([vec![Mark::Agrees, Mark::Delivered, Mark::Unjudged("x".into()), Mark::Differs], Vec::new()]);
        let signs: Vec<_> =
            (0..5).filter_map(|row| mark(&state, Side::Left, row)).map(|(sign, _)| sign.word()).collect();
        assert_eq!(signs, ["agrees", "delivered", "unjudged", "differs", "waiting"]);
        assert_eq!(mark(&State::open("", Settings::default()), Side::Left, 0), None);
        let gap = (0..state.runs.len()).find(|row| state.runs.step_index(Side::Right, *row).is_none());
        assert_eq!(gap.and_then(|row| mark(&state, Side::Right, row)), None);
    }
}
