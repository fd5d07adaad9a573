//! Tokens of the C preprocessor, and macro expansion over them (C11 6.10.3).

use std::cell::OnceCell;
use std::rc::Rc;

use super::Position;
use super::report::{Cause, Fault, counted};
use super::scrub::string_length;
use super::sorted::Map;

/// No honest chain of macros is deeper than this.
const MAX_HIDDEN: u32 = 200;

/// Nesting of calls in the arguments of calls.
const MAX_NESTING: u32 = 50;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    Name,
    Number,
    String,
    Space,
    Other,
}

/// A token with the macros that may no longer expand it.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) text: Rc<str>,
    hidden: Option<Rc<Hidden>>,
}

/// The names that produced a token, innermost first.
#[derive(Debug)]
struct Hidden {
    name: Rc<str>,
    depth: u32,
    next: Option<Rc<Hidden>>,
}

impl Token {
    fn is(&self, text: &str) -> bool {
        &*self.text == text
    }

    /// The name in a line that produced it, or its own text.
    fn origin(&self) -> Rc<str> {
        let first = std::iter::successors(self.hidden.as_ref(), |hidden| hidden.next.as_ref()).last();
        first.map_or_else(|| self.text.clone(), |hidden| hidden.name.clone())
    }

    fn hides(&self, name: &str) -> bool {
        let mut link = self.hidden.as_ref();
        while let Some(hidden) = link {
            if &*hidden.name == name {
                return true;
            }
            link = hidden.next.as_ref();
        }
        false
    }
}

/// The parameters of a function-like macro.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Parameters {
    pub(super) names: Vec<Rc<str>>,
    /// What the last one takes.
    pub(super) last: Last,
}

/// How many arguments the last parameter takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Last {
    /// One, like the others.
    #[default]
    One,
    /// All that remain (`...`).
    Rest,
}

/// A `#define`.
#[derive(Clone, Debug)]
pub(super) struct Define {
    pub(super) parameters: Option<Parameters>,
    /// The body as text.
    pub(super) text: String,
    /// Where it stands.
    pub(super) at: Position,
    /// The body, once it has been asked for. Most macros of the kernel's headers are never called.
    tokens: OnceCell<Vec<Token>>,
}

impl Define {
    pub(super) fn new(parameters: Option<Parameters>, text: &str, at: Position) -> Self {
        Self { parameters, text: text.to_owned(), at, tokens: OnceCell::new() }
    }

    pub(super) fn body(&self) -> &[Token] {
        self.tokens.get_or_init(|| tokenize(&self.text))
    }
}

/// The macros by name.
#[derive(Clone, Default)]
pub(super) struct Defines {
    by_name: Map<Rc<str>, Define>,
    /// A bit for each letter with which a name has begun: most words of a text begin with none of them.
    begins: u64,
}

impl Defines {
    /// The bit of an ASCII letter or `_`.
    fn bit(name: &str) -> u64 {
        1 << (name.as_bytes().first().map_or(0, |first| first & 63))
    }

    pub(super) fn get(&self, name: &str) -> Option<&Define> {
        if self.begins & Self::bit(name) == 0 {
            return None;
        }
        self.by_name.get(name)
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    pub(super) fn insert(&mut self, name: &str, define: Define) {
        self.begins |= Self::bit(name);
        self.by_name.insert(Rc::from(name), define);
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.by_name.remove(name);
    }

    /// All in the order of their names.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Rc<str>, &Define)> {
        self.by_name.iter()
    }
}

/// `text` with each run of white space outside strings as one space, as [`tokenize`] and [`join`] would make it; `None`
/// if it has a name that is `special`.
pub(super) fn folded(text: &str, special: impl Fn(&str) -> bool) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (kind, length) = next_token(rest, first);
        let (token, after) = rest.split_at(length);
        match kind {
            TokenKind::Space => out.push(' '),
            TokenKind::Name if special(token) => return None,
            _ => out.push_str(token),
        }
        rest = after;
    }
    Some(out)
}

/// Splits `text` into tokens. Every character belongs to one.
pub(super) fn tokenize(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (kind, length) = next_token(rest, first);
        let (token, after) = rest.split_at(length);
        tokens.push(Token {
            kind,
            text: if kind == TokenKind::Space { Rc::from(" ") } else { Rc::from(token) },
            hidden: None,
        });
        rest = after;
    }
    tokens
}

fn next_token(rest: &str, first: char) -> (TokenKind, usize) {
    let run = |part: fn(char) -> bool| rest.find(|c| !part(c)).unwrap_or(rest.len());
    let second_is_digit = rest[first.len_utf8()..].starts_with(|c: char| c.is_ascii_digit());
    match first {
        c if c.is_whitespace() => (TokenKind::Space, run(char::is_whitespace)),
        c if begins_identifier(c) => (TokenKind::Name, run(|c| begins_identifier(c) || c.is_ascii_digit())),
        c if c.is_ascii_digit() || (c == '.' && second_is_digit) => {
            (TokenKind::Number, run(|c| begins_identifier(c) || c.is_ascii_digit() || c == '.'))
        }
        '"' => (TokenKind::String, string_length(rest)),
        '#' if rest.starts_with("##") => (TokenKind::Other, 2),
        '.' if rest.starts_with("...") => (TokenKind::Other, 3),
        c => (TokenKind::Other, c.len_utf8()),
    }
}

pub(super) fn begins_identifier(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_'
}

pub(super) fn join(tokens: &[Token]) -> String {
    tokens.iter().map(|token| &*token.text).collect()
}

/// Why a line could not be expanded.
pub(super) enum Stop {
    /// A call's `)` is not on this line.
    Unclosed(Rc<str>),
    /// No more text may be produced. The name is that of the line which led there.
    Spent(Rc<str>),
    Fault(Fault),
}

/// Expands `tokens` by `defines`. `budget` counts the tokens that may still be produced.
pub(super) fn expand(tokens: Vec<Token>, defines: &Defines, budget: &mut usize) -> Result<Vec<Token>, Stop> {
    Expander { defines, budget, nesting: 0 }.run(tokens)
}

struct Expander<'d, 'b> {
    defines: &'d Defines,
    budget: &'b mut usize,
    nesting: u32,
}

impl Expander<'_, '_> {
    fn run(&mut self, tokens: Vec<Token>) -> Result<Vec<Token>, Stop> {
        let mut input = tokens;
        input.reverse();
        let mut out = Vec::new();
        while let Some(token) = input.pop() {
            self.spend(&token, &token)?;
            match self.defines.get(&token.text) {
                Some(define) if token.kind == TokenKind::Name && !token.hides(&token.text) => {
                    match self.call(&token, define, &mut input)? {
                        Some(body) => input.extend(body.into_iter().rev()),
                        None => out.push(token),
                    }
                }
                _ => out.push(token),
            }
        }
        Ok(out)
    }

    /// Counts a token that the expansion of `from` produces.
    fn spend(&mut self, token: &Token, from: &Token) -> Result<(), Stop> {
        match self.budget.checked_sub(token.text.len()) {
            Some(rest) => {
                *self.budget = rest;
                Ok(())
            }
            None => Err(Stop::Spent(from.origin())),
        }
    }

    /// The expansion of the macro `name`; `None` if a function-like macro is named without arguments.
    fn call(&mut self, name: &Token, define: &Define, input: &mut Vec<Token>) -> Result<Option<Vec<Token>>, Stop> {
        let arguments = match &define.parameters {
            None => Vec::new(),
            Some(parameters) => match self.take_arguments(name, input)? {
                None => return Ok(None),
                Some(arguments) => fit_arguments(name, arguments, parameters)?,
            },
        };
        let body = self.substitute(name, define, &arguments)?;
        let depth = name.hidden.as_ref().map_or(0, |hidden| hidden.depth) + 1;
        if depth > MAX_HIDDEN {
            return Err(Stop::Fault(
                Cause::new(&*name.text, "#define macros nest too deeply").hint("name fewer macros through one another"),
            ));
        }
        let hidden = Rc::new(Hidden { name: name.text.clone(), depth, next: name.hidden.clone() });
        let hide = |mut token: Token| {
            // An argument keeps what it was hidden from: a name never expands itself twice.
            if !token.hides(&name.text) && token.hidden.is_none() {
                token.hidden = Some(hidden.clone());
            }
            token
        };
        Ok(Some(body.into_iter().map(hide).collect()))
    }

    /// Takes `( ... )` from the input, split at top-level commas; `None` and no change if the next token is not `(`.
    fn take_arguments(&mut self, name: &Token, input: &mut Vec<Token>) -> Result<Option<Vec<Vec<Token>>>, Stop> {
        let Some(open) = input.iter().rposition(|token| token.kind != TokenKind::Space).filter(|at| input[*at].is("("))
        else {
            return Ok(None);
        };
        input.truncate(open);
        let mut arguments = vec![Vec::new()];
        let mut depth = 0_usize;
        while let Some(token) = input.pop() {
            self.spend(&token, &token)?;
            match &*token.text {
                ")" if depth == 0 => return Ok(Some(arguments.into_iter().map(trim).collect())),
                ")" => depth -= 1,
                "(" => depth += 1,
                "," if depth == 0 => {
                    arguments.push(Vec::new());
                    continue;
                }
                _ => {}
            }
            if let Some(last) = arguments.last_mut() {
                last.push(token);
            }
        }
        Err(Stop::Unclosed(name.text.clone()))
    }

    /// The body of the macro `name` with its parameters replaced, `#` and `##` applied.
    fn substitute(&mut self, name: &Token, define: &Define, arguments: &[Vec<Token>]) -> Result<Vec<Token>, Stop> {
        let parameters = define.parameters.as_ref().map_or(&[][..], |parameters| &parameters.names);
        let argument = |token: &Token| {
            let at = parameters.iter().position(|parameter| *parameter == token.text)?;
            arguments.get(at).filter(|_| token.kind == TokenKind::Name)
        };
        let body = define.body();
        let mut out: Vec<Token> = Vec::new();
        let mut paste = false;
        let mut at = 0;
        while let Some(token) = body.get(at) {
            at += 1;
            let next = body[at..].iter().find(|token| token.kind != TokenKind::Space);
            if token.is("##") {
                while out.last().is_some_and(|last| last.kind == TokenKind::Space) {
                    out.pop();
                }
                paste = true;
                continue;
            }
            if paste && token.kind == TokenKind::Space {
                continue;
            }
            let piece = match argument(token) {
                Some(tokens) if paste || next.is_some_and(|next| next.is("##")) => tokens.clone(),
                Some(tokens) => self.nested(tokens.clone())?,
                None if token.is("#") && next.and_then(argument).is_some() => {
                    let operand = next.and_then(argument).map_or(&[][..], |tokens| tokens);
                    at += body[at..].iter().position(|token| token.kind != TokenKind::Space).unwrap_or(0) + 1;
                    vec![stringify(operand)]
                }
                None => vec![token.clone()],
            };
            for token in &piece {
                self.spend(token, name)?;
            }
            match paste {
                true => paste_onto(&mut out, piece),
                false => out.extend(piece),
            }
            paste = false;
        }
        Ok(out)
    }

    fn nested(&mut self, tokens: Vec<Token>) -> Result<Vec<Token>, Stop> {
        if self.nesting == MAX_NESTING {
            let name = tokens.first().map_or("", |token| &token.text).to_owned();
            return Err(Stop::Fault(
                Cause::new(name, "calls of #define macros nest too deeply")
                    .hint("name fewer macros through one another"),
            ));
        }
        self.nesting += 1;
        // A call that is still open at the end of an argument is no call: its `)` belongs to the outer one.
        let result = match self.run(tokens.clone()) {
            Err(Stop::Unclosed(_)) => Ok(tokens),
            other => other,
        };
        self.nesting -= 1;
        result
    }
}

fn trim(mut tokens: Vec<Token>) -> Vec<Token> {
    while tokens.last().is_some_and(|token| token.kind == TokenKind::Space) {
        tokens.pop();
    }
    let blank = tokens.iter().take_while(|token| token.kind == TokenKind::Space).count();
    tokens.split_off(blank)
}

/// As many arguments as parameters: the last parameter of a variadic macro takes the rest, commas included.
fn fit_arguments(
    name: &Token,
    mut arguments: Vec<Vec<Token>>,
    parameters: &Parameters,
) -> Result<Vec<Vec<Token>>, Stop> {
    let (is_variadic, parameters) = (parameters.last == Last::Rest, parameters.names.len());
    if is_variadic && arguments.len() > parameters && parameters > 0 {
        let rest = arguments.split_off(parameters);
        if let Some(last) = arguments.last_mut() {
            for more in rest {
                last.extend(tokenize(", "));
                last.extend(more);
            }
        }
    }
    if is_variadic && arguments.len() + 1 == parameters {
        arguments.push(Vec::new());
    }
    let nothing = parameters == 0 && arguments.len() == 1 && arguments[0].is_empty();
    if arguments.len() != parameters && !nothing {
        return Err(Stop::Fault(
            Cause::new(
                &*name.text,
                format!("macro `{}` takes {}, not {}", name.text, counted(parameters, "argument"), arguments.len()),
            )
            .hint("commas separate arguments; brackets keep a comma within one"),
        ));
    }
    Ok(arguments)
}

/// The `#` operator (C11 6.10.3.2).
fn stringify(tokens: &[Token]) -> Token {
    let mut text = String::from("\"");
    for token in tokens {
        match token.kind {
            TokenKind::String => text.push_str(&token.text.replace('\\', "\\\\").replace('"', "\\\"")),
            _ => text.push_str(&token.text),
        }
    }
    text.push('"');
    Token { kind: TokenKind::String, text: text.into(), hidden: None }
}

/// The `##` operator (C11 6.10.3.3). An empty operand keeps the other one, and GNU C's `, ## args` drops the comma.
fn paste_onto(out: &mut Vec<Token>, piece: Vec<Token>) {
    let mut piece = piece.into_iter();
    match (out.pop(), piece.next()) {
        (Some(left), Some(right)) if left.is(",") => out.extend([left, right]),
        (Some(left), None) if left.is(",") => {}
        (Some(left), Some(right)) => out.extend(tokenize(&format!("{}{}", left.text, right.text))),
        (left, right) => out.extend(left.into_iter().chain(right)),
    }
    out.extend(piece);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn define(defines: &mut Defines, name: &str, parameters: Option<(&[&str], Last)>, body: &str) {
        let parameters = parameters
            .map(|(names, last)| Parameters { names: names.iter().map(|name| Rc::from(*name)).collect(), last });
        defines.insert(name, Define::new(parameters, body, Position::default()));
    }

    fn expanded(text: &str, defines: &Defines) -> String {
        match expand(tokenize(text), defines, &mut 100_000) {
            Ok(tokens) => join(&tokens),
            Err(Stop::Unclosed(name)) => format!("unclosed {name}"),
            Err(Stop::Spent(name)) => format!("spent by {name}"),
            Err(Stop::Fault(fault)) => format!("fault {}", fault.message()),
        }
    }

    #[test]
    fn expansion_follows_c() {
        let mut defines = Defines::default();
        define(&mut defines, "A", None, "B + 1");
        define(&mut defines, "B", None, "A * 2");
        define(&mut defines, "F", Some((&["x"], Last::One)), "[x]");
        define(&mut defines, "G", None, "F");
        define(&mut defines, "S1", Some((&["x"], Last::Rest)), "#x");
        define(&mut defines, "S", Some((&["x"], Last::Rest)), "S1(x)");
        define(&mut defines, "P", Some((&["a", "b"], Last::One)), "a ## _ ## b");
        define(&mut defines, "V", Some((&["a", "r"], Last::Rest)), "a, ## r");
        define(&mut defines, "N", Some((&[], Last::One)), "none");
        define(&mut defines, "CALL", Some((&["f", "x"], Last::One)), "f(x)");
        let cases = [
            ("A", "A * 2 + 1"),
            ("F(1)", "[1]"),
            ("F (A)", "[A * 2 + 1]"),
            ("F", "F"),
            ("F(F(2))", "[[2]]"),
            ("G(3)", "[3]"),
            ("S(F(1), \"q\")", "\"[1], \\\"q\\\"\""),
            ("S1(A)", "\"A\""),
            ("P(x, y)", "x_y"),
            ("V(1)", "1"),
            ("V(1, 2, 3)", "1,2, 3"),
            ("N()", "none"),
            ("CALL(F, 7)", "[7]"),
            ("\\A $A 1A .LA", "\\A * 2 + 1 $A * 2 + 1 1A .LA"),
            ("F(1", "unclosed F"),
            ("F(1, 2)", "fault macro `F` takes 1 argument, not 2"),
        ];
        for (text, want) in cases {
            assert_eq!(expanded(text, &defines), want, "{text}");
        }
    }

    #[test]
    fn doubling_macros_run_out_of_budget() {
        let mut defines = Defines::default();
        for step in 0..60 {
            let next = step + 1;
            define(&mut defines, &format!("D{step}"), None, &format!("D{next} D{next}"));
        }
        define(&mut defines, "E", Some((&["x"], Last::One)), "x D1");
        for (text, name) in [("D0", "D0"), ("a D3", "D3"), ("E(1)", "E"), ("E(D2)", "D2")] {
            assert_eq!(expanded(text, &defines), format!("spent by {name}"), "{text}");
        }
    }
}
