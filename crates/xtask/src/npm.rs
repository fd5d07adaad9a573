//! The npm packages of package-lock.json: wasm-opt for release builds, Playwright and axe for the end-to-end tests.

use std::fs;

use crate::failure::Failure;
use crate::project::{Project, version_numbers};
use crate::steps::{self, ask};
use crate::timings;

const OLDEST_NODE: [u32; 3] = [20, 0, 0];

/// Makes `node_modules/` match package-lock.json, if it does not already.
pub(crate) fn ensure(project: &Project) -> Result<(), Failure> {
    let wanted = project.root().join("package-lock.json");
    let present = project.root().join("node_modules/.installed-lock.json");
    let lock = fs::read(&wanted).map_err(|error| Failure::io(&wanted, &error))?;
    if fs::read(&present).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    check_node(project)?;
    let mut npm = project.command("npm");
    // No package here needs an install script, and Playwright's would download a browser.
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1");
    let mend = "check that npm reaches its registry (npm ping), then run the command again";
    let elapsed = steps::run("npm packages of package-lock.json", &mut npm, mend)?;
    timings::record(project, "npm packages", elapsed);
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
