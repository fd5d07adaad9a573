//! Where hunks belong in a text with other comments, and what a text is with them.

use cr3_patch::{Applied, Base, EditedLine, Key, Misfit, What, apply, recognise};
use expect_test::{Expect, expect};

const TEXT: &str = "/* Ours:\n * a first macro. */\n.macro FIRST reg\n\tcli // off\nours:\n\tmov\t\\reg, %cr3\t# load\n.endm\n\n\
                    .macro SECOND\n#ifdef CONFIG_A\n\tcli\n#endif\n\tsti\n.endm\nlabel:\n\tcli\n\tret\n";

fn key(code: &str) -> Key {
    match code {
        _ if code.starts_with("#if") || code.starts_with("#endif") => Key::Free,
        _ if code.starts_with("HINT") => Key::Unmodelled,
        _ if code.ends_with(':') => Key::Label(code.to_owned()),
        _ => Key::Code(code.to_owned()),
    }
}

fn applied(patch: &str) -> Result<Applied, Misfit> {
    let What::Patches(patches) = recognise(patch).expect("short").what else { panic!("a patch: {patch}") };
    let bases = [
        Base { path: "arch/x86/entry/calling.h", lines: TEXT.lines().collect() },
        Base { path: "arch/x86/entry/entry_64.S", lines: vec!["\tnop", "\tret"] },
    ];
    apply(&patches, &bases, &key)
}

/// The lines that differ from the text, or the fault.
fn check(patch: &str, expected: Expect) {
    let told = match applied(patch) {
        Ok(applied) => changes(&applied),
        Err(misfit) => {
            let Misfit { fault, base, reached } = misfit;
            format!("line {}: {fault}\n  {}\nbase {base:?}, reached {reached:?}\n", fault.line(), fault.mend())
        }
    };
    expected.assert_eq(&told);
}

fn changes(applied: &Applied) -> String {
    let mut told = String::new();
    for (number, text) in applied.texts.iter().enumerate() {
        let kept: Vec<_> =
            text.iter().filter_map(|line| if let EditedLine::Kept(at) = line { Some(*at) } else { None }).collect();
        let count = [TEXT.lines().count(), 2][number];
        let gone: Vec<_> = (0..count).filter(|at| !kept.contains(at)).map(|at| at + 1).collect();
        if !gone.is_empty() {
            told += &format!("{number}: without lines {gone:?}\n");
        }
        for line in text {
            if let EditedLine::Added { line, after } = line {
                let after = after.map_or("the beginning".to_owned(), |after| format!("line {}", after + 1));
                told += &format!("{number}: after {after}: {:?} from line {}+{}\n", line.text, line.at, line.shift);
            }
        }
    }
    told + &format!("{:?} hunks, {} of comments, left out {:?}\n", applied.hunks, applied.comments, applied.left_out)
}

fn diff(body: &str) -> String {
    let old = body.lines().filter(|line| !line.starts_with('+')).count();
    let new = body.lines().filter(|line| !line.starts_with('-')).count();
    format!("--- a/arch/x86/entry/calling.h\n+++ b/arch/x86/entry/calling.h\n@@ -1,{old} +1,{new} @@\n{body}")
}

#[test]
fn a_place_is_found_by_code() {
    check(
        &diff(" .macro   FIRST reg /* theirs */\n-\tcli\n+\tsti /* on */\n \tmov \\reg,%cr3\n"),
        expect![[r#"
        0: without lines [4]
        0: after line 4: "\tsti" from line 6+1
        [1, 0] hunks, 0 of comments, left out []
    "#]],
    );
    check(
        &diff(" \tmov\t\\reg, %cr3\n+\tnop\n .endm\n-.macro SECOND\n+.macro THIRD\n"),
        expect![[r#"
        0: without lines [9]
        0: after line 6: "\tnop" from line 5+1
        0: after line 9: ".macro THIRD" from line 8+1
        [1, 0] hunks, 0 of comments, left out []
    "#]],
    );
    check(
        &diff(" label:\n+\tnop\n \tcli\n"),
        expect![[r#"
        0: after line 15: "\tnop" from line 5+1
        [1, 0] hunks, 0 of comments, left out []
    "#]],
    );
}

#[test]
fn comments_may_begin_or_end_outside_the_hunk() {
    check(
        &diff("  * the middle of one\n  */\n-\tcli\n \tmov\t\\reg, %cr3\n \t/* and the begin\n"),
        expect![[r#"
        0: without lines [4]
        [1, 0] hunks, 0 of comments, left out []
    "#]],
    );
    check(
        &diff("-\t/* only\n-\t * words */\n+\t/* others */\n \tsti\n"),
        expect![[r#"
        [0, 0] hunks, 1 of comments, left out []
    "#]],
    );
}

#[test]
fn what_either_side_may_have_alone_is_passed_over() {
    check(
        &diff(" .macro SECOND\n-\tcli\n+\tnop\n \tsti\n"),
        expect![[r#"
        0: without lines [11]
        0: after line 11: "\tnop" from line 6+1
        [1, 0] hunks, 0 of comments, left out []
    "#]],
    );
    check(
        &diff(" .macro SECOND\n HINT a\n #ifdef CONFIG_B\n \tcli\n+HINT b\n+#endif\n theirs:\n \tsti\n"),
        expect![[r##"
            0: after line 11: "#endif" from line 9+1
            [1, 0] hunks, 0 of comments, left out []
        "##]],
    );
}

#[test]
fn a_patch_that_does_not_fit_says_where_and_why() {
    check(
        &diff(" .macro FIRST reg\n-\tcli\n \tmov \\reg, %cr4\n"),
        expect![[r#"
        line 6: the hunk does not fit: it has `mov \reg,%cr4` where the text has `mov \reg,%cr3`
          give the patches before it too, or the macros as it leaves them
        base Some(0), reached (0, 2)
    "#]],
    );
    check(
        &diff(" .macro SECOND\n \tcli\n \tsti\n .endm\n label:\n \tcli\n \tret\n-\tnop\n"),
        expect![[r#"
        line 11: the hunk does not fit: it has `nop` where the text ends
          give the patches before it too, or the macros as it leaves them
        base Some(0), reached (0, 7)
    "#]],
    );
    check(
        &diff("-\tfoo\n"),
        expect![[r#"
            line 4: the hunk does not fit: nothing in the text matches `foo` and the lines after it
              give the patches before it too, or the macros as it leaves them
            base Some(0), reached (0, 0)
        "#]],
    );
    check(
        &diff("-\tcli\n"),
        expect![[r#"
        line 3: the hunk fits at 3 places
          make the diff with more lines of context, as by `git diff -U8`
        base Some(0), reached (0, 1)
    "#]],
    );
    check(
        &diff("-theirs:\n \tcli\n"),
        expect![[r#"
            line 4: the hunk does not fit: it has `theirs:` where the text has `.macro FIRST reg`
              give the patches before it too, or the macros as it leaves them
            base Some(0), reached (0, 1)
        "#]],
    );
    check(
        &diff("+\tcli\n /* nothing else */\n"),
        expect![[r#"
        line 3: the hunk has no line of code by which its place can be found
          make the diff with more lines of context, as by `git diff -U8`
        base Some(0), reached (0, 0)
    "#]],
    );
    check(
        &(diff(" .macro FIRST reg\n-\tcli\n") + "@@ -9,3 +9,3 @@\n \tsti\n"),
        expect![[r#"
        line 7: the hunk is cut short: 2 of its lines are missing
          give the patch itself instead of a reply that quotes a part of it
        base Some(0), reached (1, 0)
    "#]],
    );
    check(
        &diff("-\tret\n").replace("calling.h", "tlb.c"),
        expect![[r#"
        line 1: no text has the name arch/x86/entry/tlb.c
          give a patch that changes one of those files
        base None, reached (0, 0)
    "#]],
    );
    check(
        &diff("-\tret\n").replace("arch/x86/entry", "arch/arm"),
        expect![[r#"
        line 1: no text has the name arch/arm/calling.h
          give a patch that changes one of those files
        base None, reached (0, 0)
    "#]],
    );
}

#[test]
fn a_heading_tells_places_apart() {
    let headed = |heading: &str| diff("-\tcli\n").replace("@@\n", &format!("@@ {heading}\n"));
    check(
        &headed(".macro SECOND"),
        expect![[r#"
        0: without lines [11]
        [1, 0] hunks, 0 of comments, left out []
    "#]],
    );
    check(
        &headed("SYM_CODE_START(label)"),
        expect![[r#"
        0: without lines [16]
        [1, 0] hunks, 0 of comments, left out []
    "#]],
    );
    check(
        &headed("elsewhere"),
        expect![[r#"
        line 3: the hunk fits at 3 places
          make the diff with more lines of context, as by `git diff -U8`
        base Some(0), reached (0, 1)
    "#]],
    );
}

#[test]
fn files_are_found_by_the_end_of_their_path() {
    let named = |path: &str| format!("--- x\n+++ {path}\n@@ -1 +1 @@\n-\tnop\n+\tpause\n");
    for path in
        ["b/arch/x86/entry/entry_64.S", "/home/linux/arch/x86/entry/entry_64.S", "entry/entry_64.S", "entry_64.S"]
    {
        assert_eq!(applied(&named(path)).map(|applied| applied.hunks), Ok(vec![0, 1]), "{path}");
    }
    // A hunk without the head of its diff is looked for in all.
    assert_eq!(applied("@@ -1 +1 @@\n-\tnop\n+\tpause\n").map(|applied| applied.hunks), Ok(vec![0, 1]));
    let other = named("b/arch/x86/mm/tlb.c") + &named("b/arch/x86/entry/entry_64.S");
    check(
        &other,
        expect![[r#"
        1: without lines [1]
        1: after line 1: "\tpause" from line 10+1
        [0, 1] hunks, 0 of comments, left out [("arch/x86/mm/tlb.c", 1)]
    "#]],
    );
}

#[test]
fn patches_apply_one_after_the_other_and_all_or_none() {
    let second = "--- a/arch/x86/entry/calling.h\n+++ b/arch/x86/entry/calling.h\n@@ -1,2 +1,2 @@\n-\tsti2\n+\tsti3\n \tmov \\reg, %cr3\n";
    let first = diff(" .macro FIRST reg\n-\tcli\n+\tsti2\n");
    check(
        &format!("{first}{second}"),
        expect![[r#"
        0: without lines [4]
        0: after line 4: "\tsti3" from line 11+1
        [2, 0] hunks, 0 of comments, left out []
    "#]],
    );
    check(
        &format!("{second}{first}"),
        expect![[r#"
            line 4: the hunk does not fit: it has `sti2` where the text has `cli`
              give the patches before it too, or the macros as it leaves them
            base Some(0), reached (0, 1)
        "#]],
    );
}

#[test]
fn hunks_are_bounded() {
    let hunk = "@@ -1 +1 @@\n-\tfoo\n";
    let head = "--- a/arch/x86/entry/calling.h\n+++ b/arch/x86/entry/calling.h\n";
    let comment = "@@ -1 +1 @@\n-/* a */\n+/* b */\n";
    check(
        &format!("{head}{}{hunk}", comment.repeat(400)),
        expect![[r#"
            line 1203: the patches have more than 400 hunks for these texts
              give the patches that change these texts alone
            base Some(0), reached (0, 0)
        "#]],
    );
}
