use super::*;
use expect_test::expect_file;
use std::collections::BTreeSet;
use std::fmt::Write;

/// Sentences of a text: a full stop, followed by a space or by nothing.
fn sentences(text: &str) -> usize {
    text.split(". ").filter(|sentence| !sentence.is_empty()).count()
}

#[test]
fn every_term_is_explained_in_at_most_two_sentences() {
    for term in Term::all() {
        let Entry { name, says, source } = term.entry();
        assert!(!name.is_empty() && says.len() > name.len(), "{term:?}");
        assert!(says.ends_with('.'), "{name}: {says}");
        assert!((1..=2).contains(&sentences(&says)), "{name}: {says}");
        assert!(!source.ends_with('.'), "{name}: {source}");
    }
}

#[test]
fn every_key_names_one_term() {
    let keys: BTreeSet<_> = Term::all().map(Term::key).collect();
    assert_eq!(keys.len(), Term::all().count());
    for term in Term::all() {
        assert_eq!(Term::of_key(&term.key()), Some(term));
    }
    assert_eq!(Term::of_key("nothing"), None);
}

fn check(text: &str, expected: &[&str]) {
    let pieces = Unseen::default().pieces(text);
    let whole: String = pieces
        .iter()
        .map(|piece| match piece {
            Piece::Plain(words) | Piece::Term(_, words) => words.as_str(),
        })
        .collect();
    assert_eq!(whole, text);
    let terms = pieces.iter().filter_map(|piece| match piece {
        Piece::Plain(_) => None,
        Piece::Term(term, _) => Some(term.key()),
    });
    assert_eq!(terms.collect::<Vec<_>>(), expected, "{text}");
}

#[test]
fn a_text_marks_the_first_use_of_a_term() {
    check("", &[]);
    check("PCID", &["pcid"]);
    check("Two PCIDs, one PCID.", &["pcid"]);
    check("the user PCID 0x801 and its PCID", &["user-pcid", "pcid"]);
    check("INVPCID is no PCIDE", &["feature-invpcid"]);
    check("the paranoid exit in the exit window", &["paranoid", "exit-window"]);
    check("SYSCALL gap: user_pcid_flush_mask", &["syscall-gap", "pending-flush"]);
    check("MINIMUM", &[]);
    check("naïve CR3 – ASID", &["cr3", "asid"]);
}

/// `UPDATE_EXPECT=1 cargo test -p cr3-session glossary` writes the document.
#[test]
fn the_document_says_the_same() {
    let mut text = String::from(
        "# Glossary\n\nWhat the page says of each term at a tap, at its focus and when the mouse is over it. \
         `crates/session/src/glossary`\nhas the words; a test holds this document to them.\n",
    );
    let mut open = "";
    for term in Term::all() {
        if term.chapter() != open {
            open = term.chapter();
            let _ = write!(text, "\n## {open}\n\n");
        }
        let Entry { name, says, source } = term.entry();
        let source = if source.is_empty() { String::new() } else { format!(" *{source}*") };
        let _ = writeln!(text, "- **{name}**: {says}{source}");
    }
    expect_file!["../../../../docs/GLOSSARY.md"].assert_eq(&text);
}

#[test]
fn the_page_finds_every_term_in_the_document() {
    let document = include_str!("../../../../docs/GLOSSARY.md");
    for term in Term::all() {
        assert_eq!(term.entry_in(document), Some(term.entry()));
    }
    assert_eq!(Term::Word(Word::Cr3).entry_in("# Glossary\n\n## Words\n\n- **PCID**: Not it.\n"), None);
}

#[test]
fn what_a_term_consists_of_is_in_the_glossary() {
    let consisting: Vec<Term> = Term::all().filter(|term| !term.parts().is_empty()).collect();
    assert_eq!(consisting, [Term::Word(Word::Promise)]);
    let parts = consisting[0].parts();
    assert_eq!(parts.len(), 9);
    assert!(parts.iter().all(|part| Term::all().any(|term| term == *part)));
}
