//! The outcome of the mutants of a form.

use super::survivors::reason;
use super::{Id, Macro, Mutant, Operator};
use crate::explore::Violation;
use crate::linux::Form;
use std::ops::{Add, AddAssign};

/// What a mutant does more than the original, over everything that its macros may be given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extra {
    /// How many inputs were tried, over all sites and sets of features.
    pub inputs: u64,
    /// Writes to CR3.
    pub writes: u64,
    /// Writes to CR3 that flush.
    pub flushes: u64,
}

impl Add for Extra {
    type Output = Self;
    fn add(mut self, other: Self) -> Self {
        self += other;
        self
    }
}

impl AddAssign for Extra {
    fn add_assign(&mut self, other: Self) {
        self.inputs += other.inputs;
        self.writes += other.writes;
        self.flushes += other.flushes;
    }
}

/// The outcome of a mutant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The assembler refuses it, with the message.
    NotAssembling(String),
    /// It makes the code of the form itself, or of another mutant.
    SameBytes(Option<Id>),
    /// A schedule breaks a promise on some system: the shortest there.
    Killed(Box<Violation>),
    /// No schedule breaks a promise, but it stores to a word that the form's macros never store to.
    StrayStore {
        /// Physical address of the eight bytes.
        address: u64,
    },
    /// It leaves the same whatever it is given and whatever strikes, and costs more.
    Slower(Extra),
    /// It leaves the same whatever it is given and whatever strikes, at the same cost.
    Equivalent(Extra),
    /// No schedule breaks a promise, and it is not the same.
    Survivor,
}

impl Verdict {
    /// The names of all, in the order in which they are counted.
    pub const NAMES: [&str; 7] =
        ["killed", "stray-store", "slower", "equivalent", "same-bytes", "does-not-assemble", "survivor"];

    /// Of a mutant that does the same, and so much more.
    pub(super) fn same(extra: Extra) -> Self {
        if extra.writes != 0 || extra.flushes != 0 { Self::Slower(extra) } else { Self::Equivalent(extra) }
    }

    /// The name in tables and JSON.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Killed(_) => "killed",
            Self::StrayStore { .. } => "stray-store",
            Self::Slower(_) => "slower",
            Self::Equivalent(_) => "equivalent",
            Self::SameBytes(_) => "same-bytes",
            Self::NotAssembling(_) => "does-not-assemble",
            Self::Survivor => "survivor",
        }
    }
}

/// A mutant and its outcome.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The mutant.
    pub mutant: Mutant,
    /// Its outcome.
    pub verdict: Verdict,
}

impl Judged {
    /// Why nothing kills a mutant that survives, where that is known.
    pub fn reason(&self, form: Form) -> Option<&'static str> {
        if self.verdict == Verdict::Survivor { reason(form, self.mutant.id) } else { None }
    }
}

/// How many mutants are found, of those that could be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Score {
    /// Killed, or seen to store where they must not.
    pub killed: u64,
    /// Those and the survivors.
    pub of: u64,
}

impl Score {
    /// The score that a form must have.
    pub const ENOUGH_PER_CENT: u64 = 95;

    /// Whether enough are killed.
    pub fn is_enough(self) -> bool {
        self.killed * 100 >= self.of * Self::ENOUGH_PER_CENT
    }

    /// Tenths of a per cent, rounded down. Of no mutants all are killed.
    pub fn per_mille(self) -> u64 {
        (self.killed * 1000).checked_div(self.of).unwrap_or(1000)
    }
}

/// The outcome of the mutants of a form.
#[derive(Clone, Debug)]
pub struct Report {
    /// The form.
    pub form: Form,
    /// The most strikes of a schedule.
    pub depth: u32,
    /// What breaks the form itself, system by system. If anything does, no mutant is searched.
    pub original: Vec<Violation>,
    /// Every mutant about which something can be said.
    pub judged: Vec<Judged>,
    /// What the explorer did not confirm or not finish: its mistakes.
    pub unconfirmed: Vec<String>,
}

/// What fails without a line of a macro.
#[derive(Clone, Debug)]
pub struct LineFate<'a> {
    /// The macro.
    pub part: Macro,
    /// The text in which it stands.
    pub source: &'a str,
    /// The line there, from 1.
    pub line: u32,
    /// The statement.
    pub statement: &'a str,
    /// The outcome of the macro without it.
    pub without: &'a Verdict,
    /// Why nothing kills that, if nothing does and it is known.
    pub reason: Option<&'static str>,
}

impl Report {
    /// How many mutants have the verdict of this name.
    pub fn count(&self, name: &str) -> u64 {
        self.judged.iter().filter(|judged| judged.verdict.name() == name).count() as u64
    }

    /// How many are found.
    pub fn score(&self) -> Score {
        let killed = self.count("killed") + self.count("stray-store");
        Score { killed, of: killed + self.count("survivor") }
    }

    /// Those that nothing kills and nothing excuses.
    pub fn survivors(&self) -> impl Iterator<Item = &Judged> {
        self.judged.iter().filter(|judged| judged.verdict == Verdict::Survivor)
    }

    /// For each line of the macros, what fails without it: the shortest counterexample of the mutant that deletes it, or nothing.
    pub fn lines(&self) -> impl Iterator<Item = LineFate<'_>> {
        let deletions = self.judged.iter().filter(|judged| judged.mutant.id.operator == Operator::Delete);
        deletions.map(|judged| LineFate {
            part: judged.mutant.id.part,
            source: &judged.mutant.source,
            line: judged.mutant.line,
            statement: &judged.mutant.old,
            without: &judged.verdict,
            reason: judged.reason(self.form),
        })
    }
}
