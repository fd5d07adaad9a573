//! The macros that decide about CR3.

use std::fmt::{self, Display, Formatter};

/// A macro that decides about CR3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Macro {
    /// The macro of the form, called on paranoid exits.
    Restore,
    /// `SAVE_AND_SWITCH_TO_KERNEL_CR3`, called on paranoid entry.
    Save,
    /// `SWITCH_TO_USER_CR3`, called on the ways back to user mode.
    User,
}

impl Macro {
    /// All, in the order in which they are shown.
    pub const ALL: [Self; 3] = [Self::Restore, Self::Save, Self::User];

    /// The first part of a mutant's id.
    pub fn name(self) -> &'static str {
        match self {
            Self::Restore => "restore",
            Self::Save => "save",
            Self::User => "user",
        }
    }
}

impl Display for Macro {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
