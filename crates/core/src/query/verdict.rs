//! What a search may say.

use std::fmt::{self, Display, Formatter};
use std::num::ParseIntError;
use std::str::FromStr;

/// What a search says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every schedule up to the depth keeps every promise.
    Holds,
    /// Some schedule breaks one.
    Breaks,
    /// The search ended before it was through.
    NotFinished,
    /// The promise `reached` does not hold: something struck nowhere, or nowhere where it matters. So nothing is said.
    Empty,
}

impl Verdict {
    /// The name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Breaks => "breaks",
            Self::NotFinished => "not-finished",
            Self::Empty => "empty",
        }
    }
}

/// What is known of counterexamples that are shorter than one: of fewer exceptions, or of as many that break the same promise in fewer
/// steps. From most to least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shorter {
    /// There is none.
    None,
    /// No schedule of fewer exceptions breaks a promise. One of as many may break this one in fewer steps.
    OnlyInSteps,
    /// There may be one.
    Unknown,
}

impl Shorter {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::None, Self::OnlyInSteps, Self::Unknown];

    /// What to say of the counterexample.
    pub fn words(self) -> &'static str {
        match self {
            Self::None => "the shortest",
            Self::OnlyInSteps => "none of fewer exceptions; one of as many may take fewer steps",
            Self::Unknown => "there may be a shorter one",
        }
    }
}

/// Which schedules a search covered, from few to all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// All of up to so many exceptions.
    Depth(u32),
    /// All, of any depth and number.
    Any,
}

impl Display for Reach {
    /// As `--depth` takes it.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Depth(depth) => write!(f, "{depth}"),
            Self::Any => f.write_str("any"),
        }
    }
}

impl FromStr for Reach {
    type Err = ParseIntError;
    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        if text == "any" { Ok(Self::Any) } else { text.parse().map(Self::Depth) }
    }
}
