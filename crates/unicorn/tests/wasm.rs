//! The WebAssembly build in a browser, followed by the same checker as native Unicorn.
//!
//! `cargo xtask test` runs this in headless Chromium; UNICORN_WASM names the module that it has built.
#![cfg(target_arch = "wasm32")]

mod told;

use cr3_core::linux::{Config, Features, Form, Geometry, Handler, System, boot};
use cr3_core::machine::Machine;
use cr3_core::run::StepKind;
use cr3_core::scenario::presets::PRESETS;
use cr3_core::scenario::{Scenario, Vector};
use cr3_core::trace::{Options, Step, Trace};
use cr3_unicorn::checker::{Checked, Mismatch, Tally, Verdict};
use cr3_unicorn::follow::{Job, Progress, SweepJob};
use cr3_unicorn::limits::Limit;
use cr3_unicorn::processor::{CpuState, Outcome, Processor, Store};
use cr3_unicorn::wasm::Engine;
use cr3_unicorn::wrong::Wrong;
use js_sys::WebAssembly::Module;
use js_sys::{Date, Uint8Array};
use wasm_bindgen_test::{console_log, wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_dedicated_worker);

static MODULE: &[u8] = include_bytes!(env!("UNICORN_WASM"));

/// Steps of a run; one of the presets is an endless loop of faults.
const BUDGET: u32 = 5_000;

fn module() -> Module {
    Module::new(&Uint8Array::from(MODULE).into()).expect("the module compiles")
}

fn engine() -> Engine {
    Engine::open(&module()).expect("the module starts")
}

fn system(scenario: &Scenario) -> System {
    boot(&scenario.config).unwrap_or_else(|diagnostics| panic!("{diagnostics:?}"))
}

/// Runs `scenario` on both; the second CPU, what each step came to, and the end.
fn follow<P: Processor>(follower: P, scenario: &Scenario) -> (P, Vec<Checked>, Progress) {
    let mut job = Job::new(follower, &system(scenario), &scenario.schedule, BUDGET);
    let progress = job.advance(u32::MAX);
    (job.into_follower(), progress.marks.clone(), progress)
}

/// Follows to the end. Each step of the trace has one mark: instructions agree, deliveries are done by both, but for
/// `unjudged` deliveries that fault themselves.
fn agreed(engine: Engine, scenario: &Scenario, unjudged: usize) -> (Engine, Tally) {
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

#[wasm_bindgen_test]
fn every_preset_of_every_form_agrees_step_by_step() {
    let mut engine = engine();
    let mut total = Tally::default();
    for preset in PRESETS {
        for form in Form::NAMED {
            // Its #VC restores the user CR3 on the stack that this does not map, so that a page fault is not delivered either.
            let faults = preset.name == "vc-syscall-gap" && form != Form::Never;
            let unjudged = if faults { 2 } else { 0 };
            let tally;
            (engine, tally) = agreed(engine, &preset.scenario(form), unjudged);
            total.add(&tally);
        }
    }
    told::check("presets in every form, in a browser", (PRESETS.len() * Form::NAMED.len()) as u64, &total);
}

/// A run with every feature.
fn story(form: Form, schedule: &str) -> Scenario {
    let (features, geometry) = (Features::ALL, Geometry::Architectural);
    let config = Config { features, form, handler: Handler::Quiet.into(), geometry };
    Scenario { config, schedule: schedule.parse().expect("a schedule") }
}

#[wasm_bindgen_test]
fn every_vector_is_delivered_by_both() {
    let mut engine = engine();
    for vector in Vector::ALL {
        for place in ["user_start+2", "kernel_loop+1", "sysret_exit_user_cr3"] {
            let scenario = story(Form::E, &format!("{place}:{}", vector.name()));
            engine = agreed(engine, &scenario, 0).0;
        }
    }
}

#[wasm_bindgen_test]
fn nested_events_agree_for_every_form() {
    let mut engine = engine();
    for form in Form::NAMED {
        engine = agreed(engine, &story(form, "kernel_loop+1:nmi > exc_nmi+2:db, nmi_exit:nmi"), 0).0;
    }
}

fn mismatch(scenario: &Scenario, right: u64) -> (Vec<Checked>, Mismatch) {
    let (_, marks, progress) = follow(Wrong::after(right, engine()), scenario);
    match progress.report.expect("a wrong result is found").verdict {
        Verdict::Mismatch(mismatch) => (marks, *mismatch),
        Verdict::Failure(failure) => panic!("{failure}"),
    }
}

#[wasm_bindgen_test]
fn a_wrong_result_is_found_at_its_step() {
    let scenario = story(Form::E, "kernel_loop+1:nmi");
    let trace = Trace::record(&scenario, Options { budget: BUDGET }).expect("the scenario assembles");
    for right in [1, 7, 60] {
        let (marks, found) = mismatch(&scenario, right);
        let step = marks.len() - 1;
        assert_eq!(step as u64 + 1, right, "the n-th step is the first wrong one");
        assert_eq!(marks[step], Checked::Differs);
        assert_eq!(found.before, CpuState::of(&trace.machine_before(step).cpu));
        assert_eq!(found.theirs.state.registers[0], found.ours.state.registers[0] ^ 1);
        assert!(!found.bytes.is_empty(), "{found}");
    }
}

#[wasm_bindgen_test]
fn a_sweep_delivers_everything_itself() {
    let scenario = story(Form::E, "");
    let mut job = SweepJob::new(engine(), &system(&scenario), &Vector::ALL, 60);
    let progress = job.advance(u32::MAX);
    assert!(progress.is_done);
    if let Some(report) = progress.report {
        panic!("{report}");
    }
    assert_eq!(progress.tally.mirrored.keys().collect::<Vec<_>>(), [&Limit::DeliveryFault], "{}", progress.tally);
    let Tally { delivered, delivered_by_both, mirrored, .. } = progress.tally;
    assert_eq!(delivered, delivered_by_both + mirrored.values().sum::<u64>());
    assert!(delivered_by_both > progress.swept.struck, "each injection, and faults of the program");
}

/// A machine with a page in each of so many blocks of 2 MiB beside its image.
fn large(blocks: u64) -> Machine {
    let mut machine = system(&story(Form::E, "")).machine;
    for block in 0..blocks {
        machine.memory.write_u64((1 << 32) + (block << 21), 1);
    }
    machine
}

#[wasm_bindgen_test]
fn out_of_memory_is_a_failure_and_a_new_engine_goes_on() {
    let mut full = engine();
    let failure = full.load(&large(2_100)).expect_err("4 GiB is all that there is");
    assert!(failure.to_string().contains("memory"), "{failure}");
    drop(full);
    agreed(engine(), &story(Form::E, "kernel_loop+1:nmi"), 0);
}

#[wasm_bindgen_test]
fn a_module_that_is_another_is_refused() {
    // The smallest module: it exports nothing.
    let empty = Uint8Array::from(&b"\0asm\x01\0\0\0"[..]);
    let module = Module::new(&empty.into()).expect("it compiles");
    assert!(Engine::open(&module).is_err());
}

#[wasm_bindgen_test]
fn memory_that_is_not_there_comes_to_life() {
    let scenario = story(Form::E, "");
    let mut machine = system(&scenario).machine;
    let mut engine = engine();
    // mov %rax,(%rbx) at a page of the user program that is mapped to physical memory beyond the image
    machine.memory.write_u64(0x8_0000_0000, 0);
    engine.load(&machine).expect("the engine takes the image");
    let mut bytes = [1; 8];
    engine.read(0x9_0000_0000, &mut bytes).expect("memory is read");
    assert_eq!(bytes, [0; 8]);
    let step = engine.step().expect("the engine steps");
    assert_eq!((step.outcome, step.stores), (Outcome::Retired, Vec::<Store>::new()));
}

#[wasm_bindgen_test]
fn a_thousand_engines_do_not_use_up_the_browser() {
    let module = module();
    let machine = system(&story(Form::E, "")).machine;
    let mut sizes = Vec::new();
    for _ in 0..1_000 {
        let mut engine = Engine::open(&module).expect("there is room for another");
        engine.load(&machine).expect("the engine takes the image");
        engine.step().expect("the engine steps");
        sizes.push(engine.memory_size());
    }
    assert!(sizes.iter().all(|size| *size == sizes[0]), "each is as large as the first: {sizes:?}");
    assert!(sizes[0] < 64 << 20, "{}", sizes[0]);
    console_log!("an engine with the image: {} bytes", sizes[0]);
}

#[wasm_bindgen_test]
fn one_engine_follows_many_runs_in_the_same_memory() {
    let mut engine = engine();
    let mut sizes = Vec::new();
    for _ in 0..100 {
        engine = agreed(engine, &story(Form::E, "kernel_loop+1:nmi"), 0).0;
        sizes.push(engine.memory_size());
    }
    assert_eq!(sizes[99], sizes[9], "no growth: {sizes:?}");
}

/// How fast it is, told and not judged: a machine may be busy.
#[wasm_bindgen_test]
fn speed() {
    let now = Date::now;
    let (started, module) = (now(), module());
    let compiled = now();
    let mut engine = Engine::open(&module).expect("the module starts");
    let opened = now();
    let scenario = story(Form::E, "kernel_loop+1:nmi > exc_nmi+2:db, nmi_exit:nmi");
    let system = system(&scenario);
    let (mut steps, mut stories) = (0, Vec::new());
    for _ in 0..10 {
        let begun = now();
        let mut job = Job::new(engine, &system, &scenario.schedule, BUDGET);
        let loaded = now();
        steps = job.advance(u32::MAX).marks.len();
        stories.push((loaded - begun, now() - loaded));
        engine = job.into_follower();
    }
    let (first, then) = (stories[0], stories[9]);
    let mut job = SweepJob::new(engine, &system, &Vector::ALL, 50_000);
    let begun = now();
    let progress = job.advance(u32::MAX);
    let sweep_time = now() - begun;
    let tally = &progress.tally;
    let all = tally.compared + tally.delivered;
    console_log!(
        "compile {} ms, open {} ms, story of {steps} steps: load and run {first:?} ms at first, {then:?} ms then; \
         sweep {:?} of {} in {sweep_time} ms: {} steps, {:.0} per second",
        compiled - started,
        opened - compiled,
        progress.swept,
        progress.total,
        all,
        all as f64 / sweep_time * 1000.0,
    );
    if let Some(report) = progress.report {
        panic!("{report}");
    }
}
