//! The review thread as experiments: who said what, what is measured for it, and what that comes to.
//!
//! The thread is "[PATCH RESEND] x86/entry: Don't write to CR3 when restoring to kernel CR3", August and September 2023. [`CLAIMS`] is
//! data. A verdict is computed from runs, sweeps and the explorer; only what is about history carries a reason instead. In an experiment form E
//! stands for the [`Subject`], so that a person can put a macro of their own in its place.

mod lab;
mod measure;
mod phrases;
mod show;
mod sweep;
mod thread;
mod world;

pub use lab::{Lab, Subject};
pub use measure::{End, Fact, Measure, Scene, Search, Sweep, Tally};
pub use show::{Look, Show, Shown};
pub use sweep::{Sum, Where};
pub use thread::{CLAIMS, Mail};

use crate::asm::Diagnostic;

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

/// Two numbers held against each other.
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

/// What a measure is held against.
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

/// A claim and what it came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// The claim.
    pub claim: &'static Claim,
    /// What it comes to.
    pub verdict: Verdict,
    /// What was measured, in the order in which the tests ask.
    pub numbers: Vec<(Measure, i64)>,
    /// The exceptions, in words.
    pub exceptions: Vec<&'static str>,
}

impl Claim {
    /// The claim with this number.
    pub fn numbered(id: u32) -> Option<&'static Self> {
        CLAIMS.iter().find(|claim| claim.id == id)
    }

    /// Carries out its experiment.
    ///
    /// # Errors
    /// The assembler's diagnostics when the subject does not assemble.
    pub fn judge(&'static self, lab: &mut Lab) -> Result<Judged, Vec<Diagnostic>> {
        match self.basis {
            Basis::Measured(experiment) => experiment.judge(self, lab),
            Basis::Undecidable(_) => {
                let (numbers, exceptions) = (Vec::new(), Vec::new());
                Ok(Judged { claim: self, verdict: Verdict::Undecidable, numbers, exceptions })
            }
        }
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

    fn judge(self, claim: &'static Claim, lab: &mut Lab) -> Result<Judged, Vec<Diagnostic>> {
        let numbers = self.measures().into_iter().map(|measure| Ok((measure, lab.measure(measure)?)));
        let numbers = numbers.collect::<Result<Vec<_>, Vec<Diagnostic>>>()?;
        let exceptions = self.exceptions.iter().filter(|exception| exception.test.succeeds(&numbers));
        let exceptions: Vec<_> = exceptions.map(|exception| exception.words).collect();
        let verdict = match (self.holds.iter().all(|test| test.succeeds(&numbers)), exceptions.is_empty()) {
            (false, _) => Verdict::Refuted,
            (true, false) => Verdict::Exception,
            (true, true) => Verdict::Confirmed,
        };
        // What is refuted has no exceptions.
        let exceptions = if verdict == Verdict::Exception { exceptions } else { Vec::new() };
        Ok(Judged { claim, verdict, numbers, exceptions })
    }
}

impl Test {
    fn measures(&self) -> Vec<Measure> {
        match self.right {
            Term::Number(_) => vec![self.left],
            Term::Times(_, right) => vec![self.left, right],
        }
    }

    /// Whether it is so by these numbers; a number that is missing proves nothing.
    fn succeeds(&self, numbers: &[(Measure, i64)]) -> bool {
        let value = |wanted: Measure| numbers.iter().find(|(measure, _)| *measure == wanted).map(|(_, value)| *value);
        let right = match self.right {
            Term::Number(number) => Some(number),
            Term::Times(times, measure) => value(measure).map(|value| times * value),
        };
        match (value(self.left), right) {
            (Some(left), Some(right)) => self.is.holds(left, right),
            _ => false,
        }
    }
}

impl Relation {
    fn holds(self, left: i64, right: i64) -> bool {
        match self {
            Self::Equal => left == right,
            Self::Less => left < right,
            Self::More => left > right,
        }
    }
}
