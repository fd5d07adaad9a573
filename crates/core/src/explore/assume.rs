//! What a verdict takes for granted, each with a switch and a count.
//!
//! An assumption either keeps a handler out of the standard set or excludes choices. It looks at nothing but the machine, the handlers
//! that have not returned, and what is about to strike.

use super::lane::Lane;
use super::world::World;
use crate::choice::UnknownName;
use crate::linux::layout::{self as at, IstStack};
use crate::linux::{Handler, Stack, describe_stack};
use crate::machine::{Cpu, Event, Machine, Register};
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
                "in_nmi() holds in it, and schedule() reports \"scheduling while atomic\" (kernel/sched/core.c, v6.12)",
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
                "kgdb does (arch/x86/kernel/alternative.c, text_poke_kgdb, v6.12); docs/FINDINGS.md lists what breaks then",
                "the handler `kgdb-poke` joins the set",
            ),
            Self::NoRawCr3 => words(
                "no-raw-cr3",
                "Nobody writes CR3 without changing the kernel's records.",
                "no handler of Linux does; form A mends it, the others do not (docs/FINDINGS.md)",
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
                "entry takes a CR3 with bit 12 for the user's in every form; EFI's tables could have it until v4.14 (docs/FINDINGS.md)",
                "the handler `efi-call` joins the set, and what strikes inside it finds such a CR3",
            ),
            Self::IstOnce => words(
                "ist-once",
                "Nothing strikes whose IST stack is in use: no #DB in a #DB, no #MC in a #MC, no #DF in a #DF.",
                "both frames start at the top of one stack; Linux turns breakpoints off meanwhile (arch/x86/kernel/traps.c, v6.12)",
                "it may, and the frame below is overwritten",
            ),
            Self::NmiFrame => words(
                "nmi-frame",
                "No NMI strikes while the frame of an NMI may not be overwritten.",
                "the IRET of a #MC or #DB inside the NMI's first and last instructions unblocks NMIs too early (docs/LIMITS.md)",
                "it may, and the NMI handler repeats without end or panics",
            ),
            Self::VcGap => words(
                "vc-gap",
                "No #VC strikes in the SYSCALL gap or on the NMI stack.",
                "no instruction there has to be emulated by a hypervisor (docs/FINDINGS.md)",
                "it may; the kernel panics where isolation is on",
            ),
            Self::VcOnce => words(
                "vc-once",
                "No #VC strikes inside a #VC.",
                "the handler runs no instruction that a hypervisor has to emulate; its IST stack holds one frame (docs/FINDINGS.md)",
                "it may",
            ),
            Self::DfOnce => words(
                "df-once",
                "No second #DF strikes at the address of the last one.",
                "the modelled handler takes it for a double fault that came back, and stops (docs/LIMITS.md)",
                "it may, and the model panics",
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

    fn bit(self) -> u16 {
        1 << self as u16
    }

    /// Whether it excludes that `vector` strikes `machine`, which `seen` is about.
    fn excludes(self, world: &World, seen: Seen, machine: &Machine, vector: Vector) -> bool {
        match self {
            Self::NoSchedule | Self::NoMmSwitch | Self::NoPoke | Self::NoRawCr3 | Self::Aligned => false,
            Self::NoRequestAfterLook => seen.looked,
            Self::IstOnce => own_stack(vector).is_some_and(|stack| seen.in_use(vector, stack)),
            Self::NmiFrame => vector == Vector::Nmi && seen.frame_needed,
            Self::VcGap => vector == Vector::VmmCommunication && unsafe_for_vc(world, &machine.cpu),
            Self::VcOnce => vector == Vector::VmmCommunication && seen.inside(vector),
            Self::DfOnce => vector == Vector::DoubleFault && !seen.inside(vector) && struck_here_before(machine),
        }
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

    /// The first that excludes that `vector` strikes here and now.
    pub(super) fn excluding(self, world: &World, lane: &Lane, vector: Vector) -> Option<Assumption> {
        self.excluding_seen(world, Seen::of(world, lane), lane.machine(), vector)
    }

    /// As [`Self::excluding`], of what was seen already.
    pub(super) fn excluding_seen(
        self,
        world: &World,
        seen: Seen,
        machine: &Machine,
        vector: Vector,
    ) -> Option<Assumption> {
        self.iter().find(|assumption| assumption.excludes(world, seen, machine, vector))
    }
}

/// The IST stack of a vector that runs on it to its end when it interrupts the kernel. An NMI has a protocol of its own, and #VC leaves
/// its stack.
fn own_stack(vector: Vector) -> Option<IstStack> {
    match vector {
        Vector::Debug => Some(IstStack::Debug),
        Vector::MachineCheck => Some(IstStack::MachineCheck),
        Vector::DoubleFault => Some(IstStack::DoubleFault),
        Vector::Nmi | Vector::VmmCommunication | Vector::Interrupt => None,
    }
}

/// All that assumptions know of the handlers that have not returned, of the looks at the mask, and of where the code at hand stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Seen {
    /// IST stacks on which one of them, or the code at hand, has its stack pointer: a bit for each.
    stacks: u8,
    /// What struck: a bit for each vector.
    inside: u8,
    /// What struck the kernel.
    inside_kernel: u8,
    /// The frame of an NMI may not be overwritten.
    frame_needed: bool,
    /// It may not, as long as those have not returned that have struck.
    frame_needed_around: bool,
    /// Somebody has looked whether a flush is pending, and a handler may ask for one.
    looked: bool,
}

impl Seen {
    pub(super) fn of(world: &World, lane: &Lane) -> Self {
        let mut seen = Self { looked: world.requests_flushes() && lane.has_looked(), ..Self::default() };
        for struck in lane.handlers() {
            let (vector, from_kernel) = (bit_of(struck.event), struck.cpu.cpl == 0);
            seen.inside |= vector;
            seen.inside_kernel |= if from_kernel { vector } else { 0 };
            seen.stands(&struck.cpu);
            seen.frame_needed_around |= unprotected(world, struck.cpu.rip);
        }
        seen.stands(&lane.machine().cpu);
        seen.frame_needed = seen.frame_needed_around || world.text.nmi_head.contains(&lane.machine().cpu.rip);
        seen
    }

    fn stands(&mut self, cpu: &Cpu) {
        if let Some(Stack::Ist(stack)) = describe_stack(cpu.registers[Register::Rsp as usize]) {
            self.stacks |= 1 << stack as u8;
        }
    }

    /// As much of it as decides about `vectors` under assumptions.
    pub(super) fn about(self, vectors: &[Vector], assumed: Assumptions) -> Self {
        let bits = |keep: &dyn Fn(Vector) -> bool| {
            vectors.iter().filter(|&&vector| keep(vector)).fold(0, |bits, vector| bits | bit_of(vector.event()))
        };
        let by_number = bits(&|vector| own_stack(vector).is_some_and(|stack| self.in_use(vector, stack)));
        let once = bits(&|vector| matches!(vector, Vector::VmmCommunication | Vector::DoubleFault));
        let keeps_nmis_out = vectors.contains(&Vector::Nmi) && assumed.holds(Assumption::NmiFrame);
        Self {
            stacks: 0,
            inside: self.inside & once,
            inside_kernel: by_number,
            frame_needed: self.frame_needed && keeps_nmis_out,
            frame_needed_around: self.frame_needed_around && keeps_nmis_out,
            looked: self.looked,
        }
    }

    /// As [`Self::of`] for what will strike here: whether an NMI inside it will find its frame unprotected.
    pub(super) fn struck_here(self, world: &World, cpu: &Cpu) -> Self {
        let needed = self.frame_needed_around || unprotected(world, cpu.rip);
        Self { frame_needed: needed, frame_needed_around: needed, ..self }
    }

    /// Whether no NMI strikes before all have returned that have struck.
    pub(super) fn keeps_nmis_out(self) -> bool {
        self.frame_needed_around
    }

    /// The frame of what interrupted the kernel stays on the stack until it has returned, wherever RSP points meanwhile. What
    /// interrupted user mode moves on to the thread stack.
    fn in_use(self, vector: Vector, stack: IstStack) -> bool {
        self.inside_kernel & bit_of(vector.event()) != 0 || self.stacks & 1 << stack as u8 != 0
    }

    fn inside(self, vector: Vector) -> bool {
        self.inside & bit_of(vector.event()) != 0
    }
}

/// A bit for each vector.
fn bit_of(event: Event) -> u8 {
    Vector::ALL.iter().zip(0..).find(|(vector, _)| vector.event() == event).map_or(0, |(_, number)| 1 << number)
}

/// The NMI handler's frame lies at the top of its stack until `repeat_nmi`. From there to its IRET it can be overwritten, but two tests
/// of a nested NMI see only code that it interrupts itself: that frames are being copied, and that "executing" is clear.
fn unprotected(world: &World, interrupted: u64) -> bool {
    let text = &world.text;
    text.nmi_head.contains(&interrupted) || text.nmi_copy.contains(&interrupted) || interrupted == text.nmi_iret
}

fn unsafe_for_vc(world: &World, cpu: &Cpu) -> bool {
    let stack = describe_stack(cpu.registers[Register::Rsp as usize]);
    world.text.gaps.iter().any(|gap| gap.contains(&cpu.rip)) || stack == Some(Stack::Ist(IstStack::Nmi))
}

/// Physical address of `double_fault_rip`.
pub(super) const DOUBLE_FAULT_RIP: u64 = at::PER_CPU_PHYSICAL + at::PERCPU_COUNTERS + 32;

fn struck_here_before(machine: &Machine) -> bool {
    machine.memory.read_u64(DOUBLE_FAULT_RIP) == machine.cpu.rip
}
