//! `cargo xtask build`: the page as static files.

use std::path::PathBuf;
use std::process::Command;

use crate::failure::Failure;
use crate::project::{NATIVE_WITHOUT_UNICORN, Project};
use crate::steps::Beside;
use crate::unchanged::Sources;
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

    fn headline(self) -> &'static str {
        match self {
            Self::Visitors => "release build of the page",
            Self::Benchmarks => "release build of the page with its benchmarks",
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
    let mut trunk = trunk_release(project, &wasm, Audience::Visitors, staged)?;
    steps::run(Audience::Visitors.headline(), &mut trunk, MEND)?;
    println!("{} can be put on any static host, under any path", project.dist().display());
    if let Err(failure) = unicorn {
        println!("\nBUILT WITHOUT UNICORN: the page works, but cannot check itself against a second CPU.\n{failure}");
    }
    Ok(())
}

/// A release build of `dist/` that goes on beside other steps.
pub(crate) enum Release {
    /// `dist/` is there already, made of the same sources.
    AsBuilt,
    Running {
        step: Beside,
        sources: Sources,
    },
}

impl Release {
    /// Starts building `dist/` with the installed tools, Unicorn included, unless it is there already.
    pub(crate) fn start(project: &Project, wasm: &WasmToolchain) -> Result<Self, Failure> {
        let sources = unchanged::sources(project, wasm, &unicorn::ensure(project)?)?;
        if unchanged::is_as_built(project, sources)? {
            return Ok(Self::AsBuilt);
        }
        let mut trunk = trunk_release(project, wasm, Audience::Visitors, Staged::WithUnicorn)?;
        let step = Beside::start(Audience::Visitors.headline(), &mut trunk, MEND)?;
        Ok(Self::Running { step, sources })
    }

    /// Waits until `dist/` is built.
    pub(crate) fn wait(self, project: &Project) -> Result<(), Failure> {
        match self {
            Self::AsBuilt => {
                println!("release build of the page ... unchanged since it was built");
                Ok(())
            }
            Self::Running { step, sources } => {
                step.wait()?;
                unchanged::record(project, sources)
            }
        }
    }
}

/// The same page with the exports for the benchmarks, which visitors never load. Returns its folder.
pub(crate) fn for_bench(project: &Project, wasm: &WasmToolchain) -> Result<PathBuf, Failure> {
    unicorn::ensure(project)?;
    let mut trunk = trunk_release(project, wasm, Audience::Benchmarks, Staged::WithUnicorn)?;
    steps::run(Audience::Benchmarks.headline(), &mut trunk, MEND)?;
    Ok(Audience::Benchmarks.folder(project))
}

const MEND: &str =
    "mend what the compiler names above; cargo clippy --target wasm32-unknown-unknown -p cr3-web is quicker";

/// `trunk` about to build the page for this audience.
fn trunk_release(
    project: &Project,
    wasm: &WasmToolchain,
    audience: Audience,
    staged: Staged,
) -> Result<Command, Failure> {
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
    Ok(trunk)
}

/// Builds the terminal program and returns the path of its executable.
pub(crate) fn cr3play(project: &Project) -> Result<PathBuf, Failure> {
    let mut cargo = project.cargo(&["build", "--release", "--package", "cr3-cli", "--locked"]);
    steps::run("release build of cr3play", &mut cargo, "cargo build --release -p cr3-cli")?;
    Ok(project.target().join("release/cr3play"))
}

/// The terminal program without Unicorn, of the libraries that the native tests have compiled, and the path of its executable.
pub(crate) fn cr3play_of_the_tests(project: &Project) -> Result<PathBuf, Failure> {
    let mut cargo = project.cargo(&["build", "--profile", "test", "--bin", "cr3play"]);
    cargo.args(NATIVE_WITHOUT_UNICORN);
    steps::run("cr3play for the end-to-end tests", &mut cargo, "cargo build --bin cr3play")?;
    Ok(project.target().join("debug/cr3play"))
}

/// `trunk` with a toolchain that can compile the page.
pub(crate) fn trunk(project: &Project, wasm: &WasmToolchain, subcommand: &str) -> Command {
    let mut trunk = wasm.command(project, "trunk");
    trunk.arg(subcommand).env("TRUNK_SKIP_VERSION_CHECK", "true");
    trunk
}
