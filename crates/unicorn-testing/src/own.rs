//! Our machine as a [`Processor`]: it can follow itself, or be the reference for another processor.
//!
//! It vouches for nothing that it shares with the machine it follows. It serves to test the checker itself: it needs no
//! limit, so the checker alone causes whatever is counted under one.

use cr3_core::machine::cpu::DescriptorTable;
use cr3_core::machine::observe::{AccessKind, Delivered, DropCause, MemoryAccess};
use cr3_core::machine::tlb::Operation;
use cr3_core::machine::{self, Cpu, Event, Exception, Fault, Machine, Observer, rflags};
use cr3_unicorn::processor::{CpuState, Delivery, Failure, Outcome, Processor, Raised, Step, Store};
use iced_x86::{Instruction, Mnemonic};

/// A machine that stops between an exception and its delivery.
pub struct Own {
    machine: Machine,
}

impl Own {
    /// Starts in the state of `machine`.
    pub fn new(machine: &Machine) -> Self {
        let mut own = Self { machine: machine.clone() };
        own.leave_latch_to_caller();
        own
    }

    fn faulted(&mut self, before: Machine, fault: &Fault) -> Outcome {
        self.machine = undelivered(before);
        let cpu = &mut self.machine.cpu;
        // A fault of INT n's own delivery is raised elsewhere, without a gate.
        cpu.cr2 = fault.address.unwrap_or(cpu.cr2);
        let (vector, error_code) = (fault.exception.vector(), fault.error_code.unwrap_or(0));
        Outcome::Raised(Raised { vector, error_code, cr2: cpu.cr2 })
    }

    fn interrupted_itself(&mut self, before: Machine, vector: u8, rip: u64) -> Outcome {
        self.machine = undelivered(before);
        self.machine.cpu.rip = rip;
        Outcome::Raised(Raised { vector, error_code: 0, cr2: self.machine.cpu.cr2 })
    }

    /// Reports a single-step trap as raised, which says that a repeated string instruction stops here for it.
    fn retired(&mut self, before: &Machine, trapped: Option<Machine>) -> Outcome {
        let Some(trapped) = trapped else { return Outcome::Retired };
        self.machine = trapped;
        let cpu = &self.machine.cpu;
        match (before.cpu.rflags | cpu.rflags) & rflags::TF {
            0 => Outcome::Retired,
            _ => Outcome::Raised(Raised { vector: Exception::Debug.vector(), error_code: 0, cr2: cpu.cr2 }),
        }
    }

    /// The caller that steps a [`Processor`] delivers every event, including a latched NMI.
    fn leave_latch_to_caller(&mut self) {
        self.machine.cpu.events.nmi_pending = false;
    }
}

/// What a step did up to its first event.
#[derive(Default)]
struct Seen {
    stores: Vec<Store>,
    retired: bool,
    fault: Option<Fault>,
    /// A software interrupt: its vector, and RIP behind it.
    software: Option<(u8, u64)>,
    /// The machine that retired the instruction, if a debug trap follows.
    trapped: Option<Machine>,
}

impl Seen {
    fn is_over(&self) -> bool {
        self.fault.is_some() || self.trapped.is_some()
    }
}

impl Observer for Seen {
    fn retired(&mut self, _: &Machine, _: &Instruction) {
        self.retired = true;
    }

    fn memory(&mut self, access: &MemoryAccess) {
        if access.kind == AccessKind::Write && !self.is_over() {
            self.stores.push(Store { physical: access.physical, size: access.size, value: access.value });
        }
    }

    fn fault(&mut self, fault: &Fault) {
        if !self.is_over() {
            self.fault = Some(fault.clone());
        }
    }

    fn arriving(&mut self, machine: &Machine, _: Event, _: Option<u32>) {
        self.trapped = Some(machine.clone());
    }

    /// A delivery with nothing before it is a software interrupt, and everything stored is its frame.
    fn delivered(&mut self, _: &Machine, delivered: &Delivered) {
        if !self.is_over() {
            self.stores.clear();
            self.software = Some((delivered.event.vector(), delivered.interrupted_rip));
        }
    }
}

/// `machine` after a step that raises something, before the delivery: without a gate in its IDT it shuts down there.
fn undelivered(mut machine: Machine) -> Machine {
    let table = std::mem::replace(&mut machine.cpu.idtr, DescriptorTable { base: 0, limit: 0 });
    // Always a shutdown, which the lines below undo.
    let _ = machine::step(&mut machine, &mut ());
    machine.cpu.idtr = table;
    machine.cpu.events.shut_down = false;
    machine
}

impl Processor for Own {
    fn load(&mut self, machine: &Machine) -> Result<(), Failure> {
        *self = Self::new(machine);
        self.flush()
    }

    fn step(&mut self) -> Result<Step, Failure> {
        let (before, mut seen) = (self.machine.clone(), Seen::default());
        let result = machine::step(&mut self.machine, &mut seen);
        let outcome = match (seen.fault, seen.software) {
            (Some(fault), _) => self.faulted(before, &fault),
            (None, Some((vector, rip))) => self.interrupted_itself(before, vector, rip),
            (None, None) if seen.retired => self.retired(&before, seen.trapped),
            (None, None) => return Err(Failure { request: "step", cause: format!("it has stopped: {result:?}") }),
        };
        Ok(Step { outcome, stores: seen.stores })
    }

    fn state(&mut self) -> Result<CpuState, Failure> {
        Ok(CpuState::of(&self.machine.cpu))
    }

    fn adopt(&mut self, cpu: &Cpu) -> Result<(), Failure> {
        let control = |cpu: &Cpu| [cpu.cr0, cpu.cr3, cpu.cr4, cpu.efer];
        let changes = control(cpu) != control(&self.machine.cpu);
        self.machine.cpu = cpu.clone();
        self.leave_latch_to_caller();
        if changes { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), Failure> {
        self.machine.tlb.invalidate(&mut |_| (), Operation::Everything, DropCause::Cr4Write);
        Ok(())
    }

    /// Decoded instructions disappear with the bytes that they came from.
    fn forget_code(&mut self, _: u64) -> Result<(), Failure> {
        Ok(())
    }

    fn read(&mut self, physical: u64, bytes: &mut [u8]) -> Result<(), Failure> {
        self.machine.memory.read_bytes(physical, bytes);
        Ok(())
    }

    fn write(&mut self, physical: u64, bytes: &[u8]) -> Result<(), Failure> {
        self.machine.memory.write_bytes(physical, bytes);
        Ok(())
    }

    /// All except INT1: the checker takes a #DB while TF is set for that of a single step.
    fn executes(&self, instruction: Option<&Instruction>, _: &[u8]) -> bool {
        instruction.is_none_or(|instruction| instruction.mnemonic() != Mnemonic::Int1)
    }

    fn deliver(&mut self, event: Event, error_code: u32) -> Result<Delivery, Failure> {
        let stopped = machine::deliver(&mut self.machine, event, Some(error_code), &mut ());
        Ok(if stopped.is_ok() { Delivery::Done } else { Delivery::ShutDown })
    }
}
