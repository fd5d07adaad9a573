//! Every instruction boundary of a run, struck by every vector.

use crate::support::{ALL_ON, Run, preserved};
use cr3_core::linux::layout::TIMER_VECTOR;
use cr3_core::linux::{Features, Form, Half, Handler, Handlers, tables_half};
use cr3_core::machine::Exception::{self, Debug, DoubleFault, MachineCheck, Nmi};
use cr3_core::machine::{Event, Machine, deliver, refusal_reason, step};
use std::collections::BTreeSet;

const FORMS: [Form; 4] = [Form::A, Form::B2, Form::C, Form::E];

/// Every boundary of the uninterrupted run, up to its end.
pub(crate) fn boundaries(run: &Run) -> Vec<Machine> {
    let mut machine = run.machine.clone();
    let end = run.address("run_end");
    let mut boundaries = Vec::new();
    loop {
        let before = machine.clone();
        match step(&mut machine, &mut ()) {
            Ok(()) if before.cpu.rip == end => return boundaries,
            Ok(()) => boundaries.push(before),
            Err(stop) => panic!("{stop:?}"),
        }
    }
}

/// Strikes everywhere. The run must continue as if nothing had happened.
fn check(features: Features, form: Form, handler: impl Into<Handlers>, exceptions: &[Exception]) {
    let handler = handler.into();
    let run = Run::new(features, form, handler);
    let boundaries = boundaries(&run);
    assert!(boundaries.len() > 500, "the program is longer than that");
    for machine in &boundaries {
        for &exception in exceptions {
            let mut struck = Run { machine: machine.clone(), ..run.clone() };
            let place = struck.place();
            struck.inject(exception);
            struck.run_back_to(&machine.cpu);
            let context = || format!("{exception:?} at {place}, {form:?} {handler} {features:?}");
            assert_eq!(preserved(&struck.machine.cpu), preserved(&machine.cpu), "{}", context());
            assert!(!struck.machine.cpu.events.nmi_blocked, "{}", context());
            assert!(!struck.machine.cpu.events.machine_check_in_progress, "{}", context());
            assert_eq!(struck.machine.cpu.cr2, machine.cpu.cr2, "{}", context());
        }
    }
}

#[test]
fn every_form_but_never_restores_everything_everywhere() {
    for form in FORMS {
        check(ALL_ON, form, Handler::Quiet, &[Nmi, Debug, MachineCheck, DoubleFault]);
    }
}

#[test]
fn restores_without_the_newer_instructions() {
    let plain = Features { pcid: false, invpcid: false, fsgsbase: false, ..ALL_ON };
    for features in [plain, Features { pti: false, ..plain }, Features { pti: false, ..ALL_ON }] {
        check(features, Form::E, Handler::Quiet, &[Nmi, MachineCheck]);
    }
}

#[test]
fn restores_whatever_the_handler_does() {
    for handler in [Handler::Perf, Handler::PendingFlush] {
        check(ALL_ON, Form::E, handler, &[Nmi]);
        check(Features { invpcid: false, ..ALL_ON }, Form::A, handler, &[Nmi]);
    }
    let both = Handlers::only(Handler::Perf).with(Handler::PendingFlush);
    check(Features { invpcid: false, ..ALL_ON }, Form::E, both, &[Nmi]);
}

#[test]
fn a_timer_interrupt_restores_everything_wherever_interrupts_are_on() {
    for features in [ALL_ON, Features { pti: false, ..ALL_ON }] {
        let run = Run::new(features, Form::E, Handler::Quiet);
        let mut struck_in = [0; 4];
        for machine in boundaries(&run) {
            let mut struck = Run { machine: machine.clone(), ..run.clone() };
            let event = Event::Interrupt(TIMER_VECTOR);
            if refusal_reason(&machine.cpu, event).is_some() {
                continue;
            }
            struck_in[usize::from(machine.cpu.cpl)] += 1;
            deliver(&mut struck.machine, event, None, &mut struck.log).expect("delivered");
            struck.run_back_to(&machine.cpu);
            assert_eq!(preserved(&struck.machine.cpu), preserved(&machine.cpu), "{}", struck.place());
            assert_eq!(struck.per_cpu("timer_ticks"), 1);
        }
        assert!(struck_in[0] > 50 && struck_in[3] > 50, "{struck_in:?}");
    }
}

/// A place where a missing restore lets user mode run on the kernel's tables, and the fault that user mode then takes.
type Exposed = (String, Option<(Exception, Option<u32>)>);

/// Strikes every distinct place in kernel mode with the form that does not restore.
fn exposed(features: Features) -> BTreeSet<Exposed> {
    let run = Run::new(features, Form::Never, Handler::Quiet);
    boundaries(&run).iter().filter(|machine| machine.cpu.cpl == 0).filter_map(|machine| expose(&run, machine)).collect()
}

fn expose(run: &Run, machine: &Machine) -> Option<Exposed> {
    let mut struck = Run { machine: machine.clone(), ..run.clone() };
    let place = struck.place();
    struck.inject(Nmi);
    let end = run.address("run_end");
    struck.run_until(|machine| machine.cpu.cpl == 3 || machine.cpu.rip == end);
    let on_kernel_tables = struck.machine.cpu.cpl == 3 && tables_half(struck.machine.cpu.cr3) == Half::Kernel;
    struck.log.faults.clear();
    struck.step().expect("the first step in user mode, or a fault of it");
    let fault = struck.log.faults.first().map(|fault| (fault.exception, fault.error_code));
    assert_eq!(struck.run_to_end(), "run_end", "{place}");
    on_kernel_tables.then_some((place, fault))
}

/// SYSRET: from the switch to the user CR3 to the return, six instructions. IRET: ten.
fn check_exposed(features: Features, fault: Option<(Exception, Option<u32>)>) {
    let exposed = exposed(features);
    let sysret = ["sysret_exit_switch_cr3", "sysret_exit_user_cr3", "entry_SYSRETQ_unsafe_stack"];
    let by_sysret = |place: &str| sysret.iter().any(|label| place.split('+').next() == Some(label));
    assert_eq!(exposed.iter().filter(|(place, _)| by_sysret(place)).count(), 6, "{exposed:?}");
    assert_eq!(exposed.iter().filter(|(place, _)| !by_sysret(place)).count(), 10, "{exposed:?}");
    assert!(exposed.iter().all(|(_, taken)| *taken == fault), "{exposed:?}");
}

#[test]
fn without_restore_user_mode_faults_once_where_execution_of_user_memory_is_forbidden() {
    // Present, user, fetch: the NX poison.
    let poisoned = Some((Exception::PageFault, Some(0x15)));
    for features in [ALL_ON, Features { pcid: false, ..ALL_ON }, Features { fsgsbase: false, ..ALL_ON }] {
        check_exposed(features, poisoned);
    }
}

#[test]
fn without_restore_and_nx_user_mode_runs_on_the_kernels_tables_unnoticed() {
    for features in [ALL_ON, Features { pcid: false, ..ALL_ON }] {
        check_exposed(Features { nx: false, ..features }, None);
    }
}
