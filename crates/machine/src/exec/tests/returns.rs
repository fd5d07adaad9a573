//! IRET, SYSCALL, SYSRET and far transfers across privilege levels.

use super::{fault_of, get, set, step};
use crate::bits::efer;
use crate::rflags::{AC, CF, DF, FIXED, ID, IF, IOPL, NT, RF, TF, VIF, VM};
use crate::testbed::{
    CODE, DATA, KERNEL_CS, KERNEL_SS, STACK, USER_CODE, USER_CS, USER_SS, USER_STACK, with_code, with_user_code,
};
use crate::{Machine, Register, Segment, SegmentRegister};

const IRETQ: &[u8] = &[0x48, 0xcf];
const RETFQ: &[u8] = &[0x48, 0xcb];
const SYSCALL: &[u8] = &[0x0f, 0x05];
const SYSRETQ: &[u8] = &[0x48, 0x0f, 0x07];

/// Puts `words` on the stack, the first at RSP.
fn push(machine: &mut Machine, top: u64, words: &[u64]) {
    let rsp = top - 8 * words.len() as u64;
    for (nth, word) in (0u64..).zip(words) {
        machine.memory.write_u64(rsp + 8 * nth, *word);
    }
    set(machine, Register::Rsp, rsp);
}

fn returning(code: &[u8], words: &[u64]) -> Machine {
    let mut machine = with_code(code);
    push(&mut machine, STACK, words);
    machine
}

fn segment(machine: &Machine, register: SegmentRegister) -> Segment {
    machine.cpu.segments[register as usize]
}

#[test]
fn iret_to_user_mode_loads_everything() {
    let flags = FIXED | IF | CF | 3 << 12;
    let mut machine = returning(IRETQ, &[USER_CODE, USER_CS.into(), flags, USER_STACK, USER_SS.into()]);
    assert_eq!(step(&mut machine), ["iretq", "retired"]);
    assert_eq!((machine.cpu.cpl, machine.cpu.rip, machine.cpu.rflags), (3, USER_CODE, flags));
    assert_eq!(get(&machine, Register::Rsp), USER_STACK);
    assert_eq!(segment(&machine, SegmentRegister::Cs).attributes, 0xa0fb);
    assert_eq!(segment(&machine, SegmentRegister::Ss).selector, USER_SS);
}

#[test]
fn iret_within_a_level_pops_the_stack_pointer_too() {
    for ss in [KERNEL_SS, 0] {
        let mut machine = returning(IRETQ, &[CODE + 0x100, KERNEL_CS.into(), FIXED, DATA, ss.into()]);
        assert_eq!(fault_of(&mut machine), "");
        assert_eq!((machine.cpu.cpl, machine.cpu.rip, get(&machine, Register::Rsp)), (0, CODE + 0x100, DATA));
        assert_eq!(segment(&machine, SegmentRegister::Ss).selector, ss);
    }
    let mut machine = with_user_code(IRETQ);
    push(&mut machine, USER_STACK, &[USER_CODE + 8, USER_CS.into(), FIXED, USER_STACK, USER_SS.into()]);
    assert_eq!(fault_of(&mut machine), "");
    assert_eq!(machine.cpu.rip, USER_CODE + 8);
}

#[test]
fn iret_refuses_bad_frames_and_changes_nothing() {
    let (user_cs, user_ss) = (u64::from(USER_CS), u64::from(USER_SS));
    let (kernel_cs, kernel_ss) = (u64::from(KERNEL_CS), u64::from(KERNEL_SS));
    for (rip, cs, ss, expected) in [
        (USER_CODE, 0, user_ss, "#GP(0)"),
        (USER_CODE, 0x1003, user_ss, "#GP(1000)"),
        (USER_CODE, 0x3b, user_ss, "#GP(38)"),
        (USER_CODE, user_ss, user_ss, "#GP(28)"),
        (USER_CODE, kernel_cs | 3, user_ss, "#GP(10)"),
        (USER_CODE, user_cs & !3, kernel_ss, "#GP(30)"),
        (USER_CODE, user_cs | 4, user_ss, "#GP(34)"),
        (USER_CODE, user_cs, 0, "#GP(0)"),
        (USER_CODE, user_cs, 3, "#GP(0)"),
        (USER_CODE, user_cs, kernel_ss, "#GP(18)"),
        (USER_CODE, user_cs, user_cs, "#GP(30)"),
        (USER_CODE, kernel_cs, user_ss, "#GP(28)"),
        (1 << 47, user_cs, user_ss, "#GP(0)"),
        (1 << 47, kernel_cs, kernel_ss, "#GP(0)"),
        (USER_CODE, 0x23, user_ss, "#UD"),
    ] {
        let mut machine = returning(IRETQ, &[rip, cs, FIXED, USER_STACK, ss]);
        let before = machine.cpu.clone();
        assert_eq!(fault_of(&mut machine), expected, "{cs:#x} {ss:#x}");
        assert_eq!(machine.cpu.segments, before.segments, "{cs:#x} {ss:#x}");
        assert_eq!(machine.cpu.cpl, 0);
    }
    let mut machine = with_user_code(IRETQ);
    push(&mut machine, USER_STACK, &[CODE, KERNEL_CS.into(), FIXED, STACK, KERNEL_SS.into()]);
    assert_eq!(fault_of(&mut machine), "#GP(10)", "not to a more privileged level");
}

#[test]
fn iret_needs_its_whole_frame_and_no_nested_task() {
    let mut machine = with_code(IRETQ);
    set(&mut machine, Register::Rsp, crate::testbed::UNMAPPED - 32);
    crate::testbed::set_gate(&mut machine, 14, 0xe, 0, 1);
    assert_eq!(fault_of(&mut machine), "#PF(0)");
    let mut machine = returning(IRETQ, &[CODE, KERNEL_CS.into(), FIXED, STACK, KERNEL_SS.into()]);
    machine.cpu.rflags |= NT;
    assert_eq!(fault_of(&mut machine), "#GP(0)");
}

#[test]
fn user_mode_cannot_raise_its_rights_by_popf_or_iret() {
    let image = FIXED | IF | IOPL | VM | VIF | RF | NT | AC | ID | DF | CF;
    // popfq
    let mut machine = with_user_code(&[0x9d]);
    push(&mut machine, USER_STACK, &[image]);
    assert_eq!(fault_of(&mut machine), "");
    assert_eq!(machine.cpu.rflags, FIXED | NT | AC | ID | DF | CF);

    let mut machine = with_user_code(IRETQ);
    push(&mut machine, USER_STACK, &[USER_CODE, USER_CS.into(), image, USER_STACK, USER_SS.into()]);
    assert_eq!(fault_of(&mut machine), "");
    assert_eq!(machine.cpu.rflags, FIXED | NT | AC | ID | DF | CF | RF);
}

#[test]
fn leaving_level_0_drops_its_data_segments_but_not_bases_of_null_ones() {
    let mut machine = returning(IRETQ, &[USER_CODE, USER_CS.into(), FIXED, USER_STACK, USER_SS.into()]);
    let kernel = segment(&machine, SegmentRegister::Ss);
    let user = Segment { selector: USER_SS, attributes: 0xc0f3, ..kernel };
    let based = Segment { base: 0x1234, ..Segment::default() };
    machine.cpu.segments[SegmentRegister::Ds as usize] = kernel;
    machine.cpu.segments[SegmentRegister::Es as usize] = user;
    machine.cpu.segments[SegmentRegister::Gs as usize] = based;
    assert_eq!(fault_of(&mut machine), "");
    assert_eq!(segment(&machine, SegmentRegister::Ds), Segment::default());
    assert_eq!(segment(&machine, SegmentRegister::Es), user);
    assert_eq!(segment(&machine, SegmentRegister::Gs), based);
}

#[test]
fn syscall_saves_what_sysret_restores() {
    let mut machine = with_user_code(SYSCALL);
    machine.memory.write_bytes(machine.cpu.msr.lstar, SYSRETQ);
    machine.cpu.rflags = FIXED | IF | DF | CF;
    let before = machine.cpu.clone();
    assert_eq!(step(&mut machine), ["syscall", "retired"]);
    let cpu = &machine.cpu;
    assert_eq!((cpu.cpl, cpu.rip, cpu.rflags), (0, cpu.msr.lstar, FIXED | CF), "FMASK clears IF and DF");
    assert_eq!(get(&machine, Register::Rcx), USER_CODE + 2);
    assert_eq!(get(&machine, Register::R11), before.rflags);
    assert_eq!(get(&machine, Register::Rsp), USER_STACK, "the stack stays");
    assert_eq!(segment(&machine, SegmentRegister::Cs).selector, KERNEL_CS);
    assert_eq!(segment(&machine, SegmentRegister::Ss).selector, KERNEL_SS);
    assert_eq!(step(&mut machine), ["sysretq", "retired"]);
    assert_eq!((machine.cpu.cpl, machine.cpu.rip), (3, USER_CODE + 2));
    assert_eq!(machine.cpu.segments, before.segments);
    assert_eq!(machine.cpu.rflags, before.rflags);
}

#[test]
fn sysret_is_guarded() {
    let mut machine = with_code(SYSRETQ);
    set(&mut machine, Register::Rcx, 1 << 47);
    set(&mut machine, Register::Rsp, USER_STACK);
    assert_eq!(step(&mut machine), ["sysretq", "#GP(0)", "#GP from 0 at 0x10000 ist 0"], "at CPL 0");
    assert_eq!(fault_of(&mut with_user_code(SYSRETQ)), "#GP(0)");
    for code in [SYSCALL, SYSRETQ] {
        let mut machine = with_code(code);
        machine.cpu.efer &= !efer::SCE;
        assert_eq!(fault_of(&mut machine), "#UD");
    }
    let mut machine = with_code(SYSRETQ);
    set(&mut machine, Register::R11, !TF);
    assert_eq!(fault_of(&mut machine), "");
    assert_eq!(machine.cpu.rflags, 0x3c_7fd7 & !TF);
    // sysretl
    assert_eq!(fault_of(&mut with_code(&[0x0f, 0x07])), "#UD", "compatibility mode is not modelled");
}

#[test]
fn far_returns_go_within_a_level_and_outwards() {
    let mut machine = returning(RETFQ, &[CODE + 0x40, KERNEL_CS.into(), 7]);
    assert_eq!(fault_of(&mut machine), "");
    assert_eq!((machine.cpu.rip, get(&machine, Register::Rsp)), (CODE + 0x40, STACK - 8));

    // lretq $8: it releases the bytes on both stacks.
    let words = [USER_CODE, USER_CS.into(), 0, USER_STACK - 0x100, USER_SS.into()];
    let mut machine = returning(&[0x48, 0xca, 8, 0], &words);
    assert_eq!(fault_of(&mut machine), "");
    assert_eq!((machine.cpu.cpl, machine.cpu.rip), (3, USER_CODE));
    assert_eq!(get(&machine, Register::Rsp), USER_STACK - 0x100 + 8);
}

/// SDM vol. 2, RET, IA-32e-MODE-RETURN-TO-OUTER-PRIVILEGE-LEVEL: the instruction checks the stack segment before the
/// target.
#[test]
fn a_far_return_outwards_checks_its_stack_first() {
    let faults = |stack_selector: u16, target| {
        let words = [target, USER_CS.into(), USER_STACK - 0x100, stack_selector.into()];
        fault_of(&mut returning(RETFQ, &words))
    };
    assert_eq!(faults(0xfff8 | 3, 1 << 47), "#GP(fff8)");
    assert_eq!(faults(USER_SS, 1 << 47), "#GP(0)");
    assert_eq!(faults(USER_SS, USER_CODE), "");
}

#[test]
fn far_jumps_and_calls_need_code_of_this_level() {
    for (selector, expected) in [(KERNEL_CS, ""), (USER_CS, "#GP(30)"), (KERNEL_SS, "#GP(18)"), (0, "#GP(0)")] {
        // rex.w ljmp *(%rbx); rex.w lcall *(%rbx)
        for (code, pushed) in [([0x48, 0xff, 0x2b], false), ([0x48, 0xff, 0x1b], true)] {
            let mut machine = with_code(&code);
            set(&mut machine, Register::Rbx, DATA);
            machine.memory.write_u64(DATA, CODE + 0x80);
            machine.memory.write_u16(DATA + 8, selector);
            assert_eq!(fault_of(&mut machine), expected);
            if expected.is_empty() {
                assert_eq!(machine.cpu.rip, CODE + 0x80);
                let words = [CODE + 3, KERNEL_CS.into()];
                let rsp = if pushed { STACK - 16 } else { STACK };
                assert_eq!(get(&machine, Register::Rsp), rsp);
                assert!(!pushed || [0, 1].map(|nth| super::stack_word(&machine, nth)) == words);
            }
        }
    }
}
