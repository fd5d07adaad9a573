//! What makes a run a finding.

use crate::outcome::{Outcome, WrongUse};
use crate::table::wrap;
use cr3_core::promises::{Promise, Promises};
use cr3_core::trace::{Breakage, Ending, Reason, Trace};
use serde::Serialize;

/// A promise that a run broke.
#[derive(Serialize)]
pub(crate) struct BrokenReport {
    invariant: &'static str,
    /// From 1.
    step: usize,
    place: String,
    message: String,
}

/// Whether the program did not exit, an injection did not strike, or a promise was broken.
fn is_finding(trace: &Trace) -> bool {
    !trace.unfired.is_empty() || trace.ending() != Ending::Finished || !trace.breakages.is_empty()
}

/// One or more lines for each promise that a run broke.
pub(crate) fn text(trace: &Trace) -> String {
    let line = |broken: BrokenReport| {
        let BrokenReport { invariant, step, place, message } = broken;
        wrap(&format!("breaks {invariant} at step {step}, {place}: {message}"), 4)
    };
    report(trace).into_iter().map(line).collect()
}

/// A line if every promise held that the run was judged by, in the words of the page and its report.
pub(crate) fn held(trace: &Trace) -> String {
    match trace.breakages.as_slice() {
        [] => wrap(&format!("{} held in this run", Promises::JUDGED), 4),
        _ => String::new(),
    }
}

/// The promises that a run is judged by: [`Promises::JUDGED`] as a list.
pub(crate) fn judged() -> Vec<&'static str> {
    let is_judged = |id: &&str| Promises::JUDGED.split([',', ' ']).any(|word| word == *id);
    Promise::ALL.into_iter().map(Promise::id).filter(is_judged).collect()
}

pub(crate) fn report(trace: &Trace) -> Vec<BrokenReport> {
    let report = |&Breakage { step, broken }: &Breakage| BrokenReport {
        invariant: broken.invariant(),
        step: step + 1,
        place: trace.place_name(step),
        message: broken.to_string(),
    };
    trace.breakages.iter().map(report).collect()
}

/// An injection that strikes in no run is wrong use.
pub(crate) fn struck(traces: &[&Trace]) -> Result<(), WrongUse> {
    let missed = |trace: &Trace, index| trace.unfired.iter().any(|other| other.index == index);
    match traces.first().and_then(|trace| trace.unfired.first()) {
        Some(unfired) if traces.iter().all(|trace| missed(trace, unfired.index)) => {
            Err(WrongUse::new(unfired, mend(&unfired.reason)))
        }
        _ => Ok(()),
    }
}

fn mend(reason: &Reason) -> &'static str {
    match reason {
        Reason::NoSuchPlace(_) => "`cr3play places` lists the places",
        Reason::Refused { .. } => "inject another vector there, or this one elsewhere",
        Reason::NotReached { .. } | Reason::HandlerReturned { .. } | Reason::Predecessor { .. } => {
            "`cr3play run --steps all` shows where the run goes"
        }
    }
}

/// These are findings: an injection that strikes in some runs only, a run in which the program does not exit, and a run
/// that breaks what Linux promises.
pub(crate) fn outcome(runs: &[&Trace]) -> Result<Outcome, WrongUse> {
    struck(runs)?;
    Ok(Outcome::finding_if(runs.iter().any(|run| is_finding(run))))
}
