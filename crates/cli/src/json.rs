//! What the commands print with `--json`. Addresses and register values are hexadecimal strings, because JSON's numbers
//! are not exact.

use crate::diagnostic;
use crate::findings::{self, BrokenReport};
use cr3_core::cost::{self, Cycles};
use cr3_core::counters::Counters;
use cr3_core::scenario::Scenario;
use cr3_core::trace::{End, Trace, Unfired};
use serde::Serialize;
use std::collections::BTreeMap;

pub(crate) fn hex(value: u64) -> String {
    format!("{value:#x}")
}

/// Features, handler, geometry and schedule of a scenario.
#[derive(Serialize)]
pub(crate) struct Setting {
    features: Vec<&'static str>,
    /// Differences of the kernel from v6.12; none where runs have different ones.
    kernel: Option<String>,
    handler: String,
    geometry: &'static str,
    /// The reading of the manual under which translations are dropped.
    reading: &'static str,
    inject: String,
}

impl Setting {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let config = &scenario.config;
        Self {
            features: config.features.iter().map(|feature| feature.name()).collect(),
            kernel: Some(config.kernel.to_string()),
            handler: config.handler.to_string(),
            geometry: config.geometry.name(),
            reading: config.geometry.reading_name(),
            inject: scenario.schedule.to_string(),
        }
    }

    /// What the runs of a comparison have in common, which the first one has.
    pub(crate) fn of_all(runs: &[&Trace]) -> Self {
        let Some(first) = runs.first() else { return Self::new(&Scenario::default()) };
        let kernel = first.scenario.config.kernel;
        let is_one = runs.iter().all(|run| run.scenario.config.kernel == kernel);
        Self { kernel: is_one.then(|| kernel.to_string()), ..Self::new(&first.scenario) }
    }
}

/// One run.
#[derive(Serialize)]
pub(crate) struct Run {
    form: &'static str,
    /// Differences of the kernel from v6.12.
    kernel: String,
    /// Notes about a person's own text.
    notes: Vec<diagnostic::Report>,
    steps: usize,
    end: EndOfRun,
    /// Where it goes to code of a tree that nothing here has.
    #[serde(skip_serializing_if = "Option::is_none")]
    unmodelled: Option<String>,
    unfired: Vec<Missed>,
    /// The promises that the run was judged by: those in `broken` broke, the others held.
    judged: Vec<&'static str>,
    /// The first breakage of each invariant.
    broken: Vec<BrokenReport>,
    counters: BTreeMap<&'static str, u64>,
    /// None if the TLB model is no processor.
    cost: Option<Cost>,
}

/// The cost of a run in cycles, as published ranges.
#[derive(Serialize)]
struct Cost {
    processor: &'static str,
    cycles: [u64; 2],
    parts: Vec<Item>,
    /// What the run uses and the processor does not have, in words.
    warnings: Vec<String>,
}

/// A part of the cost; without cycles if no figure is published.
#[derive(Serialize)]
struct Item {
    part: &'static str,
    count: u64,
    cycles: Option<[u64; 2]>,
}

/// A published range of cycles.
#[derive(Serialize)]
pub(crate) struct Figure {
    cycles: [u64; 2],
    source: &'static str,
    doubt: &'static str,
}

fn range(cycles: Cycles) -> [u64; 2] {
    [cycles.low, cycles.high]
}

impl Figure {
    pub(crate) fn new(figure: &cost::Figure) -> Self {
        Self { cycles: range(figure.cycles), source: figure.source, doubt: figure.doubt }
    }
}

impl Cost {
    fn new(trace: &Trace) -> Option<Self> {
        let profile = cost::profile(trace.scenario.config.geometry)?;
        let priced = cost::cost(&trace.counters, profile);
        let item =
            |item: &cost::Item| Item { part: item.part.name(), count: item.count, cycles: item.cycles.map(range) };
        let parts = priced.items.iter().map(item).collect();
        let lacks = cost::lacks(trace.scenario.config.features, profile);
        let warnings = lacks.map(|lack| lack.to_string()).collect();
        Some(Self { processor: profile.hierarchy.name, cycles: range(priced.total()), parts, warnings })
    }
}

impl Run {
    pub(crate) fn new(trace: &Trace) -> Self {
        Self {
            form: trace.scenario.config.form.name(),
            kernel: trace.scenario.config.kernel.to_string(),
            notes: diagnostic::Report::all(&trace.system.notes, &trace.system.sources),
            steps: trace.steps.len(),
            end: EndOfRun::new(trace),
            unmodelled: trace.goes_beyond(),
            unfired: trace.unfired.iter().map(Missed::new).collect(),
            judged: findings::judged(),
            broken: findings::report(trace),
            counters: counters(&trace.counters),
            cost: Cost::new(trace),
        }
    }
}

pub(crate) fn counters(counters: &Counters) -> BTreeMap<&'static str, u64> {
    counters.iter().map(|(counter, value)| (counter.name(), value)).collect()
}

/// `kind` is `finished`, `task_killed`, `kernel_panic`, `halted`, `shutdown` or `budget`.
#[derive(Serialize)]
struct EndOfRun {
    kind: &'static str,
    /// For a shutdown: the interrupted instruction.
    rip: Option<String>,
    /// For a shutdown: the faults, first cause first.
    chain: Vec<String>,
}

impl EndOfRun {
    fn new(trace: &Trace) -> Self {
        let kind = trace.ending().name();
        match &trace.end {
            End::Halted | End::Budget { .. } => Self { kind, rip: None, chain: Vec::new() },
            End::Shutdown { rip, chain } => {
                let chain = chain.iter().map(|fault| format!("{}: {}", fault.exception.name(), fault.cause)).collect();
                Self { kind, rip: Some(hex(*rip)), chain }
            }
        }
    }
}

#[derive(Serialize)]
struct Missed {
    index: usize,
    injection: String,
    reason: String,
}

impl Missed {
    fn new(unfired: &Unfired) -> Self {
        Self { index: unfired.index, injection: unfired.injection.to_string(), reason: unfired.reason.to_string() }
    }
}
