//! Words of the glossary inside a text.

use super::{Term, Word};
use crate::choice::Feature;

/// A piece of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Words without an explanation.
    Plain(String),
    /// A term as the text writes it.
    Term(Term, String),
}

/// Terms that a text has not used yet. Only the first use of each is marked, so that a text stays a text.
#[derive(Clone, Debug)]
pub struct Unseen(Vec<(&'static str, Term)>);

impl Default for Unseen {
    /// What prose can name without meaning something else: neither "A" nor "redundant".
    fn default() -> Self {
        use Word::{
            Asid, Cpl, Cr2, Cr3, ExitWindow, GsBase, Ist, KernelHalf, Maximum, Minimum, NoFlush, Paranoid, Pcid,
            SyscallGap, Tlb, UserHalf, UserPcid,
        };
        let words = [
            UserPcid, Pcid, Asid, Ist, Paranoid, UserHalf, KernelHalf, ExitWindow, SyscallGap, NoFlush, GsBase,
            Minimum, Maximum, Tlb, Cr3, Cr2, Cpl,
        ];
        let named = words.map(|word| (word.name(), Term::Word(word)));
        let more = [
            ("user_pcid_flush_mask", Term::Word(Word::PendingFlush)),
            ("INVPCID", Term::Feature(Feature::Invpcid)),
            ("FSGSBASE", Term::Feature(Feature::Fsgsbase)),
        ];
        Self(named.into_iter().chain(more).collect())
    }
}

impl Unseen {
    /// `text` in pieces: terms at their first use, plain words around them.
    #[must_use]
    pub fn pieces(&mut self, text: &str) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((at, index)) = self.first(rest) {
            let (name, term) = self.0.remove(index);
            let (before, after) = rest.split_at(at);
            if !before.is_empty() {
                pieces.push(Piece::Plain(before.to_owned()));
            }
            pieces.push(Piece::Term(term, name.to_owned()));
            rest = after.get(name.len()..).unwrap_or_default();
        }
        if !rest.is_empty() {
            pieces.push(Piece::Plain(rest.to_owned()));
        }
        pieces
    }

    /// Where the first term is, and which. Of two at one place the longer one counts.
    fn first(&self, text: &str) -> Option<(usize, usize)> {
        let found = self.0.iter().enumerate().filter_map(|(index, (name, _))| Some((place(text, name)?, index)));
        found.min_by_key(|(at, index)| (*at, usize::MAX - self.0[*index].0.len()))
    }
}

/// Where `name` stands as a word of its own, or in the plural.
fn place(text: &str, name: &str) -> Option<usize> {
    let part_of_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    text.match_indices(name).map(|(at, _)| at).find(|at| {
        let before = text[..*at].chars().next_back();
        let after = text[at + name.len()..].strip_prefix('s').unwrap_or(&text[at + name.len()..]).chars().next();
        !before.is_some_and(part_of_word) && !after.is_some_and(part_of_word)
    })
}
