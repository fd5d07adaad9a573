//! Called by trunk after it has built a page: writes the version of the workers' module, puts Unicorn beside the page, and
//! gives a release its policy and what keeps it for use without a network.

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::project::Project;
use crate::version::write_version;
use crate::{offline, policy, unicorn};

/// Where the page finds the workers' module. Trunk does not name a worker by its content.
const WORKER: &str = "worker";

/// Trunk's script that loads a page again when it has been rebuilt is in every page that trunk serves itself, and in no other.
const RELOADS_ITSELF: &str = ".well-known/trunk/ws";

pub(crate) fn run(project: &Project) -> Result<(), Failure> {
    let stage = std::env::var_os("TRUNK_STAGING_DIR").map(PathBuf::from).ok_or_else(|| {
        Failure::new("there is no page to complete: TRUNK_STAGING_DIR is not set", "cargo xtask build calls trunk")
    })?;
    name_version(&stage.join(WORKER))?;
    unicorn::stage(project, &stage)?;
    let page = stage.join("index.html");
    let html = fs::read_to_string(&page).map_err(|error| Failure::io(&page, &error))?;
    if html.contains(RELOADS_ITSELF) {
        return offline::forget(&stage);
    }
    let html = policy::complete(project, &stage, &html)?;
    offline::complete(project, &stage, &html)
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
