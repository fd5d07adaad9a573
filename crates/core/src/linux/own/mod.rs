//! A person's own text: what it is, the texts that it gives, and what a person should know of it.
//!
//! A text of macros replaces macros of ours and is the form. A patch, alone or in mails, edits the built-in texts under the names
//! that the kernel's files have; the form is the one that its old side fits.

mod macros;
mod origins;
mod patched;
mod paths;
mod settings;
mod syntax;
mod unknown;

pub(super) use macros::empty;
pub(super) use origins::Origins;
pub(super) use syntax::named_syntax;

use super::Config;
use super::sources::{self, CUSTOM, FORM_INDEX, Signature, Texts};
use crate::asm::{Diagnostic, Options, Position, Severity, Source};
use cr3_patch::{Fault, Line, Taken, What, recognise};
use settings::Settings;

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

/// The texts that a person's own gives.
///
/// # Errors
/// A diagnostic when the text is no form, or a patch does not fit.
pub(super) fn texts(config: &Config, options: &Options) -> Result<Texts, Box<Diagnostic>> {
    let settings = Settings::before(&config.custom);
    let taken = recognise(settings.rest).map_err(|fault| Box::new(refused(&settings, &fault)))?;
    let own = Own { config, options, settings, taken };
    let mut texts = match &own.taken.what {
        What::Text(lines) => of_macros(&own, lines)?,
        What::Patches(patches) => patched::texts(&own, patches)?,
    };
    texts.notes.extend(unknown::features(&texts.sources, &texts.origins, options));
    Ok(texts)
}

fn of_macros(own: &Own<'_>, lines: &[Line]) -> Result<Texts, Box<Diagnostic>> {
    let Own { settings, taken, options, .. } = own;
    let origins = Origins::of_text(FORM_INDEX, lines.iter().map(|line| settings.place(line)));
    let text = match taken.is_plain() {
        true => settings.rest.to_owned(),
        false => lines.iter().flat_map(|line| [line.text.as_str(), "\n"]).collect(),
    };
    let without = |refused: Box<Diagnostic>| match syntax::bare(lines) {
        Some(line) => Box::new(syntax::without_macro(settings.place(line))),
        None => Box::new(origins.given(*refused)),
    };
    let (sources, restore) = own.built_in(Source { name: CUSTOM.to_owned(), text }).map_err(without)?;
    let (sources, notes) = macros::replace(sources, &restore.name, options);
    let mut notes: Vec<_> = notes.into_iter().map(|note| origins.given(note)).collect();
    if !taken.is_plain() {
        notes.push(note(first(settings, lines.first()), format!("taken for {taken}"), None));
    }
    Ok(Texts { sources, restore, notes, origins })
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

/// What `diagnostics` say of the person's text, each once, in the order of its lines: a macro is read again at each call.
pub(super) fn own_notes(diagnostics: impl IntoIterator<Item = Diagnostic>) -> Vec<Diagnostic> {
    let mut notes: Vec<Diagnostic> = Vec::new();
    for said in diagnostics.into_iter().filter(|said| said.position.source == FORM_INDEX) {
        if !notes.iter().any(|note| (note.position, &note.message) == (said.position, &said.message)) {
            notes.push(said);
        }
    }
    notes.sort_by_key(|note| note.position);
    notes
}
