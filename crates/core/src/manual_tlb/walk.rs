//! Lookup, walk and access rights (4.5, 4.6, 4.7, 4.8, 4.10.2, 4.10.3).

use super::{Controls, Model, PGE, SMAP, SMEP, Structure, Translation, WP};

/// What the access does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Access {
    Read,
    Write,
    Fetch,
}

/// On whose behalf (4.6: explicit accesses take CPL, implicit ones are always supervisor).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Accessor {
    User,
    Supervisor,
    ImplicitSupervisor,
}

/// #PF with its error code (4.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub struct PageFault {
    pub error_code: u32,
}

/// How an access was served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// From a cached translation.
    Hit(u64),
    /// By a walk.
    Walked(u64),
}

/// Serves one access. `used` names the cached translation that the machine under test took, when it took one:
/// several may cover an address (4.10.2.3) and each is a right answer.
///
/// # Errors
/// The page fault that the manual requires. `Ok(None)` means that `used` is not a translation that may be used.
pub fn access(
    model: &mut Model,
    linear: u64,
    kind: Access,
    by: Accessor,
    used: Option<Translation>,
) -> Result<Option<Outcome>, PageFault> {
    let candidates = usable(model, linear);
    let hits = |entry: &Translation| {
        allows(&rights_of(entry), kind, by, &model.controls) && (kind != Access::Write || entry.dirty)
    };
    if let Some(entry) = used {
        let legal = candidates.contains(&entry) && hits(&entry);
        return Ok(legal.then_some(Outcome::Hit(entry.frame | linear & low_mask(entry.shift))));
    }
    if candidates.iter().any(hits) {
        return Ok(None);
    }
    for stale in candidates {
        if !allows(&rights_of(&stale), kind, by, &model.controls) {
            model.translations.remove(&stale);
        }
    }
    walk(model, linear, kind, by).map(|physical| Some(Outcome::Walked(physical)))
}

fn low_mask(shift: u32) -> u64 {
    (1 << shift) - 1
}

/// Translations of the current PCID, and global ones of any PCID while CR4.PGE=1 (4.10.2.4).
fn usable(model: &Model, linear: u64) -> Vec<Translation> {
    let pcid = model.controls.current_pcid();
    let pge = model.controls.cr4 & PGE != 0;
    let found = |entry: &&Translation| entry.covers(linear) && (entry.pcid == pcid || (entry.global && pge));
    model.translations.iter().filter(found).copied().collect()
}

#[derive(Clone, Copy)]
struct Rights {
    writable: bool,
    user: bool,
    execute_disable: bool,
}

fn rights_of(entry: &Translation) -> Rights {
    Rights { writable: entry.writable, user: entry.user, execute_disable: entry.execute_disable }
}

/// Access rights by the current control bits (4.6.1).
fn allows(rights: &Rights, kind: Access, by: Accessor, controls: &Controls) -> bool {
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
            Access::Read => !smap_denies(by, controls),
            Access::Write => !smap_denies(by, controls) && (rights.writable || !write_protect),
        },
    }
}

fn smap_denies(by: Accessor, controls: &Controls) -> bool {
    controls.cr4 & SMAP != 0 && (by == Accessor::ImplicitSupervisor || !controls.alignment_check_flag)
}

/// The error code of 4.7; bit 4 only exists with SMEP or with no-execute.
fn fault(model: &mut Model, linear: u64, kind: Access, by: Accessor, present: bool, reserved: bool) -> PageFault {
    drop_after_fault(model, linear);
    let fetch_reported = model.controls.cr4 & SMEP != 0 || model.controls.no_execute_enable;
    let bit = |set: bool, position: u32| u32::from(set) << position;
    let error_code = bit(present, 0)
        | bit(kind == Access::Write, 1)
        | bit(by == Accessor::User, 2)
        | bit(reserved, 3)
        | bit(kind == Access::Fetch && fetch_reported, 4);
    PageFault { error_code }
}

/// A page fault removes the translations for its page and the structure entries that would be used for it
/// (4.10.4.1, last bullet).
fn drop_after_fault(model: &mut Model, linear: u64) {
    let pcid = model.controls.current_pcid();
    let pge = model.controls.cr4 & PGE != 0;
    model.invalidate(
        |entry| entry.covers(linear) && (entry.pcid == pcid || (entry.global && pge)),
        |entry| entry.pcid == pcid && entry.covers(linear),
    );
}

const PRESENT: u64 = 1;
const WRITABLE: u64 = 1 << 1;
const USER: u64 = 1 << 2;
const ACCESSED: u64 = 1 << 5;
const DIRTY: u64 = 1 << 6;
const LARGE: u64 = 1 << 7;
const GLOBAL: u64 = 1 << 8;
const EXECUTE_DISABLE: u64 = 1 << 63;
const ADDRESS: u64 = 0x000f_ffff_ffff_f000;

/// Where a walk starts: the deepest cached structure entry whose rights allow the access, or CR3 (4.10.3.2).
fn start(model: &Model, linear: u64, kind: Access, by: Accessor) -> (u32, u64, Rights) {
    let pcid = model.controls.current_pcid();
    for shift in [21, 30, 39] {
        let cached =
            model.structures.iter().find(|entry| entry.pcid == pcid && entry.shift == shift && entry.covers(linear));
        if let Some(entry) = cached {
            let rights = Rights { writable: entry.writable, user: entry.user, execute_disable: entry.execute_disable };
            if allows_later(&rights, kind, by, &model.controls) {
                return (shift - 9, entry.table, rights);
            }
        }
    }
    (39, model.controls.cr3 & ADDRESS, Rights { writable: true, user: true, execute_disable: false })
}

/// Whether rights accumulated so far do not yet forbid the access: lower levels can only take rights away, except that
/// a clear U/S below turns a user region into a supervisor one.
fn allows_later(rights: &Rights, kind: Access, by: Accessor, controls: &Controls) -> bool {
    let below = Rights { user: false, ..*rights };
    allows(rights, kind, by, controls) || (by != Accessor::User && allows(&below, kind, by, controls))
}

fn walk(model: &mut Model, linear: u64, kind: Access, by: Accessor) -> Result<u64, PageFault> {
    let (mut shift, mut table, mut rights) = start(model, linear, kind, by);
    let mut used = Vec::new();
    let mut structures = Vec::new();
    let pcid = model.controls.current_pcid();
    loop {
        let address = table + (linear >> shift & 0x1ff) * 8;
        let entry = model.quadword(address);
        if entry & PRESENT == 0 {
            return Err(fault(model, linear, kind, by, false, false));
        }
        if entry & reserved(entry, shift, &model.controls) != 0 {
            return Err(fault(model, linear, kind, by, true, true));
        }
        rights.writable &= entry & WRITABLE != 0;
        rights.user &= entry & USER != 0;
        rights.execute_disable |= entry & EXECUTE_DISABLE != 0;
        used.push(address);
        if shift == 12 || (entry & LARGE != 0 && shift < 39) {
            break;
        }
        table = entry & ADDRESS;
        structures.push(Structure {
            pcid,
            region: linear & !low_mask(shift),
            shift,
            table,
            writable: rights.writable,
            user: rights.user,
            execute_disable: rights.execute_disable,
        });
        shift -= 9;
    }
    if !allows(&rights, kind, by, &model.controls) {
        return Err(fault(model, linear, kind, by, true, false));
    }
    for address in &used {
        *model.memory.entry(*address).or_default() |= ACCESSED;
    }
    let leaf = used[used.len() - 1];
    if kind == Access::Write {
        *model.memory.entry(leaf).or_default() |= DIRTY;
    }
    let entry = model.quadword(leaf);
    cache(model, structures, translation(entry, pcid, linear, shift, rights, model.controls.cr4 & PGE != 0));
    Ok(entry & ADDRESS & !low_mask(shift) | linear & low_mask(shift))
}

fn translation(entry: u64, pcid: u16, linear: u64, shift: u32, rights: Rights, pge: bool) -> Translation {
    Translation {
        pcid,
        page: linear & !low_mask(shift),
        shift,
        frame: entry & ADDRESS & !low_mask(shift),
        writable: rights.writable,
        user: rights.user,
        execute_disable: rights.execute_disable,
        dirty: entry & DIRTY != 0,
        global: pge && entry & GLOBAL != 0,
    }
}

/// A new entry takes the place of the one with the same tag.
fn cache(model: &mut Model, structures: Vec<Structure>, new: Translation) {
    for structure in structures {
        let same =
            |old: &Structure| (old.pcid, old.shift, old.region) == (structure.pcid, structure.shift, structure.region);
        model.structures.retain(|old| !same(old));
        model.structures.insert(structure);
    }
    model.translations.retain(|old| (old.pcid, old.shift, old.page) != (new.pcid, new.shift, new.page));
    model.translations.insert(new);
}

/// Bits that must be zero (4.5, tables 4-15 to 4-20): the address above MAXPHYADDR, XD while no-execute is off, PS of a
/// PML4E, and the low address bits of a large page (bit 12 is PAT there).
fn reserved(entry: u64, shift: u32, controls: &Controls) -> u64 {
    let above = ADDRESS & !((1u64 << controls.physical_address_bits) - 1);
    let execute = if controls.no_execute_enable { 0 } else { EXECUTE_DISABLE };
    let level = match shift {
        39 => LARGE,
        30 | 21 if entry & LARGE != 0 => low_mask(shift) & ADDRESS & !(1 << 12),
        _ => 0,
    };
    above | execute | level
}
