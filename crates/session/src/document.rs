//! Texts beside the page, which the page fetches when a person opens what shows them.

use crate::choice::Overlay;
use std::rc::Rc;

/// A text beside the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paper {
    /// docs/LIMITS.md: what is modelled and what is not.
    Limits,
    /// docs/WHY.md: why the kernel has each instruction.
    Why,
}

impl Paper {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Limits, Self::Why];

    /// Its name beside the page, and below docs/ of the repository.
    #[must_use]
    pub fn file(self) -> &'static str {
        match self {
            Self::Limits => "LIMITS.md",
            Self::Why => "WHY.md",
        }
    }

    /// What shows it.
    fn overlay(self) -> Overlay {
        match self {
            Self::Limits => Overlay::Limits,
            Self::Why => Overlay::Editor,
        }
    }
}

/// The content of a text, as far as it is here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Document {
    /// Nobody has fetched it.
    #[default]
    Unread,
    /// The text.
    Read(Rc<str>),
    /// It could not be fetched: why.
    Missing(Rc<str>),
}

impl Document {
    /// What a person who opens it gets first: a text that was missing is fetched again.
    fn opened(&mut self) {
        if matches!(self, Self::Missing(_)) {
            *self = Self::Unread;
        }
    }

    /// The text, or what is said in its place.
    pub(crate) fn text(&self, paper: Paper) -> Result<&str, String> {
        match self {
            Self::Unread => Err("The text is being fetched.".to_owned()),
            Self::Read(text) => Ok(text),
            Self::Missing(why) => {
                let file = paper.file();
                Err(format!("The text could not be fetched: {why}. It is docs/{file} of the repository."))
            }
        }
    }
}

/// The contents of all texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Papers([Document; Paper::ALL.len()]);

impl Papers {
    /// That of one text.
    #[must_use]
    pub fn of(&self, paper: Paper) -> &Document {
        &self.0[paper as usize]
    }

    /// A text that is here stays, even if it is fetched again in vain.
    pub(crate) fn take(&mut self, paper: Paper, document: Document) {
        let known = &mut self.0[paper as usize];
        if !matches!((&*known, &document), (Document::Read(_), Document::Missing(_))) {
            *known = document;
        }
    }

    /// Fetches again what `overlay` shows, if it was missing.
    pub(crate) fn open(&mut self, overlay: &Overlay) {
        for paper in Paper::ALL.into_iter().filter(|paper| paper.overlay() == *overlay) {
            self.0[paper as usize].opened();
        }
    }

    /// The text that `overlay` shows and that is not here.
    #[must_use]
    pub fn wanted(&self, overlay: &Overlay) -> Option<Paper> {
        Paper::ALL.into_iter().find(|paper| paper.overlay() == *overlay && *self.of(*paper) == Document::Unread)
    }
}
