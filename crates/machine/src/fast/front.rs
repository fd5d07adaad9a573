//! The entry that the last access to each of a few pages used. Most accesses find their entry here without a search.
//!
//! Fronts are no part of the state. A slot holds only while the translations of its page stay the same, and only for
//! accesses under the control registers that were current when their rights were checked.

use super::Use;
use crate::observe::{AccessKind, TlbEvent};
use crate::rflags::AC;
use crate::rights::Access;
use crate::tlb::{Context, Entry};
use crate::{Cpu, Machine, Observer};

/// Slots for each of data and fetches. There are no more slots than sets in the smallest first-level TLB. The entry in
/// a slot is therefore the most recently used of its set, and using it again changes no replacement state.
const SLOTS: usize = 16;

/// The registers that decide about an access besides its address, kind and mode: where they are equal, so is the
/// [`Context`]. Comparing them costs less than making a context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Control {
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
    fn of(cpu: &Cpu) -> Self {
        Self { cr0: cpu.cr0, cr3: cpu.cr3, cr4: cpu.cr4, efer: cpu.efer, alignment_check: cpu.rflags & AC }
    }
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    /// Generation in which the slot was written; never 0.
    generation: u64,
    page: u64,
    control: Control,
    /// The accesses that the entry served: a bit for each kind and mode.
    served: u16,
    entry: Entry,
}

const EMPTY: Slot = Slot { generation: 0, page: 0, control: Control::RESET, served: 0, entry: Entry::EMPTY };

/// The fronts of a TLB.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fronts {
    data: Front,
    fetches: Front,
    used: Use,
}

impl Fronts {
    /// Fronts that never know anything.
    pub(super) fn shunned() -> Self {
        Self { used: Use::Shunned, ..Self::default() }
    }

    /// Entries came or went.
    pub(crate) fn forget(&mut self) {
        self.data.clear();
        self.fetches.clear();
    }

    /// An entry came for the page of 4 KiB at `linear`, and went for no other.
    pub(crate) fn forget_page(&mut self, linear: u64) {
        self.data.clear_page(linear);
        self.fetches.clear_page(linear);
    }

    fn of_mut(&mut self, kind: AccessKind) -> &mut Front {
        if kind == AccessKind::Execute { &mut self.fetches } else { &mut self.data }
    }
}

/// The entry that serves an access at `linear`, if the fronts know it. They know only canonical addresses, and none
/// while paging is off. Using the entry again changes nothing.
#[inline]
pub(super) fn recall(machine: &Machine, linear: u64, access: Access) -> Option<&Entry> {
    let fronts = &machine.tlb.fronts;
    let front = if access.kind == AccessKind::Execute { &fronts.fetches } else { &fronts.data };
    front.get(linear, access, &Control::of(&machine.cpu))
}

/// The physical address for an access that stays in a page which the fronts know. Reports it as a hit.
#[inline]
pub(crate) fn recall_within(
    machine: &Machine,
    observer: &mut dyn Observer,
    linear: u64,
    size: u8,
    access: Access,
) -> Option<u64> {
    let within = linear & 0xfff <= 0x1000 - u64::from(size);
    let entry = if within { recall(machine, linear, access)? } else { return None };
    observer.tlb(&TlbEvent::Hit { entry: *entry, kind: access.kind });
    Some(entry.translate(linear))
}

/// Looks `linear` up as [`crate::Tlb::lookup`] does.
pub(crate) fn look_up(
    machine: &mut Machine,
    observer: &mut dyn Observer,
    linear: u64,
    access: Access,
) -> Option<Entry> {
    if let Some(entry) = recall(machine, linear, access) {
        return Some(*entry);
    }
    let context = Context::of(&machine.cpu);
    let entry = machine.tlb.lookup(&mut |event| observer.tlb(event), linear, access, context)?;
    let tlb = &mut machine.tlb;
    if tlb.fronts.used == Use::Taken && tlb.settles(access.kind, &entry, SLOTS) {
        tlb.fronts.of_mut(access.kind).put(linear, access, Control::of(&machine.cpu), entry);
    }
    Some(entry)
}

#[derive(Clone, Debug)]
struct Front {
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
fn bit(access: Access) -> u16 {
    1 << (access.kind as u16 * MODES + access.mode as u16)
}

const MODES: u16 = 3;

impl Front {
    #[inline]
    fn get(&self, linear: u64, access: Access, control: &Control) -> Option<&Entry> {
        let slot = &self.slots[index(linear)];
        let of_page = slot.generation == self.generation && slot.page == linear >> 12;
        (of_page && slot.served & bit(access) != 0 && slot.control == *control).then_some(&slot.entry)
    }

    fn put(&mut self, linear: u64, access: Access, control: Control, entry: Entry) {
        let slot = &mut self.slots[index(linear)];
        let (generation, page) = (self.generation, linear >> 12);
        let known = (slot.generation, slot.page, slot.control, slot.entry) == (generation, page, control, entry);
        let served = if known { slot.served } else { 0 } | bit(access);
        *slot = Slot { generation, page, control, served, entry };
    }

    /// Empties the slot of a page.
    fn clear_page(&mut self, linear: u64) {
        self.slots[index(linear)] = EMPTY;
    }

    /// Empties all slots.
    fn clear(&mut self) {
        self.generation += 1;
    }
}
