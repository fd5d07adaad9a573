//! Texts that are no macros of AT&T syntax: what they are instead.

use super::super::sources::{self, form_source};
use super::super::{Config, Form};
use super::paths;
use super::settings::Settings;
use super::{Diagnostic, FORM_INDEX, Line, Options, Position, Severity, Taken, What, note, recognise};
use cr3_patch::Key;

/// Assemblers and kernels whose texts a person may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Syntax {
    Intel,
    Nasm,
    Go,
    Bsd,
}

impl Syntax {
    fn words(self) -> &'static str {
        match self {
            Self::Intel => "this looks like Intel's syntax",
            Self::Nasm => "this looks like NASM's syntax",
            Self::Go => "this looks like Go's assembler",
            Self::Bsd => "this looks like a macro of a BSD kernel",
        }
    }

    fn mend(self) -> &'static str {
        match self {
            Self::Intel => "write AT&T syntax: `movq %cr3, %rax` reads CR3",
            Self::Nasm => {
                "write the GNU assembler's AT&T syntax: `.macro` and `.endm`, and `movq %cr3, %rax` reads CR3"
            }
            Self::Go => "write the GNU assembler's AT&T syntax: `movq %cr3, %rax` reads CR3",
            Self::Bsd => "the macros are Linux's, of arch/x86/entry/calling.h",
        }
    }
}

/// `diagnostics` of a text that does not assemble; where it is in a foreign syntax, that at its first line alone. The words
/// around a patch are in none.
pub(crate) fn named_syntax(config: &Config, options: &Options, diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    if config.form != Form::Custom {
        return diagnostics;
    }
    let settings = Settings::before(&config.custom);
    let Ok(Taken { what: What::Text(lines), .. }) = recognise(settings.rest) else { return diagnostics };
    match lines.iter().find_map(|line| Some((settings.place(line), foreign(&line.text)?))) {
        Some((place, syntax)) => vec![error(place, syntax.words(), syntax.mend())],
        None => match entry_code(&lines, config, options) {
            Some((line, label)) => vec![more_than_macros(settings.place(line), &label)],
            None => diagnostics,
        },
    }
}

/// The first line with a label of the built-in entry code: the text is an entry_64.S or a part of one.
fn entry_code<'l>(lines: &'l [Line], config: &Config, options: &Options) -> Option<(&'l Line, String)> {
    let (sources, _) = sources::built_in(form_source(Form::E, ""), "", config.handler, options).ok()?;
    let ours = labels(paths::files(&sources)[1].iter().map(|line| line.text.as_str()));
    let theirs = labels(lines.iter().map(|line| line.text.as_str()));
    let mut labelled = lines.iter().zip(theirs).filter_map(|(line, label)| Some((line, label?)));
    labelled.find(|(_, label)| ours.iter().flatten().any(|ours| ours == label))
}

/// The label that each line has for others.
fn labels<'t>(lines: impl IntoIterator<Item = &'t str>) -> Vec<Option<String>> {
    let label = |code: &String| match paths::key(code) {
        Key::Label(label) => Some(label),
        _ => None,
    };
    cr3_patch::without_comments(lines).iter().map(label).collect()
}

fn more_than_macros(place: (u32, u32), label: &str) -> Diagnostic {
    error(
        place,
        &format!("the text is more than macros: it has `{label}`, which is entry code and built in"),
        "paste its macros, a calling.h, a diff of entry_64.S, or all of entry_64.S",
    )
}

fn error((line, shift): (u32, u32), message: &str, hint: &str) -> Diagnostic {
    let position = Position { source: FORM_INDEX, line, column: shift + 1 };
    Diagnostic { severity: Severity::Error, ..note(position, message.to_owned(), Some(hint.to_owned())) }
}

fn foreign(line: &str) -> Option<Syntax> {
    let line = line.split("//").next().unwrap_or(line).split(';').next().unwrap_or(line).trim();
    let (word, rest) = line.split_once([' ', '\t']).unwrap_or((line, ""));
    if word == "TEXT" && rest.contains("(SB)") || is_go(word, rest) {
        return Some(Syntax::Go);
    }
    let bsd =
        ["ENTRY(", "NENTRY(", "IDTVEC(", "KERNEL_ENTRY", "PTI_UENTRY", "PTI_UUENTRY", "INTRENTRY", "SUPERALIGN_TEXT"];
    if bsd.iter().any(|begin| line.starts_with(begin)) || rest.contains("PCPU(") || rest.contains("CPUVAR(") {
        return Some(Syntax::Bsd);
    }
    if ["%macro", "%imacro", "%endmacro", "%define", "%include"].contains(&word) {
        return Some(Syntax::Nasm);
    }
    is_intel(word, rest).then_some(Syntax::Intel)
}

/// `MOVQ CR3, AX`: capital letters, and registers without a mark.
fn is_go(word: &str, rest: &str) -> bool {
    let go =
        ["AX", "BX", "CX", "DX", "SI", "DI", "SP", "BP", "R8", "R9", "R10", "R11", "R12", "R13", "R14", "R15", "CR3"];
    let capital = word.len() > 2 && word.bytes().all(|byte| byte.is_ascii_uppercase());
    let operands: Vec<_> = rest.split(',').map(str::trim).collect();
    capital && operands.len() == 2 && operands.iter().any(|operand| go.contains(operand))
}

/// `mov rax, cr3`, `and [rsp + 8], rax`: a register without its mark, or brackets.
fn is_intel(word: &str, rest: &str) -> bool {
    if word == ".intel_syntax" {
        return true;
    }
    let small = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let operands: Vec<_> = rest.split(',').map(str::trim).collect();
    small && operands.len() == 2 && operands.iter().any(|operand| is_bare_register(operand)) && !rest.contains('%')
}

fn is_bare_register(operand: &str) -> bool {
    let operand = operand.to_ascii_lowercase();
    let named = ["ax", "bx", "cx", "dx", "si", "di", "sp", "bp"];
    let wide = operand.strip_prefix(['r', 'e']).is_some_and(|name| named.contains(&name));
    let numbered = operand.strip_prefix('r').and_then(|number| number.parse::<u8>().ok());
    let control = operand.strip_prefix("cr").and_then(|number| number.parse::<u8>().ok());
    wide || numbered.is_some_and(|number| (8..16).contains(&number)) || control.is_some_and(|number| number < 9)
}

/// The first line of a run of instructions without a macro, if the text is one.
pub(super) fn bare(lines: &[Line]) -> Option<&Line> {
    let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
    let codes = cr3_patch::without_comments(texts.iter().copied());
    let mut written = lines.iter().zip(&codes).filter(|(_, code)| !code.is_empty() && !code.starts_with('#'));
    let has_macro = codes.iter().any(|code| code.to_ascii_lowercase().starts_with(".macro"));
    let first = written.clone().next()?;
    let is_code = |code: &str| code.ends_with(':') || code.contains(['%', '\\', '$']) || is_single(code);
    let is_foreign = lines.iter().any(|line| foreign(&line.text).is_some());
    (!has_macro
        && !is_foreign
        && written.all(|(_, code)| is_code(code))
        && codes.iter().any(|code| code.contains(['%', '\\'])))
    .then_some(first.0)
}

/// An instruction or a macro without operands that tell it.
fn is_single(code: &str) -> bool {
    code.split(' ').count() <= 2 && !code.contains(['.', '(', ':'])
}

pub(super) fn without_macro(place: (u32, u32)) -> Diagnostic {
    error(
        place,
        "the text is a run of instructions without a macro around it",
        "put `.macro PARANOID_RESTORE_CR3 scratch_reg:req save_reg:req` before it and `.endm` after it",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_syntax_is_told_by_one_line() {
        let cases = [
            ("mov rax, cr3", Some(Syntax::Intel)),
            ("\tand\tqword ptr [rsp + 8], r15 ; comment", Some(Syntax::Intel)),
            ("%macro RESTORE_CR3 2", Some(Syntax::Nasm)),
            ("%define scratch rax", Some(Syntax::Nasm)),
            (".intel_syntax noprefix", Some(Syntax::Intel)),
            ("TEXT \u{b7}restore(SB), NOSPLIT, $0", Some(Syntax::Go)),
            ("\tMOVQ\tCR3, AX", Some(Syntax::Go)),
            ("ENTRY(restore)", Some(Syntax::Bsd)),
            ("\tmovq\tPCPU(KCR3), %rax", Some(Syntax::Bsd)),
            ("\tmovq\t%cr3, %rax", None),
            ("\tmov\t\\save_reg, %cr3", None),
            ("\tALTERNATIVE \"jmp .Lend_\\@\", \"\", X86_FEATURE_PTI", None),
            ("RESTORE_CR3 scratch_reg=%rax, save_reg=%r14", None),
            ("set max, cr", None),
            ("", None),
        ];
        for (line, expected) in cases {
            assert_eq!(foreign(line), expected, "{line}");
        }
    }
}
