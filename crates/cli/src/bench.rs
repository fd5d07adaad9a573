//! `cr3play bench`: instructions per second on this machine.

use crate::arguments::BenchArguments;
use crate::diagnostic;
use crate::outcome::{Outcome, WrongUse, print, print_json};
use crate::table::{Align, table};
use cr3_core::counters::{Counter, Tally};
use cr3_core::linux::{Config, System, boot};
use cr3_core::run::Runner;
use cr3_core::scenario::{Places, Scenario, Schedule};
use cr3_core::trace::{Options, Trace};
use serde::Serialize;
use std::time::{Duration, Instant};

/// A sample takes at least this long.
const SAMPLE: Duration = Duration::from_millis(200);

#[derive(Serialize)]
struct Measured {
    name: &'static str,
    unit: &'static str,
    median: f64,
    lowest: f64,
    highest: f64,
}

pub(crate) fn bench(arguments: &BenchArguments) -> Result<Outcome, WrongUse> {
    let system = boot(&Config::default()).map_err(|diagnostics| diagnostic::refused(&diagnostics))?;
    let places = Places::new(&system.image);
    let all = [
        measure("counted", arguments.samples, || count(&system, &places)),
        measure("recorded", arguments.samples, || record(&system)),
    ];
    if arguments.json {
        print_json(&all)?;
    } else {
        print(&text(&all, arguments.samples))?;
    }
    Ok(Outcome::Success)
}

/// Runs the user program to its end with counters on; the number of instructions.
fn count(system: &System, places: &Places) -> u64 {
    let mut tally = Tally::new(&system.machine);
    let mut runner = Runner::new(system.machine.clone(), places, &Schedule::default());
    while runner.step(&mut tally).is_ok() {}
    tally.counters()[Counter::Instructions]
}

/// The same, recorded so that every step can be shown.
fn record(system: &System) -> u64 {
    let trace = Trace::record_system(system.clone(), &Scenario::default(), Options::default());
    trace.counters[Counter::Instructions]
}

fn measure(name: &'static str, samples: u32, work: impl Fn() -> u64) -> Measured {
    let mut rates: Vec<f64> = (0..samples).map(|_| sample(&work)).collect();
    rates.sort_by(f64::total_cmp);
    let at = |index: usize| rates.get(index).copied().unwrap_or(0.0);
    let (median, highest) = (at(rates.len() / 2), at(rates.len().saturating_sub(1)));
    Measured { name, unit: "instructions/s", median, lowest: at(0), highest }
}

fn sample(work: impl Fn() -> u64) -> f64 {
    let start = Instant::now();
    let mut instructions = 0;
    while start.elapsed() < SAMPLE {
        instructions += work();
    }
    instructions as f64 / start.elapsed().as_secs_f64()
}

fn text(all: &[Measured], samples: u32) -> String {
    let millions = |rate: f64| format!("{:.1}", rate / 1e6);
    let mut rows = vec![["million instructions/s", "median", "lowest", "highest"].map(str::to_owned).to_vec()];
    rows.extend(all.iter().map(|measured| {
        vec![measured.name.to_owned(), millions(measured.median), millions(measured.lowest), millions(measured.highest)]
    }));
    let build = if cfg!(debug_assertions) { ", a debug build: compile with --release to measure" } else { "" };
    let table = table(&[Align::Left, Align::Right, Align::Right, Align::Right], &rows);
    format!("{table}{samples} samples of {} ms{build}\n", SAMPLE.as_millis())
}
