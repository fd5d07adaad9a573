//! What the page and the explorer's worker write to each other: lines of fields, as text.

use super::{AtInstruction, Begun, Found, Message, Places, Subject};
use crate::counterexample::Counterexample;
pub use crate::fields::plain;
use crate::fields::{PART, SEPARATOR, items, joined, list};
use crate::library::{Library, config_of, config_text};
use crate::study::Question;
use crate::study::wire::{learned_of, learned_text, question_of, question_text};
use crate::words::{scope_key, scope_of};
use cr3_core::query::{Assumption, Assumptions, Verdict};

/// How far searches go by themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    /// Until single exceptions are judged.
    #[default]
    Rest,
    /// To their ends.
    Deepen,
}

/// What the page asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Forget all searches and questions but these.
    Keep(Vec<u32>),
    /// Judge this, under a ticket that names the search. A search that is under way goes on.
    Judge(u32, Subject),
    /// Answer this, under a ticket that names the question. One that is being answered goes on.
    Study(u32, Question),
    /// Go so far.
    Go(Pace),
}

impl Request {
    /// As text.
    #[must_use]
    pub fn encode(&self) -> String {
        match self {
            Self::Keep(tickets) => format!("keep{SEPARATOR}{}", list(tickets.iter().map(u32::to_string))),
            Self::Judge(ticket, subject) => format!("judge{SEPARATOR}{ticket}{SEPARATOR}{}", subject_text(subject)),
            Self::Study(ticket, question) => format!("study{SEPARATOR}{ticket}{SEPARATOR}{}", question_text(question)),
            Self::Go(Pace::Rest) => "rest".to_owned(),
            Self::Go(Pace::Deepen) => "deepen".to_owned(),
        }
    }

    /// Read back, with the trees that are there; none if it is no request.
    #[must_use]
    pub fn decode(text: &str, library: &Library) -> Option<Self> {
        let (kind, fields) = text.split_once(SEPARATOR).unwrap_or((text, ""));
        Some(match kind {
            "keep" => Self::Keep(items(fields).map(|ticket| ticket.parse().ok()).collect::<Option<_>>()?),
            "judge" => {
                let (ticket, subject) = fields.split_once(SEPARATOR)?;
                Self::Judge(ticket.parse().ok()?, subject_of(subject, library)?)
            }
            "study" => {
                let (ticket, question) = fields.split_once(SEPARATOR)?;
                Self::Study(ticket.parse().ok()?, question_of(question, library)?)
            }
            "rest" => Self::Go(Pace::Rest),
            "deepen" => Self::Go(Pace::Deepen),
            _ => return None,
        })
    }
}

fn subject_text(subject: &Subject) -> String {
    let Subject { config, scope, assumed } = subject;
    let off = list(assumed.off().map(|off| off.id()));
    format!("{}{SEPARATOR}{off}{SEPARATOR}{}", scope_key(*scope), config_text(config))
}

fn subject_of(text: &str, library: &Library) -> Option<Subject> {
    let mut fields = text.splitn(3, SEPARATOR);
    let scope = scope_of(fields.next()?)?;
    let off = items(fields.next()?).map(|id| id.parse().ok()).collect::<Option<Vec<Assumption>>>()?;
    let assumed = off.into_iter().fold(Assumptions::default(), Assumptions::without);
    Some(Subject { config: config_of(fields.next()?, library)?, scope, assumed })
}

/// What a search tells, with its ticket.
#[must_use]
pub fn encode(ticket: u32, message: &Message) -> String {
    let fields = match message {
        Message::Found(found) => found_fields(found),
        Message::Places(Places { reach, at }) => {
            vec!["places".to_owned(), reach.to_string(), list(at.iter().map(place_text))]
        }
        Message::Begun(Begun { reach, schedules, done }) => {
            vec!["begun".to_owned(), format!("{reach} {schedules} {done}")]
        }
        Message::Learned(learned) => vec![learned_text(learned)],
        Message::Broke(why) => vec!["broke".to_owned(), why.clone()],
    };
    joined(ticket, &fields)
}

/// Reads a message back; `None` if it is none of these.
#[must_use]
pub fn decode(text: &str) -> Option<(u32, Message)> {
    let (ticket, message) = text.split_once(SEPARATOR)?;
    let (kind, fields) = message.split_once(SEPARATOR).unwrap_or((message, ""));
    let ticket = ticket.parse().ok()?;
    let mut parts = fields.split(SEPARATOR);
    let mut next = || parts.next();
    let message = match kind {
        "found" => Message::Found(found_of(&mut next)?),
        "places" => Message::Places(Places {
            reach: next()?.parse().ok()?,
            at: items(next()?).map(place_of).collect::<Option<_>>()?,
        }),
        "begun" => Message::Begun(begun_of(next()?)?),
        "broke" => Message::Broke(next()?.to_owned()),
        _ => Message::Learned(learned_of(kind, fields)?),
    };
    Some((ticket, message))
}

const VERDICTS: [Verdict; 4] = [Verdict::Holds, Verdict::Breaks, Verdict::NotFinished, Verdict::Empty];

fn found_fields(found: &Found) -> Vec<String> {
    let Found {
        verdict,
        reach,
        schedules,
        breaking,
        refused,
        excluded,
        counterexamples,
        unconfirmed,
        obstacle,
        is_over,
    } = found;
    vec![
        "found".to_owned(),
        verdict.name().to_owned(),
        format!("{reach} {schedules} {breaking} {refused} {}", u32::from(*is_over)),
        list(excluded.iter().map(u64::to_string)),
        list(counterexamples.iter().map(Counterexample::encode)),
        list(unconfirmed.iter()),
        obstacle.clone().unwrap_or_default(),
    ]
}

fn found_of<'a>(next: &mut impl FnMut() -> Option<&'a str>) -> Option<Found> {
    let name = next()?;
    let verdict = VERDICTS.into_iter().find(|verdict| verdict.name() == name)?;
    let mut words = next()?.split(' ');
    let reach = words.next()?.parse().ok()?;
    let mut number = || words.next()?.parse::<u64>().ok();
    let (schedules, breaking, refused) = (number()?, number()?, number()?);
    let is_over = number()? != 0;
    let excluded = items(next()?).map(|count| count.parse().ok()).collect::<Option<_>>()?;
    let counterexamples = items(next()?).map(Counterexample::decode).collect::<Option<_>>()?;
    let unconfirmed = items(next()?).map(str::to_owned).collect();
    let obstacle = Some(next()?).filter(|words| !words.is_empty()).map(str::to_owned);
    Some(Found {
        verdict,
        reach,
        schedules,
        breaking,
        refused,
        excluded,
        counterexamples,
        unconfirmed,
        obstacle,
        is_over,
    })
}

fn place_text(at: &AtInstruction) -> String {
    let AtInstruction { address, schedules, breaking, refused, refusal, excluded } = at;
    let excluded: Vec<_> = excluded.iter().map(|(assumption, count)| format!("{assumption}={count}")).collect();
    let numbers = format!("{address:x} {schedules} {breaking} {refused}");
    format!("{numbers}{PART}{}{PART}{}", excluded.join(","), refusal.as_deref().unwrap_or_default())
}

fn place_of(text: &str) -> Option<AtInstruction> {
    let mut parts = text.splitn(3, PART);
    let mut numbers = parts.next()?.split(' ');
    let address = u64::from_str_radix(numbers.next()?, 16).ok()?;
    let mut number = || numbers.next()?.parse().ok();
    let (schedules, breaking, refused) = (number()?, number()?, number()?);
    let excluded = parts.next()?.split(',').filter(|item| !item.is_empty());
    let excluded = excluded.map(excluded_of).collect::<Option<_>>()?;
    let refusal = parts.next().filter(|refusal| !refusal.is_empty()).map(str::to_owned);
    Some(AtInstruction { address, schedules, breaking, refused, refusal, excluded })
}

fn excluded_of(text: &str) -> Option<(Assumption, u64)> {
    let (id, count) = text.split_once('=')?;
    Some((id.parse().ok()?, count.parse().ok()?))
}

fn begun_of(text: &str) -> Option<Begun> {
    let mut numbers = text.split(' ');
    Some(Begun {
        reach: numbers.next()?.parse().ok()?,
        schedules: numbers.next()?.parse().ok()?,
        done: numbers.next()?.parse().ok()?,
    })
}
