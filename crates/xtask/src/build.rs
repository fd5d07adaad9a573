//! `cargo xtask build`: the page as static files.

use std::path::PathBuf;
use std::process::Command;

use crate::failure::Failure;
use crate::project::Project;
use crate::wasm_target::WasmToolchain;
use crate::{setup, steps, unchanged, unicorn};

/// The users of a release build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Audience {
    /// `dist/`.
    Visitors,
    /// A separate page, with the exports that the benchmarks call.
    Benchmarks,
}

impl Audience {
    fn folder(self, project: &Project) -> PathBuf {
        match self {
            Self::Visitors => project.dist(),
            Self::Benchmarks => project.target().join("bench"),
        }
    }
}

/// What to put beside the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Staged {
    WithUnicorn,
    Without,
}

/// Installs what is missing and builds `dist/`.
pub(crate) fn run(project: &Project) -> Result<(), Failure> {
    let wasm = setup::for_build(project)?;
    let unicorn = unicorn::ensure(project);
    let staged = if unicorn.is_ok() { Staged::WithUnicorn } else { Staged::Without };
    trunk_release(project, &wasm, Audience::Visitors, staged)?;
    println!("{} can be put on any static host, under any path", project.dist().display());
    if let Err(failure) = unicorn {
        println!("\nBUILT WITHOUT UNICORN: the page works, but cannot check itself against a second CPU.\n{failure}");
    }
    Ok(())
}

/// Builds `dist/` with the installed tools, Unicorn included, unless it is there already, made of the same sources.
pub(crate) fn release(project: &Project, wasm: &WasmToolchain) -> Result<(), Failure> {
    let sources = unchanged::sources(project, wasm, &unicorn::ensure(project)?)?;
    if unchanged::is_as_built(project, sources)? {
        println!("release build of the page ... unchanged since it was built");
        return Ok(());
    }
    trunk_release(project, wasm, Audience::Visitors, Staged::WithUnicorn)?;
    unchanged::record(project, sources)
}

/// The same page with the exports for the benchmarks, which visitors never load. Returns its folder.
pub(crate) fn for_bench(project: &Project, wasm: &WasmToolchain) -> Result<PathBuf, Failure> {
    unicorn::ensure(project)?;
    trunk_release(project, wasm, Audience::Benchmarks, Staged::WithUnicorn)
}

fn trunk_release(
    project: &Project,
    wasm: &WasmToolchain,
    audience: Audience,
    staged: Staged,
) -> Result<PathBuf, Failure> {
    let folder = audience.folder(project);
    std::fs::create_dir_all(&folder).map_err(|error| Failure::io(&folder, &error))?;
    let mut trunk = trunk(project, wasm, "build");
    trunk.arg("--release").arg("--dist").arg(&folder);
    if audience == Audience::Benchmarks {
        trunk.args(["--features", "bench"]);
    }
    if staged == Staged::Without {
        trunk.env(unicorn::WITHOUT, "1");
    }
    let mend = "mend what the compiler names above; cargo clippy --target wasm32-unknown-unknown -p cr3-web is quicker";
    let headline = match audience {
        Audience::Visitors => "release build of the page",
        Audience::Benchmarks => "release build of the page with its benchmarks",
    };
    steps::run(headline, &mut trunk, mend)?;
    Ok(folder)
}

/// Builds the terminal program and returns the path of its executable.
pub(crate) fn cr3play(project: &Project) -> Result<PathBuf, Failure> {
    let mut cargo = project.cargo(&["build", "--release", "--package", "cr3-cli", "--locked"]);
    steps::run("release build of cr3play", &mut cargo, "cargo build --release -p cr3-cli")?;
    Ok(project.target().join("release/cr3play"))
}

/// `trunk` with a toolchain that can compile the page.
pub(crate) fn trunk(project: &Project, wasm: &WasmToolchain, subcommand: &str) -> Command {
    let mut trunk = wasm.command(project, "trunk");
    trunk.arg(subcommand).env("TRUNK_SKIP_VERSION_CHECK", "true");
    trunk
}
