//! Called by trunk after it has built a page: writes the version of the workers' module, and puts Unicorn beside the
//! page.

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::project::Project;
use crate::unicorn;
use crate::version::write_version;

/// Where the page finds the workers' module. Trunk does not name a worker by its content.
const WORKER: &str = "worker";

pub(crate) fn run(project: &Project) -> Result<(), Failure> {
    let stage = std::env::var_os("TRUNK_STAGING_DIR").map(PathBuf::from).ok_or_else(|| {
        Failure::new("there is no page to complete: TRUNK_STAGING_DIR is not set", "cargo xtask build calls trunk")
    })?;
    name_version(&stage.join(WORKER))?;
    unicorn::stage(project, &stage)
}

fn name_version(folder: &Path) -> Result<(), Failure> {
    let failed = |error| Failure::io(folder, &error);
    let entries = fs::read_dir(folder).map_err(failed)?.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    let mut paths: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
    paths.sort();
    let mut content = Vec::new();
    for path in paths {
        content.extend(fs::read(&path).map_err(|error| Failure::io(&path, &error))?);
    }
    write_version(folder, &content)
}
