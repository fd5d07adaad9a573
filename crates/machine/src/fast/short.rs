//! The forms of most instructions, with their operands looked up once, when they are decoded.
//!
//! A shorter way to what [`crate::exec`] does for registers and memory of 32 and 64 bits, with the same arithmetic.
//! Locked, narrow and rare instructions take the long way. So do those that access memory more than once, and those
//! that fault.

mod compute;
mod of;
mod transfer;

use crate::exec::condition::Condition;
use crate::exec::width::Width;
use crate::{Register, SegmentRegister};

/// An instruction in such a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Short {
    Compute(Compute),
    Transfer(Transfer),
}

/// Works on registers and cannot fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Compute {
    operation: Operation,
    /// When a conditional jump is taken. A field of its own, so that one table lookup finds the operation.
    condition: Condition,
    /// Width of the operands: 32 or 64 bits.
    width: Width,
    /// Operand 0.
    target: Register,
    /// Operand 1, if it is a register.
    source: Option<Register>,
    /// What LEA adds up.
    address: Address,
    /// Operand 1, if it is no register; the displacement of LEA; the target of a jump.
    constant: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Mov,
    Lea,
    Add,
    Adc,
    Sub,
    Sbb,
    And,
    Or,
    Xor,
    Cmp,
    Test,
    Inc,
    Dec,
    Shl,
    Shr,
    Sar,
    Bt,
    Jump,
    JumpIf,
}

/// Loads once, stores once, or pushes what it loads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Transfer {
    kind: Kind,
    /// Width of the access: 4 or 8 bytes.
    width: Width,
    /// What the instruction loads, stores, compares, pushes or pops, if that is a register.
    register: Option<Register>,
    address: Address,
    displacement: u64,
    /// FS or GS, which have a base in 64-bit mode.
    segment: Option<SegmentRegister>,
    /// What the instruction stores, compares or pushes, if that is no register; the target of a call.
    constant: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Load,
    Store,
    /// Compares memory with a register or a constant.
    Compare,
    Push,
    PushMemory,
    Pop,
    Call,
    Return,
}

/// The 64-bit registers that a memory operand adds to its displacement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Address {
    base: Option<Register>,
    index: Option<Register>,
    scale: u8,
}
