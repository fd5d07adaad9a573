//! The PCID-tagged TLB and the paging-structure caches. Geometry is data.
//!
//! What an operation removes is decided by [`rules`]; this module holds entries, finds them and tells an observer what
//! came and went.

mod front;
pub mod rules;
mod sorted;

pub use rules::{Operation, Reading};

use super::observe::{AccessKind, DropCause, Observer, TlbEvent};
use super::paging::{Access, Protection, Rights, denial, denied_below, level_shift};
use front::Front;
use sorted::Sorted;
use std::fmt;
use std::sync::Arc;

/// Size of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum PageSize {
    Size4K,
    Size2M,
    Size1G,
}

impl PageSize {
    /// All sizes, smallest first.
    pub const ALL: [Self; 3] = [Self::Size4K, Self::Size2M, Self::Size1G];

    /// Mask of the address bits within a page of this size.
    #[inline]
    pub fn offset_mask(self) -> u64 {
        match self {
            Self::Size4K => (1 << 12) - 1,
            Self::Size2M => (1 << 21) - 1,
            Self::Size1G => (1 << 30) - 1,
        }
    }
}

/// A cached translation (SDM vol. 3A 4.10.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Entry {
    /// PCID under which it was made, bits 11:0; 0 while CR4.PCIDE=0.
    pub pcid: u16,
    /// Linear address of the page, aligned to `size`.
    pub linear: u64,
    /// Physical address of the page, aligned to `size`.
    pub physical: u64,
    /// Page size.
    pub size: PageSize,
    /// Size of the page in the paging structures: larger than `size` when the processor cached a fragment of it
    /// (SDM vol. 3A 4.10.2.3). What invalidates the page invalidates all its fragments.
    pub page: PageSize,
    /// AND of R/W over the levels.
    pub writable: bool,
    /// AND of U/S over the levels.
    pub user: bool,
    /// OR of XD over the levels.
    pub execute_disable: bool,
    /// Dirty flag known to be set in the leaf.
    pub dirty: bool,
    /// Global: used under every PCID while CR4.PGE=1.
    pub global: bool,
}

impl Entry {
    pub(super) const EMPTY: Self = Self {
        pcid: 0,
        linear: 0,
        physical: 0,
        size: PageSize::Size4K,
        page: PageSize::Size4K,
        writable: false,
        user: false,
        execute_disable: false,
        dirty: false,
        global: false,
    };

    /// Rights over all levels.
    #[inline]
    pub fn rights(&self) -> Rights {
        Rights { writable: self.writable, user: self.user, execute_disable: self.execute_disable }
    }

    /// Whether this entry translates `linear`.
    pub fn covers(&self, linear: u64) -> bool {
        linear & !self.size.offset_mask() == self.linear
    }

    /// Whether `linear` lies in the page that this entry is, or is a fragment of.
    pub fn shares_page(&self, linear: u64) -> bool {
        let size = self.size.max(self.page);
        (linear ^ self.linear) & !size.offset_mask() == 0
    }

    /// The physical address of `linear`, which this entry covers.
    #[inline]
    pub fn translate(&self, linear: u64) -> u64 {
        self.physical | linear & self.size.offset_mask()
    }
}

/// A cached upper-level entry with its cumulative rights (SDM vol. 3A 4.10.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub struct StructureEntry {
    pub pcid: u16,
    /// 2 = PDE, 3 = PDPTE, 4 = PML4E.
    pub level: u8,
    /// Linear address with the bits below this level's reach cleared.
    pub linear: u64,
    /// Physical address of the next table.
    pub table: u64,
    pub writable: bool,
    pub user: bool,
    pub execute_disable: bool,
}

impl StructureEntry {
    /// Rights over the levels down to this one.
    pub fn rights(&self) -> Rights {
        Rights { writable: self.writable, user: self.user, execute_disable: self.execute_disable }
    }

    /// Whether this entry would be used to translate `linear`.
    pub fn covers(&self, linear: u64) -> bool {
        (linear ^ self.linear) >> level_shift(self.level) == 0
    }

    fn key(&self) -> (u16, u8, u64) {
        (self.pcid, self.level, self.linear)
    }
}

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
    translations: Sorted,
    /// Sorted by PCID, level, address.
    structures: Vec<StructureEntry>,
}

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

/// Who looks for a translation: the PCID and whether global translations count (CR4.PGE).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    /// Current PCID.
    pub pcid: u16,
    /// CR4.PGE.
    pub globals: bool,
    /// The control bits that decide on rights.
    pub protection: Protection,
}

impl Tlb {
    /// Empty caches of `reading`.
    pub fn new(reading: Reading) -> Self {
        let contents = Contents { reading, ..Contents::default() };
        Self { contents: Arc::new(contents), ..Self::default() }
    }

    /// How far these caches go beyond what the manual requires.
    pub fn reading(&self) -> Reading {
        self.contents.reading
    }

    /// All cached translations, sorted by page, size and PCID.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.contents.translations.entries().iter()
    }

    /// All cached paging-structure entries, sorted by PCID, level and address.
    pub fn structures(&self) -> impl Iterator<Item = &StructureEntry> {
        self.contents.structures.iter()
    }

    /// Caches a translation, in the place of one with the same page, size and PCID.
    pub fn insert(&mut self, entry: Entry) {
        self.change().translations.insert(entry);
    }

    /// Caches a paging-structure entry, in the place of one with the same PCID, level and address. Whether that
    /// changed anything.
    pub fn insert_structure(&mut self, entry: StructureEntry) -> bool {
        match self.contents.structures.binary_search_by_key(&entry.key(), StructureEntry::key) {
            Ok(index) if self.contents.structures[index] == entry => return false,
            Ok(index) => self.change().structures[index] = entry,
            Err(index) => self.change().structures.insert(index, entry),
        }
        true
    }

    /// The translation to use for `access` at `linear`: one whose rights allow it and, for a write, whose dirty flag is
    /// known to be set. Several may cover the address; which one is used is the processor's choice (SDM vol. 3A
    /// 4.10.2.3), and here the smallest page wins, then the current PCID before global ones.
    #[inline]
    pub fn lookup(&mut self, linear: u64, access: Access, context: Context) -> Option<Entry> {
        let front = if access.kind == AccessKind::Execute { &self.fetches } else { &self.data };
        match front.get(linear, context.pcid) {
            Some(entry) if suffices(entry, access, context) => Some(*entry),
            _ => self.search(linear, access, context),
        }
    }

    fn search(&mut self, linear: u64, access: Access, context: Context) -> Option<Entry> {
        let found = self
            .usable(linear, context)
            .filter(|entry| suffices(entry, access, context))
            .min_by_key(|entry| (entry.size, entry.pcid != context.pcid))
            .copied()?;
        let front = if access.kind == AccessKind::Execute { &mut self.fetches } else { &mut self.data };
        front.put(linear, context.pcid, found);
        Some(found)
    }

    /// Translations of the current PCID, and global ones of any PCID while CR4.PGE=1 (SDM vol. 3A 4.10.2.4).
    fn usable(&self, linear: u64, context: Context) -> impl Iterator<Item = &Entry> {
        let usable = move |entry: &&Entry| entry.pcid == context.pcid || (entry.global && context.globals);
        self.contents.translations.covering(linear).filter(usable)
    }

    /// Removes the translations for `linear` whose rights forbid `access`, so that a right that was granted since costs
    /// a walk and no page fault.
    pub fn drop_stale<O: Observer>(&mut self, observer: &mut O, linear: u64, access: Access, context: Context) {
        let stale = |entry: &&Entry| denial(entry.rights(), access, context.protection).is_some();
        let stale: Vec<Entry> = self.usable(linear, context).filter(stale).copied().collect();
        if !stale.is_empty() {
            self.change().translations.retain(|entry| !stale.contains(entry));
        }
        for entry in stale {
            observer.tlb(&TlbEvent::Drop { entry, cause: DropCause::StaleRights });
        }
    }

    /// The deepest cached upper-level entry of the current PCID for `linear` (SDM vol. 3A 4.10.3.2), passing over those
    /// whose rights already forbid `access`: such rights may be out of date.
    pub fn deepest(&self, linear: u64, access: Access, context: Context) -> Option<&StructureEntry> {
        [2, 3, 4].into_iter().find_map(|level| {
            let key = (context.pcid, level, linear >> level_shift(level) << level_shift(level));
            let index = self.contents.structures.binary_search_by_key(&key, StructureEntry::key).ok()?;
            let found = self.contents.structures.get(index)?;
            (!denied_below(found.rights(), access, context.protection)).then_some(found)
        })
    }

    /// Caches what a walk found.
    pub fn fill<O: Observer>(&mut self, observer: &mut O, entry: Entry, structures: &[Option<StructureEntry>]) {
        for structure in structures.iter().flatten() {
            if self.insert_structure(*structure) {
                observer.tlb(&TlbEvent::StructureFill { entry: *structure });
            }
        }
        self.insert(entry);
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
        contents.translations.retain(|entry| {
            let drop = drops(entry);
            if drop {
                observer.tlb(&TlbEvent::Drop { entry: *entry, cause });
            }
            !drop
        });
        contents.structures.retain(|entry| {
            let drop = drops_structure(entry);
            if drop {
                observer.tlb(&TlbEvent::StructureDrop { entry: *entry, cause });
            }
            !drop
        });
    }

    /// The contents to change; what the fronts remember of them holds no longer.
    fn change(&mut self) -> &mut Contents {
        self.data.clear();
        self.fetches.clear();
        Arc::make_mut(&mut self.contents)
    }
}

/// Whether `entry` serves `access` without a walk.
#[inline]
fn suffices(entry: &Entry, access: Access, context: Context) -> bool {
    let clean_write = access.kind == AccessKind::Write && !entry.dirty;
    !clean_write && denial(entry.rights(), access, context.protection).is_none()
}
