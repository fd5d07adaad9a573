//! What to look at for a claim: two runs side by side, and the step that it speaks of.

use super::lab::Lab;
use super::measure::Scene;
use super::sweep::ABOUT_CR3;
use crate::asm::Diagnostic;
use crate::linux::Form;
use crate::promises::Breakage;
use crate::run::{End, Origin, StepKind};
use crate::scenario::Scenario;
use crate::trace::Trace;
use std::sync::Arc;

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

    fn step(self, run: &Trace) -> Option<usize> {
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
