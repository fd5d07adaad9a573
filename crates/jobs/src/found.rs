//! What a search has found, as the page hears it.

use cr3_core::explore::{self, Assumption, Report, Verdict, Violation};
use cr3_core::linux::{Form, is_entry_text};
use cr3_core::scenario::Scenario;
use cr3_core::trace::{Options, Trace};
use cr3_session::counterexample::Counterexample;
use cr3_session::explore::{AtInstruction, Found};

pub(crate) fn found(report: &Report) -> Found {
    let counts = &report.counts;
    Found {
        verdict: report.verdict,
        reach: report.reach,
        schedules: counts.schedules,
        breaking: counts.breaking,
        refused: counts.refused,
        excluded: Assumption::ALL.map(|assumption| report.excluded(assumption)).to_vec(),
        counterexamples: report.violations.iter().map(counterexample).collect(),
        unconfirmed: report.unconfirmed.clone(),
        obstacle: report.obstacle.as_ref().map(|(_, obstacle)| obstacle.to_string()),
        is_over: false,
    }
}

/// What is known after another search, which went another way: never less than before.
pub(crate) fn improved(known: Option<&Found>, new: Found) -> Found {
    let Some(known) = known else {
        return Found { counterexamples: best(new.counterexamples.iter()), ..new };
    };
    let counterexamples = best(known.counterexamples.iter().chain(&new.counterexamples));
    let unconfirmed = new.unconfirmed.clone();
    let obstacle = new.obstacle.clone().or_else(|| known.obstacle.clone());
    let further = if new.reach < known.reach { known.clone() } else { new };
    let verdict = if counterexamples.is_empty() { further.verdict } else { Verdict::Breaks };
    Found { verdict, counterexamples, unconfirmed, obstacle, ..further }
}

/// The best counterexample to each promise.
fn best<'a>(all: impl Iterator<Item = &'a Counterexample>) -> Vec<Counterexample> {
    let mut best: Vec<Counterexample> = Vec::new();
    for found in all {
        match best.iter_mut().find(|other| other.promise == found.promise) {
            Some(other) if found.order() < other.order() => *other = found.clone(),
            Some(_) => {}
            None => best.push(found.clone()),
        }
    }
    best.sort_by_key(Counterexample::order);
    best
}

pub(crate) fn counterexample(violation: &Violation) -> Counterexample {
    Counterexample {
        promise: violation.broken.promise(),
        cause: violation.broken.to_string(),
        beyond: goes_beyond(violation),
        schedule: violation.schedule.clone(),
        step: violation.step(),
        shorter: violation.shorter,
        features: violation.config.features,
        handler: violation.config.handler,
    }
}

/// Where the run of a violation goes to code of a person's tree or entry text that nothing here has, before it breaks the promise. From
/// there on it says nothing about Linux.
pub fn goes_beyond(violation: &Violation) -> Option<String> {
    let Violation { config, schedule, .. } = violation;
    let is_whole = config.base.tree().is_some() || config.form == Form::Custom && is_entry_text(&config.custom);
    let scenario = Scenario { config: config.clone(), schedule: schedule.clone() };
    let trace = is_whole.then(|| Trace::record(&scenario, Options { budget: violation.step() }));
    // A system that was searched assembles.
    trace?.ok()?.goes_beyond()
}

pub(crate) fn at_instruction(at: &explore::AtInstruction) -> AtInstruction {
    let excluded = Assumption::ALL.into_iter().map(|assumption| (assumption, at.counts.excluded(assumption)));
    AtInstruction {
        address: at.address,
        schedules: at.counts.schedules,
        breaking: at.counts.breaking,
        refused: at.counts.refused,
        refusal: at.refusal.map(str::to_owned),
        excluded: excluded.filter(|(_, count)| *count != 0).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cr3_core::explore::{Reach, Shorter};
    use cr3_core::promises::Promise;

    fn holding(reach: Reach, schedules: u64) -> Found {
        Found {
            verdict: Verdict::Holds,
            reach,
            schedules,
            breaking: 0,
            refused: 0,
            excluded: vec![0; Assumption::ALL.len()],
            counterexamples: Vec::new(),
            unconfirmed: Vec::new(),
            obstacle: None,
            is_over: false,
        }
    }

    /// Found with counterexamples: promise, schedule, step, what is known of shorter ones.
    fn breaking(reach: Reach, found: &[(Promise, &str, u32, Shorter)]) -> Found {
        let counterexample = |&(promise, schedule, step, shorter): &(Promise, &str, u32, Shorter)| Counterexample {
            promise,
            cause: "why".into(),
            beyond: None,
            schedule: schedule.parse().expect("a schedule"),
            step,
            shorter,
            features: Default::default(),
            handler: Default::default(),
        };
        let counterexamples = found.iter().map(counterexample).collect();
        Found { verdict: Verdict::Breaks, counterexamples, ..holding(reach, 10) }
    }

    /// What is known after one search and then another: verdict, reach, schedules, and the schedule for each promise.
    #[track_caller]
    fn check(known: Found, new: Found, expected: (Verdict, Reach, u64, &[&str])) {
        let found = improved(Some(&known), new);
        let schedules: Vec<_> = found.counterexamples.iter().map(|it| it.schedule.to_string()).collect();
        assert_eq!((found.verdict, found.reach, found.schedules), (expected.0, expected.1, expected.2));
        assert_eq!(schedules, expected.3);
    }

    #[test]
    fn another_search_never_says_less() {
        use Verdict::{Breaks, Holds};
        let [one, two, any] = [Reach::Depth(1), Reach::Depth(2), Reach::Any];
        let open = |reach| Found { verdict: Verdict::NotFinished, ..holding(reach, 10) };
        assert_eq!(improved(None, open(one)), open(one));
        // A search of any depth, or of two exceptions, that its budget ended.
        check(holding(one, 10), open(one), (Verdict::NotFinished, one, 10, &[]));
        check(holding(one, 10), holding(any, 10), (Holds, any, 10, &[]));
        check(holding(one, 10), holding(two, 99), (Holds, two, 99, &[]));
        let deep = (Promise::Regs, "exc_nmi:db > exc_debug:mc, kernel_loop:nmi", 30, Shorter::OnlyInSteps);
        let shorter = (Promise::Regs, "exc_nmi:db > exc_debug:mc", 40, Shorter::None);
        let other = (Promise::Mapped, "exc_nmi:mc > exc_machine_check:db", 20, Shorter::Unknown);
        check(breaking(one, &[deep]), open(one), (Breaks, one, 10, &[deep.1]));
        check(breaking(one, &[deep, other]), breaking(two, &[shorter]), (Breaks, two, 10, &[other.1, shorter.1]));
        check(breaking(one, &[deep]), holding(two, 99), (Breaks, two, 99, &[deep.1]));
        // A shorter one that leaves the model proves less.
        let beyond = |found| {
            let mut found = breaking(one, &[found]);
            found.counterexamples.iter_mut().for_each(|it| it.beyond = Some("goes to a place".into()));
            found
        };
        check(breaking(one, &[deep]), beyond(shorter), (Breaks, one, 10, &[deep.1]));
        check(beyond(shorter), breaking(one, &[deep]), (Breaks, one, 10, &[deep.1]));
        check(beyond(shorter), breaking(one, &[other]), (Breaks, one, 10, &[other.1, shorter.1]));
    }
}
