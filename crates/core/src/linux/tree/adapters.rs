//! Functions of the C side to which older entry code hands over something else. The text tells, not the release: between two releases, where a
//! bisection goes, a Makefile names the older one.

use super::{ENTRY, Tree};

/// A function of the C side whose callers in older releases hand over something else.
pub(super) struct Adapter {
    pub(super) function: &'static str,
    /// What such a text calls in its place.
    pub(super) called: &'static str,
    /// The argument that tells: it is the stack pointer itself there, and something else since.
    register: &'static str,
    pub(super) text: &'static str,
}

const ADAPTERS: [Adapter; 2] = [
    Adapter {
        function: "do_syscall_64",
        called: "do_syscall_64_number_first",
        register: "%rsi",
        text: include_str!("number_first.S"),
    },
    Adapter {
        function: "fixup_bad_iret",
        called: "fixup_bad_iret_return_first",
        register: "%rdi",
        text: include_str!("return_first.S"),
    },
];

/// Those that the text of a tree needs.
pub(super) fn adapters(tree: &Tree) -> impl Iterator<Item = &'static Adapter> {
    let entry = tree.files.iter().find(|(path, _)| path == ENTRY).map_or("", |(_, text)| text);
    ADAPTERS.iter().filter(|adapter| handed(entry, adapter.function, adapter.register) == Some("%rsp"))
}

/// Instructions before a call among which its arguments are loaded.
const REACH: usize = 16;

/// What the text moves into `register` last before it calls `function`.
fn handed<'t>(entry: &'t str, function: &str, register: &str) -> Option<&'t str> {
    let lines: Vec<&str> = entry.lines().map(code).collect();
    let calls = |line: &&str| line.split_whitespace().eq(["call", function]);
    let call = lines.iter().position(calls)?;
    let before = lines[..call].iter().rev().filter(|line| !line.is_empty()).take(REACH);
    before.filter_map(|line| moved(line)).find(|(_, to)| *to == register).map(|(from, _)| from)
}

/// A line without its comment.
fn code(line: &str) -> &str {
    let ends = ["/*", "//", "#"].iter().filter_map(|begin| line.find(begin));
    line[..ends.min().unwrap_or(line.len())].trim()
}

/// From where and to where a statement moves something.
fn moved(line: &str) -> Option<(&str, &str)> {
    let (mnemonic, operands) = line.split_once(char::is_whitespace)?;
    let (from, to) = operands.rsplit_once(',')?;
    (mnemonic.starts_with("mov") || mnemonic.starts_with("lea")).then_some((from.trim(), to.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_tells_what_is_handed_over() {
        let check = |text: &str, register, expected| assert_eq!(handed(text, "f", register), expected, "{text}");
        check("\tmovq\t%rsp, %rdi\n\tmovslq\t%eax, %rsi /* , %rdi */\n\n\tIBRS\n\tcall\tf\n", "%rdi", Some("%rsp"));
        check("\tmovq\t%rsp, %rdi\n\tmovslq\t%eax, %rsi\n\tcall\tf\t/* c */\n", "%rsi", Some("%eax"));
        check("movq %rax, %rdi\nmovq %rsp, %rsi\ncall f\nmovq %rax, %rsi\n", "%rsi", Some("%rsp"));
        check("leaq 8(%rsp,%rax), %rdi # %rdi\ncall f\n", "%rdi", Some("8(%rsp,%rax)"));
        check("call g\nmovq %rsp, %rdi\njmp f\n", "%rdi", None);
        check(&format!("movq %rsp, %rdi\n{}call f\n", "nop\n".repeat(REACH)), "%rdi", None);
    }
}
