//! `cr3play run`, and what `compare` shares with it.

use crate::arguments::{RunArguments, Shown};
use crate::cost::costs;
use crate::findings::{self, outcome};
use crate::json::hex;
use crate::outcome::{Outcome, WrongUse, print, print_json};
use crate::table::{Align, beside, labelled, rewrap, table, wrap};
use crate::{diagnostic, forms, json};
use cr3_core::compare::{lacks_label, why_missed};
use cr3_core::counters::{Counter, CounterSet};
use cr3_core::linux::{Half, Kernel, Variation, tables_half};
use cr3_core::scenario::Scenario;
use cr3_core::trace::{End, Options, Step, StepDetail, StepKind, Trace, Unfired, att};
use serde::Serialize;

#[derive(Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    setting: json::Setting,
    #[serde(flatten)]
    run: json::Run,
    shown_steps: Vec<StepReport<'a>>,
}

/// A step, in full.
#[derive(Serialize)]
pub(crate) struct StepReport<'a> {
    /// From 1.
    step: usize,
    place: String,
    rip: String,
    instruction: Option<String>,
    /// The statement that was assembled, after macro expansion.
    text: Option<String>,
    level: u8,
    cpl: u8,
    cr3: String,
    cr3_after: String,
    counted: Vec<(&'static str, u32)>,
    registers: Vec<(&'a str, String, String)>,
    sentence: String,
}

/// Records a run.
pub(crate) fn record(scenario: &Scenario, budget: u32) -> Result<Trace, WrongUse> {
    Trace::record(scenario, Options { budget }).map_err(|diagnostics| diagnostic::refused(&diagnostics))
}

pub(crate) fn run(arguments: &RunArguments) -> Result<Outcome, WrongUse> {
    let config = arguments.system.config(arguments.form.as_deref())?;
    let trace = &record(&arguments.schedule.scenario(config), arguments.schedule.budget)?;
    let shown = shown(trace, &arguments.steps)?;
    if arguments.system.json {
        print_json(&Report {
            setting: json::Setting::new(&trace.scenario),
            run: json::Run::new(trace),
            shown_steps: shown.into_iter().filter_map(|index| step_report(trace, index)).collect(),
        })?;
    } else {
        print(&text(trace, &shown))?;
    }
    outcome(&[trace])
}

fn shown(trace: &Trace, which: &Shown) -> Result<Vec<usize>, WrongUse> {
    let count = trace.steps.len();
    match *which {
        Shown::Range { from, .. } if from > count => {
            let cause = format!("there is no step {from}: the run has {count}");
            Err(WrongUse::new(cause, "give a range that begins inside the run"))
        }
        Shown::Range { from, to } => Ok((from - 1..to.map_or(count, |to| (to - 1).min(count))).collect()),
        Shown::All => Ok((0..count).collect()),
        Shown::None => Ok(Vec::new()),
        Shown::Key => Ok((0..count).filter(|&index| is_key(&trace.steps[index])).collect()),
    }
}

/// Steps that a person looks for first.
fn is_key(step: &Step) -> bool {
    let marks: CounterSet =
        [Counter::Cr3Writes, Counter::DroppedEntries, Counter::Invlpg, Counter::Invpcid, Counter::RequestedFlushes]
            .into_iter()
            .chain([Counter::KeptFlushes, Counter::LostFlushes, Counter::LateFlushes, Counter::LeftoverFlushes])
            .collect();
    step.kind != StepKind::Instruction || step.counted.without(marks) != step.counted
}

pub(crate) fn step_report(trace: &Trace, index: usize) -> Option<StepReport<'static>> {
    let step = trace.steps.get(index)?;
    let detail = trace.detail(index)?;
    let sentence = detail.sentence(trace);
    let StepDetail { place, decoded, line, registers, .. } = detail;
    Some(StepReport {
        step: index + 1,
        place,
        rip: hex(step.rip),
        instruction: decoded.map(|instruction| att(&trace.system.image, &instruction)),
        text: line.map(|line| line.text),
        level: step.level,
        cpl: step.cpl,
        cr3: hex(step.cr3),
        cr3_after: hex(step.cr3_after),
        counted: trace.counts(index).iter().map(|(counter, amount)| (counter.name(), *amount)).collect(),
        registers: registers.iter().map(|change| (change.name, hex(change.before), hex(change.after))).collect(),
        sentence,
    })
}

/// What was run: form, features, handler, TLB, schedule.
fn heading(scenario: &Scenario, form: &str) -> String {
    heading_with(scenario, form, &labelled_kernel(scenario.config.kernel))
}

/// The same of runs that differ in their forms, and in their kernels if trees have others.
pub(crate) fn heading_of_all(runs: &[&Trace], forms: &[String]) -> String {
    let Some(first) = runs.first() else { return String::new() };
    let of = |run: &Trace| run.scenario.config.kernel;
    let kernels = match runs.iter().all(|run| of(run) == of(first)) {
        true => labelled_kernel(of(first)),
        false => {
            let each = runs.iter().zip(forms).zip(std::iter::once("kernel").chain(std::iter::repeat("")));
            each.map(|((run, form), label)| labelled(label, &format!("{form}: {}", kernel(of(run))))).collect()
        }
    };
    heading_with(&first.scenario, &forms.join(", "), &kernels)
}

fn heading_with(scenario: &Scenario, forms: &str, kernels: &str) -> String {
    let config = &scenario.config;
    let schedule = scenario.schedule.to_string();
    [
        labelled("form", forms),
        labelled("features", &config.features.to_string()),
        kernels.to_owned(),
        labelled("handler", &format!("{}: {}", config.handler, config.handler.description())),
        labelled("TLB", &format!("{}: {}", config.geometry, config.geometry.description())),
        labelled("reading", config.geometry.reading_name()),
        labelled("inject", if schedule.is_empty() { "nothing" } else { &schedule }),
    ]
    .concat()
}

/// Differences of the kernel from v6.12; nothing if it does not.
fn labelled_kernel(given: Kernel) -> String {
    if given == Kernel::V6_12 { String::new() } else { labelled("kernel", &kernel(given)) }
}

fn kernel(kernel: Kernel) -> String {
    let descriptions: Vec<_> = kernel.iter().map(Variation::description).collect();
    match descriptions.is_empty() {
        true => kernel.to_string(),
        false => format!("{kernel}: {}", descriptions.join("; ")),
    }
}

/// How a run ended and what it broke, in one or more lines. It is compared with `others`.
pub(crate) fn ending(trace: &Trace, others: &[&Trace]) -> String {
    ending_of(trace, others) + &findings::text(trace)
}

/// How a run ended, and which injections did not strike.
pub(crate) fn ending_of(trace: &Trace, others: &[&Trace]) -> String {
    ended(trace) + &missed(trace, others)
}

fn ended(trace: &Trace) -> String {
    let mut text = format!("{} after {} steps", trace.ending(), trace.steps.len());
    match &trace.end {
        End::Halted => text.push('\n'),
        End::Budget { .. } => text.push_str("; --budget gives more\n"),
        End::Shutdown { rip, chain } => {
            let place = trace.places.describe(*rip).unwrap_or_else(|| hex(*rip));
            text += &format!(", at {place}\n");
            let faults = chain.iter().map(|fault| wrap(&format!("{}: {}", fault.exception.name(), fault.cause), 4));
            text.extend(faults);
        }
    }
    text + &trace.goes_beyond().map_or_else(String::new, |said| wrap(&said, 4))
}

fn missed(trace: &Trace, others: &[&Trace]) -> String {
    let names = forms::names(others.iter().map(|other| &other.scenario.config));
    let name =
        |of: &Trace| others.iter().zip(&names).find(|(other, _)| std::ptr::eq(**other, of)).map(|(_, name)| name);
    let line = |unfired: &Unfired| match others.iter().find(|other| lacks_label(unfired, other)) {
        Some(other) => {
            let names = [trace, other].map(|of| name(of).map_or(of.scenario.config.form.name(), String::as_str));
            format!("{} did not strike: {}", unfired.injection, why_missed(unfired, other, names))
        }
        None => unfired.to_string(),
    };
    trace.unfired.iter().map(|unfired| wrap(&line(unfired), 4)).collect()
}

fn text(trace: &Trace, shown: &[usize]) -> String {
    let config = &trace.scenario.config;
    let name = forms::names([config]).concat();
    let mut text = heading(&trace.scenario, &forms::described(&name, config));
    text += &diagnostic::notes(&trace.system.notes);
    text += &rewrap(&format!("end       {}{}", ending(trace, &[]), findings::held(trace)));
    text.push('\n');
    text += &counters(trace);
    let cost = costs(&[trace]);
    if !cost.is_empty() {
        text.push('\n');
        text += &cost;
    }
    if !shown.is_empty() {
        text.push('\n');
        text += &steps(trace, shown);
    }
    text
}

fn counters(trace: &Trace) -> String {
    let counted = trace.counters.iter().filter(|&(_, value)| value != 0);
    let rows: Vec<_> = counted.map(|(counter, value)| vec![counter.label().to_owned(), value.to_string()]).collect();
    table(&[Align::Left, Align::Right], &rows)
}

/// A row for each step. A sentence that is too long continues below itself.
fn steps(trace: &Trace, shown: &[usize]) -> String {
    let mut text = format!("{:>6} in CPL {:<5} {:<PLACE$} what it did\n", "step", "CR3", "place");
    for &index in shown {
        if let (Some(step), Some(detail)) = (trace.steps.get(index), trace.detail(index)) {
            let cr3 = selected(trace, step.cr3);
            let head = format!("{:>6} {:>2} {:>3} {cr3:<5} ", index + 1, step.level, step.cpl);
            text += &head;
            text += &beside(&detail.place, PLACE, head.chars().count());
            text += wrap(&detail.sentence(trace), head.chars().count() + PLACE + 1).trim_start();
        }
    }
    text
}

/// Width of the column with the places. Longer ones get their own line.
const PLACE: usize = 27;

/// The half and the PCID that a CR3 value selects, in a few characters: `u 801`.
pub(crate) fn selected(trace: &Trace, cr3: u64) -> String {
    let features = trace.scenario.config.features;
    let half = match (features.pti, tables_half(cr3)) {
        (false, _) => "-",
        (true, Half::Kernel) => "k",
        (true, Half::User) => "u",
    };
    if features.pcid { format!("{half} {:x}", cr3 & 0xfff) } else { half.to_owned() }
}
