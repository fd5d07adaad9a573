//! The run without interruptions: system calls by both exits, exceptions from user and from kernel.

use crate::support::{ALL_ON, FORMS, HANDLERS, Run, all_features};
use cr3_core::geometry::Geometry;
use cr3_core::linux::layout::{TASK_SIZE_MAX, TIMER_VECTOR, USER_GS_BASE, USER_LAZY_PAGE, USER_UNMAPPED};
use cr3_core::linux::{self, Config, Form, Handler};
use cr3_core::machine::control::current_pcid;
use cr3_core::machine::observe::Cr3Flush;
use cr3_core::machine::{Event, Exception, Register, SegmentRegister, deliver, refusal_reason, step};
use iced_x86::Mnemonic::{Iretq, Sysretq};

#[test]
fn every_combination_runs_to_its_end() {
    // Nothing calls the macro or the handler here. Each must assemble and link with every combination of features.
    let forms = FORMS.into_iter().map(|form| (form, Handler::Quiet));
    let handlers = HANDLERS.map(|handler| (Form::E, handler));
    let texts: Vec<_> = forms.chain(handlers).collect();
    for features in all_features() {
        for &(form, handler) in &texts {
            let mut run = Run::new(features, form, handler);
            assert_eq!(run.run_to_end(), "run_end", "{features:?} {form:?} {handler:?}");
            check_memory(&run);
        }
    }
}

/// The counts of the program and of the kernel.
#[track_caller]
fn check_memory(run: &Run) {
    assert_eq!(run.user_word(16), 8, "the system call's result");
    assert_eq!(run.user_word(24), 2, "breakpoints of the program");
    assert_eq!(run.user_word(32).cast_signed(), -14, "-EFAULT");
    assert_eq!(run.per_cpu("breakpoint_hits"), 4, "two in the program, two in the kernel");
    assert_eq!(run.mask(), 0);
}

#[test]
fn cr3_is_written_once_for_each_way_in_and_out() {
    for features in all_features() {
        let mut run = Run::new(features, Form::E, Handler::Quiet);
        run.run_to_end();
        // Five system calls and three exceptions from user mode. The last call does not return.
        let expected = if features.pti { 8 + 7 } else { 0 };
        let flush = if features.pcid { Cr3Flush::NoFlush } else { Cr3Flush::Flush };
        assert_eq!(run.log.cr3_writes.len(), expected, "{features:?}");
        assert!(run.log.cr3_writes.iter().all(|write| write.flush == flush), "{features:?}");
    }
}

#[test]
fn user_mode_is_left_and_entered_as_the_program_says() {
    let mut run = Run::new(ALL_ON, Form::E, Handler::Quiet);
    assert_eq!(run.run_to_end(), "run_end");
    let delivered: Vec<_> = run.log.delivered.iter().map(|delivered| (delivered.event, delivered.from_cpl)).collect();
    let breakpoint = Event::Software(3);
    let page_fault = Event::Exception(Exception::PageFault);
    // Twice through the loop: a probe in the kernel, a breakpoint, once the page that is not present. Then the bad
    // buffer.
    assert_eq!(
        delivered,
        [(breakpoint, 0), (breakpoint, 3), (page_fault, 3), (breakpoint, 0), (breakpoint, 3), (page_fault, 0)]
    );
    let addresses: Vec<_> = run.log.faults.iter().map(|fault| fault.address).collect();
    assert_eq!(addresses, [Some(USER_LAZY_PAGE), Some(USER_UNMAPPED)]);
    assert_eq!(run.log.returns, [Sysretq, Iretq, Iretq, Sysretq, Iretq, Sysretq, Iretq]);
}

#[test]
fn user_mode_always_runs_on_the_user_half_with_its_own_gs_base() {
    for features in all_features() {
        let mut run = Run::new(features, Form::E, Handler::Quiet);
        let user_cr3 = run.machine.cpu.cr3;
        while run.step().is_ok() {
            let cpu = &run.machine.cpu;
            if cpu.cpl == 3 {
                assert_eq!(cpu.cr3, user_cr3, "{features:?} at {}", run.place());
                assert_eq!(cpu.segments[SegmentRegister::Gs as usize].base, USER_GS_BASE);
                assert!(cpu.registers[Register::Rsp as usize] < TASK_SIZE_MAX);
            }
        }
    }
}

#[test]
fn a_timer_interrupt_returns_to_user_and_to_kernel() {
    for features in all_features() {
        for label in ["user_loop", "kernel_loop"] {
            let mut run = Run::new(features, Form::E, Handler::Quiet);
            run.run_to(label);
            let before = run.machine.cpu.clone();
            let event = Event::Interrupt(TIMER_VECTOR);
            assert_eq!(refusal_reason(&run.machine.cpu, event), None);
            deliver(&mut run.machine, event, None, &mut run.log).expect("delivered");
            run.run_back_to(&before);
            assert_eq!(run.machine.cpu, before, "{features:?} {label}");
            assert_eq!(run.per_cpu("timer_ticks"), 1);
            assert_eq!(run.run_to_end(), "run_end");
        }
    }
}

#[test]
fn what_the_translation_caches_can_hold_changes_no_result() {
    let end = |geometry| {
        let config = Config { features: ALL_ON, form: Form::E, geometry, ..Config::default() };
        let mut machine = linux::boot(&config).expect("a form of the repository").machine;
        while step(&mut machine, &mut ()).is_ok() {}
        machine
    };
    let [unbounded, skylake] = [Geometry::Architectural, Geometry::Skylake].map(end);
    assert_eq!(unbounded.cpu, skylake.cpu);
    assert_eq!(unbounded.memory, skylake.memory);
    assert_ne!(unbounded.tlb, skylake.tlb);
}

/// If another PCID were current, the first switch to the kernel's would leave translations behind that it should
/// displace.
#[test]
fn the_caches_start_with_the_pcid_of_the_user_program() {
    for features in all_features() {
        let config = Config { features, form: Form::E, geometry: Geometry::Skylake, ..Config::default() };
        let machine = linux::boot(&config).expect("a form of the repository").machine;
        let mut tlb = machine.tlb.clone();
        tlb.load_pcid(&mut |_| (), current_pcid(&machine.cpu), Cr3Flush::NoFlush);
        assert_eq!(tlb, machine.tlb, "{features:?}: no change of PCID");
    }
}
