//! Fixed pieces of work to measure speed with, the same natively and in a browser. The caller holds the clock.

#[cfg(feature = "search")]
mod searches;

#[cfg(feature = "search")]
pub use searches::{Length, Search, searches};

use crate::counters::{Counter, Tally};
use crate::linux::{Config, System};
use crate::run::Runner;
use crate::scenario::{Injection, Nesting, Place, Places, Scenario, Schedule, Vector};

/// Steps of each run.
pub const STEPS: u32 = 100_000;

/// NMI after NMI at the same place of the kernel, for more than [`STEPS`] steps.
#[must_use]
pub fn storm() -> Scenario {
    let place = Place { label: "kernel_loop".to_owned(), offset: 1, occurrence: 1 };
    let injection = Injection { place, vector: Vector::Nmi, nesting: Nesting::After };
    Scenario { config: Config::default(), schedule: Schedule { injections: vec![injection; 1000] } }
}

/// Runs [`STEPS`] steps of `scenario` on `system` with all counters on. Returns the number of instructions that
/// retired.
#[must_use]
pub fn count(system: &System, scenario: &Scenario) -> u64 {
    let mut tally = Tally::new(&system.machine);
    let mut runner = Runner::new(system.machine.clone(), &Places::new(&system.image), &scenario.schedule);
    for _ in 0..STEPS {
        if runner.step(&mut tally).is_err() {
            break;
        }
    }
    tally.counters()[Counter::Instructions]
}
