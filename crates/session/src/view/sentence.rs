//! The sentence for a row, for the live region and above the rows.

use crate::choice::Side;
use crate::moment::Moment;
use crate::runs::Runs;
use crate::state::State;
use crate::view::position;
use cr3_core::promises::Breakage;
use cr3_core::trace::Trace;

/// What each side does in the row of a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sentence {
    /// There are no rows.
    Nothing(String),
    /// Both do the same.
    Both(String),
    /// Each does something else; [`NO_STEP`] if one does nothing.
    Each([String; 2]),
}

/// The text for a run that has no step in a row.
pub const NO_STEP: &str = "no step";

/// The sentence for the row of `moment`.
#[must_use]
pub fn sentence(state: &State, moment: &Moment) -> Sentence {
    if state.runs.is_empty() {
        return Sentence::Nothing("There is no run: see the messages of the assembler.".into());
    }
    let [left, right] = Side::BOTH.map(|side| one(&state.runs, moment, side));
    if left == right { Sentence::Both(left) } else { Sentence::Each([left, right]) }
}

fn one(runs: &Runs, moment: &Moment, side: Side) -> String {
    let Some(trace) = runs.trace(side) else {
        return "no run: the form does not assemble".into();
    };
    let detail = moment.side(side).and_then(|instant| instant.detail.as_ref());
    let broken = runs.step_index(side, moment.row).map(|step| broken(trace, step)).unwrap_or_default();
    detail.map_or_else(|| NO_STEP.into(), |detail| broken + &detail.sentence(trace))
}

/// The promises that a step breaks, before what it does.
fn broken(trace: &Trace, step: usize) -> String {
    let here = trace.breakages.iter().filter(|breakage| breakage.step == step);
    here.map(|Breakage { broken, .. }| format!("breaks {}: {broken}; ", broken.invariant())).collect()
}

/// The whole sentence as one text, for the live region and the slider.
#[must_use]
pub fn spoken(state: &State, moment: &Moment) -> String {
    let names = state.names();
    let words = match sentence(state, moment) {
        Sentence::Nothing(words) => return words,
        Sentence::Both(words) => words,
        Sentence::Each([left, right]) => format!("{}: {left} {}: {right}", names[0], names[1]),
    };
    format!("At {}. {words}", position::words(state))
}
