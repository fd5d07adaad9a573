//! What holds for the translation caches of any capacity. Software that invalidates as the manual says never sees which
//! processor it runs on. Observers hear exactly what came and went.

use cr3_machine::level::UpperLevel;
use cr3_machine::observe::{AccessKind, TlbEvent};
use cr3_machine::paging::{self, Access, End, Mode, Protection, Start};
use cr3_machine::tlb::geometry::{
    Array, Hierarchy, Index, Level, PROCESSORS, RedundantWrite, Replacement, Retained, SKYLAKE, Second,
};
use cr3_machine::tlb::{Entry, Geometry, PageSize, Reading, StructureEntry};
use cr3_machine::{Cpu, CpuFeatures, Fault, Machine, Memory, Observer, Tlb, access, control};
use proptest::prelude::*;
use std::collections::BTreeMap;

const CR0: u64 = 1 << 31 | 1 << 16 | 1;
const CR4: u64 = 1 << 5 | 1 << 7 | 1 << 17;
const NO_FLUSH: u64 = 1 << 63;
const ROOTS: u64 = 6;

#[derive(Clone, Debug)]
enum Step {
    Access {
        page: u64,
        kind: AccessKind,
        mode: Mode,
    },
    /// MOV to CR3: each PCID has its own root.
    Switch {
        pcid: u64,
        no_flush: bool,
    },
    /// The page of one root changes, and software invalidates it everywhere.
    Remap {
        pcid: u64,
        page: u64,
        flags: u64,
    },
    Invlpg {
        page: u64,
    },
}

fn kind() -> impl Strategy<Value = AccessKind> {
    prop_oneof![3 => Just(AccessKind::Read), 2 => Just(AccessKind::Write), 2 => Just(AccessKind::Execute)]
}

fn mode() -> impl Strategy<Value = Mode> {
    prop_oneof![Just(Mode::User), Just(Mode::Supervisor)]
}

/// Pages that share sets of every array, and some that do not. Pages from 448 on lie in large pages.
fn page() -> impl Strategy<Value = u64> {
    prop_oneof![(0..28u64).prop_map(|number| number * 16), 0..448u64, 448..512u64]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => (page(), kind(), mode()).prop_map(|(page, kind, mode)| Step::Access { page, kind, mode }),
        3 => (0..ROOTS, any::<bool>()).prop_map(|(pcid, no_flush)| Step::Switch { pcid, no_flush }),
        1 => (0..ROOTS, 0..448u64, 0..16u64).prop_map(|(pcid, page, flags)| Step::Remap { pcid, page, flags }),
        1 => page().prop_map(|page| Step::Invlpg { page }),
    ]
}

fn root(pcid: u64) -> u64 {
    0x10_0000 + pcid * 0x10000
}

fn linear(page: u64) -> u64 {
    if page < 448 {
        0x4000_0000 + (page << 12)
    } else {
        0x4020_0000 * 2 + ((page % 8) << 21) + (page << 12) % 0x20_0000
    }
}

/// The PTE of one of the 448 small pages.
fn slot(pcid: u64, page: u64) -> u64 {
    root(pcid) + 0x3000 + page * 8
}

fn leaf(pcid: u64, page: u64, flags: u64) -> u64 {
    // A global page must be the same everywhere.
    let global = page % 32 == 5;
    let frame = if global { page << 12 } else { (pcid * 0x1000 + page) << 12 };
    let flags = if global { 7 | 1 << 8 } else { flags & 6 | u64::from(flags != 0) };
    (0x1_0000_0000 + frame) | flags
}

fn memory() -> Memory {
    let mut memory = Memory::new();
    for pcid in 0..ROOTS {
        let root = root(pcid);
        memory.write_u64(root, (root + 0x1000) | 7);
        memory.write_u64(root + 0x1000 + 8, (root + 0x2000) | 7);
        memory.write_u64(root + 0x2000, (root + 0x3000) | 7);
        for page in 0..448 {
            memory.write_u64(slot(pcid, page), leaf(pcid, page, 6 + page % 2));
        }
        memory.write_u64(root + 0x1000 + 16, (root + 0x4000) | 7);
        for number in 0..512 {
            memory.write_u64(root + 0x4000 + number * 8, (0x2_0000_0000 + (pcid << 30) + (number << 21)) | 0x87);
        }
    }
    memory
}

fn cpu() -> Cpu {
    let features =
        CpuFeatures { lam: false, la57: false, sev_es: false, physical_address_bits: 46, ..CpuFeatures::ALL };
    Cpu { cr0: CR0, cr3: root(0), cr4: CR4, efer: 1 << 11 | 1 << 10 | 1 << 8, features, ..Cpu::in_long_mode() }
}

/// What an observer believes to be cached, from what it heard.
#[derive(Default)]
struct Books {
    entries: BTreeMap<(u64, PageSize, u16), Entry>,
    structures: BTreeMap<(u16, UpperLevel, u64), StructureEntry>,
    mistakes: Vec<String>,
}

impl Observer for Books {
    fn tlb(&mut self, event: &TlbEvent) {
        let key = |entry: &Entry| (entry.linear, entry.size, entry.pcid);
        let structure_key = |entry: &StructureEntry| (entry.pcid, entry.level, entry.linear);
        let right = match event {
            TlbEvent::Hit { entry, .. } => self.entries.get(&key(entry)) == Some(entry),
            TlbEvent::Miss { .. } => true,
            TlbEvent::Fill { entry } => {
                self.entries.insert(key(entry), *entry);
                true
            }
            TlbEvent::Drop { entry, .. } => self.entries.remove(&key(entry)) == Some(*entry),
            TlbEvent::StructureFill { entry } => self.structures.insert(structure_key(entry), *entry) != Some(*entry),
            TlbEvent::StructureDrop { entry, .. } => self.structures.remove(&structure_key(entry)) == Some(*entry),
        };
        if !right {
            self.mistakes.push(format!("{event:?}"));
        }
    }
}

/// The translation that the tables alone give.
fn by_tables(machine: &Machine, linear: u64, access: Access) -> Option<u64> {
    let walk = paging::walk(&machine.cpu, &machine.memory, linear, Start::root(&machine.cpu));
    let End::Page { size, rights } = walk.end else { return None };
    let allowed = paging::denial(rights, access, Protection::of(&machine.cpu)).is_none();
    let frame = walk.steps().last()?.value & 0x000f_ffff_ffff_f000 & !size.offset_mask();
    allowed.then_some(frame | linear & size.offset_mask())
}

fn perform(machine: &mut Machine, books: &mut Books, step: &Step) -> Result<(), Fault> {
    match *step {
        Step::Access { .. } => Ok(()),
        Step::Switch { pcid, no_flush } => {
            let bit = if no_flush { NO_FLUSH } else { 0 };
            control::write_cr3(machine, books, root(pcid) | pcid | bit)
        }
        Step::Remap { pcid, page, flags } => {
            machine.memory.write_u64(slot(pcid, page), leaf(pcid, page, flags));
            control::invpcid(machine, books, 0, pcid, linear(page))
        }
        Step::Invlpg { page } => control::invlpg(machine, books, linear(page)),
    }
}

/// Every processor under both readings of the manual; Skylake also with the other behaviour of redundant writes.
fn geometries() -> Vec<(Geometry, Reading)> {
    let finite = |hierarchy, redundant_write| (Geometry::Finite { hierarchy, redundant_write }, Reading::Min);
    let mut geometries = vec![(Geometry::Architectural, Reading::Min), (Geometry::Architectural, Reading::Max)];
    geometries.extend(PROCESSORS.map(|processor| finite(processor, RedundantWrite::KeepsFirstLevel)));
    geometries.push(finite(&SKYLAKE, RedundantWrite::EmptiesFirstLevel));
    geometries
}

fn new_machine((geometry, reading): (Geometry, Reading)) -> Machine {
    Machine { cpu: cpu(), memory: memory(), tlb: Tlb::with_geometry(geometry, reading) }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn software_that_invalidates_sees_its_tables_and_observers_see_the_caches(
        steps in proptest::collection::vec(step(), 1..400),
    ) {
        for geometry in geometries() {
            let mut machine = new_machine(geometry);
            let mut books = Books::default();
            for step in &steps {
                prop_assert!(perform(&mut machine, &mut books, step).is_ok());
                if let Step::Access { page, kind, mode } = *step {
                    let (linear, access) = (linear(page), Access { kind, mode });
                    let expected = by_tables(&machine, linear, access);
                    let found = access::translate(&mut machine, &mut books, linear, access).ok();
                    prop_assert_eq!(found, expected, "{:?} {:?}", step, geometry);
                }
                prop_assert!(books.mistakes.is_empty(), "{:?} {:?}", books.mistakes, geometry);
            }
            prop_assert!(machine.tlb.entries().eq(books.entries.values()), "{:?}", geometry);
            let structures: BTreeMap<_, _> = machine.tlb.structures().map(|entry| {
                ((entry.pcid, entry.level, entry.linear), *entry)
            }).collect();
            prop_assert_eq!(structures, books.structures, "{:?}", geometry);
        }
    }
}

const SKYLAKE_CACHES: (Geometry, Reading) =
    (Geometry::Finite { hierarchy: &SKYLAKE, redundant_write: RedundantWrite::KeepsFirstLevel }, Reading::Min);

#[test]
fn finite_caches_hold_no_more_than_their_geometry() {
    let mut machine = new_machine(SKYLAKE_CACHES);
    machine.cpu.efer &= !(1 << 11);
    let mut books = Books::default();
    for page in (0..448).chain(0..448) {
        let access = Access { kind: AccessKind::Read, mode: Mode::Supervisor };
        let found = access::translate(&mut machine, &mut books, linear(page), access);
        assert_eq!(found.is_ok(), by_tables(&machine, linear(page), access).is_some());
    }
    assert_eq!(machine.tlb.entries().count(), 448);
    assert_eq!(machine.tlb.structures().count(), 3);
    let mut pdes = 0;
    for number in 0..40u64 {
        let access = Access { kind: AccessKind::Read, mode: Mode::Supervisor };
        let root = root(0);
        machine.memory.write_u64(root + 0x2000 + (8 + number) * 8, (root + 0x3000) | 7);
        assert!(access::translate(&mut machine, &mut books, 0x4000_0000 + ((8 + number) << 21), access).is_ok());
        pdes = machine.tlb.structures().filter(|entry| entry.level == UpperLevel::Pd).count();
    }
    assert_eq!(pdes, 32);
    assert_eq!(books.mistakes, Vec::<String>::new());
}

const SETS: &[Array] = &[Array {
    sizes: &[PageSize::Size4K],
    sets: 16,
    ways: 4,
    index: Index::Linear,
    replacement: Replacement::TreePlru,
}];
const NO_OTHER_PCID: Level = Level { arrays: SETS, retained: Retained { flush: 0, no_flush: 0 } };
static ONE_PCID: Hierarchy = Hierarchy {
    name: "one PCID",
    doubts: "no processor is like this",
    data: NO_OTHER_PCID,
    stores: None,
    fetches: NO_OTHER_PCID,
    second: Second::Shared(NO_OTHER_PCID),
    structures: [32, 4, 2],
};

#[test]
fn the_first_write_of_cr3_displaces_the_pcid_that_the_processor_started_with() {
    let geometry = Geometry::Finite { hierarchy: &ONE_PCID, redundant_write: RedundantWrite::KeepsFirstLevel };
    let mut machine = new_machine((geometry, Reading::Min));
    machine.cpu.cr3 = root(1) | 1;
    machine.tlb = machine.tlb.starting_at(1);
    let access = Access { kind: AccessKind::Read, mode: Mode::Supervisor };
    assert!(access::translate(&mut machine, &mut (), linear(1), access).is_ok());
    for (pcid, left) in [(1, 1), (0, 0)] {
        assert_eq!(control::write_cr3(&mut machine, &mut (), root(pcid) | pcid | NO_FLUSH), Ok(()));
        assert_eq!(machine.tlb.entries().count(), left, "PCID {pcid}");
    }
}
