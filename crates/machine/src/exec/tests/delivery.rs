//! Events on their way to handlers.

use super::{Log, fault_of, get, set, stack_word, step};
use crate::bits::{cr4, entry};
use crate::cpu::Shadow;
use crate::fault::{Exception, Stop};
use crate::rflags::{DF, FIXED, IF, NT, RF, TF};
use crate::testbed::{
    self, CODE, IST, KERNEL_CS, KERNEL_SS, STACK, STACK_0, UNMAPPED, USER_CODE, USER_CS, USER_SS, USER_STACK, gate,
    handler, page_entry, set_gate, with_code, with_user_code,
};
use crate::{Event, Machine, Register, SegmentRegister, deliver, exec, refusal_reason};

const NMI: Event = Event::Exception(Exception::Nmi);
const INT_80: &[u8] = &[0xcd, 0x80];
const UD2: &[u8] = &[0x0f, 0x0b];
const HLT: &[u8] = &[0xf4];
const IRETQ: &[u8] = &[0x48, 0xcf];

fn selector(machine: &Machine, register: SegmentRegister) -> u16 {
    machine.cpu.segments[register as usize].selector
}

/// RIP, CS, RFLAGS, RSP and SS, from the `nth` word of the stack on.
fn frame(machine: &Machine, nth: u64) -> [u64; 5] {
    std::array::from_fn(|word| stack_word(machine, nth + word as u64))
}

#[test]
fn int_n_from_user_mode_switches_stack_and_level() {
    let mut machine = with_user_code(INT_80);
    machine.cpu.rflags |= IF | DF;
    assert_eq!(step(&mut machine), ["int", "retired", "int 0x80 from 3 at 0x100002 ist 0"]);
    let flags = FIXED | IF | DF;
    let expected = [USER_CODE + 2, USER_CS.into(), flags, USER_STACK, USER_SS.into()];
    assert_eq!(frame(&machine, 0), expected);
    assert_eq!(get(&machine, Register::Rsp), STACK_0 - 40);
    assert_eq!((machine.cpu.cpl, machine.cpu.rip), (0, handler(0x80)));
    assert_eq!(machine.cpu.rflags, FIXED | DF, "an interrupt gate clears IF");
    assert_eq!(selector(&machine, SegmentRegister::Cs), KERNEL_CS);
    assert_eq!(selector(&machine, SegmentRegister::Ss), 0, "SS is null with the new CPL as RPL");
}

#[test]
fn gates_decide_who_may_come_and_what_becomes_of_if() {
    let mut machine = with_user_code(INT_80);
    set_gate(&mut machine, 0x80, 0xe, 0, 0);
    let expected = ["int", "#GP(402)", "#GP from 3 at 0x100000 ist 0"];
    assert_eq!(step(&mut machine), expected, "no EXT bit for INT n");
    assert_eq!(stack_word(&machine, 0), 0x402);
    assert_eq!(frame(&machine, 1)[0], USER_CODE, "RIP of the INT itself");

    let mut machine = with_user_code(INT_80);
    machine.cpu.rflags |= IF | TF | NT | RF;
    set_gate(&mut machine, 0x80, 0xf, 3, 0);
    step(&mut machine);
    assert_eq!(machine.cpu.rflags, FIXED | IF, "a trap gate leaves IF");
}

#[test]
fn bad_gates_are_named_by_the_error_code() {
    for (low_clear, low_set, expected) in [
        (1 << 47, 0, "#NP(402)"),
        (0x1f << 40, 0xc << 40, "#GP(402)"),
        (0xffff << 16, 0, "#GP(0)"),
        (0xffff << 16, 0x48 << 16, "#GP(48)"),
        (0xffff << 16, 0x1000 << 16, "#GP(1000)"),
        (0xffff << 16, u64::from(KERNEL_SS) << 16, "#GP(18)"),
        (0xffff << 16, u64::from(USER_CS) << 16, "#GP(30)"),
    ] {
        let mut machine = with_code(INT_80);
        let low = machine.memory.read_u64(gate(0x80));
        machine.memory.write_u64(gate(0x80), low & !low_clear | low_set);
        assert_eq!(fault_of(&mut machine), expected);
    }
    let mut machine = with_code(INT_80);
    machine.memory.write_u64(gate(0x80) + 8, 0x8000);
    assert_eq!(fault_of(&mut machine), "#GP(0)", "handler not canonical");
    let mut machine = with_code(INT_80);
    machine.cpu.idtr.limit = 0x80e;
    assert_eq!(fault_of(&mut machine), "#GP(402)", "beyond the limit");
}

#[test]
fn ist_stacks_are_used_at_any_level_and_keep_ss() {
    for (mut machine, ss) in [(with_code(UD2), KERNEL_SS), (with_user_code(UD2), 0)] {
        set_gate(&mut machine, 6, 0xe, 0, 3);
        step(&mut machine);
        assert_eq!(get(&machine, Register::Rsp), IST + 0x3000 - 40);
        assert_eq!(selector(&machine, SegmentRegister::Ss), ss);
    }
}

#[test]
fn without_stack_switch_the_frame_is_aligned_and_keeps_the_old_pointer() {
    for misaligned in 0..16 {
        let mut machine = with_code(UD2);
        set(&mut machine, Register::Rsp, STACK - misaligned);
        step(&mut machine);
        let aligned = if misaligned == 0 { STACK } else { STACK - 16 };
        assert_eq!(get(&machine, Register::Rsp), aligned - 40);
        let [_, cs, rflags, rsp, ss] = frame(&machine, 0);
        assert_eq!((rsp, cs, ss), (STACK - misaligned, KERNEL_CS.into(), KERNEL_SS.into()));
        assert_eq!(rflags, FIXED | RF, "faults push RF");
    }
}

#[test]
fn page_faults_push_their_code_and_write_cr2() {
    // mov %rax, (%rbx)
    let mut machine = with_code(&[0x48, 0x89, 0x03]);
    set(&mut machine, Register::Rbx, UNMAPPED + 0x123);
    assert_eq!(step(&mut machine), ["mov", "#PF(2)", "#PF from 0 at 0x10000 ist 0"]);
    assert_eq!(machine.cpu.cr2, UNMAPPED + 0x123);
    assert_eq!(stack_word(&machine, 0), 2);
    assert_eq!(frame(&machine, 1)[0], CODE);
    assert_eq!(get(&machine, Register::Rsp), STACK - 48);
}

#[test]
fn a_fetch_that_faults_has_no_instruction() {
    let mut machine = with_code(&[]);
    machine.cpu.rip = UNMAPPED;
    assert_eq!(step(&mut machine), ["#PF(10)", "#PF from 0 at 0x180000 ist 0"]);
    let mut machine = with_code(&[0xf0, 0x90]);
    assert_eq!(step(&mut machine), ["#UD", "#UD from 0 at 0x10000 ist 0"], "LOCK NOP");
}

#[test]
fn events_from_outside_push_flags_as_they_are() {
    for (event, code, words) in [
        (NMI, None, 5),
        (Event::Interrupt(0xec), Some(1), 5),
        (Event::Exception(Exception::Debug), None, 5),
        (Event::Exception(Exception::MachineCheck), None, 5),
        (Event::Exception(Exception::VmmCommunication), Some(0x7b), 6),
        (Event::Exception(Exception::DoubleFault), None, 6),
    ] {
        let mut machine = with_user_code(HLT);
        deliver(&mut machine, event, code, &mut ()).unwrap();
        assert_eq!(get(&machine, Register::Rsp), STACK_0 - 8 * words, "{event:?}");
        assert_eq!(machine.cpu.rip, handler(event.vector()));
        let resume = if event.vector() == 29 { RF } else { 0 };
        assert_eq!(frame(&machine, words - 5)[2], FIXED | resume, "{event:?}: only faults push RF");
        if words == 6 {
            assert_eq!(stack_word(&machine, 0), u64::from(code.unwrap_or(0)));
        }
    }
}

#[test]
fn nmis_are_latched_once_until_iret() {
    let mut machine = with_code(&[0x90, 0x90]);
    machine.memory.write_bytes(handler(2), &[0x90]);
    machine.memory.write_bytes(handler(2) + 1, IRETQ);
    deliver(&mut machine, NMI, None, &mut ()).unwrap();
    assert!(machine.cpu.events.nmi_blocked);
    assert!(refusal_reason(&machine.cpu, NMI).is_some());
    let inside = machine.cpu.rip;
    deliver(&mut machine, NMI, None, &mut ()).unwrap();
    deliver(&mut machine, NMI, None, &mut ()).unwrap();
    assert_eq!(machine.cpu.rip, inside, "latched");
    assert!(machine.cpu.events.nmi_pending);
    assert_eq!(step(&mut machine), ["nop", "retired"]);
    assert_eq!(step(&mut machine), ["iretq", "retired"]);
    assert_eq!(machine.cpu.rip, CODE);
    assert!(!machine.cpu.events.nmi_blocked);
    assert_eq!(step(&mut machine), ["NMI from 0 at 0x10000 ist 0"], "the latched one, before any instruction");
    assert!(machine.cpu.events.nmi_blocked && !machine.cpu.events.nmi_pending, "two became one");
    assert_eq!(step(&mut machine), ["nop", "retired"]);
    assert_eq!(step(&mut machine), ["iretq", "retired"]);
    assert_eq!(step(&mut machine), ["nop", "retired"], "none is left");
}

#[test]
fn an_iret_that_faults_unblocks_nmis_too() {
    let mut machine = with_code(IRETQ);
    machine.cpu.events.nmi_blocked = true;
    machine.cpu.events.nmi_pending = true;
    set(&mut machine, Register::Rsp, STACK - 48);
    assert_eq!(step(&mut machine), ["iretq", "#GP(0)", "#GP from 0 at 0x10000 ist 0"], "a frame of zeros");
    assert_eq!(step(&mut machine), ["NMI from 0 at 0x600d0 ist 0"]);
}

#[test]
fn contributory_faults_during_a_page_fault_make_a_double_fault() {
    // mov (%rbx), %rax
    let mut machine = with_code(&[0x48, 0x8b, 0x03]);
    set(&mut machine, Register::Rbx, UNMAPPED);
    machine.memory.write_u64(gate(14), 0);
    set_gate(&mut machine, 8, 0xe, 0, 1);
    assert_eq!(step(&mut machine), ["mov", "#PF(0)", "#GP(73)", "#DF from 0 at 0x10000 ist 1"]);
    assert_eq!(machine.cpu.cr2, UNMAPPED);
    assert_eq!(stack_word(&machine, 0), 0, "its error code is zero");
    assert_eq!(frame(&machine, 1)[2], FIXED, "an abort does not push RF");
}

#[test]
fn a_page_fault_on_the_stack_of_a_page_fault_makes_a_double_fault() {
    let mut machine = with_code(&[0x48, 0x8b, 0x03]);
    set(&mut machine, Register::Rbx, UNMAPPED);
    set(&mut machine, Register::Rsp, UNMAPPED + 0x1000);
    set_gate(&mut machine, 8, 0xe, 0, 1);
    assert_eq!(step(&mut machine), ["mov", "#PF(0)", "#PF(2)", "#DF from 0 at 0x10000 ist 1"]);
    assert_eq!(machine.cpu.cr2, UNMAPPED + 0x1000 - 48, "CR2 tells of the second");
}

#[test]
fn benign_first_or_page_fault_second_are_delivered_in_turn() {
    let mut machine = with_code(UD2);
    machine.memory.write_u64(gate(6), 0);
    assert_eq!(step(&mut machine), ["ud2", "#UD", "#GP(33)", "#GP from 0 at 0x10000 ist 0"]);

    // div %rcx with an unmapped stack, page faults on IST 2.
    let mut machine = with_code(&[0x48, 0xf7, 0xf1]);
    set(&mut machine, Register::Rsp, UNMAPPED + 0x1000);
    set_gate(&mut machine, 14, 0xe, 0, 2);
    assert_eq!(step(&mut machine), ["div", "#DE", "#PF(2)", "#PF from 0 at 0x10000 ist 2"]);
}

#[test]
fn a_triple_fault_stops_the_machine_and_tells_the_chain() {
    let mut machine = with_code(&[0x48, 0x8b, 0x03]);
    set(&mut machine, Register::Rbx, UNMAPPED);
    machine.cpu.idtr.limit = 0;
    let before = machine.cpu.registers;
    let Err(Stop::Shutdown { rip, chain }) = exec::step(&mut machine, &mut ()) else {
        panic!("it went on");
    };
    let chain: Vec<String> = chain.iter().map(super::told).collect();
    assert_eq!(chain, ["#PF(0)", "#GP(73)", "#DF(0)", "#GP(43)"]);
    assert_eq!((rip, machine.cpu.rip, machine.cpu.registers), (CODE, CODE, before));
    assert!(matches!(exec::step(&mut machine, &mut ()), Err(Stop::Shutdown { .. })), "for good");
    assert!(matches!(deliver(&mut machine, NMI, None, &mut ()), Err(Stop::Shutdown { .. })));
    assert!(refusal_reason(&machine.cpu, NMI).is_some());
}

#[test]
fn frames_are_written_whole_or_not_at_all() {
    // The frame reaches from the top of a page into one that is not mapped.
    let mut machine = with_user_code(UD2);
    set_gate(&mut machine, 6, 0xe, 0, 1);
    set_gate(&mut machine, 14, 0xe, 0, 2);
    machine.memory.write_u64(0x9000 + 0x24, IST + 0x1010);
    machine.memory.write_u64(page_entry(IST), 0);
    let untouched = machine.memory.read_u64(IST + 0x1008);
    assert_eq!(step(&mut machine), ["ud2", "#UD", "#PF(2)", "#PF from 3 at 0x100000 ist 2"]);
    assert_eq!(machine.memory.read_u64(IST + 0x1008), untouched);
}

#[test]
fn stacks_that_are_not_canonical_are_stack_faults() {
    let mut machine = with_user_code(UD2);
    set_gate(&mut machine, 6, 0xe, 0, 1);
    machine.memory.write_u64(0x9000 + 0x24, 0x9000_0000_0000);
    assert_eq!(step(&mut machine), ["ud2", "#UD", "#SS(1)", "#SS from 3 at 0x100000 ist 0"], "EXT is set");
}

#[test]
fn stack_pointers_beyond_the_tss_are_invalid() {
    let mut machine = with_user_code(UD2);
    set_gate(&mut machine, 6, 0xe, 0, 7);
    machine.cpu.task.limit = 0x5a;
    assert_eq!(step(&mut machine), ["ud2", "#UD", "#TS(41)", "#TS from 3 at 0x100000 ist 0"]);
}

#[test]
fn frames_are_pushed_as_supervisor_through_the_current_tables() {
    // With SMAP an implicit access to a user page faults whatever AC is.
    let mut machine = with_user_code(UD2);
    machine.cpu.cr4 |= cr4::SMAP;
    let stack_page = page_entry(STACK_0 - 0x1000);
    let user = machine.memory.read_u64(stack_page) | entry::USER;
    machine.memory.write_u64(stack_page, user);
    set_gate(&mut machine, 14, 0xe, 0, 1);
    assert_eq!(step(&mut machine), ["ud2", "#UD", "#PF(3)", "#PF from 3 at 0x100000 ist 1"]);
}

#[test]
fn a_machine_check_during_another_shuts_down() {
    let machine_check = Event::Exception(Exception::MachineCheck);
    // xor %eax,%eax; xor %edx,%edx; mov $0x17a,%ecx; wrmsr
    let clear = [0x31, 0xc0, 0x31, 0xd2, 0xb9, 0x7a, 0x01, 0, 0, 0x0f, 0x30];
    let mut machine = with_code(&[]);
    machine.memory.write_bytes(handler(18), &clear);
    deliver(&mut machine, machine_check, None, &mut ()).unwrap();
    assert!(machine.cpu.events.machine_check_in_progress);
    let mut twice = machine.clone();
    assert!(refusal_reason(&twice.cpu, machine_check).is_some());
    assert!(matches!(deliver(&mut twice, machine_check, None, &mut ()), Err(Stop::Shutdown { .. })));
    for _ in 0..4 {
        step(&mut machine);
    }
    assert_eq!(refusal_reason(&machine.cpu, machine_check), None, "software cleared IA32_MCG_STATUS");
}

#[test]
fn hlt_waits_for_an_event() {
    let mut machine = with_code(&[0xf4, 0x90]);
    assert_eq!(step(&mut machine), ["hlt", "retired"]);
    let halted = machine.clone();
    assert_eq!(exec::step(&mut machine, &mut Log::default()), Err(Stop::Halted));
    assert_eq!(machine, halted);
    deliver(&mut machine, NMI, None, &mut ()).unwrap();
    assert_eq!(stack_word(&machine, 0), CODE + 1);
    assert!(!machine.cpu.events.halted);
}

#[test]
fn sti_and_mov_ss_hold_events_back_for_one_instruction() {
    let timer = Event::Interrupt(0xec);
    let refused = |machine: &Machine| [timer, NMI].map(|event| refusal_reason(&machine.cpu, event).is_some());
    // sti; sti; mov %ss,%ax; mov %ax,%ss; nop
    let mut machine = with_code(&[0xfb, 0xfb, 0x8c, 0xd0, 0x8e, 0xd0, 0x90]);
    for (shadow, expected) in [
        (Shadow::Sti, [true, false]),
        (Shadow::None, [false, false]),
        (Shadow::None, [false, false]),
        (Shadow::MovSs, [true, true]),
        (Shadow::None, [false, false]),
    ] {
        step(&mut machine);
        assert_eq!((machine.cpu.events.shadow, refused(&machine)), (shadow, expected), "{:#x}", machine.cpu.rip);
    }
}

#[test]
fn an_nmi_latched_under_mov_ss_waits_for_the_next_instruction() {
    let mut machine = with_code(&[0x8e, 0xd0, 0x90]);
    set(&mut machine, Register::Rax, KERNEL_SS.into());
    step(&mut machine);
    deliver(&mut machine, NMI, None, &mut ()).unwrap();
    assert!(machine.cpu.events.nmi_pending);
    assert_eq!(step(&mut machine), ["nop", "retired"]);
    assert_eq!(step(&mut machine), ["NMI from 0 at 0x10003 ist 0"]);
}

#[test]
fn conforming_handlers_run_at_the_interrupted_level_on_its_stack() {
    let mut machine = with_user_code(UD2);
    let conforming = 0x00af_9f00_0000_ffff;
    machine.memory.write_u64(0x7000 + u64::from(KERNEL_CS), conforming);
    step(&mut machine);
    assert_eq!((machine.cpu.cpl, selector(&machine, SegmentRegister::Cs)), (3, KERNEL_CS | 3));
    assert_eq!(get(&machine, Register::Rsp), USER_STACK - 40);
    assert_eq!(selector(&machine, SegmentRegister::Ss), USER_SS);
}

#[test]
fn the_testbed_names_what_it_maps() {
    let machine = testbed::machine();
    for linear in [CODE, STACK - 8, STACK_0 - 8, IST, USER_CODE, USER_STACK - 8] {
        assert!(machine.memory.read_u64(page_entry(linear)) & entry::PRESENT != 0);
    }
    assert_eq!(machine.memory.read_u64(page_entry(UNMAPPED)), 0);
}
