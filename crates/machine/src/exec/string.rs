//! String instructions with their repeat prefixes.
//!
//! A step executes at most [`ITERATIONS`] repetitions. It executes one under single-stepping, and stops after one that
//! hits a data breakpoint. RIP then still points at the instruction and RF is set, as for an interrupt between
//! repetitions (SDM vol. 2, REP; vol. 3B 17.3.1.1). Every step therefore ends, whatever the count.

use super::operand::{self, get, load, set_narrow, store};
use super::width::Width;
use super::{Context, Done, arithmetic};
use crate::rflags::{DF, RF, TF, ZF};
use crate::{Cpu, Register};
use iced_x86::{Instruction, OpKind};

/// Maximum of repetitions in one step.
pub const ITERATIONS: u32 = 1 << 16;

/// When a repeated instruction ends before its counter does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Until {
    CounterZero,
    /// REPE: while equal. REPNE: while not equal.
    Compared,
}

/// Whether the addresses are 32 bits wide, which narrows RSI, RDI and RCX too.
fn address_width(i: &Instruction) -> Width {
    let narrow = |kind| matches!(kind, OpKind::MemorySegESI | OpKind::MemoryESEDI);
    if narrow(i.op0_kind()) || narrow(i.op1_kind()) { Width::Doubleword } else { Width::Quadword }
}

fn source(cpu: &Cpu, i: &Instruction) -> u64 {
    let offset = get(cpu, Register::Rsi) & address_width(i).mask();
    operand::segment_base(cpu, i).wrapping_add(offset)
}

/// The destination is in ES, whose base is zero; no prefix changes it.
fn destination(cpu: &Cpu, i: &Instruction) -> u64 {
    get(cpu, Register::Rdi) & address_width(i).mask()
}

/// Moves an index register by one element, up or down by DF.
fn advance(cpu: &mut Cpu, i: &Instruction, register: Register, width: Width) {
    let size = u64::from(width.bytes());
    let old = get(cpu, register);
    let new = if cpu.rflags & DF == 0 { old.wrapping_add(size) } else { old.wrapping_sub(size) };
    set_narrow(cpu, register, address_width(i), new);
}

/// MOVS.
pub(super) fn movs(c: &mut Context<'_>, i: &Instruction, width: Width) -> Done {
    repeat(c, i, Until::CounterZero, &mut |c| {
        let value = load(c, source(&c.machine.cpu, i), width)?;
        store(c, destination(&c.machine.cpu, i), width, value)?;
        advance(&mut c.machine.cpu, i, Register::Rsi, width);
        advance(&mut c.machine.cpu, i, Register::Rdi, width);
        Ok(())
    })
}

/// STOS.
pub(super) fn stos(c: &mut Context<'_>, i: &Instruction, width: Width) -> Done {
    repeat(c, i, Until::CounterZero, &mut |c| {
        let value = get(&c.machine.cpu, Register::Rax) & width.mask();
        store(c, destination(&c.machine.cpu, i), width, value)?;
        advance(&mut c.machine.cpu, i, Register::Rdi, width);
        Ok(())
    })
}

/// LODS.
pub(super) fn lods(c: &mut Context<'_>, i: &Instruction, width: Width) -> Done {
    repeat(c, i, Until::CounterZero, &mut |c| {
        let value = load(c, source(&c.machine.cpu, i), width)?;
        set_narrow(&mut c.machine.cpu, Register::Rax, width, value);
        advance(&mut c.machine.cpu, i, Register::Rsi, width);
        Ok(())
    })
}

/// SCAS.
pub(super) fn scas(c: &mut Context<'_>, i: &Instruction, width: Width) -> Done {
    repeat(c, i, Until::Compared, &mut |c| {
        let value = load(c, destination(&c.machine.cpu, i), width)?;
        let cpu = &mut c.machine.cpu;
        let accumulator = get(cpu, Register::Rax) & width.mask();
        cpu.rflags = arithmetic::sub(width, accumulator, value, cpu.rflags).1;
        advance(cpu, i, Register::Rdi, width);
        Ok(())
    })
}

/// CMPS.
pub(super) fn cmps(c: &mut Context<'_>, i: &Instruction, width: Width) -> Done {
    repeat(c, i, Until::Compared, &mut |c| {
        let a = load(c, source(&c.machine.cpu, i), width)?;
        let b = load(c, destination(&c.machine.cpu, i), width)?;
        let cpu = &mut c.machine.cpu;
        cpu.rflags = arithmetic::sub(width, a, b, cpu.rflags).1;
        advance(cpu, i, Register::Rsi, width);
        advance(cpu, i, Register::Rdi, width);
        Ok(())
    })
}

/// Runs `one` as often as the prefix asks. A fault keeps the finished repetitions and restores the flags (SDM vol. 2,
/// REP).
fn repeat(c: &mut Context<'_>, i: &Instruction, until: Until, one: &mut dyn FnMut(&mut Context<'_>) -> Done) -> Done {
    if !i.has_rep_prefix() && !i.has_repne_prefix() {
        return one(c);
    }
    let width = address_width(i);
    let rflags = c.machine.cpu.rflags;
    let limit = if rflags & TF != 0 { 1 } else { ITERATIONS };
    for _ in 0..limit {
        if counter(c, width) == 0 {
            return Ok(());
        }
        if let Err(fault) = one(c) {
            c.machine.cpu.rflags = rflags;
            return Err(fault);
        }
        let count = counter(c, width).wrapping_sub(1);
        set_narrow(&mut c.machine.cpu, Register::Rcx, width, count);
        if until == Until::Compared && compared(c, i) {
            return Ok(());
        }
        if c.machine.cpu.events.debug_pending != 0 {
            break;
        }
    }
    if counter(c, width) != 0 {
        c.machine.cpu.rip = i.ip();
        c.machine.cpu.rflags |= RF;
    }
    Ok(())
}

fn counter(c: &Context<'_>, width: Width) -> u64 {
    get(&c.machine.cpu, Register::Rcx) & width.mask()
}

/// Whether the comparison ends the repetition: REPNE ends at equality, REPE at difference.
fn compared(c: &Context<'_>, i: &Instruction) -> bool {
    let equal = c.machine.cpu.rflags & ZF != 0;
    equal == i.has_repne_prefix()
}
