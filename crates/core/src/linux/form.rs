//! The forms of the macro that restores CR3.

#[cfg(doc)]
use super::Config;
use crate::choice::{self, UnknownName};
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

/// The form of the macro that restores CR3 on a paranoid exit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Form {
    /// `RESTORE_CR3` from 2017 to v6.8.
    A,
    /// Always flush the user CR3, posted in May 2020.
    B2,
    /// Skip kernel CR3, as resent in August 2023.
    C,
    /// `PARANOID_RESTORE_CR3` as merged in v6.9.
    E,
    /// Does not restore: for teaching.
    Never,
    /// A person's own text, [`Config::custom`]; it defines `RESTORE_CR3` or `PARANOID_RESTORE_CR3`.
    Custom,
}

impl Form {
    /// The forms whose text is ours.
    pub const NAMED: [Self; 5] = [Self::A, Self::B2, Self::C, Self::E, Self::Never];

    /// All, in the order in which they are offered.
    pub const ALL: [Self; 6] = [Self::A, Self::B2, Self::C, Self::E, Self::Never, Self::Custom];

    /// The form with a name in a link, including a person's own; `D` is the same code as `E`.
    pub fn named(name: &str) -> Option<Self> {
        let name = if name == "D" { "E" } else { name };
        Self::ALL.into_iter().find(|form| form.name() == name)
    }

    /// The name in links and lists.
    pub fn name(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::B2 => "B2",
            Self::C => "C",
            Self::E => "E",
            Self::Never => "never",
            Self::Custom => "custom",
        }
    }

    /// The origin of the form and what it does.
    pub fn description(self) -> &'static str {
        match self {
            Self::A => "RESTORE_CR3, December 2017 to v6.8: always writes CR3",
            Self::B2 => "posted May 2020: skips a kernel CR3, always flushes a user CR3",
            Self::C => "resent August 2023: skips a kernel CR3, else as form A",
            Self::E => "PARANOID_RESTORE_CR3, merged in v6.9: skips a kernel CR3, BTR on the pending flush",
            Self::Never => "does not restore: shows why the macro exists",
            Self::Custom => "your own text",
        }
    }
}

impl Display for Form {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Form {
    type Err = UnknownName;
    /// Form `D` is the same code as `E`. A text names a form without its macro, so [`Form::Custom`] has no name here.
    fn from_str(given: &str) -> Result<Self, UnknownName> {
        match given {
            "D" | "d" => Ok(Self::E),
            _ => choice::find("form", given, &Self::NAMED, |form| form.name()),
        }
    }
}
