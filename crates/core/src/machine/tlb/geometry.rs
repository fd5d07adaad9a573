//! What the translation caches of a processor can hold. Data only, each part with its source and its doubts.
//!
//! TLB;DR: Tatar, Trujillo, Giuffrida, Bos, "TLB;DR: Enhancing TLB-based Attacks with TLB Desynchronized Reverse
//! Engineering", USENIX Security 2022, and its repository vusec/tlbdr @ d93516d3. CPUID: InstLatx64 @ 087af2c7.

use super::PageSize;

/// What the translation caches can hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Geometry {
    /// No bound: entries leave by invalidation only. For verdicts, which must not hang on luck with replacement.
    #[default]
    Architectural,
    /// The caches of one processor. For costs.
    Finite {
        /// What they can hold.
        hierarchy: &'static Hierarchy,
        /// What a MOV to CR3 that need invalidate nothing does to the first level.
        redundant_write: RedundantWrite,
    },
}

/// What a MOV to CR3 with bit 63 set that does not change the PCID does to the first-level TLBs. Nothing published
/// says which is so: TLB;DR measured writes that change the PCID.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RedundantWrite {
    /// They keep their entries.
    #[default]
    KeepsFirstLevel,
    /// They lose all that are not global.
    EmptiesFirstLevel,
}

/// Two first-level TLBs, a second level that both share, and paging-structure caches.
#[derive(Debug, PartialEq, Eq)]
pub struct Hierarchy {
    /// Name of the processor.
    pub name: &'static str,
    /// First level for data.
    pub data: Level,
    /// First level for instruction fetches.
    pub fetches: Level,
    /// Second level.
    pub shared: Level,
    /// Entries of the paging-structure caches for PDEs, PDPTEs and PML4Es.
    pub structures: [usize; 3],
}

/// One TLB: an array for each group of page sizes. A size without an array is not cached.
#[derive(Debug, PartialEq, Eq)]
pub struct Level {
    /// The arrays.
    pub arrays: &'static [Array],
    /// How many PCIDs beside the current one keep their translations when the PCID changes.
    pub retained: Retained,
}

/// How many PCIDs beside the current one keep their translations, the last used first.
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
    /// Which entry of a full set makes room.
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

/// Which entry of a full set makes room. A set with a free way fills the first one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replacement {
    /// A binary tree of bits over a power of two of ways, each pointing away from the last use.
    TreePlru,
    /// Groups of four ways: the group after the one last used, and in it by tree. TLB;DR writes (MRU+1)%3PLRU4.
    NextGroupPlru4,
}

const ALL_STAY: Retained = Retained { flush: usize::MAX, no_flush: usize::MAX };

const fn array(sizes: &'static [PageSize], sets: usize, ways: usize) -> Array {
    Array { sizes, sets, ways, index: Index::Linear, replacement: Replacement::TreePlru }
}

const SMALL: &[PageSize] = &[PageSize::Size4K];
const MEDIUM: &[PageSize] = &[PageSize::Size2M];
const LARGE: &[PageSize] = &[PageSize::Size1G];

/// Intel Skylake and Kaby Lake.
///
/// 4 KiB arrays, hash, replacement and PCIDs: TLB;DR, measured on Kaby Lake. 2 MiB and 1 GiB arrays: CPUID leaf 2
/// (76036301H, B5H, C3H). Doubtful: replacement in the arrays that TLB;DR did not measure (2 MiB, 1 GiB); whether
/// its count of PCIDs includes the current one (read here as: beside it, or its 0 for data would mean no TLB);
/// whether global translations leave with their PCID (here they stay). The sizes of the paging-structure caches are
/// published nowhere and are free parameters. CPUID says 6 ways for the second level; TLB;DR measured 12.
pub static SKYLAKE: Hierarchy = Hierarchy {
    name: "Skylake",
    data: Level {
        arrays: &[array(SMALL, 16, 4), array(MEDIUM, 8, 4), array(LARGE, 1, 4)],
        retained: Retained { flush: 0, no_flush: 0 },
    },
    fetches: Level {
        arrays: &[array(SMALL, 16, 8), array(MEDIUM, 1, 8)],
        retained: Retained { flush: 1, no_flush: 3 },
    },
    shared: Level {
        arrays: &[
            Array {
                sizes: &[PageSize::Size4K, PageSize::Size2M],
                sets: 128,
                ways: 12,
                index: Index::Xor7,
                replacement: Replacement::NextGroupPlru4,
            },
            array(LARGE, 4, 4),
        ],
        retained: Retained { flush: 4, no_flush: 4 },
    },
    structures: [32, 4, 2],
};

/// Intel Haswell, with the part of its numbers that has a source: 4 KiB and 1 GiB arrays from CPUID leaf 2 (76036301H,
/// B5H, C1H), replacement from the presets of TLB;DR. The 2 MiB array of the first level has no descriptor and is taken
/// from Skylake; how many PCIDs stay was not measured, so all do.
pub static HASWELL: Hierarchy = Hierarchy {
    name: "Haswell",
    data: Level { arrays: &[array(SMALL, 16, 4), array(MEDIUM, 8, 4), array(LARGE, 1, 4)], retained: ALL_STAY },
    fetches: Level { arrays: &[array(SMALL, 8, 8), array(MEDIUM, 1, 8)], retained: ALL_STAY },
    shared: Level { arrays: &[array(&[PageSize::Size4K, PageSize::Size2M], 128, 8)], retained: ALL_STAY },
    structures: [32, 4, 2],
};
