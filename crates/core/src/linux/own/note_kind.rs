//! The kinds of notes on a person's own text, and the words that make a note one of a kind. Two of these stand where
//! other code writes them: [`CONFIGURED`] and [`COUNTS_AS_OFF`].

use super::super::tree::CONFIGURED;
use super::{Position, note};
use crate::asm::{COUNTS_AS_OFF, Diagnostic};
use std::fmt::Display;

/// How the line begins that says what the whole text was taken for.
pub(in crate::linux) const TAKEN: &str = "taken for ";
/// What stands after the part of a text that has no effect, with the reason or without.
const LEFT_OUT: [&str; 2] = [" is left out", " is left out: not modelled"];

/// The kind of a note.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoteKind<'n> {
    /// What the text was taken for, and in its hint, what it fits.
    Taken,
    /// The names of the configuration that the `.config` of a tree decides.
    Configured,
    /// A part of the text that has no effect; the hint says why.
    LeftOut,
    /// A feature with this name, which no switch decides.
    Off(&'n str),
    /// A place in the text.
    Place,
}

impl<'n> NoteKind<'n> {
    /// The kind of a note with this message.
    pub fn of(message: &'n str) -> Self {
        let off = message.strip_suffix(COUNTS_AS_OFF).and_then(|name| name.strip_prefix('`')?.strip_suffix("` "));
        match off {
            Some(name) => Self::Off(name),
            None if message.starts_with(TAKEN) => Self::Taken,
            None if message.starts_with(CONFIGURED) => Self::Configured,
            None if LEFT_OUT.iter().any(|end| message.ends_with(end)) => Self::LeftOut,
            None => Self::Place,
        }
    }

    /// The name of a feature that no switch decides.
    pub fn off(self) -> Option<&'n str> {
        match self {
            Self::Off(name) => Some(name),
            Self::Taken | Self::Configured | Self::LeftOut | Self::Place => None,
        }
    }
}

/// The note that says what the text was `taken` for.
pub(super) fn taken(at: Position, taken: &impl Display, hint: Option<String>) -> Diagnostic {
    note(at, format!("{TAKEN}{taken}"), hint)
}

/// A note on a feature that no switch decides.
pub(super) fn off(at: Position, name: &str, hint: &str) -> Diagnostic {
    note(at, format!("`{name}` {COUNTS_AS_OFF}"), Some(hint.to_owned()))
}

/// A note on what has no effect.
pub(super) fn left_out(at: Position, what: &str, hint: String) -> Diagnostic {
    note(at, format!("{what}{}", LEFT_OUT[0]), Some(hint))
}

/// A note on what the machine does not model.
pub(super) fn not_modelled(at: Position, what: &str, hint: String) -> Diagnostic {
    note(at, format!("{what}{}", LEFT_OUT[1]), Some(hint))
}
