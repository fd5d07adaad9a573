//! The WebAssembly build in a browser, followed by the same checker as native Unicorn.
//!
//! `cargo xtask test` runs this in headless Chromium; UNICORN_WASM names the module that it has built.
#![cfg(target_arch = "wasm32")]

mod delivered;
mod presets;
mod report;
mod shutdown;

use cr3_core::geometry::Geometry;
use cr3_core::linux::{Config, Features, Form, Handler};
use cr3_core::machine::{Machine, paging};
use cr3_core::scenario::{Scenario, Vector};
use cr3_core::trace::{Options, Trace};
use cr3_unicorn::checker::{Checked, Mismatch, Tally, Verdict};
use cr3_unicorn::follow::SweepJob;
use cr3_unicorn::limits::Limit;
use cr3_unicorn::processor::{CpuState, Outcome, Processor, Store};
use cr3_unicorn::wasm::Engine;
use cr3_unicorn::wrong::Wrong;
use js_sys::Uint8Array;
use js_sys::WebAssembly::Module;
use presets::{BUDGET, agreed, engine, follow, module, system};
use wasm_bindgen_test::{console_log, wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_dedicated_worker);

#[wasm_bindgen_test]
fn every_preset_of_every_form_agrees_step_by_step() {
    let (runs, total) = presets::every_preset_agrees();
    report::check("presets in every form, in a browser", runs, &total);
}

/// A run with every feature.
fn story(form: Form, schedule: &str) -> Scenario {
    let (features, geometry) = (Features::ALL, Geometry::Architectural);
    let config = Config { features, form, handler: Handler::Quiet.into(), geometry, ..Config::default() };
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
fn a_wrong_delivery_is_found() {
    let scenario = story(Form::E, "kernel_loop+1:nmi");
    assert_eq!(delivered::wrong_ones_are_found(engine(), &system(&scenario), &scenario.schedule, 7), 80);
}

#[wasm_bindgen_test]
fn a_shutdown_is_compared() {
    assert_eq!(shutdown::by_both(engine), [Some(Checked::DeliveredByBoth); 2]);
    shutdown::by_ours_alone(engine);
}

#[wasm_bindgen_test]
fn a_sweep_delivers_everything_itself() {
    let scenario = story(Form::E, "");
    let mut job = SweepJob::new(engine(), &system(&scenario), &scenario.config, &Vector::ALL, 60);
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

/// A machine with a page in each of this many blocks of 2 MiB besides its image.
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

/// `machine` with `code` at RIP.
fn patched(mut machine: Machine, code: &[u8]) -> Machine {
    let cpu = &machine.cpu;
    let walk = paging::walk(cpu, &machine.memory, cpu.rip, paging::Start::root(cpu));
    let leaf = walk.steps().last().expect("the code is mapped").value;
    let physical = leaf & 0x000f_ffff_ffff_f000 | cpu.rip & 0xfff;
    machine.memory.write_bytes(physical, code);
    machine
}

#[wasm_bindgen_test]
fn a_trap_is_a_failure_and_a_new_engine_goes_on() {
    let scenario = story(Form::E, "kernel_loop+1:nmi");
    // lock bt %eax,%eax: QEMU aborts, which is `unreachable` in the module. The checker never asks for it.
    let machine = patched(system(&scenario).machine, &[0xf0, 0x0f, 0xa3, 0xc0]);
    let mut trapping = engine();
    trapping.load(&machine).expect("the engine takes the image");
    let failure = trapping.step().expect_err("it traps");
    assert_eq!(failure.to_string(), "the second CPU cannot step: the WebAssembly module trapped: unreachable");
    drop(trapping);
    agreed(engine(), &scenario, 0);
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
