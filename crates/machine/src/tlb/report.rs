//! What the translation caches report of themselves.

use super::{Entry, StructureEntry};
use crate::rights::AccessKind;

/// The function to report to.
pub type Report<'a> = &'a mut dyn FnMut(&TlbEvent);

/// Why an entry left the TLB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DropCause {
    /// MOV to CR3.
    Cr3Write,
    /// MOV to CR4.
    Cr4Write,
    /// MOV to CR0.
    Cr0Write,
    /// WRMSR to IA32_EFER that changed NXE.
    EferWrite,
    /// INVLPG.
    Invlpg,
    /// INVPCID.
    Invpcid,
    /// The page fault drops the entries of its own page (SDM vol. 3A 4.10.4.1).
    PageFault,
    /// A hit with too few rights is dropped and walked again.
    StaleRights,
    /// Made room for another entry, in a finite geometry.
    Capacity,
}

impl DropCause {
    /// Whether software asked for it. Replacement and page faults are not invalidations by software.
    pub fn is_flush(self) -> bool {
        matches!(
            self,
            Self::Cr3Write | Self::Cr4Write | Self::Cr0Write | Self::EferWrite | Self::Invlpg | Self::Invpcid
        )
    }
}

/// What the translation caches did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlbEvent {
    /// A translation was used from the TLB.
    Hit {
        /// The translation.
        entry: Entry,
        /// What the access was for.
        kind: AccessKind,
    },
    /// No usable entry: the processor walks the tables.
    Miss {
        /// The linear address of the access.
        linear: u64,
        /// The current PCID, bits 11:0; 0 while CR4.PCIDE=0.
        pcid: u16,
        /// What the access was for.
        kind: AccessKind,
        /// Paging-structure entries read from memory, 0 to 4.
        reads: u8,
    },
    /// A translation was cached.
    Fill {
        /// The translation.
        entry: Entry,
    },
    /// A translation was removed.
    Drop {
        /// The translation.
        entry: Entry,
        /// What removed it.
        cause: DropCause,
    },
    /// A paging-structure entry was cached.
    StructureFill {
        /// The paging-structure entry.
        entry: StructureEntry,
    },
    /// A paging-structure entry was removed.
    StructureDrop {
        /// The paging-structure entry.
        entry: StructureEntry,
        /// What removed it.
        cause: DropCause,
    },
}

/// How a MOV to CR3 treated the translations of the PCID it loads (SDM vol. 3A 4.10.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cr3Flush {
    /// PCIDE=0, or bit 63 clear: invalidates.
    Flush,
    /// PCIDE=1 and bit 63 set: invalidates nothing.
    NoFlush,
}
