//! Moves, extensions, exchanges and conversions.

use super::condition::Condition;
use super::operand::{self, get, modify, read_1, register, set_narrow, set_register, write_0};
use super::width::Width;
use super::{Context, Done};
use crate::Register;
use crate::rflags::{AF, CF, FIXED, PF, SF, ZF};
use iced_x86::{Instruction, OpKind};

/// MOV, MOVABS, MOVNTI and MOVZX: reading an operand zero-extends it.
#[inline]
pub(super) fn mov(c: &mut Context<'_>, i: &Instruction) -> Done {
    let value = read_1(c, i, operand::source_width(i))?;
    write_0(c, i, operand::width(i), value)
}

/// MOVSX and MOVSXD.
pub(super) fn movsx(c: &mut Context<'_>, i: &Instruction) -> Done {
    let from = operand::source_width(i);
    let value = from.sign_extend(read_1(c, i, from)?) as u64;
    write_0(c, i, operand::width(i), value)
}

/// LEA: the offset alone, without the segment base, and without an access.
pub(super) fn lea(c: &mut Context<'_>, i: &Instruction) -> Done {
    let offset = operand::effective_address(&c.machine.cpu, i);
    set_register(&mut c.machine.cpu, i.op0_register(), offset);
    Ok(())
}

/// XCHG. With memory it is always locked.
pub(super) fn xchg(c: &mut Context<'_>, i: &Instruction) -> Done {
    let other = i.op1_register();
    let new = register(&c.machine.cpu, other);
    let old = modify(c, i, operand::width(i), &mut |_| new)?;
    set_register(&mut c.machine.cpu, other, old);
    Ok(())
}

/// CMOVcc: reads the source and clears the upper half of a 32-bit destination, whatever the condition.
pub(super) fn cmov(c: &mut Context<'_>, i: &Instruction, condition: Condition) -> Done {
    let source = read_1(c, i, operand::width(i))?;
    let name = i.op0_register();
    let cpu = &mut c.machine.cpu;
    let value = if condition.holds(cpu.rflags) { source } else { register(cpu, name) };
    set_register(cpu, name, value);
    Ok(())
}

/// SETcc.
pub(super) fn set_if(c: &mut Context<'_>, i: &Instruction, condition: Condition) -> Done {
    let value = u64::from(condition.holds(c.machine.cpu.rflags));
    write_0(c, i, Width::Byte, value)
}

/// CBW, CWDE and CDQE: the lower half of the accumulator becomes all of it.
pub(super) fn extend_accumulator(c: &mut Context<'_>, from: Width, to: Width) -> Done {
    let cpu = &mut c.machine.cpu;
    let value = from.sign_extend(get(cpu, Register::Rax)) as u64;
    set_narrow(cpu, Register::Rax, to, value);
    Ok(())
}

/// CWD, CDQ and CQO: rDX becomes the sign of rAX.
pub(super) fn extend_into_rdx(c: &mut Context<'_>, width: Width) -> Done {
    let cpu = &mut c.machine.cpu;
    let sign = (width.sign_extend(get(cpu, Register::Rax)) >> 63) as u64;
    set_narrow(cpu, Register::Rdx, width, sign);
    Ok(())
}

const LOW_BYTE_FLAGS: u64 = SF | ZF | AF | PF | CF;

/// LAHF: the low byte of RFLAGS to AH.
pub(super) fn lahf(c: &mut Context<'_>) -> Done {
    let cpu = &mut c.machine.cpu;
    let flags = (cpu.rflags & LOW_BYTE_FLAGS) | FIXED;
    set_register(cpu, iced_x86::Register::AH, flags);
    Ok(())
}

/// SAHF: AH to the low byte of RFLAGS.
pub(super) fn sahf(c: &mut Context<'_>) -> Done {
    let cpu = &mut c.machine.cpu;
    let flags = register(cpu, iced_x86::Register::AH) & LOW_BYTE_FLAGS;
    cpu.rflags = (cpu.rflags & !LOW_BYTE_FLAGS) | flags;
    Ok(())
}

/// XLATB: AL becomes the byte at rBX + AL.
pub(super) fn xlatb(c: &mut Context<'_>, i: &Instruction) -> Done {
    let address = operand::linear(&c.machine.cpu, i);
    let value = operand::load(c, address, Width::Byte)?;
    set_narrow(&mut c.machine.cpu, Register::Rax, Width::Byte, value);
    Ok(())
}

/// MOV from a segment register: memory receives 16 bits, a register the zero-extended selector.
pub(super) fn mov_from_segment(c: &mut Context<'_>, i: &Instruction) -> Done {
    let selector = super::segment::selector(&c.machine.cpu, i.op1_register());
    let width = match i.op0_kind() {
        OpKind::Register => operand::width(i),
        _ => Width::Word,
    };
    write_0(c, i, width, u64::from(selector))
}

/// CLFLUSH, CLFLUSHOPT and CLWB access their line like a load; there are no data caches.
pub(super) fn flush_line(c: &mut Context<'_>, i: &Instruction) -> Done {
    operand::load_memory(c, i, Width::Byte)?;
    Ok(())
}

/// CLC, STC, CMC, CLD and STD: the bits of `mask` become those of `value`.
pub(super) fn set_flags(c: &mut Context<'_>, mask: u64, value: u64) -> Done {
    let cpu = &mut c.machine.cpu;
    cpu.rflags = (cpu.rflags & !mask) | (value & mask);
    Ok(())
}
