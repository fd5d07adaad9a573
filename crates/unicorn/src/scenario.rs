//! Whole runs of the Linux image on both processors: uninterrupted, and with an event injected at every place.

use crate::checker::{Checker, Verdict};
use crate::processor::Processor;
use crate::tables;
use cr3_core::linux::{System, layout};
use cr3_core::machine::Machine;
use cr3_core::machine::paging::Start;
use cr3_core::run::{End, Runner};
use cr3_core::scenario::{Injection, Nesting, Places, Schedule, Vector};
use std::collections::BTreeSet;
use std::fmt;

/// Steps after the handler has returned that are compared too.
const AFTERMATH: u32 = 48;

/// Steps of one injected run before it counts as endless.
const BUDGET: u32 = 20_000;

/// A run in which the two processors differ.
#[derive(Clone, Debug)]
pub struct Report {
    /// What was injected, in the text form of a schedule; empty for an uninterrupted run.
    pub schedule: String,
    /// The difference.
    pub verdict: Verdict,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "inject={}\n{}", self.schedule, self.verdict)
    }
}

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
    let places = Places::new(&system.image);
    checker.load(&system.machine);
    let mut runner = Runner::new(system.machine.clone(), &places, schedule);
    let end = steps(checker, &mut runner, budget);
    checker.compare_memory(runner.machine());
    report(checker, &schedule.to_string())?;
    Ok(end)
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
        tables::clear_flags(root, &mut system.machine.memory);
    }
    system
}

fn steps<P: Processor>(checker: &mut Checker<P>, runner: &mut Runner, budget: u32) -> End {
    for _ in 0..budget {
        if checker.verdict().is_some() {
            break;
        }
        if let Err(end) = runner.step(checker) {
            return end;
        }
    }
    End::Budget { steps: budget }
}

fn report<P: Processor>(checker: &Checker<P>, schedule: &str) -> Result<(), Report> {
    match checker.verdict() {
        None => Ok(()),
        Some(verdict) => Err(Report { schedule: schedule.to_owned(), verdict: verdict.clone() }),
    }
}

/// The machine at its first arrival at each place of the uninterrupted run, in the order of arrival.
pub fn arrivals(system: &System, budget: u32) -> Vec<Machine> {
    let places = Places::new(&system.image);
    let mut runner = Runner::new(system.machine.clone(), &places, &Schedule::default());
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for _ in 0..budget {
        let machine = runner.machine();
        if seen.insert(machine.cpu.rip) && places.at(machine.cpu.rip).is_some() {
            found.push(machine.clone());
        }
        if runner.step(&mut ()).is_err() {
            break;
        }
    }
    found
}

/// How many injections of a [`sweep`] struck, and how many the architecture refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Swept {
    pub struck: u64,
    pub refused: u64,
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
    let places = Places::new(&system.image);
    let mut swept = Swept::default();
    let mut held = system.machine.clone();
    checker.load(&held);
    for machine in arrivals {
        let Some(id) = places.at(machine.cpu.rip) else { continue };
        if cr3_core::machine::refusal(machine, vector.event()).is_some() {
            swept.refused += 1;
            continue;
        }
        let place = cr3_core::scenario::Place { occurrence: 1, ..places.place(id) };
        let injections = vec![Injection { place, vector, nesting: Nesting::After }];
        let schedule = Schedule { injections };
        checker.jump(&held, machine);
        let mut runner = Runner::new(machine.clone(), &places, &schedule);
        until_returned(checker, &mut runner);
        report(checker, &schedule.to_string())?;
        held = runner.machine().clone();
        swept.struck += 1;
    }
    checker.compare_memory(&held);
    report(checker, "")?;
    Ok(swept)
}

/// Steps until the injected handler has returned, and a little on.
fn until_returned<P: Processor>(checker: &mut Checker<P>, runner: &mut Runner) {
    let depth = runner.nest().depth();
    let mut aftermath = AFTERMATH;
    for _ in 0..BUDGET {
        if checker.verdict().is_some() || aftermath == 0 || runner.step(checker).is_err() {
            break;
        }
        if runner.nest().depth() <= depth {
            aftermath -= 1;
        }
    }
}
