//! How a command ended, and what was wrong with its use.

use crate::table::rewrap;
use std::fmt::{self, Display, Formatter};
use std::io::{self, Write};

/// How a command ended that was used correctly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Success,
    /// A mismatch, a text that does not assemble, a run that ends in shutdown.
    Finding,
}

impl Outcome {
    pub(crate) fn finding_if(found: bool) -> Self {
        if found { Self::Finding } else { Self::Success }
    }
}

/// Wrong use: what is wrong, and what to do about it.
#[derive(Debug)]
pub(crate) struct WrongUse {
    cause: String,
    mend: String,
}

impl WrongUse {
    pub(crate) fn new(cause: impl Display, mend: impl Display) -> Self {
        Self { cause: cause.to_string(), mend: mend.to_string() }
    }
}

impl Display for WrongUse {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n  {}", self.cause, self.mend)
    }
}

/// Prints to standard error, wrapped like everything else.
pub(crate) fn tell(text: &str) {
    eprint!("{}", rewrap(text));
}

/// Prints a result. A reader that stops early, as `head` does, is no error.
pub(crate) fn print(text: &str) -> Result<(), WrongUse> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(WrongUse::new(format!("cannot write the result: {error}"), "check where standard output goes"))
        }
        _ => Ok(()),
    }
}

/// Prints a result as JSON.
pub(crate) fn print_json(value: &impl serde::Serialize) -> Result<(), WrongUse> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| WrongUse::new(format!("cannot write JSON: {error}"), "leave --json out"))?;
    print(&(text + "\n"))
}
