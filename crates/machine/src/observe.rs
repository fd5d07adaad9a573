//! What a step did, as reported to an observer. Every hook has an empty body; observers compose as tuples.

pub use super::rights::AccessKind;
pub use super::tlb::{Cr3Flush, DropCause, TlbEvent};
pub use super::watched::Watched;

use super::Machine;
use super::cpu::{Segment, SegmentRegister};
use super::fault::{Event, Fault};
use super::paging::Walk;
use super::rights::Access;
use super::tlb::Operation;
use iced_x86::{Instruction, Mnemonic};

/// One data access of an instruction or of an event delivery. An access that crosses pages arrives in pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryAccess {
    /// Load or store.
    pub kind: AccessKind,
    /// Linear address of the first byte.
    pub linear: u64,
    /// Physical address of the first byte.
    pub physical: u64,
    /// In bytes, 1 to 8, all on one page.
    pub size: u8,
    /// What was read, or what memory holds after a write.
    pub value: u64,
    /// What memory held before a write; equals `value` for reads.
    pub before: u64,
}

/// A control register.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum ControlRegister {
    Cr0,
    Cr2,
    Cr3,
    Cr4,
    Cr8,
    Efer,
}

/// A control register was written or, for CR3, read by an instruction that retired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ControlAccess {
    /// The register was read.
    Read {
        /// Which.
        register: ControlRegister,
        /// What it held.
        value: u64,
    },
    /// The register was written, perhaps with the value that it already held.
    Write {
        /// Which, and more about it for CR3.
        written: Written,
        /// What it held.
        before: u64,
        /// The operand as given, bit 63 of CR3 included.
        source: u64,
        /// What it holds now.
        after: u64,
    },
}

/// A control register that was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Written {
    Cr0,
    Cr3 {
        /// What it did to the translations of the PCID that it loaded.
        flush: Cr3Flush,
        /// The current PCID before and after.
        pcids: [u16; 2],
    },
    Cr4,
    Cr8,
    Efer,
}

impl Written {
    /// The register.
    pub fn register(self) -> ControlRegister {
        match self {
            Self::Cr0 => ControlRegister::Cr0,
            Self::Cr3 { .. } => ControlRegister::Cr3,
            Self::Cr4 => ControlRegister::Cr4,
            Self::Cr8 => ControlRegister::Cr8,
            Self::Efer => ControlRegister::Efer,
        }
    }
}

impl ControlAccess {
    /// The register that was read or written.
    pub fn register(&self) -> ControlRegister {
        match self {
            Self::Read { register, .. } => *register,
            Self::Write { written, .. } => written.register(),
        }
    }
}

/// A model-specific register was read or written by RDMSR or WRMSR.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MsrAccess {
    /// RDMSR.
    Read {
        /// ECX.
        number: u32,
        /// What it returned.
        value: u64,
    },
    /// WRMSR.
    Write {
        /// ECX.
        number: u32,
        /// The operand as given.
        source: u64,
    },
}

/// A debug register was read or written by MOV.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DebugAccess {
    /// The register was read.
    Read {
        /// 0 to 3, 6 or 7.
        number: u8,
        /// What it returned.
        value: u64,
    },
    /// The register was written.
    Write {
        /// 0 to 3, 6 or 7.
        number: u8,
        /// What it held.
        before: u64,
        /// What it holds now.
        after: u64,
    },
}

/// An instruction or the delivery of an event loaded a segment register, hidden part included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SegmentLoad {
    /// Which.
    pub register: SegmentRegister,
    /// What it held.
    pub before: Segment,
    /// What it holds now.
    pub after: Segment,
}

/// An event reached its handler: the frame is pushed, RIP is the handler's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// What was delivered.
    pub event: Event,
    /// The fault that caused it, for exceptions of instructions.
    pub fault: Option<Fault>,
    /// RIP of its first instruction.
    pub handler: u64,
    /// RSP after the push.
    pub stack: u64,
    /// IST index of the gate, 0 for none.
    pub ist: u8,
    /// Privilege level that was interrupted, 0 to 3.
    pub from_cpl: u8,
    /// RIP in the frame.
    pub interrupted_rip: u64,
    /// RF in the frame.
    pub resume: Resume,
}

/// RF in the frame (SDM vol. 3B 17.3.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resume {
    /// For a fault, so that one breakpoint does not stop the instruction twice.
    Set,
    /// For everything else: an instruction clears RF at its start, and repeated ones set it between repetitions.
    Kept,
}

/// Instructions with little to report, one after the other. Each changed registers, loaded or stored, found all its
/// translations in the TLB, had no other effect, and retired. None changed the privilege level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ordinary {
    /// How many: 1, unless the caller asked for a stride ([`Stepper::stride`](crate::Stepper::stride)).
    pub count: u32,
    /// The last one.
    pub mnemonic: Mnemonic,
    /// How often they used the TLB, fetches included.
    pub hits: u32,
}

/// What an observer wants to hear of ordinary instructions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Attention {
    /// All hooks except [`Observer::ordinary`], as for any other instruction.
    #[default]
    Everything,
    /// Only [`Observer::ordinary`], and all hooks where one stores to these addresses. The machine decides which
    /// instructions are ordinary and may use the other hooks for any of them.
    Unusual {
        /// Stores that are never ordinary.
        stores: Watched,
    },
}

impl Attention {
    /// What two observers want to hear together.
    #[inline(always)]
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        match (self, other) {
            (Self::Unusual { stores: a }, Self::Unusual { stores: b }) => Self::Unusual { stores: a.with(b) },
            _ => Self::Everything,
        }
    }
}

/// Listens to a machine. The machine reports facts in the order in which they happen.
#[allow(unused_variables)]
pub trait Observer {
    /// What this observer wants to hear of ordinary instructions. The machine asks before each step.
    fn attention(&self) -> Attention {
        Attention::Everything
    }
    /// Ordinary instructions retired, instead of the hooks below; `machine` is the state after the last one.
    fn ordinary(&mut self, machine: &Machine, ordinary: Ordinary) {}
    /// An instruction is about to execute; `machine` is the state before it.
    fn before(&mut self, machine: &Machine, instruction: &Instruction) {}
    /// The instruction retired; `machine` is the state after it.
    fn retired(&mut self, machine: &Machine, instruction: &Instruction) {}
    /// Data was read or written through the page tables, by an instruction or a delivery.
    fn memory(&mut self, access: &MemoryAccess) {}
    /// The translation caches did something.
    fn tlb(&mut self, event: &TlbEvent) {}
    /// `operation` tells the translation caches to drop entries, whether they hold any or not. [`Self::tlb`] reports
    /// those they do drop.
    fn invalidation(&mut self, operation: Operation, cause: DropCause) {}
    /// The paging structures were walked for an access at `linear`.
    fn walk(&mut self, linear: u64, access: Access, walk: &Walk) {}
    /// A segment register was loaded.
    fn segment(&mut self, load: &SegmentLoad) {}
    /// A model-specific register was accessed.
    fn msr(&mut self, access: &MsrAccess) {}
    /// A debug register was accessed.
    fn debug(&mut self, access: &DebugAccess) {}
    /// A control register was accessed.
    fn control(&mut self, access: &ControlAccess) {}
    /// An event that no instruction raised is about to be delivered: one from outside, a latched NMI, or a debug trap.
    /// `machine` is the interrupted state, `error_code` what the delivery pushes with the frame.
    fn arriving(&mut self, machine: &Machine, event: Event, error_code: Option<u32>) {}
    /// An instruction faulted; delivery follows.
    fn fault(&mut self, fault: &Fault) {}
    /// An event was delivered; `machine` is the state after delivery.
    fn delivered(&mut self, machine: &Machine, delivered: &Delivered) {}
}

/// Listens to nothing.
impl Observer for () {
    #[inline(always)]
    fn attention(&self) -> Attention {
        Attention::Unusual { stores: Watched::NOTHING }
    }
}

impl<A: Observer, B: Observer> Observer for (A, B) {
    #[inline(always)]
    fn attention(&self) -> Attention {
        self.0.attention().with(self.1.attention())
    }
    #[inline]
    fn ordinary(&mut self, machine: &Machine, ordinary: Ordinary) {
        self.0.ordinary(machine, ordinary);
        self.1.ordinary(machine, ordinary);
    }
    #[inline]
    fn before(&mut self, machine: &Machine, instruction: &Instruction) {
        self.0.before(machine, instruction);
        self.1.before(machine, instruction);
    }
    #[inline]
    fn retired(&mut self, machine: &Machine, instruction: &Instruction) {
        self.0.retired(machine, instruction);
        self.1.retired(machine, instruction);
    }
    #[inline]
    fn memory(&mut self, access: &MemoryAccess) {
        self.0.memory(access);
        self.1.memory(access);
    }
    #[inline]
    fn tlb(&mut self, event: &TlbEvent) {
        self.0.tlb(event);
        self.1.tlb(event);
    }
    #[inline]
    fn invalidation(&mut self, operation: Operation, cause: DropCause) {
        self.0.invalidation(operation, cause);
        self.1.invalidation(operation, cause);
    }
    #[inline]
    fn walk(&mut self, linear: u64, access: Access, walk: &Walk) {
        self.0.walk(linear, access, walk);
        self.1.walk(linear, access, walk);
    }
    #[inline]
    fn segment(&mut self, load: &SegmentLoad) {
        self.0.segment(load);
        self.1.segment(load);
    }
    #[inline]
    fn msr(&mut self, access: &MsrAccess) {
        self.0.msr(access);
        self.1.msr(access);
    }
    #[inline]
    fn debug(&mut self, access: &DebugAccess) {
        self.0.debug(access);
        self.1.debug(access);
    }
    #[inline]
    fn control(&mut self, access: &ControlAccess) {
        self.0.control(access);
        self.1.control(access);
    }
    #[inline]
    fn arriving(&mut self, machine: &Machine, event: Event, error_code: Option<u32>) {
        self.0.arriving(machine, event, error_code);
        self.1.arriving(machine, event, error_code);
    }
    #[inline]
    fn fault(&mut self, fault: &Fault) {
        self.0.fault(fault);
        self.1.fault(fault);
    }
    #[inline]
    fn delivered(&mut self, machine: &Machine, delivered: &Delivered) {
        self.0.delivered(machine, delivered);
        self.1.delivered(machine, delivered);
    }
}

impl<O: Observer + ?Sized> Observer for &mut O {
    #[inline(always)]
    fn attention(&self) -> Attention {
        (**self).attention()
    }
    #[inline]
    fn ordinary(&mut self, machine: &Machine, ordinary: Ordinary) {
        (**self).ordinary(machine, ordinary);
    }
    #[inline]
    fn before(&mut self, machine: &Machine, instruction: &Instruction) {
        (**self).before(machine, instruction);
    }
    #[inline]
    fn retired(&mut self, machine: &Machine, instruction: &Instruction) {
        (**self).retired(machine, instruction);
    }
    #[inline]
    fn memory(&mut self, access: &MemoryAccess) {
        (**self).memory(access);
    }
    #[inline]
    fn tlb(&mut self, event: &TlbEvent) {
        (**self).tlb(event);
    }
    #[inline]
    fn invalidation(&mut self, operation: Operation, cause: DropCause) {
        (**self).invalidation(operation, cause);
    }
    #[inline]
    fn walk(&mut self, linear: u64, access: Access, walk: &Walk) {
        (**self).walk(linear, access, walk);
    }
    #[inline]
    fn segment(&mut self, load: &SegmentLoad) {
        (**self).segment(load);
    }
    #[inline]
    fn msr(&mut self, access: &MsrAccess) {
        (**self).msr(access);
    }
    #[inline]
    fn debug(&mut self, access: &DebugAccess) {
        (**self).debug(access);
    }
    #[inline]
    fn control(&mut self, access: &ControlAccess) {
        (**self).control(access);
    }
    #[inline]
    fn arriving(&mut self, machine: &Machine, event: Event, error_code: Option<u32>) {
        (**self).arriving(machine, event, error_code);
    }
    #[inline]
    fn fault(&mut self, fault: &Fault) {
        (**self).fault(fault);
    }
    #[inline]
    fn delivered(&mut self, machine: &Machine, delivered: &Delivered) {
        (**self).delivered(machine, delivered);
    }
}

impl Machine {
    /// Drops what `operation` invalidates, and reports both.
    pub(super) fn invalidate(&mut self, observer: &mut dyn Observer, operation: Operation, cause: DropCause) {
        observer.invalidation(operation, cause);
        self.tlb.invalidate(&mut |event| observer.tlb(event), operation, cause);
    }
}
