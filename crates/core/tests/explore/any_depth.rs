//! Search of any depth and number: its verdicts. `named.rs` has those of systems that hold, and the check of what they rest on.

use crate::support::{THREE, config, custom, explore, query};
use cr3_core::explore::{
    Assumption, Assumptions, Counts, Explorer, Method, Obstacle, Progress, Query, Reach, Report, Shorter, Verdict,
};
use cr3_core::linux::{Config, Handler};
use cr3_core::promises::Promise;
use cr3_core::scenario::{Scenario, Vector};
use cr3_core::trace::{Options, Trace};

const DEBUG_AND_MACHINE_CHECK: &[Vector] = &[Vector::Debug, Vector::MachineCheck];

pub(crate) fn any_depth(config: Config, vectors: &[Vector]) -> Query {
    Query { method: Method::Summaries, vectors: vectors.to_vec(), ..query(vec![config]) }
}

pub(crate) fn searched(query: Query) -> Explorer {
    let mut explorer = Explorer::new(query).unwrap_or_else(|diagnostics| panic!("{diagnostics:#?}"));
    while explorer.work(1_000_000) == Progress::More {}
    explorer
}

/// The verdict, with the fewest exceptions that break something.
pub(crate) fn verdict(report: &Report) -> (&'static str, Reach, usize) {
    assert_eq!(report.unconfirmed, [""; 0]);
    let fewest = report.violations.iter().map(|violation| violation.depth()).min();
    (report.verdict.name(), report.reach, fewest.unwrap_or(0))
}

#[test]
fn a_form_that_never_restores_breaks_with_one() {
    let report = explore(any_depth(config("form=never handler=quiet"), DEBUG_AND_MACHINE_CHECK));
    assert_eq!(verdict(&report), ("breaks", Reach::Depth(1), 1));
}

#[test]
fn macros_that_break_with_two_break_with_the_same_two() {
    let cases = [
        ("reentrant", DEBUG_AND_MACHINE_CHECK),
        ("pushed_by_probe", DEBUG_AND_MACHINE_CHECK),
        ("second_hit", DEBUG_AND_MACHINE_CHECK),
        ("stale_entry", DEBUG_AND_MACHINE_CHECK),
        ("check_in_progress", DEBUG_AND_MACHINE_CHECK),
        ("saved_stack_segment", DEBUG_AND_MACHINE_CHECK),
        ("saved_direction", &[Vector::Nmi, Vector::MachineCheck]),
    ];
    for (name, vectors) in cases {
        let report = explore(any_depth(custom(name), vectors));
        assert_eq!(verdict(&report), ("breaks", Reach::Depth(1), 2), "{name}");
        assert!(report.violations.iter().all(|violation| violation.depth() == 2), "{name}: {:#?}", report.violations);
    }
}

/// Summaries stop at the first schedules that break something: they know of none that takes fewer exceptions, and say nothing of steps.
#[test]
fn summaries_call_no_counterexample_the_shortest() {
    let broken = |query: Query| {
        let report = explore(query);
        let mapped = report.violations.iter().find(|violation| violation.broken.promise() == Promise::Mapped);
        mapped.map(|violation| (violation.depth(), violation.shorter, violation.steps)).expect("a page is not there")
    };
    let (strikes, shorter, steps) = broken(any_depth(custom("later_of_two"), DEBUG_AND_MACHINE_CHECK));
    assert_eq!((strikes, shorter), (2, Shorter::OnlyInSteps));
    let by_debug_alone = Query { vectors: vec![Vector::Debug], depth: 2, ..query(vec![custom("later_of_two")]) };
    let (strikes, _, fewer) = broken(by_debug_alone);
    assert_eq!(strikes, 2);
    assert!(fewer < steps, "{fewer} {steps}");
}

/// What an assumption excludes deeper than the first exception is counted.
#[test]
fn what_is_excluded_at_any_depth_is_counted() {
    let report = explore(any_depth(config("handler=quiet"), &[Vector::Debug]));
    assert_eq!((report.verdict, report.counts.excluded(Assumption::IstOnce)), (Verdict::Holds, 0));
    let counts = report.at_any_depth.expect("a fixpoint");
    assert_eq!(report.excluded(Assumption::IstOnce), counts.excluded(Assumption::IstOnce));
    assert!(counts.excluded(Assumption::IstOnce) > 0 && counts.schedules >= report.counts.schedules, "{counts:?}");
}

/// Choices of any depth by instruction: all of them, and at each instruction that a single exception strikes or a schedule of two reaches.
#[test]
fn choices_of_any_depth_are_told_by_instruction() {
    let vectors = &[Vector::Nmi, Vector::Debug];
    let report = explore(any_depth(config("handler=quiet"), vectors));
    let [setting] = report.settings.as_slice() else { panic!("one system") };
    let places = &setting.at_any_depth;
    assert!(places.is_sorted_by(|one, next| one.address < next.address));
    let mut sum = Counts::default();
    places.iter().for_each(|at| sum += at.counts);
    assert_eq!(report.at_any_depth, Some(sum));
    assert!(places.iter().all(|at| (at.counts.refused != 0) == at.refusal.is_some()));
    let at = |address| places.iter().find(|at| at.address == address).map(|at| at.counts.schedules);
    for single in &setting.by_place {
        assert!(at(single.address) >= Some(u64::from(single.counts.schedules != 0)), "{:#x}", single.address);
    }
    // Each instruction of a handler that a run executes.
    let struck =
        Scenario { schedule: "kernel_loop+1:nmi > asm_exc_nmi:db".parse().expect("a schedule"), config: config("") };
    let trace = Trace::record(&struck, Options::default()).expect("it assembles");
    let reached = trace.steps.iter().filter_map(|step| step.place).map(|id| trace.places.site(id).address);
    let missing: Vec<_> = reached.filter(|address| at(*address).is_none()).collect();
    assert_eq!(missing, Vec::<u64>::new());
    // A system that breaks says nothing of instructions: its search ends with the first exceptions that break it.
    let broken = explore(any_depth(custom("reentrant"), vectors));
    assert_eq!((broken.verdict, broken.settings[0].at_any_depth.len()), (Verdict::Breaks, 0));
}

/// What cannot be summed up says so before anything is searched.
#[test]
fn an_obstacle_is_named() {
    let met = |query: Query| explore(query).obstacle.map(|(_, obstacle)| obstacle);
    let quiet = || any_depth(config("handler=quiet"), DEBUG_AND_MACHINE_CHECK);
    assert_eq!(met(quiet()), None);
    let efi = any_depth(config("handler=efi-call"), &[Vector::Nmi]);
    assert_eq!(met(efi), Some(Obstacle::Handler(Handler::EfiCall)));
}

/// Somebody stops the search when one of two systems is through.
#[test]
fn a_system_that_is_through_stays_so_when_the_search_is_stopped() {
    let quiet = any_depth(config("handler=quiet"), &[Vector::Nmi]);
    let query = Query { configs: vec![config("handler=quiet"), config("handler=perf")], ..quiet };
    let mut explorer = Explorer::new(query).expect("they assemble");
    let single: Vec<_> = explorer.tasks().into_iter().filter_map(|task| task.run(|| true)).collect();
    explorer.absorb(single);
    let first = explorer.tasks().into_iter().take(1).filter_map(|task| task.run(|| true)).collect();
    explorer.absorb(first);
    let report = explorer.report();
    let far: Vec<_> = report.settings.iter().map(|it| (it.verdict, it.reach, it.obstacle.clone())).collect();
    assert_eq!(
        far,
        [(Verdict::Holds, Reach::Any, None), (Verdict::NotFinished, Reach::Depth(1), Some(Obstacle::Stopped)),]
    );
    assert_eq!((report.verdict, report.reach), (Verdict::NotFinished, Reach::Depth(1)));
    assert_eq!(
        report.obstacle.map(|(config, obstacle)| (config.handler.to_string(), obstacle)),
        Some(("perf".to_owned(), Obstacle::Stopped))
    );
}

#[test]
fn macros_that_break_with_three_break_with_the_same_three() {
    let cases = [
        ("three_deep", [Vector::Debug, Vector::MachineCheck, Vector::Nmi]),
        ("two_ends", [Vector::Debug, Vector::MachineCheck, Vector::Nmi]),
        ("through_a_pointer", [Vector::Nmi, Vector::MachineCheck, Vector::Debug]),
    ];
    for (name, vectors) in cases {
        let report = explore(any_depth(custom(name), &THREE));
        assert_eq!(verdict(&report), ("breaks", Reach::Depth(1), 3), "{name}");
        let first = report.violations.first().map(|violation| &violation.schedule);
        let struck =
            first.map(|schedule| schedule.injections.iter().map(|injection| injection.vector).collect::<Vec<_>>());
        assert_eq!(struck, Some(vectors.to_vec()), "{name}");
    }
}

#[test]
fn macros_that_look_wrong_and_are_right_hold() {
    for name in [
        "counts_only",
        "iret_to_itself",
        "harmless_window",
        "progress_noted",
        "cleared_by_probe",
        "stale_entry_flushed",
        "remapped",
    ] {
        let report = explore(any_depth(custom(name), DEBUG_AND_MACHINE_CHECK));
        assert_eq!(verdict(&report), ("holds", Reach::Any, 0), "{name}");
    }
}

#[test]
fn where_a_breakpoint_is_armed_rf_counts_from_before_it_was() {
    let report = explore(any_depth(custom("armed_inside"), &[Vector::Nmi, Vector::MachineCheck]));
    assert_eq!(verdict(&report), ("holds", Reach::Any, 0));
}

#[test]
fn a_budget_ends_the_search_and_the_depth_that_is_complete_is_said() {
    let query = Query { max_runs: Some(50), ..any_depth(config("form=E handler=quiet"), DEBUG_AND_MACHINE_CHECK) };
    let report = explore(Query { max_runs: None, depth: 1, ..query.clone() });
    assert_eq!(report.verdict, Verdict::Holds);
    let report = explore(query);
    assert_eq!(report.verdict, Verdict::NotFinished);
    assert_ne!(report.reach, Reach::Any);
}

#[test]
fn a_budget_of_memory_ends_the_search() {
    let query = any_depth(config("form=E handler=quiet"), &[Vector::Nmi]);
    for (bytes, expected) in [(100_000, Verdict::NotFinished), (100_000_000, Verdict::Holds)] {
        let mut explorer = Explorer::new(query.clone()).unwrap_or_else(|diagnostics| panic!("{diagnostics:#?}"));
        explorer.limit_memory(bytes);
        while explorer.work(1_000_000) == Progress::More {}
        assert_eq!(explorer.report().verdict, expected, "{bytes}");
    }
}

/// Runs of a round that are enough for every single exception of one vector.
const RUNS: u64 = 1_400;

/// What vectors come to at any depth, within [`RUNS`] for each.
#[track_caller]
fn check_bounded(text: &str, vectors: &[Vector], expected: (&str, Reach, usize)) {
    let max_runs = Some(RUNS * vectors.len() as u64);
    let report = explore(Query { max_runs, ..any_depth(config(text), vectors) });
    assert_eq!(verdict(&report), expected, "{text} {vectors:?}");
}

/// No handler of these holds with isolation.
#[test]
fn handlers_that_change_the_address_space_break_with_one() {
    for handler in ["kgdb-poke", "schedule", "rogue-switch-mm", "rogue-cr3"] {
        check_bounded(&format!("form=E handler={handler}"), &[Vector::Nmi], ("breaks", Reach::Depth(1), 1));
    }
}

/// Without isolation two of them hold for single exceptions, and the search goes on to any depth. A poke ends at the bound.
#[test]
fn handlers_that_change_the_address_space_without_isolation() {
    let system = |handler| format!("form=E features=pcid,invpcid,fsgsbase,nx handler={handler}");
    for handler in ["rogue-switch-mm", "rogue-cr3"] {
        check_bounded(&system(handler), &[Vector::Nmi], ("breaks", Reach::Depth(1), 1));
    }
    check_bounded(&system("kgdb-poke"), &[Vector::Nmi], ("not-finished", Reach::Depth(1), 0));
    crate::named::check(&system("schedule"), &[Vector::Nmi], crate::named::SAMPLE);
}

/// Nothing is said of them beyond single exceptions.
#[test]
fn vectors_without_a_fixpoint_end_at_the_bound() {
    let vectors = [Vector::VmmCommunication, Vector::DoubleFault];
    check_bounded("form=E handler=quiet", &vectors, ("not-finished", Reach::Depth(1), 0));
}

/// What a fixpoint weighs: choices that are refused, excluded and struck, at the boundaries of the runs that stand for all.
pub(crate) fn weighed(report: &Report) -> [u64; 3] {
    let counts = report.at_any_depth.expect("a fixpoint");
    let excluded = Assumption::ALL.into_iter().map(|assumption| counts.excluded(assumption)).sum();
    [counts.refused, excluded, counts.schedules]
}

#[test]
fn fixpoints_with_vc() {
    use Vector::{Debug, MachineCheck, Nmi, VmmCommunication};
    let cases: [(&str, &[Vector], [u64; 3]); 4] = [
        ("form=E handler=quiet", &[VmmCommunication], [0, 22159, 1336]),
        ("form=E handler=quiet", &[Nmi, VmmCommunication], [13335, 57549, 30672]),
        ("form=E handler=quiet", &[Debug, MachineCheck, VmmCommunication], [11376, 235899, 96594]),
        ("form=E handler=perf", &[VmmCommunication], [0, 57994, 2295]),
    ];
    for (text, vectors, expected) in cases {
        let report = explore(any_depth(config(text), vectors));
        assert_eq!(verdict(&report), ("holds", Reach::Any, 0), "{text} {vectors:?}");
        assert_eq!(weighed(&report), expected, "{text} {vectors:?}");
    }
}

/// What #VC and #DF break at any depth without an assumption.
#[test]
fn vectors_that_hold_only_under_an_assumption() {
    let cases = [
        (Assumption::VcGap, Vector::VmmCommunication, 1),
        (Assumption::VcOnce, Vector::VmmCommunication, 2),
        (Assumption::DfOnce, Vector::DoubleFault, 2),
    ];
    for (assumption, vector, fewest) in cases {
        let assumed = Assumptions::default().without(assumption);
        let report = explore(Query { assumed, ..any_depth(config("form=E handler=quiet"), &[vector]) });
        assert_eq!(verdict(&report), ("breaks", Reach::Depth(1), fewest), "{assumption}");
    }
}
