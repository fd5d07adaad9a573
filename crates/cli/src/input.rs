//! Texts that a person names.

use crate::outcome::WrongUse;
use std::path::Path;

/// Reads a text file, or standard input for `-`.
pub(crate) fn read(file: &Path) -> Result<String, WrongUse> {
    let text = match file.to_str() {
        Some("-") => std::io::read_to_string(std::io::stdin()),
        _ => std::fs::read_to_string(file),
    };
    text.map_err(|error| {
        WrongUse::new(
            format!("cannot read {}: {error}", file.display()),
            "name a text file that exists, or - for standard input",
        )
    })
}
