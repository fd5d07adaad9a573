//! The entry that the last access to each of a few pages used, so that most accesses find theirs without a search.
//!
//! No part of the state. A slot holds only as long as the contents of the TLB stay as they were.

use super::Entry;

/// Slots for each of data and fetches. Not more than the sets of the smallest first-level TLB: then the entry in a slot
/// is the one last used of its set, and using it again changes no replacement state.
pub(super) const SLOTS: usize = 16;

#[derive(Clone, Copy, Debug)]
struct Slot {
    /// Generation in which the slot was written; 0 never is one.
    generation: u64,
    page: u64,
    pcid: u16,
    entry: Entry,
}

const EMPTY: Slot = Slot { generation: 0, page: 0, pcid: 0, entry: Entry::EMPTY };

#[derive(Clone, Debug)]
pub(super) struct Front {
    generation: u64,
    slots: [Slot; SLOTS],
}

impl Default for Front {
    fn default() -> Self {
        Self { generation: 1, slots: [EMPTY; SLOTS] }
    }
}

fn index(linear: u64) -> usize {
    (linear >> 12) as usize % SLOTS
}

impl Front {
    #[inline]
    pub(super) fn get(&self, linear: u64, pcid: u16) -> Option<&Entry> {
        let slot = &self.slots[index(linear)];
        let found = slot.generation == self.generation && slot.page == linear >> 12 && slot.pcid == pcid;
        found.then_some(&slot.entry)
    }

    pub(super) fn put(&mut self, linear: u64, pcid: u16, entry: Entry) {
        self.slots[index(linear)] = Slot { generation: self.generation, page: linear >> 12, pcid, entry };
    }

    /// Empties all slots.
    pub(super) fn clear(&mut self) {
        self.generation += 1;
    }
}
