//! The lines of a text: continued ones joined, comments removed.

use std::borrow::Cow;

use crate::Position;
use crate::report::{Cause, Place, Report, nearest};
use crate::scrub::string_length;

const DIRECTIVES: [&str; 14] = [
    "define", "undef", "if", "ifdef", "ifndef", "elif", "else", "endif", "include", "error", "warning", "pragma",
    "line", "ident",
];

/// A line with its continuations joined and its comments removed.
pub(super) struct Line<'t> {
    pub(super) text: Cow<'t, str>,
    pub(super) at: Position,
}

/// Reads a text line by line. Joins continued lines and drops comments.
pub(super) struct Lines<'t> {
    source: usize,
    rest: std::str::Lines<'t>,
    number: u32,
}

impl<'t> Lines<'t> {
    pub(super) fn new(source: usize, text: &'t str) -> Self {
        Self { source, rest: text.lines(), number: 0 }
    }

    /// The next physical line with those that `\` joins to it.
    fn joined(&mut self) -> Option<(Cow<'t, str>, u32)> {
        let first = self.number + 1;
        let mut line = self.rest.next()?;
        self.number += 1;
        if !line.ends_with('\\') {
            return Some((Cow::Borrowed(line), first));
        }
        let mut text = String::new();
        while let Some(head) = line.strip_suffix('\\') {
            text.push_str(head);
            match self.rest.next() {
                Some(next) => line = next,
                None => return Some((Cow::Owned(text), first)),
            }
            self.number += 1;
        }
        text.push_str(line);
        Some((Cow::Owned(text), first))
    }

    pub(super) fn next_line(&mut self, report: &mut Report<'_>) -> Option<Line<'t>> {
        let (text, number) = self.joined()?;
        let at = Position { source: self.source, line: number, column: 1 };
        if !text.bytes().any(|byte| matches!(byte, b'"' | b'\'' | b'/' | b'#')) {
            return Some(Line { text, at });
        }
        let known = directive(&text).map(|(word, _)| word);
        let comments = match known {
            Some(word) if DIRECTIVES.contains(&word) => Hash::Operator,
            Some(word) => {
                suggest_directive(word, &text, at, report);
                return Some(Line { text: Cow::Borrowed(""), at });
            }
            None => Hash::Comment,
        };
        let mut out = String::new();
        let mut open = strip(&text, comments, &mut out);
        while open {
            let Some((more, _)) = self.joined() else {
                let fault = Cause::new("/*", "this comment does not end").hint("close it with `*/`");
                report.error(&Place::plain(at), fault);
                break;
            };
            open = match more.split_once("*/") {
                Some((_, after)) => strip(after, comments, &mut out),
                None => true,
            };
        }
        Some(Line { text: Cow::Owned(out), at })
    }
}

/// A line that begins with `#` and a word near a directive is more likely a slip than a comment.
fn suggest_directive(word: &str, line: &str, at: Position, report: &mut Report<'_>) {
    let glued = line.trim_start().strip_prefix('#').is_some_and(|rest| rest.starts_with(word));
    if word.len() > 3
        && glued
        && let Some(near) = nearest(word, DIRECTIVES)
    {
        let fault = Cause::new(word, format!("`#{word}` counts as a comment")).hint(format!("did you mean `#{near}`?"));
        report.warning(&Place::plain(at), fault);
    }
}

/// The meaning of `#` inside a line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hash {
    /// To the assembler: the rest of the line is a comment.
    Comment,
    /// In `#define`: an operator.
    Operator,
}

/// Appends `text` to `out` with each comment replaced by a space; true if a `/*` stays open.
fn strip(text: &str, hash: Hash, out: &mut String) -> bool {
    let mut rest = text;
    loop {
        let Some(at) = rest.bytes().position(|byte| matches!(byte, b'"' | b'\'' | b'/' | b'#')) else {
            out.push_str(rest);
            return false;
        };
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let taken = match from.as_bytes() {
            [b'"', ..] => string_length(from),
            [b'\'', ..] => quoted_character(from),
            [b'/', b'/', ..] => return false,
            [b'#', ..] if hash == Hash::Comment => return false,
            [b'/', b'*', ..] => {
                out.push(' ');
                match from[2..].find("*/") {
                    Some(end) => {
                        rest = &from[end + 4..];
                        continue;
                    }
                    None => return true,
                }
            }
            _ => 1,
        };
        out.push_str(&from[..taken]);
        rest = &from[taken..];
    }
}

/// The length of a character constant: `'a`, `'a'`, `'\n'`.
fn quoted_character(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    let mut end = 1;
    if let Some((at, c)) = chars.next() {
        end = at + c.len_utf8();
        if c == '\\'
            && let Some((at, c)) = chars.next()
        {
            end = at + c.len_utf8();
        }
    }
    end + usize::from(text[end..].starts_with('\''))
}

/// The directive on a line that begins with `#`, and the text after it. GNU `as` treats other such lines as comments.
pub(super) fn directive(line: &str) -> Option<(&str, &str)> {
    let rest = line.trim_start().strip_prefix('#')?.trim_start();
    let length = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
    Some(rest.split_at(length))
}
