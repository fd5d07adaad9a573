//! The limits as the repository's documentation states them: the page and the documentation share one text.

use crate::document::{Document, Paper};

/// A heading and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// The heading.
    pub title: String,
    /// Paragraphs and list items.
    pub blocks: Vec<Block>,
}

/// A paragraph or an item of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Whether it is an item of a list.
    pub item: bool,
    /// Its words; every second piece, from the second on, is code.
    pub pieces: Vec<String>,
}

/// The sections in order, or what to say while the text is not here.
///
/// # Errors
/// The text is on its way, or could not be fetched.
pub fn limits(document: &Document) -> Result<Vec<Section>, String> {
    document.text(Paper::Limits).map(sections)
}

/// The sections of a text in the little Markdown that it uses: headings, paragraphs, lists, code in backticks. What stands before
/// the first heading is left out.
fn sections(text: &str) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    let mut open: Option<(bool, String)> = None;
    for line in text.lines().chain([""]) {
        let (item, words) = match line.trim_start().strip_prefix("- ") {
            Some(words) => (true, words),
            None => (false, line.trim()),
        };
        let heading = line.trim_start_matches('#');
        let ends = item || words.is_empty() || heading.len() != line.len();
        if ends && let (Some((item, text)), Some(section)) = (open.take(), sections.last_mut()) {
            section.blocks.push(Block { item, pieces: text.split('`').map(str::to_owned).collect() });
        }
        if heading.len() != line.len() {
            sections.push(Section { title: heading.trim().to_owned(), blocks: Vec::new() });
        } else if !words.is_empty() {
            open = Some(match open {
                Some((item, text)) => (item, text + " " + words),
                None => (item, words.to_owned()),
            });
        }
    }
    sections
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = include_str!("../../../../docs/LIMITS.md");

    #[test]
    fn a_text_that_is_not_here_says_why() {
        let said = |document: Document| limits(&document).unwrap_err();
        assert_eq!(said(Document::Unread), "The text is being fetched.");
        assert_eq!(
            said(Document::Missing("Failed to fetch".into())),
            "The text could not be fetched: Failed to fetch. It is docs/LIMITS.md of the repository."
        );
    }

    #[test]
    fn the_documentation_is_read_whole() {
        let sections = limits(&Document::Read(TEXT.into())).expect("it is here");
        let words = |text: &str| text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).count();
        let read: usize = sections
            .iter()
            .map(|section| {
                let pieces = section.blocks.iter().flat_map(|block| &block.pieces);
                words(&section.title) + pieces.map(|piece| words(piece)).sum::<usize>()
            })
            .sum();
        assert_eq!(read, words(TEXT));
        assert!(sections.iter().any(|section| section.title == "Left out" && section.blocks.len() > 3));
        let blocks = || sections.iter().flat_map(|section| &section.blocks);
        assert!(blocks().all(|block| block.pieces.len() % 2 == 1), "every backtick has its partner");
        assert!(blocks().any(|block| block.pieces.len() > 1));
    }
}
