//! The forms that most instructions have, their operands looked up once when they are decoded.
//!
//! A shorter way to what [`crate::exec`] does for registers and memory of 32 and 64 bits, with the same sums. Everything else
//! goes the long way: what is locked, narrow or rare, what does more than one thing with memory, and what faults.

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
    /// When a conditional jump jumps. Beside the operation and not in it, so that what to do is one look into a table.
    condition: Condition,
    /// Of the operands: 32 or 64 bits.
    width: Width,
    /// Operand 0.
    target: Register,
    /// Operand 1, if it is a register.
    source: Option<Register>,
    /// What LEA adds up.
    address: Address,
    /// Operand 1, if it is none; displacement of LEA, target of a jump.
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
    /// Of the access: 4 or 8 bytes.
    width: Width,
    /// What is loaded, stored, compared, pushed or popped, if it is a register.
    register: Option<Register>,
    address: Address,
    displacement: u64,
    /// FS or GS, which have a base in 64-bit mode.
    segment: Option<SegmentRegister>,
    /// What is stored, compared or pushed, if it is no register; target of a call.
    constant: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Load,
    Store,
    /// Memory with a register or a constant.
    Compare,
    Push,
    PushMemory,
    Pop,
    Call,
    Return,
}

/// Registers of 64 bits that a memory operand adds to its displacement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Address {
    base: Option<Register>,
    index: Option<Register>,
    scale: u8,
}
