//! The machine as a player of vectors.

use super::engine::{Engine, Performed, Refused, Registers};
use super::{Action, ExpectedFault, Scene};
use cr3_machine::access::{self, Privilege};
use cr3_machine::bits::efer;
use cr3_machine::control;
use cr3_machine::observe::{ControlRegister, DropCause, TlbEvent};
use cr3_machine::paging::{Access, Mode};
use cr3_machine::tlb::{Entry, Operation, Reading, StructureEntry};
use cr3_machine::{Fault, Machine, Observer, Tlb, step};
use std::marker::PhantomData;

/// The machine, made in the way `W`.
pub(super) struct OnMachine<W> {
    machine: Machine,
    way: PhantomData<W>,
}

/// How to make a machine.
pub(super) trait Way {
    fn make(machine: Machine) -> Machine;
}

/// Unchanged.
pub(super) struct Fast;

impl Way for Fast {
    fn make(machine: Machine) -> Machine {
        machine
    }
}

/// By [`Machine::plain`].
pub(super) struct Plain;

impl Way for Plain {
    fn make(machine: Machine) -> Machine {
        machine.plain()
    }
}

/// What a step did that the state does not show.
#[derive(Default)]
struct Seen {
    hit: Option<Entry>,
    fault: Option<Fault>,
}

impl Observer for Seen {
    fn tlb(&mut self, event: &TlbEvent) {
        if let TlbEvent::Hit { entry, .. } = event {
            self.hit = Some(*entry);
        }
    }

    fn fault(&mut self, fault: &Fault) {
        self.fault.get_or_insert_with(|| fault.clone());
    }
}

impl<W: Way> Engine for OnMachine<W> {
    fn begin(scene: &Scene, reading: Reading) -> Result<Self, String> {
        let mut tlb = Tlb::new(reading).with_stale_rights(scene.stale_rights);
        for (_, entry) in &scene.cached {
            tlb.insert(*entry);
        }
        for (_, structure) in &scene.structures {
            tlb.insert_structure(*structure);
        }
        let machine = Machine { cpu: scene.cpu.clone(), memory: scene.memory.clone(), tlb };
        Ok(Self { machine: W::make(machine), way: PhantomData })
    }

    fn perform(&mut self, action: &Action) -> Performed {
        let mut seen = Seen::default();
        let done = perform(&mut self.machine, &mut seen, action).map_err(|fault| Refused {
            fault: ExpectedFault { exception: fault.exception, error_code: fault.error_code },
            cause: fault.cause.into_owned(),
        });
        Performed { done, served: seen.hit }
    }

    fn entries(&self) -> Vec<Entry> {
        self.machine.tlb.entries().copied().collect()
    }

    fn structures(&self) -> Vec<StructureEntry> {
        self.machine.tlb.structures().copied().collect()
    }

    fn registers(&self) -> Registers {
        let cpu = &self.machine.cpu;
        let long_mode_active = cpu.efer & efer::LMA != 0;
        Registers { cr3: cpu.cr3, pcid: control::current_pcid(cpu), long_mode_active }
    }

    fn quadword(&self, physical: u64) -> u64 {
        self.machine.memory.read_u64(physical)
    }

    fn set_quadword(&mut self, physical: u64, value: u64) {
        self.machine.memory.write_u64(physical, value);
    }
}

fn perform(machine: &mut Machine, seen: &mut Seen, action: &Action) -> Result<Option<u64>, Fault> {
    match *action {
        Action::MovToCr3(value) => control::write_cr3(machine, seen, value).map(|()| None),
        Action::MovFromCr3 => control::read_control(machine, seen, ControlRegister::Cr3).map(Some),
        Action::ChangeControl { register, set, clear } => {
            change_control(machine, seen, register, set, clear).map(|()| None)
        }
        Action::Invlpg(linear) => control::invlpg(machine, seen, linear).map(|()| None),
        Action::Invpcid { kind, low, high } => control::invpcid(machine, seen, kind, low, high).map(|()| None),
        Action::InvpcidFromMemory { kind, descriptor } => {
            control::check_invpcid(&machine.cpu)?;
            let low = access::read(machine, seen, descriptor, 8, Privilege::Current)?;
            let high = access::read(machine, seen, descriptor.wrapping_add(8), 8, Privilege::Current)?;
            control::invpcid(machine, seen, kind, low, high).map(|()| None)
        }
        Action::Access { kind, linear } => {
            let mode = if machine.cpu.cpl == 3 { Mode::User } else { Mode::Supervisor };
            access::translate(machine, seen, linear, Access { kind, mode }).map(Some)
        }
        Action::Execute { linear } => execute(machine, seen, linear),
        Action::ProcessorDropsEverything => {
            machine.tlb.invalidate(&mut |event| seen.tlb(event), Operation::Everything, DropCause::Capacity);
            Ok(None)
        }
        Action::Edit { .. } | Action::Expect { .. } => Ok(None),
    }
}

fn change_control(
    machine: &mut Machine,
    seen: &mut Seen,
    register: ControlRegister,
    set: u64,
    clear: u64,
) -> Result<(), Fault> {
    let cpu = &machine.cpu;
    match register {
        ControlRegister::Cr0 => control::write_cr0(machine, seen, cpu.cr0 & !clear | set),
        ControlRegister::Cr4 => control::write_cr4(machine, seen, cpu.cr4 & !clear | set),
        _ => control::write_efer(machine, seen, cpu.efer & !clear | set),
    }
}

/// Executes one instruction. Reports a fault before its delivery, and ignores what the delivery does.
fn execute(machine: &mut Machine, seen: &mut Seen, linear: u64) -> Result<Option<u64>, Fault> {
    machine.cpu.rip = linear;
    let _ = step(machine, seen);
    match seen.fault.take() {
        Some(fault) => Err(fault),
        None => Ok(None),
    }
}
