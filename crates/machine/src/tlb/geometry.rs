//! What the translation caches of a processor can hold. `processors` has the data.

mod processors;

pub use processors::{GOLDEN_COVE, HASWELL, ICE_LAKE, PROCESSORS, SANDY_BRIDGE, SKYLAKE, ZEN_2, ZEN_3, ZEN_4};

use super::PageSize;

/// What the translation caches can hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Geometry {
    /// No bound: entries leave by invalidation only. For verdicts, which must not depend on luck with replacement.
    #[default]
    Architectural,
    /// The caches of one processor. For costs.
    Finite {
        /// What they can hold.
        hierarchy: &'static Hierarchy,
        /// What a MOV to CR3 that need not invalidate anything does to the first level.
        redundant_write: RedundantWrite,
    },
}

/// What a MOV to CR3 does to the first-level TLBs when bit 63 is set and the PCID stays the same. Nothing published
/// answers this: TLB;DR measured only writes that change the PCID.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RedundantWrite {
    /// They keep their entries.
    #[default]
    KeepsFirstLevel,
    /// They lose all entries that are not global.
    EmptiesFirstLevel,
}

/// First-level TLBs, a second level, and paging-structure caches.
#[derive(Debug, PartialEq, Eq)]
pub struct Hierarchy {
    /// Name of the processor.
    pub name: &'static str,
    /// What is unknown, or known only of another processor, in words.
    pub doubts: &'static str,
    /// First level for data; for loads only, if stores have their own.
    pub data: Level,
    /// First level for stores, if it is not that of loads.
    pub stores: Option<Level>,
    /// First level for instruction fetches.
    pub fetches: Level,
    /// Second level.
    pub second: Second,
    /// Entries of the paging-structure caches for PDEs, PDPTEs and PML4Es.
    pub structures: [usize; 3],
}

/// The second level.
#[derive(Debug, PartialEq, Eq)]
pub enum Second {
    /// One for data and instruction fetches.
    Shared(Level),
    /// One for each.
    Split {
        /// For data.
        data: Level,
        /// For instruction fetches.
        fetches: Level,
    },
}

/// One TLB: an array for each group of page sizes. A size without an array is not cached.
#[derive(Debug, PartialEq, Eq)]
pub struct Level {
    /// The arrays.
    pub arrays: &'static [Array],
    /// How many other PCIDs keep their translations when the PCID changes.
    pub retained: Retained,
}

/// How many other PCIDs keep their translations, most recently used first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retained {
    /// After a MOV to CR3 with bit 63 clear.
    pub flush: usize,
    /// After a MOV to CR3 with bit 63 set.
    pub no_flush: usize,
}

/// Sets of ways.
#[derive(Debug, PartialEq, Eq)]
pub struct Array {
    /// Page sizes that this array holds.
    pub sizes: &'static [PageSize],
    /// Number of sets, a power of two.
    pub sets: usize,
    /// Entries in a set.
    pub ways: usize,
    /// Which set a page goes to.
    pub index: Index,
    /// Which entry of a full set is replaced.
    pub replacement: Replacement,
}

/// Which set a page goes to, from its number: the linear address without the offset in the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Index {
    /// The low bits of the number.
    Linear,
    /// The low 7 bits XOR the next 7.
    Xor7,
}

/// Which entry of a full set is replaced. A set with a free way fills the first one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replacement {
    /// A binary tree of bits over a power of two of ways. Each bit points away from the last use.
    TreePlru,
    /// Groups of four ways: picks the group after the one last used, and in it by tree. TLB;DR writes (MRU+1)%3PLRU4.
    NextGroupPlru4,
    /// The least recently used one.
    Lru,
}
