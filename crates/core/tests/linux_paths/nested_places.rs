//! A second and a third NMI at each instruction of the NMI's own protocol, and what its test 3 distinguishes.

use crate::nested::during_nmi;
use crate::support::{ALL_ON, Run, preserved};
use cr3_core::linux::layout::{EXCEPTION_STACK_SIZE, IstStack};
use cr3_core::linux::{Form, Handler};
use cr3_core::machine::Exception::{self, Debug, MachineCheck, Nmi, VmmCommunication};
use cr3_core::machine::{Cpu, Machine, Register};
use expect_test::{Expect, expect};
use std::fmt::Write;

const RSP: usize = Register::Rsp as usize;

// --- Test 3 ----------------------------------------------------------------------------------------------------------

/// Steps from an NMI until it counts as a first one; the jump that decided so.
fn decided_by(run: &mut Run) -> String {
    run.inject(Nmi);
    let first = run.address("first_nmi");
    let mut jump = 0;
    while run.machine.cpu.rip != first {
        jump = run.machine.cpu.rip;
        assert_ne!(jump, run.address("nested_nmi"), "taken for a nested one");
        run.step().expect("the handler goes on");
    }
    let line = run.system.image.listing.iter().find(|line| line.address == jump && line.instruction);
    line.expect("an instruction").text.clone()
}

/// An NMI at each boundary at which the kernel runs on a stack pointer that the user chose.
fn check_stack_pointer(rsp: u64, expected: &str) {
    let mut run = Run::new(ALL_ON, Form::E, Handler::Quiet);
    run.run_to("user_write");
    let own = std::mem::replace(&mut run.machine.cpu.registers[RSP], rsp);
    let mut struck_at = 0;
    while run.machine.cpu.rip != run.address("user_write_done") {
        let before = run.machine.cpu.clone();
        if before.cpl == 0 && before.registers[RSP] == rsp {
            let mut struck = run.clone();
            assert_eq!(decided_by(&mut struck), expected, "RSP {rsp:#x} at {}", run.place());
            struck.run_back_to(&before);
            assert_eq!(preserved(&struck.machine.cpu), preserved(&before), "RSP {rsp:#x} at {}", run.place());
            assert_eq!(struck.per_cpu("nmi_count"), 1);
            struck.run_to("user_write_done");
            struck.machine.cpu.registers[RSP] = own;
            assert_eq!(struck.run_to_end(), "run_end");
            struck_at += 1;
        }
        run.step().expect("the run goes on");
    }
    // ENDBR, SWAPGS, MOV to sp2 and MOV from CR3 on the way in; SWAPGS, VERW and SYSRET on the way out.
    assert_eq!(struck_at, 7, "RSP {rsp:#x}");
}

#[test]
fn a_users_stack_pointer_inside_the_nmi_stack_is_told_from_a_nested_nmi_by_df() {
    let top = IstStack::Nmi.top();
    let bottom = top - EXCEPTION_STACK_SIZE;
    for (rsp, jump) in [
        (top + 8, "ja first_nmi"),
        (top, "jz first_nmi"),
        (top - 0x200, "jz first_nmi"),
        (bottom, "jz first_nmi"),
        (bottom - 8, "jb first_nmi"),
    ] {
        check_stack_pointer(rsp, jump);
    }
}

// --- Every instruction of the protocol -------------------------------------------------------------------------------

/// What strikes at an instruction of an NMI's handling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Strike {
    /// An exception, and nothing after its return.
    Alone(Exception),
    /// An exception whose IRET unblocks NMIs, and one more NMI at the instruction it returns to.
    ThenNmi(Exception),
    /// An NMI inside an exception: at its first instruction a #DB, whose IRET unblocks NMIs, and then the NMI.
    NmiInside(Exception),
}

impl Strike {
    /// Strikes at `during`. None if the exception does not return to it with all registers.
    fn at(self, run: &Run, during: &Machine) -> Option<Run> {
        let (Self::Alone(exception) | Self::ThenNmi(exception) | Self::NmiInside(exception)) = self;
        let mut struck = Run { machine: during.clone(), ..run.clone() };
        struck.inject(exception);
        if let Self::NmiInside(_) = self {
            let first = struck.machine.cpu.clone();
            struck.inject(Debug);
            struck.run_back_to(&first);
            struck.inject(Nmi);
            return Some(struck);
        }
        let back = |cpu: &Cpu| cpu.rip == during.cpu.rip && cpu.registers[RSP] == during.cpu.registers[RSP];
        (0..STEPS).find(|_| struck.step().is_err() || back(&struck.machine.cpu))?;
        if preserved(&struck.machine.cpu) != preserved(&during.cpu) {
            return None;
        }
        assert!(!struck.machine.cpu.events.nmi_blocked, "IRET unblocks NMIs");
        if let Self::ThenNmi(_) = self {
            struck.inject(Nmi);
        }
        Some(struck)
    }
}

/// More than any handler and those inside it take.
const STEPS: usize = 4000;

/// The outcome: the rounds of the handler if the interrupted code has all its registers back, or else what happened
/// instead.
fn outcome(struck: Option<Run>, interrupted: &Machine) -> String {
    let Some(mut run) = struck else { return "the exception does not return".to_owned() };
    for _ in 0..STEPS {
        let cpu = &run.machine.cpu;
        if cpu.rip == interrupted.cpu.rip && cpu.registers[RSP] == interrupted.cpu.registers[RSP] {
            assert_eq!(preserved(cpu), preserved(&interrupted.cpu));
            return format!("rounds: {}", run.per_cpu("nmi_count"));
        }
        if run.step().is_err() {
            return format!("ends at {}", label(&run));
        }
    }
    "repeats without end".to_owned()
}

fn label(run: &Run) -> String {
    let place = run.place();
    place.split('+').next().unwrap_or(&place).to_owned()
}

/// Whether the forms and the handlers differ in length at this label: in the macro and in the handler that is called.
fn differs_in_length(label: &str) -> bool {
    label == "nmi_exit" || ["modelled_", "perf_", "get_stack_info"].iter().any(|start| label.starts_with(start))
}

/// Boundaries in order, grouped by outcome, with the label near the first of each group. Where forms and handlers
/// differ in length, boundaries have the outcome of the one before, and are not counted.
fn listed(places: impl Iterator<Item = (String, String)>) -> String {
    let mut runs: Vec<(usize, String, String)> = Vec::new();
    for (label, outcome) in places {
        match runs.last_mut() {
            Some((_, last, _)) if differs_in_length(&label) => assert_eq!(*last, outcome, "{label}"),
            Some((count, last, _)) if *last == outcome => *count += 1,
            _ => runs.push((1, outcome, label)),
        }
    }
    runs.iter().map(|(count, outcome, from)| format!("{count} {outcome} from {from}")).collect::<Vec<_>>().join(", ")
}

fn started(form: Form, handler: Handler) -> (Run, Machine) {
    let mut run = Run::new(ALL_ON, form, handler);
    run.run_to("kernel_loop");
    let interrupted = run.machine.clone();
    (run, interrupted)
}

fn at_each(run: &Run, boundaries: &[Machine], strike: Strike, interrupted: &Machine) -> String {
    listed(boundaries.iter().map(|during| {
        let place = label(&Run { machine: during.clone(), ..run.clone() });
        (place, outcome(strike.at(run, during), interrupted))
    }))
}

/// At every boundary of an NMI.
fn in_first(form: Form, handler: Handler, strike: Strike) -> String {
    let (run, interrupted) = started(form, handler);
    at_each(&run, &during_nmi(&run), strike, &interrupted)
}

/// At every boundary of a second NMI, which struck in the C handler of the first.
fn in_second(form: Form, handler: Handler, strike: Strike) -> String {
    let (mut run, interrupted) = started(form, handler);
    run.inject(Nmi);
    run.run_to("modelled_handler");
    let first = run.machine.cpu.clone();
    let mut nested = Strike::ThenNmi(MachineCheck).at(&run, &run.machine).expect("a machine check returns");
    let mut boundaries = Vec::new();
    while nested.machine.cpu.rip != first.rip {
        boundaries.push(nested.machine.clone());
        nested.step().expect("the nested handler goes on");
    }
    at_each(&run, &boundaries, strike, &interrupted)
}

const OPENERS: [Exception; 3] = [MachineCheck, Debug, VmmCommunication];

fn table(places: fn(Form, Handler, Strike) -> String, form: Form, handler: Handler) -> String {
    let strikes = OPENERS.iter().flat_map(|&exception| [Strike::Alone(exception), Strike::ThenNmi(exception)]);
    strikes.fold(String::new(), |mut text, strike| {
        let _ = writeln!(text, "{strike:?}: {}", places(form, handler, strike));
        text
    })
}

fn check(places: fn(Form, Handler, Strike) -> String, expected: &Expect) {
    let first = table(places, Form::A, Handler::Quiet);
    for form in [Form::A, Form::B2, Form::C, Form::E] {
        for handler in [Handler::Quiet, Handler::Perf] {
            assert_eq!(table(places, form, handler), first, "forms and handlers go alike: {form} {handler}");
        }
    }
    expected.assert_eq(&first);
}

/// Until the first NMI's frame is copied there is only one, and the second NMI overwrites it. #VC continues below the
/// interrupted stack pointer. While frames are being copied, and before the IRET, the only good copy of the frame lies
/// there.
#[test]
fn an_exception_and_a_second_nmi_at_every_instruction_of_the_first() {
    check(
        in_first,
        &expect![[r#"
        Alone(MachineCheck): 127 rounds: 1 from asm_exc_nmi
        ThenNmi(MachineCheck): 25 repeats without end from asm_exc_nmi, 8 rounds: 1 from repeat_nmi, 94 rounds: 2 from end_repeat_nmi
        Alone(Debug): 127 rounds: 1 from asm_exc_nmi
        ThenNmi(Debug): 25 repeats without end from asm_exc_nmi, 8 rounds: 1 from repeat_nmi, 94 rounds: 2 from end_repeat_nmi
        Alone(VmmCommunication): 27 rounds: 1 from asm_exc_nmi, 5 ends at kernel_panic from repeat_nmi, 95 rounds: 1 from repeat_nmi
        ThenNmi(VmmCommunication): 25 repeats without end from asm_exc_nmi, 2 rounds: 1 from repeat_nmi, 5 ends at kernel_panic from repeat_nmi, 1 rounds: 1 from repeat_nmi, 91 rounds: 2 from end_repeat_nmi, 3 repeats without end from nmi_restore
    "#]],
    );
}

/// A nested one never copies its frame. Everything that the first one has on the stack lies below its stack pointer.
#[test]
fn an_exception_and_a_third_nmi_at_every_instruction_of_a_nested_one() {
    check(
        in_second,
        &expect![[r#"
        Alone(MachineCheck): 21 rounds: 2 from asm_exc_nmi
        ThenNmi(MachineCheck): 21 repeats without end from asm_exc_nmi
        Alone(Debug): 21 rounds: 2 from asm_exc_nmi
        ThenNmi(Debug): 21 repeats without end from asm_exc_nmi
        Alone(VmmCommunication): 10 repeats without end from asm_exc_nmi, 8 ends at kernel_panic from nmi_from_kernel, 1 repeats without end from nested_nmi, 2 ends at kernel_panic from nested_nmi_out
        ThenNmi(VmmCommunication): 21 repeats without end from asm_exc_nmi
    "#]],
    );
}

/// The tests of the NMI handler see only what the second NMI interrupts itself. Before "executing" is set and after it is cleared it then
/// takes itself for a first one; while frames are copied it writes where the first one writes.
#[test]
fn an_nmi_inside_an_exception_at_every_instruction_of_the_first() {
    let places = |form, handler| in_first(form, handler, Strike::NmiInside(MachineCheck));
    let first = places(Form::A, Handler::Quiet);
    for form in [Form::A, Form::B2, Form::C, Form::E] {
        assert_eq!(places(form, Handler::Quiet), first, "forms go alike: {form}");
    }
    expect!["26 repeats without end from asm_exc_nmi, 3 rounds: 1 from repeat_nmi, 3 ends at kernel_panic from repeat_nmi, 94 rounds: 2 from repeat_nmi, 1 repeats without end from nmi_iret"].assert_eq(&first);
}
