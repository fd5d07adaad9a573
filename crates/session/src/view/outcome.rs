//! How each run ended and which promises it broke. The page shows this wherever it shows the run's counters.

use crate::assembly::Failure;
use crate::choice::Side;
use crate::runs::Runs;
use crate::state::State;
use cr3_core::compare::astray;
use cr3_core::linux::sources::CUSTOM;
use cr3_core::promises::{Promise, Promises};
use cr3_core::trace::{Breakage, Ending, Trace};

/// A promise that a run broke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The promise.
    pub promise: Promise,
    /// Its id.
    pub invariant: &'static str,
    /// The first step before which it does not hold, from 1.
    pub step: usize,
    /// The row of that step.
    pub row: Option<usize>,
    /// `label+offset` of that step.
    pub place: String,
    /// What does not hold.
    pub why: String,
}

/// The outcome of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Whether the program exited, every promise held and every injection struck.
    pub sound: bool,
    /// How it ended.
    pub ended: Ending,
    /// Which text it is that ran, where it is not the present one.
    pub of: Option<&'static str>,
    /// How it ended, in words, and after how many steps.
    pub ending: String,
    /// The first breakage of each promise, in order of steps.
    pub broken: Vec<Broken>,
    /// Injections that did not strike.
    pub missed: usize,
}

/// Said of a side whose text does not assemble while an earlier one keeps running.
pub const EARLIER: &str = "the last text that assembled";

/// Which text a side runs, where it is not the present one.
#[must_use]
pub fn earlier(runs: &Runs, side: Side) -> Option<&'static str> {
    runs.is_of_earlier_text(side).then_some(EARLIER)
}

/// Why a side has no run. What is wrong with a person's own text stands in the editor.
#[must_use]
pub fn no_run(runs: &Runs, side: Side) -> String {
    match &runs.sides[side.index()] {
        Err(Failure::Awaited) => "is being assembled".to_owned(),
        Err(Failure::Lost(why)) => format!("is not assembled: {why}"),
        Err(Failure::Refused(told)) => match told.first().filter(|told| told.source != CUSTOM) {
            Some(told) => format!("does not run: {}", told.message),
            None => "does not assemble, so there is no run".to_owned(),
        },
        Ok(_) => String::new(),
    }
}

/// What a person waits for; none if nothing is being assembled.
#[must_use]
pub fn waiting(state: &State) -> Option<String> {
    let waits = Side::BOTH.into_iter().filter(|side| state.awaits(*side));
    let mut forms: Vec<_> = waits.map(|side| state.setup.forms[side.index()].name()).collect();
    forms.dedup();
    let what = match forms[..] {
        [] => return None,
        [form] => format!("Form {form} is being assembled."),
        _ => "Both forms are being assembled.".to_owned(),
    };
    let shown = if state.runs.is_empty() { "" } else { " Until then the page shows the previous runs." };
    Some(what + shown)
}

/// The outcome of a side's run; none if it does not run.
#[must_use]
pub fn outcome(runs: &Runs, side: Side) -> Option<Outcome> {
    let trace = runs.trace(side)?;
    let exited = trace.ending() == Ending::Finished;
    Some(Outcome {
        ended: trace.ending(),
        of: earlier(runs, side),
        sound: exited && trace.breakages.is_empty() && trace.unfired.is_empty(),
        ending: ending(trace),
        broken: trace.breakages.iter().map(|breakage| broken(runs, side, trace, breakage)).collect(),
        missed: trace.unfired.len(),
    })
}

fn ending(trace: &Trace) -> String {
    let steps = trace.steps.len();
    match trace.ending() {
        Ending::Budget => format!("the run was cut after {steps} steps"),
        Ending::Finished => format!("{} after {steps} steps", Ending::Finished),
        ending => {
            let beyond = trace.goes_beyond().map(|words| format!("; it {words}")).unwrap_or_default();
            format!("{ending} after {steps} steps{beyond}")
        }
    }
}

fn broken(runs: &Runs, side: Side, trace: &Trace, breakage: &Breakage) -> Broken {
    let Breakage { step, broken } = *breakage;
    Broken {
        promise: broken.promise(),
        invariant: broken.invariant(),
        step: step + 1,
        row: runs.row_of(side, step),
        place: trace.place_name(step),
        why: broken.to_string(),
    }
}

impl Outcome {
    /// Whether the program exited.
    fn exited(&self) -> bool {
        self.ended == Ending::Finished
    }

    /// Which of the judged promises held.
    #[must_use]
    pub fn promises(&self) -> String {
        match self.broken.as_slice() {
            [] => format!("{} held in this run", Promises::JUDGED),
            _ => "breaks".to_owned(),
        }
    }

    /// The most important part, for the opening line.
    #[must_use]
    pub fn short(&self) -> String {
        match (self.broken.as_slice(), self.sound) {
            ([first, more @ ..], _) => {
                let more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
                let ending = if self.exited() { String::new() } else { format!("; {}", self.ending) };
                format!("breaks {}{more}{ending}", first.invariant)
            }
            ([], true) => "exited, breaks no judged promise".to_owned(),
            ([], false) => self.misses().filter(|_| self.exited()).unwrap_or_else(|| self.ending.clone()),
        }
    }

    /// Injections that did not strike, in words.
    #[must_use]
    pub fn misses(&self) -> Option<String> {
        match self.missed {
            0 => None,
            1 => Some("1 injection did not strike".to_owned()),
            missed => Some(format!("{missed} injections did not strike")),
        }
    }

    /// Everything in one sentence.
    #[must_use]
    pub fn words(&self) -> String {
        let each: Vec<_> = self.broken.iter().map(|it| format!("{} at step {}", it.invariant, it.step)).collect();
        let broken = if each.is_empty() { String::new() } else { format!(" {}", each.join(", ")) };
        let missed = self.misses().map(|missed| format!("; {missed}")).unwrap_or_default();
        let of = self.of.map(|of| format!("{of}: ")).unwrap_or_default();
        format!("{of}{}; {}{broken}{missed}", self.ending, self.promises())
    }
}

/// Why the counters of the two runs are not compared; none if they are, or if there are no two runs.
#[must_use]
pub fn not_comparable(runs: &Runs, names: [&str; 2]) -> Option<String> {
    let (which, why) = astray([runs.trace(Side::Left)?, runs.trace(Side::Right)?])?;
    Some(format!("{} {why}", names[which]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Settings;
    use expect_test::{Expect, expect};

    /// Both runs in all their words.
    fn spoken(runs: &Runs, names: [&str; 2]) -> String {
        let one = |side: Side| match outcome(runs, side) {
            Some(outcome) => format!("{}: {}.", names[side.index()], outcome.words()),
            None => format!("{}: {}.", names[side.index()], no_run(runs, side)),
        };
        let sides = Side::BOTH.into_iter().map(one);
        let reason = not_comparable(runs, names).map(|reason| format!("The counters are not comparable: {reason}."));
        sides.chain(reason).collect::<Vec<_>>().join(" ")
    }

    fn check(link: &str, expected: Expect) {
        let state = State::open(link, Settings::default());
        let names = state.names();
        expected.assert_eq(&spoken(&state.runs, names));
        for side in Side::BOTH {
            for broken in outcome(&state.runs, side).expect("a run").broken {
                let row = broken.row.expect("a row");
                assert_eq!(state.runs.step_index(side, row), Some(broken.step - 1));
                assert_eq!(state.runs.trace(side).expect("a run").place_name(broken.step - 1), broken.place);
            }
        }
    }

    #[test]
    fn a_run_says_how_it_went() {
        check(
            "v=1&s=kernel_loop%2B1:nmi",
            expect![
                "A: the program exited after 1510 steps; user-cr3, kernel-cr3, restored, no-stale, flush-kept, regs, gs, mapped and nested held in this run. E: the program exited after 1508 steps; user-cr3, kernel-cr3, restored, no-stale, flush-kept, regs, gs, mapped and nested held in this run."
            ],
        );
        check(
            "v=1&a=never&b=E&s=entry_SYSRETQ_unsafe_stack:nmi",
            expect![
                "never: the program exited after 1694 steps; breaks restored at step 388, user-cr3 at step 391. E: the program exited after 1517 steps; user-cr3, kernel-cr3, restored, no-stale, flush-kept, regs, gs, mapped and nested held in this run. The counters are not comparable: never breaks restored at step 388."
            ],
        );
        check(
            "v=1&a=C&b=E&h=rogue-cr3&s=kernel_loop%2B1:nmi",
            expect![
                "C: the run was cut after 100000 steps; breaks kernel-cr3 at step 296, restored at step 296, user-cr3 at step 392, mapped at step 20164. E: the run was cut after 100000 steps; breaks kernel-cr3 at step 296, restored at step 296, user-cr3 at step 392, mapped at step 20164. The counters are not comparable: C was cut after 100000 steps."
            ],
        );
        check(
            "v=1&s=nowhere:nmi",
            expect![
                "A: the program exited after 1377 steps; user-cr3, kernel-cr3, restored, no-stale, flush-kept, regs, gs, mapped and nested held in this run; 1 injection did not strike. E: the program exited after 1377 steps; user-cr3, kernel-cr3, restored, no-stale, flush-kept, regs, gs, mapped and nested held in this run; 1 injection did not strike."
            ],
        );
        check(
            "v=1&s=do_syscall_64%2B3:nmi%20>%20exc_nmi:mc,%20exc_nmi%2B5:nmi,%20repeat_nmi%2B4:mc%20>%20asm_exc_machine_check:nmi",
            expect![
                "A: the kernel panicked after 826 steps; breaks mapped at step 715. E: the kernel panicked after 818 steps; breaks mapped at step 707. The counters are not comparable: A ended in a kernel panic."
            ],
        );
    }
}
