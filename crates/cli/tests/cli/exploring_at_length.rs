//! `cr3play explore` where it takes long: random schedules, shares and `cr3play merge`.

use super::{Answer, check, json, play};
use expect_test::expect;
use serde_json::Value;
use std::process::Command;

/// One system, so that a search is short.
const ONE: &str = "--features pti,pcid,invpcid,fsgsbase,nx --handler quiet";

#[test]
fn random_schedules_are_those_of_their_seed() {
    let drawn = |arguments: &str| json(&format!("explore {ONE} --random 120 {arguments} --json"), 3);
    let one = drawn("--jobs 1");
    assert_eq!(one, drawn("--jobs 5 --seed 1"));
    assert_ne!(one["strikes"], drawn("--seed 2")["strikes"]);
    assert_eq!(
        (&one["verdict"], &one["depth"], &one["depth_asked"]),
        (&"not-finished".into(), &0.into(), &Value::Null)
    );
    assert_eq!((&one["work"]["runs"], &one["work"]["method"]), (&120.into(), &"random".into()));
    assert_eq!((&one["schedules"], &one["depths"]), (&120.into(), &Value::Array(Vec::new())));
    // Up to 16 exceptions each, of which some may not strike.
    let strikes = one["strikes"].as_u64().expect("a number");
    assert!((300..1920).contains(&strikes), "{strikes}");
    let excluded = one["excluded"].as_object().expect("by id").values().filter_map(Value::as_u64).sum::<u64>();
    assert_eq!(one["choices"].as_u64(), Some(one["refused"].as_u64().expect("a number") + excluded + strikes));
    assert_eq!((&one["systems"][0]["schedules"], &one["systems"][0]["strikes"]), (&120.into(), &one["strikes"]));
    assert!(one["excluded"]["ist-once"].as_u64().is_some_and(|count| count > 0), "{}", one["excluded"]);
}

/// Nothing about others: a verdict of random schedules never says that a form holds.
#[test]
fn random_schedules_find_what_breaks_and_promise_nothing() {
    check(
        &format!("explore {ONE} --vectors nmi --random 20"),
        3,
        expect![[r#"
            form      E: PARANOID_RESTORE_CR3, merged in v6.9: skips a kernel CR3, BTR on the pending flush
            systems   features pti,pcid,invpcid,fsgsbase,nx, handler quiet
            vectors   nmi
            verdict   not finished: none of ## random schedules breaks a promise; other schedules may
            strikes   ###: ## refused, 0 excluded, ## struck
            assumes   no-schedule            no system runs `schedule`
            assumes   no-mm-switch           no system runs `rogue-switch-mm`
            assumes   no-poke                no system runs `kgdb-poke`
            assumes   no-raw-cr3             no system runs `rogue-cr3`
            assumes   no-request-after-look  0 excluded
            assumes   aligned                no system runs `efi-call`
            assumes   ist-once               0 excluded
            assumes   nmi-frame              0 excluded
            assumes   vc-gap                 0 excluded
            assumes   vc-once                0 excluded
            assumes   df-once                0 excluded

            again     cr3play explore --form E --vectors nmi --handler quiet --features
                      pti,pcid,invpcid,fsgsbase,nx --random ## --seed 1
        "#]],
    );
    let report = json(&format!("explore --form never {ONE} --random 40 --json"), 1);
    assert_eq!(report["unconfirmed"], Value::Array(Vec::new()));
    for violation in report["violations"].as_array().expect("a list") {
        assert_eq!(violation["minimal"], false, "{violation}");
        let command = violation["command"].as_str().and_then(|command| command.strip_prefix("cr3play "));
        let run = json(&format!("{} --json --steps none", command.expect("a command")), 1);
        let broken = run["broken"].as_array().expect("a list");
        let same = |broken: &&Value| broken["invariant"] == violation["promise"] && broken["step"] == violation["step"];
        assert!(broken.iter().any(|broken| same(&broken)), "{violation}");
    }
}

/// A folder for the files of one test.
pub(super) fn folder(name: &str) -> std::path::PathBuf {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

/// Runs each share into a file of its own: their names, as arguments.
pub(super) fn shares(name: &str, arguments: &str, of: u32) -> Vec<String> {
    let folder = folder(name);
    let share = |index| {
        let file = folder.join(format!("{index}.json"));
        let answer = play(&format!("explore {arguments} --json --shard {index}/{of}"), "");
        std::fs::write(&file, answer.out).expect("it can be written");
        file.display().to_string()
    };
    (1..=of).map(share).collect()
}

pub(super) fn read(file: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(file).expect("a share")).expect("JSON")
}

pub(super) fn merge(files: &[String]) -> Answer {
    play(&format!("merge {}", files.join(" ")), "")
}

#[test]
fn shares_join_into_the_verdict_of_the_whole() {
    for (form, status) in [("E", 3), ("never", 1)] {
        let arguments = format!("--form {form} {ONE} --random 60");
        let files = shares(&format!("random_{form}"), &arguments, 3);
        let whole = json(&format!("explore {arguments} --json"), status);
        let merged = json(&format!("merge {} --json", files.join(" ")), status);
        same(&merged, &whole, &["shard", "at_any_depth", "without"]);
        let told = |text: &str| {
            let is_told = |line: &&str| line.starts_with("verdict ") || line.starts_with("strikes ");
            text.lines().filter(is_told).map(str::to_owned).collect::<Vec<_>>()
        };
        let whole = told(&play(&format!("explore {arguments}"), "").out);
        assert_eq!(whole.len(), 2, "{form}");
        assert_eq!(told(&merge(&files).out), whole, "{form}");
    }
}

/// That a merged answer has all that the whole one has, and the same, except for some fields.
#[track_caller]
pub(super) fn same(merged: &Value, whole: &Value, except: &[&str]) {
    let fields = whole.as_object().expect("fields").iter().filter(|(field, _)| !except.contains(&field.as_str()));
    for (field, value) in fields {
        assert_eq!((field, &merged[field]), (field, value));
    }
}

/// Only the last depth is dealt out: what is less deep is in each share, and counts once.
#[test]
fn what_every_share_has_searched_counts_once() {
    let whole = json(&format!("explore {ONE} --depth 1 --vectors nmi --json"), 0);
    let files = shares("single", &format!("{ONE} --vectors nmi"), 2);
    let merged = json(&format!("merge {} --json", files.join(" ")), 0);
    assert_eq!((&merged["choices"], &merged["schedules"]), (&whole["choices"], &whole["schedules"]));
    // The same with a second depth, whose schedules were dealt out.
    let deeper: Vec<_> = [(0, 70), (1, 30)]
        .map(|(index, schedules)| {
            let text = std::fs::read_to_string(&files[index]).expect("a share");
            let mut share: Value = serde_json::from_str(&text).expect("JSON");
            share["depth_asked"] = 2.into();
            share["depth"] = 2.into();
            let mut second = share["depths"][0].clone();
            second["schedules"] = schedules.into();
            share["depths"].as_array_mut().expect("a list").push(second);
            let file = folder("single").join(format!("deeper_{index}.json"));
            std::fs::write(&file, share.to_string()).expect("it can be written");
            file.display().to_string()
        })
        .into();
    let merged = json(&format!("merge {} --json", deeper.join(" ")), 0);
    let single = whole["schedules"].as_u64().expect("a number");
    assert_eq!((merged["schedules"].as_u64(), merged["depth"].as_u64()), (Some(single + 100), Some(2)));
    let text = merge(&deeper).out;
    expect![[r#"
        form      E
        systems   features pti,pcid,invpcid,fsgsbase,nx, handler quiet
        vectors   nmi
        shares    all 2
        verdict   holds for every schedule of up to 2 exceptions (nmi), under the assumptions below
        choices   4134: 0 refused, 0 excluded, 1478 schedules
        assumes   no-schedule            no system runs `schedule`
        assumes   no-mm-switch           no system runs `rogue-switch-mm`
        assumes   no-poke                no system runs `kgdb-poke`
        assumes   no-raw-cr3             no system runs `rogue-cr3`
        assumes   no-request-after-look  0 excluded
        assumes   aligned                no system runs `efi-call`
        assumes   ist-once               0 excluded
        assumes   nmi-frame              0 excluded
        assumes   vc-gap                 0 excluded
        assumes   vc-once                0 excluded
        assumes   df-once                0 excluded

        again     cr3play explore --form E --depth 1 --vectors nmi --handler quiet --features
                  pti,pcid,invpcid,fsgsbase,nx
    "#]]
    .assert_eq(&text);
}

/// A run that enters unmodelled code proves nothing, and `merge` says so.
#[test]
fn shares_that_leave_the_model_break_nothing() {
    let files = shares("beyond", &format!("--form never {ONE} --random 60"), 2);
    let beyond = |index: usize| {
        let mut share = read(&files[index]);
        share["verdict"] = "not-finished".into();
        for violation in share["violations"].as_array_mut().expect("a list") {
            violation["unmodelled"] = "goes to a place".into();
        }
        let file = folder("beyond").join(format!("beyond_{index}.json"));
        std::fs::write(&file, share.to_string()).expect("it can be written");
        file.display().to_string()
    };
    let both = merge(&[beyond(0), beyond(1)]);
    assert_eq!(both.status, 3);
    assert!(both.out.contains("verdict   no answer: each counterexample first enters code"), "{}", both.out);
    assert!(both.out.contains("        goes to a place\n"), "{}", both.out);
    // Neither does what no run confirms.
    let mut mistaken = read(&files[0]);
    mistaken["unconfirmed"] = vec!["regs at step 7"].into();
    let file = folder("beyond").join("mistaken.json");
    std::fs::write(&file, mistaken.to_string()).expect("it can be written");
    let out = merge(&[file.display().to_string(), files[1].clone()]).out;
    assert!(out.contains("    not confirmed by a run: regs at step 7\n"), "{out}");
    let real = read(&files[1])["violations"].as_array().expect("a list").clone();
    assert!(!real.is_empty());
    let one = json(&format!("merge {} {} --json", beyond(0), files[1]), 1);
    for violation in one["violations"].as_array().expect("a list") {
        let is_real = real.iter().any(|other| other["promise"] == violation["promise"]);
        assert_eq!(violation["unmodelled"].is_null(), is_real, "{violation}");
    }
}

/// What runs the shares of a search beside each other, each into a file of its own, as docs/EXPLORER.md has it.
const RUNNERS: [(&str, &str); 2] = [
    ("xargs", r#"seq 3 | xargs -I{} -P 3 sh -c '"$CR3PLAY" explore $SEARCH --json --shard {}/3 > share-{}.json'"#),
    ("parallel", r#"parallel '"$CR3PLAY"' explore $SEARCH --json --shard {}/3 '>' share-{}.json ::: $(seq 3)"#),
];

#[test]
fn shares_that_run_beside_each_other_join_into_the_verdict_of_the_whole() {
    let search = format!("{ONE} --vectors nmi --random 30");
    let whole = json(&format!("explore {search} --json"), 3);
    let mut ran = Vec::new();
    for (program, line) in RUNNERS {
        if Command::new(program).arg("--version").output().is_err() {
            println!("skipped: {program} is not installed");
            continue;
        }
        let folder = folder(&format!("beside_{program}"));
        std::fs::remove_dir_all(&folder).and_then(|()| std::fs::create_dir(&folder)).expect("a new folder");
        let mut shell = Command::new("sh");
        shell.env("CR3PLAY", env!("CARGO_BIN_EXE_cr3play")).env("SEARCH", &search);
        shell.args(["-c", &format!(r#"{line}; "$CR3PLAY" merge --json share-*.json"#)]).current_dir(folder);
        let output = shell.output().expect("a shell");
        assert_eq!(output.status.code(), Some(3), "{program}: {}", String::from_utf8_lossy(&output.stderr));
        let merged: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        for field in ["verdict", "choices", "refused", "excluded", "schedules", "strikes", "breaking", "violations"] {
            assert_eq!(merged[field], whole[field], "{program}: {field}");
        }
        ran.push(program);
    }
    assert!(ran.contains(&"xargs"), "a part of every system that has the other tools");
}
