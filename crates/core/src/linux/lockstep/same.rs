//! Whether two instructions are the same, and where both lead.

use super::code::{Code, goes_on};
use iced_x86::{Instruction, MemorySize, Mnemonic, OpKind, Register};

/// Addresses that have to pair if two instructions are the same.
pub(super) type Leads = Vec<(u64, u64)>;

/// Where both lead in entry code.
///
/// # Errors
/// In what they differ.
pub(super) fn same(ours: &Code<'_>, theirs: &Code<'_>, o: &Instruction, t: &Instruction) -> Result<Leads, String> {
    if o.mnemonic() != t.mnemonic() {
        return Err("another instruction".to_owned());
    }
    if o.op_count() != t.op_count() || [prefixes(o), prefixes(t)].windows(2).any(|both| both[0] != both[1]) {
        return Err("other operands".to_owned());
    }
    let mut leads = Vec::new();
    for operand in 0..o.op_count() {
        leads.extend(operands(ours, theirs, [o, t], operand)?);
    }
    leads.extend(next(o).zip(next(t)));
    Ok(leads)
}

fn prefixes(instruction: &Instruction) -> [bool; 3] {
    [instruction.has_lock_prefix(), instruction.has_rep_prefix(), instruction.has_repne_prefix()]
}

/// The instruction after this one, if control can go on there.
fn next(instruction: &Instruction) -> Option<u64> {
    goes_on(instruction).then(|| instruction.next_ip())
}

fn operands(
    ours: &Code<'_>,
    theirs: &Code<'_>,
    [o, t]: [&Instruction; 2],
    operand: u32,
) -> Result<Option<(u64, u64)>, String> {
    match (o.op_kind(operand), t.op_kind(operand)) {
        (OpKind::Register, OpKind::Register) => {
            equal(o.op_register(operand), t.op_register(operand), "another register").map(|()| None)
        }
        (OpKind::Memory, OpKind::Memory) => memory(ours, theirs, o, t),
        (a, b) if is_branch(a) && is_branch(b) => {
            addresses(ours, theirs, (o.near_branch_target(), t.near_branch_target()), Target::Code)
        }
        (a, b) if is_immediate(a) && is_immediate(b) => {
            addresses(ours, theirs, (o.immediate(operand), t.immediate(operand)), Target::Code)
        }
        (a, b) => equal(a, b, "an operand of another kind").map(|()| None),
    }
}

fn equal<T: PartialEq>(ours: T, theirs: T, what: &str) -> Result<(), String> {
    if ours == theirs { Ok(()) } else { Err(what.to_owned()) }
}

fn is_branch(kind: OpKind) -> bool {
    matches!(kind, OpKind::NearBranch16 | OpKind::NearBranch32 | OpKind::NearBranch64)
}

fn is_immediate(kind: OpKind) -> bool {
    matches!(
        kind,
        OpKind::Immediate8
            | OpKind::Immediate16
            | OpKind::Immediate32
            | OpKind::Immediate64
            | OpKind::Immediate8to16
            | OpKind::Immediate8to32
            | OpKind::Immediate8to64
            | OpKind::Immediate32to64
    )
}

/// An address relative to RIP is an absolute one: which of both a text writes is no difference.
fn memory(ours: &Code<'_>, theirs: &Code<'_>, o: &Instruction, t: &Instruction) -> Result<Option<(u64, u64)>, String> {
    let base = |instruction: &Instruction| Some(instruction.memory_base()).filter(|base| *base != Register::RIP);
    let base = |instruction: &Instruction| base(instruction).unwrap_or(Register::None);
    equal(o.memory_size(), t.memory_size(), "memory of another size")?;
    equal(o.memory_segment(), t.memory_segment(), "another segment")?;
    equal(base(o), base(t), "another base register")?;
    equal(o.memory_index(), t.memory_index(), "another index register")?;
    equal(o.memory_index_scale(), t.memory_index_scale(), "another scale")?;
    let target = match o.mnemonic() {
        Mnemonic::Lea => Target::Code,
        _ => Target::Data(o.memory_size()),
    };
    addresses(ours, theirs, (o.memory_displacement64(), t.memory_displacement64()), target)
}

/// What an address is the address of.
#[derive(Clone, Copy)]
enum Target {
    Code,
    Data(MemorySize),
}

/// Two numbers that may be addresses: equal, or both in entry code, or with a name in common, or of the same data.
fn addresses(
    ours: &Code<'_>,
    theirs: &Code<'_>,
    (a, b): (u64, u64),
    target: Target,
) -> Result<Option<(u64, u64)>, String> {
    let named = || ours.names(a).iter().any(|name| theirs.names(b).contains(name));
    match target {
        Target::Code if ours.is_entry(a) && theirs.is_entry(b) => Ok(Some((a, b))),
        Target::Data(size) if ours.is_entry(a) && theirs.is_entry(b) => {
            equal(ours.bytes(a, size.size()), theirs.bytes(b, size.size()), "other data").map(|()| None)
        }
        _ if ours.has(a) || theirs.has(b) => match named() {
            true => Ok(None),
            false => Err(format!("another address: {} and {}", described(ours, a), described(theirs, b))),
        },
        _ if a == b => Ok(None),
        _ => Err(format!("another number: {a:#x} and {b:#x}")),
    }
}

fn described(code: &Code<'_>, address: u64) -> String {
    code.names(address).first().map_or_else(|| format!("{address:#x}"), |name| (*name).to_owned())
}
