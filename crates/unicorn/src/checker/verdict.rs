//! What a check comes to: how much was compared, and why it ended.

use crate::difference::{Difference, Observed};
use crate::limits::Limit;
use crate::processor::{CpuState, Failure};
use std::collections::BTreeMap;
use std::fmt;

/// The first disagreement of a run, with all that is needed to look into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// Steps compared before this one.
    pub step: u64,
    /// The instruction in GNU syntax, or what else the step was.
    pub instruction: String,
    /// Its bytes, as far as the page tables let them be read.
    pub bytes: Vec<u8>,
    /// The registers before the step.
    pub before: CpuState,
    /// What our machine came to.
    pub ours: Observed,
    /// What the second CPU came to.
    pub theirs: Observed,
    /// What is not equal.
    pub differences: Vec<Difference>,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes: Vec<String> = self.bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        writeln!(f, "step {}: {}   [{}]", self.step, self.instruction, bytes.join(" "))?;
        for difference in &self.differences {
            writeln!(f, "  {difference}")?;
        }
        let states = [("before", &self.before), ("ours", &self.ours.state), ("theirs", &self.theirs.state)];
        for (title, state) in states {
            writeln!(f, "{title}:\n{state}")?;
        }
        Ok(())
    }
}

/// How much was compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Steps that the second CPU executed itself and that were compared in full.
    pub compared: u64,
    /// Of these, exceptions.
    pub exceptions: u64,
    /// Deliveries: the frame was compared with the second CPU's registers, then both went on from our handler's start.
    pub delivered: u64,
    /// Of these, those that the second CPU has delivered itself, with the same registers and frame.
    pub delivered_by_both: u64,
    /// Steps that were not compared, by the reason.
    pub mirrored: BTreeMap<Limit, u64>,
}

impl Tally {
    /// Adds what another run compared.
    pub fn add(&mut self, other: &Self) {
        self.compared += other.compared;
        self.exceptions += other.exceptions;
        self.delivered += other.delivered;
        self.delivered_by_both += other.delivered_by_both;
        for (limit, count) in &other.mirrored {
            *self.mirrored.entry(*limit).or_default() += count;
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { compared, exceptions, delivered, delivered_by_both: _, mirrored } = self;
        write!(f, "compared {compared} steps, {exceptions} of them exceptions; {delivered} deliveries")?;
        for (limit, count) in mirrored {
            write!(f, "; not compared {count}: {}", limit.reason())?;
        }
        Ok(())
    }
}

/// Why a check ended early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The two disagree.
    Mismatch(Box<Mismatch>),
    /// The second CPU broke down.
    Failure(Failure),
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mismatch(mismatch) => mismatch.fmt(f),
            Self::Failure(failure) => failure.fmt(f),
        }
    }
}
