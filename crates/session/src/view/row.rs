//! One aligned row: what each run does in it.

use crate::choice::Side;
use crate::runs::Runs;
use cr3_core::counters::Counter;
use cr3_core::linux::{Half, tables_half};
use cr3_core::trace::{Origin, Step, StepKind, Trace, delivery};

/// The meaning of a mark. Each has its own shape or word, never a colour alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MarkKind {
    /// An event was injected.
    Injection,
    /// An event was delivered that nobody injected.
    Delivery,
    /// CR3 was written and translations were invalidated.
    FlushingWrite,
    /// CR3 was written without invalidation.
    NoFlushWrite,
    /// Translations were dropped.
    Drop,
    /// A page was walked again because a flush had dropped its translation.
    Refill,
    /// The run stopped for good.
    Shutdown,
    /// A promise no longer holds.
    Broken,
}

/// Something that a step did and a row shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The shape or word that marks it.
    pub kind: MarkKind,
    /// The sentence that describes it.
    pub text: String,
    /// The part that matters more than `text`, whose meaning the mark's shape already gives. A narrow pane shows only
    /// this.
    pub moreover: &'static str,
}

impl Mark {
    /// The whole description.
    #[must_use]
    pub fn words(&self) -> String {
        let between = if self.text.is_empty() || self.moreover.is_empty() { "" } else { ", " };
        [self.text.as_str(), between, self.moreover].concat()
    }
}

/// One run in one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Number of the step in its run, from 1.
    pub step: usize,
    /// The new label of the run, if it changes in this step.
    pub label: Option<String>,
    /// `label+offset`.
    pub place: String,
    /// The instruction, or the delivered event.
    pub text: String,
    /// Whether the row is a delivery rather than an instruction.
    pub delivery: bool,
    /// Handlers that have not returned.
    pub level: u8,
    /// Tables that CR3 selects before the step.
    pub half: Half,
    /// Privilege level before the step.
    pub cpl: u8,
    /// What the step did.
    pub marks: Vec<Mark>,
}

/// One aligned row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its number, from 0.
    pub index: usize,
    /// Each side; none if it has no step.
    pub cells: [Option<Cell>; 2],
    /// Whether the runs differ here.
    pub differs: bool,
}

/// The row with this number.
#[must_use]
pub fn row(runs: &Runs, index: usize) -> Row {
    Row {
        index,
        cells: Side::BOTH.map(|side| cell(runs.trace(side)?, runs.step_index(side, index)?)),
        differs: runs.differs(index),
    }
}

fn cell(trace: &Trace, index: usize) -> Option<Cell> {
    let step = trace.steps.get(index)?;
    Some(Cell {
        step: index + 1,
        label: label(trace, index, step),
        place: trace.place_name(index),
        text: text(trace, index, step),
        delivery: !matches!(step.kind, StepKind::Instruction),
        level: step.level,
        half: tables_half(step.cr3),
        cpl: step.cpl,
        marks: marks(trace, index, step),
    })
}

fn label(trace: &Trace, index: usize, step: &Step) -> Option<String> {
    let of = |step: &Step| Some(trace.places.label(trace.places.site(step.place?).label));
    let before = index.checked_sub(1).and_then(|index| of(trace.steps.get(index)?));
    let now = of(step)?;
    (before != Some(now)).then(|| now.to_owned())
}

fn text(trace: &Trace, index: usize, step: &Step) -> String {
    match step.kind {
        StepKind::Instruction => instruction(trace, index),
        StepKind::Delivery { event, origin } => delivery(event, origin),
        StepKind::Shutdown { .. } => "the processor shuts down".into(),
    }
}

fn instruction(trace: &Trace, index: usize) -> String {
    match trace.line(index) {
        Some(line) => line.text.split_whitespace().collect::<Vec<_>>().join(" "),
        None => trace.place_name(index),
    }
}

fn marks(trace: &Trace, index: usize, step: &Step) -> Vec<Mark> {
    let count = |wanted: Counter| {
        let counts = trace.counts(index).iter();
        counts.filter(|(counter, _)| *counter == wanted).map(|(_, count)| *count).sum::<u32>()
    };
    let mut marks = Vec::new();
    let mut mark = |kind, text: String, moreover| marks.push(Mark { kind, text, moreover });
    match step.kind {
        StepKind::Delivery { origin: Origin::Injected(at), .. } => mark(MarkKind::Injection, format!("{}", at + 1), ""),
        StepKind::Delivery { .. } => mark(MarkKind::Delivery, String::new(), ""),
        StepKind::Shutdown { .. } => mark(MarkKind::Shutdown, String::new(), ""),
        StepKind::Instruction => {}
    }
    for breakage in trace.breakages.iter().filter(|breakage| breakage.step == index) {
        mark(MarkKind::Broken, format!("breaks {}", breakage.broken.invariant()), "");
    }
    if count(Counter::Cr3Writes) > 0 {
        let flushes = count(Counter::FlushingCr3Writes) > 0;
        let moreover = if count(Counter::RedundantCr3Writes) > 0 { "redundant" } else { "" };
        let (kind, text) =
            if flushes { (MarkKind::FlushingWrite, "flush") } else { (MarkKind::NoFlushWrite, "no flush") };
        mark(kind, text.into(), moreover);
    }
    match count(Counter::DroppedEntries) {
        0 => {}
        dropped => mark(MarkKind::Drop, format!("−{dropped} TLB"), ""),
    }
    match count(Counter::RefillMisses) {
        0 => {}
        1 => mark(MarkKind::Refill, "refill".into(), ""),
        misses => mark(MarkKind::Refill, format!("{misses} refills"), ""),
    }
    marks
}
