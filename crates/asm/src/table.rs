//! The instructions: one row per encoding, in the order in which GNU `as` prefers them.
//!
//! Opcodes are those of SDM volume 2. Operands are in AT&T order, source first. A mnemonic is looked up as it is
//! written, or without its last letter if that names a width the row takes.

use super::register::Width;

/// What an operand must be. "The width" is the one the suffix or the registers give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// General-purpose register of the width, in ModRM.reg or the opcode.
    Reg,
    /// General-purpose register of the width or memory.
    Rm,
    /// The same, with a width of its own.
    RmOf(Width),
    RegOf(Width),
    /// Memory only.
    Mem,
    /// A register in ModRM.rm, of the width.
    RegRm,
    /// AL, AX, EAX or RAX by the width; not encoded.
    Acc,
    /// EAX with EAX: both operands of this row are the accumulator, and both are encoded.
    AccReg,
    AccRm,
    Cl,
    Dx,
    /// `(%dx)` as in `in (%dx), %al`.
    DxAddress,
    /// `$1`; not encoded.
    One,
    /// `$3`; not encoded.
    Three,
    /// Immediate of 8 bits.
    Imm8,
    /// Immediate of 8 bits, sign-extended to the width.
    Imm8Signed,
    Imm16,
    /// Immediate of the width; of 64 bits, sign-extended from 32.
    Imm,
    /// Immediate of 64 bits that does not fit in 32.
    ImmWide,
    /// Immediate of 64 bits, whatever its value.
    Imm64,
    /// Immediate of 32 bits, sign-extended (`push`).
    Imm32,
    SegmentRegister,
    FsOrGs,
    ControlRegister,
    DebugRegister,
    /// Absolute address of 64 bits (`movabs`).
    Offset64,
    /// `*` with a register of 64 bits or memory.
    Indirect,
    /// `*` with memory.
    IndirectMem,
    /// A code address with a short and a long form.
    Target,
    /// A code address with 32 bits of displacement.
    Target32,
    /// A code address with 8 bits of displacement.
    Target8,
    /// The operands of string instructions: (%rsi) in any segment, (%rdi) in ES.
    Source,
    Destination,
}

/// One encoding of one mnemonic.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) widths: &'static [Width],
    /// Opcode bytes with 0F escapes, first byte in the highest place.
    pub(super) opcode: u32,
    pub(super) how: How,
    pub(super) operands: &'static [Kind],
}

impl Row {
    /// Whether the mnemonic may end in the letter of `width`.
    pub(super) fn takes_suffix(&self, width: Width) -> bool {
        !self.how.bare && self.widths.contains(&width)
    }
}

/// How the opcode is completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct How {
    /// The opcode's lowest bit is clear for bytes.
    pub(super) byte_bit: bool,
    pub(super) modrm: Modrm,
    pub(super) prefix: Option<u8>,
    pub(super) wide: Wide,
    /// Width if neither suffix nor registers give one.
    pub(super) default: Option<Width>,
    /// Whether the condition code is added to the opcode.
    pub(super) condition: bool,
    /// Whether GNU `as` accepts no suffix, although the operands have a width.
    pub(super) bare: bool,
}

/// A row with the width and condition chosen for it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Choice {
    pub(super) row: &'static Row,
    pub(super) width: Option<Width>,
    pub(super) condition: u8,
    /// Whether nothing in the text gives the width.
    pub(super) guessed: bool,
}

impl Choice {
    pub(super) fn opcode(&self) -> u32 {
        let how = self.row.how;
        let by_width = how.byte_bit && self.width.is_some_and(|width| width != Width::B);
        let byte_form = self.row.opcode;
        byte_form + u32::from(by_width) + if how.condition { u32::from(self.condition) } else { 0 }
    }

    pub(super) fn needs_rex_w(&self) -> bool {
        match self.row.how.wide {
            Wide::Both => self.width == Some(Width::Q),
            Wide::Always => true,
            Wide::Only16 | Wide::Neither => false,
        }
    }

    pub(super) fn needs_66(&self) -> bool {
        let by_width = matches!(self.row.how.wide, Wide::Both | Wide::Only16);
        by_width && self.width == Some(Width::W)
    }
}

/// Which part of ModRM the opcode needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Modrm {
    None,
    /// Register operand in reg.
    Register,
    /// This digit in reg.
    Digit(u8),
    /// No ModRM: the register's number is added to the opcode.
    Opcode,
    /// Bits 5:3 of the opcode hold the segment register's number.
    OpcodeSegment,
    /// `imul $i, %r`: the register is both reg and rm.
    Twice,
}

/// The prefixes for a width of 16 or 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wide {
    /// 66 for 16 bits, REX.W for 64.
    Both,
    /// 66 for 16 bits. 64 bits is the default.
    Only16,
    /// Nothing.
    Neither,
    /// REX.W always.
    Always,
}

impl How {
    const fn byte_bit(self) -> Self {
        Self { byte_bit: true, ..self }
    }
    const fn prefix(self, prefix: u8) -> Self {
        Self { prefix: Some(prefix), ..self }
    }
    const fn wide(self, wide: Wide) -> Self {
        Self { wide, ..self }
    }
    const fn default(self, width: Width) -> Self {
        Self { default: Some(width), ..self }
    }
    const fn bare(self) -> Self {
        Self { bare: true, ..self }
    }
    const fn condition(self) -> Self {
        Self { condition: true, ..self }
    }
}

const fn how(modrm: Modrm) -> How {
    How {
        byte_bit: false,
        modrm,
        prefix: None,
        wide: Wide::Both,
        default: None,
        condition: false,
        bare: false,
    }
}

/// ModRM with a register.
const R: How = how(Modrm::Register);
/// No ModRM.
const N: How = how(Modrm::None);
/// Register in the opcode.
const O: How = how(Modrm::Opcode);
/// No ModRM and no prefix for the width.
const PLAIN: How = N.wide(Wide::Neither);

const fn digit(digit: u8) -> How {
    how(Modrm::Digit(digit))
}

const fn row(
    name: &'static str,
    widths: &'static [Width],
    opcode: u32,
    how: How,
    operands: &'static [Kind],
) -> Row {
    Row {
        name,
        widths,
        opcode,
        how,
        operands,
    }
}

use Kind::{
    Acc, AccReg, AccRm, Cl, ControlRegister, DebugRegister, Destination, Dx, DxAddress, FsOrGs, Imm, Imm8,
    Imm8Signed, Imm16, Imm32, Imm64, ImmWide, Indirect, IndirectMem, Mem, Offset64, One, Reg,
    RegOf, RegRm, Rm, RmOf, SegmentRegister, Source, Target, Target8, Target32, Three,
};
use Width::{B, L, Q, W};

const ANY: &[Width] = &[B, W, L, Q];
const WLQ: &[Width] = &[W, L, Q];
const LQ: &[Width] = &[L, Q];
const WQ: &[Width] = &[W, Q];
const NO: &[Width] = &[];

/// `add` and its seven relatives (SDM vol. 2, table A-2): opcodes `8 * n` and `83 /n`, `81 /n`.
const fn arithmetic(name: &'static str, n: u8) -> [Row; 5] {
    let base = 8 * n as u32;
    [
        row(name, ANY, base, R.byte_bit(), &[Reg, Rm]),
        row(name, ANY, base + 2, R.byte_bit(), &[Rm, Reg]),
        row(name, WLQ, 0x83, digit(n), &[Imm8Signed, Rm]),
        row(name, ANY, base + 4, N.byte_bit(), &[Imm, Acc]),
        row(name, ANY, 0x80, digit(n).byte_bit(), &[Imm, Rm]),
    ]
}

const fn shift(name: &'static str, n: u8) -> [Row; 4] {
    [
        row(name, ANY, 0xD0, digit(n).byte_bit(), &[One, Rm]),
        row(name, ANY, 0xC0, digit(n).byte_bit(), &[Imm8, Rm]),
        row(name, ANY, 0xD2, digit(n).byte_bit(), &[Cl, Rm]),
        row(name, ANY, 0xD0, digit(n).byte_bit(), &[Rm]),
    ]
}

const fn double_shift(name: &'static str, opcode: u32) -> [Row; 3] {
    [
        row(name, WLQ, opcode, R, &[Imm8, Reg, Rm]),
        row(name, WLQ, opcode + 1, R, &[Cl, Reg, Rm]),
        row(name, WLQ, opcode + 1, R, &[Reg, Rm]),
    ]
}

const fn unary(name: &'static str, opcode: u32, n: u8) -> [Row; 1] {
    [row(name, ANY, opcode, digit(n).byte_bit(), &[Rm])]
}

const fn bit_test(name: &'static str, n: u8) -> [Row; 2] {
    [
        row(name, WLQ, 0x0F83 + 8 * n as u32, R, &[Reg, Rm]),
        row(name, WLQ, 0x0FBA, digit(n), &[Imm8, Rm]),
    ]
}

/// `div %rbx` and `div %rbx, %rax`.
const fn by_accumulator(name: &'static str, n: u8) -> [Row; 2] {
    [
        row(name, ANY, 0xF6, digit(n).byte_bit(), &[Rm]),
        row(name, ANY, 0xF6, digit(n).byte_bit(), &[Rm, Acc]),
    ]
}

/// A selector stored into a register of any width or 16 bits of memory.
const fn store_selector(name: &'static str, opcode: u32, n: u8) -> [Row; 3] {
    [
        row(name, &[W], opcode, digit(n), &[RegRm]),
        row(name, LQ, opcode, digit(n).wide(Wide::Neither), &[RegRm]),
        row(name, &[W], opcode, digit(n).wide(Wide::Neither).default(W), &[Mem]),
    ]
}

const SMSW: &[Row] = &[
    row("smsw", WLQ, 0x0F01, digit(4), &[RegRm]),
    row("smsw", &[W], 0x0F01, digit(4).wide(Wide::Neither).default(W), &[Mem]),
];

const fn selector(name: &'static str, opcode: u32, n: u8) -> [Row; 1] {
    [row(name, &[W], opcode, digit(n).wide(Wide::Neither).default(W), &[RmOf(W)])]
}

const fn segment_limit(name: &'static str, opcode: u32) -> [Row; 2] {
    [
        row(name, WLQ, opcode, R, &[Rm, Reg]),
        row(name, WLQ, opcode, R, &[RmOf(W), Reg]),
    ]
}

const fn memory(name: &'static str, opcode: u32, n: u8) -> [Row; 1] {
    [row(name, NO, opcode, digit(n).wide(Wide::Neither), &[Mem])]
}

/// An instruction without operands.
const fn alone(name: &'static str, opcode: u32) -> Row {
    row(name, NO, opcode, PLAIN, &[])
}

const fn alone_with(name: &'static str, prefix: u8, opcode: u32) -> Row {
    row(name, NO, opcode, PLAIN.prefix(prefix), &[])
}

const DATA: &[Row] = &[
    row("mov", ANY, 0x88, R.byte_bit(), &[Reg, Rm]),
    row("mov", ANY, 0x8A, R.byte_bit(), &[Rm, Reg]),
    row("mov", &[B], 0xB0, O, &[Imm, Reg]),
    row("mov", &[W, L], 0xB8, O, &[Imm, Reg]),
    row("mov", ANY, 0xC6, digit(0).byte_bit(), &[Imm, Rm]),
    row("mov", &[Q], 0xB8, O, &[ImmWide, Reg]),
    row("mov", &[W], 0x8C, R, &[SegmentRegister, RegRm]),
    row("mov", LQ, 0x8C, R.wide(Wide::Neither), &[SegmentRegister, RegRm]),
    row("mov", &[W], 0x8C, R.wide(Wide::Neither).default(W), &[SegmentRegister, Mem]),
    row("mov", WLQ, 0x8E, R.wide(Wide::Neither), &[RegRm, SegmentRegister]),
    row("mov", &[W], 0x8E, R.wide(Wide::Neither).default(W), &[Mem, SegmentRegister]),
    row("mov", &[Q], 0x0F20, R.wide(Wide::Neither), &[ControlRegister, RegRm]),
    row("mov", &[Q], 0x0F22, R.wide(Wide::Neither), &[RegRm, ControlRegister]),
    row("mov", &[Q], 0x0F21, R.wide(Wide::Neither), &[DebugRegister, RegRm]),
    row("mov", &[Q], 0x0F23, R.wide(Wide::Neither), &[RegRm, DebugRegister]),
    row("mov", ANY, 0xA0, N.byte_bit(), &[Offset64, Acc]),
    row("mov", ANY, 0xA2, N.byte_bit(), &[Acc, Offset64]),
    row("movabs", ANY, 0xA0, N.byte_bit(), &[Offset64, Acc]),
    row("movabs", ANY, 0xA2, N.byte_bit(), &[Acc, Offset64]),
    row("movabs", &[Q], 0xB8, O, &[Imm64, Reg]),
    row("movzb", WLQ, 0x0FB6, R, &[RmOf(B), Reg]),
    row("movzw", LQ, 0x0FB7, R, &[RmOf(W), Reg]),
    row("movsb", WLQ, 0x0FBE, R, &[RmOf(B), Reg]),
    row("movsw", LQ, 0x0FBF, R, &[RmOf(W), Reg]),
    row("movsl", &[Q], 0x63, R, &[RmOf(L), Reg]),
    row("movzx", WLQ, 0x0FB6, R.bare(), &[RmOf(B), Reg]),
    row("movzx", WLQ, 0x0FB7, R.bare(), &[RmOf(W), Reg]),
    row("movsx", WLQ, 0x0FBE, R.bare(), &[RmOf(B), Reg]),
    row("movsx", WLQ, 0x0FBF, R.bare(), &[RmOf(W), Reg]),
    row("movsx", LQ, 0x63, R.bare(), &[RmOf(L), Reg]),
    // Here the suffix is the width of the source.
    row("movzxb", WLQ, 0x0FB6, R.bare(), &[RmOf(B), Reg]),
    row("movzxw", WLQ, 0x0FB7, R.bare(), &[RmOf(W), Reg]),
    row("movsxb", WLQ, 0x0FBE, R.bare(), &[RmOf(B), Reg]),
    row("movsxw", WLQ, 0x0FBF, R.bare(), &[RmOf(W), Reg]),
    row("movsxl", LQ, 0x63, R.bare(), &[RmOf(L), Reg]),
    row("movsxd", WLQ, 0x63, R.bare(), &[RmOf(L), Reg]),
    row("movnti", LQ, 0x0FC3, R, &[Reg, Mem]),
    row("movbe", WLQ, 0x0F38F0, R, &[Mem, Reg]),
    row("movbe", WLQ, 0x0F38F1, R, &[Reg, Mem]),
    row("lea", WLQ, 0x8D, R, &[Mem, Reg]),
    // `xchg %eax,%eax` clears the upper half of RAX, which 90 does not; with RAX it is a no-operation, and 90 does.
    row("xchg", &[L], 0x87, R, &[AccReg, AccRm]),
    row("xchg", &[Q], 0x90, N.wide(Wide::Neither), &[Acc, Acc]),
    row("xchg", WLQ, 0x90, O, &[Reg, Acc]),
    row("xchg", WLQ, 0x90, O, &[Acc, Reg]),
    row("xchg", ANY, 0x86, R.byte_bit(), &[Reg, Rm]),
    row("xchg", ANY, 0x86, R.byte_bit(), &[Rm, Reg]),
    row("cmpxchg", ANY, 0x0FB0, R.byte_bit(), &[Reg, Rm]),
    row("xadd", ANY, 0x0FC0, R.byte_bit(), &[Reg, Rm]),
    row("cmpxchg8b", &[Q], 0x0FC7, digit(1).wide(Wide::Neither).default(Q), &[Mem]),
    row("cmpxchg16b", NO, 0x0FC7, digit(1).wide(Wide::Always), &[Mem]),
    row("bswap", LQ, 0x0FC8, O, &[Reg]),
    row("cmov", WLQ, 0x0F40, R.condition(), &[Rm, Reg]),
    row("set", &[B], 0x0F90, digit(0).condition().default(B), &[Rm]),
];

const STACK: &[Row] = &[
    row("push", WQ, 0x50, O.wide(Wide::Only16), &[Reg]),
    row("push", WQ, 0x6A, N.wide(Wide::Only16).default(Q), &[Imm8Signed]),
    row("push", &[Q], 0x68, N.wide(Wide::Only16).default(Q), &[Imm32]),
    row("push", &[W], 0x68, N.wide(Wide::Only16), &[Imm16]),
    row("push", WQ, 0xFF, digit(6).wide(Wide::Only16).default(Q), &[Rm]),
    row("push", WQ, 0x0F80, how(Modrm::OpcodeSegment).wide(Wide::Only16).default(Q), &[FsOrGs]),
    row("pop", WQ, 0x58, O.wide(Wide::Only16), &[Reg]),
    row("pop", WQ, 0x8F, digit(0).wide(Wide::Only16).default(Q), &[Rm]),
    row("pop", WQ, 0x0F81, how(Modrm::OpcodeSegment).wide(Wide::Only16).default(Q), &[FsOrGs]),
    row("pushf", WQ, 0x9C, N.wide(Wide::Only16).default(Q), &[]),
    row("popf", WQ, 0x9D, N.wide(Wide::Only16).default(Q), &[]),
    row("enter", WQ, 0xC8, N.wide(Wide::Only16).default(Q), &[Imm16, Imm8]),
    row("leave", WQ, 0xC9, N.wide(Wide::Only16).default(Q), &[]),
];

const ALU: &[Row] = &[
    row("test", ANY, 0x84, R.byte_bit(), &[Reg, Rm]),
    row("test", ANY, 0x84, R.byte_bit(), &[Rm, Reg]),
    row("test", ANY, 0xA8, N.byte_bit(), &[Imm, Acc]),
    row("test", ANY, 0xF6, digit(0).byte_bit(), &[Imm, Rm]),
    row("imul", ANY, 0xF6, digit(5).byte_bit(), &[Rm]),
    row("imul", WLQ, 0x0FAF, R, &[Rm, Reg]),
    row("imul", WLQ, 0x6B, R, &[Imm8Signed, Rm, Reg]),
    row("imul", WLQ, 0x69, R, &[Imm, Rm, Reg]),
    row("imul", WLQ, 0x6B, how(Modrm::Twice), &[Imm8Signed, Reg]),
    row("imul", WLQ, 0x69, how(Modrm::Twice), &[Imm, Reg]),
    row("bsf", WLQ, 0x0FBC, R, &[Rm, Reg]),
    row("bsr", WLQ, 0x0FBD, R, &[Rm, Reg]),
    row("tzcnt", WLQ, 0x0FBC, R.prefix(0xF3), &[Rm, Reg]),
    row("lzcnt", WLQ, 0x0FBD, R.prefix(0xF3), &[Rm, Reg]),
    row("popcnt", WLQ, 0x0FB8, R.prefix(0xF3), &[Rm, Reg]),
    row("adcx", LQ, 0x0F38F6, R.prefix(0x66), &[Rm, Reg]),
    row("adox", LQ, 0x0F38F6, R.prefix(0xF3), &[Rm, Reg]),
    alone("clc", 0xF8),
    alone("stc", 0xF9),
    alone("cmc", 0xF5),
    alone("cld", 0xFC),
    alone("std", 0xFD),
    alone("lahf", 0x9F),
    alone("sahf", 0x9E),
    row("cbtw", NO, 0x98, PLAIN.prefix(0x66), &[]),
    row("cbw", NO, 0x98, PLAIN.prefix(0x66), &[]),
    alone("cwtl", 0x98),
    alone("cwde", 0x98),
    row("cltq", NO, 0x98, N.wide(Wide::Always), &[]),
    row("cdqe", NO, 0x98, N.wide(Wide::Always), &[]),
    row("cwtd", NO, 0x99, PLAIN.prefix(0x66), &[]),
    row("cwd", NO, 0x99, PLAIN.prefix(0x66), &[]),
    alone("cltd", 0x99),
    alone("cdq", 0x99),
    row("cqto", NO, 0x99, N.wide(Wide::Always), &[]),
    row("cqo", NO, 0x99, N.wide(Wide::Always), &[]),
];

const FLOW: &[Row] = &[
    row("jmp", NO, 0xEB, PLAIN, &[Target]),
    row("jmp", WQ, 0xFF, digit(4).wide(Wide::Only16).default(Q), &[Indirect]),
    row("j", NO, 0x70, PLAIN.condition(), &[Target]),
    row("call", &[Q], 0xE8, PLAIN.default(Q), &[Target32]),
    row("call", WQ, 0xFF, digit(2).wide(Wide::Only16).default(Q), &[Indirect]),
    row("ret", WQ, 0xC3, N.wide(Wide::Only16).default(Q), &[]),
    row("ret", WQ, 0xC2, N.wide(Wide::Only16).default(Q), &[Imm16]),
    row("lret", WLQ, 0xCB, N.default(L), &[]),
    row("lret", WLQ, 0xCA, N.default(L), &[Imm16]),
    row("ljmp", &[W, L], 0xFF, digit(5).default(L), &[IndirectMem]),
    row("lcall", &[W, L], 0xFF, digit(3).default(L), &[IndirectMem]),
    row("iret", WLQ, 0xCF, N.default(L), &[]),
    row("loop", &[Q], 0xE2, PLAIN.default(Q), &[Target8]),
    row("loope", &[Q], 0xE1, PLAIN.default(Q), &[Target8]),
    row("loopz", &[Q], 0xE1, PLAIN.default(Q), &[Target8]),
    row("loopne", &[Q], 0xE0, PLAIN.default(Q), &[Target8]),
    row("loopnz", &[Q], 0xE0, PLAIN.default(Q), &[Target8]),
    row("jrcxz", NO, 0xE3, PLAIN, &[Target8]),
    row("jecxz", NO, 0xE3, PLAIN.prefix(0x67), &[Target8]),
    row("int", NO, 0xCC, PLAIN, &[Three]),
    row("int", NO, 0xCD, PLAIN, &[Imm8]),
    alone("int3", 0xCC),
    alone("int1", 0xF1),
    alone("ud2", 0x0F0B),
    alone("ud2a", 0x0F0B),
    row("ud1", WLQ, 0x0FB9, R, &[Rm, Reg]),
    row("ud2b", WLQ, 0x0FB9, R, &[Rm, Reg]),
    row("ud0", WLQ, 0x0FFF, R, &[Rm, Reg]),
    alone("nop", 0x90),
    row("nop", WLQ, 0x0F1F, digit(0), &[Rm]),
    alone_with("pause", 0xF3, 0x90),
    alone_with("endbr64", 0xF3, 0x0F1EFA),
    alone_with("endbr32", 0xF3, 0x0F1EFB),
    alone("hlt", 0xF4),
    alone("syscall", 0x0F05),
    alone("sysenter", 0x0F34),
    row("sysret", LQ, 0x0F07, N.default(L), &[]),
    row("sysexit", LQ, 0x0F35, N.default(L), &[]),
];

const SYSTEM: &[Row] = &[
    alone("cli", 0xFA),
    alone("sti", 0xFB),
    alone("clac", 0x0F01CA),
    alone("stac", 0x0F01CB),
    alone("swapgs", 0x0F01F8),
    alone("rdtscp", 0x0F01F9),
    alone("rdtsc", 0x0F31),
    alone("rdpmc", 0x0F33),
    alone("rdmsr", 0x0F32),
    alone("wrmsr", 0x0F30),
    alone("cpuid", 0x0FA2),
    alone("clts", 0x0F06),
    alone("invd", 0x0F08),
    alone("wbinvd", 0x0F09),
    alone_with("wbnoinvd", 0xF3, 0x0F09),
    alone("rsm", 0x0FAA),
    alone("lfence", 0x0FAEE8),
    alone("mfence", 0x0FAEF0),
    alone("sfence", 0x0FAEF8),
    alone("monitor", 0x0F01C8),
    alone("mwait", 0x0F01C9),
    alone("vmcall", 0x0F01C1),
    alone("vmlaunch", 0x0F01C2),
    alone("vmresume", 0x0F01C3),
    alone("vmxoff", 0x0F01C4),
    alone("vmmcall", 0x0F01D9),
    alone("vmrun", 0x0F01D8),
    alone("vmload", 0x0F01DA),
    alone("vmsave", 0x0F01DB),
    alone("stgi", 0x0F01DC),
    alone("clgi", 0x0F01DD),
    alone_with("vmgexit", 0xF3, 0x0F01D9),
    alone("encls", 0x0F01CF),
    alone("xgetbv", 0x0F01D0),
    alone("xsetbv", 0x0F01D1),
    alone("rdpkru", 0x0F01EE),
    alone("wrpkru", 0x0F01EF),
    alone("serialize", 0x0F01E8),
    alone_with("tdcall", 0x66, 0x0F01CC),
    alone_with("setssbsy", 0xF3, 0x0F01E8),
    alone_with("saveprevssp", 0xF3, 0x0F01EA),
    row("incsspd", &[L], 0x0FAE, digit(5).prefix(0xF3).bare(), &[RegRm]),
    row("incsspq", &[Q], 0x0FAE, digit(5).prefix(0xF3).bare(), &[RegRm]),
    row("rdsspd", &[L], 0x0F1E, digit(1).prefix(0xF3).bare(), &[RegRm]),
    row("rdsspq", &[Q], 0x0F1E, digit(1).prefix(0xF3).bare(), &[RegRm]),
    row("wrssd", &[L], 0x0F38F6, R.bare(), &[Reg, Mem]),
    row("wrssq", &[Q], 0x0F38F6, R.bare(), &[Reg, Mem]),
    row("rstorssp", NO, 0x0F01, digit(5).prefix(0xF3).wide(Wide::Neither), &[Mem]),
    row("clrssbsy", NO, 0x0FAE, digit(6).prefix(0xF3).wide(Wide::Neither), &[Mem]),
    row("invpcid", NO, 0x0F3882, R.prefix(0x66).wide(Wide::Neither), &[Mem, RegOf(Q)]),
    row("invept", NO, 0x0F3880, R.prefix(0x66).wide(Wide::Neither), &[Mem, RegOf(Q)]),
    row("invvpid", NO, 0x0F3881, R.prefix(0x66).wide(Wide::Neither), &[Mem, RegOf(Q)]),
    row("rdfsbase", LQ, 0x0FAE, digit(0).prefix(0xF3).bare(), &[RegRm]),
    row("rdgsbase", LQ, 0x0FAE, digit(1).prefix(0xF3).bare(), &[RegRm]),
    row("wrfsbase", LQ, 0x0FAE, digit(2).prefix(0xF3).bare(), &[RegRm]),
    row("wrgsbase", LQ, 0x0FAE, digit(3).prefix(0xF3).bare(), &[RegRm]),
    row("rdpid", &[Q], 0x0FC7, digit(7).prefix(0xF3).bare().wide(Wide::Neither), &[RegRm]),
    row("rdrand", WLQ, 0x0FC7, digit(6).bare(), &[RegRm]),
    row("rdseed", WLQ, 0x0FC7, digit(7).bare(), &[RegRm]),
    row("lgdt", &[Q], 0x0F01, digit(2).wide(Wide::Neither).default(Q), &[Mem]),
    row("lidt", &[Q], 0x0F01, digit(3).wide(Wide::Neither).default(Q), &[Mem]),
    row("sgdt", &[Q], 0x0F01, digit(0).wide(Wide::Neither).default(Q), &[Mem]),
    row("sidt", &[Q], 0x0F01, digit(1).wide(Wide::Neither).default(Q), &[Mem]),
    row("lmsw", &[W], 0x0F01, digit(6).wide(Wide::Neither).default(W), &[RmOf(W)]),
    row("clwb", NO, 0x0FAE, digit(6).prefix(0x66).wide(Wide::Neither), &[Mem]),
    row("clflushopt", NO, 0x0FAE, digit(7).prefix(0x66).wide(Wide::Neither), &[Mem]),
    row("in", &[B, W, L], 0xE4, N.byte_bit(), &[Imm8, Acc]),
    row("in", &[B, W, L], 0xEC, N.byte_bit(), &[Dx, Acc]),
    row("in", &[B, W, L], 0xEC, N.byte_bit(), &[DxAddress, Acc]),
    row("in", &[B, W, L], 0xE4, N.byte_bit(), &[Imm8]),
    row("in", &[B, W, L], 0xEC, N.byte_bit(), &[Dx]),
    row("in", &[B, W, L], 0xEC, N.byte_bit(), &[DxAddress]),
    row("out", &[B, W, L], 0xE6, N.byte_bit(), &[Acc, Imm8]),
    row("out", &[B, W, L], 0xEE, N.byte_bit(), &[Acc, Dx]),
    row("out", &[B, W, L], 0xEE, N.byte_bit(), &[Acc, DxAddress]),
    row("out", &[B, W, L], 0xE6, N.byte_bit(), &[Imm8]),
    row("out", &[B, W, L], 0xEE, N.byte_bit(), &[Dx]),
    row("out", &[B, W, L], 0xEE, N.byte_bit(), &[DxAddress]),
];

const STRINGS: &[Row] = &[
    row("movs", ANY, 0xA4, N.byte_bit(), &[]),
    row("movs", ANY, 0xA4, N.byte_bit(), &[Source, Destination]),
    row("cmps", ANY, 0xA6, N.byte_bit(), &[]),
    row("cmps", ANY, 0xA6, N.byte_bit(), &[Destination, Source]),
    row("stos", ANY, 0xAA, N.byte_bit(), &[]),
    row("stos", ANY, 0xAA, N.byte_bit(), &[Destination]),
    row("stos", ANY, 0xAA, N.byte_bit(), &[Acc, Destination]),
    row("lods", ANY, 0xAC, N.byte_bit(), &[]),
    row("lods", ANY, 0xAC, N.byte_bit(), &[Source]),
    row("lods", ANY, 0xAC, N.byte_bit(), &[Source, Acc]),
    row("scas", ANY, 0xAE, N.byte_bit(), &[]),
    row("scas", ANY, 0xAE, N.byte_bit(), &[Destination]),
    row("scas", ANY, 0xAE, N.byte_bit(), &[Destination, Acc]),
    row("ins", &[B, W, L], 0x6C, N.byte_bit(), &[]),
    row("outs", &[B, W, L], 0x6E, N.byte_bit(), &[]),
    alone("xlat", 0xD7),
    alone("xlatb", 0xD7),
];

/// Every row, in groups; the order within a group is the order of preference.
pub(super) const TABLE: &[&[Row]] = &[
    DATA,
    STACK,
    &arithmetic("add", 0),
    &arithmetic("or", 1),
    &arithmetic("adc", 2),
    &arithmetic("sbb", 3),
    &arithmetic("and", 4),
    &arithmetic("sub", 5),
    &arithmetic("xor", 6),
    &arithmetic("cmp", 7),
    ALU,
    &shift("rol", 0),
    &shift("ror", 1),
    &shift("rcl", 2),
    &shift("rcr", 3),
    &shift("shl", 4),
    &shift("sal", 4),
    &shift("shr", 5),
    &shift("sar", 7),
    &double_shift("shld", 0x0FA4),
    &double_shift("shrd", 0x0FAC),
    &unary("inc", 0xFE, 0),
    &unary("dec", 0xFE, 1),
    &unary("not", 0xF6, 2),
    &unary("neg", 0xF6, 3),
    &unary("mul", 0xF6, 4),
    &by_accumulator("div", 6),
    &by_accumulator("idiv", 7),
    &bit_test("bt", 4),
    &bit_test("bts", 5),
    &bit_test("btr", 6),
    &bit_test("btc", 7),
    FLOW,
    SYSTEM,
    &store_selector("sldt", 0x0F00, 0),
    &store_selector("str", 0x0F00, 1),
    SMSW,
    &selector("lldt", 0x0F00, 2),
    &selector("ltr", 0x0F00, 3),
    &selector("verr", 0x0F00, 4),
    &selector("verw", 0x0F00, 5),
    &segment_limit("lar", 0x0F02),
    &segment_limit("lsl", 0x0F03),
    &memory("invlpg", 0x0F01, 7),
    &memory("clflush", 0x0FAE, 7),
    &memory("fxsave", 0x0FAE, 0),
    &memory("fxrstor", 0x0FAE, 1),
    &memory("ldmxcsr", 0x0FAE, 2),
    &memory("stmxcsr", 0x0FAE, 3),
    &memory("xsave", 0x0FAE, 4),
    &memory("xrstor", 0x0FAE, 5),
    &memory("xsaveopt", 0x0FAE, 6),
    &memory("prefetchnta", 0x0F18, 0),
    &memory("prefetcht0", 0x0F18, 1),
    &memory("prefetcht1", 0x0F18, 2),
    &memory("prefetcht2", 0x0F18, 3),
    &memory("prefetchw", 0x0F0D, 1),
    STRINGS,
];

/// Condition codes by name (SDM vol. 1, appendix B).
pub(super) const CONDITIONS: [(&str, u8); 30] = [
    ("o", 0), ("no", 1), ("b", 2), ("c", 2), ("nae", 2), ("nb", 3), ("nc", 3), ("ae", 3), ("e", 4), ("z", 4),
    ("ne", 5), ("nz", 5), ("be", 6), ("na", 6), ("nbe", 7), ("a", 7), ("s", 8), ("ns", 9), ("p", 10), ("pe", 10),
    ("np", 11), ("po", 11), ("l", 12), ("nge", 12), ("nl", 13), ("ge", 13), ("le", 14), ("ng", 14), ("nle", 15),
    ("g", 15),
];

/// Mnemonics that end in a condition code.
pub(super) const CONDITIONAL: [&str; 3] = ["j", "set", "cmov"];
