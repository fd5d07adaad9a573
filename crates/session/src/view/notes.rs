//! What a person noted at steps.

use crate::state::State;
use crate::view::position;

/// A note as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noted {
    /// The row that it is pinned to.
    pub row: usize,
    /// That row in steps of each run.
    pub place: String,
    /// What it says.
    pub text: String,
}

/// The notes, in the order of their rows.
#[must_use]
pub fn notes(state: &State) -> Vec<Noted> {
    let noted = |note: &crate::link::Note| Noted {
        row: note.row,
        place: position::at(state, note.row),
        text: note.text.clone(),
    };
    state.notes.iter().map(noted).collect()
}

/// The note at the cursor; empty if there is none.
#[must_use]
pub fn here(state: &State) -> &str {
    let here = state.notes.iter().find(|note| note.row == state.cursor);
    here.map_or("", |note| &note.text)
}
