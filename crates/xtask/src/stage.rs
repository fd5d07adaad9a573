//! Called by trunk after it has built a page: writes the version of the second CPU's worker, and puts Unicorn beside
//! the page.

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::project::Project;
use crate::unicorn;

/// Where the page finds the worker. Trunk does not name a worker by its content.
const FOLLOWER: &str = "follower";

/// Identifies a folder's content, so that a page asks for `FILE?v=VERSION` and never gets an older file from a cache.
pub(crate) const VERSION: &str = "version.txt";

pub(crate) fn run(project: &Project) -> Result<(), Failure> {
    let stage = std::env::var_os("TRUNK_STAGING_DIR").map(PathBuf::from).ok_or_else(|| {
        Failure::new("there is no page to complete: TRUNK_STAGING_DIR is not set", "cargo xtask build calls trunk")
    })?;
    name_version(&stage.join(FOLLOWER))?;
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

/// Writes the version of `content` into `folder`.
pub(crate) fn write_version(folder: &Path, content: &[u8]) -> Result<(), Failure> {
    let file = folder.join(VERSION);
    fs::write(&file, format!("{:016x}\n", content_hash(content))).map_err(|error| Failure::io(&file, &error))
}

/// FNV-1a: identifies a content, and protects against nobody.
fn content_hash(bytes: &[u8]) -> u64 {
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    bytes.iter().fold(BASIS, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_a_function_of_the_content() {
        // The test vectors of the FNV specification.
        assert_eq!(content_hash(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(content_hash(b"foobar"), 0x8594_4171_f739_67e8);
    }
}
