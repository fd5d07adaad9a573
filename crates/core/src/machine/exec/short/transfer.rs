//! What loads or stores.

use super::{Kind, Transfer};
use crate::machine::access::{self, Privilege};
use crate::machine::exec::Done;
use crate::machine::exec::operand::{as_fault_of, as_stack_fault, get, set};
use crate::machine::{Cpu, Machine, Observer, Register};
use iced_x86::Instruction;

impl Transfer {
    /// Executes it; `i` is the same instruction. Nothing changes on a fault.
    #[inline]
    pub(in crate::machine::exec) fn run<O: Observer>(
        &self,
        machine: &mut Machine,
        observer: &mut O,
        i: &Instruction,
    ) -> Done {
        let mut next = i.next_ip();
        match self.kind {
            Kind::Load => self.load(machine, observer).map_err(|fault| as_fault_of(i, fault))?,
            Kind::Store => self.store(machine, observer).map_err(|fault| as_fault_of(i, fault))?,
            Kind::Push => push(machine, observer, self.value(&machine.cpu))?,
            Kind::Pop => self.pop(machine, observer)?,
            Kind::Call => {
                push(machine, observer, next)?;
                next = self.constant;
            }
        }
        machine.cpu.rip = next;
        Ok(())
    }

    #[inline]
    fn linear(&self, cpu: &Cpu) -> u64 {
        let base = self.segment.map_or(0, |segment| cpu.segments[segment as usize].base);
        base.wrapping_add(self.address.offset(cpu, self.constant))
    }

    #[inline]
    fn value(&self, cpu: &Cpu) -> u64 {
        self.register.map_or(self.constant, |register| get(cpu, register))
    }

    #[inline]
    fn set(&self, cpu: &mut Cpu, value: u64) {
        if let Some(register) = self.register {
            set(cpu, register, value);
        }
    }

    /// A value of 32 bits clears the upper half of its register (SDM vol. 1 3.4.1.1).
    #[inline]
    fn load<O: Observer>(&self, machine: &mut Machine, observer: &mut O) -> Done {
        let linear = self.linear(&machine.cpu);
        let value = access::read(machine, observer, linear, self.width.bytes(), Privilege::Current)?;
        self.set(&mut machine.cpu, value);
        Ok(())
    }

    #[inline]
    fn store<O: Observer>(&self, machine: &mut Machine, observer: &mut O) -> Done {
        let (linear, value) = (self.linear(&machine.cpu), self.value(&machine.cpu));
        access::write(machine, observer, linear, self.width.bytes(), value, Privilege::Current)
    }

    /// POP RSP leaves the popped value.
    #[inline]
    fn pop<O: Observer>(&self, machine: &mut Machine, observer: &mut O) -> Done {
        let top = get(&machine.cpu, Register::Rsp);
        let value = access::read(machine, observer, top, 8, Privilege::Current).map_err(as_stack_fault)?;
        set(&mut machine.cpu, Register::Rsp, top.wrapping_add(8));
        self.set(&mut machine.cpu, value);
        Ok(())
    }
}

#[inline]
fn push<O: Observer>(machine: &mut Machine, observer: &mut O, value: u64) -> Done {
    let top = get(&machine.cpu, Register::Rsp).wrapping_sub(8);
    access::write(machine, observer, top, 8, value, Privilege::Current).map_err(as_stack_fault)?;
    set(&mut machine.cpu, Register::Rsp, top);
    Ok(())
}
