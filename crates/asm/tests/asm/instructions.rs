//! Single instructions against GNU `as`.
//!
//! `testdata/asm/instructions.tsv` holds the bytes that GNU `as` 2.40 gives for each instruction. The tests always
//! compare with it; where binutils are installed, they also ask them again. With `UPDATE_EXPECT=1` binutils rewrite the
//! bytes. `testdata/asm/refused.txt` holds what GNU `as` refuses, and so must we.

use crate::support::{assembled, errors, testdata};
use cr3_asm::Options;
use cr3_testing::gas::{have_binutils, hex, object, sections};

/// Texts in the list of refused ones.
const REFUSED: usize = 198;

/// Instructions in the corpus.
const INSTRUCTIONS: usize = 2323;

fn corpus() -> Vec<(String, String)> {
    let text = std::fs::read_to_string(testdata().join("instructions.tsv")).expect("the corpus is in the repository");
    let rows = text.lines().map(|line| line.split_once('\t').expect("bytes, a tab, an instruction"));
    rows.map(|(bytes, text)| (bytes.to_owned(), text.to_owned())).collect()
}

/// What GNU `as` makes of each text, each in its own section.
fn by_gas(texts: &[&str]) -> Vec<String> {
    let all: String = texts.iter().enumerate().map(|(at, text)| format!(".section .t{at},\"ax\"\n{text}\n")).collect();
    let file = object(&all).expect("as takes every instruction of the corpus");
    let bytes = std::fs::read(&file).expect("as writes its object file");
    let _ = std::fs::remove_file(file);
    let sections = sections(&bytes).expect("as writes ELF");
    texts.iter().enumerate().map(|(at, _)| hex(&sections[&format!(".t{at}")])).collect()
}

fn ours(text: &str) -> String {
    let (image, diagnostics) = assembled(text, &Options::default());
    let errors = errors(&diagnostics);
    match image.sections.first() {
        Some(section) if errors.is_empty() => hex(&section.bytes),
        _ => format!("refused: {}", errors.join("; ")),
    }
}

#[test]
fn bytes_are_those_of_gas() {
    let corpus = corpus();
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        let texts: Vec<&str> = corpus.iter().map(|row| row.1.as_str()).collect();
        let rows = by_gas(&texts).into_iter().zip(&texts).map(|(bytes, text)| format!("{bytes}\t{text}\n"));
        std::fs::write(testdata().join("instructions.tsv"), rows.collect::<String>()).expect("the corpus is writable");
    }
    let corpus = self::corpus();
    let differences: Vec<String> = corpus
        .iter()
        .filter(|(bytes, text)| *bytes != ours(text))
        .map(|(bytes, text)| format!("{text}\n  as:   {bytes}\n  ours: {}", ours(text)))
        .collect();
    assert!(differences.is_empty(), "{} differ:\n{}", differences.len(), differences.join("\n"));
    assert_eq!(corpus.len(), INSTRUCTIONS);
    assert_eq!(cr3_testing::numbers("fixed instructions with the bytes of GNU as"), [INSTRUCTIONS as u64]);
}

#[test]
fn the_committed_bytes_are_those_of_the_installed_gas() {
    if !have_binutils() {
        return;
    }
    let corpus = corpus();
    let texts: Vec<&str> = corpus.iter().map(|row| row.1.as_str()).collect();
    let committed: Vec<&String> = corpus.iter().map(|row| &row.0).collect();
    let asked = by_gas(&texts);
    let differing = texts.iter().zip(committed).zip(&asked).filter(|((_, committed), asked)| committed != asked);
    assert_eq!(differing.count(), 0);
}

/// GNU `as` knows APX from 2.42 on, with more registers and with separate destinations. This machine has none of it,
/// and an older `as` does not know the word.
fn without_apx() -> &'static str {
    const WITHOUT_APX: &str = ".arch .noapx_f\n";
    if object(WITHOUT_APX).is_ok() { WITHOUT_APX } else { "" }
}

#[test]
fn what_gas_refuses_is_refused() {
    let text = std::fs::read_to_string(testdata().join("refused.txt")).expect("the list is in the repository");
    let taken: Vec<String> = text
        .lines()
        .filter(|line| !ours(line).starts_with("refused"))
        .map(|line| format!("{line}: {}", ours(line)))
        .collect();
    assert!(taken.is_empty(), "taken:\n{}", taken.join("\n"));
    if have_binutils() {
        let before = without_apx();
        let taken: Vec<&str> = text.lines().filter(|line| object(&format!("{before}{line}")).is_ok()).collect();
        assert_eq!(taken, [""; 0], "GNU as takes these");
    }
    assert_eq!(text.lines().count(), REFUSED);
}
