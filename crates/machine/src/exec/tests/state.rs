//! Any state of the machine that software can bring about, and some that it cannot.

use crate::bits::{cr0, cr3, cr4, efer};
use crate::cpu::{CpuFeatures, ModelSpecific, Segment, SegmentRegister, Shadow};
use crate::event::debug::{DR6, DR6_FIXED, DR6_WRITABLE, DR7, DR7_FIXED, DR7_WRITABLE};
use crate::rflags::{FIXED, VM};
use crate::testbed::DEFINED;
use crate::testbed::{CODE, DATA, STACK, UNMAPPED, USER_CODE, USER_DATA, USER_STACK, machine};
use crate::tlb::geometry::{self, RedundantWrite};
use crate::tlb::{Geometry, Reading};
use crate::{Machine, Tlb, control};
use proptest::prelude::*;

/// What to put into the machine of the testbed.
#[derive(Clone, Debug)]
pub(crate) struct State {
    code: Vec<u8>,
    registers: Vec<u64>,
    rflags: u32,
    rip: Rip,
    cpl: u8,
    control: Control,
    system: System,
    segments: Vec<(u16, u32, u16)>,
    memory: Vec<Edit>,
    geometry: (u8, bool),
}

/// Where execution goes on.
#[derive(Clone, Copy, Debug)]
enum Rip {
    /// At the code, this many bytes before the end of its page.
    Code(Option<u8>),
    Anywhere(u64),
}

/// Sources of the control registers. The test removes what the processor would refuse.
#[derive(Clone, Debug)]
struct Control {
    features: u16,
    cr0: u32,
    cr3: Option<u64>,
    pcid: u64,
    cr4: u64,
    efer: u64,
}

#[derive(Clone, Debug)]
struct System {
    msr: Vec<u64>,
    debug: Vec<u64>,
    events: u16,
    tables: Option<(u64, u16)>,
}

/// A quadword of the tables in memory: paging structures, GDT, IDT, TSS, stack.
#[derive(Clone, Copy, Debug)]
struct Edit {
    table: u8,
    index: u16,
    value: Value,
}

#[derive(Clone, Copy, Debug)]
enum Value {
    Flip(u32),
    Is(u64),
}

pub(super) fn value() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => DATA..DATA + 0x7000,
        2 => USER_DATA..USER_DATA + 0x3000,
        1 => Just(UNMAPPED - 4),
        2 => 0u64..0x100,
        1 => any::<u64>(),
        1 => (0u32..64).prop_map(|bit| 1 << bit),
    ]
}

/// Bytes that often decode: prefixes, an opcode of either map, the rest at random.
pub(super) fn code() -> impl Strategy<Value = Vec<u8>> {
    let prefix = prop::sample::select(vec![0x66u8, 0x67, 0xf2, 0xf3, 0xf0, 0x64, 0x65, 0x36]);
    let rex = prop::option::of(0x40u8..0x50);
    let map = prop::sample::select(vec![&[][..], &[], &[0x0f], &[0x0f], &[0x0f, 0x38], &[0x0f, 0x01]]);
    let one = (prop::collection::vec(prefix, 0..2), rex, map, prop::collection::vec(any::<u8>(), 2..8))
        .prop_map(|(prefixes, rex, map, rest)| [prefixes, rex.into_iter().collect(), map.to_vec(), rest].concat());
    prop::collection::vec(one, 1..4).prop_map(|parts| parts.concat())
}

fn rip() -> impl Strategy<Value = Rip> {
    prop_oneof![
        12 => Just(Rip::Code(None)),
        2 => (0u8..16).prop_map(|before| Rip::Code(Some(before))),
        1 => any::<u64>().prop_map(Rip::Anywhere),
    ]
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let value = prop_oneof![
        6 => (0u32..64).prop_map(Value::Flip),
        1 => any::<u64>().prop_map(Value::Is),
        1 => (1u64..0x180).prop_map(|page| Value::Is(page << 12 | 7)),
        1 => value().prop_map(Value::Is),
    ];
    let one = (0u8..8, any::<u16>(), value).prop_map(|(table, index, value)| Edit { table, index, value });
    prop::collection::vec(one, 0..8)
}

fn control_registers() -> impl Strategy<Value = Control> {
    let cr3 = prop::option::weighted(0.1, any::<u64>());
    (any::<u16>(), any::<u32>(), cr3, any::<u64>(), any::<u64>(), any::<u64>())
        .prop_map(|(features, cr0, cr3, pcid, cr4, efer)| Control { features, cr0, cr3, pcid, cr4, efer })
}

fn system() -> impl Strategy<Value = System> {
    let often_none = prop_oneof![2 => Just(0u16), 3 => any::<u16>().prop_map(|bits| bits & 0x1fff), 1 => any::<u16>()];
    let tables = prop::option::weighted(0.1, (any::<u64>(), any::<u16>()));
    let debug = prop_oneof![2 => Just(vec![0; 6]), 1 => prop::collection::vec(prop_oneof![value(), Just(CODE)], 6)];
    (prop::collection::vec(prop_oneof![value(), any::<u64>()], 13), debug, often_none, tables)
        .prop_map(|(msr, debug, events, tables)| System { msr, debug, events, tables })
}

/// Any state, with any code.
pub(super) fn state() -> impl Strategy<Value = State> {
    state_with(code())
}

/// Any state that executes `code`.
pub(crate) fn state_with(code: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = State> {
    let registers = prop::collection::vec(value(), 16);
    let cpl = prop_oneof![4 => Just(0u8), 4 => Just(3u8), 1 => 1u8..3];
    let segments = prop::collection::vec(any::<(u16, u32, u16)>(), 6);
    let first = (code, registers, any::<u32>(), rip(), cpl);
    (first, control_registers(), system(), segments, edits(), (0u8..6, any::<bool>())).prop_map(
        |((code, registers, rflags, rip, cpl), control, system, segments, memory, geometry)| State {
            code,
            registers,
            rflags,
            rip,
            cpl,
            control,
            system,
            segments,
            memory,
            geometry,
        },
    )
}

fn canonical(address: u64) -> u64 {
    ((address << 16) as i64 >> 16) as u64
}

fn features(bits: u16) -> CpuFeatures {
    let has = |bit: u32| bits >> bit & 1 != 0;
    CpuFeatures {
        pcid: has(0),
        invpcid: has(1),
        fsgsbase: has(2),
        smep: has(3),
        smap: has(4),
        nx: has(5),
        umip: has(6),
        lam: has(7),
        la57: has(8) && has(9),
        sev_es: has(10),
        physical_address_bits: 36 + (bits >> 12) as u8,
    }
}

impl Control {
    fn apply(&self, machine: &mut Machine) {
        let cpu = &mut machine.cpu;
        cpu.features = features(self.features);
        let caching = if self.cr0 & 1 << 30 != 0 { cr0::NW | cr0::CD } else { 0 };
        let free = cr0::MP | cr0::EM | cr0::TS | cr0::NE | cr0::WP | cr0::AM | caching;
        cpu.cr0 = cr0::PE | cr0::PG | cr0::ET | u64::from(self.cr0) & free;
        // With five levels the tables of the testbed map nothing.
        let rarely = if self.efer & 0x7000 == 0 { 0 } else { cr4::LA57 };
        cpu.cr4 = self.cr4 & control::cr4_supported(cpu) & !rarely | cr4::PAE;
        let nxe = if cpu.features.nx { efer::NXE } else { 0 };
        cpu.efer = efer::LME | efer::LMA | self.efer & (efer::SCE | nxe);
        let lam = if cpu.features.lam { cr3::LAM } else { 0 };
        let legal = ((1 << cpu.features.physical_address_bits) - 1) | lam;
        cpu.cr3 = self.cr3.unwrap_or(cpu.cr3 | self.pcid & cr3::PCID) & legal;
        cpu.cr8 = self.pcid >> 12 & 0xf;
        cpu.cr2 = self.pcid;
    }
}

fn model_specific(from: &[u64]) -> ModelSpecific {
    ModelSpecific {
        star: from[0],
        lstar: canonical(from[1]),
        cstar: canonical(from[2]),
        fmask: from[3] & 0xffff_ffff,
        kernel_gs_base: canonical(from[4]),
        tsc_aux: from[5] & 0xffff_ffff,
        spec_ctrl: from[6] & 7,
        sysenter_cs: from[7] & 0xffff_ffff,
        sysenter_esp: canonical(from[8]),
        sysenter_eip: canonical(from[9]),
        mcg_status: from[10] & 3,
        debug_ctl: from[11] & 3,
        time_stamp: from[12],
    }
}

impl System {
    fn apply(&self, machine: &mut Machine) {
        let cpu = &mut machine.cpu;
        cpu.msr = model_specific(&self.msr);
        if self.debug != [0; 6] {
            cpu.debug.copy_from_slice(&self.debug);
            cpu.debug[DR6] = self.debug[DR6] & DR6_WRITABLE | DR6_FIXED;
            cpu.debug[DR7] = self.debug[DR7] & DR7_WRITABLE | DR7_FIXED;
        }
        let has = |bit: u32| self.events >> bit & 1 != 0;
        let events = &mut cpu.events;
        events.nmi_blocked = has(0);
        events.nmi_pending = has(1);
        events.machine_check_in_progress = has(2);
        events.shadow = [Shadow::None, Shadow::None, Shadow::Sti, Shadow::MovSs][usize::from(self.events >> 3 & 3)];
        events.debug_pending = if has(5) { u64::from(self.events) >> 6 & 0xf } else { 0 };
        events.halted = has(13) && has(14);
        events.shut_down = has(13) && has(15);
        if let Some((base, limit)) = self.tables {
            let table = if base & 1 == 0 { &mut cpu.gdtr } else { &mut cpu.idtr };
            table.limit = limit;
            if base & 2 == 0 {
                table.base = canonical(base);
            }
        }
    }
}

impl Edit {
    fn apply(&self, machine: &mut Machine) {
        let cpu = &machine.cpu;
        let paging = cpu.cr3;
        let (base, entries) = match self.table {
            0 => (paging, 2),
            1 => (paging + 0x1000, 2),
            2 => (paging + 0x2000, 2),
            3 | 4 => (paging + 0x3000, 0x180),
            5 => (cpu.gdtr.base, 10),
            6 => (cpu.idtr.base, 512),
            _ => (cpu.task.base, 14),
        };
        let address = (base + 8 * (u64::from(self.index) % entries)) & 0x000f_ffff_ffff_fff8;
        let old = machine.memory.read_u64(address);
        let new = match self.value {
            Value::Flip(bit) => old ^ 1 << bit,
            Value::Is(value) => value,
        };
        machine.memory.write_u64(address, new);
    }
}

/// CS and SS as CPL requires. The other segments, and the bases of FS and GS, can hold anything.
fn set_segments(machine: &mut Machine, cpl: u8, from: &[(u16, u32, u16)]) {
    let cpu = &mut machine.cpu;
    let level = u16::from(cpl);
    for (segment, &(selector, limit, attributes)) in cpu.segments.iter_mut().zip(from) {
        let base = canonical(u64::from(limit) << 32 | u64::from(attributes) << 16 | u64::from(selector));
        *segment = Segment { selector, base, limit, attributes: attributes & 0xf0ff };
    }
    let (code, stack) = if cpl == 3 { (0x30, 0x28) } else { (0x10, 0x18) };
    let long = if from[1].2.is_multiple_of(32) { 0x4000 } else { 0x2000 };
    let set = |selector, attributes| Segment { selector, base: 0, limit: u32::MAX, attributes };
    cpu.segments[SegmentRegister::Cs as usize] = set(code | level, 0x809b | long | level << 5);
    let null = cpl < 3 && from[2].2.is_multiple_of(8);
    cpu.segments[SegmentRegister::Ss as usize] =
        if null { Segment { selector: level, ..Segment::default() } } else { set(stack | level, 0xc093 | level << 5) };
    cpu.cpl = cpl;
}

impl State {
    /// The machine in this state.
    pub(crate) fn machine(&self) -> Machine {
        let mut machine = machine();
        let page = if self.cpl == 3 { USER_CODE } else { CODE };
        let rip = match self.rip {
            Rip::Code(None) => page,
            Rip::Code(Some(before)) => page + 0x1000 - u64::from(before),
            Rip::Anywhere(rip) => canonical(rip),
        };
        if matches!(self.rip, Rip::Code(_)) {
            machine.memory.write_bytes(rip, &self.code);
        }
        machine.cpu.rip = rip;
        machine.cpu.registers.copy_from_slice(&self.registers);
        if !self.registers[4].is_multiple_of(4) {
            machine.cpu.registers[4] = if self.cpl == 3 { USER_STACK } else { STACK } - 0x400;
        }
        machine.cpu.rflags = u64::from(self.rflags) & DEFINED & !VM | FIXED;
        self.memory.iter().for_each(|edit| edit.apply(&mut machine));
        set_segments(&mut machine, self.cpl, &self.segments);
        self.control.apply(&mut machine);
        self.system.apply(&mut machine);
        machine.tlb = self.tlb();
        machine
    }

    fn tlb(&self) -> Tlb {
        let reading = if self.geometry.1 { Reading::Max } else { Reading::Min };
        let geometry = match self.geometry.0 {
            0 => Geometry::Finite { hierarchy: &geometry::SKYLAKE, redundant_write: RedundantWrite::KeepsFirstLevel },
            1 => Geometry::Finite { hierarchy: &geometry::HASWELL, redundant_write: RedundantWrite::EmptiesFirstLevel },
            _ => Geometry::Architectural,
        };
        Tlb::with_geometry(geometry, reading)
    }
}
