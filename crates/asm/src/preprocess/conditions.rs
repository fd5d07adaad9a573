//! `#if` and its relatives: which lines are taken.

use crate::Position;
use crate::report::{Cause, Fault};

/// One `#if` that is open.
struct Condition {
    at: Position,
    /// Whether this `#if` takes its current lines.
    taken: bool,
    /// Whether an earlier arm was taken.
    done: bool,
    has_else: bool,
}

/// The `#if`s that are open, innermost last.
#[derive(Default)]
pub(super) struct Conditions {
    open: Vec<Condition>,
    /// How many of them skip their lines. Counted, so that a line costs the same at any depth.
    skipping: usize,
}

impl Conditions {
    /// Whether the current lines are taken.
    pub(super) fn active(&self) -> bool {
        self.skipping == 0
    }

    pub(super) fn depth(&self) -> usize {
        self.open.len()
    }

    /// Opens a condition at `at`.
    pub(super) fn open(&mut self, at: Position, taken: bool) {
        self.push(Condition { at, taken, done: taken, has_else: false });
    }

    /// Whether `#elif` has to be evaluated: no arm was taken, and the lines around are.
    pub(super) fn wants_elif(&self) -> bool {
        let around = |inner: &Condition| self.skipping == usize::from(!inner.taken);
        self.open.last().is_some_and(|inner| !inner.done && !inner.has_else && around(inner))
    }

    pub(super) fn elif(&mut self, taken: bool) -> Result<(), Fault> {
        let mut condition = self.pop().ok_or_else(|| without("#elif"))?;
        condition.taken = taken;
        condition.done |= taken;
        self.push(condition);
        Ok(())
    }

    pub(super) fn otherwise(&mut self) -> Result<(), Fault> {
        let mut condition = self.pop().ok_or_else(|| without("#else"))?;
        let second = condition.has_else;
        condition.taken = !condition.done && !second;
        condition.done = true;
        condition.has_else = true;
        self.push(condition);
        if second {
            return Err(Cause::new("#", "a second #else for one #if")
                .hint("remove one, or end the #if inside with #endif before it"));
        }
        Ok(())
    }

    pub(super) fn close(&mut self) -> Result<(), Fault> {
        self.pop().map(drop).ok_or_else(|| without("#endif"))
    }

    /// Closes all except the outermost `depth`, and returns the places of those that it closed.
    pub(super) fn truncate(&mut self, depth: usize) -> Vec<Position> {
        let count = self.open.len().saturating_sub(depth);
        (0..count).filter_map(|_| self.pop()).map(|condition| condition.at).collect()
    }

    fn push(&mut self, condition: Condition) {
        self.skipping += usize::from(!condition.taken);
        self.open.push(condition);
    }

    fn pop(&mut self) -> Option<Condition> {
        let condition = self.open.pop()?;
        self.skipping -= usize::from(!condition.taken);
        Some(condition)
    }
}

fn without(directive: &str) -> Fault {
    Cause::new("#", format!("{directive} without #if")).hint("remove it, or add its `#if`")
}
