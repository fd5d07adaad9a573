//! The results of a check: how much was compared, and why it ended.

use crate::difference::{Difference, Observed};
use crate::limits::Limit;
use crate::processor::{CpuState, Failure};
use std::collections::BTreeMap;
use std::fmt;

/// The first disagreement of a run, with everything needed to look into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// Steps compared before this one.
    pub step: u64,
    /// The instruction in GNU syntax, or a description of another step.
    pub instruction: String,
    /// Its bytes, as far as the page tables let them be read.
    pub bytes: Vec<u8>,
    /// The registers before the step.
    pub before: CpuState,
    /// Our machine's result.
    pub ours: Observed,
    /// The second CPU's result.
    pub theirs: Observed,
    /// What differs.
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

/// The result of one step of our machine, from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Checked {
    /// The second CPU executed the instruction itself, and everything compared is equal.
    Agrees,
    /// The second CPU has also delivered the event itself, with equal stack, frame and registers.
    DeliveredByBoth,
    /// The second CPU took over our result of the step or of its delivery, for this reason.
    Unjudged(Limit),
    /// The two disagree: [`super::Checker::verdict`] has both states.
    Differs,
}

impl Checked {
    /// The worse of two; of two reasons, the first.
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
    /// Of these, those that the second CPU did itself, with the same registers and frame.
    pub delivered_by_both: u64,
    /// Steps and deliveries whose result the second CPU took over from us, by reason.
    pub mirrored: BTreeMap<Limit, u64>,
    /// Deliveries by both with one field that was not compared, by reason.
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
            write!(f, "; {count} except one field: {}", limit.reason())?;
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
