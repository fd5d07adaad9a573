//! #VC, the one exception that leaves its IST stack while it handles an interruption of the kernel.

use crate::handlers::record;
use crate::support::{ALL_ON, Run, all_features, preserved};
use crate::windows::boundaries;
use cr3_core::linux::layout::{
    EXCEPTION_STACK_SIZE, IDT_PHYSICAL, IstStack, PER_CPU_PHYSICAL, PERCPU_EXCEPTION_STACKS,
};
use cr3_core::linux::{Features, Form, Handler, Stack, describe_stack};
use cr3_core::machine::Exception::{Nmi, VmmCommunication};
use cr3_core::machine::{Event, Register, refusal_reason};
use std::collections::BTreeSet;

/// The stack on which the handler runs if #VC strikes at `label`.
fn handler_stack(label: &str, handler: &str) -> Option<Stack> {
    let mut run = Run::new(ALL_ON, Form::E, Handler::Quiet);
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
    let run = Run::new(features, Form::E, Handler::Quiet);
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

/// The words of gate 29.
fn gate(run: &Run) -> [u64; 2] {
    [0, 8].map(|word| run.machine.memory.read_u64(IDT_PHYSICAL + 29 * 16 + word))
}

#[test]
fn outside_of_sev_es_there_is_no_gate_and_nothing_strikes() {
    for features in all_features().map(|features| Features { sev_es: false, ..features }) {
        let run = Run::new(features, Form::E, Handler::Quiet);
        assert_eq!(gate(&run), [0, 0], "{features}");
        let guest = Run::new(Features { sev_es: true, ..features }, Form::E, Handler::Quiet);
        assert_ne!(gate(&guest), [0, 0], "{features}");
        let [own, others] = [&run, &guest].map(boundaries);
        // The same instructions with the same registers: nothing else depends on the switch.
        assert_eq!(own.len(), others.len());
        for (own, other) in own.iter().zip(&others) {
            assert_eq!((own.cpu.rip, own.cpu.registers), (other.cpu.rip, other.cpu.registers), "{features}");
            let why = refusal_reason(&own.cpu, Event::Exception(VmmCommunication));
            assert_eq!(why, Some("#VC arises in SEV-ES guests only (AMD APM vol. 2 15.35.5)"));
            assert_eq!(refusal_reason(&other.cpu, Event::Exception(VmmCommunication)), None);
        }
    }
}

/// A stack pointer that the user chose, at the place of #VC's stack or in the page below it: a sample must not read
/// unmapped memory.
#[test]
fn a_stack_that_is_not_mapped_is_no_stack() {
    const WORD: u64 = 0x5eed;
    let (stack, none) = (IstStack::Vc2.bottom(), Features { sev_es: false, ..ALL_ON });
    for (features, rsp, sampled) in
        [(ALL_ON, stack, WORD), (ALL_ON, stack - 8, 0), (none, stack, 0), (none, IstStack::Nmi.bottom() - 8, 0)]
    {
        let mut run = Run::new(features, Form::E, Handler::Perf);
        run.run_to("user_write");
        run.machine.cpu.registers[Register::Rsp as usize] = rsp;
        let backing = PER_CPU_PHYSICAL + PERCPU_EXCEPTION_STACKS + IstStack::Vc2 as u64 * EXCEPTION_STACK_SIZE;
        run.machine.memory.write_u64(backing, WORD);
        run.run_to("entry_SYSCALL_64");
        let before = run.machine.cpu.clone();
        run.inject(Nmi);
        run.run_back_to(&before);
        assert_eq!(run.log.faults, []);
        assert_eq!(record(&run)[1], sampled, "{features} {rsp:#x}");
    }
}
