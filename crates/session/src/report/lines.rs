//! Lines of at most [`WIDTH`] columns.

/// Columns of a line.
pub(super) const WIDTH: usize = 72;

/// The text in exactly `width` columns, cut if it is longer.
pub(super) fn fit(text: &str, width: usize) -> String {
    match text.chars().count() {
        length if length <= width => format!("{text:<width$}"),
        _ => text.chars().take(width.saturating_sub(3)).chain("...".chars()).collect(),
    }
}

/// `text` behind `first`, broken at blanks, with later lines indented equally far. A word that is too long for a line is
/// broken too.
pub(super) fn wrap(first: &str, text: &str) -> Vec<String> {
    let indent = " ".repeat(first.chars().count());
    let mut lines = Vec::new();
    let mut line = first.to_owned();
    let mut empty = true;
    for word in text.split_whitespace().flat_map(|word| pieces(word, WIDTH - indent.len())) {
        let blank = usize::from(!empty);
        if !empty && line.chars().count() + blank + word.chars().count() > WIDTH {
            lines.push(std::mem::replace(&mut line, indent.clone()));
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(&word);
        empty = false;
    }
    lines.push(line);
    lines
}

fn pieces(word: &str, width: usize) -> Vec<String> {
    let characters: Vec<char> = word.chars().collect();
    characters.chunks(width.max(1)).map(String::from_iter).collect()
}
