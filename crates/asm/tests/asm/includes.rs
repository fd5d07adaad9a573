//! `#include`: which file a name means, what is wrong with it, and that cycles, floods and files without end have one.

use std::collections::BTreeMap;

use cr3_asm::{Assembled, Diagnostic, Files, Includes, Options, Severity, Source, assemble_including};

use crate::support::check_told;

/// Files by path; the one called `locked.h` cannot be read.
#[derive(Default)]
struct Tree(BTreeMap<String, String>);

impl Files for Tree {
    fn read(&self, path: &str) -> Result<Option<String>, String> {
        match path.ends_with("locked.h") {
            true => Err("permission denied".to_owned()),
            false => Ok(self.0.get(path).cloned()),
        }
    }
}

fn tree(files: &[(&str, &str)]) -> Tree {
    Tree(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect())
}

fn assembled(text: &str, tree: &Tree) -> Assembled {
    let folders = ["arch/x86/include", "include"].map(str::to_owned);
    let source = Source { name: "arch/x86/entry/entry_64.S".into(), text: text.into() };
    let includes = Includes { files: tree, folders: &folders };
    let assembled = assemble_including(&[source], &includes, &Options::default());
    check_told(&assembled.diagnostics);
    assembled
}

fn bytes(assembled: &Assembled) -> Vec<u8> {
    assembled.image.sections.first().map(|section| section.bytes.clone()).unwrap_or_default()
}

/// Place and message of an error.
fn told(diagnostic: &Diagnostic) -> String {
    let Diagnostic { source, position, message, .. } = diagnostic;
    format!("{source}:{}:{}: {message}", position.line, position.column)
}

/// Files, a text that includes them, and its bytes.
type Found = (&'static [(&'static str, &'static str)], &'static str, &'static [u8]);

#[test]
fn a_name_means_the_first_file_that_is_there() {
    let cases: [Found; 10] = [
        (&[("include/a.h", ".byte 1\n")], "#include <a.h>\n.byte 9\n", &[1, 9]),
        (&[("include/a.h", ".byte 1"), ("arch/x86/include/a.h", ".byte 2")], "#include <a.h>\n", &[2]),
        (&[("include/a.h", ".byte 1"), ("arch/x86/entry/a.h", ".byte 2")], "#include <a.h>\n", &[1]),
        (&[("include/a.h", ".byte 1"), ("arch/x86/entry/a.h", ".byte 2")], "#include \"a.h\"\n", &[2]),
        (&[("include/a.h", ".byte 1")], "#include \"a.h\"\n", &[1]),
        (&[("arch/x86/a.h", ".byte 1")], "#include \"../a.h\" /* up */\n", &[1]),
        (&[("include/x/a.h", "#include \"b.h\"\n"), ("include/x/b.h", ".byte 3")], "#include <x/a.h>\n", &[3]),
        (&[("include/a.h", ".byte 1\n")], "#define A <a.h>\n#include A\n#include A\n", &[1, 1]),
        (&[("include/a.h", "#pragma once\n.byte 1\n")], "#include <a.h>\n#include <a.h>\n", &[1]),
        (&[("include/a.h", ".byte 1\n")], "#if 0\n#include <b.h>\n#endif\n", &[]),
    ];
    for (files, text, want) in cases {
        let got = assembled(text, &tree(files));
        assert_eq!((bytes(&got), got.diagnostics), (want.to_vec(), vec![]), "{text} with {files:?}");
    }
}

#[test]
fn what_an_included_file_says_has_its_place() {
    let files = [("include/a.h", "#define A 1\n\n\tfrobnicate A\n.macro m\n\tnop\n\thlt %rax\n.endm\n")];
    let got = assembled("#include <a.h>\nm\n", &tree(&files));
    let errors: Vec<String> = got.diagnostics.iter().map(told).collect();
    assert_eq!(
        errors,
        [
            "include/a.h:3:2: `frobnicate` is not an instruction, a directive or a macro",
            "include/a.h:6:2: `hlt` takes no operands, not 1"
        ]
    );
    let names: Vec<&str> = got.included.iter().map(|source| source.name.as_str()).collect();
    assert_eq!(names, ["include/a.h"]);
    let lines: Vec<(usize, u32)> =
        got.image.listing.iter().map(|line| (line.position.source, line.position.line)).collect();
    assert_eq!(lines, [(1, 5)]);
}

#[test]
fn what_cannot_be_included_is_an_error_at_its_place() {
    let long = format!("// {}\n", "x".repeat(1 << 20));
    let files = tree(&[
        ("include/long.h", &long),
        ("include/open.h", "#if 1\n"),
        ("include/up.h", "#include \"../../../../b.h\""),
    ]);
    let entry = "arch/x86/entry/entry_64.S";
    let cases = [
        ("\n#include <b.h>\n", format!("{entry}:2:11: there is no file `b.h`")),
        ("#include \"b.h\"\n", format!("{entry}:1:11: there is no file `b.h`")),
        ("#include </etc/passwd>\n", format!("{entry}:1:11: `/etc/passwd` is outside of the tree")),
        ("#include \"../../../../b.h\"\n", format!("{entry}:1:11: `../../../../b.h` is outside of the tree")),
        ("#include <up.h>\n", "include/up.h:1:11: `../../../../b.h` is outside of the tree".to_owned()),
        ("#include <locked.h>\n", format!("{entry}:1:11: `arch/x86/include/locked.h` is not read: permission denied")),
        (
            "#include <long.h>\n",
            format!("{entry}:1:11: `include/long.h` is not read: it has 1048580 bytes, and 1048576 is the most"),
        ),
        ("#include b.h\n", format!("{entry}:1:1: #include b.h names no file")),
        ("#include\n", format!("{entry}:1:1: #include  names no file")),
        ("#include <open.h>\n", "include/open.h:1:1: this #if has no #endif".to_owned()),
    ];
    for (text, want) in cases {
        let errors: Vec<String> = assembled(text, &files).diagnostics.iter().map(told).collect();
        assert_eq!(errors, [want], "{text}");
    }
}

/// Files that include each other without end, or as good as that, each with the message that ends it.
#[test]
fn cycles_and_floods_end() {
    let chain: Vec<(String, String)> =
        (0..100).map(|n| (format!("include/c{n}.h"), format!("#include <c{}.h>\n", n + 1))).collect();
    let doubling: Vec<(String, String)> = (0..60)
        .map(|n| (format!("include/d{n}.h"), format!("#include <d{0}.h>\n#include <d{0}.h>\n", n + 1)))
        .chain([("include/d60.h".to_owned(), String::new())])
        .collect();
    let wide = format!("// {}\n", "x".repeat(1 << 19));
    let owned = |list: Vec<(String, String)>| Tree(list.into_iter().collect());
    let cases = [
        (tree(&[("include/a.h", "#include <a.h>\n")]), "<a.h>", "`include/a.h` includes itself endlessly"),
        (
            tree(&[("include/a.h", "#include <b.h>\n"), ("include/b.h", "#include \"a.h\"\n")]),
            "<a.h>",
            "`include/a.h` includes itself endlessly through include/b.h",
        ),
        (
            tree(&[("include/a.h", "#include <a.h>\n#include <a.h>\n")]),
            "<a.h>",
            "`include/a.h` includes itself endlessly",
        ),
        (owned(chain), "<c0.h>", "files include one another more than 64 levels deep"),
        (owned(doubling), "<d0.h>", "more than 10000 files are included"),
        (
            tree(&[("include/w.h", &wide), ("include/a.h", &"#include <w.h>\n".repeat(1000))]),
            "<a.h>",
            "expansion produces too much text",
        ),
    ];
    for (files, first, want) in cases {
        let got = assembled(&format!("#include {first}\n"), &files);
        let errors: Vec<&str> = got.diagnostics.iter().map(|told| told.message.as_str()).collect();
        assert_eq!(errors, [want], "{first}");
        assert!(
            got.diagnostics.iter().all(|told| told.severity == Severity::Error && told.source.starts_with("include/"))
        );
    }
}

/// The error is at the `#include` of the file that includes itself, whatever file was one too many; and it is the only one.
#[test]
fn what_ends_the_reading_is_said_once_at_its_line() {
    let doubling: String = (0..60).map(|n| format!("#define A{n} A{0} A{0}\n", n + 1)).collect();
    let bomb = tree(&[("include/bomb.h", &doubling), ("include/if.h", "#include <bomb.h>\n\n#if A2\n#endif\n")]);
    let own = tree(&[
        ("include/a.h", "#include <b.h>\n#include <c.h>\n"),
        ("include/b.h", ""),
        ("include/c.h", "#include <a.h>\n"),
    ]);
    let last = tree(&[("include/a.h", "#include <b.h>\n#include <a.h>\n"), ("include/b.h", "")]);
    let defined = |line| format!("defined in include/bomb.h line {line}, produces too much text");
    let entry = "arch/x86/entry/entry_64.S";
    let cases = [
        (
            &own,
            "#include <a.h>\n",
            "include/c.h:1:11: `include/a.h` includes itself endlessly through include/c.h".to_owned(),
        ),
        (&last, "#include <a.h>\n", "include/a.h:2:11: `include/a.h` includes itself endlessly".to_owned()),
        (&bomb, "#include <bomb.h>\nnop\n.quad 1, A0\n.quad A1\n", format!("{entry}:3:10: `A0`, {}", defined(1))),
        (&bomb, "#include <if.h>\n.quad A1\n", format!("include/if.h:3:5: `A2`, {}", defined(3))),
        (&bomb, "#define F(x) x\n#include <bomb.h>\n.quad F(A3)\n", format!("{entry}:3:9: `A3`, {}", defined(4))),
    ];
    for (files, text, want) in cases {
        let errors: Vec<String> = assembled(text, files).diagnostics.iter().map(told).collect();
        assert_eq!(errors, [want], "{text}");
    }
}

/// What the kernel's headers do: one includes the other, which includes the first; each has its guard.
#[test]
fn guarded_cycles_are_no_cycles() {
    let guarded = |name: &str, other: &str, byte: u8| {
        format!("#ifndef {name}\n#define {name}\n#include <{other}>\n.byte {byte}\n#endif\n")
    };
    let (a, b) = (guarded("A_H", "b.h", 1), guarded("B_H", "a.h", 2));
    let got = assembled("#include <a.h>\n#include <b.h>\n", &tree(&[("include/a.h", &a), ("include/b.h", &b)]));
    assert_eq!((bytes(&got), got.diagnostics), (vec![2, 1], vec![]));
}
