//! A compiler with a standard library for wasm32-unknown-unknown: the active one, or rustup's, or Debian's.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::debian;
use crate::failure::Failure;
use crate::project::{Project, TARGET, on_path};
use crate::steps::{self, ask};
use crate::timings;

/// Without a network rustup does not fail; it waits.
const RUSTUP_LIMIT: Duration = Duration::from_secs(30);

/// The compiler that builds for [`TARGET`].
pub(crate) enum WasmToolchain {
    /// The one that `cargo` already is.
    Active,
    /// Debian's, with a standard library that was built here.
    Debian(debian::Toolchain),
}

impl WasmToolchain {
    /// `program`, with this toolchain's `cargo` and `rustc`.
    pub(crate) fn command(&self, project: &Project, program: impl AsRef<Path>) -> Command {
        let mut command = project.command(program);
        if let Self::Debian(toolchain) = self {
            toolchain.prepare(project, &mut command);
        }
        command
    }
}

/// Finds a compiler for [`TARGET`], and installs one if there is none.
pub(crate) fn ensure(project: &Project) -> Result<WasmToolchain, Failure> {
    if active_has_target(project) {
        return Ok(WasmToolchain::Active);
    }
    if let Some(toolchain) = debian::built(project) {
        return Ok(WasmToolchain::Debian(toolchain));
    }
    if on_path("rustup").is_some() && rustup_adds_target(project)? {
        return Ok(WasmToolchain::Active);
    }
    debian::install(project).map(WasmToolchain::Debian)
}

fn active_has_target(project: &Project) -> bool {
    let mut rustc = project.command("rustc");
    ask(rustc.args(["--print", "target-libdir", "--target", TARGET]))
        .is_some_and(|folder| holds_std(&PathBuf::from(folder)))
}

fn holds_std(folder: &Path) -> bool {
    let names = fs::read_dir(folder).into_iter().flatten().flatten();
    names
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .any(|name| name.starts_with("libstd-") && name.ends_with(".rlib"))
}

fn rustup_adds_target(project: &Project) -> Result<bool, Failure> {
    let mut rustup = project.command("rustup");
    rustup.args(["target", "add", TARGET]);
    let finished = steps::try_run(&format!("rustup target add {TARGET}"), &mut rustup, Some(RUSTUP_LIMIT))?;
    if finished.success() && active_has_target(project) {
        timings::record(project, "rustup target", finished.elapsed);
        return Ok(true);
    }
    println!("    rustup cannot download it (no network to its server?); trying Debian's packages instead");
    Ok(false)
}
