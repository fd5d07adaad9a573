//! Macros of kernel headers that write only tables for objtool and the unwinder, and directives that write only
//! debugging tables. The assembler accepts all of them with their arguments, and emits nothing.

use super::Position;
use super::macros::Macro;
use super::report::Fault;

/// As `.macro` would define them: `asm/unwind_hints.h`, `linux/objtool.h` and `asm/nospec-branch.h`, from v4.15 on. The
/// parameters are those of all versions together.
const ANNOTATIONS: [&str; 26] = [
    "ANNOTATE_DATA_SPECIAL",
    "ANNOTATE_IGNORE_ALTERNATIVE",
    "ANNOTATE_INTRA_FUNCTION_CALL",
    "ANNOTATE_NOENDBR",
    "ANNOTATE_NOSPEC_ALTERNATIVE",
    "ANNOTATE_REACHABLE label=0",
    "ANNOTATE_RETPOLINE_SAFE",
    "ANNOTATE_UNRET_END",
    "ANNOTATE_UNRET_SAFE",
    "REACHABLE",
    "STACK_FRAME_NON_STANDARD func:req",
    "STACK_FRAME_NON_STANDARD_FP func:req",
    "UNWIND_HINT type=0 sp_reg=0 sp_offset=0 signal=0 end=0",
    "UNWIND_HINT_EMPTY",
    "UNWIND_HINT_END_OF_STACK",
    "UNWIND_HINT_ENTRY",
    "UNWIND_HINT_FUNC sp_offset=0",
    "UNWIND_HINT_IRET_ENTRY base=0 offset=0 signal=0",
    "UNWIND_HINT_IRET_REGS base=0 offset=0 signal=0",
    "UNWIND_HINT_REGS base=0 offset=0 indirect=0 extra=0 partial=0 signal=0 iret=0",
    "UNWIND_HINT_RESTORE",
    "UNWIND_HINT_RET_OFFSET sp_offset=0",
    "UNWIND_HINT_SAVE",
    "UNWIND_HINT_UNDEFINED",
    "VALIDATE_UNRET_BEGIN",
    "VALIDATE_UNRET_END",
];

/// Call frame information ("CFI directives" in the manual of GNU `as`).
pub(super) const CALL_FRAME: [&str; 27] = [
    ".cfi_adjust_cfa_offset",
    ".cfi_def_cfa",
    ".cfi_def_cfa_offset",
    ".cfi_def_cfa_register",
    ".cfi_endproc",
    ".cfi_escape",
    ".cfi_fde_data",
    ".cfi_inline_lsda",
    ".cfi_label",
    ".cfi_lsda",
    ".cfi_offset",
    ".cfi_personality",
    ".cfi_personality_id",
    ".cfi_register",
    ".cfi_rel_offset",
    ".cfi_remember_state",
    ".cfi_restore",
    ".cfi_restore_state",
    ".cfi_return_column",
    ".cfi_same_value",
    ".cfi_sections",
    ".cfi_signal_frame",
    ".cfi_startproc",
    ".cfi_undefined",
    ".cfi_val_encoded_addr",
    ".cfi_val_offset",
    ".cfi_window_save",
];

/// The names of the macros.
pub(super) fn names<'n>() -> impl Iterator<Item = &'n str> {
    ANNOTATIONS.into_iter().map(name)
}

fn name(signature: &str) -> &str {
    signature.split(' ').next().unwrap_or_default()
}

/// Checks the arguments of `word`; `None` if it is no annotation.
pub(super) fn annotation(word: &str, arguments: &str) -> Option<Result<(), Fault>> {
    if !word.starts_with(|c: char| c.is_ascii_uppercase()) {
        return None;
    }
    let signature = ANNOTATIONS.into_iter().find(|signature| name(signature) == word)?;
    let bound =
        Macro::define(signature, Vec::new(), Position::default()).and_then(|annotation| annotation.bind(arguments));
    Some(bound.map(|_| ()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_annotation_is_found_by_its_name_and_knows_its_parameters() {
        for signature in ANNOTATIONS {
            let (word, parameters) = signature.split_once(' ').unwrap_or((signature, ""));
            let named: Vec<String> = parameters
                .split_whitespace()
                .map(|parameter| parameter.trim_end_matches("=0").trim_end_matches(":req"))
                .map(|parameter| format!("{parameter}=1"))
                .collect();
            let right = annotation(word, &named.join(" "));
            assert!(right.is_some_and(|bound| bound.is_ok()), "{signature}");
            let wrong = annotation(word, "surely_no_parameter=1");
            assert!(wrong.is_some_and(|bound| bound.is_err()), "{signature}");
        }
    }
}
