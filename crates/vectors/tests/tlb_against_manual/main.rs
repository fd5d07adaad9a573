//! The machine's TLB against the second model, operation by operation: faults, hits and surviving entries must agree.
//!
//! `CR3_TLB_OPERATIONS` sets how many operations run (default 300,000), `CR3_TLB_SEED` the first seed. A disagreement
//! prints its seed and the last operations. `finite` does the same with the caches of real processors, on fewer
//! operations.

mod finite;
mod operations;

use cr3_machine::tlb::{Entry, PageSize, Reading, StaleRights};
use cr3_machine::{Machine, Tlb, control};
use cr3_testing::Random;
use cr3_vectors::manual_tlb::{self as manual, Model};
use operations::{
    LA57, LAM, NXE, Shown, Used, difference, on_machine, on_model, operation, pair, supported_cr4, translation,
};

/// What the operations encountered, so that agreement about nothing cannot pass.
#[derive(Debug, Default, PartialEq, Eq)]
struct Met {
    hits: u64,
    global_hits: u64,
    walks: u64,
    page_faults: u64,
    control_faults: u64,
    invalid_opcodes: u64,
    /// Page faults caused by a reserved bit while XD is reserved.
    reserved_bits_without_nxe: u64,
    masked_cr3: u64,
    accesses_without_pcid: u64,
    dropped: u64,
    large_pages: u64,
    fragments: u64,
    /// Page faults caused by a cached right, without a walk of the tables.
    spurious_faults: u64,
    five_levels: u64,
}

impl Met {
    fn count(&mut self, shown: &Shown, used: &Used, before: usize, machine: &Machine) {
        match (shown, used.entry) {
            (Shown::Physical(_), Some(entry)) => {
                self.hits += 1;
                self.global_hits += u64::from(entry.global && entry.pcid != control::current_pcid(&machine.cpu));
                self.large_pages += u64::from(entry.size != PageSize::Size4K);
                self.fragments += u64::from(entry.size != entry.page);
            }
            (Shown::Physical(_), None) => self.walks += 1,
            (Shown::PageFault(code), _) => {
                self.page_faults += 1;
                self.spurious_faults += u64::from(!used.walked);
                self.reserved_bits_without_nxe += u64::from(code & 8 != 0 && machine.cpu.efer & NXE == 0);
            }
            (Shown::Fault(fault), _) => {
                self.control_faults += 1;
                self.invalid_opcodes += u64::from(*fault == manual::ControlFault::InvalidOpcode);
            }
            _ => {}
        }
        self.masked_cr3 += u64::from(machine.cpu.cr3 & LAM != 0);
        let accessed = matches!(shown, Shown::Physical(_) | Shown::PageFault(_));
        self.five_levels += u64::from(accessed && machine.cpu.cr4 & LA57 != 0);
        self.accesses_without_pcid += u64::from(accessed && !machine.cpu.features.pcid);
        self.dropped += before.saturating_sub(machine.tlb.entries().count()) as u64;
    }
}

/// Runs `operations` on both from one seed. The message of a failure has the seed and the last operations.
fn agree(seed: u64, operations: u64, reading: Reading, stale_rights: StaleRights, met: &mut Met) {
    let mut random = Random(seed);
    let (mut machine, mut model) = pair(&mut random, Tlb::new(reading), stale_rights);
    let supported = supported_cr4(&machine.cpu.features);
    let mut last = Vec::new();
    for number in 0..operations {
        let next = operation(&mut random, &machine);
        last.push(next);
        let mut used = Used::default();
        let before = last.len().saturating_sub(12);
        let entries = machine.tlb.entries().count();
        let machine_shows = on_machine(&mut machine, &mut used, next);
        let model_shows = on_model(&mut model, supported, &used, next);
        assert_eq!(machine_shows, model_shows, "seed {seed}, operation {number}: {:#x?}", &last[before..]);
        met.count(&machine_shows, &used, entries, &machine);
        let differs = difference(&machine, &model);
        assert_eq!(differs, None, "seed {seed}, operation {number}: {:#x?}", &last[before..]);
    }
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

const PER_SEED: u64 = 2_000;

/// Operations of a default run; docs/TRUST.md has this number.
const OPERATIONS: u64 = 300_000;

#[test]
fn machine_and_manual_agree_on_random_operations() {
    let total = setting("CR3_TLB_OPERATIONS", OPERATIONS);
    let first = setting("CR3_TLB_SEED", 1);
    let mut met = Met::default();
    for seed in first..first + total.div_ceil(PER_SEED) {
        let reading = if seed % 5 == 0 { Reading::Max } else { Reading::Min };
        let stale_rights = if seed % 3 == 0 { StaleRights::Fault } else { StaleRights::WalkAgain };
        agree(seed, PER_SEED, reading, stale_rights, &mut met);
    }
    println!("{total} operations from seed {first} agree: {met:?}");
    assert_eq!(cr3_testing::numbers("random operations on both models of the TLB"), [OPERATIONS]);
    // Few operations encounter little.
    let least = (total >= OPERATIONS).then_some(total / 2_000);
    for (kind, count) in [
        ("hits", met.hits),
        ("hits on global entries of another PCID", met.global_hits),
        ("hits on large pages", met.large_pages),
        ("hits on fragments", met.fragments),
        ("accesses with five levels", met.five_levels),
        ("walks", met.walks),
        ("page faults", met.page_faults),
        ("page faults by a cached right", met.spurious_faults),
        ("faults of control instructions", met.control_faults),
        ("#UD of INVPCID", met.invalid_opcodes),
        ("reserved bits with NXE=0", met.reserved_bits_without_nxe),
        ("operations with LAM bits in CR3", met.masked_cr3),
        ("accesses without PCIDs", met.accesses_without_pcid),
        ("dropped entries", met.dropped),
    ] {
        assert!(least.is_none_or(|least| count > least), "only {count} {kind} in {total} operations");
    }
}

/// The comparison itself is tested: it notices at once an entry that should have gone, and one that went wrongly.
#[test]
fn a_wrong_invalidation_is_seen() {
    for wrong in [Wrong::KeepsOne, Wrong::DropsOne] {
        let mut random = Random(7);
        let (mut machine, mut model) = pair(&mut random, Tlb::new(Reading::Min), StaleRights::WalkAgain);
        let supported = supported_cr4(&machine.cpu.features);
        let mut used;
        while machine.tlb.entries().count() < 3 {
            let next = operation(&mut random, &machine);
            used = Used::default();
            on_machine(&mut machine, &mut used, next);
            on_model(&mut model, supported, &used, next);
        }
        seed_fault(&mut machine, &mut model, wrong);
        assert!(difference(&machine, &model).is_some(), "{wrong:?} went unseen");
    }
}

#[derive(Clone, Copy, Debug)]
enum Wrong {
    KeepsOne,
    DropsOne,
}

fn seed_fault(machine: &mut Machine, model: &mut Model, wrong: Wrong) {
    let entries: Vec<Entry> = machine.tlb.entries().copied().collect();
    let reading = machine.tlb.reading();
    let structures: Vec<_> = machine.tlb.structures().copied().collect();
    machine.tlb = Tlb::new(reading);
    structures.into_iter().for_each(|entry| {
        machine.tlb.insert_structure(entry);
    });
    let kept = match wrong {
        Wrong::KeepsOne => {
            model.translations.remove(&translation(&entries[0]));
            &entries[..]
        }
        Wrong::DropsOne => &entries[1..],
    };
    kept.iter().for_each(|entry| machine.tlb.insert(*entry));
}
