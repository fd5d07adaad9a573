//! The PCID-tagged TLB and the paging-structure caches. Geometry is data.
//!
//! What an operation removes is decided by [`rules`]; what a processor can hold stands in [`geometry`]. This module
//! finds, adds and removes entries and tells an observer what came and went.

mod entry;
mod front;
pub mod geometry;
mod hierarchy;
pub mod rules;
mod sets;
mod sorted;
mod structures;

pub use entry::{Entry, PageSize, StructureEntry};
pub use front::Control;
pub use geometry::Geometry;
pub use rules::{Operation, Reading, StaleRights};

use super::observe::{AccessKind, Cr3Flush, DropCause, Observer, TlbEvent};
use super::paging::{Access, Denial, Protection, denial, denied_below, level_shift};
use front::Front;
use hierarchy::{Found, Hierarchy};
use sorted::Sorted;
use std::fmt;
use structures::Structures;
use triomphe::Arc;

/// The translation caches. Cloning shares what they hold until one of the clones changes.
#[derive(Clone, Default)]
pub struct Tlb {
    contents: Arc<Contents>,
    data: Front,
    fetches: Front,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Contents {
    reading: Reading,
    stale_rights: StaleRights,
    geometry: Geometry,
    translations: Translations,
    structures: Structures,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Translations {
    Unbounded(Sorted),
    Finite(Box<Hierarchy>),
}

impl Default for Translations {
    fn default() -> Self {
        Self::Unbounded(Sorted::default())
    }
}

impl Translations {
    /// Removes what `keep` does not want; each removed entry once, sorted.
    fn retain(&mut self, mut keep: impl FnMut(&Entry) -> bool) -> Vec<Entry> {
        match self {
            Self::Unbounded(sorted) => {
                let mut removed = Vec::new();
                sorted.retain(|entry| {
                    let stays = keep(entry);
                    removed.extend((!stays).then_some(*entry));
                    stays
                });
                removed
            }
            Self::Finite(hierarchy) => hierarchy.retain(keep),
        }
    }
}

/// Equal when they hold the same and would go on alike: for finite geometries that includes what is replaced next.
impl PartialEq for Tlb {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.contents, &other.contents) || self.contents == other.contents
    }
}

impl Eq for Tlb {}

impl fmt::Debug for Tlb {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.contents.fmt(formatter)
    }
}

/// What a look into the TLB depends on beside the address and the access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    /// Current PCID.
    pub pcid: u16,
    /// CR4.PGE: whether global translations of other PCIDs count.
    pub globals: bool,
    /// The control bits that decide on rights.
    pub protection: Protection,
}

impl Context {
    /// Translations of the current PCID, and global ones of any PCID while CR4.PGE=1 (SDM vol. 3A 4.10.2.4).
    fn may_use(self, entry: &Entry) -> bool {
        entry.pcid == self.pcid || (entry.global && self.globals)
    }

    /// Whether `entry` serves `access` without a walk.
    #[inline]
    fn suffices(self, entry: &Entry, access: Access) -> bool {
        let clean_write = access.kind == AccessKind::Write && !entry.dirty;
        !clean_write && denial(entry.rights(), access, self.protection).is_none()
    }
}

impl Tlb {
    /// Empty unbounded caches of `reading`.
    pub fn new(reading: Reading) -> Self {
        Self::with_geometry(Geometry::Architectural, reading)
    }

    /// Empty caches of `reading` that hold as much as `geometry` says.
    pub fn with_geometry(geometry: Geometry, reading: Reading) -> Self {
        let (translations, structures) = match geometry {
            Geometry::Architectural => Default::default(),
            Geometry::Finite { hierarchy, redundant_write } => (
                Translations::Finite(Box::new(Hierarchy::new(hierarchy, redundant_write))),
                Structures::with_capacity(hierarchy.structures),
            ),
        };
        let contents = Contents { reading, geometry, translations, structures, ..Contents::default() };
        Self { contents: Arc::new(contents), ..Self::default() }
    }

    /// The same for a processor that starts with `pcid` in CR3, which it may have loaded long ago. Without this it starts
    /// with PCID 000H, as after a reset.
    pub fn starting_at(mut self, pcid: u16) -> Self {
        if let Translations::Finite(hierarchy) = &mut self.change().translations {
            hierarchy.start(pcid);
        }
        self
    }

    /// The same, with another answer to rights that are out of date.
    pub fn with_stale_rights(mut self, stale_rights: StaleRights) -> Self {
        self.change().stale_rights = stale_rights;
        self
    }

    /// How far these caches go beyond what the manual requires.
    pub fn reading(&self) -> Reading {
        self.contents.reading
    }

    /// What these caches can hold.
    pub fn geometry(&self) -> Geometry {
        self.contents.geometry
    }

    /// All cached translations, each once, sorted by page, size and PCID.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        let (sorted, collected) = match &self.contents.translations {
            Translations::Unbounded(sorted) => (sorted.entries(), Vec::new()),
            Translations::Finite(hierarchy) => (&[][..], hierarchy.entries()),
        };
        sorted.iter().chain(collected)
    }

    /// All cached paging-structure entries: sorted by PCID, level and address or, in a finite geometry, the last used
    /// first.
    pub fn structures(&self) -> impl Iterator<Item = &StructureEntry> {
        self.contents.structures.entries().iter()
    }

    /// Caches a translation as an access for data would, in the place of one with the same page, size and PCID.
    pub fn insert(&mut self, entry: Entry) {
        self.insert_for(&mut (), AccessKind::Read, entry);
    }

    fn insert_for<O: Observer>(&mut self, observer: &mut O, kind: AccessKind, entry: Entry) {
        match &mut self.change().translations {
            Translations::Unbounded(sorted) => sorted.insert(entry),
            Translations::Finite(hierarchy) => {
                let lost = hierarchy.fill(kind, entry);
                tell_dropped(observer, lost, DropCause::Capacity);
            }
        }
    }

    /// Caches a paging-structure entry, in the place of one with the same PCID, level and address.
    pub fn insert_structure(&mut self, entry: StructureEntry) {
        self.fill_structure(&mut (), entry);
    }

    fn fill_structure<O: Observer>(&mut self, observer: &mut O, entry: StructureEntry) {
        if self.contents.structures.find(entry.key()) == Some(&entry) && !self.contents.structures.would_change(&entry)
        {
            return;
        }
        let inserted = self.change().structures.insert(entry);
        if let Some(entry) = inserted.evicted {
            observer.tlb(&TlbEvent::StructureDrop { entry, cause: DropCause::Capacity });
        }
        if inserted.changed {
            observer.tlb(&TlbEvent::StructureFill { entry });
        }
    }

    /// The translation that [`Self::lookup`] gives, if the last access to the page was served by it and nothing changed
    /// since. Using it again changes nothing.
    #[inline]
    pub fn recall(&self, linear: u64, access: Access, control: &Control) -> Option<&Entry> {
        let front = if access.kind == AccessKind::Execute { &self.fetches } else { &self.data };
        front.get(linear, access, control)
    }

    /// Changes whenever [`Self::recall`] may forget something of fetches that it knew.
    #[inline]
    pub(crate) fn fetch_generation(&self) -> u64 {
        self.fetches.generation()
    }

    /// Lets [`Self::recall`] find `entry`, which [`Self::lookup`] gave under `control`, where that changes nothing else.
    pub fn remember(&mut self, linear: u64, access: Access, control: Control, entry: Entry) {
        let kind = access.kind;
        let allowed = match &self.contents.translations {
            Translations::Unbounded(_) => true,
            Translations::Finite(hierarchy) => hierarchy.allows_front(kind, &entry, front::SLOTS),
        };
        let front = if kind == AccessKind::Execute { &mut self.fetches } else { &mut self.data };
        if allowed {
            front.put(linear, access, control, entry);
        }
    }

    /// The translation to use for `access` at `linear`: one whose rights allow it and, for a write, whose dirty flag is
    /// known to be set. Several may cover the address; which one is used is the processor's choice (SDM vol. 3A
    /// 4.10.2.3), and here the smallest page wins, then the current PCID before global ones.
    pub fn lookup<O: Observer>(
        &mut self,
        observer: &mut O,
        linear: u64,
        access: Access,
        context: Context,
    ) -> Option<Entry> {
        let suits = |entry: &&Entry| context.may_use(entry) && context.suffices(entry, access);
        let better = |entry: &&Entry| (entry.size, entry.pcid != context.pcid, entry.pcid);
        match &self.contents.translations {
            Translations::Unbounded(sorted) => sorted.covering(linear).filter(suits).min_by_key(better).copied(),
            Translations::Finite(hierarchy) => {
                let found = hierarchy.find(linear, access.kind, suits, better)?;
                Some(self.use_finite(observer, access.kind, found))
            }
        }
    }

    /// Notes the use of an entry that a finite geometry holds.
    fn use_finite<O: Observer>(&mut self, observer: &mut O, kind: AccessKind, found: Found) -> Entry {
        match found {
            Found::First(entry) => {
                // The fronts stay good: which entries there are does not change.
                if let Translations::Finite(hierarchy) = &self.contents.translations
                    && hierarchy.would_change(kind, &entry)
                    && let Translations::Finite(hierarchy) = &mut Arc::make_mut(&mut self.contents).translations
                {
                    hierarchy.touch(kind, &entry);
                }
                entry
            }
            Found::Second(entry) => {
                if let Translations::Finite(hierarchy) = &mut self.change().translations {
                    let lost = hierarchy.promote(kind, &entry);
                    tell_dropped(observer, lost, DropCause::Capacity);
                }
                entry
            }
        }
    }

    /// Why a cached translation forbids `access`, where that is a page fault without a look at the tables.
    pub fn refusal(&self, linear: u64, access: Access, context: Context) -> Option<Denial> {
        if self.contents.stale_rights == StaleRights::WalkAgain {
            return None;
        }
        let covers = |entry: &&Entry| entry.covers(linear) && context.may_use(entry);
        self.entries().filter(covers).find_map(|entry| denial(entry.rights(), access, context.protection))
    }

    /// Removes the translations for `linear` whose rights forbid `access`, so that a right that was granted since costs
    /// a walk and no page fault.
    pub fn drop_stale<O: Observer>(&mut self, observer: &mut O, linear: u64, access: Access, context: Context) {
        let denied = |entry: &Entry| denial(entry.rights(), access, context.protection).is_some();
        let stale = |entry: &Entry| entry.covers(linear) && context.may_use(entry) && denied(entry);
        let found = match &self.contents.translations {
            Translations::Unbounded(sorted) => sorted.covering(linear).any(stale),
            Translations::Finite(hierarchy) => hierarchy.covering(linear).any(stale),
        };
        if found {
            let dropped = self.change().translations.retain(|entry| !stale(entry));
            tell_dropped(observer, dropped, DropCause::StaleRights);
        }
    }

    /// The deepest cached upper-level entry of the current PCID for `linear` (SDM vol. 3A 4.10.3.2), passing over those
    /// whose rights already forbid `access`: such rights may be out of date.
    pub fn deepest(&mut self, linear: u64, access: Access, context: Context) -> Option<StructureEntry> {
        let structures = &self.contents.structures;
        let found = [2, 3, 4].into_iter().find_map(|level| {
            let shift = level_shift(level);
            let found = structures.find((context.pcid, level, linear >> shift << shift))?;
            (!denied_below(found.rights(), access, context.protection)).then_some(*found)
        })?;
        if structures.would_change(&found) {
            Arc::make_mut(&mut self.contents).structures.touch(&found);
        }
        Some(found)
    }

    /// Caches what a walk for an access of `kind` found.
    pub fn fill<O: Observer>(
        &mut self,
        observer: &mut O,
        kind: AccessKind,
        entry: Entry,
        structures: &[Option<StructureEntry>],
    ) {
        for structure in structures.iter().flatten() {
            self.fill_structure(observer, *structure);
        }
        self.insert_for(observer, kind, entry);
        observer.tlb(&TlbEvent::Fill { entry });
    }

    /// Removes what `operation` invalidates.
    pub fn invalidate<O: Observer>(&mut self, observer: &mut O, operation: Operation, cause: DropCause) {
        let reading = self.contents.reading;
        let drops = |entry: &Entry| operation.drops(reading, entry);
        let drops_structure = |entry: &StructureEntry| operation.drops_structure(reading, entry);
        if !self.entries().any(drops) && !self.structures().any(drops_structure) {
            return;
        }
        let contents = self.change();
        tell_dropped(observer, contents.translations.retain(|entry| !drops(entry)), cause);
        contents.structures.retain(|entry| {
            let drop = drops_structure(entry);
            if drop {
                observer.tlb(&TlbEvent::StructureDrop { entry: *entry, cause });
            }
            !drop
        });
    }

    /// A MOV to CR3 loaded `pcid`: what a finite geometry loses by that beyond what the write invalidates.
    pub fn load_pcid<O: Observer>(&mut self, observer: &mut O, pcid: u16, flush: Cr3Flush) {
        if matches!(self.contents.translations, Translations::Unbounded(_)) {
            return;
        }
        if let Translations::Finite(hierarchy) = &mut self.change().translations {
            let lost = hierarchy.load_pcid(pcid, flush);
            tell_dropped(observer, lost, DropCause::Capacity);
        }
    }

    /// The contents to change; what the fronts remember of them holds no longer.
    fn change(&mut self) -> &mut Contents {
        self.data.clear();
        self.fetches.clear();
        Arc::make_mut(&mut self.contents)
    }
}

fn tell_dropped<O: Observer>(observer: &mut O, dropped: impl IntoIterator<Item = Entry>, cause: DropCause) {
    for entry in dropped {
        observer.tlb(&TlbEvent::Drop { entry, cause });
    }
}

#[cfg(test)]
mod tests {
    use super::geometry::{HASWELL, RedundantWrite, SKYLAKE};
    use super::*;
    use crate::access::context;
    use crate::bits::{cr0, cr4, efer};
    use crate::paging::Mode;
    use crate::rflags::AC;
    use crate::{Cpu, testbed};
    use proptest::prelude::*;

    fn entry() -> impl Strategy<Value = Entry> {
        let size = prop_oneof![3 => Just(PageSize::Size4K), 1 => Just(PageSize::Size2M)];
        // Many pages of few sets, below 4 MiB: large pages and small ones overlap.
        let linear = (1..24u64, 0..2u64).prop_map(|(high, low)| (high << 3 | low) << 12);
        let rights: (_, [_; 5]) = (0..2u16, std::array::from_fn(|_| prop::bool::weighted(0.7)));
        (size, linear, rights).prop_map(|(size, linear, (pcid, [writable, user, executable, dirty, of_pcid]))| {
            let linear = linear << (if size == PageSize::Size2M { 4 } else { 0 }) & !size.offset_mask();
            Entry {
                pcid,
                linear,
                physical: linear,
                size,
                page: size,
                writable,
                user,
                execute_disable: !executable,
                dirty,
                global: !of_pcid,
            }
        })
    }

    /// Something about a look into the TLB that is another than at the look before.
    #[derive(Clone, Copy, Debug)]
    enum Change {
        Kind(AccessKind),
        Mode(Mode),
        Pcid(u16),
        Globals(bool),
        Protection(u8),
        Offset(u64),
    }

    fn change() -> impl Strategy<Value = Change> {
        let kinds = [AccessKind::Read, AccessKind::Write, AccessKind::Execute];
        let modes = [Mode::User, Mode::Supervisor, Mode::Implicit];
        prop_oneof![
            prop::sample::select(kinds.to_vec()).prop_map(Change::Kind),
            prop::sample::select(modes.to_vec()).prop_map(Change::Mode),
            (0..2u16).prop_map(Change::Pcid),
            any::<bool>().prop_map(Change::Globals),
            (0..32u8).prop_map(Change::Protection),
            any::<u64>().prop_map(Change::Offset),
        ]
    }

    #[derive(Clone)]
    struct Look {
        linear: u64,
        access: Access,
        cpu: Cpu,
    }

    impl Look {
        fn of(entry: &Entry) -> Self {
            let access = Access { kind: AccessKind::Read, mode: Mode::Supervisor };
            let mut cpu = testbed::machine().cpu;
            (cpu.cr3, cpu.cr4) = (entry.pcid.into(), cr4::PCIDE | cr4::PGE);
            let mut look = Self { linear: entry.linear, access, cpu };
            look.change(Change::Protection(0), entry);
            look
        }

        fn change(&mut self, change: Change, entry: &Entry) {
            let Cpu { cr0, cr3, cr4, efer, rflags, .. } = &mut self.cpu;
            match change {
                Change::Kind(kind) => self.access.kind = kind,
                Change::Mode(mode) => self.access.mode = mode,
                Change::Pcid(pcid) => *cr3 = pcid.into(),
                Change::Globals(globals) => set(cr4, cr4::PGE, globals),
                Change::Protection(choice) => {
                    let bits = [(cr0, cr0::WP), (efer, efer::NXE), (rflags, AC)].into_iter();
                    bits.enumerate().for_each(|(at, (register, bit))| set(register, bit, choice >> at & 1 != 0));
                    set(cr4, cr4::SMEP, choice & 8 != 0);
                    set(cr4, cr4::SMAP, choice & 16 != 0);
                }
                Change::Offset(offset) => self.linear = entry.linear | offset & entry.size.offset_mask(),
            }
        }
    }

    fn set(register: &mut u64, bit: u64, to: bool) {
        *register = *register & !bit | if to { bit } else { 0 };
    }

    const GEOMETRIES: [Geometry; 3] = [
        Geometry::Architectural,
        Geometry::Finite { hierarchy: &SKYLAKE, redundant_write: RedundantWrite::KeepsFirstLevel },
        Geometry::Finite { hierarchy: &HASWELL, redundant_write: RedundantWrite::KeepsFirstLevel },
    ];

    /// The same look into a TLB with fronts and one without; what both find.
    fn look(with: &mut Tlb, without: &mut Tlb, look: &Look) -> Option<Entry> {
        let Look { linear, access, ref cpu } = *look;
        let control = Control::of(cpu);
        let found = with.recall(linear, access, &control).copied().or_else(|| {
            let entry = with.lookup(&mut (), linear, access, context(cpu))?;
            with.remember(linear, access, control, entry);
            Some(entry)
        });
        assert_eq!(found, without.lookup(&mut (), linear, access, context(cpu)));
        assert_eq!(with, without);
        found
    }

    proptest! {
        #[test]
        fn what_the_fronts_remember_changes_nothing(
            pages in prop::collection::vec((entry(), prop::collection::vec(change(), 1..16)), 1..40),
        ) {
            for geometry in GEOMETRIES {
                let mut with = Tlb::with_geometry(geometry, Reading::Min);
                let mut without = with.clone();
                for (entry, changes) in &pages {
                    with.fill(&mut (), AccessKind::Read, *entry, &[]);
                    without.fill(&mut (), AccessKind::Read, *entry, &[]);
                    let mut at = Look::of(entry);
                    for change in changes {
                        at.change(*change, entry);
                        look(&mut with, &mut without, &at);
                    }
                }
            }
        }
    }

    /// A clean entry serves loads, a dirty one of the same page stores: what a front knows of one is not true of the other.
    #[test]
    fn a_front_does_not_take_one_entry_for_another() {
        let page = Entry { linear: 0x5000, writable: true, ..Entry::EMPTY };
        let clean = Entry { pcid: 0, dirty: false, physical: 0x1000, ..page };
        let dirty = Entry { pcid: 1, global: true, dirty: true, physical: 0x2000, ..page };
        let mut with = Tlb::new(Reading::Min);
        [clean, dirty].into_iter().for_each(|entry| with.insert(entry));
        let mut without = with.clone();
        let load = Look::of(&clean);
        let mut store = load.clone();
        store.change(Change::Kind(AccessKind::Write), &clean);
        for (at, physical) in [(&load, 0x1000), (&store, 0x2000), (&load, 0x1000), (&load, 0x1000), (&store, 0x2000)] {
            assert_eq!(look(&mut with, &mut without, at).map(|entry| entry.physical), Some(physical));
        }
    }
}
