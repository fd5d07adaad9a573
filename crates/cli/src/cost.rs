//! `cr3play cpus`, `cr3play nmi`, and what runs cost on a processor.

use crate::arguments::{CpusArguments, NmiArguments, Range};
use crate::outcome::{Outcome, WrongUse, print, print_json};
use crate::table::{Align, labelled, table};
use crate::{forms, json};
use cr3_core::compare::astray;
use cr3_core::cost::{self, Cycles, Estimate, FORMULA, Figure, Load, Part, Profile};
use cr3_core::geometry::Geometry;
use cr3_core::trace::Trace;
use serde::Serialize;

#[derive(Serialize)]
struct CpuReport {
    geometry: &'static str,
    description: &'static str,
    reading: &'static str,
    processor: Option<ProcessorReport>,
}

#[derive(Serialize)]
struct ProcessorReport {
    name: &'static str,
    facts: &'static str,
    cr3_write: json::Figure,
    page_walk: json::Figure,
    invpcid: Option<json::Figure>,
    doubts: &'static str,
}

/// Every TLB model with what is published about it.
pub(crate) fn cpus(arguments: &CpusArguments) -> Result<Outcome, WrongUse> {
    match arguments.json {
        true => print_json(&Geometry::ALL.map(cpu_report))?,
        false => print(&Geometry::ALL.map(cpu).join("\n"))?,
    }
    Ok(Outcome::Success)
}

fn cpu_report(geometry: Geometry) -> CpuReport {
    let processor = |profile: &Profile| ProcessorReport {
        name: profile.hierarchy.name,
        facts: profile.facts,
        cr3_write: json::Figure::new(&profile.cr3_write),
        page_walk: json::Figure::new(&profile.page_walk),
        invpcid: profile.invpcid.as_ref().map(json::Figure::new),
        doubts: profile.hierarchy.doubts,
    };
    CpuReport {
        geometry: geometry.name(),
        description: geometry.description(),
        reading: geometry.reading_name(),
        processor: cost::profile(geometry).map(processor),
    }
}

fn cpu(geometry: Geometry) -> String {
    let mut text = format!("{geometry}\n");
    text += &labelled("  caches", geometry.description());
    text += &labelled("  reading", geometry.reading_name());
    let Some(profile) = cost::profile(geometry) else { return text };
    text += &labelled("  has", profile.facts);
    text += &figure("  CR3", "a write", Some(&profile.cr3_write));
    text += &figure("  walk", "one", Some(&profile.page_walk));
    text += &figure("  INVPCID", "one page", profile.invpcid.as_ref());
    text += &labelled("  doubts", profile.hierarchy.doubts);
    text
}

fn figure(label: &str, what: &str, figure: Option<&Figure>) -> String {
    match figure {
        None => labelled(label, "no figure is published"),
        Some(Figure { cycles, source, doubt }) => {
            labelled(label, &format!("{what} {cycles} cycles ({source}); doubt: {doubt}"))
        }
    }
}

#[derive(Serialize)]
struct NmiReport {
    formula: &'static str,
    nmis_per_second: f64,
    kernel_share: f64,
    hertz: f64,
    cycles: [u64; 2],
    share: [f64; 2],
    seconds_per_year: [f64; 2],
}

/// The cost of one CR3 write for each NMI.
pub(crate) fn nmi(arguments: &NmiArguments) -> Result<Outcome, WrongUse> {
    let cycles = arguments.cycles.map_or(cost::CR3_WRITE.cycles, |Range(cycles)| cycles);
    let load =
        Load { nmis_per_second: arguments.rate, kernel_share: arguments.kernel_share, hertz: arguments.ghz * 1e9 };
    let estimate = cost::estimate(load, cycles);
    match arguments.json {
        true => print_json(&nmi_report(load, cycles, estimate))?,
        false => print(&nmi_text(load, cycles, estimate))?,
    }
    Ok(Outcome::Success)
}

fn nmi_report(load: Load, cycles: Cycles, estimate: Estimate) -> NmiReport {
    NmiReport {
        formula: FORMULA,
        nmis_per_second: load.nmis_per_second,
        kernel_share: load.kernel_share,
        hertz: load.hertz,
        cycles: [cycles.low, cycles.high],
        share: estimate.share,
        seconds_per_year: estimate.seconds_per_year,
    }
}

fn nmi_text(load: Load, cycles: Cycles, estimate: Estimate) -> String {
    let [low, high] = estimate.share.map(|share| share * 100.0);
    let [least, most] = estimate.seconds_per_year.map(|seconds| seconds / 3600.0);
    let with = format!(
        "{} NMIs per second, {} of them in the kernel, {cycles} cycles each, {} GHz",
        load.nmis_per_second,
        load.kernel_share,
        load.hertz / 1e9
    );
    [
        labelled("formula", FORMULA),
        labelled("with", &with),
        labelled("share", &format!("{low:.4} % to {high:.4} % of one processor")),
        labelled("a year", &format!("{least:.2} to {most:.2} hours of one processor")),
        labelled("note", "an estimate from published ranges; nothing was measured"),
    ]
    .concat()
}

/// How much more a run cost than the first one; empty for runs with the same counts.
fn change(first: &Trace, run: &Trace, profile: &Profile) -> String {
    if astray([first, run]).is_some() {
        return "not comparable".to_owned();
    }
    match cost::difference(&first.counters, &run.counters, profile) {
        [0, 0] => String::new(),
        [low, high] if low == high => format!("{low:+}"),
        [low, high] => format!("{low:+} to {high:+}"),
    }
}

/// The cost of each run, part by part; empty if the TLB model is no processor.
pub(crate) fn costs(runs: &[&Trace]) -> String {
    let geometry = runs.first().map(|run| run.scenario.config.geometry).unwrap_or_default();
    let Some(profile) = cost::profile(geometry) else { return String::new() };
    let costs: Vec<_> = runs.iter().map(|run| cost::cost(&run.counters, profile)).collect();
    let mut head = vec![format!("cycles on {}", profile.hierarchy.name), "each".to_owned()];
    head.extend(forms::names(runs.iter().map(|run| &run.scenario.config)));
    let mut rows = vec![head];
    for (index, part) in Part::ALL.into_iter().enumerate() {
        let items = || costs.iter().map(|cost| cost.items[index]);
        if items().all(|item| item.count == 0) {
            continue;
        }
        let each = part.figure(profile).map_or_else(|| "no figure".to_owned(), |figure| figure.cycles.to_string());
        let cell = |item: cost::Item| match item.cycles {
            Some(cycles) => format!("{} x: {cycles}", item.count),
            None => format!("{} x", item.count),
        };
        rows.push([part.label().to_owned(), each].into_iter().chain(items().map(cell)).collect());
    }
    let totals = costs.iter().map(|cost| cost.total().to_string());
    rows.push(["sum".to_owned(), String::new()].into_iter().chain(totals).collect());
    if runs.len() > 1 {
        let changes = runs.iter().map(|run| change(runs[0], run, profile));
        rows.push(["difference".to_owned(), String::new()].into_iter().chain(changes).collect());
    }
    let mut align = vec![Align::Left];
    align.resize(runs.len() + 2, Align::Right);
    let note = "Published ranges, not measured here; `cr3play cpus` has sources and doubts.";
    let features = runs.first().map(|run| run.scenario.config.features).unwrap_or_default();
    let lacks = cost::lacks(features, profile).map(|lack| labelled("warning", &lack.to_string()));
    format!("{}{note}\n{}", table(&align, &rows), lacks.collect::<String>())
}
