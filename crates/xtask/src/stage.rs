//! Called by trunk after it has built a page: writes the version of the workers' module, has that module assemble what the page
//! opens with, and puts the editor and Unicorn beside the page. The styles in the document lose their comments and their indentation.
//! A release also gets its module in two parts, its policy, and what keeps it for use without a network.

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::project::Project;
use crate::steps::{ask, cannot_start};
use crate::version::{content_hash, write_version};
use crate::{editor, offline, parts, policy, unicorn};

/// Has the workers' module assemble what every page opens with.
const ASSEMBLE: &str = include_str!("assemble.mjs");

/// Where the page finds the workers' module. Trunk does not name a worker by its content.
const WORKER: &str = "worker";

/// Trunk's script that loads a page again when it has been rebuilt is in every page that trunk serves itself, and in no other.
const RELOADS_ITSELF: &str = ".well-known/trunk/ws";

pub(crate) fn run(project: &Project) -> Result<(), Failure> {
    let stage = std::env::var_os("TRUNK_STAGING_DIR").map(PathBuf::from).ok_or_else(|| {
        Failure::new("there is no page to complete: TRUNK_STAGING_DIR is not set", "cargo xtask build calls trunk")
    })?;
    trim_document(&stage.join("index.html"))?;
    assemble(project, &stage)?;
    name_version(&stage.join(WORKER))?;
    editor::stage(project, &stage)?;
    unicorn::stage(project, &stage)?;
    let page = stage.join("index.html");
    let read = || fs::read_to_string(&page).map_err(|error| Failure::io(&page, &error));
    if read()?.contains(RELOADS_ITSELF) {
        return offline::forget(&stage);
    }
    parts::complete(project, &stage)?;
    let html = policy::complete(project, &stage, &read()?)?;
    offline::complete(project, &stage, &html)
}

fn trim_document(path: &Path) -> Result<(), Failure> {
    let failed = |error| Failure::io(path, &error);
    let document = fs::read_to_string(path).map_err(failed)?;
    fs::write(path, with_bare_styles(&document)).map_err(failed)
}

/// The document with bare style sheets; everything else stays as it is.
fn with_bare_styles(document: &str) -> String {
    let mut parts = document.split("<style>");
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (style, rest) = part.split_once("</style>").unwrap_or((part, ""));
        whole += &format!("<style>{}</style>{rest}", bare(style));
    }
    whole
}

/// A style sheet without comments, indentation and empty lines. No string of ours holds what looks like a comment.
fn bare(style: &str) -> String {
    let mut code = String::new();
    let mut rest = style;
    while let Some((before, after)) = rest.split_once("/*") {
        code += before;
        rest = after.split_once("*/").map_or("", |(_, after)| after);
    }
    code += rest;
    let lines = code.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("\n")
}

/// Writes the file of assembled texts, names it by its content, and has the document say so.
fn assemble(project: &Project, stage: &Path) -> Result<(), Failure> {
    let file = stage.join("assembled.bin");
    let mut node = project.command("node");
    node.args(["--input-type=module", "--eval", ASSEMBLE, "--"]).arg(stage.join(WORKER)).arg(&file);
    ask(&mut node)
        .ok_or_else(|| cannot_start(&node, &std::io::Error::other("the workers' module did not assemble")))?;
    let content = fs::read(&file).map_err(|error| Failure::io(&file, &error))?;
    let name = format!("assembled-{:016x}.bin", content_hash(&content));
    fs::rename(&file, stage.join(&name)).map_err(|error| Failure::io(&file, &error))?;
    let page = stage.join("index.html");
    let failed = |error| Failure::io(&page, &error);
    let html = fs::read_to_string(&page).map_err(failed)?;
    fs::write(&page, html.replacen("assembled.bin", &name, 1)).map_err(failed)
}

fn name_version(folder: &Path) -> Result<(), Failure> {
    let failed = |error| Failure::io(folder, &error);
    let entries = fs::read_dir(folder).map_err(failed)?.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    let mut paths: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
    paths.sort();
    let mut content = Vec::new();
    for path in paths {
        content.extend(fs::read(&path).map_err(|error| Failure::io(&path, &error))?);
    }
    write_version(folder, &content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_styles_are_trimmed() {
        let document =
            "<p>/* kept */</p>\n<style>/* gone */\n  a { b: c; } /* gone\n  too */\n\n  d {}\n</style>\n  <p></p>";
        assert_eq!(with_bare_styles(document), "<p>/* kept */</p>\n<style>a { b: c; }\nd {}</style>\n  <p></p>");
        assert_eq!(with_bare_styles("<p></p>"), "<p></p>");
    }
}
