//! The texts of a configuration: the built-in ones, or those that a person's own text gives, and what to know of it.
//!
//! A text of macros replaces macros of ours and is the form. A patch, alone or in mails, edits the built-in texts under the names
//! that the kernel's files have; the form is the one that its old side fits.

mod macros;
pub(super) mod note_kind;
mod of_tree;
mod origins;
mod patched;
mod paths;
mod settings;
mod syntax;
mod unknown;

pub(super) use macros::{Definition, definitions, empty};
pub(super) use of_tree::{of_include, rebased};
pub(super) use origins::Origins;
pub(super) use syntax::named_syntax;

use super::sources::{self, CALLING_INDEX, CUSTOM, FORM_INDEX, Signature, form_source};
use super::tree::{Library, Tree, is_entry_text};
use super::{Base, Config, Form};
use crate::asm::{self, Assembled, Diagnostic, Options, Position, Severity, Source};
use cr3_patch::{Fault, Line, Taken, What, recognise};
use settings::Settings;

/// The configuration whose base is the whole entry_64.S that `config` has as its own text; none if it has another text.
///
/// # Errors
/// What is wrong with the text.
pub(super) fn around(config: &Config) -> Result<Option<Config>, Vec<Diagnostic>> {
    let is_own = config.form == Form::Custom && config.base == Base::BuiltIn;
    if !cfg!(feature = "trees") || !is_own || !is_entry_text(&config.custom) {
        return Ok(None);
    }
    let settings = settings(&config.custom).0;
    let tree = Tree::around(&config.custom[settings.len()..])?;
    Ok(Some(Config { base: Base::Tree(tree.into()), custom: settings.into(), ..config.clone() }))
}

/// The texts of one configuration.
pub(super) struct Texts {
    /// In the order in which they are assembled; headers stand where their index is of use.
    pub(super) sources: Vec<Source>,
    /// How they are assembled.
    pub(super) options: Options,
    /// Where they find headers.
    pub(super) base: Base,
    /// The macro of the form.
    pub(super) restore: Signature,
    /// What to know about a person's text.
    pub(super) notes: Vec<Diagnostic>,
    /// Which lines a person gave.
    pub(super) origins: Origins,
}

impl Texts {
    /// Assembles them.
    pub(super) fn assemble(&self) -> Assembled {
        if let Some(tree) = self.base.tree() {
            return asm::assemble_including(&self.sources, &Library::new(tree).includes(), &self.options);
        }
        let (image, diagnostics) = asm::assemble(&self.sources, &self.options);
        Assembled { image, diagnostics, included: Vec::new() }
    }

    /// Their statements as written.
    pub(super) fn written(&self) -> Vec<(Position, String)> {
        written(&self.sources, &self.options, &self.base)
    }
}

/// The statements of texts as written.
fn written(sources: &[Source], options: &Options, base: &Base) -> Vec<(Position, String)> {
    match base.tree() {
        None => asm::written_statements(sources, options),
        Some(tree) => asm::written_statements_including(sources, &Library::new(tree).includes(), options),
    }
}

/// A person's own text and what it is assembled with.
struct Own<'t> {
    config: &'t Config,
    options: &'t Options,
    settings: Settings<'t>,
    taken: Taken,
}

impl Own<'_> {
    /// The built-in texts with `form` in its place.
    fn built_in(&self, form: Source) -> Result<(Vec<Source>, Signature), Box<Diagnostic>> {
        sources::built_in(form, self.settings.lines, self.config.handler, self.options)
    }
}

/// All texts.
///
/// # Errors
/// A diagnostic if a person's text does not define the macro, or defines it in a way that no site can call; or if a
/// patch does not fit.
pub(super) fn texts(config: &Config, options: &Options) -> Result<Texts, Box<Diagnostic>> {
    match config.form {
        Form::Custom => given(config, options),
        form => {
            let (sources, restore) = sources::built_in(form_source(form, ""), "", config.handler, options)?;
            let (options, base) = (options.clone(), Base::BuiltIn);
            Ok(Texts { sources, options, base, restore, notes: Vec::new(), origins: Origins::default() })
        }
    }
}

/// Those that a person's own text gives.
fn given(config: &Config, options: &Options) -> Result<Texts, Box<Diagnostic>> {
    if let Base::Elsewhere(_) = config.base {
        return Err(Box::new(elsewhere()));
    }
    let settings = Settings::before(&config.custom);
    let config = &reaching(config, settings.lines);
    let plain = |tree| of_tree::plain(tree, settings.lines, config.handler, options);
    if let (Some(tree), "") = (config.base.tree(), settings.rest.trim()) {
        return plain(tree);
    }
    let taken = recognise(settings.rest).map_err(|fault| Box::new(refused(&settings, &fault)))?;
    let own = Own { config, options, settings, taken };
    let mut texts = match (&own.taken.what, config.base.tree()) {
        (What::Text(lines), None) => of_macros(&own, lines)?,
        (What::Patches(patches), None) => patched::texts(&own, patches)?,
        (What::Text(lines), Some(tree)) => of_tree::with_macros(&own, tree, lines)?,
        (What::Patches(patches), Some(tree)) => patched::of_tree(&own, tree, patches)?,
    };
    let statements = match config.base.tree() {
        // A header is read where another text includes it.
        Some(_) => texts.written(),
        None => asm::written_statements(&texts.sources[..texts.sources.len().min(texts.origins.end())], options),
    };
    texts.notes.extend(unknown::features(&statements, &texts.origins));
    Ok(texts)
}

/// The configuration with what its tree calls where these settings lead.
fn reaching(config: &Config, settings: &str) -> Config {
    match config.base.tree() {
        Some(tree) if !settings.is_empty() => {
            Config { base: Base::Tree(tree.reaching(settings).into()), ..config.clone() }
        }
        _ => config.clone(),
    }
}

/// A tree that is not here.
fn elsewhere() -> Diagnostic {
    let position = Position { source: FORM_INDEX, line: 1, column: 1 };
    let hint = Some("open the folder of the tree".to_owned());
    Diagnostic { severity: Severity::Error, ..note(position, "the kernel tree is not here".to_owned(), hint) }
}

/// The settings before a person's text, and the lines by which the numbers of the text differ from its own.
pub(super) fn settings(text: &str) -> (&str, u32) {
    let settings = Settings::before(text);
    (&text[..text.len() - settings.rest.len()], settings.line(0))
}

/// A person's own text as macros alone, with its settings: what it is already, or what its patches make of our macros.
///
/// # Errors
/// Those of [`texts`]; and a diagnostic if patches change more than macros and the places that call the form's.
pub(super) fn as_macros(config: &Config, options: &Options) -> Result<String, Box<Diagnostic>> {
    let texts = texts(config, options)?;
    if config.base.tree().is_some() {
        return of_tree::as_macros(config, &texts);
    }
    let (calling, form) = (&texts.sources[CALLING_INDEX], &texts.sources[FORM_INDEX]);
    let settings = settings(&config.custom).0;
    let alone = |before: &str| format!("{settings}{before}{}", form.text);
    if form.name == CUSTOM {
        return Ok(alone(""));
    }
    let (ours, _) = sources::built_in(form.clone(), "", config.handler, options)?;
    let others = |sources: &[Source]| {
        let statements = asm::written_statements(sources, options).into_iter();
        statements.filter(|(at, _)| at.source > FORM_INDEX).map(|(_, statement)| statement).collect::<Vec<_>>()
    };
    match others(&texts.sources) == others(&ours) {
        true if calling.text == ours[CALLING_INDEX].text => Ok(alone("")),
        true => Ok(alone(&calling.text)),
        false => Err(Box::new(more_than_macros(&texts.notes))),
    }
}

fn more_than_macros(notes: &[Diagnostic]) -> Diagnostic {
    let position = notes.first().map_or(Position { source: FORM_INDEX, line: 1, column: 1 }, |note| note.position);
    let message = "the patch changes entry code and not only macros".to_owned();
    Diagnostic { severity: Severity::Error, ..note(position, message, Some("give its macros alone".to_owned())) }
}

fn of_macros(own: &Own<'_>, lines: &[Line]) -> Result<Texts, Box<Diagnostic>> {
    let Own { settings, taken, options, .. } = own;
    let (text, origins) = text_of(own, lines);
    let without = |refused: Box<Diagnostic>| match syntax::bare(lines) {
        Some(line) => Box::new(syntax::without_macro(settings.place(line))),
        None => Box::new(origins.given(*refused)),
    };
    let (sources, restore) = own.built_in(text).map_err(without)?;
    let (sources, notes) = macros::replace(sources, &restore.name, options);
    let mut notes: Vec<_> = notes.into_iter().map(|note| origins.given(note)).collect();
    notes.push(note_kind::taken(first(settings, lines.first()), taken, None));
    let (options, base) = ((*options).clone(), Base::BuiltIn);
    Ok(Texts { sources, options, base, restore, notes, origins })
}

/// A person's text of macros as a source, and where its lines come from.
fn text_of(own: &Own<'_>, lines: &[Line]) -> (Source, Origins) {
    let Own { settings, taken, .. } = own;
    let origins = Origins::of_text(FORM_INDEX, lines.iter().map(|line| settings.place(line)));
    let text = match taken.is_plain() {
        true => settings.rest.to_owned(),
        false => lines.iter().flat_map(|line| [line.text.as_str(), "\n"]).collect(),
    };
    (Source { name: CUSTOM.to_owned(), text }, origins)
}

/// The place of a line, or the beginning.
fn first(settings: &Settings<'_>, line: Option<&Line>) -> Position {
    let (line, column) = line.map_or((1, 1), |line| {
        let (at, shift) = settings.place(line);
        (at, shift + 1)
    });
    Position { source: FORM_INDEX, line, column }
}

fn refused(settings: &Settings<'_>, fault: &Fault) -> Diagnostic {
    let position = Position { source: FORM_INDEX, line: settings.line(fault.line()), column: 1 };
    let hint = Some(fault.mend().to_owned());
    Diagnostic { severity: Severity::Error, hint, ..note(position, fault.to_string(), None) }
}

fn note(position: Position, message: String, hint: Option<String>) -> Diagnostic {
    let (severity, source) = (Severity::Note, CUSTOM.to_owned());
    Diagnostic { severity, position, source, message, hint, expansion: Vec::new() }
}

/// The `diagnostics` about the person's text, each once, in the order of its lines: a macro is read again at each call.
pub(super) fn own_notes(diagnostics: impl IntoIterator<Item = Diagnostic>) -> Vec<Diagnostic> {
    let mut notes: Vec<Diagnostic> = Vec::new();
    for said in diagnostics.into_iter().filter(|said| said.position.source == FORM_INDEX) {
        if !notes.iter().any(|note| (note.position, &note.message) == (said.position, &said.message)) {
            let at = notes.partition_point(|note| note.position <= said.position);
            notes.insert(at, said);
        }
    }
    notes
}
