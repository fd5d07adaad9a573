//! What keeps a page for use without a network: its service worker, with the version of the whole page and the files of it.

use std::fs;
use std::path::Path;

use crate::failure::Failure;
use crate::project::Project;
use crate::version::{VERSION, content_hash};

/// The name is part of the interface: a browser asks for a newer one at the same address.
const SCRIPT: &str = "service-worker.js";

/// In a folder for development: it takes the place of a release that was served at the same address, and goes.
const FORGET: &str = "// A page for development is not kept.\n\
    addEventListener(\"install\", () => skipWaiting());\n\
    addEventListener(\"activate\", (event) => event.waitUntil(registration.unregister()));\n";

pub(crate) fn forget(stage: &Path) -> Result<(), Failure> {
    write(&stage.join(SCRIPT), FORGET)
}

/// Gives the page its version, and writes the service worker beside it.
pub(crate) fn complete(project: &Project, stage: &Path, html: &str) -> Result<(), Failure> {
    let source = project.root().join("static").join(SCRIPT);
    let script = fs::read_to_string(&source).map_err(|error| Failure::io(&source, &error))?;
    let files = files(stage, "")?;
    let build = build(stage, &files, &script)?;
    let version = |folder: &str| fs::read_to_string(stage.join(folder).join(VERSION)).unwrap_or_default();
    let address = |file: &String| address(file, |folder| version(folder).trim().to_owned());
    let lists = [of_page(&files), of_folder(&files, &EDITOR), of_folder(&files, &UNICORN)];
    let lists = lists.map(|files| files.into_iter().map(address).collect());
    write(&stage.join(SCRIPT), &filled(&script, &build, lists))?;
    write(&stage.join("index.html"), &html.replacen("<html ", &format!("<html data-build=\"{build}\" "), 1))
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    fs::write(path, text).map_err(|error| Failure::io(path, &error))
}

/// The files below a folder by their path in the page, in order.
fn files(folder: &Path, within: &str) -> Result<Vec<String>, Failure> {
    let failed = |error| Failure::io(folder, &error);
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = format!("{within}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            files.extend(self::files(&entry.path(), &format!("{name}/"))?);
        } else {
            files.push(name);
        }
    }
    files.sort();
    Ok(files)
}

/// The version of the whole page: a function of what its files are called and contain.
fn build(stage: &Path, files: &[String], script: &str) -> Result<String, Failure> {
    let mut content = script.as_bytes().to_vec();
    for file in files {
        let path = stage.join(file);
        content.extend(file.as_bytes());
        content.extend(fs::read(&path).map_err(|error| Failure::io(&path, &error))?);
    }
    Ok(format!("{:016x}", content_hash(&content)))
}

/// What the editor loads, without licences.
const EDITOR: [&str; 2] = ["editor/editor.js", "editor/version.txt"];

/// What the check loads, without licences and sources.
const UNICORN: [&str; 2] = ["unicorn/unicorn.wasm", "unicorn/version.txt"];

/// What the page asks for by the version of its folder.
const VERSIONED: [&str; 4] =
    ["editor/editor.js", "unicorn/unicorn.wasm", "worker/cr3-worker.js", "worker/cr3-worker_bg.wasm"];

/// What is kept with the page; licences and headers are for others.
fn of_page(files: &[String]) -> Vec<&String> {
    let is_later = |file: &str| file.starts_with("editor/") || file.starts_with("unicorn/");
    let is_kept = |file: &&String| !is_later(file) && !["_headers", "fonts/OFL.txt"].contains(&file.as_str());
    files.iter().filter(is_kept).collect()
}

/// Those of a folder that the page loads, as far as they are there: a page may be built without Unicorn.
fn of_folder<'f>(files: &'f [String], loaded: &[&str]) -> Vec<&'f String> {
    files.iter().filter(|file| loaded.contains(&file.as_str())).collect()
}

/// A file as the page asks for it. `version` has those of folders.
fn address(file: &str, version: impl Fn(&str) -> String) -> String {
    match file.split_once('/') {
        Some((folder, _)) if VERSIONED.contains(&file) => format!("{file}?v={}", version(folder)),
        _ if file == "index.html" => "./".to_owned(),
        _ => file.to_owned(),
    }
}

fn filled(script: &str, build: &str, lists: [Vec<String>; 3]) -> String {
    let list = |files: Vec<String>| files.iter().map(|file| format!("\"{file}\"")).collect::<Vec<_>>().join(", ");
    let places = ["\"{files}\"", "\"{editor}\"", "\"{unicorn}\""];
    let script = script.replace("{build}", build);
    places.into_iter().zip(lists).fold(script, |script, (place, files)| script.replace(place, &list(files)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_page_asks_for_is_kept_under_the_address_that_it_asks_for() {
        let page = ["_headers", "fonts/OFL.txt", "fonts/mono.woff2", "index.html", "start-1.js"];
        let worker = ["worker/cr3-worker.js", "worker/cr3-worker_bg.wasm", "worker/version.txt", "worker/worker.js"];
        let editor = ["editor/LICENSES.txt", "editor/editor.js", "editor/version.txt"];
        let unicorn = ["unicorn/COPYING", "unicorn/unicorn.wasm", "unicorn/version.txt"];
        let all = [&page[..], &worker, &editor, &unicorn].concat();
        let all: Vec<String> = all.into_iter().map(str::to_owned).collect();
        let version = |folder: &str| folder.len().to_string();
        let addresses = |files: Vec<&String>| files.into_iter().map(|file| address(file, version)).collect::<Vec<_>>();
        let kept =
            ["fonts/mono.woff2", "./", "start-1.js", "worker/cr3-worker.js?v=6", "worker/cr3-worker_bg.wasm?v=6"];
        let kept = [&kept[..], &["worker/version.txt", "worker/worker.js"]].concat();
        assert_eq!(addresses(of_page(&all)), kept);
        assert_eq!(addresses(of_folder(&all, &EDITOR)), ["editor/editor.js?v=6", "editor/version.txt"]);
        assert_eq!(addresses(of_folder(&all, &UNICORN)), ["unicorn/unicorn.wasm?v=7", "unicorn/version.txt"]);
    }

    #[test]
    fn the_script_has_all_places_to_fill() {
        let script = include_str!("../../../static/service-worker.js");
        let lists = [vec!["./".into(), "a.js".into()], vec!["b.js".into()], Vec::new()];
        let filled = filled(script, "0123456789abcdef", lists);
        for line in [
            "const BUILD = \"0123456789abcdef\";",
            "const FILES = [\"./\", \"a.js\"];",
            "const ASKED_FOR = [[\"b.js\"], []];",
        ] {
            assert!(filled.contains(line), "{filled}");
        }
    }
}
