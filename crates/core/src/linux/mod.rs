//! What Linux puts on the machine: page tables, per-CPU data, entry code, modelled handlers.

mod boot;
mod constants;
mod custom;
mod handlers;
pub mod layout;
mod names;
pub mod records;
pub mod regions;
pub mod sources;
mod tables;

pub use boot::boot;
pub use handlers::Handlers;
pub use layout::USER_PCID_FLUSH_MASK;
pub use names::{Feature, UnknownName};
pub use regions::{Half, Stack, describe_stack, tables_half};

use crate::asm::Image;
use crate::machine::Machine;
use std::sync::Arc;

/// Switches of the processor and the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Features {
    /// Page-table isolation: two page-table halves per process.
    pub pti: bool,
    /// CR4.PCIDE set.
    pub pcid: bool,
    /// The INVPCID instruction exists.
    pub invpcid: bool,
    /// CR4.FSGSBASE set: RDGSBASE and WRGSBASE in paranoid entry and exit.
    pub fsgsbase: bool,
    /// EFER.NXE set: user half of the kernel's page tables is poisoned with NX.
    pub nx: bool,
    /// The guest of a hypervisor that is not trusted (SEV-ES): #VC exists, with a gate and two stacks.
    pub sev_es: bool,
}

/// The form of the macro that restores CR3 on a paranoid exit.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Form {
    /// `RESTORE_CR3` from 2017 to v6.8.
    A,
    /// Always flush the user CR3, posted in May 2020.
    B2,
    /// Skip kernel CR3, as resent in August 2023.
    C,
    /// `PARANOID_RESTORE_CR3` as merged in v6.9.
    E,
    /// Does not restore: for teaching.
    Never,
    /// A person's own text; it defines `RESTORE_CR3` or `PARANOID_RESTORE_CR3`.
    Custom(Arc<str>),
}

/// The modelled C handler that runs when an exception or NMI strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Handler {
    /// Returns at once.
    Quiet,
    /// Samples user and kernel memory, as perf does.
    Perf,
    /// Flushes one page the way the kernel does and so may set a pending flush.
    PendingFlush,
    /// Changes kernel text through a temporary address space, as kgdb does.
    KgdbPoke,
    /// Writes CR3 and tells nobody. No code of Linux does this.
    RogueCr3,
    /// Switches to `init_mm` and not back. No code of Linux does this.
    RogueSwitchMm,
    /// Switches to the address space of another task and back, as if it had scheduled. No code of Linux does this.
    Schedule,
}

/// How the TLB is built, and how the manual is read where it leaves a choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Geometry {
    /// Unbounded; drops exactly what the manual requires. For verdicts.
    #[default]
    Architectural,
    /// Unbounded; drops all that the manual permits, with every operation that may drop something.
    ArchitecturalMax,
    /// The sets and ways of a processor. For cost.
    SandyBridge,
    /// As above.
    Haswell,
    /// As above, with replacement and PCIDs as measured.
    Skylake,
    /// Skylake, if a CR3 write that changes nothing empties the first level: nobody has published whether it does.
    SkylakeEmptied,
    /// As [`Self::SandyBridge`].
    IceLake,
    /// As above.
    GoldenCove,
    /// As above.
    Zen2,
    /// As above.
    Zen3,
    /// As above.
    Zen4,
}

/// Everything that decides how the system starts.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Config {
    /// Switches of the processor and the kernel.
    pub features: Features,
    /// The macro that restores CR3.
    pub form: Form,
    /// What runs when an exception or NMI strikes.
    pub handler: Handlers,
    /// How the TLB is built.
    pub geometry: Geometry,
}

/// A machine about to run the user program, and the text it was made from.
#[derive(Clone, Debug)]
pub struct System {
    /// The machine before its first instruction, at CPL 3.
    pub machine: Machine,
    /// Entry code, handlers, kernel loop and user program, as assembled.
    pub image: Arc<Image>,
    /// The texts, indexed by [`crate::asm::Position::source`]. A macro that a person's text replaces is left out of ours.
    pub sources: Arc<[crate::asm::Source]>,
    /// What to know about a person's own text that assembles, in the order of its lines; of our texts there is nothing.
    pub notes: Arc<[crate::asm::Diagnostic]>,
}
