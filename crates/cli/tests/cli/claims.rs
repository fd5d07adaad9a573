//! `cr3play claims`, and kernels that differ from v6.12.

use super::{assert_fits, check, json, play};
use expect_test::expect;
use serde_json::Value;

const FORM_A: &str = "crates/core/src/linux/restore/a.S";

#[test]
fn a_claim_has_its_verdict_its_numbers_and_the_command_that_shows_it() {
    check("claims 9", 0, expect![""]);
    check("claims 3", 0, expect![""]);
}

#[test]
fn a_macro_in_the_place_of_the_merged_one_changes_claims() {
    check(&format!("claims 9 --macro {FORM_A}"), 1, expect![""]);
    check("claims 9 --macro crates/core/src/linux/restore/e.S", 0, expect![""]);
}

#[test]
fn claims_as_json_have_all_that_a_view_needs() {
    let report = json("claims 13 --json", 0);
    let claim = &report["claims"][0];
    assert_eq!((&report["version"], &report["form"]), (&1.into(), &"E".into()));
    assert_eq!(report["changed"].to_string(), "[]");
    assert_eq!(claim["verdict"], "confirmed-with-an-exception");
    assert_eq!(claim["verdict_of_e"], Value::Null);
    let show = &claim["shows"][1];
    expect![[r#""form=E features=pti,pcid,invpcid,fsgsbase,nx handler=schedule geometry=architectural inject=kernel_loop+1:db > switch_mm_between_records:nmi""#]]
        .assert_eq(&show["scenarios"][1].to_string());
    let (step, place) = (show["steps"][1].as_u64().expect("a step"), show["place"].as_str().expect("a place"));
    // The command leads to the step that the claim speaks of.
    let scenario = "--handler schedule --inject 'kernel_loop+1:db > switch_mm_between_records:nmi'";
    let run = json(&format!("run {scenario} --steps {step}..{} --json", step + 1), 1);
    assert_eq!(run["shown_steps"][0]["place"], place);
    let compared = claim["commands"][1].as_str().expect("a command").strip_prefix("cr3play ").expect("of ours");
    let comparison = json(&format!("{compared} --json"), 1);
    assert!(comparison["rows"].as_u64() >= show["row"].as_u64(), "{show}");

    let own = json(&format!("claims 13 --macro {FORM_A} --json"), 1);
    assert_eq!((&own["form"], own["changed"].to_string().as_str()), (&"custom".into(), "[13]"));
    assert_eq!(own["claims"][0]["verdict_of_e"], "confirmed-with-an-exception");
    let values = |key: &str| own["claims"][0]["numbers"].as_array().expect("numbers").iter().any(|n| !n[key].is_null());
    assert!(values("value_of_e"));
}

/// Each command that a claim names does what it says: it plays, and no injection is left out.
#[test]
fn the_commands_of_claims_play() {
    for id in [6, 8, 24] {
        for command in json(&format!("claims {id} --json"), 0)["claims"][0]["commands"].as_array().expect("commands") {
            let command = command.as_str().expect("a command").strip_prefix("cr3play ").expect("of ours").to_owned();
            if command.starts_with("compare") {
                let answer = play(&command, "");
                assert_eq!((answer.status, answer.err.as_str()), (1, ""), "{command}");
                assert!(!answer.out.contains("did not strike"), "{command}");
            } else {
                assert_eq!(command, "explore --form E");
            }
        }
    }
}

#[test]
fn wrong_use_of_claims_says_what_is_right() {
    check("claims 25", 2, expect![""]);
    check("claims 1 --macro no_such_file.S", 2, expect![""]);
    let answer = play("claims 1 --macro -", "nop\n");
    assert_fits("claims", &answer);
    assert_eq!((answer.status, answer.out.as_str()), (2, ""));
    expect![""].assert_eq(&answer.err);
}

#[test]
fn a_kernel_that_differs_is_named() {
    check("run --kernel debug-entry+early-switching --inject kernel_loop+1:nmi --steps none", 0, expect![""]);
    check("run --kernel v6.6", 2, expect![""]);
    let run = json("run --kernel debug-entry --steps none --json", 0);
    assert_eq!(run["kernel"], "v6.12+debug-entry");
    let answer = play("explore --kernel debug-entry --handler kgdb-poke --features pti,pcid --vectors nmi", "");
    assert_eq!(answer.status, 1);
    let counterexample = answer.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(counterexample.contains("--handler kgdb-poke --kernel v6.12+debug-entry --inject"), "{}", answer.out);
    assert!(counterexample.contains("again cr3play explore --form E"), "{}", answer.out);
}
