//! The paranoid path itself interrupted at each instruction of its entry and its exit, and of the C function between
//! them.

use crate::inside_handlers::{Called, Handled, INNER, VECTORS, Went, alike};
use crate::support::{ALL_ON, Run};
use cr3_core::linux::{Features, Form, Half, Handler, tables_half};
use cr3_core::machine::Exception::{self, Debug, DoubleFault, MachineCheck, Nmi, VmmCommunication};
use expect_test::{Expect, expect};
use std::fmt::Write;

const OUTER: [Exception; 5] = [Nmi, Debug, MachineCheck, VmmCommunication, DoubleFault];

/// What the outer exception interrupts: except for the first, code that runs on the user's CR3.
const INTERRUPTED: [(&str, &[&str]); 5] = [
    ("kernel code", &["kernel_loop"]),
    ("entry by SYSCALL", &["entry_SYSCALL_64"]),
    ("exit by SYSRET", &["sysret_exit_user_cr3"]),
    ("entry of an exception", &["user_breakpoint", "asm_exc_int3"]),
    ("exit by IRET", &["user_breakpoint", "iret_exit_user_cr3"]),
];

fn label(run: &Run) -> String {
    let place = run.place();
    place.split('+').next().unwrap_or(&place).to_owned()
}

/// Boundaries in order, grouped by outcome, with the label near the first of each group. Where the forms differ in
/// length, the macro has the outcome of the code after it and is not counted.
fn listed(handled: &Handled, went: &[Went]) -> String {
    let mut runs: Vec<(usize, Went, String)> = Vec::new();
    let mut of_macro = None;
    for (during, &went) in handled.boundaries.iter().zip(went) {
        let label = label(during);
        if label == "paranoid_exit" || label == "nmi_exit" {
            assert_eq!(*of_macro.get_or_insert(went), went, "in {label}");
            continue;
        }
        assert_eq!(of_macro.take().unwrap_or(went), went, "the macro goes like {label}");
        match runs.last_mut() {
            Some((count, last, _)) if *last == went => *count += 1,
            _ => runs.push((1, went, label)),
        }
    }
    runs.iter().map(|(count, went, from)| format!("{count} {went:?} from {from}")).collect::<Vec<_>>().join(", ")
}

/// For one interrupted place and one outer vector, the outcome of each vector inside.
fn rows(called: &Called, via: &[&str], by: Exception) -> String {
    let Some(handled) = called.handled(via, Handler::Quiet, by) else { return "    does not return\n".to_owned() };
    let rows = VECTORS.map(|vector| {
        let went = INNER.map(|inner| {
            let strike = |during| called.strike(&handled, during, inner, vector);
            listed(&handled, &handled.boundaries.iter().map(strike).collect::<Vec<_>>())
        });
        format!("    {vector:?}: {}\n", alike(went))
    });
    format!("    {}\n{}", on_user_cr3(&handled), rows.concat())
}

/// How much of entry and of exit runs on the user's CR3.
fn on_user_cr3(handled: &Handled) -> String {
    let on_user = |run: &Run| tables_half(run.machine.cpu.cr3) == Half::User;
    let switched = handled.boundaries.iter().position(|run| !on_user(run)).unwrap_or(handled.boundaries.len());
    let exit = handled.boundaries[switched..].iter().filter(|run| on_user(run)).count();
    format!("on the user's CR3: {switched} of entry, {exit} of exit")
}

/// For each outer vector, the places with the same outcomes.
fn sweep(features: Features, form: Form) -> String {
    let called = Called::new(features, form);
    let mut table = String::new();
    for by in OUTER {
        let _ = writeln!(table, "{by:?}");
        let mut groups: Vec<(String, Vec<&str>)> = Vec::new();
        for (name, via) in INTERRUPTED {
            let rows = rows(&called, via, by);
            match groups.iter_mut().find(|(others, _)| *others == rows) {
                Some((_, names)) => names.push(name),
                None => groups.push((rows, vec![name])),
            }
        }
        for (rows, names) in groups {
            let _ = write!(table, "  in {}\n{rows}", names.join(", "));
        }
    }
    table
}

fn check(features: Features, forms: &[Form], expected: &Expect) {
    let tables: Vec<_> = forms.iter().map(|&form| sweep(features, form)).collect();
    assert!(tables.iter().all(|table| *table == tables[0]), "{forms:?} go alike: {tables:#?}");
    expected.assert_eq(&tables[0]);
}

/// What is lost here is lost in Linux too. Two #DB start at the top of one stack. So do two #VC until the first has
/// left its stack, and two #MC once the first has cleared MCIP. #VC continues below the interrupted stack pointer,
/// where the NMI handler keeps frames while it copies them.
#[test]
fn the_paranoid_path_interrupted_anywhere_ends_as_without_it() {
    check(
        ALL_ON,
        &[Form::A, Form::B2, Form::C, Form::E],
        &expect![[r#"
            Nmi
              in kernel code
                on the user's CR3: 0 of entry, 0 of exit
                Nmi: 128 Refused from asm_exc_nmi
                Debug: 128 Restored from asm_exc_nmi
                MachineCheck: 128 Restored from asm_exc_nmi
                VmmCommunication: 27 Restored from asm_exc_nmi, 5 FrameLost from repeat_nmi, 96 Restored from repeat_nmi
              in entry by SYSCALL, exit by SYSRET, entry of an exception, exit by IRET
                on the user's CR3: 72 of entry, 21 of exit
                Nmi: 131 Refused from asm_exc_nmi
                Debug: 131 Restored from asm_exc_nmi
                MachineCheck: 131 Restored from asm_exc_nmi
                VmmCommunication: 27 Restored from asm_exc_nmi, 5 FrameLost from repeat_nmi, 99 Restored from repeat_nmi
            Debug
              in kernel code
                on the user's CR3: 0 of entry, 0 of exit
                Nmi: 99 Restored from asm_exc_debug
                Debug: 99 FrameLost from asm_exc_debug
                MachineCheck: 99 Restored from asm_exc_debug
                VmmCommunication: 99 Restored from asm_exc_debug
              in entry by SYSCALL, exit by SYSRET, entry of an exception, exit by IRET
                on the user's CR3: 44 of entry, 21 of exit
                Nmi: 102 Restored from asm_exc_debug
                Debug: 102 FrameLost from asm_exc_debug
                MachineCheck: 102 Restored from asm_exc_debug
                VmmCommunication: 102 Restored from asm_exc_debug
            MachineCheck
              in kernel code
                on the user's CR3: 0 of entry, 0 of exit
                Nmi: 99 Restored from asm_exc_machine_check
                Debug: 99 Restored from asm_exc_machine_check
                MachineCheck: 69 Refused from asm_exc_machine_check, 30 FrameLost from do_machine_check_clear_mcip
                VmmCommunication: 99 Restored from asm_exc_machine_check
              in entry by SYSCALL, exit by SYSRET, entry of an exception, exit by IRET
                on the user's CR3: 44 of entry, 21 of exit
                Nmi: 102 Restored from asm_exc_machine_check
                Debug: 102 Restored from asm_exc_machine_check
                MachineCheck: 72 Refused from asm_exc_machine_check, 30 FrameLost from do_machine_check_clear_mcip
                VmmCommunication: 102 Restored from asm_exc_machine_check
            VmmCommunication
              in kernel code
                on the user's CR3: 0 of entry, 0 of exit
                Nmi: 111 Restored from asm_exc_vmm_communication
                Debug: 111 Restored from asm_exc_vmm_communication
                MachineCheck: 111 Restored from asm_exc_vmm_communication
                VmmCommunication: 78 FrameLost from asm_exc_vmm_communication, 33 Restored from asm_exc_vmm_communication
              in entry by SYSCALL
                does not return
              in exit by SYSRET
                on the user's CR3: 43 of entry, 21 of exit
                Nmi: 128 Restored from asm_exc_vmm_communication
                Debug: 128 Restored from asm_exc_vmm_communication
                MachineCheck: 128 Restored from asm_exc_vmm_communication
                VmmCommunication: 95 FrameLost from asm_exc_vmm_communication, 33 Restored from asm_exc_vmm_communication
              in entry of an exception, exit by IRET
                on the user's CR3: 43 of entry, 21 of exit
                Nmi: 131 Restored from asm_exc_vmm_communication
                Debug: 131 Restored from asm_exc_vmm_communication
                MachineCheck: 131 Restored from asm_exc_vmm_communication
                VmmCommunication: 98 FrameLost from asm_exc_vmm_communication, 33 Restored from asm_exc_vmm_communication
            DoubleFault
              in kernel code
                on the user's CR3: 0 of entry, 0 of exit
                Nmi: 84 Restored from asm_exc_double_fault
                Debug: 84 Restored from asm_exc_double_fault
                MachineCheck: 84 Restored from asm_exc_double_fault
                VmmCommunication: 84 Restored from asm_exc_double_fault
              in entry by SYSCALL, exit by SYSRET, entry of an exception, exit by IRET
                on the user's CR3: 41 of entry, 21 of exit
                Nmi: 87 Restored from asm_exc_double_fault
                Debug: 87 Restored from asm_exc_double_fault
                MachineCheck: 87 Restored from asm_exc_double_fault
                VmmCommunication: 87 Restored from asm_exc_double_fault
        "#]],
    );
}

#[test]
fn it_does_so_without_the_newer_instructions() {
    let plain = Features { pcid: false, invpcid: false, fsgsbase: false, ..ALL_ON };
    check(
        plain,
        &[Form::A, Form::E],
        &expect![[r#"
            Nmi
              in kernel code
                on the user's CR3: 0 of entry, 0 of exit
                Nmi: 129 Refused from asm_exc_nmi
                Debug: 129 Restored from asm_exc_nmi
                MachineCheck: 129 Restored from asm_exc_nmi
                VmmCommunication: 27 Restored from asm_exc_nmi, 5 FrameLost from repeat_nmi, 97 Restored from repeat_nmi
              in entry by SYSCALL, entry of an exception
                on the user's CR3: 71 of entry, 23 of exit
                Nmi: 134 Refused from asm_exc_nmi
                Debug: 134 Restored from asm_exc_nmi
                MachineCheck: 134 Restored from asm_exc_nmi
                VmmCommunication: 27 Restored from asm_exc_nmi, 5 FrameLost from repeat_nmi, 102 Restored from repeat_nmi
              in exit by SYSRET, exit by IRET
                on the user's CR3: 71 of entry, 22 of exit
                Nmi: 131 Refused from asm_exc_nmi
                Debug: 131 Restored from asm_exc_nmi
                MachineCheck: 131 Restored from asm_exc_nmi
                VmmCommunication: 27 Restored from asm_exc_nmi, 5 FrameLost from repeat_nmi, 99 Restored from repeat_nmi
            Debug
              in kernel code
                on the user's CR3: 0 of entry, 0 of exit
                Nmi: 100 Restored from asm_exc_debug
                Debug: 100 FrameLost from asm_exc_debug
                MachineCheck: 100 Restored from asm_exc_debug
                VmmCommunication: 100 Restored from asm_exc_debug
              in entry by SYSCALL, entry of an exception
                on the user's CR3: 43 of entry, 24 of exit
                Nmi: 106 Restored from asm_exc_debug
                Debug: 106 FrameLost from asm_exc_debug
                MachineCheck: 106 Restored from asm_exc_debug
                VmmCommunication: 106 Restored from asm_exc_debug
              in exit by SYSRET, exit by IRET
                on the user's CR3: 43 of entry, 22 of exit
                Nmi: 102 Restored from asm_exc_debug
                Debug: 102 FrameLost from asm_exc_debug
                MachineCheck: 102 Restored from asm_exc_debug
                VmmCommunication: 102 Restored from asm_exc_debug
            MachineCheck
              in kernel code
                on the user's CR3: 0 of entry, 0 of exit
                Nmi: 100 Restored from asm_exc_machine_check
                Debug: 100 Restored from asm_exc_machine_check
                MachineCheck: 69 Refused from asm_exc_machine_check, 31 FrameLost from do_machine_check_clear_mcip
                VmmCommunication: 100 Restored from asm_exc_machine_check
              in entry by SYSCALL, entry of an exception
                on the user's CR3: 43 of entry, 24 of exit
                Nmi: 106 Restored from asm_exc_machine_check
                Debug: 106 Restored from asm_exc_machine_check
                MachineCheck: 73 Refused from asm_exc_machine_check, 33 FrameLost from do_machine_check_clear_mcip
                VmmCommunication: 106 Restored from asm_exc_machine_check
              in exit by SYSRET, exit by IRET
                on the user's CR3: 43 of entry, 22 of exit
                Nmi: 102 Restored from asm_exc_machine_check
                Debug: 102 Restored from asm_exc_machine_check
                MachineCheck: 71 Refused from asm_exc_machine_check, 31 FrameLost from do_machine_check_clear_mcip
                VmmCommunication: 102 Restored from asm_exc_machine_check
            VmmCommunication
              in kernel code
                on the user's CR3: 0 of entry, 0 of exit
                Nmi: 112 Restored from asm_exc_vmm_communication
                Debug: 112 Restored from asm_exc_vmm_communication
                MachineCheck: 112 Restored from asm_exc_vmm_communication
                VmmCommunication: 78 FrameLost from asm_exc_vmm_communication, 34 Restored from asm_exc_vmm_communication
              in entry by SYSCALL
                does not return
              in exit by SYSRET
                on the user's CR3: 42 of entry, 22 of exit
                Nmi: 128 Restored from asm_exc_vmm_communication
                Debug: 128 Restored from asm_exc_vmm_communication
                MachineCheck: 128 Restored from asm_exc_vmm_communication
                VmmCommunication: 94 FrameLost from asm_exc_vmm_communication, 34 Restored from asm_exc_vmm_communication
              in entry of an exception
                on the user's CR3: 42 of entry, 24 of exit
                Nmi: 135 Restored from asm_exc_vmm_communication
                Debug: 135 Restored from asm_exc_vmm_communication
                MachineCheck: 135 Restored from asm_exc_vmm_communication
                VmmCommunication: 99 FrameLost from asm_exc_vmm_communication, 36 Restored from asm_exc_vmm_communication
              in exit by IRET
                on the user's CR3: 42 of entry, 22 of exit
                Nmi: 131 Restored from asm_exc_vmm_communication
                Debug: 131 Restored from asm_exc_vmm_communication
                MachineCheck: 131 Restored from asm_exc_vmm_communication
                VmmCommunication: 97 FrameLost from asm_exc_vmm_communication, 34 Restored from asm_exc_vmm_communication
            DoubleFault
              in kernel code
                on the user's CR3: 0 of entry, 0 of exit
                Nmi: 85 Restored from asm_exc_double_fault
                Debug: 85 Restored from asm_exc_double_fault
                MachineCheck: 85 Restored from asm_exc_double_fault
                VmmCommunication: 85 Restored from asm_exc_double_fault
              in entry by SYSCALL, entry of an exception
                on the user's CR3: 40 of entry, 24 of exit
                Nmi: 91 Restored from asm_exc_double_fault
                Debug: 91 Restored from asm_exc_double_fault
                MachineCheck: 91 Restored from asm_exc_double_fault
                VmmCommunication: 91 Restored from asm_exc_double_fault
              in exit by SYSRET, exit by IRET
                on the user's CR3: 40 of entry, 22 of exit
                Nmi: 87 Restored from asm_exc_double_fault
                Debug: 87 Restored from asm_exc_double_fault
                MachineCheck: 87 Restored from asm_exc_double_fault
                VmmCommunication: 87 Restored from asm_exc_double_fault
        "#]],
    );
}
