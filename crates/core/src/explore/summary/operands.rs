//! Operands of instructions: registers by their names, memory by the accesses that the machine reports.

use super::guard::Held;
use super::shadow::{Frame, Shadow};
use super::value::{GS, Origin, Source, Value, ones};
use crate::machine::Register as Number;
use crate::machine::observe::{AccessKind, MemoryAccess};
use iced_x86::{Instruction, Mnemonic as M, OpKind, Register};

/// A general register: its number, and the bits that the name stands for.
#[derive(Clone, Copy)]
pub(super) struct Name {
    pub(super) number: usize,
    pub(super) shift: i8,
    pub(super) bits: u32,
}

pub(super) fn name(register: Register) -> Option<Name> {
    // The library numbers them so: by width, and within a width as they are encoded.
    const WIDTHS: [(Register, Register, usize, i8, u32); 6] = [
        (Register::AL, Register::BL, 0, 0, 8),
        (Register::AH, Register::BH, 0, 8, 8),
        (Register::SPL, Register::R15L, 4, 0, 8),
        (Register::AX, Register::R15W, 0, 0, 16),
        (Register::EAX, Register::R15D, 0, 0, 32),
        (Register::RAX, Register::R15, 0, 0, 64),
    ];
    let within = |&&(first, last, ..): &&(Register, Register, usize, i8, u32)| first <= register && register <= last;
    let &(first, _, start, shift, bits) = WIDTHS.iter().find(within)?;
    Some(Name { number: register as usize - first as usize + start, shift, bits })
}

pub(super) const RSP: usize = Number::Rsp as usize;

/// An operand: what it holds, what it is on the machine, and how many bits it has.
#[derive(Clone, Copy)]
pub(super) struct Given {
    pub(super) held: Held,
    pub(super) sample: u64,
    pub(super) bits: u32,
}

impl Given {
    pub(super) fn number(sample: u64, bits: u32) -> Self {
        Self { held: Held::KNOWN, sample: sample & ones(bits), bits }
    }
}

/// The bits of an operand of AND that matter, if the other one is known.
pub(super) fn only(given: Given, other: Given) -> Given {
    match (given.held, other.held) {
        (Held::Word(value), Held::KNOWN) => {
            Given { held: Held::Word(value.masked(other.sample)), sample: given.sample & other.sample, ..given }
        }
        _ => given,
    }
}

/// Of the instructions that have a rule: whether it moves the stack pointer by itself.
pub(super) fn moves_stack(mnemonic: M) -> bool {
    matches!(mnemonic, M::Push | M::Pop | M::Pushfq | M::Call | M::Ret)
}

/// Whether it delivers an event by itself: all that it accesses belongs to the delivery (SDM vol. 2, INT n/INT3/INT1).
pub(super) fn enters_handler(mnemonic: M) -> bool {
    matches!(mnemonic, M::Int | M::Int3 | M::Int1)
}

pub(super) fn is_near_target(i: &Instruction) -> bool {
    i.op0_kind() == OpKind::NearBranch64
}

/// An immediate operand, sign-extended as the instruction takes it.
pub(super) fn immediate(i: &Instruction, operand: u32) -> Option<u64> {
    i.try_immediate(operand).ok()
}

pub(super) fn size_in_bits(i: &Instruction, operand: u32) -> u32 {
    match i.op_kind(operand) {
        OpKind::Register => name(i.op_register(operand)).map_or(64, |name| name.bits),
        OpKind::Memory => 8 * i.memory_size().size() as u32,
        _ => 64,
    }
}

impl Shadow {
    // Operands

    pub(super) fn register(&mut self, register: Register) -> Option<Given> {
        let Name { number, shift, bits } = name(register)?;
        let sample = self.before[number] >> shift & ones(bits);
        let held = match self.registers[number] {
            whole if bits == 64 => whole,
            Held::Word(value) => Held::Word(value.moved(shift).masked(ones(bits))),
            sum => {
                self.look_held(sum);
                Held::KNOWN
            }
        };
        Some(Given { held, sample, bits })
    }

    /// The one data access of the instruction, which is all of its memory operand.
    pub(super) fn access(&self, bits: u32) -> Option<MemoryAccess> {
        let access = self.accesses.first()?;
        (u32::from(access.size) * 8 == bits).then_some(*access)
    }

    pub(super) fn given(&mut self, i: &Instruction, operand: u32) -> Option<Given> {
        let bits = size_in_bits(i, operand);
        match i.op_kind(operand) {
            OpKind::Register => self.register(i.op_register(operand)),
            OpKind::Memory => {
                let access = self.access(bits)?;
                let value = self.load(access.physical, access.size);
                Some(Given { held: Held::Word(value), sample: access.before, bits })
            }
            _ => Some(Given::number(immediate(i, operand)?, 64)),
        }
    }

    pub(super) fn word_of(&mut self, given: Given) -> Value {
        match given.held {
            Held::Word(value) => value,
            sum => {
                self.look_held(sum);
                Value::KNOWN
            }
        }
    }

    pub(super) fn set_register(&mut self, register: Register, held: Held) {
        let Some(Name { number, shift, bits }) = name(register) else { return };
        self.registers[number] = match (bits, held) {
            (64, held) => held,
            (32, Held::Word(value)) => Held::Word(value.masked(ones(32))),
            (_, Held::Word(value)) => self.merged(number, shift, bits, value),
            (_, sum) => {
                self.look_held(sum);
                self.merged(number, shift, bits, Value::KNOWN)
            }
        };
    }

    pub(super) fn merged(&mut self, number: usize, shift: i8, bits: u32, value: Value) -> Held {
        let mask = ones(bits) << shift;
        let old = match self.registers[number] {
            Held::Word(old) => old,
            sum => {
                self.look_held(sum);
                Value::KNOWN
            }
        };
        let joined = value.moved(-shift).over(mask, old).unwrap_or_else(|_| {
            self.look(old.masked(!mask));
            value.moved(-shift).masked(mask)
        });
        Held::Word(joined)
    }

    pub(super) fn set(&mut self, i: &Instruction, operand: u32, held: Held) {
        match i.op_kind(operand) {
            OpKind::Register => self.set_register(i.op_register(operand), held),
            _ => {
                let value = self.word_of(Given { held, sample: 0, bits: 64 });
                if let Some(access) = self.accesses.iter().rev().find(|access| access.kind == AccessKind::Write) {
                    let (physical, size) = (access.physical, access.size);
                    self.store(physical, size, value);
                }
            }
        }
    }

    /// The registers that make up the address of the memory operand.
    pub(super) fn address(i: &Instruction) -> impl Iterator<Item = usize> {
        let has_memory = (0..i.op_count()).any(|operand| i.op_kind(operand) == OpKind::Memory);
        let registers = [i.memory_base(), i.memory_index()];
        let numbers = registers.into_iter().filter_map(name).map(|name| name.number);
        numbers.filter(move |_| has_memory)
    }

    pub(super) fn look_address(&mut self, i: &Instruction) {
        Self::address(i).for_each(|number| self.look_register(number));
        if i.segment_prefix() == Register::GS {
            self.look_register(GS);
        }
        if moves_stack(i.mnemonic()) || i.mnemonic() == M::Iretq {
            self.look_register(RSP);
        }
    }

    /// A load through a pointer. Only the pointer's page and alignment count as inspected, so the loaded value is opaque.
    pub(super) fn loads_blindly(&mut self, i: &Instruction) -> Option<Value> {
        let origin = Origin::Load(i.ip());
        let Held::Word(pointer) = self.registers.get(name(i.memory_base())?.number).copied()? else { return None };
        let part = pointer.single()?;
        let is_plain = i.op1_kind() == OpKind::Memory
            && i.op0_kind() == OpKind::Register
            && i.memory_size().size() == 8
            && i.memory_index() == Register::None
            && i.memory_displacement64() == 0
            && !matches!(i.segment_prefix(), Register::FS | Register::GS);
        let access = self.access(64)?;
        let within = 0xff8;
        if !is_plain || self.frame == Frame::Program || access.linear & 7 != 0 || self.learned.looked.contains(&origin)
        {
            return None;
        }
        self.look(Value::of(part.masked(!within)));
        Some(Value::whole(Source::Opaque(origin)))
    }
}
