//! The messages between the page and the second CPU's worker: lines of fields, as text. Only Unicorn's compiled module
//! is sent as it is.

use super::{Disagreement, Field, Findings, Kind, Mark, Origin, Progress, Report, Stage};
use crate::choice::Side;
use crate::fields::{SEPARATOR, joined};
use crate::library::{Library, config_of, config_text};
use crate::words::{side_key, side_of};
use cr3_core::scenario::Scenario;
use std::fmt::Write;
use std::rc::Rc;

/// Separates the items of a list in a field.
const ITEM: char = '\u{1e}';

/// A request of the page. A later request about runs ends all earlier ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Follow the run of a side.
    Follow(Task),
    /// Try every single injection.
    Sweep(Task),
    /// Follow the first story with a second CPU that is wrong on purpose.
    Test {
        /// Identifies the recording that was current at the request.
        ticket: u32,
    },
    /// Forget sweep and test; followed runs continue.
    Stop,
    /// Forget everything.
    Forget,
}

/// The run of a side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Identifies its recording.
    pub ticket: u32,
    /// The side whose run or form it is.
    pub side: Side,
    /// What runs.
    pub scenario: Scenario,
}

impl Task {
    fn encode(&self, kind: &str) -> String {
        let Self { ticket, side, scenario: Scenario { config, schedule } } = self;
        let fields = [
            kind.to_owned(),
            ticket.to_string(),
            side_key(*side).to_string(),
            schedule.to_string(),
            config_text(config),
        ];
        fields.join(&SEPARATOR.to_string())
    }

    fn decode(fields: &str, library: &Library) -> Option<Self> {
        let mut fields = fields.splitn(4, SEPARATOR);
        let ticket = fields.next()?.parse().ok()?;
        let side = side_of(fields.next()?)?;
        let schedule = fields.next()?.parse().ok()?;
        let config = config_of(fields.next()?, library)?;
        Some(Self { ticket, side, scenario: Scenario { config, schedule } })
    }
}

impl Request {
    /// The request as text.
    #[must_use]
    pub fn encode(&self) -> String {
        match self {
            Self::Follow(task) => task.encode("follow"),
            Self::Sweep(task) => task.encode("sweep"),
            Self::Test { ticket } => format!("test{SEPARATOR}{ticket}"),
            Self::Stop => "stop".to_owned(),
            Self::Forget => "forget".to_owned(),
        }
    }

    /// The request in a text, with the trees that are there; none if it is no request.
    #[must_use]
    pub fn decode(text: &str, library: &Library) -> Option<Self> {
        let (kind, fields) = text.split_once(SEPARATOR).unwrap_or((text, ""));
        Some(match kind {
            "follow" => Self::Follow(Task::decode(fields, library)?),
            "sweep" => Self::Sweep(Task::decode(fields, library)?),
            "test" => Self::Test { ticket: fields.parse().ok()? },
            "stop" => Self::Stop,
            "forget" => Self::Forget,
            _ => return None,
        })
    }
}

/// The report as text, with the ticket of its recording.
#[must_use]
pub fn encode(ticket: u32, report: &Report) -> String {
    let fields = match report {
        Report::Received(bytes) => vec!["received".to_owned(), bytes.to_string()],
        Report::Opened => vec!["opened".to_owned()],
        Report::Broke(why) => vec!["broke".to_owned(), why.clone()],
        Report::Steps(side, marks) => {
            let (letters, reasons) = marks_text(marks);
            vec!["steps".to_owned(), side_key(*side).to_owned(), letters, list(reasons)]
        }
        Report::Ended(side) => vec!["ended".to_owned(), side_key(*side).to_owned()],
        Report::Swept(progress, stage) => {
            let stage = stage_key(*stage).to_owned();
            vec!["swept".to_owned(), progress_text(progress), stage, kinds_text(&progress.findings.kinds)]
        }
        Report::Disagrees(found) => disagreement_fields(found),
        Report::TestMissed(why) => vec!["missed".to_owned(), why.clone()],
    };
    joined(ticket, &fields)
}

/// The report in a text, with its ticket; none if it is no report.
#[must_use]
pub fn decode(text: &str) -> Option<(u32, Report)> {
    let mut fields = text.split(SEPARATOR);
    let ticket = fields.next()?.parse().ok()?;
    let kind = fields.next()?;
    let mut next = || fields.next();
    let report = match kind {
        "received" => Report::Received(next()?.parse().ok()?),
        "opened" => Report::Opened,
        "broke" => Report::Broke(next()?.to_owned()),
        "steps" => Report::Steps(side_of(next()?)?, marks_of(next()?, next()?)?),
        "ended" => Report::Ended(side_of(next()?)?),
        "swept" => {
            let (mut progress, stage) = (progress_of(next()?)?, stage_of(next()?)?);
            progress.findings.kinds = kinds_of(next()?)?;
            Report::Swept(progress, stage)
        }
        "differs" => Report::Disagrees(disagreement_of(&mut next)?),
        "missed" => Report::TestMissed(next()?.to_owned()),
        _ => return None,
    };
    Some((ticket, report))
}

/// Letter of the first reason why steps were not judged; the others follow in order.
const REASONS: u32 = 0x100;

/// A letter for each mark, and the reasons that occur.
fn marks_text(marks: &[Mark]) -> (String, Vec<&str>) {
    let mut reasons = Vec::<&str>::new();
    let mut letter = |mark| match mark {
        &Mark::Agrees => 'a',
        &Mark::Delivered => 'd',
        &Mark::Differs => 'x',
        Mark::Unjudged(why) => {
            let known = reasons.iter().position(|reason| **reason == **why);
            let index = known.unwrap_or_else(|| {
                reasons.push(why);
                reasons.len() - 1
            });
            char::from_u32(REASONS + index as u32).unwrap_or('x')
        }
    };
    (marks.iter().map(&mut letter).collect(), reasons)
}

fn marks_of(letters: &str, reasons: &str) -> Option<Vec<Mark>> {
    let reasons: Vec<Rc<str>> = items(reasons).map(Rc::from).collect();
    let mark = |letter: char| match letter {
        'a' => Some(Mark::Agrees),
        'd' => Some(Mark::Delivered),
        'x' => Some(Mark::Differs),
        other => Some(Mark::Unjudged(reasons.get(u32::from(other).checked_sub(REASONS)? as usize)?.clone())),
    };
    letters.chars().map(mark).collect()
}

fn list(items: Vec<impl AsRef<str>>) -> String {
    let mut text = String::new();
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            text.push(ITEM);
        }
        text += item.as_ref();
    }
    text
}

fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(ITEM).filter(|item| !item.is_empty())
}

const STAGES: [(Stage, &str); 4] =
    [(Stage::Running, "running"), (Stage::Agrees, "agrees"), (Stage::Stopped, "stopped"), (Stage::Differs, "differs")];

fn stage_key(stage: Stage) -> &'static str {
    STAGES.iter().find(|(other, _)| *other == stage).map_or("", |(_, key)| key)
}

fn stage_of(key: &str) -> Option<Stage> {
    STAGES.iter().find(|(_, other)| *other == key).map(|(stage, _)| *stage)
}

fn progress_text(progress: &Progress) -> String {
    let Progress { done, total, struck, refused, compared, findings } = progress;
    format!("{done} {total} {struck} {refused} {} {compared}", findings.runs)
}

fn progress_of(text: &str) -> Option<Progress> {
    let mut numbers = text.split(' ');
    let mut small = || numbers.next()?.parse().ok();
    let (done, total, struck, refused) = (small()?, small()?, small()?, small()?);
    let findings = Findings { runs: small()?, kinds: Vec::new() };
    Some(Progress { done, total, struck, refused, findings, compared: numbers.next()?.parse().ok()? })
}

/// Kinds as items `3 the first schedule|what they do`. No schedule contains a bar.
fn kinds_text(kinds: &[Kind]) -> String {
    let kind = |Kind { words, runs, first }: &Kind| format!("{runs} {first}|{words}");
    list(kinds.iter().map(kind).collect())
}

fn kinds_of(text: &str) -> Option<Vec<Kind>> {
    let kind = |item: &str| {
        let (runs, rest) = item.split_once(' ')?;
        let (first, words) = rest.split_once('|')?;
        Some(Kind { words: words.to_owned(), runs: runs.parse().ok()?, first: first.to_owned() })
    };
    items(text).map(kind).collect()
}

fn disagreement_fields(found: &Disagreement) -> Vec<String> {
    let origin = match found.origin {
        Origin::Run(side) => format!("run {}", side_key(side)),
        Origin::Sweep(side) => format!("sweep {}", side_key(side)),
        Origin::Test => "test a".to_owned(),
    };
    let bytes = found.bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    let fields = found
        .fields
        .iter()
        .map(|Field { name, before, ours, theirs }| format!("{name} {before:x} {ours:x} {theirs:x}"));
    vec![
        "differs".to_owned(),
        origin,
        found.step.to_string(),
        found.schedule.clone(),
        found.instruction.clone(),
        bytes,
        list(found.differences.clone()),
        list(fields.collect()),
    ]
}

fn disagreement_of<'a>(next: &mut impl FnMut() -> Option<&'a str>) -> Option<Disagreement> {
    let (kind, side) = next()?.split_once(' ')?;
    let side = side_of(side)?;
    let origin = match kind {
        "run" => Origin::Run(side),
        "sweep" => Origin::Sweep(side),
        "test" => Origin::Test,
        _ => return None,
    };
    let step = next()?.parse().ok()?;
    let (schedule, instruction) = (next()?.to_owned(), next()?.to_owned());
    let bytes = bytes_of(next()?)?;
    let differences = items(next()?).map(str::to_owned).collect();
    let fields = items(next()?).map(field_of).collect::<Option<_>>()?;
    Some(Disagreement { origin, step, schedule, instruction, bytes, differences, fields })
}

fn bytes_of(text: &str) -> Option<Vec<u8>> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}

fn field_of(text: &str) -> Option<Field> {
    let mut words = text.split(' ');
    let name = words.next()?.to_owned();
    let mut number = || u64::from_str_radix(words.next()?, 16).ok();
    Some(Field { name, before: number()?, ours: number()?, theirs: number()? })
}

#[cfg(test)]
mod tests;
