//! Loading segment registers, and the instructions that ask about selectors.

use super::operand::{self, read_0, read_1, set_register, write_0};
use super::width::Width;
use super::{Context, Done};
use crate::cpu::{DescriptorTable, Segment, Shadow};
use crate::descriptor::{self, Descriptor, Kind, is_null, requested_privilege, selector_fault};
use crate::rflags::ZF;
use crate::{Cpu, Exception, Fault, SegmentRegister};
use iced_x86::{Instruction, OpKind, Register as Name};

/// The segment register of a name. Names of other registers count as DS, which nothing reads.
pub(super) fn of_name(name: Name) -> SegmentRegister {
    match name {
        Name::ES => SegmentRegister::Es,
        Name::CS => SegmentRegister::Cs,
        Name::SS => SegmentRegister::Ss,
        Name::FS => SegmentRegister::Fs,
        Name::GS => SegmentRegister::Gs,
        _ => SegmentRegister::Ds,
    }
}

/// The visible selector of a segment register.
pub(super) fn selector(cpu: &Cpu, name: Name) -> u16 {
    cpu.segments[of_name(name) as usize].selector
}

/// MOV to a segment register. After MOV SS, events wait for one instruction (SDM vol. 3A 6.8.3).
pub(super) fn mov_to_segment(c: &mut Context<'_>, i: &Instruction) -> Done {
    let name = i.op0_register();
    if name == Name::CS {
        return Err(Fault::invalid_opcode("MOV does not load CS"));
    }
    let width = if i.op1_kind() == OpKind::Register { operand::source_width(i) } else { Width::Word };
    let selector = read_1(c, i, width)? as u16;
    load(c, name, selector)?;
    if name == Name::SS {
        c.machine.cpu.events.shadow = Shadow::MovSs;
    }
    Ok(())
}

/// LSS, LFS and LGS: a far pointer to a register and a segment register.
pub(super) fn load_far_pointer(c: &mut Context<'_>, i: &Instruction, segment: Name) -> Done {
    let width = operand::width(i);
    let address = operand::linear(&c.machine.cpu, i);
    let offset = operand::load_at(c, i, address, width)?;
    let at_selector = address.wrapping_add(u64::from(width.bytes()));
    let selector = operand::load_at(c, i, at_selector, Width::Word)? as u16;
    load(c, segment, selector)?;
    set_register(&mut c.machine.cpu, i.op0_register(), offset);
    Ok(())
}

/// Loads a segment register other than CS through its descriptor (SDM vol. 2, MOV).
pub(super) fn load(c: &mut Context<'_>, name: Name, selector: u16) -> Done {
    let register = of_name(name);
    let loaded = match register {
        SegmentRegister::Ss => stack_segment(c, selector, c.machine.cpu.cpl)?,
        _ if is_null(selector) => Segment { selector, ..Segment::default() },
        _ => data_segment(c, selector)?,
    };
    descriptor::load(c.machine, c.observer, register, loaded);
    Ok(())
}

/// A stack segment for code at `cpl`: writable data of exactly that level. In 64-bit mode it may be null below level 3.
pub(super) fn stack_segment(c: &mut Context<'_>, selector: u16, cpl: u8) -> Result<Segment, Fault> {
    if is_null(selector) {
        return null_stack_segment(selector, cpl);
    }
    let refuse = |exception, cause| Err(selector_fault(exception, selector, cause));
    let descriptor = descriptor::require(c.machine, c.observer, selector)?;
    if requested_privilege(selector) != cpl || descriptor.privilege() != cpl {
        return refuse(Exception::GeneralProtection, "RPL and DPL of a stack segment have to equal CPL");
    }
    if descriptor.kind() != (Kind::Data { writable: true }) {
        return refuse(Exception::GeneralProtection, "the stack segment is not a writable data segment");
    }
    if !descriptor.present() {
        return refuse(Exception::StackSegment, "the stack segment is not present");
    }
    finish(c, selector, descriptor)
}

fn null_stack_segment(selector: u16, cpl: u8) -> Result<Segment, Fault> {
    if cpl == 3 || requested_privilege(selector) != cpl {
        return Err(Fault::general_protection("SS may be null only below CPL 3 and with an RPL that equals CPL"));
    }
    Ok(Segment { selector, ..Segment::default() })
}

fn data_segment(c: &mut Context<'_>, selector: u16) -> Result<Segment, Fault> {
    let refuse = |exception, cause| Err(selector_fault(exception, selector, cause));
    let descriptor = descriptor::require(c.machine, c.observer, selector)?;
    let conforming = match descriptor.kind() {
        Kind::Data { .. } => false,
        Kind::Code { readable: true, conforming } => conforming,
        _ => return refuse(Exception::GeneralProtection, "the segment is neither data nor readable code"),
    };
    if !conforming && !reachable(&c.machine.cpu, selector, descriptor) {
        return refuse(Exception::GeneralProtection, "DPL is below CPL or RPL");
    }
    if !descriptor.present() {
        return refuse(Exception::SegmentNotPresent, "the segment is not present");
    }
    finish(c, selector, descriptor)
}

fn finish(c: &mut Context<'_>, selector: u16, descriptor: Descriptor) -> Result<Segment, Fault> {
    let descriptor = descriptor::mark_accessed(c.machine, c.observer, selector, descriptor)?;
    Ok(descriptor.segment(selector))
}

/// Whether DPL admits both CPL and RPL.
fn reachable(cpu: &Cpu, selector: u16, descriptor: Descriptor) -> bool {
    cpu.cpl.max(requested_privilege(selector)) <= descriptor.privilege()
}

/// The descriptor that LSL, LAR, VERR and VERW may describe. `admits` accepts its kind. Only conforming code is open to
/// every privilege level. `None` clears ZF.
fn visible(c: &mut Context<'_>, selector: u16, admits: fn(Kind) -> bool) -> Result<Option<Descriptor>, Fault> {
    if is_null(selector) {
        return Ok(None);
    }
    let found = descriptor::read(c.machine, c.observer, selector)?;
    Ok(found.filter(|descriptor| {
        let kind = descriptor.kind();
        let open = matches!(kind, Kind::Code { conforming: true, .. });
        admits(kind) && (open || reachable(&c.machine.cpu, selector, *descriptor))
    }))
}

/// The selector operand: 16 bits from memory, or the low 16 of a register.
fn selector_operand(c: &mut Context<'_>, i: &Instruction) -> Result<u16, Fault> {
    Ok(read_1(c, i, Width::Word)? as u16)
}

fn set_zero_flag(cpu: &mut Cpu, zero: bool) {
    cpu.rflags = cpu.rflags & !ZF | if zero { ZF } else { 0 };
}

/// LSL: the segment limit in bytes.
pub(super) fn lsl(c: &mut Context<'_>, i: &Instruction) -> Done {
    let admits = |kind| !matches!(kind, Kind::CallGate | Kind::Other);
    tell(c, i, admits, |descriptor| u64::from(descriptor.limit()))
}

/// LAR: the access-rights bytes of the descriptor.
pub(super) fn lar(c: &mut Context<'_>, i: &Instruction) -> Done {
    let admits = |kind| kind != Kind::Other;
    tell(c, i, admits, |descriptor| descriptor.0 >> 32 & 0x00f0_ff00)
}

fn tell(c: &mut Context<'_>, i: &Instruction, admits: fn(Kind) -> bool, value: fn(Descriptor) -> u64) -> Done {
    let selector = selector_operand(c, i)?;
    let found = visible(c, selector, admits)?;
    let cpu = &mut c.machine.cpu;
    if let Some(descriptor) = found {
        set_register(cpu, i.op0_register(), value(descriptor));
    }
    set_zero_flag(cpu, found.is_some());
    Ok(())
}

/// VERR: whether the segment can be read.
pub(super) fn verr(c: &mut Context<'_>, i: &Instruction) -> Done {
    verify(c, i, |kind| matches!(kind, Kind::Data { .. } | Kind::Code { readable: true, .. }))
}

/// VERW: whether the segment can be written. Entry code uses it to clear processor buffers.
pub(super) fn verw(c: &mut Context<'_>, i: &Instruction) -> Done {
    verify(c, i, |kind| kind == Kind::Data { writable: true })
}

fn verify(c: &mut Context<'_>, i: &Instruction, admits: fn(Kind) -> bool) -> Done {
    let selector = read_0(c, i, Width::Word)? as u16;
    let found = visible(c, selector, admits)?;
    set_zero_flag(&mut c.machine.cpu, found.is_some());
    Ok(())
}

/// LGDT and LIDT: the operand of ten bytes.
pub(super) fn load_table(c: &mut Context<'_>, i: &Instruction) -> Result<DescriptorTable, Fault> {
    crate::control::require_cpl0(&c.machine.cpu)?;
    let address = operand::linear(&c.machine.cpu, i);
    let limit = operand::load_at(c, i, address, Width::Word)? as u16;
    let base = operand::load_at(c, i, address.wrapping_add(2), Width::Quadword)?;
    if !crate::cpu::canonical(&c.machine.cpu, base) {
        return Err(Fault::general_protection("the base of the descriptor table is not canonical"));
    }
    Ok(DescriptorTable { base, limit })
}

/// SGDT and SIDT. They check both halves before they write the first.
pub(super) fn store_table(c: &mut Context<'_>, i: &Instruction, table: DescriptorTable) -> Done {
    check_user_mode_instruction_prevention(&c.machine.cpu)?;
    let address = operand::linear(&c.machine.cpu, i);
    let at_base = address.wrapping_add(2);
    operand::modify_at(c, i, address, Width::Word, &mut |old| old)?;
    operand::modify_at(c, i, at_base, Width::Quadword, &mut |old| old)?;
    operand::modify_at(c, i, address, Width::Word, &mut |_| u64::from(table.limit))?;
    operand::modify_at(c, i, at_base, Width::Quadword, &mut |_| table.base)?;
    Ok(())
}

/// The rule of SGDT, SIDT, SLDT, SMSW and STR (SDM vol. 3A 2.5, CR4.UMIP).
pub(super) fn check_user_mode_instruction_prevention(cpu: &Cpu) -> Done {
    if cpu.cpl > 0 && cpu.cr4 & crate::bits::cr4::UMIP != 0 {
        return Err(Fault::general_protection("CR4.UMIP keeps the instruction from user mode"));
    }
    Ok(())
}

/// SLDT, STR and SMSW: memory receives 16 bits, a register its whole width.
pub(super) fn store_system_word(c: &mut Context<'_>, i: &Instruction, value: u64) -> Done {
    check_user_mode_instruction_prevention(&c.machine.cpu)?;
    let width = if i.op0_kind() == OpKind::Register { operand::width(i) } else { Width::Word };
    write_0(c, i, width, value & width.mask())
}

/// LTR: an available TSS, which becomes busy.
pub(super) fn ltr(c: &mut Context<'_>, i: &Instruction) -> Done {
    crate::control::require_cpl0(&c.machine.cpu)?;
    let selector = read_0(c, i, Width::Word)? as u16;
    let refuse = |exception, cause| Err(selector_fault(exception, selector, cause));
    if is_null(selector) {
        return Err(Fault::general_protection("LTR loads a null selector"));
    }
    let descriptor = descriptor::require(c.machine, c.observer, selector)?;
    if descriptor.kind() != Kind::AvailableTss {
        return refuse(Exception::GeneralProtection, "LTR loads no available TSS");
    }
    if !descriptor.present() {
        return refuse(Exception::SegmentNotPresent, "the TSS is not present");
    }
    let upper = descriptor::upper_base(c.machine, c.observer, selector)?;
    let descriptor = descriptor::mark_busy(c.machine, c.observer, selector, descriptor)?;
    let low = descriptor.segment(selector);
    c.machine.cpu.task = Segment { base: low.base | upper, ..low };
    Ok(())
}

/// LLDT: only the null selector, which Linux loads. A local descriptor table is not modelled.
pub(super) fn lldt(c: &mut Context<'_>, i: &Instruction) -> Done {
    crate::control::require_cpl0(&c.machine.cpu)?;
    match is_null(read_0(c, i, Width::Word)? as u16) {
        true => Ok(()),
        false => Err(Fault::invalid_opcode("a local descriptor table is not modelled")),
    }
}
