//! Questions at work, piece by piece: a claim, or one task about the lines of a form.

use crate::found::counterexample;
use cr3_core::asm::Diagnostic;
use cr3_core::claims::{CLAIMS, Claim, Judged, Lab, Measure, Subject};
use cr3_core::linux::Config;
use cr3_core::mutants::{Chosen, Done, LineFate, Mutants, Query, Report, Task, Verdict};
use cr3_session::explore::Message;
use cr3_session::explore::wire::plain;
use cr3_session::study::{Answer, Learned, Line, Number, Question, Round, Without};

/// A question that is being answered.
pub(crate) enum Work {
    Claims(Claims),
    Lines(Box<Lines>),
}

impl Work {
    pub(crate) fn new(question: &Question) -> Result<Self, String> {
        Ok(match question {
            Question::Claims(subject) => Self::Claims(Claims::new(subject)),
            Question::Lines(config) => Self::Lines(Box::new(Lines::new(config)?)),
        })
    }

    /// Does the next piece of work and returns its messages. `merged` is the lab of form E. A question ends with the message that it is over or
    /// that it broke.
    pub(crate) fn slice(&mut self, merged: &mut Lab) -> Vec<Message> {
        match self {
            Self::Claims(claims) => claims.slice(merged),
            Self::Lines(lines) => lines.slice(),
        }
    }
}

/// Whether nothing follows.
pub(crate) fn is_last(message: &Message) -> bool {
    matches!(message, Message::Learned(Learned::Over) | Message::Broke(_))
}

fn refused(diagnostics: &[Diagnostic]) -> String {
    let first = diagnostics.first().map(|diagnostic| diagnostic.message.as_str());
    format!("the form does not assemble in every system: {}", first.unwrap_or("nobody says why"))
}

/// The claims one after the other.
pub(crate) struct Claims {
    /// That of a person's own macro.
    own: Option<Lab>,
    next: usize,
}

impl Claims {
    fn new(subject: &Subject) -> Self {
        Self { own: (*subject != Subject::default()).then(|| Lab::new(subject.clone())), next: 0 }
    }

    fn slice(&mut self, merged: &mut Lab) -> Vec<Message> {
        let Some(claim) = CLAIMS.get(self.next) else { return vec![Message::Learned(Learned::Over)] };
        self.next += 1;
        let answer = match &mut self.own {
            None => claim.judge(merged).map(|judged| answer(claim, &judged, None, merged)),
            Some(own) => both(claim, own, merged),
        };
        vec![answer.map_or_else(|why| Message::Broke(refused(&why)), |answer| Message::Learned(Learned::Claim(answer)))]
    }
}

fn both(claim: &'static Claim, own: &mut Lab, merged: &mut Lab) -> Result<Answer, Vec<Diagnostic>> {
    let (judged, merged) = (claim.judge(own)?, claim.judge(merged)?);
    Ok(answer(claim, &judged, Some(&merged), own))
}

fn answer(claim: &Claim, judged: &Judged, merged: Option<&Judged>, lab: &Lab) -> Answer {
    let in_merged = |measure: Measure, value: i64| {
        let same = merged?.numbers.iter().find(|(other, _)| *other == measure);
        same.map(|(_, value)| *value).filter(|merged| *merged != value)
    };
    let number = |&(measure, value): &(Measure, i64)| Number {
        words: measure.words(lab.subject().form),
        value,
        merged: in_merged(measure, value),
    };
    Answer {
        id: claim.id,
        verdict: judged.verdict,
        merged: merged.map(|merged| merged.verdict),
        exceptions: judged.exceptions.iter().map(|&words| words.to_owned()).collect(),
        numbers: judged.numbers.iter().map(number).collect(),
    }
}

/// The mutants that delete a statement, task after task.
pub(crate) struct Lines {
    mutants: Mutants,
    tasks: Vec<Task>,
    done: Vec<Done>,
}

impl Lines {
    fn new(config: &Config) -> Result<Self, String> {
        let query = Query { config: config.clone(), chosen: Chosen::Deletions, depth: 1 };
        let mutants = Mutants::new(&query).map_err(|why| refused(&why))?;
        Ok(Self { tasks: mutants.tasks(), mutants, done: Vec::new() })
    }

    fn slice(&mut self) -> Vec<Message> {
        if let Some(task) = self.tasks.get(self.done.len()) {
            self.done.push(task.run());
        }
        if self.done.len() < self.tasks.len() {
            return vec![Message::Learned(Learned::Round(self.round()))];
        }
        self.mutants.absorb(std::mem::take(&mut self.done));
        self.tasks = self.mutants.tasks();
        match self.mutants.report() {
            None => vec![Message::Learned(Learned::Round(self.round()))],
            Some(report) => messages(&report),
        }
    }

    fn round(&self) -> Round {
        let count = |pieces: usize| u32::try_from(pieces).unwrap_or(u32::MAX);
        Round { done: count(self.done.len()), of: count(self.tasks.len()) }
    }
}

pub(crate) fn messages(report: &Report) -> Vec<Message> {
    let lines = report.lines().map(|fate| Message::Learned(Learned::Line(line(report, &fate))));
    let last = match (report.original.first(), report.unconfirmed.first()) {
        (Some(violation), _) => Message::Broke(format!(
            "the form itself breaks a promise, so its lines cannot be judged: {}, with {}",
            violation.broken, violation.schedule
        )),
        (None, Some(wrong)) => Message::Broke(format!("a run did not confirm the explorer's result ({wrong})")),
        (None, None) => Message::Learned(Learned::Over),
    };
    lines.chain([last]).collect()
}

fn line(report: &Report, fate: &LineFate<'_>) -> Line {
    Line {
        part: fate.part,
        source: plain(fate.source),
        line: fate.line,
        statement: plain(fate.statement),
        without: without(report, fate.without, fate.reason),
    }
}

fn without(report: &Report, verdict: &Verdict, reason: Option<&str>) -> Without {
    match verdict {
        Verdict::Killed(violation) => Without::Breaks(counterexample(violation), violation.config.custom.clone()),
        Verdict::StrayStore { address } => Without::Stores(*address),
        Verdict::Slower(extra) => Without::Slower { writes: extra.writes, flushes: extra.flushes },
        Verdict::SameBytes(Some(other)) => {
            let same = report.judged.iter().find(|judged| judged.mutant.id == *other);
            // The first of those with the same code has a verdict of its own.
            same.map_or(Without::Unseen(None), |same| match same.verdict {
                Verdict::SameBytes(_) => Without::Unseen(None),
                _ => without(report, &same.verdict, same.reason(report.form)),
            })
        }
        Verdict::SameBytes(None) | Verdict::Equivalent(_) => Without::Nothing,
        Verdict::NotAssembling(message) => Without::Refused(plain(message)),
        Verdict::Survivor => Without::Unseen(reason.map(str::to_owned)),
    }
}

#[cfg(test)]
mod tests;
