//! `cr3play` as a person or a script meets it: what it prints, where, and its exit status.

mod claims;
mod comparing;
mod copy;
mod costs;
mod exploring;
mod exploring_at_length;
mod exploring_early;
mod exploring_states;
mod exploring_wrong_use;
mod findings;
mod listing;
mod merging;
mod mutants;
mod own_text;
mod reporting;
mod running;
mod second_cpu;
mod sides;
mod tree;
mod wrong_use;

use expect_test::{Expect, expect};
use serde_json::Value;
use std::io::Write;
use std::process::{Command, Output, Stdio};

struct Answer {
    status: i32,
    out: String,
    err: String,
}

fn play(arguments: &str, input: &str) -> Answer {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let mut child = Command::new(env!("CARGO_BIN_EXE_cr3play"))
        .args(words(arguments))
        .current_dir(root)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("cr3play starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    // A child that does not read its input may already be gone.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let Output { status, stdout, stderr } = child.wait_with_output().expect("cr3play ends");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Answer { status: status.code().expect("no signal"), out: text(stdout), err: text(stderr) }
}

/// Words as a shell splits them, with single quotes.
fn words(line: &str) -> Vec<String> {
    let quoted = line.split('\'').enumerate();
    quoted
        .flat_map(|(index, part)| match index % 2 {
            0 => part.split_whitespace().map(str::to_owned).collect(),
            _ => vec![part.to_owned()],
        })
        .collect()
}

/// No line of either stream is wider than 100 columns.
fn assert_fits(arguments: &str, answer: &Answer) {
    let mut lines = answer.out.lines().chain(answer.err.lines());
    assert_eq!(lines.find(|line| line.chars().count() > 100), None, "{arguments}");
}

fn check(arguments: &str, status: i32, expected: Expect) {
    let answer = play(arguments, "");
    assert_fits(arguments, &answer);
    let both = match answer.err.as_str() {
        "" => answer.out,
        err => format!("{}--- standard error\n{err}", answer.out),
    };
    expected.assert_eq(&steady(&both));
    assert_eq!(answer.status, status, "{arguments}");
}

/// The text with numbers of two or more digits hidden: steps, totals, addresses. They vary with every edit of the
/// kernel's texts.
fn steady(text: &str) -> String {
    let mut steady = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let length = rest[start..].find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len() - start);
        let (before, number) = (&rest[..start], &rest[start..start + length]);
        steady += before;
        steady += &if length == 1 { number.to_owned() } else { "#".repeat(length) };
        rest = &rest[start + length..];
    }
    steady + rest
}

/// The lines that are wanted, steady.
fn lines(text: &str, wanted: impl Fn(&str) -> bool) -> String {
    steady(&text.lines().filter(|line| wanted(line)).map(|line| format!("{line}\n")).collect::<String>())
}

/// What commands say that are wrong use.
fn refused<C: AsRef<str>>(cases: impl IntoIterator<Item = C>) -> String {
    let told = cases.into_iter().map(|case| {
        let case = case.as_ref();
        let answer = play(case, "");
        assert_eq!(answer.status, 2, "{case}: {}", answer.err);
        assert_fits(case, &answer);
        format!("$ cr3play {case}\n{}", answer.err)
    });
    told.collect()
}

fn json(arguments: &str, status: i32) -> Value {
    let answer = play(arguments, "");
    assert_eq!(answer.status, status, "{arguments}: {}", answer.err);
    serde_json::from_str(&answer.out).expect("JSON")
}

#[test]
fn assembles() {
    let text = "bt $BIT, %r14\nALTERNATIVE \"jmp end\", \"\", X86_FEATURE_PTI\nend:\n";
    let answer = play("asm - --features pti -D BIT=12", text);
    assert_eq!((answer.status, answer.err.as_str()), (0, ""));
    expect![[r#"
        0  490fbae60c  bt $BIT, %r14
    "#]]
    .assert_eq(&answer.out);
}

#[test]
fn assembles_to_json() {
    let answer = play("asm - --json", "mov %rax, %cr3\n");
    let report: Value = serde_json::from_str(&answer.out).expect("JSON");
    assert_eq!(report["bytes"], "0f22d8");
    assert_eq!(report["listing"][0]["text"], "mov %rax, %cr3");
    assert_eq!(report["diagnostics"].to_string(), "[]");
}

#[test]
fn a_text_that_does_not_assemble_is_a_finding() {
    let answer = play("asm -", "nop\n frob %eax\n");
    assert_eq!(answer.status, 1);
    expect![[r#"
        -:2:2: error: `frob` is not an instruction, a directive or a macro
          define it by `.macro` or `#define`; x87, SSE and AVX instructions are not supported
    "#]]
    .assert_eq(&answer.err);
    let answer = play("asm - --json", "nop\n frob %eax\n");
    let report: Value = serde_json::from_str(&answer.out).expect("JSON");
    assert_eq!(answer.status, 1);
    assert_eq!(report["diagnostics"][0]["line"], 2);
    assert_eq!(report["diagnostics"][0]["severity"], "error");
}

#[test]
fn runs_vectors() {
    let report = json("tlb testdata/tlb/vectors.toml --json", 0);
    assert_eq!(report["failed"], 0);
    assert_eq!(report["unrepresentable"], 1);
    assert_eq!(report["passed"], report["vectors"].as_array().map(Vec::len).expect("vectors") - 1);
}

#[test]
fn a_vector_that_fails_is_a_finding() {
    let vectors = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/tlb/vectors.toml"));
    let wrong = vectors.expect("vectors").replacen("min = \"all\"", "min = \"none\"", 1);
    let answer = play("tlb -", &wrong);
    assert_eq!(answer.status, 1);
    assert!(answer.out.lines().any(|line| line.starts_with("failed ")), "{}", answer.out);
    assert!(answer.out.ends_with(" 1 failed, 1 not run\n"), "{}", answer.out);
}

/// One vector as a person writes it down from a report: one value instead of a list, a bit with its register, an error
/// code in hexadecimal, and an entry that gets another frame.
#[test]
fn takes_vectors_as_people_write_them() {
    let vector = |fault: &str| {
        format!(
            r##"
[names]
FW = "0x20_4000"
[baselines.B]
cr3 = "0x10_0000"
features = ["pcid", "smep"]
set = ["PE", "PG", "PAE", "EFER.LME", "EFER.LMA"]
map = {{ root = "0x10_0000", linear = "0x9000", frame = "0x24_0000", flags = ["present", "user"] }}
[[vector]]
id = "1"
title = "a frame is replaced"
source = "derived: SDM vol. 3A 4.10.4.3"
baseline = "B"
steps = [
    {{ op = "change-control", register = "CR4", set = "CR4.PCIDE" }},
    {{ op = "change-control", register = "CR4", set = ["SMEP"] }},
    {{ op = "edit", root = "0x10_0000", linear = "0x9000", level = 1, frame = "FW" }},
    {{ op = "read", linear = "0x9000", physical = "FW" }},
    {{ op = "fetch", linear = "0x9000", fault = "{fault}" }},
]
"##
        )
    };
    for fault in ["#PF(0x11)", "#PF(17)"] {
        let answer = play("tlb -", &vector(fault));
        assert_eq!((answer.status, answer.err.as_str()), (0, ""), "{}", answer.out);
    }
    let answer = play("tlb -", &vector("#PF(0x10)"));
    assert_eq!((answer.status, answer.err.as_str()), (1, ""));
    expect![[r#"
        failed 1: a frame is replaced
            Min: steps[4]: expected #PF(0x10 = 16), got #PF(0x11 = 17) supervisor mode may not execute a
            user page while CR4.SMEP=1
            Max: steps[4]: expected #PF(0x10 = 16), got #PF(0x11 = 17) supervisor mode may not execute a
            user page while CR4.SMEP=1
        0 passed, 1 failed, 0 not run
    "#]]
    .assert_eq(&answer.out);
    let answer = play("tlb -", &vector("#PF(0x11)").replace("CR4.PCIDE", "CR4.PCID"));
    assert_eq!((answer.status, answer.out.as_str()), (2, ""));
    expect![[r#"
        cr3play: -: vector 1: steps[0].set: `CR4.PCID` is no bit of CR4 that can be named here: one of PSE,
          PAE, PGE, LA57, PCIDE, SMEP, SMAP
          testdata/README.md describes the format of vectors
    "#]]
    .assert_eq(&answer.err);
}

#[test]
fn measures_speed() {
    let report = json("bench --samples 1 --json", 0);
    assert!(report[0]["median"].as_f64().is_some_and(|rate| rate > 1000.0), "{report}");
    assert_eq!(report[0]["name"], "counted");
    assert_eq!(report[1]["name"], "recorded");
    let report = json("bench --explore 1 --samples 1 --json", 0);
    let names = report.as_array().expect("a list").iter().map(|measured| measured["name"].as_str().expect("a name"));
    assert_eq!(names.collect::<Vec<_>>(), ["explore-1", "explore-1-plain", "explore-edit"]);
    assert!(report[0]["median"].as_f64().is_some_and(|time| time > 1.0), "{report}");
}
