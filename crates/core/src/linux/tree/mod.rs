//! A person's kernel tree as the entry text.
//!
//! The entry code is the tree's, with the headers that it includes; the C side stays the modelled one. What the kernel's
//! build generates, and what only objtool, the unwinder or patching at boot read, has stand-ins.

mod adapters;
mod alone;
mod configured;
mod release;
mod stubs;
mod texts;

pub use alone::is_entry_text;
pub(super) use configured::CONFIGURED;
pub use configured::Configured;
pub use release::{Checked, Release};
pub use stubs::{UNMODELLED, described};

pub(super) use stubs::mended;
pub(super) use texts::{CUSTOM_PATH, EDITED, ENTRY_INDEX, Library, drops, inputs};

use super::sources::FILES;
use super::{Features, Handlers, Kernel, Variation, constants};
use crate::asm::{self, Diagnostic, Files, Includes, Position, Severity};
use release::switches_early;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::num::ParseIntError;
use std::str::FromStr;
use std::sync::Arc;
use stubs::Stubs;

/// Names a tree to those who hand it on: a sum over its files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TreeId(pub u64);

impl TreeId {
    /// That of files, each with its path and text: FNV-1a with 64 bits.
    pub fn of<'f>(files: impl IntoIterator<Item = (&'f str, &'f str)>) -> Self {
        let bytes = files.into_iter().flat_map(|(path, text)| [path, "\0", text, "\0"]).flat_map(str::bytes);
        Self(bytes.fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)))
    }
}

impl Display for TreeId {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for TreeId {
    type Err = ParseIntError;
    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        u64::from_str_radix(text, 16).map(Self)
    }
}

/// The text that edits change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Base {
    /// The one of this repository.
    #[default]
    BuiltIn,
    /// That of a person's tree. Form `custom` alone runs on it.
    Tree(Arc<Tree>),
    /// That of a tree which only another program has. It can be started once that program has assembled it.
    Elsewhere(TreeId),
}

impl Base {
    /// The tree, if it is one. Whatever treats a tree in its own way asks here: without the feature `trees`, whose absence
    /// [`Tree::read`] reports, the compiler then sees that there is none, and leaves all of that out.
    #[inline]
    pub fn tree(&self) -> Option<&Arc<Tree>> {
        match self {
            Self::Tree(tree) if cfg!(feature = "trees") => Some(tree),
            Self::Tree(_) | Self::Elsewhere(_) | Self::BuiltIn => None,
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
    configured: Configured,
    /// What the text calls and nothing here defines.
    stubs: Stubs,
    /// Whether the order of two statements could be read.
    switching: Switching,
    /// Whether the entry code came without its tree, and stand-ins have the place of its headers.
    is_alone: bool,
}

/// When the tree's `switch_mm_irqs_off` says that it is switching.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Switching {
    /// Its text tells.
    Read,
    /// The tree has no such text.
    Unknown,
}

/// The file that has the entry code.
pub(super) const ENTRY: &str = FILES[1];
/// Macros of the entry code.
const CALLING: &str = FILES[0];
/// Further entry text, with the operand of VERW; since v6.3.
const OPERAND: &str = "arch/x86/entry/entry.S";
/// Where the release stands.
const MAKEFILE: &str = "Makefile";
/// The C side of address spaces, of which one order of statements is read.
const TLB: &str = "arch/x86/mm/tlb.c";

impl Tree {
    /// The entry text of a tree. `find` gives the text at a path from the tree's top; nothing is asked for that the text
    /// does not need. `settings` are lines of the preprocessor that a person sets: what they let the text include is read too.
    ///
    /// # Errors
    /// Diagnostics that name the file that is missing, or what the text lacks.
    pub fn read(find: &mut dyn FnMut(&str) -> File, settings: &str) -> Result<Self, Vec<Diagnostic>> {
        if !cfg!(feature = "trees") {
            let hint = "cr3play runs kernel trees";
            return Err(vec![refusal(MAKEFILE, "this program cannot run kernel trees".to_owned(), hint)]);
        }
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
        files.extend(found(find, OPERAND).map(|text| (OPERAND.to_owned(), text.into())));
        let tlb = found(find, TLB);
        let config = found(find, configured::CONFIG).unwrap_or_default();
        let early = tlb.as_deref().is_some_and(switches_early).then_some(Variation::EarlySwitching);
        let mut tree = Self {
            release,
            variations: early.into_iter().chain(configured::variations(&config)).collect(),
            files,
            refused: BTreeMap::new(),
            configured: Configured::of(&config),
            stubs: Stubs::default(),
            switching: if tlb.is_some() { Switching::Read } else { Switching::Unknown },
            is_alone: false,
        };
        tree.add_headers(find, "");
        if !settings.is_empty() {
            tree.add_headers(find, settings);
        }
        let texts = tree.files.iter().map(|(_, text)| &**text);
        tree.configured = std::mem::take(&mut tree.configured).asked(texts);
        Ok(tree)
    }

    /// The release that the tree is of.
    pub fn release(&self) -> Release {
        self.release
    }

    /// Whether the entry code came without its tree.
    pub fn is_alone(&self) -> bool {
        self.is_alone
    }

    /// `given` with what the tree's C side has.
    #[must_use]
    pub fn kernel(&self, given: Kernel) -> Kernel {
        self.variations.iter().fold(given, |kernel, &variation| kernel.with(variation))
    }

    /// What was taken of its `.config`.
    pub fn configured(&self) -> &Configured {
        &self.configured
    }

    /// The files that were read for the text, with their contents.
    pub fn files(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.files.iter().map(|(path, text)| (path.as_str(), &**text))
    }

    /// The same tree with these texts at their paths.
    pub(super) fn with(&self, edits: [(&str, &str); 2]) -> Self {
        let edited = |path: &str| edits.iter().find(|(edited, _)| *edited == path);
        let file = |(path, text): &(String, Arc<str>)| {
            (path.clone(), edited(path).map_or_else(|| text.clone(), |(_, text)| (*text).into()))
        };
        Self { files: self.files.iter().map(file).collect(), ..self.clone() }
    }

    /// The functions in C that the text calls and this machine does not model. A run that reaches one panics.
    pub fn unmodelled(&self) -> impl ExactSizeIterator<Item = &str> {
        self.stubs.panicking()
    }

    /// Whether the tree does not show when `switch_mm_irqs_off` announces the switch.
    pub(super) fn lacks_switching(&self) -> bool {
        self.switching == Switching::Unknown
    }

    /// The same tree with what its text calls where a person sets names of the configuration.
    #[must_use]
    pub(super) fn reaching(&self, settings: &str) -> Self {
        let mut tree = self.clone();
        tree.add_headers(&mut |_| File::Absent, settings);
        tree
    }

    /// Reads the headers of every kernel whose text may include others, and keeps what it calls and nothing defines.
    fn add_headers(&mut self, find: &mut dyn FnMut(&str) -> File, settings: &str) {
        for kernel in [Kernel::V6_12, Kernel::only(Variation::DebugEntry)] {
            let input = inputs(self, settings, Handlers::QUIET, constants::options(Features::ALL, kernel));
            let seeking =
                Seeking { library: Library::new(self), find: RefCell::new(&mut *find), found: RefCell::default() };
            let includes = Includes { files: &seeking, folders: &texts::folders() };
            let assembled = asm::assemble_including(&input.sources, &includes, &input.options);
            let found = seeking.found.into_inner();
            self.stubs.add(assembled.image.called.iter());
            self.refused.extend(found.refused);
            self.files.extend(found.files);
        }
    }
}

/// What a tree had that was not read yet.
#[derive(Default)]
struct Found {
    files: Vec<(String, Arc<str>)>,
    refused: BTreeMap<String, String>,
}

/// The files of a tree that is being read.
struct Seeking<'s> {
    library: Library<'s>,
    find: RefCell<&'s mut dyn FnMut(&str) -> File>,
    found: RefCell<Found>,
}

impl Files for Seeking<'_> {
    fn read(&self, path: &str) -> Result<Option<String>, String> {
        if let Some(text) = self.library.read(path)? {
            return Ok(Some(text));
        }
        let find = &mut **self.find.borrow_mut();
        let text = match find(path) {
            File::Text(text) => text,
            File::Refused(why) => {
                self.found.borrow_mut().refused.insert(path.to_owned(), why.clone());
                return Err(why);
            }
            File::Absent => match texts::generated(path, &mut |path| matches!(find(path), File::Text(_))) {
                Some(text) => text,
                None => return Ok(None),
            },
        };
        self.found.borrow_mut().files.push((path.to_owned(), text.as_str().into()));
        Ok(Some(texts::extended(path, &text)))
    }

    fn source(&self, path: &str) -> Option<usize> {
        self.library.source(path)
    }

    fn is_header(&self, source: usize) -> bool {
        self.library.is_header(source)
    }
}

/// A file that a tree need not have.
fn found(find: &mut dyn FnMut(&str) -> File, path: &str) -> Option<String> {
    match find(path) {
        File::Text(text) => Some(text),
        File::Absent | File::Refused(_) => None,
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
