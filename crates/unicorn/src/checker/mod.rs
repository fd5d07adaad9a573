//! An observer that lets a second CPU follow every step of our machine and compares both.

mod delivery;
mod flags;
mod memory;
mod step;
mod verdict;

pub use verdict::{Checked, Mismatch, Tally, Verdict};

use crate::difference::{Difference, Observed, differences};
use crate::limits::{self, Disagreement, Limit};
use crate::processor::{CpuState, Failure, Outcome, Processor, Raised, Store};
use cr3_core::machine::exec::undefined::Undefined;
use cr3_core::machine::observe::{AccessKind, Delivered, MemoryAccess, Observer, TlbEvent};
use cr3_core::machine::{Cpu, Event, Fault, Machine, paging};
use delivery::Arriving;
use iced_x86::{Instruction, Mnemonic};
use std::collections::BTreeSet;
use step::{
    LONGEST, code_bytes, describe, interrupted, interrupts, repeats, translated, translated_address, undefined,
};

/// An instruction that our machine began.
#[derive(Clone)]
struct Begun {
    /// None when it could not be fetched.
    instruction: Option<Instruction>,
    cpu: Cpu,
}

/// Iterations of one repeated string instruction before the second CPU counts as stuck.
const ITERATIONS: u32 = 1 << 20;

/// Follows a machine with the processor `P`. Nothing is compared any more after the first disagreement.
pub struct Checker<P> {
    follower: P,
    loaded: bool,
    begun: Option<Begun>,
    /// An event that no instruction raised, while it is delivered.
    arriving: Option<Arriving>,
    faults: Vec<Fault>,
    stores: Vec<MemoryAccess>,
    /// Number of `stores` made before the first fault of the step: the rest are frames.
    stores_at_fault: usize,
    /// Linear pages whose translations were cached in this step: accessed and dirty flags may have been set for them.
    fills: Vec<u64>,
    /// Number of `fills` before the first fault of the step: the rest were made by deliveries.
    fills_at_fault: usize,
    /// A translation that the page tables no longer give may have been used in this step.
    hits: Vec<(u64, u64)>,
    /// Linear addresses for which our machine used a global translation in this step, without a walk.
    global_hits: Vec<u64>,
    /// Physical addresses of entries whose accessed flag the second CPU has set and our machine has not yet: by looking up an
    /// instruction that our machine has not fetched, or by walking where our machine has a global translation.
    early: BTreeSet<u64>,
    /// The last instruction that was begun.
    last: Option<Begun>,
    tally: Tally,
    /// What this step has come to so far.
    checked: Option<Checked>,
    verdict: Option<Verdict>,
}

impl<P: Processor> Checker<P> {
    /// A checker that loads `follower` with the machine at the first instruction it sees.
    pub fn new(follower: P) -> Self {
        Self {
            follower,
            loaded: false,
            begun: None,
            arriving: None,
            faults: Vec::new(),
            stores: Vec::new(),
            stores_at_fault: 0,
            fills: Vec::new(),
            fills_at_fault: 0,
            hits: Vec::new(),
            global_hits: Vec::new(),
            early: BTreeSet::new(),
            last: None,
            tally: Tally::default(),
            checked: None,
            verdict: None,
        }
    }

    /// Starts over with `machine` for both.
    pub fn load(&mut self, machine: &Machine) {
        self.forget();
        self.early.clear();
        self.loaded = true;
        let result = self.follower.load(machine);
        self.note(result);
    }

    /// Goes on from registers set from outside, with the memory that the second CPU has.
    pub fn adopt(&mut self, cpu: &Cpu) {
        self.forget();
        self.loaded = true;
        let result = self.follower.adopt(cpu);
        self.note(result);
    }

    /// Goes from `held`, the machine that the second CPU follows, to `machine`: only what differs is written.
    pub fn jump(&mut self, held: &Machine, machine: &Machine) {
        self.adopt(&machine.cpu);
        let result = self.take_back_early(held).and_then(|()| self.write_differences(held, machine));
        let result = result.and_then(|()| self.follower.flush());
        self.note(result);
    }

    fn write_differences(&mut self, held: &Machine, machine: &Machine) -> Result<(), Failure> {
        let mut page = [0; 4096];
        for physical in held.memory.differences(&machine.memory) {
            machine.memory.read_bytes(physical, &mut page);
            self.follower.write(physical, &page)?;
        }
        Ok(())
    }

    /// What the step that the machine has just taken came to; none where nothing is compared any more.
    ///
    /// A run that asks after each of its steps gets one answer for each: an exception and its delivery are one step.
    pub fn take_step(&mut self) -> Option<Checked> {
        if self.verdict.is_none() && (self.arriving.is_some() || !self.faults.is_empty()) {
            let result = self.shut_down();
            self.note(result);
        }
        self.clear();
        self.checked.take()
    }

    /// The first disagreement or failure.
    pub fn verdict(&self) -> Option<&Verdict> {
        self.verdict.as_ref()
    }

    /// How much was compared.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The second CPU.
    pub fn follower(&mut self) -> &mut P {
        &mut self.follower
    }

    /// Gives the second CPU back, to follow something else.
    pub fn into_follower(self) -> P {
        self.follower
    }

    fn note(&mut self, result: Result<(), Failure>) {
        if let Err(failure) = result {
            self.checked = None;
            self.verdict.get_or_insert(Verdict::Failure(failure));
        }
    }

    /// Notes what a part of the step came to.
    fn mark(&mut self, checked: Checked) {
        self.checked = Some(self.checked.map_or(checked, |so_far| so_far.or_worse(checked)));
    }

    fn forget(&mut self) {
        self.clear();
        self.last = None;
        self.checked = None;
        self.verdict = None;
    }

    fn clear(&mut self) {
        self.begun = None;
        self.arriving = None;
        self.faults.clear();
        self.stores.clear();
        self.stores_at_fault = 0;
        self.fills.clear();
        self.fills_at_fault = 0;
        self.hits.clear();
        self.global_hits.clear();
    }

    fn mismatch(
        &mut self,
        instruction: String,
        bytes: Vec<u8>,
        before: CpuState,
        ours: Observed,
        theirs: Observed,
        differences: Vec<Difference>,
    ) {
        self.mark(Checked::Differs);
        let step = self.tally.compared;
        let mismatch = Mismatch { step, instruction, bytes, before, ours, theirs, differences };
        self.verdict.get_or_insert(Verdict::Mismatch(Box::new(mismatch)));
    }

    /// Lets the second CPU execute what our machine began: all iterations of a repeated string instruction.
    fn follow(&mut self, begun: &Begun) -> Result<(Observed, Vec<Store>), Failure> {
        let mut stores = Vec::new();
        let repeats = begun.instruction.as_ref().is_some_and(repeats);
        for _ in 0..ITERATIONS {
            let mut step = self.follower.step()?;
            stores.append(&mut step.stores);
            let state = self.follower.state()?;
            let stays = step.outcome == Outcome::Retired && state.rip == begun.cpu.rip;
            if !(stays && repeats) {
                let outcome = limits::without_single_step(step.outcome, begun.cpu.rflags | state.rflags);
                return Ok((Observed { outcome, state }, stores));
            }
        }
        Err(Failure { request: "finish a repeated string instruction", cause: format!("{ITERATIONS} iterations") })
    }

    /// Compares the step that `begun` started; `ours` is what our machine came to, `machine` its state now.
    fn compare(&mut self, begun: &Begun, ours: Observed, machine: &Machine) -> Result<(), Failure> {
        let instruction = begun.instruction.as_ref();
        let bytes = match instruction {
            Some(instruction) if instruction.mnemonic() != Mnemonic::INVALID => Vec::new(),
            _ => code_bytes(&begun.cpu, machine, LONGEST),
        };
        self.end_early(begun, machine);
        let prevented = limits::prevented(instruction, &bytes);
        if let Some(limit) = prevented.filter(|limit| !self.follower.overcomes(*limit)) {
            return self.mirror(limit, begun, None, machine, &mut Vec::new());
        }
        let (mut theirs, their_stores) = self.follow(begun)?;
        self.mask_unblocking(begun, &ours, &mut theirs);
        self.note_early(&begun.cpu, &theirs.state, machine)?;
        let undefined = instruction.map_or_else(Undefined::default, |instruction| undefined(instruction, &begun.cpu));
        let mut found = differences(&ours, &theirs, undefined.flags);
        self.compare_stores(&their_stores, machine, &mut found)?;
        self.compare_tails(begun, &their_stores, machine, &mut found)?;
        if found.is_empty() {
            self.compare_flags(begun, &bytes, &ours, machine, &mut found)?;
        }
        if found.is_empty() {
            self.mark(Checked::Agrees);
            self.tally.compared += 1;
            self.tally.exceptions += u64::from(ours.outcome != Outcome::Retired);
            return if ours.outcome == Outcome::Retired {
                self.settle(undefined.flags, &theirs, machine)
            } else {
                Ok(())
            };
        }
        let (text, bytes) = describe(begun, &self.without_stores(machine));
        let disagreement = Disagreement {
            instruction,
            bytes: &bytes,
            before: &begun.cpu,
            ours: &ours,
            theirs: &theirs,
            differences: &found,
            undefined: undefined.result,
            modifies_itself: self.stores_beside(begun, machine),
            stale: self.used_stale(&begun.cpu, machine),
        };
        if let Some(limit) = disagreement.explained() {
            found.clear();
            self.mirror(limit, begun, Some(&their_stores), machine, &mut found)?;
        }
        if found.is_empty() {
            return Ok(());
        }
        self.mismatch(text, bytes, before_step(begun, &ours.state), ours, theirs, found);
        Ok(())
    }

    /// Takes our word for it that a faulting IRET has unblocked NMIs.
    fn mask_unblocking(&mut self, begun: &Begun, ours: &Observed, theirs: &mut Observed) {
        let faults = theirs.outcome != Outcome::Retired;
        if faults && theirs.state.nmi_blocked && limits::unblocked_by_fault(&begun.cpu, ours.state.nmi_blocked) {
            theirs.state.nmi_blocked = false;
            *self.tally.masked.entry(Limit::IretUnblocks).or_default() += 1;
        }
    }

    /// Counts what the second CPU takes over from us instead of doing it.
    fn count_under(&mut self, limit: Limit) {
        self.mark(Checked::Unjudged(limit));
        *self.tally.mirrored.entry(limit).or_default() += 1;
    }

    /// Brings the second CPU to our values of what was masked: undefined flags, RF, bit 63 of CR3.
    fn settle(&mut self, undefined: u64, theirs: &Observed, machine: &Machine) -> Result<(), Failure> {
        let ours = &machine.cpu;
        let flags = (ours.rflags ^ theirs.state.rflags) & (undefined | limits::MASKED_FLAGS);
        if flags != 0 || ours.cr3 != theirs.state.cr3 {
            self.follower.adopt(ours)?;
        }
        Ok(())
    }

    /// `machine` with the memory that it had before this step: the instruction may have stored over its own bytes.
    fn without_stores(&self, machine: &Machine) -> Machine {
        let mut machine = machine.clone();
        for MemoryAccess { physical, size, before, .. } in self.stores.iter().rev() {
            machine.memory.write(*physical, *size, *before);
        }
        machine
    }

    /// Whether a store of this step lies in what Unicorn may have translated together with the instruction at `rip`.
    fn stores_beside(&self, begun: &Begun, machine: &Machine) -> bool {
        const REACH: u64 = 64;
        let rip = begun.cpu.rip;
        let physical = |linear: u64| {
            let walk = paging::walk(&begun.cpu, &machine.memory, linear, paging::Start::root(&begun.cpu));
            translated_address(&walk, linear)
        };
        // The page of the first byte, and that of the last if there are two.
        let code = [physical(rip), physical(rip.wrapping_add(LONGEST)), Some(rip)];
        let beside = |address: u64, start: u64| address.wrapping_sub(start).wrapping_add(LONGEST) < REACH;
        let own = &self.stores[..self.stores_at_fault];
        own.iter().any(|store| {
            code.iter().flatten().any(|start| beside(store.physical, *start) || beside(store.linear, *start))
        })
    }

    /// Whether an access of this step used a translation that the page tables do not give.
    fn used_stale(&self, before: &Cpu, machine: &Machine) -> bool {
        self.hits.iter().any(|(linear, physical)| {
            let walk = paging::walk(before, &machine.memory, *linear, paging::Start::root(before));
            translated(&walk) != Some(*physical)
        })
    }

    /// Our machine delivered what its instruction, or the fetch of one, raised.
    fn raise_and_deliver(
        &mut self,
        begun: Option<Begun>,
        machine: &Machine,
        delivered: &Delivered,
    ) -> Result<(), Failure> {
        let begun = match begun {
            Some(begun) => begun,
            None => self.unfetched(machine, delivered)?,
        };
        let mirrored = self.mirrored();
        self.compare_exception(&begun, machine, delivered)?;
        // A second CPU that has taken over the step stands at the handler already.
        if self.verdict.is_none() && self.mirrored() == mirrored {
            let state = interrupted(machine, delivered, &self.stores[self.stores_at_fault..]);
            let arriving = Arriving::of_instruction(&begun, state, &self.faults, delivered);
            self.compare_delivery(machine, delivered, &arriving)?;
        }
        self.last = Some(begun);
        Ok(())
    }

    /// Our machine delivered an exception of the instruction: compares it and the interrupted registers in the frame.
    fn compare_exception(&mut self, begun: &Begun, machine: &Machine, delivered: &Delivered) -> Result<(), Failure> {
        let mut state = interrupted(machine, delivered, &self.stores[self.stores_at_fault..]);
        let raised = self.raised(begun, delivered);
        // A fault of the delivery has put its own address into CR2.
        if self.faults.len() > 1 {
            state.cr2 = raised.cr2;
        }
        self.compare(begun, Observed { outcome: Outcome::Raised(raised), state }, machine)
    }

    /// Steps that were not compared so far.
    fn mirrored(&self) -> u64 {
        self.tally.mirrored.values().sum()
    }

    /// The step of an instruction that could not be fetched or decoded, so that it never began. Our machine has delivered
    /// the fault already, and CR2 may be new; the second CPU has the old one.
    fn unfetched(&mut self, machine: &Machine, delivered: &Delivered) -> Result<Begun, Failure> {
        let cr2 = self.follower.state()?.cr2;
        let cpu = Cpu { rip: delivered.interrupted_rip, cr2, ..machine.cpu.clone() };
        Ok(Begun { instruction: None, cpu })
    }

    /// The exception that the instruction raised first: a double fault stands for the fault that began it.
    fn raised(&self, begun: &Begun, delivered: &Delivered) -> Raised {
        let cr2 = begun.cpu.cr2;
        match self.faults.first() {
            Some(fault) => Raised {
                vector: fault.exception.vector(),
                error_code: fault.error_code.unwrap_or(0),
                cr2: fault.address.unwrap_or(cr2),
            },
            None => Raised { vector: delivered.event.vector(), error_code: 0, cr2 },
        }
    }
}

impl<P: Processor> Observer for Checker<P> {
    fn before(&mut self, machine: &Machine, instruction: &Instruction) {
        if self.verdict.is_some() {
            return;
        }
        if !self.loaded {
            self.load(machine);
        }
        // What was cached by now belongs to the fetch.
        self.hits.clear();
        self.fills_at_fault = self.fills.len();
        self.begun = Some(Begun { instruction: Some(*instruction), cpu: machine.cpu.clone() });
    }

    fn retired(&mut self, machine: &Machine, _: &Instruction) {
        if self.begun.as_ref().and_then(|begun| begun.instruction.as_ref()).is_some_and(interrupts) {
            return;
        }
        let Some(begun) = self.begun.take().filter(|_| self.verdict.is_none()) else { return };
        self.stores_at_fault = self.stores.len();
        let ours = Observed { outcome: Outcome::Retired, state: CpuState::of(&machine.cpu) };
        let result = self.compare(&begun, ours, machine);
        self.note(result);
        self.clear();
        self.last = Some(begun);
    }

    fn memory(&mut self, access: &MemoryAccess) {
        if access.kind == AccessKind::Write {
            self.stores.push(*access);
        }
    }

    fn tlb(&mut self, event: &TlbEvent) {
        if let TlbEvent::Hit { entry, .. } = event {
            self.hits.push((entry.linear, entry.physical));
            self.global_hits.extend(entry.global.then_some(entry.linear));
        }
        if let TlbEvent::Fill { entry } = event {
            self.fills.push(entry.linear);
        }
    }

    fn fault(&mut self, fault: &Fault) {
        // An event from outside has nothing of its own: all of it is the delivery.
        if self.faults.is_empty() && self.arriving.is_none() {
            self.stores_at_fault = self.stores.len();
            self.fills_at_fault = self.fills.len();
        }
        self.faults.push(fault.clone());
    }

    fn arriving(&mut self, machine: &Machine, event: Event, error_code: Option<u32>) {
        if self.verdict.is_some() {
            return;
        }
        if !self.loaded {
            self.load(machine);
        }
        self.clear();
        self.arriving = Some(Arriving::from_outside(event, error_code, &machine.cpu));
    }

    fn delivered(&mut self, machine: &Machine, delivered: &Delivered) {
        if self.verdict.is_some() {
            return;
        }
        self.tally.delivered += 1;
        let (begun, arriving) = (self.begun.take(), self.arriving.take());
        let result = match arriving {
            Some(arriving) => self.compare_delivery(machine, delivered, &arriving),
            None => self.raise_and_deliver(begun, machine, delivered),
        };
        self.note(result);
        self.clear();
    }
}

/// The registers before the step. Of an instruction that could not be fetched our machine has them in its frame, but for CR2.
fn before_step(begun: &Begun, interrupted: &CpuState) -> CpuState {
    match begun.instruction {
        Some(_) => CpuState::of(&begun.cpu),
        None => CpuState { cr2: begun.cpu.cr2, ..*interrupted },
    }
}
