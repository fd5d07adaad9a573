//! Whether shares are of one search, and if not, which option differs.

use super::share::Share;
use super::value::{list, only, word, words};
use crate::outcome::WrongUse;
use serde_json::Value;
use std::collections::BTreeSet;

/// A part of what was asked.
struct Part {
    /// What must be the same.
    value: fn(&Value) -> Value,
    /// The option that chooses it, as a person gives it.
    option: fn(&Value) -> String,
    /// What to say where the option reads alike and the value differs.
    differ: &'static str,
}

/// What must be the same in all shares. The first that differs is said.
const QUERY: [Part; 14] = [
    part(|answer| answer["program"].clone(), |answer| format!("cr3play {}", word(&answer["program"]))),
    part(|answer| answer["form"].clone(), |answer| format!("--form {}", word(&answer["form"]))),
    Part { differ: "their texts of --macro differ", ..part(|answer| answer["text"].clone(), |_| String::new()) },
    Part { differ: "their trees of --tree differ", ..part(|answer| answer["tree"].clone(), tree) },
    part(|answer| answer["kernel"].clone(), |answer| format!("--kernel {}", word(&answer["kernel"]))),
    part(|answer| answer["vectors"].clone(), |answer| format!("--vectors {}", words(&answer["vectors"], ","))),
    part(|answer| answer["random"].clone(), random),
    part(|answer| answer["depth_asked"].clone(), |answer| format!("--depth {}", answer["depth_asked"])),
    Part {
        differ: "their forms of --against differ",
        ..part(|answer| only(&answer["against"], &["form", "text", "tree"]), against)
    },
    part(|answer| answer["work"]["method"].clone(), method),
    part(|answer| handlers(answer).into(), handlers),
    part(|answer| features(answer).into(), features),
    part(|answer| each(&answer["systems"], &["features", "handler"]), |_| String::new()),
    part(|answer| each(&answer["assumptions"], &["id", "assumed", "state"]), without),
];

const fn part(value: fn(&Value) -> Value, option: fn(&Value) -> String) -> Part {
    Part { value, option, differ: "they differ in what they ask" }
}

fn each(items: &Value, fields: &[&str]) -> Value {
    list(items).iter().map(|item| only(item, fields)).collect()
}

fn tree(answer: &Value) -> String {
    answer["tree"]["release"].as_str().map_or("no --tree".to_owned(), |release| format!("--tree of {release}"))
}

fn random(answer: &Value) -> String {
    match &answer["random"] {
        Value::Null => "no --random".to_owned(),
        random => format!("--random {} --seed {}", random["schedules"], random["seed"]),
    }
}

fn against(answer: &Value) -> String {
    answer["against"]["form"].as_str().map_or("no --against".to_owned(), |form| format!("--against {form}"))
}

fn method(answer: &Value) -> String {
    if answer["work"]["method"] == "plain" { "--plain" } else { "no --plain" }.to_owned()
}

fn handlers(answer: &Value) -> String {
    format!("--handler {}", of_systems(answer, "handler").join(","))
}

fn features(answer: &Value) -> String {
    format!("--features {}", of_systems(answer, "features").join(" or "))
}

/// What the systems have there, each once.
fn of_systems<'a>(answer: &'a Value, field: &str) -> Vec<&'a str> {
    let each: BTreeSet<_> = list(&answer["systems"]).iter().map(|system| word(&system[field])).collect();
    each.into_iter().collect()
}

fn without(answer: &Value) -> String {
    let is_off = |assumption: &&Value| word(&assumption["state"]).starts_with("off");
    let off = list(&answer["assumptions"]).iter().filter(is_off).map(|it| format!("--without {}", word(&it["id"])));
    let off = off.collect::<Vec<_>>().join(" ");
    if off.is_empty() { "no --without".to_owned() } else { off }
}

/// # Errors
/// The first part of what was asked that differs.
pub(super) fn alike(first: &Share, other: &Share) -> Result<(), WrongUse> {
    let differs = |what: String| {
        let cause = format!("{} and {} are not shares of one search: {what}", first.file, other.file);
        WrongUse::new(cause, "give the shares of one command, from one version of cr3play")
    };
    if first.of != other.of {
        return Err(differs(format!("one is of {} shares, the other of {}", first.of, other.of)));
    }
    let [left, right] = [first, other].map(|share| &share.answer);
    match QUERY.iter().find(|part| (part.value)(left) != (part.value)(right)) {
        Some(part) => Err(differs(part.words(left, right))),
        None => Ok(()),
    }
}

impl Part {
    fn words(&self, left: &Value, right: &Value) -> String {
        let [left, right] = [left, right].map(self.option);
        if left == right { self.differ.to_owned() } else { format!("one has {left}, the other {right}") }
    }
}
