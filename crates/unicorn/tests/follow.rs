//! Runs in slices: one mark for each step of the trace, progress, and a disagreement with everything needed to look
//! into it.

use cr3_core::linux::{Form, System, boot};
use cr3_core::machine::Register;
use cr3_core::run::End;
use cr3_core::scenario::presets::{PRESETS, Preset};
use cr3_core::scenario::{Scenario, Vector};
use cr3_core::trace::{Options, Trace};
use cr3_unicorn::checker::{Checked, Mismatch, Tally, Verdict};
use cr3_unicorn::follow::{Job, Progress, SweepJob};
use cr3_unicorn::limits::Limit;
use cr3_unicorn::native::Native;
use cr3_unicorn::processor::{CpuState, Processor};
use cr3_unicorn::wrong::Wrong;
use expect_test::{Expect, expect};

/// Steps of a run; one of the presets is an endless loop of faults.
const BUDGET: u32 = 5_000;

fn native() -> Native {
    Native::open().expect("Unicorn opens")
}

fn system(scenario: &Scenario) -> System {
    boot(&scenario.config).unwrap_or_else(|diagnostics| panic!("{diagnostics:?}"))
}

/// Runs to the end in slices of different lengths. Returns all marks and the last progress.
fn followed<P: Processor>(job: &mut Job<P>) -> (Vec<Checked>, Progress) {
    let mut marks = Vec::new();
    for slice in [1, 7, 100, 1000].into_iter().cycle() {
        let progress = job.advance(slice);
        marks.extend(&progress.marks);
        if progress.is_done() {
            return (marks, progress);
        }
        assert_eq!(progress.marks.len(), slice as usize, "a slice is as long as it was asked for");
    }
    unreachable!("cycle() does not end")
}

#[test]
fn every_step_of_a_trace_has_one_mark() {
    let mut follower = native();
    // Unicorn keeps no global translation when CR3 is written, and efi-call goes on by these on tables that map nothing.
    for preset in PRESETS.iter().filter(|preset| preset.name != "efi-call") {
        for form in [Form::A, Form::E] {
            let scenario = preset.scenario(form);
            let trace = Trace::record(&scenario, Options { budget: BUDGET }).expect("the scenario assembles");
            let mut job = Job::new(follower, &system(&scenario), &scenario.schedule, BUDGET);
            let (marks, last) = followed(&mut job);
            assert_eq!(last.report, None, "{}", preset.name);
            assert_eq!((marks.len(), last.end), (trace.steps.len(), Some(trace.end)), "{}", preset.name);
            assert_counted(&marks, &last.tally);
            follower = job.into_follower();
        }
    }
}

/// Native Unicorn delivers nothing: each delivery is a step that it does not judge.
fn assert_counted(marks: &[Checked], tally: &Tally) {
    let count = |wanted: Checked| marks.iter().filter(|mark| **mark == wanted).count() as u64;
    let mirrored = |limit| tally.mirrored.get(&limit).copied().unwrap_or(0);
    assert_eq!(count(Checked::Unjudged(Limit::Delivery)), mirrored(Limit::Delivery));
    assert_eq!(count(Checked::Unjudged(Limit::Syscall)), mirrored(Limit::Syscall));
    assert_eq!(count(Checked::Agrees), tally.compared - tally.exceptions);
    assert_eq!((count(Checked::DeliveredByBoth), count(Checked::Differs)), (0, 0));
    assert!(mirrored(Limit::Delivery) > 0, "something was delivered");
}

fn preset(name: &str) -> Scenario {
    Preset::named(name).expect("there is such a preset").scenario(Form::E)
}

/// The disagreement of a second CPU that is wrong from step `right` on.
fn mismatch(right: u64) -> (Vec<Checked>, Mismatch) {
    let scenario = preset("kgdb-kernel");
    let mut job = Job::new(Wrong::after(right, native()), &system(&scenario), &scenario.schedule, BUDGET);
    let (marks, last) = followed(&mut job);
    let report = last.report.expect("a wrong result is found");
    assert_eq!(report.schedule, scenario.schedule.to_string());
    match report.verdict {
        Verdict::Mismatch(mismatch) => (marks, *mismatch),
        Verdict::Failure(failure) => panic!("{failure}"),
    }
}

#[test]
fn a_wrong_result_is_found_at_its_step_with_the_state_before_it() {
    let scenario = preset("kgdb-kernel");
    let trace = Trace::record(&scenario, Options { budget: BUDGET }).expect("the scenario assembles");
    for right in [1, 2, 40, 200] {
        let (marks, found) = mismatch(right);
        let step = marks.len() - 1;
        assert_eq!(marks.last(), Some(&Checked::Differs));
        assert!(!marks[..step].contains(&Checked::Differs));
        assert_eq!(found.before, CpuState::of(&trace.machine_before(step).cpu), "step {step}");
        assert!(!found.bytes.is_empty(), "{found}");
        let rax = Register::Rax as usize;
        assert_eq!(found.theirs.state.registers[rax], found.ours.state.registers[rax] ^ 1, "{found}");
    }
}

#[test]
fn a_budget_ends_a_run() {
    let scenario = preset("schedule");
    let mut job = Job::new(native(), &system(&scenario), &scenario.schedule, 30);
    let (marks, last) = followed_in_one(&mut job);
    assert_eq!((marks, last.end), (30, Some(End::Budget { steps: 30 })));
}

fn followed_in_one<P: Processor>(job: &mut Job<P>) -> (usize, Progress) {
    let progress = job.advance(u32::MAX);
    (progress.marks.len(), progress)
}

#[test]
fn a_sweep_says_how_far_it_is() {
    let scenario = preset("kgdb-kernel");
    let mut job = SweepJob::new(native(), &system(&scenario), &scenario.config, &[Vector::Nmi, Vector::Interrupt], 120);
    let mut done = Vec::new();
    let last = loop {
        let progress = job.advance(500);
        done.push(progress.done);
        if progress.is_done {
            break progress;
        }
    };
    assert!(done.is_sorted() && done.len() > 10, "{done:?}");
    assert_eq!((last.done, last.report), (last.total, None));
    assert_eq!(last.swept.struck + last.swept.refused, last.total as u64);
    assert_eq!(u64::from(last.findings.judged), last.swept.struck);
    check(
        &format!("{} places x vectors, {:?}\n{}", last.total, last.swept, last.tally),
        &expect![[r#"
        240 places x vectors, Swept { struck: 147, refused: 93 }
        compared 57598 steps, 60 of them exceptions; 207 deliveries, 0 of them by both; not compared 28: Unicorn does not execute SYSCALL, it only calls a hook; not compared 207: Unicorn's library stops at an event and does not deliver it"#]],
    );
}

fn check(found: &str, expected: &Expect) {
    expected.assert_eq(found);
}

#[test]
fn a_sweep_that_disagrees_names_the_injection() {
    let scenario = preset("kgdb-kernel");
    let mut job = SweepJob::new(Wrong::after(300, native()), &system(&scenario), &scenario.config, &Vector::ALL, 120);
    let progress = job.advance(u32::MAX);
    assert!(progress.is_done);
    check(&progress.report.expect("a wrong result is found").schedule, &expect!["user_start:nmi"]);
}
