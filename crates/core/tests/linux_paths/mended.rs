//! Faults that entry code itself takes and fixes up.

use crate::support::{ALL_ON, Run, all_features};
use cr3_core::linux::layout::{
    ENTRY_STACK, PER_CPU, PER_CPU_PHYSICAL, PERCPU_ENTRY_STACK, THREAD_STACK, THREAD_STACK_PHYSICAL,
};
use cr3_core::linux::{Form, Half, Handler, Stack, describe_stack, tables_half};
use cr3_core::machine::{Exception, Register, SegmentRegister};

/// Kernel mode as handlers expect it.
#[track_caller]
fn assert_kernel_context(run: &Run) {
    let cpu = &run.machine.cpu;
    assert_eq!(tables_half(cpu.cr3), Half::Kernel);
    assert_eq!(cpu.segments[SegmentRegister::Gs as usize].base, PER_CPU);
    assert_eq!(describe_stack(cpu.registers[Register::Rsp as usize]), Some(Stack::Thread));
}

#[test]
fn an_iret_that_faults_looks_like_a_fault_of_the_user() {
    for features in all_features() {
        let mut run = Run::new(features, Form::E, Handler::Quiet);
        run.run_to("user_breakpoint");
        run.run_to("native_irq_return_iret");
        // A data selector in place of CS.
        let frame = run.machine.cpu.registers[Register::Rsp as usize];
        let physical = match describe_stack(frame) {
            Some(Stack::Entry) => PER_CPU_PHYSICAL + PERCPU_ENTRY_STACK + frame - ENTRY_STACK,
            stack => {
                assert_eq!((stack, features.pti), (Some(Stack::Thread), false));
                THREAD_STACK_PHYSICAL + frame - THREAD_STACK
            }
        };
        run.machine.memory.write_u64(physical + 8, 0x2b);
        run.run_to("exc_general_protection");
        assert_eq!(run.log.faults.last().map(|fault| fault.exception), Some(Exception::GeneralProtection));
        assert_kernel_context(&run);
        assert_eq!(run.run_to_end(), "task_killed", "{features:?}");
    }
}

#[test]
fn a_bad_gs_selector_faults_with_the_users_gs_base_and_becomes_null() {
    let mut run = Run::new(ALL_ON, Form::E, Handler::Quiet);
    run.run_to("kernel_loop");
    let go_on = run.address("kernel_loop_end");
    let cpu = &mut run.machine.cpu;
    cpu.registers[Register::Rsp as usize] -= 8;
    cpu.registers[Register::Rdi as usize] = 0xfff8;
    let stack = cpu.registers[Register::Rsp as usize];
    run.machine.memory.write_u64(THREAD_STACK_PHYSICAL + stack - THREAD_STACK, go_on);
    run.machine.cpu.rip = run.address("asm_load_gs_index");
    run.run_to("exc_general_protection");
    assert_kernel_context(&run);
    run.run_to("kernel_loop_end");
    assert_kernel_context(&run);
    assert_eq!(run.machine.cpu.segments[SegmentRegister::Gs as usize].selector, 0);
    assert_eq!(run.machine.cpu.msr.kernel_gs_base, 0, "a null selector clears the user's base");
}

#[test]
fn a_page_fault_of_the_kernel_that_nothing_mends_ends_the_run() {
    let mut run = Run::new(ALL_ON, Form::E, Handler::Quiet);
    run.run_to("kernel_loop");
    run.machine.cpu.registers[Register::Rdi as usize] = 0x1000;
    assert_eq!(run.run_to_end(), "kernel_panic");
}

#[test]
fn a_fault_of_the_program_outside_its_memory_ends_it() {
    let mut run = Run::new(ALL_ON, Form::E, Handler::Quiet);
    run.run_to("user_loop");
    run.machine.cpu.registers[Register::Rbx as usize] = 0x1000;
    assert_eq!(run.run_to_end(), "task_killed");
}
