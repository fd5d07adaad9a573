//! What a run has looked at: bits, and comparisons whose operands are not known.

use super::learned::Learned;
use super::value::{BLOCKED, CHECKING, CR2, GS, KERNEL_GS, Loc, OWES, Part, RIP, SS, Source, TooMany, Value, shifted};
use crate::explore::lane::Lane;
use crate::machine::rflags::{CF, DF, RF, STATUS};
use crate::machine::{Cpu, Event, Exception, Register, SegmentRegister};
use std::sync::Arc;

/// `((part of the input) | or) + add`, or the number `add`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Operand {
    pub(super) part: Option<Part>,
    pub(super) or: u64,
    pub(super) add: u64,
}

impl Operand {
    pub(super) fn number(number: u64) -> Self {
        Self { part: None, or: 0, add: number }
    }

    /// Of a value that is `sample` here.
    pub(super) fn of(value: Value, sample: u64) -> Result<Self, TooMany> {
        if value.is_known() {
            return Ok(Self::number(sample));
        }
        let part = value.single().ok_or(TooMany)?;
        Ok(Self { part: Some(part), or: sample & !part.mask, add: 0 })
    }

    pub(super) fn plus(self, number: u64) -> Self {
        Self { add: self.add.wrapping_add(number), ..self }
    }

    pub(super) fn evaluate(self, read: impl Fn(Loc) -> u64) -> u64 {
        let part = self.part.map_or(0, |part| part.of(part.input().map_or(0, read)));
        (part | self.or).wrapping_add(self.add)
    }

    /// The operand in terms of what is before; `held` is what its place holds, and `sample` the word there.
    pub(super) fn through(self, held: Held, sample: u64) -> Result<Self, TooMany> {
        let Some(part) = self.part else { return Ok(self) };
        match held {
            Held::Sum(sum) if self.or == 0 && part.shift == 0 && part.mask == u64::MAX => Ok(sum.plus(self.add)),
            Held::Sum(_) => Err(TooMany),
            Held::Word(value) => {
                let moved = value.moved(part.shift).masked(part.mask);
                let known = shifted(sample, part.shift) & part.mask & !moved.unknown() | self.or;
                if moved.is_known() {
                    return Ok(Self::number(known.wrapping_add(self.add)));
                }
                let part = moved.single().ok_or(TooMany)?;
                Ok(Self { part: Some(part), or: known, add: self.add })
            }
        }
    }
}

/// What a register holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Held {
    Word(Value),
    Sum(Operand),
}

impl Held {
    pub(super) const KNOWN: Self = Self::Word(Value::KNOWN);

    pub(super) fn parts(self) -> impl Iterator<Item = Part> {
        let (value, sum) = match self {
            Self::Word(value) => (value, None),
            Self::Sum(sum) => (Value::KNOWN, sum.part),
        };
        value.parts().chain(sum)
    }
}

/// A comparison, by the instruction that sets the flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Comparison {
    /// CMP, SUB, DEC.
    Subtract,
    /// ADD, INC.
    Add,
    /// TEST, AND.
    And,
    /// BT: only CF.
    Bit,
}

/// A comparison of operands of `width` bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Guard {
    pub(super) comparison: Comparison,
    pub(super) left: Operand,
    pub(super) right: Operand,
    pub(super) width: u8,
}

impl Guard {
    pub(super) fn operands(self) -> [Operand; 2] {
        [self.left, self.right]
    }

    pub(super) fn parts(self) -> impl Iterator<Item = Part> {
        self.operands().into_iter().filter_map(|operand| operand.part)
    }

    /// Whether the jump with this condition, as its instruction encodes it, would be taken (SDM vol. 1 appendix B).
    fn takes(self, condition: u8, read: impl Fn(Loc) -> u64) -> bool {
        let mask = super::value::ones(self.width.into());
        let [left, right] = self.operands().map(|operand| operand.evaluate(&read) & mask);
        let sign = 1 << (self.width - 1);
        let (result, carry, overflow) = match self.comparison {
            Comparison::Subtract => {
                let result = left.wrapping_sub(right) & mask;
                (result, left < right, (left ^ right) & (left ^ result) & sign != 0)
            }
            Comparison::Add => {
                let result = left.wrapping_add(right) & mask;
                (result, result < left, !(left ^ right) & (left ^ result) & sign != 0)
            }
            Comparison::And => (left & right, false, false),
            Comparison::Bit => (0, left >> (right % u64::from(self.width)) & 1 != 0, false),
        };
        let (zero, negative) = (result == 0, result & sign != 0);
        let holds = match condition >> 1 {
            0 => overflow,
            1 => carry,
            2 => zero,
            3 => carry || zero,
            4 => negative,
            5 => (result as u8).count_ones().is_multiple_of(2),
            6 => negative != overflow,
            _ => zero || negative != overflow,
        };
        holds != (condition & 1 != 0)
    }
}

/// Something that a run depends on. All states in which it evaluates alike are one to the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Item {
    /// These bits of the place.
    Bits { loc: Loc, mask: u64 },
    /// Whether a conditional jump is taken.
    Taken { guard: Guard, condition: u8 },
    /// Whether none of the handlers around interrupted this: then an IRET to it ends none of them.
    ReturnsToNone { rip: u64, stack: u64, cpl: u8 },
    /// Whether an NMI is among the handlers around.
    InsideNmi,
}

impl Item {
    pub(super) fn bits(part: Part) -> Option<Self> {
        let loc = part.input()?;
        let seen = if loc == Loc::Flags { !RF } else { u64::MAX };
        let mask = part.source_bits() & seen;
        (mask != 0).then_some(Self::Bits { loc, mask })
    }

    /// The places that it is about.
    pub(super) fn places(self) -> impl Iterator<Item = Loc> {
        let (first, second) = match self {
            Self::Bits { loc, .. } => (Some(loc), None),
            Self::Taken { guard, .. } => {
                let place = |operand: Operand| operand.part.and_then(Part::input);
                (place(guard.left), place(guard.right))
            }
            Self::ReturnsToNone { .. } | Self::InsideNmi => (None, None),
        };
        first.into_iter().chain(second)
    }

    /// The bits that decide its outcome, place by place; nothing if it is about more than places.
    pub(super) fn looks_at(self) -> Option<impl Iterator<Item = (Loc, u64)>> {
        let part = |part: Part| Some((part.input()?, part.source_bits()));
        let operand = move |operand: Operand| operand.part.and_then(part);
        let places = match self {
            Self::Bits { loc, mask } => [Some((loc, mask)), None],
            Self::Taken { guard, .. } => guard.operands().map(operand),
            Self::ReturnsToNone { .. } | Self::InsideNmi => return None,
        };
        Some(places.into_iter().flatten())
    }

    /// As [`Self::evaluate`], of places that hold what `read` says; nothing if it is about more than places.
    pub(super) fn evaluate_by(self, read: impl Fn(Loc) -> u64) -> Option<u64> {
        match self {
            Self::Bits { loc, mask } => Some(read(loc) & mask),
            Self::Taken { guard, condition } => Some(guard.takes(condition, read).into()),
            Self::ReturnsToNone { .. } | Self::InsideNmi => None,
        }
    }

    pub(super) fn evaluate(self, learned: &Learned, lane: &Lane) -> u64 {
        match self {
            Self::Bits { loc, mask } => read(learned, lane, loc) & mask,
            Self::Taken { guard, condition } => guard.takes(condition, |loc| read(learned, lane, loc)).into(),
            Self::ReturnsToNone { rip, stack, cpl } => {
                let interrupted = lane.handlers().iter().map(|struck| &struck.cpu);
                let none = interrupted.map(|cpu| (cpu.rip, cpu.registers[Register::Rsp as usize], cpu.cpl));
                (!none.into_iter().any(|place| place == (rip, stack, cpl))).into()
            }
            Self::InsideNmi => {
                let nmi = Event::Exception(Exception::Nmi);
                lane.handlers().iter().any(|struck| struck.event == nmi).into()
            }
        }
    }
}

/// What a place holds.
pub(super) fn read(learned: &Learned, lane: &Lane, loc: Loc) -> u64 {
    let machine = lane.machine();
    match loc {
        Loc::Register(number) => register_of(lane, number.into()),
        Loc::Flags => machine.cpu.rflags & (FOLLOWED | RF),
        Loc::Memory(word) => learned.on(machine, word),
    }
}

/// What a register that is followed holds.
pub(super) fn register_of(lane: &Lane, number: usize) -> u64 {
    if number == OWES { lane.owes_round().into() } else { register(&lane.machine().cpu, number) }
}

/// What a register of the processor holds that is followed.
pub(super) fn register(cpu: &Cpu, number: usize) -> u64 {
    match number {
        RIP => cpu.rip,
        CR2 => cpu.cr2,
        GS => cpu.segments[SegmentRegister::Gs as usize].base,
        KERNEL_GS => cpu.msr.kernel_gs_base,
        SS => cpu.segments[SegmentRegister::Ss as usize].selector.into(),
        CHECKING => cpu.events.machine_check_in_progress.into(),
        BLOCKED => cpu.events.nmi_blocked.into(),
        number => cpu.registers.get(number).copied().unwrap_or(0),
    }
}

/// Where some of the flags come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    Known,
    /// From the flags of a word.
    Copied(Part),
    Compared(Arc<Guard>),
}

/// The followed flags and RF, in three slots. CF has its own slot because some instructions set every other flag and some set only CF;
/// DF has one because only instructions of its own set it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Flags {
    pub(super) carry: Slot,
    pub(super) rest: Slot,
    /// Never compared.
    pub(super) direction: Slot,
}

/// The flags of [`Flags::rest`].
pub(super) const REST: u64 = (STATUS | RF) & !CF;

/// The followed flags. RF is not among them: it only suppresses breakpoints.
pub(super) const FOLLOWED: u64 = STATUS | DF;

impl Flags {
    pub(super) const KNOWN: Self = Self { carry: Slot::Known, rest: Slot::Known, direction: Slot::Known };

    /// As they were interrupted.
    pub(super) fn input() -> Self {
        Self::of(Value::input(Loc::Flags).masked(FOLLOWED | RF)).unwrap_or(Self::KNOWN)
    }

    /// Of a word that is loaded into RFLAGS.
    pub(super) fn of(value: Value) -> Result<Self, TooMany> {
        let slot = |mask| match value.masked(mask) {
            known if known.is_known() => Ok(Slot::Known),
            copied => copied.single().map(Slot::Copied).ok_or(TooMany),
        };
        Ok(Self { carry: slot(CF)?, rest: slot(REST)?, direction: slot(DF)? })
    }

    /// As a word; the guards must have been looked at.
    pub(super) fn word(&self) -> Value {
        let parts =
            [(&self.carry, CF), (&self.rest, REST), (&self.direction, DF)].into_iter().filter_map(|(slot, mask)| {
                match slot {
                    Slot::Copied(part) => part.masked(mask),
                    Slot::Known | Slot::Compared(_) => None,
                }
            });
        Value::joined(parts).unwrap_or_default()
    }

    pub(super) fn guards(&self) -> impl Iterator<Item = Guard> {
        [&self.carry, &self.rest].into_iter().filter_map(|slot| match slot {
            Slot::Compared(guard) => Some(**guard),
            _ => None,
        })
    }

    /// Every instruction but IRET ends with RF clear.
    pub(super) fn clear_resume(&mut self) {
        if let Slot::Copied(part) = &self.rest
            && part.mask & RF != 0
        {
            self.rest = part.masked(!RF).map_or(Slot::Known, Slot::Copied);
        }
    }

    pub(super) fn without_resume(&self) -> Self {
        let mut flags = self.clone();
        flags.clear_resume();
        flags
    }
}

/// The flags that a condition looks at.
pub(super) fn seen_by(condition: u8) -> (bool, bool) {
    match condition >> 1 {
        1 => (true, false),
        3 => (true, true),
        _ => (false, true),
    }
}

/// Whether a part comes from the flags.
pub(super) fn is_of_flags(part: Part) -> bool {
    part.source == Source::Input(Loc::Flags)
}
