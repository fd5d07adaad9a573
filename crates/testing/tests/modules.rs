//! Every module at the root of a crate has its words in the crate's README or in its chapter of `docs/ARCHITECTURE.md`.

use cr3_testing::source::{self, Modules};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The chapter of the document on a crate; empty if it has none.
fn chapter<'d>(document: &'d str, name: &str) -> &'d str {
    let of = |chapter: &&str| chapter.split([':', '\n']).next() == Some(name);
    document.split("\n## ").find(of).unwrap_or_default()
}

/// The first names of what a text has in backticks, outside blocks of code.
fn named(text: &str) -> BTreeSet<&str> {
    let prose = text.split("```").step_by(2);
    let spans = prose.flat_map(|prose| prose.split('`').skip(1).step_by(2));
    spans.filter_map(|span| span.split(['/', ':']).next()).collect()
}

#[test]
fn every_module_is_explained() {
    let document = text("docs/ARCHITECTURE.md");
    let mut modules = 0;
    for name in source::crates() {
        let package = if name == "xtask" { name.clone() } else { format!("cr3-{name}") };
        let readme = text(&format!("crates/{name}/README.md"));
        let known: BTreeSet<&str> = named(&readme).union(&named(chapter(&document, &package))).copied().collect();
        let read = Modules::read(&name);
        let missing: Vec<&str> = read.at_top().filter(|module| !known.contains(module)).collect();
        assert!(missing.is_empty(), "crates/{name}/README.md says nothing of {missing:?}");
        modules += read.at_top().count();
    }
    assert!(modules > 150, "only {modules} modules were found");
}
