//! An observer that lets a second CPU follow every step of our machine and compares both.
//!
//! Hooks write down what our machine does in a step. When it retires, reaches a handler or shuts down, the second CPU
//! takes the same step, both are compared, and the record stores the result.
//!
//! # What is compared
//!
//! After every instruction it compares the registers of [`CpuState`], every byte of physical memory that either of the
//! two stored to, and the accessed and dirty flags of every page-table entry that translated something in this step.
//! For an exception it compares vector, error code and CR2, and the registers that our machine pushed into the frame
//! with those of the second CPU at that moment. For a delivery that the second CPU does itself it compares frame,
//! stack, error code, CPL and registers. At the end of a run it compares all memory. The table of
//! [`cr3_core::machine::exec::undefined`] masks undefined flags and cites the manual for each row.
//!
//! Unicorn may set flags of page-table entries that our machine does not set: for the next instruction, on its way to a
//! fault, and where our machine has kept a global translation. `flags.rs` and `limits/order.rs` name each such entry;
//! the checker forgives no other. Linux sets all these flags beforehand, so the tests run it a second time from page
//! tables in which all are clear.

mod compare;
mod delivery;
mod flags;
mod log;
mod memory;
mod record;
mod second;
mod step;
mod verdict;

pub use verdict::{Checked, Mismatch, Tally, Verdict};

use crate::difference::{Difference, Observed};
use crate::processor::{CpuState, Failure, Outcome, Processor};
use cr3_core::machine::observe::{Delivered, MemoryAccess, Observer, TlbEvent};
use cr3_core::machine::{Cpu, Event, Fault, Machine};
use delivery::Handled;
use iced_x86::Instruction;
use log::{Origin, StepLog};
use record::Record;
use second::Second;
use step::{Begun, describe};

/// Follows a machine with the processor `P`. Compares nothing after the first disagreement.
pub struct Checker<P> {
    second: Second<P>,
    log: StepLog,
    record: Record,
    /// The last instruction that began.
    last: Option<Begun>,
}

impl<P: Processor> Checker<P> {
    /// A checker that loads `follower` with the machine at the first instruction it sees.
    pub fn new(follower: P) -> Self {
        Self { second: Second::new(follower), log: StepLog::default(), record: Record::default(), last: None }
    }

    /// Restarts with `machine` for both.
    pub fn load(&mut self, machine: &Machine) {
        self.begin();
        let result = self.second.load(machine);
        self.record.note(result);
    }

    /// Continues from registers set from outside, with the memory that the second CPU has.
    pub fn adopt(&mut self, cpu: &Cpu) {
        self.begin();
        let result = self.second.cpu.adopt(cpu);
        self.record.note(result);
    }

    /// Switches from `held`, the machine that the second CPU follows, to `machine`. Writes only what differs.
    pub fn jump(&mut self, held: &Machine, machine: &Machine) {
        self.adopt(&machine.cpu);
        let result = self.second.jump(held, machine);
        self.record.note(result);
    }

    fn begin(&mut self) {
        self.log.clear();
        self.record.begin();
        self.last = None;
    }

    /// The result of the step that the machine has just taken; none if nothing is compared any more.
    ///
    /// A caller that asks after each step gets one answer for each: an exception and its delivery are one step.
    pub fn take_step(&mut self) -> Option<Checked> {
        if !self.record.is_ended() && self.log.is_cut_off() {
            let result = self.second.compare_shutdown(&self.log, &mut self.record);
            self.record.note(result);
        }
        self.log.clear();
        self.record.take_checked()
    }

    /// The second CPU takes back the flags that it has set early. The caller has to flush its translations afterwards.
    ///
    /// # Errors
    /// [`Failure`] when the engine breaks down.
    pub fn take_back_early(&mut self, machine: &Machine) -> Result<(), Failure> {
        self.second.take_back_early(machine)
    }

    /// Compares all physical memory that `machine` has.
    pub fn compare_memory(&mut self, machine: &Machine) {
        for (physical, page) in machine.memory.pages() {
            self.compare_page(physical, page, machine);
        }
    }

    /// Compares one page of physical memory.
    pub fn compare_page(&mut self, physical: u64, ours: &[u8], machine: &Machine) {
        if self.record.is_ended() {
            return;
        }
        match self.second.compare_page(physical, ours) {
            Ok(found) if found.is_empty() => {}
            Ok(found) => self.memory_differs(machine, found),
            Err(failure) => self.record.note(Err(failure)),
        }
    }

    /// Memory differs that no step was seen to store. The report shows the last instruction.
    fn memory_differs(&mut self, machine: &Machine, differences: Vec<Difference>) {
        let observed = Observed { outcome: Outcome::Retired, state: CpuState::of(&machine.cpu) };
        let (text, bytes, before) = match &self.last {
            Some(begun) => {
                let (text, bytes) = describe(begun, machine);
                (text, bytes, CpuState::of(&begun.cpu))
            }
            None => ("a load".to_owned(), Vec::new(), observed.state),
        };
        let (step, instruction) = (self.record.tally().compared, format!("memory after {text}"));
        let (ours, theirs) = (observed, observed);
        self.record.differs(Mismatch { step, instruction, bytes, before, ours, theirs, differences });
    }

    /// The first disagreement or failure.
    pub fn verdict(&self) -> Option<&Verdict> {
        self.record.verdict()
    }

    /// How much was compared.
    pub fn tally(&self) -> &Tally {
        self.record.tally()
    }

    /// The second CPU.
    pub fn follower(&mut self) -> &mut P {
        &mut self.second.cpu
    }

    /// Returns the second CPU, to follow something else.
    pub fn into_follower(self) -> P {
        self.second.cpu
    }

    /// Whether to compare a step that begins at `machine`. Loads the second CPU before the first one.
    fn follows(&mut self, machine: &Machine) -> bool {
        if self.record.is_unloaded() {
            self.load(machine);
        }
        !self.record.is_ended()
    }

    /// The step is compared; another one begins.
    fn close(&mut self, result: Result<(), Failure>) {
        self.record.note(result);
        if let Origin::Instruction(begun) = self.log.clear() {
            self.last = Some(begun);
        }
    }

    fn compare_handled(&mut self, machine: &Machine, delivered: &Delivered) -> Result<(), Failure> {
        let handled = Handled { machine, delivered, step: self.log.delivered() };
        match self.log.origin() {
            Origin::Outside(arriving) => self.second.compare_delivery(arriving, handled, &mut self.record),
            Origin::Instruction(begun) => self.second.compare_raised(begun, handled, &mut self.record),
            Origin::Fetch => {
                let begun = self.last.insert(self.second.unfetched(machine, delivered)?);
                self.second.compare_raised(begun, handled, &mut self.record)
            }
        }
    }
}

impl<P: Processor> Observer for Checker<P> {
    fn before(&mut self, machine: &Machine, instruction: &Instruction) {
        if self.follows(machine) {
            self.log.begin(instruction, &machine.cpu);
        }
    }

    fn retired(&mut self, machine: &Machine, _: &Instruction) {
        if self.record.is_ended() {
            return;
        }
        let Some(ours) = self.log.retired(machine) else { return };
        let result = self.second.compare(&ours, &mut self.record);
        self.close(result.map(drop));
    }

    fn memory(&mut self, access: &MemoryAccess) {
        self.log.memory(access);
    }

    fn tlb(&mut self, event: &TlbEvent) {
        self.log.tlb(event);
    }

    fn fault(&mut self, fault: &Fault) {
        self.log.fault(fault);
    }

    fn arriving(&mut self, machine: &Machine, event: Event, error_code: Option<u32>) {
        if self.follows(machine) {
            self.log.arrive(event, error_code, &machine.cpu);
        }
    }

    fn delivered(&mut self, machine: &Machine, delivered: &Delivered) {
        if self.record.is_ended() {
            return;
        }
        self.record.delivered();
        let result = self.compare_handled(machine, delivered);
        self.close(result);
    }
}
