//! A person's own macro: which form it is, and what the commands say about it.

use super::{assert_fits, play, steady};
use expect_test::{Expect, expect};
use serde_json::Value;
use std::path::Path;

const OWN: &str = "#ifdef CONFIG_PAGE_TABLE_ISOLATION
.macro SET_NOFLUSH_BIT reg:req
	bts $63, \\reg
.endm
#endif
#ifdef CONFIG_DEBUG_ENTRY
.macro RESTORE_CR3 scratch_reg:req save_reg:req
	movq \\save_reg, %cr3
.endm
#else
.macro RESTORE_CR3 scratch_reg:req save_reg:req
.endm
#endif
";

const MESSAGES: [&str; 4] = [
    "taken for 2 macros",
    "`SET_NOFLUSH_BIT` replaces the built-in macro of that name; their texts differ",
    "`CONFIG_DEBUG_ENTRY` counts as off",
    "the macro RESTORE_CR3 is empty with these features",
];

fn report(command: &str) -> Value {
    let answer = play(&format!("{command} --macro - --json"), OWN);
    serde_json::from_str(&answer.out).unwrap_or_else(|error| panic!("{command}: {error}: {}", answer.err))
}

fn forms(report: &Value) -> Vec<&str> {
    let runs = report["runs"].as_array().expect("runs");
    runs.iter().filter_map(|run| run["form"].as_str()).collect()
}

#[test]
fn a_macro_file_means_form_custom() {
    for command in ["run", "places"] {
        assert_eq!(report(command)["form"], "custom", "{command}");
        assert_eq!(report(&format!("{command} --form custom"))["form"], "custom", "{command}");
    }
    assert_eq!(forms(&report("compare")), ["A", "E", "custom"]);
    assert_eq!(forms(&report("compare --forms custom,B2")), ["custom", "B2"]);
    let without = play("compare --json", "");
    assert_eq!(forms(&serde_json::from_str(&without.out).expect("JSON")), ["A", "E"]);
    assert!(play("run", "").out.starts_with("form      E: "));
}

#[test]
#[cfg(feature = "unicorn")]
fn a_macro_file_adds_form_custom_to_a_check() {
    let report = report("check");
    assert_eq!(forms(&report), ["A", "E", "custom"]);
    assert_eq!(messages(&report["runs"][2]["notes"]), MESSAGES);
}

fn messages(notes: &Value) -> Vec<&str> {
    let notes = notes.as_array().expect("notes");
    assert!(notes.iter().all(|note| note["severity"] == "note" && note["source"] == "restore/custom.S"), "{notes:?}");
    notes.iter().filter_map(|note| note["message"].as_str()).collect()
}

#[test]
fn json_has_what_to_know_of_the_text() {
    assert_eq!(messages(&report("run")["notes"]), MESSAGES);
    assert_eq!(messages(&report("places")["notes"]), MESSAGES);
    let compared = report("compare");
    let notes = [0, 1, 2].map(|run| messages(&compared["runs"][run]["notes"]));
    assert_eq!(notes, [vec![], vec![], MESSAGES.to_vec()]);
    assert_eq!(compared["runs"][2]["notes"][2]["line"], 6);
}

/// The lines of the answer between the heading and the end of the run.
fn check(command: &str, expected: Expect) {
    let answer = play(&format!("{command} --macro - --inject sysret_exit_user_cr3:nmi"), OWN);
    assert_fits(command, &answer);
    let lines = answer.out.lines().skip_while(|line| !line.starts_with("inject")).skip(1);
    let said: String = lines.take_while(|line| !line.starts_with("end")).map(|line| format!("{line}\n")).collect();
    expected.assert_eq(&steady(&said));
}

#[test]
fn the_heading_says_what_to_know_of_the_text() {
    check(
        "run",
        expect![[r#"
            restore/custom.S:1:1: note: taken for 2 macros
            restore/custom.S:2:1: note: `SET_NOFLUSH_BIT` replaces the built-in macro of that name; their texts
              differ
              the built-in one is in arch/x##/entry/calling.h, line ###
            restore/custom.S:6:8: note: `CONFIG_DEBUG_ENTRY` counts as off
              the machine does not model it; `#define CONFIG_DEBUG_ENTRY 1` above this line turns it on
            restore/custom.S:##:1: note: the macro RESTORE_CR3 is empty with these features
              nothing restores CR3 in this run; an #if or an ALTERNATIVE may leave out what should
        "#]],
    );
    check(
        "compare",
        expect![[r#"
            restore/custom.S:1:1: note: taken for 2 macros
            restore/custom.S:2:1: note: `SET_NOFLUSH_BIT` replaces the built-in macro of that name; their texts
              differ
              the built-in one is in arch/x##/entry/calling.h, line ###
            restore/custom.S:6:8: note: `CONFIG_DEBUG_ENTRY` counts as off
              the machine does not model it; `#define CONFIG_DEBUG_ENTRY 1` above this line turns it on
            restore/custom.S:##:1: note: the macro RESTORE_CR3 is empty with these features
              nothing restores CR3 in this run; an #if or an ALTERNATIVE may leave out what should
        "#]],
    );
}

#[test]
fn places_say_it_beside_their_list() {
    let answer = play("places exc_nmi --macro -", OWN);
    assert_eq!(answer.err.matches(": note: ").count(), 4, "{}", answer.err);
    assert!(!answer.out.contains("note"), "{}", answer.out);
}

#[test]
fn a_second_definition_is_refused_with_both_lines() {
    let answer = play("run --macro -", &format!("{OWN}.macro restore_cr3\n.endm\n"));
    assert_eq!(answer.status, 2);
    assert!(answer.err.contains("restore/custom.S:14:8: error: macro `restore_cr3` was already defined in line 11\n"));
    assert!(!answer.err.contains(".purgem"), "{}", answer.err);
}

#[test]
fn asm_says_it_too() {
    let text = "#ifdef CONFIG_DEBUG_ENTRY\n#endif\n";
    let answer = play("asm -", text);
    assert_eq!(answer.status, 0);
    expect![[r#"
        -:1:8: note: `CONFIG_DEBUG_ENTRY` counts as off
          the machine does not model it; `#define CONFIG_DEBUG_ENTRY 1` above this line turns it on
    "#]]
    .assert_eq(&answer.err);
    assert_eq!(play("asm - -D CONFIG_DEBUG_ENTRY=1", text).err, "");
}

/// A file of testdata/patches, as a path from the tests' folder.
fn patch(name: &str) -> String {
    format!("testdata/patches/{name}")
}

/// The lines of standard output or error that say something of the text.
fn said(text: &str) -> String {
    let about = |line: &&str| line.contains("custom.S") || line.starts_with("  ");
    text.lines().take_while(|line| !line.starts_with("end")).filter(about).map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_patch_is_taken_in_place_of_macros() {
    let answer = play(&format!("run --steps none --patch {}", patch("merged.quoted-printable")), "");
    assert_eq!(answer.status, 0, "{}", answer.err);
    expect![[r#"
        restore/custom.S:19:1: note: taken for a mail with a unified diff; undone: quoted-printable; left
          out: heads of mails, the words around it
          it fits form A, and changes arch/x86/entry/calling.h (3 hunks), arch/x86/entry/entry_64.S (2
            hunks)
        restore/custom.S:19:1: note: `RESTORE_CR3` is gone
        restore/custom.S:27:2: note: `PARANOID_RESTORE_CR3` is new
        restore/custom.S:72:2: note: the arm for a kernel without page-table isolation is left out
          isolation is compiled in here
    "#]]
    .assert_eq(&said(&answer.out));
    for option in ["--patch", "--macro"] {
        let report = play(&format!("compare --json --forms A,E,custom {option} {}", patch("merged.reply")), "");
        let report: Value = serde_json::from_str(&report.out).expect("JSON");
        assert_eq!(forms(&report), ["A", "E", "custom"]);
        assert_eq!(report["runs"][1]["counters"], report["runs"][2]["counters"]);
        assert!(messages(&report["runs"][2]["notes"])[0].starts_with("taken for a mail with a unified diff; "));
    }
}

/// Names in a mail may be in an encoding of their own; its code is ASCII.
#[test]
fn a_mail_that_is_not_utf_8_is_taken() {
    let plain = std::fs::read(format!("../../{}", patch("merged.mail"))).expect("the mail");
    let file = std::env::temp_dir().join(format!("cr3play-{}-latin-1.mail", std::process::id()));
    std::fs::write(&file, [&b"From: Andr\xe9 <andre@example.org>\n"[..], &plain].concat()).expect("a file");
    let answer = play(&format!("run --steps none --patch {}", file.display()), "");
    std::fs::remove_file(&file).expect("the file");
    assert_eq!(answer.status, 0, "{}", answer.err);
    assert!(said(&answer.out).contains("taken for a mail with a unified diff"), "{}", answer.out);
}

#[test]
fn every_command_takes_a_patch() {
    let resent = patch("resent.mail");
    let places = play(&format!("places paranoid_exit --patch {resent}"), "");
    assert_eq!(places.status, 0, "{}", places.err);
    assert!(places.out.contains("restore/a.S (patched):"), "{}", places.out);
    expect![[r#"
        restore/custom.S:19:1: note: taken for a mail with a unified diff; left out: heads of mails, the
          words around it
          it fits form A, and changes arch/x86/entry/calling.h (1 hunk), comments alone (1 hunk)
        restore/custom.S:34:2: note: `RESTORE_CR3` is changed
    "#]]
    .assert_eq(&places.err);
    let explored =
        play(&format!("explore --depth 1 --patch {resent} --features pti,pcid --handler quiet --vectors nmi"), "");
    assert!(explored.out.contains(&format!("cr3play explore --macro {resent} ")), "{}", explored.out);
    expect![[r#"
        restore/custom.S:19:1: note: taken for a mail with a unified diff; left out: heads of mails, the
          words around it
          it fits form A, and changes arch/x86/entry/calling.h (1 hunk), comments alone (1 hunk)
        restore/custom.S:34:2: note: `RESTORE_CR3` is changed
    "#]]
    .assert_eq(&explored.err);
}

#[test]
fn explore_has_the_notes_in_json_too() {
    let resent = patch("resent.mail");
    let answer = play(
        &format!("explore --depth 1 --json --patch {resent} --features pti,pcid --handler quiet --vectors nmi"),
        "",
    );
    assert_eq!(answer.err, "");
    let report: Value = serde_json::from_str(&answer.out).expect("JSON");
    assert!(messages(&report["notes"])[0].starts_with("taken for a mail"));
}

#[test]
fn a_patch_that_does_not_fit_is_wrong_use() {
    let answer = play(&format!("run --patch {}", patch("cut.reply")), "");
    assert_eq!(answer.status, 2);
    expect![[r#"
        cr3play: the text does not assemble
          restore/custom.S:15:1: error: the hunk is cut short: 8 of its lines are missing
          give the patch itself instead of a reply that quotes a part of it
    "#]]
    .assert_eq(&answer.err);
    let answer = play("run --patch -", "--- a/arch/x86/mm/tlb.c\n+++ b/arch/x86/mm/tlb.c\n@@ -1 +1 @@\n-a\n+b\n");
    assert_eq!(answer.status, 2);
    expect![[r#"
        cr3play: the text does not assemble
          restore/custom.S:1:1: error: no text has the name arch/x86/mm/tlb.c
          the C side of the kernel is not modelled; the files with a text are arch/x86/entry/calling.h and
            arch/x86/entry/entry_64.S: give a patch that changes one of those files
    "#]]
    .assert_eq(&answer.err);
}

#[test]
fn names_of_the_configuration_can_be_set() {
    let set = |config: &str| messages(&play_json(&format!("run --json --macro - {config}"))["notes"]).len();
    assert_eq!(set(""), 4);
    assert_eq!(set("--config DEBUG_ENTRY=y"), 2);
    assert_eq!(set("--config CONFIG_DEBUG_ENTRY=y --config PAGE_TABLE_ISOLATION=n"), 1);
    assert_eq!(set("--config DEBUG_ENTRY=n"), 3);
    for wrong in ["--config x=y --macro -", "--config X=1 --macro -", "--config X --macro -", "--config X=y"] {
        assert_eq!(play(&format!("run {wrong}"), OWN).status, 2, "{wrong}");
    }
    let explored = play(
        "explore --depth 1 --macro - --config DEBUG_ENTRY=y --features pti,pcid --handler quiet --vectors nmi",
        OWN,
    );
    assert!(explored.out.contains("cr3play explore --macro - --config CONFIG_DEBUG_ENTRY=y "), "{}", explored.out);
}

fn play_json(command: &str) -> Value {
    let answer = play(command, OWN);
    serde_json::from_str(&answer.out).unwrap_or_else(|error| panic!("{command}: {error}: {}", answer.err))
}

/// Each command that takes a text says the same of a file that has none.
#[test]
fn a_file_that_has_no_text_is_named() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("no_text");
    std::fs::create_dir_all(&folder).expect("a folder");
    let files = [("empty.S", &b""[..]), ("blank.patch", b"\n \t\n"), ("entry.o", b"\x7fELF\x02\x01\x01\0\0")];
    let mut told = String::new();
    for (name, bytes) in files.into_iter().chain([("macro.patch.gz", &b"\x1f\x8b\x08\x00abc"[..])]) {
        std::fs::write(folder.join(name), bytes).expect("it can be written");
        for option in ["explore --macro", "explore --patch", "compare --macro"] {
            let answer = play(&format!("{option} {}", folder.join(name).display()), "");
            assert_eq!((answer.status, answer.out.as_str()), (2, ""), "{name}: {}", answer.err);
            let words = answer.err.split_whitespace().collect::<Vec<_>>().join(" ");
            let line = words.replace(&format!("{}/", folder.display()), "") + "\n";
            if !told.ends_with(&line) {
                told += &line;
            }
        }
    }
    told += &play("explore --macro -", "").err;
    expect![[r#"
        cr3play: empty.S is empty give the source text of macros, or a patch
        cr3play: blank.patch is empty give the source text of macros, or a patch
        cr3play: entry.o is not text give the source text of macros, or a patch; unpack it first if it is compressed
        cr3play: macro.patch.gz is not text give the source text of macros, or a patch; unpack it first if it is compressed
        cr3play: standard input is empty
          give the source text of macros, or a patch
    "#]]
    .assert_eq(&told);
    // Names in mails may be of any encoding.
    let latin = folder.join("latin.S");
    let text = [&b"# J\xf6rg\n"[..], include_bytes!("../../../core/src/linux/restore/e.S")].concat();
    std::fs::write(&latin, text).expect("it can be written");
    assert_eq!(play(&format!("run --macro {}", latin.display()), "").status, 0);
}
