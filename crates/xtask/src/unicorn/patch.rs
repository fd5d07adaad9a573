//! The files of Unicorn that must differ, made at build time from the crate's own.

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// A file with one text replaced by another.
struct Patch {
    /// Its path in the crate.
    file: &'static str,
    /// Path of the changed file, below the work folder.
    target: &'static str,
    /// The text that must occur exactly once.
    expected: &'static str,
    replacement: &'static str,
}

/// WebAssembly checks the type of a call, so the backend must know how many arguments a helper takes and whether it
/// returns something. QEMU's size mask of a helper says whether the result and each argument are 64 bits wide and
/// signed. From bit 16 on it now says whether each of these operands exists.
const HELPER_HEAD: Patch = Patch {
    file: "qemu/include/exec/helper-head.h",
    // Before the crate's own on the include path.
    target: "include/exec/helper-head.h",
    expected: "#define dh_sizemask(t, n) \\
  ((dh_is_64bit(t) << (n*2)) | (dh_is_signed(t) << (n*2+1)))
",
    replacement: "#define dh_present_void 0
#define dh_present_noreturn 0
#define dh_present_i32 1
#define dh_present_i64 1
#define dh_present_ptr 1
#define dh_present_cptr 1
#define dh_present(t) glue(dh_present_, dh_alias(t))
#define dh_sizemask(t, n) \\
  ((dh_is_64bit(t) << (n*2)) | (dh_is_signed(t) << (n*2+1)) | (dh_present(t) << (16+n)))
",
};

/// Vectors with an error code that QEMU 5 does not know: #CP (SDM vol. 3A 6.15), #VC and #SX (AMD APM vol. 2 8.4). No
/// instruction of QEMU raises them, so this changes only deliveries from outside.
const ERROR_CODES: Patch = Patch {
    file: "qemu/target/i386/seg_helper.c",
    target: "patched/seg_helper.c",
    expected: "    case 17:
        return 1;
    }
    return 0;
",
    replacement: "    case 17:
    case 21:
    case 29:
    case 30:
        return 1;
    }
    return 0;
",
};

const PATCHES: [Patch; 2] = [HELPER_HEAD, ERROR_CODES];

/// Writes the changed files below `work`.
pub(super) fn all(source: &Path, work: &Path) -> Result<(), Failure> {
    PATCHES.iter().try_for_each(|patch| apply(patch, source, work))
}

/// The file of the crate or, if it exists, its changed copy.
pub(super) fn changed(source: &Path, work: &Path, file: &Path) -> PathBuf {
    let patch = PATCHES.iter().find(|patch| source.join(patch.file) == file);
    patch.map_or_else(|| file.to_path_buf(), |patch| work.join(patch.target))
}

fn apply(patch: &Patch, source: &Path, work: &Path) -> Result<(), Failure> {
    let original = source.join(patch.file);
    let text = fs::read_to_string(&original).map_err(|error| Failure::io(&original, &error))?;
    let patched = patched(patch, &text).ok_or_else(|| {
        Failure::new(
            format!("{} is not the text that crates/xtask/src/unicorn/patch.rs expects", original.display()),
            "use unicorn-engine-sys 2.1.5, or bring the patch up to date with the new version",
        )
    })?;
    let target = work.join(patch.target);
    if fs::read_to_string(&target).is_ok_and(|present| present == patched) {
        return Ok(());
    }
    fs::write(&target, patched).map_err(|error| Failure::io(&target, &error))
}

fn patched(patch: &Patch, text: &str) -> Option<String> {
    (text.matches(patch.expected).count() == 1).then(|| text.replace(patch.expected, patch.replacement))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_expected_text_is_replaced_once_and_an_unknown_one_is_refused() {
        for patch in &PATCHES {
            let text = format!("before\n{}after\n", patch.expected);
            assert_eq!(patched(patch, &text), Some(format!("before\n{}after\n", patch.replacement)));
            assert_eq!(patched(patch, "something else"), None, "{}", patch.file);
            assert_eq!(patched(patch, &format!("{0}{0}", patch.expected)), None, "{}", patch.file);
        }
    }

    #[test]
    fn only_patched_files_are_replaced() {
        let (source, work) = (Path::new("/crate"), Path::new("/build"));
        let check =
            |file: &str, expected: &str| assert_eq!(changed(source, work, Path::new(file)), Path::new(expected));
        check("/crate/qemu/target/i386/seg_helper.c", "/build/patched/seg_helper.c");
        check("/crate/qemu/target/i386/helper.c", "/crate/qemu/target/i386/helper.c");
    }
}
