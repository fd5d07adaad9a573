//! The C preprocessor's part: comments, continued lines, `#define`, `#if`. The result is statements for the assembler.

mod conditions;
mod include;
mod lines;

use std::rc::Rc;

use super::expression::{Dialect, Scope, parse};
use super::report::{Cause, Fault, Place, Report};
use super::scrub::{Statement, scrub, split};
use super::tokens::{
    Define, Defines, Last, Parameters, Stop, Token, TokenKind, begins_identifier, expand, folded, join, tokenize,
};
use super::value::Value;
use super::{Includes, Options, Position, Source};
use conditions::Conditions;
use include::{Named, Opened};
use lines::{Line, Lines, directive};

/// Definitions that kernel headers would provide.
const PRELUDE: &str = include_str!("../prelude.h");

/// Lines one macro call may span.
const MAX_JOINED: usize = 200;

/// Bytes of tokens that `#define` expansion may produce in one run.
const MAX_EXPANDED: usize = 4 << 20;

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

/// Runs the preprocessor over `sources` as over one file, except that a unit forgets the names of those before it.
pub(super) fn preprocess(
    sources: &[Source],
    includes: Option<&Includes<'_>>,
    options: &Options,
    names: Names,
    report: &mut Report<'_>,
) -> Preprocessed {
    let mut state = Preprocessor {
        options,
        opened: includes.map(Opened::new),
        defines: Defines::default(),
        conditions: Conditions::default(),
        budget: MAX_EXPANDED,
        statements: Vec::new(),
        names,
        unset: Vec::new(),
        left: Vec::new(),
        spent: None,
    };
    state.file(usize::MAX, PRELUDE, report);
    let builtin: Vec<Rc<str>> = state.defines.iter().map(|(name, _)| name.clone()).collect();
    let prelude = state.defines.clone();
    let is_header = |index: usize| includes.is_some_and(|includes| includes.files.is_header(index));
    for (index, source) in sources.iter().enumerate().filter(|(index, _)| !is_header(*index)) {
        if options.units.contains(&index) {
            state.defines.clone_from(&prelude);
        }
        state.file(index, &source.text, report);
    }
    let constants = state.constants(&builtin);
    Preprocessed { statements: state.statements, constants }
}

struct Preprocessor<'o> {
    options: &'o Options,
    /// The files that includes have opened; `None` if no include is followed.
    opened: Option<Opened<'o>>,
    defines: Defines,
    conditions: Conditions,
    budget: usize,
    statements: Vec<Statement>,
    names: Names,
    /// Names that the current line asks for and nobody has defined.
    unset: Vec<String>,
    /// Place and name of each include of the current file that is not followed.
    left: Vec<(Position, String)>,
    /// The name that has used the budget up.
    spent: Option<Rc<str>>,
}

impl Preprocessor<'_> {
    fn file(&mut self, source: usize, text: &str, report: &mut Report<'_>) {
        let outer = self.conditions.depth();
        let mut lines = Lines::new(source, text);
        while let Some(line) = lines.next_line(report) {
            if report.stopped() {
                return;
            }
            match directive(&line.text) {
                Some((word, rest)) => self.directive(word, rest, &line, report),
                None if self.conditions.active() => self.plain(line, &mut lines, report),
                None => {}
            }
        }
        self.report_left(report);
        for open in self.conditions.truncate(outer) {
            let fault = Cause::new("#", "this #if has no #endif").hint("add `#endif` where its lines end");
            report.error(&Place::plain(open), fault);
        }
    }

    /// Expands one line into statements. Joins it with the next ones while a macro call is open.
    fn plain(&mut self, line: Line<'_>, lines: &mut Lines<'_>, report: &mut Report<'_>) {
        if line.text.trim().is_empty() {
            return;
        }
        let place = Place::plain(line.at);
        let special = |name: &str| self.names == Names::Replaced && (is_operator(name) || self.defines.contains(name));
        // Most lines name no macro.
        if let Some(text) = folded(&line.text, special) {
            if self.names == Names::Kept || report.spend_text(&place, line.text.len()) {
                self.emit(&text, line.at, report);
            }
            return;
        }
        let mut text = line.text.into_owned();
        for _ in 0..MAX_JOINED {
            if !report.spend_text(&place, text.len()) {
                return;
            }
            let tokens = self.replace_enabled(tokenize(&text));
            self.report_unset(&place, report);
            match expand(tokens, &self.defines, &mut self.budget) {
                Ok(tokens) => return self.emit(&join(&tokens), line.at, report),
                Err(Stop::Fault(fault)) => return report.error(&place, fault),
                Err(Stop::Spent(name)) => return report.stop(&place, self.too_much(&name, line.at, report)),
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

    fn directive(&mut self, word: &str, rest: &str, line: &Line<'_>, report: &mut Report<'_>) {
        let place = Place::plain(line.at);
        let result = match word {
            "if" => self.open(line.at, |state| state.condition(rest)),
            "ifdef" => self.open(line.at, |state| Ok(state.asks(rest.trim()))),
            "ifndef" => self.open(line.at, |state| Ok(!state.asks(rest.trim()))),
            "elif" => self.elif(rest),
            "else" => self.conditions.otherwise(),
            "endif" => self.conditions.close(),
            _ if !self.conditions.active() => Ok(()),
            "define" => self.define(rest, line.at),
            "undef" => {
                self.defines.remove(rest.trim());
                report.decided(rest.trim());
                Ok(())
            }
            "include" => self.include(rest, &place, report),
            "pragma" if rest.trim() == "once" => {
                let opened = self.opened.as_mut();
                opened.into_iter().for_each(|opened| opened.only_once(line.at.source));
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
        match (self.spent.take(), result) {
            (Some(name), _) => report.stop(&place, self.too_much(&name, line.at, report)),
            (None, Err(fault)) => report.error(&place, fault),
            (None, Ok(())) => {}
        }
    }

    /// The fault of a name of the line at `at` that produces more text than one run may have.
    fn too_much(&self, name: &str, at: Position, report: &Report<'_>) -> Fault {
        let defined = self.defines.get(name).map(|define| report.describe(define.at, at));
        let defined = defined.map_or_else(String::new, |place| format!(", defined in {place},"));
        Cause::new(name, format!("`{name}`{defined} produces too much text"))
            .hint("a macro that names another one several times doubles the text at each step")
    }

    fn include(&mut self, rest: &str, place: &Place, report: &mut Report<'_>) -> Result<(), Fault> {
        let Some(opened) = &mut self.opened else {
            self.left.push((place.at, rest.trim().to_owned()));
            return Ok(());
        };
        // A macro may give the name (C11 6.10.2).
        let expanded = match Named::read(rest) {
            Some(_) => Ok(Vec::new()),
            None => expand(tokenize(rest), &self.defines, &mut self.budget),
        };
        let expanded = expanded.map(|tokens| join(&tokens)).unwrap_or_default();
        let named = Named::read(rest).or_else(|| Named::read(&expanded)).ok_or_else(|| {
            Cause::new("#", format!("#include {} names no file", rest.trim()))
                .hint("write `#include <asm/name.h>` or `#include \"name.h\"`")
        })?;
        let from = report.source_name(place.at.source).to_owned();
        let Some((index, path)) = opened.find(named, &from, report)? else { return Ok(()) };
        if let Err((place, fault)) = opened.enter(path, named.name(), place) {
            report.stop(&place, fault);
            return Ok(());
        }
        let text = report.text(index);
        if report.spend_text(place, text.len() + 1) {
            self.file(index, &text, report);
        }
        self.opened.iter_mut().for_each(Opened::leave);
        Ok(())
    }

    /// Says once for a whole file which of its includes are not followed.
    fn report_left(&mut self, report: &mut Report<'_>) {
        let left = std::mem::take(&mut self.left);
        let Some((at, first)) = left.first() else { return };
        let told = match left.len() {
            1 => format!("#include {first} is not followed"),
            count => format!("#include {first} and {} more are not followed", count - 1),
        };
        let fault = Cause::new("#", told)
            .hint("the definitions that entry code needs from kernel headers are built in; paste anything else above");
        report.warning(&Place::plain(*at), fault);
    }

    fn report_unset(&mut self, place: &Place, report: &mut Report<'_>) {
        self.unset.drain(..).for_each(|name| report.unset(place, &name));
    }

    fn open(&mut self, at: Position, test: impl FnOnce(&mut Self) -> Result<bool, Fault>) -> Result<(), Fault> {
        // An #if inside skipped lines is not evaluated (C11 6.10.1).
        let result = if self.conditions.active() { test(self) } else { Ok(false) };
        self.conditions.open(at, *result.as_ref().unwrap_or(&false));
        result.map(|_| ())
    }

    fn elif(&mut self, rest: &str) -> Result<(), Fault> {
        let result = if self.conditions.wants_elif() { self.condition(rest) } else { Ok(false) };
        self.conditions.elif(*result.as_ref().unwrap_or(&false))?;
        result.map(|_| ())
    }

    fn is_defined(&self, name: &str) -> bool {
        self.defines.contains(name) || self.options.constants.contains_key(name)
    }

    /// Whether `name` is defined. Remembers it if not.
    fn asks(&mut self, name: &str) -> bool {
        let defined = self.is_defined(name);
        if !defined {
            self.unset.push(name.to_owned());
        }
        defined
    }

    fn define(&mut self, text: &str, at: Position) -> Result<(), Fault> {
        let text = text.trim();
        let length = text.find(|c: char| !begins_identifier(c) && !c.is_ascii_digit()).unwrap_or(text.len());
        let (name, rest) = text.split_at(length);
        if !name.starts_with(begins_identifier) {
            return Err(Cause::new(name, "#define needs a name").hint("write `#define NAME value`"));
        }
        let (parameters, body) = match rest.strip_prefix('(') {
            None => (None, rest),
            Some(list) => {
                let unclosed =
                    || Cause::new(name, "the parameters of this #define have no `)`").hint("close the list with `)`");
                let (list, body) = list.split_once(')').ok_or_else(unclosed)?;
                (Some(parameters(list)?), body)
            }
        };
        self.defines.insert(name, Define::new(parameters, body.trim(), at));
        Ok(())
    }

    /// The value of an `#if` line.
    fn condition(&mut self, text: &str) -> Result<bool, Fault> {
        let tokens = self.replace_defined(tokenize(text))?;
        let tokens = match expand(tokens, &self.defines, &mut self.budget) {
            Ok(tokens) => tokens,
            Err(Stop::Fault(fault)) => return Err(fault),
            Err(Stop::Unclosed(name)) => return Err(unclosed(&name)),
            Err(Stop::Spent(name)) => {
                self.spent = Some(name);
                return Ok(false);
            }
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
            let operator = (&*token.text == "defined" || is_operator(&token.text))
                && token.kind == TokenKind::Name
                && !self.defines.contains(&token.text);
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
                operator => self.holds(operator, name),
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
            let called = is_operator(&token.text)
                && token.kind == TokenKind::Name
                && !self.defines.contains(&token.text)
                && after.first().is_some_and(|next| &*next.text == "(");
            match operand(after).filter(|_| called) {
                Some((name, after)) => {
                    rest = after;
                    let holds = self.asks(name) && self.holds(&token.text, name);
                    out.extend(tokenize(if holds { "1" } else { "0" }));
                }
                None => out.push(token.clone()),
            }
        }
        out
    }

    /// The outcome of an operator on names of the configuration: nothing is a module.
    fn holds(&self, operator: &str, name: &str) -> bool {
        operator != "IS_MODULE" && self.is_enabled(name)
    }

    /// `IS_ENABLED(CONFIG_X)`: defined as something other than 0.
    fn is_enabled(&self, name: &str) -> bool {
        match self.options.constants.get(name) {
            Some(value) => *value != 0,
            None => self.defines.get(name).is_some_and(|define| define.text == "1"),
        }
    }

    fn constants(&mut self, builtin: &[Rc<str>]) -> Vec<(String, i64)> {
        let candidates: Vec<(Rc<str>, Vec<Token>)> = self
            .defines
            .iter()
            .filter(|(name, define)| {
                define.parameters.is_none() && !define.text.is_empty() && builtin.binary_search(name).is_err()
            })
            .map(|(name, define)| (name.clone(), define.body().to_vec()))
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

/// Names that the kernel's configuration answers wherever they stand.
fn is_operator(name: &str) -> bool {
    matches!(name, "IS_ENABLED" | "IS_BUILTIN" | "IS_REACHABLE" | "IS_MODULE")
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

fn parameters(list: &str) -> Result<Parameters, Fault> {
    let mut parameters = Parameters::default();
    if list.trim().is_empty() {
        return Ok(parameters);
    }
    for item in list.split(',').map(str::trim) {
        if parameters.last == Last::Rest {
            return Err(Cause::new(item, "`...` must be the last parameter").hint("move it to the end"));
        }
        let name = match item.strip_suffix("...") {
            Some(name) => {
                parameters.last = Last::Rest;
                if name.trim().is_empty() { "__VA_ARGS__" } else { name.trim() }
            }
            None => item,
        };
        if !name.starts_with(begins_identifier) {
            return Err(Cause::new(item, format!("`{item}` is not the name of a parameter"))
                .hint("names begin with a letter or `_`; separate two with a comma"));
        }
        parameters.names.push(Rc::from(name));
    }
    Ok(parameters)
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
