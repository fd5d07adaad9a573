//! Everything about one step, by executing it again under an observer that keeps what it is told.

use super::StepKind;
use crate::asm::Line;
use crate::machine::Fault;
use crate::machine::observe::{ControlAccess, Delivered, MemoryAccess, TlbEvent};

/// A register that a step changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegisterChange {
    /// The name as in AT&T syntax without `%`: `rax`, `rflags`, `cr3`, `gs_base`, `cs`.
    pub name: &'static str,
    /// Before the step.
    pub before: u64,
    /// After the step.
    pub after: u64,
}

/// Everything about one step.
#[derive(Clone, Debug, PartialEq)]
pub struct StepDetail {
    /// Index of the step.
    pub index: usize,
    /// What it was.
    pub kind: StepKind,
    /// `label+offset`, or the address in hexadecimal where no code was assembled.
    pub place: String,
    /// Address of the instruction, or of the interrupted one.
    pub rip: u64,
    /// The instruction in AT&T syntax; none when nothing could be fetched.
    pub instruction: Option<String>,
    /// The bytes of the instruction.
    pub bytes: Vec<u8>,
    /// The source line with the macro calls that led to it.
    pub line: Option<Line>,
    /// Registers that changed, in the order of the register view.
    pub registers: Vec<RegisterChange>,
    /// Accesses to memory in order; instruction fetches are not among them.
    pub memory: Vec<MemoryAccess>,
    /// What the translation caches did, in order.
    pub tlb: Vec<TlbEvent>,
    /// Accesses to control registers.
    pub control: Vec<ControlAccess>,
    /// The fault that the instruction raised.
    pub fault: Option<Fault>,
    /// The event that was delivered, with its frame.
    pub delivered: Option<Delivered>,
    /// `user_pcid_flush_mask` before and after.
    pub pending_flush: (u16, u16),
    /// What the step did, in one sentence.
    pub sentence: String,
}
