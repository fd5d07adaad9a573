//! Where Unicorn's sources are, and where the build puts its results.

use std::fs;
use std::path::{Path, PathBuf};

use super::patch;
use super::toolchain::Toolchain;
use crate::failure::Failure;
use crate::project::Project;
use crate::steps;

/// The folders, and the compiler.
pub(super) struct Build {
    pub(super) toolchain: Toolchain,
    /// The unpacked crate, never written to.
    pub(super) source: PathBuf,
    /// `crates/unicorn/csrc`.
    pub(super) own: PathBuf,
    /// Objects and patched files.
    pub(super) work: PathBuf,
    /// What the page serves.
    pub(super) folder: PathBuf,
}

impl Build {
    pub(super) fn new(project: &Project) -> Result<Self, Failure> {
        let work = work_folder(project)?;
        let toolchain = Toolchain::ensure(project, &work)?;
        let source = crate_source(project)?;
        patch::all(&source, &work)?;
        let folder = product_folder(project);
        Ok(Self { toolchain, source, own: project.root().join("crates/unicorn/csrc"), work, folder })
    }
}

pub(super) fn work_folder(project: &Project) -> Result<PathBuf, Failure> {
    let work = project.target().join("unicorn-wasm");
    for folder in ["objects", "include/exec", "patched", "product"] {
        let folder = work.join(folder);
        fs::create_dir_all(&folder).map_err(|error| Failure::io(&folder, &error))?;
    }
    Ok(work)
}

/// What the page serves.
pub(super) fn product_folder(project: &Project) -> PathBuf {
    project.target().join("unicorn-wasm/product")
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
