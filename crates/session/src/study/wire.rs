//! Questions and answers as text; a person's text stands last and may hold any character.

use super::{Answer, Learned, Line, Number, Question, Round, Without};
use crate::choice::Form;
use crate::counterexample::Counterexample;
use crate::fields::{PART, SEPARATOR, items, list};
use crate::library::{Library, base_of, base_text, config_of, config_text};
use cr3_core::claims::{Subject, Verdict};
use cr3_core::linux::Macro;

pub(crate) fn question_text(question: &Question) -> String {
    match question {
        Question::Claims(Subject { form, custom, base }) => {
            format!("claims{SEPARATOR}{form}{SEPARATOR}{}{SEPARATOR}{custom}", base_text(base))
        }
        Question::Lines(config) => format!("lines{SEPARATOR}{}", config_text(config)),
    }
}

pub(crate) fn question_of(text: &str, library: &Library) -> Option<Question> {
    let (kind, fields) = text.split_once(SEPARATOR)?;
    match kind {
        "claims" => {
            let mut fields = fields.splitn(3, SEPARATOR);
            let form = Form::named(fields.next()?)?;
            let base = base_of(fields.next()?, library)?;
            Some(Question::Claims(Subject { form, ..Subject::on(base, fields.next()?) }))
        }
        "lines" => config_of(fields, library).map(Question::Lines),
        _ => None,
    }
}

pub(crate) fn learned_text(learned: &Learned) -> String {
    match learned {
        Learned::Claim(answer) => format!("claim{SEPARATOR}{}", answer_text(answer)),
        Learned::Line(line) => format!("line{SEPARATOR}{}", line_text(line)),
        Learned::Round(Round { done, of }) => format!("round{SEPARATOR}{done} {of}"),
        Learned::Over => "over".to_owned(),
    }
}

pub(crate) fn learned_of(kind: &str, fields: &str) -> Option<Learned> {
    Some(match kind {
        "claim" => Learned::Claim(answer_of(fields)?),
        "line" => Learned::Line(line_of(fields)?),
        "round" => {
            let (done, of) = fields.split_once(' ')?;
            Learned::Round(Round { done: done.parse().ok()?, of: of.parse().ok()? })
        }
        "over" => Learned::Over,
        _ => return None,
    })
}

fn verdict_of(name: &str) -> Option<Verdict> {
    Verdict::ALL.into_iter().find(|verdict| verdict.name() == name)
}

fn answer_text(answer: &Answer) -> String {
    let Answer { id, verdict, merged, exceptions, numbers } = answer;
    let verdicts = format!("{id} {} {}", verdict.name(), merged.map_or("", Verdict::name));
    let (exceptions, numbers) = (list(exceptions.iter()), list(numbers.iter().map(number_text)));
    format!("{verdicts}{SEPARATOR}{exceptions}{SEPARATOR}{numbers}")
}

fn answer_of(text: &str) -> Option<Answer> {
    let mut fields = text.split(SEPARATOR);
    let mut verdicts = fields.next()?.split(' ');
    Some(Answer {
        id: verdicts.next()?.parse().ok()?,
        verdict: verdict_of(verdicts.next()?)?,
        merged: match verdicts.next()? {
            "" => None,
            name => Some(verdict_of(name)?),
        },
        exceptions: items(fields.next()?).map(str::to_owned).collect(),
        numbers: items(fields.next()?).map(number_of).collect::<Option<_>>()?,
    })
}

fn number_text(Number { words, value, merged }: &Number) -> String {
    let merged = merged.map(|value| value.to_string()).unwrap_or_default();
    format!("{value}{PART}{merged}{PART}{words}")
}

fn number_of(text: &str) -> Option<Number> {
    let mut parts = text.splitn(3, PART);
    let value = parts.next()?.parse().ok()?;
    let merged = match parts.next()? {
        "" => None,
        value => Some(value.parse().ok()?),
    };
    Some(Number { value, merged, words: parts.next()?.to_owned() })
}

fn line_text(line: &Line) -> String {
    let Line { part, source, line, statement, without } = line;
    let without = without_text(without);
    format!("{part}{SEPARATOR}{line}{SEPARATOR}{source}{SEPARATOR}{statement}{SEPARATOR}{without}")
}

fn line_of(text: &str) -> Option<Line> {
    let mut fields = text.splitn(5, SEPARATOR);
    let part = fields.next()?;
    Some(Line {
        part: Macro::ALL.into_iter().find(|it| it.name() == part)?,
        line: fields.next()?.parse().ok()?,
        source: fields.next()?.to_owned(),
        statement: fields.next()?.to_owned(),
        without: without_of(fields.next()?)?,
    })
}

fn without_text(without: &Without) -> String {
    match without {
        Without::Breaks(found, text) => {
            let found = found.encode();
            format!("breaks{SEPARATOR}{found}{SEPARATOR}{text}")
        }
        Without::Stores(address) => format!("stores{SEPARATOR}{address}"),
        Without::Slower { writes, flushes } => format!("slower{SEPARATOR}{writes} {flushes}"),
        Without::Nothing => "nothing".to_owned(),
        Without::Refused(message) => format!("refused{SEPARATOR}{message}"),
        Without::Unseen(reason) => format!("unseen{SEPARATOR}{}", reason.as_deref().unwrap_or_default()),
    }
}

fn without_of(text: &str) -> Option<Without> {
    let (kind, fields) = text.split_once(SEPARATOR).unwrap_or((text, ""));
    Some(match kind {
        "breaks" => {
            let (found, text) = fields.split_once(SEPARATOR)?;
            Without::Breaks(Counterexample::decode(found)?, text.into())
        }
        "stores" => Without::Stores(fields.parse().ok()?),
        "slower" => {
            let (writes, flushes) = fields.split_once(' ')?;
            Without::Slower { writes: writes.parse().ok()?, flushes: flushes.parse().ok()? }
        }
        "nothing" => Without::Nothing,
        "refused" => Without::Refused(fields.to_owned()),
        "unseen" => Without::Unseen((!fields.is_empty()).then(|| fields.to_owned())),
        _ => return None,
    })
}
