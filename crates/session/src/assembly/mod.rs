//! Who assembles the texts of a session, and the results: this program, or another one that is asked under tickets.

mod bytes;
mod pack;
pub mod ready;
pub mod wire;

use ready::Ready;

use crate::choice::Form;
use cr3_core::asm::{Diagnostic, Image, Position, Severity, Source};
use cr3_core::geometry::Geometry;
use cr3_core::linux::{self, Base, Config, GivenLine, System, TreeId, is_entry_text};
use std::rc::Rc;
use std::sync::Arc;

/// The outcome of assembling a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assembly {
    /// The result.
    pub image: Arc<Image>,
    /// The texts, by their names. A person's own has its text, and so have the names of what a tree calls and nothing here has.
    pub sources: Arc<[Source]>,
    /// What a person should know.
    pub notes: Arc<[Diagnostic]>,
    /// Where the lines that a person gave stand.
    pub given: Arc<[GivenLine]>,
}

/// The result for a text, or what is wrong with it.
pub type Answer = Result<Assembly, Vec<Diagnostic>>;

/// Why a side has no run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// What the assembler said.
    Refused(Vec<Diagnostic>),
    /// Another program assembles the text.
    Awaited,
    /// The other program does not work: why.
    Lost(Rc<str>),
}

/// What starts the system of a configuration.
pub type Boot = fn(&Config) -> Result<System, Vec<Diagnostic>>;

/// Who assembles.
#[derive(Clone, Copy, Debug)]
pub enum Assembler {
    /// This program, by this function. A program that never names it is linked without the assembler.
    Here(Boot),
    /// Another one.
    Elsewhere,
}

impl Default for Assembler {
    fn default() -> Self {
        Self::Here(linux::boot)
    }
}

impl PartialEq for Assembler {
    fn eq(&self, other: &Self) -> bool {
        matches!((self, other), (Self::Here(_), Self::Here(_)) | (Self::Elsewhere, Self::Elsewhere))
    }
}

/// What is known of a text that another program assembles.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Known {
    Awaited,
    Answered(Answer),
    Lost(Rc<str>),
}

/// The texts of a session.
///
/// Invariant: `asked` has what is shown and this program does not assemble, and at most [`KEPT`] others.
#[derive(Clone, Debug, PartialEq)]
pub struct Texts {
    by: Assembler,
    ready: Rc<Ready>,
    asked: Vec<(u32, Config, Rc<Known>)>,
    last: u32,
}

/// Assembled texts that are kept for going back.
const KEPT: usize = 6;

/// What decides the text of a configuration.
fn text_of(config: &Config) -> Config {
    let is_own = config.form == Form::Custom;
    let (base, custom) = if is_own { (config.base.clone(), config.custom.clone()) } else { Default::default() };
    Config { geometry: Geometry::default(), base, custom, ..config.clone() }
}

impl Texts {
    /// Texts that `by` assembles, except those that are ready.
    #[must_use]
    pub fn new(by: Assembler, ready: Ready) -> Self {
        Self { by, ready: Rc::new(ready), asked: Vec::new(), last: 0 }
    }

    /// What is to be assembled, under its tickets, which grow; the newest first.
    pub fn wanted(&self) -> impl Iterator<Item = (u32, &Config)> {
        self.asked.iter().filter(|(_, _, known)| **known == Known::Awaited).map(|(ticket, config, _)| (*ticket, config))
    }

    /// Whether the text of a configuration is still being assembled.
    #[must_use]
    pub fn awaits(&self, config: &Config) -> bool {
        matches!(self.known(config), Some(Known::Awaited))
    }

    fn known(&self, config: &Config) -> Option<&Known> {
        let text = text_of(config);
        self.asked.iter().find(|(_, config, _)| *config == text).map(|(_, _, known)| &**known)
    }

    /// Whether another program has to be asked for this text. None else has a tree.
    fn is_foreign(&self, text: &Config) -> bool {
        match self.by {
            Assembler::Here(_) => matches!(text.base, Base::Elsewhere(_)),
            Assembler::Elsewhere => !self.ready.has(text),
        }
    }

    /// Asks for each text in `shown` that is not known yet, if `is_there` says that its base is here.
    pub(crate) fn ask(&mut self, shown: &[Config], is_there: impl Fn(&Base) -> bool) {
        let shown: Vec<_> = shown.iter().map(text_of).filter(|text| self.is_foreign(text)).collect();
        for text in shown.iter().filter(|text| is_there(&text.base)) {
            if matches!(self.known(text), None | Some(Known::Lost(_))) {
                self.asked.retain(|(_, config, _)| config != text);
                self.last = self.last.wrapping_add(1);
                self.asked.insert(0, (self.last, text.clone(), Rc::new(Known::Awaited)));
            }
        }
        // What is still being assembled for nobody is not worth its answer.
        let mut rest = KEPT;
        self.asked.retain(|(_, config, known)| {
            let is_kept = matches!(**known, Known::Answered(_)) && rest > 0;
            let is_shown = shown.contains(config);
            rest -= usize::from(is_kept && !is_shown);
            is_shown || is_kept
        });
    }

    /// Takes an answer. One that nobody waits for any more changes nothing.
    pub(crate) fn take(&mut self, ticket: u32, answer: Answer) {
        if let Some((_, _, known)) = self.asked.iter_mut().find(|(other, _, _)| *other == ticket) {
            *known = Rc::new(Known::Answered(answer));
        }
    }

    /// The other program does not work. What is asked next is asked of another one.
    pub(crate) fn lose(&mut self, why: &str) {
        let why: Rc<str> = why.into();
        for (_, _, known) in self.asked.iter_mut().filter(|(_, _, known)| **known == Known::Awaited) {
            *known = Rc::new(Known::Lost(why.clone()));
        }
    }

    /// The system of a configuration.
    ///
    /// # Errors
    /// Why there is none, or not yet.
    pub fn start(&self, config: &Config) -> Result<System, Failure> {
        let text = text_of(config);
        match (self.known(&text), self.by) {
            (Some(Known::Answered(Ok(assembly))), _) => started(config, assembly),
            (Some(Known::Answered(Err(diagnostics))), _) => Err(Failure::Refused(diagnostics.clone())),
            (Some(Known::Awaited), _) => Err(Failure::Awaited),
            (Some(Known::Lost(why)), _) => Err(Failure::Lost(why.clone())),
            (None, _) if matches!(text.base, Base::Elsewhere(_)) => Err(Failure::Refused(vec![elsewhere()])),
            (None, Assembler::Here(boot)) => boot(config).map_err(Failure::Refused),
            (None, Assembler::Elsewhere) => match self.ready.assembly(&text) {
                Some(assembly) => started(config, &assembly),
                None if self.ready.has(&text) => Err(Failure::Lost("the file of assembled texts is damaged".into())),
                None => Err(Failure::Awaited),
            },
        }
    }
}

impl Default for Texts {
    /// This program assembles all of them.
    fn default() -> Self {
        Self::new(Assembler::default(), Ready::default())
    }
}

fn started(config: &Config, Assembly { image, sources, notes, given }: &Assembly) -> Result<System, Failure> {
    let is_alone = config.form == Form::Custom && config.base == Base::BuiltIn && is_entry_text(&config.custom);
    // An entry_64.S alone is laid out as a tree's.
    let base = if is_alone { Base::Elsewhere(TreeId(0)) } else { config.base.clone() };
    let config = Config { base, ..config.clone() };
    let given = given.clone();
    linux::start(&config, image.clone(), sources.clone(), notes.clone(), given).map_err(Failure::Refused)
}

/// A tree that is not here.
fn elsewhere() -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        position: Position::default(),
        source: "the kernel tree".to_owned(),
        message: "the kernel tree is not here: a link cannot carry it".to_owned(),
        hint: Some("drop its folder on the page, or open it under \"Own macro\"".to_owned()),
        expansion: Vec::new(),
    }
}

#[cfg(test)]
mod tests;
