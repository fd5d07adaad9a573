//! The answer as JSON.

use super::Searched;
use super::arguments::ExploreArguments;
use super::text::{command, total, worst};
use cr3_core::counters::Counter;
use cr3_core::explore::{Assumption, Method, Report, Violation, follows_instructions};
use serde::Serialize;
use std::collections::BTreeMap;

/// Grows when a field changes its meaning or goes away.
const VERSION: u32 = 1;

#[derive(Serialize)]
pub(super) struct Answer {
    version: u32,
    #[serde(flatten)]
    search: Search,
    /// The same of the form that it is held against.
    against: Option<Search>,
}

#[derive(Serialize)]
struct Search {
    form: &'static str,
    verdict: &'static str,
    /// The depth up to which every schedule was covered.
    depth: u32,
    vectors: Vec<&'static str>,
    /// `1/4`, for example.
    shard: Option<String>,
    choices: u64,
    refused: u64,
    excluded: BTreeMap<&'static str, u64>,
    schedules: u64,
    /// Schedules that break a promise.
    breaking: u64,
    /// Boundaries at which the vectors were weighed.
    contexts: u64,
    systems: Vec<System>,
    assumptions: Vec<Assumed>,
    /// Of all schedules of one exception that break nothing.
    counters: BTreeMap<&'static str, Counted>,
    violations: Vec<Broken>,
    /// What the runner does not confirm: mistakes of the explorer.
    unconfirmed: Vec<String>,
    work: Work,
    command: String,
}

#[derive(Serialize)]
struct System {
    features: String,
    handler: String,
    schedules: u64,
    breaking: u64,
    /// Nothing struck where it matters.
    empty: bool,
}

#[derive(Serialize)]
pub(super) struct Assumed {
    id: &'static str,
    sentence: &'static str,
    source: &'static str,
    off: &'static str,
    assumed: bool,
}

#[derive(Serialize)]
struct Counted {
    total: u64,
    most: u64,
    schedule: Option<String>,
}

#[derive(Serialize)]
struct Broken {
    promise: &'static str,
    message: String,
    features: String,
    handler: String,
    schedule: String,
    steps: u32,
    minimal: bool,
    command: String,
}

/// Depends on the method, and on nothing else.
#[derive(Serialize)]
struct Work {
    method: &'static str,
    steps: u64,
    runs: u64,
    cut: u64,
}

/// All assumptions, with whether a search makes them.
pub(super) fn assumptions(searched: Option<&Searched>) -> Vec<Assumed> {
    let assumed = |assumption: Assumption| Assumed {
        id: assumption.id(),
        sentence: assumption.sentence(),
        source: assumption.source(),
        off: assumption.off(),
        assumed: searched.is_none_or(|searched| searched.query.assumed.holds(assumption)),
    };
    Assumption::ALL.into_iter().map(assumed).collect()
}

impl Answer {
    pub(super) fn new(arguments: &ExploreArguments, searched: &Searched, against: Option<&Searched>) -> Self {
        Self {
            version: VERSION,
            search: Search::new(arguments, searched),
            against: against.map(|against| Search::new(arguments, against)),
        }
    }
}

impl Search {
    fn new(arguments: &ExploreArguments, searched: &Searched) -> Self {
        let Searched { query, report, command } = searched;
        let counts = &report.counts;
        let excluded = Assumption::ALL.into_iter().filter(|assumption| assumption.handler().is_none());
        Self {
            form: query.configs.first().map_or("", |config| config.form.name()),
            verdict: report.verdict.name(),
            depth: report.depth,
            vectors: query.vectors.iter().map(|vector| vector.name()).collect(),
            shard: query.shard.map(|shard| shard.to_string()),
            choices: counts.choices(),
            refused: counts.refused,
            excluded: excluded.map(|assumption| (assumption.id(), counts.excluded(assumption))).collect(),
            schedules: counts.schedules,
            breaking: counts.breaking,
            contexts: counts.choices() / query.vectors.len().max(1) as u64,
            systems: report.settings.iter().map(System::new).collect(),
            assumptions: assumptions(Some(searched)),
            counters: counters(report, query.method),
            violations: report.violations.iter().map(|violation| Broken::new(arguments, violation)).collect(),
            unconfirmed: report.unconfirmed.clone(),
            work: Work {
                method: if query.method == Method::Plain { "plain" } else { "cut-off" },
                steps: report.work.steps,
                runs: report.work.runs,
                cut: report.work.cut,
            },
            command: command.clone(),
        }
    }
}

impl System {
    fn new(setting: &cr3_core::explore::Setting) -> Self {
        Self {
            features: setting.config.features.to_string(),
            handler: setting.config.handler.to_string(),
            schedules: setting.counts.schedules,
            breaking: setting.counts.breaking,
            empty: setting.is_empty(),
        }
    }
}

fn counters(report: &Report, method: Method) -> BTreeMap<&'static str, Counted> {
    let exact = |counter: &&Counter| method == Method::Plain || follows_instructions(**counter);
    let counted = |&counter: &Counter| {
        let (most, schedule) = worst(report, counter).unzip();
        (counter.name(), Counted { total: total(report, counter), most: most.unwrap_or(0), schedule })
    };
    Counter::ALL.iter().filter(exact).map(counted).collect()
}

impl Broken {
    fn new(arguments: &ExploreArguments, violation: &Violation) -> Self {
        Self {
            promise: violation.broken.invariant(),
            message: violation.broken.to_string(),
            features: violation.config.features.to_string(),
            handler: violation.config.handler.to_string(),
            schedule: violation.schedule.to_string(),
            steps: violation.steps,
            minimal: violation.is_minimal,
            command: command(arguments, violation),
        }
    }
}
