//! Where statements come from: the file, and on top of it the macros, repetitions and ALTERNATIVE arms that are being
//! expanded.

use std::collections::VecDeque;
use std::rc::Rc;

use super::Position;
use super::macros::{Arguments, instantiate};
use super::report::{Cause, Place, Report};
use super::scrub::Statement;

/// The longest statement that substitution may produce, in bytes.
const MAX_STATEMENT: usize = 1 << 16;

/// How often a body runs.
#[derive(Clone, Debug)]
pub(super) enum Runs {
    Once,
    /// `.rept`: this many more times.
    More(u64),
    /// `.irp`, `.irpc`: once more for each of these; the next one is last.
    Each {
        name: String,
        values: Vec<String>,
    },
}

/// What kind of text is being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FrameKind {
    File,
    Macro,
    Repetition,
    Alternative,
}

/// A text being read.
struct Frame {
    kind: FrameKind,
    body: Rc<[Statement]>,
    next: usize,
    /// The statements that substitution made of the last one.
    pending: VecDeque<Statement>,
    arguments: Option<Arguments>,
    runs: Runs,
    expansion: Rc<[(String, Position)]>,
    /// The statement that started the text.
    from: Position,
    /// Number of open conditionals when the frame was entered.
    conditionals: usize,
}

/// The stack of texts.
pub(super) struct Input {
    frames: Vec<Frame>,
    depth: usize,
}

/// The result of reading.
pub(super) enum Next {
    Statement(Statement, Place),
    /// A frame ended that was entered with this many open conditionals.
    Left {
        conditionals: usize,
    },
    End,
}

impl Input {
    pub(super) fn new(file: Vec<Statement>, depth: usize) -> Self {
        Self {
            frames: vec![Frame {
                kind: FrameKind::File,
                body: file.into(),
                next: 0,
                pending: VecDeque::new(),
                arguments: None,
                runs: Runs::Once,
                expansion: Rc::from([]),
                from: Position::default(),
                conditionals: 0,
            }],
            depth,
        }
    }

    /// Puts a text on top. `call` names it in the expansion of its statements.
    pub(super) fn push(&mut self, push: Push, place: &Place, report: &mut Report<'_>) {
        if self.frames.len() > self.depth {
            let fault = Cause::new("", format!("expansion is more than {} levels deep", self.depth))
                .hint("a macro calls itself endlessly: guard the call with `.if`");
            return report.stop(place, fault);
        }
        let expansion = match push.call {
            None => place.expansion.clone(),
            Some(name) => place.expansion.iter().cloned().chain([(name, place.at)]).collect(),
        };
        self.frames.push(Frame {
            kind: push.kind,
            body: push.body,
            next: 0,
            pending: VecDeque::new(),
            arguments: push.arguments,
            runs: push.runs,
            expansion,
            from: place.at,
            conditionals: push.conditionals,
        });
    }

    /// The next statement. Each one counts against the budget.
    pub(super) fn next(&mut self, report: &mut Report<'_>) -> Next {
        loop {
            let Some(frame) = self.frames.last_mut() else {
                return Next::End;
            };
            if let Some(statement) = frame.next_statement(report) {
                let place = Place { at: statement.at, expansion: frame.expansion.clone() };
                if !report.spend_statement(&place, statement.text.len() + 1) {
                    return Next::End;
                }
                return Next::Statement(statement, place);
            }
            if report.stopped() {
                return Next::End;
            }
            if frame.again() {
                let place = frame.place();
                if !report.spend_statement(&place, 1) {
                    return Next::End;
                }
                continue;
            }
            let conditionals = frame.conditionals;
            self.frames.pop();
            return Next::Left { conditionals };
        }
    }

    /// Takes statements from the current text up to the one that `ends` it; `None` if the text ends first.
    pub(super) fn collect(
        &mut self,
        mut ends: impl FnMut(&Statement) -> bool,
        report: &mut Report<'_>,
    ) -> Option<Vec<Statement>> {
        let frame = self.frames.last_mut()?;
        let mut body = Vec::new();
        while let Some(statement) = frame.next_statement(report) {
            if !report.spend_statement(&Place::plain(statement.at), statement.text.len() + 1) {
                return Some(body);
            }
            if ends(&statement) {
                return Some(body);
            }
            body.push(statement);
        }
        None
    }

    /// `.exitm`: leaves the innermost macro or repetition and returns its open conditionals. `None` outside of both.
    pub(super) fn exit(&mut self) -> Option<usize> {
        while self.frames.len() > 1 {
            let frame = self.frames.pop()?;
            if frame.kind != FrameKind::Alternative {
                return Some(frame.conditionals);
            }
        }
        None
    }

    /// Discards the rest of the input (`.end`).
    pub(super) fn end(&mut self) {
        self.frames.clear();
    }
}

/// A text to put on top.
pub(super) struct Push {
    pub(super) kind: FrameKind,
    pub(super) body: Rc<[Statement]>,
    pub(super) arguments: Option<Arguments>,
    pub(super) runs: Runs,
    /// The name of the call that started it.
    pub(super) call: Option<String>,
    /// Conditionals open now.
    pub(super) conditionals: usize,
}

impl Frame {
    /// Where the text ends.
    fn place(&self) -> Place {
        let at = self.body.last().map_or(self.from, |statement| statement.at);
        Place { at, expansion: self.expansion.clone() }
    }

    fn next_statement(&mut self, report: &mut Report<'_>) -> Option<Statement> {
        loop {
            if let Some(statement) = self.pending.pop_front() {
                return Some(statement);
            }
            let statement = self.body.get(self.next)?;
            self.next += 1;
            let Some(arguments) = &self.arguments else {
                return Some(statement.clone());
            };
            match instantiate(statement, arguments, MAX_STATEMENT) {
                Some(list) => self.pending.extend(list),
                None => {
                    let place = Place { at: statement.at, expansion: self.expansion.clone() };
                    let message = format!("substitution makes this statement longer than {MAX_STATEMENT} bytes");
                    report.stop(&place, Cause::new("", message).hint("a macro doubles its argument at each call"));
                    return None;
                }
            }
        }
    }

    /// Restarts the body if it has to run again.
    fn again(&mut self) -> bool {
        match &mut self.runs {
            Runs::Once | Runs::More(0) => return false,
            Runs::More(more) => *more -= 1,
            Runs::Each { name, values } => {
                let serial = self.arguments.as_ref().map_or(0, |arguments| arguments.serial);
                match values.pop() {
                    Some(value) => self.arguments = Some(Arguments::one(name, &value, serial)),
                    None => return false,
                }
            }
        }
        self.next = 0;
        true
    }
}
