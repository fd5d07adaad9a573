//! One step, and what may happen at the boundary before it.

use super::{Context, dispatch};
use crate::access;
use crate::cpu::Shadow;
use crate::event::{self, debug};
use crate::fault::Stop;
use crate::observe::Delivered;
use crate::rflags::{RF, TF};
use crate::{Machine, Observer};
use iced_x86::{Code, Instruction};

/// One step as the manual describes it. [`crate::step()`] says what it reports.
pub(crate) fn step(machine: &mut Machine, observer: &mut dyn Observer) -> Result<(), Stop> {
    if let Some(result) = boundary(machine, observer) {
        return result;
    }
    let shadow = std::mem::take(&mut machine.cpu.events.shadow);
    let hits = debug::instruction_hits(&machine.cpu, shadow);
    if hits != 0 {
        return event::raise_breakpoint(machine, observer, hits);
    }
    let start = machine.cpu.rip;
    match access::fetch(machine, observer, start) {
        Ok(instruction) => execute(machine, observer, &instruction),
        Err(fault) => event::raise_fault(machine, observer, fault),
    }
}

/// What happens at a boundary instead of an instruction, if anything.
fn boundary(machine: &mut Machine, observer: &mut dyn Observer) -> Option<Result<(), Stop>> {
    if machine.cpu.events.shut_down {
        Some(Err(event::shutdown(machine, Vec::new())))
    } else if event::nmi_is_due(machine) {
        Some(event::deliver_latched_nmi(machine, observer))
    } else if machine.cpu.events.halted {
        Some(Err(Stop::Halted))
    } else {
        None
    }
}

/// Executes an instruction that was fetched.
pub(crate) fn execute(
    machine: &mut Machine,
    observer: &mut dyn Observer,
    instruction: &Instruction,
) -> Result<(), Stop> {
    observer.before(machine, instruction);
    let start = machine.cpu.rip;
    let rflags = machine.cpu.rflags;
    let held_back = machine.cpu.events.debug_pending;
    machine.cpu.rip = instruction.next_ip();
    // After the check for breakpoints and before the instruction itself (SDM vol. 3B 17.3.1.1).
    machine.cpu.rflags &= !RF;
    let mut context = Context { machine, observer, delivered: None };
    let done = dispatch::execute(&mut context, instruction);
    let delivered = context.delivered;
    if let Err(fault) = done {
        machine.cpu.rip = start;
        machine.cpu.events.debug_pending = held_back;
        return event::raise_fault(machine, observer, fault);
    }
    observer.retired(machine, instruction);
    if (rflags | machine.cpu.rflags) & TF == 0 && machine.cpu.events.debug_pending == 0 && delivered.is_none() {
        return Ok(());
    }
    after(machine, observer, instruction, rflags, delivered)
}

/// Traps of an instruction that retired: single step and data breakpoints. The shadow of MOV SS holds them back.
#[cold]
fn after(
    machine: &mut Machine,
    observer: &mut dyn Observer,
    instruction: &Instruction,
    rflags: u64,
    delivered: Option<Box<Delivered>>,
) -> Result<(), Stop> {
    let single_step = delivered.is_none() && trap_flag(machine, instruction, rflags);
    if let Some(delivered) = delivered {
        observer.delivered(machine, &delivered);
    }
    let events = &mut machine.cpu.events;
    if single_step {
        events.debug_pending |= debug::BS;
    }
    if events.debug_pending == 0 || events.shadow == Shadow::MovSs {
        return Ok(());
    }
    let causes = std::mem::take(&mut events.debug_pending);
    event::raise_debug(machine, observer, causes)
}

/// Whether TF traps after `instruction`. TF counts as it was before the instruction. For SYSCALL and SYSRET it counts
/// as it is after them, so that IA32_FMASK can keep user mode's single step out of the kernel (SDM vol. 3B 17.3.1.4;
/// Linux c8401dda2f0a).
fn trap_flag(machine: &Machine, instruction: &Instruction, rflags: u64) -> bool {
    let counted = match instruction.code() {
        Code::Syscall | Code::Sysretq => machine.cpu.rflags,
        _ => rflags,
    };
    counted & TF != 0
}
