//! The one header of Unicorn that must differ, made at build time from the crate's own.

use std::fs;
use std::path::Path;

use crate::failure::Failure;

const HEADER: &str = "qemu/include/exec/helper-head.h";

/// A helper's size mask as QEMU has it: for the result and each argument, is it 64 bits wide, is it signed.
const SIZE_MASK: &str = "#define dh_sizemask(t, n) \\
  ((dh_is_64bit(t) << (n*2)) | (dh_is_signed(t) << (n*2+1)))
";

/// The same with one more bit each, from bit 16 on: whether there is such an operand. WebAssembly checks the type of a
/// call, so the backend must know how many arguments a helper takes and whether it returns something.
const SIZE_MASK_WITH_PRESENCE: &str = "#define dh_present_void 0
#define dh_present_noreturn 0
#define dh_present_i32 1
#define dh_present_i64 1
#define dh_present_ptr 1
#define dh_present_cptr 1
#define dh_present(t) glue(dh_present_, dh_alias(t))
#define dh_sizemask(t, n) \\
  ((dh_is_64bit(t) << (n*2)) | (dh_is_signed(t) << (n*2+1)) | (dh_present(t) << (16+n)))
";

/// Writes the patched header to `work`/include, which comes before the crate's on the include path.
pub(super) fn helper_head(source: &Path, work: &Path) -> Result<(), Failure> {
    let original = source.join(HEADER);
    let text = fs::read_to_string(&original).map_err(|error| Failure::io(&original, &error))?;
    let patched = patched(&text).ok_or_else(|| {
        Failure::new(
            format!("{} is not the text that crates/xtask/src/unicorn/patch.rs knows", original.display()),
            "use unicorn-engine-sys 2.1.5, or bring the patch up to date with the new version",
        )
    })?;
    let target = work.join("include/exec/helper-head.h");
    if fs::read_to_string(&target).is_ok_and(|present| present == patched) {
        return Ok(());
    }
    fs::write(&target, patched).map_err(|error| Failure::io(&target, &error))
}

fn patched(text: &str) -> Option<String> {
    (text.matches(SIZE_MASK).count() == 1).then(|| text.replace(SIZE_MASK, SIZE_MASK_WITH_PRESENCE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_expected_text_is_replaced_once_and_an_unknown_one_is_refused() {
        let text = format!("before\n{SIZE_MASK}after\n");
        assert_eq!(patched(&text), Some(format!("before\n{SIZE_MASK_WITH_PRESENCE}after\n")));
        assert_eq!(patched("something else"), None);
        assert_eq!(patched(&format!("{SIZE_MASK}{SIZE_MASK}")), None);
    }
}
