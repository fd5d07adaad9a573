//! The modules of the machine form layers: each uses only those below it.
//!
//! `fast` stands beside them. It may use all of them, and only three of them store its notes or call it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// From the bottom up.
const LAYERS: [&str; 16] = [
    "order",
    "bits",
    "rflags",
    "level",
    "cpu",
    "fault",
    "rights",
    "tlb",
    "memory",
    "paging",
    "observe",
    "access",
    "control",
    "descriptor",
    "event",
    "exec",
];

const USES_FAST: [&str; 3] = ["tlb", "memory", "access"];

/// The source files under `directory`, without those of tests.
fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry").path());
    let (directories, here): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let is_test = |path: &Path| path.file_stem().is_some_and(|stem| stem == "tests" || stem == "testbed");
    let nested = directories.iter().filter(|path| !is_test(path)).flat_map(|path| files(path));
    here.iter().filter(|path| !is_test(path)).cloned().chain(nested).collect()
}

/// The code before `#[cfg(test)]`, without comments.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("a source file");
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

/// The first names of the paths that begin with `root`.
fn names<'a>(code: &'a str, root: &str) -> Vec<&'a str> {
    let paths = code.split(root).skip(1);
    let of_path = |path: &'a str| match path.strip_prefix('{') {
        Some(list) => list.split('}').next().unwrap_or_default().split(',').map(str::trim).collect(),
        None => vec![path],
    };
    let word = |path: &'a str| path.split(|c: char| !c.is_alphanumeric() && c != '_').next();
    paths.flat_map(of_path).filter_map(word).collect()
}

fn list(names: &str) -> impl Iterator<Item = &str> {
    names.trim_matches(['{', '}']).split(',').map(str::trim)
}

/// Maps each name that the crate's root exports to its module.
fn exports(root: &str) -> BTreeMap<&str, &str> {
    let lines = root.lines().filter_map(|line| line.strip_prefix("pub use ")?.strip_suffix(';')?.split_once("::"));
    let each = |(module, names)| list(names).map(move |name| (name, module));
    lines.flat_map(each).collect()
}

#[test]
fn every_module_uses_only_those_below_it() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let root = code(&source.join("lib.rs"));
    let exports = exports(&root);
    let mut uses = 0;
    for path in files(&source) {
        let within = path.strip_prefix(&source).expect("a file of the crate");
        let module = within.iter().next().and_then(|first| Path::new(first).file_stem()?.to_str()).expect("a name");
        let Some(layer) = LAYERS.iter().position(|name| *name == module) else {
            assert!(["lib", "fast"].contains(&module), "{module} has no layer");
            continue;
        };
        let code = code(&path);
        let at_top = within.iter().count() == 1 || within.ends_with("mod.rs");
        let mut used = names(&code, "crate::");
        used.extend(if at_top { names(&code, "super::") } else { Vec::new() });
        for name in used {
            let name = exports.get(name).copied().unwrap_or(name);
            let below = LAYERS.iter().position(|other| *other == name);
            assert!(below.is_none_or(|below| below <= layer), "{} uses {name}", within.display());
            assert!(name != "fast" || USES_FAST.contains(&module), "{} uses {name}", within.display());
            uses += usize::from(below.is_some());
        }
    }
    assert!(uses > 90, "only {uses} uses were found");
}
