//! What notes on a person's own text are about. The words by which a reader of notes tells them apart stand
//! here, but for how the line about a `.config` begins, which stands with its text, and the assembler's note on a name that is off
//! (`cr3-asm`, `report`), which ends as [`OFF`] does.

use super::super::tree::CONFIGURED;
use super::{Position, note};
use crate::asm::Diagnostic;
use std::fmt::Display;

/// How the line begins that says what the whole text was taken for.
pub(in crate::linux) const TAKEN: &str = "taken for ";
/// What stands after the name of a feature.
const OFF: &str = "` counts as off";
/// What stands after the part of a text that has no effect, with the reason or without.
const LEFT_OUT: [&str; 2] = [" is left out", " is left out: not modelled"];

/// What a note is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said<'n> {
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

impl<'n> Said<'n> {
    /// What a note with this message is about.
    pub fn of(message: &'n str) -> Self {
        let off = message.strip_prefix('`').and_then(|name| name.strip_suffix(OFF));
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
    note(at, format!("`{name}{OFF}"), Some(hint.to_owned()))
}

/// A note on what has no effect.
pub(super) fn left_out(at: Position, what: &str, hint: String) -> Diagnostic {
    note(at, format!("{what}{}", LEFT_OUT[0]), Some(hint))
}

/// A note on what the machine does not model.
pub(super) fn not_modelled(at: Position, what: &str, hint: String) -> Diagnostic {
    note(at, format!("{what}{}", LEFT_OUT[1]), Some(hint))
}
