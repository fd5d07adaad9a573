//! What the assembler says about a person's own macro, with the line that it is about.

use crate::action::{FormChoice, Side};
use crate::state::State;
use cr3_core::asm::{Diagnostic, Severity};

/// A message at its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Line and column, or the source where it is another one.
    pub place: String,
    /// What is wrong.
    pub message: String,
    /// The line with a caret under the column; empty where the line is not in the person's text.
    pub excerpt: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// The messages about the custom form, from the first side that runs it and fails.
#[must_use]
pub fn problems(state: &State) -> Vec<Problem> {
    let custom = Side::BOTH.into_iter().filter(|side| state.setup.forms[side.index()] == FormChoice::Custom);
    let mut failures = custom.filter_map(|side| state.runs.sides[side.index()].as_ref().err());
    let diagnostics = failures.next().map(|failure| failure.diagnostics.as_slice()).unwrap_or_default();
    let errors = diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error);
    let mut problems: Vec<_> = errors.map(|diagnostic| problem(diagnostic, &state.custom)).collect();
    // Each use of the macro reports the same line again.
    problems.dedup();
    problems
}

/// What to know about the custom form though it runs: names of the configuration and the values they got, macros of ours that it
/// replaces, a restore macro without a body. From the first side that runs it.
#[must_use]
pub fn notes(state: &State) -> Vec<Problem> {
    let custom = Side::BOTH.into_iter().filter(|side| state.setup.forms[side.index()] == FormChoice::Custom);
    let mut systems = custom.filter_map(|side| Some(&state.runs.trace(side)?.system));
    let notes = systems.next().map(|system| &*system.notes).unwrap_or_default();
    notes.iter().map(|note| problem(note, &state.custom)).collect()
}

fn problem(diagnostic: &Diagnostic, text: &str) -> Problem {
    let position = diagnostic.position;
    let own = diagnostic.source.contains("custom");
    let line = own.then(|| text.lines().nth((position.line as usize).checked_sub(1)?)).flatten();
    let place = match own {
        true => format!("line {}, column {}:", position.line, position.column),
        false => format!("{} line {}:", diagnostic.source, position.line),
    };
    Problem {
        place,
        message: diagnostic.message.clone(),
        excerpt: line.map(|line| excerpt(line, position.column)).unwrap_or_default(),
        hint: diagnostic.hint.clone(),
    }
}

/// The line and a caret; tabs stay tabs so that both keep in step.
fn excerpt(line: &str, column: u32) -> String {
    let before = (column as usize).saturating_sub(1);
    let blank: String = line.chars().take(before).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
    format!("{line}\n{blank}^")
}
