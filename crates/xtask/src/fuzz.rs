//! `cargo xtask fuzz`: random instructions on our machine and on Unicorn, with a time budget.

use crate::failure::Failure;
use crate::project::Project;
use crate::{setup, steps};

/// Runs new seeds for `minutes`.
pub(crate) fn run(project: &Project, minutes: u32) -> Result<(), Failure> {
    setup::for_native_unicorn(project)?;
    let mut cargo = project.cargo(&["test", "--release", "--locked", "--package", "cr3-unicorn", "--test", "random"]);
    cargo.args(["--", "--nocapture"]).env("CR3_FUZZ_SECONDS", (u64::from(minutes) * 60).to_string());
    let headline = format!("random instructions on both processors, {minutes} min");
    let mend = "the report above names seed and case: \
                CR3_FUZZ_SEED=SEED CR3_FUZZ_CASE=CASE cargo test --release -p cr3-unicorn --test random";
    steps::run_showing(&headline, &mut cargo, closes, mend).map(drop)
}

/// The seeds that were run and what was compared.
fn closes(line: &str) -> bool {
    line.starts_with("seed ") || line.starts_with("compared ")
}
