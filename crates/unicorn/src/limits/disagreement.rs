//! What a limit is asked about.

use crate::difference::{Difference, Observed};
use cr3_core::machine::Cpu;
use iced_x86::Instruction;

/// A step in which the two differ.
#[derive(Clone, Copy, Debug)]
pub struct Disagreement<'a> {
    /// None when it could not be fetched or decoded.
    pub instruction: Option<&'a Instruction>,
    /// The bytes at RIP.
    pub bytes: &'a [u8],
    /// The registers before the step.
    pub before: &'a Cpu,
    /// What our machine came to.
    pub ours: &'a Observed,
    /// What the second CPU came to.
    pub theirs: &'a Observed,
    /// What is not equal.
    pub differences: &'a [Difference],
    /// Whether the manual leaves the result undefined.
    pub undefined: bool,
    /// Whether the instruction stores beside its own bytes.
    pub modifies_itself: bool,
    /// Whether our machine used a translation that its page tables do not give.
    pub stale: bool,
}
