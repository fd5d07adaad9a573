//! What a shadow hears of the machine: instructions that retire, faults, and deliveries.

use super::guard::Held;
use super::operands::{RSP, enters_handler, moves_stack};
use super::round::Flaw;
use super::shadow::Shadow;
use super::value::{BLOCKED, CHECKING, CR2, OWES, RIP, SS, Value};
use crate::machine::observe::{AccessKind, Delivered, DropCause, MemoryAccess, Resume, TlbEvent};
use crate::machine::paging::Walk;
use crate::machine::rflags::RF;
use crate::machine::rights::Access;
use crate::machine::tlb::Operation;
use crate::machine::{Event, Exception, Fault, Machine, Observer};
use crate::promises::makes_round;
use iced_x86::{Instruction, Mnemonic as M, Register};

impl Shadow {
    fn entered(&mut self, machine: &Machine, delivered: &Delivered) {
        let has_code = matches!(delivered.event, Event::Exception(exception) if exception.has_error_code());
        let flags = self.flags_word();
        let stack = match self.registers[RSP] {
            Held::Word(value) => value,
            sum => {
                self.look_held(sum);
                Value::KNOWN
            }
        };
        let data = match self.registers[SS] {
            Held::Word(data) => data,
            Held::Sum(_) => Value::KNOWN,
        };
        let rip = match self.registers[RIP] {
            Held::Word(rip) => rip,
            Held::Sum(_) => Value::KNOWN,
        };
        if delivered.ist == 0 && machine.cpu.cpl == delivered.from_cpl {
            self.look(stack);
        }
        for access in self.accesses.clone() {
            let place = access.linear.wrapping_sub(delivered.stack);
            let is_frame = access.kind == AccessKind::Write && access.size == 8 && place % 8 == 0;
            let slot = if is_frame { (place / 8).wrapping_sub(has_code.into()) } else { u64::MAX };
            let value = match slot {
                0 => rip,
                2 if delivered.resume == Resume::Set => flags.masked(!RF),
                2 => flags,
                3 => stack,
                4 => data,
                _ => Value::KNOWN,
            };
            if !is_frame {
                let read = self.load(access.physical, access.size);
                self.look(read);
            }
            if access.kind == AccessKind::Write {
                self.store(access.physical, access.size, value);
            }
        }
        self.flags.clear_resume();
        self.registers[RIP] = Held::KNOWN;
        self.registers[RSP] = Held::KNOWN;
        if machine.cpu.cpl != delivered.from_cpl {
            self.registers[SS] = Held::KNOWN;
        }
        match delivered.event {
            Event::Exception(Exception::MachineCheck) => self.registers[CHECKING] = Held::KNOWN,
            Event::Exception(Exception::Nmi) => {
                self.registers[BLOCKED] = Held::KNOWN;
                self.registers[OWES] = Held::KNOWN;
                self.owes = true;
            }
            _ => {}
        }
        self.note(machine);
    }
}

impl Observer for Shadow {
    fn before(&mut self, machine: &Machine, instruction: &Instruction) {
        self.accesses.clear();
        self.before = machine.cpu.registers;
        self.instruction = *instruction;
    }

    fn retired(&mut self, machine: &Machine, instruction: &Instruction) {
        let stack_moves = moves_stack(instruction.mnemonic());
        self.follow(machine, instruction);
        let pops_it = instruction.mnemonic() == M::Pop && instruction.op0_register() == Register::RSP;
        if stack_moves && !pops_it {
            self.registers[RSP] = Held::KNOWN;
        }
        self.leaves = machine.cpu.cpl == 3 || crate::run::is_iret(instruction.mnemonic());
        // The delivery that ends the step takes what was accessed, and notes it.
        let is_delivery = enters_handler(instruction.mnemonic()) && self.learned.caches.flaw != Flaw::NoFrames;
        if !is_delivery {
            self.note(machine);
        }
    }

    fn memory(&mut self, access: &MemoryAccess) {
        if makes_round(access) {
            self.registers[OWES] = Held::KNOWN;
            self.owes = false;
        }
        self.accesses.push(*access);
    }

    fn tlb(&mut self, event: &TlbEvent) {
        self.translated(event);
    }

    fn invalidation(&mut self, operation: Operation, _: DropCause) {
        self.invalidated(operation);
    }

    fn walk(&mut self, _: u64, _: Access, walk: &Walk) {
        self.walked(walk);
    }

    fn arriving(&mut self, _: &Machine, _: Event, _: Option<u32>) {
        self.accesses.clear();
    }

    /// What it has read by then was looked at, and so was all that it could have read.
    fn fault(&mut self, _: &Fault) {
        self.look_registers();
        self.load_and_look();
        self.store_known();
        if self.registers[RIP] != Held::KNOWN {
            self.look_register(RIP);
            self.registers[RIP] = Held::KNOWN;
        }
        self.look_flags();
        self.registers[CR2] = Held::KNOWN;
        // An IRET that faults lets NMIs in all the same.
        self.registers[BLOCKED] = Held::KNOWN;
        self.accesses.clear();
    }

    fn delivered(&mut self, machine: &Machine, delivered: &Delivered) {
        self.entered(machine, delivered);
    }
}
