//! Whether the counters of two runs may be compared.

use crate::promises::Breakage;
use crate::scenario::{Injection, Unresolved};
use crate::trace::{Ending, Reason, Trace, Unfired};
use std::fmt::{self, Display, Formatter};

/// Why a run cannot be compared with another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Astray {
    /// The program did not exit.
    Ended {
        /// How the run ended instead.
        ending: Ending,
        /// The number of steps.
        steps: usize,
    },
    /// It breaks a promise.
    Breaks(Breakage),
    /// An injection does not strike that strikes in the other run.
    Misses(Injection),
}

impl Display for Astray {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended { ending: Ending::Budget, steps } => write!(f, "was cut after {steps} steps"),
            Self::Ended { ending: Ending::TaskKilled, .. } => f.write_str("ended when the kernel killed the program"),
            Self::Ended { ending: Ending::KernelPanic, .. } => f.write_str("ended in a kernel panic"),
            Self::Ended { ending: Ending::Shutdown, .. } => f.write_str("ended in a shutdown of the processor"),
            Self::Ended { .. } => f.write_str("halted for good"),
            Self::Breaks(Breakage { step, broken }) => write!(f, "breaks {} at step {}", broken.invariant(), step + 1),
            Self::Misses(injection) => write!(f, "is not struck by {injection}"),
        }
    }
}

/// Which of two runs prevents a comparison of their counters, and why. None if both exited, were struck alike and broke
/// nothing.
pub fn astray(runs: [&Trace; 2]) -> Option<(usize, Astray)> {
    let each = |why: fn(&Trace, &Trace) -> Option<Astray>| {
        let [left, right] = runs;
        [(0, why(left, right)), (1, why(right, left))].into_iter().find_map(|(run, why)| Some((run, why?)))
    };
    each(ended).or_else(|| each(misses)).or_else(|| each(breaks))
}

/// Whether an injection missed a run only because the run's text lacks a label that the text of the other run has.
pub fn lacks_label(unfired: &Unfired, other: &Trace) -> bool {
    let is_unknown = matches!(unfired.reason, Reason::NoSuchPlace(Unresolved::UnknownLabel { .. }));
    is_unknown && other.places.resolve(&unfired.injection.place).is_ok()
}

/// Why an injection missed a run. Where the run's text lacks a label that the other's has, that is the reason; `names` are
/// then those of the run and the other.
pub fn why_missed(unfired: &Unfired, other: &Trace, [here, there]: [&str; 2]) -> String {
    match lacks_label(unfired, other) {
        true => format!("the text of {here} has no such label, and that of {there} has it"),
        false => unfired.reason.to_string(),
    }
}

fn ended(run: &Trace, _: &Trace) -> Option<Astray> {
    let ending = run.ending();
    (ending != Ending::Finished).then_some(Astray::Ended { ending, steps: run.steps.len() })
}

fn misses(run: &Trace, other: &Trace) -> Option<Astray> {
    let strikes = |index| other.unfired.iter().all(|unfired| unfired.index != index);
    let missed = run.unfired.iter().find(|unfired| strikes(unfired.index))?;
    Some(Astray::Misses(missed.injection.clone()))
}

fn breaks(run: &Trace, _: &Trace) -> Option<Astray> {
    run.breakages.first().copied().map(Astray::Breaks)
}
