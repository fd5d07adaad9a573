//! Integer arithmetic and logic on operands. [`super::arithmetic`], [`super::shift`] and [`super::multiply`] compute
//! the results.

use super::multiply::Pair;
use super::operand::{self, get, read_0, read_1, read_2, set, set_narrow, set_register};
use super::width::Width;
use super::{Context, Done, arithmetic, multiply};
use crate::rflags::ZF;
use crate::{Exception, Fault, Register};
use iced_x86::{Instruction, OpKind};

/// ADD, SUB, AND and their kind: operand 0 becomes `operation` of operands 0 and 1.
#[inline]
pub(super) fn binary(c: &mut Context<'_>, i: &Instruction, operation: fn(Width, u64, u64, u64) -> (u64, u64)) -> Done {
    let width = operand::width(i);
    let source = read_1(c, i, width)?;
    let before = c.machine.cpu.rflags;
    c.machine.cpu.rflags = operand::modify_telling(c, i, width, &mut |a| operation(width, a, source, before))?;
    Ok(())
}

/// CMP and TEST: flags of `operation`, no result.
#[inline]
pub(super) fn compare(c: &mut Context<'_>, i: &Instruction, operation: fn(Width, u64, u64, u64) -> (u64, u64)) -> Done {
    let width = operand::width(i);
    let a = read_0(c, i, width)?;
    let b = read_1(c, i, width)?;
    c.machine.cpu.rflags = operation(width, a, b, c.machine.cpu.rflags).1;
    Ok(())
}

/// INC, DEC, NEG.
#[inline]
pub(super) fn unary(c: &mut Context<'_>, i: &Instruction, operation: fn(Width, u64, u64) -> (u64, u64)) -> Done {
    let width = operand::width(i);
    let before = c.machine.cpu.rflags;
    c.machine.cpu.rflags = operand::modify_telling(c, i, width, &mut |a| operation(width, a, before))?;
    Ok(())
}

/// NOT changes no flag.
pub(super) fn not(c: &mut Context<'_>, i: &Instruction) -> Done {
    let width = operand::width(i);
    operand::modify(c, i, width, &mut |a| !a & width.mask())?;
    Ok(())
}

/// SHL, SHR, SAR, ROL, ROR, RCL, RCR: the count is CL or an immediate byte. A count of zero still writes the operand.
#[inline]
pub(super) fn shift(c: &mut Context<'_>, i: &Instruction, operation: fn(Width, u64, u64, u64) -> (u64, u64)) -> Done {
    let width = operand::width(i);
    let count = read_1(c, i, Width::Byte)?;
    let before = c.machine.cpu.rflags;
    c.machine.cpu.rflags = operand::modify_telling(c, i, width, &mut |a| operation(width, a, count, before))?;
    Ok(())
}

/// SHLD and SHRD.
pub(super) fn double_shift(
    c: &mut Context<'_>,
    i: &Instruction,
    operation: fn(Width, u64, u64, u64, u64) -> (u64, u64),
) -> Done {
    let width = operand::width(i);
    let fill = read_1(c, i, width)?;
    let count = read_2(c, i, Width::Byte)?;
    let before = c.machine.cpu.rflags;
    c.machine.cpu.rflags = operand::modify_telling(c, i, width, &mut |a| operation(width, a, fill, count, before))?;
    Ok(())
}

/// The accumulator pair: AX for bytes, else rDX:rAX.
fn accumulator(c: &Context<'_>, width: Width) -> Pair {
    let cpu = &c.machine.cpu;
    let (rax, rdx) = (get(cpu, Register::Rax), get(cpu, Register::Rdx));
    match width {
        Width::Byte => (rax & 0xff, rax >> 8 & 0xff),
        wide => (rax & wide.mask(), rdx & wide.mask()),
    }
}

fn set_accumulator(c: &mut Context<'_>, width: Width, (low, high): Pair) {
    let cpu = &mut c.machine.cpu;
    if width == Width::Byte {
        set_narrow(cpu, Register::Rax, Width::Word, high << 8 | low);
    } else {
        set_narrow(cpu, Register::Rax, width, low);
        set_narrow(cpu, Register::Rdx, width, high);
    }
}

/// MUL and IMUL with one operand.
pub(super) fn multiply_accumulator(
    c: &mut Context<'_>,
    i: &Instruction,
    operation: fn(Width, u64, u64, u64) -> (Pair, u64),
) -> Done {
    let width = operand::width(i);
    let factor = read_0(c, i, width)?;
    let (a, _) = accumulator(c, width);
    let (product, flags) = operation(width, a, factor, c.machine.cpu.rflags);
    set_accumulator(c, width, product);
    c.machine.cpu.rflags = flags;
    Ok(())
}

/// IMUL with one, two or three operands.
pub(super) fn imul(c: &mut Context<'_>, i: &Instruction) -> Done {
    let width = operand::width(i);
    let (a, b) = match i.op_count() {
        1 => return multiply_accumulator(c, i, multiply::imul),
        2 => (read_0(c, i, width)?, read_1(c, i, width)?),
        _ => (read_1(c, i, width)?, read_2(c, i, width)?),
    };
    let ((product, _), flags) = multiply::imul(width, a, b, c.machine.cpu.rflags);
    set_register(&mut c.machine.cpu, i.op0_register(), product);
    c.machine.cpu.rflags = flags;
    Ok(())
}

/// DIV and IDIV. The manual leaves all flags undefined; here they do not change.
pub(super) fn divide(c: &mut Context<'_>, i: &Instruction, operation: fn(Width, Pair, u64) -> Option<Pair>) -> Done {
    let width = operand::width(i);
    let divisor = read_0(c, i, width)?;
    let Some(quotient_and_remainder) = operation(width, accumulator(c, width), divisor) else {
        let cause = if divisor == 0 { "division by zero" } else { "the quotient does not fit its register" };
        return Err(Fault::new(Exception::DivideError, cause));
    };
    set_accumulator(c, width, quotient_and_remainder);
    Ok(())
}

/// XADD: operand 0 becomes the sum, operand 1 the old operand 0. If both are one register, it becomes the sum.
pub(super) fn xadd(c: &mut Context<'_>, i: &Instruction) -> Done {
    let width = operand::width(i);
    let source = read_1(c, i, width)?;
    let before = c.machine.cpu.rflags;
    let (mut after, mut sum) = (before, 0);
    let old = operand::modify(c, i, width, &mut |a| {
        (sum, after) = arithmetic::add(width, a, source, before);
        sum
    })?;
    set_register(&mut c.machine.cpu, i.op1_register(), old);
    if i.op0_kind() == OpKind::Register {
        set_register(&mut c.machine.cpu, i.op0_register(), sum);
    }
    c.machine.cpu.rflags = after;
    Ok(())
}

/// CMPXCHG. It writes memory in any case. Of the two registers it writes only the one that changes, which matters for
/// the upper half of 32-bit names.
pub(super) fn cmpxchg(c: &mut Context<'_>, i: &Instruction) -> Done {
    let width = operand::width(i);
    let expected = get(&c.machine.cpu, Register::Rax) & width.mask();
    let new = read_1(c, i, width)?;
    let old = if i.op0_kind() == OpKind::Register {
        read_0(c, i, width)?
    } else {
        operand::modify(c, i, width, &mut |old| if old == expected { new } else { old })?
    };
    let cpu = &mut c.machine.cpu;
    cpu.rflags = arithmetic::sub(width, expected, old, cpu.rflags).1;
    if old != expected {
        set_narrow(cpu, Register::Rax, width, old);
    } else if i.op0_kind() == OpKind::Register {
        set_register(cpu, i.op0_register(), new);
    }
    Ok(())
}

/// CMPXCHG8B and CMPXCHG16B: halves of `half` each at one address.
pub(super) fn cmpxchg_pair(c: &mut Context<'_>, i: &Instruction, half: Width) -> Done {
    let low_address = operand::linear(&c.machine.cpu, i);
    if half == Width::Quadword && low_address & 15 != 0 {
        let cause = "the operand of CMPXCHG16B is not aligned to 16 bytes";
        return Err(Fault::general_protection(cause));
    }
    if half == Width::Doubleword {
        return cmpxchg8b(c, i);
    }
    let high_address = low_address.wrapping_add(8);
    let read = |register| get(&c.machine.cpu, register);
    let expected = (read(Register::Rax), read(Register::Rdx));
    let new = (read(Register::Rbx), read(Register::Rcx));
    // One aligned 16-byte block lies in one page, so the check of its first half covers the second.
    let low = operand::modify_at(c, i, low_address, half, &mut |old| old)?;
    let high = operand::load(c, high_address, half)?;
    let equal = (low, high) == expected;
    let (store_low, store_high) = if equal { new } else { (low, high) };
    operand::store(c, low_address, half, store_low)?;
    operand::store(c, high_address, half, store_high)?;
    if !equal {
        set(&mut c.machine.cpu, Register::Rax, low);
        set(&mut c.machine.cpu, Register::Rdx, high);
    }
    set_zero_flag(c, equal);
    Ok(())
}

fn cmpxchg8b(c: &mut Context<'_>, i: &Instruction) -> Done {
    let address = operand::linear(&c.machine.cpu, i);
    let pair = |low, high| get(&c.machine.cpu, high) << 32 | get(&c.machine.cpu, low) & Width::Doubleword.mask();
    let expected = pair(Register::Rax, Register::Rdx);
    let new = pair(Register::Rbx, Register::Rcx);
    let mut choose = |old| if old == expected { new } else { old };
    let old = operand::modify_at(c, i, address, Width::Quadword, &mut choose)?;
    if old != expected {
        let cpu = &mut c.machine.cpu;
        set_narrow(cpu, Register::Rax, Width::Doubleword, old);
        set_narrow(cpu, Register::Rdx, Width::Doubleword, old >> 32);
    }
    set_zero_flag(c, old == expected);
    Ok(())
}

fn set_zero_flag(c: &mut Context<'_>, equal: bool) {
    let cpu = &mut c.machine.cpu;
    cpu.rflags = (cpu.rflags & !ZF) | if equal { ZF } else { 0 };
}
