//! A report in plain text for a mail: 72 columns, no colour, no markup. Only the link may be longer.

use crate::choice::Side;
use crate::explore::VECTORS;
use crate::moment::Moment;
use crate::runs::Runs;
use crate::state::State;
use crate::view::counters::{self, Count, Difference};
use crate::view::outcome::{Broken, no_run, not_comparable, outcome};
use crate::view::position;
use crate::view::row::{Cell, row};
use crate::view::sentence::{NO_STEP, Sentence, sentence};
use crate::view::verdict;
use cr3_core::linux::Kernel;
use cr3_core::scenario::Vector;

/// Columns of a line.
const WIDTH: usize = 72;

/// Rows of differences to list; further ones are only counted.
const ROWS: usize = 40;

/// The report on a state; `link` opens the state again.
#[must_use]
pub fn text(state: &State, link: &str) -> String {
    let mut lines = vec!["CR3 playground".to_owned(), String::new()];
    lines.extend(scenario(state));
    lines.push(String::new());
    lines.extend(outcomes(state));
    lines.push(String::new());
    lines.extend(verdicts(state));
    lines.push(String::new());
    lines.extend(counted(state));
    lines.push(String::new());
    lines.extend(differences(&state.runs));
    lines.push(String::new());
    lines.extend(here(state));
    lines.push(String::new());
    lines
        .extend(wrap("", "Numbers are those of a model: one CPU, no speculation, handlers modelled, steps not timed."));
    lines.extend([String::new(), link.to_owned(), String::new()]);
    lines.join("\n")
}

fn scenario(state: &State) -> Vec<String> {
    let setup = &state.setup;
    let names = Side::BOTH.map(|side| {
        let form = setup.forms[side.index()];
        let described = match state.tree_name(side) {
            Some(name) => format!("{name}, which a link cannot carry"),
            None => form.description().to_owned(),
        };
        let side = if side == Side::Left { "left  " } else { "right " };
        wrap(side, &format!("{}: {described}", form.name()))
    });
    let schedule = match setup.schedule.injections.is_empty() {
        true => "none".to_owned(),
        false => setup.schedule.to_string(),
    };
    let mut lines = names.concat();
    lines.extend(wrap(
        "with  ",
        &format!(
            "features {}, handler {}, TLB {} (reading {})",
            setup.features,
            setup.handler,
            setup.geometry,
            setup.geometry.reading_name()
        ),
    ));
    if setup.kernel != Kernel::V6_12 {
        lines.extend(wrap("kernel ", &setup.kernel.to_string()));
    }
    lines.extend(wrap("inject ", &schedule));
    for chip in crate::view::schedule::chips(state) {
        for (why, form) in chip.unfired.iter().zip(setup.forms) {
            let Some(why) = why else { continue };
            lines.extend(wrap(
                "      ",
                &format!("{}: {} at {} does not strike: {why}", form.name(), chip.vector, chip.place),
            ));
        }
    }
    lines
}

fn outcomes(state: &State) -> Vec<String> {
    let names = state.setup.forms.map(|form| form.name());
    let mut lines = Vec::new();
    for side in Side::BOTH {
        let name = names[side.index()];
        let Some(outcome) = outcome(&state.runs, side) else {
            lines.extend(wrap(&format!("{name}: "), &no_run(&state.runs, side)));
            continue;
        };
        lines.extend(wrap(&format!("{name}: "), &format!("{}; {}", outcome.ending, outcome.promises())));
        for Broken { invariant, step, place, why, .. } in &outcome.broken {
            lines.extend(wrap("   ", &format!("{invariant} at step {step}, {place}: {why}")));
        }
    }
    lines
}

/// What the explorer says, and the commands that say it again.
fn verdicts(state: &State) -> Vec<String> {
    let vectors = VECTORS.map(Vector::mnemonic).join(", ");
    let mut lines = wrap("", &format!("Every {vectors} at every instruction, {}:", verdict::assumed(state)));
    for side in Side::BOTH {
        let verdict::Line { form, words, further, .. } = verdict::line(state, side);
        let said = [words, further].into_iter().filter(|words| !words.is_empty()).collect::<Vec<_>>().join("; ");
        lines.extend(wrap(&format!("{form}: "), &said));
        let judged = state.explore.side(side);
        if let (Some(subject), Some(found)) = (&judged.subject, &judged.found) {
            lines.extend(wrap("   ", &subject.command(found.reach)));
        }
    }
    lines
}

fn counted(state: &State) -> Vec<String> {
    let names = state.setup.forms.map(|form| form.name());
    let reason = not_comparable(&state.runs, names);
    let reason = reason.map(|why| wrap("", &format!("The counters are not comparable: {why}."))).unwrap_or_default();
    let head = format!("{:<30}{:>10}{:>10}{:>10}", "whole run", names[0], names[1], "diff");
    let all = counters::bar(&state.runs).into_iter().chain(counters::others(&state.runs));
    reason.into_iter().chain([head]).chain(all.map(|count| line(&count))).collect()
}

fn line(count: &Count) -> String {
    let [left, right] = count.values.map(|value| value.map_or_else(|| "-".to_owned(), |value| value.to_string()));
    let delta = match count.difference() {
        Difference::None => String::new(),
        Difference::Amount(delta) => format!("{delta:+}"),
        Difference::NotComparable => "n/c".to_owned(),
    };
    format!("  {:<28}{left:>10}{right:>10}{delta:>10}", count.counter.label()).trim_end().to_owned()
}

fn differences(runs: &Runs) -> Vec<String> {
    let ranges = &runs.comparison.differences;
    let total: usize = ranges.iter().map(ExactSizeIterator::len).sum();
    if runs.trace(Side::Left).is_none() || runs.trace(Side::Right).is_none() {
        return vec!["There are no two runs to compare.".into()];
    }
    if total == 0 {
        return vec!["The runs are the same in every step.".into()];
    }
    let places = if ranges.len() == 1 { "place" } else { "places" };
    let head =
        format!("{total} of {} rows differ, in {} {places}; each run numbers its own steps.", runs.len(), ranges.len());
    let mut lines = wrap("", &head);
    let rows = ranges.iter().flat_map(Clone::clone);
    lines.extend(rows.take(ROWS).map(|index| {
        let [left, right] = row(runs, index).cells.map(|cell| cell.map_or(NO_STEP.into(), |cell| step(&cell)));
        format!("  {} {}", fit(&left, 34), fit(&right, 34)).trim_end().to_owned()
    }));
    if total > ROWS {
        lines.push(format!("        and {} more", total - ROWS));
    }
    lines
}

fn step(cell: &Cell) -> String {
    let mut text = format!("{:>5} {}", cell.step, cell.text);
    for mark in cell.marks.iter().filter(|mark| !mark.text.is_empty()) {
        text.push_str(&format!(" [{}]", mark.words().replace('−', "-")));
    }
    text
}

fn here(state: &State) -> Vec<String> {
    let moment = Moment::at(&state.runs, state.cursor);
    let names = state.setup.forms.map(|form| form.name());
    let mut lines = vec![format!("at {}:", position::words(state))];
    match sentence(state, &moment) {
        Sentence::Nothing(words) => return wrap("", &words),
        Sentence::Both(words) => lines.extend(wrap("  ", &words)),
        Sentence::Each(words) => {
            for (name, words) in names.iter().zip(&words) {
                lines.extend(wrap("  ", &format!("{name}: {words}")));
            }
        }
    }
    lines
}

fn fit(text: &str, width: usize) -> String {
    match text.chars().count() {
        length if length <= width => format!("{text:<width$}"),
        _ => text.chars().take(width.saturating_sub(3)).chain("...".chars()).collect(),
    }
}

/// `text` behind `first`, broken at blanks, with later lines indented equally far.
fn wrap(first: &str, text: &str) -> Vec<String> {
    let indent = " ".repeat(first.chars().count());
    let mut lines = Vec::new();
    let mut line = first.to_owned();
    let mut empty = true;
    for word in text.split_whitespace() {
        let blank = usize::from(!empty);
        if !empty && line.chars().count() + blank + word.chars().count() > WIDTH {
            lines.push(std::mem::replace(&mut line, indent.clone()));
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Settings;

    #[test]
    fn the_report_says_how_the_runs_went_before_what_they_counted() {
        let state = State::open("v=1&a=never&b=E&s=entry_SYSRETQ_unsafe_stack:nmi&at=390", Settings::default());
        let report = text(&state, "a link");
        let words: Vec<_> = report.split_whitespace().collect();
        let report = words.join(" ");
        let said = [
            "never: the program exited after 1694 steps; breaks",
            "user-cr3 at step 391, user_write_done: user mode on the kernel's tables",
            &format!(
                "E: the program exited after 1517 steps; {} held in this run",
                cr3_core::promises::Promises::JUDGED
            ),
            "The counters are not comparable: never breaks restored at step 388.",
            "whole run never E diff",
        ];
        let places: Vec<_> = said.iter().map(|words| report.find(words)).collect();
        assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?}\n{report}");
        assert!(
            report.contains("CR3 writes 18 17 n/c")
                && report.contains("at step 383 of 1694 in never, 391 of 1517 in E:"),
            "{report}"
        );
    }
}
