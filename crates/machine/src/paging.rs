//! The page walk and the access rights of IA-32e paging (SDM vol. 3A 4.5 to 4.8).
//!
//! Only 4-level and 5-level paging exist here: a machine whose CR0.PG is set translates as in IA-32e mode.

use super::bits::{cr0, cr3, cr4, efer, entry, page_fault};
use super::cpu::Cpu;
use super::fault::Fault;
use super::memory::Memory;
use super::observe::AccessKind;
use super::rflags;
use super::tlb::{Entry, PageSize, StructureEntry};

/// On whose behalf memory is accessed (SDM vol. 3A 4.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// CPL 3.
    User,
    /// CPL below 3, an access that the instruction names.
    Supervisor,
    /// To a system structure (GDT, IDT, TSS) or to the stack of a handler: supervisor whatever CPL is, and RFLAGS.AC
    /// does not lift SMAP.
    Implicit,
}

/// What is done, and on whose behalf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Access {
    /// Read, write or fetch.
    pub kind: AccessKind,
    /// On whose behalf.
    pub mode: Mode,
}

/// Rights accumulated over the levels of a walk: R/W and U/S by AND, XD by OR (SDM vol. 3A 4.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rights {
    /// R/W was set at every level.
    pub writable: bool,
    /// U/S was set at every level.
    pub user: bool,
    /// XD was set at some level.
    pub execute_disable: bool,
}

impl Rights {
    /// Before the first level: nothing is forbidden.
    pub const ALL: Self = Self { writable: true, user: true, execute_disable: false };

    fn and(self, value: u64) -> Self {
        Self {
            writable: self.writable && value & entry::WRITABLE != 0,
            user: self.user && value & entry::USER != 0,
            execute_disable: self.execute_disable || value & entry::EXECUTE_DISABLE != 0,
        }
    }
}

/// The control bits that decide on rights, each where its register holds it: CR0.WP, CR4.SMEP and SMAP, RFLAGS.AC,
/// EFER.NXE. They are looked at on every access and never cached with a translation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Protection(u64);

const CR4_PROTECTION: u64 = cr4::SMEP | cr4::SMAP;

const _: () =
    assert!((cr0::WP ^ cr4::SMEP ^ cr4::SMAP ^ rflags::AC ^ efer::NXE).count_ones() == 5, "no two bits share a place");

impl Protection {
    /// The bits as the registers hold them.
    #[inline]
    pub fn of(cpu: &Cpu) -> Self {
        Self(cpu.cr0 & cr0::WP | cpu.cr4 & CR4_PROTECTION | cpu.rflags & rflags::AC | cpu.efer & efer::NXE)
    }

    /// One of the 32 sets of bits.
    #[cfg(test)]
    fn any(choice: u8) -> Self {
        let bits = [cr0::WP, cr4::SMEP, cr4::SMAP, rflags::AC, efer::NXE];
        let chosen = bits.into_iter().enumerate().filter(|(at, _)| choice >> at & 1 != 0);
        Self(chosen.fold(0, |set, (_, bit)| set | bit))
    }

    fn write_protect(self) -> bool {
        self.0 & cr0::WP != 0
    }

    fn smep(self) -> bool {
        self.0 & cr4::SMEP != 0
    }

    fn smap(self) -> bool {
        self.0 & cr4::SMAP != 0
    }

    fn alignment_check(self) -> bool {
        self.0 & rflags::AC != 0
    }

    fn no_execute(self) -> bool {
        self.0 & efer::NXE != 0
    }
}

/// Why rights forbid an access.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Denial {
    /// User mode at a supervisor page.
    SupervisorPage,
    /// A write to a read-only page, by user mode or with CR0.WP=1.
    ReadOnly,
    /// A fetch from a page with XD set.
    ExecuteDisable,
    /// A supervisor fetch from a user page.
    Smep,
    /// A supervisor data access to a user page.
    Smap,
}

impl Denial {
    fn cause(self) -> &'static str {
        match self {
            Self::SupervisorPage => "user mode may not access a supervisor page",
            Self::ReadOnly => "the page is read-only",
            Self::ExecuteDisable => "the page may not be executed: XD is set",
            Self::Smep => "supervisor mode may not execute a user page while CR4.SMEP=1",
            Self::Smap => "supervisor mode may not access the data of a user page while CR4.SMAP=1",
        }
    }
}

/// Whether `rights` forbid `access` under `protection` (SDM vol. 3A 4.6.1).
#[inline]
pub fn denial(rights: Rights, access: Access, protection: Protection) -> Option<Denial> {
    let user_access = access.mode == Mode::User;
    if user_access && !rights.user {
        return Some(Denial::SupervisorPage);
    }
    match access.kind {
        AccessKind::Execute if !user_access && rights.user && protection.smep() => Some(Denial::Smep),
        AccessKind::Execute => (rights.execute_disable && protection.no_execute()).then_some(Denial::ExecuteDisable),
        _ if !user_access && rights.user && smap_forbids(access.mode, protection) => Some(Denial::Smap),
        AccessKind::Write if !rights.writable && (user_access || protection.write_protect()) => Some(Denial::ReadOnly),
        _ => None,
    }
}

fn smap_forbids(mode: Mode, protection: Protection) -> bool {
    protection.smap() && (mode == Mode::Implicit || !protection.alignment_check())
}

/// Whether no level below can make `rights` suffice. A lower level only takes rights away, but taking U/S away lifts
/// SMEP and SMAP.
pub fn denied_below(rights: Rights, access: Access, protection: Protection) -> bool {
    let denied = |rights| denial(rights, access, protection).is_some();
    denied(rights) && (access.mode == Mode::User || denied(Rights { user: false, ..rights }))
}

/// Number of paging levels: 5 with CR4.LA57, otherwise 4.
#[inline]
pub fn levels(cpu: &Cpu) -> u8 {
    if cpu.cr4 & cr4::LA57 != 0 { 5 } else { 4 }
}

/// Whether all bits of `linear` above the translated ones equal the highest translated one (SDM vol. 1 3.3.7.1).
#[inline]
pub fn canonical(cpu: &Cpu, linear: u64) -> bool {
    canonical_in(if levels(cpu) == 5 { 57 } else { 48 }, linear)
}

/// Whether `linear` is its low `bits` sign-extended.
#[inline]
pub(super) fn canonical_in(bits: u32, linear: u64) -> bool {
    let unused = 64 - bits;
    ((linear << unused) as i64 >> unused) as u64 == linear
}

/// Lowest linear-address bit that selects an entry at `level`: 12 for a PTE, 21 for a PDE, and so on.
pub(super) fn level_shift(level: u8) -> u32 {
    3 + 9 * u32::from(level.clamp(1, 5))
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

/// A mask of the `count` lowest bits.
#[inline]
pub(super) fn low_bits(count: u32) -> u64 {
    1u64.checked_shl(count).map_or(u64::MAX, |bit| bit - 1)
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
            pcid: super::control::current_pcid(cpu),
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
                pcid: super::control::current_pcid(cpu),
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

#[cfg(test)]
mod tests {
    use super::*;

    const BOOLS: [bool; 2] = [false, true];

    fn all_rights() -> Vec<Rights> {
        let each = |writable, user| BOOLS.map(|execute_disable| Rights { writable, user, execute_disable });
        BOOLS.into_iter().flat_map(|w| BOOLS.into_iter().flat_map(move |u| each(w, u))).collect()
    }

    fn all_protections() -> Vec<Protection> {
        (0..32).map(Protection::any).collect()
    }

    fn all_accesses() -> Vec<Access> {
        let modes = [Mode::User, Mode::Supervisor, Mode::Implicit];
        let kinds = [AccessKind::Read, AccessKind::Write, AccessKind::Execute];
        modes.into_iter().flat_map(|mode| kinds.map(|kind| Access { kind, mode })).collect()
    }

    /// The paragraphs of SDM vol. 3A 4.6.1 in their order, each as it stands there.
    fn allowed_by_manual(rights: Rights, access: Access, with: Protection) -> bool {
        let Rights { writable, user: user_address, execute_disable } = rights;
        let fetchable = !with.no_execute() || !execute_disable;
        match (access.mode, access.kind) {
            (Mode::User, AccessKind::Read) => user_address,
            (Mode::User, AccessKind::Write) => user_address && writable,
            (Mode::User, AccessKind::Execute) => user_address && fetchable,
            (mode, AccessKind::Read) => {
                !user_address || !with.smap() || (with.alignment_check() && mode == Mode::Supervisor)
            }
            (mode, AccessKind::Write) => {
                let by_smap = !user_address || !with.smap() || (with.alignment_check() && mode == Mode::Supervisor);
                by_smap && (writable || !with.write_protect())
            }
            (_, AccessKind::Execute) => (!user_address || !with.smep()) && fetchable,
        }
    }

    #[test]
    fn access_rights_are_those_of_the_manual_in_every_combination() {
        let mut checked = 0;
        for rights in all_rights() {
            for access in all_accesses() {
                for with in all_protections() {
                    let allowed = denial(rights, access, with).is_none();
                    assert_eq!(allowed, allowed_by_manual(rights, access, with), "{rights:?} {access:?} {with:?}");
                    checked += 1;
                }
            }
        }
        assert_eq!(checked, 8 * 9 * 32);
    }

    #[test]
    fn rights_are_denied_below_exactly_when_no_lower_level_can_grant_the_access() {
        for rights in all_rights() {
            for access in all_accesses() {
                for with in all_protections() {
                    let below = all_rights().into_iter().map(|lower| Rights {
                        writable: rights.writable && lower.writable,
                        user: rights.user && lower.user,
                        execute_disable: rights.execute_disable || lower.execute_disable,
                    });
                    let hopeless = below.into_iter().all(|rights| denial(rights, access, with).is_some());
                    assert_eq!(denied_below(rights, access, with), hopeless, "{rights:?} {access:?} {with:?}");
                }
            }
        }
    }
}
