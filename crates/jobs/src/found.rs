//! What a search has found, as the page hears it.

use cr3_core::explore::{self, Assumption, Report, Verdict, Violation};
use cr3_session::explore::{AtInstruction, Counterexample, Found};

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
        is_over: false,
    }
}

/// What is known after another search, which went another way: never less than before.
pub(crate) fn improved(known: Option<&Found>, new: Found) -> Found {
    let Some(known) = known else { return new };
    let counterexamples = best(known.counterexamples.iter().chain(&new.counterexamples));
    let unconfirmed = new.unconfirmed.clone();
    let further = if new.reach < known.reach { known.clone() } else { new };
    let verdict = if counterexamples.is_empty() { further.verdict } else { Verdict::Breaks };
    Found { verdict, counterexamples, unconfirmed, ..further }
}

/// The best counterexample to each promise, those of fewest strikes and steps first.
fn best<'a>(all: impl Iterator<Item = &'a Counterexample>) -> Vec<Counterexample> {
    let order = |it: &Counterexample| (it.schedule.injections.len(), it.step, !it.is_minimal);
    let mut best: Vec<Counterexample> = Vec::new();
    for found in all {
        match best.iter_mut().find(|other| other.promise == found.promise) {
            Some(other) if order(found) < order(other) => *other = found.clone(),
            Some(_) => {}
            None => best.push(found.clone()),
        }
    }
    best.sort_by_key(order);
    best
}

pub(crate) fn counterexample(violation: &Violation) -> Counterexample {
    Counterexample {
        promise: violation.broken.promise(),
        cause: violation.broken.to_string(),
        schedule: violation.schedule.clone(),
        step: violation.step(),
        is_minimal: violation.is_minimal,
        features: violation.config.features,
        handler: violation.config.handler,
    }
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
