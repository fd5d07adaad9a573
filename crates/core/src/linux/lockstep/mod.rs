//! Two texts side by side: from every entry point both are followed as a processor would, and each pair of instructions is
//! compared.
//!
//! Opcode, operands, order and targets have to agree. No-operations count for nothing, and alternatives are applied. An
//! address is the same if it is paired with the other, has the same name, or holds the same data.

mod code;
mod declared;
mod same;
mod walk;

pub(crate) use code::{Code, goes_on};
pub use declared::{DECLARED, Declared};
pub(crate) use walk::{Found, Macro, Mitigations, Parting, walk};
