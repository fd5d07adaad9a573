#![doc = include_str!("../README.md")]

mod alignment;
mod alternative;
mod annotation;
mod assembler;
mod conditional;
mod directive;
mod encode;
mod expression;
mod input;
mod instruction;
mod layout;
mod macros;
mod matching;
mod nop;
mod operand;
mod prefix;
mod preprocess;
mod reader;
mod register;
mod report;
mod scrub;
pub mod sorted;
mod symbols;
// Each row of the table fills one line.
#[rustfmt::skip]
mod table;
mod tokens;
mod unmodelled;
mod value;

use assembler::Assembler;
use layout::{Fate, Placed};
use preprocess::{Names, preprocess};
use reader::Reader;
use report::Report;
use sorted::{Map, Set};
use symbols::{Definition, Symbols};

/// A named text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its name in diagnostics and listings.
    pub name: String,
    /// The text.
    pub text: String,
}

/// Where `#include` finds texts.
pub trait Files {
    /// The text of the file at `path`, which counts from the root of the tree and has neither `.` nor `..` in it;
    /// `None` if there is no such file.
    ///
    /// # Errors
    /// Why a file that is there cannot be read.
    fn read(&self, path: &str) -> Result<Option<String>, String>;

    /// The index of the source that stands at `path`, where that is one of those given. It is read in the place of a file.
    fn source(&self, path: &str) -> Option<usize> {
        let _ = path;
        None
    }

    /// Whether the source with this index is read only where an `#include` names it.
    fn is_header(&self, source: usize) -> bool {
        let _ = source;
        false
    }
}

/// How to follow `#include`. The name of each source is its path.
pub struct Includes<'f> {
    /// The files.
    pub files: &'f dyn Files,
    /// Folders in which a name in `<>` is looked for, in this order: `arch/x86/include`, for example.
    pub folders: &'f [String],
}

/// Bounds on the work for hostile text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Statements after macro expansion and repetition.
    pub statements: usize,
    /// Bytes of output over all sections.
    pub bytes: usize,
    /// Depth of macro calls.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { statements: 200_000, bytes: 4 << 20, depth: 64 }
    }
}

/// How to assemble.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Feature names for which ALTERNATIVE takes its second arm, for example `X86_FEATURE_PTI`.
    pub features: Set<String>,
    /// Numbers of features, for a text that writes them in place of the names. What the text itself defines goes before.
    pub feature_numbers: Map<String, u16>,
    /// Predefined constants, as if by `#define`.
    pub constants: Map<String, i64>,
    /// Linear base address of each section by name; a section without one starts at 0.
    pub sections: Map<String, u64>,
    /// Sections of which nothing is kept, as by `/DISCARD/` of a linker script: those with such a name, alone or with a
    /// dot and more after it.
    pub discarded: Set<String>,
    /// Bounds.
    pub limits: Limits,
    /// Indices of the sources that begin a translation unit: what `#define` named before them is forgotten there. Labels and
    /// macros are those of all.
    pub units: Set<usize>,
}

impl Options {
    fn fate(&self, section: &str) -> Fate {
        let ends = section.match_indices('.').map(|(at, _)| at).chain([section.len()]);
        match ends.map(|end| &section[..end]).any(|begin| self.discarded.contains(begin)) {
            true => Fate::Discarded,
            false => Fate::Placed,
        }
    }
}

/// A position in a source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Index into the sources, from 0.
    pub source: usize,
    /// From 1.
    pub line: u32,
    /// In characters, from 1.
    pub column: u32,
}

/// How serious a diagnostic is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The image cannot be trusted.
    Error,
    /// Worth knowing.
    Warning,
    /// A decision where the text leaves it open.
    Note,
}

/// How a note ends on a name that decides about text and that nobody has set.
pub const COUNTS_AS_OFF: &str = "counts as off";

/// What is wrong with a text, or was decided about it: place, cause, mend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Whether the image can be trusted.
    pub severity: Severity,
    /// Where the faulty text is.
    pub position: Position,
    /// Name of the source.
    pub source: String,
    /// What is wrong: one clause.
    pub message: String,
    /// How to mend it.
    pub hint: Option<String>,
    /// Macro calls that led here, outermost first: name and position of the call.
    pub expansion: Vec<(String, Position)>,
}

/// Contiguous bytes at an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// As in `.section`: `.text`, for example.
    pub name: String,
    /// Linear address of the first byte.
    pub base: u64,
    /// Its contents.
    pub bytes: Vec<u8>,
}

/// One assembled statement: an instruction or data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Linear address.
    pub address: u64,
    /// Number of bytes.
    pub length: u32,
    /// Whether the bytes are an instruction rather than data.
    pub instruction: bool,
    /// Where the statement is written: for a macro's body, the line in the macro.
    pub position: Position,
    /// The statement after macro expansion, white space folded.
    pub text: String,
    /// Macro calls that led here, outermost first: name and position of the call.
    pub expansion: Vec<(String, Position)>,
}

/// The result of assembly.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    /// Sections in order of first appearance.
    pub sections: Vec<Section>,
    /// Addresses of all labels except numeric ones; `.L` labels included.
    pub symbols: Map<String, u64>,
    /// Further names of addresses, which begin no place of their own. The assembler gives none.
    pub aliases: Map<String, u64>,
    /// Labels of another text that have no place in this one. The assembler gives none.
    pub absent: Vec<String>,
    /// Names that calls or jumps go to and nothing defines, in order. Each use is an error.
    pub called: Set<String>,
    /// Values of `.set`, `=`, `#define`d numbers.
    pub constants: Map<String, i64>,
    /// Statements in order of address within each section.
    pub listing: Vec<Line>,
    /// The text of [`expanded_text`].
    pub expanded: String,
}

/// What [`assemble_including`] makes of a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assembled {
    /// The result.
    pub image: Image,
    /// What is wrong with the texts, or was decided about them.
    pub diagnostics: Vec<Diagnostic>,
    /// The files that were included. They follow the sources in [`Position::source`].
    pub included: Vec<Source>,
}

/// Assembles `sources` in order, as if they were one file. Diagnostics with [`Severity::Error`] mean the image is incomplete.
///
/// ```
/// use cr3_asm::{Options, Source, assemble};
///
/// let text = ".macro SET_NOFLUSH_BIT reg:req\n bts $63, \\reg\n.endm\nSET_NOFLUSH_BIT %rax\n";
/// let source = Source { name: "calling.h".into(), text: text.into() };
/// let (image, diagnostics) = assemble(&[source], &Options::default());
/// assert_eq!(diagnostics, []);
/// assert_eq!(image.sections[0].bytes, [0x48, 0x0F, 0xBA, 0xE8, 0x3F]);
/// ```
pub fn assemble(sources: &[Source], options: &Options) -> (Image, Vec<Diagnostic>) {
    let Assembled { image, diagnostics, .. } = assembled(sources, None, options);
    (image, diagnostics)
}

/// Like [`assemble`], and follows each `#include`.
///
/// ```
/// use cr3_asm::{Files, Includes, Options, Source, assemble_including};
///
/// struct One;
///
/// impl Files for One {
///     fn read(&self, path: &str) -> Result<Option<String>, String> {
///         Ok((path == "arch/x86/include/asm/bits.h").then(|| "#define BIT_63 63\n".to_owned()))
///     }
/// }
///
/// let text = "#include <asm/bits.h>\nbts $BIT_63, %rax\n".to_owned();
/// let source = Source { name: "arch/x86/entry/calling.h".into(), text };
/// let includes = Includes { files: &One, folders: &["arch/x86/include".to_owned()] };
/// let assembled = assemble_including(&[source], &includes, &Options::default());
/// assert_eq!(assembled.diagnostics, []);
/// assert_eq!(assembled.image.sections[0].bytes, [0x48, 0x0F, 0xBA, 0xE8, 0x3F]);
/// assert_eq!(assembled.included[0].name, "arch/x86/include/asm/bits.h");
/// ```
pub fn assemble_including(sources: &[Source], includes: &Includes<'_>, options: &Options) -> Assembled {
    assembled(sources, Some(includes), options)
}

fn assembled(sources: &[Source], includes: Option<&Includes<'_>>, options: &Options) -> Assembled {
    let mut report = Report::new(sources, options.limits.statements);
    let preprocessed = preprocess(sources, includes, options, Names::Replaced, &mut report);
    let assembler = Assembler::new(options, &mut report);
    let reader = Reader::new(assembler, preprocessed.statements, &preprocessed.constants);
    let Assembler { layout, symbols, expanded, .. } = reader.run();
    let mut image = Image { constants: options.constants.clone(), expanded, ..Image::default() };
    image.constants.extend(preprocessed.constants);
    if report.stopped() {
        return Assembled { image, included: report.added(), diagnostics: report.finish() };
    }
    let placed = Placed::settle(&layout, &symbols, options.limits.bytes as u64, &mut report);
    name_symbols(&placed, &symbols, &mut image);
    image.called = placed.called().map(str::to_owned).collect();
    let sections = placed.sections(&mut report);
    // The bytes end where too many errors stopped the run; the listing does not.
    if !report.stopped() {
        image.sections = sections;
        image.listing = placed.listing();
    }
    Assembled { image, included: report.added(), diagnostics: report.finish() }
}

/// The statements of `sources` after preprocessing: without comments and without lines that an `#if` leaves out, before
/// any macro call. [`assemble`] reports what is wrong with the texts.
pub fn statements(sources: &[Source], options: &Options) -> Vec<(Position, String)> {
    placed_statements(sources, None, options, Names::Replaced)
}

/// Like [`statements`], and follows each `#include`.
pub fn statements_including(sources: &[Source], includes: &Includes<'_>, options: &Options) -> Vec<(Position, String)> {
    placed_statements(sources, Some(includes), options, Names::Replaced)
}

/// Like [`statements`], but keeps the names that `#define` gives.
pub fn written_statements(sources: &[Source], options: &Options) -> Vec<(Position, String)> {
    placed_statements(sources, None, options, Names::Kept)
}

/// Like [`written_statements`], and follows each `#include`.
pub fn written_statements_including(
    sources: &[Source],
    includes: &Includes<'_>,
    options: &Options,
) -> Vec<(Position, String)> {
    placed_statements(sources, Some(includes), options, Names::Kept)
}

fn placed_statements(
    sources: &[Source],
    includes: Option<&Includes<'_>>,
    options: &Options,
    names: Names,
) -> Vec<(Position, String)> {
    let mut report = Report::new(sources, options.limits.statements);
    let statements = preprocess(sources, includes, options, names, &mut report).statements;
    statements.into_iter().map(|statement| (statement.at, statement.text.to_string())).collect()
}

/// Names of registers, without `%`.
pub fn register_names() -> impl Iterator<Item = String> {
    register::names()
}

/// The statements of `image` after preprocessing, macro expansion and choice of alternatives, one per line. GNU `as`
/// assembles this text to the same bytes.
pub fn expanded_text(image: &Image) -> String {
    image.expanded.clone()
}

/// Fills in the addresses of labels and the values of variables.
fn name_symbols(placed: &Placed<'_>, symbols: &Symbols, image: &mut Image) {
    for (name, definition) in symbols.defined() {
        match definition {
            Definition::Label(label) => {
                image.symbols.extend(placed.address(*label).map(|address| (name.to_owned(), address)));
            }
            Definition::Variable(value) => {
                // A variable that cannot be evaluated is an error where it is used.
                if let Ok(number) = placed.number(value) {
                    image.constants.insert(name.to_owned(), number);
                }
            }
            // Each use of it is an error.
            Definition::Undefined => {}
        }
    }
}
