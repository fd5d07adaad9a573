//! Search of any depth and number: its verdicts, and the check of what it rests on.

use crate::support::{THREE, config, custom, explore, query};
use cr3_core::explore::{Explorer, Method, Played, Progress, Query, Reach, Report, Verdict};
use cr3_core::linux::Config;
use cr3_core::scenario::Vector;
use cr3_testing::Random;

const NMI: &[Vector] = &[Vector::Nmi];
const DEBUG_AND_MACHINE_CHECK: &[Vector] = &[Vector::Debug, Vector::MachineCheck];

fn any_depth(config: Config, vectors: &[Vector]) -> Query {
    Query { method: Method::Summaries, vectors: vectors.to_vec(), ..query(vec![config]) }
}

fn searched(query: Query) -> Explorer {
    let mut explorer = Explorer::new(query).unwrap_or_else(|diagnostics| panic!("{diagnostics:#?}"));
    while explorer.work(1_000_000) == Progress::More {}
    explorer
}

/// The verdict, with the fewest exceptions that break something.
fn verdict(report: &Report) -> (&'static str, Reach, usize) {
    assert_eq!(report.unconfirmed, [""; 0]);
    let fewest = report.violations.iter().map(|violation| violation.depth()).min();
    (report.verdict.name(), report.reach, fewest.unwrap_or(0))
}

#[test]
fn forms_hold_for_every_schedule() {
    for form in ["A", "C", "E"] {
        for vectors in [NMI, DEBUG_AND_MACHINE_CHECK] {
            let report = explore(any_depth(config(&format!("form={form} handler=quiet")), vectors));
            assert_eq!(verdict(&report), ("holds", Reach::Any, 0), "{form} {vectors:?}");
        }
    }
    for handler in ["perf", "pending-flush"] {
        let report = explore(any_depth(config(&format!("form=E handler={handler}")), NMI));
        assert_eq!(verdict(&report), ("holds", Reach::Any, 0), "{handler}");
    }
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
    for name in ["counts_only", "iret_to_itself", "harmless_window", "progress_noted"] {
        let report = explore(any_depth(custom(name), DEBUG_AND_MACHINE_CHECK));
        assert_eq!(verdict(&report), ("holds", Reach::Any, 0), "{name}");
    }
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
    let query = any_depth(config("form=E handler=quiet"), NMI);
    for (bytes, expected) in [(100_000, Verdict::NotFinished), (100_000_000, Verdict::Holds)] {
        let mut explorer = Explorer::new(query.clone()).unwrap_or_else(|diagnostics| panic!("{diagnostics:#?}"));
        explorer.limit_memory(bytes);
        while explorer.work(1_000_000) == Progress::More {}
        assert_eq!(explorer.report().verdict, expected, "{bytes}");
    }
}

/// Plays one schedule: what strikes before which steps.
fn play(explorer: &Explorer, strikes: &[(u32, Vector)]) -> Played {
    let mut strikes = strikes.iter().peekable();
    let choose = |step, _| strikes.next_if(|strike| strike.0 == step).map(|strike| strike.1);
    explorer.play(0, choose).expect("the search is through and nothing breaks")
}

#[test]
fn every_single_exception_goes_as_the_summaries_say() {
    for vectors in [NMI, DEBUG_AND_MACHINE_CHECK] {
        let explorer = searched(any_depth(config("form=E handler=quiet"), vectors));
        let mut struck = 0;
        for step in 0..1_400 {
            for &vector in vectors {
                let played = play(&explorer, &[(step, vector)]);
                assert_eq!(played.wrong, None, "{played:?}");
                struck += played.strikes;
            }
        }
        assert!(struck > 1_300 * vectors.len() as u32, "{struck}");
    }
}

#[test]
fn pairs_go_as_the_summaries_say() {
    let explorer = searched(any_depth(config("form=E handler=quiet"), DEBUG_AND_MACHINE_CHECK));
    let mut deepest = 0;
    for first in (0..1_378).step_by(53) {
        for second in (1..400).step_by(7) {
            let played = play(&explorer, &[(first, Vector::Debug), (first + second, Vector::MachineCheck)]);
            assert_eq!(played.wrong, None, "{played:?}");
            deepest = deepest.max(played.deepest);
        }
    }
    assert_eq!(deepest, 2);
}

/// Strikes of random schedules, unless the variable says otherwise.
const STRIKES: u32 = 20_000;

fn number(variable: &str, usual: u32) -> u32 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// Random schedules up to six deep, of up to sixteen exceptions. `CR3_EXPLORER_STRIKES` says how many strikes,
/// `CR3_EXPLORER_SEED` with which numbers.
#[test]
fn random_schedules_go_as_the_summaries_say() {
    for vectors in [DEBUG_AND_MACHINE_CHECK, &THREE] {
        let strikes = number("CR3_EXPLORER_STRIKES", STRIKES);
        let seed = number("CR3_EXPLORER_SEED", 1);
        let explorer = searched(any_depth(config("form=E handler=quiet"), vectors));
        assert_eq!(verdict(&explorer.report()), ("holds", Reach::Any, 0), "{vectors:?}");
        play_at_random(&explorer, vectors, strikes, seed);
    }
}

fn play_at_random(explorer: &Explorer, vectors: &[Vector], strikes: u32, seed: u32) {
    let mut random = Random(seed.into());
    let (mut struck, mut deepest) = (0, 0);
    while struck < strikes {
        let rate = [20, 60, 150, 400][random.below(4) as usize];
        let (most, first) = (1 + random.below(16), random.below(1_378) as u32);
        let mut asked = 0;
        let choose = |step: u32, inside: usize| {
            let begins = asked == 0 && step >= first;
            let goes_on = asked != 0 && asked < most && inside < 6 && random.below(rate) == 0;
            let strikes = begins || goes_on;
            asked += u64::from(strikes);
            strikes.then(|| vectors[random.below(vectors.len() as u64) as usize])
        };
        let played = explorer.play(0, choose).expect("the search is through and nothing breaks");
        assert_eq!(played.wrong, None, "seed {seed}: {played:?}");
        struck += played.strikes;
        deepest = deepest.max(played.deepest);
    }
    println!("{struck} strikes from seed {seed}, up to {deepest} deep: as the summaries say");
    assert!(deepest > 2, "{deepest}");
}
