//! Names that a person's text asks for and nothing here decides.

use super::super::constants::decides;
use super::origins::Origins;
use super::{Diagnostic, Position, note_kind};
use crate::asm::sorted::Set;

/// A note on each feature that no switch decides, at its first place in lines that a person gave.
pub(super) fn features(statements: &[(Position, String)], origins: &Origins) -> Vec<Diagnostic> {
    let mut said = Set::new();
    let mut notes = Vec::new();
    for (at, statement) in statements {
        if !origins.is_given(*at) {
            continue;
        }
        for name in names(statement) {
            if !decides(name) && said.insert(name.to_owned()) {
                let hint = "the machine does not model it, and no switch decides it";
                notes.push(note_kind::off(origins.place(*at).0, name, hint));
            }
        }
    }
    notes
}

/// The kernel's names of features in a statement.
fn names(statement: &str) -> impl Iterator<Item = &str> {
    let words = statement.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("X86_FEATURE_") || word.starts_with("X86_BUG_"))
}
