//! Privileged instructions: what they do and when they fault.

use super::{fault_of, get, set, step};
use crate::bits::cr4;
use crate::cpu::DescriptorTable;
use crate::exec::TIME_STAMP_STEP;
use crate::rflags::{AC, FIXED, IF, ZF};
use crate::testbed::{DATA, KERNEL_SS, TSS_SELECTOR, USER_CS, USER_SS, with_code, with_user_code};
use crate::{Machine, Register, SegmentRegister};

fn base(machine: &Machine, register: SegmentRegister) -> u64 {
    machine.cpu.segments[register as usize].base
}

#[test]
fn user_mode_is_refused() {
    for (name, code, expected) in [
        ("mov %cr3,%rax", &[0x0f, 0x20, 0xd8][..], "#GP(0)"),
        ("mov %rax,%cr3", &[0x0f, 0x22, 0xd8], "#GP(0)"),
        ("mov %rax,%cr2", &[0x0f, 0x22, 0xd0], "#GP(0)"),
        ("swapgs", &[0x0f, 0x01, 0xf8], "#GP(0)"),
        ("rdmsr", &[0x0f, 0x32], "#GP(0)"),
        ("wrmsr", &[0x0f, 0x30], "#GP(0)"),
        ("invlpg (%rbx)", &[0x0f, 0x01, 0x3b], "#GP(0)"),
        ("invpcid (%rbx),%rax", &[0x66, 0x0f, 0x38, 0x82, 0x03], "#GP(0)"),
        ("hlt", &[0xf4], "#GP(0)"),
        ("cli", &[0xfa], "#GP(0)"),
        ("sti", &[0xfb], "#GP(0)"),
        ("clac", &[0x0f, 0x01, 0xca], "#UD"),
        ("stac", &[0x0f, 0x01, 0xcb], "#UD"),
        ("lgdt (%rbx)", &[0x0f, 0x01, 0x13], "#GP(0)"),
        ("lidt (%rbx)", &[0x0f, 0x01, 0x1b], "#GP(0)"),
        ("ltr %ax", &[0x0f, 0x00, 0xd8], "#GP(0)"),
        ("lldt %ax", &[0x0f, 0x00, 0xd0], "#GP(0)"),
        ("clts", &[0x0f, 0x06], "#GP(0)"),
        ("lmsw %ax", &[0x0f, 0x01, 0xf0], "#GP(0)"),
        ("lmsw (%rsp)", &[0x0f, 0x01, 0x34, 0x24], "#GP(0)"),
        ("wbinvd", &[0x0f, 0x09], "#GP(0)"),
        ("rdtsc", &[0x0f, 0x31], ""),
        ("cpuid", &[0x0f, 0xa2], ""),
        ("sgdt (%rsp)", &[0x0f, 0x01, 0x04, 0x24], "#PF(6)"),
        ("str %eax", &[0x0f, 0x00, 0xc8], ""),
        ("smsw %eax", &[0x0f, 0x01, 0xe0], ""),
        ("verw (%rip)", &[0x0f, 0x00, 0x2d, 0, 0, 0, 0], ""),
        ("lsl %eax,%eax", &[0x0f, 0x03, 0xc0], ""),
    ] {
        let mut machine = with_user_code(code);
        set(&mut machine, Register::Rsp, crate::testbed::UNMAPPED);
        assert_eq!(fault_of(&mut machine), expected, "{name}");
    }
}

#[test]
fn umip_hides_system_registers_from_user_mode_only() {
    for code in [[0x0f, 0x00, 0xc8], [0x0f, 0x00, 0xc0], [0x0f, 0x01, 0xe0]] {
        for (mut machine, expected) in [(with_user_code(&code), "#GP(0)"), (with_code(&code), "")] {
            machine.cpu.cr4 |= cr4::UMIP;
            assert_eq!(fault_of(&mut machine), expected);
        }
    }
}

#[test]
fn swapgs_and_the_bases() {
    // swapgs; rdgsbase %rax; wrgsbase %rbx; wrfsbase %ecx; rdfsbase %edx
    let code = [
        0x0f, 0x01, 0xf8, 0xf3, 0x48, 0x0f, 0xae, 0xc8, 0xf3, 0x48, 0x0f, 0xae, 0xdb, 0xf3, 0x0f, 0xae, 0xd1, 0xf3,
        0x0f, 0xae, 0xc2,
    ];
    let mut machine = with_code(&code);
    machine.cpu.msr.kernel_gs_base = 0xffff_8880_0000_0000;
    machine.cpu.segments[SegmentRegister::Gs as usize].base = 0x7000;
    set(&mut machine, Register::Rbx, 0x5000);
    set(&mut machine, Register::Rcx, u64::MAX);
    (0..5).for_each(|_| assert_eq!(fault_of(&mut machine), ""));
    assert_eq!(get(&machine, Register::Rax), 0xffff_8880_0000_0000);
    assert_eq!(machine.cpu.msr.kernel_gs_base, 0x7000);
    assert_eq!(base(&machine, SegmentRegister::Gs), 0x5000);
    assert_eq!(base(&machine, SegmentRegister::Fs), 0xffff_ffff);
    assert_eq!(get(&machine, Register::Rdx), 0xffff_ffff);
}

#[test]
fn bases_need_cr4_and_canonical_addresses() {
    let wrgsbase = [0xf3, 0x48, 0x0f, 0xae, 0xd8];
    let mut machine = with_user_code(&wrgsbase);
    set(&mut machine, Register::Rax, 1 << 47);
    assert_eq!(fault_of(&mut machine.clone()), "#GP(0)");
    machine.cpu.cr4 &= !cr4::FSGSBASE;
    assert_eq!(fault_of(&mut machine), "#UD");
}

#[test]
fn model_specific_registers_hold_what_may_be_written() {
    for (number, value, expected) in [
        (0xc000_0081u64, u64::MAX, ""),
        (0xc000_0082, 0x7fff_ffff_ffff, ""),
        (0xc000_0082, 1 << 47, "#GP(0)"),
        (0xc000_0084, 0xffff_ffff, ""),
        (0xc000_0084, 1 << 32, "#GP(0)"),
        (0xc000_0100, 0x1234, ""),
        (0xc000_0101, 0xffff_8000_0000_0000, ""),
        (0xc000_0102, 1 << 63, "#GP(0)"),
        (0xc000_0103, 5, ""),
        (0xc000_0080, 0xd01, ""),
        (0xc000_0080, 0x1d01, "#GP(0)"),
        (0x48, 1, ""),
        (0x48, 8, "#GP(0)"),
        (0x174, 0x10, ""),
        (0x17a, 3, ""),
        (0x17a, 8, "#GP(0)"),
        (0x1d9, 1, "#GP(0)"),
        (0x179, 0, "#GP(0)"),
        (0x1234, 0, "#GP(0)"),
    ] {
        // wrmsr; rdmsr
        let mut machine = with_code(&[0x0f, 0x30, 0x0f, 0x32]);
        set(&mut machine, Register::Rcx, number | 0xdead << 32);
        set(&mut machine, Register::Rax, value & 0xffff_ffff | 0xdead << 32);
        set(&mut machine, Register::Rdx, value >> 32 | 0xdead << 32);
        assert_eq!(fault_of(&mut machine), expected, "{number:#x} {value:#x}");
        if expected.is_empty() {
            assert_eq!(fault_of(&mut machine), "");
            let read = (get(&machine, Register::Rdx), get(&machine, Register::Rax));
            assert_eq!(read, (value >> 32, value & 0xffff_ffff), "{number:#x}");
        }
    }
}

#[test]
fn commands_can_only_be_written_and_unknown_registers_not_read() {
    for number in [0x49, 0x10b, 0x1234, 0xffff_ffff] {
        let mut machine = with_code(&[0x0f, 0x32]);
        set(&mut machine, Register::Rcx, number);
        assert_eq!(fault_of(&mut machine), "#GP(0)", "{number:#x}");
    }
}

#[test]
fn the_time_stamp_moves_when_it_is_read_and_only_then() {
    // rdtsc; nop; rdtscp
    let mut machine = with_code(&[0x0f, 0x31, 0x90, 0x0f, 0x01, 0xf9]);
    machine.cpu.msr.time_stamp = u64::from(u32::MAX);
    machine.cpu.msr.tsc_aux = 9;
    step(&mut machine);
    assert_eq!((get(&machine, Register::Rdx), get(&machine, Register::Rax)), (0, u64::from(u32::MAX)));
    step(&mut machine);
    step(&mut machine);
    let expected = (1, TIME_STAMP_STEP - 1, 9);
    assert_eq!((get(&machine, Register::Rdx), get(&machine, Register::Rax), get(&machine, Register::Rcx)), expected);
    machine.cpu.cr4 |= cr4::TSD;
    machine.cpu.cpl = 3;
    assert_ne!(fault_of(&mut machine), "");
}

#[test]
fn lsl_lar_verr_and_verw_tell_about_selectors() {
    let cases: [(u64, bool, bool, bool); 7] = [
        (0, false, false, false),
        (0x13, false, false, false),
        (USER_SS.into(), true, true, true),
        (USER_CS.into(), true, true, false),
        (TSS_SELECTOR.into(), false, false, false),
        (0x1000, false, false, false),
        (0x2c, false, false, false),
    ];
    for (selector, lsl, verr, verw) in cases {
        for (code, expected) in [
            (&[0x0f, 0x03, 0xc8][..], lsl),
            (&[0x0f, 0x02, 0xc8], lsl),
            (&[0x0f, 0x00, 0xe0], verr),
            (&[0x0f, 0x00, 0xe8], verw),
        ] {
            let mut machine = with_user_code(code);
            set(&mut machine, Register::Rax, selector);
            set(&mut machine, Register::Rcx, 0x77);
            assert_eq!(fault_of(&mut machine), "");
            assert_eq!(machine.cpu.rflags & ZF != 0, expected, "{selector:#x} {code:x?}");
            let result = match (code[1], expected) {
                (3, true) => 0xffff_ffff,
                (2, true) => machine.memory.read_u64(0x7000 + (selector & !7)) >> 32 & 0xf0_ff00,
                _ => 0x77,
            };
            assert_eq!(get(&machine, Register::Rcx), result, "{selector:#x}");
        }
    }
    // A kernel may ask about its TSS. The processor's number is the limit of a segment.
    let mut machine = with_code(&[0x0f, 0x03, 0xc8]);
    set(&mut machine, Register::Rax, TSS_SELECTOR.into());
    step(&mut machine);
    assert_eq!(get(&machine, Register::Rcx), 0x67);
}

#[test]
fn descriptor_tables_are_stored_and_loaded() {
    // sgdt (%rbx); lidt (%rbx)
    let mut machine = with_code(&[0x0f, 0x01, 0x03, 0x0f, 0x01, 0x1b]);
    set(&mut machine, Register::Rbx, DATA);
    machine.cpu.gdtr = DescriptorTable { base: 0xffff_8000_1234_5678, limit: 0xabc };
    (0..2).for_each(|_| assert_eq!(fault_of(&mut machine), ""));
    assert_eq!(machine.cpu.idtr, machine.cpu.gdtr);
    machine.memory.write_u64(DATA + 2, 1 << 63);
    machine.cpu.rip -= 3;
    machine.cpu.idtr = DescriptorTable { base: 0x8000, limit: 0xfff };
    machine.cpu.gdtr = DescriptorTable { base: 0x7000, limit: 0x4f };
    assert_eq!(fault_of(&mut machine), "#GP(0)", "not canonical");
}

#[test]
fn ltr_takes_an_available_tss_and_marks_it_busy() {
    let ltr = [0x0f, 0x00, 0xd8];
    let at = 0x7000 + u64::from(TSS_SELECTOR);
    for (low, selector, expected) in [
        (0x8900_9000_0067u64, TSS_SELECTOR, ""),
        (0x8b00_9000_0067, TSS_SELECTOR, "#GP(40)"),
        (0x0900_9000_0067, TSS_SELECTOR, "#NP(40)"),
        (0x8900_9000_0067, 0, "#GP(0)"),
        (0x8900_9000_0067, KERNEL_SS, "#GP(18)"),
    ] {
        let mut machine = with_code(&ltr);
        let gdt = crate::testbed::page_entry(0x7000);
        let writable = machine.memory.read_u64(gdt) | 2;
        machine.memory.write_u64(gdt, writable);
        machine.memory.write_u64(at, low);
        machine.memory.write_u64(at + 8, 0xffff_8000);
        set(&mut machine, Register::Rax, selector.into());
        assert_eq!(fault_of(&mut machine), expected);
        if expected.is_empty() {
            assert_eq!(machine.cpu.task.base, 0xffff_8000_0000_9000);
            assert_eq!(machine.memory.read_u64(at) >> 40 & 0xff, 0x8b);
        }
    }
}

#[test]
fn loading_a_segment_marks_its_descriptor_accessed() {
    // mov %eax,%fs. The GDT of the testbed is read-only, so a descriptor that is not accessed cannot be loaded.
    let mut machine = with_code(&[0x8e, 0xe0]);
    set(&mut machine, Register::Rax, USER_SS.into());
    let at = 0x7000 + u64::from(USER_SS & !7);
    let accessed = machine.memory.read_u64(at);
    assert_eq!(fault_of(&mut machine.clone()), "");
    machine.memory.write_u64(at, accessed & !(1 << 40));
    assert_eq!(fault_of(&mut machine.clone()), "#PF(3)");
    machine.cpu.cr0 &= !crate::bits::cr0::WP;
    assert_eq!(fault_of(&mut machine), "");
    assert_eq!(machine.memory.read_u64(at), accessed);
}

#[test]
fn data_segments_are_checked_against_their_level() {
    for (selector, kernel, user) in [
        (0u64, "", ""),
        (3, "", ""),
        (u64::from(KERNEL_SS), "", "#GP(18)"),
        (KERNEL_SS as u64 | 3, "#GP(18)", "#GP(18)"),
        (u64::from(USER_SS), "", ""),
        (u64::from(USER_CS), "", ""),
        (u64::from(TSS_SELECTOR), "#GP(40)", "#GP(40)"),
        (0x1000, "#GP(1000)", "#GP(1000)"),
        (0x2c, "#GP(2c)", "#GP(2c)"),
    ] {
        for (mut machine, expected) in [(with_code(&[0x8e, 0xe8]), kernel), (with_user_code(&[0x8e, 0xe8]), user)] {
            machine.cpu.segments[SegmentRegister::Gs as usize].base = 0x1234;
            set(&mut machine, Register::Rax, selector);
            assert_eq!(fault_of(&mut machine), expected, "{selector:#x} at {}", machine.cpu.cpl);
            let kept = if expected.is_empty() { 0 } else { 0x1234 };
            assert_eq!(base(&machine, SegmentRegister::Gs), kept, "a load replaces the base");
        }
    }
}

#[test]
fn interrupt_flag_by_io_privilege() {
    for iopl in 0..4u64 {
        let mut machine = with_user_code(&[0xfa]);
        machine.cpu.rflags |= IF | iopl << 12;
        let expected = if iopl == 3 { "" } else { "#GP(0)" };
        assert_eq!(fault_of(&mut machine), expected);
    }
}

#[test]
fn stac_and_clac_need_the_feature() {
    let mut machine = with_code(&[0x0f, 0x01, 0xcb, 0x0f, 0x01, 0xca]);
    assert_eq!(fault_of(&mut machine), "");
    assert_eq!(machine.cpu.rflags, FIXED | AC);
    assert_eq!(fault_of(&mut machine), "");
    assert_eq!(machine.cpu.rflags, FIXED);
    let mut machine = with_code(&[0x0f, 0x01, 0xcb]);
    machine.cpu.features.smap = false;
    assert_eq!(fault_of(&mut machine), "#UD");
}

/// The cause of the first fault of the instruction, if it has one.
fn cause(code: &[u8]) -> String {
    struct Cause(String);
    impl crate::Observer for Cause {
        fn fault(&mut self, fault: &crate::Fault) {
            self.0 = fault.cause.to_string();
        }
    }
    let mut cause = Cause(String::new());
    // Some instructions halt or shut down; that is no fault of theirs.
    let _ = crate::step(&mut with_code(code), &mut cause);
    cause.0
}

const UNNAMED: &str = "x87, MMX, SSE and rarer instructions are not modelled";

#[test]
fn what_is_not_modelled_says_its_name() {
    assert_eq!(cause(&[0x0f, 0x28, 0xc8]), UNNAMED);
    assert_eq!(cause(&[0xf2, 0x0f, 0x10, 0xc1]), UNNAMED, "the MOVSD of SSE2");
    assert_eq!(cause(&[0xee]), "out is not modelled");
    assert_eq!(cause(&[0x0f, 0x35]), "sysexit is not modelled");
    assert_eq!(cause(&[0xf0, 0x90]), "LOCK may not stand before this form of the instruction");
    assert_eq!(
        cause(&[0xf0, 0x01, 0xc0]),
        "LOCK may not stand before this form of the instruction",
        "ADD of a register"
    );
    assert_eq!(cause(&[0xc5, 0xf8, 0x77]), "AVX instructions are not modelled");
    assert_eq!(cause(&[0x06]), "the bytes are no instruction");
}

#[test]
fn what_the_assembler_takes_is_executed_or_has_its_name_in_the_refusal() {
    let listing = include_str!("../../../../../testdata/asm/instructions.tsv");
    let hex =
        |digits: &str| (0..digits.len() / 2).map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16)).collect();
    for line in listing.lines() {
        let digits = line.split('\t').next().unwrap_or_default();
        let code: Vec<u8> = Result::unwrap(hex(digits));
        assert_ne!(cause(&code), UNNAMED, "{line}");
    }
}
