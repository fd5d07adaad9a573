//! What was run, in few lines however long the schedule is.

use super::lines::wrap;
use super::taken::taken;
use crate::choice::Side;
use crate::setup::BUDGET;
use crate::state::State;
use crate::view::outcome::earlier;
use crate::view::schedule::{Chip, chips};
use crate::words::grouped;
use cr3_core::asm::sorted::Map;
use cr3_core::linux::Kernel;
use cr3_core::machine::order::sort_by_key;
use cr3_core::scenario::{Injection, Nesting, Place, Schedule, Vector};
use std::cmp::Reverse;

/// Injections that are written out. Of a longer schedule the report tells the amounts.
const WRITTEN_OUT: usize = 12;

/// Places of a long schedule that are named, and reasons of injections that do not strike.
const NAMED: usize = 6;

/// Bytes of a person's own text that are quoted.
const QUOTED: usize = 6000;

pub(super) fn scenario(state: &State) -> Vec<String> {
    let setup = &state.setup;
    let names = Side::BOTH.map(|side| {
        let form = setup.forms[side.index()];
        let described = match setup.tree(side) {
            Some(_) => own_tree(state, side),
            None => form.description().to_owned(),
        };
        let head = if side == Side::Left { "left  " } else { "right " };
        let known =
            [earlier(&state.runs, side).map(|of| format!("{of}; the present one does not")), Some(taken(state, side))];
        let known = known.into_iter().flatten().filter(|words| !words.is_empty());
        let described = wrap(head, &format!("{}: {described}", form.name()));
        described.into_iter().chain(known.flat_map(|words| wrap("      ", &words))).collect::<Vec<_>>()
    });
    let mut lines = names.concat();
    let geometry = setup.geometry;
    lines.extend(wrap(
        "with  ",
        &format!(
            "features {}, handler {}, TLB {geometry} (reading {})",
            setup.features,
            setup.handler,
            geometry.reading_name()
        ),
    ));
    lines.extend(kernels(Side::BOTH.map(|side| setup.kernel_of(side))));
    if setup.budget != BUDGET {
        let [budget, usual] = [setup.budget, BUDGET].map(|steps| grouped(steps.into()));
        lines.extend(wrap("budget ", &format!("{budget} steps; the link opens with {usual}, which it cannot change")));
    }
    lines.extend(schedule(&setup.schedule));
    lines.extend(missed(state));
    lines
}

/// The kernels of both sides, unless they are the usual one.
fn kernels(kernels: [Kernel; 2]) -> Vec<String> {
    match kernels {
        [Kernel::V6_12, Kernel::V6_12] => Vec::new(),
        [left, right] if left == right => wrap("kernel ", &left.to_string()),
        [left, right] => wrap("kernel ", &format!("{left} on the left, {right} on the right")),
    }
}

/// The kernel tree of a side.
fn own_tree(state: &State, side: Side) -> String {
    let name = state.tree_name(side).unwrap_or_default();
    let text = if state.setup.uses_text(side) { "your own text in " } else { "" };
    let opened = state.setup.tree(side).and_then(|id| state.trees.tree(id));
    let c_side = opened.map_or_else(String::new, |opened| format!("; {}", opened.c_side()));
    format!("{text}{name}, which a link cannot carry{c_side}")
}

/// Whether the schedule is too long to be written out.
pub(super) fn is_long(state: &State) -> bool {
    state.setup.schedule.injections.len() > WRITTEN_OUT
}

fn schedule(schedule: &Schedule) -> Vec<String> {
    match schedule.injections.as_slice() {
        [] => wrap("inject ", "none"),
        [first, .., last] if schedule.injections.len() > WRITTEN_OUT => amounts(&schedule.injections, first, last),
        _ => wrap("inject ", &schedule.to_string()),
    }
}

/// A long schedule: how often what strikes where, most often first, and its ends.
fn amounts(all: &[Injection], first: &Injection, last: &Injection) -> Vec<String> {
    let inside = all.iter().filter(|injection| injection.nesting == Nesting::Inside).count();
    let vectors: Vec<_> = Vector::ALL.into_iter().filter_map(|vector| amount(all, vector)).collect();
    let mut lines = wrap(
        "inject ",
        &format!(
            "{} injections: {}; {} inside another's handler",
            grouped(all.len() as u64),
            vectors.join(", "),
            grouped(inside as u64)
        ),
    );
    let places = places(all);
    let named = places.iter().take(NAMED).map(|(name, count)| format!("{name} ({})", grouped(*count)));
    let more = places.len().checked_sub(NAMED).filter(|more| *more > 0);
    let more = more.map(|more| format!("{} more places", grouped(more as u64)));
    lines.extend(wrap("       ", &named.chain(more).collect::<Vec<_>>().join(", ")));
    lines.extend(wrap("       ", &format!("the first is {first}, the last is {last}")));
    lines
}

fn amount(all: &[Injection], vector: Vector) -> Option<String> {
    let count = all.iter().filter(|injection| injection.vector == vector).count();
    (count > 0).then(|| format!("{} {}", grouped(count as u64), vector.mnemonic()))
}

/// What strikes where, each with how often, most often first.
fn places(all: &[Injection]) -> Vec<(String, u64)> {
    let mut counts: Map<String, u64> = Map::new();
    for Injection { place, vector, .. } in all {
        let arrivals = Place { occurrence: 1, ..place.clone() };
        *counts.get_or_insert_with(format!("{} at {arrivals}", vector.mnemonic()), || 0) += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    sort_by_key(&mut counts, |(name, count)| (Reverse(*count), name.clone()));
    counts
}

/// Injections that do not strike, with the reason.
fn missed(state: &State) -> Vec<String> {
    let forms = state.setup.forms;
    let why = |chip: &Chip| {
        let sides = chip.unfired.iter().zip(forms).filter_map(|(why, form)| Some((why.as_ref()?, form)));
        let line = |(why, form): (&String, crate::Form)| {
            format!("{}: {} at {} does not strike: {why}", form.name(), chip.vector, chip.place)
        };
        sides.map(line).collect::<Vec<_>>()
    };
    let mut all: Vec<(String, usize)> = Vec::new();
    for line in chips(state).iter().flat_map(why) {
        match all.iter_mut().find(|(known, _)| *known == line) {
            Some((_, times)) => *times += 1,
            None => all.push((line, 1)),
        }
    }
    let rest = if is_long(state) { all.split_off(all.len().min(NAMED)) } else { Vec::new() };
    let more: usize = rest.iter().map(|(_, times)| times).sum();
    let more = (more > 0).then(|| format!("{} more do not strike, both sides counted", grouped(more as u64)));
    let told = all.into_iter().map(|(line, times)| match times {
        1 => line,
        times => format!("{line} ({} times)", grouped(times as u64)),
    });
    told.chain(more).flat_map(|line| wrap("      ", &line)).collect()
}

/// Stands before a person's own text.
pub(super) const HEAD: &str = "--- text of form custom";

/// Stands below it where it is cut.
pub(super) const REST: &str = "more lines: the link has them";

/// The person's own text, as it is, or the texts of both sides.
pub(super) fn own_text(state: &State) -> Vec<String> {
    match (Side::BOTH.into_iter().find(|side| state.setup.uses_text(*side)), state.linked_right()) {
        (None, _) => Vec::new(),
        (Some(side), None) => quoted_text(HEAD, state.custom.of(side)),
        (Some(_), Some(right)) => {
            let left = quoted_text(&format!("{HEAD}, left"), state.custom.of(Side::Left));
            [left, quoted_text(&format!("{HEAD}, right"), right)].concat()
        }
    }
}

fn quoted_text(head: &str, text: &str) -> Vec<String> {
    let mut quoted = 0;
    let fits = |line: &&str| {
        quoted += line.len() + 1;
        quoted <= QUOTED
    };
    let shown: Vec<_> = text.lines().take_while(fits).map(str::to_owned).collect();
    let count = text.lines().count();
    let end = match count - shown.len() {
        0 => "--- end of the text".to_owned(),
        more => format!("--- {more} {REST}"),
    };
    if count == 0 {
        return vec![format!("{head} is empty")];
    }
    let head = format!("{head}, lines: {count}");
    std::iter::once(head).chain(shown).chain([end]).collect()
}
