//! `.if` and its relatives.

use super::expression::Scope;
use super::operand::split_commas;
use super::report::{Cause, Fault, Place};

/// One `.if` that is open.
#[derive(Clone, Debug)]
struct Conditional {
    place: Place,
    taken: bool,
    done: bool,
    has_else: bool,
}

/// The `.if`s that are open, innermost last.
#[derive(Default)]
pub(super) struct Conditionals {
    list: Vec<Conditional>,
    /// How many of them, from the innermost, skip their lines. Counted, so that a line costs the same at any depth.
    skipping: usize,
}

/// What a directive means for conditional assembly.
pub(super) enum Test {
    If,
    ElseIf,
    Else,
    EndIf,
}

/// The conditional directive called `word`.
pub(super) fn conditional(word: &str) -> Option<Test> {
    if !word.starts_with('.') {
        return None;
    }
    match word {
        ".elseif" => Some(Test::ElseIf),
        ".else" => Some(Test::Else),
        ".endif" => Some(Test::EndIf),
        _ if TESTS.contains(&word) => Some(Test::If),
        _ => None,
    }
}

/// The directives that open a conditional.
pub(super) const TESTS: [&str; 16] = [
    ".if",
    ".ifeq",
    ".ifne",
    ".ifgt",
    ".ifge",
    ".iflt",
    ".ifle",
    ".ifdef",
    ".ifndef",
    ".ifnotdef",
    ".ifb",
    ".ifnb",
    ".ifc",
    ".ifnc",
    ".ifeqs",
    ".ifnes",
];

impl Conditionals {
    /// Whether the current statements are assembled.
    pub(super) fn active(&self) -> bool {
        self.skipping == 0
    }

    pub(super) fn depth(&self) -> usize {
        self.list.len()
    }

    /// Opens a conditional. One inside skipped statements is never taken.
    pub(super) fn open(&mut self, place: &Place, taken: bool) {
        self.push(Conditional { place: place.clone(), taken, done: taken, has_else: false });
    }

    /// Whether `.elseif` has to be evaluated.
    pub(super) fn wants_else_if(&self) -> bool {
        let outer = self.skipping - usize::from(self.list.last().is_some_and(|last| !last.taken));
        outer == 0 && self.list.last().is_some_and(|last| !last.done && !last.has_else)
    }

    pub(super) fn else_if(&mut self, taken: bool) -> Result<(), Fault> {
        let mut last = self
            .pop()
            .ok_or_else(|| Cause::new(".elseif", "`.elseif` without `.if`").hint("remove it, or add its `.if`"))?;
        let second = last.has_else;
        last.taken = taken && !last.done && !second;
        last.done |= last.taken;
        self.push(last);
        if second {
            Err(Cause::new(".elseif", "`.elseif` after `.else`").hint("move it before `.else`, which comes last"))
        } else {
            Ok(())
        }
    }

    pub(super) fn otherwise(&mut self) -> Result<(), Fault> {
        let mut last = self
            .pop()
            .ok_or_else(|| Cause::new(".else", "`.else` without `.if`").hint("remove it, or add its `.if`"))?;
        let second = last.has_else;
        last.taken = !last.done && !second;
        last.done = true;
        last.has_else = true;
        self.push(last);
        if second {
            Err(Cause::new(".else", "a second `.else` for one `.if`")
                .hint("remove one, or end the `.if` inside with `.endif` before it"))
        } else {
            Ok(())
        }
    }

    pub(super) fn close(&mut self) -> Result<(), Fault> {
        self.pop()
            .map(|_| ())
            .ok_or_else(|| Cause::new(".endif", "`.endif` without `.if`").hint("remove it, or add its `.if`"))
    }

    /// Closes all except the outermost `depth`, and returns the places of those that it closed.
    pub(super) fn truncate(&mut self, depth: usize) -> Vec<Place> {
        let mut open = Vec::new();
        while self.list.len() > depth {
            open.extend(self.pop().map(|last| last.place));
        }
        open
    }

    fn push(&mut self, conditional: Conditional) {
        self.skipping += usize::from(!conditional.taken);
        self.list.push(conditional);
    }

    fn pop(&mut self) -> Option<Conditional> {
        let last = self.list.pop()?;
        self.skipping -= usize::from(!last.taken);
        Some(last)
    }
}

/// The tests that need only the text: `.ifb`, `.ifc` and their opposites. `None` for the others.
pub(super) fn test_text(word: &str, text: &str) -> Option<Result<bool, Fault>> {
    let text = text.trim();
    let same = |strings: bool| {
        let parts = split_commas(text);
        match (parts.as_slice(), strings) {
            ([a, b], _) => Ok(a == b),
            ([a], false) if text.ends_with(',') || !text.contains(',') => Ok(a.is_empty()),
            ([], false) => Ok(true),
            _ => Err(Cause::new(word, format!("`{word}` compares two texts: `{word} a, b`"))
                .hint("put a comma between the two; `.ifeqs` and `.ifnes` want them in double quotes")),
        }
    };
    match word {
        ".ifb" => Some(Ok(text.is_empty())),
        ".ifnb" => Some(Ok(!text.is_empty())),
        ".ifc" => Some(same(false)),
        ".ifnc" => Some(same(false).map(|same| !same)),
        ".ifeqs" => Some(same(true)),
        ".ifnes" => Some(same(true).map(|same| !same)),
        _ => None,
    }
}

/// What a number must be for the test to hold.
pub(super) fn test_number(word: &str, number: i64) -> bool {
    match word {
        ".ifeq" => number == 0,
        ".ifgt" => number > 0,
        ".ifge" => number >= 0,
        ".iflt" => number < 0,
        ".ifle" => number <= 0,
        _ => number != 0,
    }
}

/// The hint for a number that is not known while the text is read.
pub(super) const KNOWN_HERE: &str = "define the names it uses above, with no jump or alignment between its labels";

/// A number that must be known while the text is read.
pub(super) fn known_number(word: &str, text: &str, scope: &mut dyn Scope) -> Result<i64, Fault> {
    let value = super::expression::parse(text, super::expression::Dialect::Gas, scope)?;
    value
        .constant()
        .ok_or_else(|| Cause::new(text, format!("`{word}` needs a number that is already known")).hint(KNOWN_HERE))
}
