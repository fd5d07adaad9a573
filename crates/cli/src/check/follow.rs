//! Runs that Unicorn follows, linked natively.

use crate::arguments::{Against, CheckArguments};
use crate::findings::struck;
use crate::outcome::WrongUse;
use crate::{diagnostic, forms};
use cr3_core::judge::Findings;
use cr3_core::linux::{System, boot};
use cr3_core::scenario::{Scenario, Vector};
use cr3_core::trace::{Options, Trace};
use cr3_unicorn::checker::{Mismatch, Tally, Verdict};
use cr3_unicorn::follow::{Job, Report, SweepJob, Swept};
use cr3_unicorn::native::Native;
use cr3_unicorn::processor::Processor;
use cr3_unicorn::wrong::Wrong;

/// The first difference of a run.
pub(super) struct Found {
    /// The step of the run. None if only its schedule is known, or if memory differs at the end.
    pub(super) step: Option<usize>,
    /// What was injected.
    pub(super) schedule: String,
    /// Both states.
    pub(super) mismatch: Mismatch,
}

/// The result of comparing one form.
pub(super) struct Followed {
    /// What the run is called.
    pub(super) name: String,
    /// The run; for a sweep, the one without an injection.
    pub(super) trace: Trace,
    pub(super) tally: Tally,
    /// For a sweep.
    pub(super) swept: Option<Swept>,
    /// For a sweep: what is wrong with the runs, whichever processor takes them.
    pub(super) findings: Option<Findings>,
    pub(super) difference: Option<Found>,
}

/// Follows each form.
pub(super) fn all(arguments: &CheckArguments) -> Result<Vec<Followed>, WrongUse> {
    let Against::Unicorn = arguments.against;
    let configs = arguments.system.configs(arguments.forms.as_deref())?;
    let schedule = &arguments.schedule;
    let names = forms::names(&configs);
    let followed = configs.into_iter().zip(names).map(|(config, name)| {
        let followed = follow(&schedule.scenario(config), arguments)?;
        Ok(Followed { name, ..followed })
    });
    let followed = followed.collect::<Result<Vec<_>, _>>()?;
    struck(&followed.iter().map(|followed| &followed.trace).collect::<Vec<_>>())?;
    Ok(followed)
}

fn follow(scenario: &Scenario, arguments: &CheckArguments) -> Result<Followed, WrongUse> {
    let unicorn = Native::open().map_err(|failure| WrongUse::new(failure, "look at its message"))?;
    match arguments.wrong_after {
        None => with(unicorn, scenario, arguments),
        Some(steps) => with(Wrong::after(steps.saturating_add(1), unicorn), scenario, arguments),
    }
}

fn with<P: Processor>(follower: P, scenario: &Scenario, arguments: &CheckArguments) -> Result<Followed, WrongUse> {
    let system = boot(&scenario.config).map_err(|diagnostics| diagnostic::refused(&diagnostics))?;
    let budget = arguments.schedule.budget;
    let trace = Trace::record_system(system.clone(), scenario, Options { budget });
    if arguments.every_injection {
        sweep(follower, trace, &system, budget)
    } else {
        run(follower, trace, &system, budget)
    }
}

fn run<P: Processor>(follower: P, trace: Trace, system: &System, budget: u32) -> Result<Followed, WrongUse> {
    let progress = Job::new(follower, system, &trace.scenario.schedule, budget).advance(u32::MAX);
    let last = progress.marks.len().checked_sub(1);
    let step = last.filter(|_| progress.end.is_none());
    let difference = progress.report.map(|report| found(report, step)).transpose()?;
    Ok(Followed { name: String::new(), trace, tally: progress.tally, swept: None, findings: None, difference })
}

fn sweep<P: Processor>(follower: P, trace: Trace, system: &System, budget: u32) -> Result<Followed, WrongUse> {
    let progress = SweepJob::new(follower, system, &trace.scenario.config, &Vector::ALL, budget).advance(u32::MAX);
    let difference = progress.report.map(|report| found(report, None)).transpose()?;
    Ok(Followed {
        name: String::new(),
        trace,
        tally: progress.tally,
        swept: Some(progress.swept),
        findings: Some(progress.findings),
        difference,
    })
}

/// If the second CPU broke down, it has compared nothing.
fn found(report: Report, step: Option<usize>) -> Result<Found, WrongUse> {
    match report.verdict {
        Verdict::Mismatch(mismatch) => Ok(Found { step, schedule: report.schedule, mismatch: *mismatch }),
        Verdict::Failure(failure) => Err(WrongUse::new(failure, "a smaller --budget may do")),
    }
}
