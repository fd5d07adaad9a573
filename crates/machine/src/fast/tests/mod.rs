//! With and without everything in this module, the machine does the same.

mod front;
mod reach;
mod stride;

use crate::bits::cr4;
use crate::cpu::Events;
use crate::event::debug::{DR6_FIXED, DR7, DR7_FIXED};
use crate::exec::tests::state::{State, state_with};
use crate::fault::{Fault, Stop};
use crate::observe::{
    Attention, ControlAccess, DebugAccess, Delivered, DropCause, MemoryAccess, MsrAccess, Ordinary, SegmentLoad,
    TlbEvent, Watched,
};
use crate::paging::Walk;
use crate::rflags::{RF, TF};
use crate::rights::Access;
use crate::testbed::{CODE, DATA, UNMAPPED, USER_CODE, handler, with_code, with_user_code};
use crate::tlb::Operation;
use crate::{Event, Machine, Observer, Register, Stepper, step};
use cr3_testing::cases;
use iced_x86::Instruction;
use proptest::prelude::*;

/// Writes down every hook with the registers that it is shown.
#[derive(Default)]
struct Everything(Vec<String>);

impl Everything {
    fn add(&mut self, name: &str, what: impl std::fmt::Debug) {
        self.0.push(format!("{name} {what:?}"));
    }
}

impl Observer for Everything {
    fn before(&mut self, machine: &Machine, instruction: &Instruction) {
        self.add("before", (instruction, &machine.cpu));
    }
    fn retired(&mut self, machine: &Machine, instruction: &Instruction) {
        self.add("retired", (instruction, &machine.cpu));
    }
    fn memory(&mut self, access: &MemoryAccess) {
        self.add("memory", access);
    }
    fn tlb(&mut self, event: &TlbEvent) {
        self.add("tlb", event);
    }
    fn invalidation(&mut self, operation: Operation, cause: DropCause) {
        self.add("invalidation", (operation, cause));
    }
    fn walk(&mut self, linear: u64, access: Access, walk: &Walk) {
        self.add("walk", (linear, access, walk));
    }
    fn segment(&mut self, load: &SegmentLoad) {
        self.add("segment", load);
    }
    fn msr(&mut self, access: &MsrAccess) {
        self.add("msr", access);
    }
    fn debug(&mut self, access: &DebugAccess) {
        self.add("debug", access);
    }
    fn control(&mut self, access: &ControlAccess) {
        self.add("control", access);
    }
    fn arriving(&mut self, machine: &Machine, event: Event, error_code: Option<u32>) {
        self.add("arriving", (&machine.cpu, event, error_code));
    }
    fn fault(&mut self, fault: &Fault) {
        self.add("fault", fault);
    }
    fn delivered(&mut self, machine: &Machine, delivered: &Delivered) {
        self.add("delivered", (&machine.cpu, delivered));
    }
}

/// Hears only that ordinary instructions retired.
#[derive(Default)]
struct Inattentive {
    told: Everything,
    ordinary: Option<Ordinary>,
}

impl Observer for Inattentive {
    fn attention(&self) -> Attention {
        Attention::Unusual { stores: Watched::NOTHING }
    }
    fn ordinary(&mut self, _: &Machine, ordinary: Ordinary) {
        self.ordinary = Some(ordinary);
    }
    fn before(&mut self, machine: &Machine, instruction: &Instruction) {
        self.told.before(machine, instruction);
    }
    fn retired(&mut self, machine: &Machine, instruction: &Instruction) {
        self.told.retired(machine, instruction);
    }
    fn memory(&mut self, access: &MemoryAccess) {
        self.told.memory(access);
    }
    fn tlb(&mut self, event: &TlbEvent) {
        self.told.tlb(event);
    }
    fn invalidation(&mut self, operation: Operation, cause: DropCause) {
        self.told.invalidation(operation, cause);
    }
    fn walk(&mut self, linear: u64, access: Access, walk: &Walk) {
        self.told.walk(linear, access, walk);
    }
    fn segment(&mut self, load: &SegmentLoad) {
        self.told.segment(load);
    }
    fn msr(&mut self, access: &MsrAccess) {
        self.told.msr(access);
    }
    fn debug(&mut self, access: &DebugAccess) {
        self.told.debug(access);
    }
    fn control(&mut self, access: &ControlAccess) {
        self.told.control(access);
    }
    fn arriving(&mut self, machine: &Machine, event: Event, error_code: Option<u32>) {
        self.told.arriving(machine, event, error_code);
    }
    fn fault(&mut self, fault: &Fault) {
        self.told.fault(fault);
    }
    fn delivered(&mut self, machine: &Machine, delivered: &Delivered) {
        self.told.delivered(machine, delivered);
    }
}

impl Inattentive {
    /// Whether this is `all`, or one word for an ordinary instruction.
    fn agrees_with(&self, all: &[String]) -> bool {
        let Some(Ordinary { count: 1, mnemonic, hits }) = self.ordinary else { return self.told.0 == all };
        let count = |prefix: &str| all.iter().filter(|line| line.starts_with(prefix)).count();
        let code = format!("code: {mnemonic:?}");
        let [retired] = all.iter().filter(|line| line.starts_with("retired")).collect::<Vec<_>>()[..] else {
            return false;
        };
        self.told.0.is_empty()
            && count("tlb Hit") == hits as usize
            && count("memory") == hits as usize - 1
            && count("before") == 1
            && all.len() == 1 + 2 * hits as usize
            && retired.contains(&code)
    }
}

/// Takes the same steps by a [`Stepper`], by [`step()`] alone, plainly, and without attention. Then it does so once
/// more: decoded instructions stay with the pages of `start`, and only those can take the short way. The last time it
/// takes several at once.
fn all_ways(start: &Machine, steps: usize) {
    (0..2).for_each(|_| once_all_ways(start, steps));
    stride::by_strides(start, steps as u32);
}

fn once_all_ways(start: &Machine, steps: usize) {
    let [mut told, mut silent] = [start, start].map(|start| Stepper::new(start.clone()));
    let (mut plain, mut alone) = (Stepper::plain(start.clone()), start.clone());
    for number in 0..steps {
        let mut seen = [const { Everything(Vec::new()) }; 3];
        let mut inattentive = Inattentive::default();
        let results: [Result<(), Stop>; 4] = [
            told.step(&mut seen[0]),
            step(&mut alone, &mut seen[1]),
            plain.step(&mut seen[2]),
            silent.step(&mut inattentive),
        ];
        assert_eq!(seen[0].0, seen[1].0, "step {number}");
        assert_eq!(seen[0].0, seen[2].0, "step {number}, plain");
        assert!(
            inattentive.agrees_with(&seen[0].0),
            "step {number}: {:?} {:?} {:#?}",
            inattentive.ordinary,
            inattentive.told.0,
            seen[0].0
        );
        assert!(results.iter().all(|result| *result == results[0]));
        if results[0].is_err() {
            break;
        }
    }
    assert!(*told.machine() == alone && *plain.machine() == alone && *silent.machine() == alone);
}

/// Opcodes with a short form, and their neighbours without one; ModRM and the rest follow at random.
const OPCODES: &[&[u8]] = &[
    &[0x01],
    &[0x03],
    &[0x09],
    &[0x0b],
    &[0x11],
    &[0x13],
    &[0x19],
    &[0x1b],
    &[0x21],
    &[0x23],
    &[0x29],
    &[0x2b],
    &[0x31],
    &[0x33],
    &[0x39],
    &[0x3b],
    &[0x05],
    &[0x3d],
    &[0x81],
    &[0x83],
    &[0x83],
    &[0x85],
    &[0x88],
    &[0x89],
    &[0x89],
    &[0x8b],
    &[0x8b],
    &[0x8d],
    &[0x8d],
    &[0xa9],
    &[0xb8],
    &[0xba],
    &[0xc1],
    &[0xc1],
    &[0xc7],
    &[0xd1],
    &[0xd3],
    &[0xf7],
    &[0xff],
    &[0xff],
    &[0x50],
    &[0x53],
    &[0x56],
    &[0x58],
    &[0x5c],
    &[0x5f],
    &[0x68],
    &[0x6a],
    &[0x0f, 0xa3],
    &[0x0f, 0xab],
    &[0x0f, 0xba],
    &[0x0f, 0xba],
    &[0x8f],
    &[0xe8],
    &[0xa1],
    &[0xa3],
    &[0xff, 0x33],
];

/// Transfers to and from the address in a stack pointer, which often begins a page.
const AT_STACK: &[&[u8]] = &[
    &[0x48, 0x89, 0x04, 0x24],
    &[0xc7, 0x44, 0x24, 0xf8, 1, 2, 3, 4],
    &[0x8b, 0x0c, 0x24],
    &[0xff, 0x34, 0x24],
    &[0x39, 0x04, 0x24],
    &[0xe8, 0, 0, 0, 0],
    &[0xe8, 2, 0, 0, 0, 0xeb, 1, 0xc3],
];

/// One instruction. A third of those with ModRM address the code around them; jumps reach a few bytes.
fn instruction() -> impl Strategy<Value = Vec<u8>> {
    let prefix = prop::option::weighted(0.1, prop::sample::select(vec![0x66u8, 0x67, 0xf0, 0x64, 0x65, 0xf3]));
    let rex = prop::option::weighted(0.7, prop_oneof![3 => Just(0x48u8), 1 => 0x40u8..0x50]);
    let near = (-0x20i32..0x20).prop_map(|distance| distance.to_le_bytes().to_vec());
    let mod_rm = prop_oneof![
        2 => any::<u8>().prop_map(|byte| vec![byte]),
        1 => (0xc0u8..=0xff).prop_map(|byte| vec![byte]),
        2 => (0u8..8, near).prop_map(|(register, near)| [vec![register << 3 | 5], near].concat()),
    ];
    let opcode = prop_oneof![
        7 => (prop::sample::select(OPCODES.to_vec()), mod_rm).prop_map(|(opcode, rest)| [opcode.to_vec(), rest].concat()),
        1 => (prop::sample::select(vec![0xc1u8, 0xd1, 0xd3]), prop::sample::select(vec![0xe0u8, 0xe8, 0xf8]), 0u8..8)
            .prop_map(|(opcode, digit, register)| vec![opcode, digit | register]),
        1 => (0xc0u8..0xd0).prop_map(|mod_rm| vec![0xff, mod_rm]),
        1 => (0x70u8..0x80, 0u8..4).prop_map(|(opcode, distance)| vec![opcode, distance]),
        1 => (0u8..8).prop_map(|distance| vec![0xeb, distance]),
        1 => prop::sample::select(AT_STACK.to_vec()).prop_map(<[u8]>::to_vec),
    ];
    let rest = prop::collection::vec(any::<u8>(), 0..3);
    (prefix, rex, opcode, rest).prop_map(|(prefix, rex, opcode, rest)| {
        [prefix.into_iter().collect(), rex.into_iter().collect(), opcode, rest].concat()
    })
}

/// A few instructions, and a jump back to the first.
fn code() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(instruction(), 1..8).prop_map(|parts| {
        let mut code = parts.concat();
        let back = i8::try_from(-(code.len() as i64) - 2).unwrap_or(0);
        code.extend([0xeb, back as u8]);
        code
    })
}

/// The machine of a state. Unless it is `wild`, the machine has nothing that requires the long way.
fn machine(state: &State, wild: bool) -> Machine {
    let mut machine = state.machine();
    if !wild {
        let cpu = &mut machine.cpu;
        cpu.debug = [0, 0, 0, 0, DR6_FIXED, DR7_FIXED];
        cpu.events = Events::default();
        cpu.rflags &= !(TF | RF);
    }
    machine
}

/// Code that overwrites the instruction after it, once before and once after that instruction executes.
#[test]
fn a_stepper_sees_what_is_written_over_its_page() {
    // mov %rax,(%rbx); inc %ecx; mov %rdx,(%rbx); jmp to the second
    let code = [0x48, 0x89, 0x03, 0xff, 0xc1, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x48, 0x89, 0x13, 0xeb, 0xf3];
    let mut machine = with_code(&code);
    let set = |machine: &mut Machine, register: Register, value| machine.cpu.registers[register as usize] = value;
    set(&mut machine, Register::Rbx, CODE + 3);
    // add $5,%ecx, then dec %ecx
    set(&mut machine, Register::Rax, 0x9090_9090_9005_c183);
    set(&mut machine, Register::Rdx, 0x9090_9090_9090_c9ff);
    set(&mut machine, Register::Rcx, 10);
    let mut rcx = Vec::new();
    let mut stepper = Stepper::new(machine.clone());
    for _ in 0..18 {
        stepper.step(&mut ()).expect("the code goes on");
        rcx.push(stepper.machine().cpu.registers[Register::Rcx as usize]);
    }
    assert_eq!(rcx, [10, 15, 15, 15, 15, 15, 15, 15, 15, 14, 14, 14, 14, 14, 14, 14, 14, 14]);
    all_ways(&machine, 18);
}

/// A stepper heeds what changes between two steps: flags, breakpoints, tables, level, waiting events.
#[test]
fn a_stepper_heeds_what_is_changed_between_its_steps() {
    let changes: [fn(&mut Machine); 5] = [
        |machine| machine.cpu.rflags |= TF,
        |machine| machine.cpu.debug[DR7] |= 1,
        |machine| machine.cpu.cr3 = UNMAPPED,
        |machine| machine.cpu.cpl = 3,
        |machine| machine.cpu.events.halted = true,
    ];
    // inc %eax; inc %ecx; jmp to the first
    let code = [0xff, 0xc0, 0xff, 0xc1, 0xeb, 0xfa];
    for (number, change) in changes.into_iter().enumerate() {
        let mut stepper = Stepper::new(with_code(&code));
        (0..8).for_each(|_| stepper.step(&mut ()).expect("the code goes on"));
        change(stepper.machine_mut());
        let mut alone = stepper.machine().clone();
        let mut seen = [const { Everything(Vec::new()) }; 2];
        assert_eq!(stepper.step(&mut seen[0]), step(&mut alone, &mut seen[1]), "change {number}");
        assert_eq!(seen[0].0, seen[1].0, "change {number}");
        assert!(*stepper.machine() == alone);
    }
}

/// The tables give the executing page other rights than the TLB does. A load from that page replaces its entry.
#[test]
fn a_stepper_heeds_what_its_loads_do_to_the_tlb() {
    // mov %r8,(%rbx); dec %esi; dec %esi; mov %rax,(%rbx); mov (%rcx),%rdx; dec %esi; jmp to the last dec
    let code = [0x4c, 0x89, 0x03, 0xff, 0xce, 0xff, 0xce, 0x48, 0x89, 0x03, 0x48, 0x8b, 0x11, 0xff, 0xce, 0xeb, 0xfc];
    // At CPL 0 in a page of user mode. SMAP forbids loads from it until the store makes it a supervisor page.
    let mut machine = with_code(&[]);
    machine.memory.write_bytes(USER_CODE, &code);
    let entries = machine.cpu.cr3 + 0x3000;
    let entry_of = |linear: u64| entries + 8 * (linear >> 12);
    machine.memory.write_u64(entry_of(DATA), entries | 3);
    let cpu = &mut machine.cpu;
    cpu.rip = USER_CODE;
    cpu.cr4 |= cr4::SMAP;
    let of_user = machine.memory.read_u64(entry_of(USER_CODE));
    let registers = [
        (Register::Rbx, DATA + 8 * (USER_CODE >> 12)),
        (Register::R8, of_user),
        (Register::Rax, of_user & !4),
        (Register::Rcx, USER_CODE + 0x800),
    ];
    for (register, value) in registers {
        machine.cpu.registers[register as usize] = value;
    }
    all_ways(&machine, 9);
    let mut seen = Everything::default();
    let mut stepper = Stepper::new(machine);
    (0..9).for_each(|_| stepper.step(&mut seen).expect("the code goes on"));
    let replaced = |line: &&String| line.contains("Drop") && line.contains("StaleRights");
    assert_eq!(seen.0.iter().filter(replaced).count(), 1, "{:#?}", seen.0);
}

/// A fault takes user mode to a handler in the same page, where SMEP forbids the next fetch.
#[test]
fn a_stepper_heeds_what_a_fault_changes() {
    // dec %esi; dec %esi; mov (%rbx),%rax; hlt
    let mut machine = with_user_code(&[0xff, 0xce, 0xff, 0xce, 0x48, 0x8b, 0x03, 0xf4]);
    machine.cpu.registers[Register::Rbx as usize] = 1 << 63;
    machine.cpu.cr4 |= cr4::SMEP;
    for vector in [13, 14] {
        let gate = machine.cpu.idtr.base + 16 * vector;
        let low = machine.memory.read_u64(gate) & 0x0000_ffff_ffff_0000;
        let handler = if vector == 13 { USER_CODE } else { handler(14) };
        machine.memory.write_u64(gate, low | handler & 0xffff | (handler >> 16) << 48);
    }
    all_ways(&machine, 5);
    // Once more with all translations of the delivery cached, so that it does not change the TLB.
    let mut stepper = Stepper::new(machine.clone());
    (0..3).for_each(|_| stepper.step(&mut ()).expect("the code goes on"));
    machine.tlb = stepper.into_machine().tlb;
    all_ways(&machine, 5);
}

/// An access outside the canonical addresses is #SS through the stack segment, else #GP.
#[test]
fn short_accesses_fault_as_their_segment_does() {
    let check = |code: &[u8], exception: &str| {
        let mut machine = with_code(code);
        for register in [Register::Rax, Register::Rbp, Register::Rsp] {
            machine.cpu.registers[register as usize] = 1 << 62;
        }
        all_ways(&machine, 1);
        let mut seen = Everything::default();
        let _ = step(&mut machine, &mut seen);
        let fault = seen.0.iter().find(|line| line.starts_with("fault")).expect("it faults");
        assert!(fault.contains(&format!("exception: {exception}")), "{code:02x?}: {fault}");
    };
    check(&[0x48, 0x8b, 0x00], "GeneralProtection");
    check(&[0x48, 0x89, 0x00], "GeneralProtection");
    check(&[0x48, 0x8b, 0x45, 0x00], "StackSegment");
    check(&[0x48, 0x89, 0x45, 0x00], "StackSegment");
    check(&[0x65, 0x48, 0x8b, 0x45, 0x00], "GeneralProtection");
    check(&[0x50], "StackSegment");
    check(&[0x58], "StackSegment");
    check(&[0xe8, 0, 0, 0, 0], "StackSegment");
}

/// Hears of stores to one address.
struct Watching {
    stores: Watched,
    heard: Vec<u64>,
    ordinary: u32,
}

impl Observer for Watching {
    fn attention(&self) -> Attention {
        Attention::Unusual { stores: self.stores }
    }
    fn ordinary(&mut self, _: &Machine, _: Ordinary) {
        self.ordinary += 1;
    }
    fn memory(&mut self, access: &MemoryAccess) {
        self.heard.push(access.physical);
    }
}

/// A store is reported if one of its bytes is watched, however often the same instruction was ordinary before. Two
/// observers hear of the stores of both.
#[test]
fn stores_to_watched_addresses_are_reported() {
    // mov %rax,(%rbx); jmp to it
    let mut machine = with_code(&[0x48, 0x89, 0x03, 0xeb, 0xfb]);
    machine.cpu.registers[Register::Rbx as usize] = DATA;
    let watching = |start, end| Watching { stores: Watched::range(start, end), heard: Vec::new(), ordinary: 0 };
    let mut stepper = Stepper::new(machine);
    let mut heard = |observer: &mut Watching| {
        observer.heard.clear();
        observer.ordinary = 0;
        (0..6).for_each(|_| stepper.step(observer).expect("the code goes on"));
        (observer.heard.len(), observer.ordinary)
    };
    // The first store walks, and the first fetches decode.
    heard(&mut watching(0, 0));
    for (start, end, expected) in [
        (0, 0, (0, 6)),
        (DATA, DATA + 1, (3, 3)),
        (DATA + 7, DATA + 9, (3, 3)),
        (DATA + 8, DATA + 9, (0, 6)),
        (DATA - 2, DATA, (0, 6)),
        (DATA - 2, DATA + 1, (3, 3)),
    ] {
        assert_eq!(heard(&mut watching(start, end)), expected, "{start:#x} to {end:#x}");
    }
    let both = (watching(DATA, DATA + 1), (watching(0, 0), watching(DATA + 0x100, DATA + 0x108)));
    let watched = |observer: &dyn Observer| {
        let Attention::Unusual { stores } = observer.attention() else { panic!("it wants to hear everything") };
        [DATA - 1, DATA, DATA + 1, DATA + 0xff, DATA + 0x100, DATA + 0x107, DATA + 0x108, DATA + 0x1000]
            .map(|at| stores.meets(at, 1))
    };
    assert_eq!(watched(&both), [false, true, false, false, true, true, false, false]);
    // Of three ranges the two nearest become one, in whatever order they come.
    let three = (watching(DATA + 0x1000, DATA + 0x1008), both);
    assert_eq!(watched(&three), [false, true, true, true, true, true, false, true]);
    let (near, nearer) = (watching(DATA, DATA + 1), watching(DATA + 0x100, DATA + 0x108));
    let three = ((nearer, near), watching(DATA + 0x1000, DATA + 0x1008));
    assert_eq!(watched(&three), [false, true, true, true, true, true, false, true]);
    assert_eq!((watching(DATA, DATA + 1), Everything::default()).attention(), Attention::Everything);
}

proptest! {
    #![proptest_config(cases(6000))]

    #[test]
    fn short_and_long_ways_are_one(state in state_with(code()), wild in prop::bool::weighted(0.2)) {
        all_ways(&machine(&state, wild), 24);
    }
}
