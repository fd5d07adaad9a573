//! Relations between the rules, over everything that they distinguish.

use super::*;
use crate::level::UpperLevel;
use crate::tlb::{DropCause, PageSize, Tlb};

const NAMED: u16 = 7;
const OTHER: u16 = 8;
const LINEAR: u64 = 0x1000;

const STRUCTURE: StructureEntry =
    StructureEntry { pcid: 0, level: UpperLevel::Pd, linear: 0, table: 0, rights: Entry::EMPTY.rights };

/// Every operation, with [`NAMED`] and [`LINEAR`] as its operands.
const OPERATIONS: [Operation; 10] = [
    Operation::Cr3Flush { pcid: NAMED },
    Operation::Optional,
    Operation::Everything,
    Operation::CurrentPcid { pcid: NAMED },
    Operation::Invlpg { pcid: NAMED, linear: LINEAR },
    Operation::InvpcidAddress { pcid: NAMED, linear: LINEAR },
    Operation::InvpcidContext { pcid: NAMED },
    Operation::InvpcidAll,
    Operation::InvpcidAllButGlobal,
    Operation::PageFault { pcid: NAMED, linear: LINEAR },
];

/// One translation of each of the eight sorts. The global ones are large, so that one page can be cached as both.
fn translations() -> Vec<Entry> {
    let mut sorts = Vec::new();
    for pcid in [NAMED, OTHER] {
        for elsewhere in [0, 1 << 30] {
            let local = Entry { pcid, linear: elsewhere | LINEAR, ..Entry::EMPTY };
            let (size, page) = (PageSize::Size2M, PageSize::Size2M);
            sorts.extend([local, Entry { pcid, linear: elsewhere, size, page, global: true, ..Entry::EMPTY }]);
        }
    }
    sorts
}

/// One paging-structure entry of each of the four sorts.
fn structures() -> Vec<StructureEntry> {
    let entry = |pcid, linear| StructureEntry { pcid, linear, ..STRUCTURE };
    [NAMED, OTHER].into_iter().flat_map(|pcid| [entry(pcid, 0), entry(pcid, 1 << 30)]).collect()
}

/// What an operation drops: a bit for each sort.
fn dropped(operation: Operation, reading: Reading) -> u16 {
    let entries = translations().into_iter().map(|entry| operation.drops(reading, &entry));
    let structures = structures().into_iter().map(|entry| operation.drops_structure(reading, &entry));
    entries.chain(structures).enumerate().fold(0, |set, (at, drops)| set | u16::from(drops) << at)
}

fn is_within(part: u16, whole: u16) -> bool {
    part & !whole == 0
}

/// A flush by CR3 drops part of what dropping the PCID drops. Dropping the PCID drops part of everything, and so on
/// down to one address.
#[test]
fn operations_contain_each_other() {
    let [cr3_flush, optional, everything, pcid, invlpg, address, context, all, all_but_global, page_fault] = OPERATIONS;
    let drops = |operation| dropped(operation, Reading::Min);
    for (part, whole) in [
        (optional, address),
        (address, cr3_flush),
        (cr3_flush, pcid),
        (pcid, everything),
        (address, page_fault),
        (page_fault, invlpg),
        (context, all_but_global),
        (all_but_global, all),
    ] {
        assert!(is_within(drops(part), drops(whole)), "{part:?} within {whole:?}");
        assert_ne!(drops(part), drops(whole), "{part:?} is less than {whole:?}");
    }
    assert_eq!(drops(cr3_flush), drops(context), "a CR3 write is INVPCID of its context");
    assert_eq!(drops(everything), drops(all), "toggling CR4.PGE is INVPCID of all contexts");
    assert_eq!(drops(everything), (1 << 12) - 1);
    assert_eq!(drops(optional), 0);
}

#[test]
fn what_must_go_is_within_what_may_go() {
    for operation in OPERATIONS {
        let [min, max] = [Reading::Min, Reading::Max].map(|reading| dropped(operation, reading));
        assert!(is_within(min, max), "{operation:?}");
        assert_eq!(max, (1 << 12) - 1, "{operation:?}");
    }
}

/// The caches that hold the sorts of `set`.
fn holding(set: u16, reading: Reading) -> Tlb {
    let mut tlb = Tlb::new(reading);
    let has = |at: usize| set >> at & 1 != 0;
    translations().into_iter().enumerate().filter(|(at, _)| has(*at)).for_each(|(_, entry)| tlb.insert(entry));
    let structures = structures().into_iter().enumerate();
    structures.filter(|(at, _)| has(at + 8)).for_each(|(_, entry)| tlb.insert_structure(entry));
    tlb
}

fn invalidate(tlb: &mut Tlb, operation: Operation) -> u32 {
    let mut reports = 0;
    tlb.invalidate(&mut |_| reports += 1, operation, DropCause::Invpcid);
    reports
}

/// Whatever the caches hold: exactly what the rules say goes, each entry is reported once, and a second time nothing
/// goes.
#[test]
fn to_do_it_twice_is_to_do_it_once() {
    for set in 0..1 << 12 {
        for (operation, reading) in OPERATIONS.into_iter().flat_map(|it| [(it, Reading::Min), (it, Reading::Max)]) {
            let mut tlb = holding(set, reading);
            let gone = dropped(operation, reading);
            assert_eq!(invalidate(&mut tlb, operation), (set & gone).count_ones(), "{operation:?} of {set:#b}");
            let once = tlb.clone();
            assert!(once == holding(set & !gone, reading), "{operation:?} of {set:#b}");
            assert_eq!(invalidate(&mut tlb, operation), 0);
            assert!(tlb == once);
        }
    }
}
