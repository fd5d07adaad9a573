//! To which of the runs that were struck a run returns.

use super::lane::Lane;

/// Follows a run out of its handlers. The runs that were struck before it are trunks, the first one outermost.
pub(super) struct Returning {
    level: usize,
    /// Trunks that it has not come back to.
    waiting: usize,
}

impl Returning {
    pub(super) fn new(trunks: usize, lane: &Lane) -> Self {
        Self { level: lane.level(), waiting: trunks }
    }

    /// The trunk at whose boundary the run may stand again, just now.
    pub(super) fn arrived<'a, T>(
        &mut self,
        trunks: &'a [T],
        lane_of: impl Fn(&T) -> &Lane,
        lane: &Lane,
    ) -> Option<&'a T> {
        let level = lane.level();
        let returned = level < self.level;
        self.level = level;
        if !returned {
            return None;
        }
        let outer = trunks.get(..self.waiting)?.iter().rposition(|trunk| lane_of(trunk).level() <= level)?;
        self.waiting = outer;
        trunks.get(outer).filter(|trunk| lane_of(trunk).level() == level)
    }
}
