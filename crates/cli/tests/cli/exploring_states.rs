//! `cr3play explore`: the states of a verdict that few searches meet.

use super::{json, play};
use expect_test::{Expect, expect};
use serde_json::Value;

/// One system, so that a search is short.
const ONE: &str = "--features pti,pcid,invpcid,fsgsbase,nx --handler quiet";

/// The lines that begin with one of `labels`, with what is wrapped below them.
#[track_caller]
fn check(arguments: &str, status: i32, labels: &[&str], expected: Expect) {
    let depth = if arguments.contains("--random") { "" } else { "--depth 1" };
    let answer = play(&format!("explore {ONE} {depth} {arguments}"), "");
    assert_eq!(answer.status, status, "{arguments}: {}{}", answer.out, answer.err);
    let mut told = String::new();
    let mut keeps = false;
    for line in answer.out.lines().chain(answer.err.lines()) {
        if !line.starts_with("          ") {
            keeps = labels.iter().any(|label| line.starts_with(label));
        }
        if keeps {
            told += &format!("{line}\n");
        }
    }
    expected.assert_eq(&super::steady(&told));
}

#[test]
fn costs_that_cannot_be_compared() {
    let labels = ["schedules counted", "instructions", "CR3 writes", "n/c"];
    check(
        "--form A --against never --vectors nmi",
        0,
        &labels,
        expect![[r#"
        schedules counted        ####     ####
        instructions          #######  #######         n/c
        CR3 writes              #####    #####         n/c
        n/c: not comparable, since form never breaks with one exception
    "#]],
    );
    let different = "--macro testdata/explore/longer_exit.S --against E --vectors nmi";
    check(
        different,
        0,
        &labels,
        expect![[r#"
        schedules counted        ####     ####
        instructions          #######  #######         n/c
        CR3 writes              #####    #####         n/c
        n/c: not comparable, since the forms have #### and #### schedules
    "#]],
    );
    // Steadied digits would hide which number is which.
    let reason = json(&format!("explore {ONE} {different} --json"), 0)["no_differences"].clone();
    assert_eq!(reason, "the forms have 1385 and 1378 schedules");
}

/// What is broken by schedules that stand for others is no part of the schedules that were looked at one by one.
#[test]
fn what_breaks_is_counted_where_schedules_are_looked_at_one_by_one() {
    let breaking = |arguments: &str| {
        let report = json(&format!("explore {ONE} {arguments} --json"), 1);
        [&report["breaking"], &report["systems"][0]["breaking"]].map(Value::as_u64)
    };
    let second = "--macro testdata/explore/second_hit.S --vectors db";
    assert_eq!(breaking(&format!("{second} --depth any")), [None, None]);
    assert_eq!(breaking(&format!("{second} --depth 2 --shard 380/2000")), [Some(146), Some(146)]);
    assert_eq!(breaking("--macro testdata/explore/never_leaves.S --vectors nmi --depth 1"), [None, None]);
    let never = json(&format!("explore {ONE} --form never --vectors db --depth any --json"), 1);
    assert_eq!(never["breaking"], never["depths"][0]["breaking"]);
    assert!(never["breaking"].as_u64().is_some_and(|count| count > 0), "{never}");
}

#[test]
fn an_assumption_that_is_off_for_nothing() {
    let answer = play(&format!("explore {ONE} --depth 1 --vectors nmi --without no-poke --without vc-gap"), "");
    let off: Vec<_> = answer.out.lines().filter(|line| line.contains(" off")).map(str::trim).collect();
    assert_eq!(off, ["no-poke                off, but no system runs `kgdb-poke`", "vc-gap                 off"]);
    assert_eq!(answer.status, 0);
}

#[test]
fn a_search_that_breaks_and_did_not_finish() {
    check(
        "--form never --vectors db --max-states 900",
        1,
        &["verdict"],
        expect![[r#"
            verdict   breaks at depth 1: ### of ### schedules; the search did not finish: its budget of states
                      is spent; try a larger --max-states
        "#]],
    );
    check(
        "--vectors db --max-states 900",
        3,
        &["verdict"],
        expect![[r#"
            verdict   not finished; no depth was completed, and ### schedules were seen in all; its budget of
                      states is spent; try a larger --max-states
        "#]],
    );
}

#[test]
fn a_form_that_breaks_without_any_exception() {
    let labels = ["verdict", "choices", "    breaks", "why"];
    check(
        "--macro testdata/explore/never_leaves.S --vectors nmi",
        1,
        &labels,
        expect![[r#"
        verdict   breaks without any exception
        choices   0: 0 refused, 0 excluded, 0 schedules
            breaks user-cr3 at step ###: without any exception
            breaks mapped at step #####: without any exception
    "#]],
    );
    check(
        "--macro testdata/explore/never_leaves.S --vectors nmi --random 3",
        1,
        &labels,
        expect![[r#"
        verdict   breaks without any exception
            breaks user-cr3 at step ###: without any exception
            breaks mapped at step #####: without any exception
    "#]],
    );
}

#[test]
fn pairs_with_two_forms_run_to_their_end_and_a_warning_says_so() {
    let warned = |arguments: &str| play(&format!("explore {ONE} --against A --max-states 20 {arguments}"), "").err;
    let warning = "cr3play: with --against every schedule of up to 2 exceptions runs to its end, with both forms\n";
    assert_eq!([warned("--depth 2"), warned("--depth 1")], [warning, ""]);
}
