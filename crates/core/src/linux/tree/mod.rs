//! A person's kernel tree as the entry text.
//!
//! The entry code is the tree's, with the headers that it includes; the C side stays the modelled one. What the kernel's
//! build generates, and what only objtool, the unwinder or patching at boot read, has stand-ins.

mod release;
mod texts;

pub use release::{Checked, Release};

pub(super) use texts::{CUSTOM_PATH, ENTRY_INDEX, FILES, drops, inputs};

use super::{Features, Kernel, Variation, constants};
use crate::asm::{self, Diagnostic, Position, Severity};
use release::switches_early;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The text that edits change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Base {
    /// The one of this repository.
    #[default]
    BuiltIn,
    /// That of a person's tree. Form `custom` alone runs on it.
    Tree(Arc<Tree>),
}

impl Base {
    /// The tree, if it is one.
    pub fn tree(&self) -> Option<&Arc<Tree>> {
        match self {
            Self::BuiltIn => None,
            Self::Tree(tree) => Some(tree),
        }
    }
}

/// What a tree has at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum File {
    /// A text.
    Text(String),
    /// No such file.
    Absent,
    /// A file that is not taken, and why.
    Refused(String),
}

/// The entry text of a kernel tree.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tree {
    release: Release,
    variations: Vec<Variation>,
    /// Paths and texts: the entry texts, then the headers in the order in which they were asked for.
    files: Vec<(String, Arc<str>)>,
    refused: BTreeMap<String, String>,
    /// What the text calls and nothing here defines.
    unmodelled: Vec<String>,
}

/// The file that has the entry code.
pub(super) const ENTRY: &str = "arch/x86/entry/entry_64.S";
/// Macros of the entry code.
const CALLING: &str = "arch/x86/entry/calling.h";
/// Further entry text, with the operand of VERW; since v6.3.
const OPERAND: &str = "arch/x86/entry/entry.S";
/// Where the release stands.
const MAKEFILE: &str = "Makefile";
/// The C side of address spaces, of which one order of statements is read.
const TLB: &str = "arch/x86/mm/tlb.c";

impl Tree {
    /// The entry text of a tree. `find` gives what stands at a path from the tree's top; nothing is asked for that the text
    /// does not need.
    ///
    /// # Errors
    /// Diagnostics that name the file that is missing, or what the text lacks.
    pub fn read(find: &mut dyn FnMut(&str) -> File) -> Result<Self, Vec<Diagnostic>> {
        let makefile = needed(find, MAKEFILE, "it names the release")?;
        let release = Release::of(&makefile).ok_or_else(|| {
            vec![refusal(
                MAKEFILE,
                "it names no release".to_owned(),
                "it has VERSION, PATCHLEVEL and SUBLEVEL in a kernel tree",
            )]
        })?;
        let mut files = vec![(ENTRY.to_owned(), needed(find, ENTRY, "it has the entry code")?.into())];
        files.push((CALLING.to_owned(), needed(find, CALLING, "it has the macros of the entry code")?.into()));
        if let File::Text(text) = find(OPERAND) {
            files.push((OPERAND.to_owned(), text.into()));
        }
        let early = matches!(find(TLB), File::Text(text) if switches_early(&text));
        let variations = early.then_some(Variation::EarlySwitching).into_iter().collect();
        let mut tree = Self { release, variations, files, refused: BTreeMap::new(), unmodelled: Vec::new() };
        tree.add_headers(find);
        tree.unmodelled = tree.undefined();
        Ok(tree)
    }

    /// The release that the tree is of.
    pub fn release(&self) -> Release {
        self.release
    }

    /// `given` with what the tree's C side has.
    #[must_use]
    pub fn kernel(&self, given: Kernel) -> Kernel {
        self.variations.iter().fold(given, |kernel, &variation| kernel.with(variation))
    }

    /// The files that were read for the text, with their contents.
    pub fn files(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.files.iter().map(|(path, text)| (path.as_str(), &**text))
    }

    /// The functions in C that the text calls and this machine does not model: whoever reaches one panics.
    pub fn unmodelled(&self) -> &[String] {
        &self.unmodelled
    }

    /// Every kernel whose text may include other headers.
    fn add_headers(&mut self, find: &mut dyn FnMut(&str) -> File) {
        for kernel in [Kernel::V6_12, Kernel::only(Variation::DebugEntry)] {
            let input = inputs(self, "", super::Handlers::QUIET, constants::options(Features::ALL, kernel));
            let mut refused = BTreeMap::new();
            let mut seek = |path: &str| match find(path) {
                File::Text(text) => Some(text),
                File::Absent => texts::generated(path, &mut |path| matches!(find(path), File::Text(_))),
                File::Refused(why) => {
                    refused.insert(path.to_owned(), why);
                    None
                }
            };
            let found = asm::headers(&input.sources, &input.options, &mut seek);
            self.files.extend(found.into_iter().map(|source| (source.name, source.text.into())));
            self.refused.extend(refused);
        }
    }

    fn undefined(&self) -> Vec<String> {
        let kernels = [Kernel::V6_12, Kernel::only(Variation::DebugEntry)];
        let names = kernels.into_iter().flat_map(|kernel| {
            let input = inputs(self, "", super::Handlers::QUIET, constants::options(Features::ALL, kernel));
            asm::assemble(&input.sources, &input.options).0.undefined
        });
        // Names of numbers have capital letters alone: without one the text cannot run.
        let mut names: Vec<_> = names.filter(|name| name.bytes().any(|byte| byte.is_ascii_lowercase())).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

fn needed(find: &mut dyn FnMut(&str) -> File, path: &str, why: &str) -> Result<String, Vec<Diagnostic>> {
    match find(path) {
        File::Text(text) => Ok(text),
        File::Absent => Err(vec![refusal(
            path,
            "the tree has no such file".to_owned(),
            &format!("{why}: name the top folder of a kernel tree"),
        )]),
        File::Refused(cause) => Err(vec![refusal(path, format!("the file is refused: {cause}"), why)]),
    }
}

fn refusal(path: &str, message: String, hint: &str) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        position: Position::default(),
        source: path.to_owned(),
        message,
        hint: Some(hint.to_owned()),
        expansion: Vec::new(),
    }
}
