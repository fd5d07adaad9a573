//! Text in columns, at most 100 characters wide.

/// The widest line that commands print.
pub(crate) const WIDTH: usize = 100;

/// How a column is aligned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// Sets rows in columns with two spaces between them. A line that would be too wide is cut. A row of one cell is a line
/// of its own and does not widen a column.
pub(crate) fn table(align: &[Align], rows: &[Vec<String>]) -> String {
    let widths = widths(align.len(), rows);
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(align).zip(&widths).map(|((cell, align), &width)| match align {
            Align::Left => format!("{cell:<width$}"),
            Align::Right => format!("{cell:>width$}"),
        });
        let line = cells.collect::<Vec<_>>().join("  ");
        text += &cut(line.trim_end(), WIDTH);
        text.push('\n');
    }
    text
}

fn widths(columns: usize, rows: &[Vec<String>]) -> Vec<usize> {
    let wide = |row: &&Vec<String>| columns == 1 || row.len() > 1;
    let width = |column: usize| {
        rows.iter().filter(wide).filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
    };
    (0..columns).map(|column| width(column).unwrap_or(0)).collect()
}

/// The number of columns from `first` on that fit beside the `fixed` first ones, in steps of `step` and at least one
/// step. Returns the column after the last.
pub(crate) fn fitting(rows: &[Vec<String>], columns: usize, fixed: usize, first: usize, step: usize) -> usize {
    let widths = widths(columns, rows);
    let total = |range: std::ops::Range<usize>| widths[range].iter().map(|width| width + 2).sum::<usize>();
    let ends = (first..=columns).step_by(step).skip(1);
    let fits = |end: &usize| total(0..fixed) + total(first..*end) <= WIDTH + 2;
    ends.take_while(fits).last().unwrap_or(columns.min(first + step))
}

/// The text, or its beginning and an ellipsis if it is wider.
pub(crate) fn cut(text: &str, width: usize) -> String {
    match text.chars().count() <= width {
        true => text.to_owned(),
        false => text.chars().take(width.saturating_sub(1)).chain(['…']).collect(),
    }
}

/// Words in lines of at most [`WIDTH`], each line after `indent` spaces. A word too long for a line is broken.
pub(crate) fn wrap(text: &str, indent: usize) -> String {
    hang(text, indent, indent)
}

/// Like [`wrap`], with the first line after `first` spaces.
fn hang(text: &str, first: usize, indent: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace().flat_map(|word| pieces(word, WIDTH - indent.max(first))) {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= WIDTH => {
                line.push(' ');
                line.push_str(&word);
            }
            None => lines.push(format!("{:first$}{word}", "")),
            Some(_) => lines.push(format!("{:indent$}{word}", "")),
        }
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn pieces(word: &str, width: usize) -> Vec<String> {
    let characters: Vec<char> = word.chars().collect();
    characters.chunks(width.max(1)).map(String::from_iter).collect()
}

/// Wraps lines that are too wide, two columns further in than they begin, and keeps the others.
pub(crate) fn rewrap(text: &str) -> String {
    let line = |line: &str| match line.chars().count() <= WIDTH {
        true => format!("{line}\n"),
        false => {
            let indent = line.chars().take_while(|c| *c == ' ').count();
            hang(line, indent, indent + 2)
        }
    };
    text.lines().map(line).collect()
}

/// A cell of `width` and a space, for a line that continues beside it. A longer text gets its own line; the rest then
/// follows on the next one, after `indent` and the empty cell.
pub(crate) fn beside(text: &str, width: usize, indent: usize) -> String {
    match text.chars().count() <= width {
        true => format!("{text:<width$} "),
        false => format!("{text}\n{:1$} ", "", indent + width),
    }
}

/// A label in the first ten columns and its text beside it.
pub(crate) fn labelled(label: &str, text: &str) -> String {
    format!("{label:<10}{}", wrap(text, 10).trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_lines_end() {
        let rows = [vec!["a".to_owned(), "1".to_owned()], vec!["bcd".to_owned(), "23".to_owned()]];
        assert_eq!(table(&[Align::Left, Align::Right], &rows), "a     1\nbcd  23\n");
        let long = [vec!["x".repeat(150)]];
        assert_eq!(table(&[Align::Left], &long).chars().count(), WIDTH + 1);
    }

    #[test]
    fn lines_that_fit_stay_and_the_others_hang() {
        let long = format!("  {}", "word ".repeat(25));
        let text = rewrap(&format!("a  b\n\n{long}\n"));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[..2], ["a  b", ""]);
        assert!(lines[2].starts_with("  word") && lines[3].starts_with("    word"), "{text}");
        let unbroken = "x".repeat(250);
        assert_eq!(rewrap(&unbroken).split_whitespace().collect::<String>(), unbroken, "nothing is lost");
        assert!(rewrap(&unbroken).lines().all(|line| line.chars().count() <= WIDTH));
    }

    #[test]
    fn what_is_too_long_for_its_column_ends_its_line() {
        assert_eq!(beside("ab", 3, 4), "ab  ");
        assert_eq!(beside("abcd", 3, 2), "abcd\n      ");
    }

    #[test]
    fn as_many_columns_stand_side_by_side_as_fit() {
        let rows = [["x".repeat(40), "y".repeat(20), "z".repeat(20), "v".repeat(20)].to_vec()];
        assert_eq!(fitting(&rows, 4, 1, 1, 1), 3, "40 + 2 + 20 + 2 + 20");
        assert_eq!(fitting(&rows, 4, 1, 3, 1), 4);
        assert_eq!(fitting(&[vec!["x".repeat(90), "y".repeat(20)]], 2, 1, 1, 1), 2, "at least one");
    }

    #[test]
    fn words_are_wrapped() {
        let text = wrap(&"word ".repeat(40), 4);
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH && line.starts_with("    word")));
        assert_eq!(text.split_whitespace().count(), 40);
    }
}
