//! The entry that the last access to each of a few pages used, so that most accesses find theirs without a search.
//!
//! No part of the state. A slot holds only as long as the contents of the TLB stay as they were, and for accesses whose
//! rights were looked at under the same control registers.

use super::Entry;
use crate::Cpu;
use crate::observe::AccessKind;
use crate::paging::{Access, Mode};
use crate::rflags::AC;

/// Slots for each of data and fetches. Not more than the sets of the smallest first-level TLB: then the entry in a slot
/// is the one last used of its set, and using it again changes no replacement state.
pub(super) const SLOTS: usize = 16;

/// The registers that decide about an access beside its address, kind and mode: where they are equal, so is the
/// [`Context`](super::Context). To compare them costs less than to make one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Control {
    cr0: u64,
    cr3: u64,
    cr4: u64,
    efer: u64,
    alignment_check: u64,
}

impl Control {
    const RESET: Self = Self { cr0: 0, cr3: 0, cr4: 0, efer: 0, alignment_check: 0 };

    /// Those of a processor.
    #[inline]
    pub fn of(cpu: &Cpu) -> Self {
        Self { cr0: cpu.cr0, cr3: cpu.cr3, cr4: cpu.cr4, efer: cpu.efer, alignment_check: cpu.rflags & AC }
    }
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    /// Generation in which the slot was written; 0 never is one.
    generation: u64,
    page: u64,
    control: Control,
    mode: Mode,
    /// The kinds of access that the entry served: bits by [`AccessKind`].
    kinds: u8,
    entry: Entry,
}

const EMPTY: Slot =
    Slot { generation: 0, page: 0, control: Control::RESET, mode: Mode::Supervisor, kinds: 0, entry: Entry::EMPTY };

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

impl Front {
    #[inline]
    pub(super) fn get(&self, linear: u64, access: Access, control: &Control) -> Option<&Entry> {
        let slot = &self.slots[index(linear)];
        let of_page = slot.generation == self.generation && slot.page == linear >> 12;
        let served = slot.kinds & bit(access.kind) != 0 && slot.mode == access.mode;
        (of_page && served && slot.control == *control).then_some(&slot.entry)
    }

    pub(super) fn put(&mut self, linear: u64, access: Access, control: Control, entry: Entry) {
        let slot = &mut self.slots[index(linear)];
        let (generation, page, mode) = (self.generation, linear >> 12, access.mode);
        let known = (slot.generation, slot.page, slot.control, slot.mode, slot.entry)
            == (generation, page, control, mode, entry);
        let kinds = if known { slot.kinds } else { 0 } | bit(access.kind);
        *slot = Slot { generation, page, control, mode, kinds, entry };
    }

    /// Another number after each [`Self::clear`].
    #[inline]
    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// Empties all slots.
    pub(super) fn clear(&mut self) {
        self.generation += 1;
    }
}
