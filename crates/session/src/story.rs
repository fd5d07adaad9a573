//! Named situations, each a real scenario that is run when it is opened.

use crate::action::FormChoice;
use crate::state::Setup;
use cr3_core::linux::{Features, Geometry, Handler, Handlers};

/// A situation with its question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Story {
    /// As the menu names it.
    pub name: &'static str,
    /// The question.
    pub headline: &'static str,
    /// What to look at, in a sentence or two.
    pub text: &'static str,
    forms: [FormChoice; 2],
    features: Features,
    handler: Handlers,
    schedule: &'static str,
}

impl Story {
    /// The scenario.
    #[must_use]
    pub fn setup(&self) -> Setup {
        Setup {
            forms: self.forms,
            features: self.features,
            handler: self.handler,
            geometry: Geometry::Architectural,
            // A story whose schedule did not parse would run nothing; a test holds that all do.
            schedule: self.schedule.parse().unwrap_or_default(),
        }
    }
}

/// The stories in the order of the menu. The first one opens with the page.
pub const STORIES: &[Story] = &[
    Story {
        name: "NMI in kernel code",
        headline: "Same exception, one CR3 write fewer. Is it always safe?",
        text: "An NMI interrupts kernel code, where CR3 already selects the kernel's tables. On the way out form A writes \
               that very value again; form E sees bit 12 clear in the saved value and skips the write.",
        schedule: "kernel_loop+1:nmi",
        ..STORY
    },
    Story {
        name: "NMI in the exit window",
        headline: "In the exit window the restore is needed, and both forms do it.",
        text: "The NMI strikes after SWITCH_TO_USER_CR3 and before SYSRET: kernel mode on the user's tables. The saved \
               CR3 is the user's, and either form must load it again before user mode runs.",
        schedule: "entry_SYSRETQ_unsafe_stack:nmi",
        ..STORY
    },
    Story {
        name: "Exit window, flush pending",
        headline: "A flush is requested in the exit window. Who carries it out?",
        text: "The handler flushes a page and, without INVPCID, leaves a request in user_pcid_flush_mask. The restore of \
               the user CR3 must see that bit; otherwise user mode runs on stale translations.",
        features: Features { invpcid: false, ..Features::ALL },
        handler: Handlers::only(Handler::PendingFlush),
        schedule: "entry_SYSRETQ_unsafe_stack:nmi",
        ..STORY
    },
    Story {
        name: "Always flush (B2)",
        headline: "Always flushing is simpler. What does it cost?",
        text: "Form B2 does not look at the mask: it flushes the user PCID on every return into the exit window, also when \
               nothing was requested. Form E flushes only on request.",
        forms: [FormChoice::B2, FormChoice::E],
        schedule: "entry_SYSRETQ_unsafe_stack:nmi",
        ..STORY
    },
    Story {
        name: "PCID off",
        headline: "Without PCID the redundant write costs the whole TLB.",
        text: "With CR4.PCIDE clear every MOV to CR3 drops all translations that are not global. Form A pays that on every \
               NMI in kernel code, for a value that CR3 holds already.",
        features: Features { pcid: false, invpcid: false, ..Features::ALL },
        schedule: "kernel_loop+1:nmi",
        ..STORY
    },
    Story {
        name: "Nested NMI",
        headline: "A second NMI while the first is being handled.",
        text: "A #DB inside the NMI handler ends with IRET, which lets NMIs in again. The next one finds the first still \
               executing, asks it to repeat and leaves at once: the restore macro runs twice.",
        schedule: "kernel_loop+1:nmi > exc_nmi+2:db, nmi_exit:nmi",
        ..STORY
    },
    Story {
        name: "Never restore",
        headline: "What the macro is for: without it user mode runs on the kernel's tables.",
        text: "The form on the left does not restore at all. In kernel code nobody notices. In the exit window SYSRET \
               returns to user mode with the kernel's CR3, and the first fetch faults: the user half is poisoned with NX.",
        forms: [FormChoice::Never, FormChoice::E],
        schedule: "entry_SYSRETQ_unsafe_stack:nmi",
        ..STORY
    },
];

/// What most stories share.
const STORY: Story = Story {
    name: "",
    headline: "",
    text: "",
    forms: [FormChoice::A, FormChoice::E],
    features: Features::ALL,
    handler: Handlers::QUIET,
    schedule: "",
};
