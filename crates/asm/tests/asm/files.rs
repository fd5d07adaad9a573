//! Whole files against GNU `as`.
//!
//! Beside each `testdata/asm/*.S` is a `.golden` with the bytes that GNU `as` 2.40 and `ld` give for it, by features
//! and section. The tests always compare with it. Where binutils are installed, the tests also ask them again about two
//! texts: our own expansion of the file, and, where there is a C preprocessor too, the file itself through `cpp` and
//! the macro processor of `as`, so that ours is not its own judge.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use cr3_asm::{Image, Options, expanded_text};

use crate::support::{assembled, errors, testdata};
use cr3_testing::gas::{have_binutils, hex, linked};

/// Files in `testdata/asm`.
const FILES: usize = 5;

/// The features each file is assembled with.
const FEATURES: [&[&str]; 3] =
    [&[], &["X86_FEATURE_PTI"], &["X86_FEATURE_PTI", "X86_FEATURE_PCID", "X86_FEATURE_FENCE", "X86_FEATURE_LA57"]];

/// Bases far enough apart, and such that every kind of relocation can hold them.
const BASES: [(&str, u64); 10] = [
    (".text", 0x0040_0000),
    (".entry.text", 0x0060_0000),
    (".fixup.text", 0x0070_0000),
    (".data", 0x0080_0000),
    (".fixup", 0x0090_0000),
    (".foo", 0x00A0_0000),
    (".foo2", 0x00B0_0000),
    (".bar", 0x00C0_0000),
    (".rodata", 0x00D0_0000),
    (".text.hot", 0x00E0_0000),
];

/// ALTERNATIVE for the macro processor of GNU `as`: a feature is on if its name is defined.
pub(crate) const ALTERNATIVES: &str = "
.macro ALTERNATIVE old, new, feature
.ifdef \\feature
\\new
.else
\\old
.endif
.endm
.macro ALTERNATIVE_2 old, new1, feature1, new2, feature2
.ifdef \\feature2
\\new2
.else
.ifdef \\feature1
\\new1
.else
\\old
.endif
.endif
.endm
.macro UNWIND_HINT_ENTRY
.endm
.macro UNWIND_HINT_IRET_ENTRY offset=0
.endm
.macro ANNOTATE_NOENDBR
.endm
";

fn files() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(testdata()).expect("the folder is in the repository");
    let paths = entries.map(|entry| entry.expect("the folder can be listed").path());
    let mut files: Vec<PathBuf> = paths.filter(|path| path.extension().is_some_and(|ext| ext == "S")).collect();
    files.sort();
    files
}

fn options(features: &[&str]) -> Options {
    Options {
        features: features.iter().map(|feature| (*feature).to_owned()).collect(),
        sections: BASES.iter().map(|(name, base)| ((*name).to_owned(), *base)).collect(),
        ..Options::default()
    }
}

fn image(path: &Path, features: &[&str]) -> Image {
    let text = std::fs::read_to_string(path).expect("the file can be read");
    let (image, diagnostics) = assembled(&text, &options(features));
    assert_eq!(errors(&diagnostics), [""; 0], "{}", path.display());
    image
}

fn bytes(image: &Image) -> BTreeMap<String, Vec<u8>> {
    image.sections.iter().map(|section| (section.name.clone(), section.bytes.clone())).collect()
}

fn bases(image: &Image) -> Vec<(String, u64)> {
    image.sections.iter().map(|section| (section.name.clone(), section.base)).collect()
}

/// The lines of a golden: features, section, bytes.
fn golden(sections: impl Fn(&[&str]) -> BTreeMap<String, Vec<u8>>) -> String {
    let mut lines = String::new();
    for features in FEATURES {
        for (name, bytes) in sections(features) {
            lines.push_str(&format!("{}\t{name}\t{}\n", features.join(" "), hex(&bytes)));
        }
    }
    lines
}

/// What `as` and `ld` make of our expansion. Only our sections count, because others hold debugging data.
fn by_gas(image: &Image, text: &str) -> BTreeMap<String, Vec<u8>> {
    let mut sections = linked(text, &bases(image)).expect("as and ld take the expanded text");
    let ours: BTreeSet<String> = bytes(image).into_keys().collect();
    sections.retain(|name, _| ours.contains(name));
    sections
}

#[test]
fn bytes_are_those_of_the_goldens() {
    let files = files();
    for path in &files {
        let golden_path = path.with_extension("golden");
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            let text = golden(|features| {
                let image = image(path, features);
                by_gas(&image, &expanded_text(&image))
            });
            std::fs::write(&golden_path, text).expect("the golden is writable");
        }
        let want = std::fs::read_to_string(&golden_path).expect("every file has a golden");
        assert_eq!(golden(|features| bytes(&image(path, features))), want, "{}", path.display());
    }
    assert_eq!(files.len(), FILES);
}

#[test]
fn the_goldens_are_those_of_the_installed_gas() {
    if !have_binutils() {
        return;
    }
    for path in files() {
        let want = std::fs::read_to_string(path.with_extension("golden")).expect("every file has a golden");
        let asked = golden(|features| {
            let image = image(&path, features);
            by_gas(&image, &expanded_text(&image))
        });
        assert_eq!(asked, want, "{}", path.display());
    }
}

/// The file through `cpp`, with our prelude in place of kernel headers.
fn preprocessed(path: &Path) -> Option<String> {
    let prelude = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/prelude.h");
    let without_includes: String = std::fs::read_to_string(path)
        .ok()?
        .lines()
        .map(|line| if line.starts_with("#include") { "\n".to_owned() } else { format!("{line}\n") })
        .collect();
    let copy = std::env::temp_dir().join(format!("cr3-asm-cpp-{}.S", std::process::id()));
    std::fs::write(&copy, without_includes).ok()?;
    let output = Command::new("gcc")
        .args(["-E", "-P", "-undef", "-x", "assembler-with-cpp", "-include"])
        .args([&prelude, &copy])
        .output();
    let _ = std::fs::remove_file(&copy);
    let output = output.ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn cpp_and_the_macros_of_gas_agree_with_ours() {
    if !have_binutils() {
        return;
    }
    if Command::new("gcc").arg("--version").output().is_err() {
        assert!(std::env::var_os("CR3_REQUIRE_GAS").is_none(), "there is no gcc on this machine to preprocess with");
        println!("SKIPPED: there is no gcc on this machine to preprocess with");
        return;
    }
    for path in files() {
        let text = preprocessed(&path).expect("cpp takes the file");
        for features in FEATURES {
            let image = image(&path, features);
            let defined: String = features.iter().map(|feature| format!("{feature} = 1\n")).collect();
            let asked = by_gas(&image, &format!("{defined}{ALTERNATIVES}{text}"));
            assert_eq!(bytes(&image), asked, "{} with {features:?}", path.display());
        }
    }
}
