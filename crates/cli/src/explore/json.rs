//! The answer as JSON.

use super::Searched;
use super::arguments::ExploreArguments;
use super::costs::{are_complete, counted, difference, is_known, no_differences, total, worst};
use super::text::{command, run_judges};
use crate::diagnostic;
use cr3_core::counters::Counter;
use cr3_core::explore::{Assumption, Method, Standing, Violation};
use cr3_core::linux;
use serde::Serialize;
use std::collections::BTreeMap;

/// Grows when a field changes its meaning or goes away.
const VERSION: u32 = 2;

#[derive(Serialize)]
pub(super) struct Answer {
    version: u32,
    #[serde(flatten)]
    search: Search,
    /// What to know of a person's own text.
    notes: Vec<diagnostic::Report>,
    /// The same of the form that it is held against.
    against: Option<Search>,
    /// How much more the other form counts, counter by counter; null if that cannot be compared.
    differences: Option<BTreeMap<&'static str, i64>>,
    /// Why the counters of the two forms cannot be compared.
    no_differences: Option<String>,
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
    /// Schedules that the counters sum: those of one exception that break nothing.
    schedules_counted: u64,
    /// Their counters; null if depth 1 is not complete.
    counters: Option<BTreeMap<&'static str, Counted>>,
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
    /// In words, for a search.
    state: Option<String>,
}

#[derive(Serialize)]
struct Counted {
    total: u64,
    most: u64,
    schedule: Option<String>,
    /// Those of the system on which that schedule runs.
    features: Option<String>,
    handler: Option<String>,
}

#[derive(Serialize)]
struct Broken {
    promise: &'static str,
    message: String,
    features: String,
    handler: String,
    schedule: String,
    /// At which it breaks, counted from 1.
    step: u32,
    minimal: bool,
    /// Whether `run` judges this promise.
    run_judges: bool,
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
    let standing = |assumption| searched.map(|searched| searched.query.standing(assumption));
    let assumed = |assumption: Assumption| Assumed {
        id: assumption.id(),
        sentence: assumption.sentence(),
        source: assumption.source(),
        off: assumption.off(),
        assumed: standing(assumption).is_none_or(Standing::is_assumed),
        state: standing(assumption).map(|standing| standing.to_string()),
    };
    Assumption::ALL.into_iter().map(assumed).collect()
}

impl Answer {
    /// `own` is the system of a person's own text.
    pub(super) fn new(
        arguments: &ExploreArguments,
        searched: &Searched,
        against: Option<&Searched>,
        own: Option<&linux::System>,
    ) -> Self {
        Self {
            version: VERSION,
            search: Search::new(arguments, searched),
            notes: own.map_or_else(Vec::new, |own| diagnostic::Report::all(&own.notes, &own.sources)),
            against: against.map(|against| Search::new(arguments, against)),
            differences: against.and_then(|against| differences(searched, against)),
            no_differences: against.and_then(|against| no_differences(searched, against)),
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
            schedules_counted: counted(report),
            counters: are_complete(searched).then(|| counters(searched)),
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

fn known(method: Method) -> impl Iterator<Item = Counter> {
    Counter::ALL.iter().copied().filter(move |counter| is_known(method, *counter))
}

fn counters(searched: &Searched) -> BTreeMap<&'static str, Counted> {
    known(searched.query.method).map(|counter| (counter.name(), Counted::new(searched, counter))).collect()
}

fn differences(searched: &Searched, against: &Searched) -> Option<BTreeMap<&'static str, i64>> {
    let more = |counter| difference(total(&searched.report, counter), total(&against.report, counter));
    let all = || known(searched.query.method).map(|counter| (counter.name(), more(counter))).collect();
    no_differences(searched, against).is_none().then(all)
}

impl Counted {
    fn new(searched: &Searched, counter: Counter) -> Self {
        let worst = worst(&searched.report, counter);
        Self {
            total: total(&searched.report, counter),
            most: worst.as_ref().map_or(0, |worst| worst.most),
            features: worst.as_ref().map(|worst| worst.config.features.to_string()),
            handler: worst.as_ref().map(|worst| worst.config.handler.to_string()),
            schedule: worst.map(|worst| worst.schedule),
        }
    }
}

impl Broken {
    fn new(arguments: &ExploreArguments, violation: &Violation) -> Self {
        Self {
            promise: violation.broken.invariant(),
            message: violation.broken.to_string(),
            features: violation.config.features.to_string(),
            handler: violation.config.handler.to_string(),
            schedule: violation.schedule.to_string(),
            step: violation.step(),
            minimal: violation.is_minimal,
            run_judges: run_judges(&violation.broken),
            command: command(arguments, violation),
        }
    }
}
