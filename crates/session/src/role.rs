//! What each of the page's workers is for. All run the same module.

/// What a worker does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Follows the runs with the second CPU.
    SecondCpu,
    /// Searches for schedules that break a promise.
    Explorer,
    /// Answers questions: the outcomes of the claims, what each line of a form is for.
    Studies,
    /// Assembles texts, and reads kernel trees for that.
    Assembler,
    /// Makes files of a comparison.
    Exports,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::SecondCpu, Self::Explorer, Self::Studies, Self::Assembler, Self::Exports];

    /// The name of the worker, by which it learns its role.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SecondCpu => "second CPU",
            Self::Explorer => "explorer",
            Self::Studies => "claims and lines",
            Self::Assembler => "assembler",
            Self::Exports => "exports",
        }
    }

    /// The role of a worker with that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

/// What a worker says once it can be written to.
pub const STARTED: &str = "started";
