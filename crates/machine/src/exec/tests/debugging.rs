//! Single-stepping and breakpoints.

use super::{fault_of, get, set, stack_word, step};
use crate::cpu::Shadow;
use crate::event::debug::{BD, BS, DR6, DR6_FIXED, DR7, GENERAL_DETECT};
use crate::exec::string::ITERATIONS;
use crate::rflags::{FIXED, RF, TF};
use crate::testbed::{CODE, DATA, KERNEL_SS, STACK, USER_CODE, handler, with_code, with_user_code};
use crate::{Event, Exception, Machine, Register, deliver};

/// A breakpoint in DR0 with the R/W and LEN fields of DR7.
fn arm(machine: &mut Machine, address: u64, condition: u64, length: u64) {
    machine.cpu.debug[0] = address;
    machine.cpu.debug[DR7] = 0x401 | condition << 16 | length << 18;
}

#[test]
fn tf_traps_after_each_instruction_and_the_handler_runs_freely() {
    let mut machine = with_code(&[0x90, 0x90]);
    machine.cpu.rflags |= TF;
    assert_eq!(step(&mut machine), ["nop", "retired", "#DB from 0 at 0x10001 ist 0"]);
    assert_eq!(machine.cpu.debug[DR6], DR6_FIXED | BS);
    assert_eq!(stack_word(&machine, 2), FIXED | TF, "the frame keeps TF and has no RF");
    assert_eq!(machine.cpu.rflags & TF, 0);
}

#[test]
fn popf_that_sets_tf_traps_one_instruction_later_and_one_that_clears_it_still_traps() {
    // popfq; nop
    let mut machine = with_code(&[0x9d, 0x90]);
    set(&mut machine, Register::Rsp, STACK - 8);
    machine.memory.write_u64(STACK - 8, FIXED | TF);
    assert_eq!(step(&mut machine), ["popfq", "retired"]);
    assert_eq!(step(&mut machine), ["nop", "retired", "#DB from 0 at 0x10002 ist 0"]);

    let mut machine = with_code(&[0x9d, 0x90]);
    set(&mut machine, Register::Rsp, STACK - 8);
    machine.memory.write_u64(STACK - 8, FIXED);
    machine.cpu.rflags |= TF;
    assert_eq!(step(&mut machine), ["popfq", "retired", "#DB from 0 at 0x10001 ist 0"]);
}

#[test]
fn syscall_and_sysret_trap_by_the_flags_they_load() {
    let mut machine = with_user_code(&[0x0f, 0x05]);
    machine.cpu.rflags |= TF;
    assert_eq!(step(&mut machine), ["syscall", "retired"], "IA32_FMASK clears TF");

    let mut machine = with_user_code(&[0x0f, 0x05]);
    machine.cpu.rflags |= TF;
    machine.cpu.msr.fmask = 0;
    assert_eq!(step(&mut machine), ["syscall", "retired", "#DB from 0 at 0x10800 ist 0"]);

    let mut machine = with_code(&[0x48, 0x0f, 0x07]);
    set(&mut machine, Register::Rcx, USER_CODE);
    set(&mut machine, Register::R11, FIXED | TF);
    assert_eq!(step(&mut machine), ["sysretq", "retired", "#DB from 3 at 0x100000 ist 0"]);
}

#[test]
fn int_n_does_not_trap_by_tf() {
    let mut machine = with_code(&[0xcc]);
    machine.cpu.rflags |= TF;
    assert_eq!(step(&mut machine), ["int3", "retired", "int 0x3 from 0 at 0x10001 ist 0"]);
}

#[test]
fn int1_is_a_debug_exception_without_causes() {
    let mut machine = with_user_code(&[0xf1]);
    crate::testbed::set_gate(&mut machine, 1, 0xe, 0, 0);
    assert_eq!(step(&mut machine), ["int1", "retired", "#DB from 3 at 0x100001 ist 0"], "DPL does not count");
    assert_eq!(machine.cpu.debug[DR6], DR6_FIXED);
}

#[test]
fn repeated_instructions_trap_after_each_repetition() {
    let mut machine = with_code(&[0xf3, 0xaa]);
    set(&mut machine, Register::Rcx, 2);
    set(&mut machine, Register::Rdi, DATA);
    machine.cpu.rflags |= TF;
    assert_eq!(step(&mut machine), ["stosb", "retired", "#DB from 0 at 0x10000 ist 0"]);
    assert_eq!(get(&machine, Register::Rcx), 1);
}

/// At REP LODSB, after the repetitions of one step, with `left` to go.
fn repeating(left: u64) -> Machine {
    let mut machine = with_code(&[0xf3, 0xac]);
    set(&mut machine, Register::Rcx, u64::from(ITERATIONS) + left);
    set(&mut machine, Register::Rsi, CODE);
    assert_eq!(step(&mut machine), ["lodsb", "retired"]);
    machine
}

/// SDM vol. 3B 17.3.1.1.
#[test]
fn between_repetitions_rf_is_pushed_set_and_after_the_last_as_it_is() {
    for (count, resume) in [(2, RF), (1, 0)] {
        let mut machine = with_code(&[0xf3, 0xaa]);
        set(&mut machine, Register::Rcx, count);
        set(&mut machine, Register::Rdi, DATA);
        machine.cpu.rflags |= TF | RF;
        step(&mut machine);
        assert_eq!(stack_word(&machine, 2), FIXED | TF | resume, "a trap, {count} repetitions left");
    }
    for (left, resume) in [(2, RF), (0, 0)] {
        let mut machine = repeating(left);
        deliver(&mut machine, Event::Exception(Exception::Nmi), None, &mut ()).unwrap();
        assert_eq!(stack_word(&machine, 2), FIXED | resume, "an NMI, {left} repetitions left");
    }
}

#[test]
fn an_instruction_breakpoint_hits_a_repeated_instruction_once() {
    let mut machine = repeating(2);
    arm(&mut machine, CODE, 0, 0);
    assert_eq!(step(&mut machine), ["lodsb", "retired"]);
    assert_eq!((machine.cpu.rip, machine.cpu.rflags & RF), (CODE + 2, 0));
}

#[test]
fn only_general_detection_pushes_rf_of_the_debug_exceptions() {
    // mov %rax,%dr6
    let mut machine = with_code(&[0x0f, 0x23, 0xf0]);
    machine.cpu.debug[DR7] |= GENERAL_DETECT;
    step(&mut machine);
    assert_eq!(stack_word(&machine, 2) & RF, RF, "a fault, and no instruction breakpoint");
    for code in [&[0xcd, 0x80][..], &[0xcc], &[0xf1]] {
        let mut machine = with_code(code);
        machine.cpu.rflags |= RF;
        step(&mut machine);
        assert_eq!(stack_word(&machine, 2) & RF, 0, "software clears it at its start: {code:02x?}");
    }
}

#[test]
fn instruction_breakpoints_fault_before_and_heed_rf() {
    let mut machine = with_code(&[0x90, 0x90]);
    arm(&mut machine, CODE, 0, 0);
    let mut resumed = machine.clone();
    assert_eq!(step(&mut machine), ["#DB", "#DB from 0 at 0x10000 ist 0"]);
    assert_eq!(machine.cpu.debug[DR6], DR6_FIXED | 1);
    assert_eq!(stack_word(&machine, 2), FIXED, "RF is left to software");

    resumed.cpu.rflags |= RF;
    assert_eq!(step(&mut resumed), ["nop", "retired"]);
    assert_eq!(resumed.cpu.rflags & RF, 0, "RF lasts for one instruction");
}

#[test]
fn iret_can_load_rf_and_so_step_over_a_breakpoint() {
    let mut machine = with_code(&[0x90]);
    machine.memory.write_bytes(handler(1), &[0x48, 0xcf]);
    arm(&mut machine, CODE, 0, 0);
    step(&mut machine);
    let rflags = get(&machine, Register::Rsp) + 16;
    let image = machine.memory.read_u64(rflags);
    machine.memory.write_u64(rflags, image | RF);
    assert_eq!(step(&mut machine), ["iretq", "retired"]);
    assert_eq!(step(&mut machine), ["nop", "retired"]);
}

#[test]
fn data_breakpoints_trap_after_the_access() {
    // mov %rax,(%rbx)
    let mut machine = with_code(&[0x48, 0x89, 0x03]);
    set(&mut machine, Register::Rbx, DATA);
    set(&mut machine, Register::Rax, 7);
    arm(&mut machine, DATA + 4, 1, 3);
    assert_eq!(step(&mut machine), ["mov", "retired", "#DB from 0 at 0x10003 ist 0"]);
    assert_eq!(machine.cpu.debug[DR6], DR6_FIXED | 1);
    assert_eq!(machine.memory.read_u64(DATA), 7);
}

#[test]
fn a_data_breakpoint_stops_a_repeated_instruction_after_the_repetition_that_hit_it() {
    let mut machine = with_code(&[0xf3, 0xaa]);
    set(&mut machine, Register::Rcx, 100);
    set(&mut machine, Register::Rdi, DATA);
    arm(&mut machine, DATA + 2, 1, 0);
    assert_eq!(step(&mut machine), ["stosb", "retired", "#DB from 0 at 0x10000 ist 0"]);
    assert_eq!(machine.cpu.debug[DR6], DR6_FIXED | 1);
    assert_eq!((get(&machine, Register::Rcx), get(&machine, Register::Rdi)), (97, DATA + 3));
    assert_eq!(stack_word(&machine, 2), FIXED | RF);
    machine.memory.write_bytes(handler(1), &[0x48, 0xcf]);
    assert_eq!(step(&mut machine), ["iretq", "retired"]);
    assert_eq!(step(&mut machine), ["stosb", "retired"]);
    assert_eq!((get(&machine, Register::Rcx), machine.cpu.rip), (0, CODE + 2));
}

#[test]
fn a_faulting_instruction_forgets_its_data_breakpoints() {
    // pop (%rbx): the read of the stack succeeds, the store faults.
    let mut machine = with_code(&[0x8f, 0x03]);
    set(&mut machine, Register::Rsp, STACK - 8);
    set(&mut machine, Register::Rbx, crate::testbed::UNMAPPED);
    arm(&mut machine, STACK - 8, 3, 2);
    assert_eq!(step(&mut machine), ["pop", "#PF(2)", "#PF from 0 at 0x10000 ist 0"]);
    assert_eq!(machine.cpu.events.debug_pending, 0);
}

/// CVE-2018-8897: a breakpoint hit by MOV SS waits for one instruction. If that is INT3, #DB strikes in the handler of
/// INT3.
#[test]
fn a_debug_trap_of_mov_ss_strikes_after_the_next_instruction() {
    // mov (%rbx),%ss; int3
    let mut machine = with_user_code(&[0x8e, 0x13, 0xcc]);
    set(&mut machine, Register::Rbx, crate::testbed::USER_DATA);
    let user_ss = crate::testbed::USER_SS;
    machine.memory.write_u16(crate::testbed::USER_DATA, user_ss);
    arm(&mut machine, crate::testbed::USER_DATA, 3, 1);
    assert_eq!(step(&mut machine), ["mov", "retired"]);
    assert_eq!((machine.cpu.events.shadow, machine.cpu.events.debug_pending), (Shadow::MovSs, 1));
    let expected = ["int3", "retired", "int 0x3 from 3 at 0x100003 ist 0", "#DB from 0 at 0x60030 ist 0"];
    assert_eq!(step(&mut machine), expected);
}

#[test]
fn an_instruction_breakpoint_right_after_mov_ss_is_suppressed() {
    // mov (%rbx),%ss; nop; nop
    for (breakpoint, expected) in [(CODE + 2, ""), (CODE + 3, "#DB")] {
        let mut machine = with_code(&[0x8e, 0x13, 0x90, 0x90]);
        set(&mut machine, Register::Rbx, DATA);
        machine.memory.write_u16(DATA, KERNEL_SS);
        arm(&mut machine, breakpoint, 0, 0);
        let faults = [fault_of(&mut machine), fault_of(&mut machine), fault_of(&mut machine)];
        assert_eq!(faults, ["", "", expected]);
    }
    // sti; nop
    let mut machine = with_code(&[0xfb, 0x90]);
    arm(&mut machine, CODE + 1, 0, 0);
    assert_eq!([fault_of(&mut machine), fault_of(&mut machine)], ["", "#DB"], "the shadow of STI suppresses none");
}

#[test]
fn debug_registers_have_fixed_bits_and_can_be_guarded() {
    // mov %rax,%dr6; mov %dr6,%rcx; mov %rax,%dr7; mov %dr7,%rdx
    let mut machine = with_code(&[0x0f, 0x23, 0xf0, 0x0f, 0x21, 0xf1, 0x0f, 0x23, 0xf8, 0x0f, 0x21, 0xfa]);
    (0..3).for_each(|_| assert_eq!(fault_of(&mut machine), ""));
    assert_eq!(get(&machine, Register::Rcx), DR6_FIXED);
    assert_eq!(machine.cpu.debug[DR7], 0x400);
    machine.cpu.debug[DR7] |= 1 << 13;
    assert_eq!(fault_of(&mut machine), "#DB", "DR7.GD");
    assert_eq!(machine.cpu.debug[DR6], DR6_FIXED | BD);
    assert_eq!(machine.cpu.debug[DR7], 0x400, "delivery clears GD");
    let mut machine = with_code(&[0x0f, 0x23, 0xf0]);
    set(&mut machine, Register::Rax, 1 << 32);
    assert_eq!(fault_of(&mut machine), "#GP(0)");
    assert_eq!(fault_of(&mut with_user_code(&[0x0f, 0x23, 0xf0])), "#GP(0)");
}

#[test]
fn mov_ss_at_level_0_needs_a_stack_segment_of_level_0() {
    for (selector, expected) in
        [(KERNEL_SS, ""), (0, ""), (3, "#GP(0)"), (0x2b, "#GP(28)"), (0x10, "#GP(10)"), (0x1c, "#GP(1c)")]
    {
        let mut machine = with_code(&[0x8e, 0xd0]);
        set(&mut machine, Register::Rax, selector.into());
        assert_eq!(fault_of(&mut machine), expected, "{selector:#x}");
    }
}
