//! The macros that are changed, and the text with a change.

use super::Operator;
use super::operators::{Change, changes};
use crate::linux::Macro;
use crate::linux::written::{Macros, Written};
use std::fmt::{self, Display, Formatter};
use std::sync::Arc;

impl Macro {
    /// Its name in `macros`.
    pub(super) fn called(self, macros: &Macros) -> &str {
        match self {
            Self::Restore => &macros.restore,
            Self::Save => "SAVE_AND_SWITCH_TO_KERNEL_CR3",
            Self::User => "SWITCH_TO_USER_CR3",
        }
    }
}

/// Which mutant: the same as long as the macro has the same statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id {
    /// The macro.
    pub part: Macro,
    /// The statement, by number from 1; comments and empty lines do not count.
    pub statement: usize,
    /// What is done to it.
    pub operator: Operator,
}

impl Display for Id {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.part, self.statement, self.operator)
    }
}

/// A macro that is wrong on purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mutant {
    /// Which.
    pub id: Id,
    /// The text in which the statement stands.
    pub source: String,
    /// Its line there, from 1.
    pub line: u32,
    /// What stands there, white space folded.
    pub old: String,
    /// What the mutant has in its place; statements are separated by `; `.
    pub new: String,
    /// A text of a person's own that makes the mutant: the form's text, and a changed macro of calling.h behind it.
    pub text: Arc<str>,
}

/// All mutants, in the order of their macros and statements.
pub(super) fn mutants(macros: &Macros) -> Vec<Mutant> {
    let named = |part: Macro| Some((part, macros.named(part.called(macros))?));
    Macro::ALL.into_iter().filter_map(named).flat_map(|(part, written)| of_macro(part, written, macros)).collect()
}

fn of_macro(part: Macro, written: &Written, macros: &Macros) -> Vec<Mutant> {
    let statements: Vec<_> = written.statements.iter().map(|(_, statement)| statement.clone()).collect();
    let raw: Vec<_> = written.source.text.lines().collect();
    let mutant = |change: Change| {
        let at = written.statements.get(change.at)?;
        let next = written.statements.get(change.at + 1).filter(|_| change.next.is_some());
        let lines = [Some(at.0), next.map(|next| next.0)];
        if !lines.into_iter().flatten().all(|line| is_alone(line, written, &raw)) {
            return None;
        }
        let old = [Some(at.1.clone()), next.map(|next| next.1.clone())];
        let new = [Some(change.new.clone()), change.next.clone()];
        let joined = |texts: [Option<String>; 2]| texts.into_iter().flatten().collect::<Vec<_>>().join("; ");
        Some(Mutant {
            id: Id { part, statement: change.at + 1, operator: change.operator },
            source: written.source.name.clone(),
            line: at.0 + if written.in_form { macros.lines_before } else { 0 },
            old: joined(old),
            new: joined(new),
            text: format!("{}{}", macros.settings, text(written, &macros.form.text, &change)).into(),
        })
    };
    changes(&statements, &written.parameters).into_iter().filter_map(mutant).collect()
}

/// Whether no statement of a line goes on over several lines, or begins on another one behind a comment. A change of the line would leave
/// the rest behind.
fn is_alone(line: u32, written: &Written, lines: &[&str]) -> bool {
    let squeezed = |text: &str| text.split_whitespace().collect::<String>();
    let text = lines.get(line as usize - 1).map_or_else(String::new, |line| squeezed(line));
    let mut here = written.statements.iter().filter(|(at, _)| *at == line);
    here.all(|(_, statement)| text.contains(&squeezed(statement)))
}

/// The form's text with a change.
fn text(written: &Written, form: &str, change: &Change) -> String {
    let mut lines: Vec<String> = written.source.text.lines().map(str::to_owned).collect();
    let (first, last) = (*written.lines.start() as usize, *written.lines.end() as usize);
    let changed = [Some(change.at), change.next.as_ref().map(|_| change.at + 1)];
    let touched = changed.into_iter().flatten().filter_map(|at| written.statements.get(at)).map(|(line, _)| *line);
    for number in touched {
        if let Some(line) = lines.get_mut(number as usize - 1) {
            *line = with_comments(line, &statements(written, number, change));
        }
    }
    match written.in_form {
        true => lines.iter().flat_map(|line| [line, "\n"]).collect(),
        false => {
            let block = lines.get(first - 1..last).unwrap_or_default();
            std::iter::once(form).chain(["\n"]).chain(block.iter().flat_map(|line| [line.as_str(), "\n"])).collect()
        }
    }
}

/// The statements of a line with a change.
fn statements(written: &Written, line: u32, change: &Change) -> String {
    let here = written.statements.iter().enumerate().filter(|(_, (at, _))| *at == line);
    let each = here.map(|(index, (_, statement))| match (index.checked_sub(change.at), &change.next) {
        (Some(0), _) => change.new.as_str(),
        (Some(1), Some(next)) => next,
        _ => statement,
    });
    let kept: Vec<_> = each.filter(|statement| !statement.is_empty()).collect();
    kept.join("; ")
}

/// `statements` in place of what stands on `line`, with the ends of comments that go on before it or after it.
fn with_comments(line: &str, statements: &str) -> String {
    let ends = line.find("*/").filter(|end| line.find("/*").is_none_or(|start| end < &start));
    let begins = line.rfind("/*").filter(|start| !line[*start..].contains("*/"));
    let before = ends.map_or("", |end| &line[..end + 2]);
    let after = begins.map_or("", |start| &line[start..]);
    format!("{before}\t{statements} {after}").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_that_go_on_stay() {
        let check = |line, expected: &str| assert_eq!(with_comments(line, "nop"), expected);
        check("\tbt $1, %rax", "\tnop");
        check("\tbt $1, %rax /* one */ # two", "\tnop");
        check(" tail */ bt $1, %rax", " tail */\tnop");
        check("bt $1, %rax /* head", "\tnop /* head");
        check("tail */ bt /* in */ $1, %rax /* head", "tail */\tnop /* head");
    }
}
