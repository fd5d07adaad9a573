//! Kernel trees that a person opened. A worker has their files and assembles them; the page has what comes of it.

pub mod wire;

use crate::choice::{Form, Side};
use crate::setup::{Setup, Texts};
use cr3_core::asm::{Diagnostic, Image, Position, Severity, Source};
use cr3_core::geometry::Geometry;
use cr3_core::linux::{self, Base, Config, Kernel, System, TreeId, is_entry_text};
use std::rc::Rc;
use std::sync::Arc;

/// A tree that was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Names it.
    pub id: TreeId,
    /// The release, as the tree names it.
    pub release: String,
    /// What its C side has.
    pub kernel: Kernel,
    /// How many files of it were read.
    pub files: usize,
    /// What was taken of its configuration, in words; empty where it has none.
    pub configured: String,
}

/// What assembling a text came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assembly {
    /// The result.
    pub image: Arc<Image>,
    /// The texts, by their names.
    pub sources: Arc<[Source]>,
    /// What a person should know.
    pub notes: Arc<[Diagnostic]>,
}

/// What the worker of the trees tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// The files are being read.
    Opening,
    /// A tree is there.
    Opened(Opened),
    /// The files are no tree that can be run, or the worker broke down: why.
    Refused(String),
    /// What was asked for under this ticket.
    Assembled(u32, Result<Assembly, Vec<Diagnostic>>),
}

/// What one text came to; none while the worker assembles it.
type Known = Option<Result<Assembly, Vec<Diagnostic>>>;

/// The trees of a page.
///
/// Invariant: `texts` has what each side of the setup needs, and at most [`KEPT`] others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trees {
    /// Those that were opened, newest first.
    pub opened: Vec<Rc<Opened>>,
    /// Whether files are being read.
    pub opening: bool,
    /// Why the last files are no tree.
    pub trouble: Option<Rc<str>>,
    texts: Vec<(u32, Config, Rc<Known>)>,
    last: u32,
}

/// Assembled texts that are kept for going back.
const KEPT: usize = 6;

/// Whether the page itself cannot assemble the text of a configuration.
fn is_foreign(config: &Config) -> bool {
    config.form == Form::Custom && (config.base != Base::BuiltIn || is_entry_text(&config.custom))
}

/// What decides the text of a configuration.
fn text_of(config: &Config) -> Config {
    Config { geometry: Geometry::default(), ..config.clone() }
}

impl Trees {
    /// A tree that was opened.
    #[must_use]
    pub fn tree(&self, id: TreeId) -> Option<&Opened> {
        self.opened.iter().find(|opened| opened.id == id).map(|opened| &**opened)
    }

    /// What is to be assembled, under its tickets.
    pub fn wanted(&self) -> impl Iterator<Item = (u32, &Config)> {
        self.texts.iter().filter(|(_, _, known)| known.is_none()).map(|(ticket, config, _)| (*ticket, config))
    }

    /// Whether the worker has yet to assemble the text of a configuration.
    pub(crate) fn awaits(&self, config: &Config) -> bool {
        is_foreign(config) && self.known(config).is_some_and(Option::is_none)
    }

    fn known(&self, config: &Config) -> Option<&Known> {
        let text = text_of(config);
        self.texts.iter().find(|(_, config, _)| *config == text).map(|(_, _, known)| &**known)
    }

    /// Asks for what the sides need and nobody knows.
    pub(crate) fn ask(&mut self, setup: &Setup, custom: &Texts) {
        let sides = Side::BOTH.map(|side| text_of(&setup.scenario(side, custom).config));
        for text in &sides {
            if is_foreign(text) && self.can_have(text) && self.known(text).is_none() {
                self.last = self.last.wrapping_add(1);
                self.texts.insert(0, (self.last, text.clone(), Rc::default()));
            }
        }
        // What is still being assembled for nobody is not worth its answer.
        let mut rest = KEPT;
        self.texts.retain(|(_, config, known)| {
            let is_shown = sides.contains(config);
            rest -= usize::from(!is_shown && known.is_some() && rest > 0);
            is_shown || known.is_some() && rest > 0
        });
    }

    fn can_have(&self, config: &Config) -> bool {
        match config.base {
            Base::Elsewhere(id) => self.tree(id).is_some(),
            Base::BuiltIn | Base::Tree(_) => true,
        }
    }

    /// Takes what the worker tells.
    pub(crate) fn take(&mut self, told: Told) {
        self.opening = told == Told::Opening;
        match told {
            Told::Opening => self.trouble = None,
            Told::Opened(opened) => {
                self.trouble = None;
                self.opened.retain(|other| other.id != opened.id);
                self.opened.insert(0, Rc::new(opened));
            }
            Told::Refused(why) => {
                self.trouble = Some(why.as_str().into());
                let lost = |known: &Rc<Known>| known.is_none();
                self.texts.iter_mut().filter(|(_, _, known)| lost(known)).for_each(|(_, _, known)| {
                    *known = Rc::new(Some(Err(vec![told_of(why.clone(), "open the folder again")])));
                });
            }
            Told::Assembled(ticket, result) => {
                if let Some((_, _, known)) = self.texts.iter_mut().find(|(other, _, _)| *other == ticket) {
                    *known = Rc::new(Some(result));
                }
            }
        }
    }

    /// The system of a configuration.
    ///
    /// # Errors
    /// Diagnostics: of the assembler, or that a tree is not here.
    pub(crate) fn boot(&self, config: &Config) -> Result<System, Vec<Diagnostic>> {
        if !is_foreign(config) {
            return linux::boot(config);
        }
        match self.known(config) {
            Some(Some(Ok(Assembly { image, sources, notes }))) => {
                let base = match config.base {
                    // An entry_64.S alone is laid out as a tree's.
                    Base::BuiltIn => Base::Elsewhere(TreeId(0)),
                    ref other => other.clone(),
                };
                let config = Config { base, ..config.clone() };
                linux::start(&config, image.clone(), sources.clone(), notes.clone())
            }
            Some(Some(Err(diagnostics))) => Err(diagnostics.clone()),
            Some(None) => Err(vec![told_of("the worker assembles it".to_owned(), "it takes a moment")]),
            None => {
                let why = "the kernel tree is not here: a link cannot carry it".to_owned();
                Err(vec![told_of(why, "drop its folder on the page, or open it under \"Own macro\"")])
            }
        }
    }
}

fn told_of(message: String, hint: &str) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        position: Position::default(),
        source: "the kernel tree".to_owned(),
        message,
        hint: Some(hint.to_owned()),
        expansion: Vec::new(),
    }
}

#[cfg(test)]
mod tests;
