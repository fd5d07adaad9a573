//! Hostile and meaningless text: never a panic, always an end.

use cr3_asm::{Limits, Options, Source, assemble};
use proptest::prelude::*;

use crate::support::{assembled, check_told, errors, testdata};
use cr3_testing::cases;

/// Limits small enough to keep a test of many texts quick.
fn options() -> Options {
    Options { limits: Limits { statements: 3000, bytes: 1 << 16, depth: 16 }, ..Options::default() }
}

/// Names that are each twice the next.
fn chain_of(length: usize) -> String {
    (0..length).map(|n| format!("s{n} = s{} + s{}\n", n + 1, n + 1)).collect()
}

/// Texts that grow without end, each with the message that stops it.
#[test]
fn bombs_are_refused() {
    let doubling: String = (0..60).map(|n| format!("#define A{n} A{} A{}\n", n + 1, n + 1)).collect();
    let chain = chain_of(100);
    let cases = [
        (".rept 1000000000\nnop\n.endr\n".to_owned(), "too many statements"),
        (".rept 1000000000\n.endr\n".into(), "too many statements"),
        (".rept 100000\n.rept 100000\n.rept 100000\n.endr\n.endr\n.endr\n".into(), "too many statements"),
        (".macro m\nm\n.endm\nm\n".into(), "levels deep"),
        (".macro m\n.rept 1000\nm\n.endr\n.endm\nm\n".into(), "levels deep"),
        (".macro m\nALTERNATIVE \"m\", \"\", X86_FEATURE_PTI\n.endm\nm\n".into(), "levels deep"),
        (".macro m x\nm \"\\x\\x\"\n.endm\nm abcdefgh\n".into(), "longer than 65536 bytes"),
        (format!("{doubling}A0\n"), "produces too much text"),
        (format!("#define F(x) x x\n{}1{}\n", "F(".repeat(40), ")".repeat(40)), "produces too much text"),
        (format!("#define F(x) x\n{}1{}\n", "F(".repeat(400), ")".repeat(400)), "nest too deeply"),
        (format!("{chain}.quad s0\n"), "through too many other names"),
        (format!(".byte {}1\n", "(".repeat(100_000)), "nests too deeply"),
        (format!(".byte {}1\n", "-".repeat(100_000)), "nests too deeply"),
        (format!("#if {}1\n#endif\n", "(".repeat(100_000)), "nests too deeply"),
        (format!("{}s11 = 1\n.rept 95000\n.skip s0\n.endr\n", chain_of(11)), "takes too long to evaluate"),
        (".skip 1 << 40\n".into(), "longer than the 4194304 bytes"),
        (".fill 1 << 62, 8, 1\n".into(), "longer than the 4194304 bytes"),
        (".org 0x7fffffffffffffff\n".into(), "longer than the 4194304 bytes"),
        ("nop\n.balign 1 << 30\n".into(), "longer than the 4194304 bytes"),
        ("jmp b\na: .skip b - a + 1\nb:\n".into(), "do not settle"),
        (".rept 1000\n.skip 8192\n.endr\n".into(), "longer than the 4194304 bytes"),
    ];
    for (text, want) in &cases {
        let (_, diagnostics) = assembled(text, &Options::default());
        let messages = errors(&diagnostics);
        let start: String = text.chars().take(60).collect();
        assert!(messages.iter().any(|message| message.contains(want)), "{start}: {messages:?}");
    }
}

/// The work per statement does not grow with the number of statements: if it did, these would take minutes.
#[test]
fn long_texts_are_laid_out() {
    let cases = [
        (".rept 95000\njmp e\n.endr\ne:\n", 64 * 2 + (95_000 - 64) * 5),
        ("e:\n.rept 95000\njmp e\n.endr\n", 64 * 2 + (95_000 - 64) * 5),
        (".rept 47500\njmp e\n.balign 2\n.endr\ne:\n", 64 * 2 + (47_500 - 64) * 6),
    ];
    for (text, want) in cases {
        let (image, diagnostics) = assembled(text, &Options::default());
        assert_eq!(errors(&diagnostics), Vec::<String>::new(), "{text}");
        assert_eq!(image.sections[0].bytes.len(), want, "{text}");
    }
}

fn listed_and_written(image: &cr3_asm::Image) -> (u64, u64) {
    let listed = image.listing.iter().map(|line| u64::from(line.length)).sum();
    let bytes: usize = image.sections.iter().map(|section| section.bytes.len()).sum();
    (listed, bytes as u64)
}

/// Too many errors while bytes are written: the result has neither half a section nor a listing of what does not exist.
#[test]
fn a_stopped_run_has_no_image() {
    for (count, expected) in [(50, 300), (150, 0)] {
        let (image, diagnostics) = run(&format!(".rept {count}\njne nowhere\n.endr\n"));
        assert_eq!(diagnostics, count.min(101));
        assert_eq!(listed_and_written(&image), (expected, expected));
    }
}

/// Pieces that mean something to the assembler, so that random texts reach deep.
const PIECES: [&str; 60] = [
    "mov",
    "%rax",
    "$1",
    ",",
    "(",
    ")",
    "\n",
    "\n",
    ";",
    " ",
    "jmp",
    "1f",
    "1b",
    "1:",
    "a",
    "b",
    "a:",
    "b = ",
    "$",
    "%",
    "*",
    ".macro m x y:req z=1\n",
    ".endm\n",
    "m",
    "\\x",
    "\\@",
    "\\()",
    ".if ",
    ".else\n",
    ".endif\n",
    ".rept 3\n",
    ".irp r,1,2\n",
    ".endr\n",
    ".byte ",
    ".quad ",
    ".skip ",
    ".org ",
    ".balign 8\n",
    ".ascii ",
    "\"",
    "\\",
    "'",
    "#",
    "#define A ",
    "#if ",
    "#endif\n",
    "#else\n",
    "A",
    "A(",
    "ALTERNATIVE ",
    "X86_FEATURE_PTI",
    "/*",
    "*/",
    "//",
    "é",
    ".set a, ",
    "-",
    "<<",
    "0x7fffffffffffffff",
    ".pushsection .x\n",
];

/// Lines of the files that the other tests assemble.
fn lines() -> Vec<String> {
    let names = ["entry.S", "macros.S", "symbols.S", "data.S", "preprocessor.S"];
    let texts = names.iter().map(|name| std::fs::read_to_string(testdata().join(name)).expect("the file is there"));
    texts.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect()
}

fn run(text: &str) -> (cr3_asm::Image, usize) {
    let source = Source { name: "random.S".into(), text: text.to_owned() };
    let (image, diagnostics) = assemble(std::slice::from_ref(&source), &options());
    check_told(&diagnostics);
    for diagnostic in &diagnostics {
        let line = diagnostic.position.line as usize;
        assert!(line <= text.lines().count(), "line {line} of {text:?}");
    }
    let bytes: usize = image.sections.iter().map(|section| section.bytes.len()).sum();
    assert!(bytes <= options().limits.bytes, "{bytes} bytes of {text:?}");
    assert_eq!(assemble(&[source], &options()), (image.clone(), diagnostics.clone()), "not the same twice");
    (image, diagnostics.len())
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn any_text(text in "\\PC{0,200}") {
        run(&text);
    }

    #[test]
    fn texts_of_pieces(pieces in prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..80)) {
        run(&pieces.concat());
    }

    #[test]
    fn damaged_files(picks in prop::collection::vec((0_usize..1000, 0_usize..40, 0_usize..6, any::<char>()), 1..60)) {
        let lines = lines();
        let damaged = picks.iter().map(|(line, at, length, insert)| {
            let chars: Vec<char> = lines[line % lines.len()].chars().collect();
            let (at, end) = ((*at).min(chars.len()), (at + length).min(chars.len()));
            let mut text: String = chars[..at].iter().collect();
            if length % 2 == 0 { text.push(*insert) }
            text.extend(&chars[end..]);
            text
        });
        run(&damaged.collect::<Vec<_>>().join("\n"));
    }

    /// If a text has no errors, its listing covers every byte once.
    #[test]
    fn the_listing_covers_the_image(picks in prop::collection::vec(0_usize..1000, 1..40)) {
        let lines = lines();
        let text: Vec<&str> = picks.iter().map(|line| lines[line % lines.len()].as_str()).collect();
        let (image, _) = run(&text.join("\n"));
        let (listed, written) = listed_and_written(&image);
        prop_assert_eq!(listed, written);
    }
}
