//! A top-level table at an odd page: bit 12 of its address is set, and entry takes it for the user's half.

use crate::support::{ALL_ON, FORMS, Run};
use cr3_core::linux::layout::{PAGE, TABLES_PHYSICAL};
use cr3_core::linux::{Features, Form, Handler};
use cr3_core::machine::{Exception, Tlb};
use expect_test::{Expect, expect};
use std::fmt::Write;

/// Physical address of the table. The page before it is empty.
const ODD: u64 = 0x0700_1000;

/// The PCID of the last ASID, under which nothing is cached.
const PCID: u64 = 6;

/// Kernel code on a copy of the kernel's half.
fn on_an_odd_page(features: Features, form: Form) -> Run {
    let mut run = Run::new(features, form, Handler::Quiet);
    run.run_to("kernel_loop");
    for offset in (0..PAGE).step_by(8) {
        let entry = run.machine.memory.read_u64(TABLES_PHYSICAL + offset);
        run.machine.memory.write_u64(ODD + offset, entry);
    }
    run.machine.cpu.cr3 = ODD | if features.pcid { PCID } else { 0 };
    let tagged = (run.machine.cpu.cr3 & 0xfff) as u16;
    run.machine.tlb = Tlb::new(run.machine.tlb.reading()).starting_at(tagged);
    run.step().expect("the loop goes on");
    run
}

/// What becomes of an NMI there.
fn outcome(features: Features, form: Form) -> String {
    let mut run = on_an_odd_page(features, form);
    let before = run.machine.cpu.clone();
    run.inject(Exception::Nmi);
    for _ in 0..4000 {
        if run.machine.cpu.rip == before.rip {
            let kept = run.machine.cpu.cr3 == before.cr3;
            return if kept { "returns".to_owned() } else { format!("returns on CR3 {:#x}", run.machine.cpu.cr3) };
        }
        let place = run.place();
        if run.step().is_err() {
            let label = place.split('+').next().unwrap_or(&place);
            return format!("stops at {label} with CR3 {:#x}", run.machine.cpu.cr3);
        }
    }
    "goes on".to_owned()
}

fn check(features: Features, expected: &Expect) {
    let mut text = String::new();
    for form in FORMS {
        let _ = writeln!(text, "{form}: {}", outcome(features, form));
    }
    expected.assert_eq(&text);
}

/// `SAVE_AND_SWITCH_TO_KERNEL_CR3` clears bits 11 and 12 and loads the page before: that decides, whatever the macro on the way out does.
#[test]
fn an_odd_page_is_taken_for_the_users_half() {
    check(
        ALL_ON,
        &expect![[r#"
        A: stops at asm_exc_page_fault with CR3 0x7000006
        B2: stops at asm_exc_page_fault with CR3 0x7000006
        C: stops at asm_exc_page_fault with CR3 0x7000006
        E: stops at asm_exc_page_fault with CR3 0x7000006
        never: stops at asm_exc_page_fault with CR3 0x7000006
    "#]],
    );
    check(
        Features { pcid: false, ..ALL_ON },
        &expect![[r#"
        A: stops at error_entry with CR3 0x7000000
        B2: stops at error_entry with CR3 0x7000000
        C: stops at error_entry with CR3 0x7000000
        E: stops at error_entry with CR3 0x7000000
        never: stops at error_entry with CR3 0x7000000
    "#]],
    );
}

/// Without isolation nobody looks at bit 12.
#[test]
fn an_odd_page_is_good_without_isolation() {
    check(
        Features { pti: false, ..ALL_ON },
        &expect![[r#"
        A: returns
        B2: returns
        C: returns
        E: returns
        never: returns
    "#]],
    );
}
