//! Whether `dist/` is still what the sources make: then `cargo xtask test` does not build it again.
//!
//! Trunk links and optimizes both modules each time that it is called, which takes a minute and a half although cargo has nothing to do.

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::project::Project;
use crate::steps::ask;
use crate::version::content_hash;
use crate::wasm_target::WasmToolchain;

/// Everything that the page is made of, or that decides how. Tests are left out; a file more than needed only costs a build.
const SOURCES: [&str; 12] = [
    ".cargo",
    "Cargo.lock",
    "Cargo.toml",
    "Trunk.toml",
    "crates",
    "docs/GLOSSARY.md",
    "docs/LIMITS.md",
    "docs/WHY.md",
    "editor",
    "index.html",
    "package-lock.json",
    "static",
];

/// Folders below `SOURCES` of which nothing gets into the page, or that a lock file names.
const APART: [&str; 4] = ["tests", "examples", "benches", "node_modules"];

/// The contents of everything that the page would be made of now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sources(u64);

/// Reads the sources. `unicorn` is the folder of Unicorn's module.
pub(crate) fn sources(project: &Project, wasm: &WasmToolchain, unicorn: &Path) -> Result<Sources, Failure> {
    let compiler = ask(wasm.command(project, "rustc").args(["-vV"])).unwrap_or_default();
    let mut content = compiler.into_bytes();
    for source in SOURCES {
        read(&project.root().join(source), &APART, &mut content)?;
    }
    read(unicorn, &[], &mut content)?;
    Ok(Sources(content_hash(&content)))
}

/// Whether `dist/` is what the last build made, and that of these sources.
pub(crate) fn is_as_built(project: &Project, sources: Sources) -> Result<bool, Failure> {
    let now = note(project, sources)?;
    Ok(fs::read_to_string(file(project)).is_ok_and(|noted| noted == now))
}

/// Notes that `dist/` has just been built of these sources, as they were when the build began.
pub(crate) fn record(project: &Project, sources: Sources) -> Result<(), Failure> {
    let file = file(project);
    fs::write(&file, note(project, sources)?).map_err(|error| Failure::io(&file, &error))
}

fn file(project: &Project) -> PathBuf {
    project.target().join("page-made-of")
}

fn note(project: &Project, Sources(sources): Sources) -> Result<String, Failure> {
    let mut page = Vec::new();
    read(&project.dist(), &[], &mut page)?;
    Ok(format!("{sources:016x} {:016x}\n", content_hash(&page)))
}

/// Adds the paths and contents of a file, or of all below a folder, in the order of their names. What does not exist adds nothing.
fn read(path: &Path, apart: &[&str], content: &mut Vec<u8>) -> Result<(), Failure> {
    let failed = |error| Failure::io(path, &error);
    if path.is_file() {
        content.extend_from_slice(path.as_os_str().as_encoded_bytes());
        let bytes = fs::read(path).map_err(failed)?;
        content.extend_from_slice(&bytes.len().to_le_bytes());
        content.extend(bytes);
        return Ok(());
    }
    if !path.is_dir() {
        return Ok(());
    }
    let entries = fs::read_dir(path).map_err(failed)?.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    let mut names: Vec<_> = entries.into_iter().map(|entry| entry.file_name()).collect();
    names.sort();
    names
        .iter()
        .filter(|name| !apart.iter().any(|other| name == other))
        .try_for_each(|name| read(&path.join(name), apart, content))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read of a folder with these files.
    fn content(name: &str, files: &[(&str, &str)]) -> Vec<u8> {
        let root = std::env::temp_dir().join(format!("cr3-unchanged-{}-{name}", std::process::id()));
        for (path, text) in files {
            let file = root.join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        let mut content = Vec::new();
        read(&root, &APART, &mut content).unwrap();
        fs::remove_dir_all(&root).unwrap();
        content
    }

    #[test]
    fn every_source_counts_and_no_test() {
        let sources = [("src/lib.rs", "a"), ("src/b/mod.rs", "b")];
        let before = content("one", &sources);
        let check = |more: &[(&str, &str)], is_same: bool| {
            let after = content("one", &[&sources[..], more].concat());
            assert_eq!(before == after, is_same, "{more:?}");
        };
        check(&[], true);
        check(&[("tests/page.rs", "c")], true);
        check(&[("src/lib.rs", "c")], false);
        check(&[("src/c.rs", "")], false);
        check(&[("src/lib.rs", "ab")], false);
    }

    #[test]
    fn what_is_missing_adds_nothing() {
        let mut content = Vec::new();
        read(Path::new("no-such-file"), &APART, &mut content).unwrap();
        assert_eq!(content, b"");
    }
}
