//! `cr3play mutants`: one mutant, its text, what each line is for, and the exit status.

use super::{check, json, play, steady};
use expect_test::expect;

#[test]
fn a_mutant_that_is_killed_says_how_to_see_it() {
    check(
        "mutants restore:11:delete",
        0,
        expect![[r#"
        form      E: PARANOID_RESTORE_CR3, merged in v6.9: skips a kernel CR3, BTR on the pending flush
        searched  one exception of nmi, db, mc, vc, the standard set of systems
        restore:##:delete, restore/e.S line ##: movq \save_reg,%cr3 becomes nothing
        verdict   killed: restored breaks at step ###: entry_SYSCALL_##:db, features pti,pcid,fsgsbase,nx,
                  handler pending-flush
        again     cr3play mutants restore:##:delete --show | cr3play run --macro - --features
                  pti,pcid,fsgsbase,nx --handler pending-flush --inject entry_SYSCALL_##:db
    "#]],
    );
}

#[test]
fn what_kills_a_mutant_is_seen_by_run() {
    let report = json("mutants user:16:delete --json", 0);
    assert_eq!((&report["version"], &report["standing"]), (&1.into(), &"enough".into()));
    let mutant = &report["mutants"][0];
    assert_eq!((&mutant["verdict"], &mutant["source"]), (&"killed".into(), &"arch/x86/entry/calling.h".into()));
    let text = play("mutants user:16:delete --show", "");
    assert_eq!((text.status, text.err.as_str()), (0, ""));
    let killer = &mutant["killed_by"];
    let [features, handler] = ["features", "handler"].map(|key| killer[key].as_str().expect("a string"));
    let run = format!("run --macro - --features {features} --handler {handler} --json");
    assert_eq!(play(&run, &text.out).status, 1);
    assert_eq!(killer["schedule"], "");
}

#[test]
fn a_patch_has_mutants_too() {
    let patch = "--patch testdata/patches/merged.quoted-printable";
    let report = json(&format!("mutants restore:11:delete {patch} --json"), 0);
    let notes = report["notes"][0]["message"].as_str().expect("a note");
    assert!(notes.starts_with("taken for a mail with a unified diff; undone: quoted-printable"), "{notes}");
    assert_eq!((&report["form"], &report["mutants"][0]["verdict"]), (&"custom".into(), &"killed".into()));
    let shown = play(&format!("mutants restore:11:delete {patch} --show"), "");
    assert!(shown.err.contains("custom.S:19:1: note: taken for a mail with a unified diff;"), "{}", shown.err);
    assert_eq!(play("run --macro - --handler pending-flush", &shown.out).status, 0);
    let piped = play("mutants restore:1:delete --show --macro -", &shown.out);
    assert_eq!(piped.status, 0, "standard input is read once: {}", piped.err);
}

#[test]
fn a_mutant_of_a_tree_runs_in_its_tree() {
    let told = play("mutants restore:11:delete --tree testdata/tree", "");
    let (_, again) = told.out.split_once("again     ").expect("it is killed");
    let words = again.split_whitespace().collect::<Vec<_>>().join(" ");
    let (show, run) = words.split_once(" | ").expect("two commands");
    let [show, run] = [show, run].map(|command| command.strip_prefix("cr3play ").expect("our program"));
    assert_eq!(show, "mutants --tree testdata/tree restore:11:delete --show");
    assert!(run.starts_with("run --tree testdata/tree --macro - --features "), "{run}");
    let text = play(show, "");
    assert_eq!(play(run, &text.out).status, 1);
}

#[test]
fn a_mutant_that_is_the_same_says_over_what() {
    check(
        "mutants save:4:register-1",
        0,
        expect![[r#"
            form      E: PARANOID_RESTORE_CR3, merged in v6.9: skips a kernel CR3, BTR on the pending flush
            searched  one exception of nmi, db, mc, vc, the standard set of systems
            save:4:register-1, arch/x##/entry/calling.h line ###: bt $PTI_USER_PGTABLE_BIT,\scratch_reg
                becomes bt $PTI_USER_PGTABLE_BIT,\save_reg
            verdict   equivalent: #### inputs
        "#]],
    );
    let report = json("mutants save:5:delete --json", 0);
    let same = &report["mutants"][0]["same"];
    assert_eq!(report["mutants"][0]["verdict"], "slower");
    assert!(same["more_cr3_writes"].as_u64() > Some(0) && same["inputs"].as_u64() > same["more_cr3_writes"].as_u64());
}

#[test]
fn every_line_of_a_form() {
    let answer = play("mutants --form B2 --lines", "");
    assert_eq!(answer.status, 0, "{}", answer.err);
    let restore: Vec<_> = answer.out.split("\n\n").nth(1).expect("the macro that restores").lines().collect();
    expect![[r#"
        restore: restore/b2.S
            8  ALTERNATIVE "jmp .Lend_\@","",X##_FEATURE_PTI
                 nothing fails without it
           ##  bt $PTI_USER_PGTABLE_BIT,\save_reg
                 without it restored breaks at step ###: entry_SYSCALL_##:db, features pti,pcid,fsgsbase,nx,
                 handler pending-flush
           ##  jnc .Lend_\@
                 nothing fails without it, but the result differs
           ##  movq \save_reg,%cr3
                 without it restored breaks at step ###: entry_SYSCALL_##:db, features pti,pcid,fsgsbase,nx,
                 handler pending-flush
           ##  .Lend_\@:
                 without it the text does not assemble: `.Lend_##` is not defined"#]]
    .assert_eq(&steady(&restore.join("\n")));
}

#[test]
fn a_form_that_breaks_gives_no_answer() {
    let answer = play("mutants save:4:delete --form never", "");
    assert_eq!(answer.status, 3);
    assert!(answer.out.contains("the form itself breaks on 2 of the systems"), "{}", answer.out);
}

#[test]
fn wrong_use_of_mutants_is_told() {
    check(
        "mutants restore:99:delete",
        2,
        expect![[r#"
        --- standard error
        cr3play: no mutant 'restore:##:delete'
          `cr3play mutants --json` lists them
    "#]],
    );
    check(
        "mutants --form F",
        2,
        expect![[r#"
            --- standard error
            cr3play: unknown form 'F': one of A, B2, C, E, never
              or custom, text or tree, with --macro FILE or --tree DIR
        "#]],
    );
    for wrong in ["mutants --show", "mutants restore:1:delete --lines", "mutants --depth 0"] {
        assert_eq!(play(wrong, "").status, 2, "{wrong}");
    }
}
