#![doc = include_str!("../README.md")]
//!
//! # Where to begin
//!
//! [`step`] executes one instruction, a [`Stepper`] many; [`deliver`] delivers one event from outside. Each is compiled
//! once for all observers: an [`Observer`] is passed as `dyn`. Only these functions and the owner change a [`Machine`].

pub mod access;
pub mod bits;
pub mod control;
pub mod cpu;
pub mod descriptor;
pub mod event;
pub mod exec;
mod fast;
pub mod fault;
pub mod level;
pub mod memory;
pub mod observe;
pub mod order;
pub mod paging;
pub mod rflags;
pub mod rights;
#[cfg(test)]
pub(crate) mod testbed;
pub mod tlb;
mod watched;

pub use cpu::{Cpu, CpuFeatures, Register, Segment, SegmentRegister};
pub use event::{deliver, refusal_reason};
pub use fast::{Stepper, step};
pub use fault::{Event, Exception, Fault, Stop};
pub use memory::Memory;
pub use observe::Observer;
pub use tlb::Tlb;

/// The whole state of the machine. Cloning costs the same whatever the size of memory: pages are shared until written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Registers, control state, pending events.
    pub cpu: Cpu,
    /// Physical memory.
    pub memory: Memory,
    /// Translation caches: TLB and paging-structure caches.
    pub tlb: Tlb,
}
