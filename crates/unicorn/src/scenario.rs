//! Whole runs of the Linux image on both processors in one call: uninterrupted, and with an event injected at every place.

use crate::checker::Checker;
use crate::follow::{Run, Sweep};
use crate::paging_structures;
use crate::processor::Processor;
use cr3_core::linux::{System, layout};
use cr3_core::machine::Machine;
use cr3_core::machine::paging::Start;
use cr3_core::run::End;
use cr3_core::scenario::{Schedule, Vector};

pub use crate::follow::{Report, Swept, arrivals};

/// Runs `schedule` on both from the start, at most `budget` steps.
///
/// # Errors
/// The first difference.
pub fn check<P: Processor>(
    checker: &mut Checker<P>,
    system: &System,
    schedule: &Schedule,
    budget: u32,
) -> Result<End, Report> {
    let mut run = Run::start(checker, system, schedule, budget);
    run.advance(checker, u32::MAX);
    match run.report(checker) {
        Some(report) => Err(report),
        None => Ok(run.end().cloned().unwrap_or(End::Budget { steps: budget })),
    }
}

/// Injects `vector` at each of `arrivals`, and compares from there until some steps after the handler has returned.
///
/// # Errors
/// The first difference.
pub fn sweep<'a, P: Processor>(
    checker: &mut Checker<P>,
    system: &System,
    arrivals: impl IntoIterator<Item = &'a Machine>,
    vector: Vector,
) -> Result<Swept, Report> {
    let arrivals = arrivals.into_iter().cloned().collect();
    let mut sweep = Sweep::start(checker, system, arrivals, &[vector]);
    while !sweep.is_done() && checker.verdict().is_none() {
        sweep.advance(checker, u32::MAX);
    }
    sweep.report(checker).map_or(Ok(sweep.swept()), Err)
}

/// `system` with the accessed and dirty flags of all its page tables clear. Linux sets them beforehand; here a run has to.
pub fn with_clear_flags(system: &System) -> System {
    let mut system = system.clone();
    let roots = [
        layout::TABLES_PHYSICAL,
        layout::INIT_TABLES_PHYSICAL,
        layout::POKING_TABLES_PHYSICAL,
        layout::SECOND_TABLES_PHYSICAL,
    ];
    for table in roots.into_iter().flat_map(|kernel| [kernel, kernel | layout::PTI_USER_PGTABLE_MASK]) {
        let root = Start { table, ..Start::root(&system.machine.cpu) };
        paging_structures::clear_flags(root, &mut system.machine.memory);
    }
    system
}
