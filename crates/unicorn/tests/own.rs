//! Our machine as its own second CPU: the checker itself causes every difference and every limit.

mod delivered;
mod shutdown;

use cr3_core::geometry::Geometry;
use cr3_core::linux::{Config, Features, Form, Handler, System, boot};
use cr3_core::machine::{Machine, Register};
use cr3_core::scenario::presets::PRESETS;
use cr3_core::scenario::{Scenario, Vector};
use cr3_core::trace::{Options, Trace};
use cr3_unicorn::checker::{Checked, Tally, Verdict};
use cr3_unicorn::follow::{Job, Progress, SweepJob};
use cr3_unicorn::limits::Limit;
use cr3_unicorn::native::Native;
use cr3_unicorn::processor::{CpuState, Outcome, Processor, Raised};
use cr3_unicorn::wrong::Wrong;
use cr3_unicorn_testing::fuzz::Fuzzer;
use cr3_unicorn_testing::own::Own;
use expect_test::expect;

/// Steps of a run; one of the presets is an endless loop of faults.
const BUDGET: u32 = 5_000;

fn own() -> Own {
    Own::new(&Machine { cpu: opening(Form::E).1.machine.cpu, memory: Default::default(), tlb: Default::default() })
}

fn system(scenario: &Scenario) -> System {
    boot(&scenario.config).unwrap_or_else(|diagnostics| panic!("{diagnostics:?}"))
}

/// The page's opening story: an NMI in kernel code.
fn opening(form: Form) -> (Scenario, System) {
    let (features, geometry) = (Features::ALL, Geometry::Architectural);
    let config = Config { features, form, handler: Handler::Quiet.into(), geometry, ..Config::default() };
    let scenario = Scenario { config, schedule: "kernel_loop+1:nmi".parse().expect("a schedule") };
    let system = system(&scenario);
    (scenario, system)
}

fn followed<P: Processor>(follower: P, scenario: &Scenario) -> Progress {
    Job::new(follower, &system(scenario), &scenario.schedule, BUDGET).advance(u32::MAX)
}

/// Every step agrees, and none needs a limit.
fn agreed(scenario: &Scenario) -> Tally {
    let trace = Trace::record(scenario, Options { budget: BUDGET }).expect("the scenario assembles");
    let progress = followed(own(), scenario);
    if let Some(report) = progress.report {
        panic!("{scenario}\n{report}");
    }
    assert_eq!((progress.marks.len(), progress.end), (trace.steps.len(), Some(trace.end)), "{scenario}");
    let agrees = |mark: &Checked| matches!(mark, Checked::Agrees | Checked::DeliveredByBoth);
    assert!(progress.marks.iter().all(agrees), "{scenario}");
    assert!(progress.tally.mirrored.is_empty(), "{scenario}: {}", progress.tally);
    progress.tally
}

#[test]
fn the_opening_story_agrees_without_a_limit() {
    let told = [Form::A, Form::E].map(|form| {
        let Tally { compared, delivered, delivered_by_both, .. } = agreed(&opening(form).0);
        format!("{compared} steps, {delivered} deliveries, {delivered_by_both} by both")
    });
    expect![[r#"
        1509 steps, 7 deliveries, 7 by both
        1507 steps, 7 deliveries, 7 by both"#]]
    .assert_eq(&told.join("\n"));
}

#[test]
fn every_preset_of_every_form_agrees_without_a_limit() {
    for preset in PRESETS {
        for form in Form::NAMED {
            agreed(&preset.scenario(form));
        }
    }
}

#[test]
fn every_single_injection_agrees_without_a_limit() {
    let (scenario, system) = opening(Form::A);
    let progress = SweepJob::new(own(), &system, &scenario.config, &Vector::ALL, 120).advance(u32::MAX);
    if let Some(report) = progress.report {
        panic!("{report}");
    }
    assert!(progress.tally.mirrored.is_empty(), "{}", progress.tally);
    assert_eq!(progress.tally.delivered, progress.tally.delivered_by_both);
    assert!(progress.swept.struck > 500, "{:?}", progress.swept);
}

/// Only INT1 is never given to a second CPU.
const CHECKERS_OWN: [Limit; 1] = [Limit::DebugTrap];

#[test]
fn random_instructions_agree_without_a_limit_of_unicorn() {
    let mut fuzzer = Fuzzer::new(own(), 0xc3).expect("our machine takes the image");
    if let Some(report) = fuzzer.run(0..20_000) {
        panic!("{report}");
    }
    let tally = fuzzer.tally();
    assert!(tally.mirrored.keys().all(|limit| CHECKERS_OWN.contains(limit)), "{tally}");
    assert!(tally.mirrored.values().sum::<u64>() < 200, "{tally}");
    assert!(tally.exceptions > 1_000 && tally.compared > 19_000, "{tally}");
}

#[test]
fn a_wrong_result_is_found_at_its_step() {
    let (scenario, _) = opening(Form::A);
    for right in [1, 7, 60] {
        let progress = followed(Wrong::after(right, own()), &scenario);
        let report = progress.report.expect("a wrong result is found");
        let Verdict::Mismatch(found) = report.verdict else { panic!("{report}") };
        assert_eq!((progress.marks.len() as u64, progress.marks.last()), (right, Some(&Checked::Differs)));
        let rax = Register::Rax as usize;
        assert_eq!(found.theirs.state.registers[rax], found.ours.state.registers[rax] ^ 1, "{found}");
    }
}

#[test]
fn a_wrong_delivery_is_found() {
    let (scenario, system) = opening(Form::E);
    assert_eq!(delivered::wrong_ones_are_found(own(), &system, &scenario.schedule, 7), 80);
}

/// `code` at the first instruction of the user program, in user mode. Returns the outcome of its step and the registers
/// afterwards.
fn stepped(code: &[u8]) -> (Own, Outcome, CpuState, Machine) {
    let mut machine = opening(Form::E).1.machine;
    let physical = physical_of_rip(&machine);
    machine.memory.write_bytes(physical, code);
    let mut own = Own::new(&machine);
    let outcome = own.step().expect("it steps").outcome;
    let state = own.state().expect("it gives its state");
    (own, outcome, state, machine)
}

fn physical_of_rip(machine: &Machine) -> u64 {
    use cr3_core::machine::paging;
    let walk = paging::walk(&machine.cpu, &machine.memory, machine.cpu.rip, paging::Start::root(&machine.cpu));
    let leaf = walk.steps().last().expect("user code is mapped").value;
    leaf & 0x000f_ffff_ffff_f000 | machine.cpu.rip & 0xfff
}

#[test]
fn what_is_raised_stops_it_before_the_delivery() {
    let raised = |vector, error_code| Outcome::Raised(Raised { vector, error_code, cr2: 0 });
    for (code, outcome, length) in [
        (&[0x0f, 0x0b][..], raised(6, 0), 0),
        (&[0xf4], raised(13, 0), 0),
        (&[0xcc], raised(3, 0), 1),
        (&[0xf1], raised(1, 0), 1),
        (&[0x90], Outcome::Retired, 1),
    ] {
        let (mut own, found, state, machine) = stepped(code);
        let expected = CpuState { rip: machine.cpu.rip + length, ..CpuState::of(&machine.cpu) };
        assert_eq!((found, state), (outcome, expected), "{code:02x?}");
        own.step().unwrap_or_else(|failure| panic!("{code:02x?}: {failure}"));
    }
}

#[test]
fn a_shutdown_is_compared() {
    assert_eq!(shutdown::by_both(own), [Some(Checked::DeliveredByBoth); 2]);
    shutdown::by_ours_alone(own);
    // Unicorn's library stops before it.
    let native = || Native::open().expect("Unicorn opens");
    assert_eq!(shutdown::by_both(native), [Some(Checked::Unjudged(Limit::ShutDown)); 2]);
}
