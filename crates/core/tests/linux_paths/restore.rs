//! What each form of the macro does with CR3 and the mask: exact counts for every saved CR3, with and without PCIDs.

use crate::support::{ALL_ON, Run, all_features, preserved};
use cr3_core::linux::{Features, Form, Half, Handler, tables_half};
use cr3_core::machine::Exception;
use cr3_core::machine::observe::Cr3Flush::{self, Flush, NoFlush};

/// Where the exception strikes decides which CR3 is saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Saved {
    Kernel,
    User,
}

/// Places in kernel mode with either CR3. The user's is loaded in the exit windows, and in the entry windows up to the
/// switch.
const PLACES: [(&str, Saved); 7] = [
    ("kernel_loop", Saved::Kernel),
    ("do_syscall_64", Saved::Kernel),
    ("entry_SYSCALL_64_safe_stack", Saved::Kernel),
    ("sysret_exit_user_cr3", Saved::User),
    ("entry_SYSRETQ_unsafe_stack", Saved::User),
    ("iret_exit_user_cr3", Saved::User),
    ("native_irq_return_iret", Saved::User),
];

/// What the macro did.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Did {
    writes: Vec<Cr3Flush>,
    mask_after: u16,
}

/// The bit of the user program's PCID, and another one that no form may change.
const OWN: u16 = 1 << 1;
const OTHER: u16 = 1 << 3;

/// The truth table: writes to CR3, and the mask after it.
fn expected(form: Form, features: Features, saved: Saved, mask: u16) -> Did {
    let did = |writes: &[Cr3Flush], mask_after| Did { writes: writes.to_vec(), mask_after };
    if !features.pti {
        return did(&[], mask);
    }
    match (form, saved, features.pcid, mask & OWN != 0) {
        (Form::Never, ..) => did(&[], mask),
        (Form::A, Saved::Kernel, false, _) => did(&[Flush], mask),
        (Form::A, Saved::Kernel, true, _) => did(&[NoFlush], mask),
        (_, Saved::Kernel, ..) => did(&[], mask),
        (_, Saved::User, false, _) => did(&[Flush], mask),
        (Form::B2, Saved::User, true, _) => did(&[Flush], mask),
        (_, Saved::User, true, false) => did(&[NoFlush], mask),
        (_, Saved::User, true, true) => did(&[Flush], mask & !OWN),
    }
}

/// The macro's extent on the two paths that use it.
fn extent(exception: Exception) -> [&'static str; 2] {
    match exception {
        Exception::Nmi => ["nmi_exit", "nmi_exit_cr3_restored"],
        _ => ["paranoid_exit", "paranoid_exit_cr3_restored"],
    }
}

/// The first time that the program is at `label` with the place's CR3.
fn arrive(start: &Run, features: Features, label: &str, saved: Saved) -> Run {
    let mut run = start.clone();
    let address = run.address(label);
    let user = saved == Saved::User && features.pti;
    run.run_until(|machine| {
        let cpu = &machine.cpu;
        cpu.rip == address && (tables_half(cpu.cr3) == Half::User) == user
    });
    run
}

fn strike(run: &mut Run, exception: Exception, mask: u16) -> Did {
    let [start, end] = extent(exception).map(|label| run.address(label));
    run.set_mask(mask);
    run.inject(exception);
    run.run_until(|machine| machine.cpu.rip == start);
    run.log.cr3_writes.clear();
    run.run_until(|machine| machine.cpu.rip == end);
    Did { writes: run.log.cr3_writes.iter().map(|write| write.flush).collect(), mask_after: run.mask() }
}

/// Places that a configuration reaches: without isolation there is no trampoline.
fn reached(features: Features, label: &str) -> bool {
    features.pti || label != "iret_exit_user_cr3"
}

/// Whether #VC strikes with isolation on the user's stack: its handler moves to the thread stack, which disappears with the
/// kernel's tables (see `communication`).
fn loses_its_stack(features: Features, label: &str, exception: Exception) -> bool {
    features.pti && exception == Exception::VmmCommunication && label == "entry_SYSRETQ_unsafe_stack"
}

fn check(form: Form) {
    let exceptions = [
        Exception::Nmi,
        Exception::Debug,
        Exception::MachineCheck,
        Exception::VmmCommunication,
        Exception::DoubleFault,
    ];
    for features in all_features() {
        let start = Run::new(features, form, Handler::Quiet);
        for (label, saved) in PLACES.into_iter().filter(|(label, _)| reached(features, label)) {
            let arrived = arrive(&start, features, label, saved);
            for exception in exceptions {
                for mask in [0, OWN, OTHER, OWN | OTHER] {
                    let mut run = arrived.clone();
                    let before = run.machine.cpu.clone();
                    let did = strike(&mut run, exception, mask);
                    let context = format!("{form:?} {features:?} {label} {exception:?} mask {mask:#x}");
                    assert_eq!(did, expected(form, features, saved, mask), "{context}");
                    if form != Form::Never && !loses_its_stack(features, label, exception) {
                        run.run_back_to(&before);
                        assert_eq!(preserved(&run.machine.cpu), preserved(&before), "{context}");
                    }
                }
            }
        }
    }
}

#[test]
fn form_a() {
    check(Form::A);
}

#[test]
fn form_b2() {
    check(Form::B2);
}

#[test]
fn form_c() {
    check(Form::C);
}

#[test]
fn form_e() {
    check(Form::E);
}

#[test]
fn form_never() {
    check(Form::Never);
}

#[test]
fn a_pending_bit_that_b2_leaves_costs_one_more_flush() {
    let flushes = |form: Form| {
        let mut run = arrive(&Run::new(ALL_ON, form, Handler::Quiet), ALL_ON, "sysret_exit_user_cr3", Saved::User);
        strike(&mut run, Exception::Nmi, OWN);
        let after_exception = run.mask();
        assert_eq!(run.run_to_end(), "run_end");
        let flushes = run.log.cr3_writes.iter().filter(|write| write.flush == Flush).count();
        (after_exception, flushes, run.mask())
    };
    assert_eq!(flushes(Form::E), (0, 1, 0));
    assert_eq!(flushes(Form::B2), (OWN, 2, 0));
}

#[test]
fn without_invpcid_the_handler_leaves_a_pending_flush() {
    for (features, kernel, user) in [
        (ALL_ON, 0, 0),
        (Features { invpcid: false, ..ALL_ON }, OWN, 0),
        (Features { invpcid: false, pcid: false, ..ALL_ON }, 0, 0),
        (Features { invpcid: false, pti: false, ..ALL_ON }, 0, 0),
    ] {
        for (label, expected) in [("kernel_loop", kernel), ("sysret_exit_user_cr3", user)] {
            let mut run = Run::new(features, Form::E, Handler::PendingFlush);
            run.run_to(label);
            let before = run.machine.cpu.clone();
            run.inject(Exception::Nmi);
            run.run_back_to(&before);
            assert_eq!(run.mask(), expected, "{features:?} {label}");
            assert_eq!(run.run_to_end(), "run_end");
            assert_eq!(run.mask(), 0, "kept by the next return to user mode");
        }
    }
}
