//! Quotations: lines that a reply marks with `>`.

use crate::Line;

/// The deepest quotation that is looked into.
const MAX_LEVEL: usize = 16;

/// How a reply marks its lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    /// `> text`
    Spaced,
    /// `>text`
    Bare,
}

/// Lines without the marks of `level` quotations; those that are quoted less deep are left out, those quoted deeper too.
pub(crate) fn at_level(lines: &[Line], level: usize) -> Vec<Line> {
    let mark = mark(lines);
    lines.iter().filter_map(|line| unmarked(line, level, mark)).collect()
}

/// The smallest number of quotations under which `wanted` holds for some line.
pub(crate) fn level_of(lines: &[Line], wanted: impl Fn(&str) -> bool) -> Option<usize> {
    let mark = mark(lines);
    let level = |line: &Line| {
        let level = level(&line.text);
        (level <= MAX_LEVEL && unmarked(line, level, mark).is_some_and(|line| wanted(&line.text))).then_some(level)
    };
    lines.iter().filter_map(level).min()
}

fn mark(lines: &[Line]) -> Mark {
    let bare = |line: &Line| {
        let rest = line.text.trim_start_matches('>');
        rest.len() < line.text.len()
            && ["diff --git ", "@@ -", "--- a/", ".macro"].iter().any(|begin| rest.starts_with(begin))
    };
    if lines.iter().any(bare) { Mark::Bare } else { Mark::Spaced }
}

fn level(text: &str) -> usize {
    let mut rest = text;
    let mut level = 0;
    while let Some(after) = rest.strip_prefix('>') {
        level += 1;
        rest = match after.strip_prefix(' ') {
            Some(spaced) if spaced.starts_with('>') => spaced,
            _ => after,
        };
    }
    level
}

/// The line without its marks if it is quoted exactly `level` deep.
fn unmarked(line: &Line, wanted: usize, mark: Mark) -> Option<Line> {
    if level(&line.text) != wanted {
        return None;
    }
    if wanted == 0 {
        return Some(line.clone());
    }
    let end = last_mark(&line.text, wanted);
    let space = mark == Mark::Spaced && line.text.get(end..).is_some_and(|rest| rest.starts_with(' '));
    Some(line.after(end + usize::from(space)))
}

/// Bytes up to and with the last of `marks` marks.
fn last_mark(text: &str, marks: usize) -> usize {
    text.match_indices('>').nth(marks.saturating_sub(1)).map_or(0, |(at, _)| at + 1)
}
