//! Which instructions have a short form, and that the random states reach each of them.

use super::{Inattentive, code, machine};
use crate::exec::tests::state::state_with;
use crate::fast::short::Short;
use crate::fault::Fault;
use crate::rflags::TF;
use crate::testbed::CODE;
use crate::{Machine, Observer, Stepper, Tlb};
use iced_x86::{Decoder, DecoderOptions, Instruction, OpKind};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use std::collections::BTreeMap;

/// Counts what has a short form, whether it retired without attention, and whether it faulted.
#[derive(Default)]
struct Reached {
    retired: BTreeMap<String, u32>,
    faulted: BTreeMap<String, u32>,
}

/// The short form of one step, and whether it faulted.
#[derive(Default)]
struct Seen {
    name: Option<String>,
    faulted: bool,
}

/// The mnemonic, and in which direction MOV moves. Conditional jumps are one.
fn name(i: &Instruction) -> Option<String> {
    let name = format!("{:?}", i.mnemonic()).to_lowercase();
    Some(match Short::of(i)? {
        Short::Transfer(_) if i.op0_kind() == OpKind::Memory => format!("{name} with memory"),
        Short::Transfer(_) if i.op1_kind() == OpKind::Memory => format!("{name} from memory"),
        Short::Compute(_) if name.starts_with('j') && name != "jmp" => "jcc".to_owned(),
        _ if name == "sal" => "shl".to_owned(),
        _ => name,
    })
}

impl Observer for Seen {
    fn before(&mut self, machine: &Machine, instruction: &Instruction) {
        self.name = name(instruction).filter(|_| machine.cpu.rflags & TF == 0);
    }
    fn fault(&mut self, _: &Fault) {
        self.faulted = true;
    }
}

impl Reached {
    /// The caches as they are after it.
    fn run(&mut self, start: &Machine) -> Tlb {
        let [mut told, mut silent] = [start, start].map(|start| Stepper::new(start.clone()));
        for _ in 0..24 {
            let (mut seen, mut inattentive) = (Seen::default(), Inattentive::default());
            let result = told.step(&mut seen);
            let _same = silent.step(&mut inattentive);
            if let Some(name) = seen.name {
                *self.retired.entry(name.clone()).or_default() += u32::from(inattentive.ordinary.is_some());
                *self.faulted.entry(name).or_default() += u32::from(seen.faulted);
            }
            if result.is_err() {
                break;
            }
        }
        told.into_machine().tlb
    }
}

/// The comparison does compare something: each short form retires in some of its states, and each transfer faults.
#[test]
fn the_states_reach_every_short_form() {
    const COMPUTE: [&str; 19] = [
        "mov", "lea", "add", "adc", "sub", "sbb", "and", "or", "xor", "cmp", "test", "inc", "dec", "shl", "shr", "sar",
        "bt", "jmp", "jcc",
    ];
    const TRANSFER: [&str; 8] =
        ["mov with memory", "mov from memory", "cmp with memory", "push", "push with memory", "pop", "call", "ret"];
    let mut runner = TestRunner::deterministic();
    let mut reached = Reached::default();
    for _ in 0..10_000 {
        let state = state_with(code()).new_tree(&mut runner).expect("no filter rejects").current();
        let start = machine(&state, false);
        let tlb = reached.run(&start);
        reached.run(&Machine { tlb, ..start });
    }
    for name in COMPUTE.into_iter().chain(TRANSFER) {
        assert!(reached.retired.get(name).is_some_and(|count| *count > 10), "{name}: {:?}", reached.retired);
    }
    for name in TRANSFER {
        assert!(reached.faulted.get(name).is_some_and(|count| *count > 5), "{name}: {:?}", reached.faulted);
    }
    assert_eq!(reached.retired.len(), COMPUTE.len() + TRANSFER.len());
    let computes_faulted =
        COMPUTE.into_iter().filter(|name| reached.faulted.get(*name).is_some_and(|count| *count > 0));
    assert_eq!(computes_faulted.count(), 0, "what computes cannot fail");
}

#[test]
fn what_is_locked_narrow_or_rare_has_no_short_form() {
    let check = |bytes: &[u8], expected: Option<&str>| {
        let i = Decoder::with_ip(64, bytes, CODE, DecoderOptions::NONE).decode();
        assert_eq!(name(&i).as_deref(), expected, "{bytes:02x?}");
    };
    check(&[0x48, 0x01, 0xc8], Some("add"));
    check(&[0x01, 0xc8], Some("add"));
    check(&[0x66, 0x01, 0xc8], None);
    check(&[0x00, 0xc8], None);
    check(&[0x48, 0x01, 0x08], None);
    check(&[0xf0, 0x48, 0x01, 0x08], None);
    check(&[0x48, 0x8b, 0x08], Some("mov from memory"));
    check(&[0x65, 0x48, 0x8b, 0x08], Some("mov from memory"));
    check(&[0x67, 0x48, 0x8b, 0x08], None);
    check(&[0x8a, 0x08], None);
    check(&[0x48, 0xc7, 0x00, 1, 0, 0, 0], Some("mov with memory"));
    check(&[0x66, 0xc7, 0x00, 1, 0], None);
    check(&[0x48, 0x39, 0x08], Some("cmp with memory"));
    check(&[0x48, 0x83, 0x38, 1], Some("cmp with memory"));
    check(&[0x80, 0x38, 1], None);
    check(&[0x48, 0x3b, 0x08], None);
    check(&[0xff, 0x30], Some("push with memory"));
    check(&[0x66, 0xff, 0x30], None);
    check(&[0xc3], Some("ret"));
    check(&[0x66, 0xc3], Some("ret"));
    check(&[0xc2, 8, 0], None);
    check(&[0x0f, 0x20, 0xd8], None);
    check(&[0x0f, 0x22, 0xd8], None);
    check(&[0x8e, 0xd8], None);
    check(&[0x48, 0x8d, 0x05, 0, 0, 0, 0], Some("lea"));
    check(&[0x67, 0x48, 0x8d, 0x00], None);
    check(&[0x50], Some("push"));
    check(&[0x66, 0x50], None);
    check(&[0x6a, 0x01], Some("push"));
    check(&[0x66, 0x6a, 0x01], None);
    check(&[0x0f, 0xa0], None);
    check(&[0x58], Some("pop"));
    check(&[0x8f, 0x00], None);
    check(&[0xe8, 0, 0, 0, 0], Some("call"));
    check(&[0xff, 0xd0], None);
    check(&[0xff, 0xe0], None);
    check(&[0x74, 0x00], Some("jcc"));
    check(&[0x48, 0x0f, 0xba, 0xe0, 12], Some("bt"));
    check(&[0x48, 0x0f, 0xba, 0xe8, 12], None);
}

/// A branch out of the canonical addresses faults. Short forms cannot fault, so it must not have one.
#[test]
fn a_branch_that_can_fault_has_no_short_form() {
    for (ip, expected) in [(0x7fff_ffff_0000, Some("jmp")), (0x7fff_ffff_fff0, None), (0xffff_8000_0000_0000, None)] {
        let distance: i32 = if ip >> 63 == 0 { 0x20 } else { -0x20 };
        let bytes = [&[0xe9][..], &distance.to_le_bytes()].concat();
        let i = Decoder::with_ip(64, &bytes, ip, DecoderOptions::NONE).decode();
        assert_eq!(name(&i).as_deref(), expected, "{ip:#x}");
    }
}
