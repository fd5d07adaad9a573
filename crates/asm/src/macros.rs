//! `.macro`: formal parameters, the arguments of a call, and substitution; also `.irp` and `.irpc`.
//!
//! The rules are those of gas/macro.c without `.altmacro`: arguments end at a comma or at white space outside brackets,
//! a string loses its quotes, `name=value` passes an argument by name.

use std::rc::Rc;

use super::Position;
use super::expression::{begins_name, continues_name, leading_name};
use super::report::{Cause, Fault, counted, nearest};
use super::scrub::{Statement, scrub, split};

/// Whether a call may omit an argument.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Need {
    /// An omitted argument becomes its default, which may be empty.
    Optional { default: String },
    /// `:req`
    Required,
    /// `:vararg`: takes the rest of the line.
    Rest,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Parameter {
    name: String,
    need: Need,
}

/// A macro, or the body of `.irp`.
#[derive(Clone, Debug)]
pub(super) struct Macro {
    pub(super) name: String,
    parameters: Vec<Parameter>,
    pub(super) body: Rc<[Statement]>,
    /// Where its `.macro` is.
    pub(super) at: Position,
}

/// The values that replace parameters.
#[derive(Clone, Debug, Default)]
pub(super) struct Arguments {
    values: Vec<(String, String)>,
    /// The value of `\@`.
    pub(super) serial: usize,
}

impl Arguments {
    pub(super) fn new(values: Vec<(String, String)>, serial: usize) -> Self {
        Self { values, serial }
    }

    /// For `.irp` and `.irpc`: one name, one value.
    pub(super) fn one(name: &str, value: &str, serial: usize) -> Self {
        Self { values: vec![(name.to_owned(), value.to_owned())], serial }
    }
}

impl Macro {
    /// Reads what follows `.macro`. The name is in lower case: GNU `as` ignores the case of macro names.
    pub(super) fn define(text: &str, body: Vec<Statement>, at: Position) -> Result<Self, Fault> {
        let name = leading_name(text);
        if name.is_empty() {
            return Err(Cause::new(".macro", "`.macro` needs a name").hint("write `.macro name parameter, parameter`"));
        }
        let rest = text[name.len()..].trim_start_matches([' ', ',']);
        let rest = rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or(rest);
        Ok(Self { name: name.to_owned(), parameters: parameters(rest)?, body: body.into(), at })
    }

    /// The arguments of the call `text`, without the macro's name.
    pub(super) fn bind(&self, text: &str) -> Result<Vec<(String, String)>, Fault> {
        let mut values: Vec<Option<String>> = vec![None; self.parameters.len()];
        let mut scan = Scan { text, at: 0 };
        let mut next = 0;
        let mut named = false;
        scan.skip_space();
        while !scan.at_end() {
            if let Some(name) = scan.keyword() {
                named = true;
                let index = self.parameters.iter().position(|parameter| parameter.name == name);
                let index = index.ok_or_else(|| self.no_parameter(name))?;
                scan.at += name.len() + 1;
                values[index] = Some(scan.argument());
            } else {
                if named {
                    return Err(Cause::new(scan.rest(), "a positional argument follows a named one")
                        .hint("put the named arguments last, or name all"));
                }
                let Some(parameter) = self.parameters.get(next) else {
                    return Err(self.too_many(scan.rest()));
                };
                values[next] = Some(match parameter.need {
                    Need::Rest => scan.take_rest(),
                    _ => scan.argument(),
                });
                next += 1;
            }
            scan.skip_comma();
        }
        self.parameters.iter().zip(values).map(|(parameter, value)| self.settle(parameter, value)).collect()
    }

    fn settle(&self, parameter: &Parameter, value: Option<String>) -> Result<(String, String), Fault> {
        let given = value.filter(|value| !value.is_empty());
        let value = match (&parameter.need, given) {
            (_, Some(value)) => value,
            (Need::Optional { default }, None) => default.clone(),
            (Need::Rest, None) => String::new(),
            (Need::Required, None) => {
                let message = format!("macro `{}` needs its argument `{}`", self.name, parameter.name);
                return Err(
                    Cause::new(&self.name, message).hint(format!("write `{} {}=...`", self.name, parameter.name))
                );
            }
        };
        Ok((parameter.name.clone(), value))
    }

    fn no_parameter(&self, name: &str) -> Fault {
        let fault = Cause::new(name, format!("macro `{}` has no parameter `{name}`", self.name));
        let names = || self.parameters.iter().map(|parameter| parameter.name.as_str());
        match nearest(name, names()) {
            Some(near) => fault.hint(format!("did you mean `{near}`?")),
            None => fault.hint(format!("its parameters are: {}", list(names()))),
        }
    }

    fn too_many(&self, rest: &str) -> Fault {
        let most = if self.parameters.is_empty() { "" } else { " at most" };
        let message = format!("macro `{}` takes {}{most}", self.name, counted(self.parameters.len(), "argument"));
        let names = self.parameters.iter().map(|parameter| parameter.name.as_str());
        Cause::new(rest, message)
            .hint(format!("its parameters are: {}; white space and commas both separate arguments", list(names)))
    }
}

fn list<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let names: Vec<&str> = names.collect();
    if names.is_empty() { "none".into() } else { names.join(", ") }
}

/// The parameters of a `.macro` line: `a, b=1, c:req, d:vararg`.
fn parameters(text: &str) -> Result<Vec<Parameter>, Fault> {
    let mut parameters: Vec<Parameter> = Vec::new();
    let mut scan = Scan { text, at: 0 };
    scan.skip_space();
    while !scan.at_end() {
        let name = leading_name(scan.rest());
        if name.is_empty() {
            return Err(Cause::new(scan.rest(), format!("`{}` is not the name of a parameter", scan.rest()))
                .hint("names begin with a letter or `_`; separate two with white space or a comma"));
        }
        if parameters.iter().any(|parameter| parameter.name == name) {
            return Err(Cause::new(name, format!("a second parameter `{name}`")).hint("give it another name"));
        }
        scan.at += name.len();
        scan.skip_space();
        let need = scan.need()?;
        let last = need == Need::Rest;
        parameters.push(Parameter { name: name.to_owned(), need });
        scan.skip_comma();
        if last && !scan.at_end() {
            return Err(Cause::new(scan.rest(), "a `:vararg` parameter must be the last").hint("move it to the end"));
        }
    }
    Ok(parameters)
}

/// Reads arguments.
struct Scan<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Scan<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn at_end(&self) -> bool {
        self.at >= self.text.len()
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn skip_comma(&mut self) {
        self.skip_space();
        if self.rest().starts_with(',') {
            self.at += 1;
            self.skip_space();
        }
    }

    fn take_rest(&mut self) -> String {
        let rest = self.rest().to_owned();
        self.at = self.text.len();
        rest
    }

    /// What follows a parameter's name: `:req`, `:vararg`, `=default`.
    fn need(&mut self) -> Result<Need, Fault> {
        let mut need = Need::Optional { default: String::new() };
        if self.rest().starts_with(':') {
            self.at += 1;
            self.skip_space();
            let qualifier = leading_name(self.rest());
            self.at += qualifier.len();
            need = match qualifier {
                "req" => Need::Required,
                "vararg" => Need::Rest,
                _ => {
                    return Err(Cause::new(qualifier, format!("`:{qualifier}` does not qualify a parameter"))
                        .hint("write `:req` or `:vararg`"));
                }
            };
            self.skip_space();
        }
        if self.rest().starts_with('=') {
            self.at += 1;
            let value = self.argument();
            if let Need::Optional { default } = &mut need {
                *default = value;
            }
            self.skip_space();
        }
        Ok(need)
    }

    /// The name of `name=`, if the next argument is one.
    fn keyword(&self) -> Option<&'t str> {
        let rest = self.rest();
        let end = rest.find([' ', '\t', ',', '"', ';', ')', '(', '='])?;
        let name = &rest[..end];
        let is_name = !name.is_empty() && leading_name(name) == name;
        (rest[end..].starts_with('=') && is_name).then_some(name)
    }

    /// One argument: a string without its quotes, or text up to a comma, or up to a space outside brackets.
    fn argument(&mut self) -> String {
        self.skip_space();
        if self.rest().starts_with('"') {
            return self.string();
        }
        let mut out = String::new();
        let mut brackets: Vec<char> = Vec::new();
        while let Some(c) = self.rest().chars().next() {
            match c {
                ',' => break,
                c if c.is_whitespace() && brackets.is_empty() => break,
                '"' => {
                    let length = super::scrub::string_length(self.rest());
                    out.push_str(&self.rest()[..length]);
                    self.at += length;
                    continue;
                }
                '(' | '[' => brackets.push(c),
                ')' if brackets.last() == Some(&'(') => drop(brackets.pop()),
                ']' if brackets.last() == Some(&'[') => drop(brackets.pop()),
                _ => {}
            }
            out.push(c);
            self.at += c.len_utf8();
        }
        out
    }

    /// A string: `\"` stays as it is, and `""` is a quote.
    fn string(&mut self) -> String {
        let mut out = String::new();
        self.at += 1;
        let mut escaped = false;
        while let Some(c) = self.rest().chars().next() {
            self.at += c.len_utf8();
            match c {
                '"' if escaped => escaped = false,
                '"' if self.rest().starts_with('"') => self.at += 1,
                '"' => break,
                '\\' => escaped = !escaped,
                _ => escaped = false,
            }
            out.push(c);
        }
        out
    }
}

/// Splits the operands of `.irp` and of ALTERNATIVE into arguments, by the rules of macro calls.
pub(super) fn arguments(text: &str) -> Vec<String> {
    let mut scan = Scan { text, at: 0 };
    let mut list = Vec::new();
    scan.skip_space();
    while !scan.at_end() {
        list.push(scan.argument());
        scan.skip_comma();
    }
    list
}

/// `statement` with `\name`, `\@` and `\()` replaced. `None` if the result is longer than `most`.
fn substitute(statement: &str, arguments: &Arguments, most: usize) -> Option<String> {
    let mut out = String::with_capacity(statement.len());
    let mut rest = statement;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let taken = match rest.chars().next() {
            Some('(') if let Some(end) = rest.find(')') => {
                out.push_str(&rest[1..end]);
                end + 1
            }
            Some('@') => {
                out.push_str(&arguments.serial.to_string());
                1
            }
            Some(c) if begins_name(c) => {
                let name = leading_name(rest);
                match arguments.values.iter().find(|(parameter, _)| parameter == name) {
                    Some((_, value)) => out.push_str(value),
                    None => {
                        out.push('\\');
                        out.push_str(name);
                    }
                }
                name.len()
            }
            _ => {
                out.push('\\');
                0
            }
        };
        rest = &rest[taken..];
        if out.len() > most {
            return None;
        }
    }
    out.push_str(rest);
    (out.len() <= most).then_some(out)
}

/// The statements that `statement` of a macro's body becomes.
pub(super) fn instantiate(statement: &Statement, arguments: &Arguments, most: usize) -> Option<Vec<Statement>> {
    if !statement.text.contains('\\') {
        return Some(vec![statement.clone()]);
    }
    let text = substitute(&statement.text, arguments, most)?;
    Some(statements(&text, statement.at))
}

/// Splits the text at `at` into statements, all with that place.
pub(super) fn statements(text: &str, at: Position) -> Vec<Statement> {
    let pieces = split(text).into_iter();
    pieces.map(|(_, piece)| Statement { text: scrub(piece).into(), at }).collect()
}

/// Whether `text` is exactly one name.
pub(super) fn is_name(text: &str) -> bool {
    text.starts_with(begins_name) && text.chars().all(continues_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn five() -> Macro {
        match Macro::define("m a b c d e", Vec::new(), Position::default()) {
            Ok(five) => five,
            Err(fault) => panic!("{fault:?}"),
        }
    }

    fn bound(call: &str) -> String {
        match five().bind(&scrub(&format!("m {call}"))[1..]) {
            Ok(values) => values.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>().join("|"),
            Err(fault) => fault.message().to_owned(),
        }
    }

    /// What GNU as 2.40 makes of these calls (a macro that prints its arguments).
    #[test]
    fn arguments_are_cut_as_gas_does() {
        let cases = [
            ("8(%rax,%rbx,4) x", "8(%rax|%rbx|4)x||"),
            ("a + b, c -1", "a+b|c|-1||"),
            ("a -1 %rax *b", "a|-1|%rax|*b|"),
            ("(a) b", "(a)b||||"),
            ("(a b) c", "(a b)c||||"),
            ("\"x y\" z", "x y|z|||"),
            ("a=1 b=2", "1|2|||"),
            ("a = 1, c = 3", "1||3||"),
            ("a, b c=3", "a|b|3||"),
            ("$~(A | B), %rax", "$~(A|B)|%rax|||"),
            ("[a b] c", "[a b]c||||"),
            ("'a' b", "97b||||"),
            ("a, , c", "a||c||"),
            ("a \"b\" c", "a|b|c||"),
            ("a|b |c", "a|b|c||||"),
            ("a {b", "a|{b|||"),
            (",,a", "||a||"),
            ("\"a, b\", c", "a, b|c|||"),
            ("a.b .c", "a.b|.c|||"),
            ("a=(1 2) b=[3 4]", "(1 2)b=[3 4]||||"),
            ("a=\"x y\" b=2", "x y|2|||"),
            ("\"a\\\"b\" c", "a\\\"b|c|||"),
            ("(a, b) c", "(a|b)c|||"),
            ("$8 (x)", "$8|(x)|||"),
            ("* b", "*|b|||"),
            ("a=1=2", "1=2||||"),
            ("(a=1)", "(a=1)||||"),
            ("\"a=1\"", "a=1||||"),
            ("a=,b=3", "|3|||"),
            ("c d=4 e=5", "c|||4|5"),
            ("1 2 3 4 5 6", "macro `m` takes 5 arguments at most"),
            ("a=1 2", "a positional argument follows a named one"),
            ("zz=1", "macro `m` has no parameter `zz`"),
        ];
        for (call, want) in cases {
            assert_eq!(bound(call), want, "{call}");
        }
    }

    #[test]
    fn parameters_have_needs_and_defaults() {
        let text = "m a:req b=8(%rsp) c=\"x y\", d:vararg";
        let made = Macro::define(text, Vec::new(), Position::default()).map(|made| made.parameters);
        let optional = |default: &str| Need::Optional { default: default.to_owned() };
        let want = [("a", Need::Required), ("b", optional("8(%rsp)")), ("c", optional("x y")), ("d", Need::Rest)];
        let want = want.map(|(name, need)| Parameter { name: name.to_owned(), need });
        assert_eq!(made, Ok(want.to_vec()));
    }

    #[test]
    fn substitution_replaces_what_it_knows() {
        let arguments = Arguments { values: vec![("a".into(), "%rax".into()), ("b".into(), "1".into())], serial: 7 };
        let cases = [
            ("mov \\a,%rbx", "mov %rax,%rbx"),
            (".L\\a\\()_\\@", ".L%rax_7"),
            ("\\b\\b\\c \\", "11\\c \\"),
            ("\\(x\\a)y", "x\\ay"),
        ];
        for (text, want) in cases {
            assert_eq!(substitute(text, &arguments, 100).as_deref(), Some(want), "{text}");
        }
        assert_eq!(substitute("\\a\\a", &arguments, 5), None);
    }
}
