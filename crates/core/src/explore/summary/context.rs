//! What is part of every key: all of the processor but what values follow, and all that judges.

use super::guard::FOLLOWED;
use super::hash::Map;
use super::learned::Learned;
use super::value::BLOCKED;
use crate::explore::assume::Seen;
use crate::explore::lane::{Judge, Lane};
use crate::linux::layout as at;
use crate::machine::event::debug;
use crate::machine::rflags::RF;
use crate::machine::{Cpu, Machine, Segment, SegmentRegister};

/// The state around what values follow.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Context {
    /// Without what values follow.
    cpu: Cpu,
    judge: Judge,
    /// The words of [`Learned::keyed`].
    words: Vec<u64>,
    /// Which translations are cached that values do not follow, and that may not be what walks find; by number.
    stale: Vec<u32>,
}

impl Context {
    pub(super) fn of(learned: &Learned, lane: &Lane) -> Self {
        let machine = lane.machine();
        Self {
            cpu: unfollowed(learned, &machine.cpu),
            judge: lane.judge(|entry| !learned.caches.follows(entry)),
            words: keyed(learned, machine).collect(),
            stale: learned.caches.keyed(machine),
        }
    }

    pub(super) fn arms_a_breakpoint(&self) -> bool {
        debug::armed(&self.cpu)
    }

    /// Whether it is that of a lane.
    fn is_of(&self, learned: &Learned, lane: &Lane) -> bool {
        let machine = lane.machine();
        self.cpu == unfollowed(learned, &machine.cpu)
            && lane.is_judged_as(&self.judge, |entry| !learned.caches.follows(entry))
            && keyed(learned, machine).eq(self.words.iter().copied())
            && learned.caches.keyed(machine) == self.stale
    }
}

/// All of the processor but general registers, RIP, CR2, both bases of GS, the flags that are followed, SS while all of it follows from its
/// selector, what blocks NMIs and machine checks, and, unless a breakpoint is armed somewhere, RF. A register that the processor gets one day
/// is part of it.
fn unfollowed(learned: &Learned, cpu: &Cpu) -> Cpu {
    let resume = if learned.arms_breakpoints { 0 } else { RF };
    let rflags = cpu.rflags & !(FOLLOWED | resume);
    let mut rest = Cpu { registers: [0; 16], rip: 0, cr2: 0, rflags, ..cpu.clone() };
    rest.segments[SegmentRegister::Gs as usize].base = 0;
    rest.msr.kernel_gs_base = 0;
    rest.events.nmi_blocked = false;
    rest.events.machine_check_in_progress = false;
    let stack = &mut rest.segments[SegmentRegister::Ss as usize];
    if cpu.cpl == 0 && follows_from_selector(learned, stack) {
        *stack = Segment::default();
    }
    rest
}

/// The word of the GDT that describes `__KERNEL_DS`.
pub(super) const KERNEL_DATA_SEGMENT: u64 = (at::PER_CPU_PHYSICAL + at::PERCPU_GDT_PAGE + at::KERNEL_DS as u64) >> 3;

/// Whether the kernel's SS is what a load of its selector makes of it: the null selector, or `__KERNEL_DS` of a GDT that nobody changes.
fn follows_from_selector(learned: &Learned, stack: &Segment) -> bool {
    const FLAT: Segment = Segment { selector: at::KERNEL_DS, base: 0, limit: u32::MAX, attributes: 0xc093 };
    *stack == Segment::default() || (*stack == FLAT && !learned.stored.contains(&KERNEL_DATA_SEGMENT))
}

fn keyed<'a>(learned: &'a Learned, machine: &'a Machine) -> impl Iterator<Item = u64> + 'a {
    learned.keyed.iter().map(|&word| machine.memory.read_u64(word << 3) & !learned.marks(word))
}

/// The number of a context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct ContextId(u32);

/// The context of a boundary, and what assumptions know there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Situation {
    pub(super) context: ContextId,
    pub(super) seen: Seen,
}

impl Situation {
    /// A register that nothing looks at here. No NMI strikes before the handlers around have returned, and each return lets NMIs in.
    pub(super) fn ignored(self) -> Option<u8> {
        self.seen.keeps_nmis_out().then_some(BLOCKED as u8)
    }
}

/// Gives equal contexts equal numbers.
#[derive(Debug, Default)]
pub(super) struct Contexts {
    numbers: Map<Context, ContextId>,
    all: Vec<Context>,
}

impl Contexts {
    /// The number of the context of a lane, which as a rule is the one it had before.
    pub(super) fn number_after(&mut self, last: Option<ContextId>, learned: &Learned, lane: &Lane) -> ContextId {
        match last {
            Some(last) if self.get(last).is_of(learned, lane) => last,
            _ => self.number(Context::of(learned, lane)),
        }
    }

    pub(super) fn number(&mut self, context: Context) -> ContextId {
        if let Some(&number) = self.numbers.get(&context) {
            return number;
        }
        let number = ContextId(self.all.len() as u32);
        self.all.push(context.clone());
        self.numbers.insert(context, number);
        number
    }

    pub(super) fn get(&self, number: ContextId) -> &Context {
        &self.all[number.0 as usize]
    }
}
