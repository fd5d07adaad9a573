//! What `cargo xtask bench` calls in a page that it builds with the feature `bench`. The page itself calls none of it.
//! JavaScript holds the clock.

use cr3_core::benchmark::{count, storm};
use cr3_core::linux::boot;
use wasm_bindgen::prelude::*;

/// Runs the benchmark `rounds` times with all counters on. Returns the number of instructions as a JavaScript number,
/// or 0 if Linux did not boot.
#[wasm_bindgen]
#[must_use]
pub fn run_storm(rounds: u32) -> f64 {
    let storm = storm();
    let Ok(system) = boot(&storm.config) else { return 0.0 };
    (0..rounds).map(|_| count(&system, &storm) as f64).sum()
}
