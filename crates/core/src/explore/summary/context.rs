//! What is part of every key: all of the processor but what values follow, and all that judges.

use super::hash::Map;
use super::learned::Learned;
use crate::explore::agree::Cached;
use crate::explore::assume::Seen;
use crate::explore::lane::{Judge, Lane};
use crate::explore::world::World;
use crate::machine::event::debug;
use crate::machine::rflags::{RF, STATUS};
use crate::machine::{Cpu, Machine, SegmentRegister};
use crate::scenario::Vector;

/// The state around what values follow.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Context {
    /// Without what values follow.
    cpu: Cpu,
    judge: Judge,
    pub(super) seen: Seen,
    /// The words of [`Learned::keyed`].
    words: Vec<u64>,
    /// Which of [`Learned::stale`] are cached, by number.
    stale: Vec<u32>,
}

impl Context {
    pub(super) fn of(world: &World, vectors: &[Vector], learned: &Learned, lane: &Lane) -> Self {
        let machine = lane.machine();
        Self {
            cpu: unfollowed(&machine.cpu),
            judge: lane.judge(),
            seen: Seen::of(world, lane).about(vectors),
            words: keyed(learned, machine),
            stale: stale(learned, machine),
        }
    }
}

/// All of the processor but general registers, RIP, CR2, both bases of GS, status flags and, while no breakpoint is armed, RF. A register that the
/// processor gets one day is part of it.
fn unfollowed(cpu: &Cpu) -> Cpu {
    let resume = if debug::armed(cpu) { 0 } else { RF };
    let rflags = cpu.rflags & !(STATUS | resume);
    let mut rest = Cpu { registers: [0; 16], rip: 0, cr2: 0, rflags, ..cpu.clone() };
    rest.segments[SegmentRegister::Gs as usize].base = 0;
    rest.msr.kernel_gs_base = 0;
    rest
}

fn keyed(learned: &Learned, machine: &Machine) -> Vec<u64> {
    let word = |&word: &u64| machine.memory.read_u64(word << 3) & !learned.marks(word);
    learned.keyed.iter().map(word).collect()
}

fn stale(learned: &Learned, machine: &Machine) -> Vec<u32> {
    if learned.stale.is_empty() {
        return Vec::new();
    }
    let entries = machine.tlb.entries().map(|entry| Cached::Translation(*entry));
    let structures = machine.tlb.structures().map(|entry| Cached::Structure(*entry));
    let found = entries.chain(structures).filter_map(|cached| learned.stale_number(&cached));
    let mut numbers: Vec<_> = found.collect();
    numbers.sort_unstable();
    numbers
}

/// The number of a context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct ContextId(u32);

impl ContextId {
    pub(super) fn index(self) -> usize {
        self.0 as usize
    }
}

/// Gives equal contexts equal numbers.
#[derive(Debug, Default)]
pub(super) struct Contexts {
    numbers: Map<Context, ContextId>,
    all: Vec<Context>,
}

impl Contexts {
    pub(super) fn number(&mut self, context: Context) -> ContextId {
        if let Some(&number) = self.numbers.get(&context) {
            return number;
        }
        let number = ContextId(self.all.len() as u32);
        self.all.push(context.clone());
        self.numbers.insert(context, number);
        number
    }

    pub(super) fn find(&self, context: &Context) -> Option<ContextId> {
        self.numbers.get(context).copied()
    }

    pub(super) fn get(&self, number: ContextId) -> &Context {
        &self.all[number.0 as usize]
    }
}
