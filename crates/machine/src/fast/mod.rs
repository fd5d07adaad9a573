//! Everything that exists only to be fast. One rule governs it: without it the machine does the same.
//!
//! It keeps three kinds of notes, none of them part of the state. [`front`] notes the TLB entry that the last access to
//! a page used. [`notes`] keeps what was decoded from a page of memory. [`short`] keeps the operands of most
//! instructions, looked up once when they are decoded. The rest of the machine stores these notes and drops them in
//! time; it calls only [`look_up`] for a translation and [`recall_instruction`].
//!
//! These notes make the silent step possible. If everything about an instruction is known beforehand and the observer
//! pays it no attention ([`Attention`]), it executes without a report to anybody. Everything else takes the way of
//! [`crate::exec::step`], and so does everything on a machine that is [`Machine::plain`].

mod front;
mod notes;
mod short;
#[cfg(test)]
mod tests;

pub(crate) use front::{Fronts, look_up, recall_within};
pub(crate) use notes::{Notes, Running, keep_instruction, recall_instruction};

use crate::cpu::Shadow;
use crate::event::debug;
use crate::exec;
use crate::observe::{AccessKind, Attention, Ordinary, TlbEvent, Watched};
use crate::rflags::{RF, TF};
use crate::rights::Access;
use crate::tlb::Entry;
use crate::{Cpu, Machine, Observer, Stop};
use iced_x86::Instruction;
use short::Short;

/// Whether the machine makes and uses notes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Use {
    #[default]
    Taken,
    /// For [`Machine::plain`].
    Shunned,
}

impl Machine {
    /// The same machine, as slow as the manual: it and its clones make no notes and use none. Tests check that they do
    /// the same.
    #[must_use]
    pub fn plain(mut self) -> Self {
        self.tlb.fronts = Fronts::shunned();
        self.memory.running = Running::shunned();
        self
    }
}

/// A machine that takes many steps. It does what [`step`] does, in less time: nobody else changes the machine, so what
/// is known of the executing page is still true at the next step.
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

    /// Takes over [`Machine::plain`].
    pub fn plain(machine: Machine) -> Self {
        Self::new(machine.plain())
    }

    /// The machine in its current state.
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// The machine, to change it between two steps.
    pub fn machine_mut(&mut self) -> &mut Machine {
        self.window = None;
        &mut self.machine
    }

    /// Gives the machine back.
    pub fn into_machine(self) -> Machine {
        self.machine
    }

    /// Does what [`step`] does.
    ///
    /// # Errors
    /// [`Stop`] when the machine cannot go on.
    #[inline]
    pub fn step<O: Observer>(&mut self, observer: &mut O) -> Result<(), Stop> {
        step_through(&mut self.window, &mut self.machine, observer)
    }

    /// Takes ordinary steps as long as it can, up to `limit`, and reports them all at once. If the next step is not
    /// ordinary, or the observer wants to hear of each, it takes only that one. Returns how many it took, at least 1.
    ///
    /// The observer sees none of the boundaries between these steps. Its attention must stay the same from one to the
    /// next.
    ///
    /// # Errors
    /// [`Stop`] when the machine cannot go on.
    #[inline]
    pub fn stride<O: Observer>(&mut self, observer: &mut O, limit: u32) -> Result<u32, Stop> {
        let Self { machine, window } = self;
        if let Attention::Unusual { stores } = &observer.attention()
            && let Some(stride) = stride_silently(window, machine, stores, limit)
        {
            observer.ordinary(machine, stride);
            return Ok(stride.count);
        }
        step_through(window, machine, observer).map(|()| 1)
    }
}

/// Executes one instruction and delivers the exception it raised, or delivers a latched NMI that became deliverable.
///
/// While an instruction executes, RIP points behind it; after a fault RIP points at it again. A repeated string
/// instruction may take several steps; see [`crate::exec::string::ITERATIONS`]. Hooks come in this order: `before`,
/// then `memory`, `tlb` and `control` as they happen, then `retired` or `fault`, then `delivered`. An instruction that
/// cannot be fetched has no `before`. INT n enters its handler before it is `retired`. An observer may ask for less
/// ([`Observer::attention`]).
///
/// # Errors
/// [`Stop`] when the machine cannot go on.
#[inline]
pub fn step<O: Observer>(machine: &mut Machine, observer: &mut O) -> Result<(), Stop> {
    step_through(&mut None, machine, observer)
}

#[inline]
fn step_through<O: Observer>(window: &mut Option<Window>, machine: &mut Machine, observer: &mut O) -> Result<(), Stop> {
    if let Attention::Unusual { stores } = &observer.attention()
        && let Some(ordinary) = step_silently(window, machine, stores)
    {
        observer.ordinary(machine, ordinary);
        return Ok(());
    }
    step_aloud(window, machine, observer)
}

/// A step that is reported hook by hook. Out of line, so that a silent step saves few registers.
#[inline(never)]
fn step_aloud(window: &mut Option<Window>, machine: &mut Machine, observer: &mut dyn Observer) -> Result<(), Stop> {
    if let Some((instruction, entry)) = at_hand(window, machine) {
        observer.tlb(&TlbEvent::Hit { entry, kind: AccessKind::Execute });
        *window = None;
        return exec::execute(machine, observer, &instruction);
    }
    *window = None;
    exec::step(machine, observer)
}

/// Takes up to `limit` silent steps; `None` if there is not one.
fn stride_silently(
    window: &mut Option<Window>,
    machine: &mut Machine,
    stores: &Watched,
    limit: u32,
) -> Option<Ordinary> {
    let mut stride = step_silently(window, machine, stores)?;
    while stride.count < limit
        && let Some(Ordinary { count, mnemonic, hits }) = step_silently(window, machine, stores)
    {
        stride = Ordinary { count: stride.count + count, mnemonic, hits: stride.hits + hits };
    }
    Some(stride)
}

/// The page that executes, if only silent steps happened since it was looked up. Silent steps change neither the TLB
/// nor anything that keeps a boundary [`undisturbed`].
#[derive(Clone, Copy, Debug)]
struct Window {
    /// Number of the linear page.
    page: u64,
    /// The entry that translates it.
    entry: Entry,
}

impl Window {
    /// A window on the page of RIP, if a fetch from it would be a hit that changes nothing.
    fn open(machine: &mut Machine) -> Option<Self> {
        if !undisturbed(&machine.cpu) {
            return None;
        }
        let rip = machine.cpu.rip;
        let fetch = Access { kind: AccessKind::Execute, mode: crate::access::current_mode(&machine.cpu) };
        let entry = *front::recall(machine, rip, fetch)?;
        machine.memory.run_page(entry.translate(rip));
        Some(Self { page: rip >> 12, entry })
    }
}

/// Whether only an instruction can happen here: nothing waits, traps or is held back, and no breakpoint is armed.
#[inline]
fn undisturbed(cpu: &Cpu) -> bool {
    let events = &cpu.events;
    let waiting = events.nmi_pending | events.halted | events.shut_down | (events.shadow != Shadow::None);
    !waiting && events.debug_pending == 0 && cpu.rflags & (TF | RF) == 0 && !debug::armed(cpu)
}

/// Opens a window on the page of RIP, if that is possible.
#[inline]
fn look(window: &mut Option<Window>, machine: &mut Machine) -> Option<()> {
    if window.is_none_or(|window| window.page != machine.cpu.rip >> 12) {
        *window = Window::open(machine);
    }
    window.as_ref().map(|_| ())
}

/// Executes an instruction in its short form, if that cannot fault and everything it needs is known. `None` means that
/// it did nothing.
#[inline(always)]
fn step_silently(window: &mut Option<Window>, machine: &mut Machine, stores: &Watched) -> Option<Ordinary> {
    look(window, machine)?;
    let rip = machine.cpu.rip;
    let kept = machine.memory.running.get(rip as usize & 0xfff, rip)?;
    let (mnemonic, next) = (kept.mnemonic, kept.instruction.next_ip());
    let hits = match kept.short.as_ref()? {
        Short::Compute(compute) => {
            compute.run(&mut machine.cpu, next);
            1
        }
        Short::Transfer(transfer) => {
            // A store may free the decoded instruction.
            let transfer = *transfer;
            1 + transfer.run(machine, next, stores)?
        }
    };
    Some(Ordinary { count: 1, mnemonic, hits: hits.into() })
}

/// The instruction at RIP and the entry that translates its fetch, if nothing but fetching and executing it can happen.
fn at_hand(window: &mut Option<Window>, machine: &mut Machine) -> Option<(Instruction, Entry)> {
    look(window, machine)?;
    let rip = machine.cpu.rip;
    let kept = machine.memory.running.get(rip as usize & 0xfff, rip)?;
    window.map(|window| (kept.instruction, window.entry))
}
