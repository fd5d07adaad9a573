//! Deliveries: the second CPU enters the handler itself if it can. Stack, frame and registers are compared.

use super::compare::Stands;
use super::log::{Arriving, Origin, Ours, Step, StepLog};
use super::record::Record;
use super::second::Second;
use super::step::{Begun, LONGEST, code_bytes, interrupted};
use super::verdict::Mismatch;
use crate::difference::{Difference, Observed};
use crate::limits::{self, Limit};
use crate::processor::{CpuState, Delivery, Failure, Outcome, Processor, Raised};
use cr3_core::machine::observe::{Delivered, MemoryAccess};
use cr3_core::machine::{Cpu, Event, Exception, Fault, Machine};

/// A delivery of our machine, which is now at the handler.
#[derive(Clone, Copy)]
pub(super) struct Handled<'a> {
    pub(super) machine: &'a Machine,
    pub(super) delivered: &'a Delivered,
    pub(super) step: Step<'a>,
}

/// The fields of a delivery that Unicorn cannot judge.
#[derive(Clone, Copy, Debug)]
struct Masked {
    stack_segment: bool,
    machine_check: bool,
    /// Set if IRET faulted.
    unblocked: bool,
}

impl Masked {
    fn of(handled: Handled<'_>, arriving: &Arriving) -> Self {
        let Handled { machine, delivered, .. } = handled;
        Self {
            stack_segment: delivered.ist != 0 && delivered.from_cpl == machine.cpu.cpl,
            machine_check: delivered.event == Event::Exception(Exception::MachineCheck),
            unblocked: limits::unblocked_by_fault(&arriving.cpu, machine.cpu.events.nmi_blocked),
        }
    }

    /// `theirs` with our values of the fields.
    fn applied(self, theirs: &Observed, ours: &Observed) -> Observed {
        const STACK: usize = 2;
        let mut state = theirs.state;
        if self.stack_segment {
            state.selectors[STACK] = ours.state.selectors[STACK];
        }
        if self.machine_check {
            state.mcg_status |= ours.state.mcg_status & limits::MACHINE_CHECK_IN_PROGRESS;
        }
        state.nmi_blocked &= !self.unblocked;
        Observed { state, ..*theirs }
    }

    fn limits(self) -> impl Iterator<Item = Limit> {
        let both = [(self.stack_segment, Limit::InterruptStack), (self.machine_check, Limit::MachineCheckStatus)];
        both.into_iter().filter_map(|(masked, limit)| masked.then_some(limit))
    }
}

impl<P: Processor> Second<P> {
    /// An instruction that could not be fetched or decoded, so that it never began. Our machine has delivered the fault
    /// already and may have a new CR2; the second CPU has the old one.
    pub(super) fn unfetched(&mut self, machine: &Machine, delivered: &Delivered) -> Result<Begun, Failure> {
        let cr2 = self.cpu.state()?.cr2;
        let cpu = Cpu { rip: delivered.interrupted_rip, cr2, ..machine.cpu.clone() };
        Ok(Begun { instruction: None, cpu })
    }

    /// Our machine delivered what its instruction, or the fetch of one, raised.
    pub(super) fn compare_raised(
        &mut self,
        begun: &Begun,
        handled: Handled<'_>,
        record: &mut Record,
    ) -> Result<(), Failure> {
        let Handled { machine, delivered, step } = handled;
        let raised = raised(begun, step, delivered);
        let state = interrupted(machine, delivered, step.frames());
        // A fault of the delivery has put its own address into CR2.
        let cr2 = if step.faults().len() > 1 { raised.cr2 } else { state.cr2 };
        let observed = Observed { outcome: Outcome::Raised(raised), state: CpuState { cr2, ..state } };
        match self.compare(&Ours { begun, observed, step, machine }, record)? {
            Stands::ByItself => {
                let arriving = Arriving::of_instruction(begun, state, step.faults(), delivered);
                self.compare_delivery(&arriving, handled, record)
            }
            Stands::Elsewhere => Ok(()),
        }
    }

    /// The second CPU delivers the event itself, and registers and frame are compared. If it cannot, it takes over our
    /// result, and that is counted.
    pub(super) fn compare_delivery(
        &mut self,
        arriving: &Arriving,
        handled: Handled<'_>,
        record: &mut Record,
    ) -> Result<(), Failure> {
        let outcome = match self.cpu.deliver(arriving.event, arriving.error_code.unwrap_or(0))? {
            Delivery::Unable => return self.take_over_delivery(Limit::Delivery, handled, record),
            Delivery::Done => Outcome::Retired,
            Delivery::ShutDown => Outcome::ShutDown,
        };
        let ours = Observed { outcome: Outcome::Retired, state: CpuState::of(&handled.machine.cpu) };
        let theirs = Observed { outcome, state: self.cpu.state()? };
        let masked = Masked::of(handled, arriving);
        let mut differences = limits::differences(&ours, &masked.applied(&theirs, &ours), 0);
        self.compare_frame(handled, &mut differences)?;
        if differences.is_empty() {
            return self.settle_delivery(masked, handled, record);
        }
        let faulted = handled.step.faults().len() > arriving.own_faults;
        if faulted && only_faults_of_delivery(handled.step.stores(), &differences) {
            return self.take_over_delivery(Limit::DeliveryFault, handled, record);
        }
        let (step, instruction, before) = (record.tally().compared, in_words(arriving.event), arriving.state);
        let bytes = code_bytes(&arriving.cpu, handled.machine, LONGEST);
        record.differs(Mismatch { step, instruction, bytes, before, ours, theirs, differences });
        Ok(())
    }

    fn take_over_delivery(&mut self, limit: Limit, handled: Handled<'_>, record: &mut Record) -> Result<(), Failure> {
        record.unjudged(limit);
        self.take_over(handled.step, handled.step.delivery_fills(), handled.machine)
    }

    /// Compares what our delivery stored. RF in the pushed flags becomes ours.
    fn compare_frame(&mut self, handled: Handled<'_>, found: &mut Vec<Difference>) -> Result<(), Failure> {
        let flags = pushed_flags(handled.delivered);
        for MemoryAccess { linear, physical, size, .. } in handled.step.frames().iter().copied() {
            let theirs = self.word(physical, size)?;
            let ours = handled.machine.memory.read(physical, size.min(8));
            if ours == theirs {
                continue;
            }
            if linear == flags && ours ^ theirs == limits::MASKED_FLAGS {
                self.take_over_bytes(physical, size, handled.machine)?;
            } else {
                found.push(Difference::Memory { physical, ours, theirs });
            }
        }
        Ok(())
    }

    /// Counts a delivery by both, and gives the second CPU our values of the fields that were not compared.
    fn settle_delivery(&mut self, masked: Masked, handled: Handled<'_>, record: &mut Record) -> Result<(), Failure> {
        record.delivered_by_both();
        masked.limits().for_each(|limit| record.masked(limit));
        // A debug exception clears DR7.GD, which is not compared.
        let debug = handled.delivered.event == Event::Exception(Exception::Debug);
        if debug || masked.unblocked || masked.limits().next().is_some() {
            self.cpu.adopt(&handled.machine.cpu)
        } else {
            Ok(())
        }
    }

    /// Our machine shut down in this step during a delivery: the second CPU has to shut down too.
    pub(super) fn compare_shutdown(&mut self, log: &StepLog, record: &mut Record) -> Result<(), Failure> {
        let Some(fault) = log.first_fault() else {
            // A machine check during another machine check: nothing faulted.
            record.unjudged(Limit::ShutDown);
            return Ok(());
        };
        let before = match log.origin() {
            Origin::Outside(arriving) => {
                let Arriving { event, error_code, state, .. } = *arriving;
                return self.shut_down(state, event, error_code, record);
            }
            Origin::Instruction(begun) => CpuState::of(&begun.cpu),
            Origin::Fetch => self.cpu.state()?,
        };
        self.raise_and_shut_down(before, fault, record)
    }

    /// The second CPU has to raise `fault` before it shuts down over it.
    fn raise_and_shut_down(&mut self, before: CpuState, fault: &Fault, record: &mut Record) -> Result<(), Failure> {
        let event = Event::Exception(fault.exception);
        match self.cpu.step()?.outcome {
            Outcome::Raised(raised) if raised.vector == event.vector() => {
                self.shut_down(before, event, fault.error_code, record)
            }
            _ => self.only_ours_shut_down(before, event, record),
        }
    }

    fn shut_down(
        &mut self,
        before: CpuState,
        event: Event,
        error_code: Option<u32>,
        record: &mut Record,
    ) -> Result<(), Failure> {
        match self.cpu.deliver(event, error_code.unwrap_or(0))? {
            Delivery::ShutDown => record.shut_down_by_both(),
            Delivery::Unable => record.unjudged(Limit::ShutDown),
            Delivery::Done => self.only_ours_shut_down(before, event, record)?,
        }
        Ok(())
    }

    fn only_ours_shut_down(&mut self, before: CpuState, event: Event, record: &mut Record) -> Result<(), Failure> {
        let ours = Observed { outcome: Outcome::ShutDown, state: before };
        let theirs = Observed { outcome: Outcome::Retired, state: self.cpu.state()? };
        let differences = vec![Difference::Outcome { ours: ours.outcome, theirs: theirs.outcome }];
        let (step, instruction, bytes) = (record.tally().compared, in_words(event), Vec::new());
        record.differs(Mismatch { step, instruction, bytes, before, ours, theirs, differences });
        Ok(())
    }
}

/// The exception that the instruction raised first. A double fault stands for the fault that began it.
fn raised(begun: &Begun, step: Step<'_>, delivered: &Delivered) -> Raised {
    let cr2 = begun.cpu.cr2;
    match step.faults().first() {
        Some(fault) => Raised {
            vector: fault.exception.vector(),
            error_code: fault.error_code.unwrap_or(0),
            cr2: fault.address.unwrap_or(cr2),
        },
        None => Raised { vector: delivered.event.vector(), error_code: 0, cr2 },
    }
}

/// Whether only the fields that [`Limit::DeliveryFault`] names differ: the error code, which is the last word pushed,
/// and which word of a frame faulted.
fn only_faults_of_delivery(stores: &[MemoryAccess], found: &[Difference]) -> bool {
    const FRAME: u64 = 6 * 8;
    let pushed = stores.last().map(|store| store.physical);
    found.iter().all(|difference| match difference {
        Difference::Memory { physical, .. } => Some(*physical) == pushed,
        Difference::Register { name: "cr2", ours, theirs } => ours.abs_diff(*theirs) < FRAME,
        _ => false,
    })
}

/// Where the delivery pushed RFLAGS.
fn pushed_flags(delivered: &Delivered) -> u64 {
    let error_code = u64::from(matches!(delivered.event, Event::Exception(exception) if exception.has_error_code()));
    delivered.stack.wrapping_add(8 * (error_code + 2))
}

fn in_words(event: Event) -> String {
    match event {
        Event::Exception(exception) => format!("delivery of {}", exception.name()),
        Event::Interrupt(vector) => format!("delivery of interrupt {vector:#x}"),
        Event::Software(vector) => format!("delivery of INT {vector:#x}"),
    }
}
