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
    let address = |file: &String| address(file, version("worker").trim(), version("unicorn").trim());
    let [page, unicorn] = [of_page(&files), of_unicorn(&files)].map(|files| files.into_iter().map(address).collect());
    write(&stage.join(SCRIPT), &filled(&script, &build, page, unicorn))?;
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

/// What is kept with the page; licences and headers are for others.
fn of_page(files: &[String]) -> Vec<&String> {
    let is_kept =
        |file: &&String| !file.starts_with("unicorn/") && !["_headers", "fonts/OFL.txt"].contains(&file.as_str());
    files.iter().filter(is_kept).collect()
}

/// What the check loads, without licences and sources. Nothing in a page that is built without Unicorn.
fn of_unicorn(files: &[String]) -> Vec<&String> {
    files.iter().filter(|file| ["unicorn/unicorn.wasm", "unicorn/version.txt"].contains(&file.as_str())).collect()
}

/// A file as the page asks for it.
fn address(file: &str, worker: &str, unicorn: &str) -> String {
    match file {
        "index.html" => "./".to_owned(),
        "worker/cr3-worker.js" | "worker/cr3-worker_bg.wasm" => format!("{file}?v={worker}"),
        "unicorn/unicorn.wasm" => format!("{file}?v={unicorn}"),
        _ => file.to_owned(),
    }
}

fn filled(script: &str, build: &str, page: Vec<String>, unicorn: Vec<String>) -> String {
    let list = |files: Vec<String>| files.iter().map(|file| format!("\"{file}\"")).collect::<Vec<_>>().join(", ");
    let script = script.replace("{build}", build);
    script.replace("\"{files}\"", &list(page)).replace("\"{unicorn}\"", &list(unicorn))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_page_asks_for_is_kept_under_the_address_that_it_asks_for() {
        let page = ["_headers", "fonts/OFL.txt", "fonts/mono.woff2", "index.html", "start-1.js"];
        let worker = ["worker/cr3-worker.js", "worker/cr3-worker_bg.wasm", "worker/version.txt", "worker/worker.js"];
        let unicorn = ["unicorn/COPYING", "unicorn/unicorn.wasm", "unicorn/version.txt"];
        let all: Vec<String> = [&page[..], &worker, &unicorn].concat().into_iter().map(str::to_owned).collect();
        let addresses = |files: Vec<&String>| files.into_iter().map(|file| address(file, "7", "9")).collect::<Vec<_>>();
        let kept =
            ["fonts/mono.woff2", "./", "start-1.js", "worker/cr3-worker.js?v=7", "worker/cr3-worker_bg.wasm?v=7"];
        let kept = [&kept[..], &["worker/version.txt", "worker/worker.js"]].concat();
        assert_eq!(addresses(of_page(&all)), kept);
        assert_eq!(addresses(of_unicorn(&all)), ["unicorn/unicorn.wasm?v=9", "unicorn/version.txt"]);
    }

    #[test]
    fn the_script_has_all_places_to_fill() {
        let script = include_str!("../../../static/service-worker.js");
        let filled = filled(script, "0123456789abcdef", vec!["./".into(), "a.js".into()], Vec::new());
        for line in ["const BUILD = \"0123456789abcdef\";", "const FILES = [\"./\", \"a.js\"];", "const UNICORN = [];"]
        {
            assert!(filled.contains(line), "{filled}");
        }
    }
}
