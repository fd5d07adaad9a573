//! The macros of a configuration as their texts write them.

use super::sources::FORM_INDEX;
use super::{Config, Features, Form, Kernel, constants, own};
use crate::asm::{Diagnostic, Position, Source};
use std::ops::RangeInclusive;

/// A macro as its text writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its name.
    pub name: String,
    /// The text that defines it.
    pub source: Source,
    /// Whether that is the text of the form.
    pub in_form: bool,
    /// Its lines, `.macro` and `.endm` included.
    pub lines: RangeInclusive<u32>,
    /// Its parameters, with what follows their names.
    pub parameters: Vec<String>,
    /// Its statements, each with its line. Those on the line of `.macro` or `.endm` are not among them.
    pub statements: Vec<(u32, String)>,
}

/// All macros of a configuration, those of the form's text first.
#[derive(Clone, Debug)]
pub struct Macros {
    /// The configuration. A person's patches stand in it as the macros that they make.
    pub config: Config,
    /// Lines that set names of the kernel's configuration, before the text of the form.
    pub settings: String,
    /// How many of them count as lines of that text.
    pub lines_before: u32,
    /// The name of the macro that restores CR3.
    pub restore: String,
    /// The text of the form.
    pub form: Source,
    all: Vec<Written>,
}

impl Macros {
    /// Those of `config`.
    ///
    /// # Errors
    /// Diagnostics if a person's text does not define the restore macro, or not so that it can be called; or if its patches
    /// change more than macros.
    pub fn of(config: &Config) -> Result<Self, Vec<Diagnostic>> {
        let options = constants::options(config.features, config.kernel);
        let refused = |diagnostic: Box<Diagnostic>| own::named_syntax(config, &options, vec![*diagnostic]);
        let config = match config.form {
            Form::Custom => {
                let config = own::rebased(config, &options).map_err(refused)?;
                with_text(&config, &own::as_macros(&config, &options).map_err(refused)?)
            }
            _ => config.clone(),
        };
        let texts = own::texts(&config, &options).map_err(refused)?;
        let statements = texts.written();
        let written = |definition: own::Definition| written(&texts.sources, &statements, definition);
        let mut all: Vec<_> = own::definitions(&statements).into_iter().filter_map(written).collect();
        all.sort_by_key(|written| !written.in_form);
        let (settings, lines_before) = own::settings(&config.custom);
        let settings = settings.to_owned();
        let form = texts.sources[FORM_INDEX].clone();
        Ok(Self { config, settings, lines_before, restore: texts.restore.name, form, all })
    }

    /// The macro of this name, as GNU `as` finds it: whatever the case.
    pub fn named(&self, name: &str) -> Option<&Written> {
        self.all.iter().find(|written| written.name.eq_ignore_ascii_case(name))
    }
}

fn written(sources: &[Source], statements: &[(Position, String)], definition: own::Definition) -> Option<Written> {
    let own::Definition { name, at, last_line, text } = definition;
    let inside =
        |position: &Position| position.source == at.source && at.line < position.line && position.line < last_line;
    let statements = statements.iter().filter(|(position, _)| inside(position));
    Some(Written {
        name,
        source: sources.get(at.source)?.clone(),
        in_form: at.source == FORM_INDEX,
        lines: at.line..=last_line,
        parameters: text.first()?.split_whitespace().map(str::to_owned).collect(),
        statements: statements.map(|(position, statement)| (position.line, statement.clone())).collect(),
    })
}

/// The kernel's names of the features that are on and that `texts` mention. Texts make the same code of two sets of features with the
/// same names.
pub fn mentioned(features: Features, texts: &[&str]) -> Vec<String> {
    // No variation of the kernel has a feature of its own.
    let options = constants::options(features, Kernel::default());
    options.features.into_keys().filter(|name| texts.iter().any(|text| text.contains(name.as_str()))).collect()
}

/// `config` with `text` as the form's own.
pub fn with_text(config: &Config, text: &str) -> Config {
    Config { form: Form::Custom, custom: text.into(), ..config.clone() }
}
