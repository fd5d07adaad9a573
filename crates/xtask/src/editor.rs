//! The editor of a person's own text: CodeMirror, bundled into one module that the page loads when a person edits.

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::project::Project;
use crate::steps;
use crate::version::write_version;

/// Where the page finds it.
pub(crate) const FOLDER: &str = "editor";

/// The module; `editor/bundle.mjs` names it.
const MODULE: &str = "editor.js";

/// Where its source is, with the lock file of what it is made of.
pub(crate) fn sources(project: &Project) -> PathBuf {
    project.root().join("editor")
}

/// Puts the editor beside a page. It takes a fraction of a second, so it is bundled anew each time.
pub(crate) fn stage(project: &Project, stage: &Path) -> Result<(), Failure> {
    let folder = stage.join(FOLDER);
    let mut node = project.command("node");
    node.arg(sources(project).join("bundle.mjs")).arg(&folder);
    steps::run("bundle of the editor", &mut node, "cargo xtask setup installs what it is made of")?;
    let module = folder.join(MODULE);
    let content = fs::read(&module).map_err(|error| Failure::io(&module, &error))?;
    write_version(&folder, &content)
}
