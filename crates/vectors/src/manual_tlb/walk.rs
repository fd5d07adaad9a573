//! Lookup, walk and access rights (4.5, 4.6, 4.7, 4.8, 4.10.2, 4.10.3; rules 1.7 and 2.1 to 2.4).

use super::rules::{self, ACCESSED, ADDRESS, EXECUTE_DISABLE, LARGE, PRESENT, Rights, Why};
use super::{Access, Accessor, Controls, Model, PG, PGE, Structure, Translation};

/// #PF with its error code (4.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PageFault {
    /// Bits P, W/R, U/S, RSVD and I/D: 0 to 4.
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

/// Serves one access: from a cached translation, or else by a walk (rule 2.1). `used` names the cached translation that
/// the machine under test took, if it took one. Several may cover an address (4.10.2.3), and each is a right answer.
/// Without paging there is nothing to translate.
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
    if model.controls.cr0 & PG == 0 {
        return Ok(used.is_none().then_some(Outcome::Walked(linear & low_mask(32))));
    }
    let candidates = usable(model, linear);
    let hits = |entry: &Translation| {
        rules::allows(&model.controls, &rights_of(entry), kind, by) && (kind != Access::Write || entry.dirty)
    };
    if let Some(entry) = used {
        let legal = candidates.contains(&entry) && hits(&entry);
        return Ok(legal.then_some(Outcome::Hit(entry.frame | linear & low_mask(entry.shift))));
    }
    if candidates.iter().any(hits) {
        return Ok(None);
    }
    let refuses = |entry: &Translation| {
        rules::faults_by_stale_rights(model.stale_rights, &model.controls, &rights_of(entry), kind, by)
    };
    if candidates.iter().any(refuses) {
        return Err(fault(model, linear, kind, by, Why::Rights));
    }
    for stale in candidates {
        if !rules::allows(&model.controls, &rights_of(&stale), kind, by) {
            model.translations.remove(&stale);
        }
    }
    walk(model, linear, kind, by).map(|physical| Some(Outcome::Walked(physical)))
}

fn low_mask(shift: u32) -> u64 {
    (1 << shift) - 1
}

/// Every cached translation that may serve the address (4.10.2.3, rule R3).
fn usable(model: &Model, linear: u64) -> Vec<Translation> {
    let found = |entry: &&Translation| rules::may_be_used(&model.controls, linear, entry);
    model.translations.iter().filter(found).copied().collect()
}

fn rights_of(entry: &Translation) -> Rights {
    Rights { writable: entry.writable, user: entry.user, execute_disable: entry.execute_disable }
}

/// Drops what a page fault drops (rule 1.7).
fn fault(model: &mut Model, linear: u64, kind: Access, by: Accessor, why: Why) -> PageFault {
    let controls = model.controls;
    model.invalidate(
        |entry| rules::page_fault_drops(&controls, linear, entry),
        |entry| rules::page_fault_drops_structure(&controls, linear, entry),
    );
    PageFault { error_code: rules::error_code(&controls, kind, by, why) }
}

const WRITABLE: u64 = 1 << 1;
const USER: u64 = 1 << 2;
const DIRTY: u64 = 1 << 6;
const GLOBAL: u64 = 1 << 8;

/// Where a walk starts: the deepest cached structure entry whose rights allow the access, or CR3 (4.10.3.2, rule 2.1).
/// No cache is documented for PML5Es.
fn start(model: &Model, linear: u64, kind: Access, by: Accessor) -> (u32, u64, Rights) {
    let usable = |entry: &&Structure| rules::structure_may_be_used(&model.controls, linear, entry);
    for shift in [21, 30, 39] {
        let Some(entry) = model.structures.iter().filter(usable).find(|entry| entry.shift == shift) else { continue };
        let rights = Rights { writable: entry.writable, user: entry.user, execute_disable: entry.execute_disable };
        if rules::allows_later(&model.controls, &rights, kind, by) {
            return (shift - 9, entry.table, rights);
        }
    }
    (
        model.controls.root_shift(),
        model.controls.cr3 & ADDRESS,
        Rights { writable: true, user: true, execute_disable: false },
    )
}

/// The result of a walk that reaches a page.
struct Path {
    /// The entries used, each with the number of address bits that it spans.
    used: Vec<(u64, u32)>,
    structures: Vec<Structure>,
    rights: Rights,
}

/// Reads entries down to the page: R/W and U/S by AND, XD by OR (4.5, 4.6, rules 2.1 and 2.2).
fn descend(model: &Model, linear: u64, kind: Access, by: Accessor) -> Result<Path, Why> {
    let (mut shift, mut table, mut rights) = start(model, linear, kind, by);
    let (mut used, mut structures) = (Vec::new(), Vec::new());
    loop {
        let address = table + (linear >> shift & 0x1ff) * 8;
        let entry = model.quadword(address);
        if entry & PRESENT == 0 {
            return Err(Why::NotPresent);
        }
        if entry & rules::reserved(&model.controls, entry, shift) != 0 {
            return Err(Why::ReservedBit);
        }
        rights.writable &= entry & WRITABLE != 0;
        rights.user &= entry & USER != 0;
        rights.execute_disable |= entry & EXECUTE_DISABLE != 0;
        used.push((address, shift));
        if shift == 12 || (entry & LARGE != 0 && shift < 39) {
            return Ok(Path { used, structures, rights });
        }
        table = entry & ADDRESS;
        if shift < 48 {
            structures.push(structure(model.controls.current_pcid(), linear, shift, table, rights));
        }
        shift -= 9;
    }
}

fn structure(pcid: u16, linear: u64, shift: u32, table: u64, rights: Rights) -> Structure {
    let Rights { writable, user, execute_disable } = rights;
    Structure { pcid, region: linear & !low_mask(shift), shift, table, writable, user, execute_disable }
}

/// Walks, and caches the entries used if all of them may be cached (4.10.2.3, rules R2 and 2.1).
fn walk(model: &mut Model, linear: u64, kind: Access, by: Accessor) -> Result<u64, PageFault> {
    let reached = descend(model, linear, kind, by).and_then(|path| {
        if rules::allows(&model.controls, &path.rights, kind, by) { Ok(path) } else { Err(Why::Rights) }
    });
    let path = reached.map_err(|why| fault(model, linear, kind, by, why))?;
    let (leaf, shift) = path.used[path.used.len() - 1];
    set_flags(model, &path, kind);
    let entry = model.quadword(leaf);
    let cacheable =
        |&(address, shift): &(u64, u32)| rules::may_be_cached(&model.controls, model.quadword(address), shift);
    if path.used.iter().all(cacheable) {
        let new = translation(entry, &model.controls, linear, shift, path.rights);
        cache(model, path.structures, new);
    }
    Ok(entry & ADDRESS & !low_mask(shift) | linear & low_mask(shift))
}

/// Sets the accessed flag in every entry used and, on a write, the dirty flag in the last one (4.8, rule 2.3).
fn set_flags(model: &mut Model, path: &Path, kind: Access) {
    for (address, _) in &path.used {
        *model.memory.entry(*address).or_default() |= ACCESSED;
    }
    if let (Access::Write, Some((leaf, _))) = (kind, path.used.last()) {
        *model.memory.entry(*leaf).or_default() |= DIRTY;
    }
}

/// The translation to cache for a page: D and G come from its own entry alone (4.10.2.2, 4.10.2.4, rules R3, 2.3 and
/// 2.4).
fn translation(entry: u64, controls: &Controls, linear: u64, shift: u32, rights: Rights) -> Translation {
    Translation {
        pcid: controls.current_pcid(),
        page: linear & !low_mask(shift),
        shift,
        mapped: shift,
        frame: entry & ADDRESS & !low_mask(shift),
        writable: rights.writable,
        user: rights.user,
        execute_disable: rights.execute_disable,
        dirty: entry & DIRTY != 0,
        global: controls.cr4 & PGE != 0 && entry & GLOBAL != 0,
    }
}

/// A new entry replaces the one with the same tag (4.10.2.2, 4.10.3.1, rule 2.1).
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

#[cfg(test)]
mod tests;
