//! The vectors of testdata/tlb on the machine, and the format they are written in.

mod format;

use cr3_vectors::{Outcome, Player, Suite, parse, run, run_on};
use expect_test::expect;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use cr3_testing::cases;

const FILE: &str = "tlb/vectors.toml";

fn text() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata").join(FILE);
    fs::read_to_string(path).expect("the vector file is part of the repository")
}

fn suite() -> Suite {
    parse(FILE, &text()).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn every_vector_holds_under_both_readings() {
    let reports = run(&suite());
    let mut passed = 0;
    let mut unrepresentable = Vec::new();
    let mut failed = Vec::new();
    for report in &reports {
        match &report.outcome {
            Outcome::Passed => passed += 1,
            Outcome::Unrepresentable(reason) => unrepresentable.push((report.id.as_str(), reason.as_str())),
            Outcome::Failed(lines) => failed.push(format!("{}: {}\n  {}", report.id, report.title, lines.join("\n  "))),
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert_eq!(passed, 98);
    let reason = "the machine has one logical processor: there is no sibling whose caches could be looked at";
    assert_eq!(unrepresentable, [("83", reason)]);
}

#[test]
fn every_vector_holds_without_what_makes_the_machine_fast() {
    assert_eq!(run_on(Player::PlainMachine, &suite()), run(&suite()));
}

/// The file with one piece of text replaced, which must occur once.
fn altered(from: &str, to: &str) -> String {
    let text = text();
    assert_eq!(text.matches(from).count(), 1, "{from}");
    text.replace(from, to)
}

fn failures(text: &str) -> Vec<String> {
    let suite = parse(FILE, text).unwrap_or_else(|error| panic!("{error}"));
    let lines = |outcome| match outcome {
        Outcome::Failed(lines) => lines,
        _ => Vec::new(),
    };
    let told = |report: cr3_vectors::Report| {
        lines(report.outcome).into_iter().map(move |line| format!("{}: {line}", report.id))
    };
    run(&suite).into_iter().flat_map(told).collect()
}

#[test]
fn a_wrong_expectation_fails_and_says_how() {
    let check = |from: &str, to: &str, expected: &[&str]| assert_eq!(failures(&altered(from, to)), expected, "{to}");
    check(r#"min = "c d f q r""#, r#"min = "c d e f q r""#, &["29: Min: left are [c d f q r], expected [c d e f q r]"]);
    check(
        r#"after = { pcid = 0x801 }"#,
        r#"after = { pcid = 1 }"#,
        &["2: Min: the PCID is 0x801, expected 0x1", "2: Max: the PCID is 0x801, expected 0x1"],
    );
    check(
        r#"{ op = "mov-from-cr3", gives = "P2+0x801" },
]
"#,
        r#"{ op = "mov-from-cr3", gives = "P2+0x801+NOFLUSH" },
]
"#,
        &[
            "11: Min: steps[1]: gave 0x101801, expected 0x8000000000101801",
            "11: Max: steps[1]: gave 0x101801, expected 0x8000000000101801",
        ],
    );
    check(
        r##"type = "0x1_0000_0000", fault = "#GP(0)""##,
        r##"type = "0x1_0000_0000", fault = "#PF(0)""##,
        &[
            "52b: Min: steps[0]: expected #PF(0), got #GP(0) the type of INVPCID is above 3",
            "52b: Max: steps[0]: expected #PF(0), got #GP(0) the type of INVPCID is above 3",
        ],
    );
    check(
        r#"from = "e", physical = ["FKG+8"]"#,
        r#"from = "f", physical = ["FKG+9"]"#,
        &[
            "75: Min: steps[1]: reached 0x220008, expected 0x220009",
            "75: Min: steps[1]: was not served by `f` but by `e`",
        ],
    );
    check(
        r#"level = 1, set = ["dirty"] },
]
min"#,
        r#"level = 1, set = ["global"] },
]
min"#,
        &[
            "70: Min: steps[3]: the paging-structure entry is not as expected",
            "70: Max: steps[3]: the paging-structure entry is not as expected",
        ],
    );
    check(
        r#"no-structures-for = ["E1"]"#,
        r#"no-structures-for = ["K1"]"#,
        &["74: Min: a paging-structure entry for 0xffffffff81000000 is cached"],
    );
}

#[test]
fn a_mistake_in_a_file_is_told_with_its_vector_and_field() {
    let check = |from: &str, to: &str, expected: &str| {
        let error = parse("x.toml", &altered(from, to)).expect_err(to);
        assert_eq!(error.to_string(), expected);
    };
    check(
        r#"value = "P3+3" }"#,
        r#"value = "P8+3" }"#,
        "x.toml: vector 5: steps[0].value: `P8` is neither a name in [names] nor a number",
    );
    check(
        r#"value = "P3+3" }"#,
        r#"value = 3 }"#,
        "x.toml: vector 5: steps[0].value: expected text in quotes, found integer",
    );
    check(r#"value = "P3+3" }"#, r#"}"#, "x.toml: vector 5: steps[0].value: is missing");
    check(
        r#"value = "P3+3" }"#,
        r#"value = "P3+3", noflush = true }"#,
        "x.toml: vector 5: steps[0].noflush: there is no such field here",
    );
    check(r#"id = "6""#, r#"id = "5""#, "x.toml: vector 5: id: another vector has this id");
    check(r#"id = "6""#, r#"name = "6""#, "x.toml: vector[5].id: is missing");
    check(
        r#"min = "c d f q r""#,
        r#"min = "c x""#,
        "x.toml: vector 29: min: `x` is no cached entry: one of a, b, c, d, e, f, p, p2, q, r",
    );
    check(
        r#"from = "e", p"#,
        r#"from = "p", p"#,
        "x.toml: vector 75: steps[1].from: `p` is no cached translation: one of a, b, c, d, e, f",
    );
    check(
        r#"without = ["e", "f"]"#,
        r#"without = ["zz"]"#,
        "x.toml: vector 26: without: `zz` is no cached entry of the baseline: one of a, b, c, d, e, f, p, p2, q, r",
    );
    check(r#"level = 2, clear"#, r#"level = 5, clear"#, "x.toml: vector 73: steps[0].level: 5 is not below 5");
    check(
        r#"name = "l4k", pcid = 1, root = "P9", linear = "L""#,
        r#"name = "l4k", pcid = 1, root = "P9", linear = "D0""#,
        "x.toml: vector 77: cached[1]: the root maps no page there",
    );
    check(
        r##"linear = "E1", fault = "#PF(0)""##,
        r##"linear = "E1", fault = "#PF""##,
        "x.toml: vector 74: steps[0].fault: #PF has an error code: write #PF(17) or #PF(0x11)",
    );
    check(
        r#"code = "compatibility""#,
        r#"code = "16-bit""#,
        "x.toml: vector 36: code: expected \"64-bit\" or \"compatibility\", found \"16-bit\"",
    );
    check(
        r#"set = ["LA57"]"#,
        r#"set = ["LA58"]"#,
        "x.toml: vector 34: steps[0].set: `LA58` is no bit of CR4 that can be named here: one of PSE, PAE, PGE, LA57, PCIDE, SMEP, SMAP",
    );
    check("[baselines.Z]\ncpl = 0", "[baselines.Z]\ncpl = 4", "x.toml: baselines.Z.cpl: 4 is not below 4");
    check(
        "[baselines.Z]\ncpl = 0",
        "[baselines.Z]\ncpl = ",
        "x.toml: line 76, column 7: string values must be quoted, expected literal string",
    );
}

/// Any text must give vectors or an error, and any vectors a report, from every player.
fn survives(text: &str) {
    if let Ok(suite) = parse("x.toml", text) {
        for player in [Player::Machine, Player::PlainMachine, Player::Manual] {
            assert_eq!(run_on(player, &suite).len(), suite.vectors.len());
        }
    }
}

/// The text without the steps that the second model does not play.
fn for_the_second_model(text: &str) -> String {
    let plays = |line: &&str| !line.contains(r#""execute""#) && !line.contains(r#""EFER""#);
    text.lines().filter(plays).map(|line| format!("{line}\n")).collect()
}

/// Every operation on one address, from any state of CR3 and any page-table root.
fn every_operation(root: u64, linear: u64, frame: u64, number: u64) -> String {
    format!(
        r#"
[names]
R = "{root:#x}"
A = "{linear:#x}"
[baselines.Q]
cr3 = "{number}"
set = ["CR0.PE", "CR0.PG", "CR4.PAE", "CR4.PGE", "CR4.PCIDE", "EFER.LME", "EFER.LMA", "EFER.NXE"]
features = ["pcid", "invpcid", "smep", "smap", "nx", "la57"]
map = [{{ root = "R", linear = "A", frame = "{frame:#x}", flags = ["present", "writable"] }}]
[[vector]]
id = "1"
title = ""
source = ""
baseline = "Q"
bytes = [{{ physical = "{frame:#x}", hex = "0f 01 38 f4" }}]
steps = [
    {{ op = "read", linear = "A" }},
    {{ op = "mov-to-cr3", value = "R" }},
    {{ op = "read", linear = "A" }},
    {{ op = "write", linear = "A" }},
    {{ op = "fetch", linear = "A" }},
    {{ op = "execute", linear = "A" }},
    {{ op = "invlpg", linear = "A" }},
    {{ op = "invpcid", type = "{number}", pcid = "R", linear = "A" }},
    {{ op = "invpcid-from-memory", type = "0", descriptor = "A" }},
    {{ op = "edit", root = "R", linear = "A", level = 4, set = ["reserved"], frame = "{frame:#x}" }},
    {{ op = "expect", root = "R", linear = "A", level = 1, clear = ["dirty"] }},
    {{ op = "change-control", register = "CR0", clear = ["PG"] }},
    {{ op = "change-control", register = "CR4", set = ["LA57"] }},
    {{ op = "change-control", register = "EFER", clear = ["NXE"] }},
    {{ op = "mov-to-cr3", value = "{number}" }},
    {{ op = "execute", linear = "A" }},
]
after = {{ no-structures-for = ["A"] }}
"#
    )
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn no_text_makes_the_reader_or_a_player_panic(
        at in 0..30_000usize,
        removed in 0..60usize,
        inserted in "[ -~\n]{0,12}",
    ) {
        let text = text();
        let at = at.min(text.len());
        let end = (at + removed).min(text.len());
        // The file is ASCII, so every byte begins a character.
        survives(&format!("{}{inserted}{}", &text[..at], &text[end..]));
    }

    #[test]
    fn no_number_makes_a_player_panic(root: u64, linear: u64, frame: u64, number: u64, shift in 0..60u32) {
        for root in [root, root >> shift & !0xfff] {
            for linear in [linear, linear >> shift, ((linear << 16) as i64 >> 16) as u64] {
                for number in [number, number >> 62] {
                    let text = every_operation(root, linear, frame >> shift & !0xfff, number);
                    let suite = parse("x.toml", &text).map_err(|error| TestCaseError::fail(error.to_string()))?;
                    prop_assert_eq!(run(&suite).len(), 1);
                    let suite = parse("x.toml", &for_the_second_model(&text))
                        .map_err(|error| TestCaseError::fail(error.to_string()))?;
                    let played = run_on(Player::Manual, &suite);
                    prop_assert!(!matches!(played[0].outcome, Outcome::Unrepresentable(_)));
                }
            }
        }
    }
}

#[test]
fn the_second_model_agrees_where_it_can_play() {
    let mut passed = 0;
    let mut unable = BTreeMap::<String, Vec<String>>::new();
    for report in run_on(Player::Manual, &suite()) {
        match report.outcome {
            Outcome::Passed => passed += 1,
            Outcome::Unrepresentable(reason) => unable.entry(reason).or_default().push(report.id),
            Outcome::Failed(lines) => panic!("{}: {}\n  {}", report.id, report.title, lines.join("\n  ")),
        }
    }
    let unable: Vec<_> = unable.into_iter().map(|(reason, ids)| format!("{}: {reason}", ids.join(" "))).collect();
    expect![[r#"
        83: the machine has one logical processor: there is no sibling whose caches could be looked at
        45b 45c 85: the second model executes no instructions"#]]
    .assert_eq(&unable.join("\n"));
    assert_eq!(passed, 95);
}
