//! A run followed beside the machine: what each place holds in terms of the state that was interrupted, and what of it was looked at.
//!
//! The machine executes; nothing of it is modelled twice. The shadow only says where the bits came from.

use super::guard::{Comparison, Flags, Guard, Held, Item, Operand, Slot, is_of_flags, register};
use super::hash::{Map, Set};
use super::history::{History, Moment, Uses};
use super::learned::{Bytes, Learned};
use super::registers::Registers;
use super::value::{Loc, OWES, Origin, Part, Source, Value, Values, ones};
use crate::explore::journal::words;
use crate::explore::lane::Lane;
use crate::machine::Cpu;
use crate::machine::Machine;
use crate::machine::observe::MemoryAccess;
use iced_x86::Instruction;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What a shadow is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// The unstruck run: it starts from one state, so all is known.
    Program,
    /// The run of a handler: what it interrupts is the input.
    Handler,
}

/// What a run has looked at.
#[derive(Clone, Debug, Default)]
pub(super) struct Notes {
    pub(super) items: Set<Item>,
    /// In the order in which they were found.
    pub(super) found: Vec<Item>,
    pub(super) looked: BTreeSet<Origin>,
    pub(super) counts: Bytes,
    /// What was read of memory as it was interrupted.
    pub(super) read: Bytes,
}

#[derive(Clone, Debug)]
pub(super) struct Shadow {
    pub(super) learned: Arc<Learned>,
    pub(super) frame: Frame,
    pub(super) registers: Registers,
    pub(super) flags: Flags,
    /// Words that were written.
    pub(super) memory: Values,
    /// What was added to words that are otherwise as they were interrupted.
    pub(super) sums: Map<u64, u64>,
    written: Bytes,
    pub(super) notes: Notes,
    pub(super) history: History,
    pub(super) uses: Uses,
    /// The boundary before the step at hand.
    pub(super) step: u32,
    /// Words that the step at hand has written.
    touched: Vec<u64>,
    /// Of the step at hand.
    pub(super) accesses: Vec<MemoryAccess>,
    pub(super) before: [u64; 16],
    pub(super) instruction: Instruction,
    /// An IRET retired, or an instruction that leads to user mode.
    pub(super) leaves: bool,
    /// Whether an NMI was delivered whose handler has not made a round since.
    pub(super) owes: bool,
}

impl Shadow {
    pub(super) fn new(learned: Arc<Learned>, frame: Frame) -> Self {
        let place = |loc| match frame {
            Frame::Program => Value::KNOWN,
            Frame::Handler => Value::input(loc),
        };
        Self {
            learned,
            frame,
            registers: Registers::new(std::array::from_fn(|number| Held::Word(place(Loc::Register(number as u8))))),
            flags: if frame == Frame::Program { Flags::KNOWN } else { Flags::input() },
            memory: Values::default(),
            sums: Map::default(),
            written: Bytes::default(),
            notes: Notes::default(),
            history: History::default(),
            uses: Uses::default(),
            step: 0,
            touched: Vec::new(),
            accesses: Vec::new(),
            before: [0; 16],
            instruction: Instruction::default(),
            leaves: false,
            owes: false,
        }
    }

    // Looking

    pub(super) fn look(&mut self, value: Value) {
        value.parts().for_each(|part| self.look_part(part));
    }

    pub(super) fn look_part(&mut self, part: Part) {
        if let Source::Opaque(origin) = part.source {
            self.notes.looked.insert(origin);
        }
        self.depend(Item::bits(part));
    }

    pub(super) fn look_held(&mut self, held: Held) {
        held.parts().for_each(|part| self.look_part(part));
    }

    pub(super) fn look_guard(&mut self, guard: Guard) {
        guard.parts().for_each(|part| self.look_part(part));
    }

    pub(super) fn look_flags(&mut self) {
        let (guards, word): (Vec<_>, _) = (self.flags.guards().collect(), self.flags.word());
        guards.into_iter().for_each(|guard| self.look_guard(guard));
        self.look(word);
    }

    pub(super) fn look_register(&mut self, number: usize) {
        if let Some(&held) = self.registers.get(number) {
            self.look_held(held);
        }
    }

    pub(super) fn look_registers(&mut self) {
        // The processor has all but the last.
        (0..OWES).for_each(|number| self.look_register(number));
    }

    pub(super) fn depend(&mut self, item: Option<Item>) {
        if let Some(item) = item
            && self.frame == Frame::Handler
            && self.notes.items.insert(item)
        {
            self.notes.found.push(item);
        }
    }

    // Memory

    /// What a word holds.
    pub(super) fn word(&self, word: u64) -> Value {
        self.learned.held(self.frame, word, self.memory.get(&word).copied())
    }

    fn written_or_initial(&self, word: u64) -> Value {
        self.memory.get(&word).copied().unwrap_or_else(|| self.learned.initial(self.frame, word))
    }

    /// What an access of at most eight bytes within a page reads.
    pub(super) fn load(&mut self, physical: u64, size: u8) -> Value {
        let mut pieces = words(physical, size);
        let (Some((word, bytes)), second) = (pieces.next(), pieces.next()) else { return Value::KNOWN };
        let first = self.load_word(word, bytes).moved(8 * (physical & 7) as i8).masked(ones(8 * u32::from(size)));
        let Some((word, bytes)) = second else { return first };
        let second = self.load_word(word, bytes).masked(bits_of(bytes));
        self.look(first);
        self.look(second);
        Value::KNOWN
    }

    fn load_word(&mut self, word: u64, bytes: u8) -> Value {
        self.settle_sum(word);
        self.note_read(word, bytes);
        self.word(word)
    }

    pub(super) fn note_read(&mut self, word: u64, bytes: u8) {
        let bytes = bytes & !self.learned.counted(word);
        if bytes != 0 {
            self.uses.read(word, self.step, bytes);
            let fresh = bytes & !self.written.of(word);
            if fresh != 0 && self.frame == Frame::Handler {
                self.notes.read.add(word, fresh);
            }
        }
    }

    /// Looks at a word to which something was added.
    pub(super) fn settle_sum(&mut self, word: u64) {
        if self.sums.remove(&word).is_some() {
            self.look(self.word(word));
            self.note_read(word, u8::MAX);
            self.memory.insert(word, Value::KNOWN);
            self.written.add(word, u8::MAX);
            self.touched.push(word);
        }
    }

    /// Adds to a word that is as it was interrupted, or to which something was added. Whether it is one.
    pub(super) fn add(&mut self, word: u64, number: u64, bits: u64) -> bool {
        let is_untouched = !self.memory.contains_key(&word) && self.word(word) == Value::input(Loc::Memory(word));
        if !is_untouched {
            return false;
        }
        // Carries stay within the bits: the sum is one of them alone.
        let sum = self.sums.get(&word).copied().unwrap_or(0).wrapping_add(number) & bits;
        if sum == 0 {
            self.sums.remove(&word);
        } else {
            self.sums.insert(word, sum);
        }
        self.touched.push(word);
        true
    }

    /// What a register is on the machine.
    pub(super) fn sample(&self, cpu: &Cpu, number: usize) -> u64 {
        if number == OWES { self.owes.into() } else { register(cpu, number) }
    }

    /// What a word holds, with what was added.
    pub(super) fn held_word(&self, word: u64) -> Held {
        match self.sums.get(&word) {
            Some(&add) => Held::Sum(Operand { part: Some(Part::whole(Source::Input(Loc::Memory(word)))), or: 0, add }),
            None => Held::Word(self.word(word)),
        }
    }

    /// Stores the low bytes of `value`.
    pub(super) fn store(&mut self, physical: u64, size: u8, value: Value) {
        let crosses = (physical & 7) + u64::from(size) > 8;
        if crosses {
            self.look(value);
        }
        let mut moved = if crosses { Value::KNOWN } else { value.moved(-(8 * (physical & 7) as i8)) };
        for (word, bytes) in words(physical, size) {
            self.settle_sum(word);
            // A walk of the same instruction may read what it stores.
            let is_walked = self.learned.caches.is_entry(word) && self.accesses.len() > 1;
            if self.learned.keyed.contains(&word) || is_walked {
                self.look(moved.masked(!self.learned.marks(word)));
                moved = Value::KNOWN;
            }
            let bits = bits_of(bytes);
            let old = self.written_or_initial(word);
            let joined = moved.over(bits, old).unwrap_or_else(|_| {
                self.look(old.masked(!bits));
                moved.masked(bits)
            });
            self.memory.insert(word, joined);
            self.written.add(word, bytes);
            self.uses.write(word, self.step, bytes);
            self.touched.push(word);
        }
    }

    /// Sets a word at the start of a run, after a summary was applied.
    pub(super) fn put(&mut self, word: u64, value: Value) {
        if value == Value::input(Loc::Memory(word)) && value == self.word(word) {
            // It is as it was interrupted: something may be added to it.
            self.memory.remove(&word);
            return;
        }
        self.memory.insert(word, value);
        // Bytes that come from where they are were not written.
        let own = |part: &Part| *part == Part { source: Source::Input(Loc::Memory(word)), shift: 0, mask: part.mask };
        let own = value.parts().filter(own).fold(0, |bits, part| bits | part.mask);
        self.written
            .add(word, (0..8).filter(|byte| own >> (8 * byte) & 0xff == 0).fold(0, |bytes, byte| bytes | 1 << byte));
    }

    /// The step at hand changes a word.
    pub(super) fn touch(&mut self, word: u64) {
        self.touched.push(word);
    }

    // Flags

    pub(super) fn set_flags(&mut self, slot: &Slot) {
        (self.flags.carry, self.flags.rest) = (slot.clone(), slot.clone());
    }

    /// The outcome of a comparison, as flags.
    pub(super) fn compare(&mut self, comparison: Comparison, [left, right]: [Operand; 2], width: u8) -> Slot {
        let guard = Guard { comparison, left, right, width };
        let is_opaque = guard.parts().any(|part| part.input().is_none());
        let same = left == right && comparison == Comparison::Subtract;
        if is_opaque || guard.parts().any(is_of_flags) {
            self.look_guard(guard);
            return Slot::Known;
        }
        if same || guard.parts().next().is_none() { Slot::Known } else { Slot::Compared(Arc::new(guard)) }
    }

    pub(super) fn operand(&mut self, held: Held, sample: u64) -> Operand {
        let operand = match held {
            Held::Sum(sum) => Ok(sum),
            Held::Word(value) => Operand::of(value, sample),
        };
        operand.unwrap_or_else(|_| {
            self.look_held(held);
            Operand::number(sample)
        })
    }

    // History

    /// The step is over: notes what it changed.
    pub(super) fn note(&mut self, machine: &Machine) {
        self.note_from(self.step + 1, machine);
    }

    fn note_from(&mut self, from: u32, machine: &Machine) {
        let cpu = &machine.cpu;
        let is_changed = self.registers.take_changed();
        for (number, &held) in self.registers.iter().enumerate() {
            let sample = self.sample(cpu, number);
            if is_changed(number) || self.history.sample(number) != Some(sample) {
                self.history.note_register(number, from, Moment { held, sample });
            }
        }
        self.history.note_flags(from, &self.flags, cpu.rflags);
        for word in std::mem::take(&mut self.touched) {
            let held = self.held_word(word);
            let sample = self.learned.on(machine, word);
            self.history.note_word(word, from, Moment { held, sample });
        }
        self.accesses.clear();
    }

    /// The run starts here: what came before is its past.
    pub(super) fn start(&mut self, lane: &Lane) {
        let machine = lane.machine();
        self.owes = lane.owes_round();
        self.history = History::default();
        self.registers = Registers::new(*self.registers);
        self.uses = Uses::default();
        self.touched = self.memory.keys().chain(self.sums.keys()).copied().collect();
        self.note_from(0, machine);
        self.step = 0;
    }
}

/// The bits of bytes.
pub(super) fn bits_of(bytes: u8) -> u64 {
    (0..8).filter(|byte| bytes >> byte & 1 != 0).fold(0, |bits, byte| bits | 0xff << (8 * byte))
}
