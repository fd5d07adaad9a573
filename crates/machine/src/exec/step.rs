//! One instruction after another, and what may come between two of them.

use super::short::Short;
use super::{Context, dispatch};
use crate::access;
use crate::cpu::Shadow;
use crate::decoded::Kept;
use crate::event::{self, debug};
use crate::fault::Stop;
use crate::observe::{AccessKind, Delivered, TlbEvent};
use crate::rflags::{RF, TF};
use crate::tlb::Entry;
use crate::{Cpu, Machine, Observer};
use iced_x86::{Code, Instruction};

/// Executes one instruction and delivers the exception it raised, or delivers a latched NMI that became deliverable.
///
/// While an instruction executes, RIP stands behind it; after a fault it stands at it again. A repeated string instruction
/// may take several steps, see [`super::string::ITERATIONS`]. Hooks come in this order: `before`, then `memory`, `tlb` and
/// `control` as they happen, then `retired` or `fault`, then `delivered`. An instruction that cannot be fetched has no
/// `before`; INT n enters its handler before it is `retired`.
///
/// # Errors
/// [`Stop`] when the machine cannot go on.
#[inline]
pub fn step<O: Observer>(machine: &mut Machine, observer: &mut O) -> Result<(), Stop> {
    step_through(&mut None, machine, observer)
}

/// A machine that takes many steps. It does what [`step`] does, in less time: since nobody else changes the machine, what
/// a short form found out about the page that executes is still true at the next step.
#[derive(Clone, Debug)]
pub struct Stepper {
    machine: Machine,
    window: Option<Window>,
}

impl Stepper {
    /// Takes over `machine`.
    pub fn new(machine: Machine) -> Self {
        Self { machine, window: None }
    }

    /// The machine as it stands.
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// The machine to change between two steps.
    pub fn machine_mut(&mut self) -> &mut Machine {
        self.window = None;
        &mut self.machine
    }

    /// Gives the machine back.
    pub fn into_machine(self) -> Machine {
        self.machine
    }

    /// As [`step`].
    ///
    /// # Errors
    /// [`Stop`] when the machine cannot go on.
    #[inline]
    pub fn step<O: Observer>(&mut self, observer: &mut O) -> Result<(), Stop> {
        step_through(&mut self.window, &mut self.machine, observer)
    }
}

/// The page from which only short forms were executed since it was looked up. They leave alone what the look depended on, the
/// contents of the TLB excepted, and what makes a boundary [`undisturbed`].
#[derive(Clone, Copy, Debug)]
struct Window {
    /// Number of the linear page.
    page: u64,
    /// [`crate::Tlb::fetch_generation`] at that time.
    generation: u64,
    entry: Entry,
}

impl Window {
    /// The physical address to fetch from for `linear`, told to `observer` as the hit that it is.
    #[inline]
    fn fetch<O: Observer>(&self, machine: &Machine, observer: &mut O, linear: u64) -> Option<u64> {
        if self.page != linear >> 12 || self.generation != machine.tlb.fetch_generation() {
            return None;
        }
        observer.tlb(&TlbEvent::Hit { entry: self.entry, kind: AccessKind::Execute });
        Some(self.entry.translate(linear))
    }
}

#[inline]
fn step_through<O: Observer>(window: &mut Option<Window>, machine: &mut Machine, observer: &mut O) -> Result<(), Stop> {
    let start = machine.cpu.rip;
    let seen = window.as_ref().and_then(|window| window.fetch(machine, observer, start));
    let physical = match seen.map_or_else(|| look(window, machine, observer), Ok) {
        Ok(physical) => physical,
        Err(instead) => return instead,
    };
    let Some(Kept { instruction, short: Some(short) }) = machine.memory.decoded(physical, start) else {
        *window = None;
        return step_long(machine, observer, physical);
    };
    observer.before(machine, instruction);
    match short {
        Short::Compute(compute) => {
            compute.run(&mut machine.cpu, instruction.next_ip());
            observer.retired(machine, instruction);
            Ok(())
        }
        Short::Transfer(transfer) => {
            // A store may free what was decoded.
            let (transfer, instruction) = (*transfer, *instruction);
            let mut context = Context { machine, observer, delivered: None };
            if let Err(fault) = transfer.run(&mut context, &instruction) {
                *window = None;
                return event::raise_fault(machine, observer, fault);
            }
            observer.retired(machine, &instruction);
            Ok(())
        }
    }
}

/// The result of a step that came instead of a fetch.
type Instead = Result<(), Stop>;

/// Where to fetch from, with a window on it if the TLB knows the page well.
#[inline]
fn look<O: Observer>(window: &mut Option<Window>, machine: &mut Machine, observer: &mut O) -> Result<u64, Instead> {
    *window = None;
    if !undisturbed(&machine.cpu) {
        return Err(step_disturbed(machine, observer));
    }
    let start = machine.cpu.rip;
    match access::fetch_address(machine, observer, start) {
        Ok((physical, entry)) => {
            let generation = machine.tlb.fetch_generation();
            *window = entry.map(|entry| Window { page: start >> 12, generation, entry });
            Ok(physical)
        }
        Err(fault) => Err(event::raise_fault(machine, observer, fault)),
    }
}

/// Whether nothing but an instruction can happen: nothing waits, traps or is held back, and no breakpoint is armed.
#[inline]
fn undisturbed(cpu: &Cpu) -> bool {
    let events = &cpu.events;
    let waiting = events.nmi_pending | events.halted | events.shut_down | (events.shadow != Shadow::None);
    !waiting && events.debug_pending == 0 && cpu.rflags & (TF | RF) == 0 && !debug::armed(cpu)
}

/// A step of which the fetch is done, for an instruction without a short form or not decoded yet.
#[inline(never)]
fn step_long<O: Observer>(machine: &mut Machine, observer: &mut O, physical: u64) -> Result<(), Stop> {
    let start = machine.cpu.rip;
    let decoded = match machine.memory.decoded(physical, start) {
        Some(kept) => Ok(kept.instruction),
        None => access::decode(machine, observer, start, physical),
    };
    match decoded {
        Ok(instruction) => execute(machine, observer, &instruction),
        Err(fault) => event::raise_fault(machine, observer, fault),
    }
}

/// A step that looks at all that may come before an instruction, and takes no short way.
#[inline(never)]
pub(super) fn step_disturbed<O: Observer>(machine: &mut Machine, observer: &mut O) -> Result<(), Stop> {
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
