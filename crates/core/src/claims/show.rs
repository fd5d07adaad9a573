//! What to look at for a claim: two runs side by side, and the step that it speaks of.

use super::measure::Scene;
use super::sums::ABOUT_CR3;
use crate::linux::Form;
use crate::promises::Breakage;
use crate::run::{Origin, StepKind};
use crate::trace::Trace;

/// Two forms on one scene, and where to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Show {
    /// Left and right; [`Form::E`] stands for the subject.
    pub forms: [Form; 2],
    /// What both run.
    pub scene: Scene,
    /// The step that the claim speaks of.
    pub look: Look,
}

/// A step of a run, by what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// The first strike.
    Strike,
    /// The first step of the macro, or where it would be.
    Macro,
    /// Where a promise about CR3 breaks first.
    Breaks,
    /// The last step.
    End,
}

/// Where the macro stands; where it is empty, what follows it.
const MACRO: [&str; 4] = ["paranoid_exit", "nmi_exit", "paranoid_exit_cr3_restored", "nmi_exit_cr3_restored"];

impl Look {
    /// Which of two runs to look at, and at which of its steps: at the right one, where it has such a step.
    pub fn of(self, runs: [&Trace; 2]) -> (usize, usize) {
        match runs.map(|run| self.step(run)) {
            [_, Some(step)] => (1, step),
            [left, None] => (0, left.unwrap_or(0)),
        }
    }

    pub(super) fn step(self, run: &Trace) -> Option<usize> {
        let injected =
            |step: &crate::trace::Step| matches!(step.kind, StepKind::Delivery { origin: Origin::Injected(_), .. });
        let in_macro = |place| MACRO.contains(&run.places.label(run.places.site(place).label));
        match self {
            Self::Strike => run.steps.iter().position(injected),
            Self::Macro => run.steps.iter().position(|step| step.place.is_some_and(in_macro)),
            Self::Breaks => {
                let about_cr3 = |breakage: &&Breakage| ABOUT_CR3.contains(&breakage.broken.promise());
                run.breakages.iter().find(about_cr3).map(|breakage| breakage.step)
            }
            Self::End => run.steps.len().checked_sub(1),
        }
    }
}
