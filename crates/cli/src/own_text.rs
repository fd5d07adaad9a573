//! The arguments of a person's own text, and the text that they give.
//!
//! A tree is a text of one's own too, with or without edits.

use crate::diagnostic;
use crate::input::read_code;
use crate::outcome::WrongUse;
use crate::settings::Settings;
use crate::shell::quoted;
use crate::tree;
use clap::Args;
use cr3_core::linux::{Config, Form, System, Tree, TreeId, boot};
use std::path::PathBuf;
use std::sync::Arc;

/// The texts and trees that are given, in order.
pub(crate) struct Given {
    pub(crate) texts: Vec<Arc<str>>,
    pub(crate) trees: Vec<(TreeId, Arc<Tree>)>,
}

/// A person's own text.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct OwnText {
    /// File with the text of form `custom`: macros, which replace built-in ones of the same names, or a patch: a diff, a mail, a
    /// reply that quotes one, or several mails; may be repeated: each form that takes a text gets the next one
    #[arg(long, visible_alias = "patch", value_name = "FILE")]
    r#macro: Vec<PathBuf>,
    /// Folder of a kernel tree, built or not: form `custom` is then its entry code, with the text of --macro in it if given; may
    /// be repeated: each form that takes a tree gets the next one
    #[arg(long, value_name = "DIR")]
    tree: Vec<PathBuf>,
    #[command(flatten)]
    settings: Settings,
}

impl OwnText {
    /// Whether there is one, or settings for one.
    pub(crate) fn is_given(&self) -> bool {
        self.count() > 0 || !self.settings.is_empty()
    }

    /// Whether there are settings and nothing that they could be for.
    pub(crate) fn has_only_settings(&self) -> bool {
        self.count() == 0 && !self.settings.is_empty()
    }

    /// The option that gives it, as it is written.
    pub(crate) fn option(&self) -> &'static str {
        match (self.r#macro.as_slice(), self.tree.as_slice()) {
            ([_, ..], _) => "--macro",
            ([], [_, ..]) => "--tree",
            ([], []) => "--config",
        }
    }

    /// How many texts are given.
    pub(crate) fn macros(&self) -> usize {
        self.r#macro.len()
    }

    /// How many trees are given.
    pub(crate) fn folders(&self) -> usize {
        self.tree.len()
    }

    /// The number of distinct texts or trees.
    pub(crate) fn count(&self) -> usize {
        self.macros().max(self.folders())
    }

    /// Reads the files and folders, each once: standard input cannot be read twice. A text stands after the settings.
    pub(crate) fn read(&self) -> Result<Given, WrongUse> {
        let settings = self.settings();
        // The lines of a file keep their numbers.
        let count = if settings.is_empty() { "" } else { "#line 1\n" };
        let text = |file: &PathBuf| read_code(file).map(|text| format!("{settings}{count}{text}").into());
        let texts = self.r#macro.iter().map(text).collect::<Result<_, WrongUse>>()?;
        let tree = |folder: &PathBuf| tree::read(folder, &settings).map(|volume| (volume.id, volume.tree));
        Ok(Given { texts, trees: self.tree.iter().map(tree).collect::<Result<_, WrongUse>>()? })
    }

    /// The settings, as lines before a text.
    pub(crate) fn settings(&self) -> String {
        self.settings.lines()
    }

    /// The same arguments, as a shell takes them; empty if there is no text.
    pub(crate) fn options(&self) -> String {
        self.options_with(&self.r#macro, &self.tree)
    }

    /// The arguments that give one text and one tree of them, by their indexes.
    pub(crate) fn options_of(&self, text: Option<usize>, tree: Option<usize>) -> String {
        let one = |all: &[PathBuf], at: Option<usize>| all.get(at?).cloned();
        self.options_with(one(&self.r#macro, text).as_slice(), one(&self.tree, tree).as_slice())
    }

    fn options_with(&self, texts: &[PathBuf], trees: &[PathBuf]) -> String {
        let file = |option: &str, file: &PathBuf| format!("{option} {}", quoted(&file.display().to_string()));
        let tree = trees.iter().map(|tree| file("--tree", tree));
        let text = texts.iter().map(|text| file("--macro", text));
        let settings = self.settings.words().map(|word| format!("--config {}", quoted(&word)));
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
