//! Queries in a line, and reports in a few.

use cr3_core::explore::{Assumption, Assumptions, Explorer, Method, Progress, Query, Report, Shard};
use cr3_core::linux::{Config, Form};
use cr3_core::scenario::{Scenario, Vector};
use std::fmt::Write;

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
        let minimal = if violation.is_minimal { ", minimal" } else { "" };
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
