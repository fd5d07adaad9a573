//! The PCID-tagged TLB and the paging-structure caches. Geometry is data.

/// Size of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum PageSize {
    Size4K,
    Size2M,
    Size1G,
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

/// The translation caches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tlb {}
