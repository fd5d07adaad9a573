//! What the translation caches hold.

use crate::level::UpperLevel;
use crate::rights::Rights;

/// Size of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PageSize {
    /// 4 KiB, mapped by a PTE.
    Size4K,
    /// 2 MiB, mapped by a PDE with PS set.
    Size2M,
    /// 1 GiB, mapped by a PDPTE with PS set.
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
    /// Size of the page in the paging structures: larger than `size` when the processor cached a fragment of it (SDM
    /// vol. 3A 4.10.2.3). What invalidates the page invalidates all its fragments.
    pub page: PageSize,
    /// Rights over all levels.
    pub rights: Rights,
    /// Whether the dirty flag in the leaf is known to be set.
    pub dirty: bool,
    /// Global: used under every PCID while CR4.PGE=1.
    pub global: bool,
}

impl Entry {
    /// PCID 0 and page 0, without any right; a value to fill in.
    pub const EMPTY: Self = Self {
        pcid: 0,
        linear: 0,
        physical: 0,
        size: PageSize::Size4K,
        page: PageSize::Size4K,
        rights: Rights { writable: false, user: false, execute_disable: false },
        dirty: false,
        global: false,
    };

    /// Whether this entry translates `linear`.
    pub fn covers(&self, linear: u64) -> bool {
        linear & !self.size.offset_mask() == self.linear
    }

    /// Whether `linear` lies in the entry's page. If the entry is a fragment of a larger page, that page counts.
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
pub struct StructureEntry {
    /// PCID under which it was made, bits 11:0; 0 while CR4.PCIDE=0.
    pub pcid: u16,
    /// The level that it belongs to.
    pub level: UpperLevel,
    /// Linear address with the bits below this level's reach cleared.
    pub linear: u64,
    /// Physical address of the next table.
    pub table: u64,
    /// Rights over the levels down to this one.
    pub rights: Rights,
}

impl StructureEntry {
    /// Whether this entry would be used to translate `linear`.
    pub fn covers(&self, linear: u64) -> bool {
        (linear ^ self.linear) >> self.level.shift() == 0
    }

    pub(super) fn key(&self) -> (u16, UpperLevel, u64) {
        (self.pcid, self.level, self.linear)
    }
}
