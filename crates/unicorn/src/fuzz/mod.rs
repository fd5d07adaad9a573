//! Single random instructions in random states, on our machine and a second CPU.
//!
//! A case is a function of a seed and its index: a failure is found again from these two numbers alone.

pub mod case;
pub mod encoding;
pub mod image;
pub mod random;

use crate::checker::{Checker, Tally, Verdict};
use crate::processor::{Failure, Processor};
use case::{Case, SLOT, SLOTS};
use cr3_core::machine::{self, Fault, Machine, Observer};
use iced_x86::Code;
use image::{CODE, CODE_SIZE, HLT, Image};
use random::Random;
use std::fmt;
use std::ops::Range;

/// Cases between two comparisons of all memory; after each case only the pages that our machine changed are compared.
const BLOCK: u64 = 64;

/// A case in which the two processors differ.
#[derive(Clone, Debug)]
pub struct Report {
    /// The seed of the run.
    pub seed: u64,
    /// The index of the case.
    pub index: u64,
    /// The difference.
    pub verdict: Verdict,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, index, verdict } = self;
        write!(f, "seed {seed:#x} case {index} (again: CR3_FUZZ_SEED={seed:#x} CR3_FUZZ_CASE={index})\n{verdict}")
    }
}

/// Runs cases on our machine, followed by `P`.
pub struct Fuzzer<P> {
    image: Image,
    opcodes: Vec<Code>,
    checker: Checker<P>,
    seed: u64,
    /// Pages of the image outside the code region.
    pages: Vec<u64>,
    /// Cases that were not compared because our machine does not implement the instruction.
    unimplemented: u64,
}

impl<P: Processor> Fuzzer<P> {
    /// A fuzzer with `follower` as the second CPU.
    ///
    /// # Errors
    /// [`Failure`] when the second CPU cannot hold the image.
    pub fn new(follower: P, seed: u64) -> Result<Self, Failure> {
        // The image is the same for every seed, so that states of two runs can be compared.
        let image = Image::new(&mut Random::new(0));
        let outside = |physical: &u64| !(CODE..CODE + CODE_SIZE).contains(physical);
        let pages = image.machine.memory.pages().map(|(physical, _)| physical).filter(outside).collect();
        let opcodes = implemented(&image);
        let mut checker = Checker::new(follower);
        checker.load(&image.machine);
        match checker.verdict() {
            Some(Verdict::Failure(failure)) => Err(failure.clone()),
            _ => Ok(Self { image, opcodes, checker, seed, pages, unimplemented: 0 }),
        }
    }

    /// Opcodes that cases are drawn from: those that our machine implements.
    pub fn opcodes(&self) -> &[Code] {
        &self.opcodes
    }

    /// How much was compared so far.
    pub fn tally(&self) -> &Tally {
        self.checker.tally()
    }

    /// Cases that were passed over because our machine does not implement the instruction.
    pub fn unimplemented(&self) -> u64 {
        self.unimplemented
    }

    /// Runs the cases of `range`, up to the first difference.
    pub fn run(&mut self, range: Range<u64>) -> Option<Report> {
        for index in range {
            if index % SLOTS == 0 {
                self.checker.load(&self.image.machine);
            }
            if let Some(report) = self.run_case(index) {
                return Some(report);
            }
            if index % BLOCK == BLOCK - 1
                && let Some(verdict) = self.compare_all()
            {
                return Some(self.find_in_block(index + 1 - BLOCK, verdict));
            }
        }
        None
    }

    /// Runs one case alone, all memory compared.
    pub fn run_alone(&mut self, index: u64) -> Option<Report> {
        self.checker.load(&self.image.machine);
        let report = self.run_case(index);
        let (seed, all) = (self.seed, self.compare_all());
        report.or(all.map(|verdict| Report { seed, index, verdict }))
    }

    /// The case of the block at `first` after which memory differed.
    fn find_in_block(&mut self, first: u64, verdict: Verdict) -> Report {
        let found = (first..first + BLOCK).find_map(|index| self.run_alone(index));
        found.unwrap_or(Report { seed: self.seed, index: first, verdict })
    }

    /// The case at `index`.
    pub fn case(&self, index: u64) -> Case {
        let mut random = Random::new(self.seed ^ index.wrapping_mul(0xd6e8_feb8_6659_fd93));
        Case::new(&self.image, &self.opcodes, index % SLOTS, &mut random)
    }

    fn run_case(&mut self, index: u64) -> Option<Report> {
        let case = self.case(index);
        let verdict = self.compare(&case)?;
        // What the two made of memory is of no use to the next case.
        self.checker.load(&self.image.machine);
        Some(Report { seed: self.seed, index, verdict })
    }

    /// Executes one case on both. Memory is as before afterwards.
    fn compare(&mut self, case: &Case) -> Option<Verdict> {
        let before = case.machine(&self.image);
        if is_unimplemented(&before) {
            self.unimplemented += 1;
            return None;
        }
        let mut after = before.clone();
        self.checker.adopt(&case.cpu);
        let result = self.prepare(case, &before);
        self.checker.adopt(&case.cpu);
        // Stop is an outcome like any other: what led to it was compared.
        let _ = machine::step(&mut after, &mut self.checker);
        let changed = self.image.machine.memory.differences(&after.memory);
        for physical in &changed {
            self.compare_page(&after, *physical);
        }
        let result = result.and_then(|()| self.restore(&changed));
        let verdict = self.checker.verdict().cloned();
        verdict.or(result.err().map(Verdict::Failure))
    }

    /// Gives the second CPU the case's memory, and no translation from the case before.
    fn prepare(&mut self, case: &Case, before: &Machine) -> Result<(), Failure> {
        let follower = self.checker.follower();
        // What an earlier case left in the slot would be translated together with this one's code.
        let mut slot = [HLT; 2 * SLOT as usize];
        slot[..case.bytes.len()].copy_from_slice(&case.bytes);
        let room = (CODE + CODE_SIZE).saturating_sub(case.code) as usize;
        follower.write(case.code, &slot[..room.max(case.bytes.len()).min(slot.len())])?;
        for (physical, value) in case.frame_words(before) {
            follower.write(physical, &value.to_le_bytes())?;
        }
        follower.flush()?;
        follower.forget_code(case.cpu.rip)
    }

    fn compare_page(&mut self, machine: &Machine, physical: u64) {
        let mut page = [0; 4096];
        machine.memory.read_bytes(physical, &mut page);
        self.checker.compare_page(physical, &page, machine);
    }

    /// Puts the image's bytes back into pages that a case changed.
    fn restore(&mut self, changed: &[u64]) -> Result<(), Failure> {
        let mut page = [0; 4096];
        for physical in changed {
            self.image.machine.memory.read_bytes(*physical, &mut page);
            self.checker.follower().write(*physical, &page)?;
        }
        Ok(())
    }

    /// Compares every page with the image, and puts back what Unicorn changed early.
    fn compare_all(&mut self) -> Option<Verdict> {
        let machine = self.image.machine.clone();
        let pages = std::mem::take(&mut self.pages);
        for physical in &pages {
            self.compare_page(&machine, *physical);
        }
        let result = self.restore(&pages);
        self.pages = pages;
        self.checker.verdict().cloned().or(result.err().map(Verdict::Failure))
    }

    /// The same failure with registers and flags cleared as long as it fails.
    pub fn shrink(&mut self, mut report: Report) -> Report {
        let mut case = self.case(report.index);
        let mut attempt = |case: &mut Case, change: &dyn Fn(&mut Case)| {
            let mut smaller = case.clone();
            change(&mut smaller);
            self.checker.load(&self.image.machine);
            if let Some(found) = self.compare(&smaller) {
                *case = smaller;
                report.verdict = found;
            }
        };
        for register in 0..16 {
            attempt(&mut case, &|case| case.cpu.registers[register] = 0);
        }
        for flag in [0, 2, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16, 18, 21] {
            attempt(&mut case, &|case| case.cpu.rflags &= !(1 << flag));
        }
        attempt(&mut case, &|case| case.cpu.cr2 = 0);
        report
    }
}

/// Notes whether the first fault says that the instruction is not implemented.
#[derive(Default)]
struct Unimplemented {
    faults: u32,
    found: bool,
}

impl Observer for Unimplemented {
    fn fault(&mut self, fault: &Fault) {
        self.found |= self.faults == 0 && fault.cause.contains("not modelled");
        self.faults += 1;
    }
}

fn is_unimplemented(machine: &Machine) -> bool {
    let mut seen = Unimplemented::default();
    let _ = machine::step(&mut machine.clone(), &mut seen);
    seen.found
}

/// The opcodes of which some encoding is implemented.
fn implemented(image: &Image) -> Vec<Code> {
    const TRIES: u64 = 24;
    let mut opcodes = encoding::integer_opcodes();
    opcodes.retain(|code| {
        let mut random = Random::new(*code as u64);
        (0..TRIES).any(|_| !is_unimplemented(&Case::new(image, &[*code], 0, &mut random).machine(image)))
    });
    opcodes
}
