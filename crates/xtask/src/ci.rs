//! `cargo xtask ci`: what continuous integration will say about the committed state.

use std::fs;

use crate::failure::Failure;
use crate::project::Project;
use crate::steps::{self, ask, cannot_start};

/// Clones HEAD into an empty folder and runs `.ci/run` there, with this checkout's tools.
pub(crate) fn run(project: &Project) -> Result<(), Failure> {
    say_what_is_left_out(project);
    let clone = project.target().join("ci/clone");
    if clone.exists() {
        fs::remove_dir_all(&clone).map_err(|error| Failure::io(&clone, &error))?;
    }
    let mut git = project.command("git");
    git.args(["clone", "--quiet", "--no-hardlinks"]).arg(project.root()).arg(&clone);
    steps::run("fresh clone of the committed state", &mut git, "git status says what is wrong with this checkout")?;
    let tools = clone.join(".tools");
    std::os::unix::fs::symlink(project.tools(), &tools).map_err(|error| Failure::io(&tools, &error))?;

    let mut script = project.command("bash");
    script.arg(".ci/run").current_dir(&clone).env("CI", "true");
    script.env("CARGO_TARGET_DIR", project.target().join("ci/target"));
    let status = script.status().map_err(|error| cannot_start(&script, &error))?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::new(
        format!(".ci/run of the committed state ended with {status}"),
        "see the failed check above; if it passes here, something is not committed (git status)",
    ))
}

fn say_what_is_left_out(project: &Project) {
    let mut git = project.command("git");
    let changes = ask(git.args(["status", "--porcelain"])).unwrap_or_default();
    if !changes.is_empty() {
        println!("not committed, and so not tested:");
        for line in changes.lines() {
            println!("    {line}");
        }
    }
}
