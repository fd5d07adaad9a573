//! What a verdict takes for granted, each with a switch and a count.

use crate::choice::UnknownName;
use crate::linux::Handler;
use crate::scenario::Vector;
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

/// Something that a verdict takes for granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Assumption {
    /// A handler does not schedule.
    NoSchedule,
    /// A handler does not switch the mm.
    NoMmSwitch,
    /// No debugger pokes text.
    NoPoke,
    /// Nobody writes CR3 beside the records.
    NoRawCr3,
    /// No flush is requested between the exit's look at the mask and its CR3 write.
    NoRequestAfterLook,
    /// The tables that kernel code runs on are aligned to 8 KiB, so that bit 12 of their address is clear.
    Aligned,
    /// Nothing strikes whose IST stack is in use.
    IstOnce,
    /// No NMI strikes while the frame of an NMI may not be overwritten.
    NmiFrame,
    /// No #VC strikes in the SYSCALL gap or on the NMI stack.
    VcGap,
    /// No #VC strikes inside a #VC.
    VcOnce,
    /// No second #DF strikes at the address of the last one.
    DfOnce,
}

/// The words of an assumption.
struct Words {
    id: &'static str,
    sentence: &'static str,
    source: &'static str,
    off: &'static str,
}

impl Assumption {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 11] = [
        Self::NoSchedule,
        Self::NoMmSwitch,
        Self::NoPoke,
        Self::NoRawCr3,
        Self::NoRequestAfterLook,
        Self::Aligned,
        Self::IstOnce,
        Self::NmiFrame,
        Self::VcGap,
        Self::VcOnce,
        Self::DfOnce,
    ];

    fn words(self) -> Words {
        let words = |id, sentence, source, off| Words { id, sentence, source, off };
        match self {
            Self::NoSchedule => words(
                "no-schedule",
                "A handler behind the paranoid entry does not schedule.",
                "in_nmi() holds there, and schedule() reports \"scheduling while atomic\" (kernel/sched/core.c, v6.12)",
                "the handler `schedule` joins the set",
            ),
            Self::NoMmSwitch => words(
                "no-mm-switch",
                "A handler behind the paranoid entry does not leave another mm loaded.",
                "no such handler of Linux calls switch_mm_irqs_off without switching back",
                "the handler `rogue-switch-mm` joins the set",
            ),
            Self::NoPoke => words(
                "no-poke",
                "No debugger pokes text through a temporary mm.",
                "only kgdb does, and only while somebody debugs (text_poke_kgdb, arch/x86/kernel/alternative.c, v6.12); docs/FINDINGS.md lists \
                 what breaks",
                "the handler `kgdb-poke` joins the set",
            ),
            Self::NoRawCr3 => words(
                "no-raw-cr3",
                "Nobody writes CR3 without changing the kernel's records.",
                "no handler of Linux does; form A would restore CR3, the others would not (docs/FINDINGS.md)",
                "the handler `rogue-cr3` joins the set",
            ),
            Self::NoRequestAfterLook => words(
                "no-request-after-look",
                "No user flush is requested between an exit's look at the mask and its CR3 write.",
                "nothing in Linux flushes a user page in an NMI; otherwise the flush is late in every form (docs/FINDINGS.md)",
                "`pending-flush` strikes there too",
            ),
            Self::Aligned => words(
                "aligned",
                "The tables that kernel code runs on are aligned to 8 KiB, so that bit 12 of their CR3 is clear.",
                "Linux aligns them, except EFI's until v4.14; in every form entry takes a CR3 with bit 12 set for the user's (docs/FINDINGS.md)",
                "the handler `efi-call` joins the set, and what strikes inside it finds such a CR3",
            ),
            Self::IstOnce => words(
                "ist-once",
                "Nothing strikes whose IST stack is in use: no #DB in a #DB, no #MC in a #MC, no #DF in a #DF.",
                "a second frame would overwrite the first; Linux turns breakpoints off while it handles one (arch/x86/kernel/traps.c, v6.12)",
                "they may, and the first frame is overwritten",
            ),
            Self::NmiFrame => words(
                "nmi-frame",
                "No NMI strikes while the frame of an NMI may not be overwritten.",
                "NMIs are blocked then, unless the IRET of a #MC or #DB unblocks them too early (docs/LIMITS.md)",
                "one may, and the NMI handler repeats without end or panics",
            ),
            Self::VcGap => words(
                "vc-gap",
                "No #VC strikes in the SYSCALL gap or on the NMI stack.",
                "no instruction there has to be emulated by a hypervisor (docs/FINDINGS.md)",
                "one may, and the kernel panics where isolation is on",
            ),
            Self::VcOnce => words(
                "vc-once",
                "No #VC strikes inside a #VC.",
                "the handler runs no instruction that a hypervisor has to emulate; its IST stack holds one frame (docs/FINDINGS.md)",
                "one may",
            ),
            Self::DfOnce => words(
                "df-once",
                "No second #DF strikes at the address of the last one.",
                "the modelled handler takes it for the same double fault again, and stops (docs/LIMITS.md)",
                "one may, and the model panics",
            ),
        }
    }

    /// The name in verdicts and on the command line.
    pub fn id(self) -> &'static str {
        self.words().id
    }

    /// The assumption, in one sentence.
    pub fn sentence(self) -> &'static str {
        self.words().sentence
    }

    /// Who says it, or why a verdict needs it.
    pub fn source(self) -> &'static str {
        self.words().source
    }

    /// What appears when it is off.
    pub fn off(self) -> &'static str {
        self.words().off
    }

    /// The handler that it keeps out of the standard set.
    pub fn handler(self) -> Option<Handler> {
        match self {
            Self::NoSchedule => Some(Handler::Schedule),
            Self::NoMmSwitch => Some(Handler::RogueSwitchMm),
            Self::NoPoke => Some(Handler::KgdbPoke),
            Self::NoRawCr3 => Some(Handler::RogueCr3),
            Self::Aligned => Some(Handler::EfiCall),
            _ => None,
        }
    }

    /// The vector without which it excludes nothing; none if it is about several.
    pub fn vector(self) -> Option<Vector> {
        match self {
            Self::NmiFrame => Some(Vector::Nmi),
            Self::VcGap | Self::VcOnce => Some(Vector::VmmCommunication),
            Self::DfOnce => Some(Vector::DoubleFault),
            _ => None,
        }
    }

    fn bit(self) -> u16 {
        1 << self as u16
    }
}

impl Display for Assumption {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

impl FromStr for Assumption {
    type Err = UnknownName;
    fn from_str(given: &str) -> Result<Self, UnknownName> {
        let found = Self::ALL.into_iter().find(|assumption| assumption.id() == given);
        let known = || Self::ALL.into_iter().map(Self::id).collect();
        found.ok_or_else(|| UnknownName { kind: "assumption", given: given.to_owned(), known: known() })
    }
}

/// A set of assumptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Assumptions(u16);

impl Default for Assumptions {
    /// All of them: the standard set.
    fn default() -> Self {
        Assumption::ALL.into_iter().fold(Self(0), |Self(bits), assumption| Self(bits | assumption.bit()))
    }
}

impl Assumptions {
    /// The set without one.
    #[must_use]
    pub fn without(self, assumption: Assumption) -> Self {
        Self(self.0 & !assumption.bit())
    }

    /// The set with one if it was without it, and without it otherwise.
    #[must_use]
    pub fn toggled(self, assumption: Assumption) -> Self {
        Self(self.0 ^ assumption.bit())
    }

    /// Whether it is taken for granted.
    pub fn holds(self, assumption: Assumption) -> bool {
        self.0 & assumption.bit() != 0
    }

    /// Those in the set.
    pub fn iter(self) -> impl Iterator<Item = Assumption> {
        Assumption::ALL.into_iter().filter(move |&assumption| self.holds(assumption))
    }

    /// Those not in the set.
    pub fn off(self) -> impl Iterator<Item = Assumption> {
        Assumption::ALL.into_iter().filter(move |&assumption| !self.holds(assumption))
    }
}
