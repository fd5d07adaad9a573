//! Statements as GNU `as` sees them: lines split at `;`, white space folded where it has no meaning.
//!
//! White space matters in one place only: it separates the arguments of a macro call. This module decides which spaces
//! survive until then, by the rules of `do_scrub_chars` in gas/app.c with the character classes of its i386 port.

use std::rc::Rc;

use super::Position;
use super::expression::{continues_name, leading_name};

/// One statement with the place of its first character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statement {
    pub(super) text: Rc<str>,
    pub(super) at: Position,
}

/// A statement split after its first word.
pub(super) struct Words<'t> {
    pub(super) word: &'t str,
    pub(super) rest: &'t str,
}

impl<'t> Words<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        let word = leading_name(text);
        Self { word, rest: text[word.len()..].trim_start() }
    }
}

/// Splits `line` at `;` and line ends outside strings. Returns the offset and text of each piece that is not blank.
pub(super) fn split(line: &str) -> Vec<(usize, &str)> {
    if !line.bytes().any(|byte| matches!(byte, b';' | b'\n')) {
        return if line.trim().is_empty() { Vec::new() } else { vec![(0, line)] };
    }
    let mut pieces = Vec::new();
    let mut start = 0;
    for (at, _, _) in outside_strings(line).filter(|(_, c, _)| matches!(c, ';' | '\n')) {
        pieces.push((start, &line[start..at]));
        start = at + 1;
    }
    pieces.push((start, &line[start..]));
    pieces.retain(|(_, piece)| !piece.trim().is_empty());
    pieces
}

/// The characters of `text` outside strings: the position of each, and how many brackets are open behind it.
pub(super) fn outside_strings(text: &str) -> impl Iterator<Item = (usize, char, u32)> {
    let (mut next, mut depth) = (0, 0_u32);
    std::iter::from_fn(move || {
        while text[next..].starts_with('"') {
            next += string_length(&text[next..]);
        }
        let at = next;
        let c = text[at..].chars().next()?;
        next += c.len_utf8();
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        Some((at, c, depth))
    })
}

/// The positions of commas outside brackets and strings.
pub(super) fn commas(text: &str) -> impl Iterator<Item = usize> {
    outside_strings(text).filter(|(_, c, depth)| *c == ',' && *depth == 0).map(|(at, ..)| at)
}

/// Where the scan is in a statement; the numbers are those of gas/app.c.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// 0 and 1: before the mnemonic.
    Start,
    /// 2: in the mnemonic.
    Mnemonic,
    /// 3: in the operands, after something that makes following white space meaningless.
    Operands,
    /// 9: in the operands, after a character of a symbol.
    Symbol,
    /// 10: in the operands, after white space that followed a character of a symbol.
    SymbolSpace,
}

/// Characters besides those of names that keep a space between them and what precedes them.
fn part_of_symbol(c: char) -> bool {
    continues_name(c) || matches!(c, '*' | '%' | '-' | '(' | '[' | '{' | '}')
}

/// Folds the white space of one statement and turns character constants into numbers.
pub(super) fn scrub(statement: &str) -> String {
    let mut out = String::with_capacity(statement.len());
    let mut state = State::Start;
    let mut rest = statement.trim();
    while let Some(c) = rest.chars().next() {
        if state == State::SymbolSpace && (part_of_symbol(c) || matches!(c, '"' | '\\')) {
            out.push(' ');
            state = State::Operands;
        }
        let taken = match c {
            '"' => copy_string(rest, &mut out, &mut state),
            '\'' => copy_character(rest, &mut out, &mut state),
            c if c.is_whitespace() => fold_space(rest, &mut out, &mut state),
            c => copy_plain(c, &mut out, &mut state),
        };
        rest = &rest[taken..];
    }
    out
}

fn copy_plain(c: char, out: &mut String, state: &mut State) -> usize {
    *state = match *state {
        State::Start => State::Mnemonic,
        State::Mnemonic if c == ':' => State::Start,
        State::Mnemonic => State::Mnemonic,
        _ if part_of_symbol(c) => State::Symbol,
        _ => State::Operands,
    };
    out.push(c);
    c.len_utf8()
}

fn fold_space(rest: &str, out: &mut String, state: &mut State) -> usize {
    match *state {
        State::Start if !out.is_empty() && !out.ends_with(' ') => out.push(' '),
        State::Mnemonic => {
            out.push(' ');
            *state = State::Operands;
        }
        State::Symbol => *state = State::SymbolSpace,
        _ => {}
    }
    rest.len() - rest.trim_start().len()
}

/// Copies a string with its quotes. An unclosed one ends with the statement.
fn copy_string(rest: &str, out: &mut String, state: &mut State) -> usize {
    let length = string_length(rest);
    out.push_str(&rest[..length]);
    *state = State::Operands;
    length
}

/// The length of the string at the start of `text`, quotes included; all of the text if the string is not closed.
pub(super) fn string_length(text: &str) -> usize {
    closed_string(text).unwrap_or(text.len())
}

/// The length of the string at the start of `text`, quotes included, if it is closed.
pub(super) fn closed_string(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}

fn copy_character(rest: &str, out: &mut String, state: &mut State) -> usize {
    let mut chars = rest.chars().skip(1);
    let Some(first) = chars.next() else {
        out.push('\'');
        return 1;
    };
    let (code, mut length) = match first {
        '\\' => {
            let escape = chars.next().unwrap_or('\\');
            (escape_code(escape), 2 + escape.len_utf8())
        }
        c => (u32::from(c), 1 + c.len_utf8()),
    };
    length = length.min(rest.len());
    if rest[length..].starts_with('\'') {
        length += 1;
    }
    out.push_str(&code.to_string());
    *state = State::Operands;
    length
}

fn escape_code(c: char) -> u32 {
    match c {
        'b' => 8,
        't' => 9,
        'n' => 10,
        'f' => 12,
        'r' => 13,
        c => u32::from(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_survives_where_gas_keeps_it() {
        let cases = [
            ("  mov   %rax ,  %rbx ", "mov %rax,%rbx"),
            ("m a + b, c -1", "m a+b,c -1"),
            ("m a / b", "m a/b"),
            ("m (a) b", "m (a)b"),
            ("m a \"b\" c", "m a \"b\"c"),
            ("m a\t\\b", "m a \\b"),
            ("m a ~b", "m a~b"),
            ("m a $b %c *d", "m a $b %c *d"),
            ("foo:  bar  baz , x", "foo: bar baz,x"),
            ("FOO = 3 + 4", "FOO =3+4"),
            (".byte 'a', '\\n', ' '", ".byte 97,10,32"),
            (".ascii \"a  ;b\\\"  c\"", ".ascii \"a  ;b\\\"  c\""),
            ("m a == 1", "m a==1"),
        ];
        for (text, want) in cases {
            assert_eq!(scrub(text), want, "{text}");
        }
    }

    #[test]
    fn statements_end_outside_strings_only() {
        let pieces: Vec<&str> = split("a; .ascii \"x;y\\\";\" ; ; b").into_iter().map(|piece| piece.1.trim()).collect();
        assert_eq!(pieces, ["a", ".ascii \"x;y\\\";\"", "b"]);
    }
}
