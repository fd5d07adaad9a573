//! One instruction on both processors.

use super::log::{Ours, Step};
use super::record::Record;
use super::second::Second;
use super::step::{Begun, LONGEST, code_bytes, describe, repeats, translated, undefined};
use super::verdict::Mismatch;
use crate::difference::{Difference, Observed};
use crate::limits::{self, Disagreement, Limit};
use crate::processor::{CpuState, Failure, Outcome, Processor, Store};
use cr3_core::lookup;
use cr3_core::machine::exec::undefined::Undefined;
use cr3_core::machine::observe::MemoryAccess;
use cr3_core::machine::{Cpu, Machine, paging};
use iced_x86::{Instruction, Mnemonic};

/// Iterations of one repeated string instruction before the second CPU counts as stuck.
const ITERATIONS: u32 = 1 << 20;

/// The second CPU's side of an instruction.
pub(super) struct Theirs {
    pub(super) observed: Observed,
    pub(super) stores: Vec<Store>,
}

/// The state of the second CPU after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stands {
    /// The state after the instruction; an exception is still to be delivered.
    ByItself,
    /// Our machine's state, or an unknown one if the two differ.
    Elsewhere,
}

impl<P: Processor> Second<P> {
    /// Compares a step in which our machine executed an instruction.
    pub(super) fn compare(&mut self, ours: &Ours<'_>, record: &mut Record) -> Result<Stands, Failure> {
        let bytes = undecoded(ours);
        self.end_early(ours);
        if let Some(limit) = self.refused(ours.begun.instruction.as_ref(), &bytes) {
            record.unjudged(limit);
            self.mirror_unexecuted(limit, ours)?;
            return Ok(Stands::Elsewhere);
        }
        let mut theirs = self.follow(ours.begun)?;
        mask_unblocking(ours, &mut theirs.observed, record);
        self.note_early(ours, &theirs.observed.state)?;
        let undefined = undefined_by(ours.begun);
        let found = self.differences(ours, &theirs, &bytes, undefined.flags)?;
        if !found.is_empty() {
            return self.explain(ours, &theirs, &found, undefined, record);
        }
        record.agrees(ours.observed.outcome);
        if ours.observed.outcome == Outcome::Retired {
            self.settle(undefined.flags, &theirs.observed, &ours.machine.cpu)?;
        }
        Ok(Stands::ByItself)
    }

    /// The limit that keeps the instruction from the second CPU.
    fn refused(&self, instruction: Option<&Instruction>, bytes: &[u8]) -> Option<Limit> {
        limits::prevented(instruction, bytes).filter(|_| !self.cpu.executes(instruction, bytes))
    }

    /// Lets the second CPU execute what our machine began: all iterations of a repeated string instruction.
    fn follow(&mut self, begun: &Begun) -> Result<Theirs, Failure> {
        let mut stores = Vec::new();
        let repeats = begun.instruction.as_ref().is_some_and(repeats);
        for _ in 0..ITERATIONS {
            let mut step = self.cpu.step()?;
            stores.append(&mut step.stores);
            let state = self.cpu.state()?;
            let stays = step.outcome == Outcome::Retired && state.rip == begun.cpu.rip;
            if !(stays && repeats) {
                let outcome = limits::without_single_step(step.outcome, begun.cpu.rflags | state.rflags);
                return Ok(Theirs { observed: Observed { outcome, state }, stores });
            }
        }
        Err(Failure { request: "finish a repeated string instruction", cause: format!("{ITERATIONS} iterations") })
    }

    /// Everything in which the two differ. Flags of page-table entries matter only if nothing else differs.
    fn differences(
        &mut self,
        ours: &Ours<'_>,
        theirs: &Theirs,
        bytes: &[u8],
        undefined: u64,
    ) -> Result<Vec<Difference>, Failure> {
        let mut found = limits::differences(&ours.observed, &theirs.observed, undefined);
        self.compare_stores(ours, &theirs.stores, &mut found)?;
        self.compare_tails(ours, &theirs.stores, &mut found)?;
        if found.is_empty() {
            self.compare_flags(ours, bytes, &mut found)?;
        }
        Ok(found)
    }

    /// Finds the limit that allows the differences in `found`; the second CPU then takes over our result. Without one
    /// they disagree.
    fn explain(
        &mut self,
        ours: &Ours<'_>,
        theirs: &Theirs,
        found: &[Difference],
        undefined: Undefined,
        record: &mut Record,
    ) -> Result<Stands, Failure> {
        let (instruction, bytes) = describe(ours.begun, &without_stores(ours.step, ours.machine));
        let limit = disagreement(ours, theirs, found, &bytes, undefined).explained();
        let differences = match limit {
            Some(limit) => {
                record.unjudged(limit);
                self.mirror(limit, ours, &theirs.stores)?
            }
            None => found.to_vec(),
        };
        if !differences.is_empty() {
            let (step, before) = (record.tally().compared, before_step(ours));
            let (ours, theirs) = (ours.observed, theirs.observed);
            record.differs(Mismatch { step, instruction, bytes, before, ours, theirs, differences });
        }
        Ok(Stands::Elsewhere)
    }

    /// Gives the second CPU our values of masked fields: undefined flags, RF, bit 63 of CR3.
    fn settle(&mut self, undefined: u64, theirs: &Observed, ours: &Cpu) -> Result<(), Failure> {
        let flags = (ours.rflags ^ theirs.state.rflags) & (undefined | limits::MASKED_FLAGS);
        if flags != 0 || ours.cr3 != theirs.state.cr3 { self.cpu.adopt(ours) } else { Ok(()) }
    }
}

/// The bytes at RIP of an instruction that cannot be fetched or does not decode.
fn undecoded(ours: &Ours<'_>) -> Vec<u8> {
    match &ours.begun.instruction {
        Some(instruction) if instruction.mnemonic() != Mnemonic::INVALID => Vec::new(),
        _ => code_bytes(&ours.begun.cpu, ours.machine, LONGEST),
    }
}

fn undefined_by(begun: &Begun) -> Undefined {
    begun.instruction.as_ref().map_or_else(Undefined::default, |instruction| undefined(instruction, &begun.cpu))
}

/// Accepts without comparison that a faulting IRET has unblocked NMIs.
fn mask_unblocking(ours: &Ours<'_>, theirs: &mut Observed, record: &mut Record) {
    let faults = theirs.outcome != Outcome::Retired;
    let unblocked = limits::unblocked_by_fault(&ours.begun.cpu, ours.observed.state.nmi_blocked);
    if faults && theirs.state.nmi_blocked && unblocked {
        theirs.state.nmi_blocked = false;
        record.masked(Limit::IretUnblocks);
    }
}

fn disagreement<'a>(
    ours: &'a Ours<'a>,
    theirs: &'a Theirs,
    differences: &'a [Difference],
    bytes: &'a [u8],
    undefined: Undefined,
) -> Disagreement<'a> {
    Disagreement {
        instruction: ours.begun.instruction.as_ref(),
        bytes,
        before: &ours.begun.cpu,
        ours: &ours.observed,
        theirs: &theirs.observed,
        differences,
        undefined: undefined.result,
        modifies_itself: stores_beside(ours),
        stale: used_stale(ours),
    }
}

/// `machine` with its memory before this step: the instruction may have stored over its own bytes.
fn without_stores(step: Step<'_>, machine: &Machine) -> Machine {
    let mut machine = machine.clone();
    for MemoryAccess { physical, size, before, .. } in step.stores().iter().rev() {
        machine.memory.write(*physical, *size, *before);
    }
    machine
}

/// Whether the instruction stores into bytes that Unicorn may have translated together with it.
fn stores_beside(ours: &Ours<'_>) -> bool {
    const REACH: u64 = 64;
    let cpu = &ours.begun.cpu;
    let physical = |linear| lookup::physical(cpu, &ours.machine.memory, linear);
    // The page of the first byte, and that of the last if there are two.
    let code = [physical(cpu.rip), physical(cpu.rip.wrapping_add(LONGEST)), Some(cpu.rip)];
    let beside = |address: u64, start: u64| address.wrapping_sub(start).wrapping_add(LONGEST) < REACH;
    ours.step
        .own_stores()
        .iter()
        .any(|store| code.iter().flatten().any(|start| beside(store.physical, *start) || beside(store.linear, *start)))
}

/// Whether an access of the step used a translation that the page tables do not give.
fn used_stale(ours: &Ours<'_>) -> bool {
    let before = &ours.begun.cpu;
    ours.step.hits().iter().any(|(linear, physical)| {
        let walk = paging::walk(before, &ours.machine.memory, *linear, paging::Start::root(before));
        translated(&walk) != Some(*physical)
    })
}

/// The registers before the step. If the instruction could not be fetched, our machine has them in its frame, except
/// CR2.
fn before_step(ours: &Ours<'_>) -> CpuState {
    match ours.begun.instruction {
        Some(_) => CpuState::of(&ours.begun.cpu),
        None => CpuState { cr2: ours.begun.cpu.cr2, ..ours.observed.state },
    }
}
