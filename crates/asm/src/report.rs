//! Collecting diagnostics, and the budget that bounds the work on hostile text.

use std::rc::Rc;

use super::sorted::Set;
use super::{COUNTS_AS_OFF, Diagnostic, Position, Severity, Source};

/// More errors than this help nobody, so assembly stops there.
const MAX_ERRORS: usize = 100;

/// Bytes of text the assembler reads or produces in one run, counting each reading of a repeated line.
const MAX_TEXT: usize = 64 << 20;

/// Where a statement is: its text, and the macro calls that led to it.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) at: Position,
    pub(super) expansion: Rc<[(String, Position)]>,
}

impl Place {
    /// A place outside every macro.
    pub(super) fn plain(at: Position) -> Self {
        Self { at, expansion: Rc::from([]) }
    }
}

/// What is wrong with one piece of a statement, before the place is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    cause: Cause,
    hint: Option<String>,
}

/// A fault without its mend. Nothing can report it before [`Cause::hint`] adds one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cause {
    message: String,
    /// The faulty piece of the statement; it gives the diagnostic its column.
    token: String,
}

impl Cause {
    pub(super) fn new(token: impl Into<String>, message: impl Into<String>) -> Self {
        Self { message: message.into(), token: token.into() }
    }

    pub(super) fn hint(self, hint: impl Into<String>) -> Fault {
        Fault { cause: self, hint: Some(hint.into()) }
    }

    /// A remark of the text itself (`#warning`): there is nothing to mend.
    pub(super) fn remark(self) -> Fault {
        Fault { cause: self, hint: None }
    }
}

impl Fault {
    /// The same about another piece of the statement.
    pub(super) fn at(mut self, token: impl Into<String>) -> Self {
        self.cause.token = token.into();
        self
    }

    #[cfg(test)]
    pub(super) fn message(&self) -> &str {
        &self.cause.message
    }

    /// The same with a more specific hint.
    pub(super) fn rather(self, hint: impl Into<String>) -> Self {
        self.cause.hint(hint)
    }
}

/// The diagnostics so far, and the remaining budget.
pub(super) struct Report<'a> {
    sources: &'a [Source],
    /// Name and text of each source that an `#include` added after them.
    added: Vec<(String, Rc<str>)>,
    list: Vec<Diagnostic>,
    /// Names of the configuration and numbers of features that have been reported.
    unset: Set<String>,
    errors: usize,
    statements: usize,
    text: usize,
    stopped: bool,
}

impl<'a> Report<'a> {
    pub(super) fn new(sources: &'a [Source], statements: usize) -> Self {
        Self {
            sources,
            added: Vec::new(),
            list: Vec::new(),
            unset: Set::new(),
            errors: 0,
            statements,
            text: MAX_TEXT,
            stopped: false,
        }
    }

    /// Adds a source, and returns its index.
    pub(super) fn add_source(&mut self, name: &str, text: String) -> usize {
        self.added.push((name.to_owned(), text.into()));
        self.sources.len() + self.added.len() - 1
    }

    /// The sources that were added.
    pub(super) fn added(&self) -> Vec<Source> {
        let added = self.added.iter();
        added.map(|(name, text)| Source { name: name.clone(), text: text.to_string() }).collect()
    }

    /// The text of a source.
    pub(super) fn text(&self, index: usize) -> Rc<str> {
        let added = index.checked_sub(self.sources.len()).and_then(|index| self.added.get(index));
        added.map_or_else(|| self.source(index).map_or("", |(_, text)| text).into(), |(_, text)| text.clone())
    }

    pub(super) fn source_name(&self, index: usize) -> &str {
        self.source(index).map_or("", |(name, _)| name)
    }

    /// Name and text of a source.
    fn source(&self, index: usize) -> Option<(&str, &str)> {
        match index.checked_sub(self.sources.len()) {
            None => self.sources.get(index).map(|source| (source.name.as_str(), source.text.as_str())),
            Some(index) => self.added.get(index).map(|(name, text)| (name.as_str(), &**text)),
        }
    }

    /// Whether to give up: a limit was reached, or there are too many errors.
    pub(super) fn stopped(&self) -> bool {
        self.stopped
    }

    /// Sorts by source and line, whatever pass found each; the diagnostic that ended the reading stays last.
    pub(super) fn finish(mut self) -> Vec<Diagnostic> {
        let line = |diagnostic: &Diagnostic| (diagnostic.position.source, diagnostic.position.line);
        let end = if self.errors >= MAX_ERRORS { self.list.pop() } else { None };
        let mut list: Vec<Diagnostic> = Vec::with_capacity(self.list.len() + 1);
        for diagnostic in self.list {
            let at = list.partition_point(|before| line(before) <= line(&diagnostic));
            list.insert(at, diagnostic);
        }
        list.extend(end);
        list
    }

    pub(super) fn error(&mut self, place: &Place, fault: Fault) {
        if self.stopped {
            return;
        }
        self.push(Severity::Error, place, fault);
        self.errors += 1;
        if self.errors == MAX_ERRORS {
            let stop = Cause::new("", format!("{MAX_ERRORS} errors: the rest of the text is not read"))
                .hint("mend the first ones and assemble again");
            self.push(Severity::Error, place, stop);
            self.stopped = true;
        }
    }

    pub(super) fn warning(&mut self, place: &Place, fault: Fault) {
        let room = self.list.len() < 10 * MAX_ERRORS;
        if room && !self.stopped {
            self.push(Severity::Warning, place, fault);
        }
    }

    /// Reports once which value the text gets for `name` of the kernel's configuration, which nobody has set.
    pub(super) fn unset(&mut self, place: &Place, name: &str) {
        if name.starts_with("CONFIG_") && self.list.len() < 10 * MAX_ERRORS && self.unset.insert(name.to_owned()) {
            let note = Cause::new(name, format!("`{name}` {COUNTS_AS_OFF}"))
                .hint(format!("the machine does not model it; `#define {name} 1` above this line turns it on"));
            self.push(Severity::Note, place, note);
        }
    }

    /// The text itself says that `name` is off, so there is nothing to report.
    pub(super) fn decided(&mut self, name: &str) {
        self.unset.insert(name.to_owned());
    }

    /// Reports once that a feature whose number has no name counts as off.
    pub(super) fn unknown_feature(&mut self, place: &Place, number: u16) {
        let written = format!("{}*32+{}", number / 32, number % 32);
        if self.list.len() < 10 * MAX_ERRORS && self.unset.insert(written.clone()) {
            let note = Cause::new("", format!("the feature with the number {written} {COUNTS_AS_OFF}"))
                .hint("the machine does not model it, and the text has no name for it");
            self.push(Severity::Note, place, note);
        }
    }

    /// `line 3`, with the source's name if it is not that of `from`.
    pub(super) fn describe(&self, at: Position, from: Position) -> String {
        match self.source(at.source).filter(|_| at.source != from.source) {
            Some((name, _)) => format!("{name} line {}", at.line),
            None => format!("line {}", at.line),
        }
    }

    /// Counts one statement of `length` bytes; false if the budget is used up.
    pub(super) fn spend_statement(&mut self, place: &Place, length: usize) -> bool {
        if self.statements == 0 {
            let fault = Cause::new("", "too many statements after expansion")
                .hint("a repetition or a recursive macro multiplies the text: lower its count");
            self.stop(place, fault);
            return false;
        }
        self.statements -= 1;
        self.spend_text(place, length)
    }

    /// Counts `length` bytes of text; false if the budget is used up.
    pub(super) fn spend_text(&mut self, place: &Place, length: usize) -> bool {
        match self.text.checked_sub(length) {
            Some(rest) => {
                self.text = rest;
                !self.stopped
            }
            None => {
                let fault = Cause::new("", "expansion produces too much text")
                    .hint("a macro doubles its argument at each call, or a long line is repeated: lower the count");
                self.stop(place, fault);
                false
            }
        }
    }

    /// Reports `fault` as the last diagnostic.
    pub(super) fn stop(&mut self, place: &Place, fault: Fault) {
        self.error(place, fault);
        self.stopped = true;
    }

    fn push(&mut self, severity: Severity, place: &Place, fault: Fault) {
        let position = self.locate(place.at, &fault.cause.token);
        let source = self.source_name(position.source).to_owned();
        self.list.push(Diagnostic {
            severity,
            position,
            source,
            message: fault.cause.message,
            hint: fault.hint,
            expansion: place.expansion.to_vec(),
        });
    }

    /// The column of `token` in the source line of the statement at `at`, or in a line that continues it. The
    /// statement's own position if the token came from an expansion.
    fn locate(&self, at: Position, token: &str) -> Position {
        let Some((_, text)) = self.source(at.source).filter(|_| !token.is_empty()) else {
            return at;
        };
        let mut skip = (at.column as usize).saturating_sub(1);
        let first = (at.line as usize).saturating_sub(1);
        for (number, line) in text.lines().enumerate().skip(first) {
            if let Some(column) = find_word(line, token, skip) {
                return Position { line: number as u32 + 1, column: column as u32 + 1, ..at };
            }
            skip = 0;
            if !line.trim_end().ends_with('\\') {
                break;
            }
        }
        at
    }
}

/// The column in characters, from 0, of `word` in `line` at or after column `skip`, but not inside a longer word.
fn find_word(line: &str, word: &str, skip: usize) -> Option<usize> {
    let start = line.char_indices().nth(skip)?.0;
    let part_of_name = |c: char| c.is_ascii_alphanumeric() || !c.is_ascii() || c == '_';
    let mut from = start;
    while let Some(found) = line.get(from..)?.find(word) {
        let begin = from + found;
        let end = begin + word.len();
        let glued_before = word.starts_with(part_of_name) && line[..begin].ends_with(part_of_name);
        let glued_after = word.ends_with(part_of_name) && line[end..].starts_with(part_of_name);
        if !glued_before && !glued_after {
            return Some(line[..begin].chars().count());
        }
        from = begin + word.chars().next().map_or(1, char::len_utf8);
    }
    None
}

/// `no operands`, `1 operand`, `2 operands`.
pub(super) fn counted(count: usize, what: &str) -> String {
    match count {
        0 => format!("no {what}s"),
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

/// The one of `names` that `word` was most likely meant to be, if one is near.
pub(super) fn nearest<'n>(word: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let word = word.to_ascii_lowercase();
    if word.len() > 40 {
        return None;
    }
    let allowed = (word.len() / 3).clamp(1, 3);
    names
        .into_iter()
        .filter(|name| name.len().abs_diff(word.len()) <= allowed)
        .map(|name| (distance(&word, &name.to_ascii_lowercase()), name))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, name)| name)
}

/// How many letters to insert, drop, replace or swap with their neighbour to turn `a` into `b`.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut next = vec![i];
        for j in 1..=b.len() {
            let change = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (row[j - 1] + change).min(row[j] + 1).min(next[j - 1] + 1);
            let swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if swapped {
                best = best.min(before[j - 2] + 1);
            }
            next.push(best);
        }
        before = std::mem::replace(&mut row, next);
    }
    row[b.len()]
}
