//! Whether accesses use translations that the page tables no longer say.
//!
//! A cached translation is stale if a walk from CR3 finds another page, none, or fewer rights. Until the kernel has invalidated it, the
//! manual lets the processor use it (SDM vol. 3A 4.10.4.3), and entry code touches no page whose entry it has just changed. So a use of
//! one breaks the promise, with one exception: under a user PCID whose bit in `user_pcid_flush_mask` is set the flush is yet to come
//! (arch/x86/mm/tlb.c, `invalidate_user_asid`, v6.12), and whether it comes in time is what `flush-kept` judges.
//!
//! Tables are compared with what is cached only where that can change: after a store into a table, after a write to CR3, and for each
//! translation when it is filled.

use super::Broken;
use crate::linux::layout as at;
use crate::machine::bits::{cr3, entry as bits};
use crate::machine::control::current_pcid;
use crate::machine::observe::{AccessKind, Attention, ControlAccess, MemoryAccess, TlbEvent, Watched, Written};
use crate::machine::paging::{self, End, Rights, Start};
use crate::machine::tlb::Entry;
use crate::machine::{Machine, Observer, bits::cr4};

/// A table that CR3 names, and the PCID beside it.
type Loaded = (u64, u16);

/// From the first table to the end of the last one. Kernel text and some of the kernel's data lie between.
const TABLES: Watched = Watched::range(at::TABLES_PHYSICAL, at::image_physical(at::FIXMAP_TABLE) + at::PAGE);

/// Whether a page of tables is at this physical address: one of those that boot made, or the last level of the fixmap.
fn is_table(physical: u64) -> bool {
    let fixmap = at::image_physical(at::FIXMAP_TABLE);
    (at::TABLES_PHYSICAL..at::TABLES_END_PHYSICAL).contains(&physical)
        || (fixmap..fixmap + at::PAGE).contains(&physical)
}

/// Judges `no-stale`.
#[derive(Clone, Debug)]
pub(super) struct Stale {
    /// CR3 after the last write to it.
    cr3: u64,
    /// What may be used under CR3, is stale, and has no flush pending.
    stale: Vec<Entry>,
    /// The one of them that an access used.
    used: Option<Entry>,
    /// Where nothing stale is cached. Kept only to save work.
    clean: Vec<Loaded>,
    /// Translations that were filled since the last boundary, each with CR3 at that moment.
    filled: Vec<(Entry, u64)>,
    stored: bool,
    loaded: bool,
}

impl Stale {
    pub(super) fn new(machine: &Machine) -> Self {
        Self {
            cr3: machine.cpu.cr3,
            stale: Vec::new(),
            used: None,
            clean: Vec::new(),
            filled: Vec::new(),
            stored: false,
            loaded: true,
        }
    }

    /// What the step before this boundary broke.
    #[inline]
    pub(super) fn boundary(&mut self, machine: &Machine) -> Option<Broken> {
        let quiet = !self.stored && !self.loaded && self.filled.is_empty() && self.used.is_none();
        if quiet { None } else { self.look(machine) }
    }

    fn look(&mut self, machine: &Machine) -> Option<Broken> {
        let used = self.used.take().map(|entry| broken(machine, &entry, machine.cpu.cr3));
        let filled = self.look_at_filled(machine);
        if std::mem::take(&mut self.stored) {
            self.clean.clear();
            self.loaded = true;
        }
        if std::mem::take(&mut self.loaded) {
            self.compare(machine);
        }
        used.or(filled)
    }

    /// An upper-level entry that is cached and stale makes stale translations.
    fn look_at_filled(&mut self, machine: &Machine) -> Option<Broken> {
        let mut first = None;
        for (entry, cr3) in std::mem::take(&mut self.filled) {
            let loaded = (cr3 & cr3::TABLE, entry.pcid);
            self.clean.retain(|clean| *clean == loaded || (clean.1 != entry.pcid && !entry.global));
            if is_stale(machine, &entry, cr3) && !is_pending(machine, &entry) {
                first = first.or_else(|| Some(broken(machine, &entry, cr3)));
                self.loaded = true;
                self.clean.clear();
            }
        }
        first
    }

    /// Compares all that may be used under CR3 with the tables.
    fn compare(&mut self, machine: &Machine) {
        let cpu = &machine.cpu;
        let loaded = (cpu.cr3 & cr3::TABLE, current_pcid(cpu));
        self.stale.clear();
        if self.clean.contains(&loaded) {
            return;
        }
        let globals = cpu.cr4 & cr4::PGE != 0;
        let usable = machine.tlb.entries().filter(|entry| entry.pcid == loaded.1 || (entry.global && globals));
        let mut pending = false;
        for entry in usable.filter(|entry| is_stale(machine, entry, cpu.cr3)) {
            if is_pending(machine, entry) {
                pending = true;
            } else {
                self.stale.push(*entry);
            }
        }
        if self.stale.is_empty() && !pending {
            self.clean.push(loaded);
        }
    }

    pub(super) fn stale(&self) -> &[Entry] {
        &self.stale
    }

    pub(super) fn agrees(&self, other: &Self) -> bool {
        self.stale == other.stale
    }
}

/// Where a walk from `cr3` finds a page: its physical address for the start of `entry`, and its rights.
fn walked(machine: &Machine, entry: &Entry, cr3: u64) -> Option<(u64, Rights)> {
    let start = Start { table: cr3 & cr3::TABLE, ..Start::root(&machine.cpu) };
    let walk = paging::walk(&machine.cpu, &machine.memory, entry.linear, start);
    let End::Page { size, rights } = walk.end else { return None };
    let (leaf, offset) = (walk.steps().last()?.value, size.offset_mask());
    Some((leaf & bits::ADDRESS & !offset | entry.linear & offset, rights))
}

/// Whether `entry` gives what the tables do not.
fn is_stale(machine: &Machine, entry: &Entry, cr3: u64) -> bool {
    walked(machine, entry, cr3).is_none_or(|(physical, rights)| {
        physical != entry.physical
            || entry.rights.writable && !rights.writable
            || entry.rights.user && !rights.user
            || !entry.rights.execute_disable && rights.execute_disable
    })
}

/// Whether the kernel has asked for a flush of it that is yet to come.
fn is_pending(machine: &Machine, entry: &Entry) -> bool {
    let asid = entry.pcid ^ at::PTI_USER_PCID_MASK as u16;
    let mask = machine.memory.read_u16(at::USER_PCID_FLUSH_MASK_PHYSICAL);
    // The kernel's PCID of an ASID is one more, and its bit is that of the PCID.
    asid < 16 && mask >> asid & 1 != 0
}

fn broken(machine: &Machine, entry: &Entry, cr3: u64) -> Broken {
    let walked = walked(machine, entry, cr3).map(|(physical, _)| physical);
    Broken::Stale { linear: entry.linear, cached: entry.physical, walked }
}

impl Observer for Stale {
    #[inline(always)]
    fn attention(&self) -> Attention {
        match self.stale.as_slice() {
            [] => Attention::Unusual { stores: TABLES },
            _ => Attention::Everything,
        }
    }

    #[inline]
    fn memory(&mut self, access: &MemoryAccess) {
        self.stored |= access.kind == AccessKind::Write && is_table(access.physical);
    }

    #[inline]
    fn tlb(&mut self, event: &TlbEvent) {
        match event {
            TlbEvent::Hit { entry, .. } if !self.stale.is_empty() && self.stale.contains(entry) => {
                self.used.get_or_insert(*entry);
            }
            TlbEvent::Fill { entry } => self.filled.push((*entry, self.cr3)),
            TlbEvent::Drop { entry, .. } => self.stale.retain(|stale| stale != entry),
            _ => {}
        }
    }

    fn control(&mut self, access: &ControlAccess) {
        if let ControlAccess::Write { written: Written::Cr3 { .. }, after, .. } = *access {
            self.cr3 = after;
            self.loaded = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linux::{Config, boot};
    use crate::machine::tlb::PageSize;

    /// A page of user data as a walk finds it, under the user PCID of ASID 0.
    fn entry(machine: &Machine) -> Entry {
        let (physical, rights) =
            walked(machine, &Entry { linear: at::USER_DATA, ..Entry::EMPTY }, machine.cpu.cr3).expect("it is mapped");
        Entry { pcid: 0x801, linear: at::USER_DATA, physical, rights, size: PageSize::Size4K, ..Entry::EMPTY }
    }

    #[test]
    fn what_gives_more_than_the_tables_is_stale() {
        let machine = boot(&Config::default()).expect("the merged form").machine;
        let good = entry(&machine);
        let rights =
            |writable, user, execute_disable| Entry { rights: Rights { writable, user, execute_disable }, ..good };
        let code = |entry: Entry| Entry { linear: at::USER_TEXT, physical: at::USER_TEXT_PHYSICAL, ..entry };
        for (story, entry, stale) in [
            ("as the tables say", good, false),
            ("another page", Entry { physical: good.physical + at::PAGE, ..good }, true),
            ("a page that is not mapped", Entry { linear: at::USER_UNMAPPED, ..good }, true),
            ("fewer rights", rights(false, false, true), false),
            ("code in data", rights(true, true, false), true),
            ("code", code(rights(false, true, false)), false),
            ("code that may be written", code(rights(true, true, false)), true),
        ] {
            assert_eq!(is_stale(&machine, &entry, machine.cpu.cr3), stale, "{story}");
        }
    }

    #[test]
    fn a_flush_is_pending_under_the_user_pcid_of_its_bit() {
        let mut machine = boot(&Config::default()).expect("the merged form").machine;
        let good = entry(&machine);
        for (mask, pcid, pending) in
            [(0, 0x801, false), (2, 0x801, true), (4, 0x801, false), (2, 1, false), (2, 0, false)]
        {
            machine.memory.write_u16(at::USER_PCID_FLUSH_MASK_PHYSICAL, mask);
            assert_eq!(is_pending(&machine, &Entry { pcid, ..good }), pending, "{mask:#x} {pcid:#x}");
        }
    }
}
