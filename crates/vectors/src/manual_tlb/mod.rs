//! The TLB as the manual words it: a second model that vouches for [`cr3_machine::tlb`].
//!
//! Deliberately naive. Translations are sets, and each rule of the manual is one short function that says which members
//! leave. It shares nothing with the machine's implementation except the names of the facts. Where the manual allows
//! several behaviours the model accepts each of them: it learns which translation the machine used and says whether the
//! manual allows that one.
//!
//! Sections are those of the Intel SDM vol. 3A unless said otherwise. The numbers of rules (R0 to R5, 1.1 to 1.8, 2.1
//! to 2.4) are the project's own; the predicates of `rules` and the steps of `walk` name them.

mod control;
mod rules;
mod walk;

pub use control::{ControlFault, invlpg, invpcid, mov_from_cr3, mov_to_cr0, mov_to_cr3, mov_to_cr4, toggle_no_execute};
pub use walk::{Outcome, PageFault, access};

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

/// Size of a page as a power of two.
pub type PageShift = u32;

/// Which entries the model removes beyond those that the manual requires.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reading {
    /// Only what must go.
    Min,
    /// Everything that may go, at every invalidation.
    Max,
}

/// What happens to an access that a cached translation forbids (4.10.4.3; rule 2.1: both are legal).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum StaleRights {
    /// The translation goes and the processor walks the tables.
    #[default]
    WalkAgain,
    /// A page fault, which removes the translation.
    Fault,
}

/// What the access does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// A load of data.
    Read,
    /// A store of data.
    Write,
    /// An instruction fetch.
    Fetch,
}

/// On whose behalf (4.6: explicit accesses use CPL, implicit ones are always supervisor).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Accessor {
    /// An explicit access with CPL=3.
    User,
    /// An explicit access with CPL below 3.
    Supervisor,
    /// To a system structure, whatever CPL is.
    ImplicitSupervisor,
}

/// The bits of CR0, CR4, EFER, RFLAGS and CPUID that translation depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Controls {
    /// CR0; bits WP and PG matter.
    pub cr0: u64,
    /// CR3, which never stores bit 63.
    pub cr3: u64,
    /// CR4; bits PAE, PGE, LA57, PCIDE, SMEP and SMAP matter.
    pub cr4: u64,
    /// IA32_EFER.NXE.
    pub no_execute_enable: bool,
    /// IA32_EFER.LMA.
    pub long_mode_active: bool,
    /// CS.L: with EFER.LMA set, 64-bit mode if set and compatibility mode if clear.
    pub long_code: bool,
    /// RFLAGS.AC: with SMAP, lets the supervisor access user pages.
    pub alignment_check_flag: bool,
    /// Current privilege level, 0 to 3.
    pub cpl: u8,
    /// CPUID.01H:ECX bit 17: CR4.PCIDE may be set.
    pub has_pcid: bool,
    /// CPUID.07H.0:EBX bit 10: INVPCID exists.
    pub has_invpcid: bool,
    /// CPUID.07H.1:EAX bit 26: CR3 bits 61 and 62 are accepted.
    pub has_lam: bool,
    /// MAXPHYADDR in bits.
    pub physical_address_bits: u32,
}

pub(crate) const WP: u64 = 1 << 16;
pub(crate) const PG: u64 = 1 << 31;
pub(crate) const PAE: u64 = 1 << 5;
pub(crate) const PGE: u64 = 1 << 7;
pub(crate) const LA57: u64 = 1 << 12;
pub(crate) const PCIDE: u64 = 1 << 17;
pub(crate) const SMEP: u64 = 1 << 20;
pub(crate) const SMAP: u64 = 1 << 21;

impl Controls {
    /// The PCID that new translations get: CR3 bits 11:0 while CR4.PCIDE=1, otherwise 000H (4.10.1; rule R1).
    pub fn current_pcid(&self) -> u16 {
        if self.cr4 & PCIDE != 0 { (self.cr3 & 0xfff) as u16 } else { 0 }
    }

    /// Number of address bits that an entry of the table in CR3 spans: a PML5 table with CR4.LA57, otherwise a PML4
    /// table (4.5; rule 2.1).
    fn root_shift(&self) -> PageShift {
        if self.cr4 & LA57 != 0 { 48 } else { 39 }
    }
}

/// A cached translation (4.10.2.2). A processor may cache a large page in fragments (rule 2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Translation {
    /// The PCID of its tag, bits 11:0.
    pub pcid: u16,
    /// Linear address of the page, its low `shift` bits clear.
    pub page: u64,
    /// 12, 21 or 30: the cached piece has 4 KiB, 2 MiB or 1 GiB.
    pub shift: PageShift,
    /// The same for the page in the tables, of which this may be a fragment.
    pub mapped: PageShift,
    /// Physical address of the page, its low `shift` bits clear.
    pub frame: u64,
    /// AND of R/W over the levels.
    pub writable: bool,
    /// AND of U/S over the levels.
    pub user: bool,
    /// OR of XD over the levels.
    pub execute_disable: bool,
    /// The dirty flag was set in the entry that maps the page.
    pub dirty: bool,
    /// The G flag was set there while CR4.PGE=1.
    pub global: bool,
}

impl Translation {
    fn covers(&self, linear: u64) -> bool {
        linear >> self.shift == self.page >> self.shift
    }

    /// Whether this is the page of `linear`, or a fragment of it (4.10.4.1, first footnote; rules 1.4, 1.5, 1.7).
    fn is_of_page(&self, linear: u64) -> bool {
        linear >> self.mapped == self.page >> self.mapped
    }
}

/// A cached upper-level entry (4.10.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Structure {
    /// The PCID of its tag, bits 11:0.
    pub pcid: u16,
    /// Linear address of its region, its low `shift` bits clear.
    pub region: u64,
    /// 21 for a PDE, 30 for a PDPTE, 39 for a PML4E.
    pub shift: PageShift,
    /// Physical address of the next table.
    pub table: u64,
    /// AND of R/W down to this level.
    pub writable: bool,
    /// AND of U/S down to this level.
    pub user: bool,
    /// OR of XD down to this level.
    pub execute_disable: bool,
}

impl Structure {
    fn covers(&self, linear: u64) -> bool {
        // Bits above 56 are copies of bit 56 and are not part of the tag.
        (linear ^ self.region) << 7 >> 7 >> self.shift == 0
    }
}

/// The sets of cached entries, and the paging structures in memory as quadwords by physical address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// What translation depends on.
    pub controls: Controls,
    /// What invalidations remove.
    pub reading: Reading,
    /// What happens to an access that a cached translation forbids.
    pub stale_rights: StaleRights,
    /// The TLBs (4.10.2).
    pub translations: BTreeSet<Translation>,
    /// The paging-structure caches (4.10.3).
    pub structures: BTreeSet<Structure>,
    /// Quadwords by physical address; an absent one is 0.
    pub memory: BTreeMap<u64, u64>,
}

impl Model {
    /// A model with empty caches, which walks again if rights are out of date.
    pub fn new(controls: Controls, reading: Reading) -> Self {
        let (translations, structures) = (BTreeSet::new(), BTreeSet::new());
        let stale_rights = StaleRights::WalkAgain;
        Self { controls, reading, stale_rights, translations, structures, memory: BTreeMap::new() }
    }

    fn quadword(&self, physical: u64) -> u64 {
        self.memory.get(&physical).copied().unwrap_or(0)
    }

    /// Removes what the manual requires, or everything under [`Reading::Max`] (4.10.2.2, rule R0: any entry may go at any
    /// time).
    fn invalidate(
        &mut self,
        translation_goes: impl Fn(&Translation) -> bool,
        structure_goes: impl Fn(&Structure) -> bool,
    ) {
        match self.reading {
            Reading::Min => {
                self.translations.retain(|entry| !translation_goes(entry));
                self.structures.retain(|entry| !structure_goes(entry));
            }
            Reading::Max => {
                self.translations.clear();
                self.structures.clear();
            }
        }
    }
}
