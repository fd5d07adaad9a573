//! One strike at each boundary of a kind, each run carried to its end.

use super::sums::{ABOUT_CR3, Sum, Where};
use super::world::{Seen, World};
use crate::counters::{Counter, Counters, Tally};
use crate::linux::layout as at;
use crate::linux::{Half, tables_half};
use crate::machine::observe::{AccessKind, Attention, MemoryAccess, Watched};
use crate::machine::{self, Machine, Observer};
use crate::promises::{Breakage, Promises};
use crate::run::{End, Runner};
use crate::scenario::{Schedule, Vector};
use crate::trace::Ending;

/// A strike and what came of it.
#[derive(Clone, Debug, Default)]
struct Struck {
    /// Of the unstruck run, the step before which it strikes.
    step: usize,
    on_kernel_tables: bool,
    counters: Counters,
    breaks: bool,
    seen: Seen,
    mask_stores: u64,
    /// CR3 and the mask when the handler has returned.
    left: Option<(u64, u16)>,
}

/// All strikes of a sweep.
#[derive(Clone, Debug)]
pub(super) struct Swept {
    strikes: Vec<Struck>,
    base: Counters,
}

impl Swept {
    /// Lets `vector` strike at each boundary of a kind.
    pub(super) fn new(world: &World, kind: Where, vector: Vector) -> Self {
        let mut lane = Lane::new(world);
        let mut strikes = Vec::new();
        let mut entered = false;
        for step in 0..BUDGET {
            let machine = lane.runner.machine();
            let (is_kind, refused) =
                (place(machine, &mut entered) == kind, machine::refusal_reason(&machine.cpu, vector.event()));
            if is_kind && refused.is_none() {
                let on_kernel_tables = tables_half(machine.cpu.cr3) == Half::Kernel;
                strikes.push(Struck { step, on_kernel_tables, ..lane.clone().struck(world, vector) });
            }
            if lane.step(world).is_err() {
                break;
            }
        }
        Self { strikes, base: *lane.tally.counters() }
    }

    pub(super) fn sum(&self, sum: Sum) -> i64 {
        let count = |is: &dyn Fn(&Struck) -> bool| self.strikes.iter().filter(|struck| is(struck)).count() as i64;
        match sum {
            Sum::Strikes => self.strikes.len() as i64,
            Sum::Longest => longest(self.strikes.iter().map(|struck| struck.step)),
            Sum::Extra(counter) => self.extra(counter),
            Sum::Breaking => count(&|struck| struck.breaks),
            Sum::OnKernelTables => count(&|struck| struck.on_kernel_tables),
            Sum::Paranoid => count(&|struck| struck.seen.paranoid),
            Sum::Restoring => count(&|struck| struck.seen.restoring),
            Sum::OnIstStack => count(&|struck| struck.seen.on_ist_stack),
            Sum::InNmi => count(&|struck| struck.seen.in_nmi),
            Sum::MaskStores => self.strikes.iter().map(|struck| struck.mask_stores as i64).sum(),
        }
    }

    fn extra(&self, counter: Counter) -> i64 {
        let beyond = |struck: &Struck| struck.counters[counter].cast_signed() - self.base[counter].cast_signed();
        self.strikes.iter().map(beyond).sum()
    }

    /// Strikes after whose handler CR3 or the mask is not the same in both sweeps.
    pub(super) fn differing(&self, other: &Self) -> i64 {
        let pairs = self.strikes.iter().zip(&other.strikes);
        let differing = pairs.filter(|(left, right)| left.left != right.left).count();
        (differing + self.strikes.len().abs_diff(other.strikes.len())) as i64
    }
}

/// The most numbers that follow each other one by one.
fn longest(steps: impl Iterator<Item = usize>) -> i64 {
    let mut runs = (0, 0, None);
    for step in steps {
        let (most, length, last) = runs;
        let length = if last.is_some_and(|last: usize| last + 1 == step) { length + 1 } else { 1 };
        runs = (length.max(most), length, Some(step));
    }
    runs.0
}

/// The kind of the boundary at hand; `entered` is kept between boundaries: the kernel's tables were loaded since user mode.
fn place(machine: &Machine, entered: &mut bool) -> Where {
    let on_kernel_tables = tables_half(machine.cpu.cr3) == Half::Kernel;
    *entered = machine.cpu.cpl == 0 && (*entered || on_kernel_tables);
    match (machine.cpu.cpl, on_kernel_tables, *entered) {
        (0, true, _) => Where::KernelTables,
        (0, false, false) => Where::EntryWindow,
        (0, false, true) => Where::ExitWindow,
        _ => Where::UserMode,
    }
}

/// Steps of a run: three times what the longest that ends takes. A handler that leaves the wrong tables behind makes it fault for ever.
const BUDGET: usize = 5000;

/// A run as far as it has come, with what judges it.
#[derive(Clone)]
struct Lane {
    runner: Runner,
    tally: Tally,
    promises: Promises,
    stores: MaskStores,
    steps: usize,
}

impl Lane {
    fn new(world: &World) -> Self {
        let runner = Runner::new(world.system.machine.clone(), &world.places, &Schedule::default());
        let tally = Tally::new(runner.machine());
        let promises = Promises::new(&world.system, &world.config, &world.places);
        Self { runner, tally, promises, stores: MaskStores(0), steps: 0 }
    }

    fn step(&mut self, world: &World) -> Result<(), Ending> {
        let rip = self.runner.machine().cpu.rip;
        self.promises.boundary(self.steps, self.runner.machine(), self.runner.nest().depth());
        let stepped = self.runner.step(&mut ((&mut self.tally, &mut self.promises), &mut self.stores));
        self.counted();
        stepped.map(|_| ()).map_err(|end| world.ending(&end, rip))
    }

    fn counted(&mut self) {
        self.promises.counted(self.steps, self.tally.take_touched());
        self.steps += 1;
    }

    /// Lets `vector` strike here and carries the run to its end.
    fn struck(mut self, world: &World, vector: Vector) -> Struck {
        let mut struck = Struck::default();
        self.stores = MaskStores(0);
        let delivered = self.runner.strike(0, vector, &mut ((&mut self.tally, &mut self.promises), &mut self.stores));
        self.counted();
        let mut ending = delivered.err().map(|end: End| world.ending(&end, 0));
        let last = self.steps + BUDGET;
        while ending.is_none() && self.steps < last {
            match struck.left {
                None if self.runner.has_returned() => {
                    struck.left = Some(left(self.runner.machine()));
                    struck.mask_stores = self.stores.0;
                }
                None => world.landmarks.see(self.runner.machine(), &mut struck.seen),
                Some(_) => {}
            }
            ending = self.step(world).err();
        }
        struck.counters = *self.tally.counters();
        let about_cr3 = |breakage: &Breakage| ABOUT_CR3.contains(&breakage.broken.promise());
        struck.breaks = ending != Some(Ending::Finished) || self.promises.broken().iter().any(about_cr3);
        struck
    }
}

fn left(machine: &Machine) -> (u64, u16) {
    (machine.cpu.cr3, machine.memory.read_u16(at::USER_PCID_FLUSH_MASK_PHYSICAL))
}

/// Counts stores to the mask of pending flushes, also of what stands there already.
#[derive(Clone, Copy, Debug)]
struct MaskStores(u64);

const MASK: Watched = Watched::range(at::USER_PCID_FLUSH_MASK_PHYSICAL, at::USER_PCID_FLUSH_MASK_PHYSICAL + 2);

impl Observer for MaskStores {
    fn attention(&self) -> Attention {
        Attention::Unusual { stores: MASK }
    }

    fn memory(&mut self, access: &MemoryAccess) {
        self.0 += u64::from(access.kind == AccessKind::Write && MASK.meets(access.physical, access.size));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_one_by_one_is_counted() {
        let check = |steps: &[usize], expected| assert_eq!(longest(steps.iter().copied()), expected, "{steps:?}");
        check(&[], 0);
        check(&[7], 1);
        check(&[0, 1, 2, 5, 6, 9], 3);
        check(&[1, 4, 5, 6, 7], 4);
    }
}
