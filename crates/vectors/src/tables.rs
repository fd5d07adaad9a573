//! Page tables of a vector, built in memory; and entries as a processor would cache them.

use super::{Edit, TableEntry};
use cr3_machine::bits::{cr4, entry};
use cr3_machine::level::{Level, UpperLevel};
use cr3_machine::paging::{self, End, Rights, Start};
use cr3_machine::tlb::{Entry, PageSize, StructureEntry};
use cr3_machine::{Cpu, Memory};

/// One page under one root.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mapping {
    pub(super) root: u64,
    pub(super) linear: u64,
    pub(super) frame: u64,
    pub(super) size: PageSize,
    /// Bits of the entry that maps the page.
    pub(super) flags: u64,
}

/// Address of the first table below the roots. Vectors keep their roots and frames below it.
const FIRST_TABLE: u64 = 0x4000_0000;

const LEVELS: u8 = 4;

fn leaf_level(size: PageSize) -> u8 {
    match size {
        PageSize::Size4K => 1,
        PageSize::Size2M => 2,
        PageSize::Size1G => 3,
    }
}

/// Memory with the page tables that hold `mappings`. Of two for the same page the later one wins.
pub(super) fn build(mappings: &[Mapping]) -> Memory {
    let mut memory = Memory::new();
    let mut next = FIRST_TABLE;
    for mapping in mappings {
        let mut table = mapping.root;
        for level in (leaf_level(mapping.size) + 1..=LEVELS).rev() {
            let slot = slot(table, mapping.linear, level);
            if memory.read_u64(slot) & entry::PRESENT == 0 {
                let flags = entry::PRESENT | entry::WRITABLE | entry::USER | entry::ACCESSED;
                memory.write_u64(slot, next | flags);
                next += 0x1000;
            }
            table = memory.read_u64(slot) & entry::ADDRESS;
        }
        let large = if mapping.size == PageSize::Size4K { 0 } else { entry::LARGE };
        let slot = slot(table, mapping.linear, leaf_level(mapping.size));
        memory.write_u64(slot, mapping.frame | mapping.flags | large);
    }
    memory
}

fn slot(table: u64, linear: u64, level: u8) -> u64 {
    let index = linear >> (3 + 9 * u32::from(level)) & 0x1ff;
    table.wrapping_add(index * 8)
}

/// The address of the entry in the memory that `quadword` reads, unless an entry above it names no table.
pub(super) fn locate(quadword: impl Fn(u64) -> u64, place: TableEntry) -> Option<u64> {
    let mut table = place.root;
    for level in (place.level + 1..=LEVELS).rev() {
        let value = quadword(slot(table, place.linear, level));
        if value & entry::PRESENT == 0 || value & entry::LARGE != 0 {
            return None;
        }
        table = value & entry::ADDRESS;
    }
    Some(slot(table, place.linear, place.level))
}

/// The bits of an entry that hold the address of the next table or of the page (SDM vol. 3A tables 4-14 to 4-20). Bit
/// 12 of an entry that maps a large page is PAT, and those between it and the address are reserved.
fn address_field(level: u8, value: u64) -> u64 {
    let size = match (level, value & entry::LARGE != 0) {
        (2, true) => PageSize::Size2M,
        (3, true) => PageSize::Size1G,
        _ => PageSize::Size4K,
    };
    entry::ADDRESS & !size.offset_mask()
}

/// `value`, an entry of `level`, after `edit`.
pub(super) fn edited(value: u64, level: u8, edit: Edit) -> Result<u64, String> {
    let cleared = value & !edit.clear;
    let Some(frame) = edit.frame else { return Ok(cleared | edit.set) };
    let field = address_field(level, value);
    if frame & !field != 0 {
        let lowest = field.trailing_zeros();
        return Err(format!("frame {frame:#x} does not fit the address field of this entry, bits 51:{lowest}"));
    }
    Ok(cleared & !field | frame | edit.set)
}

fn root(table: u64) -> Start {
    Start { level: Level::Pml4, table, rights: Rights::ALL }
}

/// The translation of `linear` under a root, as a processor would cache it for `pcid`: in a piece of `size` if that is
/// smaller than the page.
pub(super) fn translation(
    cpu: &Cpu,
    memory: &Memory,
    at: (u64, u64),
    pcid: u16,
    size: Option<PageSize>,
) -> Option<Entry> {
    let (table, linear) = at;
    let walk = paging::walk(cpu, memory, linear, root(table));
    let End::Page { size: page, rights } = walk.end else { return None };
    let value = walk.steps().last()?.value;
    let size = size.unwrap_or(page).min(page);
    let base = value & entry::ADDRESS & !page.offset_mask();
    Some(Entry {
        pcid,
        linear: linear & !size.offset_mask(),
        physical: base | linear & page.offset_mask() & !size.offset_mask(),
        size,
        page,
        rights,
        dirty: value & entry::DIRTY != 0,
        global: value & entry::GLOBAL != 0 && cpu.cr4 & cr4::PGE != 0,
    })
}

/// The upper-level entry for a place under a root, as a processor would cache it for `pcid`.
pub(super) fn structure(memory: &Memory, place: TableEntry, pcid: u16) -> Option<StructureEntry> {
    let read = |address| memory.read_u64(address);
    let mut rights = Rights::ALL;
    for level in (place.level..=LEVELS).rev() {
        let value = memory.read_u64(locate(read, TableEntry { level, ..place })?);
        if value & entry::PRESENT == 0 || value & entry::LARGE != 0 {
            return None;
        }
        rights.writable &= value & entry::WRITABLE != 0;
        rights.user &= value & entry::USER != 0;
        rights.execute_disable |= value & entry::EXECUTE_DISABLE != 0;
    }
    let level = UpperLevel::numbered(place.level)?;
    let reach = (1u64 << level.shift()) - 1;
    Some(StructureEntry {
        pcid,
        level,
        linear: place.linear & !reach,
        table: memory.read_u64(locate(read, place)?) & entry::ADDRESS,
        rights,
    })
}
