//! The manual does not order the accesses of one instruction. If the instruction faults at one access, other accesses
//! may have set accessed and dirty flags on one processor and not on the other.

use super::encoding::prefixes;
use crate::processor::CpuState;
use cr3_core::machine::bits::entry;
use cr3_core::machine::{Cpu, Register, SegmentRegister};
use iced_x86::{Code, Instruction, InstructionInfoFactory, Mnemonic, OpAccess, OpKind, Register as Name};

/// Whether two entries of a walk that faulted differ in the accessed flag that Unicorn has set on the way: it sets
/// those of upper entries, also of a 1-GByte page, before it checks rights.
pub fn accessed_by_fault(ours: u64, theirs: u64) -> bool {
    ours & entry::ACCESSED == 0 && theirs == ours | entry::ACCESSED
}

/// An access by linear address and size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    start: u64,
    size: u64,
}

impl Range {
    /// One address in each page of the range.
    fn pages(self) -> impl Iterator<Item = u64> {
        let before = self.start & 0xfff;
        (0..before + self.size).step_by(0x1000).map(move |offset| self.start.wrapping_sub(before).wrapping_add(offset))
    }
}

/// The outcome of an instruction, the same on both processors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came {
    /// It retired.
    Through,
    /// It raised an exception; for a page fault, its address.
    ToFault(Option<u64>),
}

/// Linear addresses that one of the two may have accessed and the other not, though both had the same outcome.
pub fn accessed_by_one(instruction: &Instruction, before: &Cpu, after: &CpuState, came: Came) -> Vec<u64> {
    let mut ranges = Vec::new();
    match instruction.mnemonic() {
        Mnemonic::Enter => ranges.extend(entered(instruction, before)),
        Mnemonic::Movsxd => ranges.extend(extended(instruction, before)),
        _ => {}
    }
    if let Came::ToFault(address) = came {
        ranges.extend(address.and_then(first_half));
        ranges.extend(address.filter(|_| modifies_memory(instruction)).map(read_first));
        match instruction.mnemonic() {
            Mnemonic::Cmpsb | Mnemonic::Cmpsw | Mnemonic::Cmpsd | Mnemonic::Cmpsq => {
                ranges.extend(strings(instruction, before, after));
            }
            Mnemonic::Iret | Mnemonic::Iretd | Mnemonic::Iretq | Mnemonic::Retf => {
                ranges.extend(returned_from(instruction, before));
            }
            _ => {}
        }
    }
    ranges.into_iter().flat_map(Range::pages).collect()
}

/// Unicorn reads the memory operand of an instruction before it rejects the LOCK prefix. Nothing tells us where the
/// operand is.
pub fn reads_undecoded(instruction: Option<&Instruction>, bytes: &[u8]) -> bool {
    let decodes = instruction.is_some_and(|instruction| !instruction.is_invalid());
    !decodes && prefixes(bytes).contains(&0xf0)
}

/// The first of two pages, for a write that faulted on the second: Unicorn has translated it already.
fn first_half(address: u64) -> Option<Range> {
    (address & 0xfff == 0).then(|| Range { start: address.wrapping_sub(0x1000), size: 1 })
}

/// Both pages of a read-modify-write that may not write: Unicorn has read them before it tries to.
fn read_first(address: u64) -> Range {
    Range { start: address, size: 8 }
}

/// Whether the instruction reads and writes one memory operand.
pub(super) fn modifies_memory(instruction: &Instruction) -> bool {
    let mut factory = InstructionInfoFactory::new();
    let modifies = |access| matches!(access, OpAccess::ReadWrite | OpAccess::ReadCondWrite | OpAccess::CondWrite);
    factory.info(instruction).used_memory().iter().any(|memory| modifies(memory.access()))
}

/// Both operands of CMPS, in the iteration that faulted.
fn strings(instruction: &Instruction, before: &Cpu, after: &CpuState) -> [Range; 2] {
    let size = instruction.memory_size().size() as u64;
    let segment = match instruction.memory_segment() {
        Name::FS => before.segments[SegmentRegister::Fs as usize].base,
        Name::GS => before.segments[SegmentRegister::Gs as usize].base,
        _ => 0,
    };
    let narrow = instruction.op0_kind() == OpKind::MemorySegESI;
    let operand = |register: Register| {
        let value = after.registers[register as usize];
        if narrow { value & 0xffff_ffff } else { value }
    };
    let source = operand(Register::Rsi).wrapping_add(segment);
    [source, operand(Register::Rdi)].map(|start| Range { start, size })
}

/// The frame, where Unicorn may look for a narrow one, and the descriptors that it may name.
fn returned_from(instruction: &Instruction, before: &Cpu) -> [Range; 4] {
    let released = match instruction.code() {
        Code::Retfq_imm16 | Code::Retfd_imm16 | Code::Retfw_imm16 => u64::from(instruction.immediate16()),
        _ => 0,
    };
    let stack = before.registers[Register::Rsp as usize];
    let narrow = !matches!(instruction.code(), Code::Iretq | Code::Retfq | Code::Retfq_imm16);
    let masks = if narrow { [u64::MAX, u64::from(u32::MAX), u64::from(u16::MAX)] } else { [u64::MAX; 3] };
    let [frame, half, quarter] = masks.map(|mask| Range { start: stack & mask, size: 40 + released });
    [frame, half, quarter, Range { start: before.gdtr.base, size: u64::from(before.gdtr.limit) + 1 }]
}

/// The frames that ENTER reads and the one that it makes. Unicorn does not probe the end of the new one.
fn entered(instruction: &Instruction, before: &Cpu) -> [Range; 2] {
    let words = 8 * (u64::from(instruction.immediate8_2nd() & 31) + 1);
    let below = |register: Register, size: u64| {
        let end = before.registers[register as usize];
        Range { start: end.wrapping_sub(size), size: size + 8 }
    };
    [below(Register::Rbp, words), below(Register::Rsp, words + u64::from(instruction.immediate16()))]
}

/// Unicorn's MOVSXD reads 32 bits, whatever the operand size.
fn extended(instruction: &Instruction, before: &Cpu) -> Option<Range> {
    let value = |name: Name| match name {
        Name::FS => before.segments[SegmentRegister::Fs as usize].base,
        Name::GS => before.segments[SegmentRegister::Gs as usize].base,
        _ if name.is_segment_register() => 0,
        _ => before.registers[name.full_register().number()],
    };
    let start = instruction.virtual_address(1, 0, |name, _, _| Some(value(name)))?;
    (instruction.op1_kind() == OpKind::Memory).then_some(Range { start, size: 4 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_names_each_of_its_pages_once() {
        for (start, size, expected) in [
            (0x1000, 1, vec![0x1000]),
            (0x1fff, 2, vec![0x1000, 0x2000]),
            (0x1ff8, 8, vec![0x1000]),
            (u64::MAX, 2, vec![0xffff_ffff_ffff_f000, 0]),
        ] {
            assert_eq!(Range { start, size }.pages().collect::<Vec<_>>(), expected, "{start:#x} {size}");
        }
    }
}
