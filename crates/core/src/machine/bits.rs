//! Named bits of the control registers, EFER, paging-structure entries and page-fault error codes, as masks. Those of RFLAGS
//! are in [`super::rflags`].

/// CR0 (SDM vol. 3A 2.5).
#[allow(missing_docs)]
pub mod cr0 {
    pub const PE: u64 = 1;
    pub const MP: u64 = 1 << 1;
    pub const EM: u64 = 1 << 2;
    pub const TS: u64 = 1 << 3;
    pub const ET: u64 = 1 << 4;
    pub const NE: u64 = 1 << 5;
    pub const WP: u64 = 1 << 16;
    pub const AM: u64 = 1 << 18;
    pub const NW: u64 = 1 << 29;
    pub const CD: u64 = 1 << 30;
    pub const PG: u64 = 1 << 31;
}

/// CR3 (SDM vol. 3A 4.5, table 4-12).
pub mod cr3 {
    /// The PCID while CR4.PCIDE=1.
    pub const PCID: u64 = 0xfff;
    /// Physical address of the top-level table.
    pub const TABLE: u64 = 0x000f_ffff_ffff_f000;
    /// LAM_U57 and LAM_U48.
    pub const LAM: u64 = 0b11 << 61;
    /// In the source of a MOV to CR3 with CR4.PCIDE=1: invalidate nothing. Never stored.
    pub const NO_FLUSH: u64 = 1 << 63;
}

/// CR4 (SDM vol. 3A 2.5).
#[allow(missing_docs)]
pub mod cr4 {
    pub const VME: u64 = 1;
    pub const PVI: u64 = 1 << 1;
    pub const TSD: u64 = 1 << 2;
    pub const DE: u64 = 1 << 3;
    pub const PSE: u64 = 1 << 4;
    pub const PAE: u64 = 1 << 5;
    pub const MCE: u64 = 1 << 6;
    pub const PGE: u64 = 1 << 7;
    pub const PCE: u64 = 1 << 8;
    pub const OSFXSR: u64 = 1 << 9;
    pub const OSXMMEXCPT: u64 = 1 << 10;
    pub const UMIP: u64 = 1 << 11;
    pub const LA57: u64 = 1 << 12;
    pub const FSGSBASE: u64 = 1 << 16;
    pub const PCIDE: u64 = 1 << 17;
    pub const SMEP: u64 = 1 << 20;
    pub const SMAP: u64 = 1 << 21;
    pub const LAM_SUP: u64 = 1 << 28;
}

/// IA32_EFER (SDM vol. 3A 2.2.1).
#[allow(missing_docs)]
pub mod efer {
    pub const SCE: u64 = 1;
    pub const LME: u64 = 1 << 8;
    pub const LMA: u64 = 1 << 10;
    pub const NXE: u64 = 1 << 11;
}

/// Error code of a page fault (SDM vol. 3A 4.7).
#[allow(missing_docs)]
pub mod page_fault {
    /// Clear: an entry was not present. Set: its rights, or a reserved bit.
    pub const PRESENT: u32 = 1;
    pub const WRITE: u32 = 1 << 1;
    /// The access was made on behalf of user mode.
    pub const USER: u32 = 1 << 2;
    pub const RESERVED: u32 = 1 << 3;
    /// Set for fetches only while CR4.SMEP or EFER.NXE is set.
    pub const FETCH: u32 = 1 << 4;
}

/// A paging-structure entry (SDM vol. 3A tables 4-14 to 4-20).
#[allow(missing_docs)]
pub mod entry {
    pub const PRESENT: u64 = 1;
    pub const WRITABLE: u64 = 1 << 1;
    pub const USER: u64 = 1 << 2;
    pub const ACCESSED: u64 = 1 << 5;
    pub const DIRTY: u64 = 1 << 6;
    /// PS: the entry maps a large page. Bit 7 of a PTE is PAT instead.
    pub const LARGE: u64 = 1 << 7;
    pub const GLOBAL: u64 = 1 << 8;
    pub const ADDRESS: u64 = 0x000f_ffff_ffff_f000;
    pub const EXECUTE_DISABLE: u64 = 1 << 63;
}

/// Attribute bits of a segment as [`super::Segment::attributes`] holds them: descriptor bits 55:40.
#[allow(missing_docs)]
pub mod segment {
    pub const PRESENT: u16 = 1 << 7;
    /// L: 64-bit code.
    pub const LONG: u16 = 1 << 13;
}
