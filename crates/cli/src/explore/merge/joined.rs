//! What all shares say together.

use super::share::{by_system, verdict};
use super::value::{list, number, only, sum, word};
use cr3_core::explore::Verdict;
use cr3_core::scenario::Schedule;
use serde::Serialize;
use serde_json::{Map, Value};

/// The verdict of all shares on one form, and what can be added up of what they say.
#[derive(Serialize)]
pub(super) struct Joined {
    pub(super) form: Value,
    text: Value,
    pub(super) tree: Value,
    kernel: Value,
    #[serde(skip)]
    pub(super) said: Verdict,
    verdict: &'static str,
    pub(super) depth: u64,
    pub(super) depth_asked: Value,
    pub(super) random: Value,
    pub(super) vectors: Value,
    #[serde(flatten)]
    pub(super) counts: Counts,
    /// Boundaries at which the vectors were weighed; null for random schedules.
    contexts: Option<u64>,
    depths: Vec<Value>,
    /// That of the first share that has one.
    obstacle: Value,
    pub(super) systems: Vec<System>,
    pub(super) assumptions: Value,
    /// These and the counters are those of single exceptions, which each share has searched whole.
    schedules_counted: Value,
    counters: Value,
    pub(super) violations: Vec<Value>,
    pub(super) unconfirmed: Vec<Value>,
    work: Work,
    /// Of the whole search, without shares.
    pub(super) command: String,
}

/// Each schedule counts once.
#[derive(Serialize)]
pub(super) struct Counts {
    pub(super) choices: u64,
    pub(super) refused: u64,
    pub(super) excluded: Map<String, Value>,
    pub(super) schedules: u64,
    pub(super) strikes: Option<u64>,
    pub(super) breaking: Option<u64>,
}

/// What the shares say of one system.
#[derive(Serialize)]
pub(super) struct System {
    pub(super) features: Value,
    pub(super) handler: Value,
    verdict: &'static str,
    depth: u64,
    obstacle: Value,
    schedules: u64,
    strikes: Option<u64>,
    breaking: Option<u64>,
    depths: Vec<Value>,
    pub(super) empty: Option<bool>,
}

/// What all shares did together. What is less deep than the last depth each of them searched.
#[derive(Serialize)]
struct Work {
    method: Value,
    steps: u64,
    runs: u64,
    cut: u64,
}

impl Joined {
    /// Joins what complete shares say of a form.
    pub(super) fn new(answers: &[&Value]) -> Self {
        let first = answers.first().copied().unwrap_or(&Value::Null);
        let last = first["depth_asked"].as_u64();
        let depths = depths(answers, last);
        let violations = violations(answers);
        let counts = Counts::new(answers, &depths, last, !violations.is_empty());
        let systems: Vec<_> = by_system(answers).iter().map(|shares| System::new(shares, last)).collect();
        let single = searched_singly(answers);
        let said = joined(answers, systems.iter().any(|system| system.empty == Some(true)));
        Self {
            form: first["form"].clone(),
            text: first["text"].clone(),
            tree: first["tree"].clone(),
            kernel: first["kernel"].clone(),
            said,
            verdict: said.name(),
            depth: least(answers),
            depth_asked: first["depth_asked"].clone(),
            random: first["random"].clone(),
            vectors: first["vectors"].clone(),
            contexts: last.map(|_| counts.choices / (list(&first["vectors"]).len() as u64).max(1)),
            counts,
            depths,
            obstacle: first_obstacle(answers),
            systems,
            assumptions: first["assumptions"].clone(),
            schedules_counted: single["schedules_counted"].clone(),
            counters: single["counters"].clone(),
            violations,
            unconfirmed: answers.iter().flat_map(|answer| list(&answer["unconfirmed"])).cloned().collect(),
            work: Work::new(answers),
            command: whole_command(first),
        }
    }
}

impl Counts {
    /// Of depths, or of random schedules, which have none and of which each is in one share. `fails` if something breaks.
    fn new(answers: &[&Value], depths: &[Value], last: Option<u64>, fails: bool) -> Self {
        let fields = ["choices", "refused", "excluded", "schedules", "strikes", "breaking"];
        let drawn = answers.iter().filter(|_| last.is_none()).map(|answer| only(answer, &fields));
        let whole = sum(depths.iter().cloned().chain(drawn));
        let breaking = number(&whole["breaking"]);
        Self {
            choices: number(&whole["choices"]),
            refused: number(&whole["refused"]),
            excluded: whole["excluded"].as_object().cloned().unwrap_or_default(),
            schedules: number(&whole["schedules"]),
            strikes: whole["strikes"].as_u64(),
            breaking: (!fails || breaking != 0).then_some(breaking),
        }
    }
}

impl System {
    /// `shares` are what the shares say of it, `last` the depth that was asked for.
    fn new(shares: &[&Value], last: Option<u64>) -> Self {
        let first = shares.first().copied().unwrap_or(&Value::Null);
        let depths = depths(shares, last);
        let empty = shares.iter().map(|share| share["empty"].as_bool()).collect::<Option<Vec<_>>>();
        let empty = empty.map(|empty| empty.iter().all(|is_empty| *is_empty));
        let verdict = joined(shares, empty == Some(true));
        let fails = shares.iter().any(|share| share["breaking"] != 0);
        let Counts { schedules, strikes, breaking, .. } = Counts::new(shares, &depths, last, fails);
        Self {
            features: first["features"].clone(),
            handler: first["handler"].clone(),
            verdict: verdict.name(),
            depth: least(shares),
            obstacle: first_obstacle(shares),
            schedules,
            strikes,
            breaking,
            depths,
            empty,
        }
    }
}

impl Work {
    fn new(answers: &[&Value]) -> Self {
        let all = |field: &str| answers.iter().map(|answer| number(&answer["work"][field])).sum();
        let method = answers.first().map_or(Value::Null, |first| first["work"]["method"].clone());
        Self { method, steps: all("steps"), runs: all("runs"), cut: all("cut") }
    }
}

/// What the shares say together. What struck in one of them has struck.
fn joined(answers: &[&Value], is_empty: bool) -> Verdict {
    let any = |said: Verdict| answers.iter().any(|answer| verdict(answer).unwrap_or(Verdict::NotFinished) == said);
    match () {
        () if any(Verdict::Breaks) => Verdict::Breaks,
        () if any(Verdict::NotFinished) => Verdict::NotFinished,
        () if is_empty => Verdict::Empty,
        () => Verdict::Holds,
    }
}

/// The depth that is complete in all.
fn least(answers: &[&Value]) -> u64 {
    answers.iter().map(|answer| number(&answer["depth"])).min().unwrap_or(0)
}

/// The counts of each depth. The schedules of the last one, if that is more than 1, are dealt out. What is less deep each share has searched
/// whole: that of the share that saw most of it counts.
fn depths(answers: &[&Value], last: Option<u64>) -> Vec<Value> {
    let deepest = answers.iter().map(|answer| list(&answer["depths"]).len()).max().unwrap_or(0);
    let of = |depth: usize| {
        let counts = answers.iter().filter_map(|answer| list(&answer["depths"]).get(depth)).cloned();
        match last.is_some_and(|last| last > 1 && depth as u64 + 1 == last) {
            true => sum(counts),
            false => counts.max_by_key(|counts| number(&counts["choices"])).unwrap_or_default(),
        }
    };
    (0..deepest).map(of).collect()
}

fn first_obstacle(answers: &[&Value]) -> Value {
    answers.iter().map(|answer| &answer["obstacle"]).find(|met| !met.is_null()).cloned().unwrap_or_default()
}

/// A share in which single exceptions are complete, or the first.
pub(super) fn searched_singly<'a>(answers: &[&'a Value]) -> &'a Value {
    let single = answers.iter().find(|answer| !answer["counters"].is_null());
    single.or(answers.first()).copied().unwrap_or(&Value::Null)
}

/// Those that stay in the model first, then fewest exceptions, then fewest steps.
fn order(violation: &Value) -> (bool, usize, u64) {
    (is_beyond(violation), strikes(violation), number(&violation["step"]))
}

/// The exceptions of a counterexample.
pub(super) fn strikes(violation: &Value) -> usize {
    let schedule: Option<Schedule> = violation["schedule"].as_str().and_then(|text| text.parse().ok());
    schedule.map_or(usize::MAX, |schedule| schedule.injections.len())
}

/// Whether its run enters code that is not modelled before it breaks the promise.
pub(super) fn is_beyond(violation: &Value) -> bool {
    !violation["unmodelled"].is_null()
}

/// The best for each promise.
fn violations(answers: &[&Value]) -> Vec<Value> {
    let mut all: Vec<_> = answers.iter().flat_map(|answer| list(&answer["violations"])).collect();
    all.sort_by_key(|violation| order(violation));
    let mut best: Vec<Value> = Vec::new();
    for violation in all {
        if best.iter().all(|other| other["promise"] != violation["promise"]) {
            best.push(violation.clone());
        }
    }
    best
}

/// The command of a share, without the share, which it names last.
fn whole_command(share: &Value) -> String {
    let command = word(&share["command"]);
    command.strip_suffix(&format!(" --shard {}", word(&share["shard"]))).unwrap_or(command).to_owned()
}
