//! A tiny machine for tests: four pages of code, stacks and tables, mapped once for the kernel and once for user mode.

use super::bits::{cr0, cr4, efer, entry};
use super::cpu::{Cpu, CpuFeatures, DescriptorTable, ModelSpecific, Register, Segment, SegmentRegister};
use super::rflags::{AC, DF, FIXED, ID, IF, IOPL, NT, RF, STATUS, TF, VIF, VIP, VM};
use super::{Machine, Memory, Tlb};

/// Every flag of RFLAGS that exists; the others read as zero.
pub(crate) const DEFINED: u64 = STATUS | FIXED | TF | IF | DF | IOPL | NT | RF | VM | AC | VIF | VIP | ID;

/// Kernel code: RIP of a new machine.
pub(crate) const CODE: u64 = 0x1_0000;
/// Kernel data, 8 pages.
pub(crate) const DATA: u64 = 0x2_0000;
/// Top of the kernel stack in use, 4 pages below it.
pub(crate) const STACK: u64 = 0x3_4000;
/// Top of the stack that the TSS names for level 0.
pub(crate) const STACK_0: u64 = 0x4_4000;
/// Top of IST stack `n` is `IST + n * 0x1000`.
pub(crate) const IST: u64 = 0x5_0000;
/// Handlers: vector `n` enters at `HANDLERS + 16 * n`, at a HLT.
pub(crate) const HANDLERS: u64 = 0x6_0000;
/// User code, 4 pages.
pub(crate) const USER_CODE: u64 = 0x10_0000;
/// User data and stack, 4 pages.
pub(crate) const USER_DATA: u64 = 0x11_0000;
/// Top of the user stack.
pub(crate) const USER_STACK: u64 = 0x11_4000;
/// Nothing is mapped here.
pub(crate) const UNMAPPED: u64 = 0x18_0000;

const GDT: u64 = 0x7000;
const IDT: u64 = 0x8000;
const TSS: u64 = 0x9000;
const TABLES: u64 = 0x100_0000;

pub(crate) const KERNEL_CS: u16 = 0x10;
pub(crate) const KERNEL_SS: u16 = 0x18;
pub(crate) const USER_SS: u16 = 0x2b;
pub(crate) const USER_CS: u16 = 0x33;
pub(crate) const TSS_SELECTOR: u16 = 0x40;

const FLAT: [(u16, u64); 6] = [
    (KERNEL_CS, 0x00af_9b00_0000_ffff),
    (KERNEL_SS, 0x00cf_9300_0000_ffff),
    (0x20, 0x00cf_fb00_0000_ffff),
    (USER_SS, 0x00cf_f300_0000_ffff),
    (USER_CS, 0x00af_fb00_0000_ffff),
    (TSS_SELECTOR, 0x0000_8b00_9000_0067),
];

/// A machine at CPL 0 with paging on and every gate an interrupt gate of DPL 3 without IST.
pub(crate) fn machine() -> Machine {
    let mut memory = Memory::new();
    map(&mut memory);
    for (selector, descriptor) in FLAT {
        memory.write_u64(GDT + u64::from(selector & !7), descriptor);
    }
    memory.write_u64(TSS + 4, STACK_0);
    for ist in 1..=7 {
        memory.write_u64(TSS + 0x1c + 8 * ist, IST + 0x1000 * ist);
    }
    let mut machine = Machine { cpu: cpu(), memory, tlb: Tlb::default() };
    for vector in 0..=255 {
        set_gate(&mut machine, vector, 0xe, 3, 0);
        machine.memory.write_u8(handler(vector), 0xf4);
    }
    machine
}

/// The handler of vector `n`.
pub(crate) fn handler(vector: u8) -> u64 {
    HANDLERS + 16 * u64::from(vector)
}

/// Writes a present gate of `kind` 0xe (interrupt) or 0xf (trap).
pub(crate) fn set_gate(machine: &mut Machine, vector: u8, kind: u64, privilege: u64, ist: u64) {
    let offset = handler(vector);
    let attributes = kind << 40 | privilege << 45 | 1 << 47 | ist << 32;
    let low = offset & 0xffff | u64::from(KERNEL_CS) << 16 | attributes | (offset >> 16 & 0xffff) << 48;
    let gate = IDT + 16 * u64::from(vector);
    machine.memory.write_u64(gate, low);
    machine.memory.write_u64(gate + 8, offset >> 32);
}

/// Physical address of the gate of `vector`.
pub(crate) fn gate(vector: u8) -> u64 {
    IDT + 16 * u64::from(vector)
}

/// Physical address of the page-table entry of a linear address below 2 MiB.
pub(crate) fn page_entry(linear: u64) -> u64 {
    TABLES + 0x3000 + (linear >> 12) * 8
}

/// Linear equals physical below 2 MiB; user pages from [`USER_CODE`] on, nothing from [`UNMAPPED`] on.
fn map(memory: &mut Memory) {
    const UPPER: u64 = entry::PRESENT | entry::WRITABLE | entry::USER;
    for level in 0..3 {
        memory.write_u64(TABLES + 0x1000 * level, (TABLES + 0x1000 * (level + 1)) | UPPER);
    }
    for page in 1..UNMAPPED >> 12 {
        let linear = page << 12;
        let user = if linear >= USER_CODE { entry::USER } else { 0 };
        let writable = if linear == GDT { 0 } else { entry::WRITABLE };
        memory.write_u64(page_entry(linear), linear | entry::PRESENT | writable | user);
    }
}

fn cpu() -> Cpu {
    let mut registers = [0; 16];
    registers[Register::Rsp as usize] = STACK;
    let mut segments = [Segment::default(); 6];
    segments[SegmentRegister::Cs as usize] = segment(KERNEL_CS, 0xa09b);
    segments[SegmentRegister::Ss as usize] = segment(KERNEL_SS, 0xc093);
    Cpu {
        registers,
        rip: CODE,
        segments,
        cr0: cr0::PE | cr0::MP | cr0::ET | cr0::NE | cr0::WP | cr0::AM | cr0::PG,
        cr3: TABLES,
        cr4: cr4::PAE | cr4::PGE | cr4::MCE | cr4::FSGSBASE,
        efer: efer::SCE | efer::LME | efer::LMA | efer::NXE,
        debug: [0, 0, 0, 0, 0xffff_0ff0, 0x400],
        msr: ModelSpecific {
            star: 0x0023_0010_0000_0000,
            lstar: CODE + 0x800,
            fmask: 0x4_7700,
            ..ModelSpecific::default()
        },
        gdtr: DescriptorTable { base: GDT, limit: 0x4f },
        idtr: DescriptorTable { base: IDT, limit: 0xfff },
        task: Segment { selector: TSS_SELECTOR, base: TSS, limit: 0x67, attributes: 0x8b },
        features: CpuFeatures { lam: false, la57: false, physical_address_bits: 46, ..CpuFeatures::ALL },
        ..Cpu::in_long_mode()
    }
}

fn segment(selector: u16, attributes: u16) -> Segment {
    Segment { selector, base: 0, limit: u32::MAX, attributes }
}

/// The machine with `code` at RIP.
pub(crate) fn with_code(code: &[u8]) -> Machine {
    let mut machine = machine();
    machine.memory.write_bytes(CODE, code);
    machine
}

/// The machine at CPL 3 with `code` at RIP.
pub(crate) fn with_user_code(code: &[u8]) -> Machine {
    let mut machine = machine();
    machine.memory.write_bytes(USER_CODE, code);
    to_user(&mut machine.cpu);
    machine
}

fn to_user(cpu: &mut Cpu) {
    cpu.segments[SegmentRegister::Cs as usize] = segment(USER_CS, 0xa0fb);
    cpu.segments[SegmentRegister::Ss as usize] = segment(USER_SS, 0xc0f3);
    cpu.cpl = 3;
    cpu.rip = USER_CODE;
    cpu.registers[Register::Rsp as usize] = USER_STACK;
}
