//! A run that is judged while it goes on, and that can be cloned at any boundary.

use super::world::World;
use crate::counters::{Counters, PendingFlushes, Tally};
use crate::linux::layout::USER_PCID_FLUSH_MASK_PHYSICAL as MASK;
use crate::machine::observe::{Attention, ControlAccess, MemoryAccess, Watched, Written};
use crate::machine::tlb::Entry;
use crate::machine::{Machine, Observer, rflags};
use crate::promises::{Breakage, Promises, Struck};
use crate::run::{End, Runner, StepKind, Stepped};
use crate::scenario::{Schedule, Vector};
use crate::trace::Ending;
use iced_x86::{Instruction, Mnemonic};
use std::ops::Range;
use std::sync::Arc;

/// About how many bytes a lane takes that is kept: itself, and a page of memory that it does not share with the next, with the tables that lead
/// to it.
pub(super) const LANE: u64 = (size_of::<Lane>() + 4096 + 3 * 64 * 8) as u64;

/// A step that a schedule strikes before, and what strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Strike {
    pub(super) step: u32,
    pub(super) vector: Vector,
}

/// What judges a run and is neither on the machine nor about handlers, and not whether it owes a round.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Judge {
    pending: PendingFlushes,
    is_between_records: bool,
    /// Stale translations that may be used.
    stale: Vec<Entry>,
}

/// The outcome of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Went {
    On,
    /// The run is over.
    Over,
}

#[derive(Clone, Debug)]
pub(super) struct Lane {
    runner: Runner,
    tally: Tally,
    promises: Promises,
    looks: Looks,
    steps: u32,
    strikes: Vec<Strike>,
}

impl Lane {
    /// Before the first step.
    pub(super) fn start(world: &World) -> Self {
        let machine = &world.system.machine;
        let mut promises = Promises::new(&world.system, &world.config, &world.places);
        promises.boundary(0, machine, 0);
        Self {
            runner: Runner::new(machine.clone(), &world.places, &Schedule::default()),
            tally: Tally::new(machine),
            promises,
            looks: Looks::new(world),
            steps: 0,
            strikes: Vec::new(),
        }
    }

    pub(super) fn machine(&self) -> &Machine {
        self.runner.machine()
    }

    /// What has struck and not returned.
    pub(super) fn handlers(&self) -> &[Arc<Struck>] {
        self.promises.handlers()
    }

    pub(super) fn level(&self) -> usize {
        self.handlers().len()
    }

    pub(super) fn steps(&self) -> u32 {
        self.steps
    }

    pub(super) fn strikes(&self) -> &[Strike] {
        &self.strikes
    }

    pub(super) fn counters(&self) -> &Counters {
        self.tally.counters()
    }

    /// The first breakage of each promise so far.
    pub(super) fn broken(&self) -> &[Breakage] {
        self.promises.broken()
    }

    pub(super) fn runner(&self) -> &Runner {
        &self.runner
    }

    /// Whether somebody has looked whether a flush is pending, and not yet written CR3; never where no handler may ask for one.
    pub(super) fn has_looked(&self) -> bool {
        self.looks.levels != 0
    }

    /// Whether an NMI was delivered whose handler has not made a round since.
    pub(super) fn owes_round(&self) -> bool {
        self.promises.owes_round()
    }

    /// All that judges the run and is not on the machine, the handlers that have not returned excepted, and with only those stale
    /// translations that count.
    pub(super) fn judge(&self, counts: impl Fn(&Entry) -> bool) -> Judge {
        Judge {
            pending: self.tally.pending().clone(),
            is_between_records: self.promises.is_between_records(),
            stale: self.promises.stale().iter().copied().filter(counts).collect(),
        }
    }

    /// Whether [`Self::judge`] is this.
    pub(super) fn is_judged_as(&self, judge: &Judge, counts: impl Fn(&Entry) -> bool) -> bool {
        *self.tally.pending() == judge.pending
            && self.promises.is_between_records() == judge.is_between_records
            && self.promises.stale().iter().filter(|entry| counts(entry)).eq(&judge.stale)
    }

    /// Whether both stand alike in all that judges them and that assumptions look at, the machine excepted.
    pub(super) fn judged_alike(&self, other: &Self) -> bool {
        self.tally.pending() == other.tally.pending()
            && self.promises.agrees(&other.promises)
            && self.looks.levels == other.looks.levels
    }

    pub(super) fn step<O: Observer>(&mut self, world: &World, extra: &mut O) -> Went {
        let judges = (&mut self.tally, &mut self.promises);
        let result = self.runner.step(&mut ((judges, &mut self.looks), extra));
        self.settle(world, result.map(|stepped| (stepped, 1)))
    }

    /// Takes up to `limit` steps at once where none of them can change what judges, and one otherwise.
    pub(super) fn stride<O: Observer>(&mut self, world: &World, limit: u32, extra: &mut O) -> Went {
        let limit = limit.min(self.promises.stride(self.machine()));
        let judges = (&mut self.tally, &mut self.promises);
        let result = self.runner.stride(&mut ((judges, &mut self.looks), extra), limit);
        self.settle(world, result)
    }

    pub(super) fn strike<O: Observer>(&mut self, world: &World, vector: Vector, extra: &mut O) -> Went {
        let index = self.strikes.len() as u32;
        self.strikes.push(Strike { step: self.steps, vector });
        let judges = (&mut self.tally, &mut self.promises);
        let result = self.runner.strike(index, vector, &mut ((judges, &mut self.looks), extra));
        self.settle(world, result.map(|stepped| (stepped, 1)))
    }

    fn settle(&mut self, world: &World, result: Result<(Stepped, u32), End>) -> Went {
        let next = self.steps as usize;
        match result {
            Ok((Stepped { kind: StepKind::Shutdown { .. }, .. }, _)) => return self.ended(next, Ending::Shutdown),
            Ok((_, steps)) => self.steps += steps,
            Err(_) => return self.ended(next.saturating_sub(1), world.text.ending(self.machine().cpu.rip)),
        }
        let step = self.steps as usize - 1;
        let counted = self.tally.take_touched();
        if !counted.is_empty() {
            self.promises.counted(step, counted);
        }
        self.looks.level(self.promises.handlers().len());
        self.promises.boundary(step + 1, self.runner.machine(), self.runner.nest().depth());
        if self.promises.is_endless() { Went::Over } else { Went::On }
    }

    /// The run is over with its last step, `step`.
    fn ended(&mut self, step: usize, ending: Ending) -> Went {
        self.promises.ended(step, ending);
        Went::Over
    }
}

/// Follows whether entry code has looked for a pending flush, found none, and not yet written CR3; for each level of handlers.
#[derive(Clone, Debug)]
struct Looks {
    /// Entry code, if a handler may ask for a flush. Otherwise nobody wants to know.
    entry: Option<Range<u64>>,
    /// Bit n: code inside n handlers.
    levels: u64,
    level: u32,
    looking: bool,
}

impl Looks {
    fn new(world: &World) -> Self {
        let entry = world.requests_flushes().then(|| world.text.entry.clone());
        Self { entry, levels: 0, level: 0, looking: false }
    }

    fn bit(&self) -> u64 {
        1 << self.level.min(63)
    }

    /// So many handlers have not returned.
    fn level(&mut self, handlers: usize) {
        self.level = handlers as u32;
        self.levels &= self.bit() | (self.bit() - 1);
    }
}

impl Observer for Looks {
    #[inline(always)]
    fn attention(&self) -> Attention {
        match self.entry {
            Some(_) => Attention::Everything,
            None => Attention::Unusual { stores: Watched::NOTHING },
        }
    }

    #[inline]
    fn memory(&mut self, access: &MemoryAccess) {
        self.looking |= access.physical < MASK + 2 && access.physical + u64::from(access.size) > MASK;
    }

    #[inline]
    fn retired(&mut self, machine: &Machine, instruction: &Instruction) {
        if !self.looking {
            return;
        }
        self.looking = false;
        let tests_a_bit =
            matches!(instruction.mnemonic(), Mnemonic::Bt | Mnemonic::Btr | Mnemonic::Bts | Mnemonic::Btc);
        let found = tests_a_bit && machine.cpu.rflags & rflags::CF != 0;
        let is_entry = self.entry.as_ref().is_some_and(|entry| entry.contains(&instruction.ip()));
        if is_entry && !found {
            self.levels |= self.bit();
        }
    }

    fn control(&mut self, access: &ControlAccess) {
        if let ControlAccess::Write { written: Written::Cr3 { .. }, .. } = access {
            self.levels &= !self.bit();
        }
    }
}
