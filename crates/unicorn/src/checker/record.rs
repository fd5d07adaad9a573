//! The state of a check and its results.

use super::verdict::{Checked, Mismatch, Tally, Verdict};
use crate::limits::Limit;
use crate::processor::{Failure, Outcome};

/// The state of a check.
#[derive(Default)]
enum Stage {
    /// The second CPU has no memory yet.
    #[default]
    Unloaded,
    Following,
    /// Nothing is compared any more.
    Ended(Verdict),
}

/// Counts steps, remembers the result of the current one, and why the check ended.
#[derive(Default)]
pub(super) struct Record {
    stage: Stage,
    tally: Tally,
    /// The result of this step so far.
    checked: Option<Checked>,
}

impl Record {
    /// The second CPU has memory and registers to continue from.
    pub(super) fn begin(&mut self) {
        self.stage = Stage::Following;
        self.checked = None;
    }

    pub(super) fn is_unloaded(&self) -> bool {
        matches!(self.stage, Stage::Unloaded)
    }

    pub(super) fn is_ended(&self) -> bool {
        matches!(self.stage, Stage::Ended(_))
    }

    pub(super) fn verdict(&self) -> Option<&Verdict> {
        match &self.stage {
            Stage::Ended(verdict) => Some(verdict),
            Stage::Unloaded | Stage::Following => None,
        }
    }

    pub(super) fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The result of the step, once.
    pub(super) fn take_checked(&mut self) -> Option<Checked> {
        self.checked.take()
    }

    /// A failure ends the check.
    pub(super) fn note(&mut self, result: Result<(), Failure>) {
        if let Err(failure) = result {
            self.checked = None;
            self.end(Verdict::Failure(failure));
        }
    }

    /// The first verdict stays.
    fn end(&mut self, verdict: Verdict) {
        if !self.is_ended() {
            self.stage = Stage::Ended(verdict);
        }
    }

    /// Notes the result of a part of the step.
    fn mark(&mut self, checked: Checked) {
        self.checked = Some(self.checked.map_or(checked, |so_far| so_far.or_worse(checked)));
    }

    /// The second CPU executed the step itself, and everything compared is equal.
    pub(super) fn agrees(&mut self, outcome: Outcome) {
        self.mark(Checked::Agrees);
        self.tally.compared += 1;
        self.tally.exceptions += u64::from(outcome != Outcome::Retired);
    }

    /// The second CPU takes over what it cannot vouch for.
    pub(super) fn unjudged(&mut self, limit: Limit) {
        self.mark(Checked::Unjudged(limit));
        *self.tally.mirrored.entry(limit).or_default() += 1;
    }

    /// One field was not compared.
    pub(super) fn masked(&mut self, limit: Limit) {
        *self.tally.masked.entry(limit).or_default() += 1;
    }

    /// Our machine delivered an event.
    pub(super) fn delivered(&mut self) {
        self.tally.delivered += 1;
    }

    /// The second CPU delivered it too, and everything compared is equal.
    pub(super) fn delivered_by_both(&mut self) {
        self.shut_down_by_both();
        self.tally.delivered_by_both += 1;
    }

    /// Both shut down in a delivery, which then does not count as one.
    pub(super) fn shut_down_by_both(&mut self) {
        self.mark(Checked::DeliveredByBoth);
    }

    /// The two disagree.
    pub(super) fn differs(&mut self, mismatch: Mismatch) {
        self.mark(Checked::Differs);
        self.end(Verdict::Mismatch(Box::new(mismatch)));
    }
}
