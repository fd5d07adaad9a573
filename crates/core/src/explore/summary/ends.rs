//! The ends of calls: how handlers return, and which ways to return are one.

use super::apply::{Looks, alike, flags_alike};
use super::classes::FamilyId;
use super::family::{End, Run, RunId};
use super::guard::{FOLLOWED, Flags, Held, Item, register, register_of};
use super::lift::equals;
use super::round::Round;
use super::shadow::Shadow;
use super::value::{CHECKING, CR2, Loc, REGISTERS, RIP, Value};
use crate::explore::lane::{Lane, Strike};
use crate::machine::{Cpu, Register};
use crate::promises::Struck;

impl Round {
    /// A run that returned as another did returns in a way of its own, or as a third.
    pub(super) fn return_again(&mut self, id: RunId) {
        let (lane, mut shadow) = self.after_the_last(id);
        let Run { family, ref strikes, offset, .. } = *self.run(id);
        let (strikes, steps) = (strikes.clone(), offset + self.run(id).length());
        let end = self.end(&lane, &mut shadow, strikes, steps);
        self.learn(family, std::mem::take(&mut shadow.notes));
        self.returns(id, end);
    }

    pub(super) fn returns(&mut self, id: RunId, end: End) {
        let family = self.run(id).family;
        let found = self.find_end(family, &end);
        self.run_mut(id).returned_as = found;
        if found.is_none() {
            self.returned(family, end);
        }
    }

    pub(super) fn end(&mut self, lane: &Lane, shadow: &mut Shadow, strikes: Vec<Strike>, steps: u32) -> End {
        let context = self.situation(None, lane).context;
        let machine = lane.machine();
        let cpu = &machine.cpu;
        shadow.look_for_return();
        let sums: Vec<_> = shadow.sums.keys().copied().collect();
        sums.into_iter().for_each(|word| shadow.settle_sum(word));
        let registers = std::array::from_fn(|number| {
            let value = if let Held::Word(value) = shadow.registers[number] { value } else { Value::KNOWN };
            (value, register_of(lane, number))
        });
        let untouched =
            |word, value: Value| value.unknown() == u64::MAX && value == self.learned.held(shadow.frame, word, None);
        let mut words: Vec<_> = shadow
            .memory
            .keys()
            .map(|&word| (word, shadow.word(word), self.learned.on(machine, word)))
            .filter(|&(word, value, _)| !untouched(word, value))
            .collect();
        words.sort_unstable_by_key(|entry| entry.0);
        End {
            strikes,
            steps,
            context,
            changed: (0..REGISTERS)
                .filter(|&number| !shadow.restores_register(number))
                .fold(0, |changed, number| changed | 1 << number),
            registers,
            changes_flags: shadow.flags != Flags::input(),
            flags: (shadow.flags.clone(), cpu.rflags & FOLLOWED),
            moving: words.iter().filter(|(_, value, _)| !value.is_known()).map(|entry| entry.0).collect(),
            words,
        }
    }

    /// The number of an end of a family that is alike.
    fn find_end(&mut self, family: FamilyId, end: &End) -> Option<u32> {
        let mut ends = self.family(family).ends.iter().zip(0..);
        let (looks, number) = ends.find_map(|(other, number)| Some((self.same_end(family, other, end)?, number)))?;
        self.look_in(family, looks);
        Some(number)
    }

    fn same_end(&self, family: FamilyId, one: &End, other: &End) -> Option<Looks> {
        let mut looks = Looks::new();
        let seen = &self.family(family).looked;
        let held = |(value, sample)| (Held::Word(value), sample);
        (one.context == other.context).then_some(())?;
        flags_alike((&one.flags.0, one.flags.1), (&other.flags.0, other.flags.1)).then_some(())?;
        for (&left, &right) in one.registers.iter().zip(&other.registers) {
            alike(held(left), held(right), seen, &mut looks).then_some(())?;
        }
        let words = one.words.iter().chain(&other.words).map(|entry| entry.0);
        for word in words.filter(|&word| self.is_seen_after(family, word)) {
            let held = |end: &End| held(self.word_of_end(family, end, word));
            alike(held(one), held(other), seen, &mut looks).then_some(())?;
        }
        Some(looks)
    }

    pub(super) fn is_seen_after(&self, family: FamilyId, word: u64) -> bool {
        self.learned.read.of(word) != 0 || self.family(family).demanded.of(word) != 0
    }

    pub(super) fn word_of_end(&self, family: FamilyId, end: &End, word: u64) -> (Value, u64) {
        match end.words.binary_search_by_key(&word, |entry| entry.0) {
            Ok(index) => (end.words[index].1, end.words[index].2),
            Err(_) => {
                let family = self.family(family);
                let sample = self.learned.on(family.entry.machine(), word);
                (self.learned.held(family.frame, word, None), sample)
            }
        }
    }
}

impl Shadow {
    /// An IRET, or an instruction that leads to user mode, was compared with what the handlers interrupted, of which this one is `own`.
    pub(super) fn left(&mut self, own: &Struck, now: &Cpu) {
        const RSP: usize = Register::Rsp as usize;
        let restored = [RIP, RSP].into_iter().all(|number| self.restores_register(number));
        let returns = (own.cpu.rip, own.cpu.registers[RSP]) == (now.rip, now.registers[RSP]);
        if restored {
            return;
        }
        // What it returns to is compared with what was interrupted.
        self.look_register(RIP);
        self.look_register(RSP);
        let place = |number: usize| Loc::Register(number as u8);
        match [RIP, RSP].into_iter().find(|&number| register(&own.cpu, number) != register(now, number)) {
            Some(number) => self.depend(Some(equals(place(number), register(now, number)))),
            None => [RIP, RSP].into_iter().for_each(|number| self.look(Value::input(place(number)))),
        }
        if !returns || own.cpu.cpl != now.cpl {
            let (rip, stack, cpl) = (now.rip, now.registers[RSP], now.cpl);
            self.depend(Some(Item::ReturnsToNone { rip, stack, cpl }));
        }
    }

    /// The promises hold registers and flags against those that were interrupted, RF excepted.
    fn look_for_return(&mut self) {
        for number in (0..CHECKING).filter(|&number| number != CR2) {
            if !self.restores_register(number) {
                self.look_register(number);
                self.look(Value::input(Loc::Register(number as u8)));
                self.registers[number] = Held::KNOWN;
            }
        }
        if self.flags.without_resume() != Flags::input().without_resume() {
            self.look_flags();
            self.look(Value::input(Loc::Flags).masked(FOLLOWED));
            self.flags = Flags::KNOWN;
        }
    }

    fn restores_register(&self, number: usize) -> bool {
        self.registers[number] == Held::Word(Value::input(Loc::Register(number as u8)))
    }
}
