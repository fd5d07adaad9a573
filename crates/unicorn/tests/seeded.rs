//! The checker checked: a wrong result slipped into our machine's is found at the first wrong step.

use cr3_core::machine::observe::{AccessKind, Delivered, MemoryAccess, TlbEvent};
use cr3_core::machine::{self, Fault, Machine, Observer, Register, SegmentRegister, rflags};
use cr3_unicorn::checker::{Checker, Verdict};
use cr3_unicorn::fuzz::image::{CODE, Image, USER_CODE, USER_CS, USER_DATA, USER_DS, segment};
use cr3_unicorn::fuzz::random::Random;
use cr3_unicorn::native::Native;
use cr3_unicorn::processor::Processor;
use iced_x86::Instruction;

/// A wrong result, in an instruction that retires or in an exception.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    Nothing,
    Register,
    Flag,
    Rip,
    Selector,
    FsBase,
    GsBase,
    KernelGsBase,
    Privilege,
    Cr0,
    Cr2,
    Cr3,
    Cr4,
    Efer,
    Lstar,
    StoredByte,
    MissingStore,
    ErrorCode,
    FaultAddress,
    FrameRip,
    FrameFlags,
    FrameStack,
}

const RETIRED: [Wrong; 16] = [
    Wrong::Register,
    Wrong::Flag,
    Wrong::Rip,
    Wrong::Selector,
    Wrong::FsBase,
    Wrong::GsBase,
    Wrong::KernelGsBase,
    Wrong::Privilege,
    Wrong::Cr0,
    Wrong::Cr2,
    Wrong::Cr3,
    Wrong::Cr4,
    Wrong::Efer,
    Wrong::Lstar,
    Wrong::StoredByte,
    Wrong::MissingStore,
];

const RAISED: [Wrong; 5] =
    [Wrong::ErrorCode, Wrong::FaultAddress, Wrong::FrameRip, Wrong::FrameFlags, Wrong::FrameStack];

/// Passes everything on to the checker, and makes step `at` wrong.
struct Seeded<P> {
    checker: Checker<P>,
    wrong: Wrong,
    at: u64,
    step: u64,
    stored: Option<MemoryAccess>,
    pushes: u32,
}

impl<P: Processor> Seeded<P> {
    fn due(&self) -> bool {
        self.step == self.at
    }

    fn corrupt(&self, machine: &mut Machine) {
        let cpu = &mut machine.cpu;
        match self.wrong {
            Wrong::Register => cpu.registers[Register::R9 as usize] ^= 1 << 40,
            Wrong::Flag => cpu.rflags ^= rflags::CF,
            Wrong::Rip => cpu.rip += 1,
            Wrong::Selector => cpu.segments[SegmentRegister::Ds as usize].selector ^= 8,
            Wrong::FsBase => cpu.segments[SegmentRegister::Fs as usize].base ^= 0x1000,
            Wrong::GsBase => cpu.segments[SegmentRegister::Gs as usize].base ^= 0x1000,
            Wrong::KernelGsBase => cpu.msr.kernel_gs_base ^= 8,
            Wrong::Privilege => cpu.cpl = 0,
            Wrong::Cr0 => cpu.cr0 ^= 1 << 16,
            Wrong::Cr2 => cpu.cr2 ^= 1,
            Wrong::Cr3 => cpu.cr3 ^= 0x1000,
            Wrong::Cr4 => cpu.cr4 ^= 1 << 7,
            Wrong::Efer => cpu.efer ^= 1,
            Wrong::Lstar => cpu.msr.lstar ^= 0x10,
            Wrong::StoredByte => {
                let physical = self.stored.expect("the step stores").physical;
                let byte = machine.memory.read_u8(physical + 7);
                machine.memory.write_u8(physical + 7, byte ^ 0x80);
            }
            Wrong::MissingStore => {
                let MemoryAccess { physical, size, before, .. } = self.stored.expect("the step stores");
                machine.memory.write(physical, size, before);
            }
            _ => {}
        }
    }
}

impl<P: Processor> Observer for Seeded<P> {
    fn before(&mut self, machine: &Machine, instruction: &Instruction) {
        self.step += 1;
        self.checker.before(machine, instruction);
    }
    fn retired(&mut self, machine: &Machine, instruction: &Instruction) {
        let mut machine = machine.clone();
        if self.due() {
            self.corrupt(&mut machine);
        }
        self.checker.retired(&machine, instruction);
    }
    fn memory(&mut self, access: &MemoryAccess) {
        let mut access = *access;
        if access.kind == AccessKind::Write {
            self.stored = Some(access);
            self.pushes += 1;
            // SS, RSP, RFLAGS, CS, RIP, error code
            let word = [Wrong::Nothing, Wrong::FrameStack, Wrong::FrameFlags, Wrong::Nothing, Wrong::FrameRip];
            let pushed = self.pushes.checked_sub(1).and_then(|push| word.get(push as usize));
            if self.due() && pushed == Some(&self.wrong) {
                access.value ^= 1;
            }
        }
        self.checker.memory(&access);
    }
    fn tlb(&mut self, event: &TlbEvent) {
        self.checker.tlb(event);
    }
    fn fault(&mut self, fault: &Fault) {
        let mut fault = fault.clone();
        self.pushes = 0;
        if self.due() && self.wrong == Wrong::ErrorCode {
            fault.error_code = fault.error_code.map(|code| code ^ 2);
        }
        if self.due() && self.wrong == Wrong::FaultAddress {
            fault.address = fault.address.map(|address| address ^ 8);
        }
        self.checker.fault(&fault);
    }
    fn delivered(&mut self, machine: &Machine, delivered: &Delivered) {
        self.checker.delivered(machine, delivered);
    }
}

/// Steps of the program; the last one page-faults.
const STEPS: u64 = 24;

/// mov %rax,(%rbx); add %rax,%rax; push %rax; pop %rcx; five times and a half, then mov (%rdx),%rax without a page.
fn machine() -> Machine {
    let mut machine = Image::new(&mut Random::new(0)).machine;
    let round = [0x48, 0x89, 0x03, 0x48, 0x01, 0xc0, 0x50, 0x59];
    let mut code = round.repeat(5);
    code.extend([0x48, 0x89, 0x03, 0x48, 0x01, 0xc0, 0x50, 0x48, 0x8b, 0x02]);
    machine.memory.write_bytes(CODE, &code);
    machine.cpu.cpl = 3;
    machine.cpu.segments = [USER_DS, USER_CS, USER_DS, USER_DS, 0, 0].map(segment);
    machine.cpu.rip = USER_CODE;
    let registers = [
        (Register::Rax, 0x1234_5678),
        (Register::Rbx, USER_DATA + 0x40),
        (Register::Rsp, USER_DATA + 0x1800),
        (Register::Rdx, USER_DATA + 0x9010),
    ];
    for (register, value) in registers {
        machine.cpu.registers[register as usize] = value;
    }
    machine
}

/// Runs with `wrong` at step `at`; the step at which the checker disagreed.
fn disagreement(wrong: Wrong, at: u64) -> Option<u64> {
    let native = Native::open().expect("Unicorn opens");
    let checker = Checker::new(native);
    let mut seeded = Seeded { checker, wrong, at, step: 0, stored: None, pushes: 0 };
    let mut machine = machine();
    for _ in 0..STEPS {
        machine::step(&mut machine, &mut seeded).expect("the program goes on");
        seeded.checker.compare_memory(&machine);
    }
    match seeded.checker.verdict() {
        None => None,
        Some(Verdict::Mismatch(mismatch)) => Some(mismatch.step + 1),
        Some(Verdict::Failure(failure)) => panic!("{failure}"),
    }
}

#[test]
fn without_a_seed_both_agree() {
    assert_eq!(disagreement(Wrong::Nothing, 0), None);
}

#[test]
fn a_wrong_result_is_found_at_its_step() {
    // Steps 1, 5, 9 ... store through RBX.
    for wrong in RETIRED {
        for at in [1, 5, 17] {
            assert_eq!(disagreement(wrong, at), Some(at), "{wrong:?} at step {at}");
        }
    }
}

#[test]
fn a_wrong_exception_is_found_at_its_step() {
    for wrong in RAISED {
        assert_eq!(disagreement(wrong, STEPS), Some(STEPS), "{wrong:?}");
    }
}
