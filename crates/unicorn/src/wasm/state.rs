//! The structures of `csrc/engine.h`: 64-bit words at fixed places.

use crate::limits;
use crate::processor::{CpuState, Store, machine_check_status};
use cr3_core::machine::{Cpu, Segment};

/// `enum engine_end`.
pub(super) mod end {
    pub(in super::super) const SHUTDOWN: u64 = 2;
    pub(in super::super) const EXCEPTION: u64 = 3;
    pub(in super::super) const ERROR: u64 = 4;
}

/// Words of `struct engine_run`.
pub(super) const RUN_WORDS: usize = 8;

/// Words of `struct engine_store`.
pub(super) const STORE_WORDS: usize = 3;

/// `struct engine_run`.
pub(super) struct Run {
    pub(super) end: u64,
    pub(super) vector: u32,
    pub(super) error_code: u32,
    pub(super) software: bool,
    pub(super) error: u32,
    pub(super) address: u64,
}

impl Run {
    /// From the first of `words`.
    pub(super) fn of(words: &[u64]) -> Self {
        let word = |index: usize| words.get(index).copied().unwrap_or_default();
        Self {
            end: word(0),
            vector: word(3) as u32,
            error_code: word(4) as u32,
            software: word(5) != 0,
            error: word(6) as u32,
            address: word(7),
        }
    }
}

/// Whole `struct engine_store`s.
pub(super) fn stores(words: &[u64]) -> Vec<Store> {
    let store = |words: &[u64]| {
        let size = words[1].min(8) as u8;
        Store { physical: words[0], size, value: limits::truncate(words[2], size) }
    };
    words.chunks_exact(STORE_WORDS).map(store).collect()
}

/// Number of words.
pub(super) const WORDS: usize = 79;

pub(super) type Words = [u64; WORDS];

const RIP: usize = 16;
const RFLAGS: usize = 17;
const CR0: usize = 18;
const CR2: usize = 19;
const CR3: usize = 20;
const CR4: usize = 21;
const EFER: usize = 23;
const SEGMENTS: usize = 24;
const TASK: usize = 52;
const GDT: usize = 56;
const IDT: usize = 58;
const STAR: usize = 60;
const LSTAR: usize = 61;
const FMASK: usize = 63;
const KERNEL_GS_BASE: usize = 64;
const TSC_AUX: usize = 65;
const DEBUG: usize = 69;
const CPL: usize = 75;
const NMI_BLOCKED: usize = 76;
const MCG_STATUS: usize = 78;

/// Words of a segment register: selector, base, limit, attributes.
const SEGMENT: usize = 4;

/// The words of our machine's registers.
pub(super) fn of(cpu: &Cpu) -> Words {
    let mut words = [0; WORDS];
    words[..RIP].copy_from_slice(&cpu.registers);
    words[RIP] = cpu.rip;
    words[RFLAGS] = cpu.rflags;
    words[CR0] = cpu.cr0;
    words[CR2] = cpu.cr2;
    words[CR3] = cpu.cr3;
    words[CR4] = cpu.cr4;
    words[EFER] = cpu.efer;
    let places = words[SEGMENTS..].chunks_exact_mut(SEGMENT);
    for (place, register) in places.zip(&cpu.segments) {
        place.copy_from_slice(&segment(register));
    }
    words[TASK..TASK + SEGMENT].copy_from_slice(&segment(&cpu.task));
    for (place, table) in [(GDT, &cpu.gdtr), (IDT, &cpu.idtr)] {
        words[place] = table.base;
        words[place + 1] = table.limit.into();
    }
    words[STAR] = cpu.msr.star;
    words[LSTAR] = cpu.msr.lstar;
    words[FMASK] = cpu.msr.fmask;
    words[KERNEL_GS_BASE] = cpu.msr.kernel_gs_base;
    words[TSC_AUX] = cpu.msr.tsc_aux;
    for (place, value) in words[DEBUG..CPL].iter_mut().zip(cpu.debug) {
        *place = value;
    }
    words[CPL] = cpu.cpl.into();
    words[NMI_BLOCKED] = u64::from(cpu.events.nmi_blocked);
    words[MCG_STATUS] = machine_check_status(cpu);
    words
}

/// The compared part of the words.
pub(super) fn compared(words: &Words) -> CpuState {
    let segment = |index: usize, word: usize| words[SEGMENTS + SEGMENT * index + word];
    let mut registers = [0; RIP];
    registers.copy_from_slice(&words[..RIP]);
    CpuState {
        registers,
        rip: words[RIP],
        rflags: words[RFLAGS],
        selectors: [0, 1, 2, 3, 4, 5].map(|index| segment(index, 0) as u16),
        cpl: words[CPL] as u8,
        fs_base: segment(4, 1),
        gs_base: segment(5, 1),
        kernel_gs_base: words[KERNEL_GS_BASE],
        cr0: words[CR0],
        cr2: words[CR2],
        cr3: words[CR3],
        cr4: words[CR4],
        efer: words[EFER],
        star: words[STAR],
        lstar: words[LSTAR],
        fmask: words[FMASK],
        tsc_aux: words[TSC_AUX],
        mcg_status: words[MCG_STATUS],
        gdtr: (words[GDT], words[GDT + 1] as u16),
        idtr: (words[IDT], words[IDT + 1] as u16),
        task: words[TASK] as u16,
        nmi_blocked: words[NMI_BLOCKED] != 0,
    }
}

/// CR2.
pub(super) fn cr2(words: &Words) -> u64 {
    words[CR2]
}

fn segment(register: &Segment) -> [u64; SEGMENT] {
    let attributes = u64::from(register.attributes) << 8;
    [register.selector.into(), register.base, register.limit.into(), attributes]
}
