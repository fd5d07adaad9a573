//! What the claims are judged about.

use crate::linux::{Base, Config, Form};
use std::sync::Arc;

/// What replaces the merged form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The form.
    pub form: Form,
    /// The text of [`Form::Custom`].
    pub custom: Arc<str>,
    /// The text that it changes.
    pub base: Base,
}

impl Default for Subject {
    /// The merged form itself.
    fn default() -> Self {
        Self { form: Form::E, custom: Arc::default(), base: Base::BuiltIn }
    }
}

impl Subject {
    /// A person's own text.
    pub fn own(text: impl Into<Arc<str>>) -> Self {
        Self::on(Base::BuiltIn, text)
    }

    /// A person's own text on the text that it changes.
    pub fn on(base: Base, text: impl Into<Arc<str>>) -> Self {
        Self { form: Form::Custom, custom: text.into(), base }
    }

    /// `config`, which names the form of an experiment, with the subject in the place of form E.
    pub fn applied(&self, config: Config) -> Config {
        match config.form {
            Form::E => Config { form: self.form, custom: self.custom.clone(), base: self.base.clone(), ..config },
            _ => config,
        }
    }
}
