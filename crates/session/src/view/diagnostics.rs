//! The assembler's messages about a person's own macro, each with its line.

use crate::assembly::Failure;
use crate::choice::Side;
use crate::state::State;
use cr3_core::asm::{Diagnostic, Severity};
use cr3_core::linux::NoteKind;

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
    /// What the text was taken for, what was undone and left out, and what it fits; empty if it does not assemble
    /// or is not there yet.
    pub taken: String,
    /// Why it does not assemble.
    pub problems: Vec<Problem>,
    /// Other notes, though it assembles: names of the configuration and the values they got, macros of ours that it
    /// replaces, a restore macro without a body.
    pub notes: Vec<Problem>,
}

/// The verdict on the text of the custom form. It follows from the setup and the text alone.
#[must_use]
pub fn verdict(state: &State) -> Verdict {
    let runs = state.setup.uses_text(state.edited);
    let assembled = match runs {
        true => of_runs(state),
        false => state.draft().map_or(Ok(Vec::new()), |config| Ok(state.texts.start(&config)?.notes.to_vec())),
    };
    let words = match (&assembled, runs) {
        (Ok(_), true) => "It assembles, and runs.",
        (Ok(_), false) if state.text().trim().is_empty() => {
            "There is no text yet. Run it on a side: it starts as the macro that the side ran."
        }
        (Ok(_), false) => match state.edited {
            Side::Left => "It assembles. Press “Run it left” to use it.",
            Side::Right => "It assembles. Press “Run it right” to use it.",
        },
        (Err(Failure::Refused(_)), true) if state.runs.is_of_earlier_text(state.edited) => {
            "It does not assemble. The last text that assembled stays on display."
        }
        (Err(Failure::Refused(_)), true) => "It does not assemble.",
        (Err(Failure::Refused(_)), false) => "It does not assemble. Its side does not run it yet.",
        (Err(Failure::Awaited), _) => "It is being assembled.",
        (Err(Failure::Lost(_)), _) => "Nothing assembles it.",
    };
    let list = |diagnostics: &[Diagnostic]| problems(diagnostics, state.text());
    let (problems, notes) = match assembled {
        Ok(notes) => (Vec::new(), notes),
        Err(Failure::Refused(mut diagnostics)) => {
            diagnostics.retain(|diagnostic| diagnostic.severity == Severity::Error);
            (list(&diagnostics), Vec::new())
        }
        Err(Failure::Awaited) => Default::default(),
        Err(Failure::Lost(why)) => (vec![lost(&why)], Vec::new()),
    };
    let (taken, notes): (Vec<_>, Vec<_>) =
        notes.into_iter().partition(|note| NoteKind::of(&note.message) == NoteKind::Taken);
    let taken = taken.into_iter().flat_map(|note| std::iter::once(note.message).chain(note.hint));
    Verdict { words, taken: taken.collect::<Vec<_>>().join("; "), problems, notes: list(&notes) }
}

/// The notes on the text, or why it does not run, from the side that runs it.
fn of_runs(state: &State) -> Result<Vec<Diagnostic>, Failure> {
    let side = state.edited.index();
    if state.awaits(state.edited) {
        return Err(Failure::Awaited);
    }
    match (&state.runs.refused[side], &state.runs.sides[side]) {
        (Some(told), _) => Err(Failure::Refused(told.clone())),
        (None, Ok(trace)) => Ok(trace.system.notes.to_vec()),
        (None, Err(failure)) => Err(failure.clone()),
    }
}

/// What is said where nobody assembles.
fn lost(why: &str) -> Problem {
    Problem {
        place: "The assembler:".to_owned(),
        message: why.to_owned(),
        excerpt: String::new(),
        at: None,
        hint: Some("Your next change fetches it again once you are online.".to_owned()),
    }
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
