//! Queries in a line, and reports in a few.

use cr3_core::explore::{Assumption, Assumptions, Explorer, Method, Progress, Query, Report, Shard, Shorter};
use cr3_core::linux::{Config, Form};
use cr3_core::scenario::{Scenario, Vector};
use std::fmt::Write;
use std::time::{Duration, Instant};

pub(crate) const THREE: [Vector; 3] = [Vector::Nmi, Vector::Debug, Vector::MachineCheck];
pub(crate) const FIVE: [Vector; 5] =
    [Vector::Nmi, Vector::Debug, Vector::MachineCheck, Vector::VmmCommunication, Vector::DoubleFault];

/// A configuration as scenarios write it, such as `form=E handler=perf`.
pub(crate) fn config(text: &str) -> Config {
    text.parse::<Scenario>().unwrap_or_else(|wrong| panic!("{text}: {wrong}")).config
}

pub(crate) fn query(configs: Vec<Config>) -> Query {
    Query {
        configs,
        vectors: THREE.to_vec(),
        depth: 1,
        assumed: Assumptions::default(),
        method: Method::CutOff,
        max_runs: None,
        shard: None,
    }
}

/// Schedules of two exceptions of which the first strikes at one of the boundaries whose number leaves `index` when divided by `of`.
pub(crate) fn two_deep(config: Config, index: u32, of: u32) -> Query {
    Query { depth: 2, shard: Shard::new(index + 1, of), ..query(vec![config]) }
}

pub(crate) fn explore(query: Query) -> Report {
    let mut explorer = Explorer::new(query).unwrap_or_else(|diagnostics| panic!("{diagnostics:#?}"));
    while explorer.work(1_000_000) == Progress::More {}
    explorer.report()
}

/// A text of testdata/explore.
pub(crate) fn custom(name: &str) -> Config {
    let path = format!("{}/../../testdata/explore/{name}.S", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    Config { form: Form::Custom, custom: text.into(), ..Config::default() }
}

/// The verdict, and each counterexample in a line.
pub(crate) fn told(report: &Report) -> String {
    assert_eq!(report.unconfirmed, [""; 0]);
    let mut text = format!("{} at depth {}\n", report.verdict.name(), report.depth);
    for violation in &report.violations {
        let minimal = match violation.shorter {
            Shorter::None => ", minimal",
            Shorter::OnlyInSteps => ", of fewest",
            Shorter::Unknown => "",
        };
        let (promise, schedule) = (violation.broken.invariant(), &violation.schedule);
        let _ = writeln!(text, "  {promise}: {schedule}{minimal}");
    }
    text
}

/// What was excluded, by id.
pub(crate) fn excluded(report: &Report) -> Vec<(&'static str, u64)> {
    let all = Assumption::ALL.into_iter().map(|assumption| (assumption.id(), report.excluded(assumption)));
    all.filter(|(_, count)| *count != 0).collect()
}

/// How much of what takes long is done. A fixed part, unless `CR3_EXPLORER_SECONDS` says for how long; `CR3_EXPLORER_SEED` says where it
/// begins.
#[derive(Clone, Copy)]
pub(crate) struct Extent {
    pub(crate) seed: u64,
    pub(crate) time: Option<Duration>,
}

impl Extent {
    pub(crate) fn asked_for() -> Self {
        let number = |name: &str| {
            let text = std::env::var(name).ok()?;
            Some(text.parse::<u64>().unwrap_or_else(|_| panic!("{name}={text} is not a number")))
        };
        let time = number("CR3_EXPLORER_SECONDS").map(Duration::from_secs);
        Self { seed: number("CR3_EXPLORER_SEED").unwrap_or(1), time }
    }

    /// Each of several parts gets so much of the time.
    pub(crate) fn shared_by(self, parts: u32) -> Self {
        Self { time: self.time.map(|time| time / parts), ..self }
    }

    /// Whether to go on after so much of the fixed part.
    pub(crate) fn goes_on(self, begun: Instant, done: u32, usual: u32) -> bool {
        self.time.map_or(done < usual, |time| begun.elapsed() < time)
    }

    /// The numbers below `count`, each once and far from the one before.
    pub(crate) fn scattered(self, count: u32) -> impl Iterator<Item = u32> {
        let stride = (613..).find(|stride| greatest_common_divisor(*stride, count) == 1).map_or(1, u64::from);
        let at =
            move |number: u32| ((self.seed % u64::from(count) + u64::from(number) * stride) % u64::from(count)) as u32;
        (0..count).map(at)
    }
}

fn greatest_common_divisor(one: u32, other: u32) -> u32 {
    if other == 0 { one } else { greatest_common_divisor(other, one % other) }
}
