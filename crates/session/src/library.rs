//! The kernel trees that a worker has, and configurations as fields of messages, which name them.

use crate::choice::Form;
use crate::fields::SEPARATOR;
use cr3_core::linux::{Base, Config, Tree, TreeId};
use std::sync::Arc;

/// The trees that a worker has.
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
}

/// The text that a form changes, as a field: nothing for the built-in one.
pub(crate) fn base_text(base: &Base) -> String {
    match base {
        Base::Elsewhere(id) => id.to_string(),
        // Whoever has a tree sends it to nobody.
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
