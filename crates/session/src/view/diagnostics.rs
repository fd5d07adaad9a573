//! What the assembler says about a person's own macro, with the line that it is about.

use crate::action::{FormChoice, Side};
use crate::state::{Setup, State};
use cr3_core::asm::{Diagnostic, Severity};
use cr3_core::linux::boot;

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

/// What the editor says about its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it assembles and runs.
    pub words: &'static str,
    /// Why it does not assemble.
    pub problems: Vec<Problem>,
}

/// The verdict on the text of the custom form. It follows from the setup and the text alone.
#[must_use]
pub fn verdict(state: &State) -> Verdict {
    let problems = problems(state);
    let words = match (state.uses_custom(), problems.is_empty()) {
        (false, true) if is_blank(state) => {
            "There is no text yet. Run it on a side: it begins with the macro that the side ran."
        }
        (false, true) => "It assembles. No side runs it yet.",
        (false, false) => "It does not assemble. No side runs it yet.",
        (true, true) => "It assembles, and runs.",
        (true, false) => "It does not assemble.",
    };
    Verdict { words, problems }
}

/// The messages about the custom form: from the first side that runs it and fails; where no side runs it, from assembling it
/// as a side would.
#[must_use]
pub fn problems(state: &State) -> Vec<Problem> {
    let diagnostics = match state.uses_custom() {
        true => of_runs(state),
        false if is_blank(state) => Vec::new(),
        false => of_draft(state),
    };
    let errors = diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error);
    let mut problems: Vec<_> = errors.map(|diagnostic| problem(diagnostic, &state.custom)).collect();
    // Each use of the macro reports the same line again.
    problems.dedup();
    problems
}

fn is_blank(state: &State) -> bool {
    state.custom.trim().is_empty()
}

fn of_runs(state: &State) -> Vec<Diagnostic> {
    let custom = Side::BOTH.into_iter().filter(|side| state.setup.forms[side.index()] == FormChoice::Custom);
    let mut failures = custom.filter_map(|side| state.runs.sides[side.index()].as_ref().err());
    failures.next().map(|failure| failure.diagnostics.clone()).unwrap_or_default()
}

fn of_draft(state: &State) -> Vec<Diagnostic> {
    let setup = Setup { forms: [FormChoice::Custom; 2], ..state.setup.clone() };
    boot(&setup.scenario(Side::Left, &state.custom).config).err().unwrap_or_default()
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
