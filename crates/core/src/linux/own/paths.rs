//! The kernel's names of our texts, and what their lines are to a patch.

pub(super) use super::super::sources::FILES;
use super::super::sources::{CALLING_INDEX, FORM_INDEX, index_of};
use super::Source;
use cr3_patch::Key;

/// The macro after which calling.h has the one that restores CR3.
const BEFORE_FORM: &str = ".macro SAVE_AND_SWITCH_TO_KERNEL_CR3";

/// A line of a file of the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FileLine {
    pub(super) text: String,
    /// Index of our text and of the line in it; none for lines that this machine never assembles.
    pub(super) ours: Option<(usize, usize)>,
}

/// The lines of each of [`FILES`], from our texts.
pub(super) fn files(sources: &[Source]) -> [Vec<FileLine>; 2] {
    [calling(sources), index_of(sources, FILES[1]).map_or_else(Vec::new, |entry| lines(sources, entry))]
}

/// The lines of the text with this index.
pub(super) fn lines(sources: &[Source], index: usize) -> Vec<FileLine> {
    let text = sources.get(index).map_or("", |source| source.text.as_str());
    let line = |(number, line): (usize, &str)| FileLine { text: line.to_owned(), ours: Some((index, number)) };
    text.lines().enumerate().map(line).collect()
}

/// calling.h: the form stands after the macros that switch CR3, then comes the arm of a kernel without isolation.
fn calling(sources: &[Source]) -> Vec<FileLine> {
    let mut all = lines(sources, CALLING_INDEX);
    let begin = all.iter().position(|line| line.text.starts_with(BEFORE_FORM)).unwrap_or(all.len());
    let end = all[begin..].iter().position(|line| line.text == ".endm").map_or(all.len(), |end| begin + end + 1);
    let tail = all.split_off(end);
    let form = lines(sources, FORM_INDEX);
    let restore = form.iter().find(|line| line.text.starts_with(".macro")).map_or("", |line| line.text.as_str());
    let arm = without_isolation(restore).into_iter().map(|text| FileLine { text, ours: None });
    all.extend(form.iter().cloned().chain(arm).collect::<Vec<_>>());
    all.extend(tail);
    all
}

/// calling.h where CONFIG_MITIGATION_PAGE_TABLE_ISOLATION is off: the macros are empty.
fn without_isolation(restore: &str) -> Vec<String> {
    let heads = [
        ".macro SWITCH_TO_KERNEL_CR3 scratch_reg:req",
        ".macro SWITCH_TO_USER_CR3_NOSTACK scratch_reg:req scratch_reg2:req",
        ".macro SWITCH_TO_USER_CR3_STACK scratch_reg:req",
        ".macro SAVE_AND_SWITCH_TO_KERNEL_CR3 scratch_reg:req save_reg:req",
        restore,
    ];
    heads.iter().flat_map(|head| [(*head).to_owned(), ".endm".to_owned()]).collect()
}

/// Macros that this machine's state does not depend on, as calling.h says; the text here does without them.
const UNMODELLED: [&str; 13] = [
    "UNWIND_HINT",
    "ANNOTATE_",
    "ENCODE_FRAME_POINTER",
    "IBRS_ENTER",
    "IBRS_EXIT",
    "UNTRAIN_RET",
    "VALIDATE_UNRET",
    "CALL_DEPTH_ACCOUNT",
    "STACKLEAK_ERASE",
    "SYM_CODE_END",
    "SYM_FUNC_END",
    "_ASM_NOKPROBE",
    "THUNK",
];

/// Words that the kernel writes for an instruction or a directive.
const SAME: [(&str, &str); 4] = [("RET", "ret"), ("ENDBR", "endbr64"), ("ASM_CLAC", "clac"), ("retq", "ret")];

/// What a line of code, its white space folded, is to a patch.
pub(super) fn key(code: &str) -> Key {
    let word = code.split([' ', '(']).next().unwrap_or(code);
    if code.starts_with('#') {
        let conditional = ["#if", "#el", "#endif"].iter().any(|begin| code.starts_with(begin));
        return if conditional { Key::Free } else { Key::Code(code.to_owned()) };
    }
    if UNMODELLED.iter().any(|name| word.starts_with(name)) || word == ".section" || word == ".pushsection" {
        return Key::Unmodelled;
    }
    if let Some(label) = label(code, word) {
        return Key::Label(label.to_owned());
    }
    match SAME.iter().find(|(theirs, _)| *theirs == word) {
        Some((_, ours)) => Key::Code(format!("{ours}{}", &code[word.len()..])),
        None => Key::Code(code.to_owned()),
    }
}

/// The name of a label that others may use. Local ones are code: they are part of how a macro is written.
fn label<'c>(code: &'c str, word: &str) -> Option<&'c str> {
    let begins = ["SYM_CODE_START", "SYM_FUNC_START", "SYM_INNER_LABEL"];
    if begins.iter().any(|begin| word.starts_with(begin)) {
        return code.split_once('(')?.1.split([',', ')']).next().map(str::trim);
    }
    let name = code.strip_suffix(':')?;
    let letters = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    (letters && !name.starts_with(|c: char| c.is_ascii_digit())).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_kernel_are_those_of_our_texts() {
        let code = |text: &str| Key::Code(text.to_owned());
        let label = |name: &str| Key::Label(name.to_owned());
        let cases = [
            ("movq %rsp,%rdi", code("movq %rsp,%rdi")),
            ("RET", code("ret")),
            ("SYM_CODE_START_LOCAL(paranoid_exit)", label("paranoid_exit")),
            ("SYM_INNER_LABEL(native_iret,SYM_L_GLOBAL)", label("native_iret")),
            ("paranoid_exit:", label("paranoid_exit")),
            (".Lend_\\@:", code(".Lend_\\@:")),
            ("1:", code("1:")),
            ("UNWIND_HINT_REGS", Key::Unmodelled),
            ("IBRS_EXIT save_reg=%r15", Key::Unmodelled),
            ("#ifdef CONFIG_XEN_PV", Key::Free),
            ("#define A 1", code("#define A 1")),
        ];
        for (line, expected) in cases {
            assert_eq!(key(line), expected, "{line}");
        }
    }
}
