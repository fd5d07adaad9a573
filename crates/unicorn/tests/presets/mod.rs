//! Whole scenarios that the WebAssembly build follows step by step; shared by the tests in a browser and in Node.

use cr3_core::linux::{Form, System, boot};
use cr3_core::run::StepKind;
use cr3_core::scenario::Scenario;
use cr3_core::scenario::presets::PRESETS;
use cr3_core::trace::{Options, Step, Trace};
use cr3_unicorn::checker::{Checked, Tally};
use cr3_unicorn::follow::{Job, Progress};
use cr3_unicorn::limits::Limit;
use cr3_unicorn::processor::Processor;
use cr3_unicorn::wasm::Engine;
use js_sys::Uint8Array;
use js_sys::WebAssembly::Module;

static MODULE: &[u8] = include_bytes!(env!("UNICORN_WASM"));

/// Steps of a run; one of the presets is an endless loop of faults.
pub(super) const BUDGET: u32 = 5_000;

pub(super) fn module() -> Module {
    Module::new(&Uint8Array::from(MODULE).into()).expect("the module compiles")
}

pub(super) fn engine() -> Engine {
    Engine::open(&module()).expect("the module starts")
}

pub(super) fn system(scenario: &Scenario) -> System {
    boot(&scenario.config).unwrap_or_else(|diagnostics| panic!("{diagnostics:?}"))
}

/// Runs `scenario` on both. Returns the second CPU, the result of each step, and the end.
pub(super) fn follow<P: Processor>(follower: P, scenario: &Scenario) -> (P, Vec<Checked>, Progress) {
    let mut job = Job::new(follower, &system(scenario), &scenario.schedule, BUDGET);
    let progress = job.advance(u32::MAX);
    (job.into_follower(), progress.marks.clone(), progress)
}

/// Follows to the end. Each step of the trace has one mark. Instructions agree, and both do the deliveries, except for
/// `unjudged` deliveries that fault themselves.
pub(super) fn agreed(engine: Engine, scenario: &Scenario, unjudged: usize) -> (Engine, Tally) {
    let trace = Trace::record(scenario, Options { budget: BUDGET }).expect("the scenario assembles");
    let (engine, marks, progress) = follow(engine, scenario);
    if let Some(report) = progress.report {
        panic!("{scenario}\n{report}");
    }
    let delivers = |step: &&Step| matches!(step.kind, StepKind::Delivery { .. });
    let deliveries = trace.steps.iter().filter(delivers).count();
    let expected = (trace.steps.len() - deliveries, deliveries - unjudged, unjudged);
    let count = |wanted| marks.iter().filter(|mark| **mark == wanted).count();
    let fault = Checked::Unjudged(Limit::DeliveryFault);
    let found = (count(Checked::Agrees), count(Checked::DeliveredByBoth), count(fault));
    assert_eq!((found, progress.end), (expected, Some(trace.end)), "{scenario}");
    (engine, progress.tally)
}

/// Every preset with every form of the macro. Returns how many runs, and what was compared.
pub(super) fn every_preset_agrees() -> (u64, Tally) {
    let (mut engine, mut total) = (engine(), Tally::default());
    // Unicorn keeps no global translation when CR3 is written, and efi-call goes on by these on tables that map nothing.
    let presets: Vec<_> = PRESETS.iter().filter(|preset| preset.name != "efi-call").collect();
    for preset in &presets {
        for form in Form::NAMED {
            // Its #VC restores the user CR3 on the stack, which that CR3 does not map, so a page fault cannot be
            // delivered either.
            let faults = preset.name == "vc-syscall-gap" && form != Form::Never;
            let unjudged = if faults { 2 } else { 0 };
            let tally;
            (engine, tally) = agreed(engine, &preset.scenario(form), unjudged);
            total.add(&tally);
        }
    }
    ((presets.len() * Form::NAMED.len()) as u64, total)
}
