//! Each side of a comparison has a text of its own: on the built-in text, on a tree, or a tree as it stands.

use super::copy::Copy;
use super::{assert_fits, json, lines, play, refused};
use expect_test::expect;
use serde_json::Value;
use std::fs;

const TREE: &str = "testdata/tree";

fn form(name: &str) -> String {
    format!("crates/core/src/linux/restore/{name}.S")
}

fn compared(options: &str) -> Value {
    json(&format!("compare --json --inject kernel_loop+1:nmi {options}"), 0)
}

/// The names of the runs; what they count is what `forms` count.
#[track_caller]
fn check(options: &str, names: &[&str], forms: &str) {
    let (own, expected) = (compared(options), compared(&format!("--forms {forms}")));
    assert_eq!(own["counters"], expected["counters"], "{options}");
    assert_eq!(own["names"], serde_json::json!(names), "{options}");
}

#[test]
fn each_form_takes_the_next_text_and_the_next_tree() {
    let [a, b2, c, e] = ["a", "b2", "c", "e"].map(form);
    let tree = format!("--tree {TREE}");
    // The tree of testdata has form E.
    check(&format!("--forms text,tree --macro {a} {tree}"), &["text", "tree"], "A,E");
    check(&format!("--forms tree,text {tree} --macro {c}"), &["tree", "text"], "E,C");
    check(&format!("--forms E,tree {tree}"), &["E", "tree"], "E,E");
    assert_eq!(compared(&format!("--forms E,tree {tree}"))["differences"], serde_json::json!([]));
    check(&format!("--forms custom,custom {tree} --macro {a} --macro {c}"), &["custom-1", "custom-2"], "A,C");
    check(&format!("{tree} --macro {a} --macro {c}"), &["custom-1", "custom-2"], "A,C");
    check(&format!("--forms tree,custom {tree} --macro {a}"), &["tree", "custom"], "E,A");
    check(&format!("--forms text,custom,B2 {tree} --macro {a} --macro {c}"), &["text", "custom", "B2"], "A,C,B2");
    check(&format!("--forms tree,tree {tree} {tree}"), &["tree-1", "tree-2"], "E,E");
    check(&format!("{tree} {tree}"), &["tree-1", "tree-2"], "E,E");
    // The last one goes on where there are no more.
    check(&format!("--forms text,custom {tree} --macro {b2}"), &["text", "custom"], "B2,B2");
    check(&format!("--macro {a} --macro {c} --macro {e}"), &["custom-1", "custom-2", "custom-3"], "A,C,E");
    check(&format!("--forms custom,C,custom --macro {a} --macro {e}"), &["custom-1", "C", "custom-2"], "A,C,E");
    check(&format!("--forms custom,custom --macro {a}"), &["custom-1", "custom-2"], "A,A");
    check(&format!("--macro {a}"), &["A", "E", "custom"], "A,E,A");
}

#[test]
fn a_text_of_standard_input_is_that_of_each_form() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../core/src/linux/restore/b2.S"));
    let own =
        play("compare --json --inject kernel_loop+1:nmi --forms custom,E,custom --macro -", &text.expect("a form"));
    let own: Value = serde_json::from_str(&own.out).expect("JSON");
    assert_eq!(own["counters"], compared("--forms B2,E,B2")["counters"]);
}

#[test]
fn runs_say_what_they_are() {
    let answer = play(
        &format!("compare --forms text,tree --macro {} --tree {TREE} --inject kernel_loop+1:nmi --rows 2", form("a")),
        "",
    );
    assert_eq!((answer.status, answer.err.as_str()), (0, ""));
    assert_fits("compare", &answer);
    expect![[r#"
        form      text, tree
        text: restore/custom.S:1:1: note: taken for one macro
        tree: arch/x##/entry/entry_##.S: note: instructions after these labels are counted differently here
          than in the built-in text
        end       text: the program exited after #### steps
                  tree: the program exited after #### steps
                                 text  tree
            text ###: writes CR3: same tables, PCID 1, no flush; nothing dropped; redundant
        nmi_exit+8 exists in text only
        nmi_exit+9 exists in text only
    "#]]
    .assert_eq(&lines(&answer.out, |line| line.contains("text") || line.contains("tree")));
    for (options, described) in [
        (format!("--tree {TREE}"), "tree: the entry code of v6.12 as it stands"),
        (format!("--form tree --tree {TREE}"), "tree: the entry code of v6.12 as it stands"),
        (format!("--tree {TREE} --macro {}", form("a")), "custom: your own text in the entry code of v6.12"),
        (format!("--form text --macro {}", form("a")), "custom: your own text"),
    ] {
        let answer = play(&format!("run --steps none {options}"), "");
        assert!(answer.out.starts_with(&format!("form      {described}\n")), "{options}: {}", answer.out);
    }
}

/// The explorer counts of a person's own forms what it counts of the forms that they are; the command repeats the search.
#[test]
fn the_explorer_holds_ones_own_form_against_another() {
    const SEARCH: &str = "--features pti,pcid --handler quiet --vectors nmi";
    let [a, c] = ["a", "c"].map(form);
    let tree = format!("--tree {TREE}");
    let explored = |options: &str| json(&format!("explore --json {SEARCH} {options}"), 0);
    let counted = |report: &Value| {
        [report["counters"].clone(), report["against"]["counters"].clone(), report["differences"].clone()]
    };
    for (options, forms, command) in [
        (
            format!("--form E --against text --macro {a}"),
            "--form E --against A",
            format!("--form E --macro {a} --against text"),
        ),
        (
            format!("--macro {a} --macro {c} --against custom"),
            "--form A --against C",
            format!("--macro {a} --macro {c} --against custom"),
        ),
        (
            format!("--macro {a} {tree} --against tree"),
            "--form A --against E",
            format!("{tree} --macro {a} --against tree"),
        ),
        (
            format!("--form tree --against text --macro {c} {tree}"),
            "--form E --against C",
            format!("--form tree {tree} --macro {c} --against text"),
        ),
        (format!("{tree} --against A"), "--form E --against A", format!("{tree} --against A")),
    ] {
        let report = explored(&options);
        assert_eq!(counted(&report), counted(&explored(forms)), "{options}");
        let again = report["command"].as_str().expect("a command");
        let words: Vec<_> = again.split_whitespace().collect();
        let those = command.split_whitespace().all(|word| words.contains(&word));
        assert!(those && words.len() == command.split_whitespace().count() + 10, "{again}");
        let again = again.strip_prefix("cr3play ").expect("the program");
        assert_eq!(counted(&json(&format!("{again} --json"), 0)), counted(&report), "{again}");
    }
    let answer = play(&format!("explore {SEARCH} --macro {a} --macro {c} --against custom"), "");
    assert_fits("explore", &answer);
    expect![[r#"
        form      custom-1: your own text
        form      custom-2: your own text
                              custom-1  custom-2  difference
        the most of one of them, form custom-1
    "#]]
    .assert_eq(&lines(&answer.out, |line| line.contains("custom-")));
    expect![[r#"
        $ cr3play explore --form never --against custom --macro crates/core/src/linux/restore/a.S --macro crates/core/src/linux/restore/c.S
        cr3play: --macro is given 2 times, for 1 form that can take one
          `cr3play compare --forms custom,custom` takes two, and so does `cr3play explore --against custom`
        $ cr3play explore --form A --against E --macro crates/core/src/linux/restore/a.S
        cr3play: --macro is given but the form is 'A'
          leave --form out, or try --form custom
        $ cr3play explore --against tree --macro crates/core/src/linux/restore/a.S
        cr3play: form 'tree' has no tree
          give it with --tree DIR
        $ cr3play explore --against Q
        cr3play: unknown form 'Q': one of A, B2, C, E, never
          or custom, text or tree, with --macro FILE or --tree DIR
    "#]].assert_eq(&refused([
        format!("explore --form never --against custom --macro {a} --macro {c}"),
        format!("explore --form A --against E --macro {a}"),
        format!("explore --against tree --macro {a}"),
        "explore --against Q".to_owned(),
    ]));
    // Each counterexample is played with what its own form takes.
    let broken = json(&format!("explore --json {SEARCH} --macro {} {tree} --against text", form("never")), 1);
    let plays = [&broken, &broken["against"]]
        .map(|search| search["violations"][0]["command"].as_str().expect("a command").to_owned());
    for (command, given) in
        plays.iter().zip([format!("{tree} --macro {}", form("never")), format!("--macro {}", form("never"))])
    {
        assert!(command.starts_with(&format!("cr3play run {given} --features")), "{command}");
        assert_eq!(play(command.strip_prefix("cr3play ").expect("the program"), "").status, 1, "{command}");
    }
}

/// Each tree has the C side of its release; the built-in text has that of the tree beside it.
#[test]
fn each_tree_has_its_own_c_side() {
    let other = Copy::new("configured");
    fs::write(other.file(".config"), "CONFIG_DEBUG_ENTRY=y\n").expect("the file can be written");
    let (plain, other) = (format!("--tree {TREE}"), format!("--tree {}", other.folder()));
    let kernels = |options: &str| {
        let report = compared(options);
        let runs = report["runs"].as_array().expect("runs").iter();
        let of_runs: Vec<_> = runs.map(|run| run["kernel"].as_str().expect("a kernel").to_owned()).collect();
        (report["kernel"].clone(), of_runs.join(" "), report["counters"][0]["values"].clone())
    };
    let check = |options: &str, common: Value, of_runs: &str| {
        let (kernel, kernels, values) = kernels(options);
        assert_eq!((kernel, kernels.as_str()), (common, of_runs), "{options}");
        values
    };
    let both = check(&format!("{plain} {other}"), Value::Null, "v6.12 v6.12+debug-entry");
    let plain_alone = check(&format!("--forms E,tree {plain}"), "v6.12".into(), "v6.12 v6.12");
    let other_alone =
        check(&format!("--forms E,tree {other}"), "v6.12+debug-entry".into(), "v6.12+debug-entry v6.12+debug-entry");
    assert_eq!([&both[0], &both[1]], [&plain_alone[1], &other_alone[1]], "each runs as it does alone");
    assert_ne!(both[0], both[1]);
    let swapped = check(
        &format!("--forms tree,tree,E {other} {plain}"),
        Value::Null,
        "v6.12+debug-entry v6.12 v6.12+debug-entry",
    );
    assert_eq!([&swapped[0], &swapped[1]], [&both[1], &both[0]]);
    check(
        &format!("--kernel debug-entry {plain} {other}"),
        "v6.12+debug-entry".into(),
        "v6.12+debug-entry v6.12+debug-entry",
    );
    let answer = play(&format!("compare --rows 0 {plain} {other}"), "");
    assert_fits("compare", &answer);
    let heading = answer.out.split("inject ").next().unwrap_or_default();
    expect![[r#"
        form      tree-1, tree-2
        features  pti,pcid,invpcid,fsgsbase,nx
        kernel    tree-1: v6.##
                  tree-2: v6.##+debug-entry: CONFIG_DEBUG_ENTRY, on in defconfig: the first NMI unblocks
                  NMIs by an IRET of its own, and exits check what they return to
        handler   quiet: returns at once
        TLB       architectural: unbounded; drops exactly what the manual requires
        reading   MIN
    "#]]
    .assert_eq(&lines(heading, |_| true));
}

#[test]
fn what_no_form_takes_is_wrong_use() {
    let a = form("a");
    let cases = [
        "compare --forms text,E".to_owned(),
        format!("compare --forms text,E --tree {TREE}"),
        format!("compare --forms tree,E --macro {a}"),
        format!("compare --forms A,tree --tree {TREE} --tree {TREE}"),
        format!("compare --forms text,tree --macro {a} --macro {a} --tree {TREE}"),
        format!("run --form A,E --tree {TREE}"),
        format!("run --form tree,text --tree {TREE} --macro {a}"),
        "run --form E --config X=y".to_owned(),
        "compare --config X=y".to_owned(),
        "compare --forms A,E --config X=y".to_owned(),
        format!("report --tree {TREE} --tree {TREE} --tree {TREE}"),
        format!("explore --form E --tree {TREE}"),
        format!("run --form E --tree {TREE}"),
    ];
    expect![[r#"
        $ cr3play compare --forms text,E
        cr3play: form 'text' has no text
          give it with --macro FILE
        $ cr3play compare --forms text,E --tree testdata/tree
        cr3play: --tree is given but no form takes it
          try custom as one of the forms: text,E,custom
        $ cr3play compare --forms tree,E --macro crates/core/src/linux/restore/a.S
        cr3play: --macro is given but no form takes it
          try custom as one of the forms: tree,E,custom
        $ cr3play compare --forms A,tree --tree testdata/tree --tree testdata/tree
        cr3play: --tree is given 2 times, for 1 form that can take one
          `cr3play compare --forms tree,tree` takes two, and so does `cr3play explore --against tree`
        $ cr3play compare --forms text,tree --macro crates/core/src/linux/restore/a.S --macro crates/core/src/linux/restore/a.S --tree testdata/tree
        cr3play: --macro is given 2 times, for 1 form that can take one
          `cr3play compare --forms custom,custom` takes two, and so does `cr3play explore --against custom`
        $ cr3play run --form A,E --tree testdata/tree
        cr3play: unknown form 'A,E': one of A, B2, C, E, never
          or custom, text or tree, with --macro FILE or --tree DIR
        $ cr3play run --form tree,text --tree testdata/tree --macro crates/core/src/linux/restore/a.S
        cr3play: unknown form 'tree,text': one of A, B2, C, E, never
          or custom, text or tree, with --macro FILE or --tree DIR
        $ cr3play run --form E --config X=y
        cr3play: --config is given but the form is 'E'
          leave --form out, or try --form custom
        $ cr3play compare --config X=y
        cr3play: --config is given but no text
          give one with --macro FILE or --tree DIR
        $ cr3play compare --forms A,E --config X=y
        cr3play: --config is given but no form takes it
          try custom as one of the forms: A,E,custom
        $ cr3play report --tree testdata/tree --tree testdata/tree --tree testdata/tree
        cr3play: a report is about two forms, not 3
          try --forms A,E
        $ cr3play explore --form E --tree testdata/tree
        cr3play: --tree is given but the form is 'E'
          leave --form out, or try --form custom
        $ cr3play run --form E --tree testdata/tree
        cr3play: --tree is given but the form is 'E'
          leave --form out, or try --form custom
    "#]].assert_eq(&refused(cases));
}
