//! `cargo xtask fuzz`: everything that `cargo xtask test` samples, with a time budget. It runs random instructions and
//! the Linux image with an event at every place, both on our machine and on Unicorn; random code on Unicorn's JIT and
//! on its WebAssembly build; random operations on both models of the TLB; and whatever might make the engine panic,
//! hang or grow.

use crate::command::Input;
use crate::failure::Failure;
use crate::project::Project;
use crate::{robustness, setup, steps, unicorn};
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

/// Strikes of random schedules for each minute.
const STRIKES: u64 = 100_000;

fn explorer(project: &Project, minutes: u32) -> Result<(), Failure> {
    let arguments = ["test", "--profile", "fuzz", "--locked", "--package", "cr3-core", "--test", "explore"];
    let mut cargo = project.cargo(&arguments);
    let seed = robustness::new_seed();
    let strikes = u64::from(minutes) * STRIKES;
    cargo.args(["random_schedules_go_as_the_summaries_say", "--", "--nocapture"]);
    cargo.env("CR3_EXPLORER_STRIKES", strikes.to_string()).env("CR3_EXPLORER_SEED", seed.to_string());
    let headline = format!("{strikes} strikes of random schedules against the summaries, from seed {seed}");
    let mend = "the report above names seed and schedule: \
                CR3_EXPLORER_SEED=SEED cargo test -p cr3-core --test explore random_schedules_go";
    steps::run_showing(&headline, &mut cargo, |line| line.contains(" strikes from seed "), mend).map(drop)
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
