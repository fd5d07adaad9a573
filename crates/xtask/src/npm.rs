//! npm packages, as lock files name them: wasm-opt for release builds, Playwright and axe for the end-to-end tests. The editor and
//! Lighthouse have folders of their own.

use std::fs;
use std::path::Path;

use crate::failure::Failure;
use crate::project::{Project, version_numbers};
use crate::steps::{self, ask};
use crate::{editor, timings};

const OLDEST_NODE: [u32; 3] = [20, 0, 0];

/// Makes `node_modules/` match package-lock.json, if it does not already.
pub(crate) fn ensure(project: &Project) -> Result<(), Failure> {
    ensure_in(project, project.root(), "npm packages")
}

/// What the page's editor is bundled from, and what bundles it.
pub(crate) fn ensure_editor(project: &Project) -> Result<(), Failure> {
    ensure_in(project, &editor::sources(project), "the editor")
}

/// Lighthouse weighs more than all others together, so only benchmarks install it.
pub(crate) fn ensure_lighthouse(project: &Project) -> Result<(), Failure> {
    ensure_in(project, &project.root().join("e2e/lighthouse"), "Lighthouse")
}

fn ensure_in(project: &Project, folder: &Path, what: &str) -> Result<(), Failure> {
    let wanted = folder.join("package-lock.json");
    let present = folder.join("node_modules/.installed-lock.json");
    let lock = fs::read(&wanted).map_err(|error| Failure::io(&wanted, &error))?;
    if fs::read(&present).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    check_node(project)?;
    let mut npm = project.command("npm");
    // No package here needs an install script, and Playwright's would download a browser.
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1");
    npm.current_dir(folder);
    let mend = "check that npm reaches its registry (npm ping), then run the command again";
    let elapsed = steps::run(&format!("{what} of {}", wanted.display()), &mut npm, mend)?;
    timings::record(project, what, elapsed);
    fs::write(&present, lock).map_err(|error| Failure::io(&present, &error))
}

fn check_node(project: &Project) -> Result<(), Failure> {
    let mend = "install Node.js 20 or later with npm (Debian 13: apt-get install nodejs npm)";
    let answer =
        ask(project.command("node").arg("--version")).ok_or_else(|| Failure::new("there is no node on PATH", mend))?;
    match version_numbers(&answer) {
        Some(version) if version >= OLDEST_NODE => Ok(()),
        _ => Err(Failure::new(format!("node is {answer}, and 20 or later is needed"), mend)),
    }
}
