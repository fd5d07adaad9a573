//! The manual's rules as predicates: which cached entries an operation must remove, which may be used, which may be made.
//!
//! Each names its section and its rule. R0: any entry may go at any time, which is [`super::Reading::Max`] and needs no
//! predicate. R1: the model caches for the accesses it is asked for only. R4 and R5 speak of a second logical processor
//! and of the order of instructions, which the model does not have; task switches, the rest of 1.6, do not exist in
//! 64-bit mode.

use super::{Access, Accessor, Controls, LA57, PAE, PCIDE, PG, PGE, SMAP, SMEP, Structure, Translation, WP};

pub(super) const NO_FLUSH: u64 = 1 << 63;
/// LAM_U57 and LAM_U48.
const LAM_BITS: u64 = 0b11 << 61;

pub(super) const PRESENT: u64 = 1;
pub(super) const ACCESSED: u64 = 1 << 5;
pub(super) const LARGE: u64 = 1 << 7;
pub(super) const ADDRESS: u64 = 0x000f_ffff_ffff_f000;
pub(super) const EXECUTE_DISABLE: u64 = 1 << 63;

/// Bits 47 and up are all alike.
pub(super) fn canonical(linear: u64) -> bool {
    let top = (linear as i64) >> 47;
    top == 0 || top == -1
}

/// 4.10.2.4, rule R3: a translation of the current PCID, or a global one of any PCID while CR4.PGE=1.
pub(super) fn may_be_used(controls: &Controls, linear: u64, entry: &Translation) -> bool {
    let global = entry.global && controls.cr4 & PGE != 0;
    entry.covers(linear) && (entry.pcid == controls.current_pcid() || global)
}

/// 4.10.3.2, rule R3: structure entries are never global.
pub(super) fn structure_may_be_used(controls: &Controls, linear: u64, entry: &Structure) -> bool {
    entry.covers(linear) && entry.pcid == controls.current_pcid()
}

/// 4.10.2.3, rule R2: present, without reserved bits, accessed.
pub(super) fn may_be_cached(controls: &Controls, entry: u64, shift: u32) -> bool {
    entry & PRESENT != 0 && entry & reserved(controls, entry, shift) == 0 && entry & ACCESSED != 0
}

/// 4.5, tables 4-15 to 4-20: the address above MAXPHYADDR, XD while no-execute is off, PS of a PML4E, and the low address
/// bits of a large page, where bit 12 is PAT.
pub(super) fn reserved(controls: &Controls, entry: u64, shift: u32) -> u64 {
    let above = ADDRESS & !((1u64 << controls.physical_address_bits) - 1);
    let execute = if controls.no_execute_enable { 0 } else { EXECUTE_DISABLE };
    let level = match shift {
        39 => LARGE,
        30 | 21 if entry & LARGE != 0 => ((1 << shift) - 1) & ADDRESS & !(1 << 12),
        _ => 0,
    };
    above | execute | level
}

/// Vol. 2, MOV to control registers, rule 1.1: bits 62:MAXPHYADDR, and bit 63 while CR4.PCIDE=0; with LAM 62:61 are free.
pub(super) fn mov_to_cr3_faults(controls: &Controls, source: u64) -> bool {
    let above = !((1u64 << controls.physical_address_bits) - 1);
    let lam = if controls.has_lam { LAM_BITS } else { 0 };
    let no_flush = if controls.cr4 & PCIDE != 0 { NO_FLUSH } else { 0 };
    controls.cpl != 0 || source & above & !lam & !no_flush != 0
}

/// 4.10.4.1, rule 1.1: the PCID that is flushed, the new one. 000H while CR4.PCIDE=0, none where bit 63 asks for none.
fn context_of_mov_to_cr3(controls: &Controls, source: u64) -> Option<u16> {
    match (controls.cr4 & PCIDE != 0, source & NO_FLUSH != 0) {
        (false, _) => Some(0),
        (true, false) => Some((source & 0xfff) as u16),
        (true, true) => None,
    }
}

/// 4.10.4.1, rule 1.1: all translations of that PCID but global ones.
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

/// 4.1.2, rule 1.3: PG cannot be cleared in 64-bit mode, and bits 63:32 cannot be set.
pub(super) fn mov_to_cr0_faults(controls: &Controls, source: u64) -> bool {
    controls.cpl != 0 || source >> 32 != 0 || controls.cr0 & PG != 0 && source & PG == 0
}

/// Vol. 2, INVLPG, rule 1.4: an address that is not canonical, LAM's metadata among them, is no operation.
pub(super) fn invlpg_is_no_operation(linear: u64) -> bool {
    !canonical(linear)
}

/// 4.10.4.1, rule 1.4: the page under the current PCID, and global translations for it under any.
pub(super) fn invlpg_drops(controls: &Controls, linear: u64, entry: &Translation) -> bool {
    entry.covers(linear) && (entry.pcid == controls.current_pcid() || entry.global)
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

/// Vol. 2, INVPCID, rule 1.5. LAM removes no metadata from the descriptor's address.
pub(super) fn invpcid_faults(controls: &Controls, operands: &Invpcid) -> bool {
    let &Invpcid { kind, low, high } = operands;
    let needs_tags = kind <= 1 && operands.pcid() != 0 && controls.cr4 & PCIDE == 0;
    controls.cpl != 0 || kind > 3 || low >> 12 != 0 || needs_tags || kind == 0 && !canonical(high)
}

/// 4.10.4.1, rule 1.5: only type 2 reaches global translations.
pub(super) fn invpcid_drops(operands: &Invpcid, entry: &Translation) -> bool {
    match operands.kind {
        0 => entry.pcid == operands.pcid() && !entry.global && entry.covers(operands.high),
        1 => entry.pcid == operands.pcid() && !entry.global,
        2 => true,
        _ => !entry.global,
    }
}

/// 4.10.4.1, rule 1.5: of type 0 those that would be used for the address.
pub(super) fn invpcid_drops_structure(operands: &Invpcid, entry: &Structure) -> bool {
    match operands.kind {
        0 => entry.pcid == operands.pcid() && entry.covers(operands.high),
        1 => entry.pcid == operands.pcid(),
        _ => true,
    }
}

/// 4.10.4.1, last bullet, rule 1.7. The manual speaks of the current PCID; a global translation that would be used goes
/// too, or the fault could come again.
pub(super) fn page_fault_drops(controls: &Controls, linear: u64, entry: &Translation) -> bool {
    may_be_used(controls, linear, entry)
}

/// 4.10.4.1, last bullet, rule 1.7: those that would be used for the address.
pub(super) fn page_fault_drops_structure(controls: &Controls, linear: u64, entry: &Structure) -> bool {
    structure_may_be_used(controls, linear, entry)
}

/// What all levels together allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rights {
    pub(super) writable: bool,
    pub(super) user: bool,
    pub(super) execute_disable: bool,
}

/// 4.6.1: access rights by the current control bits, which no entry caches (rule 1.3).
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

fn smap_denies(controls: &Controls, by: Accessor) -> bool {
    controls.cr4 & SMAP != 0 && (by == Accessor::ImplicitSupervisor || !controls.alignment_check_flag)
}

/// 4.10.3.2: whether rights accumulated so far do not yet forbid the access. Lower levels only take rights away, except
/// that a clear U/S below turns a user region into a supervisor one.
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

/// 4.7: the error code; bit 4 only exists with SMEP or with no-execute.
pub(super) fn error_code(controls: &Controls, kind: Access, by: Accessor, why: Why) -> u32 {
    let fetch_reported = controls.cr4 & SMEP != 0 || controls.no_execute_enable;
    let bit = |set: bool, position: u32| u32::from(set) << position;
    bit(why != Why::NotPresent, 0)
        | bit(kind == Access::Write, 1)
        | bit(by == Accessor::User, 2)
        | bit(why == Why::ReservedBit, 3)
        | bit(kind == Access::Fetch && fetch_reported, 4)
}
