//! What the fronts of the TLB remember changes nothing.

use super::super::front::look_up;
use crate::bits::{cr0, cr4, efer};
use crate::observe::AccessKind;
use crate::rflags::AC;
use crate::rights::{Access, Mode, Rights};
use crate::tlb::geometry::{HASWELL, RedundantWrite, SKYLAKE};
use crate::tlb::{Context, Entry, Geometry, PageSize, Reading};
use crate::{Cpu, Machine, Tlb, testbed};
use proptest::prelude::*;
use proptest::sample::Index;

fn entry() -> impl Strategy<Value = Entry> {
    let size = prop_oneof![3 => Just(PageSize::Size4K), 1 => Just(PageSize::Size2M)];
    // Many pages of few sets, below 4 MiB: large pages and small ones overlap.
    let linear = (1..24u64, 0..2u64).prop_map(|(high, low)| (high << 3 | low) << 12);
    let rights: (_, [_; 5]) = (0..2u16, std::array::from_fn(|_| prop::bool::weighted(0.7)));
    (size, linear, rights).prop_map(|(size, linear, (pcid, [writable, user, executable, dirty, of_pcid]))| {
        let linear = linear << (if size == PageSize::Size2M { 4 } else { 0 }) & !size.offset_mask();
        Entry {
            pcid,
            linear,
            physical: linear,
            size,
            page: size,
            rights: Rights { writable, user, execute_disable: !executable },
            dirty,
            global: !of_pcid,
        }
    })
}

/// What changes between one lookup in the TLB and the next.
#[derive(Clone, Copy, Debug)]
enum Change {
    Kind(AccessKind),
    Mode(Mode),
    Pcid(u16),
    Globals(bool),
    Protection(u8),
    Offset(u64),
}

fn change() -> impl Strategy<Value = Change> {
    let kinds = [AccessKind::Read, AccessKind::Write, AccessKind::Execute];
    let modes = [Mode::User, Mode::Supervisor, Mode::Implicit];
    prop_oneof![
        prop::sample::select(kinds.to_vec()).prop_map(Change::Kind),
        prop::sample::select(modes.to_vec()).prop_map(Change::Mode),
        (0..2u16).prop_map(Change::Pcid),
        any::<bool>().prop_map(Change::Globals),
        (0..32u8).prop_map(Change::Protection),
        any::<u64>().prop_map(Change::Offset),
    ]
}

#[derive(Clone)]
struct Look {
    linear: u64,
    access: Access,
    cpu: Cpu,
}

impl Look {
    fn of(entry: &Entry) -> Self {
        let access = Access { kind: AccessKind::Read, mode: Mode::Supervisor };
        let mut cpu = testbed::machine().cpu;
        (cpu.cr3, cpu.cr4) = (entry.pcid.into(), cr4::PCIDE | cr4::PGE);
        let mut look = Self { linear: entry.linear, access, cpu };
        look.change(Change::Protection(0), entry);
        look
    }

    fn change(&mut self, change: Change, entry: &Entry) {
        let Cpu { cr0, cr3, cr4, efer, rflags, .. } = &mut self.cpu;
        match change {
            Change::Kind(kind) => self.access.kind = kind,
            Change::Mode(mode) => self.access.mode = mode,
            Change::Pcid(pcid) => *cr3 = pcid.into(),
            Change::Globals(globals) => set(cr4, cr4::PGE, globals),
            Change::Protection(choice) => {
                let bits = [(cr0, cr0::WP), (efer, efer::NXE), (rflags, AC)].into_iter();
                bits.enumerate().for_each(|(at, (register, bit))| set(register, bit, choice >> at & 1 != 0));
                set(cr4, cr4::SMEP, choice & 8 != 0);
                set(cr4, cr4::SMAP, choice & 16 != 0);
            }
            Change::Offset(offset) => self.linear = entry.linear | offset & entry.size.offset_mask(),
        }
    }
}

fn set(register: &mut u64, bit: u64, to: bool) {
    *register = *register & !bit | if to { bit } else { 0 };
}

const GEOMETRIES: [Geometry; 3] = [
    Geometry::Architectural,
    Geometry::Finite { hierarchy: &SKYLAKE, redundant_write: RedundantWrite::KeepsFirstLevel },
    Geometry::Finite { hierarchy: &HASWELL, redundant_write: RedundantWrite::KeepsFirstLevel },
];

/// The same lookup in a TLB with fronts and in one without; what both find.
fn look(with: &mut Machine, without: &mut Tlb, look: &Look) -> Option<Entry> {
    let Look { linear, access, ref cpu } = *look;
    with.cpu = cpu.clone();
    let found = look_up(with, &mut (), linear, access);
    assert_eq!(found, without.lookup(&mut |_| (), linear, access, Context::of(cpu)));
    assert_eq!(with.tlb, *without);
    found
}

fn machine(tlb: Tlb) -> Machine {
    Machine { tlb, ..testbed::machine() }
}

proptest! {
    #[test]
    fn what_the_fronts_remember_changes_nothing(
        pages in prop::collection::vec((entry(), prop::collection::vec(change(), 1..16), any::<Index>()), 1..40),
    ) {
        for geometry in GEOMETRIES {
            let mut without = Tlb::with_geometry(geometry, Reading::Min);
            let mut with = machine(without.clone());
            for (number, (entry, changes, earlier)) in pages.iter().enumerate() {
                with.tlb.fill(&mut |_| (), AccessKind::Read, *entry, &[]);
                without.fill(&mut |_| (), AccessKind::Read, *entry, &[]);
                // What an entry that came before is found as may be another now.
                look(&mut with, &mut without, &Look::of(&pages[earlier.index(number + 1)].0));
                let mut at = Look::of(entry);
                for change in changes {
                    at.change(*change, entry);
                    look(&mut with, &mut without, &at);
                }
            }
        }
    }
}

/// A clean entry serves loads, a dirty one of the same page stores: what a front knows of one is not true of the other.
#[test]
fn a_front_does_not_take_one_entry_for_another() {
    let rights = Rights { user: false, ..Rights::ALL };
    let page = Entry { linear: 0x5000, rights, ..Entry::EMPTY };
    let clean = Entry { pcid: 0, dirty: false, physical: 0x1000, ..page };
    let dirty = Entry { pcid: 1, global: true, dirty: true, physical: 0x2000, ..page };
    let mut without = Tlb::new(Reading::Min);
    [clean, dirty].into_iter().for_each(|entry| without.insert(entry));
    let mut with = machine(without.clone());
    let load = Look::of(&clean);
    let mut store = load.clone();
    store.change(Change::Kind(AccessKind::Write), &clean);
    for (at, physical) in [(&load, 0x1000), (&store, 0x2000), (&load, 0x1000), (&load, 0x1000), (&store, 0x2000)] {
        assert_eq!(look(&mut with, &mut without, at).map(|entry| entry.physical), Some(physical));
    }
}
