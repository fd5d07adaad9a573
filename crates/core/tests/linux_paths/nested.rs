//! A second NMI during the first. NMIs are blocked until IRET, so an exception inside the first handler must return
//! first.

use crate::support::{ALL_ON, Run, all_features, preserved};
use cr3_core::linux::{Features, Form, Handler, Stack, describe_stack};
use cr3_core::machine::Exception::{MachineCheck, Nmi};
use cr3_core::machine::{Machine, Register};

/// Every boundary from the first instruction of the NMI handler to its IRET, inclusive, except those in other handlers.
pub(crate) fn during_nmi(run: &Run) -> Vec<Machine> {
    let mut run = run.clone();
    let before = run.machine.cpu.clone();
    run.inject(Nmi);
    let mut boundaries = Vec::new();
    while run.machine.cpu.rip != before.rip {
        boundaries.push(run.machine.clone());
        run.step().expect("the handler goes on");
    }
    boundaries
}

/// A machine check whose IRET unblocks NMIs, then an NMI at the same instruction, then to the end of all handlers.
fn strike_again(run: &Run, during: &Machine, interrupted: &Machine) -> Run {
    let mut struck = Run { machine: during.clone(), ..run.clone() };
    struck.inject(MachineCheck);
    struck.run_back_to(&during.cpu);
    assert!(!struck.machine.cpu.events.nmi_blocked, "IRET unblocks NMIs");
    struck.inject(Nmi);
    struck.run_back_to(&interrupted.cpu);
    struck
}

fn check(features: Features, form: Form, label: &str) {
    let mut run = Run::new(features, form, Handler::Quiet);
    run.run_to(label);
    let interrupted = run.machine.clone();
    let from = run.address("repeat_nmi");
    let protected: Vec<_> = during_nmi(&run).into_iter().skip_while(|machine| machine.cpu.rip != from).collect();
    assert!(protected.len() > 80, "{label}: {}", protected.len());
    for during in &protected {
        let struck = strike_again(&run, during, &interrupted);
        let place = Run { machine: during.clone(), ..run.clone() }.place();
        let context = format!("{features:?} {form:?} {label}, second NMI at {place}");
        assert_eq!(preserved(&struck.machine.cpu), preserved(&interrupted.cpu), "{context}");
        assert!(!struck.machine.cpu.events.nmi_blocked, "{context}");
        assert_eq!(struck.per_cpu("nmi_count"), expected_rounds(&run, during), "{context}");
        let mut rest = struck;
        assert_eq!(rest.run_to_end(), "run_end", "{context}");
    }
}

/// Rounds of the handler for two NMIs. The first one also serves one that strikes while its frames are being copied.
fn expected_rounds(run: &Run, during: &Machine) -> u64 {
    let copying = run.address("repeat_nmi")..run.address("end_repeat_nmi");
    if copying.contains(&during.cpu.rip) { 1 } else { 2 }
}

#[test]
fn a_second_nmi_returns_to_the_first_which_returns_with_everything_restored() {
    for form in [Form::A, Form::B2, Form::C, Form::E] {
        for label in ["kernel_loop", "sysret_exit_user_cr3", "entry_SYSRETQ_unsafe_stack", "native_irq_return_iret"] {
            check(ALL_ON, form, label);
        }
    }
}

#[test]
fn nesting_works_with_every_combination_of_features() {
    for features in all_features() {
        check(features, Form::E, "kernel_loop");
        check(features, Form::E, "entry_SYSRETQ_unsafe_stack");
    }
}

#[test]
fn an_nmi_from_user_mode_leaves_the_ist_stack_before_it_calls_the_handler() {
    for features in all_features() {
        let mut run = Run::new(features, Form::E, Handler::Quiet);
        run.run_to("user_loop");
        let before = run.machine.cpu.clone();
        run.inject(Nmi);
        run.run_to("exc_nmi");
        let stack = |run: &Run| describe_stack(run.machine.cpu.registers[Register::Rsp as usize]);
        assert_eq!(stack(&run), Some(Stack::Thread), "{features:?}");
        assert!(run.machine.cpu.events.nmi_blocked);
        run.run_back_to(&before);
        assert_eq!(preserved(&run.machine.cpu), preserved(&before), "{features:?}");
        assert!(!run.machine.cpu.events.nmi_blocked, "the IRET to user mode unblocks");
    }
}

#[test]
fn before_the_frame_is_copied_a_second_nmi_loses_the_first_ones_return() {
    // Linux assumes that nothing executes an IRET there; a machine check does.
    let mut run = Run::new(ALL_ON, Form::E, Handler::Quiet);
    run.run_to("kernel_loop");
    let interrupted = run.machine.cpu.clone();
    let copied = run.address("repeat_nmi");
    let unprotected = during_nmi(&run).into_iter().take_while(|machine| machine.cpu.rip != copied);
    let mut places = 0;
    for during in unprotected {
        let mut struck = Run { machine: during.clone(), ..run.clone() };
        struck.inject(MachineCheck);
        struck.run_back_to(&during.cpu);
        struck.inject(Nmi);
        let rounds =
            (0..3000).take_while(|_| struck.step().is_ok() && struck.machine.cpu.rip != interrupted.rip).count();
        assert_eq!(rounds, 3000, "the handler repeats without end");
        places += 1;
    }
    assert!(places > 20, "{places}");
}
