//! What a person's own text was taken for, and what of it counts for nothing.

use crate::choice::Side;
use crate::state::State;
use cr3_core::asm::Diagnostic;

/// Names that are listed.
const NAMED: usize = 6;

/// What notes on a text end with.
const OFF: &str = "` counts as off";
const LEFT_OUT: [&str; 2] = [" is left out", " is left out: not modelled"];

/// What notes on a text begin with.
const TAKEN: [&str; 2] = ["taken for ", "of its .config "];

/// Where the files lie that a text changes.
const FOLDER: &str = "arch/x86/entry/";

/// What the text of a side was taken for, and what of it has no effect; empty if there is nothing to say. The text itself shows which macros it
/// changes.
pub(super) fn taken(state: &State, side: Side) -> String {
    let notes = state.runs.trace(side).map_or(&[][..], |trace| &trace.system.notes[..]);
    let is_said = |note: &&Diagnostic| {
        let message = note.message.as_str();
        TAKEN.iter().any(|begin| message.starts_with(begin)) || LEFT_OUT.iter().any(|end| message.ends_with(end))
    };
    let said = notes.iter().filter(is_said).flat_map(|note| {
        // Where it belongs is said in the hint, and of what is left out nothing more.
        let fits = note.hint.as_ref().filter(|_| note.message.starts_with(TAKEN[0]));
        let fits = fits.map(|fits| fits.replace(FOLDER, ""));
        std::iter::once(note.message.clone()).chain(fits)
    });
    said.chain(off(notes)).collect::<Vec<_>>().join("; ")
}

/// The names of the configuration that count as off.
fn off(notes: &[Diagnostic]) -> Option<String> {
    let mut names: Vec<_> = notes.iter().filter_map(|note| note.message.strip_prefix('`')?.strip_suffix(OFF)).collect();
    names.dedup();
    let more = names.len().checked_sub(NAMED).filter(|more| *more > 0);
    let shown = names.iter().take(NAMED).map(|name| (*name).to_owned());
    let list = shown.chain(more.map(|more| format!("{more} more names"))).collect::<Vec<_>>().join(", ");
    (!names.is_empty()).then(|| format!("off: {list}"))
}
