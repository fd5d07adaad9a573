//! Where a move leads, and a search.

use crate::aim::Aim;
use crate::choice::{Direction, Match, Overlay, Pane, Target};
use crate::find;
use crate::state::State;
use crate::zoom::{self, Zoom};
use std::ops::Range;

/// The row that a move leads to among the listed rows.
pub(super) fn destination(state: &State, target: Target, direction: Direction) -> Option<usize> {
    let plain = matches!(target, Target::Row | Target::Page | Target::End);
    match state.runs.rows(state.filter) {
        Some(listed) if plain => among(listed, state.cursor, target, direction),
        _ => state.runs.target(state.cursor, target, direction),
    }
}

fn among(listed: &[u32], from: usize, target: Target, direction: Direction) -> Option<usize> {
    let from = u32::try_from(from).ok()?;
    let distance = if target == Target::Page { 10 } else { 1 };
    let last = listed.len().checked_sub(1)?;
    let index = match direction {
        Direction::Forward => {
            let next = listed.partition_point(|row| *row <= from);
            let index = if target == Target::End { last } else { (next + distance - 1).min(last) };
            (next <= last).then_some(index)?
        }
        Direction::Backward => {
            let before = listed.partition_point(|row| *row < from);
            let index = if target == Target::End { 0 } else { before.saturating_sub(distance) };
            (before > 0).then_some(index)?
        }
    };
    listed.get(index).map(|row| *row as usize)
}

pub(super) fn go(state: &mut State, target: Target, direction: Direction) {
    if let Some(row) = destination(state, target, direction) {
        seek(state, row);
    }
}

/// Who moves while texts are assembled wants to stay there in the runs that come.
pub(super) fn seek(state: &mut State, row: usize) {
    state.cursor = state.runs.clamp(row);
    if let Some(aim) = state.aim.as_mut().filter(|_| !state.runs.is_empty()) {
        *aim = Aim::Step;
    }
}

/// The rows of the timeline after a zoom.
pub(super) fn zoomed(state: &State, zoom: Zoom) -> Option<Range<usize>> {
    zoom::zoomed(state.zoom.as_ref(), state.cursor, state.runs.len(), zoom)
}

/// The row of the next match of the search in a direction.
pub(super) fn matching(state: &State, direction: Direction) -> Option<usize> {
    find::search(&state.runs, state.side, &state.query).beside(state.cursor, direction)
}

pub(super) fn find(state: &mut State, direction: Direction) {
    if let Some(row) = matching(state, direction) {
        seek(state, row);
    }
}

/// Goes to what a search found, and leaves the search.
pub(super) fn take_found(state: &mut State, found: Match) {
    state.overlay = Overlay::None;
    match found {
        Match::Row(row) => {
            state.pane = Pane::Runs;
            seek(state, row);
        }
        Match::Code(place) => {
            state.pane = Pane::Code;
            state.browsed = Some(place);
        }
    }
}
