//! Whether two macros stay the same when exceptions strike inside them.
//!
//! A handler sees CR3 and the mask. It may change the mask as it likes, and gives back all else. So the mutant does nothing new if the original
//! can follow each of its instructions, by any number of its own, to where both look alike and leave alike.

use super::alone::{self, Heard, Input, Site};
use crate::linux::layout::USER_PCID_FLUSH_MASK_PHYSICAL as MASK;
use crate::machine::{Cpu, Machine, Stepper};
use std::collections::HashMap;
use std::ops::Range;

/// Instructions by which the original may follow one of the mutant's.
const LONGEST: u32 = 64;

/// Where a macro stands: everything but memory, RIP from the beginning of its code. Behind its code all that matters is what is visible.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Standing {
    /// Nothing behind the code.
    at: Option<u64>,
    cpu: Cpu,
}

/// The outcome of one instruction.
#[derive(Clone, Debug)]
enum Move {
    /// To another standing, with this mask, and these PCIDs flushed.
    To(usize, u16, Vec<u16>),
    Fault(alone::Failure),
    /// Something that this proof does not follow: a store elsewhere, an exit elsewhere.
    Unknown,
}

/// One macro, with the standings that were met.
struct Side<'a> {
    kernel: &'a Machine,
    site: &'a Site,
    standings: Vec<Standing>,
    numbers: HashMap<Standing, usize>,
    moves: HashMap<(usize, u16), Move>,
}

impl<'a> Side<'a> {
    fn new((kernel, site): (&'a Machine, &'a Site), input: &Input) -> Self {
        let mut side = Self { kernel, site, standings: Vec::new(), numbers: HashMap::new(), moves: HashMap::new() };
        let cpu = alone::begin(kernel, site, input).cpu;
        side.number(cpu);
        side
    }

    /// The number of the standing of `cpu`; the first is 0.
    fn number(&mut self, mut cpu: Cpu) -> usize {
        let at = self.site.code.as_ref().filter(|code| code.contains(&cpu.rip)).map(|code| cpu.rip - code.start);
        cpu.rip = 0;
        let cpu = if at.is_some() { cpu } else { alone::visible(&cpu, self.site) };
        let standing = Standing { at, cpu };
        let next = self.standings.len();
        let number = *self.numbers.entry(standing.clone()).or_insert(next);
        if number == next {
            self.standings.push(standing);
        }
        number
    }

    /// What comes next with this mask. Nothing behind the code.
    fn step(&mut self, from: usize, mask: u16) -> Option<Move> {
        let standing = self.standings.get(from)?.clone();
        let code = self.site.code.clone()?;
        let at = standing.at?;
        if let Some(known) = self.moves.get(&(from, mask)) {
            return Some(known.clone());
        }
        let mut machine = self.kernel.clone();
        machine.cpu = Cpu { rip: code.start + at, ..standing.cpu };
        machine.memory.write_u16(MASK, mask);
        let cr3 = machine.cpu.cr3;
        let made = self.make(alone::with_cr3(machine, cr3), &code);
        self.moves.insert((from, mask), made.clone());
        Some(made)
    }

    fn make(&mut self, machine: Machine, code: &Range<u64>) -> Move {
        let before = machine.memory.clone();
        let mut stepper = Stepper::new(machine);
        let mut heard = Heard::default();
        let stopped = stepper.step(&mut heard).is_err();
        if let Some(failure) = heard.fault {
            return Move::Fault(failure);
        }
        let machine = stepper.machine();
        let elsewhere = |at: &u64| !(MASK..MASK + 2).contains(at) && before.read_u8(*at) != machine.memory.read_u8(*at);
        let strays = heard.stores.iter().flat_map(|(at, size)| *at..at + u64::from(*size)).any(|at| elsewhere(&at));
        let rip = machine.cpu.rip;
        if stopped || strays || !(code.contains(&rip) || rip == code.end) || heard.has_invalidations() {
            return Move::Unknown;
        }
        let mask = machine.memory.read_u16(MASK);
        let cpu = machine.cpu.clone();
        Move::To(self.number(cpu), mask, heard.flushes)
    }
}

/// Both macros, and what may happen to the mask between any two instructions.
pub(super) struct Struck<'a> {
    masks: Vec<u16>,
    mutant: Side<'a>,
    original: Side<'a>,
    agreed: HashMap<(usize, usize), bool>,
}

impl<'a> Struck<'a> {
    pub(super) fn new(masks: Vec<u16>, [mutant, original]: [(&'a Machine, &'a Site); 2], input: &Input) -> Self {
        let (mutant, original) = (Side::new(mutant, input), Side::new(original, input));
        Self { masks, mutant, original, agreed: HashMap::new() }
    }

    /// Whether the original can do whatever the mutant does.
    pub(super) fn agree(&mut self) -> bool {
        self.agree_at(0, 0)
    }

    /// The same from two standings, with any mask, which handlers change as they like before each instruction. A handler sees CR3 and the
    /// mask, and gives back all else.
    fn agree_at(&mut self, mutant: usize, original: usize) -> bool {
        if let Some(known) = self.agreed.get(&(mutant, original)) {
            return *known;
        }
        // A macro that comes back to where it was agrees with nothing.
        self.agreed.insert((mutant, original), false);
        let (one, other) = (&self.mutant.standings[mutant], &self.original.standings[original]);
        let agreed = one.cpu.cr3 == other.cpu.cr3
            && match (one.at, other.at) {
                (None, None) => one.cpu == other.cpu,
                _ => self.masks.clone().into_iter().all(|mask| self.follows(mutant, original, mask)),
            };
        self.agreed.insert((mutant, original), agreed);
        agreed
    }

    /// Whether the original comes, in any number of steps without a strike, to where the mutant comes in one; behind the mutant's code,
    /// to where that is.
    fn follows(&mut self, mutant: usize, original: usize, mask: u16) -> bool {
        let target = self.mutant.step(mutant, mask).unwrap_or(Move::To(mutant, mask, Vec::new()));
        let must_move = self.mutant.standings[mutant].at.is_none();
        let (mut at, mut now, mut flushes) = (original, mask, Vec::new());
        for _ in 0..LONGEST {
            if let Move::To(to, then, also) = &target
                && (*then, alone::flushed(&flushes, also)) == (now, true)
                && !(must_move && at == original)
                && self.agree_at(*to, at)
            {
                return true;
            }
            match self.original.step(at, now) {
                Some(Move::To(to, then, more)) => {
                    (at, now) = (to, then);
                    flushes.extend(more);
                }
                Some(Move::Fault(failure)) => return matches!(target, Move::Fault(other) if other == failure),
                Some(Move::Unknown) | None => return false,
            }
        }
        false
    }
}
