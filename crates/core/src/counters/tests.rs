//! What the tally counts, on operations of the machine and on the events that they report.

use super::*;
use crate::linux::layout::USER_PCID_FLUSH_MASK_PHYSICAL as MASK;
use crate::machine::bits::{cr0, cr3, cr4, efer};
use crate::machine::observe::{AccessKind, DropCause, MemoryAccess, TlbEvent};
use crate::machine::rights::Rights;
use crate::machine::tlb::{Entry, PageSize};
use crate::machine::{Cpu, CpuFeatures, Machine, Memory, Observer, Tlb, control};

const BASE: u64 = 0x10_0000;

fn machine(cr3: u64, cr4: u64) -> Machine {
    let features = CpuFeatures {
        smep: false,
        smap: false,
        umip: false,
        lam: false,
        la57: false,
        physical_address_bits: 46,
        ..CpuFeatures::ALL
    };
    let cpu =
        Cpu { cr0: cr0::ET | cr0::PE | cr0::PG, cr3, cr4: cr4 | cr4::PAE, efer: 0, features, ..Cpu::in_long_mode() };
    Machine { cpu, memory: Memory::new(), tlb: Tlb::default() }
}

fn entry(pcid: u16, linear: u64) -> Entry {
    Entry {
        pcid,
        linear,
        physical: 0x5000,
        size: PageSize::Size4K,
        page: PageSize::Size4K,
        rights: Rights { user: false, ..Rights::ALL },
        dirty: true,
        global: false,
    }
}

/// Counters that are not zero, by name.
fn counted(tally: &Tally) -> Vec<(&'static str, u64)> {
    let rose = tally.counters().iter().filter(|&(_, value)| value != 0);
    rose.map(|(counter, value)| (counter.name(), value)).collect()
}

#[test]
fn cr3_writes_are_classified() {
    let pcide = cr4::PCIDE;
    let write = "cr3_writes";
    let redundant = ("redundant_cr3_writes", 1);
    let (flushing, noflush) = (("flushing_cr3_writes", 1), ("noflush_cr3_writes", 1));
    let cases = [
        ("same value, no flush", pcide, BASE | 1, BASE | 1 | cr3::NO_FLUSH, vec![redundant, noflush]),
        ("same value", pcide, BASE | 1, BASE | 1, vec![redundant, flushing]),
        ("other PCID", pcide, BASE | 1, BASE | 0x801, vec![flushing]),
        ("other tables", pcide, BASE | 1, (BASE + 0x1000) | 1 | cr3::NO_FLUSH, vec![noflush]),
        ("same tables, no PCIDs", 0, BASE, BASE, vec![redundant, flushing]),
        ("write-through bit, no PCIDs", 0, BASE, BASE | 8, vec![redundant, flushing]),
        ("other tables, no PCIDs", 0, BASE, BASE + 0x1000, vec![flushing]),
    ];
    for (story, cr4, before, source, expected) in cases {
        let mut machine = machine(before, cr4);
        let mut tally = Tally::new(&machine);
        control::write_cr3(&mut machine, &mut tally, source).expect(story);
        let expected: Vec<_> = [(write, 1)].into_iter().chain(expected).collect();
        assert_eq!(counted(&tally), expected, "{story}");
    }
}

/// SDM vol. 3A 4.10.4.1: a write that must invalidate counts, whether or not something was cached.
#[test]
fn cr4_writes_that_flush_are_counted() {
    let (pge, pcide, smep) = (cr4::PGE, cr4::PCIDE, cr4::SMEP);
    let cases = [
        (pge, 0, 1),
        (0, pge, 1),
        (pcide, 0, 1),
        (0, pcide, 0),
        (0, smep, 1),
        (smep, 0, 0),
        (pge | pcide, pge | pcide, 0),
        (0, cr4::OSFXSR | cr4::FSGSBASE, 0),
    ];
    for (before, after, expected) in cases {
        let mut machine = machine(BASE, before);
        machine.cpu.efer |= efer::LME | efer::LMA;
        machine.cpu.features.smep = true;
        let mut tally = Tally::new(&machine);
        control::write_cr4(&mut machine, &mut tally, cr4::PAE | after).expect("MOV to CR4 at CPL 0");
        assert_eq!(tally.counters()[Counter::FlushingCr4Writes], expected, "{before:#x} to {after:#x}");
    }
}

#[test]
fn a_write_that_faults_counts_nothing() {
    let mut machine = machine(BASE, 0);
    let mut tally = Tally::new(&machine);
    assert!(control::write_cr3(&mut machine, &mut tally, BASE | cr3::NO_FLUSH).is_err(), "bit 63 without PCIDE");
    assert_eq!(counted(&tally), []);
}

#[test]
fn dropped_entries_are_counted_by_what_dropped_them() {
    let mut machine = machine(BASE | 1, cr4::PCIDE | cr4::PGE);
    for (pcid, linear) in [(1, 0x1000), (1, 0x2000), (1, 0x3000), (2, 0x1000), (3, 0x1000)] {
        machine.tlb.insert(entry(pcid, linear));
    }
    let mut tally = Tally::new(&machine);
    control::invlpg(&mut machine, &mut tally, 0x1234).expect("INVLPG at CPL 0");
    control::invpcid(&mut machine, &mut tally, 1, 2, 0).expect("INVPCID at CPL 0");
    control::write_cr3(&mut machine, &mut tally, BASE | 1).expect("MOV to CR3 at CPL 0");
    let cr4 = machine.cpu.cr4;
    control::write_cr4(&mut machine, &mut tally, cr4 & !cr4::PGE).expect("MOV to CR4 at CPL 0");
    assert_eq!(
        counted(&tally),
        [
            ("cr3_writes", 1),
            ("redundant_cr3_writes", 1),
            ("flushing_cr3_writes", 1),
            ("flushing_cr4_writes", 1),
            ("dropped_entries", 5),
            ("dropped_by_cr3_write", 2),
            ("dropped_by_cr4_write", 1),
            ("dropped_by_invlpg", 1),
            ("dropped_by_invpcid", 1),
        ]
    );
}

/// Plays TLB events on one page, under PCID 1 unless said otherwise, and returns the kinds of the misses.
fn misses(story: &[&str]) -> Vec<&'static str> {
    let mut tally = Tally::new(&machine(BASE | 1, cr4::PCIDE));
    let mut kinds = Vec::new();
    let page = entry(1, 0x1000);
    let global = Entry { global: true, ..entry(2, 0x1000) };
    let miss = |pcid| TlbEvent::Miss { linear: 0x1234, pcid, kind: AccessKind::Read, reads: 4 };
    let dropped = |entry, cause| TlbEvent::Drop { entry, cause };
    for event in story {
        let before = *tally.counters();
        tally.tlb(&match *event {
            "fill" => TlbEvent::Fill { entry: page },
            "fill global" => TlbEvent::Fill { entry: global },
            "flush" => dropped(page, DropCause::Cr3Write),
            "flush global" => dropped(global, DropCause::Cr4Write),
            "flush large" => dropped(Entry { size: PageSize::Size2M, linear: 0, ..page }, DropCause::Invlpg),
            "flush other page" => dropped(entry(1, 0x2000), DropCause::Invlpg),
            "evict" => dropped(page, DropCause::Capacity),
            "fault" => dropped(page, DropCause::PageFault),
            "miss under PCID 2" => miss(2),
            _ => miss(1),
        });
        let kind = [Counter::RefillMisses, Counter::ColdMisses, Counter::CapacityMisses]
            .into_iter()
            .find(|&kind| tally.counters()[kind] != before[kind]);
        kinds.extend(kind.map(Counter::name));
    }
    let sum: u64 = kinds.len() as u64;
    assert_eq!(tally.counters()[Counter::TlbMisses], sum);
    assert_eq!(tally.counters()[Counter::PageWalkReads], 4 * sum);
    kinds
}

#[test]
fn misses_are_refills_only_after_a_flush_of_their_page() {
    let cases: [(&[&str], &[&str]); 12] = [
        (&["miss"], &["cold_misses"]),
        (&["miss", "fill", "flush", "miss"], &["cold_misses", "refill_misses"]),
        (&["flush", "miss", "fill", "miss"], &["refill_misses", "cold_misses"]),
        (&["flush", "miss under PCID 2"], &["cold_misses"]),
        (&["flush global", "miss", "miss under PCID 2"], &["refill_misses", "refill_misses"]),
        (&["flush global", "fill global", "miss"], &["cold_misses"]),
        (&["flush other page", "miss"], &["cold_misses"]),
        (&["flush large", "miss"], &["refill_misses"]),
        (&["evict", "miss"], &["capacity_misses"]),
        (&["evict", "fill", "flush", "miss"], &["refill_misses"]),
        (&["fault", "miss"], &["cold_misses"]),
        // Flushed, then dropped again by a fault: the last reason counts.
        (&["flush", "fill", "fault", "miss"], &["cold_misses"]),
    ];
    for (story, expected) in cases {
        assert_eq!(misses(story), expected, "{story:?}");
    }
}

fn store(physical: u64, size: u8, value: u64) -> MemoryAccess {
    MemoryAccess { kind: AccessKind::Write, linear: physical, physical, size, value, before: 0 }
}

#[test]
fn stores_of_any_size_that_touch_the_mask_are_seen() {
    let cases = [
        (store(MASK, 2, 0x0002), 0x0002),
        (store(MASK, 1, 0x02), 0x0002),
        (store(MASK + 1, 1, 0x02), 0x0200),
        (store(MASK - 2, 8, 0x0004_0000), 0x0004),
        (store(MASK - 1, 2, 0x0400), 0x0004),
        (store(MASK - 7, 8, 0x0800_0000_0000_0000), 0x0008),
        (store(MASK - 8, 8, !0), 0),
        (store(MASK + 2, 8, !0), 0),
    ];
    for (access, mask) in cases {
        let mut tally = Tally::new(&machine(BASE | 1, cr4::PCIDE));
        tally.memory(&access);
        assert_eq!(tally.pending_flushes(), mask, "{access:x?}");
        assert_eq!(tally.counters()[Counter::RequestedFlushes], u64::from(mask != 0));
    }
}

type Operate = fn(&mut Machine, &mut Tally);

#[test]
fn flushes_of_user_pcids_keep_requests() {
    let cases: [(&str, Operate, u64); 5] = [
        ("CR3 write to the user PCID", |m, t| control::write_cr3(m, t, BASE | 0x801).expect("CPL 0"), 1),
        ("CR3 write without flush", |m, t| control::write_cr3(m, t, BASE | 0x801 | cr3::NO_FLUSH).expect("CPL 0"), 0),
        ("CR3 write to the kernel PCID", |m, t| control::write_cr3(m, t, BASE | 1).expect("CPL 0"), 0),
        (
            "PGE toggled",
            |m, t| {
                let cr4 = m.cpu.cr4;
                control::write_cr4(m, t, cr4 ^ cr4::PGE).expect("CPL 0");
            },
            1,
        ),
        (
            "CR4 written with its own value",
            |m, t| {
                let cr4 = m.cpu.cr4;
                control::write_cr4(m, t, cr4).expect("CPL 0");
            },
            0,
        ),
    ];
    for (story, operate, kept) in cases {
        let mut machine = machine(BASE | 1, cr4::PCIDE);
        let mut tally = Tally::new(&machine);
        tally.memory(&store(MASK, 2, 1 << 1));
        operate(&mut machine, &mut tally);
        assert_eq!(tally.counters()[Counter::KeptFlushes], kept, "{story}");
    }
}

#[test]
fn counters_have_names_of_their_own() {
    for (index, &counter) in Counter::ALL.iter().enumerate() {
        assert_eq!(counter as usize, index);
        assert_eq!(Counter::named(counter.name()), Some(counter));
        assert!(counter.description().ends_with('.') && !counter.unit().is_empty());
    }
    assert_eq!(Counter::named("no_such_counter"), None);
    let set: CounterSet = [Counter::Cr3Writes, Counter::LeftoverFlushes].into_iter().collect();
    assert_eq!(set.iter().collect::<Vec<_>>(), [Counter::Cr3Writes, Counter::LeftoverFlushes]);
    assert_eq!(
        set.without(CounterSet::EMPTY.with(Counter::Cr3Writes)).iter().collect::<Vec<_>>(),
        [Counter::LeftoverFlushes]
    );
}
