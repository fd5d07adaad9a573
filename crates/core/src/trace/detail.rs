//! Everything about one step, by taking it again under an observer that stores what it hears.

use super::{StepKind, Trace, registers};
use crate::asm::{Image, Line};
use crate::linux::layout::USER_PCID_FLUSH_MASK_PHYSICAL;
use crate::machine::observe::{ControlAccess, Delivered, MemoryAccess, TlbEvent};
use crate::machine::{Fault, Machine, Observer};
use iced_x86::{Formatter, GasFormatter, Instruction, OpKind, SymbolResolver, SymbolResult};
use std::sync::Arc;

/// A register that a step changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegisterChange {
    /// The name, as in [`registers`].
    pub name: &'static str,
    /// Before the step.
    pub before: u64,
    /// After the step.
    pub after: u64,
}

/// Everything about one step.
#[derive(Clone, Debug, PartialEq)]
pub struct StepDetail {
    /// Index of the step.
    pub index: usize,
    /// What it was.
    pub kind: StepKind,
    /// `label+offset`, or the address in hexadecimal where no code was assembled.
    pub place: String,
    /// Address of the instruction, or of the interrupted one.
    pub rip: u64,
    /// RIP after the step.
    pub rip_after: u64,
    /// Privilege level after the step.
    pub cpl_after: u8,
    /// RFLAGS after the step.
    pub rflags_after: u64,
    /// CR4 before the step.
    pub cr4: u64,
    /// The instruction as decoded; none if an injection struck or nothing could be fetched. [`att`] writes it.
    pub decoded: Option<Instruction>,
    /// The bytes of the instruction, as assembled.
    pub bytes: Vec<u8>,
    /// The source line with the macro calls that led to it.
    pub line: Option<Line>,
    /// Registers that changed, in the order of [`registers`], without RIP.
    pub registers: Vec<RegisterChange>,
    /// Accesses to memory in order, without instruction fetches.
    pub memory: Vec<MemoryAccess>,
    /// What the translation caches did, in order.
    pub tlb: Vec<TlbEvent>,
    /// Accesses to control registers.
    pub control: Vec<ControlAccess>,
    /// The faults that the instruction or a delivery raised, first cause first.
    pub faults: Vec<Fault>,
    /// The event that was delivered, with its frame.
    pub delivered: Option<Delivered>,
    /// `user_pcid_flush_mask` before and after.
    pub pending_flush: (u16, u16),
}

/// A step that was taken again.
#[derive(Clone, Debug)]
pub struct Retaken {
    /// The state before it.
    pub before: Machine,
    /// The state after it.
    pub after: Machine,
    /// Everything about it.
    pub detail: StepDetail,
}

/// Takes step `index` of `trace` again.
pub(super) fn retake(trace: &Trace, index: usize) -> Option<Retaken> {
    let step = trace.steps.get(index)?;
    let before = trace.machine_before(index);
    let mut after = before.clone();
    let mut seen = Seen::default();
    trace.replay(&mut after, index, &mut seen);
    let image = &trace.system.image;
    let detail = StepDetail {
        index,
        kind: step.kind,
        place: trace.place_name(index),
        rip: step.rip,
        rip_after: after.cpu.rip,
        cpl_after: after.cpu.cpl,
        rflags_after: after.cpu.rflags,
        cr4: before.cpu.cr4,
        bytes: seen.instruction.as_ref().map_or_else(Vec::new, |instruction| bytes(image, instruction)),
        decoded: seen.instruction,
        line: trace.line(index).cloned(),
        registers: changes(&before, &after),
        memory: seen.memory,
        tlb: seen.tlb,
        control: seen.control,
        faults: seen.faults,
        delivered: seen.delivered,
        pending_flush: (mask(&before), mask(&after)),
    };
    Some(Retaken { before, after, detail })
}

#[derive(Default)]
struct Seen {
    instruction: Option<Instruction>,
    memory: Vec<MemoryAccess>,
    tlb: Vec<TlbEvent>,
    control: Vec<ControlAccess>,
    faults: Vec<Fault>,
    delivered: Option<Delivered>,
}

impl Observer for Seen {
    fn before(&mut self, _: &Machine, instruction: &Instruction) {
        self.instruction = Some(*instruction);
    }
    fn memory(&mut self, access: &MemoryAccess) {
        self.memory.push(*access);
    }
    fn tlb(&mut self, event: &TlbEvent) {
        self.tlb.push(*event);
    }
    fn control(&mut self, access: &ControlAccess) {
        self.control.push(*access);
    }
    fn fault(&mut self, fault: &Fault) {
        self.faults.push(fault.clone());
    }
    fn delivered(&mut self, _: &Machine, delivered: &Delivered) {
        self.delivered = Some(delivered.clone());
    }
}

fn mask(machine: &Machine) -> u16 {
    machine.memory.read_u16(USER_PCID_FLUSH_MASK_PHYSICAL)
}

fn changes(before: &Machine, after: &Machine) -> Vec<RegisterChange> {
    registers(&before.cpu)
        .zip(registers(&after.cpu))
        .filter(|((_, before), (_, after))| before != after)
        .map(|((name, before), (_, after))| RegisterChange { name, before, after })
        .collect()
}

/// The instruction in AT&T syntax. A branch target that is a label of the image has its name.
pub fn att(image: &Arc<Image>, instruction: &Instruction) -> String {
    let resolver = Labels(Arc::clone(image));
    let mut formatter = GasFormatter::with_options(Some(Box::new(resolver)), None);
    let options = formatter.options_mut();
    options.set_uppercase_hex(false);
    options.set_space_after_operand_separator(true);
    options.set_small_hex_numbers_in_decimal(true);
    let mut text = String::new();
    formatter.format(instruction, &mut text);
    text
}

struct Labels(Arc<Image>);

impl SymbolResolver for Labels {
    fn symbol(
        &mut self,
        instruction: &Instruction,
        _operand: u32,
        _instruction_operand: Option<u32>,
        address: u64,
        _size: u32,
    ) -> Option<SymbolResult<'_>> {
        // An immediate or a displacement that happens to equal an address does not refer to it.
        if instruction.op0_kind() != OpKind::NearBranch64 {
            return None;
        }
        let symbols = self.0.symbols.iter();
        let mut names = symbols.filter(|&(_, &at)| at == address).map(|(name, _)| name.as_str());
        let first = names.clone().next()?;
        let global = names.find(|name| !name.starts_with(".L")).unwrap_or(first);
        Some(SymbolResult::with_str(address, global))
    }
}

fn bytes(image: &Image, instruction: &Instruction) -> Vec<u8> {
    let section = image.sections.iter().find_map(|section| {
        let start = usize::try_from(instruction.ip().checked_sub(section.base)?).ok()?;
        section.bytes.get(start..start.checked_add(instruction.len())?)
    });
    section.unwrap_or(&[]).to_vec()
}
