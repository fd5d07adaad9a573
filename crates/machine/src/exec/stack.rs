//! Push, pop and stack frames. In 64-bit mode the stack pointer is always 64 bits wide; an operand is 8 bytes, or 2 with
//! the operand-size prefix (SDM vol. 1 6.2.2).

use super::operand::{self, as_stack_fault, get, read_0, set, set_narrow, set_register};
use super::width::Width;
use super::{Context, Done, segment};
use crate::rflags::{self, AC, AF, CF, DF, FIXED, ID, IF, IOPL, NT, OF, PF, RF, SF, TF, VM, ZF};
use crate::{Fault, Register};
use iced_x86::{Code, Instruction, OpKind};

/// Loads `width` bytes at a stack address.
#[inline]
pub(super) fn load_stack(c: &mut Context<'_>, address: u64, width: Width) -> Result<u64, Fault> {
    operand::load(c, address, width).map_err(as_stack_fault)
}

/// Stores `value` below RSP and moves RSP down. Nothing changes if the store faults.
#[inline]
pub(super) fn push_value(c: &mut Context<'_>, width: Width, value: u64) -> Done {
    let top = get(&c.machine.cpu, Register::Rsp).wrapping_sub(u64::from(width.bytes()));
    operand::store(c, top, width, value).map_err(as_stack_fault)?;
    set(&mut c.machine.cpu, Register::Rsp, top);
    Ok(())
}

/// The value at RSP, and RSP above it. The caller commits.
#[inline]
pub(super) fn peek(c: &mut Context<'_>, width: Width) -> Result<(u64, u64), Fault> {
    let top = get(&c.machine.cpu, Register::Rsp);
    let value = load_stack(c, top, width)?;
    Ok((value, top.wrapping_add(u64::from(width.bytes()))))
}

/// Width of a push or pop whose operand has none of its own.
fn slot_width(i: &Instruction) -> Width {
    match i.code() {
        Code::Push_imm16
        | Code::Pushw_imm8
        | Code::Pushw_FS
        | Code::Pushw_GS
        | Code::Popw_FS
        | Code::Popw_GS
        | Code::Pushfw
        | Code::Popfw
        | Code::Enterw_imm16_imm8
        | Code::Leavew => Width::Word,
        _ => Width::Quadword,
    }
}

/// PUSH of a register, memory, an immediate or FS and GS. PUSH RSP pushes the old RSP.
#[inline]
pub(super) fn push(c: &mut Context<'_>, i: &Instruction) -> Done {
    let (width, value) = match i.op0_kind() {
        OpKind::Register if i.op0_register().is_segment_register() => {
            (slot_width(i), u64::from(segment::selector(&c.machine.cpu, i.op0_register())))
        }
        OpKind::Register | OpKind::Memory => {
            let width = operand::width(i);
            (width, read_0(c, i, width)?)
        }
        _ => (slot_width(i), read_0(c, i, slot_width(i))?),
    };
    push_value(c, width, value)
}

/// POP to a register, memory, or FS and GS. POP RSP keeps the popped value. An address based on RSP uses the RSP after
/// the pop (SDM vol. 2, POP).
#[inline]
pub(super) fn pop(c: &mut Context<'_>, i: &Instruction) -> Done {
    if i.op0_kind() == OpKind::Register {
        return pop_register(c, i);
    }
    let width = operand::width(i);
    let before = get(&c.machine.cpu, Register::Rsp);
    let (value, above) = peek(c, width)?;
    set(&mut c.machine.cpu, Register::Rsp, above);
    let stored = operand::store_memory(c, i, width, value);
    if stored.is_err() {
        set(&mut c.machine.cpu, Register::Rsp, before);
    }
    stored
}

fn pop_register(c: &mut Context<'_>, i: &Instruction) -> Done {
    let name = i.op0_register();
    if name.is_segment_register() {
        let (selector, above) = peek(c, slot_width(i))?;
        segment::load(c, name, selector as u16)?;
        set(&mut c.machine.cpu, Register::Rsp, above);
        return Ok(());
    }
    let (value, above) = peek(c, operand::register_width(name))?;
    set(&mut c.machine.cpu, Register::Rsp, above);
    set_register(&mut c.machine.cpu, name, value);
    Ok(())
}

/// PUSHF and PUSHFQ: they push RF and VM as zero.
pub(super) fn pushf(c: &mut Context<'_>, i: &Instruction) -> Done {
    let image = c.machine.cpu.rflags & !(RF | VM);
    push_value(c, slot_width(i), image)
}

/// The flags that POPF and IRET may change at `cpl` (SDM vol. 2, POPF): IOPL at level 0 only, IF up to IOPL.
pub(super) fn writable_flags(cpl: u8, rflags: u64) -> u64 {
    let always = CF | PF | AF | ZF | SF | TF | DF | OF | NT | AC | ID;
    let interrupts = if cpl <= rflags::io_privilege_level(rflags) { IF } else { 0 };
    let level = if cpl == 0 { IOPL } else { 0 };
    always | interrupts | level
}

/// POPF and POPFQ: flags that they may not change keep their values, without a fault. RF becomes zero.
pub(super) fn popf(c: &mut Context<'_>, i: &Instruction) -> Done {
    let width = slot_width(i);
    let (image, above) = peek(c, width)?;
    let cpu = &mut c.machine.cpu;
    let writable = writable_flags(cpu.cpl, cpu.rflags) & width.mask();
    cpu.rflags = ((cpu.rflags & !writable) | (image & writable) | FIXED) & !RF;
    set(cpu, Register::Rsp, above);
    Ok(())
}

/// ENTER with `level` copied frame pointers (SDM vol. 2, ENTER). The last slot is checked for writing, as the manual
/// says.
pub(super) fn enter(c: &mut Context<'_>, i: &Instruction) -> Done {
    let width = slot_width(i);
    let size = u64::from(width.bytes());
    let locals = u64::from(i.immediate16());
    let level = u64::from(i.immediate8_2nd() & 31);
    let rsp = get(&c.machine.cpu, Register::Rsp);
    let rbp = get(&c.machine.cpu, Register::Rbp);
    let frame = rsp.wrapping_sub(size);
    // RBP, the frame pointers of the levels between, this frame's own: one word more than there are levels.
    let mut words = [rbp; 32];
    for (nth, word) in (1..level).zip(words.iter_mut().skip(1)) {
        *word = load_stack(c, rbp.wrapping_sub(nth * size), width)?;
    }
    if let Some(word) = words.get_mut(level as usize).filter(|_| level > 0) {
        *word = frame;
    }
    let lowest = frame.wrapping_sub(level * size);
    let end = lowest.wrapping_sub(locals);
    for address in [end, lowest] {
        operand::modify_at(c, i, address, width, &mut |old| old).map_err(as_stack_fault)?;
    }
    for (nth, word) in (0..=level).zip(words) {
        operand::store(c, frame.wrapping_sub(nth * size), width, word).map_err(as_stack_fault)?;
    }
    // With a 64-bit stack, RBP receives the whole frame pointer, whatever the operand size (SDM vol. 2, ENTER).
    set(&mut c.machine.cpu, Register::Rbp, frame);
    set(&mut c.machine.cpu, Register::Rsp, end);
    Ok(())
}

/// LEAVE: RSP from RBP, then POP RBP.
pub(super) fn leave(c: &mut Context<'_>, i: &Instruction) -> Done {
    let width = slot_width(i);
    let frame = get(&c.machine.cpu, Register::Rbp);
    let value = load_stack(c, frame, width)?;
    let cpu = &mut c.machine.cpu;
    set_narrow(cpu, Register::Rbp, width, value);
    let above = frame.wrapping_add(u64::from(width.bytes()));
    set(cpu, Register::Rsp, above);
    Ok(())
}
