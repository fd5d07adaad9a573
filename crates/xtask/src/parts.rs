//! The module of the page in two parts: what its first sight calls comes first. Chromium says what that is; the crate `cr3-split`
//! takes the module apart.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::failure::Failure;
use crate::project::{Project, on_path};
use crate::steps::cannot_start;
use crate::version::content_hash;

/// How trunk names the module that it has built.
const MODULE: &str = "_bg.wasm";

/// How the rest of it is named.
pub(crate) const REST: &str = "_rest.wasm";

/// The name of the imported function that brings the rest, as wasm-bindgen writes it before a hash.
const BRINGS: &str = "__wbg_bringRest_";

/// Prints the value of an attribute `integrity` for a file. Node has the hash built in.
const INTEGRITY: &str = include_str!("integrity.mjs");

/// Puts two parts in the place of the module of the page, and has the document name them.
pub(crate) fn complete(project: &Project, stage: &Path) -> Result<(), Failure> {
    let module = module(stage)?;
    let folder = folder(project)?;
    let [watched, called, first, rest] =
        ["watched.wasm", "called.txt", "first.wasm", "rest.wasm"].map(|name| folder.join(name));
    split(project, &["watch".as_ref(), &module, &watched])?;
    fs::write(&called, called_at_first(project, stage, &watched)?).map_err(|error| Failure::io(&called, &error))?;
    split(project, &["split".as_ref(), &module, &called, BRINGS.as_ref(), &first, &rest])?;
    let before = [name_of(&module), integrity(project, &module)?];
    fs::remove_file(&module).map_err(|error| Failure::io(&module, &error))?;
    let put = |part: &Path, ending: &str| put(part, stage, ending);
    let (first, rest) = (put(&first, MODULE)?, put(&rest, REST)?);
    let after = [first.clone(), integrity(project, &stage.join(&first))?];
    let page = stage.join("index.html");
    let failed = |error| Failure::io(&page, &error);
    let html = fs::read_to_string(&page).map_err(failed)?;
    let html = before.iter().zip(&after).fold(html, |html, (before, after)| html.replace(before, after));
    fs::write(&page, html.replacen("<html ", &format!("<html data-rest=\"{rest}\" "), 1)).map_err(failed)
}

/// A folder for what is in between.
fn folder(project: &Project) -> Result<PathBuf, Failure> {
    let folder = project.target().join("parts");
    fs::create_dir_all(&folder).map_err(|error| Failure::io(&folder, &error))?;
    Ok(folder)
}

/// The one module beside the document.
fn module(stage: &Path) -> Result<PathBuf, Failure> {
    let failed = |error| Failure::io(stage, &error);
    let entries = fs::read_dir(stage).map_err(failed)?.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    let mut modules = entries.into_iter().map(|entry| entry.path()).filter(|path| name_of(path).ends_with(MODULE));
    modules.next().ok_or_else(|| Failure::new(format!("trunk built no {MODULE}"), "cargo xtask build calls trunk"))
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn split(project: &Project, arguments: &[&Path]) -> Result<(), Failure> {
    let mut cargo = project.cargo(&["run", "--quiet", "--locked", "--package", "cr3-split", "--"]);
    told(cargo.args(arguments), "cargo test --package cr3-split").map(drop)
}

/// The names of the functions that the first sight calls.
fn called_at_first(project: &Project, stage: &Path, watched: &Path) -> Result<String, Failure> {
    let mut node = project.command("node");
    node.arg(project.root().join("crates/xtask/src/called.mjs")).arg(stage).arg(watched);
    if let Some(chromium) = on_path("chromium") {
        node.env("CHROMIUM", chromium);
    }
    told(&mut node, "cargo xtask setup installs Chromium, if it did not start")
}

/// What a command printed. What it complained of goes to the terminal.
fn told(command: &mut Command, mend: &str) -> Result<String, Failure> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output = output.map_err(|error| cannot_start(command, &error))?;
    if !output.status.success() {
        return Err(Failure::new(format!("{command:?} ended with {}", output.status), mend));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Moves a part beside the document under a name of its content, and returns the name.
fn put(part: &Path, stage: &Path, ending: &str) -> Result<String, Failure> {
    let content = fs::read(part).map_err(|error| Failure::io(part, &error))?;
    let name = format!("cr3-web-{:016x}{ending}", content_hash(&content));
    let path = stage.join(&name);
    fs::write(&path, content).map_err(|error| Failure::io(&path, &error))?;
    Ok(name)
}

fn integrity(project: &Project, file: &Path) -> Result<String, Failure> {
    let mut node = project.command("node");
    node.args(["--input-type=module", "--eval", INTEGRITY, "--"]).arg(file);
    told(&mut node, "install Node.js 20 or later")
}
