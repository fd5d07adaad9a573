//! Transfers that load CS: IRET, far returns, far jumps and calls (SDM vol. 2; vol. 3A 5.8, 6.14.3).
//!
//! Each function reads and checks everything before it changes anything.

use super::flow::check_target;
use super::operand::{self, get, set};
use super::segment::stack_segment;
use super::stack::{load_stack, push_value, writable_flags};
use super::width::Width;
use super::{Context, Done};
use crate::cpu::Segment;
use crate::descriptor::{self, Descriptor, Kind, is_null, requested_privilege, selector_fault};
use crate::rflags::{AC, FIXED, ID, NT, RF, VIF, VIP};
use crate::{Exception, Fault, Register, SegmentRegister};
use iced_x86::{Code, Instruction};

/// Width of the slots that a far return pops, or of the offset of a far pointer.
fn slot_width(i: &Instruction) -> Width {
    match i.code() {
        Code::Iretw | Code::Retfw | Code::Retfw_imm16 | Code::Jmp_m1616 | Code::Call_m1616 => Width::Word,
        Code::Iretd | Code::Retfd | Code::Retfd_imm16 | Code::Jmp_m1632 | Code::Call_m1632 => Width::Doubleword,
        _ => Width::Quadword,
    }
}

/// The `nth` slot above RSP.
fn slot(c: &mut Context<'_>, width: Width, nth: u64) -> Result<u64, Fault> {
    let top = get(&c.machine.cpu, Register::Rsp);
    load_stack(c, top.wrapping_add(nth * u64::from(width.bytes())), width)
}

/// A code segment that may be returned to: not more privileged than now, and 64-bit.
fn return_code(c: &mut Context<'_>, selector: u16) -> Result<Segment, Fault> {
    let refuse = |exception, cause| Err(selector_fault(exception, selector, cause));
    if is_null(selector) {
        return Err(Fault::general_protection("the code segment to return to is null"));
    }
    let descriptor = descriptor::require(c.machine, c.observer, selector)?;
    let level = requested_privilege(selector);
    let Kind::Code { conforming, .. } = descriptor.kind() else {
        return refuse(Exception::GeneralProtection, "the segment to return to is not a code segment");
    };
    if level < c.machine.cpu.cpl {
        return refuse(Exception::GeneralProtection, "a return cannot lead to a more privileged level");
    }
    let admitted = if conforming { descriptor.privilege() <= level } else { descriptor.privilege() == level };
    if !admitted {
        return refuse(Exception::GeneralProtection, "DPL of the code segment does not fit its RPL");
    }
    if !descriptor.present() {
        return refuse(Exception::SegmentNotPresent, "the code segment to return to is not present");
    }
    code_segment(c, selector, descriptor)
}

/// Only 64-bit code runs here.
fn code_segment(c: &mut Context<'_>, selector: u16, descriptor: Descriptor) -> Result<Segment, Fault> {
    if descriptor.long() && descriptor.default_big() {
        return Err(selector_fault(Exception::GeneralProtection, selector, "a code segment has both L and D set"));
    }
    if !descriptor.long() {
        return Err(Fault::invalid_opcode("compatibility mode is not modelled"));
    }
    let descriptor = descriptor::mark_accessed(c.machine, c.observer, selector, descriptor)?;
    Ok(descriptor.segment(selector))
}

/// Data segments that the new level may not use become null. One that is null already keeps its base, which WRFSBASE
/// and WRMSR may have set.
fn drop_data_segments(c: &mut Context<'_>, cpl: u8) {
    use SegmentRegister::{Ds, Es, Fs, Gs};
    for register in [Es, Ds, Fs, Gs] {
        let segment = c.machine.cpu.segments[register as usize];
        let descriptor = Descriptor(u64::from(segment.attributes) << 40);
        let conforming = matches!(descriptor.kind(), Kind::Code { conforming: true, .. });
        if !is_null(segment.selector) && !conforming && descriptor.privilege() < cpl {
            descriptor::load(c.machine, c.observer, register, Segment::default());
        }
    }
}

/// The flags after an IRET that starts at `cpl`: those that POPF may change, RF, and at CPL 0 VIF and VIP. `width` is
/// that of the image. IA-32e mode ignores VM.
fn returned_flags(cpl: u8, rflags: u64, image: u64, width: Width) -> u64 {
    let privileged = if cpl == 0 { VIF | VIP } else { 0 };
    let writable = (writable_flags(cpl, rflags) | RF | AC | ID | privileged) & width.mask();
    rflags & !writable | image & writable | FIXED
}

/// IRETQ, IRETD and IRETW. In 64-bit mode they always pop SS and RSP. They unblock NMIs even if they fault (SDM vol. 3A
/// 6.7.1).
pub(super) fn iret(c: &mut Context<'_>, i: &Instruction) -> Done {
    c.machine.cpu.events.nmi_blocked = false;
    if c.machine.cpu.rflags & NT != 0 {
        return Err(Fault::general_protection("IRET with RFLAGS.NT set: there are no task switches in IA-32e mode"));
    }
    let width = slot_width(i);
    let target = slot(c, width, 0)?;
    let code_selector = slot(c, width, 1)? as u16;
    let image = slot(c, width, 2)?;
    let stack = slot(c, width, 3)?;
    let stack_selector = slot(c, width, 4)? as u16;
    let code = return_code(c, code_selector)?;
    let cpl = requested_privilege(code_selector);
    let stack_segment = stack_segment(c, stack_selector, cpl)?;
    check_target(c, target)?;
    let cpu = &mut c.machine.cpu;
    cpu.rflags = returned_flags(cpu.cpl, cpu.rflags, image, width);
    commit(c, code, target);
    descriptor::load(c.machine, c.observer, SegmentRegister::Ss, stack_segment);
    set(&mut c.machine.cpu, Register::Rsp, stack);
    Ok(())
}

/// Loads CS and RIP. A move to a lower privilege drops the data segments of the higher one.
fn commit(c: &mut Context<'_>, code: Segment, target: u64) {
    let cpl = requested_privilege(code.selector);
    if cpl > c.machine.cpu.cpl {
        drop_data_segments(c, cpl);
    }
    descriptor::load(c.machine, c.observer, SegmentRegister::Cs, code);
    c.machine.cpu.cpl = cpl;
    c.machine.cpu.rip = target;
}

/// Far RET to the same or an outer level; to an outer level it pops SS and RSP too.
pub(super) fn retf(c: &mut Context<'_>, i: &Instruction) -> Done {
    let width = slot_width(i);
    let size = u64::from(width.bytes());
    let released = match i.code() {
        Code::Retfq_imm16 | Code::Retfd_imm16 | Code::Retfw_imm16 => u64::from(i.immediate16()),
        _ => 0,
    };
    let target = slot(c, width, 0)?;
    let selector = slot(c, width, 1)? as u16;
    let code = return_code(c, selector)?;
    let cpl = requested_privilege(selector);
    let above = get(&c.machine.cpu, Register::Rsp).wrapping_add(2 * size + released);
    if cpl == c.machine.cpu.cpl {
        check_target(c, target)?;
        commit(c, code, target);
        set(&mut c.machine.cpu, Register::Rsp, above);
        return Ok(());
    }
    let stack = load_stack(c, above, width)?;
    let stack_selector = load_stack(c, above.wrapping_add(size), width)? as u16;
    let stack_segment = stack_segment(c, stack_selector, cpl)?;
    check_target(c, target)?;
    commit(c, code, target);
    descriptor::load(c.machine, c.observer, SegmentRegister::Ss, stack_segment);
    set(&mut c.machine.cpu, Register::Rsp, stack.wrapping_add(released));
    Ok(())
}

/// The far pointer in memory and its code segment at the current level. Call gates are not modelled.
fn far_target(c: &mut Context<'_>, i: &Instruction) -> Result<(Segment, u64), Fault> {
    let width = slot_width(i);
    let address = operand::linear(&c.machine.cpu, i);
    let target = operand::load_at(c, i, address, width)?;
    let at_selector = address.wrapping_add(u64::from(width.bytes()));
    let selector = operand::load_at(c, i, at_selector, Width::Word)? as u16;
    let refuse = |exception, cause| Err(selector_fault(exception, selector, cause));
    if is_null(selector) {
        return Err(Fault::general_protection("the code segment of a far branch is null"));
    }
    let descriptor = descriptor::require(c.machine, c.observer, selector)?;
    let cpl = c.machine.cpu.cpl;
    let (privilege, requested) = (descriptor.privilege(), requested_privilege(selector));
    let admitted = match descriptor.kind() {
        Kind::Code { conforming: true, .. } => privilege <= cpl,
        Kind::Code { .. } => requested <= cpl && privilege == cpl,
        Kind::CallGate => return Err(Fault::invalid_opcode("call gates are not modelled")),
        _ => false,
    };
    if !admitted {
        return refuse(Exception::GeneralProtection, "the far branch leads to no code segment of this level");
    }
    if !descriptor.present() {
        return refuse(Exception::SegmentNotPresent, "the code segment of a far branch is not present");
    }
    check_target(c, target)?;
    let code = code_segment(c, selector & !3 | u16::from(cpl), descriptor)?;
    Ok((code, target))
}

/// JMP, far.
pub(super) fn jmp_far(c: &mut Context<'_>, i: &Instruction) -> Done {
    let (code, target) = far_target(c, i)?;
    commit(c, code, target);
    Ok(())
}

/// CALL, far: pushes CS, then RIP.
pub(super) fn call_far(c: &mut Context<'_>, i: &Instruction) -> Done {
    let (code, target) = far_target(c, i)?;
    let width = slot_width(i);
    let before = get(&c.machine.cpu, Register::Rsp);
    let lower = before.wrapping_sub(2 * u64::from(width.bytes()));
    operand::modify_at(c, i, lower, width, &mut |old| old).map_err(operand::as_stack_fault)?;
    let selector = c.machine.cpu.segments[SegmentRegister::Cs as usize].selector;
    push_value(c, width, u64::from(selector))?;
    push_value(c, width, c.machine.cpu.rip)?;
    commit(c, code, target);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rflags::{IF, IOPL, VM};
    use crate::testbed::DEFINED;

    /// Every CPL, IOPL and width, flag by flag.
    #[test]
    fn iret_changes_the_flags_that_the_manual_lets_it() {
        for cpl in 0..=3u8 {
            for iopl in 0..=3u8 {
                for width in [Width::Word, Width::Doubleword, Width::Quadword] {
                    let before = FIXED | u64::from(iopl) << 12;
                    let after = returned_flags(cpl, before, DEFINED & !IOPL, width);
                    let changed = before ^ after;
                    assert_eq!(changed & IF != 0, cpl <= iopl);
                    assert_eq!(changed & VM, 0);
                    let virtual_interrupts = if cpl == 0 && width != Width::Word { VIF | VIP } else { 0 };
                    assert_eq!(changed & (VIF | VIP), virtual_interrupts);
                    assert_eq!(changed & IOPL != 0, cpl == 0 && iopl != 0);
                    assert_eq!(changed & (RF | AC | ID) != 0, width != Width::Word);
                }
            }
        }
    }
}
