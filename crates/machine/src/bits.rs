//! Named bits of the control registers, EFER, paging-structure entries and page-fault error codes, as masks.
//! [`super::rflags`] has those of RFLAGS.

/// CR0 (SDM vol. 3A 2.5).
pub mod cr0 {
    /// Protection enable.
    pub const PE: u64 = 1;
    /// Monitor coprocessor: WAIT heeds [`TS`].
    pub const MP: u64 = 1 << 1;
    /// Emulation: no x87, #UD from SSE.
    pub const EM: u64 = 1 << 2;
    /// Task switched: the next x87 or SSE instruction raises #NM.
    pub const TS: u64 = 1 << 3;
    /// Extension type; always 1.
    pub const ET: u64 = 1 << 4;
    /// Numeric error: x87 faults are #MF.
    pub const NE: u64 = 1 << 5;
    /// Write protect: the supervisor obeys R/W too.
    pub const WP: u64 = 1 << 16;
    /// Alignment mask: RFLAGS.AC counts at CPL 3.
    pub const AM: u64 = 1 << 18;
    /// Not write-through.
    pub const NW: u64 = 1 << 29;
    /// Cache disable.
    pub const CD: u64 = 1 << 30;
    /// Paging.
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
    /// In the source of a MOV to CR3 with CR4.PCIDE=1: invalidate nothing. CR3 never stores it.
    pub const NO_FLUSH: u64 = 1 << 63;
}

/// CR4 (SDM vol. 3A 2.5).
pub mod cr4 {
    /// Virtual-8086 mode extensions.
    pub const VME: u64 = 1;
    /// Protected-mode virtual interrupts.
    pub const PVI: u64 = 1 << 1;
    /// Time-stamp disable: RDTSC needs CPL 0.
    pub const TSD: u64 = 1 << 2;
    /// Debugging extensions: DR4 and DR5 raise #UD.
    pub const DE: u64 = 1 << 3;
    /// Page size extensions; without effect in 4-level paging.
    pub const PSE: u64 = 1 << 4;
    /// Physical-address extension: 8-byte paging-structure entries.
    pub const PAE: u64 = 1 << 5;
    /// Machine-check enable: without it #MC shuts the processor down.
    pub const MCE: u64 = 1 << 6;
    /// Page global enable. Changing it invalidates everything (4.10.4.1).
    pub const PGE: u64 = 1 << 7;
    /// RDPMC at every CPL.
    pub const PCE: u64 = 1 << 8;
    /// The system saves SSE state with FXSAVE.
    pub const OSFXSR: u64 = 1 << 9;
    /// The system handles #XM.
    pub const OSXMMEXCPT: u64 = 1 << 10;
    /// User-mode instruction prevention: SGDT, SIDT, SLDT, SMSW and STR need CPL 0.
    pub const UMIP: u64 = 1 << 11;
    /// 57-bit linear addresses.
    pub const LA57: u64 = 1 << 12;
    /// RDFSBASE, RDGSBASE, WRFSBASE and WRGSBASE exist.
    pub const FSGSBASE: u64 = 1 << 16;
    /// PCID enable: translations are tagged with CR3 bits 11:0 (4.10.1).
    pub const PCIDE: u64 = 1 << 17;
    /// The supervisor may not fetch from user pages (4.6).
    pub const SMEP: u64 = 1 << 20;
    /// The supervisor may not read or write user pages while RFLAGS.AC=0 (4.6).
    pub const SMAP: u64 = 1 << 21;
    /// Linear-address masking of supervisor pointers.
    pub const LAM_SUP: u64 = 1 << 28;
}

/// IA32_EFER (SDM vol. 3A 2.2.1).
pub mod efer {
    /// SYSCALL enable.
    pub const SCE: u64 = 1;
    /// IA-32e mode enable.
    pub const LME: u64 = 1 << 8;
    /// IA-32e mode active; read-only.
    pub const LMA: u64 = 1 << 10;
    /// Execute-disable enable: bit 63 of paging-structure entries counts.
    pub const NXE: u64 = 1 << 11;
}

/// Error code of a page fault (SDM vol. 3A 4.7).
pub mod page_fault {
    /// Clear: an entry was not present. Set: the rights forbid the access, or a reserved bit is set.
    pub const PRESENT: u32 = 1;
    /// The access was a write.
    pub const WRITE: u32 = 1 << 1;
    /// The access was made on behalf of user mode.
    pub const USER: u32 = 1 << 2;
    /// A reserved bit was set in a paging-structure entry.
    pub const RESERVED: u32 = 1 << 3;
    /// Set for fetches only while CR4.SMEP or EFER.NXE is set.
    pub const FETCH: u32 = 1 << 4;
}

/// A paging-structure entry (SDM vol. 3A tables 4-14 to 4-20).
pub mod entry {
    /// P: when it is clear, the processor ignores the other bits.
    pub const PRESENT: u64 = 1;
    /// R/W: writes are allowed, if every level allows them.
    pub const WRITABLE: u64 = 1 << 1;
    /// U/S: user mode has access, if every level gives it.
    pub const USER: u64 = 1 << 2;
    /// A: the entry was used in a translation.
    pub const ACCESSED: u64 = 1 << 5;
    /// D: the page was written; only in an entry that maps a page.
    pub const DIRTY: u64 = 1 << 6;
    /// PS: the entry maps a large page. Bit 7 of a PTE is PAT instead.
    pub const LARGE: u64 = 1 << 7;
    /// G: with CR4.PGE, used under every PCID; only in an entry that maps a page.
    pub const GLOBAL: u64 = 1 << 8;
    /// Physical address of the next table or of the page, bits 51:12.
    pub const ADDRESS: u64 = 0x000f_ffff_ffff_f000;
    /// XD: with EFER.NXE, no fetches; otherwise reserved.
    pub const EXECUTE_DISABLE: u64 = 1 << 63;
}

/// Attribute bits of a segment as [`super::Segment::attributes`] holds them: descriptor bits 55:40.
pub mod segment {
    /// P: when it is clear, a load raises #NP, or #SS for SS.
    pub const PRESENT: u16 = 1 << 7;
    /// L: 64-bit code.
    pub const LONG: u16 = 1 << 13;
}

/// A mask of the `count` lowest bits.
#[inline]
pub(super) fn low_bits(count: u32) -> u64 {
    1u64.checked_shl(count).map_or(u64::MAX, |bit| bit - 1)
}

/// Whether `linear` is its low `bits` sign-extended.
#[inline]
pub(super) fn canonical_in(bits: u32, linear: u64) -> bool {
    let unused = 64 - bits;
    ((linear << unused) as i64 >> unused) as u64 == linear
}
