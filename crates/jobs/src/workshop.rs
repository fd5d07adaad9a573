//! Texts in a worker: assembled as the page asks, with the kernel trees that were read for them. Other workers are given these trees.

use cr3_core::asm::{Diagnostic, Severity};
use cr3_core::linux::tree::File;
use cr3_core::linux::{Config, Tree, boot};
use cr3_session::assembly::wire::{answered, assembly, questions};
use cr3_session::library::{Library, Volume};
use cr3_session::tree::wire::{encode, gift, given};
use cr3_session::tree::{Message, Opened};
use std::collections::VecDeque;
use std::sync::Arc;

/// The trees of a worker, and what is to be assembled.
#[derive(Default)]
pub struct Workshop {
    library: Library,
    asked: VecDeque<(u32, Config)>,
    /// The last ticket that was answered. They grow.
    answered: u32,
}

/// The trees that a message gives are added to `library`; whether it gave one.
pub fn receive(text: &str, library: &mut Library) -> bool {
    let Some((id, files)) = given(text) else { return false };
    let find = |path: &str| {
        let found = files.iter().find(|(name, _)| name == path);
        found.map_or(File::Absent, |(_, text)| File::Text(text.clone()))
    };
    // The caller has read a tree that it gives.
    if let Ok(tree) = Tree::read(&mut { find }, "") {
        library.add(id, Arc::new(tree));
    }
    true
}

impl Workshop {
    /// Reads a tree whose files `find` gives. Returns a message for the other workers, with the files, and one for the page.
    pub fn open(&mut self, find: &mut dyn FnMut(&str) -> File) -> Vec<String> {
        match Volume::read(find, "") {
            Ok(Volume { id, tree, files }) => {
                let opened = Message::Opened(Opened::new(id, &tree, files.len()));
                self.library.add(id, tree);
                vec![gift(id, &files), encode(&opened)]
            }
            Err(diagnostics) => vec![encode(&Message::Refused(words(&diagnostics)))],
        }
    }

    /// Takes all that is wanted, in the place of what was asked before; or a tree that it does not have any more.
    pub fn take(&mut self, text: &str) {
        if receive(text, &mut self.library) {
            return;
        }
        let wanted = questions(text, &self.library).unwrap_or_default();
        self.asked = wanted.into_iter().filter(|(ticket, _)| *ticket > self.answered).collect();
    }

    /// Whether nothing is asked.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.asked.is_empty()
    }

    /// Assembles for the oldest question and returns the answer.
    pub fn slice(&mut self) -> Option<Vec<u8>> {
        let (ticket, config) = self.asked.pop_front()?;
        self.answered = ticket;
        Some(answered(ticket, &boot(&config).map(|system| assembly(&system))))
    }
}

/// What is wrong with files that are no tree.
fn words(diagnostics: &[Diagnostic]) -> String {
    let wrong = diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error);
    let one = |diagnostic: &Diagnostic| {
        let hint = diagnostic.hint.as_ref().map_or(String::new(), |hint| format!("; {hint}"));
        format!("{}: {}{hint}", diagnostic.source, diagnostic.message)
    };
    wrong.map(one).collect::<Vec<_>>().join(". ")
}

#[cfg(test)]
mod tests;
