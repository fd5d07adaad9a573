//! Texts of a person's own macro that no link carries. The browser keeps them, and the editor offers those that it does
//! not show.

use crate::link::TEXT_LIMIT;
use std::sync::Arc;

/// Maximum number of texts to keep; the oldest goes first.
pub const MOST: usize = 8;

/// What the browser does with texts to keep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Memory {
    /// It keeps them, as far as anybody knows.
    #[default]
    Keeps,
    /// Storage is forbidden or full.
    Refuses,
}

/// The texts worth keeping, in their order: none is empty, too long for a link, or a duplicate.
#[must_use]
pub fn tidy(texts: impl IntoIterator<Item = Arc<str>>) -> Vec<Arc<str>> {
    let mut kept: Vec<Arc<str>> = Vec::new();
    for text in texts {
        if !text.trim().is_empty() && text.len() <= TEXT_LIMIT && !kept.contains(&text) {
            kept.push(text);
        }
    }
    kept.truncate(MOST);
    kept
}

/// The part of a text that is kept.
#[must_use]
pub fn shortened(text: &str) -> &str {
    &text[..text.floor_char_boundary(TEXT_LIMIT)]
}

/// What to store: the texts of this page, then what other pages stored meanwhile. `known` is what this page last read
/// or stored. A text in it that is no longer in `own` was replaced here.
#[must_use]
pub fn merged(own: &[Arc<str>], known: &[Arc<str>], stored: &[Arc<str>]) -> Vec<Arc<str>> {
    let foreign = stored.iter().filter(|text| !known.contains(text));
    tidy(own.iter().chain(foreign).cloned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(names: &str) -> Vec<Arc<str>> {
        names.split_whitespace().map(Arc::from).collect()
    }

    #[test]
    fn pages_keep_their_texts_beside_each_other() {
        let check = |own, known, stored, expected| {
            let found = merged(&texts(own), &texts(known), &texts(stored));
            assert_eq!(found, texts(expected), "own {own}, known {known}, stored {stored}");
        };
        check("a", "", "", "a");
        check("a2 b", "a b", "a b", "a2 b");
        check("a2", "a1", "other", "a2 other");
        check("a2", "a1", "a1 other", "a2 other");
        check("a", "", "a other", "a other");
        check("", "a", "a", "");
        check("", "a", "a other", "other");
    }

    #[test]
    fn only_what_is_worth_it_is_kept() {
        let long = "x".repeat(TEXT_LIMIT + 1);
        let fits = "x".repeat(TEXT_LIMIT);
        let given = ["", "a", " \n\t", &long, "b", "a", &fits].map(Arc::from);
        assert_eq!(tidy(given), ["a", "b", &fits].map(Arc::from));
    }

    #[test]
    fn the_oldest_goes_when_there_are_too_many() {
        let eight = texts("a b c d e f g h");
        assert_eq!(merged(&texts("new"), &[], &eight), texts("new a b c d e f g"));
        assert_eq!(eight.len(), MOST);
    }
}
