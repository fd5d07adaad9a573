//! What a person's own text was taken for, and what of it counts for nothing.

use crate::choice::Side;
use crate::state::State;
use cr3_core::asm::Diagnostic;
use cr3_core::linux::NoteKind;

/// Names that are listed.
const NAMED: usize = 6;

/// Where the files lie that a text changes.
const FOLDER: &str = "arch/x86/entry/";

/// What the text of a side was taken for, and what of it has no effect; empty if there is nothing to say. The text itself shows which macros it
/// changes.
pub(super) fn taken(state: &State, side: Side) -> String {
    let notes = state.runs.trace(side).map_or(&[][..], |trace| &trace.system.notes[..]);
    notes.iter().flat_map(said).chain(off(notes)).collect::<Vec<_>>().join("; ")
}

/// What is repeated of a note.
fn said(note: &Diagnostic) -> Vec<String> {
    match NoteKind::of(&note.message) {
        NoteKind::Taken => {
            let fits = note.hint.as_ref().map(|fits| fits.replace(FOLDER, ""));
            std::iter::once(note.message.clone()).chain(fits).collect()
        }
        NoteKind::Configured | NoteKind::LeftOut => vec![note.message.clone()],
        NoteKind::Off(_) | NoteKind::Place => Vec::new(),
    }
}

/// The names of the configuration that count as off.
fn off(notes: &[Diagnostic]) -> Option<String> {
    let mut names: Vec<_> = notes.iter().filter_map(|note| NoteKind::of(&note.message).off()).collect();
    names.dedup();
    let more = names.len().checked_sub(NAMED).filter(|more| *more > 0);
    let shown = names.iter().take(NAMED).map(|name| (*name).to_owned());
    let list = shown.chain(more.map(|more| format!("{more} more names"))).collect::<Vec<_>>().join(", ");
    (!names.is_empty()).then(|| format!("off: {list}"))
}
