//! The built-in texts, in the order in which they are assembled.

use super::{Form, Handler, Handlers, bare};
use crate::asm::{self, Diagnostic, Options, Position, Severity, Source};

/// A text as it is: a person may take that of a form for their own.
macro_rules! whole {
    ($name:literal) => {
        Text { name: $name, text: include_str!($name) }
    };
}

/// A text without its comments.
macro_rules! text {
    ($name:literal) => {{
        const WHOLE: &str = include_str!($name);
        const BARE: [u8; bare::length(WHOLE)] = bare::bare(WHOLE);
        Text { name: $name, text: bare::text(&BARE) }
    }};
}

const DEFINITIONS: Text = text!("kernel/definitions.S");
const CALLING: Text = text!("arch/x86/entry/calling.h");
/// The files of the kernel that have a text here, by the kernel's names.
pub(super) const FILES: [&str; 2] = [CALLING.name, ENTRY.name];

const EXTABLE: Text = text!("kernel/extable.S");

/// The text that uses the macro.
const ENTRY: Text = text!("arch/x86/entry/entry_64.S");

const KERNEL: [Text; 5] = [
    text!("kernel/data.S"),
    text!("kernel/tlb.S"),
    text!("kernel/nmi.S"),
    text!("kernel/traps.S"),
    text!("kernel/syscall.S"),
];

/// Address spaces and the code that changes them.
const SPACES: [Text; 2] = [text!("kernel/mm.S"), text!("kernel/text_poke.S")];

const PROGRAM: Text = text!("user/program.S");
const END: Text = text!("kernel/end.S");

#[derive(Clone, Copy)]
struct Text {
    name: &'static str,
    text: &'static str,
}

impl Text {
    fn source(self) -> Source {
        Source { name: self.name.to_owned(), text: self.text.to_owned() }
    }
}

/// The name under which a person's own macro appears in diagnostics and listings.
pub const CUSTOM: &str = "restore/custom.S";

/// The text of a form of the macro; `custom` is the person's own.
pub fn form_source(form: Form, custom: &str) -> Source {
    match form {
        Form::A => whole!("restore/a.S").source(),
        Form::B2 => whole!("restore/b2.S").source(),
        Form::C => whole!("restore/c.S").source(),
        Form::E => whole!("restore/e.S").source(),
        Form::Never => whole!("restore/never.S").source(),
        Form::Custom => Source { name: CUSTOM.to_owned(), text: custom.to_owned() },
    }
}

fn handler_text(handler: Handler) -> Text {
    match handler {
        Handler::Quiet => text!("handlers/quiet.S"),
        Handler::Perf => text!("handlers/perf.S"),
        Handler::PendingFlush => text!("handlers/pending_flush.S"),
        Handler::KgdbPoke => text!("handlers/kgdb_poke.S"),
        Handler::RogueCr3 => text!("handlers/rogue_cr3.S"),
        Handler::RogueSwitchMm => text!("handlers/rogue_switch_mm.S"),
        Handler::Schedule => text!("handlers/schedule.S"),
        Handler::EfiCall => text!("handlers/efi_call.S"),
    }
}

/// One handler is its text alone. Several define `modelled_handler` under different names, and one more text calls
/// them.
fn handler_sources(handlers: Handlers) -> Vec<Source> {
    let chosen: Vec<_> = handlers.iter().collect();
    match chosen[..] {
        [handler] => vec![handler_text(handler).source()],
        _ => combined(&chosen),
    }
}

/// The source of the handlers' names in diagnostics: lines of the preprocessor between the texts.
const NAMING: &str = "handlers/names.S";

fn combined(handlers: &[Handler]) -> Vec<Source> {
    let symbol = |handler: &Handler| format!("modelled_{}", handler.name().replace('-', "_"));
    let naming = |text: String| Source { name: NAMING.to_owned(), text };
    let renamed = |handler: &Handler| {
        let text = format!("#undef modelled_handler\n#define modelled_handler {}\n", symbol(handler));
        [naming(text), handler_text(*handler).source()]
    };
    let symbols: Vec<_> = handlers.iter().map(symbol).collect();
    let list = format!("#undef modelled_handler\n#define MODELLED_HANDLERS {}\n", symbols.join(", "));
    let dispatcher = [naming(list), text!("handlers/combined.S").source()];
    handlers.iter().flat_map(renamed).chain(dispatcher).collect()
}

/// The built-in texts with this one in the place of a form's; `settings` are lines of the preprocessor for all of them.
/// The sites that use the macro call it by the name and the parameters that the form gives it. The patches that changed
/// either changed the sites too.
///
/// # Errors
/// A diagnostic if `form` does not define the macro, or defines it in a way that no site can call.
pub(super) fn built_in(
    form: Source,
    settings: &str,
    handlers: Handlers,
    options: &Options,
) -> Result<(Vec<Source>, Signature), Box<Diagnostic>> {
    let mut definitions = DEFINITIONS.source();
    definitions.text.push_str(settings);
    let first = [definitions, CALLING.source(), form];
    let restore = Signature::of(&first, &[FORM_INDEX], options)?;
    Ok((in_order(first, &restore, handlers), restore))
}

fn in_order(first: [Source; 3], signature: &Signature, handlers: Handlers) -> Vec<Source> {
    let mut sources = Vec::from(first);
    sources.push(EXTABLE.source());
    sources.push(Source { text: signature.adapt(ENTRY.text), ..ENTRY.source() });
    sources.extend(modelled(handlers));
    sources
}

/// What Linux has in C, and the user program.
fn modelled(handlers: Handlers) -> Vec<Source> {
    let mut sources: Vec<_> = KERNEL.map(Text::source).into();
    sources.extend(handler_sources(handlers));
    sources.extend(SPACES.map(Text::source));
    sources.extend([PROGRAM, END].map(Text::source));
    sources
}

/// The same as a translation unit of its own, with the names that it shares with entry code.
pub(super) fn c_side(handlers: Handlers) -> Vec<Source> {
    let numbers = CALLING.text.lines().filter(|line| line.starts_with("#define"));
    let mut definitions = DEFINITIONS.source();
    definitions.text.extend(numbers.flat_map(|line| [line, "\n"]));
    std::iter::once(definitions).chain(modelled(handlers)).collect()
}

/// The beginning of the exception table, which precedes all entries.
pub(super) const EXCEPTION_TABLE: &str = EXTABLE.text;

/// The names that the macro has had.
pub(super) const MACRO_NAMES: [&str; 2] = ["PARANOID_RESTORE_CR3", "RESTORE_CR3"];

/// The sites that use the macro, as in our texts.
const SITES: [Site; 2] = [
    Site { call: "PARANOID_RESTORE_CR3 scratch_reg=%rax save_reg=%r14", scratch: "%rax", save: "%r14" },
    Site { call: "PARANOID_RESTORE_CR3 scratch_reg=%r15 save_reg=%r14", scratch: "%r15", save: "%r14" },
];

struct Site {
    call: &'static str,
    scratch: &'static str,
    save: &'static str,
}

/// Name and parameters of the macro of a form.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Signature {
    pub(super) name: String,
    parameters: Vec<String>,
    /// Where it is defined.
    pub(super) at: Position,
}

/// Why a text cannot serve as a form.
#[derive(Debug, PartialEq, Eq)]
enum Refused {
    Undefined,
    Parameter { name: String, line: u32 },
}

impl Signature {
    /// Read after preprocessing, so that a definition in a comment or in lines that an `#if` leaves out does not count.
    ///
    /// # Errors
    /// A diagnostic at the text with [`FORM_INDEX`] if those of `texts` that are `among` do not define the macro as they should.
    pub(super) fn of(texts: &[Source], among: &[usize], options: &Options) -> Result<Self, Box<Diagnostic>> {
        Self::among(&asm::statements(texts, options), texts, among)
    }

    /// The same of texts whose statements are known.
    pub(super) fn among(
        statements: &[(Position, String)],
        texts: &[Source],
        among: &[usize],
    ) -> Result<Self, Box<Diagnostic>> {
        let name = texts.get(FORM_INDEX).map(|source| source.name.clone()).unwrap_or_default();
        Self::found(statements, among).map_err(|refused| Box::new(refused.diagnostic(name)))
    }

    fn found(statements: &[(Position, String)], among: &[usize]) -> Result<Self, Refused> {
        let own = statements.iter().filter(|(position, _)| among.contains(&position.source));
        let definitions: Vec<_> = own.filter_map(|(position, text)| definition(*position, text)).collect();
        let found = MACRO_NAMES.iter().find_map(|name| definitions.iter().find(|signature| signature.name == *name));
        found.map_or(Err(Refused::Undefined), Self::checked)
    }

    /// Drops the parameters that have a default value; refuses others that no site knows.
    fn checked(&self) -> Result<Self, Refused> {
        let mut parameters = Vec::new();
        for parameter in &self.parameters {
            let name = parameter.split([':', '=']).next().unwrap_or(parameter);
            match name {
                "scratch_reg" | "save_reg" => parameters.push(name.to_owned()),
                _ if parameter.contains('=') => {}
                _ => return Err(Refused::Parameter { name: name.to_owned(), line: self.at.line }),
            }
        }
        Ok(Self { name: self.name.clone(), parameters, at: self.at })
    }

    fn call(&self, site: &Site) -> String {
        let arguments = self.parameters.iter().map(|parameter| {
            let register = if parameter == "scratch_reg" { site.scratch } else { site.save };
            format!(" {parameter}={register}")
        });
        std::iter::once(self.name.clone()).chain(arguments).collect()
    }

    fn adapt(&self, text: &str) -> String {
        SITES.iter().fold(text.to_owned(), |text, site| text.replace(site.call, &self.call(site)))
    }

    /// `text` with the calls of `before` as calls of this macro.
    pub(super) fn follow(&self, before: &Self, text: &str) -> String {
        let followed = |line: &str| {
            let folded = line.split_whitespace().collect::<Vec<_>>().join(" ");
            let site = SITES.iter().find(|site| folded == before.call(site));
            site.map_or_else(|| line.to_owned(), |site| line.replace(line.trim(), &self.call(site)))
        };
        text.lines().flat_map(|line| [followed(line), "\n".to_owned()]).collect()
    }
}

/// Name and parameters, if `statement` begins a macro.
fn definition(at: Position, statement: &str) -> Option<Signature> {
    let rest = statement.strip_prefix(".macro")?;
    let mut words = rest.split([' ', '\t', ',']).filter(|word| !word.is_empty()).map(str::to_owned);
    Some(Signature { name: words.next()?, parameters: words.collect(), at })
}

impl Refused {
    fn diagnostic(&self, source: String) -> Diagnostic {
        let (line, message, hint) = match self {
            Self::Undefined => (
                1,
                "the text defines neither PARANOID_RESTORE_CR3 nor RESTORE_CR3".to_owned(),
                "Begin with: .macro PARANOID_RESTORE_CR3 scratch_reg:req save_reg:req",
            ),
            Self::Parameter { name, line } => (
                *line,
                format!("the places that use the macro have no value for its parameter '{name}'"),
                "Name the parameters scratch_reg and save_reg, or give the others a default value",
            ),
        };
        Diagnostic {
            severity: Severity::Error,
            position: Position { source: FORM_INDEX, line, column: 1 },
            source,
            message,
            hint: Some(hint.to_owned()),
            expansion: Vec::new(),
        }
    }
}

/// Index of the other macros among the sources.
pub(super) const CALLING_INDEX: usize = 1;
/// Index of the form's text.
pub(super) const FORM_INDEX: usize = 2;

/// Index of the text with this name.
pub(super) fn index_of(sources: &[Source], name: &str) -> Option<usize> {
    sources.iter().position(|source| source.name == name)
}

#[cfg(test)]
mod tests {
    use super::super::{Config, Features, Kernel, constants, own};
    use super::*;

    fn texts(form: Form, custom: &str) -> Result<Vec<Source>, Box<Diagnostic>> {
        let config = Config { form, custom: custom.into(), ..Config::default() };
        own::texts(&config, &constants::options(config.features, config.kernel)).map(|texts| texts.sources)
    }

    fn check(text: &str, expected: Result<[&str; 2], &str>) {
        let calls = texts(Form::Custom, text).map(|sources| {
            let calls = sources.iter().flat_map(|source| source.text.lines()).filter(|line| {
                let line = line.trim_start();
                MACRO_NAMES.iter().any(|name| line.starts_with(name))
            });
            calls.map(|line| line.trim().to_owned()).collect::<Vec<_>>()
        });
        match (calls, expected) {
            (Ok(calls), Ok(expected)) => assert_eq!(calls, expected),
            (Err(diagnostic), Err(expected)) => assert_eq!(diagnostic.message, expected),
            (calls, expected) => panic!("{calls:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn sites_call_the_macro_as_its_text_defines_it() {
        let merged = [
            "PARANOID_RESTORE_CR3 scratch_reg=%rax save_reg=%r14",
            "PARANOID_RESTORE_CR3 scratch_reg=%r15 save_reg=%r14",
        ];
        check(".macro PARANOID_RESTORE_CR3 scratch_reg:req save_reg:req\n.endm", Ok(merged));
        check(
            "/* c */\n  .macro RESTORE_CR3 scratch_reg:req, save_reg:req # 2017\n.endm",
            Ok(["RESTORE_CR3 scratch_reg=%rax save_reg=%r14", "RESTORE_CR3 scratch_reg=%r15 save_reg=%r14"]),
        );
        check(".macro RESTORE_CR3 save_reg:req\n.endm", Ok(["RESTORE_CR3 save_reg=%r14", "RESTORE_CR3 save_reg=%r14"]));
        check(".macro PARANOID_RESTORE_CR3\n.endm", Ok(["PARANOID_RESTORE_CR3", "PARANOID_RESTORE_CR3"]));
        check(
            ".macro RESTORE_CR3 save_reg:req kind=0\n.endm",
            Ok(["RESTORE_CR3 save_reg=%r14", "RESTORE_CR3 save_reg=%r14"]),
        );
    }

    #[test]
    fn a_text_that_is_no_form_is_refused_with_its_place() {
        check("", Err("the text defines neither PARANOID_RESTORE_CR3 nor RESTORE_CR3"));
        check(".macro", Err("the text defines neither PARANOID_RESTORE_CR3 nor RESTORE_CR3"));
        check(".macro RESTORE_CR3X", Err("the text defines neither PARANOID_RESTORE_CR3 nor RESTORE_CR3"));
        check(
            ".macro RESTORE_CR3 from:req",
            Err("the places that use the macro have no value for its parameter 'from'"),
        );
    }

    #[test]
    fn a_definition_that_is_not_assembled_does_not_count() {
        let merged = [
            "PARANOID_RESTORE_CR3 scratch_reg=%rax save_reg=%r14",
            "PARANOID_RESTORE_CR3 scratch_reg=%r15 save_reg=%r14",
        ];
        let own = ".macro PARANOID_RESTORE_CR3 scratch_reg:req save_reg:req\n.endm\n";
        let old = ".macro PARANOID_RESTORE_CR3 save_reg:req\n.endm\n";
        check(&format!("/*\n{old}*/\n{own}"), Ok(merged));
        check(&format!("#if 0\n{old}#else\n{own}#endif\n"), Ok(merged));
        check(&format!("// {old}{own}").replacen(".endm", "// .endm", 1), Ok(merged));
        check(&format!("/*\n{own}*/"), Err("the text defines neither PARANOID_RESTORE_CR3 nor RESTORE_CR3"));
        check(
            "/* .macro RESTORE_CR3 */\n.macro RESTORE_CR3 from:req",
            Err("the places that use the macro have no value for its parameter 'from'"),
        );
    }

    #[test]
    fn every_form_is_called_twice() {
        for form in [Form::A, Form::B2, Form::C, Form::E, Form::Never] {
            let sources = texts(form, "").expect("a form of the repository");
            assert_eq!(sources[FORM_INDEX], form_source(form, ""));
            let options = constants::options(Features::default(), Kernel::V6_12);
            assert_eq!(asm::assemble(&sources, &options).1, [], "{form:?}");
            let name = Signature::of(&sources, &[FORM_INDEX], &options).expect("a form of the repository").name;
            let calls =
                |source: &Source| source.text.lines().filter(|line| line.trim_start().starts_with(&name)).count();
            assert_eq!(sources.iter().map(calls).sum::<usize>(), 2, "{form:?}");
        }
    }
}
