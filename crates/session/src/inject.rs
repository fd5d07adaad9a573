//! From the step that a person points at to an injection in the schedule.

use crate::choice::{Side, Spot};
use crate::runs::Runs;
use cr3_core::scenario::{Injection, Nesting, Place, PlaceId, Schedule, Vector};
use cr3_core::trace::{Origin, StepKind, Trace};

/// `schedule` with one more injection, and the index of that injection.
pub(crate) fn added(
    runs: &Runs,
    schedule: &Schedule,
    spot: &Spot,
    vector: Vector,
    nesting: Nesting,
) -> (Schedule, usize) {
    let at_row = spot.row.and_then(|row| before_step(runs, row));
    let (index, place, nesting) = match at_row {
        Some(found) => found,
        None => (schedule.injections.len(), spot.place.clone(), nesting),
    };
    let index = index.min(schedule.injections.len());
    let nesting = if index == 0 { Nesting::After } else { nesting };
    let mut schedule = schedule.clone();
    let injection = Injection { place, vector, nesting };
    schedule.injections.insert(index, injection);
    (schedule, index)
}

/// For an injection just before the step of `row`: its index in the schedule, its place with its arrival, and its
/// nesting.
pub(crate) fn before_step(runs: &Runs, row: usize) -> Option<(usize, Place, Nesting)> {
    Side::BOTH.into_iter().find_map(|side| {
        let step = runs.step_index(side, row)?;
        locate(runs.trace(side)?, step)
    })
}

fn locate(trace: &Trace, step: usize) -> Option<(usize, Place, Nesting)> {
    let id = trace.steps.get(step)?.place?;
    let struck = trace.steps.get(..step)?;
    let previous = struck.iter().enumerate().rev().find_map(|(at, step)| match step.kind {
        StepKind::Delivery { origin: Origin::Injected(index), .. } => Some((at, index as usize, step.level)),
        _ => None,
    });
    let mut place = trace.places.place(id);
    let Some((at, index, level)) = previous else {
        place.occurrence = arrivals(trace, id, 0, step);
        return Some((0, place, Nesting::After));
    };
    let handler = at.saturating_add(1);
    let returned = (handler..=step).find(|at| trace.steps.get(*at).is_some_and(|it| it.level <= level));
    let (from, nesting) = match returned {
        Some(returned) => (returned, Nesting::After),
        None => (handler, Nesting::Inside),
    };
    place.occurrence = arrivals(trace, id, from, step);
    Some((index + 1, place, nesting))
}

/// Arrivals at a place in the steps from `from` up to and including `to`. A delivery is no arrival of its own: the
/// instruction that it interrupts is reached once before and once after it.
fn arrivals(trace: &Trace, id: PlaceId, from: usize, to: usize) -> u32 {
    let steps = trace.steps.get(from..=to).unwrap_or_default();
    let count = steps.iter().filter(|step| step.place == Some(id)).count();
    u32::try_from(count).unwrap_or(u32::MAX).max(1)
}

/// The row in which the injection with this index struck.
pub(crate) fn struck(runs: &Runs, index: usize) -> Option<usize> {
    all_struck(runs, index + 1).pop().flatten()
}

/// The rows in which the injections of a schedule of `count` struck, in one pass that ends with the last of them.
pub(crate) fn all_struck(runs: &Runs, count: usize) -> Vec<Option<usize>> {
    let mut rows = vec![None; count];
    let mut missing = count;
    for side in Side::BOTH {
        let steps = runs.trace(side).map_or(&[][..], |trace| &trace.steps);
        for (step, it) in steps.iter().enumerate() {
            if missing == 0 {
                break;
            }
            if let Some(row @ None) = injected(it.kind).and_then(|index| rows.get_mut(index)) {
                *row = runs.row_of(side, step);
                missing -= usize::from(row.is_some());
            }
        }
    }
    rows
}

/// The index of the injection that a step delivered.
pub(crate) fn injected(kind: StepKind) -> Option<usize> {
    match kind {
        StepKind::Delivery { origin: Origin::Injected(index), .. } => Some(index as usize),
        _ => None,
    }
}
