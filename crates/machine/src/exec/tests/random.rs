//! No bytes and no registers make the machine panic, hang, or leave an instruction half done.

use super::Log;
use super::state::state;
use crate::exec::string::ITERATIONS;
use crate::fault::Stop;
use crate::memory::PAGE_SIZE;
use crate::observe::{Delivered, MemoryAccess};
use crate::rflags::FIXED;
use crate::testbed::DEFINED;
use crate::testbed::{DATA, with_code, with_user_code};
use crate::{Cpu, Event, Exception, Machine, Observer, Register, deliver, step};
use cr3_testing::cases;
use iced_x86::Instruction;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

/// Compares the state at delivery of a fault with that before its instruction, and counts accesses.
#[derive(Default)]
struct Unchanged {
    before: Option<(Cpu, Instruction)>,
    accesses: u32,
}

impl Observer for Unchanged {
    fn before(&mut self, machine: &Machine, instruction: &Instruction) {
        self.before = Some((machine.cpu.clone(), *instruction));
    }

    /// When a trap is delivered and faults, that fault is not the instruction's.
    fn retired(&mut self, _: &Machine, _: &Instruction) {
        self.before = None;
    }

    fn memory(&mut self, _: &MemoryAccess) {
        self.accesses += 1;
    }

    fn delivered(&mut self, machine: &Machine, delivered: &Delivered) {
        let Some((before, instruction)) = self.before.take() else { return };
        if delivered.fault.is_none() || instruction.has_rep_prefix() || instruction.has_repne_prefix() {
            return;
        }
        let mut after = machine.cpu.registers;
        after[Register::Rsp as usize] = before.registers[Register::Rsp as usize];
        assert_eq!(after, before.registers, "{instruction:?}");
        assert_eq!(delivered.interrupted_rip, before.rip);
        let others = |cpu: &Cpu| (cpu.cr0, cpu.cr3, cpu.cr4, cpu.efer, cpu.msr, cpu.gdtr, cpu.idtr, cpu.task);
        assert_eq!(others(&machine.cpu), others(&before), "{instruction:?}");
    }
}

/// An event from outside.
fn event() -> impl Strategy<Value = Event> {
    let exceptions = [Exception::Nmi, Exception::MachineCheck, Exception::Debug, Exception::DoubleFault];
    prop_oneof![
        4 => prop::sample::select(exceptions.to_vec()).prop_map(Event::Exception),
        1 => any::<u8>().prop_map(Event::Interrupt),
        1 => any::<u8>().prop_map(Event::Software),
    ]
}

fn check_invariants(cpu: &Cpu) {
    assert_eq!(cpu.rflags & !DEFINED, 0);
    assert_ne!(cpu.rflags & FIXED, 0);
    assert_eq!(cpu.rflags & crate::rflags::VM, 0);
    assert_eq!(u16::from(cpu.cpl), cpu.segments[1].selector & 3, "CPL is the RPL of CS");
    assert_eq!(cpu.cr3 >> 63, 0);
}

/// What one step may touch and make: a repeated string instruction, and the frames and tables of an exception.
const ACCESSES: u32 = 2 * ITERATIONS + 200;
const PAGES: usize = ITERATIONS as usize * 8 / PAGE_SIZE + 40;

fn run(mut machine: Machine, steps: u32) -> (Machine, Option<Stop>) {
    for _ in 0..steps {
        let mut observer = Unchanged::default();
        let pages = machine.memory.pages().count();
        let entries = machine.tlb.entries().count();
        let done = step(&mut machine, &mut observer);
        assert!(observer.accesses <= ACCESSES, "{} accesses in one step", observer.accesses);
        assert!(machine.memory.pages().count() <= pages + PAGES, "memory grew without bound");
        assert!(machine.tlb.entries().count() <= entries + 2 * PAGES, "the TLB grew without bound");
        if let Err(stop) = done {
            return (machine, Some(stop));
        }
        check_invariants(&machine.cpu);
    }
    (machine, None)
}

/// The random states are not too wild: some of the 400 execute, some enter a handler, some stop.
#[test]
fn states_lead_somewhere() {
    let mut runner = TestRunner::deterministic();
    let (mut retired, mut delivered, mut stopped) = (0, 0, 0);
    for _ in 0..400 {
        let mut machine = state().new_tree(&mut runner).expect("no filter rejects").current().machine();
        let mut log = Log::default();
        let stop = (0..4).find_map(|_| step(&mut machine, &mut log).err());
        retired += usize::from(log.0.iter().any(|line| line == "retired"));
        delivered += usize::from(log.0.iter().any(|line| line.contains(" from ")));
        stopped += usize::from(stop.is_some());
    }
    assert!(retired > 150 && delivered > 150 && stopped > 40, "{retired} {delivered} {stopped}");
}

proptest! {
    #![proptest_config(cases(1500))]

    #[test]
    fn any_state_runs_or_faults(state in state(), event in event(), error_code: Option<u32>) {
        let (mut machine, stop) = run(state.machine(), 4);
        let (again, stop_again) = run(state.machine(), 4);
        prop_assert!(machine == again && stop == stop_again, "not deterministic");
        let _ = deliver(&mut machine, event, error_code, &mut ());
        check_invariants(&machine.cpu);
        run(machine, 3);
    }

    #[test]
    fn any_descriptor_tables_run_or_fault(tables in prop::collection::vec(any::<u8>(), 0x100), at in 0u64..0x200, user: bool) {
        let code = [0xcd, 0x03, 0x0f, 0x0b];
        let mut machine = if user { with_user_code(&code) } else { with_code(&code) };
        machine.memory.write_bytes(0x8000 + at, &tables);
        machine.memory.write_bytes(0x7000 + at % 0x50, &tables);
        let (machine, stop) = run(machine, 6);
        prop_assert_eq!(stop.is_some_and(|stop| stop != Stop::Halted), machine.cpu.events.shut_down);
    }

}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn huge_repetitions_end_their_step(count: u64, opcode in prop::sample::select(vec![0xaau8, 0xa4, 0xac, 0xae, 0xa6])) {
        let mut machine = with_code(&[0xf3, opcode]);
        machine.cpu.registers[1] = count;
        machine.cpu.registers[6] = DATA;
        machine.cpu.registers[7] = DATA;
        let _ = step(&mut machine, &mut ());
        prop_assert!(count.wrapping_sub(machine.cpu.registers[1]) <= u64::from(ITERATIONS));
    }
}
