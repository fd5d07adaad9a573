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

/// A chapter of the document.
fn chapter(term: Term) -> &'static str {
    match term {
        Term::Word(_) => "Words",
        Term::Form(_) => "Forms of the macro",
        Term::Feature(_) => "Features",
        Term::Vector(_) => "Exceptions",
        Term::Handler(_) => "Handlers",
        Term::Promise(_) => "Promises",
        Term::Assumption(_) => "Assumptions",
        Term::Counter(_) => "Counters",
        Term::Cost(_) => "Parts of the cost",
        Term::Geometry(_) => "TLB models",
    }
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
        if chapter(term) != open {
            open = chapter(term);
            let _ = write!(text, "\n## {open}\n\n");
        }
        let Entry { name, says, source } = term.entry();
        let source = if source.is_empty() { String::new() } else { format!(" *{source}*") };
        let _ = writeln!(text, "- **{name}**: {says}{source}");
    }
    expect_file!["../../../../docs/GLOSSARY.md"].assert_eq(&text);
}
