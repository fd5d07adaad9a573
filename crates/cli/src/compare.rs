//! `cr3play compare`.

use crate::arguments::CompareArguments;
use crate::cost::costs;
use crate::findings::outcome;
use crate::outcome::{Outcome, WrongUse, print, print_json};
use crate::run::{StepReport, ending, heading_of_all, record, selected, step_report};
use crate::table::{Align, WIDTH, beside, cut, fitting, labelled, rewrap, table, wrap};
use crate::{diagnostic, forms, json};
use cr3_core::compare::{Anchor, Comparison, CounterRow, Row, astray, compare as align, counters};
use cr3_core::trace::Trace;
use serde::Serialize;
use std::fmt::Write;
use std::ops::Range;

#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    setting: json::Setting,
    /// What each run is called below.
    names: Vec<String>,
    runs: Vec<json::Run>,
    /// Why the counters of each run are not compared with those of the first; none if they are.
    not_comparable: Vec<Option<String>>,
    counters: Vec<CounterReport>,
    rows: usize,
    differences: Vec<DifferenceReport>,
    partial_places: Vec<PartialPlace>,
}

#[derive(Serialize)]
struct CounterReport {
    name: &'static str,
    label: &'static str,
    unit: &'static str,
    description: &'static str,
    values: Vec<u64>,
    /// Each value minus the first run's; none if the runs are not comparable.
    deltas: Vec<Option<i64>>,
}

#[derive(Serialize)]
struct DifferenceReport {
    /// First and last row, from 1.
    first: usize,
    last: usize,
    /// The rows themselves, as many as --rows allows.
    rows: Vec<RowReport>,
}

#[derive(Serialize)]
struct RowReport {
    /// From 1.
    row: usize,
    anchor: Option<&'static str>,
    steps: Vec<Option<StepReport<'static>>>,
}

#[derive(Serialize)]
struct PartialPlace {
    place: String,
    forms: Vec<String>,
}

pub(crate) fn compare(arguments: &CompareArguments) -> Result<Outcome, WrongUse> {
    let configs = arguments.system.configs(arguments.forms.as_deref())?;
    let schedule = &arguments.schedule;
    let recorded: Result<Vec<_>, _> =
        configs.into_iter().map(|config| record(&schedule.scenario(config), schedule.budget)).collect();
    let recorded = recorded?;
    let runs: Vec<&Trace> = recorded.iter().collect();
    let comparison = align(&runs);
    if arguments.system.json {
        print_json(&report(&runs, &comparison, arguments.rows))?;
    } else {
        print(&text(&runs, &comparison, arguments.rows))?;
    }
    outcome(&runs)
}

/// What the runs are called.
fn names(runs: &[&Trace]) -> Vec<String> {
    forms::names(runs.iter().map(|run| &run.scenario.config))
}

fn report(runs: &[&Trace], comparison: &Comparison, limit: usize) -> Report {
    let row_report = |row: usize| {
        let Row { steps, anchor, .. } = comparison.rows.get(row)?;
        let step = |(trace, step): (&&Trace, &Option<u32>)| step_report(trace, (*step)? as usize);
        let steps = runs.iter().zip(steps).map(step).collect();
        Some(RowReport { row: row + 1, anchor: anchor.map(anchor_name), steps })
    };
    let difference = |range: &Range<usize>| DifferenceReport {
        first: range.start + 1,
        last: range.end,
        rows: range.clone().take(limit).filter_map(row_report).collect(),
    };
    Report {
        setting: json::Setting::of_all(runs),
        names: names(runs),
        runs: runs.iter().map(|run| json::Run::new(run)).collect(),
        not_comparable: (0..runs.len()).map(|run| not_comparable(runs, run)).collect(),
        counters: counters(runs).into_iter().map(counter_report).collect(),
        rows: comparison.rows.len(),
        differences: comparison.differences.iter().map(difference).collect(),
        partial_places: comparison.partial_places.iter().map(|partial| partial_place(runs, partial)).collect(),
    }
}

/// Why the counters of a run cannot be compared with those of the first run.
fn not_comparable(runs: &[&Trace], run: usize) -> Option<String> {
    let (which, why) = astray([*runs.first()?, *runs.get(run)?])?;
    Some(format!("{} {why}", names(runs)[[0, run][which]]))
}

fn counter_report(row: CounterRow) -> CounterReport {
    CounterReport {
        name: row.counter.name(),
        label: row.counter.label(),
        unit: row.counter.unit(),
        description: row.counter.description(),
        values: row.values,
        deltas: row.deltas,
    }
}

fn partial_place(runs: &[&Trace], (place, has): &(String, Vec<bool>)) -> PartialPlace {
    let forms = names(runs).into_iter().zip(has).filter(|&(_, &has)| has).map(|(name, _)| name).collect();
    PartialPlace { place: place.clone(), forms }
}

fn anchor_name(anchor: Anchor) -> &'static str {
    match anchor {
        Anchor::Delivery => "delivery",
        Anchor::Cr3Read => "cr3_read",
        Anchor::Cr3Write => "cr3_write",
        Anchor::Flush => "flush",
        Anchor::Swapgs => "swapgs",
        Anchor::Iret => "iret",
        Anchor::Label => "label",
    }
}

/// The notes on the texts, each once. Where not all texts with notes have it, those that have it are named.
fn notes(runs: &[&Trace], forms: &[String]) -> String {
    let of = |run: &&Trace| run.system.notes.iter().map(diagnostic::text).collect::<Vec<_>>();
    let all: Vec<_> = runs.iter().map(of).collect();
    let noted = all.iter().filter(|notes| !notes.is_empty()).count();
    let mut told: Vec<&String> = Vec::new();
    let mut text = String::new();
    for note in all.iter().flatten() {
        if told.contains(&note) {
            continue;
        }
        told.push(note);
        let having = forms.iter().zip(&all).filter(|(_, notes)| notes.contains(note));
        let having: Vec<_> = having.map(|(form, _)| form.as_str()).collect();
        let whose = if having.len() == noted { String::new() } else { format!("{}: ", having.join(", ")) };
        text += &rewrap(&format!("{whose}{note}"));
    }
    text
}

fn text(runs: &[&Trace], comparison: &Comparison, limit: usize) -> String {
    let forms = names(runs);
    let mut text = heading_of_all(runs, &forms);
    text += &notes(runs, &forms);
    for (index, (run, form)) in runs.iter().zip(&forms).enumerate() {
        let label = if index == 0 { "end" } else { "" };
        text += &rewrap(&format!("{label:<10}{form}: {}", ending(run, runs)));
    }
    let mut whys: Vec<_> = (0..runs.len()).filter_map(|run| not_comparable(runs, run)).collect();
    whys.dedup();
    text.extend(whys.iter().map(|why| labelled("counters", &format!("not comparable: {why}"))));
    text.push('\n');
    text += &counter_table(runs);
    let costs = costs(runs);
    if !costs.is_empty() {
        text.push('\n');
        text += &costs;
    }
    text.push('\n');
    text += &differences(runs, comparison, limit);
    text += &partial_places(runs, comparison);
    text
}

/// Counters that are not zero in every run; the first column has a mark if runs differ. Runs that do not fit beside the
/// others go into another table, beside the first run again.
fn counter_table(runs: &[&Trace]) -> String {
    let mut head = vec![String::new(), String::new()];
    for (index, form) in names(runs).into_iter().enumerate() {
        head.push(form);
        head.extend((index != 0).then(String::new));
    }
    let columns = head.len();
    let mut rows = vec![head];
    let counted = counters(runs).into_iter().filter(|row| row.values.iter().any(|&value| value != 0));
    rows.extend(counted.map(counter_row));
    let mut text = String::new();
    let mut first = FIXED;
    while first < columns || text.is_empty() {
        let end = fitting(&rows, columns, FIXED, first, 2);
        let part: Vec<_> = rows.iter().map(|row| [&row[..FIXED], &row[first..end]].concat()).collect();
        let mut align = vec![Align::Left; 2];
        align.resize(FIXED + end - first, Align::Right);
        text += if text.is_empty() { "" } else { "\n" };
        text += &table(&align, &part);
        first = end;
    }
    text
}

/// Mark, name and the first run's value. Each of the other runs has a value and a difference.
const FIXED: usize = 3;

fn counter_row(CounterRow { counter, values, deltas }: CounterRow) -> Vec<String> {
    let first = values.first().unwrap_or(&0);
    let differs = values.iter().any(|value| value != first);
    let mut row = vec![if differs { "~" } else { "" }.to_owned(), counter.label().to_owned()];
    for (index, (value, delta)) in values.iter().zip(&deltas).enumerate() {
        row.push(value.to_string());
        let sign = match delta {
            None if value != first => "n/c".to_owned(),
            None | Some(0) => String::new(),
            Some(delta) => format!("{delta:+}"),
        };
        row.extend((index != 0).then_some(sign));
    }
    row
}

/// Differences to show in full; further ones are only counted.
const SHOWN_DIFFERENCES: usize = 12;

fn differences(runs: &[&Trace], comparison: &Comparison, limit: usize) -> String {
    let count = comparison.differences.len();
    let rows = comparison.rows.len();
    if count == 0 {
        return format!("no difference in {rows} rows\n");
    }
    let mut text = String::new();
    for (number, range) in comparison.differences.iter().enumerate().take(SHOWN_DIFFERENCES) {
        let (first, last) = (range.start + 1, range.end);
        let _ = writeln!(text, "difference {} of {count}, rows {first} to {last} of {rows}", number + 1);
        let before = range.start.checked_sub(1).map(|row| row..row + 1);
        let after = range.end..(range.end + 1).min(rows);
        let shown = range.clone().take(limit);
        text += &row_table(runs, comparison, before.into_iter().flatten().chain(shown.clone()));
        let omitted = range.len().saturating_sub(limit);
        if omitted != 0 {
            let _ = writeln!(text, "  … {omitted} more rows, --rows shows more");
        } else {
            text += &row_table(runs, comparison, after);
        }
        text += &sentences(runs, comparison, shown);
        text.push('\n');
    }
    let omitted = count.saturating_sub(SHOWN_DIFFERENCES);
    if omitted != 0 {
        let _ = writeln!(text, "… {omitted} more differences; --json lists all");
    }
    text
}

/// Width of the column with the places, and of the marks before it.
const PLACE: usize = 30;
const MARK: usize = 4;

/// Two runs appear side by side. For more runs, each row says which have it.
fn row_table(runs: &[&Trace], comparison: &Comparison, rows: impl Iterator<Item = usize>) -> String {
    let mut text = String::new();
    for row in rows.filter_map(|row| comparison.rows.get(row)) {
        let _ = write!(text, "  {} {}", mark(row), beside(&place(runs, row), PLACE - 1, MARK));
        let cells = if runs.len() <= 2 { side_by_side(runs, row) } else { presence(runs, row) };
        text += cells.trim_end();
        text.push('\n');
    }
    text
}

fn side_by_side(runs: &[&Trace], row: &Row) -> String {
    let width = (WIDTH - MARK - PLACE) / runs.len().max(1) - 3;
    let cells = runs.iter().zip(&row.steps).map(|(trace, step)| cut(&cell(trace, *step), width));
    cells.map(|cell| format!("| {cell:<width$} ")).collect()
}

fn presence(runs: &[&Trace], row: &Row) -> String {
    let instruction = runs.iter().zip(&row.steps).find(|(_, step)| step.is_some());
    let instruction = instruction.map_or_else(String::new, |(trace, step)| cell(trace, *step));
    let forms = names(runs).into_iter().zip(&row.steps);
    let forms: Vec<_> = forms.map(|(form, step)| if step.is_some() { form } else { "-".repeat(form.len()) }).collect();
    let forms = forms.join(" ");
    let (width, needed) = (WIDTH - MARK - PLACE, forms.chars().count() + 2);
    match width.checked_sub(needed).filter(|left| *left >= INSTRUCTION) {
        Some(left) => format!("{:<left$}  {forms}", cut(&instruction, left)),
        None => format!("{}\n{}", cut(&instruction, width), wrap(&forms, MARK + PLACE)),
    }
}

/// Minimum room for an instruction beside the forms that have it.
const INSTRUCTION: usize = 24;

/// `-` if only the first run has a step, `+` if it has none, `~` if steps differ otherwise.
fn mark(row: &Row) -> char {
    let missing = row.steps.iter().any(Option::is_none);
    match (row.differs, missing, row.steps.first()) {
        (false, ..) => ' ',
        (true, true, Some(Some(_))) => '-',
        (true, true, _) => '+',
        (true, false, _) => '~',
    }
}

fn place(runs: &[&Trace], row: &Row) -> String {
    let present = runs.iter().zip(&row.steps).find_map(|(trace, step)| Some(trace.place_name((*step)? as usize)));
    present.unwrap_or_default()
}

fn cell(trace: &Trace, step: Option<u32>) -> String {
    let Some(detail) = step.and_then(|step| trace.detail(step as usize)) else {
        return "no step".to_owned();
    };
    match (&detail.delivered, &detail.line, &detail.decoded) {
        (Some(delivered), ..) => format!("{} is delivered", cr3_core::trace::event_name(delivered.event)),
        (None, Some(line), _) => line.text.clone(),
        (None, None, Some(instruction)) => cr3_core::trace::att(&trace.system.image, instruction),
        (None, None, None) => detail.sentence(trace),
    }
}

/// Sentences for steps that are anchors, or that differ though every run has one. Runs that did the same share a line.
fn sentences(runs: &[&Trace], comparison: &Comparison, rows: impl Iterator<Item = usize>) -> String {
    let mut text = String::new();
    for row in rows.filter_map(|row| comparison.rows.get(row)).filter(|row| row.anchor.is_some() || mark(row) == '~') {
        let mut said: Vec<(String, Vec<String>)> = Vec::new();
        for ((trace, form), step) in runs.iter().zip(names(runs)).zip(&row.steps) {
            let Some(sentence) = step.and_then(|step| sentence(runs, row, trace, step as usize)) else {
                continue;
            };
            let who = format!("{form} {}", step.map_or(0, |step| step + 1));
            match said.iter_mut().find(|(other, _)| *other == sentence) {
                Some((_, others)) => others.push(who),
                None => said.push((sentence, vec![who])),
            }
        }
        said.iter().for_each(|(sentence, who)| text += &wrap(&format!("{}: {sentence}", who.join(", ")), 4));
    }
    text
}

/// A step's sentence, with CR3 if the runs of the row disagree on it.
fn sentence(runs: &[&Trace], row: &Row, trace: &Trace, step: usize) -> Option<String> {
    let cr3_after = |(trace, step): (&&Trace, &Option<u32>)| Some(trace.steps.get((*step)? as usize)?.cr3_after);
    let own = trace.steps.get(step)?.cr3_after;
    let agreed = runs.iter().zip(&row.steps).filter_map(cr3_after).all(|other| other == own);
    let sentence = trace.detail(step)?.sentence(trace);
    Some(if agreed { sentence } else { format!("{sentence}; CR3 {}", selected(trace, own)) })
}

fn partial_places(runs: &[&Trace], comparison: &Comparison) -> String {
    let mut text = String::new();
    for partial in &comparison.partial_places {
        let PartialPlace { place, forms } = partial_place(runs, partial);
        text += &wrap(&format!("{place} exists in {} only", forms.join(", ")), 0);
    }
    text
}
