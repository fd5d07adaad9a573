//! Kernel trees that a person opened. A worker has their files, and the page what is to be known of them.

pub mod wire;

use cr3_core::linux::tree::Checked;
use cr3_core::linux::{Base, Kernel, Tree, TreeId};
use std::rc::Rc;

/// A tree that was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Names it.
    pub id: TreeId,
    /// The release, as the tree names it.
    pub release: String,
    /// What its C side has.
    pub kernel: Kernel,
    /// Whether the modelled C side was compared with that of the release.
    pub checked: Checked,
    /// How many files of it were read.
    pub files: usize,
    /// What was taken of its configuration, in words; empty where it has none.
    pub configured: String,
}

impl Opened {
    /// What is to be known of a tree, of which so many files were read.
    #[must_use]
    pub fn new(id: TreeId, tree: &Tree, files: usize) -> Self {
        let (release, kernel) = (tree.release(), tree.kernel(Kernel::V6_12));
        let (checked, configured) = (release.checked(), tree.configured().words());
        Self { id, release: release.to_string(), kernel, checked, files, configured }
    }

    /// Which C side runs with it.
    #[must_use]
    pub fn c_side(&self) -> String {
        format!("the C side is modelled after {}, {}", self.kernel, self.checked.name())
    }
}

/// What the worker that reads trees tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// The files are being read.
    Opening,
    /// A tree is there.
    Opened(Opened),
    /// The files are no tree that can be run, or the worker broke down: why.
    Refused(String),
}

/// The trees of a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trees {
    /// Those that were opened, newest first.
    pub opened: Vec<Rc<Opened>>,
    /// Whether files are being read.
    pub opening: bool,
    /// Why the last files are no tree.
    pub trouble: Option<Rc<str>>,
}

impl Trees {
    /// A tree that was opened.
    #[must_use]
    pub fn tree(&self, id: TreeId) -> Option<&Opened> {
        self.opened.iter().find(|opened| opened.id == id).map(|opened| &**opened)
    }

    /// What the C side of each of these trees has.
    pub(crate) fn kernels(&self, ids: [Option<TreeId>; 2]) -> [Option<Kernel>; 2] {
        ids.map(|id| Some(self.tree(id?)?.kernel))
    }

    /// Whether the assembling side has the texts that a person's own changes.
    pub(crate) fn has(&self, base: &Base) -> bool {
        match base {
            Base::Elsewhere(id) => self.tree(*id).is_some(),
            Base::BuiltIn | Base::Tree(_) => true,
        }
    }

    /// Takes what the worker tells.
    pub(crate) fn take(&mut self, message: Message) {
        self.opening = message == Message::Opening;
        match message {
            Message::Opening => self.trouble = None,
            Message::Opened(opened) => {
                self.trouble = None;
                self.opened.retain(|other| other.id != opened.id);
                self.opened.insert(0, Rc::new(opened));
            }
            Message::Refused(why) => self.trouble = Some(why.as_str().into()),
        }
    }
}

#[cfg(test)]
mod tests;
