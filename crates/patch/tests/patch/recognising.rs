//! Each kind of text, as people have it.

use crate::file;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cr3_patch::{Patch, Taken, What, recognise};
use expect_test::{Expect, expect};

fn taken(text: &str) -> Taken {
    recognise(text).expect("a text that is not too long")
}

/// The one line on a text; then the files of its patches with their hunks, or its lines with their places.
fn check(text: &str, expected: Expect) {
    let taken = taken(text);
    let mut told = format!("{taken}\n");
    match &taken.what {
        What::Text(lines) => {
            lines.iter().for_each(|line| told += &format!("{}+{} {}\n", line.at, line.shift, line.text))
        }
        What::Patches(patches) => patches.iter().for_each(|patch| told += &files(patch)),
    }
    expected.assert_eq(&told);
}

fn files(patch: &Patch) -> String {
    let hunk = |hunk: &cr3_patch::Hunk| match hunk.missing {
        0 => format!(" {}", hunk.lines.len()),
        missing => format!(" {} and {missing} missing", hunk.lines.len()),
    };
    let file = |file: &cr3_patch::File| format!("{}:{}\n", file.path, file.hunks.iter().map(hunk).collect::<String>());
    patch.files.iter().map(file).collect()
}

#[test]
fn a_diff_and_a_mail_are_told_apart() {
    check(
        &file("resent.diff"),
        expect![[r#"
        a unified diff
        arch/x86/entry/calling.h: 18 10
    "#]],
    );
    check(
        &file("resent.mail"),
        expect![[r#"
        a mail with a unified diff; left out: heads of mails, the words around it
        arch/x86/entry/calling.h: 18 10
    "#]],
    );
    check(
        &file("resent.mail").replace('\n', "\r\n"),
        expect![[r#"
        a mail with a unified diff; undone: carriage returns; left out: heads of mails, the words around it
        arch/x86/entry/calling.h: 18 10
    "#]],
    );
    check(
        &file("merged.mail"),
        expect![[r#"
        a mail with a unified diff; left out: heads of mails, the words around it
        arch/x86/entry/calling.h: 23 21 8
        arch/x86/entry/entry_64.S: 10 9
    "#]],
    );
}

#[test]
fn what_became_of_a_mail_on_its_way_is_undone() {
    check(
        &file("resent.reply"),
        expect![[r#"
        a mail with a unified diff; undone: the marks of a reply; left out: heads of mails, the words around it
        arch/x86/entry/calling.h: 18 10
    "#]],
    );
    check(
        &file("remarks.reply"),
        expect![[r#"
        a mail with a unified diff; undone: the marks of a reply, broken lines, spaces in place of tabs; left out: the words around it
        arch/x86/entry/calling.h: 18 10
    "#]],
    );
    check(
        &file("merged.quoted-printable"),
        expect![[r#"
        a mail with a unified diff; undone: quoted-printable; left out: heads of mails, the words around it
        arch/x86/entry/calling.h: 23 21 8
        arch/x86/entry/entry_64.S: 10 9
    "#]],
    );
    check(
        &file("merged.base64"),
        expect![[r#"
        a mail with a unified diff; undone: base64; left out: heads of mails, the words around it
        arch/x86/entry/calling.h: 23 21 8
        arch/x86/entry/entry_64.S: 10 9
    "#]],
    );
    let body = |name: &str| file(name).split_once("\n\n").expect("a head").1.to_owned();
    check(
        &body("merged.quoted-printable"),
        expect![[r#"
        a mail with a unified diff; undone: quoted-printable; left out: the words around it
        arch/x86/entry/calling.h: 23 21 8
        arch/x86/entry/entry_64.S: 10 9
    "#]],
    );
    check(
        &body("merged.base64"),
        expect![[r#"
        a mail with a unified diff; undone: base64; left out: the words around it
        arch/x86/entry/calling.h: 23 21 8
        arch/x86/entry/entry_64.S: 10 9
    "#]],
    );
}

/// However many `=` fill its last line.
#[test]
fn base64_without_a_head_is_known() {
    let mut fills = ["", "\n", "\n\n"].map(|blanks| {
        let body = STANDARD.encode(file("resent.diff") + blanks);
        let lines: Vec<_> = body.as_bytes().chunks(76).map(String::from_utf8_lossy).collect();
        assert_eq!(taken(&lines.join("\n")).to_string(), "a unified diff; undone: base64", "{body}");
        body.len() - body.trim_end_matches('=').len()
    });
    fills.sort_unstable();
    assert_eq!(fills, [0, 1, 2]);
}

/// However it came, the patch is the same.
#[test]
fn the_code_of_the_patch_is_what_it_was() {
    let code = |text: &str| {
        let What::Patches(patches) = taken(text).what else { panic!("a patch") };
        let hunks = patches.iter().flat_map(|patch| &patch.files).flat_map(|file| &file.hunks);
        let lines = hunks.flat_map(|hunk| &hunk.lines);
        lines.map(|line| (line.tag, line.line.text.split_whitespace().collect::<String>())).collect::<Vec<_>>()
    };
    for name in ["resent", "merged"] {
        let plain = code(&file(&format!("{name}.diff")));
        for kind in ["mail", "reply", "quoted-printable", "base64"] {
            assert_eq!(code(&file(&format!("{name}.{kind}"))), plain, "{name}.{kind}");
        }
    }
    assert_eq!(code(&file("remarks.reply")), code(&file("resent.diff")));
}

#[test]
fn a_series_is_put_in_its_order() {
    check(
        &file("series.mbox"),
        expect![[r#"
        2 mails with unified diffs; left out: heads of mails, the words around it
        arch/x86/entry/calling.h: 18 10
        arch/x86/entry/calling.h: 15
    "#]],
    );
}

#[test]
fn parts_of_a_mail_are_read() {
    let mail = "From: a@b\nSubject: [PATCH]\nContent-Type: multipart/mixed;\n boundary=\"x y\"\n\nprologue\n--x y\n\
                Content-Type: text/plain\n\nwords\n--x y\nContent-Type: text/html\n\n<p>@@ -1 +1 @@</p>\n--x y\n\
                Content-Type: text/x-patch\nContent-Transfer-Encoding: quoted-printable\n\n\
                --- a/f\n+++ b/f\n@@ -1 +1 @@\n-a =3D 1\n+a =3D=\n 2\n--x y--\nepilogue\n";
    check(
        mail,
        expect![[r#"
        a mail with a unified diff; undone: quoted-printable; left out: heads of mails, the words around it
        f: 2
    "#]],
    );
}

#[test]
fn a_hunk_that_ends_early_is_known() {
    check(
        &file("cut.reply"),
        expect![[r#"
        a mail with a unified diff; undone: the marks of a reply; left out: the words around it
        arch/x86/entry/calling.h: 9 and 8 missing
    "#]],
    );
    check(
        "--- a/f\n+++ b/f\n@@ -1,3 +1,3 @@\n a\n-b\n[...]\n+c\n",
        expect![[r#"
        a mail with a unified diff; left out: the words around it
        f: 2 and 2 missing
    "#]],
    );
    check(
        "--- a/f\n+++ b/f\n@@ -1,3 +1,3 @@\n a\n-- \n2.1\n",
        expect![[r#"
        a mail with a unified diff; left out: the words around it
        f: 1 and 2 missing
    "#]],
    );
    check(
        "@@ -1,2 +1,2 @@ label\n a\n-b\n+c\n@@ -4,9 +4,9 @@\n",
        expect![[r#"
        a unified diff
        : 3 0 and 9 missing
    "#]],
    );
}

#[test]
fn macros_are_taken_as_they_stand() {
    let macros = ".macro M a\n\tmovq \\a, %rax\n.endm\n";
    check(
        macros,
        expect![[r#"
            one macro
            1+0 .macro M a
            2+0 	movq \a, %rax
            3+0 .endm
        "#]],
    );
    check(
        &macros.replace('\t', "    ").replace('\n', "\r\n"),
        expect![[r#"
            one macro; undone: carriage returns
            1+0 .macro M a
            2+0     movq \a, %rax
            3+0 .endm
        "#]],
    );
    check(
        "",
        expect![[r#"
            code without a macro
        "#]],
    );
    check(
        "not a macro: a text\nabout = signs",
        expect![[r#"
            code without a macro
            1+0 not a macro: a text
            2+0 about = signs
        "#]],
    );
}

#[test]
fn macros_in_a_reply_or_a_mail_are_taken_out() {
    check(
        "Somebody wrote:\n> Take this:\n> .macro M a=3\n> \tnop\n> .endm\n>\nNo.\n",
        expect![[r#"
            a mail with one macro; undone: the marks of a reply; left out: the words around it
            3+2 .macro M a=3
            4+2 	nop
            5+2 .endm
        "#]],
    );
    check(
        ">> .macro M\n>> .endm\n> no\n",
        expect![[r#"
            a mail with one macro; undone: the marks of a reply; left out: the words around it
            1+3 .macro M
            2+3 .endm
        "#]],
    );
    check(
        "> nop\n> nop\n",
        expect![[r#"
            a mail with code without a macro; undone: the marks of a reply
            1+2 nop
            2+2 nop
        "#]],
    );
    check(
        ">.macro M\n> nop\n>.endm\n",
        expect![[r#"
            a mail with one macro; undone: the marks of a reply
            1+1 .macro M
            2+1  nop
            3+1 .endm
        "#]],
    );
    check(
        "From: a@b\nSubject: a macro\nContent-Transfer-Encoding: quoted-printable\n\nHello,\n\n.macro M a=3D3\n=09nop =\n# c\n.endm\n",
        expect![[r#"
            a mail with one macro; undone: quoted-printable; left out: heads of mails, the words around it
            7+0 .macro M a=3
            8+0 	nop # c
            10+0 .endm
        "#]],
    );
    check(
        ".macro M a=3D3\n=09movq =\n%rax, %rbx\n.endm\n",
        expect![[r#"
            one macro; undone: quoted-printable
            1+0 .macro M a=3
            2+0 	movq %rax, %rbx
            4+0 .endm
        "#]],
    );
}

/// The body of a mail as it is copied out of a mailer or an archive: no head, no marks.
#[test]
fn macros_between_sentences_are_taken_out() {
    check(
        "Hi,\n\nThis one is simpler:\n\n#define X 1\n.macro M\n\tnop\n.endm\n\nis it not\n",
        expect![[r#"
            a mail with one macro; left out: the words around it
            5+0 #define X 1
            6+0 .macro M
            7+0 	nop
            8+0 .endm
        "#]],
    );
    // Comments have sentences too, and a statement that is wrong is no sentence.
    let code = "/*\n * This is a comment, about a macro.\n */\n// This is one too.\nMovq %rax, %rbx, %rcx\n.macro M\nThis is in it.\n.endm\n";
    let taken = taken(code);
    assert!(taken.is_plain(), "{taken}");
    assert_eq!(taken.to_string(), "one macro");
}

#[test]
fn escaped_blanks_alone_are_quoted_printable() {
    check(
        ".macro M a\n=09nop=20\n.endm\n",
        expect![[r#"
            one macro; undone: quoted-printable
            1+0 .macro M a
            2+0 	nop 
            3+0 .endm
        "#]],
    );
    check(
        ".macro=20M\n\tmovq $1,=20%rax\n.endm\n",
        expect![[r#"
            one macro; undone: quoted-printable
            1+0 .macro M
            2+0 	movq $1, %rax
            3+0 .endm
        "#]],
    );
    // Here a name gets a number.
    check(
        "BIT=20\n.macro M a=20\n.endm\n",
        expect![[r#"
            one macro
            1+0 BIT=20
            2+0 .macro M a=20
            3+0 .endm
        "#]],
    );
}

#[test]
fn a_text_that_is_too_long_is_refused() {
    let fault = recognise(&"x".repeat(cr3_patch::MAX_TEXT + 1)).expect_err("refused");
    assert_eq!((fault.line(), fault.to_string().as_str()), (1, "the text is longer than 1024 KiB"));
    assert!(recognise(&"\n".repeat(cr3_patch::MAX_TEXT)).is_ok());
}
