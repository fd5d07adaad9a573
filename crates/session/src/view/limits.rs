//! The limits as the repository's documentation states them: the page and the documentation share one text.

/// The documentation, in the little Markdown that it uses: headings, paragraphs, lists, code in backticks.
const TEXT: &str = include_str!("../../../../docs/LIMITS.md");

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

/// The sections in order. Text before the first one belongs to the document's title.
#[must_use]
pub fn limits() -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    let mut open: Option<(bool, String)> = None;
    for line in TEXT.lines().chain([""]) {
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

    #[test]
    fn the_documentation_is_read_whole() {
        let sections = limits();
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
