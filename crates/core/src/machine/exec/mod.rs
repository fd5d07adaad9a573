//! Execution: one short function per instruction, grouped by kind; `dispatch` names them all.
//!
//! An instruction function reads and checks everything before it changes anything, so a fault needs no undoing: [`step`]
//! only puts RIP back. Repeated string instructions are the exception that the manual makes.

pub mod arithmetic;
pub mod condition;
pub mod cpuid;
pub mod multiply;
pub mod shift;
pub mod string;
pub mod undefined;
pub mod width;

mod alu;
mod bits;
mod data;
mod dispatch;
mod far;
mod flow;
mod msr;
mod operand;
mod segment;
mod stack;
mod system;
#[cfg(test)]
mod tests;

pub use msr::TIME_STAMP_STEP;

use super::access;
use super::cpu::Shadow;
use super::event::{self, debug};
use super::fault::{Fault, Stop};
use super::observe::Delivered;
use super::rflags::{RF, TF};
use super::{Machine, Observer};
use iced_x86::{Code, Instruction};

/// What an instruction function gives back: done, or the fault that it raises.
type Done = Result<(), Fault>;

/// What an instruction function works on.
struct Context<'a, O> {
    machine: &'a mut Machine,
    observer: &'a mut O,
    /// Set by INT n and its kind, which enter a handler themselves.
    delivered: Option<Box<Delivered>>,
}

/// Executes one instruction and delivers the exception it raised, or delivers a latched NMI that became deliverable.
///
/// While an instruction executes, RIP stands behind it; after a fault it stands at it again. A repeated string instruction
/// may take several steps, see [`string::ITERATIONS`]. Hooks come in this order: `before`, then `memory`, `tlb` and
/// `control` as they happen, then `retired` or `fault`, then `delivered`. An instruction that cannot be fetched has no
/// `before`; INT n enters its handler before it is `retired`.
///
/// # Errors
/// [`Stop`] when the machine cannot go on.
pub fn step<O: Observer>(machine: &mut Machine, observer: &mut O) -> Result<(), Stop> {
    let events = &machine.cpu.events;
    if (events.nmi_pending || events.halted || events.shut_down)
        && let Some(result) = boundary(machine, observer)
    {
        return result;
    }
    let shadow = std::mem::take(&mut machine.cpu.events.shadow);
    let hits = debug::instruction_hits(&machine.cpu, shadow);
    if hits != 0 {
        return event::raise_breakpoint(machine, observer, hits);
    }
    let start = machine.cpu.rip;
    let mut instruction = Instruction::default();
    match access::fetch(machine, observer, start, &mut instruction) {
        Ok(()) => execute(machine, observer, &instruction),
        Err(fault) => event::raise_fault(machine, observer, fault),
    }
}

/// What happens at a boundary instead of an instruction, if anything.
#[cold]
fn boundary<O: Observer>(machine: &mut Machine, observer: &mut O) -> Option<Result<(), Stop>> {
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

#[inline]
fn execute<O: Observer>(machine: &mut Machine, observer: &mut O, instruction: &Instruction) -> Result<(), Stop> {
    observer.before(machine, instruction);
    let start = machine.cpu.rip;
    let rflags = machine.cpu.rflags;
    let held_back = machine.cpu.events.debug_pending;
    machine.cpu.rip = instruction.next_ip();
    // After the look for breakpoints and before the instruction itself (SDM vol. 3B 17.3.1.1).
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
fn after<O: Observer>(
    machine: &mut Machine,
    observer: &mut O,
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

/// Whether TF traps after `instruction`: as it was before it, but for SYSCALL and SYSRET as it is after them, so that
/// IA32_FMASK can keep user mode's single step out of the kernel (SDM vol. 3B 17.3.1.4; Linux c8401dda2f0a).
fn trap_flag(machine: &Machine, instruction: &Instruction, rflags: u64) -> bool {
    let counted = match instruction.code() {
        Code::Syscall | Code::Sysretq => machine.cpu.rflags,
        _ => rflags,
    };
    counted & TF != 0
}
