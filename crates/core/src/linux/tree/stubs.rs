//! Functions in C that a tree's text goes to and that are not modelled here. A run that reaches one panics, and says
//! where that was.

use super::super::System;
use super::{OPERAND, Tree};
use crate::asm::Diagnostic;
use std::collections::BTreeSet;

/// The name of the text with a label for each of them.
pub const UNMODELLED: &str = "tree/unmodelled.S";

/// Functions with a plain meaning: they return. A return thunk does, on a processor that needs no other; and what lies below the stack
/// pointer, which the others erase, nobody reads.
const RETURNS: [&str; 4] =
    ["__x86_return_thunk", "stackleak_erase", "stackleak_erase_off_task_stack", "stackleak_erase_on_task_stack"];

/// Assembly that a kernel has in other files, by names or how they begin.
const ELSEWHERE: [(&str, &[&str]); 2] = [
    (OPERAND, &["entry_ibpb", "write_ibpb", "mds_verw_sel", "x86_verw_sel"]),
    ("arch/x86/lib/retpoline.S", &["__x86_", "entry_untrain_ret", "retbleed_", "srso_"]),
];

/// What calls and jumps go to and nothing defines.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Stubs {
    /// A run that reaches one panics.
    panicking: BTreeSet<String>,
    /// A run that reaches one returns at once.
    returning: BTreeSet<String>,
}

impl Stubs {
    /// Adds those of `called` that can be functions: names of numbers have capital letters alone, and local labels begin with a dot.
    pub(super) fn add<'n>(&mut self, called: impl IntoIterator<Item = &'n String>) {
        let is_function =
            |name: &&String| name.starts_with(is_first) && name.bytes().any(|byte| byte.is_ascii_lowercase());
        for name in called.into_iter().filter(is_function) {
            let names = if RETURNS.contains(&name.as_str()) { &mut self.returning } else { &mut self.panicking };
            names.insert(name.clone());
        }
    }

    /// The names of those that panic.
    pub(super) fn panicking(&self) -> impl ExactSizeIterator<Item = &str> {
        self.panicking.iter().map(String::as_str)
    }

    /// The text of those that return.
    pub(super) fn returning_text(&self) -> String {
        self.returning.iter().map(|name| format!("{name}:\n\tret\n")).collect()
    }

    /// The text of those that panic: a label and a jump each, in two lines.
    pub(super) fn panicking_text(&self) -> String {
        self.panicking.iter().map(|name| format!("{name}:\n\tjmp\tkernel_panic\n")).collect()
    }
}

fn is_first(letter: char) -> bool {
    letter.is_ascii_alphabetic() || letter == '_'
}

/// The file that a kernel has `name` in, where it is known.
fn file_of(name: &str) -> Option<&'static str> {
    let has = |names: &[&str]| names.iter().any(|begin| name.starts_with(begin));
    ELSEWHERE.iter().find(|(_, names)| has(names)).map(|(file, _)| *file)
}

/// What a name without code is, for a person, in a clause that goes on.
pub fn described(name: &str) -> String {
    match file_of(name) {
        Some(file) => format!("`{name}`, which would be in {file},"),
        None => format!("`{name}`, a function in C that is not modelled,"),
    }
}

/// An error about a name that nothing defines, with the file that would.
pub(in crate::linux) fn mended(tree: &Tree, told: Diagnostic) -> Diagnostic {
    let name = told.message.strip_prefix('`').and_then(|rest| rest.strip_suffix("` is not defined"));
    let file = name.and_then(file_of).filter(|file| tree.files.iter().all(|(path, _)| path != file));
    match file {
        Some(file) => Diagnostic { hint: Some(format!("it would be in {file}, which this tree lacks")), ..told },
        None => told,
    }
}

impl System {
    /// Where functions begin that are not modelled, and their names. A run that reaches one panics.
    pub fn unmodelled(&self) -> impl Iterator<Item = (u64, &str)> {
        let stubs = self.sources.iter().position(|source| source.name == UNMODELLED);
        let lines = self.image.listing.iter().filter(move |line| Some(line.position.source) == stubs);
        lines.filter_map(|line| {
            let text = &self.sources.get(line.position.source)?.text;
            let label = text.lines().nth((line.position.line as usize).checked_sub(2)?)?;
            Some((line.address, label.strip_suffix(':')?))
        })
    }
}
