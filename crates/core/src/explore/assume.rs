//! What an assumption excludes.
//!
//! An assumption either keeps a handler out of the standard set or excludes choices. It looks at nothing but the machine, the handlers
//! that have not returned, and what is about to strike.

pub(super) use crate::query::{Assumption, Assumptions};

use super::lane::Lane;
use super::world::World;
use crate::linux::layout::{self as at, IstStack};
use crate::linux::{Stack, describe_stack};
use crate::machine::{Cpu, Event, Machine, Register};
use crate::scenario::Vector;

impl Assumption {
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

impl Assumptions {
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
        let mut seen = Self { looked: lane.has_looked(), ..Self::default() };
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
