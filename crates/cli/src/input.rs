//! Texts that a person names.

use crate::outcome::WrongUse;
use std::io::Read;
use std::path::Path;

/// Reads a text file, or standard input for `-`. Code is ASCII; of names in mails and comments that are not UTF-8, what cannot be
/// read is replaced, as browsers do.
pub(crate) fn read(file: &Path) -> Result<String, WrongUse> {
    bytes(file).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).map_err(|error| {
        WrongUse::new(
            format!("cannot read {}: {error}", file.display()),
            "name a text file that exists, or - for standard input",
        )
    })
}

fn bytes(file: &Path) -> std::io::Result<Vec<u8>> {
    if file.to_str() != Some("-") {
        return std::fs::read(file);
    }
    let mut bytes = Vec::new();
    std::io::stdin().read_to_end(&mut bytes)?;
    Ok(bytes)
}
