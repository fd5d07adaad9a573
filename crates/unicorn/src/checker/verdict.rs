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

/// What one step of our machine came to, from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Checked {
    /// The second CPU executed the instruction itself, and all that is compared is equal.
    Agrees,
    /// The second CPU has also delivered the event itself, with equal stack, frame and registers.
    DeliveredByBoth,
    /// The second CPU took over our result of the step or of its delivery, for this reason.
    Unjudged(Limit),
    /// The two disagree: [`super::Checker::verdict`] has both states.
    Differs,
}

impl Checked {
    /// The worse of two, and the first of two reasons.
    pub(super) fn or_worse(self, other: Self) -> Self {
        let rank = |checked| match checked {
            Self::Agrees => 0,
            Self::DeliveredByBoth => 1,
            Self::Unjudged(_) => 2,
            Self::Differs => 3,
        };
        if rank(other) > rank(self) { other } else { self }
    }
}

/// How much was compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Steps that the second CPU executed itself and that were compared in full.
    pub compared: u64,
    /// Of these, exceptions.
    pub exceptions: u64,
    /// Deliveries.
    pub delivered: u64,
    /// Of these, those that the second CPU has done itself, with the same registers and frame.
    pub delivered_by_both: u64,
    /// Steps and deliveries of which the second CPU took over our result, by the reason.
    pub mirrored: BTreeMap<Limit, u64>,
    /// Deliveries done by both of which one field was not compared, by the reason.
    pub masked: BTreeMap<Limit, u64>,
}

impl Tally {
    /// Adds what another run compared.
    pub fn add(&mut self, other: &Self) {
        self.compared += other.compared;
        self.exceptions += other.exceptions;
        self.delivered += other.delivered;
        self.delivered_by_both += other.delivered_by_both;
        for (own, others) in [(&mut self.mirrored, &other.mirrored), (&mut self.masked, &other.masked)] {
            for (limit, count) in others {
                *own.entry(*limit).or_default() += count;
            }
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { compared, exceptions, delivered, delivered_by_both, mirrored, masked } = self;
        write!(f, "compared {compared} steps, {exceptions} of them exceptions; ")?;
        write!(f, "{delivered} deliveries, {delivered_by_both} of them by both")?;
        for (limit, count) in mirrored {
            write!(f, "; not compared {count}: {}", limit.reason())?;
        }
        for (limit, count) in masked {
            write!(f, "; {count} but for one field: {}", limit.reason())?;
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
