//! Random encodings of an opcode, from the decoder's opcode table: every prefix, addressing form and operand that the
//! opcode takes, in bytes that a person could write.

use cr3_testing::Random;
use iced_x86::{Code, EncodingKind, MandatoryPrefix, OpCodeInfo, OpCodeOperandKind as Kind, OpCodeTableKind};

/// Opcodes of 64-bit mode that use only general, segment, control and debug registers and memory.
pub fn integer_opcodes() -> Vec<Code> {
    Code::values().filter(|code| is_integer(code.op_code())).collect()
}

fn is_integer(opcode: &OpCodeInfo) -> bool {
    opcode.is_instruction()
        && opcode.mode64()
        && opcode.encoding() == EncodingKind::Legacy
        && opcode.op_kinds().iter().all(|kind| operand(*kind).is_some())
}

/// What an operand kind adds to the encoding.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Nothing: the operand is implied.
    Implied,
    /// The `reg` field of the ModRM byte.
    Reg,
    /// The `rm` field, register form only.
    Register,
    /// The `rm` field, memory form only.
    Memory,
    /// The `rm` field, either form.
    Either,
    /// The low three bits of the opcode.
    Opcode,
    /// An immediate or displacement of this many bytes.
    Immediate(usize),
    /// A 64-bit memory offset.
    Offset,
}

fn operand(kind: Kind) -> Option<Part> {
    Some(match kind {
        Kind::es | Kind::cs | Kind::ss | Kind::ds | Kind::fs | Kind::gs => Part::Implied,
        Kind::al | Kind::cl | Kind::ax | Kind::dx | Kind::eax | Kind::rax | Kind::imm8_const_1 => Part::Implied,
        Kind::seg_rSI | Kind::es_rDI | Kind::seg_rBX_al => Part::Implied,
        Kind::r8_reg | Kind::r16_reg | Kind::r32_reg | Kind::r64_reg => Part::Reg,
        Kind::r16_reg_mem | Kind::r32_reg_mem | Kind::r64_reg_mem => Part::Reg,
        Kind::seg_reg | Kind::cr_reg | Kind::dr_reg => Part::Reg,
        Kind::r16_rm | Kind::r32_rm | Kind::r64_rm => Part::Register,
        Kind::mem => Part::Memory,
        Kind::r8_or_mem | Kind::r16_or_mem | Kind::r32_or_mem | Kind::r64_or_mem => Part::Either,
        Kind::r8_opcode | Kind::r16_opcode | Kind::r32_opcode | Kind::r64_opcode => Part::Opcode,
        Kind::imm8 | Kind::imm8sex16 | Kind::imm8sex32 | Kind::imm8sex64 | Kind::br64_1 => Part::Immediate(1),
        Kind::imm16 => Part::Immediate(2),
        Kind::imm32 | Kind::imm32sex64 | Kind::br64_4 => Part::Immediate(4),
        Kind::imm64 => Part::Immediate(8),
        Kind::mem_offs => Part::Offset,
        _ => return None,
    })
}

const OPERAND_SIZE: u8 = 0x66;
const ADDRESS_SIZE: u8 = 0x67;
const LOCK: u8 = 0xf0;
const REPNE: u8 = 0xf2;
const REPE: u8 = 0xf3;
const REX_W: u8 = 8;

/// A random encoding of `code`, at most 15 bytes in all but freak cases.
pub fn encode(code: Code, random: &mut Random) -> Vec<u8> {
    let opcode = code.op_code();
    let mut bytes = Vec::with_capacity(16);
    let narrow = random.one_in(12);
    prefixes(opcode, narrow, random, &mut bytes);
    let rex = rex(opcode, random);
    bytes.extend(rex);
    let escape: &[u8] = match opcode.table() {
        OpCodeTableKind::T0F => &[0x0f],
        OpCodeTableKind::T0F38 => &[0x0f, 0x38],
        OpCodeTableKind::T0F3A => &[0x0f, 0x3a],
        _ => &[],
    };
    bytes.extend(escape);
    let parts: Vec<Part> = opcode.op_kinds().iter().filter_map(|kind| operand(*kind)).collect();
    let number = opcode.op_code() as u16;
    let low = if parts.contains(&Part::Opcode) { random.below(8) as u8 } else { 0 };
    match opcode.op_code_len() {
        2 => bytes.extend([(number >> 8) as u8, number as u8]),
        _ => bytes.push(number as u8 | low),
    }
    let fields = [Part::Reg, Part::Register, Part::Memory, Part::Either];
    let addressed = parts.iter().any(|part| fields.contains(part));
    if addressed || opcode.is_group() {
        modrm(opcode, &parts, random, &mut bytes);
    }
    for part in parts {
        let length = match part {
            Part::Immediate(length) => length,
            Part::Offset if narrow => 4,
            Part::Offset => 8,
            _ => continue,
        };
        bytes.extend(&random.interesting().to_le_bytes()[..length]);
    }
    bytes
}

fn prefixes(opcode: &OpCodeInfo, narrow: bool, random: &mut Random, bytes: &mut Vec<u8>) {
    if random.one_in(6) {
        bytes.push(random.pick(&[0x64, 0x65, 0x65, 0x65, 0x2e, 0x3e]));
    }
    if narrow {
        bytes.push(ADDRESS_SIZE);
    }
    if opcode.operand_size() == 16 || random.one_in(64) {
        bytes.push(OPERAND_SIZE);
    }
    let repeat = (opcode.can_use_rep_prefix() || opcode.can_use_repne_prefix()) && random.one_in(2);
    if repeat || random.one_in(200) {
        bytes.push(random.pick(&[REPE, REPE, REPNE]));
    }
    if opcode.can_use_lock_prefix() && random.one_in(4) || random.one_in(200) {
        bytes.push(LOCK);
    }
    match opcode.mandatory_prefix() {
        MandatoryPrefix::P66 => bytes.push(OPERAND_SIZE),
        MandatoryPrefix::PF3 => bytes.push(REPE),
        MandatoryPrefix::PF2 => bytes.push(REPNE),
        _ => {}
    }
}

/// REX.W if the operand size requires it; the other bits at random.
fn rex(opcode: &OpCodeInfo, random: &mut Random) -> Option<u8> {
    let wide = opcode.operand_size() == 64 && !opcode.default_op_size64();
    let extensions = random.below(8) as u8;
    let given = wide || random.one_in(2);
    let w = if wide || random.one_in(16) { REX_W } else { 0 };
    given.then_some(0x40 | w | extensions)
}

fn modrm(opcode: &OpCodeInfo, parts: &[Part], random: &mut Random, bytes: &mut Vec<u8>) {
    let digit = opcode.group_index();
    let reg = u8::try_from(digit).unwrap_or(random.below(8) as u8);
    let register = parts.contains(&Part::Register) || parts.contains(&Part::Either) && random.one_in(3);
    let both = [Part::Memory, Part::Either, Part::Register];
    // An opcode of a group without an operand in `rm` is a register form; CLI and the like are not.
    let mode = if register || !parts.iter().any(|part| both.contains(part)) { 3 } else { random.below(3) as u8 };
    let rm = u8::try_from(opcode.rm_group_index()).unwrap_or(random.below(8) as u8);
    bytes.push(mode << 6 | reg << 3 | rm);
    if mode == 3 {
        return;
    }
    let mut displacement = [0, 1, 4][usize::from(mode)];
    if rm == 4 {
        let sib = random.bits() as u8;
        bytes.push(sib);
        if sib & 7 == 5 && mode == 0 {
            displacement = 4;
        }
    } else if rm == 5 && mode == 0 {
        displacement = 4;
    }
    let value = if displacement == 4 && random.one_in(2) { random.below(0x2000) } else { random.interesting() };
    bytes.extend(&value.to_le_bytes()[..displacement]);
}
