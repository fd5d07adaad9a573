//! #VC, the one exception that leaves its IST stack while it handles an interruption of the kernel.

use crate::support::{ALL_ON, Run, preserved};
use crate::windows::boundaries;
use cr3_core::linux::layout::IstStack;
use cr3_core::linux::{Features, Form, Handler, Stack, describe_stack};
use cr3_core::machine::Exception::VmmCommunication;
use cr3_core::machine::Register;
use std::collections::BTreeSet;

/// The stack on which the handler runs if #VC strikes at `label`.
fn handler_stack(label: &str, handler: &str) -> Option<Stack> {
    let mut run = Run::new(ALL_ON, &Form::E, Handler::Quiet);
    run.run_to(label);
    run.inject(VmmCommunication);
    run.run_to(handler);
    describe_stack(run.machine.cpu.registers[Register::Rsp as usize])
}

#[test]
fn the_handler_runs_on_the_interrupted_stack_if_that_can_be_trusted() {
    let kernel = "kernel_exc_vmm_communication";
    assert_eq!(handler_stack("kernel_loop", kernel), Some(Stack::Thread));
    assert_eq!(handler_stack("entry_SYSCALL_64", kernel), Some(Stack::Thread), "the user's RSP");
    assert_eq!(handler_stack("entry_SYSRETQ_unsafe_stack", kernel), Some(Stack::Thread), "the user's RSP");
    assert_eq!(handler_stack("iret_exit_user_cr3", kernel), Some(Stack::Ist(IstStack::Vc2)), "the entry stack");
    assert_eq!(handler_stack("user_loop", "user_exc_vmm_communication"), Some(Stack::Thread));
}

/// Labels near the places where a #VC does not return as if nothing had happened.
fn failing(features: Features) -> BTreeSet<String> {
    let run = Run::new(features, &Form::E, Handler::Quiet);
    let mut failing = BTreeSet::new();
    for machine in boundaries(&run) {
        let mut struck = Run { machine: machine.clone(), ..run.clone() };
        let place = struck.place();
        struck.inject(VmmCommunication);
        let panic = run.address("kernel_panic");
        struck.run_until(|now| {
            now.cpu.rip == panic || now.cpu.rip == machine.cpu.rip && now.cpu.registers[4] == machine.cpu.registers[4]
        });
        if preserved(&struck.machine.cpu) != preserved(&machine.cpu) {
            assert_eq!(struck.machine.cpu.rip, panic, "{place}");
            failing.insert(place.split('+').next().unwrap_or_default().to_owned());
        }
    }
    failing
}

#[test]
fn isolation_and_the_move_off_the_ist_stack_do_not_fit_in_the_syscall_gap() {
    // There the exit path restores the user CR3 while it runs on the thread stack, which the user half does not map.
    let expected = ["entry_SYSCALL_64", "entry_SYSRETQ_unsafe_stack"].map(str::to_owned);
    assert_eq!(failing(ALL_ON), BTreeSet::from(expected));
    assert_eq!(failing(Features { pti: false, ..ALL_ON }), BTreeSet::new());
}
