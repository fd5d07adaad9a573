//! Which instructions have a short form.

use super::{Address, Compute, Kind, Operation, Short, Transfer};
use crate::bits::canonical_in;
use crate::exec::condition::Condition;
use crate::exec::flow;
use crate::exec::operand;
use crate::exec::width::Width;
use crate::{Register, SegmentRegister};
use iced_x86::{Code, Instruction, Mnemonic, OpKind, Register as Name};

impl Short {
    /// The short form of `i`, if it has one.
    pub(crate) fn of(i: &Instruction) -> Option<Self> {
        use Mnemonic as M;
        use Operation as O;
        match i.mnemonic() {
            M::Mov => binary(i, O::Mov).or_else(|| load(i)).or_else(|| to_memory(i, Kind::Store)),
            M::Lea => lea(i),
            M::Push => push(i),
            M::Pop => pop(i),
            M::Add => binary(i, O::Add),
            M::Adc => binary(i, O::Adc),
            M::Sub => binary(i, O::Sub),
            M::Sbb => binary(i, O::Sbb),
            M::And => binary(i, O::And),
            M::Or => binary(i, O::Or),
            M::Xor => binary(i, O::Xor),
            M::Cmp => binary(i, O::Cmp).or_else(|| to_memory(i, Kind::Compare)),
            M::Test => binary(i, O::Test),
            M::Inc => unary(i, O::Inc),
            M::Dec => unary(i, O::Dec),
            M::Shl | M::Sal => shift(i, O::Shl),
            M::Shr => shift(i, O::Shr),
            M::Sar => shift(i, O::Sar),
            M::Bt => binary(i, O::Bt),
            M::Jmp => jump(i, O::Jump, Condition::O),
            M::Call => call(i),
            M::Ret => returned(i),
            other => jump(i, O::JumpIf, flow::condition(other)?),
        }
    }
}

const COMPUTE: Compute = Compute {
    operation: Operation::Mov,
    condition: Condition::O,
    width: Width::Quadword,
    target: Register::Rax,
    source: None,
    address: Address { base: None, index: None, scale: 1 },
    constant: 0,
};

const TRANSFER: Transfer = Transfer {
    kind: Kind::Load,
    width: Width::Quadword,
    register: None,
    address: COMPUTE.address,
    displacement: 0,
    segment: None,
    constant: 0,
};

fn binary(i: &Instruction, operation: Operation) -> Option<Short> {
    let (target, width) = general(i.op0_register())?;
    let (source, constant) = match i.op1_kind() {
        OpKind::Register => (Some(general(i.op1_register())?.0), 0),
        OpKind::Memory => return None,
        kind => (None, operand::immediate(i, kind)),
    };
    Some(Short::Compute(Compute { operation, width, target, source, constant, ..COMPUTE }))
}

fn unary(i: &Instruction, operation: Operation) -> Option<Short> {
    let (target, width) = general(i.op0_register())?;
    Some(Short::Compute(Compute { operation, width, target, ..COMPUTE }))
}

/// By an immediate or by CL; a shift uses their low bits.
fn shift(i: &Instruction, operation: Operation) -> Option<Short> {
    let (target, width) = general(i.op0_register())?;
    let source = (i.op1_kind() == OpKind::Register).then_some(Register::Rcx);
    let constant = if source.is_none() { i.immediate8().into() } else { 0 };
    Some(Short::Compute(Compute { operation, width, target, source, constant, ..COMPUTE }))
}

fn lea(i: &Instruction) -> Option<Short> {
    let (target, width) = general(i.op0_register())?;
    let (operation, constant) = (Operation::Lea, i.memory_displacement64());
    Some(Short::Compute(Compute { operation, width, target, address: address(i)?, constant, ..COMPUTE }))
}

fn jump(i: &Instruction, operation: Operation, condition: Condition) -> Option<Short> {
    Some(Short::Compute(Compute { operation, condition, constant: near_target(i)?, ..COMPUTE }))
}

fn call(i: &Instruction) -> Option<Short> {
    Some(Short::Transfer(Transfer { kind: Kind::Call, constant: near_target(i)?, ..TRANSFER }))
}

/// A form whose operand 0 is memory, and operand 1 a register or an immediate.
fn to_memory(i: &Instruction, kind: Kind) -> Option<Short> {
    if i.op0_kind() != OpKind::Memory {
        return None;
    }
    let (register, constant) = match i.op1_kind() {
        OpKind::Register => (Some(general(i.op1_register())?.0), 0),
        kind => (None, operand::immediate(i, kind)),
    };
    Some(Short::Transfer(Transfer { kind, register, constant, ..memory(i)? }))
}

fn load(i: &Instruction) -> Option<Short> {
    if i.op1_kind() != OpKind::Memory {
        return None;
    }
    let register = Some(general(i.op0_register())?.0);
    Some(Short::Transfer(Transfer { kind: Kind::Load, register, ..memory(i)? }))
}

/// The memory operand, of 32 or 64 bits.
fn memory(i: &Instruction) -> Option<Transfer> {
    let width = match i.memory_size().size() {
        4 => Width::Doubleword,
        8 => Width::Quadword,
        _ => return None,
    };
    let segment = match i.segment_prefix() {
        Name::FS => Some(SegmentRegister::Fs),
        Name::GS => Some(SegmentRegister::Gs),
        _ => None,
    };
    Some(Transfer { width, address: address(i)?, displacement: i.memory_displacement64(), segment, ..TRANSFER })
}

fn push(i: &Instruction) -> Option<Short> {
    let (register, constant) = match i.op0_kind() {
        OpKind::Register => (Some(quadword(i.op0_register())?), 0),
        kind @ (OpKind::Immediate8to64 | OpKind::Immediate32to64) => (None, operand::immediate(i, kind)),
        OpKind::Memory if i.code() == Code::Push_rm64 => {
            return Some(Short::Transfer(Transfer { kind: Kind::PushMemory, ..memory(i)? }));
        }
        _ => return None,
    };
    Some(Short::Transfer(Transfer { kind: Kind::Push, register, constant, ..TRANSFER }))
}

fn returned(i: &Instruction) -> Option<Short> {
    (i.code() == Code::Retnq).then_some(Short::Transfer(Transfer { kind: Kind::Return, ..TRANSFER }))
}

fn pop(i: &Instruction) -> Option<Short> {
    let register = Some(quadword(i.op0_register())?);
    Some(Short::Transfer(Transfer { kind: Kind::Pop, register, ..TRANSFER }))
}

/// A general register of 32 or 64 bits, and its width.
fn general(name: Name) -> Option<(Register, Width)> {
    let (first, width) = if name.is_gpr64() {
        (Name::RAX, Width::Quadword)
    } else if name.is_gpr32() {
        (Name::EAX, Width::Doubleword)
    } else {
        return None;
    };
    let register = Register::ALL.get(name as usize - first as usize)?;
    Some((*register, width))
}

fn quadword(name: Name) -> Option<Register> {
    general(name).filter(|(_, width)| *width == Width::Quadword).map(|(register, _)| register)
}

fn address(i: &Instruction) -> Option<Address> {
    let added = |name| match name {
        // The decoder has added RIP to the displacement.
        Name::None | Name::RIP => Some(None),
        name => quadword(name).map(Some),
    };
    let (base, index) = (added(i.memory_base())?, added(i.memory_index())?);
    Some(Address { base, index, scale: i.memory_index_scale() as u8 })
}

/// The target of a near branch, if it is canonical at 4 and at 5 levels of paging, so that the branch cannot fail.
fn near_target(i: &Instruction) -> Option<u64> {
    let target = i.near_branch64();
    (i.op0_kind() == OpKind::NearBranch64 && canonical_in(48, target)).then_some(target)
}
