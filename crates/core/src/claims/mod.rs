//! The review thread as experiments: who said what, what is measured for it, and what that comes to.
//!
//! The thread is "[PATCH RESEND] x86/entry: Don't write to CR3 when restoring to kernel CR3", August and September 2023. [`CLAIMS`] is
//! data. A verdict is computed from runs, sweeps and the explorer; only what is about history carries a reason instead. In an experiment form E
//! stands for the [`Subject`], so that a person can put a macro of their own in its place.

#[cfg(feature = "search")]
mod judge;
#[cfg(feature = "search")]
mod lab;
mod measure;
mod phrases;
mod show;
mod subject;
mod sums;
#[cfg(feature = "search")]
mod sweep;
mod thread;
#[cfg(feature = "search")]
mod world;

#[cfg(feature = "search")]
pub use judge::{Judged, Shown};
#[cfg(feature = "search")]
pub use lab::Lab;
pub use measure::{End, Fact, Measure, Scene, Search, Sweep, Tally};
pub use show::{Look, Show};
pub use subject::Subject;
pub use sums::{Sum, Where};
pub use thread::{CLAIMS, Mail};

/// A sentence of the thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Its number, from 1: that of the project's list of claims.
    pub id: u32,
    /// Where it was said.
    pub mail: Mail,
    /// Who said it.
    pub who: &'static str,
    /// What they said, in short and in our words.
    pub says: &'static str,
    /// What decides it.
    pub basis: Basis,
    /// What to look at.
    pub shows: &'static [Show],
}

/// What decides a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// An experiment.
    Measured(Experiment),
    /// The machine cannot tell, for this reason.
    Undecidable(&'static str),
}

/// What is measured, and what it would have to come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Experiment {
    /// What the claim says. One that fails refutes it.
    pub holds: &'static [Test],
    /// What the claim leaves out. One that succeeds is an exception.
    pub exceptions: &'static [Exception],
}

/// An exception to a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exception {
    /// When it is one.
    pub test: Test,
    /// In words.
    pub words: &'static str,
}

/// Two numbers compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Test {
    /// What is measured.
    pub left: Measure,
    /// How it has to stand to the other.
    pub is: Relation,
    /// The other.
    pub right: Term,
}

/// How two numbers stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// The left one is as large.
    Equal,
    /// The left one is smaller.
    Less,
    /// The left one is larger.
    More,
}

/// What a measure is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Term {
    /// A number.
    Number(i64),
    /// So many times another measure.
    Times(i64, Measure),
}

/// The verdict on a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It is as it was said.
    Confirmed,
    /// It is as it was said, except for a case that the sentence leaves out.
    Exception,
    /// It is not as it was said.
    Refuted,
    /// The machine cannot tell.
    Undecidable,
}

impl Verdict {
    /// All, in the order in which they are counted.
    pub const ALL: [Self; 4] = [Self::Confirmed, Self::Exception, Self::Refuted, Self::Undecidable];

    /// The name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Exception => "confirmed-with-an-exception",
            Self::Refuted => "refuted",
            Self::Undecidable => "not-decidable-here",
        }
    }

    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Exception => "confirmed with an exception",
            Self::Refuted => "refuted",
            Self::Undecidable => "not decidable here",
        }
    }
}

/// What the numbers of sweeps call boundaries and runs, and what that means.
pub const TERMS: [(&str, &str); 3] = [
    ("entry windows", "the kernel on the user's tables before entry has switched CR3"),
    ("exit windows", "the kernel on the user's tables after exit has switched CR3"),
    ("go wrong", "user-cr3, kernel-cr3 or flush-kept breaks, or the program does not exit"),
];

impl Claim {
    /// The claim with this number.
    pub fn numbered(id: u32) -> Option<&'static Self> {
        CLAIMS.iter().find(|claim| claim.id == id)
    }
}

impl Experiment {
    /// Every measure that its tests ask for, each once.
    pub fn measures(self) -> Vec<Measure> {
        let tests = self.holds.iter().chain(self.exceptions.iter().map(|exception| &exception.test));
        let mut measures = Vec::new();
        for measure in tests.flat_map(Test::measures) {
            if !measures.contains(&measure) {
                measures.push(measure);
            }
        }
        measures
    }
}

impl Test {
    fn measures(&self) -> Vec<Measure> {
        match self.right {
            Term::Number(_) => vec![self.left],
            Term::Times(_, right) => vec![self.left, right],
        }
    }
}
