//! Differences between the built-in text and Linux's that are known, each with its reason. docs/LIMITS.md has them too.

use super::super::tree::Release;

/// A known difference.
#[derive(Debug, PartialEq, Eq)]
pub struct Declared {
    /// Its name in reports.
    pub name: &'static str,
    /// What differs, and what it changes.
    pub reason: &'static str,
    /// Whether runs that come by it have other steps.
    pub changes_steps: bool,
    /// Releases before this one have it; all, if there is none.
    before: Option<(u32, u32)>,
    /// The label of the built-in text at which it begins.
    pub(super) from: &'static str,
    /// The label at which it ends at the latest.
    pub(super) until: &'static str,
    pub(super) resumes: Resumes,
}

/// Where both texts go on after a known difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resumes {
    /// They do not.
    Never,
    /// Where the built-in text stands; the tree has instructions more.
    Here,
    /// At a label of the built-in text.
    At(&'static str),
}

impl Declared {
    pub(super) fn is_of(&self, release: Release) -> bool {
        self.before.is_none_or(|before| release.is_before(before))
    }
}

const fn always(name: &'static str, reason: &'static str) -> Declared {
    Declared { name, reason, changes_steps: false, before: None, from: "", until: "", resumes: Resumes::Never }
}

const fn before(name: &'static str, release: (u32, u32), reason: &'static str) -> Declared {
    Declared { changes_steps: true, before: Some(release), ..always(name, reason) }
}

const fn at(declared: Declared, from: &'static str, until: &'static str, resumes: Resumes) -> Declared {
    Declared { from, until, resumes, ..declared }
}

const SYNC_REGS: &str =
    "error_entry calls sync_regs and returns, where later releases jump there: one CALL and one RET more";
const TRAMPOLINE: &str = "the exit by IRET copies the frame to the entry stack also without isolation, and goes to user mode there: other steps, the same end";
const NMI_ARGUMENT: &str = "exc_nmi has a second argument, which it does not use";

/// What a person turns on by `--config`. It is found by the macros that have it, and by what it makes of RET.
pub(super) const MITIGATION: Declared = Declared {
    changes_steps: true,
    ..always(
        "mitigations",
        "what --config turns on runs as Linux leaves it on a processor that needs no mitigation: RET by way of a thunk, jumps, an erased stack; or frames for the unwinder",
    )
};

/// The macros of entry code that have a mitigation, or what the unwinder alone reads, and nothing else.
pub(super) const MITIGATING: [&str; 14] = [
    "CALL_UNTRAIN_RET",
    "CLEAR_BRANCH_HISTORY",
    "ENCODE_FRAME_POINTER",
    "FRAME_BEGIN",
    "FRAME_END",
    "IBRS_ENTER",
    "IBRS_EXIT",
    "RESET_CALL_DEPTH",
    "STACKLEAK_ERASE",
    "STACKLEAK_ERASE_NOCLOBBER",
    "UNTRAIN_RET",
    "UNTRAIN_RET_FROM_CALL",
    "UNTRAIN_RET_VM",
    "__UNTRAIN_RET",
];

/// The function that a RET jumps to with return thunks.
pub(super) const RETURN_THUNK: &str = "__x86_return_thunk";

/// All of them.
pub const DECLARED: &[Declared] = &[
    at(
        always(
            "espfix",
            "no local descriptor table exists here: the way to a 16-bit stack ends in UD2, and nothing reaches it",
        ),
        "native_irq_return_ldt",
        "mds_verw_sel",
        Resumes::Never,
    ),
    at(
        always("endbr-load-gs-index", "asm_load_gs_index begins with ENDBR64 in Linux; only the C side calls it"),
        "asm_load_gs_index",
        "load_gs_index_done",
        Resumes::Here,
    ),
    at(
        before(
            "sysret-in-assembly",
            (6, 7),
            "the tests for SYSRET are in entry_64.S; later releases make them in do_syscall_64",
        ),
        "syscall_choose_exit",
        "syscall_return_via_sysret",
        Resumes::At("syscall_return_via_sysret"),
    ),
    at(
        before("call-sync-regs", (6, 3), SYNC_REGS),
        "error_entry_kernel_cr3",
        "error_entry_from_kernel",
        Resumes::Never,
    ),
    at(before("call-sync-regs", (6, 3), SYNC_REGS), "error_entry_bad_iret_kernel_cr3", "error_return", Resumes::Never),
    at(
        before("trampoline-always", (6, 8), TRAMPOLINE),
        "swapgs_restore_regs_and_return_to_usermode",
        "iret_exit_swapgs",
        Resumes::At("iret_exit_trampoline"),
    ),
    at(before("trampoline-always", (6, 8), TRAMPOLINE), "iret_exit_switch_cr3", "iret_exit_user_cr3", Resumes::Never),
    at(
        before(
            "push-without-isolation",
            (6, 8),
            "the exit by SYSRET saves and restores RAX even where there is no CR3 to switch",
        ),
        "sysret_exit_switch_cr3",
        "sysret_exit_user_cr3",
        Resumes::At("sysret_exit_user_cr3"),
    ),
    at(
        before("trampoline-always", (6, 8), TRAMPOLINE),
        "iret_exit_user_cr3",
        "restore_regs_and_return_to_kernel",
        Resumes::Never,
    ),
    at(before("nmi-argument", (6, 5), NMI_ARGUMENT), "nmi_from_user_kernel_cr3", "nmi_from_kernel", Resumes::Here),
    at(before("nmi-argument", (6, 5), NMI_ARGUMENT), "end_repeat_nmi", "nmi_exit", Resumes::Here),
    MITIGATION,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linux::{Config, boot};

    #[test]
    fn a_declaration_names_a_stretch_of_the_built_in_text() {
        let image = boot(&Config::default()).expect("the built-in text").image;
        for declared in DECLARED.iter().filter(|declared| !declared.from.is_empty()) {
            let [from, until] = [declared.from, declared.until].map(|label| image.symbols.get(label).copied());
            assert!(from.is_some() && from < until, "{}: {from:x?} to {until:x?}", declared.name);
        }
    }
}
