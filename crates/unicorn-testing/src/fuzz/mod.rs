//! Single random instructions in random states, on our machine and a second CPU.
//!
//! Seed and index alone decide a case, so these two numbers reproduce a failure. 16,384 cases share an image. Its data,
//! and the flags of the entries that map it (R/W, U/S, XD, G, A, D, P), come from the seed. Each case draws registers,
//! flags, privilege, address space, EFER.NXE and SCE, CR0.WP, AM and TS, CR4.SMEP, SMAP, PGE, PCIDE and FSGSBASE.

pub mod case;
pub mod encoding;
pub mod image;

use case::{Case, SLOT, SLOTS};
use cr3_core::machine::{self, Fault, Machine, Observer};
use cr3_testing::Random;
use cr3_unicorn::checker::{Checker, Mismatch, Tally, Verdict};
use cr3_unicorn::difference::Difference;
use cr3_unicorn::processor::{Failure, Outcome, Processor};
use iced_x86::Code;
use image::{CODE, CODE_SIZE, HLT, Image};
use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

/// Cases between two comparisons of all memory. After each case only the pages that our machine changed are compared.
const BLOCK: u64 = 64;

/// Cases that share an image.
const CHAPTER: u64 = 1 << 14;

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
    /// The [`CHAPTER`] of the current image.
    chapter: Option<u64>,
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
    /// [`Failure`] if the second CPU cannot hold the image.
    pub fn new(follower: P, seed: u64) -> Result<Self, Failure> {
        let image = Image::new(&mut Random(0));
        let outside = |physical: &u64| !(CODE..CODE + CODE_SIZE).contains(physical);
        let pages = image.machine.memory.pages().map(|(physical, _)| physical).filter(outside).collect();
        let opcodes = implemented(&image);
        let mut checker = Checker::new(follower);
        checker.load(&image.machine);
        match checker.verdict() {
            Some(Verdict::Failure(failure)) => Err(failure.clone()),
            _ => Ok(Self { image, chapter: None, opcodes, checker, seed, pages, unimplemented: 0 }),
        }
    }

    /// Switches to the image of the case at `index`.
    fn turn_to(&mut self, index: u64) {
        let chapter = index / CHAPTER;
        if self.chapter != Some(chapter) {
            self.chapter = Some(chapter);
            self.image = Image::varied(&mut Random(mixed(self.seed, !chapter)));
            self.checker.load(&self.image.machine);
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

    /// Cases that were skipped because our machine does not implement the instruction.
    pub fn unimplemented(&self) -> u64 {
        self.unimplemented
    }

    /// Runs the cases of `range`, up to the first difference.
    pub fn run(&mut self, range: Range<u64>) -> Option<Report> {
        for index in range {
            self.turn_to(index);
            let mut verdict = self.run_case(index);
            if verdict.is_none() && index % BLOCK == BLOCK - 1 {
                verdict = self.compare_all();
            }
            if let Some(verdict) = verdict {
                return Some(self.find_in_block(index, verdict));
            }
        }
        None
    }

    /// Runs one case by itself and compares all memory.
    pub fn run_alone(&mut self, index: u64) -> Option<Report> {
        self.turn_to(index);
        self.checker.load(&self.image.machine);
        let verdict = self.run_case(index).or_else(|| self.compare_all())?;
        self.checker.load(&self.image.machine);
        Some(Report { seed: self.seed, index, verdict })
    }

    /// The case after which memory differed: the one at `last`, or an earlier one in its block.
    fn find_in_block(&mut self, last: u64, verdict: Verdict) -> Report {
        self.checker.load(&self.image.machine);
        let first = last / BLOCK * BLOCK;
        let found = (first..=last).rev().find_map(|index| self.run_alone(index));
        found.unwrap_or(Report { seed: self.seed, index: last, verdict })
    }

    /// The case at `index`, which lies in the current chapter.
    fn case(&self, index: u64) -> Case {
        let mut random = Random(mixed(self.seed, index));
        Case::new(&self.image, &self.opcodes, index % SLOTS, &mut random)
    }

    fn run_case(&mut self, index: u64) -> Option<Verdict> {
        let case = self.case(index);
        self.compare(&case)
    }

    /// Executes one case on both, then restores memory.
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
        // A stop is an outcome like any other: the events before it were compared.
        let _ = machine::step(&mut after, &mut self.checker);
        let changed = self.image.machine.memory.differences(&after.memory);
        for physical in &changed {
            self.compare_page(&after, *physical);
        }
        let result = result.and_then(|()| self.checker.take_back_early(&self.image.machine));
        let result = result.and_then(|()| self.restore(&changed));
        let verdict = self.checker.verdict().cloned();
        verdict.or(result.err().map(Verdict::Failure))
    }

    /// Gives the second CPU the case's memory, without translations from the previous case.
    fn prepare(&mut self, case: &Case, before: &Machine) -> Result<(), Failure> {
        let follower = self.checker.follower();
        // Code that an earlier case left in the slot would be translated together with this one's.
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

    /// Restores the image's bytes in the pages that a case changed.
    fn restore(&mut self, changed: &[u64]) -> Result<(), Failure> {
        let mut page = [0; 4096];
        for physical in changed {
            self.image.machine.memory.read_bytes(*physical, &mut page);
            self.checker.follower().write(*physical, &page)?;
        }
        Ok(())
    }

    /// Compares every page with the image.
    fn compare_all(&mut self) -> Option<Verdict> {
        let machine = self.image.machine.clone();
        for physical in &self.pages {
            let mut page = [0; 4096];
            machine.memory.read_bytes(*physical, &mut page);
            self.checker.compare_page(*physical, &page, &machine);
        }
        self.checker.verdict().cloned()
    }

    /// The same failure with registers and flags cleared as long as the failure is of the same kind in the same fields.
    pub fn shrink(&mut self, mut report: Report) -> Report {
        self.turn_to(report.index);
        let mut case = self.case(report.index);
        let mut attempt = |case: &mut Case, change: &dyn Fn(&mut Case)| {
            let mut smaller = case.clone();
            change(&mut smaller);
            self.checker.load(&self.image.machine);
            if let Some(found) = self.compare(&smaller).filter(|found| is_same_failure(found, &report.verdict)) {
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

/// A number for each pair of seed and index.
fn mixed(seed: u64, index: u64) -> u64 {
    seed ^ index.wrapping_mul(0xd6e8_feb8_6659_fd93)
}

/// Whether two verdicts describe the same mistake: the same fields differ, whatever their values, after the same
/// exceptions.
pub fn is_same_failure(left: &Verdict, right: &Verdict) -> bool {
    match (left, right) {
        (Verdict::Mismatch(left), Verdict::Mismatch(right)) => fields(left) == fields(right),
        (Verdict::Failure(left), Verdict::Failure(right)) => left.request == right.request,
        _ => false,
    }
}

/// What differs, without values and addresses, each only once.
fn fields(mismatch: &Mismatch) -> BTreeSet<String> {
    let vector = |outcome: Outcome| match outcome {
        Outcome::Retired => "retired".to_owned(),
        Outcome::Syscall => "SYSCALL".to_owned(),
        Outcome::ShutDown => "shutdown".to_owned(),
        Outcome::Raised(raised) => format!("vector {}", raised.vector),
    };
    let name = |difference: &Difference| match difference {
        Difference::Outcome { ours, theirs } => format!("{} against {}", vector(*ours), vector(*theirs)),
        Difference::Register { name, .. } => (*name).to_owned(),
        Difference::Memory { .. } => "memory".to_owned(),
    };
    mismatch.differences.iter().map(name).collect()
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

/// The opcodes that have some implemented encoding.
fn implemented(image: &Image) -> Vec<Code> {
    const TRIES: u64 = 24;
    let mut opcodes = encoding::integer_opcodes();
    opcodes.retain(|code| {
        let mut random = Random(*code as u64);
        (0..TRIES).any(|_| !is_unimplemented(&Case::new(image, &[*code], 0, &mut random).machine(image)))
    });
    opcodes
}

#[cfg(test)]
mod tests {
    use super::*;
    use cr3_unicorn::difference::Observed;
    use cr3_unicorn::processor::CpuState;

    fn verdict(differences: &[Difference]) -> Verdict {
        let observed = Observed { outcome: Outcome::Retired, state: CpuState::default() };
        Verdict::Mismatch(Box::new(Mismatch {
            step: 0,
            instruction: String::new(),
            bytes: Vec::new(),
            before: observed.state,
            ours: observed,
            theirs: observed,
            differences: differences.to_vec(),
        }))
    }

    #[test]
    fn a_smaller_case_must_fail_in_the_same_fields() {
        let register = |name, ours| Difference::Register { name, ours, theirs: 0 };
        let memory = |physical| Difference::Memory { physical, ours: 1, theirs: 0 };
        let carry = verdict(&[register("rflags", 1)]);
        let cases = [
            (vec![register("rflags", 4)], true),
            (vec![register("rip", 1)], false),
            (vec![register("rflags", 1), register("rip", 1)], false),
            (vec![memory(0)], false),
        ];
        for (differences, same) in cases {
            assert_eq!(is_same_failure(&verdict(&differences), &carry), same, "{differences:?}");
        }
        assert!(is_same_failure(&verdict(&[memory(0), memory(8)]), &verdict(&[memory(16)])));
    }
}
