//! The vectors of testdata/tlb on the machine.

use cr3_core::vectors::{Outcome, Suite, parse, run};
use std::fs;
use std::path::Path;

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
    assert_eq!(passed, 94);
    let reason = "the machine has one logical processor: there is no sibling whose caches could be looked at";
    assert_eq!(unrepresentable, [("83", reason)]);
}

/// The file with one piece of text replaced, which must be there once.
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
    let told = |report: cr3_core::vectors::Report| {
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
        "x.toml: vector 5: steps[0].value: `P8` is neither a name of [names] nor a number",
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
        "x.toml: vector 5: steps[0].noflush: no such field belongs here",
    );
    check(r#"id = "6""#, r#"id = "5""#, "x.toml: vector 5: id: another vector has this id");
    check(r#"id = "6""#, r#"name = "6""#, "x.toml: vector[5].id: is missing");
    check(r#"min = "c d f q r""#, r#"min = "c x""#, "x.toml: vector 29: min: no cached entry is called `x`");
    check(r#"from = "e", p"#, r#"from = "p", p"#, "x.toml: vector 75: steps[1].from: `p` is no cached translation");
    check(
        r#"without = ["e", "f"]"#,
        r#"without = ["zz"]"#,
        "x.toml: vector 26: without: the baseline has no cached entry `zz`",
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
        "x.toml: vector 74: steps[0].fault: expected #UD, #GP(code), #PF(code) or none, found `#PF`",
    );
    check(
        r#"code = "compatibility""#,
        r#"code = "16-bit""#,
        "x.toml: vector 36: code: expected \"64-bit\" or \"compatibility\", found \"16-bit\"",
    );
    check(
        r#"set = ["LA57"]"#,
        r#"set = ["LA58"]"#,
        "x.toml: vector 34: steps[0].set: `LA58` is no bit of CR4 that matters here",
    );
    check("[baselines.Z]\ncpl = 0", "[baselines.Z]\ncpl = 4", "x.toml: baselines.Z.cpl: 4 is not below 4");
    check(
        "[baselines.Z]\ncpl = 0",
        "[baselines.Z]\ncpl = ",
        "x.toml: line 76, column 7: string values must be quoted, expected literal string",
    );
}
