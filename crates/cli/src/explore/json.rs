//! The answer as JSON.

use super::Searched;
use super::costs::{are_complete, counted, difference, is_known, no_differences, total, worst};
use super::extent::in_words;
use super::random::Random;
use super::text::command;
use super::why::Without;
use crate::diagnostic;
use cr3_core::counters::Counter;
use cr3_core::explore::{Assumption, Counts, Method, Obstacle, Reach, Setting, Shorter, Standing, Violation};
use cr3_core::linux::{self, Form};
use serde::Serialize;
use std::collections::BTreeMap;

/// Grows when a field changes its meaning or goes away.
pub(super) const VERSION: u32 = 5;

#[derive(Serialize)]
pub(super) struct Answer {
    version: u32,
    /// Of `cr3play`.
    program: &'static str,
    #[serde(flatten)]
    search: Search,
    /// What to know of a person's own text.
    notes: Vec<diagnostic::Report>,
    /// The same of the form that it is compared with.
    against: Option<Search>,
    /// How much more the other form counts, counter by counter; null if that cannot be compared.
    differences: Option<BTreeMap<&'static str, i64>>,
    /// Why the counters of the two forms cannot be compared.
    no_differences: Option<String>,
    /// The outcome of the search without each assumption alone; null if nobody asked, or if it does not hold with all of them.
    without: Option<Vec<Need>>,
}

#[derive(Serialize)]
struct Search {
    form: &'static str,
    /// Of form `custom`.
    text: Option<String>,
    /// What the text is in, if it is not the built-in one.
    tree: Option<Tree>,
    /// Differences of the kernel from v6.12.
    kernel: String,
    verdict: &'static str,
    /// The depth up to which every schedule was covered, or `any`.
    depth: Reached,
    /// The depth that was asked for, or `any`; null for random schedules.
    depth_asked: Option<Reached>,
    /// The random schedules that were asked for, all shares together.
    random: Option<Drawn>,
    vectors: Vec<&'static str>,
    /// `1/4`, for example.
    shard: Option<String>,
    choices: u64,
    refused: u64,
    excluded: BTreeMap<&'static str, u64>,
    /// Schedules that were looked at one by one.
    schedules: u64,
    /// Of random schedules, the exceptions that struck; null otherwise.
    strikes: Option<u64>,
    /// Those of `schedules` that break a promise; null if what breaks is none of them.
    breaking: Option<u64>,
    /// Boundaries at which the vectors were weighed; null for random schedules.
    contexts: Option<u64>,
    /// The same for each number of exceptions, from 1; empty for random schedules.
    depths: Vec<Depth>,
    /// The choices in the runs that stand for all, if `depth` is `any`; what is above counts single exceptions.
    at_any_depth: Option<Weighed>,
    /// What ended the search early, and the first system on which that was so.
    obstacle: Option<Hindrance>,
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

/// A kernel tree.
#[derive(Serialize)]
struct Tree {
    release: String,
    /// Over the files that its entry text has.
    sum: String,
}

impl Tree {
    fn new(tree: &linux::Tree) -> Self {
        Self { release: tree.release().to_string(), sum: linux::TreeId::of(tree.files()).to_string() }
    }
}

/// The outcome of a search that holds without one of its assumptions.
#[derive(Serialize)]
struct Need {
    id: &'static str,
    /// Of the search without it. `breaks`: the verdict needs it.
    verdict: &'static str,
    /// Choices that it excludes in the search that holds.
    excluded: u64,
}

#[derive(Serialize)]
struct Drawn {
    schedules: u64,
    seed: u64,
}

#[derive(Serialize)]
struct Depth {
    choices: u64,
    refused: u64,
    excluded: BTreeMap<&'static str, u64>,
    schedules: u64,
    breaking: u64,
}

#[derive(Serialize)]
struct Weighed {
    choices: u64,
    refused: u64,
    excluded: BTreeMap<&'static str, u64>,
    strikes: u64,
}

impl Weighed {
    fn new(counts: &Counts) -> Self {
        Self {
            choices: counts.choices(),
            refused: counts.refused,
            excluded: excluded(counts),
            strikes: counts.schedules,
        }
    }
}

#[derive(Serialize)]
struct Hindrance {
    features: String,
    handler: String,
    #[serde(flatten)]
    early: Early,
}

impl Hindrance {
    fn new((config, obstacle): &(linux::Config, Obstacle)) -> Self {
        Self { features: config.features.to_string(), handler: config.handler.to_string(), early: Early::new(obstacle) }
    }
}

/// Why a search ended early.
#[derive(Serialize)]
struct Early {
    /// `stopped`, `states`, `memory`, `steps`, `handler`, `processor`, `marks` or `mistake`.
    reason: &'static str,
    /// In words.
    what: String,
}

impl Early {
    fn new(obstacle: &Obstacle) -> Self {
        Self { reason: obstacle.name(), what: in_words(obstacle) }
    }
}

/// Choices that assumptions excluded, by id; those that keep a handler out exclude none.
fn excluded(counts: &Counts) -> BTreeMap<&'static str, u64> {
    let each = Assumption::ALL.into_iter().filter(|assumption| assumption.handler().is_none());
    each.map(|assumption| (assumption.id(), counts.excluded(assumption))).collect()
}

impl Depth {
    fn new(counts: &Counts) -> Self {
        Self {
            choices: counts.choices(),
            refused: counts.refused,
            excluded: excluded(counts),
            schedules: counts.schedules,
            breaking: counts.breaking,
        }
    }
}

#[derive(Serialize)]
#[serde(untagged)]
enum Reached {
    UpTo(u32),
    Any(&'static str),
}

impl Reached {
    fn new(reach: Reach) -> Self {
        match reach {
            Reach::Depth(depth) => Self::UpTo(depth),
            Reach::Any => Self::Any("any"),
        }
    }
}

#[derive(Serialize)]
struct System {
    features: String,
    handler: String,
    /// Of this system alone.
    verdict: &'static str,
    /// The depth up to which every schedule of this system was covered, or `any`.
    depth: Reached,
    /// What ended the search of this system early.
    obstacle: Option<Early>,
    schedules: u64,
    strikes: Option<u64>,
    breaking: Option<u64>,
    /// For each number of exceptions, from 1; empty for random schedules.
    depths: Vec<Depth>,
    /// Whether nothing struck where it matters; null if single exceptions are not complete.
    empty: Option<bool>,
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
    /// Whether no schedule of fewer exceptions breaks a promise; `minimal` says that none of as many takes fewer steps either.
    fewest_exceptions: bool,
    /// Where its run goes to code of a person's tree or entry text that nothing here has before it breaks the promise.
    #[serde(skip_serializing_if = "Option::is_none")]
    unmodelled: Option<String>,
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
    /// `own` are the systems of a person's own texts.
    pub(super) fn new(
        searched: &Searched,
        against: Option<&Searched>,
        why: Option<&[Without]>,
        own: &[linux::System],
    ) -> Self {
        Self {
            version: VERSION,
            program: env!("CARGO_PKG_VERSION"),
            without: why.map(|why| why.iter().map(Need::new).collect()),
            search: Search::new(searched),
            notes: own.iter().flat_map(|own| diagnostic::Report::of_system(Some(own))).collect(),
            against: against.map(Search::new),
            differences: against.and_then(|against| differences(searched, against)),
            no_differences: against.and_then(|against| no_differences(searched, against)),
        }
    }
}

impl Need {
    fn new(without: &Without) -> Self {
        let Without { assumption, verdict, excluded } = without;
        Self { id: assumption.id(), verdict: verdict.name(), excluded: *excluded }
    }
}

impl Search {
    fn new(searched: &Searched) -> Self {
        let Searched { query, report, command, random, .. } = searched;
        let counts = &report.counts;
        let config = query.configs.first();
        let own = config.filter(|config| config.form == Form::Custom);
        Self {
            form: config.map_or("", |config| config.form.name()),
            text: own.map(|config| config.custom.to_string()),
            tree: own.and_then(|config| config.base.tree()).map(|tree| Tree::new(tree)),
            kernel: config.map_or_else(String::new, |config| config.kernel.to_string()),
            verdict: report.verdict.name(),
            depth: Reached::new(report.reach),
            depth_asked: random.is_none().then_some(match query.method {
                Method::Summaries => Reached::Any("any"),
                Method::Plain | Method::CutOff => Reached::UpTo(query.depth),
            }),
            random: random.map(|random| Drawn { schedules: random.schedules, seed: random.seed }),
            vectors: query.vectors.iter().map(|vector| vector.name()).collect(),
            shard: query.shard.map(|shard| shard.to_string()),
            choices: counts.choices(),
            refused: counts.refused,
            excluded: excluded(counts),
            schedules: random.map_or(counts.schedules, |_| report.work.runs),
            strikes: random.map(|_| counts.schedules),
            breaking: report.breaking(),
            contexts: random.is_none().then(|| counts.choices() / query.vectors.len().max(1) as u64),
            depths: depths(&report.depths, random.as_ref()),
            at_any_depth: report.at_any_depth.as_ref().map(Weighed::new),
            obstacle: report.obstacle.as_ref().map(Hindrance::new),
            systems: report.settings.iter().map(|setting| System::new(setting, random.as_ref())).collect(),
            assumptions: assumptions(Some(searched)),
            schedules_counted: counted(report),
            counters: are_complete(searched).then(|| counters(searched)),
            violations: report
                .violations
                .iter()
                .zip(&searched.unmodelled)
                .map(|(violation, unmodelled)| Broken::new(searched, violation, unmodelled.clone()))
                .collect(),
            unconfirmed: report.unconfirmed.clone(),
            work: Work {
                method: match (random, query.method) {
                    (Some(_), _) => "random",
                    (None, Method::Plain) => "plain",
                    (None, Method::CutOff) => "cut-off",
                    (None, Method::Summaries) => "summaries",
                },
                steps: report.work.steps,
                runs: report.work.runs,
                cut: report.work.cut,
            },
            command: command.clone(),
        }
    }
}

/// Of random schedules there are no depths.
fn depths(counts: &[Counts], random: Option<&Random>) -> Vec<Depth> {
    let counts = if random.is_some() { &[] } else { counts };
    counts.iter().map(Depth::new).collect()
}

impl System {
    fn new(setting: &Setting, random: Option<&Random>) -> Self {
        let schedules = setting.counts.schedules;
        Self {
            features: setting.config.features.to_string(),
            handler: setting.config.handler.to_string(),
            verdict: setting.verdict.name(),
            depth: Reached::new(setting.reach),
            obstacle: setting.obstacle.as_ref().map(Early::new),
            schedules: random.map_or(schedules, |_| setting.work.runs),
            strikes: random.map(|_| schedules),
            breaking: setting.breaking(),
            depths: depths(&setting.depths, random),
            empty: (setting.reach >= Reach::Depth(1)).then(|| setting.is_empty()),
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
    fn new(searched: &Searched, violation: &Violation, unmodelled: Option<String>) -> Self {
        Self {
            promise: violation.broken.invariant(),
            message: violation.broken.to_string(),
            features: violation.config.features.to_string(),
            handler: violation.config.handler.to_string(),
            schedule: violation.schedule.to_string(),
            step: violation.step(),
            minimal: violation.shorter == Shorter::None,
            fewest_exceptions: violation.shorter != Shorter::Unknown,
            unmodelled,
            command: command(searched, violation),
        }
    }
}
