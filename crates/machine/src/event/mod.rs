//! Exceptions, NMI and interrupts: when they may strike, and how the processor enters a handler (SDM vol. 3A chapter
//! 6).
//!
//! Every delivery reads IDT, GDT and TSS and pushes its frame through the page tables of the current CR3.

pub mod debug;
pub mod gate;
pub mod nested;

mod enter;
mod refuse;

pub(super) use enter::{Arrival, enter};
pub use refuse::refusal_reason;

pub use super::fault::Event;

use super::fault::{Exception, Fault, Stop};
use super::{Machine, Observer};
use nested::Outcome;

/// Delivers `event` from outside at this instruction boundary. The frame is pushed through the page tables of the
/// current CR3.
///
/// Ask [`refusal_reason`] first. A blocked NMI is latched instead, and [`super::step`] delivers it when it may. For #DB, DR6
/// does not change, as with INT1. Exceptions with an error code push `error_code`, or zero.
///
/// # Errors
/// [`Stop::Shutdown`] on a triple fault or a machine check during a machine check.
pub fn deliver(
    machine: &mut Machine,
    event: Event,
    error_code: Option<u32>,
    observer: &mut dyn Observer,
) -> Result<(), Stop> {
    if machine.cpu.events.shut_down {
        return Err(shutdown(machine, Vec::new()));
    }
    match event {
        Event::Exception(Exception::Nmi) if refuse::nmi_waits(&machine.cpu.events) => {
            machine.cpu.events.nmi_pending = true;
            Ok(())
        }
        Event::Exception(Exception::MachineCheck) if let Some(cause) = refuse::machine_check_reason(&machine.cpu) => {
            observer.arriving(machine, event, None);
            Err(shutdown(machine, vec![Fault::new(Exception::MachineCheck, cause)]))
        }
        _ => arrive(machine, observer, event, error_code),
    }
}

/// Delivers an event that no instruction raised.
fn arrive(
    machine: &mut Machine,
    observer: &mut dyn Observer,
    event: Event,
    error_code: Option<u32>,
) -> Result<(), Stop> {
    let arrival = Arrival::from_outside(event, error_code, machine.cpu.rip);
    observer.arriving(machine, event, arrival.error_code());
    raise(machine, observer, arrival)
}

/// Delivers the latched NMI.
pub(super) fn deliver_latched_nmi(machine: &mut Machine, observer: &mut dyn Observer) -> Result<(), Stop> {
    machine.cpu.events.nmi_pending = false;
    arrive(machine, observer, Event::Exception(Exception::Nmi), None)
}

/// Delivers the fault that the instruction at RIP raised.
#[cold]
pub(super) fn raise_fault(machine: &mut Machine, observer: &mut dyn Observer, fault: Fault) -> Result<(), Stop> {
    observer.fault(&fault);
    let arrival = Arrival::fault(fault, machine.cpu.rip);
    raise(machine, observer, arrival)
}

/// Delivers the debug exception of the instruction breakpoints `hits` at RIP.
#[cold]
pub(super) fn raise_breakpoint(machine: &mut Machine, observer: &mut dyn Observer, hits: u64) -> Result<(), Stop> {
    machine.cpu.debug[debug::DR6] |= hits;
    let fault = Fault::new(Exception::Debug, "an instruction breakpoint in DR0 to DR3");
    observer.fault(&fault);
    let arrival = Arrival::instruction_breakpoint(fault, machine.cpu.rip);
    raise(machine, observer, arrival)
}

/// Delivers a debug exception with `causes` in the layout of DR6 at this boundary.
#[cold]
pub(super) fn raise_debug(machine: &mut Machine, observer: &mut dyn Observer, causes: u64) -> Result<(), Stop> {
    machine.cpu.debug[debug::DR6] |= causes;
    arrive(machine, observer, Event::Exception(Exception::Debug), None)
}

/// Whether a latched NMI may be delivered now.
pub(super) fn nmi_is_due(machine: &Machine) -> bool {
    let events = &machine.cpu.events;
    events.nmi_pending && !refuse::nmi_waits(events)
}

/// The processor stops for good.
pub(super) fn shutdown(machine: &mut Machine, chain: Vec<Fault>) -> Stop {
    machine.cpu.events.shut_down = true;
    Stop::Shutdown { rip: machine.cpu.rip, chain }
}

/// Delivers `arrival`, and what its delivery raises, until a handler is entered or the processor shuts down.
///
/// A page fault writes CR2 when it is raised, even if it then becomes part of a double fault (SDM vol. 3A 6.15).
pub(super) fn raise(machine: &mut Machine, observer: &mut dyn Observer, mut arrival: Arrival) -> Result<(), Stop> {
    let mut chain = Vec::new();
    loop {
        if let Some(address) = arrival.page_fault_address() {
            machine.cpu.cr2 = address;
        }
        let second = match enter(machine, observer, &arrival) {
            Ok(mut delivered) => {
                delivered.fault = arrival.fault;
                observer.delivered(machine, &delivered);
                return Ok(());
            }
            Err(second) => second,
        };
        observer.fault(&second);
        let outcome = nested::outcome(arrival.event, second.exception);
        let double_fault = nested::double_fault(arrival.event, second.exception);
        chain.extend(arrival.fault.take());
        arrival = match outcome {
            Outcome::Serial => Arrival::fault(second, machine.cpu.rip),
            Outcome::DoubleFault => {
                if let Some(address) = second.address {
                    machine.cpu.cr2 = address;
                }
                chain.push(second);
                Arrival::fault(double_fault, machine.cpu.rip)
            }
            Outcome::Shutdown => {
                chain.push(second);
                return Err(shutdown(machine, chain));
            }
        };
    }
}
