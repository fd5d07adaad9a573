//! GNU `as` and `ld` as the judges of the assembler's bytes.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Whether GNU binutils for x86-64 are on this machine. Prints a notice if they are not, and fails if `CR3_REQUIRE_GAS`
/// demands them, as `cargo xtask test` does.
pub fn have_binutils() -> bool {
    let version = |tool: &str| {
        let output = Command::new(tool).arg("--version").output().ok()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.contains("GNU").then_some(text)
    };
    let found = version("as").is_some_and(|text| text.contains("x86_64")) && version("ld").is_some();
    if !found {
        assert!(std::env::var_os("CR3_REQUIRE_GAS").is_none(), "GNU as and ld for x86-64 are not on this machine");
        println!("SKIPPED: GNU as and ld for x86-64 are not on this machine; only the committed bytes were compared");
    }
    found
}

static SERIAL: AtomicUsize = AtomicUsize::new(0);

/// A unique file name in the machine's folder for temporary files.
fn scratch(extension: &str) -> PathBuf {
    let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("cr3-asm-{}-{serial}.{extension}", std::process::id()))
}

/// The object file that `as` makes of `text`.
///
/// # Errors
/// Its messages.
pub fn object(text: &str) -> Result<PathBuf, String> {
    let (source, object) = (scratch("s"), scratch("o"));
    std::fs::write(&source, text).map_err(|error| error.to_string())?;
    let output = Command::new("as").args(["--64", "-o"]).arg(&object).arg(&source).output();
    let _ = std::fs::remove_file(&source);
    let output = output.map_err(|error| error.to_string())?;
    match output.status.success() {
        true => Ok(object),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

/// The bytes of each section of `text`, assembled by `as` and linked by `ld` with each section at its base.
///
/// # Errors
/// The messages of `as` or `ld`.
pub fn linked(text: &str, bases: &[(String, u64)]) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let object = object(text)?;
    let (script, program) = (scratch("ld"), scratch("elf"));
    let places: Vec<String> =
        bases.iter().map(|(name, base)| format!("{name} {base:#x} : AT(0) SUBALIGN(1) {{ *({name}) }}")).collect();
    let script_text =
        format!("SECTIONS {{ {} /DISCARD/ : {{ *(.note*) *(.eh_frame) *(.discard*) }} }}", places.join("\n"));
    std::fs::write(&script, script_text).map_err(|error| error.to_string())?;
    let output = Command::new("ld")
        .args(["-m", "elf_x86_64", "--no-check-sections", "-e", "0", "--no-warn-rwx-segments", "-T"])
        .args([&script, &object])
        .arg("-o")
        .arg(&program)
        .output();
    let bytes = std::fs::read(&program);
    for file in [&script, &program, &object] {
        let _ = std::fs::remove_file(file);
    }
    let output = output.map_err(|error| error.to_string())?;
    match output.status.success() {
        true => sections(&bytes.map_err(|error| error.to_string())?),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

/// The sections of an ELF64 file by name.
///
/// # Errors
/// What the file lacks.
pub fn sections(file: &[u8]) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let number = |at: usize, size: usize| -> Result<usize, String> {
        let bytes = file.get(at..at + size).ok_or("the ELF file is too short")?;
        Ok(bytes.iter().rev().fold(0, |sum, byte| sum << 8 | usize::from(*byte)))
    };
    let (table, count, names) = (number(0x28, 8)?, number(0x3C, 2)?, number(0x3E, 2)?);
    let header = |index: usize| table + 64 * index;
    let body = |index: usize| -> Result<&[u8], String> {
        let (kind, at, size) =
            (number(header(index) + 4, 4)?, number(header(index) + 24, 8)?, number(header(index) + 32, 8)?);
        let no_bits = 8;
        let size = if kind == no_bits { 0 } else { size };
        file.get(at..at + size).ok_or_else(|| "a section lies outside of the file".into())
    };
    let strings = body(names)?.to_vec();
    let mut found = BTreeMap::new();
    for index in 1..count {
        let name = strings.get(number(header(index), 4)?..).unwrap_or(&[]);
        let name = name.split(|byte| *byte == 0).next().unwrap_or(&[]);
        found.insert(String::from_utf8_lossy(name).into_owned(), body(index)?.to_vec());
    }
    Ok(found)
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
