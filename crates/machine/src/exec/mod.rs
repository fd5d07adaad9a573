//! Execution: one short function per instruction, grouped by kind; `dispatch` names them all.
//!
//! An instruction function reads and checks everything before it changes anything. A fault therefore needs no undoing:
//! [`crate::step`] only puts RIP back. The manual makes one exception, repeated string instructions.

pub mod arithmetic;
pub mod condition;
pub mod cpuid;
pub mod multiply;
pub mod shift;
pub mod string;
pub mod undefined;
mod unmodelled;
pub mod width;

mod alu;
mod bits;
mod data;
mod dispatch;
mod far;
pub(crate) mod flow;
mod msr;
pub(crate) mod operand;
mod segment;
mod stack;
mod step;
mod system;
#[cfg(test)]
pub(crate) mod tests;

pub use msr::TIME_STAMP_STEP;
pub(crate) use step::{execute, step};

use super::fault::Fault;
use super::observe::Delivered;
use super::{Machine, Observer};

/// What an instruction function returns: done, or the fault that it raises.
type Done = Result<(), Fault>;

/// What an instruction function works on.
struct Context<'a> {
    machine: &'a mut Machine,
    observer: &'a mut dyn Observer,
    /// Set by INT n and its kind, which enter a handler themselves.
    delivered: Option<Box<Delivered>>,
}
