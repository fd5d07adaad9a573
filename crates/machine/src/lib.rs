//! A small x86-64 in long mode: knows the manual, knows nothing of Linux.
//!
//! [`step`] executes one instruction, a [`Stepper`] many, [`deliver`] delivers one event from outside; nothing else changes
//! a [`Machine`].
//! Both report what they did to an [`Observer`] and never know who listens.

pub mod access;
pub mod bits;
pub mod control;
pub mod cpu;
mod decoded;
pub mod descriptor;
pub mod event;
pub mod exec;
pub mod fault;
pub mod memory;
pub mod observe;
pub mod paging;
pub mod rflags;
#[cfg(test)]
pub(crate) mod testbed;
pub mod tlb;

pub use cpu::{Cpu, CpuFeatures, Register, Segment, SegmentRegister};
pub use event::{Event, Refusal, deliver, refusal, refusal_reason};
pub use exec::{Stepper, step};
pub use fault::{Exception, Fault, Stop};
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
