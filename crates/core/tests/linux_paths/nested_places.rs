//! A second and a third NMI at each instruction of the NMI's own protocol, and what test 3 of it tells apart.

use crate::nested::during_nmi;
use crate::support::{ALL_ON, Run, preserved};
use cr3_core::linux::layout::{EXCEPTION_STACK_SIZE, IstStack};
use cr3_core::linux::{Form, Handler};
use cr3_core::machine::Exception::{MachineCheck, Nmi};
use cr3_core::machine::{Event, Machine, Register, refusal};
use expect_test::{Expect, expect};
use std::fmt::Write;

const RSP: usize = Register::Rsp as usize;

// --- Test 3 ----------------------------------------------------------------------------------------------------------

/// Steps from an NMI until it is taken for a first one; the jump that decided so.
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
    let mut run = Run::new(ALL_ON, &Form::E, Handler::Quiet);
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

/// At `during`, inside the handling of an NMI: a machine check whose IRET unblocks NMIs, then one more NMI.
fn strike_again(run: &Run, during: &Machine) -> Option<Run> {
    let mut struck = Run { machine: during.clone(), ..run.clone() };
    if refusal(during, Event::Exception(MachineCheck)).is_some() {
        return None;
    }
    struck.inject(MachineCheck);
    struck.run_back_to(&during.cpu);
    assert!(!struck.machine.cpu.events.nmi_blocked, "IRET unblocks NMIs");
    struck.inject(Nmi);
    Some(struck)
}

/// How it goes on: rounds of the handler when the interrupted code has all of its registers back, or nothing else.
fn outcome(struck: Option<Run>, interrupted: &Machine) -> String {
    let Some(mut run) = struck else { return "a machine check may not strike".to_owned() };
    for _ in 0..4000 {
        let cpu = &run.machine.cpu;
        if cpu.rip == interrupted.cpu.rip && cpu.registers[RSP] == interrupted.cpu.registers[RSP] {
            assert_eq!(preserved(cpu), preserved(&interrupted.cpu));
            return format!("rounds: {}", run.per_cpu("nmi_count"));
        }
        if let Err(stop) = run.step() {
            return format!("{stop:?}");
        }
    }
    "repeats without end".to_owned()
}

/// Boundaries in their order, those of one label with one outcome in a line.
fn listed(places: impl Iterator<Item = (String, String)>) -> String {
    let mut lines: Vec<(String, String, usize)> = Vec::new();
    for (place, outcome) in places {
        let label = place.split('+').next().unwrap_or(&place).to_owned();
        match lines.last_mut() {
            Some((last, same, count)) if *last == label && *same == outcome => *count += 1,
            _ => lines.push((label, outcome, 1)),
        }
    }
    lines.iter().fold(String::new(), |mut text, (label, outcome, count)| {
        let _ = writeln!(text, "{label} {count}, {outcome}");
        text
    })
}

fn started(form: &Form) -> (Run, Machine) {
    let mut run = Run::new(ALL_ON, form, Handler::Quiet);
    run.run_to("kernel_loop");
    let interrupted = run.machine.clone();
    (run, interrupted)
}

fn place(run: &Run, machine: &Machine) -> String {
    Run { machine: machine.clone(), ..run.clone() }.place()
}

/// A second NMI at every boundary of the first.
fn second(form: &Form) -> String {
    let (run, interrupted) = started(form);
    let boundaries = during_nmi(&run);
    listed(boundaries.iter().map(|during| (place(&run, during), outcome(strike_again(&run, during), &interrupted))))
}

/// A third NMI at every boundary of the second, which struck in the C handler of the first.
fn third(form: &Form) -> String {
    let (mut run, interrupted) = started(form);
    run.inject(Nmi);
    run.run_to("modelled_handler");
    let first = run.machine.cpu.clone();
    let mut nested = strike_again(&run, &run.machine).expect("a machine check may strike");
    let mut boundaries = Vec::new();
    while nested.machine.cpu.rip != first.rip {
        boundaries.push(nested.machine.clone());
        nested.step().expect("the nested handler goes on");
    }
    listed(boundaries.iter().map(|during| (place(&run, during), outcome(strike_again(&run, during), &interrupted))))
}

fn check(places: impl Fn(&Form) -> String, expected: &Expect) {
    let by_form = [Form::A, Form::B2, Form::C, Form::E].map(|form| {
        let text = places(&form);
        // The macro is where the forms differ in length.
        let (exit, rest): (Vec<_>, Vec<_>) = text.lines().partition(|line| line.starts_with("nmi_exit "));
        assert!(exit.iter().all(|line| line.ends_with("rounds: 2")), "{form}: {exit:?}");
        format!("{}\n", rest.join("\n"))
    });
    assert!(by_form.iter().all(|text| *text == by_form[0]), "the forms go alike: {by_form:#?}");
    expected.assert_eq(&by_form[0]);
}

/// Until the first NMI's frame is copied it has one only, and the second overwrites it.
#[test]
fn a_second_nmi_at_every_instruction_of_the_first() {
    check(
        second,
        &expect![[r#"
        asm_exc_nmi 6, repeats without end
        nmi_from_kernel 11, repeats without end
        first_nmi 8, repeats without end
        repeat_nmi 8, rounds: 1
        end_repeat_nmi 2, rounds: 2
        paranoid_entry 30, rounds: 2
        paranoid_entry_save_cr3 4, rounds: 2
        paranoid_entry_kernel_cr3 7, rounds: 2
        paranoid_entry_checkgs 1, rounds: 2
        end_repeat_nmi 2, rounds: 2
        exc_nmi 7, rounds: 2
        nmi_restart 8, rounds: 2
        modelled_handler 1, rounds: 2
        nmi_restart 4, rounds: 2
        exc_nmi_restore_cr2 8, rounds: 2
        nmi_exit_cr3_restored 2, rounds: 2
        nmi_restore 18, rounds: 2
        nmi_iret 1, rounds: 2
    "#]],
    );
}

/// A nested one never copies its frame.
#[test]
fn a_third_nmi_at_every_instruction_of_a_nested_one() {
    check(
        third,
        &expect![[r#"
        asm_exc_nmi 6, repeats without end
        nmi_from_kernel 5, repeats without end
        nested_nmi 8, repeats without end
        nested_nmi_out 2, repeats without end
    "#]],
    );
}
