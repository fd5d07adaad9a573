//! Instructions that work on registers.

use super::{Address, Compute, Operation};
use crate::exec::operand::{get, set};
use crate::exec::width::Width;
use crate::exec::{arithmetic, shift};
use crate::rflags::CF;
use crate::{Cpu, Register};

impl Address {
    /// The offset in the segment.
    #[inline]
    pub(super) fn offset(self, cpu: &Cpu, displacement: u64) -> u64 {
        let added = |register: Option<Register>| register.map_or(0, |register| get(cpu, register));
        displacement.wrapping_add(added(self.base)).wrapping_add(added(self.index).wrapping_mul(self.scale.into()))
    }
}

impl Compute {
    /// Executes it; `next` is the address where the instruction ends.
    #[inline]
    pub(in crate::fast) fn run(&self, cpu: &mut Cpu, next: u64) {
        cpu.rip = next;
        match self.operation {
            Operation::Mov => self.set(cpu, self.source(cpu)),
            Operation::Lea => self.set(cpu, self.address.offset(cpu, self.constant)),
            Operation::Add => self.change(cpu, arithmetic::add),
            Operation::Adc => self.change(cpu, arithmetic::adc),
            Operation::Sub => self.change(cpu, arithmetic::sub),
            Operation::Sbb => self.change(cpu, arithmetic::sbb),
            Operation::And => self.change(cpu, arithmetic::and),
            Operation::Or => self.change(cpu, arithmetic::or),
            Operation::Xor => self.change(cpu, arithmetic::xor),
            Operation::Cmp => _ = self.result(cpu, arithmetic::sub),
            Operation::Test => _ = self.result(cpu, arithmetic::and),
            Operation::Inc => self.change(cpu, |width, a, _, rflags| arithmetic::inc(width, a, rflags)),
            Operation::Dec => self.change(cpu, |width, a, _, rflags| arithmetic::dec(width, a, rflags)),
            Operation::Shl => self.change(cpu, shift::shl),
            Operation::Shr => self.change(cpu, shift::shr),
            Operation::Sar => self.change(cpu, shift::sar),
            Operation::Bt => self.test_bit(cpu),
            Operation::Jump => cpu.rip = self.constant,
            Operation::JumpIf => self.jump_if(cpu),
        }
    }

    #[inline]
    fn source(&self, cpu: &Cpu) -> u64 {
        self.source.map_or(self.constant, |register| get(cpu, register))
    }

    /// A value of 32 bits clears the upper half of its register (SDM vol. 1 3.4.1.1).
    #[inline]
    fn set(&self, cpu: &mut Cpu, value: u64) {
        set(cpu, self.target, value & self.width.mask());
    }

    /// The result of `operation` on both operands. Sets RFLAGS.
    #[inline]
    fn result(&self, cpu: &mut Cpu, operation: impl Fn(Width, u64, u64, u64) -> (u64, u64)) -> u64 {
        let (a, b) = (get(cpu, self.target), self.source(cpu));
        let (result, rflags) = if self.width == Width::Quadword {
            operation(Width::Quadword, a, b, cpu.rflags)
        } else {
            let mask = Width::Doubleword.mask();
            operation(Width::Doubleword, a & mask, b & mask, cpu.rflags)
        };
        cpu.rflags = rflags;
        result
    }

    #[inline]
    fn change(&self, cpu: &mut Cpu, operation: impl Fn(Width, u64, u64, u64) -> (u64, u64)) {
        let result = self.result(cpu, operation);
        set(cpu, self.target, result);
    }

    #[inline]
    fn test_bit(&self, cpu: &mut Cpu) {
        let bit = self.source(cpu) & u64::from(self.width.bits() - 1);
        cpu.rflags = (cpu.rflags & !CF) | if get(cpu, self.target) >> bit & 1 != 0 { CF } else { 0 };
    }

    #[inline]
    fn jump_if(&self, cpu: &mut Cpu) {
        if self.condition.holds(cpu.rflags) {
            cpu.rip = self.constant;
        }
    }
}
