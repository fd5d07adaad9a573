//! What loads or stores.

use super::{Kind, Transfer};
use crate::exec::operand::{get, load_at, set, store_at};
use crate::exec::stack::{peek, push_value};
use crate::exec::width::Width;
use crate::exec::{Context, Done};
use crate::{Cpu, Observer, Register};
use iced_x86::Instruction;

impl Transfer {
    /// Executes it; `i` is the same instruction. Nothing changes on a fault.
    #[inline]
    pub(in crate::exec) fn run<O: Observer>(&self, c: &mut Context<'_, O>, i: &Instruction) -> Done {
        let mut next = i.next_ip();
        match self.kind {
            Kind::Load => {
                let value = load_at(c, i, self.linear(&c.machine.cpu), self.width)?;
                self.set(&mut c.machine.cpu, value);
            }
            Kind::Store => store_at(c, i, self.linear(&c.machine.cpu), self.width, self.value(&c.machine.cpu))?,
            Kind::Push => push_value(c, Width::Quadword, self.value(&c.machine.cpu))?,
            Kind::Pop => {
                let (value, above) = peek(c, Width::Quadword)?;
                set(&mut c.machine.cpu, Register::Rsp, above);
                self.set(&mut c.machine.cpu, value);
            }
            Kind::Call => {
                push_value(c, Width::Quadword, next)?;
                next = self.constant;
            }
        }
        c.machine.cpu.rip = next;
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

    /// What is loaded is zero-extended, as a value of 32 bits is in its register (SDM vol. 1 3.4.1.1).
    #[inline]
    fn set(&self, cpu: &mut Cpu, value: u64) {
        if let Some(register) = self.register {
            set(cpu, register, value);
        }
    }
}
