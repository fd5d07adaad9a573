//! The situations that decide the arguments about restoring CR3, each under a name. The caller chooses the form of the
//! macro, because that is what they compare.

use super::{Injection, Nesting, Place, Scenario, Schedule, Vector};
use crate::linux::{Config, Features, Form, Handler, Handlers};

/// A situation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preset {
    /// Name, for lists.
    pub name: &'static str,
    /// What happens, in one line.
    pub story: &'static str,
    /// Features that are on.
    pub features: Features,
    /// What runs when something strikes.
    pub handler: Handlers,
    /// What strikes where, in order.
    strikes: &'static [Strike],
}

/// An injection, without owned text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Strike {
    label: &'static str,
    offset: u32,
    vector: Vector,
    nesting: Nesting,
}

const fn strike(label: &'static str, offset: u32, vector: Vector) -> Strike {
    Strike { label, offset, vector, nesting: Nesting::After }
}

const fn inside(label: &'static str, offset: u32, vector: Vector) -> Strike {
    Strike { nesting: Nesting::Inside, ..strike(label, offset, vector) }
}

const WITHOUT_INVPCID: Features = Features { invpcid: false, ..Features::ALL };

/// All situations.
pub const PRESETS: &[Preset] = &[
    Preset {
        name: "kgdb-kernel",
        story: "In kernel code a debugger pokes text through a temporary mm, and the task comes back with another PCID.",
        features: Features::ALL,
        handler: Handlers::only(Handler::KgdbPoke),
        strikes: &[strike("kernel_loop", 1, Vector::Debug)],
    },
    Preset {
        name: "kgdb-sysret-exit",
        story: "The same between the switch to the user CR3 and SYSRET: the CR3 to restore names a PCID that was given away.",
        features: Features::ALL,
        handler: Handlers::only(Handler::KgdbPoke),
        strikes: &[strike("sysret_exit_user_cr3", 0, Vector::Nmi)],
    },
    Preset {
        name: "kgdb-iret-exit",
        story: "The same before IRET to user mode.",
        features: Features::ALL,
        handler: Handlers::only(Handler::KgdbPoke),
        strikes: &[strike("iret_exit_user_cr3", 0, Vector::Nmi)],
    },
    Preset {
        name: "kgdb-in-switch-mm",
        story: "A debugger pokes text while the records say that an address space is being switched.",
        features: Features::ALL,
        handler: Handlers::only(Handler::KgdbPoke),
        strikes: &[strike("kernel_loop", 1, Vector::Debug), inside("switch_mm_switching", 0, Vector::Nmi)],
    },
    Preset {
        name: "late-flush",
        story: "A flush is requested after the exit has looked whether one is pending: user mode runs first, in every form.",
        features: WITHOUT_INVPCID,
        handler: Handlers::only(Handler::PendingFlush),
        strikes: &[strike("sysret_exit_switch_cr3", LOOKED, Vector::Nmi)],
    },
    Preset {
        name: "leftover-flush",
        story: "A flush is requested when the user CR3 is loaded already; form B2 flushes and leaves the request for another flush.",
        features: WITHOUT_INVPCID,
        handler: Handlers::only(Handler::PendingFlush),
        strikes: &[strike("sysret_exit_user_cr3", 0, Vector::Nmi)],
    },
    Preset {
        name: "rogue-cr3",
        story: "A handler changes CR3 without recording it: form A repairs it, the others keep it.",
        features: Features::ALL,
        handler: Handlers::only(Handler::RogueCr3),
        strikes: &[strike("kernel_loop", 1, Vector::Nmi)],
    },
    Preset {
        name: "rogue-switch-mm",
        story: "A handler switches to init_mm and not back: form A makes CR3 disagree with the records, the others keep both wrong.",
        features: Features::ALL,
        handler: Handlers::only(Handler::RogueSwitchMm),
        strikes: &[strike("kernel_loop", 1, Vector::Nmi)],
    },
    Preset {
        name: "schedule",
        story: "A handler switches to another task's address space and back, as if it had scheduled.",
        features: Features::ALL,
        handler: Handlers::only(Handler::Schedule),
        strikes: &[strike("kernel_loop", 1, Vector::Nmi)],
    },
    Preset {
        name: "efi-call",
        story: "An exception strikes while kernel code runs on EFI's tables, whose address has bit 12 set: entry takes them for a user's.",
        features: Features::ALL,
        handler: Handlers::only(Handler::EfiCall),
        strikes: &[strike("kernel_loop", 1, Vector::Nmi), inside("efi_service", 0, Vector::MachineCheck)],
    },
    Preset {
        name: "vc-syscall-gap",
        story: "#VC in the first instructions of SYSCALL moves to the thread stack, and restores the user CR3 while it runs on it.",
        features: Features::ALL,
        handler: Handlers::only(Handler::Quiet),
        strikes: &[strike("entry_SYSCALL_64", 1, Vector::VmmCommunication)],
    },
];

/// Instructions from `sysret_exit_switch_cr3` to the first after BT on the mask.
const LOOKED: u32 = 5;

impl Preset {
    /// The situation with this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        PRESETS.iter().find(|preset| preset.name == name)
    }

    /// What strikes where.
    pub fn schedule(&self) -> Schedule {
        let injection = |strike: &Strike| Injection {
            place: Place { label: strike.label.to_owned(), offset: strike.offset, occurrence: 1 },
            vector: strike.vector,
            nesting: strike.nesting,
        };
        Schedule { injections: self.strikes.iter().map(injection).collect() }
    }

    /// The whole run, with a form of the macro.
    pub fn scenario(&self, form: Form) -> Scenario {
        let config = Config { features: self.features, form, handler: self.handler, ..Config::default() };
        Scenario { config, schedule: self.schedule() }
    }
}
