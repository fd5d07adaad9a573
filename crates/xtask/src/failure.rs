//! What went wrong, and what the person can do about it.

use std::fmt;

/// A failure that ends a command. Both halves are required: nobody gets an error without a way on.
#[derive(Debug)]
pub(crate) struct Failure {
    /// What is missing or broken, with its cause.
    what: String,
    /// The command or action that mends it.
    mend: String,
}

impl Failure {
    pub(crate) fn new(what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { what: what.into(), mend: mend.into() }
    }

    /// A file operation that failed at `path`.
    pub(crate) fn io(path: &std::path::Path, error: &std::io::Error) -> Self {
        Self::new(
            format!("{}: {error}", path.display()),
            "make sure that the folder is yours to write and the disk has room, then run the command again",
        )
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "failed: {}\n  mend: {}", self.what, self.mend)
    }
}
