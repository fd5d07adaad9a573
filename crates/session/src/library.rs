//! The kernel trees that a program has, and configurations as fields of messages, which name them.

use crate::choice::Form;
use crate::fields::SEPARATOR;
use crate::tree::{Opened, Trees};
use cr3_core::asm::Diagnostic;
use cr3_core::linux::tree::File;
use cr3_core::linux::{Base, Config, Tree, TreeId};
use std::rc::Rc;
use std::sync::Arc;

/// A tree that was read, with all files that were read for it.
#[derive(Clone, Debug)]
pub struct Volume {
    /// Names it, by its files.
    pub id: TreeId,
    /// Its entry text.
    pub tree: Arc<Tree>,
    /// Paths and texts.
    pub files: Vec<(String, String)>,
}

impl Volume {
    /// Reads a tree; `find` gives the text at a path from its top, and `settings` are those of [`Tree::read`].
    ///
    /// # Errors
    /// What is missing, or wrong.
    pub fn read(find: &mut dyn FnMut(&str) -> File, settings: &str) -> Result<Self, Vec<Diagnostic>> {
        let mut files: Vec<(String, String)> = Vec::new();
        let mut noting = |path: &str| {
            let file = find(path);
            if let File::Text(text) = &file
                && files.iter().all(|(name, _)| name != path)
            {
                files.push((path.to_owned(), text.clone()));
            }
            file
        };
        let tree = Tree::read(&mut noting, settings)?;
        let id = TreeId::of(files.iter().map(|(path, text)| (path.as_str(), text.as_str())));
        Ok(Self { id, tree: tree.into(), files })
    }
}

/// The trees that a program has.
#[derive(Clone, Debug, Default)]
pub struct Library(Vec<(TreeId, Arc<Tree>)>);

impl Library {
    /// Adds one.
    pub fn add(&mut self, id: TreeId, tree: Arc<Tree>) {
        if self.base(id) == Base::Elsewhere(id) {
            self.0.push((id, tree));
        }
    }

    /// The text of a tree.
    #[must_use]
    pub fn base(&self, id: TreeId) -> Base {
        let found = self.0.iter().find(|(other, _)| *other == id);
        found.map_or(Base::Elsewhere(id), |(_, tree)| Base::Tree(tree.clone()))
    }

    /// The same configuration with the tree that it names, if that is here.
    #[must_use]
    pub fn filled(&self, config: &Config) -> Config {
        let base = match &config.base {
            Base::Elsewhere(id) => self.base(*id),
            known => known.clone(),
        };
        Config { base, ..config.clone() }
    }

    /// As a session knows them, the newest first.
    pub(crate) fn trees(&self) -> Trees {
        let opened = self.0.iter().rev().map(|(id, tree)| Rc::new(Opened::new(*id, tree, tree.files().len())));
        Trees { opened: opened.collect(), ..Trees::default() }
    }
}

/// The text that a form changes, as a field: nothing for the built-in one.
pub(crate) fn base_text(base: &Base) -> String {
    match base {
        Base::Elsewhere(id) => id.to_string(),
        // A program that has a tree sends it nowhere.
        Base::BuiltIn | Base::Tree(_) => String::new(),
    }
}

pub(crate) fn base_of(field: &str, library: &Library) -> Option<Base> {
    match field {
        "" => Some(Base::BuiltIn),
        id => Some(library.base(id.parse().ok()?)),
    }
}

/// The text of a person's own form comes last.
pub(crate) fn config_text(config: &Config) -> String {
    let Config { features, kernel, base, form, custom, handler, geometry } = config;
    let base = base_text(base);
    let system = format!("{form}{SEPARATOR}{features}{SEPARATOR}{kernel}{SEPARATOR}{handler}{SEPARATOR}{geometry}");
    format!("{system}{SEPARATOR}{base}{SEPARATOR}{custom}")
}

pub(crate) fn config_of(text: &str, library: &Library) -> Option<Config> {
    let mut fields = text.splitn(7, SEPARATOR);
    let form = Form::named(fields.next()?)?;
    let features = fields.next()?.parse().ok()?;
    let kernel = fields.next()?.parse().ok()?;
    let handler = fields.next()?.parse().ok()?;
    let geometry = fields.next()?.parse().ok()?;
    let base = base_of(fields.next()?, library)?;
    let custom = fields.next()?.into();
    Some(Config { features, kernel, base, form, custom, handler, geometry })
}
