//! Wrong deliveries: one field of what our machine did to enter a handler is made wrong, and the checker has to find it
//! at that delivery. For second CPUs that deliver events themselves.

use cr3_core::linux::System;
use cr3_core::machine::bits::efer;
use cr3_core::machine::observe::{AccessKind, Delivered, MemoryAccess, TlbEvent};
use cr3_core::machine::{Event, Exception, Fault, Machine, Observer, Register, SegmentRegister, rflags};
use cr3_core::run::Runner;
use cr3_core::scenario::{Places, Schedule};
use cr3_unicorn::checker::{Checker, Verdict};
use cr3_unicorn::processor::Processor;
use iced_x86::Instruction;

/// A field that a delivery writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    Nothing,
    Rip,
    Rsp,
    CodeSegment,
    Privilege,
    Flags,
    Efer,
    /// The n-th word above RSP, behind the error code: RIP, CS, RFLAGS, RSP, SS.
    Frame(u64),
    /// For a vector that has one.
    ErrorCode,
    /// For an NMI.
    NmiBlocked,
}

const KINDS: [Wrong; 13] = [
    Wrong::Rip,
    Wrong::Rsp,
    Wrong::CodeSegment,
    Wrong::Privilege,
    Wrong::Flags,
    Wrong::Efer,
    Wrong::Frame(0),
    Wrong::Frame(1),
    Wrong::Frame(2),
    Wrong::Frame(3),
    Wrong::Frame(4),
    Wrong::ErrorCode,
    Wrong::NmiBlocked,
];

/// Passes everything on, and makes delivery `at` wrong.
struct Seeded<P> {
    checker: Checker<P>,
    wrong: Wrong,
    at: usize,
    /// Deliveries so far.
    seen: usize,
    /// Whether delivery `at` has the field.
    applied: bool,
    stores: Vec<MemoryAccess>,
}

fn has_error_code(delivered: &Delivered) -> bool {
    matches!(delivered.event, Event::Exception(exception) if exception.has_error_code())
}

impl<P: Processor> Seeded<P> {
    /// Flips a bit of the word at `linear`, if the delivery has pushed it.
    fn turn(&self, machine: &mut Machine, linear: u64) {
        let pushed = self.stores.iter().rev().find(|store| store.linear == linear).expect("a pushed word");
        let word = machine.memory.read_u64(pushed.physical);
        machine.memory.write_u64(pushed.physical, word ^ 1);
    }

    /// Whether there was something to make wrong.
    fn corrupt(&self, machine: &mut Machine, delivered: &Delivered) -> bool {
        let error_code = has_error_code(delivered);
        let cpu = &mut machine.cpu;
        match self.wrong {
            Wrong::Nothing => return false,
            Wrong::Rip => cpu.rip ^= 1,
            Wrong::Rsp => cpu.registers[Register::Rsp as usize] ^= 8,
            Wrong::CodeSegment => cpu.segments[SegmentRegister::Cs as usize].selector ^= 8,
            Wrong::Privilege => cpu.cpl ^= 3,
            Wrong::Flags => cpu.rflags ^= rflags::IF,
            Wrong::Efer => cpu.efer ^= efer::SCE,
            Wrong::Frame(word) => {
                self.turn(machine, delivered.stack.wrapping_add(8 * (u64::from(error_code) + word)));
            }
            Wrong::ErrorCode if error_code => self.turn(machine, delivered.stack),
            Wrong::NmiBlocked if delivered.event == Event::Exception(Exception::Nmi) => {
                cpu.events.nmi_blocked = false;
            }
            Wrong::ErrorCode | Wrong::NmiBlocked => return false,
        }
        true
    }
}

impl<P: Processor> Observer for Seeded<P> {
    fn before(&mut self, machine: &Machine, instruction: &Instruction) {
        self.stores.clear();
        self.checker.before(machine, instruction);
    }
    fn retired(&mut self, machine: &Machine, instruction: &Instruction) {
        self.checker.retired(machine, instruction);
    }
    fn memory(&mut self, access: &MemoryAccess) {
        if access.kind == AccessKind::Write {
            self.stores.push(*access);
        }
        self.checker.memory(access);
    }
    fn tlb(&mut self, event: &TlbEvent) {
        self.checker.tlb(event);
    }
    fn fault(&mut self, fault: &Fault) {
        self.checker.fault(fault);
    }
    fn arriving(&mut self, machine: &Machine, event: Event, error_code: Option<u32>) {
        self.stores.clear();
        self.checker.arriving(machine, event, error_code);
    }
    fn delivered(&mut self, machine: &Machine, delivered: &Delivered) {
        let mut machine = machine.clone();
        if self.seen == self.at {
            self.applied = self.corrupt(&mut machine, delivered);
        }
        self.seen += 1;
        self.checker.delivered(&machine, delivered);
    }
}

/// Runs `schedule` with delivery `at` wrong. Returns whether it has the field, the delivery after which the two
/// differed, and the second CPU.
fn found<P: Processor>(
    follower: P,
    system: &System,
    schedule: &Schedule,
    wrong: Wrong,
    at: usize,
) -> (bool, Option<usize>, P) {
    let checker = Checker::new(follower);
    let mut seeded = Seeded { checker, wrong, at, seen: 0, applied: false, stores: Vec::new() };
    let mut runner = Runner::new(system.machine.clone(), &Places::new(&system.image), schedule);
    while seeded.checker.verdict().is_none() && seeded.seen <= at && runner.step(&mut seeded).is_ok() {
        seeded.checker.take_step();
    }
    let differs = match seeded.checker.verdict() {
        None => None,
        Some(Verdict::Mismatch(_)) => Some(seeded.seen - 1),
        Some(Verdict::Failure(failure)) => panic!("{wrong:?} at {at}: {failure}"),
    };
    (seeded.applied, differs, seeded.checker.into_follower())
}

/// Every kind at each of the first `deliveries` of a run. Returns how many were made wrong.
pub(crate) fn wrong_ones_are_found<P: Processor>(
    mut follower: P,
    system: &System,
    schedule: &Schedule,
    deliveries: usize,
) -> usize {
    let mut count = 0;
    for at in 0..deliveries {
        let (_, differs, back) = found(follower, system, schedule, Wrong::Nothing, at);
        assert_eq!(differs, None, "delivery {at} as it is");
        follower = back;
        for wrong in KINDS {
            let (applied, differs, back) = found(follower, system, schedule, wrong, at);
            assert_eq!(differs, applied.then_some(at), "{wrong:?} at delivery {at}");
            follower = back;
            count += usize::from(applied);
        }
    }
    count
}
