//! Why the kernel has an instruction: what docs/WHY.md says about it.

/// The reason for an instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why {
    /// The reason, in a sentence or two.
    pub says: String,
    /// Where it can be checked.
    pub source: String,
}

/// The chapter about instructions that mean the same everywhere.
const ANYWHERE: &str = "Anywhere";

/// What stands for the words of a statement in the last entry of a stretch.
const OTHERWISE: &str = "otherwise";

/// Why a text has the statement in a line of it, from 1; none where docs/WHY.md, which is `document`, says nothing about it.
#[must_use]
pub fn why(document: &str, text: &str, line: u32) -> Option<Why> {
    let index = (line as usize).checked_sub(1)?;
    let lines: Vec<&str> = text.lines().collect();
    let statement = joined(lines.get(index)?);
    let called = statement.split_whitespace().next().filter(|name| !is_note(name))?;
    let own = names_above(&lines[..=index]).iter().find_map(|name| stretch(document, name));
    let anywhere = chapter(document, |heading| heading == ANYWHERE);
    let fits = |entry: &(&str, Why)| has_all(&statement, entry.0);
    let of = |chapter: &str| entries(chapter).find(fits).map(|(_, why)| why);
    let rest = |chapter: &str| entries(chapter).find(|(words, _)| *words == OTHERWISE).map(|(_, why)| why);
    let of_macro = || stretch(document, called).and_then(rest);
    own.and_then(of).or_else(|| anywhere.and_then(of)).or_else(of_macro).or_else(|| own.and_then(rest))
}

/// What produces no code: notes for tools, and marks of where a function begins and ends.
fn is_note(name: &str) -> bool {
    ["ANNOTATE_", "UNWIND_HINT", "SYM_"].iter().any(|start| name.starts_with(start))
}

/// A statement without label and comments, with no space behind a comma.
fn joined(line: &str) -> String {
    let code = without_comments(line);
    let code = code.split_once(':').filter(|(name, _)| is_name(name.trim())).map_or(code.as_str(), |(_, rest)| rest);
    code.split(',').map(str::trim).collect::<Vec<_>>().join(",")
}

/// A line without what stands between `/*` and `*/`, and without what follows `//` or a `#` that no operand has.
fn without_comments(line: &str) -> String {
    let mut code = String::new();
    let mut rest = line;
    while let Some((before, comment)) = rest.split_once("/*") {
        code += before;
        rest = comment.split_once("*/").map_or("", |(_, after)| after);
    }
    code += rest;
    let ends = [code.find("//"), code.find(" #"), code.find("\t#"), code.starts_with('#').then_some(0)];
    let end = ends.into_iter().flatten().min().unwrap_or(code.len());
    code[..end].to_owned()
}

/// Whether a statement has all the words of an entry, the first as its mnemonic, whatever the width.
fn has_all(statement: &str, words: &str) -> bool {
    let words = words.trim_matches('`');
    let (mnemonic, operands) = words.split_once(' ').unwrap_or((words, ""));
    let first = statement.split_whitespace().next().unwrap_or_default();
    let is_mnemonic = first == mnemonic || first.strip_suffix(['b', 'w', 'l', 'q']) == Some(mnemonic);
    // A function stands behind the CALL or JMP.
    let is_function = || mnemonic.contains('_') && statement.split(|it: char| !is_of_name(it)).any(|it| it == mnemonic);
    (is_mnemonic || is_function()) && operands.split_whitespace().all(|word| statement.contains(word))
}

/// Names at and above the last line, the nearest first: the macro that it is in, or the labels of its function outside of macros.
fn names_above<'t>(lines: &[&'t str]) -> Vec<&'t str> {
    let mut names = Vec::new();
    let mut passing = false;
    for line in lines.iter().rev().map(|line| line.trim()) {
        match line.strip_prefix(".macro") {
            Some(_) if passing => passing = false,
            Some(head) => return head.split([' ', '\t', ',']).find(|it| !it.is_empty()).into_iter().collect(),
            None if line.starts_with(".endm") => passing = true,
            None if passing => {}
            None => match mark(line) {
                Some((Mark::End, _)) => break,
                Some((Mark::Start, name)) => {
                    names.push(name);
                    break;
                }
                Some((Mark::Inside, name)) => names.push(name),
                None => {}
            },
        }
    }
    names
}

/// Where a label stands in its function, as far as it says that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    Start,
    Inside,
    End,
}

/// The label that a line sets, by itself or by one of the kernel's macros (include/linux/linkage.h, `SYM_CODE_START(name)`).
fn mark(line: &str) -> Option<(Mark, &str)> {
    let (mark, name) = match line.strip_prefix("SYM_").and_then(|rest| rest.split_once('(')) {
        Some((kind, rest)) => {
            let mark = match kind {
                kind if kind.contains("_END") => Mark::End,
                kind if kind.contains("_START") => Mark::Start,
                _ => Mark::Inside,
            };
            (mark, rest.split([')', ',']).next()?)
        }
        None => (Mark::Inside, line.split_once(':')?.0),
    };
    Some((mark, name.trim())).filter(|(_, name)| is_name(name))
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_of_name)
}

fn is_of_name(letter: char) -> bool {
    letter.is_alphanumeric() || "._$".contains(letter)
}

/// The chapter about a stretch that begins with a name.
fn stretch<'d>(document: &'d str, name: &str) -> Option<&'d str> {
    chapter(document, |heading| heading.contains(&format!("`{name}`")))
}

/// The first chapter with such a heading, without the heading.
fn chapter(document: &str, is_meant: impl Fn(&str) -> bool) -> Option<&str> {
    let chapters = document.split("\n## ").skip(1);
    chapters.filter_map(|it| it.split_once('\n')).find(|(heading, _)| is_meant(heading.trim())).map(|(_, rest)| rest)
}

/// The entries of a chapter: the words that a statement must have, and the reason.
fn entries(chapter: &str) -> impl Iterator<Item = (&str, Why)> {
    chapter.lines().filter_map(|line| {
        let (words, rest) = line.strip_prefix("- ")?.split_once(": ")?;
        let (says, source) = rest.strip_suffix('*')?.rsplit_once(" *")?;
        Some((words, Why { says: says.to_owned(), source: source.to_owned() }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    const DOCUMENT: &str = include_str!("../../../../docs/WHY.md");

    /// The texts whose instructions docs/WHY.md is about.
    const TEXTS: [(&str, &str); 7] = [
        ("a.S", include_str!("../../../core/src/linux/restore/a.S")),
        ("b2.S", include_str!("../../../core/src/linux/restore/b2.S")),
        ("c.S", include_str!("../../../core/src/linux/restore/c.S")),
        ("e.S", include_str!("../../../core/src/linux/restore/e.S")),
        ("never.S", include_str!("../../../core/src/linux/restore/never.S")),
        ("calling.h", include_str!("../../../core/src/linux/arch/x86/entry/calling.h")),
        ("entry_64.S", include_str!("../../../core/src/linux/arch/x86/entry/entry_64.S")),
    ];

    /// Lines with a statement: neither directives, comments, labels, nor what only DEBUG_ENTRY has.
    fn statements(text: &str) -> Vec<u32> {
        let (mut in_comment, mut in_debug, mut found) = (false, false, Vec::new());
        for (line, number) in text.lines().map(str::trim).zip(1..) {
            in_comment |= line.starts_with("/*");
            in_debug |= line.starts_with("#if");
            let is_other = line.is_empty() || line.starts_with(['.', '#', '\\', '_']) || line.ends_with(':');
            if !in_comment && !in_debug && !is_other {
                found.push(number);
            }
            in_comment &= !line.ends_with("*/");
            in_debug &= !line.starts_with("#endif");
        }
        found
    }

    #[test]
    fn each_instruction_of_the_built_in_texts_has_its_reason() {
        let mut unexplained = String::new();
        let mut count = 0;
        for (name, text) in TEXTS {
            for line in statements(text) {
                count += 1;
                if why(DOCUMENT, text, line).is_none() {
                    let statement = text.lines().nth(line as usize - 1).unwrap_or_default().trim();
                    unexplained += &format!("{name}:{line}: {statement}\n");
                }
            }
        }
        assert_eq!((unexplained.as_str(), count), ("", 390));
    }

    #[test]
    fn each_entry_is_about_some_instruction() {
        let reasons =
            |(_, text): &(&str, &'static str)| statements(text).into_iter().filter_map(|it| why(DOCUMENT, text, it));
        let used: Vec<Why> = TEXTS.iter().flat_map(reasons).collect();
        let all = DOCUMENT.split("\n## ").skip(1).flat_map(entries).filter(|(words, _)| *words != OTHERWISE);
        let unused: Vec<_> = all.filter(|(_, why)| !used.contains(why)).collect();
        assert_eq!(unused, []);
    }

    fn check(text: &str, line: u32, expected: Expect) {
        let said = why(DOCUMENT, text, line);
        expected.assert_eq(&said.map_or("nothing".to_owned(), |Why { says, source }| format!("{says} [{source}]")));
    }

    #[test]
    fn the_stretch_decides() {
        let save = ".macro SAVE_AND_SWITCH_TO_KERNEL_CR3 scratch_reg:req save_reg:req\n\tmov %cr3, \\scratch_reg\n\tmov \\scratch_reg, %cr3\n.endm\nfoo:\n\tswapgs";
        check(
            save,
            2,
            expect![
                "The exception may have struck on either half, and CS does not say on which, so CR3 itself is read. [arch/x86/entry/entry_64.S, paranoid_entry, v6.12]"
            ],
        );
        check(
            save,
            3,
            expect![
                "The handler's code and data are mapped by the kernel's tables only. [Documentation/arch/x86/pti.rst, v6.12]"
            ],
        );
        check(save, 6, expect!["nothing"]);
        check(
            "SYM_CODE_START_LOCAL(paranoid_exit)\n\tUNWIND_HINT_REGS\n\tswapgs\n",
            3,
            expect!["Paranoid entry swapped, so this swaps back. [arch/x86/entry/entry_64.S, paranoid_exit, v6.12]"],
        );
        check(
            "paranoid_exit:\n\tud2",
            2,
            expect!["Never reached: if it is, #UD says so at once. [arch/x86/entry/entry_64.S, v6.12]"],
        );
        check("", 1, expect!["nothing"]);
        let other = "SYM_CODE_START(entry_SYSCALL_64)\n\tnop\nSYM_CODE_END(entry_SYSCALL_64)\nSYM_FUNC_START(__switch_to_asm)\n\tpushq %rbp\n\tUNWIND_HINT_REGS\n\tENDBR\n";
        check(other, 5, expect!["nothing"]);
        check(other, 6, expect!["nothing"]);
        check(
            other,
            7,
            expect![
                "With indirect-branch tracking the processor accepts an indirect branch, or the delivery of an exception, only here. [Intel SDM vol. 1, indirect branch tracking]"
            ],
        );
    }

    #[test]
    fn comments_and_labels_are_no_words() {
        let check = |line: &str, expected: &str| assert_eq!(joined(line), expected, "{line}");
        check("\tmovq\t\\save_reg, %cr3 /* not %rax */", "movq\t\\save_reg,%cr3");
        check("/* x */ jmp .Lend_\\@ # not .Lwrcr3", "jmp .Lend_\\@");
        check("2: btr \\a, \\b // ,%cr3", "btr \\a,\\b");
        check(".Lend_\\@:", ".Lend_\\@:");
        check("\tandq\t$(0x7FF), %rax", "andq\t$(0x7FF),%rax");
    }

    #[test]
    fn a_function_is_named_whole() {
        assert!(has_all("call error_entry", "`error_entry`"));
        assert!(!has_all("call xen_error_entry", "`error_entry`"));
        assert!(has_all("btrq \\a,%gs:user_pcid_flush_mask", "`btr user_pcid_flush_mask`"));
    }
}
