//! An entry_64.S without its tree, as a person pastes it: small headers of our own words stand in for the kernel's.

use super::super::Form;
use super::super::sources::form_source;
use super::{CALLING, ENTRY, File, Tree};
use crate::asm::Diagnostic;

/// What stands in for the tree, by path.
macro_rules! stand_ins {
    ($($path:literal),* $(,)?) => { [$(($path, include_str!(concat!("../../../../../testdata/tree/", $path)))),*] };
}

const STAND_INS: [(&str, &str); 24] = stand_ins![
    "Makefile",
    "arch/x86/entry/calling.h",
    "arch/x86/entry/entry.S",
    "arch/x86/include/asm/alternative.h",
    "arch/x86/include/asm/asm-offsets.h",
    "arch/x86/include/asm/asm.h",
    "arch/x86/include/asm/cpufeatures.h",
    "arch/x86/include/asm/frame.h",
    "arch/x86/include/asm/ibt.h",
    "arch/x86/include/asm/idtentry.h",
    "arch/x86/include/asm/linkage.h",
    "arch/x86/include/asm/msr-index.h",
    "arch/x86/include/asm/nospec-branch.h",
    "arch/x86/include/asm/page_types.h",
    "arch/x86/include/asm/percpu.h",
    "arch/x86/include/asm/processor-flags.h",
    "arch/x86/include/asm/segment.h",
    "arch/x86/include/asm/smap.h",
    "arch/x86/include/asm/trapnr.h",
    "arch/x86/include/asm/unistd.h",
    "arch/x86/include/asm/unwind_hints.h",
    "include/linux/const.h",
    "include/linux/linkage.h",
    "include/uapi/asm-generic/errno.h",
];

/// The name of the macro that restores CR3 until v6.8, and since.
const NAMES: [&str; 2] = ["RESTORE_CR3", "PARANOID_RESTORE_CR3"];

/// Whether a text is a whole entry_64.S: it has the first and the last entry point of one.
pub fn is_entry_text(text: &str) -> bool {
    let has = |name: &str| {
        let begins = [format!("SYM_CODE_START({name})"), format!("ENTRY({name})")];
        text.lines().any(|line| begins.iter().any(|begin| line.starts_with(begin)))
    };
    has("entry_SYSCALL_64") && (has("asm_exc_nmi") || has("nmi"))
}

impl Tree {
    /// An entry_64.S with stand-ins for its tree.
    ///
    /// # Errors
    /// Those of [`Tree::read`].
    pub(in crate::linux) fn around(entry: &str) -> Result<Self, Vec<Diagnostic>> {
        Ok(Self { is_alone: true, ..Self::read(&mut |path| stand_in(path, entry), "")? })
    }
}

/// The text at a path. A header without a stand-in is empty; the assembler reports what is missing where the text uses it.
fn stand_in(path: &str, entry: &str) -> File {
    match STAND_INS.iter().find(|(name, _)| *name == path) {
        _ if path == ENTRY => File::Text(entry.to_owned()),
        Some((CALLING, text)) => File::Text(called(text, entry)),
        Some((_, text)) => File::Text((*text).to_owned()),
        None => match path.strip_prefix("arch/x86/include/") {
            Some(header) if !is_elsewhere(header) => File::Text(String::new()),
            _ => File::Absent,
        },
    }
}

/// Whether a header of the first folder is found in another one, as a stand-in or as a wrapper of a generic one.
fn is_elsewhere(header: &str) -> bool {
    let generic = header.replacen("asm/", "asm-generic/", 1);
    let named = |(name, _): &(&str, &str)| name.ends_with(header) || name.ends_with(&generic);
    ["generated/", "uapi/"].iter().any(|folder| header.starts_with(folder)) || STAND_INS.iter().any(named)
}

/// The stand-in of calling.h with the macro that the text calls: form A's under the old name.
fn called(calling: &str, entry: &str) -> String {
    let [old, new] = NAMES;
    if entry.contains(new) || !entry.contains(old) {
        return calling.to_owned();
    }
    let begin = format!(".macro {new} ");
    let parts = calling.split_once(&begin).and_then(|(before, rest)| Some((before, rest.split_once(".endm\n")?.1)));
    let Some((before, after)) = parts else { return calling.to_owned() };
    format!("{before}{}{}", form_source(Form::A, "").text, after.replace(new, old))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_entry_text_is_known_by_its_first_and_last_entry_point() {
        let check = |text: &str, expected| assert_eq!(is_entry_text(text), expected, "{text}");
        check("SYM_CODE_START(entry_SYSCALL_64)\nSYM_CODE_START(asm_exc_nmi)\n", true);
        check("ENTRY(entry_SYSCALL_64)\nENTRY(nmi)\n", true);
        check("SYM_CODE_START(entry_SYSCALL_64)\n", false);
        check(" SYM_CODE_START(entry_SYSCALL_64)\n SYM_CODE_START(asm_exc_nmi)\n", false);
        check("", false);
    }
}
