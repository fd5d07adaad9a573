//! Prefixes written before a mnemonic, and those that an instruction brings itself.

use super::operand::{Operand, OperandKind};
use super::register::{Class, Register, Width};
use super::report::{Cause, Fault};
use super::table::{Choice, Kind};

/// Prefixes by name. A prefix may be a statement by itself; it then only emits its byte.
#[rustfmt::skip]
pub(super) const PREFIXES: [(&str, u8); 20] = [
    ("lock", 0xF0), ("rep", 0xF3), ("repe", 0xF3), ("repz", 0xF3), ("repne", 0xF2), ("repnz", 0xF2), ("bnd", 0xF2),
    ("data16", 0x66), ("addr32", 0x67), ("notrack", 0x3E), ("cs", 0x2E), ("ds", 0x3E), ("fs", 0x64), ("gs", 0x65),
    ("rex64", 0x48), ("rex", 0x40), ("rex.w", 0x48), ("rex.b", 0x41), ("rex.x", 0x42), ("rex.r", 0x44),
];

/// Instructions that accept LOCK if their destination is in memory (SDM vol. 2, LOCK).
const LOCKABLE: [&str; 18] = [
    "add",
    "adc",
    "and",
    "btc",
    "btr",
    "bts",
    "cmpxchg",
    "cmpxchg8b",
    "cmpxchg16b",
    "dec",
    "inc",
    "neg",
    "not",
    "or",
    "sbb",
    "sub",
    "xadd",
    "xor",
];

/// Instructions that accept REP and REPNE: string instructions, and those that the prefix bytes turn into another
/// instruction.
const REPEATABLE: [&str; 11] = ["movs", "cmps", "stos", "lods", "scas", "ins", "outs", "nop", "ret", "bsf", "bsr"];

/// Prefix bytes by group, in the order in which GNU `as` writes them. An instruction has one of each group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Prefixes {
    segment: Option<u8>,
    address: Option<u8>,
    data: Option<u8>,
    repeat: Option<u8>,
    lock: Option<u8>,
    rex: u8,
}

impl Prefixes {
    fn group(&mut self, byte: u8) -> &mut Option<u8> {
        match byte {
            0x66 => &mut self.data,
            0x67 => &mut self.address,
            0xF0 => &mut self.lock,
            0xF2 | 0xF3 => &mut self.repeat,
            _ => &mut self.segment,
        }
    }

    /// Adds a prefix from the text; false if its group is taken.
    pub(super) fn add(&mut self, byte: u8) -> bool {
        if matches!(byte, 0x40..=0x4F) {
            let free = self.rex & byte & 0x0F == 0;
            self.rex |= byte;
            return free;
        }
        let group = self.group(byte);
        let free = group.is_none();
        *group = Some(byte);
        free
    }

    /// Adds a prefix that the instruction brings itself. The text may repeat only an address size.
    pub(super) fn demand(&mut self, byte: u8) -> Result<(), Fault> {
        let group = self.group(byte);
        if group.is_some_and(|written| written != byte || byte == 0x66) {
            return Err(Cause::new("", "the operands already imply a prefix that is written, or contradict it")
                .hint("leave the prefix out: registers and suffix imply it"));
        }
        *group = Some(byte);
        Ok(())
    }

    /// Adds the REX bits that the operands need. The text may repeat none of them.
    pub(super) fn demand_rex(&mut self, rex: u8) -> Result<(), Fault> {
        if self.rex & rex & 0x0F != 0 {
            return Err(Cause::new("", "the operands already imply a REX bit that is written")
                .hint("leave the prefix out, or write `rex` without that letter"));
        }
        self.rex |= rex;
        Ok(())
    }

    pub(super) fn bytes(&self) -> impl Iterator<Item = u8> {
        let rex = (self.rex != 0).then_some(self.rex);
        [self.segment, self.address, self.data, self.repeat, self.lock, rex].into_iter().flatten()
    }
}

/// Whether the prefix `word` may precede the instruction.
pub(super) fn check(word: &str, choice: &Choice, operands: &[Operand]) -> Result<(), Fault> {
    let row = choice.row;
    let in_memory =
        |operand: Option<&Operand>| operand.is_some_and(|operand| matches!(operand.kind, OperandKind::Memory(_)));
    let (holds, hint) = match word {
        "lock" if row.name == "xchg" => (operands.iter().any(|operand| in_memory(Some(operand))), LOCK),
        "lock" => (LOCKABLE.contains(&row.name) && in_memory(operands.last()), LOCK),
        "rep" | "repe" | "repz" | "repne" | "repnz" => {
            let shape = row.name != "nop" || operands.is_empty();
            (shape && REPEATABLE.contains(&row.name), "use it with string instructions; before a jump it means nothing")
        }
        "data16" => {
            let narrowed = |kind: &Kind| is_target(*kind) || *kind == Kind::Imm32;
            (!choice.guessed && !row.operands.iter().any(narrowed), "write the width at the mnemonic, as in `pushw`")
        }
        "addr32" => {
            let suits = |(kind, operand): (&Kind, &Operand)| *kind == Kind::Target8 || has_32_bit_address(operand);
            let brings_it = row.how.prefix == Some(0x67);
            (!brings_it && row.operands.iter().zip(operands).all(suits), "write the address with 32-bit registers")
        }
        // GNU `as` drops what means nothing to a jump, and keeps the hints about its direction.
        "fs" | "gs" => (!row.operands.iter().any(|kind| is_target(*kind)), "it means nothing to a jump"),
        "cs" | "ds" => {
            let nothing = |kind: &Kind| matches!(kind, Kind::Target32 | Kind::Target8);
            (!row.operands.iter().any(nothing), "it means nothing to a call or loop")
        }
        "bnd" => (matches!(row.name, "jmp" | "j" | "call" | "ret"), "use it with jumps, calls and returns"),
        "notrack" => (row.operands.first() == Some(&Kind::Indirect), "use it with indirect jumps and calls"),
        _ => (true, ""),
    };
    match holds {
        true => Ok(()),
        false => Err(Cause::new(word, format!("`{word}` does not apply to this instruction")).hint(hint)),
    }
}

fn is_target(kind: Kind) -> bool {
    matches!(kind, Kind::Target | Kind::Target32 | Kind::Target8)
}

/// Whether the operand is an address of 32-bit registers.
fn has_32_bit_address(operand: &Operand) -> bool {
    let OperandKind::Memory(memory) = &operand.kind else { return true };
    let narrow = |register: Register| matches!(register.class, Class::General(Width::L) | Class::Instruction(Width::L));
    memory.base.or(memory.index).is_some_and(narrow)
}

const LOCK: &str = "use it with an instruction that reads, changes and writes memory; others raise #UD with it";
