//! Claims judged: experiments carried out in a lab, and what to look at found in its runs.

use super::lab::Lab;
use super::measure::{Fact, Measure};
use super::show::Show;
use super::{Basis, Claim, Experiment, Relation, Term, Test, Verdict};
use crate::asm::Diagnostic;
use crate::run::End;
use crate::scenario::Scenario;
use crate::trace::Trace;
use std::sync::Arc;

/// A claim and its outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// The claim.
    pub claim: &'static Claim,
    /// Its outcome.
    pub verdict: Verdict,
    /// What was measured, in the order in which the tests ask.
    pub numbers: Vec<(Measure, i64)>,
    /// The exceptions, in words.
    pub exceptions: Vec<&'static str>,
}

impl Claim {
    /// Carries out its experiment.
    ///
    /// # Errors
    /// The assembler's diagnostics when the subject does not assemble.
    pub fn judge(&'static self, lab: &mut Lab) -> Result<Judged, Vec<Diagnostic>> {
        match self.basis {
            Basis::Measured(experiment) => experiment.judge(self, lab),
            Basis::Undecidable(_) => {
                let (numbers, exceptions) = (Vec::new(), Vec::new());
                Ok(Judged { claim: self, verdict: Verdict::Undecidable, numbers, exceptions })
            }
        }
    }
}

impl Experiment {
    fn judge(self, claim: &'static Claim, lab: &mut Lab) -> Result<Judged, Vec<Diagnostic>> {
        let numbers = self.measures().into_iter().map(|measure| Ok((measure, lab.measure(measure)?)));
        let numbers = numbers.collect::<Result<Vec<_>, Vec<Diagnostic>>>()?;
        let exceptions = self.exceptions.iter().filter(|exception| exception.test.succeeds(&numbers));
        let exceptions: Vec<_> = exceptions.map(|exception| exception.words).collect();
        let verdict = match (self.holds.iter().all(|test| test.succeeds(&numbers)), exceptions.is_empty()) {
            (false, _) => Verdict::Refuted,
            (true, false) => Verdict::Exception,
            (true, true) => Verdict::Confirmed,
        };
        // What is refuted has no exceptions.
        let exceptions = if verdict == Verdict::Exception { exceptions } else { Vec::new() };
        Ok(Judged { claim, verdict, numbers, exceptions })
    }
}

impl Test {
    /// Whether it is so by these numbers; a number that is missing proves nothing.
    fn succeeds(&self, numbers: &[(Measure, i64)]) -> bool {
        let value = |wanted: Measure| numbers.iter().find(|(measure, _)| *measure == wanted).map(|(_, value)| *value);
        let right = match self.right {
            Term::Number(number) => Some(number),
            Term::Times(times, measure) => value(measure).map(|value| times * value),
        };
        match (value(self.left), right) {
            (Some(left), Some(right)) => self.is.holds(left, right),
            _ => false,
        }
    }
}

impl Relation {
    fn holds(self, left: i64, right: i64) -> bool {
        match self {
            Self::Equal => left == right,
            Self::Less => left < right,
            Self::More => left > right,
        }
    }
}

/// What a [`Show`] comes to: all that a link or a command has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Left and right.
    pub scenarios: [Scenario; 2],
    /// Index of the step in each run; none where that run has no such step.
    pub steps: [Option<usize>; 2],
    /// Index of the row in which the two runs, aligned, show it.
    pub row: usize,
    /// The place of the step.
    pub place: String,
    /// Steps after which a run was cut, if one was.
    pub budget: Option<u32>,
}

impl Show {
    /// Carries out both runs and finds the step.
    ///
    /// # Errors
    /// The assembler's diagnostics when the subject does not assemble.
    pub fn find(self, lab: &mut Lab) -> Result<Shown, Vec<Diagnostic>> {
        let [left, right] = self.forms.map(|form| lab.run(self.scene.scenario(form)));
        let runs: [Arc<Trace>; 2] = [left?, right?];
        let steps = [&runs[0], &runs[1]].map(|run| self.look.step(run));
        let (side, step) = self.look.of([&runs[0], &runs[1]]);
        let row = Lab::row(&runs[0], &runs[1], side, step);
        let place = runs[side].place_name(step);
        let budget = runs.iter().find_map(|run| match run.end {
            End::Budget { steps } => Some(steps),
            End::Halted | End::Shutdown { .. } => None,
        });
        Ok(Shown { scenarios: [&runs[0], &runs[1]].map(|run| run.scenario.clone()), steps, row, place, budget })
    }
}

impl Fact {
    pub(super) fn of(self, trace: &Trace) -> i64 {
        match self {
            Self::Counted(counter) => trace.counters[counter].cast_signed(),
            Self::Breaks(promise) => {
                i64::from(trace.breakages.iter().any(|breakage| breakage.broken.promise() == promise))
            }
            Self::Ends(ending) => i64::from(trace.ending() == ending),
        }
    }
}
