//! Random operations on translation caches, and how the machine and the second model perform them.

use cr3_machine::observe::TlbEvent;
use cr3_machine::paging::{Access, Mode};
use cr3_machine::tlb::{Entry, PageSize, Reading, StaleRights, StructureEntry};
use cr3_machine::{
    Cpu, CpuFeatures, Fault, Machine, Memory, Observer, Segment, SegmentRegister, Tlb, access, control, observe,
};
use cr3_testing::Random;
use cr3_vectors::blank_cpu;
use cr3_vectors::manual_tlb::{self as manual, Model};
use std::collections::BTreeSet;

const TABLES: u64 = 12;
const CR0: u64 = 1 << 31 | 1 << 16 | 1;
const CR4: u64 = 1 << 5 | 1 << 7;
const PCIDE: u64 = 1 << 17;
pub(crate) const LA57: u64 = 1 << 12;
const EFER: u64 = 1 << 8 | 1 << 10;
pub(crate) const NXE: u64 = 1 << 11;
/// LAM_U57 and LAM_U48 in CR3.
pub(crate) const LAM: u64 = 0b11 << 61;
const PHYSICAL_ADDRESS_BITS: u8 = 46;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Operation {
    Access {
        linear: u64,
        kind: manual::Access,
        by: manual::Accessor,
    },
    MovCr3(u64),
    MovCr4(u64),
    MovCr0(u64),
    ToggleNoExecute,
    Invlpg(u64),
    Invpcid {
        kind: u64,
        low: u64,
        high: u64,
    },
    EditTable {
        address: u64,
        entry: u64,
    },
    SetPrivilege {
        cpl: u8,
        alignment_check: bool,
    },
    /// The processor caches a 4-KByte piece of a large page.
    Fragment(Entry),
}

fn linear(random: &mut Random) -> u64 {
    let index = |random: &mut Random, choices: &[u64]| random.pick(choices);
    let top = index(random, &[0, 1, 256, 511]);
    let sign = if top >= 256 { 0xffff_0000_0000_0000 } else { 0 };
    let page =
        top << 39 | index(random, &[0, 1]) << 30 | index(random, &[0, 3]) << 21 | index(random, &[0, 1, 2]) << 12;
    sign | page | random.below(4096)
}

/// Often an address that was used before, also under another PCID.
fn maybe_cached(random: &mut Random, machine: &Machine) -> u64 {
    let entries: Vec<u64> = machine.tlb.entries().map(|entry| entry.linear).collect();
    let beyond_48_bits = if machine.cpu.cr4 & LA57 != 0 { random.below(2) << 48 } else { 0 };
    if entries.is_empty() || random.one_in(2) {
        linear(random) ^ beyond_48_bits
    } else {
        random.pick(&entries) + random.below(4096)
    }
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

pub(crate) fn operation(random: &mut Random, machine: &Machine) -> Operation {
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
        94 => fragment(random, machine),
        _ => Operation::SetPrivilege { cpl: random.pick(&[0, 0, 0, 3]), alignment_check: random.one_in(2) },
    }
}

/// A piece of a large page that is cached, if there is one.
fn fragment(random: &mut Random, machine: &Machine) -> Operation {
    let large: Vec<Entry> = machine.tlb.entries().filter(|entry| entry.size != PageSize::Size4K).copied().collect();
    if large.is_empty() {
        return Operation::Access { linear: linear(random), kind: manual::Access::Read, by: accessor(random, machine) };
    }
    let whole = random.pick(&large);
    let offset = random.pick(&[0, 0x1000, 0x7000]);
    let (linear, physical) = (whole.linear + offset, whole.physical + offset);
    Operation::Fragment(Entry { linear, physical, size: PageSize::Size4K, ..whole })
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
    let pcid = random.pick(&[0, 0, 0, 1, 1, 2, 2, 0x801, 0x801, 3, 4, 5]);
    let no_flush = random.below(2) << 63;
    let reserved = if random.one_in(12) { random.pick(&[1 << 52, 1 << 61, 1 << 62, LAM]) } else { 0 };
    no_flush | reserved | (0x1000 * (1 + random.below(3))) | pcid
}

fn maybe_tagged(random: &mut Random) -> u64 {
    // With 57 translated bits the second tag keeps the address canonical.
    let tag = if random.one_in(10) { random.pick(&[1 << 60, 1 << 48]) } else { 0 };
    linear(random) ^ tag
}

fn invpcid(random: &mut Random) -> Operation {
    let kind = if random.one_in(12) { random.pick(&[4, 1 << 32]) } else { random.below(4) };
    let reserved = if random.one_in(12) { 1 << 12 } else { 0 };
    Operation::Invpcid { kind, low: random.pick(&[0, 1, 2, 0x801, 10]) | reserved, high: maybe_tagged(random) }
}

/// How an access was served.
#[derive(Default)]
pub(crate) struct Used {
    pub(crate) entry: Option<Entry>,
    /// Whether the tables were walked.
    pub(crate) walked: bool,
}

impl Observer for Used {
    fn tlb(&mut self, event: &TlbEvent) {
        match event {
            TlbEvent::Hit { entry, .. } => self.entry = Some(*entry),
            TlbEvent::Miss { .. } => self.walked = true,
            _ => {}
        }
    }
}

fn shift(size: PageSize) -> u32 {
    match size {
        PageSize::Size4K => 12,
        PageSize::Size2M => 21,
        PageSize::Size1G => 30,
    }
}

pub(crate) fn translation(entry: &Entry) -> manual::Translation {
    manual::Translation {
        pcid: entry.pcid,
        page: entry.linear,
        shift: shift(entry.size),
        mapped: shift(entry.page),
        frame: entry.physical,
        writable: entry.rights.writable,
        user: entry.rights.user,
        execute_disable: entry.rights.execute_disable,
        dirty: entry.dirty,
        global: entry.global,
    }
}

pub(crate) fn structure(entry: &StructureEntry) -> manual::Structure {
    manual::Structure {
        pcid: entry.pcid,
        region: entry.linear,
        shift: entry.level.shift(),
        table: entry.table,
        writable: entry.rights.writable,
        user: entry.rights.user,
        execute_disable: entry.rights.execute_disable,
    }
}

/// The visible result of an operation: the physical address or fault of an access, or the fault of another operation.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    Nothing,
    Physical(u64),
    PageFault(u32),
    Fault(manual::ControlFault),
    UnlawfulHit,
}

fn shown(result: Result<(), Fault>) -> Shown {
    use cr3_machine::Exception;
    match result {
        Ok(()) => Shown::Nothing,
        Err(fault) if fault.exception == Exception::InvalidOpcode => Shown::Fault(manual::ControlFault::InvalidOpcode),
        Err(_) => Shown::Fault(manual::ControlFault::GeneralProtection),
    }
}

pub(crate) fn on_machine(machine: &mut Machine, used: &mut Used, operation: Operation) -> Shown {
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
        Operation::Fragment(entry) => {
            machine.tlb.insert(entry);
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

pub(crate) fn on_model(model: &mut Model, supported_cr4: u64, used: &Used, operation: Operation) -> Shown {
    let fault = |result: Result<(), manual::ControlFault>| result.map_or_else(Shown::Fault, |()| Shown::Nothing);
    match operation {
        Operation::Access { linear, kind, by } => {
            match manual::access(model, linear, kind, by, used.entry.as_ref().map(translation)) {
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
        Operation::Fragment(entry) => {
            let new = translation(&entry);
            model.translations.retain(|old| (old.pcid, old.shift, old.page) != (new.pcid, new.shift, new.page));
            model.translations.insert(new);
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
pub(crate) fn difference(machine: &Machine, model: &Model) -> Option<String> {
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

/// A processor that usually has every feature.
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
        la57: !has(6),
        sev_es: false,
        physical_address_bits: PHYSICAL_ADDRESS_BITS,
    }
}

/// The bits of CR4 that CPUID allows: those every processor here has, then each by its feature.
pub(crate) fn supported_cr4(features: &CpuFeatures) -> u64 {
    let optional =
        [(features.pcid, 17), (features.smep, 20), (features.smap, 21), (features.lam, 28), (features.la57, 12)];
    optional.into_iter().filter(|(has, _)| *has).fold(1 << 16 | 0x7fc, |bits, (_, bit)| bits | 1 << bit)
}

fn processor(features: CpuFeatures, efer: u64) -> Cpu {
    let mut segments = [Segment::default(); 6];
    segments[SegmentRegister::Cs as usize].attributes = 0xa09b;
    Cpu {
        segments,
        cr0: CR0,
        cr3: 0x1000,
        cr4: CR4 | if features.pcid { PCIDE } else { 0 } | if features.la57 { LA57 } else { 0 },
        efer,
        features,
        ..blank_cpu()
    }
}

/// A machine with `tlb`, and the model of it.
pub(crate) fn pair(random: &mut Random, tlb: Tlb, stale_rights: StaleRights) -> (Machine, Model) {
    let reading = tlb.reading();
    let features = features(random);
    let efer = EFER | if random.one_in(4) { 0 } else { NXE };
    let cpu = processor(features, efer);
    let mut machine = Machine { cpu, memory: Memory::new(), tlb: tlb.with_stale_rights(stale_rights) };
    let controls = manual::Controls {
        cr0: CR0,
        cr3: 0x1000,
        cr4: machine.cpu.cr4,
        no_execute_enable: efer & NXE != 0,
        long_mode_active: true,
        long_code: true,
        alignment_check_flag: false,
        cpl: 0,
        has_pcid: features.pcid,
        has_invpcid: features.invpcid,
        has_lam: features.lam,
        physical_address_bits: u32::from(PHYSICAL_ADDRESS_BITS),
    };
    let reading = if reading == Reading::Min { manual::Reading::Min } else { manual::Reading::Max };
    let stale_rights = match stale_rights {
        StaleRights::WalkAgain => manual::StaleRights::WalkAgain,
        StaleRights::Fault => manual::StaleRights::Fault,
    };
    let mut model = Model { stale_rights, ..Model::new(controls, reading) };
    for table in 1..=TABLES {
        for index in [0, 1, 2, 3, 256, 511] {
            let (address, entry) = (0x1000 * table + 8 * index, entry(random));
            machine.memory.write_u64(address, entry);
            model.memory.insert(address, entry);
        }
    }
    (machine, model)
}
