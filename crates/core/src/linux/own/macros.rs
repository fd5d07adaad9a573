//! The effects of a person's text on our macros: those that it replaces, changes or adds, and a restore macro without a body.

use super::super::sources::FORM_INDEX;
use super::note;
use super::origins::Origins;
use crate::asm::{self, Diagnostic, Image, Options, Position, Source};

/// A `.macro` with its lines.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Definition {
    pub(crate) name: String,
    pub(crate) at: Position,
    /// The line of its `.endm`.
    pub(crate) last_line: u32,
    /// Parameters and body, as written, without comments.
    pub(crate) text: Vec<String>,
}

impl Definition {
    /// GNU `as` ignores the case of macro names.
    pub(super) fn is_named(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

/// The first word of a statement, whose case a directive ignores, and the rest.
fn words(statement: &str) -> (String, &str) {
    let (word, rest) = statement.split_once([' ', '\t']).unwrap_or((statement, ""));
    (word.to_ascii_lowercase(), rest.trim_start())
}

/// The macros that `statements` define for certain: not inside another macro, and not under an `.if`, which only the
/// assembler can decide.
pub(crate) fn definitions(statements: &[(Position, String)]) -> Vec<Definition> {
    let mut found: Vec<Definition> = Vec::new();
    let mut open: Option<Definition> = None;
    let (mut nested, mut conditionals) = (0_usize, 0_usize);
    for (at, statement) in statements {
        // A macro that its text does not end is an error of the assembler's.
        if open.as_ref().is_some_and(|open| open.at.source != at.source) {
            (open, nested) = (None, 0);
        }
        let (word, rest) = words(statement);
        let ends = matches!(word.as_str(), ".endm" | ".endmacro");
        match (word.as_str(), &mut open) {
            (".macro", None) => open = Some(opened(*at, rest)),
            (_, Some(_)) if ends && nested == 0 => {
                let closed = open.take().map(|definition| Definition { last_line: at.line, ..definition });
                found.extend(closed.filter(|_| conditionals == 0));
            }
            (_, Some(definition)) => {
                nested = nested + usize::from(word == ".macro") - usize::from(ends);
                definition.text.push(statement.clone());
            }
            (".endif", None) => conditionals = conditionals.saturating_sub(1),
            (_, None) => conditionals += usize::from(word.starts_with(".if")),
        }
    }
    found
}

fn opened(at: Position, rest: &str) -> Definition {
    let mut words = rest.split([' ', '\t', ',']).filter(|word| !word.is_empty());
    let name = words.next().unwrap_or_default().to_owned();
    Definition { name, at, last_line: at.line, text: vec![words.collect::<Vec<_>>().join(" ")] }
}

/// `sources` without those of our macros that the person's text defines too, and a note on each; and on each macro that is new.
/// `restore` is the one that every text has.
pub(super) fn replace(mut sources: Vec<Source>, restore: &str, options: &Options) -> (Vec<Source>, Vec<Diagnostic>) {
    let statements = asm::written_statements(&sources, options);
    let found = definitions(&statements);
    let (own, ours): (Vec<_>, Vec<_>) = found.into_iter().partition(|definition| definition.at.source == FORM_INDEX);
    let mut notes = Vec::new();
    for added in own.iter().filter(|own| !own.is_named(restore) && !ours.iter().any(|ours| ours.is_named(&own.name))) {
        notes.push(new(added, &statements, added.at));
    }
    for built_in in ours {
        let Some(replacing) = own.iter().find(|own| own.is_named(&built_in.name)) else { continue };
        if let Some(source) = sources.get_mut(built_in.at.source) {
            notes.push(replaced(replacing, &built_in, &source.name, "built-in"));
            source.text = without_lines(&source.text, built_in.at.line..=built_in.last_line);
        }
    }
    (sources, notes)
}

/// A note on a macro that replaces another, which is in `source`; `whose` says whose that is, in a word.
pub(super) fn replaced(own: &Definition, other: &Definition, source: &str, whose: &str) -> Diagnostic {
    let name = &own.name;
    match own.text == other.text {
        true => {
            note(own.at, format!("`{name}` replaces the {whose} macro of that name; both have the same text"), None)
        }
        false => note(
            own.at,
            format!("`{name}` replaces the {whose} macro of that name; their texts differ"),
            Some(format!("the {whose} one is in {source}, line {}", other.at.line)),
        ),
    }
}

/// `text` with these lines empty, so that every other line keeps its number.
pub(super) fn without_lines(text: &str, lines: std::ops::RangeInclusive<u32>) -> String {
    let kept = (1..).zip(text.lines()).map(|(number, line)| if lines.contains(&number) { "" } else { line });
    kept.flat_map(|line| [line, "\n"]).collect()
}

/// A note that no statement of `image` comes from the restore macro `name`, defined at `at`; none if one does.
pub(crate) fn empty(image: &Image, name: &str, at: Position) -> Option<Diagnostic> {
    let calls = |line: &asm::Line| line.expansion.iter().any(|(called, _)| called.eq_ignore_ascii_case(name));
    let hint = "nothing restores CR3 in this run; an #if or an ALTERNATIVE may leave out what should";
    (!image.listing.iter().any(calls))
        .then(|| note(at, format!("the macro {name} is empty with these features"), Some(hint.to_owned())))
}

/// A macro that is new, and whether anything calls it.
pub(super) fn new(added: &Definition, statements: &[(Position, String)], at: Position) -> Diagnostic {
    let name = &added.name;
    match statements.iter().any(|(_, statement)| calls(statement, name)) {
        true => note(at, format!("`{name}` is new"), None),
        false => note(at, format!("`{name}` is new, and nothing calls it"), None),
    }
}

/// Whether a statement has the name of a macro as a word and does not define it.
fn calls(statement: &str, name: &str) -> bool {
    let mut names = statement.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words(statement).0 != ".macro" && names.any(|word| word.eq_ignore_ascii_case(name))
}

/// A note on each macro that patches changed, added or took away. `at` is the place where no line of it is a person's.
pub(super) fn changes(
    before: &[(Position, String)],
    statements: &[(Position, String)],
    origins: &Origins,
    at: Position,
) -> Vec<Diagnostic> {
    let (before, after) = (definitions(before), definitions(statements));
    let place = |definition: &Definition| {
        let lines = definition.at.line..=definition.last_line;
        let given = lines.map(|line| Position { line, column: 1, ..definition.at }).find(|at| origins.is_given(*at));
        given.map_or(at, |given| origins.place(given).0)
    };
    let mut notes = Vec::new();
    for definition in &after {
        match before.iter().find(|before| before.is_named(&definition.name)) {
            Some(before) if before.text == definition.text => {}
            Some(_) => notes.push(note(place(definition), format!("`{}` is changed", definition.name), None)),
            None => notes.push(new(definition, statements, place(definition))),
        }
    }
    let gone = before.iter().filter(|before| !after.iter().any(|after| after.is_named(&before.name)));
    notes.extend(gone.map(|gone| note(at, format!("`{}` is gone", gone.name), None)));
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(String, u32, u32, Vec<String>)> {
        let source = |text: &str| Source { name: "own.S".to_owned(), text: text.to_owned() };
        let found = definitions(&asm::written_statements(&[source(text), source("hlt\n.endm\n")], &Options::default()));
        found.into_iter().map(|found| (found.name, found.at.line, found.last_line, found.text)).collect()
    }

    #[test]
    fn definitions_are_those_of_the_text_itself() {
        let inner = "\n.macro outer a:req, b=1\n.macro inner\n.endm /* c */\n\tmov  A ,\\a\n.endm\n";
        let text = ["a:req b=1", ".macro inner", ".endm", "mov A,\\a"].map(str::to_owned).to_vec();
        assert_eq!(found(inner), [("outer".to_owned(), 2, 6, text)]);
        assert_eq!(found(".if 1\n.macro m\n.endm\n.endif\n"), []);
        let after = found(".if 1\n.else\n.endif\n.MACRO m\n.ENDM\n");
        assert_eq!(after, [("m".to_owned(), 4, 5, vec![String::new()])]);
        assert_eq!(found(".macro m\n.endmm\n.endm2\n.macro\n"), [], "the text after it ends no macro");
        assert_eq!(found(".endm\n.macro\n.endm\n.macro m\n"), [(String::new(), 2, 3, vec![String::new()])]);
    }

    #[test]
    fn lines_that_go_leave_their_numbers() {
        assert_eq!(without_lines("a\nb\nc\nd", 2..=3), "a\n\n\nd\n");
    }
}
