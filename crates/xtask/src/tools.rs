//! Programs from crates.io at pinned versions, under `.tools/bin`.

use std::fs;

use crate::failure::Failure;
use crate::project::Project;
use crate::steps::{self, ask};
use crate::timings;

/// A program that `cargo install` installs.
struct Tool {
    program: &'static str,
    package: &'static str,
    version: String,
    arguments: &'static [&'static str],
    /// Minutes on two cores, approximately.
    minutes: u8,
}

/// Builds the page for the browser and serves it.
fn trunk() -> Tool {
    Tool {
        program: "trunk",
        package: "trunk",
        version: "0.21.14".into(),
        // Without its self-update, and with the TLS that needs no system library.
        arguments: &["--locked", "--no-default-features", "--features", "rustls"],
        minutes: 4,
    }
}

/// The JavaScript side of wasm-bindgen. Its version has to equal the library's in Cargo.lock.
fn wasm_bindgen(project: &Project) -> Result<Tool, Failure> {
    Ok(Tool {
        program: "wasm-bindgen",
        package: "wasm-bindgen-cli",
        version: project.locked_version("wasm-bindgen")?,
        // Not --locked: the lock file of 0.2.130 names a crate version that was withdrawn.
        arguments: &[],
        minutes: 2,
    })
}

/// Checks licences, duplicates, sources and advisories of dependencies by deny.toml.
fn cargo_deny() -> Tool {
    Tool {
        program: "cargo-deny",
        package: "cargo-deny",
        version: "0.20.2".into(),
        arguments: &["--locked"],
        minutes: 3,
    }
}

/// What building the page needs.
pub(crate) fn ensure_for_build(project: &Project) -> Result<(), Failure> {
    ensure(project, &[wasm_bindgen(project)?, trunk()])
}

/// What building and testing the page needs.
pub(crate) fn ensure_for_tests(project: &Project) -> Result<(), Failure> {
    ensure(project, &[wasm_bindgen(project)?, trunk(), cargo_deny()])
}

fn ensure(project: &Project, tools: &[Tool]) -> Result<(), Failure> {
    let missing: Vec<&Tool> = tools.iter().filter(|tool| !present(project, tool)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    for tool in missing {
        install(project, tool)?;
    }
    // Only the programs are needed from here on. The rest of their builds is about a gigabyte.
    let _ = fs::remove_dir_all(build_folder(project));
    Ok(())
}

fn build_folder(project: &Project) -> std::path::PathBuf {
    project.tools().join("build")
}

fn present(project: &Project, tool: &Tool) -> bool {
    let program = project.tools().join("bin").join(tool.program);
    ask(project.command(program).arg("--version"))
        .is_some_and(|answer| answer.split_whitespace().any(|word| word == tool.version))
}

fn install(project: &Project, tool: &Tool) -> Result<(), Failure> {
    let Tool { package, version, .. } = tool;
    let mut cargo = project.cargo(&["install", package, "--version", &format!("={version}"), "--root"]);
    cargo.arg(project.tools()).args(tool.arguments);
    // They run for seconds and compile for minutes, so compile them fast and share what they have in common.
    cargo
        .env("CARGO_TARGET_DIR", build_folder(project))
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
        .env("CARGO_PROFILE_RELEASE_DEBUG", "false")
        .env("CARGO_PROFILE_RELEASE_STRIP", "true");
    let headline = format!("{package} {version} into .tools (about {} min)", tool.minutes);
    let mend = "check that cargo reaches crates.io (cargo search trunk), then run the command again";
    let elapsed = steps::run(&headline, &mut cargo, mend)?;
    timings::record(project, package, elapsed);
    Ok(())
}
