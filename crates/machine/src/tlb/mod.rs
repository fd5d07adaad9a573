//! The PCID-tagged TLB and the paging-structure caches. Geometry is data.
//!
//! [`rules`] decides what an operation removes; [`geometry`] says what a processor can hold. This module finds, adds
//! and removes entries and reports what came and went.

mod entry;
pub mod geometry;
mod hierarchy;
mod report;
pub mod rules;
mod sets;
mod sorted;
mod structures;

pub use entry::{Entry, PageSize, StructureEntry};
pub use geometry::Geometry;
pub use report::{Cr3Flush, DropCause, Report, TlbEvent};
pub use rules::{Operation, Reading, StaleRights};

use super::bits::cr4;
use super::cpu::{Cpu, current_pcid};
use super::fast::Fronts;
use super::level::UpperLevel;
use super::rights::{Access, AccessKind, Denial, Protection, denial, denied_below};
use hierarchy::{Found, Hierarchy};
use sorted::Sorted;
use std::fmt;
use structures::Structures;
use triomphe::Arc;

/// The translation caches. Cloning shares what they hold until one of the clones changes.
#[derive(Clone, Default)]
pub struct Tlb {
    contents: Arc<Contents>,
    /// No part of the contents. Any change of them drops it.
    pub(crate) fronts: Fronts,
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
    /// Removes what `keep` rejects. Returns each removed entry once, sorted.
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

/// Equal when they hold the same and continue alike. For finite geometries that includes the replacement state.
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

/// What a lookup in the TLB depends on besides the address and the access.
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
    /// The context of a processor.
    pub fn of(cpu: &Cpu) -> Self {
        Self { pcid: current_pcid(cpu), globals: cpu.cr4 & cr4::PGE != 0, protection: Protection::of(cpu) }
    }

    /// Translations of the current PCID, and global ones of any PCID while CR4.PGE=1 (SDM vol. 3A 4.10.2.4).
    fn may_use(self, entry: &Entry) -> bool {
        entry.pcid == self.pcid || (entry.global && self.globals)
    }

    /// Whether `entry` serves `access` without a walk.
    #[inline]
    fn suffices(self, entry: &Entry, access: Access) -> bool {
        let clean_write = access.kind == AccessKind::Write && !entry.dirty;
        !clean_write && denial(entry.rights, access, self.protection).is_none()
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

    /// The same for a processor that starts with `pcid` in CR3, which it may have loaded long ago. The default is PCID
    /// 000H, as after a reset.
    pub fn starting_at(mut self, pcid: u16) -> Self {
        if let Translations::Finite(hierarchy) = &mut self.change().translations {
            hierarchy.start(pcid);
        }
        self
    }

    /// The same, with another response to rights that are out of date.
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

    /// The cached translations of any PCID that cover `linear`, small pages first.
    pub fn covering(&self, linear: u64) -> impl Iterator<Item = &Entry> {
        let (sorted, finite) = match &self.contents.translations {
            Translations::Unbounded(sorted) => (Some(sorted.covering(linear)), None),
            Translations::Finite(hierarchy) => (None, Some(hierarchy.covering(linear))),
        };
        sorted.into_iter().flatten().chain(finite.into_iter().flatten())
    }

    /// All cached paging-structure entries: sorted by PCID, level and address or, in a finite geometry, most recently
    /// used first.
    pub fn structures(&self) -> impl Iterator<Item = &StructureEntry> {
        self.contents.structures.entries().iter()
    }

    /// Caches a translation as a data access would. Replaces one with the same page, size and PCID.
    pub fn insert(&mut self, entry: Entry) {
        self.insert_for(&mut |_| (), AccessKind::Read, entry);
    }

    fn insert_for(&mut self, report: Report<'_>, kind: AccessKind, entry: Entry) {
        match &mut self.change_page(&entry).translations {
            Translations::Unbounded(sorted) => sorted.insert(entry),
            Translations::Finite(hierarchy) => {
                let lost = hierarchy.fill(kind, entry);
                tell_dropped(report, lost, DropCause::Capacity);
            }
        }
    }

    /// Caches a paging-structure entry. Replaces one with the same PCID, level and address.
    pub fn insert_structure(&mut self, entry: StructureEntry) {
        self.fill_structure(&mut |_| (), entry);
    }

    fn fill_structure(&mut self, report: Report<'_>, entry: StructureEntry) {
        if self.contents.structures.find(entry.key()) == Some(&entry) && !self.contents.structures.would_change(&entry)
        {
            return;
        }
        // The fronts know translations alone.
        let inserted = Arc::make_mut(&mut self.contents).structures.insert(entry);
        if let Some(entry) = inserted.evicted {
            report(&TlbEvent::StructureDrop { entry, cause: DropCause::Capacity });
        }
        if inserted.changed {
            report(&TlbEvent::StructureFill { entry });
        }
    }

    /// Whether using `entry` once more for an access of `kind` changes nothing, as long as no other page whose number
    /// has the same remainder by `slots` was used.
    pub(crate) fn settles(&self, kind: AccessKind, entry: &Entry, slots: usize) -> bool {
        match &self.contents.translations {
            Translations::Unbounded(_) => true,
            Translations::Finite(hierarchy) => hierarchy.settles(kind, entry, slots),
        }
    }

    /// The translation to use for `access` at `linear`: one whose rights allow it and, for a write, whose dirty flag is
    /// known to be set. Several may cover the address, and the processor may use any of them (SDM vol. 3A 4.10.2.3).
    /// Here the smallest page wins, then the current PCID before global ones.
    pub fn lookup(&mut self, report: Report<'_>, linear: u64, access: Access, context: Context) -> Option<Entry> {
        let suits = |entry: &&Entry| context.may_use(entry) && context.suffices(entry, access);
        let better = |entry: &&Entry| (entry.size, entry.pcid != context.pcid, entry.pcid);
        match &self.contents.translations {
            Translations::Unbounded(sorted) => sorted.covering(linear).filter(suits).min_by_key(better).copied(),
            Translations::Finite(hierarchy) => {
                let found = hierarchy.find(linear, access.kind, suits, better)?;
                Some(self.use_finite(report, access.kind, found))
            }
        }
    }

    /// Notes the use of an entry that a finite geometry holds.
    fn use_finite(&mut self, report: Report<'_>, kind: AccessKind, found: Found) -> Entry {
        match found {
            Found::First(entry) => {
                // The fronts stay valid, because no entry comes or goes.
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
                    tell_dropped(report, lost, DropCause::Capacity);
                }
                entry
            }
        }
    }

    /// Why a cached translation forbids `access`, where that is a page fault without a walk of the tables.
    pub fn refusal(&self, linear: u64, access: Access, context: Context) -> Option<Denial> {
        if self.contents.stale_rights == StaleRights::WalkAgain {
            return None;
        }
        let covers = |entry: &&Entry| entry.covers(linear) && context.may_use(entry);
        self.entries().filter(covers).find_map(|entry| denial(entry.rights, access, context.protection))
    }

    /// Removes the translations for `linear` whose rights forbid `access`. If software granted the right since, this
    /// costs a walk and no page fault.
    pub fn drop_stale(&mut self, report: Report<'_>, linear: u64, access: Access, context: Context) {
        let denied = |entry: &Entry| denial(entry.rights, access, context.protection).is_some();
        let stale = |entry: &Entry| entry.covers(linear) && context.may_use(entry) && denied(entry);
        let found = match &self.contents.translations {
            Translations::Unbounded(sorted) => sorted.covering(linear).any(stale),
            Translations::Finite(hierarchy) => hierarchy.covering(linear).any(stale),
        };
        if found {
            let dropped = self.change().translations.retain(|entry| !stale(entry));
            tell_dropped(report, dropped, DropCause::StaleRights);
        }
    }

    /// The deepest cached upper-level entry of the current PCID for `linear` (SDM vol. 3A 4.10.3.2). It passes over
    /// those whose rights already forbid `access`, because such rights may be out of date.
    pub fn deepest(&mut self, linear: u64, access: Access, context: Context) -> Option<StructureEntry> {
        let structures = &self.contents.structures;
        let found = UpperLevel::ALL.into_iter().find_map(|level| {
            let shift = level.shift();
            let found = structures.find((context.pcid, level, linear >> shift << shift))?;
            (!denied_below(found.rights, access, context.protection)).then_some(*found)
        })?;
        if structures.would_change(&found) {
            Arc::make_mut(&mut self.contents).structures.touch(&found);
        }
        Some(found)
    }

    /// Caches what a walk for an access of `kind` found.
    pub fn fill(&mut self, report: Report<'_>, kind: AccessKind, entry: Entry, structures: &[Option<StructureEntry>]) {
        for structure in structures.iter().flatten() {
            self.fill_structure(report, *structure);
        }
        self.insert_for(report, kind, entry);
        report(&TlbEvent::Fill { entry });
    }

    /// Removes what `operation` invalidates.
    pub fn invalidate(&mut self, report: Report<'_>, operation: Operation, cause: DropCause) {
        let reading = self.contents.reading;
        let drops = |entry: &Entry| operation.drops(reading, entry);
        let drops_structure = |entry: &StructureEntry| operation.drops_structure(reading, entry);
        if !self.entries().any(drops) && !self.structures().any(drops_structure) {
            return;
        }
        let contents = self.change();
        tell_dropped(report, contents.translations.retain(|entry| !drops(entry)), cause);
        contents.structures.retain(|entry| {
            let drop = drops_structure(entry);
            if drop {
                report(&TlbEvent::StructureDrop { entry: *entry, cause });
            }
            !drop
        });
    }

    /// A MOV to CR3 loaded `pcid`. Removes what a finite geometry loses by that, beyond what the write invalidates.
    pub fn load_pcid(&mut self, report: Report<'_>, pcid: u16, flush: Cr3Flush) {
        if matches!(self.contents.translations, Translations::Unbounded(_)) {
            return;
        }
        if let Translations::Finite(hierarchy) = &mut self.change().translations {
            let lost = hierarchy.load_pcid(pcid, flush);
            tell_dropped(report, lost, DropCause::Capacity);
        }
    }

    /// The contents, to add an entry. Where none has to go for it, the fronts remember all other pages.
    fn change_page(&mut self, entry: &Entry) -> &mut Contents {
        let makes_room = matches!(self.contents.translations, Translations::Finite(_));
        if makes_room || entry.size != PageSize::Size4K {
            return self.change();
        }
        self.fronts.forget_page(entry.linear);
        Arc::make_mut(&mut self.contents)
    }

    /// The contents, to change them; this invalidates what the fronts remember.
    fn change(&mut self) -> &mut Contents {
        self.fronts.forget();
        Arc::make_mut(&mut self.contents)
    }
}

fn tell_dropped(report: Report<'_>, dropped: impl IntoIterator<Item = Entry>, cause: DropCause) {
    for entry in dropped {
        report(&TlbEvent::Drop { entry, cause });
    }
}
