//! `cargo xtask fuzz`: everything that `cargo xtask test` samples, with a time budget. It runs random instructions and
//! the Linux image with an event at every place, both on our machine and on Unicorn; random code on Unicorn's JIT and
//! on its WebAssembly build; random operations on both models of the TLB; and whatever might make the engine panic,
//! hang or grow.

use crate::command::Input;
use crate::failure::Failure;
use crate::project::Project;
use crate::{robustness, setup, steps, unicorn};
use std::num::NonZero;
use std::thread;
use std::time::Duration;

/// Operations on both models of the TLB for each minute.
const TLB_OPERATIONS: u64 = 2_000_000;

/// Runs new seeds, each kind for about `minutes`.
pub(crate) fn run(project: &Project, minutes: u32, input: Input) -> Result<(), Failure> {
    match input {
        Input::Instructions => instructions(project, minutes),
        Input::Injections => injections(project, minutes),
        Input::Blobs => blobs(project, minutes),
        Input::Tlb => translations(project, minutes),
        Input::Robustness => robustness::run(project, minutes),
        Input::Explorer => explorer(project, minutes),
        Input::Every => every(project, minutes),
    }
}

/// A finding of one kind does not stop the others.
fn every(project: &Project, minutes: u32) -> Result<(), Failure> {
    let failures = Input::KINDS.into_iter().filter_map(|(_, input)| run(project, minutes, input).err());
    match failures.inspect(|failure| println!("{failure}\n")).count() {
        0 => Ok(()),
        found => Err(Failure::new(format!("{found} of {} kinds of input", Input::KINDS.len()), "see each one above")),
    }
}

fn translations(project: &Project, minutes: u32) -> Result<(), Failure> {
    let arguments =
        ["test", "--profile", "fuzz", "--locked", "--package", "cr3-vectors", "--test", "tlb_against_manual"];
    let mut cargo = project.cargo(&arguments);
    let seed = robustness::new_seed();
    let operations = u64::from(minutes) * TLB_OPERATIONS;
    cargo.args(["--", "--nocapture"]);
    cargo.env("CR3_TLB_OPERATIONS", operations.to_string()).env("CR3_TLB_SEED", seed.to_string());
    let headline = format!("{operations} random operations on both models of the TLB, seeds from {seed}");
    let mend = "the report above names the seed: \
                CR3_TLB_SEED=SEED CR3_TLB_OPERATIONS=2000 cargo test -p cr3-vectors --test tlb_against_manual";
    steps::run_showing(&headline, &mut cargo, |line| line.contains(" operations from seed "), mend).map(drop)
}

/// Tests of the explorer that take at most as long as they are given after their searches: nineteen systems against
/// their summaries, and plain search against cut-off.
const EXPLORER_TESTS: u64 = 20;

/// As many of the tests as there are processors run beside each other.
fn explorer(project: &Project, minutes: u32) -> Result<(), Failure> {
    let arguments = ["test", "--profile", "fuzz", "--locked", "--package", "cr3-core", "--test", "explore"];
    let mut cargo = project.cargo(&arguments);
    let seed = robustness::new_seed();
    let at_once = thread::available_parallelism().map_or(1, NonZero::get) as u64;
    let rounds = EXPLORER_TESTS.div_ceil(at_once);
    let seconds = u64::from(minutes) * 60 / rounds;
    // Cargo takes one name itself; the test program takes several.
    cargo.args(["--", "--nocapture", "named::", "twins::shares_of_all_pairs"]);
    cargo.env("CR3_EXPLORER_SECONDS", seconds.to_string()).env("CR3_EXPLORER_SEED", seed.to_string());
    let headline =
        format!("the explorer's searches against each other, up to {seconds} s for each system, from seed {seed}");
    let mend = "the report above names system, seed and schedule: \
                CR3_EXPLORER_SEED=SEED CR3_EXPLORER_SECONDS=60 cargo test --profile fuzz -p cr3-core --test explore NAME";
    steps::run_showing(&headline, &mut cargo, says_how_far, mend).map(drop)
}

/// The lines in which the explorer's tests say what they have compared.
fn says_how_far(line: &str) -> bool {
    line.ends_with(": as the summaries say") || line.ends_with(": the same both ways")
}

fn instructions(project: &Project, minutes: u32) -> Result<(), Failure> {
    setup::for_native_unicorn(project)?;
    let mut cargo = project.cargo(&["test", "--release", "--locked", "--package", "cr3-unicorn", "--test", "random"]);
    cargo.args(["--", "--nocapture"]).env("CR3_FUZZ_SECONDS", (u64::from(minutes) * 60).to_string());
    let headline = format!("random instructions on both processors, {minutes} min");
    let mend = "the report above names seed and case: \
                CR3_FUZZ_SEED=SEED CR3_FUZZ_CASE=CASE cargo test --release -p cr3-unicorn --test random";
    steps::run_showing(&headline, &mut cargo, closes, mend).map(drop)
}

fn blobs(project: &Project, minutes: u32) -> Result<(), Failure> {
    setup::for_native_unicorn(project)?;
    unicorn::differential::fuzz(project, Duration::from_secs(u64::from(minutes) * 60))
}

/// As many configurations of the full sweep as fit, starting at one that the clock picks.
fn injections(project: &Project, minutes: u32) -> Result<(), Failure> {
    setup::for_native_unicorn(project)?;
    let arguments = ["test", "--release", "--locked", "--package", "cr3-unicorn", "--test", "scenarios"];
    let mut cargo = project.cargo(&arguments);
    cargo.args(["runs_with_an_injection_agree", "--", "--nocapture"]);
    cargo.env("CR3_SWEEP_SECONDS", (u64::from(minutes) * 60).to_string());
    let headline = format!("every event at every place of the Linux image on both processors, {minutes} min");
    let mend = "the report above names configuration and schedule: \
                CR3_SWEEP=all cargo test --release -p cr3-unicorn --test scenarios";
    steps::run_showing(&headline, &mut cargo, closes, mend).map(drop)
}

/// The seeds, how far a sweep got, and what was compared.
fn closes(line: &str) -> bool {
    line.starts_with("seed ") || line.starts_with("swept ") || line.contains(" cases, ")
}
