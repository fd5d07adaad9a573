//! The page walk of IA-32e paging (SDM vol. 3A 4.5, 4.7, 4.8).
//!
//! Only 4-level and 5-level paging exist here: a machine whose CR0.PG is set translates as in IA-32e mode.

pub use super::cpu::canonical;
pub use super::rights::{Access, AccessKind, Denial, Mode, Protection, Rights, denial, denied_below};

use super::bits::{cr3, cr4, efer, entry, low_bits, page_fault};
use super::cpu::{Cpu, current_pcid};
use super::fault::Fault;
use super::memory::Memory;
use super::tlb::{Entry, PageSize, StructureEntry, level_shift};

/// Number of paging levels: 5 with CR4.LA57, otherwise 4.
#[inline]
pub fn levels(cpu: &Cpu) -> u8 {
    if cpu.cr4 & cr4::LA57 != 0 { 5 } else { 4 }
}

/// One paging-structure entry that a walk read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// 5 = PML5E, 4 = PML4E, 3 = PDPTE, 2 = PDE, 1 = PTE.
    pub level: u8,
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
    NotPresent(u8),
    /// At an entry with a reserved bit set; the level of that entry.
    Reserved(u8),
}

/// A walk from its start to a page or to an entry that ends it. Nothing is changed by it.
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
    pub level: u8,
    /// Physical address of the table.
    pub table: u64,
    /// Rights accumulated above it.
    pub rights: Rights,
}

impl Start {
    /// The table that CR3 names.
    pub fn root(cpu: &Cpu) -> Self {
        Self { level: levels(cpu), table: cpu.cr3 & cr3::TABLE, rights: Rights::ALL }
    }

    /// The table that a cached upper-level entry names.
    pub fn cached(structure: &StructureEntry) -> Self {
        Self { level: structure.level.saturating_sub(1), table: structure.table, rights: structure.rights() }
    }
}

/// Follows the paging structures for `linear` from `start` (SDM vol. 3A 4.5).
pub fn walk(cpu: &Cpu, memory: &Memory, linear: u64, start: Start) -> Walk {
    let mut steps = [Step::default(); 5];
    let mut count = 0;
    let (mut level, mut table, mut rights) = (start.level, start.table, start.rights);
    let end = loop {
        let address = table | (linear >> level_shift(level) & 0x1ff) << 3;
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
        if let Some(size) = leaf(level, value) {
            break End::Page { size, rights };
        }
        table = value & entry::ADDRESS;
        level -= 1;
    };
    Walk { steps, count, end }
}

/// The page size that an entry maps, or `None` if it names a table.
fn leaf(level: u8, value: u64) -> Option<PageSize> {
    match (level, value & entry::LARGE != 0) {
        (0 | 1, _) => Some(PageSize::Size4K),
        (2, true) => Some(PageSize::Size2M),
        (3, true) => Some(PageSize::Size1G),
        _ => None,
    }
}

/// Bits of a present entry that must be clear (SDM vol. 3A 4.5, tables 4-14 to 4-20).
fn reserved_bits(cpu: &Cpu, level: u8, value: u64) -> u64 {
    let above = entry::ADDRESS & !low_bits(u32::from(cpu.features.physical_address_bits));
    let execute = if cpu.efer & efer::NXE == 0 { entry::EXECUTE_DISABLE } else { 0 };
    // Bit 12 of an entry that maps a large page is PAT.
    let low = |size: PageSize| size.offset_mask() & entry::ADDRESS & !(1 << 12);
    let by_level = match (level, leaf(level, value)) {
        (4 | 5, _) => entry::LARGE,
        (_, Some(size @ (PageSize::Size2M | PageSize::Size1G))) => low(size),
        _ => 0,
    };
    above | execute | by_level
}

/// What a successful walk found: the translation to cache and the upper-level entries that led to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Translation {
    /// The translation.
    pub entry: Entry,
    /// Upper-level entries read, from the top down. PML5E are not among them: no paging-structure cache is documented
    /// for them.
    pub structures: [Option<StructureEntry>; 3],
}

/// Makes the walk take effect: access rights, then the accessed flag in every entry used and, for a write, the dirty
/// flag in the last one (SDM vol. 3A 4.8).
///
/// `start` is where `walk` began.
///
/// # Errors
/// A page fault; then no flag is set.
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
            writable: rights.writable,
            user: rights.user,
            execute_disable: rights.execute_disable,
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

/// Sets the accessed and dirty flags; the value of the last entry with them.
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
        let slot = 4usize.checked_sub(usize::from(step.level)).and_then(|index| found.get_mut(index));
        if let Some(slot) = slot {
            *slot = Some(StructureEntry {
                pcid: current_pcid(cpu),
                level: step.level,
                linear: linear & !low_bits(level_shift(step.level)),
                table: step.value & entry::ADDRESS,
                writable: rights.writable,
                user: rights.user,
                execute_disable: rights.execute_disable,
            });
        }
    }
    found
}

/// A page fault with the bits of SDM vol. 3A 4.7 that follow from the access added to `code`.
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

fn not_present(level: u8) -> &'static str {
    match level {
        5 => "the PML5E is not present",
        4 => "the PML4E is not present",
        3 => "the PDPTE is not present",
        2 => "the PDE is not present",
        _ => "the PTE is not present",
    }
}

fn reserved(level: u8) -> &'static str {
    match level {
        5 => "a reserved bit of the PML5E is set",
        4 => "a reserved bit of the PML4E is set",
        3 => "a reserved bit of the PDPTE is set",
        2 => "a reserved bit of the PDE is set",
        _ => "a reserved bit of the PTE is set",
    }
}
