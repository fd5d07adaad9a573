//! What each instruction moves, and what it looks at. One without a rule looks at everything.
//!
//! Everything that the processor looks at by itself is part of every key: control and segment registers, the flags of the system,
//! words of tables, descriptors and text that change.

use super::guard::{Comparison, Flags, Guard, Held, Item, Operand, Slot, seen_by};
use super::shadow::{Frame, Shadow, bits_of};
use super::value::{CR2, GS, KERNEL_GS, Loc, Origin, Part, REGISTERS, RIP, Source, Value, ones};
use crate::explore::journal::words;
use crate::machine::observe::{AccessKind, Delivered, MemoryAccess};
use crate::machine::rflags::{CF, RF, STATUS};
use crate::machine::{Event, Fault, Machine, Observer, Register as Number};
use iced_x86::{Instruction, Mnemonic as M, OpKind, Register};

/// A general register: its number, and the bits that the name stands for.
#[derive(Clone, Copy)]
struct Name {
    number: usize,
    shift: i8,
    bits: u32,
}

fn name(register: Register) -> Option<Name> {
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

const RSP: usize = Number::Rsp as usize;

/// IA32_GS_BASE and IA32_KERNEL_GS_BASE (SDM vol. 4 table 2-2).
const GS_BASE: u32 = 0xc000_0101;
const KERNEL_GS_BASE: u32 = 0xc000_0102;

/// An operand: what it holds, what it is on the machine, and how many bits it has.
#[derive(Clone, Copy)]
struct Given {
    held: Held,
    sample: u64,
    bits: u32,
}

impl Given {
    fn number(sample: u64, bits: u32) -> Self {
        Self { held: Held::KNOWN, sample: sample & ones(bits), bits }
    }
}

/// The bits of an operand of AND that matter, if the other one is known.
fn only(given: Given, other: Given) -> Given {
    match (given.held, other.held) {
        (Held::Word(value), Held::KNOWN) => Given { held: Held::Word(value.masked(other.sample)), sample: given.sample & other.sample, ..given },
        _ => given,
    }
}

/// The condition of a jump, as its instruction encodes it.
fn condition(mnemonic: M) -> Option<u8> {
    const JUMPS: [M; 16] = [
        M::Jo,
        M::Jno,
        M::Jb,
        M::Jae,
        M::Je,
        M::Jne,
        M::Jbe,
        M::Ja,
        M::Js,
        M::Jns,
        M::Jp,
        M::Jnp,
        M::Jl,
        M::Jge,
        M::Jle,
        M::Jg,
    ];
    JUMPS.iter().position(|&jump| jump == mnemonic).map(|position| position as u8)
}

/// Of the instructions that have a rule: whether it moves the stack pointer by itself.
fn moves_stack(mnemonic: M) -> bool {
    matches!(mnemonic, M::Push | M::Pop | M::Pushfq | M::Call | M::Ret)
}

fn is_near_target(i: &Instruction) -> bool {
    i.op0_kind() == OpKind::NearBranch64
}

/// An immediate operand, sign-extended as the instruction takes it.
fn immediate(i: &Instruction, operand: u32) -> Option<u64> {
    i.try_immediate(operand).ok()
}

fn size_in_bits(i: &Instruction, operand: u32) -> u32 {
    match i.op_kind(operand) {
        OpKind::Register => name(i.op_register(operand)).map_or(64, |name| name.bits),
        OpKind::Memory => 8 * i.memory_size().size() as u32,
        _ => 64,
    }
}

impl Shadow {
    // Operands

    fn register(&mut self, register: Register) -> Option<Given> {
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
    fn access(&self, bits: u32) -> Option<MemoryAccess> {
        let access = self.accesses.first()?;
        (u32::from(access.size) * 8 == bits).then_some(*access)
    }

    fn given(&mut self, i: &Instruction, operand: u32) -> Option<Given> {
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

    fn word_of(&mut self, given: Given) -> Value {
        match given.held {
            Held::Word(value) => value,
            sum => {
                self.look_held(sum);
                Value::KNOWN
            }
        }
    }

    fn set_register(&mut self, register: Register, held: Held) {
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

    fn merged(&mut self, number: usize, shift: i8, bits: u32, value: Value) -> Held {
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

    fn set(&mut self, i: &Instruction, operand: u32, held: Held) {
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
    fn address(i: &Instruction) -> impl Iterator<Item = usize> {
        let has_memory = (0..i.op_count()).any(|operand| i.op_kind(operand) == OpKind::Memory);
        let registers = [i.memory_base(), i.memory_index()];
        let numbers = registers.into_iter().filter_map(name).map(|name| name.number);
        numbers.filter(move |_| has_memory)
    }

    fn look_address(&mut self, i: &Instruction) {
        Self::address(i).for_each(|number| self.look_register(number));
        if i.segment_prefix() == Register::GS {
            self.look_register(GS);
        }
        if moves_stack(i.mnemonic()) || i.mnemonic() == M::Iretq {
            self.look_register(RSP);
        }
    }

    /// A load through a pointer of which the page is looked at, and no more: then what is loaded is opaque.
    fn loads_blindly(&mut self, i: &Instruction) -> Option<Value> {
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
        if !is_plain || self.frame == Frame::Program || access.linear & 7 != 0 || self.learned.looked.contains(&origin) {
            return None;
        }
        self.look(Value::of(part.masked(!within)));
        Some(Value::whole(Source::Opaque(origin)))
    }

    // Instructions

    fn follow(&mut self, machine: &Machine, i: &Instruction) {
        if self.registers[RIP] != Held::KNOWN {
            self.look_register(RIP);
            self.registers[RIP] = Held::KNOWN;
        }
        if i.mnemonic() == M::Mov
            && Self::address(i).any(|number| self.registers[number] != Held::KNOWN)
            && let Some(value) = self.loads_blindly(i)
        {
            return self.set(i, 0, Held::Word(value));
        }
        self.look_address(i);
        if self.rule(machine, i).is_none() {
            self.look_at_all();
        }
        if !matches!(i.mnemonic(), M::Iretq) {
            self.flags.clear_resume();
        }
    }

    /// Nothing if there is none.
    fn rule(&mut self, machine: &Machine, i: &Instruction) -> Option<()> {
        use M::{
            Add, And, Bt, Btr, Bts, Call, Clac, Cld, Cli, Cmp, Dec, Endbr64, Hlt, Inc, Invlpg, Jmp, Lea, Lfence, Lsl, Mfence, Mov,
            Movsq, Movsx, Movsxd, Movzx, Nop, Or, Pause, Pop, Push, Pushfq, Rdgsbase, Rdmsr, Ret, Sfence, Stac, Std, Sti, Sub,
            Swapgs, Test, Verw, Wrgsbase, Wrmsr, Xor,
        };
        match i.mnemonic() {
            Nop | Endbr64 | Clac | Stac | Cld | Std | Cli | Sti | Lfence | Mfence | Sfence | Pause | Hlt | Invlpg => Some(()),
            Swapgs => {
                self.registers.swap(GS, KERNEL_GS);
                Some(())
            }
            Mov => self.moves(i),
            Movzx => self.extends(i),
            Movsx | Movsxd => self.looks_and_sets(i),
            Push => self.pushes(i),
            Pop => self.pops(i),
            Pushfq => self.pushes_flags(),
            Call => self.calls(i),
            Ret => self.returns(),
            Jmp => self.jumps(i),
            Lea => self.loads_address(i),
            Movsq => self.copies(i),
            Cmp | Test => self.compares(i),
            Add | Sub | Inc | Dec | And => self.computes(i),
            Or | Xor => self.combines(i),
            Bt | Btr | Bts => self.bit(i),
            Verw | Lsl => self.looks_and_compares(i),
            Rdgsbase => {
                self.set(i, 0, self.registers[GS]);
                Some(())
            }
            Wrgsbase => self.writes_base(i),
            Rdmsr => self.reads_msr(),
            Wrmsr => self.writes_msr(),
            M::Iretq => self.interrupt_returns(machine),
            mnemonic => self.jumps_if(condition(mnemonic)?),
        }
    }

    fn looks_at(&mut self, registers: &[Number]) -> Option<()> {
        registers.iter().for_each(|&number| self.look_register(number as usize));
        Some(())
    }

    fn writes_base(&mut self, i: &Instruction) -> Option<()> {
        let given = self.given(i, 0)?;
        let value = self.word_of(given);
        // A base that is not canonical faults.
        self.registers[GS] = if given.bits == 64 { Held::Word(value) } else { Held::KNOWN };
        (given.bits == 64).then_some(())
    }

    fn writes_msr(&mut self) -> Option<()> {
        self.looks_at(&[Number::Rax, Number::Rcx, Number::Rdx])?;
        match self.before[Number::Rcx as usize] as u32 {
            GS_BASE => self.registers[GS] = Held::KNOWN,
            KERNEL_GS_BASE => self.registers[KERNEL_GS] = Held::KNOWN,
            _ => {}
        }
        Some(())
    }

    fn sets_known(&mut self, i: &Instruction) -> Option<()> {
        self.set(i, 0, Held::KNOWN);
        Some(())
    }

    fn looks_and_sets(&mut self, i: &Instruction) -> Option<()> {
        let given = self.given(i, 1)?;
        self.look_held(given.held);
        self.sets_known(i)
    }

    /// VERW and LSL read a descriptor, and set ZF alone.
    fn looks_and_compares(&mut self, i: &Instruction) -> Option<()> {
        let last = i.op_count().checked_sub(1)?;
        if i.op_kind(last) == OpKind::Register {
            let given = self.given(i, last)?;
            self.look_held(given.held);
        }
        for access in self.accesses.clone() {
            let value = self.load(access.physical, access.size);
            self.look(value);
            if access.kind == AccessKind::Write {
                self.store(access.physical, access.size, Value::KNOWN);
            }
        }
        if i.mnemonic() == M::Lsl {
            let given = self.given(i, 0)?;
            self.look_held(given.held);
            self.set(i, 0, Held::KNOWN);
        }
        self.look_flags();
        self.flags = Flags::KNOWN;
        Some(())
    }

    fn moves(&mut self, i: &Instruction) -> Option<()> {
        let [to, from] = [i.op0_register(), i.op1_register()];
        let is_register = |operand| i.op_kind(operand) == OpKind::Register;
        match () {
            () if is_register(0) && to == Register::CR2 => {
                let given = self.given(i, 1)?;
                self.registers[CR2] = Held::Word(self.word_of(given));
            }
            () if is_register(1) && from == Register::CR2 => self.set(i, 0, self.registers[CR2]),
            () if is_register(0) && !to.is_gpr() => {
                let given = self.given(i, 1)?;
                self.look_held(given.held);
                self.load_and_look();
                if to == Register::GS {
                    // A null selector leaves the base alone on some processors.
                    self.look_register(GS);
                    self.registers[GS] = Held::KNOWN;
                }
            }
            // Control, debug and segment registers are part of the key.
            () if is_register(1) && !from.is_gpr() => self.set(i, 0, Held::KNOWN),
            () if i.op1_kind() == OpKind::Memory || is_register(1) => {
                let given = self.given(i, 1)?;
                self.set(i, 0, given.held);
            }
            () => self.set(i, 0, Held::KNOWN),
        }
        Some(())
    }

    fn extends(&mut self, i: &Instruction) -> Option<()> {
        let given = self.given(i, 1)?;
        let value = self.word_of(given).masked(ones(given.bits));
        let to = name(i.op0_register())?;
        self.registers[to.number] = Held::Word(value);
        (to.bits >= 32).then_some(())
    }

    fn pushes(&mut self, i: &Instruction) -> Option<()> {
        let value = match i.op0_kind() {
            OpKind::Register | OpKind::Memory => {
                let given = self.given(i, 0)?;
                (given.bits == 64).then_some(())?;
                self.word_of(given)
            }
            _ => Value::KNOWN,
        };
        let write = self.accesses.iter().rev().find(|access| access.kind == AccessKind::Write && access.size == 8)?;
        self.store(write.physical, 8, value);
        Some(())
    }

    fn pops(&mut self, i: &Instruction) -> Option<()> {
        (i.op0_kind() == OpKind::Register && i.op0_register().is_gpr64()).then_some(())?;
        let access = self.access(64)?;
        let value = self.load(access.physical, 8);
        self.set(i, 0, Held::Word(value));
        Some(())
    }

    fn pushes_flags(&mut self) -> Option<()> {
        let value = self.flags_word();
        let access = self.access(64)?;
        self.store(access.physical, 8, value.masked(!RF));
        Some(())
    }

    fn flags_word(&mut self) -> Value {
        let guards: Vec<Guard> = self.flags.guards().collect();
        guards.into_iter().for_each(|guard| self.look_guard(guard));
        self.flags.word()
    }

    fn calls(&mut self, i: &Instruction) -> Option<()> {
        is_near_target(i).then_some(())?;
        let access = self.access(64)?;
        self.store(access.physical, 8, Value::KNOWN);
        Some(())
    }

    fn returns(&mut self) -> Option<()> {
        self.load_and_look();
        Some(())
    }

    fn jumps(&mut self, i: &Instruction) -> Option<()> {
        is_near_target(i).then_some(())
    }

    fn jumps_if(&mut self, condition: u8) -> Option<()> {
        let (carry, rest) = seen_by(condition);
        let used = [(carry, &self.flags.carry), (rest, &self.flags.rest)];
        let slots: Vec<Slot> = used.into_iter().filter(|(used, _)| *used).map(|(_, slot)| slot.clone()).collect();
        let differ = slots.first() != slots.last();
        for slot in slots {
            match slot {
                Slot::Known => {}
                Slot::Copied(part) => self.look_part(part),
                Slot::Compared(guard) if differ => self.look_guard(*guard),
                Slot::Compared(guard) => self.depend(Some(Item::Taken { guard: *guard, condition })),
            }
        }
        Some(())
    }

    fn loads_address(&mut self, i: &Instruction) -> Option<()> {
        // Its registers were looked at as those of an address.
        self.sets_known(i)
    }

    fn copies(&mut self, i: &Instruction) -> Option<()> {
        self.looks_at(&[Number::Rsi, Number::Rdi])?;
        if i.has_rep_prefix() {
            self.looks_at(&[Number::Rcx])?;
        }
        let accesses = self.accesses.clone();
        let pairs = accesses.chunks(2).map(|pair| match pair {
            [read, write] if read.kind == AccessKind::Read && write.kind == AccessKind::Write && read.size == write.size => {
                Some((*read, *write))
            }
            _ => None,
        });
        let pairs = pairs.collect::<Option<Vec<_>>>()?;
        for (read, write) in pairs {
            let value = self.load(read.physical, read.size);
            self.store(write.physical, write.size, value);
        }
        Some(())
    }

    fn operands(&mut self, i: &Instruction) -> Option<([Given; 2], u32)> {
        let left = self.given(i, 0)?;
        let right = match i.mnemonic() {
            M::Inc | M::Dec => Given::number(1, left.bits),
            _ => self.given(i, 1)?,
        };
        Some(([left, right], left.bits))
    }

    fn compared(&mut self, comparison: Comparison, [left, right]: [Given; 2], bits: u32) -> Slot {
        let [left, right] = match comparison {
            Comparison::And => [only(left, right), only(right, left)],
            _ => [left, right],
        };
        let operands = [self.operand(left.held, left.sample), self.operand(right.held, right.sample)];
        self.compare(comparison, operands, bits as u8)
    }

    fn compares(&mut self, i: &Instruction) -> Option<()> {
        let (given, bits) = self.operands(i)?;
        let comparison = if i.mnemonic() == M::Cmp { Comparison::Subtract } else { Comparison::And };
        let slot = self.compared(comparison, given, bits);
        self.set_flags(&slot);
        Some(())
    }

    /// ADD, SUB, INC, DEC, AND.
    fn computes(&mut self, i: &Instruction) -> Option<()> {
        let is_and = i.mnemonic() == M::And;
        if i.op0_kind() == OpKind::Memory && !is_and && self.counts(i)? {
            return Some(());
        }
        let (given, bits) = self.operands(i)?;
        let comparison = match i.mnemonic() {
            M::Add | M::Inc => Comparison::Add,
            M::And => Comparison::And,
            _ => Comparison::Subtract,
        };
        let same = i.op0_kind() == i.op1_kind() && i.op0_register() == i.op1_register() && i.op0_kind() == OpKind::Register;
        let sum = match (i.mnemonic(), given[0].held, given[1].held) {
            (_, Held::KNOWN, Held::KNOWN) => Some(Held::KNOWN),
            (M::Sub, ..) if same => None,
            (M::And, Held::Word(value), Held::KNOWN) => Some(Held::Word(value.masked(given[1].sample))),
            (M::And, Held::KNOWN, Held::Word(value)) => Some(Held::Word(value.masked(given[0].sample))),
            (M::Add | M::Inc, held, Held::KNOWN) if bits == 64 => self.sum(held, given[0].sample, given[1].sample),
            (M::Sub | M::Dec, held, Held::KNOWN) if bits == 64 => {
                self.sum(held, given[0].sample, given[1].sample.wrapping_neg())
            }
            _ => None,
        };
        let slot = match sum {
            Some(_) => self.compared(comparison, given, bits),
            None => {
                given.iter().for_each(|given| self.look_held(given.held));
                Slot::Known
            }
        };
        self.set(i, 0, sum.unwrap_or(Held::KNOWN));
        match i.mnemonic() {
            M::Inc | M::Dec => self.flags.rest = slot,
            _ => self.set_flags(&slot),
        }
        Some(())
    }

    fn sum(&mut self, held: Held, sample: u64, number: u64) -> Option<Held> {
        let operand = self.operand(held, sample);
        let is_input = operand.part.is_some_and(|part| part.input().is_some());
        is_input.then(|| Held::Sum(Operand::plus(operand, number)))
    }

    /// A word in memory that something is added to is opaque while nobody looks at it.
    fn counts(&mut self, i: &Instruction) -> Option<bool> {
        let access = *self.accesses.first()?;
        let mut touched = words(access.physical, access.size);
        let (Some((word, bytes)), None) = (touched.next(), touched.next()) else { return Some(false) };
        let origin = Origin::Count(word);
        if self.learned.keyed.contains(&word) || self.learned.marks(word) != 0 {
            return Some(false);
        }
        if self.learned.looked.contains(&origin) {
            return self.adds(i, access, word, bytes);
        }
        if i.op_count() > 1 {
            let given = self.given(i, 1)?;
            self.look_held(given.held);
        }
        self.notes.counts.add(word, bytes);
        let part = Part::whole(Source::Opaque(origin));
        let value = Value::of(part.masked(bits_of(bytes))).moved(8 * (access.physical & 7) as i8);
        self.store(access.physical, access.size, value);
        let flags = part.masked(STATUS & !CF).map_or(Slot::Known, Slot::Copied);
        if !matches!(i.mnemonic(), M::Inc | M::Dec) {
            self.flags.carry = part.masked(CF).map_or(Slot::Known, Slot::Copied);
        }
        self.flags.rest = flags;
        Some(true)
    }

    /// A known number is added to a word that is otherwise as it was interrupted. Until somebody looks, only the sum is kept.
    fn adds(&mut self, i: &Instruction, access: MemoryAccess, word: u64, bytes: u8) -> Option<bool> {
        let number = match i.mnemonic() {
            M::Inc | M::Dec => 1,
            _ => match self.given(i, 1)? {
                Given { held: Held::KNOWN, sample, .. } => sample,
                _ => return Some(false),
            },
        };
        let (comparison, signed) = match i.mnemonic() {
            M::Add | M::Inc => (Comparison::Add, number),
            _ => (Comparison::Subtract, number.wrapping_neg()),
        };
        let (shift, bits) = (8 * (access.physical & 7) as i8, 8 * u32::from(access.size));
        let before = self.sums.get(&word).map_or(0, |sum| sum >> shift);
        if self.frame == Frame::Program || !self.add(word, signed << shift, bits_of(bytes)) {
            return Some(false);
        }
        let part = Part::whole(Source::Input(Loc::Memory(word))).moved(shift).and_then(|part| part.masked(ones(bits)));
        let left = Operand { part, or: 0, add: before };
        let slot = self.compare(comparison, [left, Operand::number(number & ones(bits))], bits as u8);
        match i.mnemonic() {
            M::Inc | M::Dec => self.flags.rest = slot,
            _ => self.set_flags(&slot),
        }
        Some(true)
    }

    /// OR and XOR. What is combined with itself is zero.
    fn combines(&mut self, i: &Instruction) -> Option<()> {
        let is_zero = i.mnemonic() == M::Xor
            && i.op0_kind() == OpKind::Register
            && i.op1_kind() == OpKind::Register
            && i.op0_register() == i.op1_register();
        let (given, _) = self.operands(i)?;
        let held = match (i.mnemonic(), given[0].held, given[1].held) {
            // Marks of use stay opaque.
            (M::Or, Held::Word(value), Held::KNOWN) if i.op0_kind() == OpKind::Memory => {
                self.look(value.masked(!value.opaque()));
                Held::Word(value.masked(value.opaque() & !given[1].sample))
            }
            _ if is_zero => Held::KNOWN,
            _ => {
                given.iter().for_each(|given| self.look_held(given.held));
                Held::KNOWN
            }
        };
        self.set(i, 0, held);
        let opaque = match held {
            Held::Word(value) => value.parts().next(),
            Held::Sum(_) => None,
        };
        let slot = opaque.map_or(Slot::Known, |part| Slot::Copied(Part { mask: STATUS, ..part }));
        self.set_flags(&slot);
        Some(())
    }

    /// BT, BTR, BTS: only CF.
    fn bit(&mut self, i: &Instruction) -> Option<()> {
        if i.op0_kind() == OpKind::Memory {
            return self.bit_in_memory(i);
        }
        let (given, bits) = self.operands(i)?;
        let slot = self.compared(Comparison::Bit, given, bits);
        if i.mnemonic() != M::Bt {
            let Held::KNOWN = given[1].held else { return None };
            let bit = 1 << (given[1].sample % u64::from(bits));
            let value = self.word_of(given[0]);
            self.set(i, 0, Held::Word(value.masked(!bit)));
        }
        self.flags.carry = slot;
        Some(())
    }

    fn bit_in_memory(&mut self, i: &Instruction) -> Option<()> {
        let given = self.given(i, 1)?;
        self.look_held(given.held);
        let access = *self.accesses.first()?;
        let value = self.load(access.physical, access.size);
        self.look(value);
        if access.kind == AccessKind::Write {
            self.store(access.physical, access.size, Value::KNOWN);
        }
        self.flags.carry = Slot::Known;
        Some(())
    }

    fn reads_msr(&mut self) -> Option<()> {
        self.looks_at(&[Number::Rcx])?;
        let base = match self.before[Number::Rcx as usize] as u32 {
            GS_BASE => self.registers[GS],
            KERNEL_GS_BASE => self.registers[KERNEL_GS],
            _ => Held::KNOWN,
        };
        let value = self.word_of(Given { held: base, sample: 0, bits: 64 });
        self.registers[Number::Rax as usize] = Held::Word(value.masked(ones(32)));
        self.registers[Number::Rdx as usize] = Held::Word(value.moved(32));
        Some(())
    }

    /// IRET from a frame of five words.
    fn interrupt_returns(&mut self, machine: &Machine) -> Option<()> {
        let top = self.before[RSP];
        let accesses = self.accesses.clone();
        let mut frame = [Value::KNOWN; 5];
        let mut seen = 0;
        for access in &accesses {
            let value = self.load(access.physical, access.size);
            let place = access.linear.wrapping_sub(top);
            match frame.get_mut((place / 8) as usize) {
                Some(slot) if place % 8 == 0 && access.size == 8 && access.kind == AccessKind::Read && seen < 5 => {
                    *slot = value;
                    seen += 1;
                }
                _ => {
                    self.look(value);
                    if access.kind == AccessKind::Write {
                        self.store(access.physical, access.size, Value::KNOWN);
                    }
                }
            }
        }
        let [rip, code, flags, stack, data] = frame;
        self.look(code);
        self.look(data);
        self.look(flags.masked(!(STATUS | RF)));
        self.flags = Flags::of(flags).unwrap_or_else(|_| {
            self.look(flags);
            Flags::KNOWN
        });
        self.registers[RIP] = Held::Word(rip);
        self.registers[RSP] = Held::Word(stack);
        if machine.cpu.cpl == 3 {
            // Segments that user mode may not use become null, and their bases zero.
            self.look_register(GS);
        }
        (seen == 5).then_some(())
    }

    fn load_and_look(&mut self) {
        for access in self.accesses.clone() {
            let value = self.load(access.physical, access.size);
            self.look(value);
        }
    }

    /// Whatever it reads was looked at. So whatever it writes is known.
    fn look_at_all(&mut self) {
        self.look_registers();
        self.look_flags();
        self.load_and_look();
        for access in self.accesses.clone() {
            if access.kind == AccessKind::Write {
                self.store(access.physical, access.size, Value::KNOWN);
            }
        }
        self.registers = [Held::KNOWN; REGISTERS];
        self.flags = Flags::KNOWN;
    }

    // Deliveries

    fn entered(&mut self, machine: &Machine, delivered: &Delivered) {
        let has_code = matches!(delivered.event, Event::Exception(exception) if exception.has_error_code());
        let flags = self.flags_word();
        let stack = match self.registers[RSP] {
            Held::Word(value) => value,
            sum => {
                self.look_held(sum);
                Value::KNOWN
            }
        };
        let rip = match self.registers[RIP] {
            Held::Word(rip) => rip,
            Held::Sum(_) => Value::KNOWN,
        };
        if delivered.ist == 0 && machine.cpu.cpl == delivered.from_cpl {
            self.look(stack);
        }
        for access in self.accesses.clone() {
            let place = access.linear.wrapping_sub(delivered.stack);
            let is_frame = access.kind == AccessKind::Write && access.size == 8 && place % 8 == 0;
            let slot = if is_frame { (place / 8).wrapping_sub(has_code.into()) } else { u64::MAX };
            let value = match slot {
                0 => rip,
                2 if delivered.fault.is_some() => flags.masked(!RF),
                2 => flags,
                3 => stack,
                _ => Value::KNOWN,
            };
            if !is_frame {
                let read = self.load(access.physical, access.size);
                self.look(read);
            }
            if access.kind == AccessKind::Write {
                self.store(access.physical, access.size, value);
            }
        }
        self.registers[RIP] = Held::KNOWN;
        self.registers[RSP] = Held::KNOWN;
        self.note(machine);
    }
}

impl Observer for Shadow {
    fn before(&mut self, machine: &Machine, instruction: &Instruction) {
        self.accesses.clear();
        self.before = machine.cpu.registers;
        self.instruction = *instruction;
    }

    fn retired(&mut self, machine: &Machine, instruction: &Instruction) {
        let stack_moves = moves_stack(instruction.mnemonic());
        self.follow(machine, instruction);
        let pops_it = instruction.mnemonic() == M::Pop && instruction.op0_register() == Register::RSP;
        if stack_moves && !pops_it {
            self.registers[RSP] = Held::KNOWN;
        }
        self.leaves = machine.cpu.cpl == 3 || crate::run::is_iret(instruction.mnemonic());
        self.note(machine);
    }

    fn memory(&mut self, access: &MemoryAccess) {
        self.accesses.push(*access);
    }

    fn arriving(&mut self, _: &Machine, _: Event, _: Option<u32>) {
        self.accesses.clear();
    }

    /// What it has read by then was looked at, and so was all that it could have read.
    fn fault(&mut self, _: &Fault) {
        self.look_registers();
        self.load_and_look();
        if self.registers[RIP] != Held::KNOWN {
            self.look_register(RIP);
            self.registers[RIP] = Held::KNOWN;
        }
        self.look_flags();
        self.registers[CR2] = Held::KNOWN;
        self.accesses.clear();
    }

    fn delivered(&mut self, machine: &Machine, delivered: &Delivered) {
        self.entered(machine, delivered);
    }
}
