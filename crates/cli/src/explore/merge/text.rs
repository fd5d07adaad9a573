//! The verdict of all shares, for a person.

use super::joined::{Counts, Joined, System, is_beyond, strikes};
use super::value::{list, number, word, words};
use super::{Merged, Unfinished};
use crate::explore::extent::{Broke, schedules};
use crate::explore::text::none_breaks;
use crate::table::{Align, labelled, table, wrap};
use cr3_core::explore::Verdict;
use cr3_session::view::verdict::UNTOLD;
use serde_json::Value;

pub(super) fn text(merged: &Merged) -> String {
    let one = |search: &Joined| head(search, merged) + &body(search);
    let mut text = one(&merged.search);
    if let Some(against) = &merged.against {
        text.push('\n');
        text += &one(against);
    }
    text + "\n" + &labelled("again", &merged.search.command)
}

/// From the form to what was counted.
fn head(search: &Joined, merged: &Merged) -> String {
    let Counts { choices, refused, excluded, schedules, strikes, .. } = &search.counts;
    let excluded: u64 = excluded.values().map(number).sum();
    let (label, struck) = strikes
        .map_or(("choices", format!("{schedules} schedules")), |strikes| ("strikes", format!("{strikes} struck")));
    [
        labelled("form", &form(search)),
        labelled("systems", &search.systems.iter().map(system).collect::<Vec<_>>().join("; ")),
        labelled("vectors", &words(&search.vectors, ", ")),
        labelled("shares", &shares(merged)),
        merged.unfinished.iter().map(unfinished).collect(),
        labelled("verdict", &verdict(search, merged)),
        labelled(label, &format!("{choices}: {refused} refused, {excluded} excluded, {struck}")),
    ]
    .concat()
}

/// What breaks, and what is assumed.
fn body(search: &Joined) -> String {
    let unconfirmed = |text: &Value| wrap(&format!("not confirmed by a run: {}", word(text)), 4);
    search.violations.iter().map(violation).collect::<String>()
        + &search.unconfirmed.iter().map(unconfirmed).collect::<String>()
        + &assumed(search)
}

fn form(search: &Joined) -> String {
    let form = word(&search.form);
    match search.tree["release"].as_str() {
        Some(release) => format!("{form} in the entry code of {release}"),
        None => form.to_owned(),
    }
}

fn system(system: &System) -> String {
    format!("features {}, handler {}", word(&system.features), word(&system.handler))
}

fn shares(merged: &Merged) -> String {
    match merged.unfinished.len() {
        0 => format!("all {}", merged.shares),
        early => format!("all {}, of which {early} did not finish", merged.shares),
    }
}

/// A share that did not finish, why, and how far it is.
fn unfinished(share: &Unfinished) -> String {
    let depth = match share.depth.as_u64() {
        Some(0) | None => "no depth".to_owned(),
        Some(depth) => format!("depth {depth}"),
    };
    let Unfinished { file, shard, obstacle, .. } = share;
    wrap(&format!("share {shard}, {file}: {depth} is complete; {}", word(&obstacle["what"])), 4)
}

/// Shares that a verdict names, if there are more; above it all are listed.
const NAMED: usize = 3;

/// The shares that did not finish, by name.
fn early(merged: &Merged) -> Option<String> {
    let shards: Vec<_> = merged.unfinished.iter().map(|share| share.shard.as_str()).collect();
    match shards.as_slice() {
        [] => None,
        [one] => Some(format!("share {one} did not finish")),
        [several @ .., last] if several.len() < NAMED => {
            Some(format!("shares {} and {last} did not finish", several.join(", ")))
        }
        many => Some(format!("shares {} and {} more did not finish", many[..NAMED].join(", "), many.len() - NAMED)),
    }
}

fn verdict(search: &Joined, merged: &Merged) -> String {
    let depth = search.depth as u32;
    let rest = early(merged).map_or(String::new(), |early| format!("; {early}"));
    let is_untold = !search.violations.is_empty() && search.violations.iter().all(is_beyond);
    match (search.said, search.random.is_null()) {
        _ if is_untold => UNTOLD.to_owned(),
        (Verdict::Holds, _) => {
            format!("holds for {} ({}), under the assumptions below", schedules(depth), words(&search.vectors, ", "))
        }
        (Verdict::Breaks, _) => breaks(search, merged),
        (Verdict::NotFinished, false) => none_breaks("", search.counts.schedules) + &rest,
        (Verdict::NotFinished, true) => {
            let covered = if depth == 0 {
                "no depth was completed".to_owned()
            } else {
                format!("{} was covered", schedules(depth))
            };
            format!("not finished; {covered}, and {} schedules were seen in all{rest}", search.counts.schedules)
        }
        (Verdict::Empty, _) => format!("empty: `reached` does not hold{}", nothing(search)),
    }
}

fn breaks(search: &Joined, merged: &Merged) -> String {
    let Counts { schedules, breaking, .. } = search.counts;
    let breaking = breaking.unwrap_or(0);
    let depth = search.violations.first().map_or(0, strikes) as u32;
    let broke = Broke {
        depth,
        complete: search.depth as u32,
        asked: search.depth_asked.as_u64().map(|depth| depth as u32),
        schedules,
        breaking,
        early: early(merged),
    };
    match search.random.is_null() {
        false if depth > 0 => {
            let rest = broke.early.map_or(String::new(), |early| format!("; {early}"));
            format!("breaks: {breaking} of {schedules} random schedules{rest}")
        }
        _ => broke.words(""),
    }
}

/// Where nothing struck in any share.
fn nothing(search: &Joined) -> String {
    let empty = search.systems.iter().find(|system| system.empty == Some(true));
    empty.map_or_else(String::new, |empty| format!(" with {}", system(empty)))
}

fn violation(violation: &Value) -> String {
    let field = |name: &str| word(&violation[name]).to_owned();
    let schedule = if strikes(violation) == 0 { "without any exception".to_owned() } else { field("schedule") };
    wrap(&format!("breaks {} at step {}: {schedule}", field("promise"), violation["step"]), 4)
        + &wrap(&field("message"), 8)
        + &if is_beyond(violation) { wrap(&field("unmodelled"), 8) } else { String::new() }
        + &wrap(&field("command"), 8)
}

/// What the shares assumed, with what it excluded in all of them.
fn assumed(search: &Joined) -> String {
    let row = |assumption: &Value| {
        let (id, is_assumed) = (word(&assumption["id"]).to_owned(), assumption["assumed"] == true);
        let state = match search.counts.excluded.get(&id) {
            Some(count) if is_assumed => format!("{} excluded", number(count)),
            // The label says that it is assumed.
            _ => word(&assumption["state"]).replacen("assumed: ", "", 1),
        };
        vec![if is_assumed { "assumes " } else { "" }.to_owned(), id, state]
    };
    let rows: Vec<_> = list(&search.assumptions).iter().map(row).collect();
    table(&[Align::Left, Align::Left, Align::Left], &rows)
}
