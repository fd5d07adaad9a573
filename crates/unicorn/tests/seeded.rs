//! The checker checked: a wrong result slipped into our machine's is found at the first wrong step.

use cr3_core::linux::{Config, Features, Form, Handler, boot};
use cr3_core::machine::bits::{cr4, entry};
use cr3_core::machine::observe::{AccessKind, Delivered, MemoryAccess, TlbEvent};
use cr3_core::machine::{self, Cpu, Event, Fault, Machine, Observer, Register, SegmentRegister, paging, rflags};
use cr3_core::run::Runner;
use cr3_core::scenario::Places;
use cr3_testing::Random;
use cr3_unicorn::checker::{Checker, Verdict};
use cr3_unicorn::limits::Limit;
use cr3_unicorn::native::Native;
use cr3_unicorn::processor::Processor;
use cr3_unicorn_testing::fuzz::image::{
    CODE, Image, KERNEL_HUGE, USER_CODE, USER_CS, USER_DATA, USER_DS, data_page, segment,
};
use cr3_unicorn_testing::scenario::with_clear_flags;
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
    Gdtr,
    Idtr,
    Task,
    NmiBlocked,
    StoredByte,
    MissingStore,
    /// Bit 5 of the stored word, which is the accessed flag if the word is a page-table entry.
    StoredBit5,
    ErrorCode,
    FaultAddress,
    FrameRip,
    FrameFlags,
    FrameStack,
}

const RETIRED: [Wrong; 21] = [
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
    Wrong::Gdtr,
    Wrong::Idtr,
    Wrong::Task,
    Wrong::NmiBlocked,
    Wrong::StoredByte,
    Wrong::MissingStore,
    Wrong::StoredBit5,
];

const RAISED: [Wrong; 6] =
    [Wrong::Cr2, Wrong::ErrorCode, Wrong::FaultAddress, Wrong::FrameRip, Wrong::FrameFlags, Wrong::FrameStack];

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
            Wrong::Gdtr => cpu.gdtr.base ^= 0x1000,
            Wrong::Idtr => cpu.idtr.limit ^= 8,
            Wrong::Task => cpu.task.selector ^= 0x10,
            Wrong::NmiBlocked => cpu.events.nmi_blocked = !cpu.events.nmi_blocked,
            Wrong::StoredByte => {
                let physical = self.stored.expect("the step stores").physical;
                let byte = machine.memory.read_u8(physical + 7);
                machine.memory.write_u8(physical + 7, byte ^ 0x80);
            }
            Wrong::MissingStore => {
                let MemoryAccess { physical, size, before, .. } = self.stored.expect("the step stores");
                machine.memory.write(physical, size, before);
            }
            Wrong::StoredBit5 => {
                let physical = self.stored.expect("the step stores").physical;
                let word = machine.memory.read_u64(physical);
                assert!(word & 1 << 5 != 0, "the program stores words with bit 5 set");
                machine.memory.write_u64(physical, word & !(1 << 5));
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
        let mut machine = machine.clone();
        if self.due() && self.wrong == Wrong::Cr2 {
            self.corrupt(&mut machine);
        }
        self.checker.delivered(&machine, delivered);
    }
}

/// Steps of the program; the last one page-faults.
const STEPS: u64 = 24;

/// mov %rax,(%rbx); add %rax,%rax; push %rax; pop %rcx; five and a half times, then mov (%rdx),%rax without a page.
fn machine() -> Machine {
    let mut machine = Image::new(&mut Random(0)).machine;
    let round = [0x48, 0x89, 0x03, 0x48, 0x01, 0xc0, 0x50, 0x59];
    let mut code = round.repeat(5);
    code.extend([0x48, 0x89, 0x03, 0x48, 0x01, 0xc0, 0x50, 0x48, 0x8b, 0x02]);
    machine.memory.write_bytes(CODE, &code);
    machine.cpu.cpl = 3;
    machine.cpu.segments = [USER_DS, USER_CS, USER_DS, USER_DS, 0, 0].map(segment);
    machine.cpu.rip = USER_CODE;
    let registers = [
        (Register::Rax, 0xffff_ffff),
        (Register::Rbx, USER_DATA + 0x40),
        (Register::Rsp, USER_DATA + 0x1800),
        (Register::Rdx, USER_DATA + 0x9010),
    ];
    for (register, value) in registers {
        machine.cpu.registers[register as usize] = value;
    }
    machine
}

/// Runs `machine` with `wrong` at step `at`, for `steps`.
fn run(mut machine: Machine, steps: u64, wrong: Wrong, at: u64) -> Checker<Native> {
    let native = Native::open().expect("Unicorn opens");
    let checker = Checker::new(native);
    let mut seeded = Seeded { checker, wrong, at, step: 0, stored: None, pushes: 0 };
    for _ in 0..steps {
        machine::step(&mut machine, &mut seeded).expect("the program goes on");
        seeded.checker.compare_memory(&machine);
    }
    seeded.checker
}

/// The step at which the checker disagreed.
fn step_of(checker: &Checker<Native>) -> Option<u64> {
    match checker.verdict() {
        None => None,
        Some(Verdict::Mismatch(mismatch)) => Some(mismatch.step + 1),
        Some(Verdict::Failure(failure)) => panic!("{failure}"),
    }
}

/// Like [`step_of`], for the program with `wrong` at step `at`.
fn disagreement(wrong: Wrong, at: u64) -> Option<u64> {
    step_of(&run(machine(), STEPS, wrong, at))
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

/// A word of a supervisor page below 4 GiB.
const WORD: u64 = USER_DATA + 0x2800;

/// Physical address of [`WORD`].
fn word() -> u64 {
    data_page(2, 0) + 0x800
}

/// One instruction in ring 0 and the registers before it.
struct Program {
    code: &'static [u8],
    registers: &'static [(Register, u64)],
    /// At [`WORD`].
    words: &'static [u64],
}

impl Program {
    fn machine(&self) -> Machine {
        let mut machine = Image::new(&mut Random(0)).machine;
        machine.memory.write_bytes(CODE, self.code);
        for (place, value) in (word()..).step_by(8).zip(self.words) {
            machine.memory.write_u64(place, *value);
        }
        for (register, value) in self.registers {
            machine.cpu.registers[*register as usize] = *value;
        }
        machine
    }
}

/// Instructions that Unicorn can judge only in part, in states in which it can judge something.
const LIMITED: [(&str, Program); 7] = [
    ("mov %rax,%cr0", Program { code: &[0x0f, 0x22, 0xc0], registers: &[(Register::Rax, 0x8005_0033)], words: &[] }),
    ("enter $16,$0", Program { code: &[0xc8, 16, 0, 0], registers: &[(Register::Rsp, WORD)], words: &[] }),
    (
        "iretl",
        Program {
            code: &[0xcf],
            registers: &[(Register::Rsp, WORD)],
            words: &[0x0010_0040_0000, 0x1000_2800_0000_0202, 0x18],
        },
    ),
    (
        "lfs (%rbx),%rax",
        Program { code: &[0x48, 0x0f, 0xb4, 0x03], registers: &[(Register::Rbx, WORD)], words: &[0x1234, 0] },
    ),
    (
        "cmpxchg %ecx,(%rbx)",
        Program {
            code: &[0x0f, 0xb1, 0x0b],
            registers: &[(Register::Rbx, WORD), (Register::Rcx, 5), (Register::Rax, u64::MAX)],
            words: &[7],
        },
    ),
    (
        "mov %rax,(%rip)",
        Program { code: &[0x48, 0x89, 0x05, 0, 0, 0, 0], registers: &[(Register::Rax, 0x9090_9090)], words: &[] },
    ),
    ("bsf %rax,%rcx", Program { code: &[0x0f, 0xbc, 0xc8], registers: &[(Register::Rcx, 1 << 40)], words: &[] }),
];

/// A limit excuses what it is about, and nothing else of its instruction.
#[test]
fn a_wrong_result_is_found_in_an_instruction_with_a_limit() {
    for (name, program) in LIMITED {
        assert_eq!(step_of(&run(program.machine(), 1, Wrong::Nothing, 0)), None, "{name}");
        for wrong in [Wrong::Register, Wrong::Rip, Wrong::Cr0] {
            assert_eq!(step_of(&run(program.machine(), 1, wrong, 1)), Some(1), "{name} with {wrong:?}");
        }
    }
}

/// mov (%rbx),%rax; mov %rcx,(%rdx), which changes the page-table entry for RBX; mov %rsi,%cr3 without a flush; mov
/// (%rbx),%rax through a translation that our TLB has kept and Unicorn has not.
fn stale() -> Machine {
    let mut machine = Image::new(&mut Random(0)).machine;
    machine.memory.write_bytes(CODE, &[0x48, 0x8b, 0x03, 0x48, 0x89, 0x0a, 0x0f, 0x22, 0xde, 0x48, 0x8b, 0x03]);
    machine.cpu.cr4 |= cr4::PCIDE;
    let walk = paging::walk(&machine.cpu, &machine.memory, WORD, paging::Start::root(&machine.cpu));
    let leaf = walk.steps().last().expect("the page is mapped");
    let other = leaf.value & !entry::ADDRESS | data_page(3, 0);
    machine.memory.write_u64(data_page(3, 0) + 0x800, 0x1111);
    machine.memory.write_u64(word(), 0x2222);
    let registers = [
        (Register::Rbx, WORD),
        (Register::Rcx, other),
        (Register::Rdx, KERNEL_HUGE + leaf.address),
        (Register::Rsi, machine.cpu.cr3 | 1 << 63),
    ];
    for (register, value) in registers {
        machine.cpu.registers[register as usize] = value;
    }
    machine
}

#[test]
fn a_wrong_result_is_found_beside_a_stale_translation() {
    let checker = run(stale(), 4, Wrong::Nothing, 0);
    assert_eq!(step_of(&checker), None);
    assert_eq!(checker.tally().mirrored, [(Limit::StaleTranslation, 1)].into());
    for wrong in [Wrong::Register, Wrong::Rip, Wrong::Cr0] {
        assert_eq!(step_of(&run(stale(), 4, wrong, 4)), Some(4), "{wrong:?}");
    }
}

/// A machine that never sets one flag in one page-table entry.
struct Forgetful {
    checker: Checker<Native>,
    flag: u64,
    entry: u64,
}

impl Forgetful {
    fn seen(&self, machine: &Machine) -> Machine {
        let mut machine = machine.clone();
        let value = machine.memory.read_u64(self.entry);
        machine.memory.write_u64(self.entry, value & !self.flag);
        machine
    }
}

impl Observer for Forgetful {
    fn before(&mut self, machine: &Machine, instruction: &Instruction) {
        self.checker.before(&self.seen(machine), instruction);
    }
    fn retired(&mut self, machine: &Machine, instruction: &Instruction) {
        self.checker.retired(&self.seen(machine), instruction);
    }
    fn memory(&mut self, access: &MemoryAccess) {
        self.checker.memory(access);
    }
    fn tlb(&mut self, event: &TlbEvent) {
        self.checker.tlb(event);
    }
    fn fault(&mut self, fault: &Fault) {
        self.checker.fault(fault);
    }
    fn arriving(&mut self, machine: &Machine, event: Event, error_code: Option<u32>) {
        self.checker.arriving(&self.seen(machine), event, error_code);
    }
    fn delivered(&mut self, machine: &Machine, delivered: &Delivered) {
        self.checker.delivered(&self.seen(machine), delivered);
    }
}

/// The whole Linux run with an NMI, from page tables without accessed and dirty flags. `flag` is never set in the entry
/// of the page at `linear`. Returns whether the checker disagreed.
fn forgets(flag: u64, linear: fn(&Cpu) -> u64) -> bool {
    let config = Config { features: Features::ALL, form: Form::E, handler: Handler::Quiet.into(), ..Config::default() };
    let system = with_clear_flags(&boot(&config).expect("the system boots"));
    let cpu = &system.machine.cpu;
    let walk = paging::walk(cpu, &system.machine.memory, linear(cpu), paging::Start::root(cpu));
    let entry = walk.steps().last().expect("the page is mapped").address;
    let mut forgetful = Forgetful { checker: Checker::new(Native::open().expect("Unicorn opens")), flag, entry };
    let places = Places::new(&system.image);
    let schedule = "kernel_loop+1:nmi".parse().expect("a schedule");
    let mut runner = Runner::new(system.machine.clone(), &places, &schedule);
    while forgetful.checker.verdict().is_none() && runner.step(&mut forgetful).is_ok() {}
    let end = forgetful.seen(runner.machine());
    forgetful.checker.compare_memory(&end);
    match forgetful.checker.verdict() {
        None => false,
        Some(Verdict::Mismatch(_)) => true,
        Some(Verdict::Failure(failure)) => panic!("{failure}"),
    }
}

#[test]
fn a_flag_that_is_never_set_is_found_in_a_linux_run() {
    let stack: fn(&Cpu) -> u64 = |cpu| cpu.registers[Register::Rsp as usize] - 8;
    let code: fn(&Cpu) -> u64 = |cpu| cpu.rip;
    let cases = [
        ("no flag", 0, stack, false),
        ("D missing", entry::DIRTY, stack, true),
        ("A missing", entry::ACCESSED, stack, true),
        ("A missing after a fetch", entry::ACCESSED, code, true),
    ];
    for (name, flag, linear, found) in cases {
        assert_eq!(forgets(flag, linear), found, "{name}");
    }
}
