//! What arithmetic moves, and what it looks at: sums and comparisons of what is not known are kept as such.

use super::guard::{Comparison, Held, Operand, Slot};
use super::operands::{Given, only};
use super::shadow::{Frame, Shadow, bits_of};
use super::value::{Loc, Origin, Part, Source, Value, ones};
use crate::explore::journal::words;
use crate::machine::observe::{AccessKind, MemoryAccess};
use crate::machine::rflags::{CF, STATUS};
use iced_x86::{Instruction, Mnemonic as M, OpKind};

impl Shadow {
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

    pub(super) fn compares(&mut self, i: &Instruction) -> Option<()> {
        let (given, bits) = self.operands(i)?;
        let comparison = if i.mnemonic() == M::Cmp { Comparison::Subtract } else { Comparison::And };
        let slot = self.compared(comparison, given, bits);
        self.set_flags(&slot);
        Some(())
    }

    /// ADD, SUB, INC, DEC, AND.
    pub(super) fn computes(&mut self, i: &Instruction) -> Option<()> {
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
        let same =
            i.op0_kind() == i.op1_kind() && i.op0_register() == i.op1_register() && i.op0_kind() == OpKind::Register;
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

    /// OR and XOR. What is combined with itself is zero, whatever it was.
    pub(super) fn combines(&mut self, i: &Instruction) -> Option<()> {
        let is_zero = i.mnemonic() == M::Xor
            && i.op0_kind() == OpKind::Register
            && i.op1_kind() == OpKind::Register
            && i.op0_register() == i.op1_register();
        if is_zero {
            self.set(i, 0, Held::KNOWN);
            self.set_flags(&Slot::Known);
            return Some(());
        }
        let (given, _) = self.operands(i)?;
        let held = match (i.mnemonic(), given[0].held, given[1].held) {
            // Marks of use stay opaque.
            (M::Or, Held::Word(value), Held::KNOWN) if i.op0_kind() == OpKind::Memory => {
                self.look(value.masked(!value.opaque()));
                Held::Word(value.masked(value.opaque() & !given[1].sample))
            }
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
    pub(super) fn bit(&mut self, i: &Instruction) -> Option<()> {
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
}
