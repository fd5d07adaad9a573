//! Code without its comments: what is compared.

/// What a comment that was opened on a line before leaves open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Inside {
    #[default]
    Code,
    Comment,
}

/// The code of `line` and what it leaves open. Comments are `/* */`, `//`, and `#` behind code.
pub(crate) fn stripped(line: &str, inside: Inside) -> (String, Inside) {
    let mut code = String::new();
    let mut inside = inside;
    let mut quoted = false;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        let next = chars.peek().copied();
        match (inside, c, next) {
            (Inside::Comment, '*', Some('/')) => {
                chars.next();
                inside = Inside::Code;
                code.push(' ');
            }
            (Inside::Comment, ..) => {}
            (_, '\\', Some(escaped)) if quoted => {
                chars.next();
                code.extend([c, escaped]);
            }
            (_, '"', _) => {
                quoted = !quoted;
                code.push(c);
            }
            (_, '/', Some('*')) if !quoted => {
                chars.next();
                inside = Inside::Comment;
            }
            (_, '/', Some('/')) if !quoted => break,
            (_, '#', Some(' ' | '\t')) if !quoted && code.ends_with([' ', '\t']) && !code.trim().is_empty() => break,
            _ => code.push(c),
        }
    }
    (code, inside)
}

/// Each line of a text without its comments, its white space folded.
pub fn without_comments<'t>(lines: impl IntoIterator<Item = &'t str>) -> Vec<String> {
    let mut inside = Inside::Code;
    let strip = |line| {
        let (code, after) = stripped(line, inside);
        inside = after;
        folded(&code)
    };
    lines.into_iter().map(strip).collect()
}

/// One side of a hunk without its comments. A comment that was opened before the hunk ends in it.
pub(crate) fn side<'t>(lines: impl Iterator<Item = &'t str> + Clone) -> Vec<String> {
    let mut inside = if begins_inside(lines.clone()) { Inside::Comment } else { Inside::Code };
    lines
        .map(|line| {
            let (code, after) = stripped(line, inside);
            inside = after;
            code.trim_end().to_owned()
        })
        .collect()
}

/// Whether a comment is closed before one is opened; lines that begin as the middle of a comment does show it too.
fn begins_inside<'t>(lines: impl Iterator<Item = &'t str>) -> bool {
    let mut lines = lines.map(str::trim).filter(|line| !line.is_empty()).peekable();
    if lines.peek().is_some_and(|first| *first == "*" || first.starts_with("* ")) {
        return true;
    }
    for line in lines {
        match (line.find("*/"), line.find("/*")) {
            (Some(close), open) => return open.is_none_or(|open| close < open),
            (None, Some(_)) => return false,
            (None, None) => {}
        }
    }
    false
}

/// White space folded to single spaces, none beside commas and parentheses.
pub(crate) fn folded(code: &str) -> String {
    let mut folded = String::new();
    for c in code.split_whitespace().flat_map(|word| word.chars().chain([' '])) {
        let after_tight = folded.ends_with([' ', ',', '(']);
        if c == ' ' && after_tight {
            continue;
        }
        if matches!(c, ',' | ')') && folded.ends_with(' ') {
            folded.pop();
        }
        folded.push(c);
    }
    folded.truncate(folded.trim_end().len());
    folded
}
