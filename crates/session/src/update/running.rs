//! Running: at a pace or at once, forwards or backwards, to a goal, a stop or an end.

use super::moving::{destination, seek};
use crate::choice::{Direction, Goal, Overlay, Pace, Pane, Target};
use crate::state::State;
use crate::stops::{Halt, Ready, Run, Stop, Why};

/// Whether a run in this direction does anything: at once it needs a row ahead, at a pace it begins again at the other end.
pub(super) fn can_run(state: &State, direction: Direction) -> bool {
    match state.pace {
        _ if state.run.is_some_and(|run| run.direction == direction) => true,
        Pace::AtOnce => destination(state, Target::Row, direction).is_some(),
        _ => state.runs.len() > 1,
    }
}

/// Runs in a direction, or no longer.
pub(super) fn toggle(state: &mut State, direction: Direction) {
    let is_over = state.run.take().is_some_and(|run| run.direction == direction);
    if !is_over && can_run(state, direction) {
        start(state, Run { direction, goal: None });
    }
}

fn start(state: &mut State, run: Run) {
    state.halt = None;
    if state.pace == Pace::AtOnce {
        return at_once(state, run);
    }
    if destination(state, Target::Row, run.direction).is_none() && run.goal.is_none() {
        state.cursor = match run.direction {
            Direction::Forward => 0,
            Direction::Backward => state.runs.clamp(usize::MAX),
        };
    }
    state.run = Some(run);
}

fn at_once(state: &mut State, run: Run) {
    let end = run.goal.or_else(|| destination(state, Target::End, run.direction));
    let halts = go_to(state, run, end.unwrap_or(state.cursor));
    if !halts {
        halt(state, Why::End(run.direction));
    }
}

/// Goes on to `wanted`, no further than the goal or the first stop on the way. Returns whether the run ends there.
fn go_to(state: &mut State, run: Run, wanted: usize) -> bool {
    let is_near = |goal: &usize| match run.direction {
        Direction::Forward => *goal <= wanted,
        Direction::Backward => *goal >= wanted,
    };
    let goal = run.goal.filter(is_near);
    let (runs, stops) = (state.runs.clone(), state.stops.clone());
    let ready = Ready::new(&runs, &stops);
    let stopped = ready.between(state.cursor, goal.unwrap_or(wanted));
    seek(state, stopped.or(goal).unwrap_or(wanted));
    match (stopped, goal) {
        (Some(row), _) => halt(state, Why::Met(ready.met(row).cloned().collect())),
        (None, Some(_)) => halt(state, Why::There),
        (None, None) => return false,
    }
    true
}

fn halt(state: &mut State, why: Why) {
    state.run = None;
    state.halt = Some(Halt { row: state.cursor, why });
}

/// Goes on by this many listed rows.
pub(super) fn tick(state: &mut State, rows: usize) {
    for _ in 0..rows {
        let Some(run) = state.run else { return };
        match destination(state, Target::Row, run.direction) {
            Some(row) if !go_to(state, run, row) => {}
            Some(_) => return,
            None => halt(state, Why::End(run.direction)),
        }
    }
}

/// The row of a goal: for an instruction the next arrival at it, or else the last one before.
pub(super) fn row_of(state: &State, goal: &Goal) -> Option<usize> {
    let place = match goal {
        Goal::Row(row) => return Some(state.runs.clamp(*row)),
        Goal::Place(place) => place,
    };
    let here = [Stop::At(place.clone())];
    let ready = Ready::new(&state.runs, &here);
    let last = state.runs.clamp(usize::MAX);
    ready.between(state.cursor, last).or_else(|| ready.between(state.cursor, 0))
}

/// Runs to a row or an instruction, unless a stop comes first.
pub(super) fn run_to(state: &mut State, goal: &Goal) {
    let Some(row) = row_of(state, goal).filter(|row| *row != state.cursor) else { return };
    let direction = if row > state.cursor { Direction::Forward } else { Direction::Backward };
    if matches!(state.overlay, Overlay::Inject(_)) {
        state.overlay = Overlay::None;
    }
    state.pane = Pane::Runs;
    start(state, Run { direction, goal: Some(row) });
}

/// Sets a stop, or takes it away. At a place every arrival counts.
pub(super) fn toggle_stop(state: &mut State, mut stop: Stop) {
    if let Stop::At(place) = &mut stop {
        place.occurrence = 1;
    }
    match state.stops.iter().position(|known| *known == stop) {
        Some(index) => {
            state.stops.remove(index);
        }
        None => state.stops.push(stop),
    }
}
