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

impl Exception {
    /// The vector number.
    pub fn vector(self) -> u8 {
        self as u8
    }

    /// The name that the manual uses.
    pub fn name(self) -> &'static str {
        match self {
            Self::DivideError => "#DE",
            Self::Debug => "#DB",
            Self::Nmi => "NMI",
            Self::Breakpoint => "#BP",
            Self::Overflow => "#OF",
            Self::BoundRange => "#BR",
            Self::InvalidOpcode => "#UD",
            Self::DeviceNotAvailable => "#NM",
            Self::DoubleFault => "#DF",
            Self::InvalidTss => "#TS",
            Self::SegmentNotPresent => "#NP",
            Self::StackSegment => "#SS",
            Self::GeneralProtection => "#GP",
            Self::PageFault => "#PF",
            Self::X87 => "#MF",
            Self::AlignmentCheck => "#AC",
            Self::MachineCheck => "#MC",
            Self::Simd => "#XM",
            Self::Virtualization => "#VE",
            Self::ControlProtection => "#CP",
            Self::VmmCommunication => "#VC",
        }
    }

    /// Whether delivery pushes an error code (SDM vol. 3A table 6-1; #VC: AMD APM vol. 2 8.4.2).
    pub fn has_error_code(self) -> bool {
        matches!(
            self,
            Self::DoubleFault
                | Self::InvalidTss
                | Self::SegmentNotPresent
                | Self::StackSegment
                | Self::GeneralProtection
                | Self::PageFault
                | Self::AlignmentCheck
                | Self::ControlProtection
                | Self::VmmCommunication
        )
    }

    /// What a second exception during its delivery makes of both (SDM vol. 3A table 6-4).
    pub fn class(self) -> Class {
        match self {
            Self::DivideError
            | Self::InvalidTss
            | Self::SegmentNotPresent
            | Self::StackSegment
            | Self::GeneralProtection
            | Self::ControlProtection
            | Self::VmmCommunication => Class::Contributory,
            Self::PageFault | Self::Virtualization => Class::PageFault,
            Self::DoubleFault => Class::DoubleFault,
            _ => Class::Benign,
        }
    }
}

/// Classes of exceptions for nested delivery (SDM vol. 3A table 6-4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Handled one after the other.
    Benign,
    /// With another of its class, or during a page fault: a double fault.
    Contributory,
    /// With a page fault or a contributory exception during it: a double fault.
    PageFault,
    /// With any exception but a benign one during it: shutdown.
    DoubleFault,
}

/// An exception that an instruction or a delivery raised, and why. The state is that before the instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which.
    pub exception: Exception,
    /// The error code to push, for vectors that push one.
    pub error_code: Option<u32>,
    /// For a page fault: the linear address that CR2 receives.
    pub address: Option<u64>,
    /// One clause for a person: which rule was broken.
    pub cause: Cow<'static, str>,
}

impl Fault {
    /// An exception without an error code.
    pub fn new(exception: Exception, cause: impl Into<Cow<'static, str>>) -> Self {
        Self { exception, error_code: None, address: None, cause: cause.into() }
    }

    /// An exception with an error code.
    pub fn with_code(exception: Exception, error_code: u32, cause: impl Into<Cow<'static, str>>) -> Self {
        Self { error_code: Some(error_code), ..Self::new(exception, cause) }
    }

    /// #GP(0).
    pub fn general_protection(cause: impl Into<Cow<'static, str>>) -> Self {
        Self::with_code(Exception::GeneralProtection, 0, cause)
    }

    /// #UD.
    pub fn invalid_opcode(cause: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Exception::InvalidOpcode, cause)
    }

    /// #PF at `address` with the error code of SDM vol. 3A 4.7.
    pub fn page_fault(address: u64, error_code: u32, cause: impl Into<Cow<'static, str>>) -> Self {
        Self { address: Some(address), ..Self::with_code(Exception::PageFault, error_code, cause) }
    }
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

/// Something that strikes at an instruction boundary, or that an instruction raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Event {
    /// An exception or NMI.
    Exception(Exception),
    /// A maskable external interrupt with its vector.
    Interrupt(u8),
    /// A software interrupt: INT n or INT3 (vector 3).
    Software(u8),
}

impl Event {
    /// The vector number.
    pub fn vector(self) -> u8 {
        match self {
            Self::Exception(exception) => exception.vector(),
            Self::Interrupt(vector) | Self::Software(vector) => vector,
        }
    }

    /// The name of its kind: the manual's for an exception.
    pub fn name(self) -> &'static str {
        match self {
            Self::Exception(exception) => exception.name(),
            Self::Interrupt(_) => "IRQ",
            Self::Software(_) => "INT",
        }
    }
}
