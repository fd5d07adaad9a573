//! A random instruction, and a random state that makes an effect likely.

use super::encoding::encode;
use super::image::{
    self, CODE, DIRECT, EDGES, Image, KERNEL_CS, KERNEL_DATA, KERNEL_DS, KERNEL_HUGE, USER_CODE, USER_CS, USER_DATA,
    USER_DS, USER_EDGES, USER_LARGE,
};
use cr3_core::lookup;
use cr3_core::machine::bits::{cr0, cr4, efer};
use cr3_core::machine::{Cpu, Machine, Register, SegmentRegister, rflags};
use cr3_testing::Random;
use iced_x86::{Code, Decoder, DecoderOptions, Instruction, Mnemonic, Register as Name};

/// Bytes of the code region that one case may use.
pub const SLOT: u64 = 32;

/// Slots in the code region.
pub const SLOTS: u64 = image::CODE_SIZE / SLOT;

/// One instruction and the processor before it.
#[derive(Clone, Debug)]
pub struct Case {
    /// The processor before the instruction.
    pub cpu: Cpu,
    /// The instruction's bytes.
    pub bytes: Vec<u8>,
    /// Physical address of the first byte.
    pub code: u64,
    /// Words to put on the stack before the instruction, from RSP upwards.
    pub frame: Vec<u64>,
}

impl Case {
    /// The case that `random` draws, with its code in `slot`.
    pub fn new(image: &Image, opcodes: &[Code], slot: u64, random: &mut Random) -> Self {
        let mut cpu = processor(image, random);
        let bytes = encoding(opcodes, random);
        let code = place(&mut cpu, slot, bytes.len() as u64, random);
        let instruction = Decoder::with_ip(64, &bytes, cpu.rip, DecoderOptions::NONE).decode();
        let frame = prepare(image, &mut cpu, &instruction, random);
        Self { cpu, bytes, code, frame }
    }

    /// The image with this case in it.
    pub fn machine(&self, image: &Image) -> Machine {
        let mut machine = image.machine.clone();
        machine.memory.write_bytes(self.code, &self.bytes);
        machine.cpu = self.cpu.clone();
        for (physical, value) in self.frame_words(&machine) {
            machine.memory.write_u64(physical, value);
        }
        machine
    }

    /// The words of the frame with their physical addresses, if they are mapped.
    pub fn frame_words(&self, machine: &Machine) -> Vec<(u64, u64)> {
        let stack = self.cpu.registers[Register::Rsp as usize];
        let words = (0..).zip(&self.frame).filter_map(|(slot, value)| {
            let linear = stack.wrapping_add(8 * slot);
            let physical = lookup::physical(&self.cpu, &machine.memory, linear)?;
            (linear & 0xfff <= 0xff8).then_some((physical, *value))
        });
        words.collect()
    }
}

/// A random encoding, which nearly always decodes.
fn encoding(opcodes: &[Code], random: &mut Random) -> Vec<u8> {
    loop {
        let bytes = encode(random.pick(opcodes), random);
        let decodes = !Decoder::new(64, &bytes, DecoderOptions::NONE).decode().is_invalid();
        if decodes || random.one_in(32) {
            return bytes;
        }
    }
}

/// Privilege, control registers, flags, segments and general registers.
fn processor(image: &Image, random: &mut Random) -> Cpu {
    let mut cpu = image.machine.cpu.clone();
    let flip = |random: &mut Random, mask: u64| random.bits() & mask;
    cpu.cr0 &= !if random.one_in(6) { cr0::WP } else { 0 };
    cpu.cr0 ^= flip(random, cr0::AM);
    cpu.cr0 |= if random.one_in(8) { cr0::TS } else { 0 };
    cpu.cr4 |= flip(random, cr4::SMEP | cr4::SMAP | cr4::FSGSBASE | cr4::PCIDE);
    cpu.cr4 &= !if random.one_in(4) { cr4::PGE } else { 0 };
    cpu.efer &= !if random.one_in(16) { efer::SCE } else { 0 };
    cpu.efer &= !if random.one_in(8) { efer::NXE } else { 0 };
    let pcid = if cpu.cr4 & cr4::PCIDE != 0 { random.below(4) } else { 0 };
    cpu.cr3 = random.pick(&image.roots) | pcid;
    cpu.cr2 = random.interesting();
    cpu.events.nmi_blocked = random.one_in(4);
    cpu.rflags = flags(random);
    cpu.cpl = random.pick(&[0, 3]);
    let selectors = match cpu.cpl {
        0 => [0, KERNEL_CS, random.pick(&[0, KERNEL_DS]), 0, 0, 0],
        _ => [USER_DS, USER_CS, USER_DS, USER_DS, 0, 0],
    };
    cpu.segments = selectors.map(image::segment);
    for register in [SegmentRegister::Fs, SegmentRegister::Gs] {
        cpu.segments[register as usize].base = random.pick(&[0, USER_DATA, KERNEL_DATA]);
    }
    cpu.msr.kernel_gs_base = target(random);
    for register in &mut cpu.registers {
        *register = if random.one_in(3) { target(random) } else { random.interesting() };
    }
    cpu.registers[Register::Rsp as usize] = stack(cpu.cpl, random);
    cpu
}

fn flags(random: &mut Random) -> u64 {
    let mut flags = rflags::FIXED | random.bits() & (rflags::STATUS | rflags::IF);
    let rare = [
        (4, rflags::DF),
        (4, rflags::AC),
        (8, rflags::ID),
        (8, rflags::IOPL),
        (24, rflags::TF),
        (32, rflags::NT),
        (32, rflags::RF),
    ];
    for (times, flag) in rare {
        flags |= if random.one_in(times) { flag } else { 0 };
    }
    flags
}

/// A linear address in or near something mapped.
fn target(random: &mut Random) -> u64 {
    let offset = match random.below(4) {
        0 => 0xfff - random.below(16),
        1 => random.below(0x1000),
        _ => random.below(0x200) * 8,
    };
    let page = random.below(12) * 0x1000;
    match random.below(24) {
        0 => random.interesting(),
        1 => 0x0000_8000_0000_0000u64.wrapping_sub(random.below(16)),
        2 => USER_LARGE + random.below(0x2000),
        3 => KERNEL_HUGE + 0x0010_0000 + page + offset,
        4..12 => KERNEL_DATA + page + offset,
        _ => USER_DATA + page + offset,
    }
}

/// A stack pointer, usually into a page that this privilege may write.
fn stack(cpl: u8, random: &mut Random) -> u64 {
    if random.one_in(8) {
        return target(random);
    }
    let base = if cpl == 0 { KERNEL_DATA + 0x2000 } else { USER_DATA };
    let alignment = if random.one_in(8) { 1 } else { 8 };
    base + 0x100 + random.below(0x1e00 / alignment) * alignment
}

/// Puts the code at RIP: in the slot, or at the end of its page with a page of another kind behind it.
fn place(cpu: &mut Cpu, slot: u64, length: u64, random: &mut Random) -> u64 {
    let offset = slot % SLOTS * SLOT;
    let at_end = (offset + SLOT) & 0xfff == 0;
    let user = cpu.cpl == 3;
    let offset = if at_end { offset + SLOT - 1 - random.below(length.max(1)) } else { offset + random.below(4) };
    cpu.rip = match (at_end && random.one_in(2), user) {
        (false, true) => USER_CODE + offset,
        (false, false) => DIRECT + CODE + offset,
        (true, _) => {
            let base = if user { USER_EDGES } else { EDGES };
            image::edge(base, offset >> 12) + (offset & 0xfff)
        }
    };
    CODE + offset
}

/// Makes registers and stack fit the instruction. Returns the words to put on the stack.
fn prepare(image: &Image, cpu: &mut Cpu, instruction: &Instruction, random: &mut Random) -> Vec<u64> {
    aim(cpu, instruction, random);
    let set = |cpu: &mut Cpu, register: Register, value: u64| cpu.registers[register as usize] = value;
    match instruction.mnemonic() {
        Mnemonic::Bt | Mnemonic::Bts | Mnemonic::Btr | Mnemonic::Btc => near_bit(cpu, instruction, random),
        Mnemonic::Wrmsr | Mnemonic::Rdmsr => {
            set(cpu, Register::Rcx, random.pick(&MODEL_SPECIFIC));
            let value = target(random);
            set(cpu, Register::Rax, if random.one_in(4) { random.bits() } else { value & 0xffff_ffff });
            set(cpu, Register::Rdx, if random.one_in(4) { random.bits() } else { value >> 32 });
        }
        Mnemonic::Mov if matches!(instruction.code(), Code::Mov_cr_r64) => control(image, cpu, instruction, random),
        Mnemonic::Sysretq => {
            set(cpu, Register::Rcx, if random.one_in(8) { random.interesting() } else { USER_CODE });
            set(cpu, Register::R11, flags(random) | random.interesting());
        }
        Mnemonic::Iretq => return return_frame(random),
        Mnemonic::Popfq | Mnemonic::Popf => return vec![flags(random) ^ random.interesting() & 0x3f_ffff],
        Mnemonic::Ret => return vec![branch_target(random)],
        Mnemonic::Call | Mnemonic::Jmp => {
            if let Some(register) = general(instruction.op0_register()) {
                cpu.registers[register] = branch_target(random);
            }
        }
        Mnemonic::Lsl | Mnemonic::Lar | Mnemonic::Verr | Mnemonic::Verw => {
            for name in [instruction.op0_register(), instruction.op1_register()] {
                if let Some(register) = general(name) {
                    cpu.registers[register] = selector(random);
                }
            }
        }
        _ if instruction.is_string_instruction() => {
            set(cpu, Register::Rsi, target(random));
            set(cpu, Register::Rdi, target(random));
            let count = if random.one_in(16) { random.below(0x300) } else { random.below(6) };
            set(cpu, Register::Rcx, count);
        }
        _ => {}
    }
    Vec::new()
}

/// Model-specific registers to try: those of entry code, and one that does not exist.
const MODEL_SPECIFIC: [u64; 9] = [
    0xc000_0080,
    0xc000_0081,
    0xc000_0082,
    0xc000_0084,
    0xc000_0100,
    0xc000_0101,
    0xc000_0102,
    0xc000_0103,
    0x1234_5678,
];

fn selector(random: &mut Random) -> u64 {
    if random.one_in(6) { random.bits() } else { random.below(16) * 8 + random.below(4) }
}

fn branch_target(random: &mut Random) -> u64 {
    match random.below(4) {
        0 => target(random),
        1 => USER_CODE + random.below(0x1000),
        2 => DIRECT + CODE + random.below(0x1000),
        _ => random.interesting(),
    }
}

/// The frame that IRETQ pops: RIP, CS, RFLAGS, RSP, SS.
fn return_frame(random: &mut Random) -> Vec<u64> {
    let user = random.one_in(2);
    let pick = |random: &mut Random, good: u16| if random.one_in(12) { selector(random) } else { good.into() };
    let (code, stack_segment) = if user { (USER_CS, USER_DS) } else { (KERNEL_CS, random.pick(&[KERNEL_DS, 0])) };
    let rip = if random.one_in(8) { branch_target(random) } else { USER_CODE };
    let stack = if random.one_in(8) { random.interesting() } else { target(random) };
    vec![rip, pick(random, code), flags(random) ^ random.interesting() & 0x3f_ffff, stack, pick(random, stack_segment)]
}

/// Gives a MOV to a control register a source that it is likely to accept.
fn control(image: &Image, cpu: &mut Cpu, instruction: &Instruction, random: &mut Random) {
    let Some(source) = general(instruction.op1_register()) else { return };
    let bit = 1u64 << random.below(22);
    let value = match instruction.op0_register() {
        Name::CR0 => cpu.cr0 ^ random.pick(&[0, cr0::WP, cr0::AM, cr0::TS, cr0::MP, bit]),
        Name::CR3 => {
            let pcid = if random.one_in(2) { random.below(0x1000) } else { 0 };
            random.pick(&image.roots) | pcid | random.pick(&[0, 0, 1 << 63, 1 << 52])
        }
        Name::CR4 => cpu.cr4 ^ random.pick(&[0, cr4::SMEP, cr4::SMAP, cr4::PGE, cr4::FSGSBASE, cr4::PCIDE, bit]),
        Name::CR8 => random.below(16),
        _ => random.interesting(),
    };
    cpu.registers[source] = if random.one_in(10) { random.interesting() } else { value };
}

/// Keeps the bit offset in a register small enough for the bit string to be mapped.
fn near_bit(cpu: &mut Cpu, instruction: &Instruction, random: &mut Random) {
    if let Some(register) = general(instruction.op1_register()) {
        let used = [instruction.memory_base(), instruction.memory_index()];
        if !used.iter().any(|name| general(*name) == Some(register)) && !random.one_in(8) {
            cpu.registers[register] = random.below(0x8000).wrapping_sub(0x4000);
        }
    }
}

/// The encoding of a general register under any of its names.
fn general(name: Name) -> Option<usize> {
    name.is_gpr().then(|| name.full_register().number())
}

/// Changes the base or index register so that the memory operand lies at a [`target`].
fn aim(cpu: &mut Cpu, instruction: &Instruction, random: &mut Random) {
    let memory = instruction.op_kinds().any(|kind| kind == iced_x86::OpKind::Memory);
    if !memory || random.one_in(20) {
        return;
    }
    let segment = match instruction.segment_prefix() {
        Name::FS => cpu.segments[SegmentRegister::Fs as usize].base,
        Name::GS => cpu.segments[SegmentRegister::Gs as usize].base,
        _ => 0,
    };
    let (base, index) = (general(instruction.memory_base()), general(instruction.memory_index()));
    let scale = u64::from(instruction.memory_index_scale());
    let wanted = target(random).wrapping_sub(segment).wrapping_sub(instruction.memory_displacement64());
    match (base, index) {
        (Some(base), Some(index)) if base != index => {
            cpu.registers[base] = wanted.wrapping_sub(cpu.registers[index].wrapping_mul(scale));
        }
        (Some(base), None) => cpu.registers[base] = wanted,
        (None, Some(index)) => cpu.registers[index] = wanted.wrapping_div(scale.max(1)),
        _ => {}
    }
}
