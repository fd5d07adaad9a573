//! Kernel trees in the editor: which are open, which side runs them, and what to know of them.

use super::diagnostics::{Problem, problems};
use crate::action::Action;
use crate::assembly::Failure;
use crate::choice::{Form, Own, Side};
use crate::state::State;
use crate::tree::Opened;
use cr3_core::linux::TreeId;

/// What a button of a side does, and whether the side has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Switch {
    /// Whether it is on.
    pub is_on: bool,
    /// What a press does.
    pub action: Action,
}

/// A tree that was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Names it.
    pub id: TreeId,
    /// Its release and what was read of it.
    pub words: String,
    /// Whether each side runs it.
    pub sides: [Switch; 2],
}

/// The trees that were opened, newest first.
#[must_use]
pub fn rows(state: &State) -> Vec<Row> {
    state.trees.opened.iter().map(|opened| row(state, opened)).collect()
}

fn row(state: &State, opened: &Opened) -> Row {
    let Opened { id, release, files, configured, .. } = opened;
    let separator = if configured.is_empty() { "" } else { "; " };
    let words = format!("{release}, {files} files read{separator}{configured}; {}", opened.c_side());
    Row { id: *id, words, sides: Side::BOTH.map(|side| of_tree(state, side, *id)) }
}

fn of_tree(state: &State, side: Side, id: TreeId) -> Switch {
    let is_on = state.setup.tree(side) == Some(id);
    let action = if is_on { Action::SetForm(side, Form::E) } else { Action::SetOwn(side, Own::Tree(id)) };
    Switch { is_on, action }
}

/// Whether a side runs the editor's text, alone or as an edit of a tree.
#[must_use]
pub fn of_text(state: &State, side: Side) -> Switch {
    let is_on = state.setup.uses_text(side);
    let own = state.setup.own[side.index()];
    let action = match state.setup.tree(side) {
        Some(_) if is_on => Action::SetOwn(side, own.without_text()),
        Some(_) => Action::SetOwn(side, own.with_text()),
        None => Action::SetForm(side, Form::Custom),
    };
    Switch { is_on, action }
}

/// What goes on with trees, for a person who waits; empty if nothing does.
#[must_use]
pub fn status(state: &State) -> String {
    match (&state.trees.trouble, state.trees.opening) {
        (Some(why), _) => format!("These files cannot be run. {why}"),
        (None, true) => "The tree is being read.".to_owned(),
        (None, false) => String::new(),
    }
}

/// What is wrong with the trees that sides run as they stand, or is to be known of them.
#[must_use]
pub fn said(state: &State) -> Vec<Problem> {
    let plain =
        Side::BOTH.into_iter().filter(|side| state.setup.tree(*side).is_some() && !state.setup.uses_text(*side));
    let told = plain.flat_map(|side| match &state.runs.sides[side.index()] {
        Ok(trace) => trace.system.notes.to_vec(),
        Err(Failure::Refused(diagnostics)) => diagnostics.clone(),
        Err(Failure::Awaited | Failure::Lost(_)) => Vec::new(),
    });
    problems(&told.collect::<Vec<_>>(), "")
}
