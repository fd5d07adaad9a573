//! The assembler's messages about a person's own macro, each with its line.

use crate::choice::{Form, Own};
use crate::runs::Failure;
use crate::state::{Setup, State};
use cr3_core::asm::{Diagnostic, Severity};
use cr3_core::linux::boot;

/// A message at its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Line and column, or the name of another source.
    pub place: String,
    /// What is wrong.
    pub message: String,
    /// The line with a caret under the column; empty if the line is not in the person's text.
    pub excerpt: String,
    /// Line and column in the person's text, from 1.
    pub at: Option<(u32, u32)>,
    /// How to mend it.
    pub hint: Option<String>,
}

/// The editor's message about its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it assembles and runs.
    pub words: &'static str,
    /// Why it does not assemble.
    pub problems: Vec<Problem>,
    /// Notes, though it assembles: names of the configuration and the values they got, macros of ours that it replaces,
    /// a restore macro without a body.
    pub notes: Vec<Problem>,
}

/// The verdict on the text of the custom form. It follows from the setup and the text alone.
#[must_use]
pub fn verdict(state: &State) -> Verdict {
    let is_blank = state.text().trim().is_empty();
    let is_run = state.setup.uses_text(state.edited);
    let assembled = match (is_run, is_blank) {
        (true, _) => of_runs(state),
        (false, true) => Ok(Vec::new()),
        (false, false) => of_draft(state),
    };
    let words = match (is_run, &assembled) {
        (true, _) if state.runs.awaits(state.edited) => "It is being assembled.",
        (false, Ok(_)) if is_blank => {
            "There is no text yet. Run it on a side: it begins with the macro that the side ran."
        }
        (false, Ok(_)) => "It assembles. No side runs it yet.",
        (false, Err(_)) => "It does not assemble. No side runs it yet.",
        (true, Ok(_)) => "It assembles, and runs.",
        (true, Err(_)) if state.runs.is_of_earlier_text(state.edited) => {
            "It does not assemble. The last text that assembled stays on display."
        }
        (true, Err(_)) => "It does not assemble.",
    };
    let list = |diagnostics: &[Diagnostic]| problems(diagnostics, state.text());
    match assembled {
        Ok(notes) => Verdict { words, problems: Vec::new(), notes: list(&notes) },
        Err(mut diagnostics) => {
            diagnostics.retain(|diagnostic| diagnostic.severity == Severity::Error);
            Verdict { words, problems: list(&diagnostics), notes: Vec::new() }
        }
    }
}

/// The notes on the text or its errors, from the side that runs it.
fn of_runs(state: &State) -> Result<Vec<Diagnostic>, Vec<Diagnostic>> {
    let side = state.edited.index();
    match (&state.runs.refused[side], &state.runs.sides[side]) {
        (Some(told), _) | (None, Err(Failure::Refused(told))) => Err(told.clone()),
        (None, Ok(trace)) => Ok(trace.system.notes.to_vec()),
        (None, Err(Failure::Awaited)) => Ok(Vec::new()),
    }
}

/// The same if the side does not run it, from assembling it as the side would.
fn of_draft(state: &State) -> Result<Vec<Diagnostic>, Vec<Diagnostic>> {
    let setup = Setup { forms: [Form::Custom; 2], own: [Own::Text; 2], ..state.setup.clone() };
    boot(&setup.scenario(state.edited, &state.custom).config).map(|system| system.notes.to_vec())
}

/// Messages at their places; `text` is a person's own.
pub(super) fn problems(diagnostics: &[Diagnostic], text: &str) -> Vec<Problem> {
    let mut problems: Vec<_> = diagnostics.iter().map(|diagnostic| problem(diagnostic, text)).collect();
    // Each use of the macro reports the same line again.
    problems.dedup();
    problems
}

fn problem(diagnostic: &Diagnostic, text: &str) -> Problem {
    let position = diagnostic.position;
    let own = diagnostic.source.contains("custom");
    let line = own.then(|| text.lines().nth((position.line as usize).checked_sub(1)?)).flatten();
    let place = match own {
        true => format!("line {}, column {}:", position.line, position.column),
        false if position.line == 0 => format!("{}:", diagnostic.source),
        false => format!("{} line {}:", diagnostic.source, position.line),
    };
    Problem {
        place,
        message: diagnostic.message.clone(),
        excerpt: line.map(|line| excerpt(line, position.column)).unwrap_or_default(),
        at: line.map(|_| (position.line, position.column)),
        hint: diagnostic.hint.clone(),
    }
}

/// The line and a caret. Tabs stay tabs, so that both stay aligned.
fn excerpt(line: &str, column: u32) -> String {
    let before = (column as usize).saturating_sub(1);
    let blank: String = line.chars().take(before).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
    format!("{line}\n{blank}^")
}
