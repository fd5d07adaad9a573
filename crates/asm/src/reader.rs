//! Reads statements one after the other: labels, conditionals, macros, directives, instructions.

use std::rc::Rc;

use super::Options;
use super::alternative::{self, Chosen, Features};
use super::annotation::{self, annotation};
use super::assembler::{Assembler, Compared, readable};
use super::conditional::{Conditionals, Test, conditional, known_number, test_number, test_text};
use super::directive;
use super::expression::leading_name;
use super::input::{FrameKind, Input, Next, Push, Runs};
use super::instruction::{Assembled, InstructionSet};
use super::layout::{Fixup, Item, Jump, StatementKind};
use super::macros::{Arguments, Macro, arguments, is_name, statements};
use super::report::{Cause, Fault, Place, nearest};
use super::scrub::{Statement, Words};
use super::sorted::Map;
use super::symbols::Definition;
use super::unmodelled::unmodelled;

/// What is known while the text is read.
pub(super) struct Reader<'a, 'r> {
    state: Assembler<'a, 'r>,
    instructions: InstructionSet,
    features: Features<'a>,
    macros: Map<String, Rc<Macro>>,
    /// Macro calls so far: the value of `\@`.
    calls: usize,
    input: Input,
    conditionals: Conditionals,
}

impl<'a, 'r> Reader<'a, 'r> {
    /// Begins to read `file` into `state`. `defined` are the numbers to which the file gives names.
    pub(super) fn new(state: Assembler<'a, 'r>, file: Vec<Statement>, defined: &[(String, i64)]) -> Self {
        let Options { limits, features, feature_numbers, .. } = state.options;
        let features = Features::new(features, defined, feature_numbers);
        let depth = limits.depth;
        Self {
            state,
            instructions: InstructionSet::new(),
            features,
            macros: Map::new(),
            calls: 0,
            input: Input::new(file, depth),
            conditionals: Conditionals::default(),
        }
    }

    /// Reads everything, and returns what was assembled.
    pub(super) fn run(mut self) -> Assembler<'a, 'r> {
        loop {
            match self.input.next(self.state.report) {
                Next::End => return self.state,
                Next::Statement(statement, place) => self.statement(&statement.text, &place),
                Next::Left { conditionals } => self.close_conditionals(conditionals),
            }
            if self.state.report.stopped() {
                return self.state;
            }
        }
    }

    /// Reports those that are open beyond the outermost `depth`: the text that they began in has ended.
    fn close_conditionals(&mut self, depth: usize) {
        for open in self.conditionals.truncate(depth) {
            let fault = Cause::new(".if", "this `.if` has no `.endif`")
                .hint("it must end in the file, macro or repetition it begins in");
            self.state.report.error(&open, fault);
        }
    }

    fn statement(&mut self, text: &str, place: &Place) {
        let mut text = text.trim();
        if !self.conditionals.active() {
            return self.skipped(text, place);
        }
        while let Some((label, rest)) = leading_label(text) {
            if let Err(fault) = self.label(label) {
                self.state.report.error(place, fault);
            }
            text = rest.trim_start();
        }
        if text.is_empty() {
            return;
        }
        if let Err(fault) = self.command(text, place) {
            self.state.report.error(place, fault);
        }
    }

    /// A statement in lines that are skipped: only conditionals matter.
    fn skipped(&mut self, text: &str, place: &Place) {
        let words = Words::of(text);
        let lower = words.word.to_ascii_lowercase();
        let outcome = match conditional(&lower) {
            Some(test) => self.conditional(test, &words, place),
            // A slip here would hide where the skipped lines end.
            None if [".if", ".else", ".endif"].iter().any(|start| lower.starts_with(start)) => {
                Err(Cause::new(words.word, format!("`{}` is not a conditional", words.word))
                    .hint("in skipped lines a word that begins like `.if`, `.else` or `.endif` must be one of them"))
            }
            None => Ok(()),
        };
        if let Err(fault) = outcome {
            self.state.report.error(place, fault);
        }
    }

    fn label(&mut self, name: &str) -> Result<(), Fault> {
        self.state.expanded.push_str(name);
        self.state.expanded.push_str(":\n");
        let label = self.state.layout.mark();
        if !name.starts_with(|c: char| c.is_ascii_digit()) {
            return self.state.symbols.define_label(name, label);
        }
        let number = name
            .parse()
            .map_err(|_| Cause::new(name, "the number of this label is too large").hint("use a small number: `1:`"))?;
        self.state.symbols.define_numeric(number, label);
        Ok(())
    }

    fn command(&mut self, text: &str, place: &Place) -> Result<(), Fault> {
        let words = Words::of(text);
        let lower = words.word.to_ascii_lowercase();
        if text[words.word.len()..].starts_with('"') {
            return Err(Cause::new(words.word, format!("a space is missing after `{}`", words.word))
                .hint(format!("write `{} \"...\"`", words.word)));
        }
        if let Some(value) = assigned(words.rest).filter(|_| !words.word.is_empty()) {
            return self.assign(words.word, value, text, place);
        }
        if let Some(test) = conditional(&lower) {
            return self.conditional(test, &words, place);
        }
        match lower.as_str() {
            ".macro" => return self.define_macro(words.rest, place),
            ".rept" | ".rep" => return self.repeat(words.rest, place),
            ".irp" | ".irpc" => return self.repeat_each(&lower, words.rest, place),
            ".endm" | ".endmacro" => {
                return Err(Cause::new(words.word, "`.endm` without `.macro`")
                    .hint("remove it, or begin the macro above with `.macro name`"));
            }
            ".endr" => {
                return Err(Cause::new(words.word, "`.endr` without `.rept`, `.irp` or `.irpc`")
                    .hint("remove it, or begin the repetition above with `.rept count`"));
            }
            ".exitm" | ".mexit" => return self.exit_macro(),
            ".purgem" => return self.purge(words.rest),
            ".end" => {
                self.input.end();
                self.close_conditionals(0);
                return Ok(());
            }
            _ => {}
        }
        if let Some(found) = self.macros.get(&lower).filter(|_| !lower.is_empty()).cloned() {
            return self.call(&found, words.rest, place);
        }
        if alternative::is_alternative(words.word) {
            return self.alternative(&words, place);
        }
        if lower.starts_with('.') {
            return directive::directive(&mut self.state, &lower, &words, text, place);
        }
        match annotation(words.word, words.rest) {
            Some(bound) => bound,
            None => self.instruction(text, &words, place),
        }
    }

    /// `name = value`: a later statement may change it.
    fn assign(&mut self, name: &str, value: &str, text: &str, place: &Place) -> Result<(), Fault> {
        self.state.set(name, value, place)?;
        self.state.emit_text(text);
        Ok(())
    }

    fn conditional(&mut self, test: Test, words: &Words<'_>, place: &Place) -> Result<(), Fault> {
        if matches!(test, Test::Else | Test::EndIf) && !words.rest.is_empty() {
            let fault = Cause::new(words.rest, format!("`{}` stands alone", words.word));
            self.state.report.error(place, fault.hint("begin a new line, or separate them with `;`"));
        }
        match test {
            Test::If => {
                let word = words.word.to_ascii_lowercase();
                let result = if self.conditionals.active() { self.test(&word, words.rest, place) } else { Ok(false) };
                self.conditionals.open(place, *result.as_ref().unwrap_or(&false));
                result.map(|_| ())
            }
            Test::ElseIf => {
                let wanted = self.conditionals.wants_else_if();
                let result = if wanted { self.test(".if", words.rest, place) } else { Ok(false) };
                self.conditionals.else_if(*result.as_ref().unwrap_or(&false))?;
                result.map(|_| ())
            }
            Test::Else => self.conditionals.otherwise(),
            Test::EndIf => self.conditionals.close(),
        }
    }

    fn test(&mut self, word: &str, text: &str, place: &Place) -> Result<bool, Fault> {
        if let Some(result) = test_text(word, text) {
            return result;
        }
        if matches!(word, ".ifdef" | ".ifndef" | ".ifnotdef") {
            let name = text.trim();
            if !is_name(name) {
                return Err(Cause::new(name, format!("`{word}` needs a name")).hint(format!("write `{word} name`")));
            }
            let defined = *self.state.symbols.definition(name) != Definition::Undefined;
            if !defined {
                self.state.report.unset(place, name);
            }
            return Ok(defined == (word == ".ifdef"));
        }
        let number = known_number(word, text, &mut Compared(self.state.names()))?;
        Ok(test_number(word, number))
    }

    fn define_macro(&mut self, rest: &str, place: &Place) -> Result<(), Fault> {
        let body = self.body(&[".macro"], &[".endm", ".endmacro"], ".macro")?;
        let made = Macro::define(rest, body, place.at)?;
        let key = made.name.to_ascii_lowercase();
        if let Some(first) = self.macros.get(&key) {
            let first = self.state.report.describe(first.at, place.at);
            return Err(Cause::new(&made.name, format!("macro `{}` was already defined in {first}", made.name))
                .hint("remove one of the two, or put one under `#if` and the other under its `#else`"));
        }
        if self.instructions.knows(&key) {
            let fault = Cause::new(&made.name, format!("macro `{}` hides an instruction", made.name))
                .hint("give the macro another name where the instruction is meant");
            self.state.report.warning(place, fault);
        }
        self.macros.insert(key, Rc::new(made));
        Ok(())
    }

    fn purge(&mut self, rest: &str) -> Result<(), Fault> {
        for name in rest.split([',', ' ']).filter(|name| !name.is_empty()) {
            if self.macros.remove(&name.to_ascii_lowercase()).is_none() {
                return Err(Cause::new(name, format!("no macro `{name}`"))
                    .hint("only a macro that is defined above can be removed"));
            }
        }
        Ok(())
    }

    /// The statements up to the end of a body, with nested bodies.
    fn body(&mut self, opens: &[&str], closes: &[&str], what: &str) -> Result<Vec<Statement>, Fault> {
        let mut depth = 0_usize;
        let ends = |statement: &Statement| {
            let text = leading_label(&statement.text).map_or(&*statement.text, |(_, rest)| rest.trim_start());
            let word = leading_name(text).to_ascii_lowercase();
            if opens.contains(&word.as_str()) {
                depth += 1;
            } else if closes.contains(&word.as_str()) {
                match depth.checked_sub(1) {
                    Some(less) => depth = less,
                    None => return true,
                }
            }
            false
        };
        let end = closes.first().copied().unwrap_or("");
        let unclosed = || {
            Cause::new(what, format!("this `{what}` has no `{end}`"))
                .hint(format!("add `{end}` in the file, macro or repetition it begins in"))
        };
        self.input.collect(ends, self.state.report).ok_or_else(unclosed)
    }

    fn repeat(&mut self, rest: &str, place: &Place) -> Result<(), Fault> {
        let body = self.body(&REPETITIONS, &[".endr"], ".rept")?;
        let count = known_number(".rept", rest, &mut self.state.names())?;
        let count = u64::try_from(count).map_err(|_| {
            Cause::new(rest, "a repetition cannot run a negative number of times").hint("write a count of 0 or more")
        })?;
        if let Some(more) = count.checked_sub(1) {
            self.push_repetition(body, None, Runs::More(more), place);
        }
        Ok(())
    }

    fn repeat_each(&mut self, word: &str, rest: &str, place: &Place) -> Result<(), Fault> {
        let body = self.body(&REPETITIONS, &[".endr"], word)?;
        let name = leading_name(rest);
        if name.is_empty() {
            return Err(Cause::new(word, format!("`{word}` needs the name of its parameter"))
                .hint(format!("write `{word} name, value, value`")));
        }
        let rest = rest[name.len()..].trim_start();
        let rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
        let mut values: Vec<String> = match word {
            ".irp" => arguments(rest),
            _ => rest.trim_matches('"').chars().map(String::from).collect(),
        };
        values.reverse();
        let first = values.pop().unwrap_or_default();
        let runs = Runs::Each { name: name.to_owned(), values };
        self.push_repetition(body, Some(Arguments::one(name, &first, self.calls)), runs, place);
        Ok(())
    }

    fn push_repetition(&mut self, body: Vec<Statement>, arguments: Option<Arguments>, runs: Runs, place: &Place) {
        let push = Push {
            kind: FrameKind::Repetition,
            body: body.into(),
            arguments,
            runs,
            call: None,
            conditionals: self.conditionals.depth(),
        };
        self.input.push(push, place, self.state.report);
    }

    fn call(&mut self, called: &Macro, rest: &str, place: &Place) -> Result<(), Fault> {
        let arguments = Arguments::new(called.bind(rest)?, self.calls);
        self.calls += 1;
        let push = Push {
            kind: FrameKind::Macro,
            body: called.body.clone(),
            arguments: Some(arguments),
            runs: Runs::Once,
            call: Some(called.name.clone()),
            conditionals: self.conditionals.depth(),
        };
        self.input.push(push, place, self.state.report);
        Ok(())
    }

    fn exit_macro(&mut self) -> Result<(), Fault> {
        let outside =
            || Cause::new(".exitm", "`.exitm` outside a macro").hint("remove it: there is no macro here for it to end");
        let conditionals = self.input.exit().ok_or_else(outside)?;
        self.conditionals.truncate(conditionals);
        Ok(())
    }

    fn alternative(&mut self, words: &Words<'_>, place: &Place) -> Result<(), Fault> {
        let Chosen { arm, unknown } = alternative::choose(words.word, words.rest, &self.features)?;
        unknown.into_iter().for_each(|number| self.state.report.unknown_feature(place, number));
        if !self.state.report.spend_text(place, arm.len()) {
            return Ok(());
        }
        let push = Push {
            kind: FrameKind::Alternative,
            body: statements(&arm, place.at).into(),
            arguments: None,
            runs: Runs::Once,
            call: Some(words.word.to_owned()),
            conditionals: self.conditionals.depth(),
        };
        self.input.push(push, place, self.state.report);
        Ok(())
    }

    fn instruction(&mut self, text: &str, words: &Words<'_>, place: &Place) -> Result<(), Fault> {
        let start = self.state.layout.start_entry();
        let Some((assembled, remark)) = self.instructions.assemble(text, &mut self.state.names())? else {
            let word = if words.word.is_empty() { text } else { words.word };
            return Err(self.unknown_word(word, words.rest));
        };
        if let Some(remark) = remark {
            self.state.report.warning(place, remark);
        }
        match assembled {
            Assembled::Fixed(encoded) => {
                let holes = encoded.holes.into_iter();
                let fixups = holes.map(|hole| Fixup {
                    offset: hole.offset,
                    size: hole.size,
                    kind: hole.kind,
                    value: hole.value,
                    place: place.clone(),
                });
                self.state.layout.bytes(&encoded.bytes, fixups.collect());
            }
            Assembled::Jump { prefixes, target, condition } => {
                self.state.layout.bytes(&prefixes, Vec::new());
                let place = place.clone();
                self.state.layout.item(Item::Jump(Jump { target, condition, place }));
            }
        }
        self.state.check_size(place);
        self.state.layout.list(start, StatementKind::Instruction, readable(text).into(), place);
        self.state.emit_text(text);
        Ok(())
    }

    fn unknown_word(&self, word: &str, operands: &str) -> Fault {
        if ["%xmm", "%ymm", "%zmm", "%st", "%mm"].iter().any(|file| operands.contains(file)) {
            return Cause::new(word, format!("`{word}` is not an instruction of this machine"))
                .hint("x87, MMX, SSE and AVX instructions are not supported");
        }
        if let Some(fault) = unmodelled(word) {
            return fault;
        }
        let macros = self.macros.values().map(|known| known.name.as_str()).chain(annotation::names());
        match nearest(word, macros) {
            Some(near) => Cause::new(word, format!("`{word}` is not an instruction, a directive or a macro"))
                .hint(format!("did you mean the macro `{near}`?")),
            None => self.instructions.unknown(word),
        }
    }
}

const REPETITIONS: [&str; 4] = [".rept", ".rep", ".irp", ".irpc"];

/// The label at the start of a statement and what follows its `:`.
pub(super) fn leading_label(text: &str) -> Option<(&str, &str)> {
    let length = match leading_name(text).len() {
        0 => text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()),
        length => length,
    };
    let (name, rest) = text.split_at(length);
    let rest = rest.trim_start().strip_prefix(':')?;
    (!name.is_empty()).then_some((name, rest))
}

/// The value after `=` or `==`.
fn assigned(rest: &str) -> Option<&str> {
    let value = rest.strip_prefix('=')?;
    Some(value.strip_prefix('=').unwrap_or(value))
}
