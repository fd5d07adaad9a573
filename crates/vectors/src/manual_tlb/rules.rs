//! The manual's rules as predicates: which cached entries an operation must remove, which may be used, which may be
//! made.
//!
//! Each names its section and its rule. R0: any entry may go at any time; this is [`super::Reading::Max`] and needs no
//! predicate. R1: the model caches only for the accesses it is asked for. R4 and R5 concern a second logical processor
//! and the order of instructions, which the model does not have. The model covers how paging ends (1.3) but not how it
//! begins: every run starts with it on. Of 1.6 it covers NXE: task switches do not exist in IA-32e mode, virtual
//! machines are not modelled, and there are no MTRRs to write. 1.8 says what software owes, not what a processor drops,
//! so no predicate can express it; `trace::broken` asks of every run whether Linux keeps it. Of 2.2 the model leaves
//! out protection keys, and with them bits 5 and 15 of the error code.

use super::{
    Access, Accessor, Controls, LA57, PAE, PCIDE, PG, PGE, SMAP, SMEP, StaleRights, Structure, Translation, WP,
};

pub(super) const NO_FLUSH: u64 = 1 << 63;
/// LAM_U57 and LAM_U48.
const LAM_BITS: u64 = 0b11 << 61;

pub(super) const PRESENT: u64 = 1;
pub(super) const ACCESSED: u64 = 1 << 5;
pub(super) const LARGE: u64 = 1 << 7;
pub(super) const ADDRESS: u64 = 0x000f_ffff_ffff_f000;
pub(super) const EXECUTE_DISABLE: u64 = 1 << 63;

/// Vol. 1, 3.3.7.1, rules 1.4 and 1.5: the bits above those that the tables translate are copies of the highest
/// translated bit: 47 or, with CR4.LA57, 56.
pub(super) fn canonical(controls: &Controls, linear: u64) -> bool {
    let top = linear.cast_signed() >> (controls.root_shift() + 8);
    top == 0 || top == -1
}

/// 4.10.2.4, rule R3: a translation of the current PCID, or a global one of any PCID while CR4.PGE=1.
pub(super) fn may_be_used(controls: &Controls, linear: u64, entry: &Translation) -> bool {
    entry.covers(linear) && serves_current_pcid(controls, entry)
}

/// 4.10.2.4, rule R3: by its tag, whatever its address.
fn serves_current_pcid(controls: &Controls, entry: &Translation) -> bool {
    entry.pcid == controls.current_pcid() || entry.global && controls.cr4 & PGE != 0
}

/// 4.10.3.2, rule R3: structure entries are never global.
pub(super) fn structure_may_be_used(controls: &Controls, linear: u64, entry: &Structure) -> bool {
    entry.covers(linear) && entry.pcid == controls.current_pcid()
}

/// 4.10.2.3, rule R2: present, without reserved bits, accessed.
pub(super) fn may_be_cached(controls: &Controls, entry: u64, shift: u32) -> bool {
    entry & PRESENT != 0 && entry & reserved(controls, entry, shift) == 0 && entry & ACCESSED != 0
}

/// 4.5, tables 4-15 to 4-20, rules R2 and 2.1: the address above MAXPHYADDR, XD while no-execute is off, PS of a PML5E
/// or PML4E, and the low address bits of a large page except bit 12, which is PAT.
pub(super) fn reserved(controls: &Controls, entry: u64, shift: u32) -> u64 {
    let above = ADDRESS & !((1u64 << controls.physical_address_bits) - 1);
    let execute = if controls.no_execute_enable { 0 } else { EXECUTE_DISABLE };
    let level = match shift {
        48 | 39 => LARGE,
        30 | 21 if entry & LARGE != 0 => ((1 << shift) - 1) & ADDRESS & !(1 << 12),
        _ => 0,
    };
    above | execute | level
}

/// Vol. 2, MOV to control registers, rule 1.1: bits 62:MAXPHYADDR, and bit 63 while CR4.PCIDE=0. With LAM, bits 62:61
/// may be set.
pub(super) fn mov_to_cr3_faults(controls: &Controls, source: u64) -> bool {
    let above = !((1u64 << controls.physical_address_bits) - 1);
    let lam = if controls.has_lam { LAM_BITS } else { 0 };
    let no_flush = if controls.cr4 & PCIDE != 0 { NO_FLUSH } else { 0 };
    controls.cpl != 0 || source & above & !lam & !no_flush != 0
}

/// Vol. 2, MOV from control registers, rule 1.1.
pub(super) fn mov_from_cr3_faults(controls: &Controls) -> bool {
    controls.cpl != 0
}

/// Vol. 2, MOV from control registers, rule 1.1: bit 63 reads as 0.
pub(super) fn mov_from_cr3_gives(controls: &Controls) -> u64 {
    controls.cr3 & !NO_FLUSH
}

/// 4.10.4.1, rule 1.1: the PCID that is flushed, the new one. 000H while CR4.PCIDE=0; none if bit 63 is set with
/// CR4.PCIDE=1.
fn context_of_mov_to_cr3(controls: &Controls, source: u64) -> Option<u16> {
    match (controls.cr4 & PCIDE != 0, source & NO_FLUSH != 0) {
        (false, _) => Some(0),
        (true, false) => Some((source & 0xfff) as u16),
        (true, true) => None,
    }
}

/// 4.10.4.1, rule 1.1: all translations of that PCID except global ones.
pub(super) fn mov_to_cr3_drops(controls: &Controls, source: u64, entry: &Translation) -> bool {
    context_of_mov_to_cr3(controls, source) == Some(entry.pcid) && !entry.global
}

/// 4.10.4.1, rule 1.1: all structure entries of that PCID.
pub(super) fn mov_to_cr3_drops_structure(controls: &Controls, source: u64, entry: &Structure) -> bool {
    context_of_mov_to_cr3(controls, source) == Some(entry.pcid)
}

/// 4.10.1 and vol. 2, rule 1.2. `supported` holds the bits that CPUID allows.
pub(super) fn mov_to_cr4_faults(controls: &Controls, source: u64, supported: u64) -> bool {
    let (set, cleared) = (source & !controls.cr4, controls.cr4 & !source);
    let may_tag = controls.has_pcid && controls.long_mode_active && controls.cr3 & 0xfff == 0;
    let keeps_paging_mode = cleared & PAE == 0 && (set | cleared) & LA57 == 0;
    controls.cpl != 0
        || source & !supported != 0
        || set & PCIDE != 0 && !may_tag
        || controls.long_mode_active && !keeps_paging_mode
}

/// How far a change of CR4 reaches.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    Nothing,
    CurrentContext,
    Everything,
}

/// 4.10.4.1, rule 1.2. `controls` are those before the write.
fn reach_of_mov_to_cr4(controls: &Controls, source: u64) -> Reach {
    let (set, cleared) = (source & !controls.cr4, controls.cr4 & !source);
    if (set | cleared) & PGE != 0 || cleared & PCIDE != 0 {
        Reach::Everything
    } else if set & SMEP != 0 || (set | cleared) & PAE != 0 {
        Reach::CurrentContext
    } else {
        Reach::Nothing
    }
}

/// 4.10.4.1, rule 1.2: "for the current PCID" makes no exception for global ones.
pub(super) fn mov_to_cr4_drops(controls: &Controls, source: u64, entry: &Translation) -> bool {
    match reach_of_mov_to_cr4(controls, source) {
        Reach::Nothing => false,
        Reach::CurrentContext => entry.pcid == controls.current_pcid(),
        Reach::Everything => true,
    }
}

/// 4.10.4.1, rule 1.2.
pub(super) fn mov_to_cr4_drops_structure(controls: &Controls, source: u64, entry: &Structure) -> bool {
    match reach_of_mov_to_cr4(controls, source) {
        Reach::Nothing => false,
        Reach::CurrentContext => entry.pcid == controls.current_pcid(),
        Reach::Everything => true,
    }
}

/// 4.1.2 and 4.10.1, rule 1.3: PG cannot be cleared in 64-bit mode or with PCIDs, and bits 63:32 cannot be set.
pub(super) fn mov_to_cr0_faults(controls: &Controls, source: u64) -> bool {
    let in_64_bit_mode = controls.long_mode_active && controls.long_code;
    let needs_paging = in_64_bit_mode || controls.cr4 & PCIDE != 0;
    controls.cpl != 0 || source >> 32 != 0 || clears_paging(controls, source) && needs_paging
}

/// Rule 1.3: PG from 1 to 0.
fn clears_paging(controls: &Controls, source: u64) -> bool {
    controls.cr0 & PG != 0 && source & PG == 0
}

/// 4.10.4.1, rule 1.3: clearing PG drops global entries too. Every access checks WP and no entry caches it, so nothing
/// must go for it.
pub(super) fn mov_to_cr0_drops_everything(controls: &Controls, source: u64) -> bool {
    clears_paging(controls, source)
}

/// Vol. 2, INVLPG, rule 1.4: an address that is not canonical, or that carries LAM metadata, does nothing.
pub(super) fn invlpg_is_no_operation(controls: &Controls, linear: u64) -> bool {
    !canonical(controls, linear)
}

/// 4.10.4.1, rule 1.4: the page with its fragments under the current PCID, and global translations for it under any
/// PCID.
pub(super) fn invlpg_drops(controls: &Controls, linear: u64, entry: &Translation) -> bool {
    entry.is_of_page(linear) && (entry.pcid == controls.current_pcid() || entry.global)
}

/// 4.10.4.1, rule 1.4: all of the current PCID, whatever their addresses.
pub(super) fn invlpg_drops_structure(controls: &Controls, entry: &Structure) -> bool {
    entry.pcid == controls.current_pcid()
}

/// The operands of INVPCID: the type, and the two quadwords of the descriptor.
#[derive(Clone, Copy, Debug)]
pub(super) struct Invpcid {
    pub(super) kind: u64,
    pub(super) low: u64,
    pub(super) high: u64,
}

impl Invpcid {
    fn pcid(&self) -> u16 {
        (self.low & 0xfff) as u16
    }
}

/// Vol. 2, INVPCID, rule 1.5. LAM does not mask the descriptor's address.
pub(super) fn invpcid_faults(controls: &Controls, operands: &Invpcid) -> bool {
    let &Invpcid { kind, low, high } = operands;
    let needs_tags = kind <= 1 && operands.pcid() != 0 && controls.cr4 & PCIDE == 0;
    controls.cpl != 0 || kind > 3 || low >> 12 != 0 || needs_tags || kind == 0 && !canonical(controls, high)
}

/// 4.10.4.1, rule 1.5: only type 2 reaches global translations; type 0 removes all fragments of the page.
pub(super) fn invpcid_drops(operands: &Invpcid, entry: &Translation) -> bool {
    match operands.kind {
        0 => entry.pcid == operands.pcid() && !entry.global && entry.is_of_page(operands.high),
        1 => entry.pcid == operands.pcid() && !entry.global,
        2 => true,
        _ => !entry.global,
    }
}

/// 4.10.4.1, rule 1.5: type 0 removes those that would be used for the address.
pub(super) fn invpcid_drops_structure(operands: &Invpcid, entry: &Structure) -> bool {
    match operands.kind {
        0 => entry.pcid == operands.pcid() && entry.covers(operands.high),
        1 => entry.pcid == operands.pcid(),
        _ => true,
    }
}

/// 4.10.4.1, last bullet, rule 1.7. The manual names the current PCID. A global translation that would be used goes
/// too, or the fault could repeat. So do all fragments of the page.
pub(super) fn page_fault_drops(controls: &Controls, linear: u64, entry: &Translation) -> bool {
    entry.is_of_page(linear) && serves_current_pcid(controls, entry)
}

/// 4.10.4.1, last bullet, rule 1.7: those that would be used for the address.
pub(super) fn page_fault_drops_structure(controls: &Controls, linear: u64, entry: &Structure) -> bool {
    structure_may_be_used(controls, linear, entry)
}

/// The rights that all levels together give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rights {
    pub(super) writable: bool,
    pub(super) user: bool,
    pub(super) execute_disable: bool,
}

/// 4.6.1, rule 2.2: access rights by the current control bits, which no entry caches.
pub(super) fn allows(controls: &Controls, rights: &Rights, kind: Access, by: Accessor) -> bool {
    let execute = !(rights.execute_disable && controls.no_execute_enable);
    let write_protect = controls.cr0 & WP != 0;
    match (by, rights.user) {
        (Accessor::User, false) => false,
        (Accessor::User, true) => match kind {
            Access::Read => true,
            Access::Write => rights.writable,
            Access::Fetch => execute,
        },
        (_, false) => match kind {
            Access::Read => true,
            Access::Write => rights.writable || !write_protect,
            Access::Fetch => execute,
        },
        (_, true) => match kind {
            Access::Fetch => controls.cr4 & SMEP == 0 && execute,
            Access::Read => !smap_denies(controls, by),
            Access::Write => !smap_denies(controls, by) && (rights.writable || !write_protect),
        },
    }
}

/// 4.6.1, rule 2.2: EFLAGS.AC excuses explicit accesses only.
pub(super) fn smap_denies(controls: &Controls, by: Accessor) -> bool {
    controls.cr4 & SMAP != 0 && (by == Accessor::ImplicitSupervisor || !controls.alignment_check_flag)
}

/// 4.10.3.2, rule 2.1: whether the rights accumulated so far do not yet forbid the access. Lower levels only take
/// rights away, but a clear U/S below turns a user region into a supervisor one.
pub(super) fn allows_later(controls: &Controls, rights: &Rights, kind: Access, by: Accessor) -> bool {
    let below = Rights { user: false, ..*rights };
    allows(controls, rights, kind, by) || (by != Accessor::User && allows(controls, &below, kind, by))
}

/// Why a walk ends in a page fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    NotPresent,
    ReservedBit,
    Rights,
}

/// 4.10.4.3, rule 2.1: whether a cached translation makes the access fault before a walk could find newer rights.
pub(super) fn faults_by_stale_rights(
    choice: StaleRights,
    controls: &Controls,
    rights: &Rights,
    kind: Access,
    by: Accessor,
) -> bool {
    choice == StaleRights::Fault && !allows(controls, rights, kind, by)
}

/// 4.7, rule 2.2: the error code. Bit 4 exists only with SMEP or with no-execute.
pub(super) fn error_code(controls: &Controls, kind: Access, by: Accessor, why: Why) -> u32 {
    let fetch_reported = controls.cr4 & SMEP != 0 || controls.no_execute_enable;
    let bit = |set: bool, position: u32| u32::from(set) << position;
    bit(why != Why::NotPresent, 0)
        | bit(kind == Access::Write, 1)
        | bit(by == Accessor::User, 2)
        | bit(why == Why::ReservedBit, 3)
        | bit(kind == Access::Fetch && fetch_reported, 4)
}
