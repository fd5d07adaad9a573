//! The parts of a step: its instruction, its bytes, the registers that an event interrupted.

use crate::processor::CpuState;
use cr3_core::lookup;
use cr3_core::machine::exec::undefined::{self, Undefined};
use cr3_core::machine::observe::{Delivered, MemoryAccess};
use cr3_core::machine::{Cpu, Event, Machine, Register, paging};
use iced_x86::{Formatter, GasFormatter, Instruction, Mnemonic};

/// An instruction that our machine began.
pub(super) struct Begun {
    /// None if it could not be fetched.
    pub(super) instruction: Option<Instruction>,
    /// The processor before it.
    pub(super) cpu: Cpu,
}

/// Whether an instruction repeats: it may stop between iterations with an unchanged RIP (SDM vol. 2, REP).
pub(super) fn repeats(instruction: &Instruction) -> bool {
    instruction.is_string_instruction() && (instruction.has_rep_prefix() || instruction.has_repne_prefix())
}

/// Software interrupts enter their handler before they retire, so they are compared when they are delivered.
pub(super) fn interrupts(instruction: &Instruction) -> bool {
    matches!(instruction.mnemonic(), Mnemonic::Int | Mnemonic::Int1 | Mnemonic::Int3)
}

/// What the instruction leaves undefined with these registers.
pub(super) fn undefined(instruction: &Instruction, before: &Cpu) -> Undefined {
    let cl = before.registers[Register::Rcx as usize] as u8;
    let (width, count) = undefined::operands(instruction, cl);
    let name = instruction.op1_register();
    let source = if name.is_gpr() { before.registers[name.full_register().number()] & width.mask() } else { 0 };
    undefined::undefined(instruction.mnemonic(), width, count, source)
}

/// Up to eight bytes as a little-endian number.
pub(super) fn word(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

/// The registers that a delivery interrupted. Those that it changes are read back from the frame it pushed.
pub(super) fn interrupted(machine: &Machine, delivered: &Delivered, frames: &[MemoryAccess]) -> CpuState {
    let pushed = |slot: u64| {
        let linear = delivered.stack.wrapping_add(8 * slot);
        let store = frames.iter().rev().find(|store| store.linear == linear);
        store.map_or(0, |store| store.value)
    };
    let error_code = u64::from(matches!(delivered.event, Event::Exception(exception) if exception.has_error_code()));
    let slot = |index: u64| pushed(error_code + index);
    let mut state = CpuState::of(&machine.cpu);
    state.rip = slot(0);
    state.selectors[1] = slot(1) as u16;
    state.rflags = slot(2);
    state.registers[4] = slot(3);
    state.selectors[2] = slot(4) as u16;
    state.cpl = (slot(1) & 3) as u8;
    state
}

/// The physical page that a walk leads to.
pub(super) fn translated(walk: &paging::Walk) -> Option<u64> {
    let paging::End::Page { size, .. } = walk.end else { return None };
    let leaf = walk.steps().last()?.value;
    Some(leaf & 0x000f_ffff_ffff_f000 & !size.offset_mask())
}

/// Maximum length of an instruction in bytes (SDM vol. 2 2.3.11).
pub(super) const LONGEST: u64 = 15;

/// The instruction in GNU syntax and its bytes.
pub(super) fn describe(begun: &Begun, machine: &Machine) -> (String, Vec<u8>) {
    let Some(instruction) = &begun.instruction else {
        return (format!("fetch at {:#x}", begun.cpu.rip), code_bytes(&begun.cpu, machine, LONGEST));
    };
    (in_words(instruction), code_bytes(&begun.cpu, machine, instruction.len() as u64))
}

/// The instruction in GNU syntax.
pub(super) fn in_words(instruction: &Instruction) -> String {
    let mut text = String::new();
    GasFormatter::new().format(instruction, &mut text);
    text
}

/// The first `length` bytes at RIP, as far as the page tables map them.
pub(super) fn code_bytes(cpu: &Cpu, machine: &Machine, length: u64) -> Vec<u8> {
    let bytes = (0..length).map_while(|offset| {
        Some(machine.memory.read_u8(lookup::physical(cpu, &machine.memory, cpu.rip.wrapping_add(offset))?))
    });
    bytes.collect()
}
