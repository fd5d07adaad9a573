//! One instruction as bytes: prefixes in GNU `as`'s order, REX, opcode, ModRM, SIB, displacement, immediate (SDM vol.
//! 2, chapter 2).

use super::layout::{FixupKind, Reach};
use super::operand::{Memory, Operand, OperandKind};
use super::prefix::Prefixes;
use super::register::{Class, Register, Width};
use super::report::{Cause, Fault};
use super::table::{Choice, Kind, Modrm};
use super::value::Value;

/// A field whose value waits for the layout.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Hole {
    pub(super) offset: usize,
    pub(super) size: u8,
    pub(super) kind: FixupKind,
    pub(super) value: Value,
}

/// Bytes with holes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Encoded {
    pub(super) bytes: Vec<u8>,
    pub(super) holes: Vec<Hole>,
}

/// The operands by their places in the encoding.
#[derive(Default)]
struct Fields<'o> {
    /// ModRM.reg, or the register added to the opcode.
    register: Option<Register>,
    rm: Option<&'o OperandKind>,
    immediates: Vec<(u8, FixupKind, &'o Value)>,
    string_source: Option<&'o Memory>,
}

/// Encodes `operands`, which fit the row.
pub(super) fn encode(choice: Choice, operands: &[Operand], prefixes: Prefixes) -> Result<Encoded, Fault> {
    let fields = fields(choice, operands);
    let mut prefixes = prefixes;
    if choice.needs_66() {
        prefixes.demand(0x66)?;
    }
    if let Some(byte) = choice.row.how.prefix {
        prefixes.demand(byte)?;
    }
    add_address_prefixes(&mut prefixes, &fields, operands)?;
    prefixes.demand_rex(rex(choice, &fields, operands)?)?;
    let mut out = Encoded::default();
    out.bytes.extend(prefixes.bytes());
    let mut opcode = choice.opcode();
    if choice.row.how.modrm == Modrm::Opcode {
        opcode += u32::from(fields.register.map_or(0, |register| register.number & 7));
    }
    if choice.row.how.modrm == Modrm::OpcodeSegment {
        opcode |= u32::from(fields.register.map_or(0, |register| register.number)) << 3;
    }
    push_opcode(&mut out.bytes, opcode);
    let reg = match choice.row.how.modrm {
        Modrm::None | Modrm::Opcode | Modrm::OpcodeSegment => None,
        Modrm::Digit(digit) => Some(digit),
        Modrm::Register | Modrm::Twice => Some(fields.register.map_or(0, |register| register.number & 7)),
    };
    if let (Some(reg), Some(rm)) = (reg, fields.rm) {
        push_modrm(&mut out, reg, rm);
    }
    for (size, kind, value) in fields.immediates {
        push_field(&mut out, size, kind, value);
    }
    close_relative(&mut out);
    Ok(out)
}

fn fields<'o>(choice: Choice, operands: &'o [Operand]) -> Fields<'o> {
    let mut fields = Fields::default();
    for (kind, operand) in choice.row.operands.iter().zip(operands) {
        match (kind, &operand.kind) {
            (
                Kind::Reg
                | Kind::RegOf(_)
                | Kind::AccReg
                | Kind::SegmentRegister
                | Kind::FsOrGs
                | Kind::ControlRegister
                | Kind::DebugRegister,
                _,
            ) => {
                if let OperandKind::Register(register) = operand.kind {
                    fields.register = Some(register);
                    if choice.row.how.modrm == Modrm::Twice {
                        fields.rm = Some(&operand.kind);
                    }
                }
            }
            (
                Kind::Rm | Kind::RmOf(_) | Kind::RegRm | Kind::AccRm | Kind::Mem | Kind::Indirect | Kind::IndirectMem,
                rm,
            ) => fields.rm = Some(rm),
            (Kind::Source, OperandKind::Memory(memory)) => fields.string_source = Some(memory),
            (kind, OperandKind::Immediate(value)) => {
                if let Some((size, field)) = immediate_field(*kind, choice.width) {
                    fields.immediates.push((size, field, value));
                }
            }
            (Kind::Offset64, OperandKind::Memory(memory)) => {
                if let Some(value) = &memory.displacement {
                    fields.immediates.push((8, FixupKind::Either, value));
                }
            }
            (Kind::Target32 | Kind::Target8, OperandKind::Memory(memory)) => {
                let size = if *kind == Kind::Target8 { 1 } else { 4 };
                if let Some(value) = &memory.displacement {
                    fields.immediates.push((size, FixupKind::Relative { end: size, to: Reach::Code }, value));
                }
            }
            _ => {}
        }
    }
    fields
}

/// Size of an immediate in bytes, and how its value must fit.
fn immediate_field(kind: Kind, width: Option<Width>) -> Option<(u8, FixupKind)> {
    match kind {
        Kind::Imm8 => Some((1, FixupKind::Either)),
        Kind::Imm8Signed => Some((1, FixupKind::Either)),
        Kind::Imm16 => Some((2, FixupKind::Either)),
        Kind::Imm32 => Some((4, FixupKind::Signed)),
        Kind::Imm64 | Kind::ImmWide => Some((8, FixupKind::Either)),
        Kind::Imm => Some(match width {
            Some(Width::B) => (1, FixupKind::Either),
            Some(Width::W) => (2, FixupKind::Either),
            Some(Width::Q) => (4, FixupKind::Signed),
            _ => (4, FixupKind::Either),
        }),
        _ => None,
    }
}

/// The segment and address-size prefixes of the memory operand. The base's default segment gets no prefix (SDM vol. 1,
/// table 3-5).
fn add_address_prefixes(prefixes: &mut Prefixes, fields: &Fields<'_>, operands: &[Operand]) -> Result<(), Fault> {
    let memories = operands.iter().filter_map(|operand| match &operand.kind {
        OperandKind::Memory(memory) => Some(memory),
        _ => None,
    });
    let strings = fields.string_source.is_some() || fields.rm.is_none();
    for memory in memories {
        let narrow =
            |register: &Register| matches!(register.class, Class::General(Width::L) | Class::Instruction(Width::L));
        if memory.base.as_ref().is_some_and(narrow) || memory.index.as_ref().is_some_and(narrow) {
            prefixes.demand(0x67)?;
        }
        let destination = strings && memory.base.is_some_and(|base| base.number == 7);
        if let Some(segment) = memory.segment.filter(|_| !destination)
            && segment.number != default_segment(memory)
        {
            prefixes.demand([0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65][usize::from(segment.number % 6)])?;
        }
    }
    Ok(())
}

/// SS for addresses based on the stack or frame pointer, DS for all others.
fn default_segment(memory: &Memory) -> u8 {
    let (ss, ds) = (2, 3);
    match memory.base {
        Some(Register { class: Class::General(_), number: 4 | 5 }) => ss,
        _ => ds,
    }
}

fn rex(choice: Choice, fields: &Fields<'_>, operands: &[Operand]) -> Result<u8, Fault> {
    let mut rex = 0;
    let high = |register: Register| register.number >= 8;
    if choice.needs_rex_w() {
        rex |= 0x48;
    }
    let in_opcode = choice.row.how.modrm == Modrm::Opcode;
    if fields.register.is_some_and(high) {
        rex |= if in_opcode { 0x41 } else { 0x44 };
    }
    match fields.rm {
        Some(OperandKind::Register(register)) if high(*register) => rex |= 0x41,
        Some(OperandKind::Memory(memory)) => {
            rex |= if memory.base.is_some_and(high) { 0x41 } else { 0 };
            rex |= if memory.index.is_some_and(high) { 0x42 } else { 0 };
        }
        _ => {}
    }
    let registers = || {
        operands.iter().filter_map(|operand| match operand.kind {
            OperandKind::Register(register) => Some((register, operand)),
            _ => None,
        })
    };
    if registers().any(|(register, _)| register.needs_rex()) {
        rex |= 0x40;
    }
    match registers().find(|(register, _)| register.class == Class::High) {
        Some((_, operand)) if rex != 0 => {
            Err(Cause::new(&operand.text, format!("`{}` cannot be encoded together with REX", operand.text))
                .hint("AH, BH, CH and DH cannot be combined with R8 to R15, SPL, BPL, SIL, DIL or 64-bit operands"))
        }
        _ => Ok(rex),
    }
}

fn push_opcode(bytes: &mut Vec<u8>, opcode: u32) {
    let all = opcode.to_be_bytes();
    let first = all.iter().position(|byte| *byte != 0).unwrap_or(3);
    bytes.extend_from_slice(&all[first..]);
}

fn push_modrm(out: &mut Encoded, reg: u8, rm: &OperandKind) {
    match rm {
        OperandKind::Register(register) => out.bytes.push(0xC0 | reg << 3 | register.number & 7),
        OperandKind::Memory(memory) => push_address(out, reg, memory),
        OperandKind::Immediate(_) | OperandKind::Port => {}
    }
}

/// How a displacement is written.
enum Displacement<'v> {
    None,
    Byte(i8),
    Long(&'v Value),
    /// From the end of the instruction.
    Relative(&'v Value),
}

/// The displacement. In a 32-bit address the upper half of a number does not count.
fn displacement(memory: &Memory) -> Value {
    match memory.displacement {
        None => Value::Constant(0),
        Some(Value::Constant(number)) if is_narrow(memory) => Value::Constant(i64::from(number as i32)),
        Some(ref value) => value.clone(),
    }
}

fn push_address(out: &mut Encoded, reg: u8, memory: &Memory) {
    let value = &displacement(memory);
    let sib = memory.index.is_some() || memory.base.is_none_or(|base| base.number & 7 == 4);
    let relative = memory.base.is_some_and(|base| matches!(base.class, Class::Instruction(_)));
    let displacement = match (memory.base, value) {
        (None, value) => Displacement::Long(value),
        (Some(_), value @ Value::Constant(_)) if relative => Displacement::Long(value),
        (Some(_), value) if relative => Displacement::Relative(value),
        (Some(base), Value::Constant(0)) if base.number & 7 != 5 => Displacement::None,
        (Some(_), Value::Constant(number)) => match i8::try_from(*number) {
            Ok(byte) => Displacement::Byte(byte),
            Err(_) => Displacement::Long(value),
        },
        (Some(_), value) => Displacement::Long(value),
    };
    let mode = match displacement {
        _ if relative || memory.base.is_none() => 0x00,
        Displacement::None => 0x00,
        Displacement::Byte(_) => 0x40,
        Displacement::Long(_) | Displacement::Relative(_) => 0x80,
    };
    let base = memory.base.map_or(5, |base| base.number & 7);
    match (relative, sib) {
        (true, _) => out.bytes.push(reg << 3 | 5),
        (false, false) => out.bytes.push(mode | reg << 3 | base),
        (false, true) => {
            let index = memory.index.map_or(4, |index| index.number & 7);
            let scale = memory.scale.trailing_zeros() as u8;
            out.bytes.extend_from_slice(&[mode | reg << 3 | 4, scale << 6 | index << 3 | base]);
        }
    }
    match displacement {
        Displacement::None => {}
        Displacement::Byte(byte) => out.bytes.push(byte as u8),
        Displacement::Long(value) => {
            let kind = if is_narrow(memory) { FixupKind::Either } else { FixupKind::Signed };
            push_field(out, 4, kind, value);
        }
        Displacement::Relative(value) => push_field(out, 4, FixupKind::Relative { end: 0, to: Reach::Memory }, value),
    }
}

/// Whether the address is computed in 32 bits.
fn is_narrow(memory: &Memory) -> bool {
    let registers = memory.base.iter().chain(memory.index.iter());
    registers.into_iter().any(|register| register.width() == Some(Width::L))
}

/// A known value as bytes, an unknown one as zeros and a hole.
fn push_field(out: &mut Encoded, size: u8, kind: FixupKind, value: &Value) {
    let relative = matches!(kind, FixupKind::Relative { .. });
    let number = match value.constant() {
        Some(number) if !relative => number,
        _ => {
            out.holes.push(Hole { offset: out.bytes.len(), size, kind, value: value.clone() });
            0
        }
    };
    out.bytes.extend_from_slice(&number.to_le_bytes()[..usize::from(size)]);
}

/// Makes relative fields count from the end of the instruction, which is now known.
fn close_relative(out: &mut Encoded) {
    let length = out.bytes.len();
    for hole in &mut out.holes {
        if let FixupKind::Relative { end, .. } = &mut hole.kind {
            *end = (length - hole.offset) as u8;
        }
    }
}
