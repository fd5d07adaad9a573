//! `cr3play bench`: how fast this machine runs, shows, compares and assembles.

mod headers;
mod searches;

use crate::arguments::BenchArguments;
use crate::diagnostic;
use crate::outcome::{Outcome, WrongUse, print, print_json};
use crate::table::{Align, table};
use cr3_core::benchmark::{STEPS, count, storm};
use cr3_core::compare::compare;
use cr3_core::counters::Counter;
use cr3_core::linux::sources::form_source;
use cr3_core::linux::{Config, Form, System, boot};
use cr3_core::scenario::Scenario;
use cr3_core::trace::{Options, Trace};
use headers::Headers;
use searches::searches;
use serde::Serialize;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// A sample of a rate takes at least this long.
const SAMPLE: Duration = Duration::from_millis(200);

/// One thing that was measured.
#[derive(Serialize)]
struct Measured {
    name: &'static str,
    what: &'static str,
    unit: &'static str,
    median: f64,
    lowest: f64,
    highest: f64,
}

impl Measured {
    fn new(name: &'static str, what: &'static str, unit: &'static str, mut samples: Vec<f64>) -> Self {
        samples.sort_by(f64::total_cmp);
        let at = |index: usize| samples.get(index).copied().unwrap_or(0.0);
        let (median, highest) = (at(samples.len() / 2), at(samples.len().saturating_sub(1)));
        Self { name, what, unit, median, lowest: at(0), highest }
    }
}

pub(crate) fn bench(arguments: &BenchArguments) -> Result<Outcome, WrongUse> {
    let samples = arguments.samples;
    if let Some(depth) = arguments.explore {
        return tell(arguments, &searches(samples, depth)?);
    }
    let storm = storm();
    let (a, e) = (start(Form::A)?, start(Form::E)?);
    let long = [record(&a, &storm), record(&e, &storm)];
    let rates = "instructions/s";
    let all = [
        Measured::new("counted", "run with counters", rates, rate(samples, || count(&e, &storm))),
        Measured::new(
            "recorded",
            "run with counters, recorded",
            rates,
            rate(samples, || instructions(&record(&e, &storm))),
        ),
        Measured::new("seek", "show a step of 100,000, with its detail", "ms", seeks(&long[0])),
        Measured::new("compare", "align two runs of 100,000 steps", "ms", compares(samples, &long)),
        Measured::new("boot", "assemble and start a form", "ms", boots(samples)),
        Measured::new("edit", "from an edited macro to both runs recorded and aligned", "ms", edits(samples)?),
        Measured::new("headers", "assemble a text with 98 headers", "ms", headers(samples)),
    ];
    tell(arguments, &all)
}

fn tell(arguments: &BenchArguments, all: &[Measured]) -> Result<Outcome, WrongUse> {
    if arguments.json {
        print_json(&all)?;
    } else {
        print(&text(all, arguments.samples))?;
    }
    Ok(Outcome::Success)
}

fn start(form: Form) -> Result<System, WrongUse> {
    let config = Config { form, ..Config::default() };
    boot(&config).map_err(|diagnostics| diagnostic::refused(&diagnostics))
}

/// Runs with counters on, recorded so that every step can be shown.
fn record(system: &System, scenario: &Scenario) -> Trace {
    Trace::record_system(system.clone(), scenario, Options { budget: STEPS })
}

fn instructions(trace: &Trace) -> u64 {
    trace.counters[Counter::Instructions]
}

fn rate(samples: u32, work: impl Fn() -> u64) -> Vec<f64> {
    let sample = |_| {
        let start = Instant::now();
        let mut instructions = 0;
        while start.elapsed() < SAMPLE {
            instructions += work();
        }
        instructions as f64 / start.elapsed().as_secs_f64()
    };
    (0..samples).map(sample).collect()
}

fn milliseconds(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64() * 1000.0
}

/// Steps all over the trace, near keyframes and far from them.
fn seeks(trace: &Trace) -> Vec<f64> {
    let steps = (0..trace.steps.len()).step_by(997);
    steps.map(|step| milliseconds(|| drop(black_box(trace.detail(step))))).collect()
}

fn compares(samples: u32, [a, b]: &[Trace; 2]) -> Vec<f64> {
    (0..samples).map(|_| milliseconds(|| drop(black_box(compare(&[a, b]))))).collect()
}

fn boots(samples: u32) -> Vec<f64> {
    (0..samples).map(|_| milliseconds(|| drop(black_box(start(Form::E))))).collect()
}

/// What a person waits for after each change of a macro: their side assembles and runs anew, the other one only runs.
fn edits(samples: u32) -> Result<Vec<f64>, WrongUse> {
    let schedule = "kernel_loop+1:nmi".parse().unwrap_or_default();
    let scenario = Scenario { schedule, config: Config { form: Form::A, ..Config::default() } };
    let refused = |diagnostics: Vec<_>| diagnostic::refused(&diagnostics);
    let mut own = scenario.clone();
    own.config.form = Form::Custom;
    let record =
        |before: &[Trace], scenario: &Scenario| Trace::record_after(before, scenario, Options::default(), boot);
    let macro_text = form_source(Form::E, "").text;
    own.config.custom = macro_text.as_str().into();
    let mut runs = [record(&[], &scenario).map_err(refused)?, record(&[], &own).map_err(refused)?];
    let mut taken = Vec::new();
    for edit in 0..samples {
        own.config.custom = format!("{macro_text}\n// edit {edit}\n").into();
        let start = Instant::now();
        let next = [record(&runs, &scenario).map_err(refused)?, record(&runs, &own).map_err(refused)?];
        black_box(compare(&[&next[0], &next[1]]));
        taken.push(start.elapsed().as_secs_f64() * 1000.0);
        runs = next;
    }
    Ok(taken)
}

fn headers(samples: u32) -> Vec<f64> {
    let headers = Headers::new();
    (0..samples).map(|_| milliseconds(|| drop(black_box(headers.assemble())))).collect()
}

fn text(all: &[Measured], samples: u32) -> String {
    let mut rows = vec![["", "median", "lowest", "highest", ""].map(str::to_owned).to_vec()];
    rows.extend(all.iter().map(|Measured { what, unit, median, lowest, highest, .. }| {
        let (divisor, unit) = if *unit == "ms" { (1.0, "ms") } else { (1e6, "million/s") };
        let number = |value: &f64| format!("{:.2}", value / divisor);
        vec![(*what).to_owned(), number(median), number(lowest), number(highest), unit.to_owned()]
    }));
    let build = if cfg!(debug_assertions) { "; a debug build: compile with --release to measure" } else { "" };
    let align = [Align::Left, Align::Right, Align::Right, Align::Right, Align::Left];
    format!(
        "{}{samples} samples; rates count instructions, for at least {} ms each{build}\n",
        table(&align, &rows),
        SAMPLE.as_millis()
    )
}
