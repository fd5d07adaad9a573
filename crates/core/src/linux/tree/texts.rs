//! From a tree to what is assembled: its text, stand-ins for what the build generates, the modelled C side.

use super::super::layout as at;
use super::super::{Handlers, constants, sources};
use super::adapters::adapters;
use super::stubs::UNMODELLED;
use super::{CALLING, ENTRY, OPERAND, Tree};
use crate::asm::{Files, Includes, Options, Source};

/// Texts and how to assemble them.
pub(crate) struct Inputs {
    /// The head, calling.h, a person's edits, entry_64.S, the C side.
    pub(crate) sources: Vec<Source>,
    pub(crate) options: Options,
}

/// Index of entry_64.S.
pub(crate) const ENTRY_INDEX: usize = 3;

/// The files that a patch may change, by their indices among the sources.
pub(crate) const EDITED: [(&str, usize); 2] = [(CALLING, sources::CALLING_INDEX), (ENTRY, ENTRY_INDEX)];

/// Where calling.h includes a person's edits.
pub(crate) const CUSTOM_PATH: &str = "arch/x86/entry/restore/custom.S";

/// The folders of headers, as the kernel's Makefiles name them.
const SEARCH: [&str; 7] = [
    "arch/x86/include",
    "arch/x86/include/generated",
    "include",
    "arch/x86/include/uapi",
    "include/uapi",
    "include/generated/uapi",
    GENERATED,
];

/// Where the build puts wrappers of generic headers.
const GENERATED: &str = "arch/x86/include/generated/uapi";

/// Headers that only objtool, the unwinder, the module loader and patching at boot read; names of features, which are compared by name;
/// and the offsets of structs, which are those of this machine.
const EMPTY: [&str; 11] = [
    "arch/x86/include/asm/unwind_hints.h",
    "arch/x86/include/asm/orc_types.h",
    "arch/x86/include/asm/alternative.h",
    "arch/x86/include/asm/alternative-asm.h",
    "arch/x86/include/asm/cpufeatures.h",
    "arch/x86/include/asm/asm-offsets.h",
    "arch/x86/include/asm/export.h",
    "include/asm-generic/export.h",
    "include/linux/export.h",
    "include/linux/objtool.h",
    "include/linux/objtool_types.h",
];

/// Headers that the build generates and entry code needs nothing of: numbers of system calls, features that are always there.
const BUILT: [&str; 4] = ["asm/unistd_", "asm/syscalls_", "asm/cpufeaturemasks.h", "generated/bounds.h"];

/// What the build would have at a path that the tree lacks: a wrapper of the generic header, or nothing that matters.
pub(super) fn generated(path: &str, exists: &mut dyn FnMut(&str) -> bool) -> Option<String> {
    let name = path.strip_prefix(GENERATED)?.strip_prefix('/')?;
    if BUILT.iter().any(|begin| name.starts_with(begin)) {
        return Some(String::new());
    }
    let generic = name.strip_prefix("asm/")?;
    let stands = ["include", "include/uapi"].iter().any(|folder| exists(&format!("{folder}/asm-generic/{generic}")));
    stands.then(|| format!("#include <asm-generic/{generic}>\n"))
}

/// Per-CPU symbols of entry code, with their offsets. In a tree they are labels, as its text may name them relative to RIP.
const PER_CPU: [(&str, u64); 12] = [
    ("cpu_tss_rw", at::PERCPU_CPU_TSS_RW),
    ("pcpu_hot", at::PERCPU_PCPU_HOT),
    ("current_task", at::PERCPU_PCPU_HOT + at::PCPU_HOT_CURRENT_TASK),
    ("cpu_current_top_of_stack", at::PERCPU_PCPU_HOT + at::PCPU_HOT_TOP_OF_STACK),
    ("cpu_tlbstate", at::PERCPU_CPU_TLBSTATE),
    ("fixed_percpu_data", at::PERCPU_UNMODELLED),
    ("__stack_chk_guard", at::PERCPU_UNMODELLED + 0x28),
    ("espfix_waddr", at::PERCPU_UNMODELLED + 0x40),
    ("espfix_stack", at::PERCPU_UNMODELLED + 0x48),
    ("hardirq_stack_ptr", at::PERCPU_UNMODELLED + 0x50),
    ("x86_spec_ctrl_current", at::PERCPU_UNMODELLED + 0x58),
    ("__x86_call_depth", at::PERCPU_UNMODELLED + 0x60),
];

/// What a tree's text asks the build for. Nothing here reaches the code that uses the offsets in `task_struct`.
pub(super) const CONSTANTS: [(&str, i64); 16] = [
    ("CONFIG_PAGE_SHIFT", 12),
    ("CONFIG_X86_ESPFIX64", 1),
    ("CONFIG_X86_KERNEL_IBT", 1),
    ("CONFIG_X86_CET", 1),
    ("CONFIG_X86_L1_CACHE_SHIFT", 6),
    ("CONFIG_X86_INTERNODE_CACHE_SHIFT", 6),
    ("CONFIG_PGTABLE_LEVELS", 4),
    ("CONFIG_PHYSICAL_START", 0x100_0000),
    ("CONFIG_PHYSICAL_ALIGN", 0x20_0000),
    ("CONFIG_FUNCTION_ALIGNMENT", 16),
    ("PTREGS_SIZE", 168),
    ("TASK_threadsp", 24),
    ("TASK_stack_canary", 32),
    ("FIXED_stack_canary", 40),
    ("stack_canary_offset", 40),
    // Until v5.15 the top of the stack is a field of the TSS; here it is where it is since.
    ("TSS_sp1", (at::PERCPU_PCPU_HOT + at::PCPU_HOT_TOP_OF_STACK) as i64 - at::PERCPU_CPU_TSS_RW as i64),
];

/// The section of a per-CPU symbol.
fn per_cpu_section(name: &str) -> String {
    format!(".data..percpu.{name}")
}

/// Sections that the linker drops or that only tables of modules, objtool, tracing and patching at boot are in.
const DROPPED: [&str; 13] = [
    ".discard",
    ".altinstr",
    ".data..percpu",
    ".export_symbol",
    ".rodata",
    ".return_sites",
    ".retpoline_sites",
    ".ibt_endbr_seal",
    ".call_sites",
    ".modinfo",
    "__jump_table",
    "_kprobe_blacklist",
    "___k",
];

/// Whether a section of a tree has no place in memory.
pub(crate) fn drops(section: &str) -> bool {
    DROPPED.iter().any(|begin| section.starts_with(begin))
}

/// The texts of a tree with `settings`, which are lines of the preprocessor for its text.
pub(crate) fn inputs(tree: &Tree, settings: &str, handlers: Handlers, options: Options) -> Inputs {
    let text = |path: &str| tree.files.iter().find(|(name, _)| name == path).map_or("", |(_, text)| text);
    let source = |path: &str| Source { name: path.to_owned(), text: extended(path, text(path)) };
    let custom = Source { name: sources::CUSTOM.to_owned(), text: String::new() };
    let head = Source { name: "tree/head.S".to_owned(), text: head(tree, settings) };
    let mut all = vec![head, source(CALLING), custom, source(ENTRY)];
    let unit = all.len();
    all.extend(sources::c_side(handlers));
    all.push(Source { name: "tree/calls.S".to_owned(), text: calls(tree) });
    all.push(Source { name: UNMODELLED.to_owned(), text: tree.stubs.panicking_text() });
    let options = Options { units: [unit].into(), ..adapted(options) };
    Inputs { sources: all, options }
}

/// The files of a tree as `#include` finds them.
pub(crate) struct Library<'t> {
    tree: &'t Tree,
    folders: Vec<String>,
}

impl<'t> Library<'t> {
    pub(crate) fn new(tree: &'t Tree) -> Self {
        Self { tree, folders: folders() }
    }

    /// How to follow `#include` in the texts of [`inputs`].
    pub(crate) fn includes(&self) -> Includes<'_> {
        Includes { files: self, folders: &self.folders }
    }
}

/// The folders of headers.
pub(super) fn folders() -> Vec<String> {
    SEARCH.map(str::to_owned).to_vec()
}

impl Files for Library<'_> {
    fn read(&self, path: &str) -> Result<Option<String>, String> {
        if EMPTY.contains(&path) {
            return Ok(Some(String::new()));
        }
        if let Some(why) = self.tree.refused.get(path) {
            return Err(why.clone());
        }
        let file = self.tree.files.iter().find(|(name, _)| name == path);
        Ok(file.map(|(name, text)| extended(name, text)))
    }

    fn source(&self, path: &str) -> Option<usize> {
        HEADERS.iter().find(|(header, _)| *header == path).map(|(_, index)| *index)
    }

    fn is_header(&self, source: usize) -> bool {
        HEADERS.iter().any(|(_, index)| *index == source)
    }
}

/// The sources that are read where others include them.
const HEADERS: [(&str, usize); 3] = [EDITED[0], EDITED[1], (CUSTOM_PATH, sources::FORM_INDEX)];

fn adapted(mut options: Options) -> Options {
    for (name, offset) in PER_CPU {
        options.constants.remove(name);
        options.sections.insert(per_cpu_section(name), offset);
    }
    options.sections.extend(constants::OF_TREES.iter().map(|region| (region.section.to_owned(), region.linear)));
    options.constants.extend(CONSTANTS.map(|(name, value)| (name.to_owned(), value)));
    options.features.insert("X86_FEATURE_SMAP".to_owned());
    options
}

fn head(tree: &Tree, settings: &str) -> String {
    let per_cpu = PER_CPU.map(|(name, _)| format!(".section {}, \"aw\"\n{name}:\n", per_cpu_section(name))).concat();
    let entry = [ENTRY, OPERAND].into_iter().filter(|path| tree.files.iter().any(|(name, _)| name == path));
    let adapted = adapters(tree).map(|adapter| format!("#define {} {}\n", adapter.function, adapter.called));
    // What a person sets goes before what the tree has.
    let settings = format!("{}{}{settings}", adapted.collect::<String>(), tree.configured.lines());
    let included: String = entry.map(|path| format!("#include \"../{path}\"\n")).collect();
    format!("{settings}{}{per_cpu}{}{included}", sources::EXCEPTION_TABLE, include_str!("head.S"))
}

/// What of the C side a tree calls otherwise, and what has a plain meaning.
fn calls(tree: &Tree) -> String {
    let adapted: String = adapters(tree).map(|adapter| adapter.text).collect();
    format!("{}.section .text, \"ax\"\n{adapted}{}", include_str!("calls.S"), tree.stubs.returning_text())
}

/// The text of a file, with what the machine has in the place of the kernel's tables.
pub(super) fn extended(path: &str, text: &str) -> String {
    match path {
        "arch/x86/include/asm/asm.h" => format!("{text}\n{}", include_str!("extable.h")),
        // A translation unit of its own in Linux; here it stands behind entry_64.S, which has the macros.
        OPERAND => text.replace("#include \"calling.h\"", ""),
        _ => text.to_owned(),
    }
}
