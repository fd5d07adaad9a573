//! What a worker is asked once, and no search: the outcomes of the claims of the review thread, and what each line of a form is for.

pub(crate) mod wire;

use crate::counterexample::Counterexample;
use cr3_core::claims::{Subject, Verdict};
use cr3_core::linux::{Config, Macro};
use std::rc::Rc;
use std::sync::Arc;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// The outcome of each claim, with this in the place of form E.
    Claims(Subject),
    /// What fails without each line of this form's macros, in the systems of the standard set.
    Lines(Config),
}

/// The outcome of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The claim's number.
    pub id: u32,
    /// Its outcome.
    pub verdict: Verdict,
    /// The same with form E, where a person's macro stands in its place.
    pub merged: Option<Verdict>,
    /// What it leaves out, in words.
    pub exceptions: Vec<String>,
    /// What was measured.
    pub numbers: Vec<Number>,
}

impl Answer {
    /// Whether form E has another verdict.
    #[must_use]
    pub fn is_changed(&self) -> bool {
        self.merged.is_some_and(|merged| merged != self.verdict)
    }
}

/// A number and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Number {
    /// What was measured, in words.
    pub words: String,
    /// The number.
    pub value: i64,
    /// With form E, where that is another number.
    pub merged: Option<i64>,
}

/// A line of a macro, and what fails without it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The macro.
    pub part: Macro,
    /// The text in which it stands.
    pub source: String,
    /// The line there, from 1.
    pub line: u32,
    /// The statement.
    pub statement: String,
    /// The outcome of the macro without it.
    pub without: Without,
}

/// The outcome of a macro without one of its lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Without {
    /// A schedule breaks a promise: the shortest, and the text of a person's own that makes this macro.
    Breaks(Counterexample, Arc<str>),
    /// It stores to these eight bytes of physical memory, to which the form never stores.
    Stores(u64),
    /// It leaves the same and costs more, over everything that it may be given.
    Slower {
        /// Writes to CR3.
        writes: u64,
        /// Writes to CR3 that flush.
        flushes: u64,
    },
    /// It leaves the same at the same cost.
    Nothing,
    /// The assembler refuses it, with this message.
    Refused(String),
    /// No schedule breaks a promise, and it is not the same: with the reason, where it is known.
    Unseen(Option<String>),
}

/// How much of what can be done now is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// Pieces that are done.
    pub done: u32,
    /// All of them.
    pub of: u32,
}

/// What the worker tells of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Learned {
    /// The outcome of a claim.
    Claim(Answer),
    /// What a line is for.
    Line(Line),
    /// How far it is.
    Round(Round),
    /// That was all.
    Over,
}

/// A question, and what is known of its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Study<Q, A> {
    /// About what; none while nobody has asked.
    pub subject: Option<Rc<Q>>,
    /// Names the question.
    pub ticket: u32,
    /// The answers so far.
    pub answers: Rc<Vec<A>>,
    /// How far it is.
    pub round: Round,
    /// Whether it does not go on.
    pub is_over: bool,
    /// Why it ended too early.
    pub trouble: Option<Rc<str>>,
}

impl<Q, A> Default for Study<Q, A> {
    fn default() -> Self {
        let (answers, round) = (Rc::default(), Round::default());
        Self { subject: None, ticket: 0, answers, round, is_over: false, trouble: None }
    }
}

impl<Q: PartialEq, A: Clone> Study<Q, A> {
    /// Asks about `subject`. What is known of the same already stays, unless it ended too early.
    fn ask(&mut self, subject: Q, last: &mut u32) {
        if self.subject.as_deref() != Some(&subject) || self.trouble.is_some() {
            *last = last.wrapping_add(1);
            *self = Self { subject: Some(Rc::new(subject)), ticket: *last, ..Self::default() };
        }
    }

    fn is_open(&self) -> bool {
        self.subject.is_some() && !self.is_over
    }

    /// Whether this is the question with that ticket and it waits for answers.
    fn awaits(&self, ticket: u32) -> bool {
        ticket == self.ticket && self.is_open()
    }

    /// Takes what a worker learned about the question with that ticket; `own` picks this question's answers out of it.
    fn take(&mut self, ticket: u32, learned: &Learned, own: fn(&Learned) -> Option<&A>) {
        match learned {
            _ if !self.awaits(ticket) => {}
            Learned::Over => self.is_over = true,
            Learned::Round(round) => self.round = *round,
            learned => Rc::make_mut(&mut self.answers).extend(own(learned).cloned()),
        }
    }

    /// Ends the question with that ticket before all is answered.
    fn end_early(&mut self, ticket: u32, why: &str) {
        if self.awaits(ticket) {
            (self.is_over, self.trouble) = (true, Some(why.into()));
        }
    }
}

/// The questions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Studies {
    /// The outcomes of the claims.
    pub claims: Study<Subject, Answer>,
    /// What the lines of a form are for.
    pub lines: Study<Config, Line>,
}

impl Studies {
    /// Asks; `last` is the last ticket that was given.
    pub(crate) fn ask(&mut self, question: Question, last: &mut u32) {
        match question {
            Question::Claims(subject) => self.claims.ask(subject, last),
            Question::Lines(config) => self.lines.ask(config, last),
        }
    }

    pub(crate) fn take(&mut self, ticket: u32, learned: &Learned) {
        self.claims.take(ticket, learned, |learned| match learned {
            Learned::Claim(answer) => Some(answer),
            _ => None,
        });
        self.lines.take(ticket, learned, |learned| match learned {
            Learned::Line(line) => Some(line),
            _ => None,
        });
    }

    pub(crate) fn end_early(&mut self, ticket: u32, why: &str) {
        self.claims.end_early(ticket, why);
        self.lines.end_early(ticket, why);
    }

    /// The questions that are not answered yet, with their tickets.
    pub(crate) fn open(&self) -> impl Iterator<Item = (u32, Question)> {
        let claims = self.claims.subject.as_deref().filter(|_| self.claims.is_open());
        let lines = self.lines.subject.as_deref().filter(|_| self.lines.is_open());
        let claims = claims.map(|subject| (self.claims.ticket, Question::Claims(subject.clone())));
        claims.into_iter().chain(lines.map(|config| (self.lines.ticket, Question::Lines(config.clone()))))
    }
}

#[cfg(test)]
mod tests;
