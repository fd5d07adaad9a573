//! Operands of instructions: registers, immediates, and memory through segments and page tables.

use super::width::Width;
use super::{Context, Done};
use crate::access::{self, Privilege};
use crate::event::debug;
use crate::observe::AccessKind;
use crate::{Cpu, Exception, Fault, Register, SegmentRegister};
use iced_x86::{Instruction, OpKind, Register as Name};

const FIRST_LOW_BYTE: usize = Name::AL as usize;
const LAST_LEGACY_LOW_BYTE: usize = Name::BL as usize;
const FIRST_HIGH_BYTE: usize = Name::AH as usize;
const LAST_HIGH_BYTE: usize = Name::BH as usize;
const FIRST_UNIFORM_BYTE: usize = Name::SPL as usize;
const LAST_BYTE: usize = Name::R15L as usize;
const FIRST_WORD: usize = Name::AX as usize;
const LAST_WORD: usize = Name::R15W as usize;
const FIRST_DOUBLEWORD: usize = Name::EAX as usize;
const LAST_DOUBLEWORD: usize = Name::R15D as usize;
const FIRST_QUADWORD: usize = Name::RAX as usize;
const LAST_QUADWORD: usize = Name::R15 as usize;

/// The value of a general register under one of its names, zero-extended. Names of other registers read as zero.
#[inline]
pub(super) fn register(cpu: &Cpu, name: Name) -> u64 {
    let r = &cpu.registers;
    match name as usize {
        n @ FIRST_QUADWORD..=LAST_QUADWORD => r[n - FIRST_QUADWORD],
        n @ FIRST_DOUBLEWORD..=LAST_DOUBLEWORD => r[n - FIRST_DOUBLEWORD] & 0xffff_ffff,
        n @ FIRST_WORD..=LAST_WORD => r[n - FIRST_WORD] & 0xffff,
        n @ FIRST_LOW_BYTE..=LAST_LEGACY_LOW_BYTE => r[n - FIRST_LOW_BYTE] & 0xff,
        n @ FIRST_HIGH_BYTE..=LAST_HIGH_BYTE => r[n - FIRST_HIGH_BYTE] >> 8 & 0xff,
        n @ FIRST_UNIFORM_BYTE..=LAST_BYTE => r[n - FIRST_UNIFORM_BYTE + 4] & 0xff,
        _ => 0,
    }
}

/// Writes a general register under one of its names. A 32-bit write clears the upper half; a narrower one keeps the
/// rest (SDM vol. 1 3.4.1.1).
#[inline]
pub(super) fn set_register(cpu: &mut Cpu, name: Name, value: u64) {
    let r = &mut cpu.registers;
    let merge = |old: u64, mask: u64, new: u64| (old & !mask) | (new & mask);
    match name as usize {
        n @ FIRST_QUADWORD..=LAST_QUADWORD => r[n - FIRST_QUADWORD] = value,
        n @ FIRST_DOUBLEWORD..=LAST_DOUBLEWORD => r[n - FIRST_DOUBLEWORD] = value & 0xffff_ffff,
        n @ FIRST_WORD..=LAST_WORD => {
            let slot = &mut r[n - FIRST_WORD];
            *slot = merge(*slot, 0xffff, value);
        }
        n @ FIRST_LOW_BYTE..=LAST_LEGACY_LOW_BYTE => {
            let slot = &mut r[n - FIRST_LOW_BYTE];
            *slot = merge(*slot, 0xff, value);
        }
        n @ FIRST_HIGH_BYTE..=LAST_HIGH_BYTE => {
            let slot = &mut r[n - FIRST_HIGH_BYTE];
            *slot = merge(*slot, 0xff00, value << 8);
        }
        n @ FIRST_UNIFORM_BYTE..=LAST_BYTE => {
            let slot = &mut r[n - FIRST_UNIFORM_BYTE + 4];
            *slot = merge(*slot, 0xff, value);
        }
        _ => {}
    }
}

/// The width of a general register's name; other registers count as 64 bits wide.
#[inline]
pub(super) fn register_width(name: Name) -> Width {
    match name as usize {
        FIRST_LOW_BYTE..=LAST_BYTE => Width::Byte,
        FIRST_WORD..=LAST_WORD => Width::Word,
        FIRST_DOUBLEWORD..=LAST_DOUBLEWORD => Width::Doubleword,
        _ => Width::Quadword,
    }
}

/// Reads a 64-bit register.
#[inline]
pub(crate) fn get(cpu: &Cpu, register: Register) -> u64 {
    cpu.registers[register as usize]
}

/// Writes a 64-bit register.
#[inline]
pub(crate) fn set(cpu: &mut Cpu, register: Register, value: u64) {
    cpu.registers[register as usize] = value;
}

/// Writes the low `width` of a register by the rules of [`set_register`].
pub(super) fn set_narrow(cpu: &mut Cpu, register: Register, width: Width, value: u64) {
    let slot = &mut cpu.registers[register as usize];
    *slot = match width {
        Width::Quadword => value,
        Width::Doubleword => value & 0xffff_ffff,
        narrow => (*slot & !narrow.mask()) | (value & narrow.mask()),
    };
}

/// The width of operand 0, or of the memory operand.
#[inline]
pub(super) fn width(i: &Instruction) -> Width {
    match i.op0_kind() {
        OpKind::Register => register_width(i.op0_register()),
        _ => memory_width(i),
    }
}

/// The width of operand 1, or of the memory operand.
#[inline]
pub(super) fn source_width(i: &Instruction) -> Width {
    match i.op1_kind() {
        OpKind::Register => register_width(i.op1_register()),
        _ => memory_width(i),
    }
}

/// The width of the memory operand.
#[inline]
pub(super) fn memory_width(i: &Instruction) -> Width {
    Width::of_bytes(i.memory_size().size())
}

/// Offset of the memory operand within its segment (SDM vol. 1 3.7.5). 32-bit address registers wrap at 4 GiB. The
/// decoder gives RIP-relative displacements as absolute addresses.
#[inline]
pub(super) fn effective_address(cpu: &Cpu, i: &Instruction) -> u64 {
    let displacement = i.memory_displacement64();
    let (base, index) = (i.memory_base(), i.memory_index());
    let sum = displacement
        .wrapping_add(register(cpu, base))
        .wrapping_add(register(cpu, index).wrapping_mul(u64::from(i.memory_index_scale())));
    wrap_offset(i, sum)
}

/// Wraps an offset at 4 GiB where the memory operand has 32-bit address registers.
#[inline]
fn wrap_offset(i: &Instruction, offset: u64) -> u64 {
    let narrow = |name: Name| register_width(name) == Width::Doubleword || name == Name::EIP;
    if narrow(i.memory_base()) || narrow(i.memory_index()) { offset & 0xffff_ffff } else { offset }
}

/// Base of the segment that `i` names by a prefix. In 64-bit mode only FS and GS have one (SDM vol. 1 3.4.2.1).
#[inline]
pub(super) fn segment_base(cpu: &Cpu, i: &Instruction) -> u64 {
    match i.segment_prefix() {
        Name::FS => cpu.segments[SegmentRegister::Fs as usize].base,
        Name::GS => cpu.segments[SegmentRegister::Gs as usize].base,
        _ => 0,
    }
}

/// Linear address of the memory operand.
#[inline]
pub(super) fn linear(cpu: &Cpu, i: &Instruction) -> u64 {
    segment_base(cpu, i).wrapping_add(effective_address(cpu, i))
}

/// Linear address `distance` bytes from the memory operand.
pub(super) fn linear_at_distance(cpu: &Cpu, i: &Instruction, distance: i64) -> u64 {
    let offset = effective_address(cpu, i).wrapping_add_signed(distance);
    segment_base(cpu, i).wrapping_add(wrap_offset(i, offset))
}

/// Whether the memory operand lies in the stack segment, which decides between #SS and #GP (SDM vol. 1 3.7.4).
fn in_stack_segment(i: &Instruction) -> bool {
    let based_on_stack = matches!(i.memory_base(), Name::RSP | Name::RBP | Name::ESP | Name::EBP);
    based_on_stack && !matches!(i.segment_prefix(), Name::FS | Name::GS)
}

/// Turns a general protection fault into a stack fault, for an access through the stack segment.
#[cold]
pub(super) fn as_stack_fault(fault: Fault) -> Fault {
    if fault.exception == Exception::GeneralProtection {
        Fault { exception: Exception::StackSegment, ..fault }
    } else {
        fault
    }
}

#[cold]
fn as_fault_of(i: &Instruction, fault: Fault) -> Fault {
    if in_stack_segment(i) { as_stack_fault(fault) } else { fault }
}

/// Loads data at a linear address with the rights of the current privilege level.
#[inline]
pub(super) fn load(c: &mut Context<'_>, linear: u64, width: Width) -> Result<u64, Fault> {
    let size = width.bytes();
    let value = access::read(c.machine, c.observer, linear, size, Privilege::Current)?;
    debug::watch(&mut c.machine.cpu, linear, size, AccessKind::Read);
    Ok(value)
}

/// Stores data at a linear address with the rights of the current privilege level.
#[inline]
pub(super) fn store(c: &mut Context<'_>, linear: u64, width: Width, value: u64) -> Done {
    let size = width.bytes();
    access::write(c.machine, c.observer, linear, size, value, Privilege::Current)?;
    debug::watch(&mut c.machine.cpu, linear, size, AccessKind::Write);
    Ok(())
}

/// Loads from the memory operand.
#[inline]
pub(super) fn load_memory(c: &mut Context<'_>, i: &Instruction, width: Width) -> Result<u64, Fault> {
    let address = linear(&c.machine.cpu, i);
    load_at(c, i, address, width)
}

/// Loads from a linear address that the memory operand gave.
#[inline]
pub(super) fn load_at(c: &mut Context<'_>, i: &Instruction, linear: u64, width: Width) -> Result<u64, Fault> {
    load(c, linear, width).map_err(|fault| as_fault_of(i, fault))
}

/// Stores to the memory operand.
#[inline]
pub(super) fn store_memory(c: &mut Context<'_>, i: &Instruction, width: Width, value: u64) -> Done {
    let address = linear(&c.machine.cpu, i);
    store_at(c, i, address, width, value)
}

/// Stores to a linear address that the memory operand gave.
#[inline]
pub(super) fn store_at(c: &mut Context<'_>, i: &Instruction, linear: u64, width: Width, value: u64) -> Done {
    store(c, linear, width, value).map_err(|fault| as_fault_of(i, fault))
}

/// Reads, changes and writes `width` at a linear address. It checks the right to write before anything else.
#[inline]
pub(super) fn modify_at(
    c: &mut Context<'_>,
    i: &Instruction,
    linear: u64,
    width: Width,
    change: &mut dyn FnMut(u64) -> u64,
) -> Result<u64, Fault> {
    let size = width.bytes();
    let old = access::read_modify_write(c.machine, c.observer, linear, size, Privilege::Current, change)
        .map_err(|fault| as_fault_of(i, fault))?;
    debug::watch(&mut c.machine.cpu, linear, size, AccessKind::Write);
    Ok(old)
}

/// Changes operand 0, a register or memory, and returns its old value.
#[inline]
pub(super) fn modify(
    c: &mut Context<'_>,
    i: &Instruction,
    width: Width,
    change: &mut dyn FnMut(u64) -> u64,
) -> Result<u64, Fault> {
    modify_telling(c, i, width, &mut |old| (change(old), old))
}

/// Changes operand 0, a register or memory, and returns the second value of `change`.
#[inline]
pub(super) fn modify_telling(
    c: &mut Context<'_>,
    i: &Instruction,
    width: Width,
    change: &mut dyn FnMut(u64) -> (u64, u64),
) -> Result<u64, Fault> {
    if i.op0_kind() == OpKind::Register {
        let name = i.op0_register();
        let (new, told) = change(register(&c.machine.cpu, name));
        set_register(&mut c.machine.cpu, name, new);
        Ok(told)
    } else {
        modify_memory(c, i, width, change)
    }
}

/// Out of line, so that the register path stays short where it is inlined.
#[inline(never)]
fn modify_memory(
    c: &mut Context<'_>,
    i: &Instruction,
    width: Width,
    change: &mut dyn FnMut(u64) -> (u64, u64),
) -> Result<u64, Fault> {
    let address = linear(&c.machine.cpu, i);
    let mut told = 0;
    modify_at(c, i, address, width, &mut |old| {
        let (new, beside) = change(old);
        told = beside;
        new
    })?;
    Ok(told)
}

/// The immediate of an operand, sign-extended where the encoding says so.
#[inline]
pub(crate) fn immediate(i: &Instruction, kind: OpKind) -> u64 {
    match kind {
        OpKind::Immediate8 => u64::from(i.immediate8()),
        OpKind::Immediate8_2nd => u64::from(i.immediate8_2nd()),
        OpKind::Immediate16 => u64::from(i.immediate16()),
        OpKind::Immediate32 => u64::from(i.immediate32()),
        OpKind::Immediate64 => i.immediate64(),
        OpKind::Immediate8to16 => i.immediate8to16() as u64,
        OpKind::Immediate8to32 => i.immediate8to32() as u64,
        OpKind::Immediate8to64 => i.immediate8to64() as u64,
        OpKind::Immediate32to64 => i.immediate32to64() as u64,
        _ => 0,
    }
}

#[inline]
fn read_kind(c: &mut Context<'_>, i: &Instruction, width: Width, kind: OpKind, name: Name) -> Result<u64, Fault> {
    match kind {
        OpKind::Register => Ok(register(&c.machine.cpu, name)),
        _ => read_other(c, i, width, kind),
    }
}

/// Out of line, like [`modify_memory`].
#[inline(never)]
fn read_other(c: &mut Context<'_>, i: &Instruction, width: Width, kind: OpKind) -> Result<u64, Fault> {
    match kind {
        OpKind::Memory => load_memory(c, i, width),
        _ => Ok(immediate(i, kind) & width.mask()),
    }
}

/// Reads operand 0.
#[inline]
pub(super) fn read_0(c: &mut Context<'_>, i: &Instruction, width: Width) -> Result<u64, Fault> {
    read_kind(c, i, width, i.op0_kind(), i.op0_register())
}

/// Reads operand 1.
#[inline]
pub(super) fn read_1(c: &mut Context<'_>, i: &Instruction, width: Width) -> Result<u64, Fault> {
    read_kind(c, i, width, i.op1_kind(), i.op1_register())
}

/// Reads operand 2, an immediate or a register.
#[inline]
pub(super) fn read_2(c: &mut Context<'_>, i: &Instruction, width: Width) -> Result<u64, Fault> {
    read_kind(c, i, width, i.op2_kind(), i.op2_register())
}

/// Writes operand 0, a register or memory.
#[inline]
pub(super) fn write_0(c: &mut Context<'_>, i: &Instruction, width: Width, value: u64) -> Done {
    if i.op0_kind() == OpKind::Register {
        set_register(&mut c.machine.cpu, i.op0_register(), value);
        Ok(())
    } else {
        store_memory(c, i, width, value)
    }
}
