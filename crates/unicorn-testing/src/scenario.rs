//! Whole runs of the Linux image on both processors in one call: uninterrupted, and with an event injected at every
//! place.

use cr3_core::linux::{System, layout};
use cr3_core::machine::bits::entry;
use cr3_core::machine::paging::Start;
use cr3_core::machine::{Machine, Memory};
use cr3_core::run::End;
use cr3_core::scenario::{Schedule, Vector};
use cr3_unicorn::checker::Checker;
use cr3_unicorn::follow::{Run, Sweep};
use cr3_unicorn::paging_structures::structures;
use cr3_unicorn::processor::Processor;

pub use cr3_unicorn::follow::{Report, Swept, arrivals};

/// Runs `schedule` on both from the start, for at most `budget` steps.
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

/// `system` with the accessed and dirty flags of all its page tables clear. Linux sets them beforehand; here a run has
/// to set them.
pub fn with_clear_flags(system: &System) -> System {
    let mut system = system.clone();
    let roots = [
        layout::TABLES_PHYSICAL,
        layout::INIT_TABLES_PHYSICAL,
        layout::POKING_TABLES_PHYSICAL,
        layout::SECOND_TABLES_PHYSICAL,
        layout::EFI_TABLE_PHYSICAL,
    ];
    for table in roots.into_iter().flat_map(|kernel| [kernel, kernel | layout::PTI_USER_PGTABLE_MASK]) {
        let root = Start { table, ..Start::root(&system.machine.cpu) };
        clear_flags(root, &mut system.machine.memory);
    }
    system
}

/// Clears the accessed and dirty flags of every entry, so that the code running there has to set them.
fn clear_flags(root: Start, memory: &mut Memory) {
    for table in structures(root, memory) {
        for physical in (table..table + 0x1000).step_by(8) {
            let value = memory.read_u64(physical);
            if value & entry::PRESENT != 0 {
                memory.write_u64(physical, value & !(entry::ACCESSED | entry::DIRTY));
            }
        }
    }
}
