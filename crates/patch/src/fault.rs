//! Why a text is not taken, or a patch not applied.

use crate::{MAX_HUNKS, MAX_TEXT};
use std::fmt::{self, Display, Formatter};

/// Why a text is not taken or a patch does not fit: a place in the given text, a cause and a mend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The text is longer than [`MAX_TEXT`].
    TooLong,
    /// More hunks than [`MAX_HUNKS`].
    TooManyHunks {
        /// The line of the first that is too many.
        line: u32,
    },
    /// A hunk has fewer lines than its head says.
    Cut {
        /// The last line that it has.
        line: u32,
        /// Lines that its head promises beyond it.
        missing: u32,
    },
    /// No text is of any file that the patch changes.
    NoFile {
        /// The line that names the first of them.
        line: u32,
        /// Its path.
        path: String,
    },
    /// A hunk adds code and has no line of code to find its place by.
    NoCode {
        /// The line of its head.
        line: u32,
    },
    /// No line of a hunk stands in the text in its order.
    Nowhere {
        /// The first line of code of the hunk.
        line: u32,
        /// What it says.
        wanted: String,
    },
    /// A hunk fits nowhere.
    Differs {
        /// The first line of the hunk that differs from the text, where the two agree most.
        line: u32,
        /// What it says.
        wanted: String,
        /// What stands there, with the line of the base text from 0; nothing at the end of the text.
        found: Option<(String, usize)>,
    },
    /// A hunk fits at several places.
    Ambiguous {
        /// The line of its head.
        line: u32,
        /// How many.
        places: usize,
    },
}

impl Fault {
    /// Line of the given text, from 1.
    pub fn line(&self) -> u32 {
        match *self {
            Self::TooLong => 1,
            Self::TooManyHunks { line }
            | Self::Cut { line, .. }
            | Self::NoFile { line, .. }
            | Self::NoCode { line }
            | Self::Nowhere { line, .. }
            | Self::Differs { line, .. }
            | Self::Ambiguous { line, .. } => line,
        }
    }

    /// What to do about it.
    pub fn mend(&self) -> &'static str {
        match self {
            Self::TooLong => "give the mail or the macros alone",
            Self::TooManyHunks { .. } => "give the patches that change these texts alone",
            Self::Cut { .. } => "give the patch itself instead of a reply that quotes a part of it",
            Self::NoFile { .. } => "give a patch that changes one of those files",
            Self::NoCode { .. } | Self::Ambiguous { .. } => {
                "make the diff with more lines of context, as by `git diff -U8`"
            }
            Self::Differs { .. } | Self::Nowhere { .. } => {
                "give the patches before it too, or the macros as it leaves them"
            }
        }
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "the text is longer than {} KiB", MAX_TEXT >> 10),
            Self::TooManyHunks { .. } => write!(f, "the patches have more than {MAX_HUNKS} hunks for these texts"),
            Self::Cut { missing: 1, .. } => write!(f, "the hunk is cut short: its last line is missing"),
            Self::Cut { missing, .. } => write!(f, "the hunk is cut short: {missing} of its lines are missing"),
            Self::NoFile { path, .. } => write!(f, "no text has the name {path}"),
            Self::NoCode { .. } => write!(f, "the hunk has no line of code by which its place can be found"),
            Self::Differs { wanted, found: Some((found, _)), .. } => {
                write!(f, "the hunk does not fit: it has `{wanted}` where the text has `{found}`")
            }
            Self::Differs { wanted, found: None, .. } => {
                write!(f, "the hunk does not fit: it has `{wanted}` where the text ends")
            }
            Self::Nowhere { wanted, .. } => {
                write!(f, "the hunk does not fit: nothing in the text matches `{wanted}` and the lines after it")
            }
            Self::Ambiguous { places, .. } => write!(f, "the hunk fits at {places} places"),
        }
    }
}

impl std::error::Error for Fault {}
