//! Choices have names; links, the command line and the page share them.

use std::fmt::{self, Display, Formatter};

/// A name that none of the choices has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownName {
    /// The kind of choice: `form`, `feature`, `handler`, `TLB geometry`, `preset`.
    pub kind: &'static str,
    /// The name as given.
    pub given: String,
    /// The existing names.
    pub known: Vec<&'static str>,
}

impl Display for UnknownName {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { kind, given, known } = self;
        write!(f, "unknown {kind} '{given}': one of {}", known.join(", "))
    }
}

impl std::error::Error for UnknownName {}

/// The choice among `all` with the name `given`, in upper or lower case.
pub(crate) fn find<T: Copy>(
    kind: &'static str,
    given: &str,
    all: &[T],
    name: impl Fn(&T) -> &'static str,
) -> Result<T, UnknownName> {
    all.iter().find(|choice| name(choice).eq_ignore_ascii_case(given)).copied().ok_or_else(|| UnknownName {
        kind,
        given: given.to_owned(),
        known: all.iter().map(name).collect(),
    })
}
