//! What happens in a run: the configuration and the schedule of injections. A scenario has one text form.

mod place;
pub mod presets;
mod text;

pub use place::{LabelId, PlaceId, Places, Site, Unresolved};
pub use text::ParseError;

use crate::linux::Config;
use crate::linux::layout::TIMER_VECTOR;
use crate::machine::{Event, Exception};

/// What can be injected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Vector {
    /// Non-maskable interrupt, `nmi`.
    Nmi,
    /// Debug exception, `db`.
    Debug,
    /// Machine check, `mc`.
    MachineCheck,
    /// VMM communication exception, `vc`.
    VmmCommunication,
    /// Double fault, `df`.
    DoubleFault,
    /// Timer interrupt, `irq`; refused while IF=0.
    Interrupt,
}

/// The exit code that an injected #VC pushes: CPUID was intercepted (AMD APM vol. 2 appendix C, `VMEXIT_CPUID`).
pub const VMEXIT_CPUID: u32 = 0x72;

impl Vector {
    /// All vectors, in the order in which they are offered.
    pub const ALL: [Self; 6] =
        [Self::Nmi, Self::Debug, Self::MachineCheck, Self::VmmCommunication, Self::DoubleFault, Self::Interrupt];

    /// The name in a schedule.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nmi => "nmi",
            Self::Debug => "db",
            Self::MachineCheck => "mc",
            Self::VmmCommunication => "vc",
            Self::DoubleFault => "df",
            Self::Interrupt => "irq",
        }
    }

    /// The name in the manuals, `#DB` for example.
    pub fn mnemonic(self) -> &'static str {
        self.event().name()
    }

    /// What strikes, in words.
    pub fn description(self) -> &'static str {
        match self {
            Self::Nmi => "non-maskable interrupt, for example a perf sample",
            Self::Debug => "debug exception, for example a data breakpoint",
            Self::MachineCheck => "machine check",
            Self::VmmCommunication => "VMM communication exception of an SEV-ES guest",
            Self::DoubleFault => "double fault",
            Self::Interrupt => "timer interrupt, held back while IF=0",
        }
    }

    /// The event for the machine to deliver.
    pub fn event(self) -> Event {
        match self {
            Self::Nmi => Event::Exception(Exception::Nmi),
            Self::Debug => Event::Exception(Exception::Debug),
            Self::MachineCheck => Event::Exception(Exception::MachineCheck),
            Self::VmmCommunication => Event::Exception(Exception::VmmCommunication),
            Self::DoubleFault => Event::Exception(Exception::DoubleFault),
            Self::Interrupt => Event::Interrupt(TIMER_VECTOR),
        }
    }

    /// The error code that delivery pushes: zero for #DF (SDM vol. 3A 6.15), the exit code for #VC (AMD APM vol. 2
    /// 15.35.5).
    pub fn error_code(self) -> Option<u32> {
        match self {
            Self::DoubleFault => Some(0),
            Self::VmmCommunication => Some(VMEXIT_CPUID),
            _ => None,
        }
    }
}

/// An instruction boundary: `label+offset#occurrence`, before the instruction `offset` instructions after `label`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// Nearest preceding label that is not local (`.L`).
    pub label: String,
    /// Instructions after the label.
    pub offset: u32,
    /// Which arrival counts, from 1. Arrivals count from the moment at which the injection may strike; see [`Nesting`].
    pub occurrence: u32,
}

/// When an injection may strike relative to the previous one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Nesting {
    /// `,`: after the handler of the previous one has returned (for the first injection: from the start).
    After,
    /// `>`: before the handler of the previous one has returned.
    Inside,
}

/// One injection.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Injection {
    /// The instruction before which it strikes.
    pub place: Place,
    /// What strikes.
    pub vector: Vector,
    /// Whether the handler of the previous injection must have returned.
    pub nesting: Nesting,
}

/// Injections in the order in which they strike. Text form:
/// `kernel_loop+1:nmi > exc_nmi+2:mc, sysret_exit_user_cr3+1#2:db`.
///
/// The nesting of the first injection means nothing and is [`Nesting::After`] in the text form.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Schedule {
    /// The injections.
    pub injections: Vec<Injection>,
}

/// A run is a function of this alone.
///
/// Text form: `form=E features=pti,pcid handler=quiet geometry=architectural inject=kernel_loop+1:nmi`, the schedule
/// last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Scenario {
    /// The system before its first instruction.
    pub config: Config,
    /// What strikes while it runs.
    pub schedule: Schedule,
}

#[cfg(test)]
mod tests;
