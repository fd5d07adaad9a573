//! What the page and its worker write to each other: lines of fields, as text. Only Unicorn's compiled module is sent as it is.

use cr3_core::linux::{Config, Form};
use cr3_core::scenario::Scenario;
use cr3_session::Side;
use cr3_session::check::{Disagreement, Field, Findings, Kind, Mark, Origin, Progress, Report, Stage};
use cr3_session::words::{side_key, side_of};
use cr3_unicorn::limits::Limit;
use std::fmt::Write;

/// Separates fields; a person's text stands last and may hold it.
const SEPARATOR: char = '\u{1f}';

/// Separates the items of a list in a field.
const ITEM: char = '\u{1e}';

/// What a worker says once it can be written to.
pub(crate) const STARTED: &str = "started";

/// What the page asks for. A later request about runs ends all earlier ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// Follow the run of a side.
    Follow(Task),
    /// Try every single injection.
    Sweep(Task),
    /// Follow the first story with a second CPU that is wrong on purpose.
    Test { ticket: u32 },
    /// Forget sweep and test; runs that are being followed go on.
    Stop,
    /// Forget everything.
    Forget,
}

/// The run of a side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Task {
    pub(crate) ticket: u32,
    pub(crate) side: Side,
    pub(crate) scenario: Scenario,
}

impl Task {
    fn encode(&self, kind: &str) -> String {
        let Self { ticket, side, scenario: Scenario { config, schedule } } = self;
        let Config { features, form, custom, handler, geometry } = config;
        let numbers = format!("{kind}{SEPARATOR}{ticket}{SEPARATOR}{}", side_key(*side));
        let config = format!("{form}{SEPARATOR}{features}{SEPARATOR}{handler}{SEPARATOR}{geometry}");
        format!("{numbers}{SEPARATOR}{config}{SEPARATOR}{schedule}{SEPARATOR}{custom}")
    }

    fn decode(fields: &str) -> Option<Self> {
        let mut fields = fields.splitn(8, SEPARATOR);
        let ticket = fields.next()?.parse().ok()?;
        let side = side_of(fields.next()?)?;
        let form = Form::named(fields.next()?)?;
        let features = fields.next()?.parse().ok()?;
        let handler = fields.next()?.parse().ok()?;
        let geometry = fields.next()?.parse().ok()?;
        let schedule = fields.next()?.parse().ok()?;
        let config = Config { features, form, custom: fields.next()?.into(), handler, geometry };
        Some(Self { ticket, side, scenario: Scenario { config, schedule } })
    }
}

impl Request {
    pub(crate) fn encode(&self) -> String {
        match self {
            Self::Follow(task) => task.encode("follow"),
            Self::Sweep(task) => task.encode("sweep"),
            Self::Test { ticket } => format!("test{SEPARATOR}{ticket}"),
            Self::Stop => "stop".to_owned(),
            Self::Forget => "forget".to_owned(),
        }
    }

    pub(crate) fn decode(text: &str) -> Option<Self> {
        let (kind, fields) = text.split_once(SEPARATOR).unwrap_or((text, ""));
        Some(match kind {
            "follow" => Self::Follow(Task::decode(fields)?),
            "sweep" => Self::Sweep(Task::decode(fields)?),
            "test" => Self::Test { ticket: fields.parse().ok()? },
            "stop" => Self::Stop,
            "forget" => Self::Forget,
            _ => return None,
        })
    }
}

/// A report with the ticket of what it is about.
pub(crate) fn encode(ticket: u32, report: &Report) -> String {
    let fields = match report {
        Report::Received(bytes) => vec!["received".to_owned(), bytes.to_string()],
        Report::Opened => vec!["opened".to_owned()],
        Report::Broke(why) => vec!["broke".to_owned(), why.clone()],
        Report::Steps(side, marks) => vec!["steps".to_owned(), side_key(*side).to_owned(), marks_text(marks)],
        Report::Ended(side) => vec!["ended".to_owned(), side_key(*side).to_owned()],
        Report::Swept(progress, stage) => {
            let stage = stage_key(*stage).to_owned();
            vec!["swept".to_owned(), progress_text(progress), stage, kinds_text(&progress.findings.kinds)]
        }
        Report::Disagrees(found) => disagreement_fields(found),
        Report::TestMissed(why) => vec!["missed".to_owned(), why.clone()],
    };
    let mut text = ticket.to_string();
    for field in fields {
        text.push(SEPARATOR);
        text += &field;
    }
    text
}

/// A report with its ticket, read back.
pub(crate) fn decode(text: &str) -> Option<(u32, Report)> {
    let mut fields = text.split(SEPARATOR);
    let ticket = fields.next()?.parse().ok()?;
    let kind = fields.next()?;
    let mut next = || fields.next();
    let report = match kind {
        "received" => Report::Received(next()?.parse().ok()?),
        "opened" => Report::Opened,
        "broke" => Report::Broke(next()?.to_owned()),
        "steps" => Report::Steps(side_of(next()?)?, marks_of(next()?)?),
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

/// First character of the reasons why a step was not judged, in the order of [`Limit::ALL`].
const REASONS: u32 = 0x100;

fn marks_text(marks: &[Mark]) -> String {
    let reason = |reason: &str| Limit::ALL.iter().position(|limit| limit.reason() == reason).unwrap_or_default();
    let letter = |mark: &Mark| match mark {
        Mark::Agrees => 'a',
        Mark::Delivered => 'd',
        Mark::Differs => 'x',
        Mark::Unjudged(why) => char::from_u32(REASONS + reason(why) as u32).unwrap_or('x'),
    };
    marks.iter().map(letter).collect()
}

fn marks_of(text: &str) -> Option<Vec<Mark>> {
    let mark = |letter: char| match letter {
        'a' => Some(Mark::Agrees),
        'd' => Some(Mark::Delivered),
        'x' => Some(Mark::Differs),
        other => Some(Mark::Unjudged(Limit::ALL.get(u32::from(other).checked_sub(REASONS)? as usize)?.reason())),
    };
    text.chars().map(mark).collect()
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

/// Kinds as items `3 the first schedule|what they do`: no schedule has a bar.
fn kinds_text(kinds: &[Kind]) -> String {
    let kind = |Kind { words, runs, first }: &Kind| format!("{runs} {first}|{words}");
    kinds.iter().map(kind).collect::<Vec<_>>().join(&ITEM.to_string())
}

fn kinds_of(text: &str) -> Option<Vec<Kind>> {
    let kind = |item: &str| {
        let (runs, rest) = item.split_once(' ')?;
        let (first, words) = rest.split_once('|')?;
        Some(Kind { words: words.to_owned(), runs: runs.parse().ok()?, first: first.to_owned() })
    };
    text.split(ITEM).filter(|item| !item.is_empty()).map(kind).collect()
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
    let list = |items: Vec<String>| items.join(&ITEM.to_string());
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
    let items = |text: &'a str| text.split(ITEM).filter(|item| !item.is_empty());
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
mod tests {
    use super::*;
    use cr3_core::geometry::Geometry;
    use cr3_core::linux::Features;
    use wasm_bindgen_test::wasm_bindgen_test;

    fn task(form: Form, custom: &str) -> Task {
        let schedule = "kernel_loop+1:nmi > exc_nmi+2:mc".parse().expect("a schedule");
        let handler = "perf+pending-flush".parse().expect("handlers");
        let (features, geometry) = (Features::NONE, Geometry::Skylake);
        let config = Config { features, form, custom: custom.into(), handler, geometry };
        Task { ticket: 7, side: Side::Right, scenario: Scenario { config, schedule } }
    }

    fn plain() -> Task {
        Task { ticket: 0, side: Side::Left, scenario: Scenario::default() }
    }

    #[wasm_bindgen_test]
    fn requests_are_read_as_they_were_written() {
        let requests = [
            Request::Follow(plain()),
            Request::Follow(task(Form::A, "")),
            Request::Sweep(task(Form::Custom, ".macro X\n\u{1f}\u{1e}")),
            Request::Test { ticket: u32::MAX },
            Request::Stop,
            Request::Forget,
        ];
        for request in requests {
            assert_eq!(Request::decode(&request.encode()), Some(request));
        }
        for text in ["", "follow", "follow\u{1f}1\u{1f}q\u{1f}", "test\u{1f}-1", "frob"] {
            assert_eq!(Request::decode(text), None, "{text:?}");
        }
    }

    #[wasm_bindgen_test]
    fn reports_are_read_as_they_were_written() {
        let mut marks: Vec<Mark> = Limit::ALL.iter().map(|limit| Mark::Unjudged(limit.reason())).collect();
        marks.extend([Mark::Agrees, Mark::Delivered, Mark::Differs]);
        let found = Disagreement {
            origin: Origin::Sweep(Side::Left),
            step: 12,
            schedule: "kernel_loop+1:nmi > exc_nmi+2:mc".to_owned(),
            instruction: "mov %rax,%rbx".to_owned(),
            bytes: vec![0x48, 0x89, 0x0f],
            differences: vec!["rax: ours 0x1, theirs 0x0".to_owned(), "ours retired, theirs raised".to_owned()],
            fields: vec![Field { name: "rax".to_owned(), before: u64::MAX, ours: 1, theirs: 0 }],
        };
        let kind =
            |words: &str| Kind { words: words.to_owned(), runs: 2, first: "kernel_loop+1:nmi > exc_nmi:mc".to_owned() };
        let findings = Findings { runs: 5, kinds: vec![kind("break user-cr3"), kind("end in a kernel panic")] };
        let progress = Progress { done: 1, total: 2, struck: 3, refused: 4, compared: u64::MAX, findings };
        let reports = [
            Report::Received(123),
            Report::Opened,
            Report::Broke("out of memory: it trapped".to_owned()),
            Report::Steps(Side::Right, marks),
            Report::Steps(Side::Left, Vec::new()),
            Report::Ended(Side::Left),
            Report::Swept(progress, Stage::Agrees),
            Report::Disagrees(Disagreement {
                origin: Origin::Test,
                differences: vec![],
                fields: vec![],
                bytes: vec![],
                ..found.clone()
            }),
            Report::Disagrees(Disagreement { origin: Origin::Run(Side::Right), ..found.clone() }),
            Report::Disagrees(found),
            Report::TestMissed("nothing was found".to_owned()),
        ];
        for report in reports {
            assert_eq!(decode(&encode(9, &report)), Some((9, report)));
        }
        for text in ["", "1", "1\u{1f}steps\u{1f}a\u{1f}?", "x\u{1f}opened", "1\u{1f}differs\u{1f}run a"] {
            assert_eq!(decode(text), None, "{text:?}");
        }
    }
}
