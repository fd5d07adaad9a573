//! No bytes and no registers make the machine panic, hang, or leave half an instruction behind.

use crate::machine::fault::Stop;
use crate::machine::observe::Delivered;
use crate::machine::rflags::{DEFINED, FIXED};
use crate::machine::testbed::{CODE, DATA, STACK, UNMAPPED, USER_CODE, USER_DATA, USER_STACK, machine, with_user_code};
use crate::machine::{Cpu, Event, Exception, Machine, Observer, Register, deliver, step};
use iced_x86::Instruction;
use proptest::prelude::*;

/// Compares the state at delivery of a fault with that before its instruction.
#[derive(Default)]
struct Unchanged {
    before: Option<(Cpu, Instruction)>,
}

impl Observer for Unchanged {
    fn before(&mut self, machine: &Machine, instruction: &Instruction) {
        self.before = Some((machine.cpu.clone(), *instruction));
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

fn check_invariants(cpu: &Cpu) {
    assert_eq!(cpu.rflags & !DEFINED, 0);
    assert_ne!(cpu.rflags & FIXED, 0);
    assert_eq!(cpu.rflags & crate::machine::rflags::VM, 0);
    assert_eq!(u16::from(cpu.cpl), cpu.segments[1].selector & 3, "CPL is the RPL of CS");
    assert_eq!(cpu.cr3 >> 63, 0);
}

fn value() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => DATA..DATA + 0x7000,
        2 => USER_DATA..USER_DATA + 0x3000,
        1 => Just(UNMAPPED - 4),
        2 => 0u64..0x100,
        1 => any::<u64>(),
        1 => (0u32..64).prop_map(|bit| 1 << bit),
    ]
}

/// Bytes that often decode: prefixes, an opcode of either map, the rest at random.
fn code() -> impl Strategy<Value = Vec<u8>> {
    let prefix = prop::sample::select(vec![0x66u8, 0x67, 0xf2, 0xf3, 0xf0, 0x64, 0x65, 0x36]);
    let rex = prop::option::of(0x40u8..0x50);
    let map = prop::sample::select(vec![&[][..], &[], &[0x0f], &[0x0f], &[0x0f, 0x38], &[0x0f, 0x01]]);
    let one = (prop::collection::vec(prefix, 0..2), rex, map, prop::collection::vec(any::<u8>(), 2..8))
        .prop_map(|(prefixes, rex, map, rest)| [prefixes, rex.into_iter().collect(), map.to_vec(), rest].concat());
    prop::collection::vec(one, 1..4).prop_map(|parts| parts.concat())
}

fn start(code: &[u8], registers: &[u64], rflags: u64, user: bool) -> Machine {
    let mut machine = if user { with_user_code(code) } else { machine() };
    machine.memory.write_bytes(if user { USER_CODE } else { CODE }, code);
    for (slot, value) in machine.cpu.registers.iter_mut().zip(registers) {
        *slot = *value;
    }
    if !registers[4].is_multiple_of(4) {
        machine.cpu.registers[4] = if user { USER_STACK } else { STACK } - 0x400;
    }
    machine.cpu.rflags = rflags & DEFINED & !crate::machine::rflags::VM | FIXED;
    machine
}

fn run(mut machine: Machine, steps: u32) -> (Machine, Option<Stop>) {
    for _ in 0..steps {
        if let Err(stop) = step(&mut machine, &mut Unchanged::default()) {
            return (machine, Some(stop));
        }
        check_invariants(&machine.cpu);
    }
    (machine, None)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn any_bytes_run_or_fault(
        code in code(),
        registers in prop::collection::vec(value(), 16),
        rflags: u32,
        user: bool,
        at in 0u32..8,
    ) {
        let first = start(&code, &registers, rflags.into(), user);
        let (mut machine, stop) = run(first.clone(), 6);
        let (again, stop_again) = run(first, 6);
        prop_assert!(machine == again && stop == stop_again, "not deterministic");
        let event = [Exception::Nmi, Exception::MachineCheck, Exception::Debug, Exception::DoubleFault][at as usize % 4];
        let _ = deliver(&mut machine, Event::Exception(event), None, &mut ());
        check_invariants(&machine.cpu);
    }

    #[test]
    fn any_descriptor_tables_run_or_fault(tables in prop::collection::vec(any::<u8>(), 0x100), at in 0u64..0x200, user: bool) {
        let mut machine = start(&[0xcd, 0x03, 0x0f, 0x0b], &[0; 16], 2, user);
        machine.memory.write_bytes(0x8000 + at, &tables);
        machine.memory.write_bytes(0x7000 + at % 0x50, &tables);
        let (machine, stop) = run(machine, 6);
        prop_assert_eq!(stop.is_some_and(|stop| stop != Stop::Halted), machine.cpu.events.shut_down);
    }

}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn huge_repetitions_end_their_step(count: u64, opcode in prop::sample::select(vec![0xaau8, 0xa4, 0xac, 0xae, 0xa6])) {
        let mut machine = start(&[0xf3, opcode], &[0; 16], 2, false);
        machine.cpu.registers[1] = count;
        machine.cpu.registers[6] = DATA;
        machine.cpu.registers[7] = DATA;
        let _ = step(&mut machine, &mut ());
        prop_assert!(count.wrapping_sub(machine.cpu.registers[1]) <= u64::from(crate::machine::exec::string::ITERATIONS));
    }
}
