//! Entering a handler: gate, code segment, stack, frame (SDM vol. 3A 6.12.1, 6.14; vol. 2, INT n).

use super::Event;
use super::debug::{DR7, GENERAL_DETECT};
use super::gate::{self, Gate, GateAccess, GateKind};
use crate::access::{self, Privilege};
use crate::cpu::canonical;
use crate::cpu::{Register, Segment, SegmentRegister, Shadow};
use crate::descriptor::{self, Kind, is_null, selector_fault};
use crate::fault::{Exception, Fault};
use crate::observe::{AccessKind, Delivered, Resume};
use crate::rflags::{IF, NT, RF, TF, VM};
use crate::rights::{Access, Mode};
use crate::{Cpu, Machine, Observer};

/// An event on its way to its handler.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) event: Event,
    /// The error code to push, if any.
    error_code: Option<u32>,
    /// The fault behind it, for exceptions that an instruction or a delivery raised.
    pub(crate) fault: Option<Fault>,
    /// RIP in the frame: the faulting instruction for faults, the next one for traps.
    return_rip: u64,
    resume: Resume,
}

impl Resume {
    /// Traps and aborts among the exceptions (SDM vol. 3A table 6-1).
    fn of(event: Event) -> Self {
        use Exception::{Breakpoint, Debug, DoubleFault, MachineCheck, Nmi, Overflow};
        match event {
            Event::Exception(Breakpoint | Debug | DoubleFault | MachineCheck | Nmi | Overflow) => Self::Kept,
            Event::Exception(_) => Self::Set,
            Event::Interrupt(_) | Event::Software(_) => Self::Kept,
        }
    }

    fn apply(self, rflags: u64) -> u64 {
        match self {
            Self::Set => rflags | RF,
            Self::Kept => rflags,
        }
    }
}

impl Arrival {
    /// A fault of the instruction at `rip`.
    pub(crate) fn fault(fault: Fault, rip: u64) -> Self {
        let resume = if fault.exception == Exception::DoubleFault { Resume::Kept } else { Resume::Set };
        Self {
            event: Event::Exception(fault.exception),
            error_code: fault.error_code,
            fault: Some(fault),
            return_rip: rip,
            resume,
        }
    }

    /// The one fault that does not change RF.
    pub(crate) fn instruction_breakpoint(fault: Fault, rip: u64) -> Self {
        Self { resume: Resume::Kept, ..Self::fault(fault, rip) }
    }

    /// INT n: `rip` is the address of the next instruction.
    pub(crate) fn software(vector: u8, rip: u64) -> Self {
        let event = Event::Software(vector);
        Self { event, error_code: None, fault: None, return_rip: rip, resume: Resume::of(event) }
    }

    /// An event at an instruction boundary. The vector alone decides whether it pushes an error code.
    pub(crate) fn from_outside(event: Event, error_code: Option<u32>, rip: u64) -> Self {
        let has_code = matches!(event, Event::Exception(exception) if exception.has_error_code());
        let error_code = has_code.then(|| error_code.unwrap_or(0));
        Self { event, error_code, fault: None, return_rip: rip, resume: Resume::of(event) }
    }

    pub(crate) fn error_code(&self) -> Option<u32> {
        self.error_code
    }

    pub(crate) fn page_fault_address(&self) -> Option<u64> {
        self.fault.as_ref().and_then(|fault| fault.address)
    }
}

/// Enters the handler of `arrival`. On a fault it changes nothing except accessed bits and TLB entries.
///
/// # Errors
/// The fault that the delivery raised, with EXT set in its error code unless software asked for the event.
pub(crate) fn enter(machine: &mut Machine, observer: &mut dyn Observer, arrival: &Arrival) -> Result<Delivered, Fault> {
    try_enter(machine, observer, arrival).map_err(|fault| match arrival.event {
        Event::Software(_) => fault,
        Event::Exception(_) | Event::Interrupt(_) => external(fault),
    })
}

/// Sets EXT in error codes that name a selector (SDM vol. 3A 6.13). Page-fault error codes have no such bit.
fn external(fault: Fault) -> Fault {
    let error_code = match fault.exception {
        Exception::PageFault => fault.error_code,
        _ => fault.error_code.map(|code| code | 1),
    };
    Fault { error_code, ..fault }
}

fn try_enter(machine: &mut Machine, observer: &mut dyn Observer, arrival: &Arrival) -> Result<Delivered, Fault> {
    let from_cpl = machine.cpu.cpl;
    let vector = arrival.event.vector();
    let access = match arrival.event {
        Event::Software(_) => GateAccess::Software { cpl: from_cpl },
        Event::Exception(_) | Event::Interrupt(_) => GateAccess::Hardware,
    };
    let gate = gate::read(machine, observer, vector, access)?;
    let code = handler_code(machine, observer, &gate)?;
    let cpl = descriptor::requested_privilege(code.selector);
    let top = stack_top(machine, observer, &gate, cpl)?;
    if !canonical(&machine.cpu, gate.offset) {
        return Err(Fault::general_protection("the handler's address is not canonical"));
    }
    let stack = push_frame(machine, observer, arrival, top, cpl)?;
    commit(machine, observer, arrival.event, &gate, code, stack);
    Ok(Delivered {
        event: arrival.event,
        fault: None,
        handler: gate.offset,
        stack,
        ist: gate.ist,
        from_cpl,
        interrupted_rip: arrival.return_rip,
        resume: arrival.resume,
    })
}

/// The handler's code segment; the RPL of its selector is the new CPL.
fn handler_code(machine: &mut Machine, observer: &mut dyn Observer, gate: &Gate) -> Result<Segment, Fault> {
    let selector = gate.selector;
    let refuse = |exception, cause| Err(selector_fault(exception, selector, cause));
    if is_null(selector) {
        return Err(Fault::general_protection("the gate's code segment is null"));
    }
    let descriptor = descriptor::require(machine, observer, selector)?;
    let Kind::Code { conforming, .. } = descriptor.kind() else {
        return refuse(Exception::GeneralProtection, "the gate's segment is not a code segment");
    };
    let cpl = machine.cpu.cpl;
    if descriptor.privilege() > cpl {
        return refuse(Exception::GeneralProtection, "the handler is less privileged than the interrupted code");
    }
    if !descriptor.present() {
        return refuse(Exception::SegmentNotPresent, "the handler's code segment is not present");
    }
    if !descriptor.long() || descriptor.default_big() {
        return refuse(Exception::GeneralProtection, "the handler's code segment is not a 64-bit one");
    }
    let descriptor = descriptor::mark_accessed(machine, observer, selector, descriptor)?;
    let new_cpl = if conforming { cpl } else { descriptor.privilege() };
    Ok(descriptor.segment(selector & !3 | u16::from(new_cpl)))
}

/// Where the frame begins: an IST stack, the stack of a more privileged level, or the current one (SDM vol. 3A 6.14.4,
/// 6.14.5), aligned to 16 bytes (6.14.2).
fn stack_top(machine: &mut Machine, observer: &mut dyn Observer, gate: &Gate, cpl: u8) -> Result<u64, Fault> {
    let slot = match gate.ist {
        0 if cpl < machine.cpu.cpl => 4 + 8 * u64::from(cpl),
        0 => return Ok(machine.cpu.registers[Register::Rsp as usize] & !15),
        ist => 0x1c + 8 * u64::from(ist),
    };
    let task = machine.cpu.task;
    if slot + 7 > u64::from(task.limit) {
        let cause = "the stack pointer lies beyond the limit of the TSS";
        return Err(selector_fault(Exception::InvalidTss, task.selector, cause));
    }
    let address = task.base.wrapping_add(slot);
    let top = access::read(machine, observer, address, 8, Privilege::Supervisor)?;
    Ok(top & !15)
}

/// Pushes SS, RSP, RFLAGS, CS, RIP and the error code, if there is one. Returns the new RSP. Changes no byte if it
/// cannot write one of the frame's pages.
fn push_frame(
    machine: &mut Machine,
    observer: &mut dyn Observer,
    arrival: &Arrival,
    top: u64,
    cpl: u8,
) -> Result<u64, Fault> {
    let cpu = &machine.cpu;
    let selector = |segment| u64::from(cpu.segments[segment as usize].selector);
    let frame = [
        Some(selector(SegmentRegister::Ss)),
        Some(cpu.registers[Register::Rsp as usize]),
        Some(arrival.resume.apply(cpu.rflags)),
        Some(selector(SegmentRegister::Cs)),
        Some(arrival.return_rip),
        arrival.error_code.map(u64::from),
    ];
    let privilege = if cpl == 3 { Privilege::User } else { Privilege::Supervisor };
    let size = 8 * frame.iter().flatten().count() as u64;
    check_writable(machine, observer, top.wrapping_sub(size), privilege)?;
    let mut stack = top;
    for word in frame.into_iter().flatten() {
        stack = stack.wrapping_sub(8);
        access::write(machine, observer, stack, 8, word, privilege).map_err(as_stack_fault)?;
    }
    Ok(stack)
}

/// Checks the lowest word of the frame, so that a fault on its page precedes the first push.
fn check_writable(
    machine: &mut Machine,
    observer: &mut dyn Observer,
    linear: u64,
    privilege: Privilege,
) -> Result<(), Fault> {
    if !canonical(&machine.cpu, linear) {
        return Err(Fault::with_code(Exception::StackSegment, 0, "the handler's stack is not canonical"));
    }
    let mode = match privilege {
        Privilege::User => Mode::User,
        Privilege::Current | Privilege::Supervisor => Mode::Implicit,
    };
    let access = Access { kind: AccessKind::Write, mode };
    access::translate(machine, observer, linear, access).map(|_| ())
}

fn as_stack_fault(fault: Fault) -> Fault {
    match fault.exception {
        Exception::GeneralProtection => Fault { exception: Exception::StackSegment, ..fault },
        _ => fault,
    }
}

/// Changes the processor once the frame is pushed. SS becomes null only when CPL changes (SDM vol. 3A 6.14.2).
fn commit(machine: &mut Machine, observer: &mut dyn Observer, event: Event, gate: &Gate, code: Segment, stack: u64) {
    let cpl = descriptor::requested_privilege(code.selector);
    if cpl != machine.cpu.cpl {
        let null = Segment { selector: u16::from(cpl), ..Segment::default() };
        descriptor::load(machine, observer, SegmentRegister::Ss, null);
    }
    descriptor::load(machine, observer, SegmentRegister::Cs, code);
    let cpu = &mut machine.cpu;
    cpu.cpl = cpl;
    cpu.rip = gate.offset;
    cpu.registers[Register::Rsp as usize] = stack;
    let masks_interrupts = if gate.kind == GateKind::Interrupt { IF } else { 0 };
    cpu.rflags &= !(TF | NT | RF | VM | masks_interrupts);
    cpu.events.shadow = Shadow::None;
    cpu.events.halted = false;
    note(cpu, event);
}

/// What the kind of event blocks or clears.
fn note(cpu: &mut Cpu, event: Event) {
    match event {
        Event::Exception(Exception::Nmi) => cpu.events.nmi_blocked = true,
        Event::Exception(Exception::MachineCheck) => cpu.events.machine_check_in_progress = true,
        Event::Exception(Exception::Debug) => cpu.debug[DR7] &= !GENERAL_DETECT,
        _ => {}
    }
}
