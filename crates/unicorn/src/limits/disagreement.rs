//! The facts that a limit decides on.

use crate::difference::{Difference, Observed};
use cr3_core::machine::Cpu;
use iced_x86::Instruction;

/// A step in which the two differ.
#[derive(Clone, Copy, Debug)]
pub struct Disagreement<'a> {
    /// None if it could not be fetched or decoded.
    pub instruction: Option<&'a Instruction>,
    /// The bytes at RIP.
    pub bytes: &'a [u8],
    /// The registers before the step.
    pub before: &'a Cpu,
    /// Our machine's result.
    pub ours: &'a Observed,
    /// The second CPU's result.
    pub theirs: &'a Observed,
    /// What differs.
    pub differences: &'a [Difference],
    /// Whether the manual leaves the result undefined.
    pub undefined: bool,
    /// Whether the instruction stores near its own bytes.
    pub modifies_itself: bool,
    /// Whether our machine used a translation that is not in its page tables.
    pub stale: bool,
}
