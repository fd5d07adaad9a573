//! Unicorn Engine as WebAssembly: compiles the C sources of the crate unicorn-engine-sys with the TCG backend, host and
//! interface of `crates/unicorn/csrc`. It builds out of tree, and compiles an object again only if something it is made
//! from changed.

pub(crate) mod differential;
mod folders;
mod objects;
mod patch;
mod product;
mod toolchain;

use std::path::PathBuf;
use std::time::Instant;

use crate::failure::Failure;
use crate::project::Project;
use crate::steps::seconds;
use crate::{npm, timings};
use folders::{Build, work_folder};
use toolchain::Toolchain;

pub(crate) use product::{WITHOUT, stage};

/// Installs the compiler if it is missing, and builds. Returns the folder with `unicorn.wasm` and its companions.
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
