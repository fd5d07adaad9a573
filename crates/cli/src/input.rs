//! Texts that a person names.

use crate::outcome::WrongUse;
use std::io::Read;
use std::path::Path;

/// Reads a text file, or standard input for `-`. Code is ASCII; of names in mails and comments that are not UTF-8, what cannot be
/// read is replaced, as browsers do.
pub(crate) fn read(file: &Path) -> Result<String, WrongUse> {
    bytes(file).map(text)
}

/// The same for code of a person's own, which a file without text cannot be.
pub(crate) fn read_code(file: &Path) -> Result<String, WrongUse> {
    let bytes = bytes(file)?;
    let refuse = |what, mend| {
        let name = if is_input(file) { "standard input".to_owned() } else { file.display().to_string() };
        Err(WrongUse::new(format!("{name} {what}"), mend))
    };
    match () {
        () if bytes.trim_ascii().is_empty() => refuse("is empty", "give the source text of macros, or a patch"),
        () if bytes.iter().any(is_of_no_text) => {
            refuse("is not text", "give the source text of macros, or a patch; unpack it first if it is compressed")
        }
        () => Ok(text(bytes)),
    }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Objects and archives have such bytes. Texts of any encoding that extends ASCII have tabs, ends of lines and of pages, and none below them.
fn is_of_no_text(byte: &u8) -> bool {
    *byte < b'\t'
}

fn is_input(file: &Path) -> bool {
    file.to_str() == Some("-")
}

fn bytes(file: &Path) -> Result<Vec<u8>, WrongUse> {
    raw(file).map_err(|error| {
        WrongUse::new(
            format!("cannot read {}: {error}", file.display()),
            "name a text file that exists, or - for standard input",
        )
    })
}

fn raw(file: &Path) -> std::io::Result<Vec<u8>> {
    if !is_input(file) {
        return std::fs::read(file);
    }
    let mut bytes = Vec::new();
    std::io::stdin().read_to_end(&mut bytes)?;
    Ok(bytes)
}
