//! What each line of a form's macros is for: what fails without it.

use super::verdict::cause;
use crate::action::Action;
use crate::choice::Side;
use crate::state::State;
use crate::study::{Line, Without};
use crate::words::grouped;
use cr3_core::linux::Form;
use cr3_core::linux::Macro;

/// Whether a line is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Something fails without it.
    Fails,
    /// It costs more without it, and no more.
    Costs,
    /// Nothing fails without it, as far as schedules show.
    Idle,
}

/// The lines of a macro.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The macro, in words.
    pub title: &'static str,
    /// Its lines, in order.
    pub rows: Vec<Row>,
}

/// A line as the page shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Where it is written.
    pub place: String,
    /// The statement.
    pub statement: String,
    /// Whether it is needed.
    pub need: Need,
    /// What fails without it.
    pub words: String,
    /// Opens the run in which it fails.
    pub open: Option<Action>,
}

/// The macros with their lines, as far as they are known.
#[must_use]
pub fn parts(state: &State) -> Vec<Part> {
    let answers = &state.explore.studies.lines.answers;
    let of = |part: Macro| {
        let lines = answers.iter().enumerate().filter(|(_, line)| line.part == part);
        Part { title: title(part), rows: lines.map(|(index, line)| row(index, line)).collect() }
    };
    Macro::ALL.into_iter().map(of).filter(|part| !part.rows.is_empty()).collect()
}

fn title(part: Macro) -> &'static str {
    match part {
        Macro::Restore => "The macro of the form, on the way out of paranoid exceptions",
        Macro::Save => "SAVE_AND_SWITCH_TO_KERNEL_CR3, on the way in",
        Macro::User => "SWITCH_TO_USER_CR3, on the ways back to user mode",
    }
}

fn row(index: usize, line: &Line) -> Row {
    let is_open = matches!(line.without, Without::Breaks(..));
    Row {
        place: format!("{}, line {}", line.source, line.line),
        statement: line.statement.clone(),
        need: need(&line.without),
        words: words(&line.without),
        open: is_open.then_some(Action::OpenLine(index)),
    }
}

fn need(without: &Without) -> Need {
    match without {
        Without::Breaks(..) | Without::Stores(_) | Without::Refused(_) => Need::Fails,
        Without::Slower { .. } => Need::Costs,
        Without::Nothing | Without::Unseen(_) => Need::Idle,
    }
}

fn words(without: &Without) -> String {
    match without {
        Without::Breaks(found, _) => format!("breaks {}: {}", found.promise.id(), cause(found)),
        Without::Stores(address) => format!("stores to {address:#x}, where the form never does"),
        Without::Slower { writes, flushes } => format!(
            "nothing fails without it, but over all inputs the macro then makes {} more CR3 writes and {} more flushes",
            grouped(*writes),
            grouped(*flushes)
        ),
        Without::Nothing => "nothing fails without it: result and cost stay the same".to_owned(),
        Without::Refused(message) => format!("does not assemble: {message}"),
        Without::Unseen(None) => "no schedule fails without it".to_owned(),
        Without::Unseen(Some(reason)) => format!("no schedule fails without it: {reason}"),
    }
}

/// The form, in the title.
#[must_use]
pub fn title_of(state: &State) -> String {
    match state.explore.studies.lines.subject.as_deref().map(|config| config.form) {
        None | Some(Form::Custom) => "What each line of your macro is for".to_owned(),
        Some(form) => format!("What each line of form {form} is for"),
    }
}

/// How far it is, and the outcomes of the lines.
#[must_use]
pub fn summary(state: &State) -> String {
    let study = &state.explore.studies.lines;
    let round = study.round;
    match &study.trouble {
        Some(why) => format!("Not finished: {why}."),
        None if study.is_over => counted(&study.answers),
        None if round.of == 0 => "Not begun yet.".to_owned(),
        None => format!("Running: {} of {} pieces of this round are done.", round.done, round.of),
    }
}

fn counted(lines: &[Line]) -> String {
    let count = |wanted: Need| lines.iter().filter(|line| need(&line.without) == wanted).count();
    let (fails, costs, idle) = (count(Need::Fails), count(Need::Costs), count(Need::Idle));
    format!(
        "{} lines: something fails without {fails}, it costs more without {costs}, nothing fails without {idle}.",
        lines.len()
    )
}

/// What a line of the listed form is for, in few words: that of a text, from 1.
#[must_use]
pub fn note(state: &State, source: &str, line: u32) -> Option<String> {
    note_of(state, state.side, source, line).map(|words| match words.strip_suffix(" breaks") {
        Some(_) => format!("without it {words}"),
        None => words,
    })
}

/// The same of the text of a side.
pub(super) fn note_of(state: &State, side: Side, source: &str, line: u32) -> Option<String> {
    let study = &state.explore.studies.lines;
    let is_listed = || study.subject.as_deref() == state.shown(side).as_ref();
    let found = study.answers.iter().find(|it| it.line == line && it.source == source).filter(|_| is_listed())?;
    Some(match &found.without {
        Without::Breaks(found, _) => format!("{} breaks", found.promise.id()),
        other => words(other),
    })
}
