//! `cr3play merge`: the shares of one search, joined into one verdict.

use super::exit;
use super::json::VERSION;
use super::text::none_breaks;
use crate::input::read;
use crate::outcome::{WrongUse, print, print_json};
use crate::table::{Align, labelled, table, wrap};
use clap::Args;
use cr3_core::explore::{MAX_SHARES, Verdict};
use cr3_core::scenario::Schedule;
use cr3_session::view::verdict::UNTOLD;
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(crate) struct MergeArguments {
    /// What `explore --shard I/N --json` printed, a file for each share
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

/// What must be the same in all shares.
const QUERY: [&str; 12] = [
    "version",
    "program",
    "form",
    "text",
    "tree",
    "kernel",
    "vectors",
    "depth_asked",
    "random",
    "method",
    "systems",
    "assumptions",
];

/// One share, read.
struct Share {
    file: String,
    answer: Value,
    index: u64,
    of: u64,
}

/// The verdict of all shares together.
#[derive(Serialize)]
struct Merged {
    version: Value,
    program: Value,
    form: Value,
    verdict: &'static str,
    depth: u64,
    depth_asked: Value,
    random: Value,
    text: Value,
    tree: Value,
    kernel: Value,
    systems: Value,
    vectors: Value,
    assumptions: Value,
    shares: u64,
    choices: u64,
    refused: u64,
    excluded: Map<String, Value>,
    schedules: u64,
    strikes: Option<u64>,
    breaking: Option<u64>,
    depths: Vec<Value>,
    violations: Vec<Value>,
    unconfirmed: Vec<Value>,
    /// Of the whole search, without shares.
    command: String,
}

pub(crate) fn merge(arguments: &MergeArguments) -> ExitCode {
    exit(joined(arguments), 3, 2)
}

fn joined(arguments: &MergeArguments) -> Result<Verdict, WrongUse> {
    let shares = arguments.files.iter().map(|file| share(file)).collect::<Result<Vec<_>, _>>()?;
    let shares = complete(shares)?;
    let (verdict, merged) = all(&shares);
    if arguments.json {
        print_json(&merged)?
    } else {
        print(&text(&merged))?
    }
    Ok(verdict)
}

fn share(file: &Path) -> Result<Share, WrongUse> {
    let text = read(file)?;
    let file = file.display().to_string();
    let refuse = |cause: &str| {
        WrongUse::new(format!("{file}: {cause}"), "give what `cr3play explore --shard I/N --json` printed")
    };
    let answer: Value = serde_json::from_str(&text).map_err(|error| refuse(&format!("no JSON: {error}")))?;
    let shard = answer["shard"].as_str().ok_or_else(|| refuse("not a share of a search: it has no `shard`"))?;
    let numbers = shard.split_once('/').and_then(|(index, of)| Some((index.parse().ok()?, of.parse().ok()?)));
    let is_share = |(index, of): &(u64, u64)| (1..=*of).contains(index) && *of <= u64::from(MAX_SHARES);
    let (index, of) = numbers.filter(is_share).ok_or_else(|| refuse(&format!("`shard` is {shard:?} and not I/N")))?;
    if !VERDICTS.iter().any(|verdict| answer["verdict"] == verdict.name()) {
        return Err(refuse("it has no `verdict` that this program knows"));
    }
    if answer["version"] != VERSION || !answer["depths"].is_array() {
        return Err(refuse("it is of another version of this program"));
    }
    Ok(Share { file, answer, index, of })
}

/// A part of what was asked.
fn asked(answer: &Value, field: &str) -> Value {
    let each = |list: &Value, fields: &[&str]| {
        let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
        let one = |item: &Value| fields.iter().map(|field| item[*field].clone()).collect::<Value>();
        list.iter().map(one).collect::<Value>()
    };
    match field {
        "method" => answer["work"]["method"].clone(),
        "systems" => each(&answer["systems"], &["features", "handler"]),
        "assumptions" => each(&answer["assumptions"], &["id", "assumed", "state"]),
        _ => answer[field].clone(),
    }
}

/// The shares in their order, if they are all that there are of one search.
fn complete(mut shares: Vec<Share>) -> Result<Vec<Share>, WrongUse> {
    if let [first, others @ ..] = &shares[..] {
        for other in others {
            alike(first, other)?;
        }
    }
    shares.sort_by_key(|share| share.index);
    let of = shares.first().map_or(0, |share| share.of);
    for pair in shares.windows(2) {
        if let [left, right] = pair
            && left.index == right.index
        {
            let cause = format!("{} and {} are both share {}/{of}", left.file, right.file, left.index);
            return Err(WrongUse::new(cause, "give each share once"));
        }
    }
    let missing: Vec<_> = (1..=of).filter(|index| shares.iter().all(|share| share.index != *index)).collect();
    match missing.as_slice() {
        [] => Ok(shares),
        [index, more @ ..] => {
            let more = if more.is_empty() { String::new() } else { format!(", and {} more", more.len()) };
            Err(WrongUse::new(format!("share {index}/{of} is missing{more}"), "run it, and give its file too"))
        }
    }
}

fn alike(first: &Share, other: &Share) -> Result<(), WrongUse> {
    let Share { file, answer, of, .. } = other;
    let differ = |what: &str, left: String, right: String| {
        let cause = format!("{} and {file} are not shares of one search: {what} is {left} and {right}", first.file);
        WrongUse::new(cause, "give the shares of one command, from one version of cr3play")
    };
    if *of != first.of {
        return Err(differ("the number of shares", first.of.to_string(), of.to_string()));
    }
    let asks = |field: &&&str| asked(&first.answer, field) != asked(answer, field);
    match QUERY.iter().find(asks) {
        Some(field) => {
            let [left, right] = [&first.answer, answer].map(|answer| asked(answer, field).to_string());
            Err(differ(&format!("`{field}`"), left, right))
        }
        None => Ok(()),
    }
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Joins complete shares. What is less deep than the last depth each share has searched whole.
fn all(shares: &[Share]) -> (Verdict, Merged) {
    let answers: Vec<_> = shares.iter().map(|share| &share.answer).collect();
    let first = answers.first().copied().unwrap_or(&Value::Null);
    let last = first["depth_asked"].as_u64();
    let deepest = answers.iter().map(|answer| list(&answer["depths"]).len()).max().unwrap_or(0);
    let depths: Vec<_> = (0..deepest).map(|depth| depth_of(&answers, depth, is_shared(last, depth))).collect();
    let drawn = answers.iter().filter(|answer| !answer["random"].is_null()).map(|answer| counts(answer));
    let whole = depths.iter().cloned().chain(drawn).fold(Value::Null, |whole, counts| plus(&whole, &counts));
    let verdict = verdict(&answers);
    let violations = violations(&answers);
    let breaking = number(&whole["breaking"]);
    let merged = Merged {
        version: first["version"].clone(),
        program: first["program"].clone(),
        form: first["form"].clone(),
        verdict: verdict.name(),
        depth: answers.iter().map(|answer| number(&answer["depth"])).min().unwrap_or(0),
        depth_asked: first["depth_asked"].clone(),
        random: first["random"].clone(),
        text: first["text"].clone(),
        tree: first["tree"].clone(),
        kernel: first["kernel"].clone(),
        systems: list(&first["systems"]).iter().map(system).collect(),
        vectors: first["vectors"].clone(),
        assumptions: first["assumptions"].clone(),
        shares: shares.len() as u64,
        choices: number(&whole["choices"]),
        refused: number(&whole["refused"]),
        excluded: whole["excluded"].as_object().cloned().unwrap_or_default(),
        schedules: number(&whole["schedules"]),
        strikes: whole["strikes"].as_u64(),
        breaking: (violations.is_empty() || breaking != 0).then_some(breaking),
        depths,
        violations,
        unconfirmed: answers.iter().flat_map(|answer| list(&answer["unconfirmed"])).cloned().collect(),
        command: whole_command(first),
    };
    (verdict, merged)
}

/// What a share of random schedules counts.
fn counts(answer: &Value) -> Value {
    let fields = ["choices", "refused", "excluded", "schedules", "strikes", "breaking"];
    fields.into_iter().map(|field| (field.to_owned(), answer[field].clone())).collect()
}

/// Whether the schedules of a depth, counted from 0, were dealt out: those of the last depth, if that is more than 1, and random ones.
fn is_shared(last: Option<u64>, depth: usize) -> bool {
    last.is_some_and(|last| last > 1 && depth as u64 + 1 == last)
}

/// The counts of one depth: summed if its schedules were dealt out; of the share that saw most of it if each share searches all of it.
fn depth_of(answers: &[&Value], depth: usize, is_shared: bool) -> Value {
    let counts = answers.iter().filter_map(|answer| list(&answer["depths"]).get(depth));
    match is_shared {
        true => counts.fold(Value::Null, |sum, counts| plus(&sum, counts)),
        false => counts.max_by_key(|counts| number(&counts["choices"])).cloned().unwrap_or_default(),
    }
}

/// Sums of numbers, field by field.
fn plus(left: &Value, right: &Value) -> Value {
    match (left, right) {
        (Value::Object(left), Value::Object(right)) => right
            .iter()
            .map(|(field, value)| (field.clone(), plus(left.get(field).unwrap_or(&Value::Null), value)))
            .collect(),
        (Value::Null, right) => right.clone(),
        _ => (number(left) + number(right)).into(),
    }
}

/// What the shares say, the first that one of them says counting.
const VERDICTS: [Verdict; 4] = [Verdict::Breaks, Verdict::NotFinished, Verdict::Empty, Verdict::Holds];

fn verdict(answers: &[&Value]) -> Verdict {
    let any = |verdict: &Verdict| answers.iter().any(|answer| answer["verdict"] == verdict.name());
    VERDICTS.into_iter().find(any).unwrap_or(Verdict::NotFinished)
}

/// Those that stay in the model first, then fewest exceptions, then fewest steps.
fn order(violation: &Value) -> (bool, usize, u64) {
    let schedule: Option<Schedule> = violation["schedule"].as_str().and_then(|text| text.parse().ok());
    let strikes = schedule.map_or(usize::MAX, |schedule| schedule.injections.len());
    (is_beyond(violation), strikes, number(&violation["step"]))
}

/// Whether its run enters code that is not modelled before it breaks the promise.
fn is_beyond(violation: &Value) -> bool {
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
    let whole = command.strip_suffix(&format!(" --shard {}", word(&share["shard"])));
    whole.map_or_else(|| command.clone(), str::to_owned)
}

/// What a share says of a system, without its numbers.
fn system(system: &Value) -> Value {
    json!({ "features": system["features"], "handler": system["handler"] })
}

fn word(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn form(merged: &Merged) -> String {
    match merged.tree["release"].as_str() {
        Some(release) => format!("{} in the entry code of {release}", word(&merged.form)),
        None => word(&merged.form),
    }
}

/// Features and handlers of all systems.
fn systems(merged: &Merged) -> String {
    let one = |system: &Value| format!("features {}, handler {}", word(&system["features"]), word(&system["handler"]));
    list(&merged.systems).iter().map(one).collect::<Vec<_>>().join("; ")
}

/// What the shares assumed, with what it excluded in all of them.
fn assumed(merged: &Merged) -> String {
    let row = |assumption: &Value| {
        let (id, is_assumed) = (word(&assumption["id"]), assumption["assumed"] == true);
        let state = match merged.excluded.get(&id) {
            Some(count) if is_assumed => format!("{} excluded", number(count)),
            // The label says that it is assumed.
            _ => word(&assumption["state"]).replacen("assumed: ", "", 1),
        };
        vec![if is_assumed { "assumes " } else { "" }.to_owned(), id, state]
    };
    let rows: Vec<_> = list(&merged.assumptions).iter().map(row).collect();
    table(&[Align::Left, Align::Left, Align::Left], &rows)
}

fn text(merged: &Merged) -> String {
    let vectors: Vec<_> = list(&merged.vectors).iter().map(word).collect();
    let excluded: u64 = merged.excluded.values().map(number).sum();
    let Merged { shares, choices, refused, schedules, strikes, depth, .. } = merged;
    let breaking = merged.breaking.unwrap_or(0);
    let drawn = merged.random["schedules"].as_u64();
    let verdict = match (merged.verdict, drawn) {
        ("holds", _) if *depth == 1 => {
            "holds for every schedule of one exception, under the assumptions below".to_owned()
        }
        ("holds", _) => format!("holds for every schedule of up to {depth} exceptions, under the assumptions below"),
        ("breaks", Some(drawn)) => format!("breaks: {breaking} of {drawn} random schedules"),
        ("breaks", None) => format!("breaks: {breaking} of {schedules} schedules"),
        _ if !merged.violations.is_empty() && merged.violations.iter().all(is_beyond) => UNTOLD.to_owned(),
        ("not-finished", Some(drawn)) => none_breaks("", drawn),
        ("not-finished", None) => format!("not finished: depth {depth} is complete in all shares"),
        (other, _) => other.to_owned(),
    };
    let (label, struck) = drawn.map_or(("choices", "schedules"), |_| ("strikes", "struck"));
    let lines = [
        labelled("form", &form(merged)),
        labelled("systems", &systems(merged)),
        labelled("vectors", &vectors.join(", ")),
        labelled("shares", &format!("all {shares}")),
        labelled("verdict", &verdict),
        labelled(
            label,
            &format!("{choices}: {refused} refused, {excluded} excluded, {} {struck}", strikes.unwrap_or(*schedules)),
        ),
    ];
    let violation = |violation: &Value| {
        let field = |name: &str| word(&violation[name]);
        wrap(&format!("breaks {} at step {}: {}", field("promise"), violation["step"], field("schedule")), 4)
            + &wrap(&field("message"), 8)
            + &if is_beyond(violation) { wrap(&field("unmodelled"), 8) } else { String::new() }
            + &wrap(&field("command"), 8)
    };
    let unconfirmed = |text: &Value| wrap(&format!("not confirmed by a run: {}", word(text)), 4);
    lines.concat()
        + &merged.violations.iter().map(violation).collect::<String>()
        + &merged.unconfirmed.iter().map(unconfirmed).collect::<String>()
        + &assumed(merged)
        + "\n"
        + &labelled("again", &merged.command)
}
