//! Unicorn Engine as WebAssembly: compiles the C sources of the crate unicorn-engine-sys with the TCG backend, host and
//! interface of `crates/unicorn/csrc`. Out of tree, each object once, again only when something it is made from changed.

pub(crate) mod differential;
mod objects;
mod patch;
mod product;
mod toolchain;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::failure::Failure;
use crate::project::Project;
use crate::steps::{self, seconds};
use crate::{npm, timings};
use toolchain::Toolchain;

pub(crate) use product::{WITHOUT, stage};

/// Installs the compiler if it is missing and builds; gives the folder with `unicorn.wasm` and what goes with it.
pub(crate) fn ensure(project: &Project) -> Result<PathBuf, Failure> {
    npm::ensure(project)?;
    let build = Build::new(project)?;
    let started = Instant::now();
    let compiled = objects::compile(&build)?;
    if product::is_stale(project, &build) {
        product::link(project, &build)?;
        timings::record(project, "Unicorn as WebAssembly", started.elapsed());
        println!("Unicorn as WebAssembly: {compiled} files compiled in {}", seconds(started.elapsed()));
    }
    product::complete(project, &build)?;
    Ok(build.folder)
}

/// Finds or installs the compiler, for `cargo xtask setup`.
pub(crate) fn ensure_toolchain(project: &Project) -> Result<(), Failure> {
    let work = work_folder(project)?;
    Toolchain::ensure(project, &work).map(drop)
}

/// Where everything lies.
struct Build {
    toolchain: Toolchain,
    /// The unpacked crate, never written to.
    source: PathBuf,
    /// `crates/unicorn/csrc`.
    own: PathBuf,
    /// Objects and patched files.
    work: PathBuf,
    /// What the page serves.
    folder: PathBuf,
}

impl Build {
    fn new(project: &Project) -> Result<Self, Failure> {
        let work = work_folder(project)?;
        let toolchain = Toolchain::ensure(project, &work)?;
        let source = crate_source(project)?;
        patch::all(&source, &work)?;
        let folder = product::folder(project);
        Ok(Self { toolchain, source, own: project.root().join("crates/unicorn/csrc"), work, folder })
    }
}

fn work_folder(project: &Project) -> Result<PathBuf, Failure> {
    let work = project.target().join("unicorn-wasm");
    for folder in ["objects", "include/exec", "patched", "product"] {
        let folder = work.join(folder);
        fs::create_dir_all(&folder).map_err(|error| Failure::io(&folder, &error))?;
    }
    Ok(work)
}

/// Where cargo has unpacked unicorn-engine-sys.
fn crate_source(project: &Project) -> Result<PathBuf, Failure> {
    let version = project.locked_version("unicorn-engine-sys")?;
    let mut cargo = project.cargo(&["metadata", "--format-version", "1", "--locked"]);
    let wanted = format!("unicorn-engine-sys-{version}/Cargo.toml\"");
    let answer = steps::ask(&mut cargo).unwrap_or_default();
    let path = answer.split_inclusive('"').find(|text| text.ends_with(&wanted));
    path.and_then(|text| Path::new(text.trim_end_matches('"')).parent().map(Path::to_path_buf)).ok_or_else(|| {
        Failure::new(
            format!("cargo does not say where unicorn-engine-sys {version} is unpacked"),
            "cargo fetch --locked",
        )
    })
}
