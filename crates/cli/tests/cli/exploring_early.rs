//! `cr3play explore` that ends before it is through: budgets, signals, and what is said of each system.

use super::{play, steady, words};
use expect_test::{Expect, expect};
use serde_json::{Value, json};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

/// All features, and each system with a handler of its own.
const ALL: &str = "--features pti,pcid,invpcid,fsgsbase,nx";

/// One system, so that a search is short.
const ONE: &str = "--features pti,pcid,invpcid,fsgsbase,nx --handler quiet";

#[test]
fn a_budget_of_memory_ends_a_search() {
    let deep = format!("explore {ONE} --depth 2 --vectors db --shard 380/2000 --json");
    let little = super::json(&format!("{deep} --max-memory 1"), 3);
    assert_eq!((&little["verdict"], &little["depth"]), (&"not-finished".into(), &1.into()));
    assert_eq!(little["obstacle"]["reason"], "memory");
    let enough = super::json(&format!("{deep} --max-memory 4096"), 0);
    assert_eq!((&enough["verdict"], &enough["depth"]), (&"holds".into(), &2.into()));
}

/// From the verdict to the choices.
#[track_caller]
fn check(arguments: &str, status: i32, expected: Expect) {
    let answer = play(&format!("explore {arguments}"), "");
    assert_eq!((answer.status, answer.err.as_str()), (status, ""), "{arguments}");
    super::assert_fits(arguments, &answer);
    let lines = answer.out.lines().skip_while(|line| !line.starts_with("verdict"));
    let lines = lines.take_while(|line| !line.starts_with("choices"));
    expected.assert_eq(&steady(&lines.map(|line| format!("{line}\n")).collect::<String>()));
}

#[test]
fn a_budget_that_is_spent_is_said() {
    check(
        &format!("{ONE} --depth 1 --vectors nmi --max-states 300"),
        3,
        expect![[r#"
        verdict   not finished; no depth was completed, and ### schedules were seen in all; its budget of
                  states is spent; try a larger --max-states
    "#]],
    );
    check(
        &format!("{ONE} --depth 2 --vectors nmi --max-states 1500"),
        3,
        expect![[r#"
        verdict   not finished; every schedule of one exception was covered, and #### schedules were seen in
                  all; its budget of states is spent; try a larger --max-states
    "#]],
    );
    check(
        &format!("{ONE} --depth 2 --vectors nmi --max-memory 1"),
        3,
        expect![[r#"
        verdict   not finished; every schedule of one exception was covered, and #### schedules were seen in
                  all; its budget of memory is spent; try a larger --max-memory
    "#]],
    );
    check(
        &format!("{ONE} --vectors nmi,db --max-memory 1"),
        3,
        expect![[r#"
        verdict   not finished; every schedule of one exception was covered, and #### schedules were seen in
                  all; its budget of memory is spent; try a larger --max-memory
    "#]],
    );
    check(
        &format!("{ONE} --form never --depth 1 --vectors db --max-states 900"),
        1,
        expect![[r#"
        verdict   breaks at depth 1: ### of ### schedules; the search did not finish: its budget of states
                  is spent; try a larger --max-states
    "#]],
    );
    check(
        &format!("{ONE} --form never --vectors db --max-states 900"),
        1,
        expect![[r#"
        verdict   breaks at depth 1: ### of ### schedules; the search did not finish: its budget of states
                  is spent; try a larger --max-states
    "#]],
    );
}

/// What has come to its fixpoint stays known where another system does not.
#[test]
fn each_system_says_how_far_it_is() {
    let two = format!("{ALL} --handler quiet,efi-call --vectors nmi");
    check(
        &two,
        3,
        expect![[r#"
        verdict   not finished; every schedule of one exception was covered, and #### schedules were seen in
                  all; with features pti,pcid,invpcid,fsgsbase,nx, handler efi-call: what handler efi-call
                  does cannot be summed up; try --depth 2
        any depth 1 of 2 systems
            any depth, features pti,pcid,invpcid,fsgsbase,nx, handler quiet
            depth 1, features pti,pcid,invpcid,fsgsbase,nx, handler efi-call: what handler efi-call does
            cannot be summed up; try --depth 2
    "#]],
    );
    let report = super::json(&format!("explore {two} --json"), 3);
    let [quiet, efi] = [0, 1].map(|system| &report["systems"][system]);
    let far =
        |system: &Value| ["verdict", "depth", "empty"].iter().map(|field| system[*field].clone()).collect::<Value>();
    assert_eq!(far(quiet), json!(["holds", "any", false]));
    assert_eq!(far(efi), json!(["not-finished", 1, false]));
    assert_eq!((&quiet["obstacle"], &efi["obstacle"]["reason"]), (&Value::Null, &"handler".into()));
    assert_eq!(efi["depths"].as_array().map(Vec::len), Some(1));
    assert_eq!(
        (&report["obstacle"]["reason"], &report["obstacle"]["handler"]),
        (&"handler".into(), &"efi-call".into())
    );
}

/// Nothing is known to strike nowhere in a system whose single exceptions are not complete.
#[test]
fn a_system_that_was_not_searched_is_not_called_empty() {
    let empty = |arguments: &str| {
        let report = super::json(&format!("explore {ONE} --vectors irq {arguments} --json"), 3);
        report["systems"][0]["empty"].clone()
    };
    assert_eq!([empty("--depth 1"), empty("--depth 1 --max-states 1")], [true.into(), Value::Null]);
    assert_eq!(empty("--random 2"), Value::Null);
}

/// Starts a search that takes hours, and ends it by a signal.
fn signalled(signal: &str, arguments: &str) -> Output {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let mut child = Command::new(env!("CARGO_BIN_EXE_cr3play"))
        .args(words(&format!("explore {arguments} --jobs 2")))
        .current_dir(root)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("cr3play starts");
    std::thread::sleep(Duration::from_secs(2));
    assert!(child.try_wait().expect("it can be asked").is_none(), "{arguments} takes hours");
    let killed = Command::new("kill").args([signal, &child.id().to_string()]).status().expect("kill");
    assert!(killed.success());
    let output = child.wait_with_output().expect("cr3play ends");
    assert_eq!(output.status.code(), Some(3), "{signal}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "progress is for terminals");
    output
}

#[test]
fn a_search_that_a_signal_ends_says_what_it_covered() {
    for signal in ["-INT", "-TERM"] {
        let output = signalled(signal, &format!("{ONE} --depth 3 --json"));
        let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!((&report["verdict"], &report["obstacle"]["reason"]), (&"not-finished".into(), &"stopped".into()));
        assert!(report["schedules"].as_u64().is_some_and(|seen| seen > 0), "{signal} {report}");
    }
}

#[test]
fn random_schedules_that_a_signal_ends_say_so() {
    let output = signalled("-TERM", &format!("{ONE} --random 1000000000"));
    let told = String::from_utf8(output.stdout).expect("UTF-8").split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains(" random schedules breaks a promise; other schedules may; it was stopped strikes"), "{told}");
}
