//! The arguments of a person's own text, and the text that they give.
//!
//! A tree is a text of one's own too, with or without edits.

use crate::diagnostic;
use crate::explore::quoted;
use crate::input::read;
use crate::outcome::WrongUse;
use crate::tree;
use clap::Args;
use cr3_core::linux::{Base, Config, Form, System, boot};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

/// A person's own text.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct OwnText {
    /// File with the text of form `custom`: macros, which replace built-in ones of the same names, or a patch: a diff, a mail, a
    /// reply that quotes one, or several mails; given several times, each form `custom` of a list has the next one
    #[arg(long, visible_alias = "patch", value_name = "FILE")]
    r#macro: Vec<PathBuf>,
    /// Folder of a kernel tree, built or not: form `custom` is then its entry code, with the text of --macro in it if given
    #[arg(long, value_name = "DIR")]
    tree: Option<PathBuf>,
    /// A name of the kernel's configuration for the text of --macro or --tree, with or without CONFIG_; may be given several times
    #[arg(long, value_name = "NAME=y|n")]
    config: Vec<Setting>,
}

impl OwnText {
    /// Whether there is one, or settings for one.
    pub(crate) fn is_given(&self) -> bool {
        !self.r#macro.is_empty() || self.tree.is_some() || !self.config.is_empty()
    }

    /// The option that gives it, as it is written.
    pub(crate) fn option(&self) -> &'static str {
        match (self.r#macro.as_slice(), &self.tree) {
            ([_, ..], _) => "--macro",
            ([], Some(_)) => "--tree",
            ([], None) => "--config",
        }
    }

    /// The text that it changes.
    pub(crate) fn base(&self) -> Result<Base, WrongUse> {
        let tree = self.tree.as_deref().map(tree::read).transpose()?;
        Ok(tree.map_or(Base::BuiltIn, |tree| Base::Tree(Arc::new(tree))))
    }

    /// How many texts there are.
    pub(crate) fn count(&self) -> usize {
        self.r#macro.len()
    }

    /// The text with this index, or the last one, with its settings before it; nothing where no file is named.
    pub(crate) fn text(&self, index: usize) -> Result<Option<Arc<str>>, WrongUse> {
        let file = self.r#macro.get(index).or(self.r#macro.last());
        let text = match (file, &self.tree) {
            (Some(file), _) => read(file)?,
            (None, Some(_)) => String::new(),
            (None, None) if self.config.is_empty() => return Ok(None),
            (None, None) => {
                return Err(WrongUse::new("--config is given but no text", "give one with --macro FILE or --tree DIR"));
            }
        };
        let settings: String = self.config.iter().map(Setting::line).collect();
        // The lines of the file keep their numbers.
        let count = if settings.is_empty() { "" } else { "#line 1\n" };
        Ok(Some(format!("{settings}{count}{text}").into()))
    }

    /// The same arguments, as a shell takes them; empty if there is no text.
    pub(crate) fn options(&self) -> String {
        let file = |option: &str, file: &PathBuf| format!("{option} {}", quoted(&file.display().to_string()));
        let tree = self.tree.iter().map(|tree| file("--tree", tree));
        let text = self.r#macro.iter().map(|text| file("--macro", text));
        let settings = self.config.iter().map(|setting| format!("--config {}", quoted(&setting.word())));
        tree.chain(text).chain(settings).collect::<Vec<_>>().join(" ")
    }

    /// The arguments that name a form.
    pub(crate) fn form_options(&self, form: Form) -> String {
        match form {
            Form::Custom => self.options(),
            form => format!("--form {form}"),
        }
    }
}

/// The system of a person's own text, which has notes.
pub(crate) fn system(config: Option<&Config>) -> Result<Option<System>, WrongUse> {
    let own = config.filter(|config| config.form == Form::Custom);
    own.map(boot).transpose().map_err(|diagnostics| diagnostic::refused(&diagnostics))
}

/// A name of the configuration and whether it is set.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Setting {
    /// With `CONFIG_`.
    name: String,
    set: bool,
}

impl Setting {
    fn line(&self) -> String {
        match self.set {
            true => format!("#define {} 1\n", self.name),
            false => format!("#undef {}\n", self.name),
        }
    }

    fn word(&self) -> String {
        format!("{}={}", self.name, if self.set { "y" } else { "n" })
    }
}

impl FromStr for Setting {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once('=').ok_or("expected NAME=y or NAME=n")?;
        let name = name.strip_prefix("CONFIG_").unwrap_or(name);
        let letter = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
        if name.is_empty() || !name.bytes().all(letter) {
            return Err(format!("'{name}' is no name of the configuration: capital letters, digits and _"));
        }
        let set = match value {
            "y" => true,
            "n" => false,
            _ => return Err(format!("'{value}' is neither y nor n")),
        };
        Ok(Self { name: format!("CONFIG_{name}"), set })
    }
}
