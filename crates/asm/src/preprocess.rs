//! The C preprocessor's part: comments, continued lines, `#define`, `#if`. The result is statements for the assembler.

use std::rc::Rc;

use super::expression::{Dialect, Scope, parse};
use super::report::{Cause, Fault, Place, Report, nearest};
use super::scrub::{Statement, scrub, split};
use super::tokens::{Define, Defines, Stop, Token, TokenKind, begins_identifier, expand, join, tokenize};
use super::value::Value;
use super::{Options, Position, Source};

/// Definitions that kernel headers would provide.
const PRELUDE: &str = include_str!("prelude.h");

/// Lines one macro call may span.
const MAX_JOINED: usize = 200;

/// Bytes of tokens that `#define` expansion may produce in one run.
const MAX_EXPANDED: usize = 4 << 20;

const DIRECTIVES: [&str; 14] = [
    "define", "undef", "if", "ifdef", "ifndef", "elif", "else", "endif", "include", "error", "warning", "pragma",
    "line", "ident",
];

/// The result of preprocessing.
pub(super) struct Preprocessed {
    pub(super) statements: Vec<Statement>,
    /// The numbers among the text's own `#define`s.
    pub(super) constants: Vec<(String, i64)>,
}

/// What happens to the names that `#define` gives a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Names {
    Replaced,
    /// They stay, so that two texts can be compared as written.
    Kept,
}

/// Runs the preprocessor over `sources` as over one file.
pub(super) fn preprocess(sources: &[Source], options: &Options, names: Names, report: &mut Report<'_>) -> Preprocessed {
    let mut state = Preprocessor {
        options,
        defines: Defines::new(),
        conditions: Vec::new(),
        skipping: 0,
        budget: MAX_EXPANDED,
        statements: Vec::new(),
        names,
        unset: Vec::new(),
    };
    state.file(usize::MAX, PRELUDE, report);
    let builtin: Vec<Rc<str>> = state.defines.keys().cloned().collect();
    for (index, source) in sources.iter().enumerate() {
        state.file(index, &source.text, report);
    }
    let constants = state.constants(&builtin);
    Preprocessed { statements: state.statements, constants }
}

/// One `#if` that is open.
struct Condition {
    at: Position,
    /// Whether this `#if` takes its current lines.
    taken: bool,
    /// Whether an earlier arm was taken.
    done: bool,
    has_else: bool,
}

struct Preprocessor<'o> {
    options: &'o Options,
    defines: Defines,
    conditions: Vec<Condition>,
    /// How many of them skip their lines.
    skipping: usize,
    budget: usize,
    statements: Vec<Statement>,
    names: Names,
    /// Names that the current line asks for and nobody has defined.
    unset: Vec<String>,
}

/// A line with its continuations joined and its comments removed.
struct Line {
    text: String,
    at: Position,
}

impl Preprocessor<'_> {
    fn file(&mut self, source: usize, text: &str, report: &mut Report<'_>) {
        let outer = self.conditions.len();
        let mut lines = Lines::new(source, text);
        while let Some(line) = lines.next_line(report) {
            if report.stopped() {
                return;
            }
            match directive(&line.text) {
                Some((word, rest)) => self.directive(word, rest, &line, report),
                None if self.active() => self.plain(line, &mut lines, report),
                None => {}
            }
        }
        while self.conditions.len() > outer {
            let Some(condition) = self.close() else { break };
            let fault = Cause::new("#", "this #if has no #endif").hint("add `#endif` where its lines end");
            report.error(&Place::plain(condition.at), fault);
        }
    }

    /// Adds an open condition.
    fn push(&mut self, condition: Condition) {
        self.skipping += usize::from(!condition.taken);
        self.conditions.push(condition);
    }

    /// Removes the innermost condition.
    fn close(&mut self) -> Option<Condition> {
        let condition = self.conditions.pop()?;
        self.skipping -= usize::from(!condition.taken);
        Some(condition)
    }

    fn active(&self) -> bool {
        self.skipping == 0
    }

    /// Expands one line into statements. Joins it with the next ones while a macro call is open.
    fn plain(&mut self, line: Line, lines: &mut Lines<'_>, report: &mut Report<'_>) {
        if line.text.trim().is_empty() {
            return;
        }
        let place = Place::plain(line.at);
        let mut text = line.text;
        if self.names == Names::Kept {
            return self.emit(&join(&tokenize(&text)), line.at, report);
        }
        for _ in 0..MAX_JOINED {
            if !report.spend_text(&place, text.len()) {
                return;
            }
            let tokens = self.replace_enabled(tokenize(&text));
            self.report_unset(&place, report);
            match expand(tokens, &self.defines, &mut self.budget) {
                Ok(tokens) => return self.emit(&join(&tokens), line.at, report),
                Err(Stop::Fault(fault)) => return report.error(&place, fault),
                Err(Stop::Unclosed(name)) => match lines.next_line(report) {
                    Some(next) => {
                        text.push(' ');
                        text.push_str(&next.text);
                    }
                    None => return report.error(&place, unclosed(&name)),
                },
            }
        }
        report.error(
            &place,
            Cause::new("(", "a macro call does not end within 200 lines").hint("close the call with `)`"),
        );
    }

    fn emit(&mut self, text: &str, at: Position, report: &mut Report<'_>) {
        if !report.spend_text(&Place::plain(at), text.len()) {
            return;
        }
        let mut column = 1;
        let mut counted = 0;
        for (offset, piece) in split(text) {
            let begin = offset + piece.len() - piece.trim_start().len();
            column += text[counted..begin].chars().count() as u32;
            counted = begin;
            self.statements.push(Statement { text: scrub(piece).into(), at: Position { column, ..at } });
        }
    }

    fn directive(&mut self, word: &str, rest: &str, line: &Line, report: &mut Report<'_>) {
        let place = Place::plain(line.at);
        let result = match word {
            "if" => self.open(line.at, |state| state.condition(rest)),
            "ifdef" => self.open(line.at, |state| Ok(state.asks(rest.trim()))),
            "ifndef" => self.open(line.at, |state| Ok(!state.asks(rest.trim()))),
            "elif" => self.elif(rest),
            "else" => self.otherwise(),
            "endif" => match self.close() {
                Some(_) => Ok(()),
                None => Err(Cause::new("#", "#endif without #if").hint("remove it, or add its `#if`")),
            },
            _ if !self.active() => Ok(()),
            "define" => self.define(rest),
            "undef" => {
                self.defines.remove(rest.trim());
                Ok(())
            }
            "include" => {
                let fault = Cause::new("#", format!("#include {} is not followed", rest.trim())).hint(
                    "the definitions that entry code needs from kernel headers are built in; paste anything else above",
                );
                report.warning(&place, fault);
                Ok(())
            }
            "error" => Err(Cause::new("#", format!("#error {}", rest.trim()))
                .hint("the text itself refuses this: see the `#if` around it")),
            "warning" => {
                report.warning(&place, Cause::new("#", format!("#warning {}", rest.trim())).remark());
                Ok(())
            }
            _ => Ok(()),
        };
        self.report_unset(&place, report);
        if let Err(fault) = result {
            report.error(&place, fault);
        }
    }

    fn report_unset(&mut self, place: &Place, report: &mut Report<'_>) {
        self.unset.drain(..).for_each(|name| report.unset(place, &name));
    }

    fn open(&mut self, at: Position, test: impl FnOnce(&mut Self) -> Result<bool, Fault>) -> Result<(), Fault> {
        // An #if inside skipped lines is not evaluated (C11 6.10.1).
        let result = if self.active() { test(self) } else { Ok(false) };
        let taken = *result.as_ref().unwrap_or(&false);
        self.push(Condition { at, taken, done: taken, has_else: false });
        result.map(|_| ())
    }

    fn elif(&mut self, rest: &str) -> Result<(), Fault> {
        let Some(mut condition) = self.close() else {
            return Err(Cause::new("#", "#elif without #if").hint("remove it, or add its `#if`"));
        };
        let wanted = !condition.done && !condition.has_else && self.active();
        let result = if wanted { self.condition(rest) } else { Ok(false) };
        condition.taken = *result.as_ref().unwrap_or(&false);
        condition.done |= condition.taken;
        self.push(condition);
        result.map(|_| ())
    }

    fn otherwise(&mut self) -> Result<(), Fault> {
        let Some(mut condition) = self.close() else {
            return Err(Cause::new("#", "#else without #if").hint("remove it, or add its `#if`"));
        };
        let second = condition.has_else;
        condition.taken = !condition.done && !second;
        condition.done = true;
        condition.has_else = true;
        self.push(condition);
        if second {
            Err(Cause::new("#", "a second #else for one #if")
                .hint("remove one, or end the #if inside with #endif before it"))
        } else {
            Ok(())
        }
    }

    fn is_defined(&self, name: &str) -> bool {
        self.defines.contains_key(name) || self.options.constants.contains_key(name)
    }

    /// Whether `name` is defined. Remembers it if not.
    fn asks(&mut self, name: &str) -> bool {
        let defined = self.is_defined(name);
        if !defined {
            self.unset.push(name.to_owned());
        }
        defined
    }

    fn define(&mut self, text: &str) -> Result<(), Fault> {
        let text = text.trim();
        let length = text.find(|c: char| !begins_identifier(c) && !c.is_ascii_digit()).unwrap_or(text.len());
        let (name, rest) = text.split_at(length);
        if !name.starts_with(begins_identifier) {
            return Err(Cause::new(name, "#define needs a name").hint("write `#define NAME value`"));
        }
        let (parameters, variadic, body) = match rest.strip_prefix('(') {
            None => (None, false, rest),
            Some(list) => {
                let unclosed =
                    || Cause::new(name, "the parameters of this #define have no `)`").hint("close the list with `)`");
                let (list, body) = list.split_once(')').ok_or_else(unclosed)?;
                let (names, variadic) = parameters(list)?;
                (Some(names), variadic, body)
            }
        };
        let body = tokenize(body.trim());
        self.defines.insert(Rc::from(name), Define { parameters, variadic, body });
        Ok(())
    }

    /// The value of an `#if` line.
    fn condition(&mut self, text: &str) -> Result<bool, Fault> {
        let tokens = self.replace_defined(tokenize(text))?;
        let tokens = match expand(tokens, &self.defines, &mut self.budget) {
            Ok(tokens) => tokens,
            Err(Stop::Fault(fault)) => return Err(fault),
            Err(Stop::Unclosed(name)) => return Err(unclosed(&name)),
        };
        let tokens = self.replace_defined(tokens)?;
        let mut scope = ConditionScope { options: self.options, unset: &mut self.unset };
        let value = parse(&join(&tokens), Dialect::C, &mut scope)?;
        Ok(value.constant().unwrap_or(0) != 0)
    }

    /// Replaces `defined NAME`, `defined(NAME)` and `IS_ENABLED(NAME)` by 1 or 0.
    fn replace_defined(&mut self, tokens: Vec<Token>) -> Result<Vec<Token>, Fault> {
        let mut out = Vec::new();
        let mut rest = tokens.as_slice();
        while let [token, after @ ..] = rest {
            rest = after;
            let operator = matches!(&*token.text, "defined" | "IS_ENABLED" | "IS_BUILTIN")
                && token.kind == TokenKind::Name
                && !self.defines.contains_key(&token.text);
            if !operator {
                out.push(token.clone());
                continue;
            }
            let needs_name = || {
                Cause::new(&*token.text, format!("`{}` needs a name", token.text))
                    .hint(format!("write `{}(NAME)`", token.text))
            };
            let (name, after) = operand(rest).ok_or_else(needs_name)?;
            rest = after;
            let defined = self.asks(name);
            let holds = match &*token.text {
                "defined" => defined,
                _ => self.is_enabled(name),
            };
            out.extend(tokenize(if holds { "1" } else { "0" }));
        }
        Ok(out)
    }

    /// Replaces `IS_ENABLED(NAME)` outside `#if`: as an operand of `.if`, for example.
    fn replace_enabled(&mut self, tokens: Vec<Token>) -> Vec<Token> {
        let mut out = Vec::new();
        let mut rest = tokens.as_slice();
        while let [token, after @ ..] = rest {
            rest = after;
            let called = matches!(&*token.text, "IS_ENABLED" | "IS_BUILTIN")
                && token.kind == TokenKind::Name
                && !self.defines.contains_key(&token.text)
                && after.first().is_some_and(|next| &*next.text == "(");
            match operand(after).filter(|_| called) {
                Some((name, after)) => {
                    rest = after;
                    let holds = self.asks(name) && self.is_enabled(name);
                    out.extend(tokenize(if holds { "1" } else { "0" }));
                }
                None => out.push(token.clone()),
            }
        }
        out
    }

    /// `IS_ENABLED(CONFIG_X)`: defined as something other than 0.
    fn is_enabled(&self, name: &str) -> bool {
        match self.options.constants.get(name) {
            Some(value) => *value != 0,
            None => self.defines.get(name).is_some_and(|define| join(&define.body) == "1"),
        }
    }

    fn constants(&mut self, builtin: &[Rc<str>]) -> Vec<(String, i64)> {
        let candidates: Vec<(Rc<str>, Vec<Token>)> = self
            .defines
            .iter()
            .filter(|(name, define)| {
                define.parameters.is_none() && !define.body.is_empty() && builtin.binary_search(name).is_err()
            })
            .map(|(name, define)| (name.clone(), define.body.clone()))
            .collect();
        let mut constants = Vec::new();
        for (name, body) in candidates {
            let Ok(tokens) = expand(body, &self.defines, &mut self.budget) else {
                continue;
            };
            let mut scope = NumberScope { options: self.options, unknown: false };
            let value = parse(&join(&tokens), Dialect::Gas, &mut scope);
            if let (Ok(Value::Constant(number)), false) = (value, scope.unknown) {
                constants.push((name.to_string(), number));
            }
        }
        constants
    }
}

fn unclosed(name: &str) -> Fault {
    Cause::new(name, format!("no `)` for the arguments of `{name}`")).hint("close the call with `)`")
}

/// The name after `defined`, with or without brackets, and what follows it.
fn operand(tokens: &[Token]) -> Option<(&str, &[Token])> {
    let mut rest = tokens;
    let mut bracket = false;
    while let [token, after @ ..] = rest {
        rest = after;
        match token.kind {
            TokenKind::Space => {}
            TokenKind::Name => {
                if bracket {
                    let close = rest.iter().position(|token| token.kind != TokenKind::Space)?;
                    rest = (&*rest[close].text == ")").then(|| &rest[close + 1..])?;
                }
                return Some((&token.text, rest));
            }
            _ if &*token.text == "(" && !bracket => bracket = true,
            _ => return None,
        }
    }
    None
}

/// Names of the parameters, and whether the last one takes all remaining arguments.
fn parameters(list: &str) -> Result<(Vec<Rc<str>>, bool), Fault> {
    if list.trim().is_empty() {
        return Ok((Vec::new(), false));
    }
    let mut names: Vec<Rc<str>> = Vec::new();
    let mut variadic = false;
    for item in list.split(',').map(str::trim) {
        if variadic {
            return Err(Cause::new(item, "`...` must be the last parameter").hint("move it to the end"));
        }
        let name = match item.strip_suffix("...") {
            Some(name) => {
                variadic = true;
                if name.trim().is_empty() { "__VA_ARGS__" } else { name.trim() }
            }
            None => item,
        };
        if !name.starts_with(begins_identifier) {
            return Err(Cause::new(item, format!("`{item}` is not the name of a parameter"))
                .hint("names begin with a letter or `_`; separate two with a comma"));
        }
        names.push(Rc::from(name));
    }
    Ok((names, variadic))
}

/// The directive on a line that begins with `#`, and the text after it. GNU `as` treats other such lines as comments.
fn directive(line: &str) -> Option<(&str, &str)> {
    let rest = line.trim_start().strip_prefix('#')?.trim_start();
    let length = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
    Some(rest.split_at(length))
}

/// Names in `#if` are constants of the options, or 0 (C11 6.10.1).
struct ConditionScope<'o> {
    options: &'o Options,
    unset: &'o mut Vec<String>,
}

impl Scope for ConditionScope<'_> {
    fn symbol(&mut self, name: &str) -> Value {
        let known = self.options.constants.get(name);
        if known.is_none() {
            self.unset.push(name.to_owned());
        }
        Value::Constant(known.copied().unwrap_or(0))
    }
}

/// For bodies of `#define`: notes whether they name something that is no number.
struct NumberScope<'o> {
    options: &'o Options,
    unknown: bool,
}

impl Scope for NumberScope<'_> {
    fn symbol(&mut self, name: &str) -> Value {
        let known = self.options.constants.get(name);
        self.unknown |= known.is_none();
        Value::Constant(known.copied().unwrap_or(0))
    }
}

/// Reads a text line by line. Joins continued lines and drops comments.
struct Lines<'t> {
    source: usize,
    rest: std::str::Lines<'t>,
    number: u32,
}

impl<'t> Lines<'t> {
    fn new(source: usize, text: &'t str) -> Self {
        Self { source, rest: text.lines(), number: 0 }
    }

    /// The next physical line with those that `\` joins to it.
    fn joined(&mut self) -> Option<(String, u32)> {
        let first = self.number + 1;
        let mut text = String::new();
        let mut line = self.rest.next()?;
        self.number += 1;
        while let Some(head) = line.strip_suffix('\\') {
            text.push_str(head);
            match self.rest.next() {
                Some(next) => line = next,
                None => return Some((text, first)),
            }
            self.number += 1;
        }
        text.push_str(line);
        Some((text, first))
    }

    fn next_line(&mut self, report: &mut Report<'_>) -> Option<Line> {
        let (text, number) = self.joined()?;
        let at = Position { source: self.source, line: number, column: 1 };
        let known = directive(&text).map(|(word, _)| word);
        let comments = match known {
            Some(word) if DIRECTIVES.contains(&word) => Hash::Operator,
            Some(word) => {
                suggest_directive(word, &text, at, report);
                return Some(Line { text: String::new(), at });
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
        Some(Line { text: out, at })
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
        let Some(at) = rest.find(['"', '\'', '/', '#']) else {
            out.push_str(rest);
            return false;
        };
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let taken = match from.as_bytes() {
            [b'"', ..] => super::scrub::string_length(from),
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
