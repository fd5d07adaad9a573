//! Named situations. Each is a real scenario that runs when it is opened.

use crate::choice::Form;
use crate::setup::{BUDGET, Setup};
use cr3_core::geometry::Geometry;
use cr3_core::linux::{Features, Handler, Handlers, Kernel};
use cr3_core::scenario::Schedule;
use cr3_core::scenario::presets::Preset;

/// A situation with its question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Story {
    /// As the menu names it.
    pub name: &'static str,
    /// The question.
    pub headline: &'static str,
    /// What to look at, in a sentence or two.
    pub text: &'static str,
    forms: [Form; 2],
    situation: Situation,
}

/// What decides the runs of a story besides the forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Situation {
    /// One of the core's [`PRESETS`](cr3_core::scenario::presets::PRESETS), by name.
    Preset(&'static str),
    /// One that only the page has.
    Own { features: Features, handler: Handler, schedule: &'static str },
}

impl Story {
    /// The scenario.
    #[must_use]
    pub fn setup(&self) -> Setup {
        let (features, handler, schedule) = self.situation.resolved();
        let (kernel, geometry) = (Kernel::V6_12, Geometry::Architectural);
        let (own, of_trees) = Default::default();
        Setup { forms: self.forms, own, features, kernel, of_trees, handler, geometry, schedule, budget: BUDGET }
    }

    /// The preset that it plays, if the situation is one.
    #[must_use]
    pub fn preset(&self) -> Option<&'static str> {
        match self.situation {
            Situation::Preset(name) => Some(name),
            Situation::Own { .. } => None,
        }
    }
}

impl Situation {
    /// A story with a wrong name or a schedule that does not parse would run nothing; a test makes sure that there is
    /// none.
    fn resolved(self) -> (Features, Handlers, Schedule) {
        match self {
            Self::Preset(name) => Preset::named(name)
                .map_or_else(Default::default, |preset| (preset.features, preset.handler, preset.schedule())),
            Self::Own { features, handler, schedule } => {
                (features, handler.into(), schedule.parse().unwrap_or_default())
            }
        }
    }
}

/// An injection with every feature on and the quiet handler.
const fn strikes(schedule: &'static str) -> Situation {
    Situation::Own { features: Features::ALL, handler: Handler::Quiet, schedule }
}

/// Until v6.8, and since v6.9.
const OLD_AND_NEW: [Form; 2] = [Form::A, Form::E];

/// The stories in the order of the menu: first what the macro does, then every preset. The first one opens with the
/// page.
pub const STORIES: &[Story] = &[
    Story {
        name: "NMI in kernel code",
        headline: "Same exception, one CR3 write fewer. Is it always safe?",
        text: "An NMI interrupts kernel code, where CR3 already selects the kernel's tables. On the way out form A writes \
               that very value again; form E sees bit 12 clear in the saved value and skips the write.",
        forms: OLD_AND_NEW,
        situation: strikes("kernel_loop+1:nmi"),
    },
    Story {
        name: "NMI in the exit window",
        headline: "In the exit window the restore is needed, and both forms do it.",
        text: "The NMI strikes after SWITCH_TO_USER_CR3 and before SYSRET: kernel mode on the user's tables. The saved \
               CR3 is the user's, and either form must load it again before user mode runs.",
        forms: OLD_AND_NEW,
        situation: strikes("entry_SYSRETQ_unsafe_stack:nmi"),
    },
    Story {
        name: "Exit window, flush pending",
        headline: "A flush is requested in the exit window. Who carries it out?",
        text: "The handler flushes a page and, without INVPCID, leaves a request in user_pcid_flush_mask. The restore of \
               the user CR3 must see that bit; otherwise user mode runs on stale translations.",
        forms: OLD_AND_NEW,
        situation: Situation::Own {
            features: Features { invpcid: false, ..Features::ALL },
            handler: Handler::PendingFlush,
            schedule: "entry_SYSRETQ_unsafe_stack:nmi",
        },
    },
    Story {
        name: "Always flush (B2)",
        headline: "Always flushing is simpler. What does it cost?",
        text: "Form B2 does not look at the mask: it flushes the user PCID on every return into the exit window, also when \
               nothing was requested. Form E flushes only on request.",
        forms: [Form::B2, Form::E],
        situation: strikes("entry_SYSRETQ_unsafe_stack:nmi"),
    },
    Story {
        name: "PCID off",
        headline: "Without PCID the redundant write costs the whole TLB.",
        text: "With CR4.PCIDE clear every MOV to CR3 drops all translations that are not global. Form A pays that on every \
               NMI in kernel code, for a value that CR3 holds already.",
        forms: OLD_AND_NEW,
        situation: Situation::Own {
            features: Features { pcid: false, invpcid: false, ..Features::ALL },
            handler: Handler::Quiet,
            schedule: "kernel_loop+1:nmi",
        },
    },
    Story {
        name: "Nested NMI",
        headline: "A second NMI strikes while the first is being handled.",
        text: "A #DB inside the NMI handler ends with IRET, which lets NMIs in again. The next one finds the first still \
               executing, asks it to repeat and leaves at once: the restore macro runs twice.",
        forms: OLD_AND_NEW,
        situation: strikes("kernel_loop+1:nmi > exc_nmi+2:db, nmi_exit:nmi"),
    },
    Story {
        name: "Never restore",
        headline: "Without the macro, user mode runs on the kernel's tables.",
        text: "The form on the left does not restore at all. In kernel code nobody notices. In the exit window SYSRET \
               returns to user mode with the kernel's CR3, and the first fetch faults: the user half is poisoned with NX.",
        forms: [Form::Never, Form::E],
        situation: strikes("entry_SYSRETQ_unsafe_stack:nmi"),
    },
    Story {
        name: "Poke in kernel code",
        headline: "The old form restores a CR3. Is it still the right one?",
        text: "A debugger changes kernel text through a temporary address space. Coming back, the task gets another PCID. Form A \
               writes the saved CR3, and the task runs under a PCID that was given away; form E leaves what the kernel loaded.",
        forms: OLD_AND_NEW,
        situation: Situation::Preset("kgdb-kernel"),
    },
    Story {
        name: "Poke before SYSRET",
        headline: "Where the user CR3 is restored, both forms restore the wrong PCID.",
        text: "The same poke after SWITCH_TO_USER_CR3. The saved value is the user's, so either form must load it, and either way \
               it names a PCID that was given away meanwhile.",
        forms: OLD_AND_NEW,
        situation: Situation::Preset("kgdb-sysret-exit"),
    },
    Story {
        name: "Poke before IRET",
        headline: "The same on the way out by IRET.",
        text: "Exceptions return by IRET, from the entry stack. The window is longer than that of SYSRET, and the value restored in \
               it is just as wrong.",
        forms: OLD_AND_NEW,
        situation: Situation::Preset("kgdb-iret-exit"),
    },
    Story {
        name: "Poke inside switch_mm",
        headline: "A switch inside a switch has nothing to return to.",
        text: "A #DB lets the debugger poke; in the middle of its switch an NMI does the same. The records say LOADED_MM_SWITCHING, the \
               inner poke saves that as the address space to return to, and the kernel panics, in every form.",
        forms: OLD_AND_NEW,
        situation: Situation::Preset("kgdb-in-switch-mm"),
    },
    Story {
        name: "Request too late",
        headline: "A flush is requested after the exit has looked. Which form still sees it?",
        text: "SWITCH_TO_USER_CR3 has tested the bit and not yet written CR3 when the NMI asks for a flush. User mode runs first, and \
               the next exit flushes: late, in every form.",
        forms: OLD_AND_NEW,
        situation: Situation::Preset("late-flush"),
    },
    Story {
        name: "Leftover request",
        headline: "Form B2 flushes and leaves the request set.",
        text: "The flush is requested when the user CR3 is loaded already. Form B2 flushes without clearing the bit, so the next exit \
               flushes once more for nothing; form E clears it.",
        forms: [Form::B2, Form::E],
        situation: Situation::Preset("leftover-flush"),
    },
    Story {
        name: "Rogue write to CR3",
        headline: "A handler changes CR3 without recording it. Who repairs it?",
        text: "No kernel code does this. Form A writes the saved value back, as if nothing had happened. Form E keeps what it finds, and \
               the task returns to user mode on tables without user memory.",
        forms: OLD_AND_NEW,
        situation: Situation::Preset("rogue-cr3"),
    },
    Story {
        name: "Rogue switch of mm",
        headline: "A handler switches to init_mm and not back.",
        text: "No kernel code does this. With form A the task goes on while the records say init_mm; with form E CR3 and the records \
               agree, and both are wrong for the task.",
        forms: OLD_AND_NEW,
        situation: Situation::Preset("rogue-switch-mm"),
    },
    Story {
        name: "Scheduling in an NMI",
        headline: "What if a handler scheduled, as the review asked?",
        text: "No kernel code does this. Another task's address space is loaded and then this one's, under another PCID. Form A restores \
               the old one, as after a poke.",
        forms: OLD_AND_NEW,
        situation: Situation::Preset("schedule"),
    },
    Story {
        name: "Tables with bit 12 set",
        headline: "What if kernel code runs on tables that are not aligned to 8 KiB?",
        text: "EFI's tables were one page until v4.14, so bit 12 of their address could be set. Entry takes such a CR3 for the user's, \
               clears the bit and runs on whatever page lies below. That is entry's own test: execution \
               never reaches the restore macro.",
        forms: OLD_AND_NEW,
        situation: Situation::Preset("efi-call"),
    },
    Story {
        name: "#VC in the SYSCALL gap",
        headline: "The restored user CR3 does not map the stack that the exit runs on.",
        text: "#VC leaves its IST stack for the thread stack. In the first instructions of SYSCALL the exit then restores the user CR3 while \
               it runs there, and its next POP faults twice over. Not restoring is the only form that survives.",
        forms: [Form::Never, Form::E],
        situation: Situation::Preset("vc-syscall-gap"),
    },
];
