//! The text of a person's tree with the person's edits.
//!
//! Macros of the edit replace those of the tree: their lines go, and the tree's calling.h includes the edit where the last of
//! them stood, so that it knows every name that calling.h gives before.

use super::super::sources::{CALLING_INDEX, FORM_INDEX, MACRO_NAMES, Signature};
use super::super::tree::{CUSTOM_PATH, EDITED, ENTRY_INDEX, Library, Tree, inputs};
use super::super::{Base, Config, Handlers};
use super::macros::{self, Definition, definitions};
use super::origins::Origins;
use super::{Diagnostic, Line, Own, Position, Severity, Source, Texts, first, note_kind, text_of};
use crate::asm::{self, Options};
use std::sync::Arc;

/// The tree's text as it stands.
pub(super) fn plain(
    tree: &Arc<Tree>,
    settings: &str,
    handlers: Handlers,
    options: &Options,
) -> Result<Texts, Box<Diagnostic>> {
    let inputs = inputs(tree, settings, handlers, options.clone());
    let (sources, options, base) = (inputs.sources, inputs.options, Base::Tree(Arc::clone(tree)));
    let restore = restore(&sources, &options, tree).map_err(|refused| {
        let told = asm::assemble_including(&sources, &Library::new(tree).includes(), &options);
        let all = [sources.clone(), told.included].concat();
        // What ends the reading leaves nothing, not even the macro.
        let ended = told.image.listing.is_empty();
        let mut errors = told.diagnostics.into_iter().filter(|told| told.severity == Severity::Error);
        errors.find(|told| ended || of_include(&all, told)).map_or(refused, Box::new)
    })?;
    Ok(Texts { sources, options, base, restore, notes: Vec::new(), origins: Origins::default() })
}

/// Whether an error is about an `#include`: others may follow from it.
pub(crate) fn of_include(sources: &[Source], told: &Diagnostic) -> bool {
    let source = sources.get(told.position.source);
    let line = source.and_then(|source| source.text.lines().nth((told.position.line as usize).checked_sub(1)?));
    told.severity == Severity::Error && line.is_some_and(|line| line.trim_start().starts_with("#include"))
}

/// The macro that restores CR3, of a tree or its edit.
pub(super) fn restore(sources: &[Source], options: &Options, tree: &Tree) -> Result<Signature, Box<Diagnostic>> {
    let elsewhere = |refused: Box<Diagnostic>| {
        let source = sources.get(CALLING_INDEX).map(|calling| calling.name.clone()).unwrap_or_default();
        let position = Position { source: CALLING_INDEX, ..refused.position };
        Box::new(Diagnostic { source, position, ..*refused })
    };
    let statements = asm::statements_including(sources, &Library::new(tree).includes(), options);
    Signature::among(&statements, sources, &[CALLING_INDEX, FORM_INDEX]).map_err(elsewhere)
}

/// The tree's text with macros of a person's own.
pub(super) fn with_macros(own: &Own<'_>, tree: &Arc<Tree>, lines: &[Line]) -> Result<Texts, Box<Diagnostic>> {
    let Own { config, settings, taken, .. } = own;
    let before = plain(tree, settings.lines, config.handler, own.options)?;
    let statements = before.written();
    let Texts { mut sources, options, base, restore: called, .. } = before;
    let (text, origins) = text_of(own, lines);
    let theirs = definitions(&statements);
    let given = definitions(&of_custom(asm::written_statements(std::slice::from_ref(&text), own.options)));
    if let Some(line) = super::syntax::bare(lines).filter(|_| given.is_empty()) {
        return Err(Box::new(super::syntax::without_macro(settings.place(line))));
    }
    let mut notes = Vec::new();
    let mut last: Option<&Definition> = None;
    for definition in &given {
        let Some(replaced) = theirs.iter().find(|theirs| same(theirs, definition)) else {
            notes.push(macros::new(definition, &statements, definition.at));
            continue;
        };
        let Some(source) = sources.get_mut(replaced.at.source) else { continue };
        notes.push(macros::replaced(definition, replaced, &source.name, "tree's"));
        source.text = macros::without_lines(&source.text, replaced.at.line..=replaced.last_line);
        if replaced.at.source == CALLING_INDEX && last.is_none_or(|last| last.at.line < replaced.at.line) {
            last = Some(replaced);
        }
    }
    include(&mut sources[CALLING_INDEX], last.map(|last| last.at.line));
    sources[FORM_INDEX] = text;
    let restore = restore(&sources, &options, tree).map_err(|refused| Box::new(origins.given(*refused)))?;
    sources[ENTRY_INDEX].text = restore.follow(&called, &sources[ENTRY_INDEX].text);
    let mut notes: Vec<_> = notes.into_iter().map(|note| origins.given(note)).collect();
    notes.push(note_kind::taken(first(settings, lines.first()), taken, None));
    Ok(Texts { sources, options, base, restore, notes, origins })
}

/// Statements of the person's text alone, at the places that they have beside the tree's.
fn of_custom(statements: Vec<(Position, String)>) -> Vec<(Position, String)> {
    statements.into_iter().map(|(at, text)| (Position { source: FORM_INDEX, ..at }, text)).collect()
}

/// Whether both define the same macro; the one that restores CR3 has had two names.
fn same(a: &Definition, b: &Definition) -> bool {
    let restores = |definition: &Definition| MACRO_NAMES.iter().any(|name| definition.is_named(name));
    a.is_named(&b.name) || restores(a) && restores(b)
}

/// Lets calling.h include the edit in place of this line, or at its end.
fn include(calling: &mut Source, line: Option<u32>) {
    let name = CUSTOM_PATH.strip_prefix("arch/x86/entry/").unwrap_or(CUSTOM_PATH);
    let include = format!("#include \"{name}\"");
    let mut lines: Vec<&str> = calling.text.lines().collect();
    match line.and_then(|line| lines.get_mut(line as usize - 1)) {
        Some(line) => *line = &include,
        None => lines.push(&include),
    }
    calling.text = lines.iter().flat_map(|line| [line, "\n"]).collect();
}

/// Whether patches changed the tree's texts.
fn is_patched(texts: &Texts) -> bool {
    let end = texts.origins.end();
    end > FORM_INDEX + 1 || texts.sources[FORM_INDEX].text.is_empty() && end > 0
}

/// The configuration whose tree has a person's patches in it, so that it is a tree as it stands; `config` itself if there are none.
///
/// # Errors
/// Those of the texts.
pub(in crate::linux) fn rebased(config: &Config, options: &Options) -> Result<Config, Box<Diagnostic>> {
    let Some(tree) = config.base.tree() else { return Ok(config.clone()) };
    let texts = super::texts(config, options)?;
    if !is_patched(&texts) {
        return Ok(config.clone());
    }
    let patched = tree.with(EDITED.map(|(path, index)| (path, texts.sources[index].text.as_str())));
    let settings = super::settings(&config.custom).0.into();
    Ok(Config { base: Base::Tree(patched.into()), custom: settings, ..config.clone() })
}

/// What a person's text makes of the tree's macros, as macros alone.
///
/// # Errors
/// A diagnostic if it is a patch: of a tree, macros alone can be changed statement by statement.
pub(super) fn as_macros(config: &Config, texts: &Texts) -> Result<String, Box<Diagnostic>> {
    let (form, calling) = (&texts.sources[FORM_INDEX], &texts.sources[CALLING_INDEX]);
    let settings = super::settings(&config.custom).0;
    if is_patched(texts) {
        return Err(Box::new(super::more_than_macros(&texts.notes)));
    }
    if texts.restore.at.source == FORM_INDEX {
        return Ok(format!("{settings}{}", form.text));
    }
    let statements = texts.written();
    let restore = definitions(&statements).into_iter().find(|definition| definition.at == texts.restore.at);
    let lines = restore.map_or(0..0, |restore| restore.at.line as usize - 1..restore.last_line as usize);
    let text = calling.text.lines().enumerate().filter(|(number, _)| lines.contains(number));
    let macros: String = text.flat_map(|(_, line)| [line, "\n"]).collect();
    Ok(format!("{settings}{}{macros}", form.text))
}
