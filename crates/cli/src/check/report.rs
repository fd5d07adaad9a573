//! The result of a comparison, as text and as JSON.

use super::follow::{Followed, Found};
use crate::arguments::CheckArguments;
use crate::diagnostic;
use crate::json::{self, hex};
use crate::outcome::{WrongUse, print, print_json};
use crate::run::{ending_of, heading_of_all};
use crate::table::{Align, labelled, rewrap, table, wrap};
use cr3_core::judge::{Findings, Kind};
use cr3_core::promises::Promises;
use cr3_core::trace::Trace;
use cr3_core::trust::{Counted, FIELDS, Field};
use cr3_unicorn::limits::Limit;
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    setting: json::Setting,
    runs: Vec<Run>,
    fields: Vec<FieldReport>,
}

#[derive(Serialize)]
struct Run {
    form: &'static str,
    /// Differences of the kernel from v6.12.
    kernel: String,
    notes: Vec<diagnostic::Report>,
    steps: usize,
    agrees: bool,
    /// Steps that both executed.
    compared: u64,
    exceptions: u64,
    deliveries: u64,
    deliveries_by_both: u64,
    injections: Option<u64>,
    refused_injections: Option<u64>,
    /// For a sweep: what is wrong with the runs. Agreement of processors says nothing about it.
    findings: Option<FindingsReport>,
    not_compared: Vec<NotCompared>,
    difference: Option<DifferenceReport>,
}

#[derive(Serialize)]
struct FindingsReport {
    judged: u32,
    runs: u32,
    kinds: Vec<KindReport>,
}

#[derive(Serialize)]
struct KindReport {
    wrong: String,
    runs: u32,
    first: String,
}

#[derive(Serialize)]
struct NotCompared {
    reason: &'static str,
    count: u64,
}

#[derive(Serialize)]
struct DifferenceReport {
    /// From 1.
    step: Option<usize>,
    place: Option<String>,
    inject: String,
    instruction: String,
    bytes: String,
    differences: Vec<String>,
    registers: Vec<RegisterReport>,
}

#[derive(Serialize)]
struct RegisterReport {
    name: &'static str,
    before: String,
    ours: String,
    theirs: String,
}

#[derive(Serialize)]
struct FieldReport {
    name: &'static str,
    vouched_for_by: &'static str,
    /// Steps, faults or deliveries of each run; none if runs say nothing about the field.
    compared: Option<Vec<u64>>,
    not_compared: &'static str,
}

pub(super) fn give(arguments: &CheckArguments, followed: &[Followed]) -> Result<(), WrongUse> {
    if !arguments.system.json {
        return print(&text(followed));
    }
    print_json(&Report {
        setting: json::Setting::of_all(&traces(followed)),
        runs: followed.iter().map(run_report).collect(),
        fields: FIELDS.iter().map(|field| field_report(field, followed)).collect(),
    })
}

fn traces(followed: &[Followed]) -> Vec<&Trace> {
    followed.iter().map(|followed| &followed.trace).collect()
}

fn form(followed: &Followed) -> &str {
    &followed.name
}

fn run_report(followed: &Followed) -> Run {
    let Followed { trace, tally, swept, findings, difference, .. } = followed;
    let not_compared = |(limit, count): (&Limit, &u64)| NotCompared { reason: limit.reason(), count: *count };
    Run {
        form: trace.scenario.config.form.name(),
        kernel: trace.scenario.config.kernel.to_string(),
        notes: diagnostic::Report::all(&trace.system.notes, &trace.system.sources),
        steps: trace.steps.len(),
        agrees: difference.is_none(),
        compared: tally.compared,
        exceptions: tally.exceptions,
        deliveries: tally.delivered,
        deliveries_by_both: tally.delivered_by_both,
        injections: swept.map(|swept| swept.struck),
        refused_injections: swept.map(|swept| swept.refused),
        findings: findings.as_ref().map(findings_report),
        not_compared: tally.mirrored.iter().map(not_compared).collect(),
        difference: difference.as_ref().map(|found| difference_report(found, followed)),
    }
}

fn findings_report(findings: &Findings) -> FindingsReport {
    let kind = |kind: &Kind| KindReport { wrong: kind.wrong.words(), runs: kind.runs, first: kind.first.to_string() };
    FindingsReport { judged: findings.judged, runs: findings.runs, kinds: findings.kinds.iter().map(kind).collect() }
}

/// Name, value before the step, ours after it, theirs.
fn registers(found: &Found) -> impl Iterator<Item = (&'static str, u64, u64, u64)> {
    let mismatch = &found.mismatch;
    let [before, ours, theirs] =
        [mismatch.before, mismatch.ours.state, mismatch.theirs.state].map(|state| state.fields());
    before
        .into_iter()
        .zip(ours)
        .zip(theirs)
        .map(|(((name, before), (_, ours)), (_, theirs))| (name, before, ours, theirs))
}

fn bytes(found: &Found) -> String {
    let bytes: Vec<_> = found.mismatch.bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    bytes.join(" ")
}

fn place(found: &Found, followed: &Followed) -> Option<String> {
    followed.trace.places.describe(found.mismatch.before.rip)
}

fn difference_report(found: &Found, followed: &Followed) -> DifferenceReport {
    let register = |(name, before, ours, theirs)| RegisterReport {
        name,
        before: hex(before),
        ours: hex(ours),
        theirs: hex(theirs),
    };
    DifferenceReport {
        step: found.step.map(|step| step + 1),
        place: place(found, followed),
        inject: found.schedule.clone(),
        instruction: found.mismatch.instruction.clone(),
        bytes: bytes(found),
        differences: found.mismatch.differences.iter().map(ToString::to_string).collect(),
        registers: registers(found).map(register).collect(),
    }
}

fn field_report(field: &Field, followed: &[Followed]) -> FieldReport {
    let all: Option<Vec<_>> = followed.iter().map(|followed| compared(field, followed)).collect();
    FieldReport { name: field.name, vouched_for_by: field.voucher.name(), compared: all, not_compared: field.unchecked }
}

/// How often a run compared a field; none if runs say nothing about it.
fn compared(field: &Field, followed: &Followed) -> Option<u64> {
    match field.counted {
        Counted::Steps => Some(followed.tally.compared),
        Counted::Faults => Some(followed.tally.exceptions),
        Counted::Deliveries => Some(followed.tally.delivered_by_both),
        Counted::Tests => None,
    }
}

fn text(followed: &[Followed]) -> String {
    let forms: Vec<_> = followed.iter().map(|followed| followed.name.clone()).collect();
    let mut text = heading_of_all(&traces(followed), &forms);
    text.extend(followed.iter().map(|followed| diagnostic::notes(&followed.trace.system.notes)));
    text.extend(followed.iter().map(summary));
    text.extend(followed.iter().filter_map(|followed| Some(difference(followed.difference.as_ref()?, followed))));
    text + &not_compared(followed) + &fields(followed)
}

/// How far a run was followed, and whether both agree.
fn summary(followed: &Followed) -> String {
    let verdict = match &followed.difference {
        None => "Unicorn agrees".to_owned(),
        Some(Found { step: Some(step), .. }) => format!("Unicorn differs at step {}", step + 1),
        Some(Found { schedule, .. }) if followed.swept.is_some() => format!("Unicorn differs, inject {schedule}"),
        Some(_) => "Unicorn differs in memory at the end".to_owned(),
    };
    let ran = match followed.swept {
        Some(swept) => {
            format!("{} single injections struck, {} are refused by the architecture\n", swept.struck, swept.refused)
        }
        None => ending_of(&followed.trace, &[]),
    };
    let mut lines = ran.lines();
    let first = format!("{}; {verdict}", lines.next().unwrap_or_default());
    let rest: String = lines.map(|line| format!("{line}\n")).collect();
    let findings = followed.findings.as_ref().map(|findings| wrong(form(followed), findings)).unwrap_or_default();
    labelled(form(followed), &first) + &rewrap(&rest) + &findings
}

/// What is wrong with the runs of a sweep; agreement does not show it.
fn wrong(form: &str, findings: &Findings) -> String {
    let Findings { judged, runs, kinds } = findings;
    let head = match runs {
        0 => format!("none of these {judged} runs of {form} breaks {}, and each ends as it should", Promises::JUDGED),
        _ => format!("agreement says nothing about {form}: {runs} of these {judged} runs go wrong"),
    };
    let kind = |kind: &Kind| wrap(&format!("{} {}, first {}", kind.runs, kind.wrong.words(), kind.first), 6);
    wrap(&head, 4) + &kinds.iter().map(kind).collect::<String>()
}

/// The reasons why Unicorn took over our result, with counts.
fn not_compared(followed: &[Followed]) -> String {
    let mut reasons = BTreeMap::<Limit, Vec<u64>>::new();
    for (index, run) in followed.iter().enumerate() {
        for (limit, count) in &run.tally.mirrored {
            reasons.entry(*limit).or_insert_with(|| vec![0; followed.len()])[index] = *count;
        }
    }
    let line = |(limit, counts): (&Limit, &Vec<u64>)| {
        let counts: Vec<_> = counts.iter().zip(followed).map(|(count, run)| format!("{} {count}", form(run))).collect();
        wrap(&format!("{}: {}", counts.join(", "), limit.reason()), 2)
    };
    match reasons.is_empty() {
        true => String::new(),
        false => {
            format!("\nsteps and deliveries that Unicorn took over:\n{}", reasons.iter().map(line).collect::<String>())
        }
    }
}

/// Who vouches for what, how often it was compared here, and what nobody compares.
fn fields(followed: &[Followed]) -> String {
    let mut align = vec![Align::Left, Align::Left];
    align.extend(followed.iter().map(|_| Align::Right));
    let mut rows = vec![vec![String::new(), "who vouches".to_owned()]];
    rows[0].extend(followed.iter().map(|run| form(run).to_owned()));
    rows.extend(FIELDS.iter().map(|field| counts(field, followed)));
    let lines = table(&align, &rows);
    let mut lines = lines.lines();
    let mut text = format!("\nhow often each was compared:\n{}\n", lines.next().unwrap_or_default());
    for (line, field) in lines.zip(&FIELDS) {
        text += &format!("{line}\n{}", wrap(&format!("not compared: {}", field.unchecked), 4));
    }
    text
}

fn counts(field: &Field, followed: &[Followed]) -> Vec<String> {
    let count = |run| compared(field, run).map_or_else(|| "-".to_owned(), |count| count.to_string());
    let names = [field.name, field.voucher.name()].map(str::to_owned);
    names.into_iter().chain(followed.iter().map(count)).collect()
}

/// Both states at the first difference.
fn difference(found: &Found, followed: &Followed) -> String {
    let mismatch = &found.mismatch;
    let place = place(found, followed).unwrap_or_else(|| hex(mismatch.before.rip));
    let mut text = format!("\n{}: the first difference, at {place}\n", form(followed));
    text += &wrap(&format!("{}   [{}]", mismatch.instruction, bytes(found)), 2);
    text.extend(mismatch.differences.iter().map(|difference| wrap(&difference.to_string(), 2)));
    let mut rows = vec![["", "before", "ours", "theirs", ""].map(str::to_owned).to_vec()];
    rows.extend(registers(found).map(|(name, before, ours, theirs)| {
        let mark = if ours == theirs { "" } else { "differs" };
        let value = |value| format!("{value:016x}");
        vec![format!("  {name}"), value(before), value(ours), value(theirs), mark.to_owned()]
    }));
    text + &table(&[Align::Left; 5], &rows)
}
