//! The page walk of IA-32e paging (SDM vol. 3A 4.5, 4.7, 4.8).
//!
//! Only 4-level and 5-level paging exist here: a machine whose CR0.PG is set translates as in IA-32e mode.

pub use super::cpu::canonical;
pub use super::rights::{Access, AccessKind, Denial, Mode, Protection, Rights, denial, denied_below};

use super::bits::{cr3, cr4, efer, entry, low_bits, page_fault};
use super::cpu::{Cpu, current_pcid};
use super::fault::Fault;
use super::level::{Level, UpperLevel};
use super::memory::Memory;
use super::tlb::{Entry, PageSize, StructureEntry};

/// The level of the table that CR3 names: with CR4.LA57 the fifth, otherwise the fourth.
#[inline]
pub fn top_level(cpu: &Cpu) -> Level {
    if cpu.cr4 & cr4::LA57 != 0 { Level::Pml5 } else { Level::Pml4 }
}

/// One paging-structure entry that a walk read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Level of the table that it is in.
    pub level: Level,
    /// Physical address of the entry.
    pub address: u64,
    /// Its value as read.
    pub value: u64,
}

/// How a walk ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// At an entry that maps a page.
    Page {
        /// Size of the page.
        size: PageSize,
        /// Rights over all levels, those of the start included.
        rights: Rights,
    },
    /// At an entry with P=0; the level of that entry.
    NotPresent(Level),
    /// At an entry with a reserved bit set; the level of that entry.
    Reserved(Level),
}

/// A walk from its start to a page or to an entry that ends it. A walk changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Walk {
    steps: [Step; 5],
    count: u8,
    /// How it ended.
    pub end: End,
}

impl Walk {
    /// The entries read, from the top down; the last one is where it ended.
    pub fn steps(&self) -> &[Step] {
        &self.steps[..usize::from(self.count).min(self.steps.len())]
    }
}

/// Where a walk starts: the top-level table, or the table that a paging-structure cache names (SDM vol. 3A 4.10.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    /// Level of the entries in `table`.
    pub level: Level,
    /// Physical address of the table.
    pub table: u64,
    /// Rights accumulated above it.
    pub rights: Rights,
}

impl Start {
    /// The table that CR3 names.
    pub fn root(cpu: &Cpu) -> Self {
        Self { level: top_level(cpu), table: cpu.cr3 & cr3::TABLE, rights: Rights::ALL }
    }

    /// The table that a cached upper-level entry names.
    pub fn cached(structure: &StructureEntry) -> Self {
        Self { level: structure.level.below(), table: structure.table, rights: structure.rights }
    }
}

/// Follows the paging structures for `linear` from `start` (SDM vol. 3A 4.5).
pub fn walk(cpu: &Cpu, memory: &Memory, linear: u64, start: Start) -> Walk {
    let mut steps = [Step { level: start.level, address: 0, value: 0 }; 5];
    let mut count = 0;
    let (mut level, mut table, mut rights) = (start.level, start.table, start.rights);
    let end = loop {
        let address = table | (linear >> level.shift() & 0x1ff) << 3;
        let value = memory.read_u64(address);
        if let Some(step) = steps.get_mut(usize::from(count)) {
            *step = Step { level, address, value };
            count += 1;
        }
        if value & entry::PRESENT == 0 {
            break End::NotPresent(level);
        }
        if value & reserved_bits(cpu, level, value) != 0 {
            break End::Reserved(level);
        }
        rights = rights.and(value);
        match maps(level, value) {
            Maps::Page(size) => break End::Page { size, rights },
            Maps::Table(below) => (level, table) = (below, value & entry::ADDRESS),
        }
    };
    Walk { steps, count, end }
}

/// What an entry stands for.
enum Maps {
    Page(PageSize),
    /// A table of this level.
    Table(Level),
}

fn maps(level: Level, value: u64) -> Maps {
    match (level, value & entry::LARGE != 0) {
        (Level::Pt, _) => Maps::Page(PageSize::Size4K),
        (Level::Pd, true) => Maps::Page(PageSize::Size2M),
        (Level::Pdpt, true) => Maps::Page(PageSize::Size1G),
        (Level::Pd, false) => Maps::Table(Level::Pt),
        (Level::Pdpt, false) => Maps::Table(Level::Pd),
        (Level::Pml4, _) => Maps::Table(Level::Pdpt),
        (Level::Pml5, _) => Maps::Table(Level::Pml4),
    }
}

/// Bits of a present entry that must be clear (SDM vol. 3A 4.5, tables 4-14 to 4-20).
fn reserved_bits(cpu: &Cpu, level: Level, value: u64) -> u64 {
    let above = entry::ADDRESS & !low_bits(u32::from(cpu.features.physical_address_bits));
    let execute = if cpu.efer & efer::NXE == 0 { entry::EXECUTE_DISABLE } else { 0 };
    // Bit 12 of an entry that maps a large page is PAT.
    let low = |size: PageSize| size.offset_mask() & entry::ADDRESS & !(1 << 12);
    let by_level = match (level, maps(level, value)) {
        (Level::Pml4 | Level::Pml5, _) => entry::LARGE,
        (_, Maps::Page(size @ (PageSize::Size2M | PageSize::Size1G))) => low(size),
        _ => 0,
    };
    above | execute | by_level
}

/// What a successful walk found: the translation to cache and the upper-level entries that led to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Translation {
    /// The translation.
    pub entry: Entry,
    /// Upper-level entries read, from the top down. PML5Es are not among them, because no paging-structure cache is
    /// documented for them.
    pub structures: [Option<StructureEntry>; 3],
}

/// Makes the walk take effect: access rights, then the accessed flag in every entry used and, for a write, the dirty
/// flag in the last one (SDM vol. 3A 4.8).
///
/// `start` is where `walk` began.
///
/// # Errors
/// A page fault, which sets no flag.
pub fn commit(
    cpu: &Cpu,
    memory: &mut Memory,
    linear: u64,
    access: Access,
    start: Start,
    walk: &Walk,
) -> Result<Translation, Fault> {
    let (size, rights) = match walk.end {
        End::Page { size, rights } => (size, rights),
        End::NotPresent(level) => return Err(fault(cpu, linear, access, 0, not_present(level))),
        End::Reserved(level) => {
            let code = page_fault::PRESENT | page_fault::RESERVED;
            return Err(fault(cpu, linear, access, code, reserved(level)));
        }
    };
    if let Some(denial) = denial(rights, access, Protection::of(cpu)) {
        return Err(denied(cpu, linear, access, denial));
    }
    let value = set_flags(memory, access.kind, walk.steps());
    Ok(Translation {
        entry: Entry {
            pcid: current_pcid(cpu),
            linear: linear & !size.offset_mask(),
            physical: value & entry::ADDRESS & !size.offset_mask(),
            size,
            page: size,
            rights,
            dirty: value & entry::DIRTY != 0,
            global: value & entry::GLOBAL != 0 && cpu.cr4 & cr4::PGE != 0,
        },
        structures: structures(cpu, linear, start, walk.steps()),
    })
}

/// The page fault of an access whose rights do not suffice.
pub fn denied(cpu: &Cpu, linear: u64, access: Access, denial: Denial) -> Fault {
    fault(cpu, linear, access, page_fault::PRESENT, denial.cause())
}

/// Sets the accessed and dirty flags, and returns the last entry with them.
fn set_flags(memory: &mut Memory, kind: AccessKind, steps: &[Step]) -> u64 {
    let mut last = 0;
    for (index, step) in steps.iter().enumerate() {
        let is_leaf = index + 1 == steps.len();
        let dirty = if is_leaf && kind == AccessKind::Write { entry::DIRTY } else { 0 };
        last = step.value | entry::ACCESSED | dirty;
        if last != step.value {
            memory.write_u64(step.address, last);
        }
    }
    last
}

/// The upper-level entries among `steps` with the rights accumulated down to each (SDM vol. 3A 4.10.3.1).
fn structures(cpu: &Cpu, linear: u64, start: Start, steps: &[Step]) -> [Option<StructureEntry>; 3] {
    let mut found = [None; 3];
    let mut rights = start.rights;
    let upper = steps.split_last().map_or(&[][..], |(_, upper)| upper);
    for step in upper {
        rights = rights.and(step.value);
        let kept = UpperLevel::numbered(step.level.number());
        if let Some((level, slot)) = kept.and_then(|level| Some((level, found.get_mut(4 - level as usize)?))) {
            *slot = Some(StructureEntry {
                pcid: current_pcid(cpu),
                level,
                linear: linear & !low_bits(level.shift()),
                table: step.value & entry::ADDRESS,
                rights,
            });
        }
    }
    found
}

/// A page fault. Its error code is `code` with the bits that follow from the access (SDM vol. 3A 4.7).
fn fault(cpu: &Cpu, linear: u64, access: Access, code: u32, cause: &'static str) -> Fault {
    let reports_fetch = cpu.cr4 & cr4::SMEP != 0 || cpu.efer & efer::NXE != 0;
    let kind = match access.kind {
        AccessKind::Read => 0,
        AccessKind::Write => page_fault::WRITE,
        AccessKind::Execute if reports_fetch => page_fault::FETCH,
        AccessKind::Execute => 0,
    };
    let user = if access.mode == Mode::User { page_fault::USER } else { 0 };
    Fault::page_fault(linear, code | kind | user, cause)
}

fn not_present(level: Level) -> &'static str {
    match level {
        Level::Pml5 => "the PML5E is not present",
        Level::Pml4 => "the PML4E is not present",
        Level::Pdpt => "the PDPTE is not present",
        Level::Pd => "the PDE is not present",
        Level::Pt => "the PTE is not present",
    }
}

fn reserved(level: Level) -> &'static str {
    match level {
        Level::Pml5 => "a reserved bit of the PML5E is set",
        Level::Pml4 => "a reserved bit of the PML4E is set",
        Level::Pdpt => "a reserved bit of the PDPTE is set",
        Level::Pd => "a reserved bit of the PDE is set",
        Level::Pt => "a reserved bit of the PTE is set",
    }
}
