//! The entry that the last access to each of a few pages used, so that most accesses find theirs without a search.
//!
//! No part of the state. A slot holds only as long as the contents of the TLB stay as they were, and for accesses whose
//! rights were looked at under the same control bits.

use super::{Context, Entry};
use crate::machine::observe::AccessKind;
use crate::machine::paging::Access;

/// Slots for each of data and fetches. Not more than the sets of the smallest first-level TLB: then the entry in a slot
/// is the one last used of its set, and using it again changes no replacement state.
pub(super) const SLOTS: usize = 16;

#[derive(Clone, Copy, Debug)]
struct Slot {
    /// Generation in which the slot was written; 0 never is one.
    generation: u64,
    page: u64,
    /// All that decides about an access to the page but its kind.
    key: u64,
    /// The kinds of access that the entry served: bits by [`AccessKind`].
    kinds: u8,
    entry: Entry,
}

const EMPTY: Slot = Slot { generation: 0, page: 0, key: 0, kinds: 0, entry: Entry::EMPTY };

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

#[inline]
fn index(linear: u64) -> usize {
    (linear >> 12) as usize % SLOTS
}

#[inline]
fn bit(kind: AccessKind) -> u8 {
    1 << kind as u8
}

impl Context {
    #[inline]
    fn key(self, access: Access) -> u64 {
        self.protection.bits() | u64::from(self.pcid) << 32 | (access.mode as u64) << 44 | u64::from(self.globals) << 46
    }
}

impl Front {
    #[inline]
    pub(super) fn get(&self, linear: u64, access: Access, context: Context) -> Option<&Entry> {
        let slot = &self.slots[index(linear)];
        let of_page = slot.generation == self.generation && slot.page == linear >> 12;
        let found = of_page && slot.key == context.key(access) && slot.kinds & bit(access.kind) != 0;
        found.then_some(&slot.entry)
    }

    pub(super) fn put(&mut self, linear: u64, access: Access, context: Context, entry: Entry) {
        let slot = &mut self.slots[index(linear)];
        let (generation, page, key) = (self.generation, linear >> 12, context.key(access));
        let known = (slot.generation, slot.page, slot.key, slot.entry) == (generation, page, key, entry);
        let kinds = if known { slot.kinds } else { 0 } | bit(access.kind);
        *slot = Slot { generation, page, key, kinds, entry };
    }

    /// Empties all slots.
    pub(super) fn clear(&mut self) {
        self.generation += 1;
    }
}
