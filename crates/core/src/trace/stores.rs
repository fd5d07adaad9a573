//! Which step stored to a word of memory.

use super::{KEYFRAME_EVERY, Trace};
use crate::machine::Observer;
use crate::machine::observe::{AccessKind, MemoryAccess};
use std::ops::Range;

/// How many keyframes back a store is looked for: some four thousand steps, a few milliseconds.
const FRAMES: usize = 8;

/// Bytes of a word.
const WORD: u64 = 8;

impl Trace {
    /// The last step before `index` that stored to the word at a linear address; none if none of the last few thousand did.
    pub fn last_store(&self, index: usize, linear: u64) -> Option<usize> {
        let end = index.min(self.steps.len());
        let last = end.checked_sub(1)? / KEYFRAME_EVERY;
        let frames = (0..=last).rev().take(FRAMES).map(|frame| frame * KEYFRAME_EVERY);
        frames.map(|start| start..end.min(start + KEYFRAME_EVERY)).find_map(|steps| self.last_store_in(steps, linear))
    }

    fn last_store_in(&self, steps: Range<usize>, linear: u64) -> Option<usize> {
        let mut machine = self.machine_before(steps.start);
        let mut last = None;
        for step in steps {
            let mut word = Word { linear, is_stored: false };
            self.replay(&mut machine, step, &mut word);
            if word.is_stored {
                last = Some(step);
            }
        }
        last
    }
}

/// Hears of stores to a word.
struct Word {
    linear: u64,
    is_stored: bool,
}

impl Observer for Word {
    fn memory(&mut self, access: &MemoryAccess) {
        self.is_stored |= access.kind == AccessKind::Write && touches(access, self.linear);
    }
}

/// Whether an access touches the word at an address.
pub fn touches(access: &MemoryAccess, word: u64) -> bool {
    access.linear < word.saturating_add(WORD) && word < access.linear.saturating_add(u64::from(access.size))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;
    use crate::trace::Options;

    /// What the search finds is what a look at every step finds.
    #[test]
    fn the_last_store_is_found_wherever_it_is() {
        let scenario: Scenario = "form=A inject=kernel_loop+1:nmi".parse().expect("a scenario");
        let trace = Trace::record(&scenario, Options::default()).expect("it assembles");
        let details: Vec<_> = (0..trace.steps.len()).filter_map(|step| trace.detail(step)).collect();
        let stores = |step: usize| details[step].memory.iter().filter(|it| it.kind == AccessKind::Write);
        let mut found = 0;
        for end in (0..=trace.steps.len()).step_by(37) {
            let words = (0..end).rev().flat_map(stores).map(|it| it.linear & !7).take(5);
            for word in words.chain([0xdead_0000]) {
                let by_hand = (0..end).rev().find(|step| stores(*step).any(|it| touches(it, word)));
                assert_eq!(trace.last_store(end, word), by_hand, "{word:#x} before {end}");
                found += usize::from(by_hand.is_some());
            }
        }
        assert!(found > 30, "{found} stores were found");
        assert_eq!(trace.last_store(0, 0), None);
    }
}
