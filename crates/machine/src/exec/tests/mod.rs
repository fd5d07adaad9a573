//! Instructions and deliveries on the machine of [`crate::testbed`].

mod debugging;
mod delivery;
mod hooks;
mod instructions;
mod random;
mod returns;
pub(crate) mod state;
mod system;

use crate::fault::Fault;
use crate::observe::Delivered;
use crate::{Event, Machine, Observer, Register};
use iced_x86::Instruction;

/// Writes down the hooks of a machine, except those for memory and the TLB.
#[derive(Default)]
struct Log(Vec<String>);

impl Observer for Log {
    fn before(&mut self, _: &Machine, instruction: &Instruction) {
        self.0.push(format!("{:?}", instruction.mnemonic()).to_lowercase());
    }

    fn retired(&mut self, _: &Machine, _: &Instruction) {
        self.0.push("retired".into());
    }

    fn fault(&mut self, fault: &Fault) {
        self.0.push(told(fault));
    }

    fn delivered(&mut self, machine: &Machine, delivered: &Delivered) {
        let vector = delivered.event.vector();
        let kind = match delivered.event {
            Event::Exception(exception) => exception.name().to_owned(),
            Event::Interrupt(_) => format!("interrupt {vector:#x}"),
            Event::Software(_) => format!("int {vector:#x}"),
        };
        let rip = delivered.interrupted_rip;
        assert_eq!((machine.cpu.rip, get(machine, Register::Rsp)), (delivered.handler, delivered.stack));
        self.0.push(format!("{kind} from {} at {rip:#x} ist {}", delivered.from_cpl, delivered.ist));
    }
}

/// A fault as `#GP(33)`, with the error code in hexadecimal.
fn told(fault: &Fault) -> String {
    let code = fault.error_code.map(|code| format!("({code:x})"));
    format!("{}{}", fault.exception.name(), code.unwrap_or_default())
}

fn get(machine: &Machine, register: Register) -> u64 {
    machine.cpu.registers[register as usize]
}

fn set(machine: &mut Machine, register: Register, value: u64) {
    machine.cpu.registers[register as usize] = value;
}

/// One step, and what it reported.
fn step(machine: &mut Machine) -> Vec<String> {
    let mut log = Log::default();
    crate::step(machine, &mut log).unwrap();
    log.0
}

/// The `nth` word from RSP on.
fn stack_word(machine: &Machine, nth: u64) -> u64 {
    machine.memory.read_u64(get(machine, Register::Rsp) + 8 * nth)
}

/// The first fault that one step raises, or nothing.
fn fault_of(machine: &mut Machine) -> String {
    let told = step(machine);
    told.into_iter().find(|line| line.starts_with('#')).unwrap_or_default()
}
