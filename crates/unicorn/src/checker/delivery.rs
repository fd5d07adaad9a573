//! Deliveries: the second CPU enters the handler itself where it can, and stack, frame and registers are compared.

use super::step::{LONGEST, code_bytes, word};
use super::{Begun, Checked, Checker};
use crate::difference::{Difference, Observed, differences};
use crate::limits::{self, Limit};
use crate::processor::{CpuState, Delivery, Failure, Outcome, Processor};
use cr3_core::machine::observe::{Delivered, MemoryAccess};
use cr3_core::machine::{Cpu, Event, Exception, Fault, Machine};

/// What is delivered, and what it interrupts.
pub(super) struct Arriving {
    event: Event,
    error_code: Option<u32>,
    /// The registers that it interrupts.
    state: CpuState,
    cpu: Cpu,
    /// Faults that make up the event itself; more are those of its delivery.
    own_faults: usize,
}

impl Arriving {
    /// An event that no instruction raised.
    pub(super) fn from_outside(event: Event, error_code: Option<u32>, cpu: &Cpu) -> Self {
        Self { event, error_code, state: CpuState::of(cpu), cpu: cpu.clone(), own_faults: 0 }
    }

    /// What an instruction raised: its first fault, or without one the software interrupt that it is.
    pub(super) fn of_instruction(begun: &Begun, state: CpuState, faults: &[Fault], delivered: &Delivered) -> Self {
        let cpu = begun.cpu.clone();
        match faults.first() {
            Some(fault) => {
                let event = Event::Exception(fault.exception);
                Self { event, error_code: fault.error_code, state, cpu, own_faults: 1 }
            }
            None => Self { event: delivered.event, error_code: None, state, cpu, own_faults: 0 },
        }
    }
}

/// Of which fields of a delivery Unicorn cannot judge.
#[derive(Clone, Copy, Debug)]
struct Masked {
    stack_segment: bool,
    machine_check: bool,
    /// Counted where IRET faulted.
    unblocked: bool,
}

impl Masked {
    fn of(delivered: &Delivered, arriving: &Arriving, machine: &Machine) -> Self {
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

impl<P: Processor> Checker<P> {
    /// The second CPU delivers the event itself, and registers and frame are compared; where it cannot, it takes over our
    /// result, and that is counted.
    pub(super) fn compare_delivery(
        &mut self,
        machine: &Machine,
        delivered: &Delivered,
        arriving: &Arriving,
    ) -> Result<(), Failure> {
        let outcome = match self.follower.deliver(arriving.event, arriving.error_code.unwrap_or(0))? {
            Delivery::Unable(limit) => return self.take_over_delivery(limit, machine),
            Delivery::Done => Outcome::Retired,
            Delivery::ShutDown => Outcome::ShutDown,
        };
        let ours = Observed { outcome: Outcome::Retired, state: CpuState::of(&machine.cpu) };
        let theirs = Observed { outcome, state: self.follower.state()? };
        let masked = Masked::of(delivered, arriving, machine);
        let mut found = differences(&ours, &masked.applied(&theirs, &ours), 0);
        self.compare_frame(machine, delivered, &mut found)?;
        if found.is_empty() {
            return self.settle_delivery(masked, machine, delivered);
        }
        if self.faults.len() > arriving.own_faults && self.only_faults_of_delivery(&found) {
            return self.take_over_delivery(Limit::DeliveryFault, machine);
        }
        let bytes = code_bytes(&arriving.cpu, machine, LONGEST);
        self.mismatch(in_words(arriving.event), bytes, arriving.state, ours, theirs, found);
        Ok(())
    }

    fn take_over_delivery(&mut self, limit: Limit, machine: &Machine) -> Result<(), Failure> {
        self.count_under(limit);
        self.take_over(machine)
    }

    /// Whether nothing differs but what [`Limit::DeliveryFault`] names: the error code, which is the last word that is pushed,
    /// and which word of a frame faulted.
    fn only_faults_of_delivery(&self, found: &[Difference]) -> bool {
        const FRAME: u64 = 6 * 8;
        let pushed = self.stores.last().map(|store| store.physical);
        found.iter().all(|difference| match difference {
            Difference::Memory { physical, .. } => Some(*physical) == pushed,
            Difference::Register { name: "cr2", ours, theirs } => ours.abs_diff(*theirs) < FRAME,
            _ => false,
        })
    }

    /// Compares what our delivery stored. RF in the flags that it pushed becomes ours.
    fn compare_frame(
        &mut self,
        machine: &Machine,
        delivered: &Delivered,
        found: &mut Vec<Difference>,
    ) -> Result<(), Failure> {
        let flags = pushed_flags(delivered);
        for index in self.stores_at_fault..self.stores.len() {
            let MemoryAccess { linear, physical, size, .. } = self.stores[index];
            let mut bytes = [0; 8];
            let bytes = &mut bytes[..usize::from(size.min(8))];
            self.follower.read(physical, bytes)?;
            let (ours, theirs) = (machine.memory.read(physical, size.min(8)), word(bytes));
            if ours == theirs {
                continue;
            }
            if linear == flags && ours ^ theirs == limits::MASKED_FLAGS {
                self.take_over_bytes(physical, size, machine)?;
            } else {
                found.push(Difference::Memory { physical, ours, theirs });
            }
        }
        Ok(())
    }

    /// Counts a delivery by both, and brings the second CPU to our values of what was not compared.
    fn settle_delivery(&mut self, masked: Masked, machine: &Machine, delivered: &Delivered) -> Result<(), Failure> {
        self.mark(Checked::DeliveredByBoth);
        self.tally.delivered_by_both += 1;
        for limit in masked.limits() {
            *self.tally.masked.entry(limit).or_default() += 1;
        }
        // A debug exception clears DR7.GD, which is not compared.
        let debug = delivered.event == Event::Exception(Exception::Debug);
        if debug || masked.unblocked || masked.limits().next().is_some() {
            self.follower.adopt(&machine.cpu)
        } else {
            Ok(())
        }
    }

    /// Our machine shut down in this step, while it delivered something: so has the second CPU to.
    pub(super) fn shut_down(&mut self) -> Result<(), Failure> {
        let begun = self.begun.take();
        let Some(fault) = self.faults.first().cloned() else {
            // A machine check during another: nothing faulted.
            self.count_under(Limit::ShutDown);
            return Ok(());
        };
        let (event, error_code) = match &self.arriving {
            Some(arriving) => (arriving.event, arriving.error_code),
            None => (Event::Exception(fault.exception), fault.error_code),
        };
        let state = match (&self.arriving, &begun) {
            (Some(arriving), _) => arriving.state,
            (None, Some(begun)) => CpuState::of(&begun.cpu),
            (None, None) => self.follower.state()?,
        };
        let vector = event.vector();
        let raises = self.arriving.is_some()
            || matches!(self.follower.step()?.outcome, Outcome::Raised(raised) if raised.vector == vector);
        if !raises {
            self.only_ours_shut_down(state, event)
        } else {
            self.compare_shutdown(state, event, error_code.unwrap_or(0))
        }
    }

    fn compare_shutdown(&mut self, before: CpuState, event: Event, error_code: u32) -> Result<(), Failure> {
        match self.follower.deliver(event, error_code)? {
            Delivery::ShutDown => self.mark(Checked::DeliveredByBoth),
            Delivery::Unable(_) => self.count_under(Limit::ShutDown),
            Delivery::Done => self.only_ours_shut_down(before, event)?,
        }
        Ok(())
    }

    fn only_ours_shut_down(&mut self, before: CpuState, event: Event) -> Result<(), Failure> {
        let ours = Observed { outcome: Outcome::ShutDown, state: before };
        let theirs = Observed { outcome: Outcome::Retired, state: self.follower.state()? };
        let found = vec![Difference::Outcome { ours: ours.outcome, theirs: theirs.outcome }];
        self.mismatch(in_words(event), Vec::new(), before, ours, theirs, found);
        Ok(())
    }
}

/// Where RFLAGS was pushed.
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
