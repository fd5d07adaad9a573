//! The fields in which two results may differ, and whether a disagreement stays within the fields of its limit.

use super::disagreement::Disagreement;
use crate::difference::Difference;
use crate::processor::{CpuState, Outcome};
use cr3_core::machine::cpu::GENERAL;
use iced_x86::{FlowControl, Instruction, InstructionInfoFactory, Mnemonic, OpAccess, OpKind, Register as Name};

/// What may differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// One raised an exception where the other retired or raised another one. RIP, CR2 and what the instruction writes
    /// then differ too.
    Outcome,
    /// Bytes that one of them stored, or flags of page tables.
    Memory,
    /// The registers that the instruction writes, except RIP.
    Written,
    /// The first operand.
    Destination,
    /// The upper halves of the registers that the instruction writes.
    UpperHalf,
    /// Flags within a mask.
    Flags(u64),
    /// General registers and the status flags.
    General,
    /// RIP.
    Rip,
    /// RSP and RBP.
    Stack,
    /// What a return to another privilege level loads.
    Far,
    /// CR0, CR3, CR4 and EFER.
    Control,
    /// Model-specific registers and the bases of FS and GS.
    ModelSpecific,
    /// GDTR, IDTR and TR.
    Tables,
}

const FAR: [&str; 13] =
    ["rip", "rsp", "rflags", "cpl", "es", "cs", "ss", "ds", "fs", "gs", "fs_base", "gs_base", "kernel_gs_base"];
const CONTROL: [&str; 4] = ["cr0", "cr3", "cr4", "efer"];
const TABLES: [&str; 5] = ["gdtr_base", "gdtr_limit", "idtr_base", "idtr_limit", "tr"];
const MODEL_SPECIFIC: [&str; 9] =
    ["efer", "star", "lstar", "fmask", "fs_base", "gs_base", "kernel_gs_base", "tsc_aux", "mcg_status"];

impl Disagreement<'_> {
    /// Whether only `fields` differ, and our machine's result is plausible by itself: under a limit nothing else
    /// vouches for it.
    pub(super) fn within(&self, fields: &[Field]) -> bool {
        let admitted = |difference: &Difference| fields.iter().any(|field| self.admits(*field, difference));
        self.differences.iter().all(admitted) && self.plausible(fields)
    }

    /// Whether our machine, where the two differ, changed only what the instruction writes or the limit is about.
    fn plausible(&self, fields: &[Field]) -> bool {
        let Some(instruction) = self.instruction else { return true };
        let before = CpuState::of(self.before).fields();
        self.differences.iter().all(|difference| {
            let Difference::Register { name, ours, .. } = difference else { return true };
            let was = before.iter().find(|(field, _)| field == name).map_or(0, |(_, value)| *value);
            was == *ours || self.may_become(instruction, fields, name, was, *ours)
        })
    }

    fn may_become(&self, instruction: &Instruction, fields: &[Field], name: &str, was: u64, ours: u64) -> bool {
        if matches!(self.ours.outcome, Outcome::Raised(_)) {
            return left_by_exception(instruction, name);
        }
        name == "rip" && ours == instruction.next_ip()
            || name == "rflags"
            || self.admits_register(Field::Written, name, was ^ ours)
            || fields.iter().any(|field| self.explains_change(*field, name, was ^ ours))
    }

    /// Whether a limit about `field` explains a change of our register `name`. Only branches may move RIP elsewhere.
    fn explains_change(&self, field: Field, name: &str, bits: u64) -> bool {
        let branches = self.instruction.is_some_and(|instruction| instruction.flow_control() != FlowControl::Next);
        field != Field::Outcome && (name != "rip" || branches) && self.admits_register(field, name, bits)
    }

    fn admits(&self, field: Field, difference: &Difference) -> bool {
        match *difference {
            Difference::Outcome { .. } => field == Field::Outcome,
            Difference::Memory { .. } => field == Field::Memory || field == Field::Destination && self.stores_first(),
            Difference::Register { name, ours, theirs } => self.admits_register(field, name, ours ^ theirs),
        }
    }

    fn admits_register(&self, field: Field, name: &str, bits: u64) -> bool {
        match field {
            Field::Outcome => self.outcomes_differ() && (matches!(name, "rip" | "cr2") || self.writes(name, bits)),
            Field::Memory => false,
            Field::Written => name != "rip" && self.writes(name, bits),
            Field::Destination => {
                self.instruction.is_some_and(|instruction| is_named(instruction.op0_register(), name))
            }
            Field::UpperHalf => bits & 0xffff_ffff == 0 && self.writes(name, bits),
            Field::Flags(mask) => name == "rflags" && bits & !mask == 0,
            Field::General => {
                GENERAL.contains(&name) || name == "rflags" && bits & !cr3_core::machine::rflags::STATUS == 0
            }
            Field::Rip => name == "rip",
            Field::Stack => matches!(name, "rsp" | "rbp"),
            Field::Far => FAR.contains(&name),
            Field::Control => CONTROL.contains(&name),
            Field::ModelSpecific => MODEL_SPECIFIC.contains(&name),
            Field::Tables => TABLES.contains(&name),
        }
    }

    fn outcomes_differ(&self) -> bool {
        self.ours.outcome != self.theirs.outcome
    }

    fn stores_first(&self) -> bool {
        self.instruction.is_some_and(|instruction| instruction.op0_kind() == OpKind::Memory)
    }

    fn writes(&self, name: &str, bits: u64) -> bool {
        self.instruction.is_some_and(|instruction| writes(instruction, name, bits))
    }
}

/// Whether an exception of `instruction` may change the register: CR2, RF in the pushed flags, RIP after INT n, and
/// what a repeated string instruction changed before an iteration faulted.
fn left_by_exception(instruction: &Instruction, name: &str) -> bool {
    let interrupts = matches!(instruction.mnemonic(), Mnemonic::Int | Mnemonic::Int1 | Mnemonic::Int3);
    let strings = instruction.is_string_instruction() && matches!(name, "rcx" | "rsi" | "rdi");
    matches!(name, "cr2" | "rflags") || interrupts && name == "rip" || strings
}

/// Whether `instruction` writes the register `name`; of the flags, those in `bits`.
fn writes(instruction: &Instruction, name: &str, bits: u64) -> bool {
    if name == "rflags" {
        return bits & !modified_flags(instruction) == 0;
    }
    let mut factory = InstructionInfoFactory::new();
    let written = |access| {
        matches!(access, OpAccess::Write | OpAccess::CondWrite | OpAccess::ReadWrite | OpAccess::ReadCondWrite)
    };
    let info = factory.info(instruction);
    info.used_registers().iter().any(|used| written(used.access()) && is_named(used.register(), name))
}

fn modified_flags(instruction: &Instruction) -> u64 {
    use cr3_core::machine::rflags::{AC, AF, CF, DF, IF, OF, PF, SF, ZF};
    use iced_x86::RflagsBits as Bits;
    let pairs = [
        (Bits::OF, OF),
        (Bits::SF, SF),
        (Bits::ZF, ZF),
        (Bits::AF, AF),
        (Bits::CF, CF),
        (Bits::PF, PF),
        (Bits::DF, DF),
        (Bits::IF, IF),
        (Bits::AC, AC),
    ];
    let modified = instruction.rflags_modified();
    pairs.into_iter().filter(|(bit, _)| modified & bit != 0).map(|(_, flag)| flag).sum()
}

/// Whether the decoder's register is, or is part of, the field that [`CpuState::fields`] calls `field`.
fn is_named(register: Name, field: &str) -> bool {
    let base = match register {
        Name::FS => "fs_base",
        Name::GS => "gs_base",
        _ => "",
    };
    field == base || format!("{:?}", register.full_register()).eq_ignore_ascii_case(field)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cr3_core::machine::rflags::{CF, IF, ZF};
    use iced_x86::{Decoder, DecoderOptions};

    fn check(code: &[u8], written: &[&str]) {
        let instruction = Decoder::new(64, code, DecoderOptions::NONE).decode();
        let fields = CpuState::default().fields();
        let found: Vec<&str> =
            fields.iter().map(|(name, _)| *name).filter(|name| writes(&instruction, name, CF)).collect();
        assert_eq!(found, written, "{instruction}");
    }

    #[test]
    fn what_an_instruction_writes() {
        check(&[0x48, 0x01, 0xd8], &["rax", "rflags"]);
        check(&[0x0f, 0xbc, 0xc8], &["rcx", "rflags"]);
        check(&[0x50], &["rsp"]);
        check(&[0x0f, 0xa9], &["rsp", "gs", "gs_base"]);
        check(&[0x0f, 0x22, 0xc0], &["rflags", "cr0"]);
        check(&[0xeb, 0xfe], &[]);
    }

    #[test]
    fn flags_are_written_one_by_one() {
        let increment = Decoder::new(64, &[0x48, 0xff, 0xc0], DecoderOptions::NONE).decode();
        assert!(writes(&increment, "rflags", ZF));
        assert!(!writes(&increment, "rflags", CF));
        assert!(!writes(&increment, "rflags", ZF | IF));
    }
}
