//! A report in plain text for a mail: 72 columns, no colour, no markup. Only the link and the lines of a person's own text
//! may be longer.

mod differences;
mod lines;
mod scenario;
mod taken;

use crate::choice::{Judging, Side};
use crate::command::{self, Command};
use crate::explore::VECTORS;
use crate::moment::Moment;
use crate::setup::BUDGET;
use crate::state::State;
use crate::view::counters::{self, Count, Difference};
use crate::view::notes;
use crate::view::outcome::{Broken, no_run, not_comparable, outcome};
use crate::view::position;
use crate::view::sentence::{Sentence, sentence};
use crate::view::verdict;
use crate::{VERSION, link};
use cr3_core::query::Reach;
use cr3_core::scenario::Vector;
use lines::{WIDTH, wrap};

/// Characters of the longest address that a report has: with it, the report has fewer than 8,000.
const LONGEST: usize = 4000;

/// The report on a state; `address` opens the state again.
#[must_use]
pub fn text(state: &State, address: &str) -> String {
    text_with(state, address, &verdicts(state))
}

/// The same with these lines about what the explorer says: a state that was opened from the link does not know it.
pub(crate) fn text_with(state: &State, address: &str, verdicts: &[String]) -> String {
    let parts = [
        heading(state),
        scenario::scenario(state),
        scenario::own_text(state),
        outcomes(state),
        verdicts.to_vec(),
        counted(state),
        differences::differences(&state.runs, names(state)),
        here(state),
        pinned(state),
        reproduced(state),
        wrap("", "Numbers are those of a model: one CPU, no speculation, handlers modelled, steps not timed."),
        opened(address),
    ];
    let parts = parts.iter().filter(|lines| !lines.is_empty());
    parts.map(|lines| lines.join("\n") + "\n").collect::<Vec<_>>().join("\n")
}

/// What the sides are called: their forms, or where they stand if the forms are the same.
pub(crate) fn names(state: &State) -> [&'static str; 2] {
    match state.setup.forms {
        [left, right] if left == right => ["left", "right"],
        forms => forms.map(|form| form.name()),
    }
}

/// The program, and what a person called it.
fn heading(state: &State) -> Vec<String> {
    let title = Some(&state.title).filter(|title| !title.is_empty());
    let title = title.map(|title| wrap("", title)).unwrap_or_default();
    std::iter::once(format!("CR3 playground {VERSION}")).chain(title).collect()
}

fn outcomes(state: &State) -> Vec<String> {
    let names = names(state);
    let mut lines = Vec::new();
    for side in Side::BOTH {
        let name = names[side.index()];
        let Some(outcome) = outcome(&state.runs, side) else {
            lines.extend(wrap(&format!("{name}: "), &no_run(&state.runs, side)));
            continue;
        };
        let of = outcome.of.map(|of| format!("{of}: ")).unwrap_or_default();
        lines.extend(wrap(&format!("{name}: "), &format!("{of}{}; {}", outcome.ending, outcome.promises())));
        for Broken { invariant, step, place, why, .. } in &outcome.broken {
            lines.extend(wrap("   ", &format!("{invariant} at step {step}, {place}: {why}")));
        }
    }
    lines
}

/// What the explorer says, and the commands that say it again.
#[must_use]
pub fn verdicts(state: &State) -> Vec<String> {
    let vectors = VECTORS.map(Vector::mnemonic).join(", ");
    if state.settings.judging == Judging::Off {
        return wrap("", &format!("Every {vectors} at every instruction: not asked."));
    }
    let mut lines = wrap("", &format!("Every {vectors} at every instruction, {}:", verdict::assumed(state)));
    let off: Vec<_> = state.explore.assumed.off().map(|assumption| assumption.id()).collect();
    if !off.is_empty() {
        lines.extend(wrap("off: ", &off.join(", ")));
    }
    for side in Side::BOTH {
        let verdict::Line { words, further, .. } = verdict::line(state, side);
        let name = names(state)[side.index()];
        let said = [words, further]
            .into_iter()
            .filter(|words| !words.is_empty() && !words.ends_with(verdict::WAITS))
            .collect::<Vec<_>>()
            .join("; ");
        lines.extend(wrap(&format!("{name}: "), &said));
        let judged = state.explore.side(side);
        if let (Some(subject), Some(found)) = (&judged.subject, &judged.found) {
            let reach = found.counterexamples.iter().map(verdict::sought).fold(found.reach, Reach::max);
            let options = subject.options(reach, command::files(state, side));
            let command = command::folded("cr3play explore", options, WIDTH - 3);
            lines.extend(command.into_iter().map(|line| format!("   {line}")));
        }
    }
    lines
}

fn counted(state: &State) -> Vec<String> {
    let names = names(state);
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

fn here(state: &State) -> Vec<String> {
    let moment = Moment::at(&state.runs, state.cursor);
    let names = names(state);
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

/// What a person noted at steps.
fn pinned(state: &State) -> Vec<String> {
    let notes = notes::notes(state);
    let each = notes.iter().flat_map(|note| wrap("  ", &format!("{}: {}", note.place, note.text)));
    let head = (!notes.is_empty()).then(|| "notes:".to_owned());
    head.into_iter().chain(each).collect()
}

/// The command that shows the same in a terminal.
fn reproduced(state: &State) -> Vec<String> {
    let command = match scenario::is_long(state) {
        true => {
            let budget = Some(state.setup.budget).filter(|budget| *budget != BUDGET);
            let budget = budget.map(|budget| format!("--budget {budget}"));
            command::folded(&command::of_file(), command::of_trees(state).into_iter().chain(budget), WIDTH - 2)
        }
        false => Command::of(state).folded(WIDTH - 2),
    };
    let given: Vec<_> = given_text(state).into_iter().chain(given_trees(state)).collect();
    let with = if given.is_empty() { String::new() } else { format!(", with {}", given.join(" and ")) };
    wrap("", &format!("In a terminal{with}:"))
        .into_iter()
        .chain(command.into_iter().map(|line| format!("  {line}")))
        .collect()
}

/// The files that the command needs.
fn given_text(state: &State) -> Option<String> {
    let [left, right] = Side::BOTH.map(|side| command::files(state, side).text);
    match (scenario::is_long(state), state.uses_custom()) {
        (true, _) => Some(format!("the link in the file {}", link::FILE)),
        (false, true) if left != right => Some(format!("the texts above in the files {left} and {right}")),
        (false, true) => Some(format!("the text above in the file {left}")),
        (false, false) => None,
    }
}

/// The folders that it needs.
fn given_trees(state: &State) -> Vec<String> {
    let tree = |(side, folder)| format!("{} in the folder {folder}", state.tree_name(side).unwrap_or_default());
    command::trees(state).into_iter().map(tree).collect()
}

/// The link, or where there is one.
fn opened(address: &str) -> Vec<String> {
    match address.len() {
        length if length > LONGEST => wrap(
            "",
            &format!(
                "The link has {length} characters, more than the rest of the report. The page saves it as a file, and opens the file when it is dropped there; so does `{}`.",
                command::of_file()
            ),
        ),
        _ => vec![address.to_owned()],
    }
}

/// Lines of a report that are too wide, without those that may be: the address, and those of a person's own text.
#[cfg(test)]
pub(crate) fn too_wide(report: &str) -> Vec<&str> {
    let mut is_own = false;
    let counts = |line: &&str| {
        is_own = if is_own {
            !line.starts_with("--- end") && !line.ends_with(scenario::REST)
        } else {
            line.starts_with(scenario::HEAD)
        };
        !is_own && line.chars().count() > WIDTH && !line.starts_with("https:")
    };
    report.lines().filter(counts).collect()
}

#[cfg(test)]
mod tests;
