//! Exceptions and the reasons to stop, as values.

use std::borrow::Cow;

/// An exception of the architecture, by vector (SDM vol. 3A table 6-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum Exception {
    DivideError = 0,
    Debug = 1,
    Nmi = 2,
    Breakpoint = 3,
    Overflow = 4,
    BoundRange = 5,
    InvalidOpcode = 6,
    DeviceNotAvailable = 7,
    DoubleFault = 8,
    InvalidTss = 10,
    SegmentNotPresent = 11,
    StackSegment = 12,
    GeneralProtection = 13,
    PageFault = 14,
    X87 = 16,
    AlignmentCheck = 17,
    MachineCheck = 18,
    Simd = 19,
    Virtualization = 20,
    ControlProtection = 21,
    VmmCommunication = 29,
}

/// An exception that an instruction or a delivery raised, with why. The state is as before the instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which.
    pub exception: Exception,
    /// The error code to push, for vectors that push one.
    pub error_code: Option<u32>,
    /// For a page fault: the linear address that CR2 receives.
    pub address: Option<u64>,
    /// One clause for a person: what rule was broken.
    pub cause: Cow<'static, str>,
}

/// Why the machine cannot go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// HLT with nothing left to wake it.
    Halted,
    /// A fault while delivering a double fault, or a machine check while one is in progress: shutdown (SDM vol. 3A 6.15, 15.3).
    Shutdown {
        /// RIP of the interrupted instruction.
        rip: u64,
        /// The chain of faults, first cause first.
        chain: Vec<Fault>,
    },
}
