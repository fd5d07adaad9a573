//! The machine's TLB against the second model, operation by operation: faults, hits and surviving entries must agree.
//!
//! `CR3_TLB_OPERATIONS` sets how many operations run (default 300,000), `CR3_TLB_SEED` the first seed. A disagreement
//! prints its seed and the last operations.

#[path = "common/told.rs"]
mod told;

use cr3_core::machine::observe::TlbEvent;
use cr3_core::machine::paging::{Access, Mode};
use cr3_core::machine::tlb::{Entry, PageSize, Reading, StructureEntry};
use cr3_core::machine::{
    Cpu, CpuFeatures, Fault, Machine, Memory, Observer, Segment, SegmentRegister, Tlb, access, control, observe,
};
use cr3_core::manual_tlb::{self as manual, Model};
use std::collections::BTreeSet;

#[path = "common/random.rs"]
mod random;
use random::Random;

const TABLES: u64 = 12;
const CR0: u64 = 1 << 31 | 1 << 16 | 1;
const CR4: u64 = 1 << 5 | 1 << 7;
const PCIDE: u64 = 1 << 17;
const EFER: u64 = 1 << 8 | 1 << 10;
const NXE: u64 = 1 << 11;
/// LAM_U57 and LAM_U48 in CR3.
const LAM: u64 = 0b11 << 61;
const PHYSICAL_ADDRESS_BITS: u8 = 46;

#[derive(Clone, Copy, Debug)]
enum Operation {
    Access { linear: u64, kind: manual::Access, by: manual::Accessor },
    MovCr3(u64),
    MovCr4(u64),
    MovCr0(u64),
    ToggleNoExecute,
    Invlpg(u64),
    Invpcid { kind: u64, low: u64, high: u64 },
    EditTable { address: u64, entry: u64 },
    SetPrivilege { cpl: u8, alignment_check: bool },
}

fn linear(random: &mut Random) -> u64 {
    let index = |random: &mut Random, choices: &[u64]| random.pick(choices);
    let top = index(random, &[0, 1, 256, 511]);
    let sign = if top >= 256 { 0xffff_0000_0000_0000 } else { 0 };
    let page =
        top << 39 | index(random, &[0, 1]) << 30 | index(random, &[0, 3]) << 21 | index(random, &[0, 1, 2]) << 12;
    sign | page | random.below(4096)
}

/// Often an address that has been used before, also under another PCID.
fn maybe_cached(random: &mut Random, machine: &Machine) -> u64 {
    let entries: Vec<u64> = machine.tlb.entries().map(|entry| entry.linear).collect();
    if entries.is_empty() || random.one_in(2) { linear(random) } else { random.pick(&entries) + random.below(4096) }
}

fn entry(random: &mut Random) -> u64 {
    if random.one_in(24) {
        return random.pick(&[0, 1 << 50 | 7, 1 << 13 | 0x87]);
    }
    let table = 0x1000 * (1 + random.below(TABLES));
    let present = u64::from(!random.one_in(20));
    let flags = random.below(2) << 1 | random.below(2) << 2 | u64::from(random.one_in(4)) << 8;
    let generous = if random.one_in(4) { flags } else { 6 };
    let large = if random.one_in(8) { 1 << 7 } else { 0 };
    let execute_disable = if random.one_in(12) { 1 << 63 } else { 0 };
    let address = if large == 0 { table } else { 0x4000_0000 * random.below(4) };
    execute_disable | address | large | generous | flags & 1 << 8 | present
}

fn operation(random: &mut Random, machine: &Machine) -> Operation {
    match random.below(100) {
        0..45 => Operation::Access {
            linear: maybe_cached(random, machine),
            kind: random.pick(&[manual::Access::Read, manual::Access::Write, manual::Access::Fetch]),
            by: accessor(random, machine),
        },
        45..58 => Operation::MovCr3(cr3(random)),
        58..62 => Operation::MovCr4(machine.cpu.cr4 ^ 1 << random.pick(&[4, 5, 7, 7, 12, 17, 17, 20, 20, 21, 21, 30])),
        62..64 => Operation::MovCr0(machine.cpu.cr0 ^ 1 << random.pick(&[16, 16, 16, 31])),
        64 => Operation::ToggleNoExecute,
        65..70 => Operation::Invlpg(maybe_tagged(random)),
        70..78 => invpcid(random),
        78..94 => Operation::EditTable {
            address: 0x1000 * (1 + random.below(TABLES)) + 8 * random.pick(&[0, 1, 2, 3, 256, 511]),
            entry: entry(random),
        },
        _ => Operation::SetPrivilege { cpl: random.pick(&[0, 0, 0, 3]), alignment_check: random.one_in(2) },
    }
}

fn accessor(random: &mut Random, machine: &Machine) -> manual::Accessor {
    if random.one_in(8) {
        manual::Accessor::ImplicitSupervisor
    } else if machine.cpu.cpl == 3 {
        manual::Accessor::User
    } else {
        manual::Accessor::Supervisor
    }
}

fn cr3(random: &mut Random) -> u64 {
    let pcid = random.pick(&[0, 0, 1, 2, 0x801]);
    let no_flush = random.below(2) << 63;
    let reserved = if random.one_in(12) { random.pick(&[1 << 52, 1 << 61, 1 << 62, LAM]) } else { 0 };
    no_flush | reserved | (0x1000 * (1 + random.below(3))) | pcid
}

fn maybe_tagged(random: &mut Random) -> u64 {
    let tag = if random.one_in(10) { 1 << 60 } else { 0 };
    linear(random) ^ tag
}

fn invpcid(random: &mut Random) -> Operation {
    let kind = if random.one_in(12) { random.pick(&[4, 1 << 32]) } else { random.below(4) };
    let reserved = if random.one_in(12) { 1 << 12 } else { 0 };
    Operation::Invpcid { kind, low: random.pick(&[0, 1, 2, 0x801, 10]) | reserved, high: maybe_tagged(random) }
}

/// Keeps the translation that served an access.
#[derive(Default)]
struct Used(Option<Entry>);

impl Observer for Used {
    fn tlb(&mut self, event: &TlbEvent) {
        if let TlbEvent::Hit { entry, .. } = event {
            self.0 = Some(*entry);
        }
    }
}

fn translation(entry: &Entry) -> manual::Translation {
    let shift = match entry.size {
        PageSize::Size4K => 12,
        PageSize::Size2M => 21,
        PageSize::Size1G => 30,
    };
    manual::Translation {
        pcid: entry.pcid,
        page: entry.linear,
        shift,
        frame: entry.physical,
        writable: entry.writable,
        user: entry.user,
        execute_disable: entry.execute_disable,
        dirty: entry.dirty,
        global: entry.global,
    }
}

fn structure(entry: &StructureEntry) -> manual::Structure {
    manual::Structure {
        pcid: entry.pcid,
        region: entry.linear,
        shift: 12 + 9 * (u32::from(entry.level) - 1),
        table: entry.table,
        writable: entry.writable,
        user: entry.user,
        execute_disable: entry.execute_disable,
    }
}

/// What an operation showed: the physical address or fault of an access, or the fault of another operation.
#[derive(Debug, PartialEq, Eq)]
enum Shown {
    Nothing,
    Physical(u64),
    PageFault(u32),
    Fault(manual::ControlFault),
    UnlawfulHit,
}

fn shown(result: Result<(), Fault>) -> Shown {
    use cr3_core::machine::Exception;
    match result {
        Ok(()) => Shown::Nothing,
        Err(fault) if fault.exception == Exception::InvalidOpcode => Shown::Fault(manual::ControlFault::InvalidOpcode),
        Err(_) => Shown::Fault(manual::ControlFault::GeneralProtection),
    }
}

fn on_machine(machine: &mut Machine, used: &mut Used, operation: Operation) -> Shown {
    match operation {
        Operation::Access { linear, kind, by } => {
            match access::translate(machine, used, linear, machine_access(kind, by)) {
                Ok(physical) => Shown::Physical(physical),
                Err(fault) => Shown::PageFault(fault.error_code.unwrap_or(u32::MAX)),
            }
        }
        Operation::MovCr3(source) => shown(control::write_cr3(machine, &mut (), source)),
        Operation::MovCr4(source) => shown(control::write_cr4(machine, &mut (), source)),
        Operation::MovCr0(source) => shown(control::write_cr0(machine, &mut (), source)),
        Operation::ToggleNoExecute => shown(control::write_efer(machine, &mut (), machine.cpu.efer ^ NXE)),
        Operation::Invlpg(linear) => shown(control::invlpg(machine, &mut (), linear)),
        Operation::Invpcid { kind, low, high } => shown(control::invpcid(machine, &mut (), kind, low, high)),
        Operation::EditTable { address, entry } => {
            machine.memory.write_u64(address, entry);
            Shown::Nothing
        }
        Operation::SetPrivilege { cpl, alignment_check } => {
            machine.cpu.cpl = cpl;
            machine.cpu.rflags = 2 | u64::from(alignment_check) << 18;
            Shown::Nothing
        }
    }
}

fn machine_access(kind: manual::Access, by: manual::Accessor) -> Access {
    let kind = match kind {
        manual::Access::Read => observe::AccessKind::Read,
        manual::Access::Write => observe::AccessKind::Write,
        manual::Access::Fetch => observe::AccessKind::Execute,
    };
    let mode = match by {
        manual::Accessor::User => Mode::User,
        manual::Accessor::Supervisor => Mode::Supervisor,
        manual::Accessor::ImplicitSupervisor => Mode::Implicit,
    };
    Access { kind, mode }
}

fn on_model(model: &mut Model, supported_cr4: u64, used: &Used, operation: Operation) -> Shown {
    let fault = |result: Result<(), manual::ControlFault>| result.map_or_else(Shown::Fault, |()| Shown::Nothing);
    match operation {
        Operation::Access { linear, kind, by } => {
            match manual::access(model, linear, kind, by, used.0.as_ref().map(translation)) {
                Ok(Some(manual::Outcome::Hit(physical) | manual::Outcome::Walked(physical))) => {
                    Shown::Physical(physical)
                }
                Ok(None) => Shown::UnlawfulHit,
                Err(fault) => Shown::PageFault(fault.error_code),
            }
        }
        Operation::MovCr3(source) => fault(manual::mov_to_cr3(model, source)),
        Operation::MovCr4(source) => fault(manual::mov_to_cr4(model, source, supported_cr4)),
        Operation::MovCr0(source) => fault(manual::mov_to_cr0(model, source)),
        Operation::ToggleNoExecute => fault(manual::toggle_no_execute(model)),
        Operation::Invlpg(linear) => fault(manual::invlpg(model, linear)),
        Operation::Invpcid { kind, low, high } => fault(manual::invpcid(model, kind, low, high)),
        Operation::EditTable { address, entry } => {
            model.memory.insert(address, entry);
            Shown::Nothing
        }
        Operation::SetPrivilege { cpl, alignment_check } => {
            model.controls.cpl = cpl;
            model.controls.alignment_check_flag = alignment_check;
            Shown::Nothing
        }
    }
}

/// The first field in which the two differ.
fn difference(machine: &Machine, model: &Model) -> Option<String> {
    let entries: BTreeSet<_> = machine.tlb.entries().map(translation).collect();
    let structures: BTreeSet<_> = machine.tlb.structures().map(structure).collect();
    let memory = model.memory.iter().find(|&(&address, &entry)| machine.memory.read_u64(address) != entry);
    if entries != model.translations {
        let differing = entries.symmetric_difference(&model.translations);
        Some(format!("TLB entries that only one has: {:#x?}", differing.collect::<Vec<_>>()))
    } else if structures != model.structures {
        let differing = structures.symmetric_difference(&model.structures);
        Some(format!("paging-structure entries that only one has: {:#x?}", differing.collect::<Vec<_>>()))
    } else if (machine.cpu.cr3, machine.cpu.cr4) != (model.controls.cr3, model.controls.cr4) {
        let (machine, model) = (&machine.cpu, &model.controls);
        Some(format!("CR3 {:#x}, CR4 {:#x}; manual {:#x}, {:#x}", machine.cr3, machine.cr4, model.cr3, model.cr4))
    } else {
        memory.map(|(address, entry)| format!("paging structure at {address:#x}: manual {entry:#x}"))
    }
}

/// A processor that mostly has everything.
fn features(random: &mut Random) -> CpuFeatures {
    let mut has = |rarely_not| !random.one_in(rarely_not);
    CpuFeatures {
        pcid: has(8),
        invpcid: has(8),
        fsgsbase: true,
        smep: has(16),
        smap: has(16),
        nx: true,
        umip: false,
        lam: !has(4),
        la57: false,
        sev_es: false,
        physical_address_bits: PHYSICAL_ADDRESS_BITS,
    }
}

/// The bits of CR4 that CPUID allows: those every processor here has, then each by its feature.
fn supported_cr4(features: &CpuFeatures) -> u64 {
    let optional = [(features.pcid, 17), (features.smep, 20), (features.smap, 21), (features.lam, 28)];
    optional.into_iter().filter(|(has, _)| *has).fold(1 << 16 | 0x7fc, |bits, (_, bit)| bits | 1 << bit)
}

fn processor(features: CpuFeatures, efer: u64) -> Cpu {
    let mut segments = [Segment::default(); 6];
    segments[SegmentRegister::Cs as usize].attributes = 0xa09b;
    Cpu {
        registers: [0; 16],
        rip: 0,
        rflags: 2,
        segments,
        cpl: 0,
        cr0: CR0,
        cr2: 0,
        cr3: 0x1000,
        cr4: CR4 | if features.pcid { PCIDE } else { 0 },
        cr8: 0,
        efer,
        debug: [0; 6],
        msr: Default::default(),
        gdtr: Default::default(),
        idtr: Default::default(),
        task: Segment::default(),
        events: Default::default(),
        features,
    }
}

fn pair(random: &mut Random, reading: Reading) -> (Machine, Model) {
    let features = features(random);
    let efer = EFER | if random.one_in(4) { 0 } else { NXE };
    let cpu = processor(features, efer);
    let mut machine = Machine { cpu, memory: Memory::new(), tlb: Tlb::new(reading) };
    let controls = manual::Controls {
        cr0: CR0,
        cr3: 0x1000,
        cr4: machine.cpu.cr4,
        no_execute_enable: efer & NXE != 0,
        long_mode_active: true,
        alignment_check_flag: false,
        cpl: 0,
        has_pcid: features.pcid,
        has_invpcid: features.invpcid,
        has_lam: features.lam,
        physical_address_bits: u32::from(PHYSICAL_ADDRESS_BITS),
    };
    let reading = if reading == Reading::Min { manual::Reading::Min } else { manual::Reading::Max };
    let mut model = Model::new(controls, reading);
    for table in 1..=TABLES {
        for index in [0, 1, 2, 3, 256, 511] {
            let (address, entry) = (0x1000 * table + 8 * index, entry(random));
            machine.memory.write_u64(address, entry);
            model.memory.insert(address, entry);
        }
    }
    (machine, model)
}

/// What the operations met, so that agreement about nothing cannot pass.
#[derive(Debug, Default, PartialEq, Eq)]
struct Met {
    hits: u64,
    global_hits: u64,
    walks: u64,
    page_faults: u64,
    control_faults: u64,
    invalid_opcodes: u64,
    /// Page faults by a reserved bit while XD is one of them.
    reserved_bits_without_nxe: u64,
    masked_cr3: u64,
    accesses_without_pcid: u64,
    dropped: u64,
    large_pages: u64,
}

impl Met {
    fn count(&mut self, shown: &Shown, used: &Used, before: usize, machine: &Machine) {
        match (shown, used.0) {
            (Shown::Physical(_), Some(entry)) => {
                self.hits += 1;
                self.global_hits += u64::from(entry.global && entry.pcid != control::current_pcid(&machine.cpu));
                self.large_pages += u64::from(entry.size != PageSize::Size4K);
            }
            (Shown::Physical(_), None) => self.walks += 1,
            (Shown::PageFault(code), _) => {
                self.page_faults += 1;
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
        self.accesses_without_pcid += u64::from(accessed && !machine.cpu.features.pcid);
        self.dropped += before.saturating_sub(machine.tlb.entries().count()) as u64;
    }
}

/// Runs `operations` on both from one seed; the message of a failure has the seed and the last operations.
fn agree(seed: u64, operations: u64, reading: Reading, met: &mut Met) {
    let mut random = Random(seed);
    let (mut machine, mut model) = pair(&mut random, reading);
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

/// Operations of a run that does not ask for another number; docs/TRUST.md says so.
const OPERATIONS: u64 = 300_000;

#[test]
fn machine_and_manual_agree_on_random_operations() {
    let total = setting("CR3_TLB_OPERATIONS", OPERATIONS);
    let first = setting("CR3_TLB_SEED", 1);
    let mut met = Met::default();
    for seed in first..first + total.div_ceil(PER_SEED) {
        let reading = if seed % 5 == 0 { Reading::Max } else { Reading::Min };
        agree(seed, PER_SEED, reading, &mut met);
    }
    println!("{total} operations from seed {first} agree: {met:?}");
    assert_eq!(told::numbers("random operations on both models of the TLB"), [OPERATIONS]);
    let least = total / 2_000;
    for (kind, count) in [
        ("hits", met.hits),
        ("hits on global entries of another PCID", met.global_hits),
        ("hits on large pages", met.large_pages),
        ("walks", met.walks),
        ("page faults", met.page_faults),
        ("faults of control instructions", met.control_faults),
        ("#UD of INVPCID", met.invalid_opcodes),
        ("reserved bits with NXE=0", met.reserved_bits_without_nxe),
        ("operations with LAM bits in CR3", met.masked_cr3),
        ("accesses without PCIDs", met.accesses_without_pcid),
        ("dropped entries", met.dropped),
    ] {
        assert!(count > least, "only {count} {kind} in {total} operations");
    }
}

/// The comparison itself is tested: an entry that should have gone, or went wrongly, is seen at once.
#[test]
fn a_wrong_invalidation_is_seen() {
    for wrong in [Wrong::KeepsOne, Wrong::DropsOne] {
        let mut random = Random(7);
        let (mut machine, mut model) = pair(&mut random, Reading::Min);
        let supported = supported_cr4(&machine.cpu.features);
        let mut used = Used::default();
        while machine.tlb.entries().count() < 3 {
            let next = operation(&mut random, &machine);
            used.0 = None;
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
