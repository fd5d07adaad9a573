//! No text makes anything panic, and lines keep their places.

use crate::file;
use cr3_patch::{Base, EditedLine, Key, What, apply, recognise};
use cr3_testing::cases;
use proptest::prelude::*;

const NAMES: [&str; 13] = [
    "resent.diff",
    "resent.mail",
    "resent.reply",
    "resent.quoted-printable",
    "resent.base64",
    "merged.diff",
    "merged.mail",
    "merged.reply",
    "merged.quoted-printable",
    "merged.base64",
    "series.mbox",
    "cut.reply",
    "remarks.reply",
];

/// Pieces of which texts are made.
fn piece() -> impl Strategy<Value = String> {
    let pieces = [
        "From: a@b",
        "From 0123 Mon Sep 17 00:00:00 2001",
        "Subject: [PATCH 2/3] x",
        "Content-Type: multipart/mixed; boundary=x",
        "Content-Transfer-Encoding: base64",
        "Content-Transfer-Encoding: quoted-printable",
        "--x",
        "--x--",
        "",
        "> > ",
        ">",
        "--- a/entry/calling.h",
        "+++ b/entry/calling.h",
        "@@ -1,3 +1,4 @@ .macro A",
        "@@ -1,4294967295 +1,4294967295 @@",
        "@@ -1 +1 @@",
        "@@ - + @@",
        " .macro A",
        "-\tcli",
        "+\tsti",
        "\\ No newline at end of file",
        "/* \u{e9}",
        "*/",
        "=3D=",
        "=",
        "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB",
        ".macro \u{e9}",
        ".endm",
    ];
    prop_oneof![4 => prop::sample::select(pieces.to_vec()).prop_map(str::to_owned), 1 => "\\PC{0,8}"]
}

fn survives(text: &str) {
    let lines = text.lines().count().max(1) as u32;
    let taken = recognise(text).expect("a text that is not too long");
    assert!(!taken.to_string().is_empty());
    match taken.what {
        What::Text(given) => assert!(given.iter().all(|line| (1..=lines).contains(&line.at)), "{given:?}"),
        What::Patches(patches) => {
            let bases = [
                Base { path: "entry/calling.h", lines: vec![".macro A", "\tcli", "/* x */", ".endm", "\tcli"] },
                Base { path: "entry/empty.S", lines: Vec::new() },
            ];
            let rules = |code: &str| match code.chars().next() {
                Some('.') => Key::Code(code.to_owned()),
                Some('#') => Key::Free,
                Some('c') => Key::Label(code.to_owned()),
                _ => Key::Unmodelled,
            };
            for rules in [&rules as &dyn Fn(&str) -> Key, &|code| Key::Code(code.to_owned())] {
                match apply(&patches, &bases, rules) {
                    Ok(applied) => assert!(applied.texts.iter().flatten().all(|line| match line {
                        EditedLine::Kept(index) => *index < 5,
                        EditedLine::Added { line, after } =>
                            (1..=lines).contains(&line.at) && after.is_none_or(|after| after < 5),
                    })),
                    Err(misfit) => assert!((1..=lines).contains(&misfit.fault.line()), "{misfit:?}"),
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(cases(512))]

    #[test]
    fn no_text_makes_it_panic(pieces in prop::collection::vec(piece(), 0..24), end in "(\n|\r\n|)") {
        survives(&(pieces.join("\n") + &end));
    }

    #[test]
    fn no_damage_to_a_mail_makes_it_panic(
        name in prop::sample::select(NAMES.to_vec()),
        at in 0..4000_usize,
        removed in 0..40_usize,
        inserted in prop_oneof![Just(String::new()), piece(), "\\PC{0,6}"],
        level in 0..3_usize,
    ) {
        let text: Vec<char> = file(name).chars().collect();
        let (kept, rest) = text.split_at(at % text.len());
        let text: String = kept.iter().copied().chain(inserted.chars()).chain(rest.iter().skip(removed).copied()).collect();
        survives(&text.lines().flat_map(|line| ["> ".repeat(level), line.to_owned(), "\n".to_owned()]).collect::<String>());
    }
}

/// Ten times the text takes no more than about ten times the time; here that it ends at all within the test's bound.
#[test]
fn the_longest_texts_end() {
    let fill = |unit: &str| unit.repeat(cr3_patch::MAX_TEXT / unit.len());
    let units = [
        ">",
        "> ",
        "> > > ",
        "=\n",
        "=3D",
        "A",
        "@@ -1 +1 @@\n",
        "@@ -1,9 +1,9 @@\n a\n",
        "From a b c 2001 e f g\n\n",
        "From: a\n",
        "--x\n",
        "/*",
        "*/",
        "\"",
        " ",
        "\n",
        "a",
        "-\n",
    ];
    for unit in units {
        survives(&fill(unit));
        survives(&format!(
            "Subject: x\nContent-Type: multipart/mixed; boundary=x\n\n{}",
            fill(unit).split_at(cr3_patch::MAX_TEXT - 200).0
        ));
        survives(&format!("@@ -1,4000000000 +1,4000000000 @@\n{}", fill(unit).split_at(cr3_patch::MAX_TEXT - 200).0));
    }
}
