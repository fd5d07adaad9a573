//! A text beside the page, which the page fetches when a person opens it.

use std::rc::Rc;

/// The text, as far as it is here.
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
    pub(crate) fn opened(self) -> Self {
        match self {
            Self::Missing(_) => Self::Unread,
            known => known,
        }
    }
}
