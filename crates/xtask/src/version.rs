//! Versions of what the page loads on demand: a function of the content, so that no cache supplies an older one.

use std::fs;
use std::path::Path;

use crate::failure::Failure;

/// Identifies a folder's content, so that a page asks for `FILE?v=VERSION` and never gets an older file from a cache.
pub(crate) const VERSION: &str = "version.txt";

/// Writes the version of `content` into `folder`.
pub(crate) fn write_version(folder: &Path, content: &[u8]) -> Result<(), Failure> {
    let file = folder.join(VERSION);
    fs::write(&file, format!("{:016x}\n", content_hash(content))).map_err(|error| Failure::io(&file, &error))
}

/// FNV-1a: identifies a content, and protects against nobody.
pub(crate) fn content_hash(bytes: &[u8]) -> u64 {
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
