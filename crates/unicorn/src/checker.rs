//! An observer that lets a second CPU follow every step of our machine and compares both.

mod delivery;

use crate::difference::{Difference, Observed, differences};
use crate::limits::{self, Disagreement, Limit};
use crate::processor::{CpuState, Failure, Outcome, Processor, Raised, Store};
use cr3_core::machine::exec::undefined::{self, Undefined};
use cr3_core::machine::observe::{AccessKind, Delivered, MemoryAccess, Observer, TlbEvent};
use cr3_core::machine::{Cpu, Event, Fault, Machine, Register, paging};
use delivery::Arriving;
use iced_x86::{Formatter, GasFormatter, Instruction, Mnemonic};
use std::collections::BTreeMap;
use std::fmt;

/// The first disagreement of a run, with all that is needed to look into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// Steps compared before this one.
    pub step: u64,
    /// The instruction in GNU syntax, or what else the step was.
    pub instruction: String,
    /// Its bytes, as far as the page tables let them be read.
    pub bytes: Vec<u8>,
    /// The registers before the step.
    pub before: CpuState,
    /// What our machine came to.
    pub ours: Observed,
    /// What the second CPU came to.
    pub theirs: Observed,
    /// What is not equal.
    pub differences: Vec<Difference>,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes: Vec<String> = self.bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        writeln!(f, "step {}: {}   [{}]", self.step, self.instruction, bytes.join(" "))?;
        for difference in &self.differences {
            writeln!(f, "  {difference}")?;
        }
        let states = [("before", &self.before), ("ours", &self.ours.state), ("theirs", &self.theirs.state)];
        for (title, state) in states {
            writeln!(f, "{title}:\n{state}")?;
        }
        Ok(())
    }
}

/// What one step of our machine came to, from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Checked {
    /// The second CPU executed the instruction itself, and all that is compared is equal.
    Agrees,
    /// The second CPU has also delivered the event itself, with equal stack, frame and registers.
    DeliveredByBoth,
    /// The second CPU took over our result of the step or of its delivery, for this reason.
    Unjudged(Limit),
    /// The two disagree: [`Checker::verdict`] has both states.
    Differs,
}

impl Checked {
    /// The worse of two, and the first of two reasons.
    fn or_worse(self, other: Self) -> Self {
        let rank = |checked| match checked {
            Self::Agrees => 0,
            Self::DeliveredByBoth => 1,
            Self::Unjudged(_) => 2,
            Self::Differs => 3,
        };
        if rank(other) > rank(self) { other } else { self }
    }
}

/// How much was compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Steps that the second CPU executed itself and that were compared in full.
    pub compared: u64,
    /// Of these, exceptions.
    pub exceptions: u64,
    /// Deliveries.
    pub delivered: u64,
    /// Of these, those that the second CPU has done itself, with the same registers and frame.
    pub delivered_by_both: u64,
    /// Steps and deliveries of which the second CPU took over our result, by the reason.
    pub mirrored: BTreeMap<Limit, u64>,
    /// Deliveries done by both of which one field was not compared, by the reason.
    pub masked: BTreeMap<Limit, u64>,
}

impl Tally {
    /// Adds what another run compared.
    pub fn add(&mut self, other: &Self) {
        self.compared += other.compared;
        self.exceptions += other.exceptions;
        self.delivered += other.delivered;
        self.delivered_by_both += other.delivered_by_both;
        for (own, others) in [(&mut self.mirrored, &other.mirrored), (&mut self.masked, &other.masked)] {
            for (limit, count) in others {
                *own.entry(*limit).or_default() += count;
            }
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { compared, exceptions, delivered, delivered_by_both, mirrored, masked } = self;
        write!(f, "compared {compared} steps, {exceptions} of them exceptions; ")?;
        write!(f, "{delivered} deliveries, {delivered_by_both} of them by both")?;
        for (limit, count) in mirrored {
            write!(f, "; not compared {count}: {}", limit.reason())?;
        }
        for (limit, count) in masked {
            write!(f, "; {count} but for one field: {}", limit.reason())?;
        }
        Ok(())
    }
}

/// Why a check ended early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The two disagree.
    Mismatch(Box<Mismatch>),
    /// The second CPU broke down.
    Failure(Failure),
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mismatch(mismatch) => mismatch.fmt(f),
            Self::Failure(failure) => failure.fmt(f),
        }
    }
}

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
            last: None,
            tally: Tally::default(),
            checked: None,
            verdict: None,
        }
    }

    /// Starts over with `machine` for both.
    pub fn load(&mut self, machine: &Machine) {
        self.forget();
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
        let result = self.write_differences(held, machine).and_then(|()| self.follower.flush());
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

    /// Compares all physical memory that `machine` has.
    pub fn compare_memory(&mut self, machine: &Machine) {
        for (physical, page) in machine.memory.pages() {
            self.compare_page(physical, page, machine);
        }
    }

    /// Compares one page of physical memory.
    pub fn compare_page(&mut self, physical: u64, ours: &[u8], machine: &Machine) {
        if self.verdict.is_some() {
            return;
        }
        let mut theirs = [0; 4096];
        let theirs = &mut theirs[..ours.len().min(4096)];
        if let Err(failure) = self.follower.read(physical, theirs) {
            self.verdict = Some(Verdict::Failure(failure));
            return;
        }
        if ours == theirs {
            return;
        }
        let words = ours.chunks_exact(8).zip(theirs.chunks_exact(8));
        let found: Vec<Difference> = (physical..)
            .step_by(8)
            .zip(words.map(|(ours, theirs)| (word(ours), word(theirs))))
            .filter(|(_, (ours, theirs))| ours != theirs && !limits::accessed_early(*ours, *theirs))
            .map(|(physical, (ours, theirs))| Difference::Memory { physical, ours, theirs })
            .collect();
        if !found.is_empty() {
            self.memory_mismatch(machine, found);
        }
    }

    /// Memory differs that no step was seen to store: the last instruction is shown with it.
    fn memory_mismatch(&mut self, machine: &Machine, found: Vec<Difference>) {
        let observed = Observed { outcome: Outcome::Retired, state: CpuState::of(&machine.cpu) };
        let (text, bytes, before) = match &self.last {
            Some(begun) => {
                let (text, bytes) = describe(begun, machine);
                (text, bytes, CpuState::of(&begun.cpu))
            }
            None => ("a load".to_owned(), Vec::new(), observed.state),
        };
        self.mismatch(format!("memory after {text}"), bytes, before, observed, observed, found);
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
        let prevented = limits::prevented(instruction, &bytes);
        if let Some(limit) = prevented.filter(|limit| !self.follower.overcomes(*limit)) {
            return self.mirror(limit, &[], machine);
        }
        let before = self.before_step(begun, &ours.state)?;
        let (theirs, their_stores) = self.follow(begun)?;
        let undefined = instruction.map_or_else(Undefined::default, |instruction| undefined(instruction, &begun.cpu));
        let mut found = differences(&ours, &theirs, undefined.flags);
        self.compare_stores(&their_stores, machine, &mut found)?;
        if found.is_empty() {
            self.mark(Checked::Agrees);
            self.tally.compared += 1;
            self.tally.exceptions += u64::from(ours.outcome != Outcome::Retired);
            self.note_half_written_page();
            // Where IRETQ retires, both have accessed all that there is.
            let whole = ours.outcome == Outcome::Retired && instruction.is_some_and(is_iretq);
            if !whole && instruction.is_some_and(limits::accesses_in_another_order) {
                self.take_over_memory(machine)?;
            }
            return if ours.outcome == Outcome::Retired {
                self.settle(undefined.flags, &theirs, machine)
            } else {
                Ok(())
            };
        }
        let (text, bytes) = describe(begun, machine);
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
            return self.mirror(limit, &their_stores, machine);
        }
        self.mismatch(text, bytes, before, ours, theirs, found);
        Ok(())
    }

    /// The registers before the step. Of an instruction that could not be fetched our machine has them in its frame, but for
    /// CR2.
    fn before_step(&mut self, begun: &Begun, interrupted: &CpuState) -> Result<CpuState, Failure> {
        match begun.instruction {
            Some(_) => Ok(CpuState::of(&begun.cpu)),
            None => Ok(CpuState { cr2: self.follower.state()?.cr2, ..*interrupted }),
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

    /// The second CPU takes over our result of this step, where it stored something else too.
    fn mirror(&mut self, limit: Limit, theirs: &[Store], machine: &Machine) -> Result<(), Failure> {
        self.count_under(limit);
        for store in theirs {
            self.take_over_bytes(store.physical, store.size, machine)?;
        }
        // Of a store that crosses pages Unicorn tells the first physical address only.
        // And a store that ours did not make has set dirty flags.
        let crosses = |store: &Store| store.physical & 0xfff > 0x1000 - u64::from(store.size);
        if !self.faults.is_empty() && !theirs.is_empty() || theirs.iter().any(crosses) {
            self.take_over_memory(machine)?;
        }
        self.fills_at_fault = 0;
        self.take_over(machine)?;
        if matches!(limit, Limit::Invpcid | Limit::StaleTranslation) { self.follower.flush() } else { Ok(()) }
    }

    /// The second CPU takes over registers and the bytes stored in this step.
    fn take_over(&mut self, machine: &Machine) -> Result<(), Failure> {
        for index in 0..self.stores.len() {
            let MemoryAccess { physical, size, .. } = self.stores[index];
            self.take_over_bytes(physical, size, machine)?;
        }
        for index in self.fills_at_fault..self.fills.len() {
            self.take_over_walk(self.fills[index], machine)?;
        }
        self.follower.adopt(&machine.cpu)
    }

    /// The second CPU takes over the accessed and dirty flags of the entries that translate `linear`.
    fn take_over_walk(&mut self, linear: u64, machine: &Machine) -> Result<(), Failure> {
        let walk = paging::walk(&machine.cpu, &machine.memory, linear, paging::Start::root(&machine.cpu));
        walk.steps().iter().try_for_each(|step| self.take_over_bytes(step.address, 8, machine))
    }

    /// The second CPU takes over every page of `machine` in which it differs.
    fn take_over_memory(&mut self, machine: &Machine) -> Result<(), Failure> {
        let mut theirs = [0; 4096];
        for (physical, ours) in machine.memory.pages() {
            self.follower.read(physical, &mut theirs)?;
            if theirs != *ours {
                self.follower.write(physical, ours)?;
            }
        }
        Ok(())
    }

    fn take_over_bytes(&mut self, physical: u64, size: u8, machine: &Machine) -> Result<(), Failure> {
        let mut bytes = [0; 8];
        let bytes = &mut bytes[..usize::from(size.min(8))];
        machine.memory.read_bytes(physical, bytes);
        self.follower.write(physical, bytes)
    }

    /// Compares the memory that either of them stored to, but for our frames.
    fn compare_stores(
        &mut self,
        theirs: &[Store],
        machine: &Machine,
        found: &mut Vec<Difference>,
    ) -> Result<(), Failure> {
        let (own, frames) = self.stores.split_at(self.stores_at_fault);
        let ours = own.iter().map(|store| (store.physical, store.size));
        let ranges = ours.chain(theirs.iter().map(|store| (store.physical, store.size)));
        for (physical, size) in ranges {
            // The last that they tell of this address, where memory need not be asked.
            let told = theirs.iter().rev().find(|store| store.physical == physical && store.size == size);
            if told.is_some_and(|store| store.value == machine.memory.read(physical, size.min(8))) {
                continue;
            }
            let mut bytes = [0; 8];
            let bytes = &mut bytes[..usize::from(size.min(8))];
            self.follower.read(physical, bytes)?;
            for (address, byte) in (physical..).zip(bytes.iter_mut()) {
                if frames.iter().any(|frame| address.wrapping_sub(frame.physical) < u64::from(frame.size)) {
                    *byte = machine.memory.read_u8(address);
                }
            }
            let (ours, theirs) = (machine.memory.read(physical, size.min(8)), word(bytes));
            if ours != theirs && !limits::accessed_early(ours, theirs) {
                found.push(Difference::Memory { physical, ours, theirs });
            }
        }
        Ok(())
    }

    /// A write that faulted on the second of two pages: whether the first one's dirty flag is set is left to the processor, so
    /// the second CPU takes over ours.
    fn note_half_written_page(&mut self) {
        if let Some(address) = self.faults.first().and_then(|fault| fault.address)
            && address & 0xfff == 0
        {
            self.fills.push(address.wrapping_sub(0x1000));
        }
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
        let begun = begun.unwrap_or_else(|| Self::unfetched(machine, delivered));
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
        state.cr2 = raised.cr2;
        self.compare(begun, Observed { outcome: Outcome::Raised(raised), state }, machine)
    }

    /// Steps that were not compared so far.
    fn mirrored(&self) -> u64 {
        self.tally.mirrored.values().sum()
    }

    /// The step of an instruction that could not be fetched, so that it never began.
    fn unfetched(machine: &Machine, delivered: &Delivered) -> Begun {
        Begun { instruction: None, cpu: Cpu { rip: delivered.interrupted_rip, ..machine.cpu.clone() } }
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
        self.clear();
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
        }
        if let TlbEvent::Fill { entry } = event {
            self.fills.push(entry.linear);
        }
    }

    fn fault(&mut self, fault: &Fault) {
        // Without an instruction, all of it is the delivery of an event from outside.
        if self.faults.is_empty() && self.begun.is_some() {
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

/// Whether an instruction repeats: it may stop between iterations with RIP in place (SDM vol. 2, REP).
fn repeats(instruction: &Instruction) -> bool {
    instruction.is_string_instruction() && (instruction.has_rep_prefix() || instruction.has_repne_prefix())
}

fn is_iretq(instruction: &Instruction) -> bool {
    instruction.mnemonic() == Mnemonic::Iretq
}

/// Software interrupts: their handler is entered before they retire, so they are compared when they are delivered.
fn interrupts(instruction: &Instruction) -> bool {
    matches!(instruction.mnemonic(), Mnemonic::Int | Mnemonic::Int1 | Mnemonic::Int3)
}

/// What the instruction leaves undefined with these registers.
fn undefined(instruction: &Instruction, before: &Cpu) -> Undefined {
    let cl = before.registers[Register::Rcx as usize] as u8;
    let (width, count) = undefined::operands(instruction, cl);
    let name = instruction.op1_register();
    let source = if name.is_gpr() { before.registers[name.full_register().number()] & width.mask() } else { 0 };
    undefined::undefined(instruction.mnemonic(), width, count, source)
}

/// Up to eight bytes as a little-endian number.
fn word(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

/// The registers that a delivery interrupted: those that it changes are read back from the frame it pushed.
fn interrupted(machine: &Machine, delivered: &Delivered, frames: &[MemoryAccess]) -> CpuState {
    let pushed = |slot: u64| {
        let linear = delivered.stack.wrapping_add(8 * slot);
        let store = frames.iter().rev().find(|store| store.linear == linear);
        store.map_or(0, |store| store.value)
    };
    let error_code = u64::from(matches!(delivered.event, Event::Exception(exception) if exception.has_error_code()));
    let slot = |index: u64| pushed(error_code + index);
    let mut state = CpuState::of(&machine.cpu);
    state.rip = slot(0);
    state.selectors[1] = slot(1) as u16;
    state.rflags = slot(2);
    state.registers[4] = slot(3);
    state.selectors[2] = slot(4) as u16;
    state.cpl = (slot(1) & 3) as u8;
    state
}

/// The physical page that a walk leads to.
fn translated(walk: &paging::Walk) -> Option<u64> {
    let paging::End::Page { size, .. } = walk.end else { return None };
    let leaf = walk.steps().last()?.value;
    Some(leaf & 0x000f_ffff_ffff_f000 & !size.offset_mask())
}

/// The physical address that a walk for `linear` leads to.
fn translated_address(walk: &paging::Walk, linear: u64) -> Option<u64> {
    let paging::End::Page { size, .. } = walk.end else { return None };
    Some(translated(walk)? | linear & size.offset_mask())
}

/// Most bytes of an instruction (SDM vol. 2 2.3.11).
const LONGEST: u64 = 15;

/// The instruction in GNU syntax and its bytes.
fn describe(begun: &Begun, machine: &Machine) -> (String, Vec<u8>) {
    let Some(instruction) = &begun.instruction else {
        return (format!("fetch at {:#x}", begun.cpu.rip), code_bytes(&begun.cpu, machine, LONGEST));
    };
    (in_words(instruction), code_bytes(&begun.cpu, machine, instruction.len() as u64))
}

/// The instruction in GNU syntax.
fn in_words(instruction: &Instruction) -> String {
    let mut text = String::new();
    GasFormatter::new().format(instruction, &mut text);
    text
}

/// The first `length` bytes at RIP, as far as the page tables give them.
fn code_bytes(cpu: &Cpu, machine: &Machine, length: u64) -> Vec<u8> {
    let bytes = (0..length).map_while(|offset| {
        let linear = cpu.rip.wrapping_add(offset);
        let walk = paging::walk(cpu, &machine.memory, linear, paging::Start::root(cpu));
        Some(machine.memory.read_u8(translated_address(&walk, linear)?))
    });
    bytes.collect()
}
