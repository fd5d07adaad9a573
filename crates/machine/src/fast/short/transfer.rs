//! Instructions that load or store.

use super::{Kind, Transfer};
use crate::access::current_mode;
use crate::cpu::canonical;
use crate::exec::arithmetic;
use crate::exec::operand::{get, set};
use crate::exec::width::Width;
use crate::fast::front::recall;
use crate::observe::{AccessKind, Watched};
use crate::rights::Access;
use crate::{Cpu, Machine, Register};

impl Transfer {
    /// Executes it; `next` is the address where the instruction ends. Returns how often it used the TLB. `None` means
    /// that it did nothing, because it may fault, may change more than memory and registers, or stores to a watched
    /// address.
    #[inline]
    pub(in crate::fast) fn run(&self, machine: &mut Machine, next: u64, watched: &Watched) -> Option<u8> {
        let (mut rip, mut hits) = (next, 1);
        match self.kind {
            Kind::Load => {
                let value = self.load(machine)?;
                self.set(&mut machine.cpu, value);
            }
            Kind::Store => {
                store(machine, self.linear(&machine.cpu), self.width, self.value(&machine.cpu), watched)?;
            }
            Kind::Compare => {
                let (a, b) = (self.load(machine)?, self.value(&machine.cpu) & self.width.mask());
                machine.cpu.rflags = arithmetic::sub(self.width, a, b, machine.cpu.rflags).1;
            }
            Kind::Push => push(machine, self.value(&machine.cpu), watched)?,
            Kind::PushMemory => {
                push(machine, self.load(machine)?, watched)?;
                hits = 2;
            }
            Kind::Pop => {
                let (value, above) = peek(machine)?;
                set(&mut machine.cpu, Register::Rsp, above);
                self.set(&mut machine.cpu, value);
            }
            Kind::Call => {
                push(machine, next, watched)?;
                rip = self.constant;
            }
            Kind::Return => {
                let (target, above) = peek(machine)?;
                if !canonical(&machine.cpu, target) {
                    return None;
                }
                set(&mut machine.cpu, Register::Rsp, above);
                rip = target;
            }
        }
        machine.cpu.rip = rip;
        Some(hits)
    }

    #[inline]
    fn load(&self, machine: &Machine) -> Option<u64> {
        load(machine, self.linear(&machine.cpu), self.width)
    }

    #[inline]
    fn linear(&self, cpu: &Cpu) -> u64 {
        let base = self.segment.map_or(0, |segment| cpu.segments[segment as usize].base);
        base.wrapping_add(self.address.offset(cpu, self.displacement))
    }

    #[inline]
    fn value(&self, cpu: &Cpu) -> u64 {
        self.register.map_or(self.constant, |register| get(cpu, register))
    }

    /// Zero-extends the loaded value, as a 32-bit value is in its register (SDM vol. 1 3.4.1.1).
    #[inline]
    fn set(&self, cpu: &mut Cpu, value: u64) {
        if let Some(register) = self.register {
            set(cpu, register, value);
        }
    }
}

/// The physical address for an access that stays in a page whose translation is known.
#[inline]
fn physical(machine: &Machine, linear: u64, width: Width, kind: AccessKind) -> Option<u64> {
    if linear & 0xfff > 0x1000 - u64::from(width.bytes()) {
        return None;
    }
    let access = Access { kind, mode: current_mode(&machine.cpu) };
    recall(machine, linear, access).map(|entry| entry.translate(linear))
}

#[inline]
fn load(machine: &Machine, linear: u64, width: Width) -> Option<u64> {
    let physical = physical(machine, linear, width, AccessKind::Read)?;
    Some(machine.memory.read(physical, width.bytes()))
}

/// The word at RSP, and RSP above it.
#[inline]
fn peek(machine: &Machine) -> Option<(u64, u64)> {
    let top = get(&machine.cpu, Register::Rsp);
    Some((load(machine, top, Width::Quadword)?, top.wrapping_add(8)))
}

#[inline]
fn store(machine: &mut Machine, linear: u64, width: Width, value: u64, watched: &Watched) -> Option<()> {
    let physical = physical(machine, linear, width, AccessKind::Write)?;
    if watched.meets(physical, width.bytes()) {
        return None;
    }
    machine.memory.write(physical, width.bytes(), value);
    Some(())
}

#[inline]
fn push(machine: &mut Machine, value: u64, watched: &Watched) -> Option<()> {
    let top = get(&machine.cpu, Register::Rsp).wrapping_sub(8);
    store(machine, top, Width::Quadword, value, watched)?;
    set(&mut machine.cpu, Register::Rsp, top);
    Some(())
}
