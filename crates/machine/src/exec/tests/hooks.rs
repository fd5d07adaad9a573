//! What observers hear of registers, segments, walks and invalidations.

use super::set;
use crate::bits::cr4;
use crate::observe::{DebugAccess, DropCause, MsrAccess, SegmentLoad};
use crate::paging::Walk;
use crate::rights::{Access, AccessKind};
use crate::testbed::{CODE, DATA, UNMAPPED, USER_CODE, USER_CS, USER_SS, USER_STACK, with_code};
use crate::tlb::Operation;
use crate::{Machine, Observer, Register, step};
use expect_test::{Expect, expect};

/// Writes down the rarer hooks, and of walks only those for data.
#[derive(Default)]
struct Rare(Vec<String>);

impl Observer for Rare {
    fn invalidation(&mut self, operation: Operation, cause: DropCause) {
        self.0.push(format!("{cause:?}: {operation:x?}"));
    }
    fn walk(&mut self, linear: u64, access: Access, walk: &Walk) {
        if access.kind != AccessKind::Execute {
            self.0.push(format!("{:?} {linear:#x}, entries read: {}", access.kind, walk.steps().len()));
        }
    }
    fn segment(&mut self, load: &SegmentLoad) {
        let SegmentLoad { register, before, after } = load;
        self.0.push(format!("{register:?} {:#x} to {:#x}", before.selector, after.selector));
    }
    fn msr(&mut self, access: &MsrAccess) {
        self.0.push(format!("{access:x?}"));
    }
    fn debug(&mut self, access: &DebugAccess) {
        self.0.push(format!("{access:x?}"));
    }
}

/// What one step of `code` reports after `change`.
fn check(code: &[u8], change: fn(&mut Machine), expected: Expect) {
    let mut machine = with_code(code);
    change(&mut machine);
    let mut rare = Rare::default();
    step(&mut machine, &mut rare).expect("the machine goes on");
    expected.assert_eq(&rare.0.join("\n"));
}

fn msr(machine: &mut Machine) {
    set(machine, Register::Rcx, 0xc000_0102);
    set(machine, Register::Rax, 0x1234);
}

#[test]
fn model_specific_registers() {
    check(&[0x0f, 0x30], msr, expect!["Write { number: c0000102, source: 1234 }"]);
    check(&[0x0f, 0x32], msr, expect!["Read { number: c0000102, value: 0 }"]);
    // A register that does not exist faults, so nobody accessed it.
    check(
        &[0x0f, 0x32],
        |machine| set(machine, Register::Rcx, 0x1),
        expect![[r#"
            Read 0x80d0, entries read: 1
            Read 0x7010, entries read: 1
            Write 0x33fd0, entries read: 1
            Cs 0x10 to 0x10"#]],
    );
}

#[test]
fn debug_registers() {
    let address = |machine: &mut Machine| set(machine, Register::Rax, 0x5000);
    check(&[0x0f, 0x23, 0xc8], address, expect!["Write { number: 1, before: 0, after: 5000 }"]);
    check(&[0x0f, 0x23, 0xf0], address, expect!["Write { number: 6, before: ffff0ff0, after: ffff4ff0 }"]);
    check(&[0x0f, 0x21, 0xf8], address, expect!["Read { number: 7, value: 400 }"]);
}

#[test]
fn segments() {
    check(
        &[0x8e, 0xd8],
        |machine| set(machine, Register::Rax, USER_SS.into()),
        expect![[r#"
            Read 0x7028, entries read: 1
            Ds 0x0 to 0x2b"#]],
    );
    // IRET to user mode.
    let frame = |machine: &mut Machine| {
        let words = [USER_CODE, USER_CS.into(), 2, USER_STACK, USER_SS.into()];
        for (at, word) in (DATA..).step_by(8).zip(words) {
            machine.memory.write_u64(at, word);
        }
        set(machine, Register::Rsp, DATA);
    };
    check(
        &[0x48, 0xcf],
        frame,
        expect![[r#"
            Read 0x20000, entries read: 1
            Read 0x7030, entries read: 1
            Cs 0x10 to 0x33
            Ss 0x18 to 0x2b"#]],
    );
    check(
        &[0x0f, 0x05],
        |_| (),
        expect![[r#"
        Cs 0x10 to 0x10
        Ss 0x18 to 0x18"#]],
    );
    // A delivery: UD2.
    check(
        &[0x0f, 0x0b],
        |_| (),
        expect![[r#"
            Read 0x8060, entries read: 1
            Read 0x7010, entries read: 1
            Write 0x33fd8, entries read: 1
            Cs 0x10 to 0x10"#]],
    );
}

#[test]
fn walks() {
    check(&[0x48, 0x8b, 0x03], |machine| set(machine, Register::Rbx, DATA), expect!["Read 0x20000, entries read: 1"]);
    check(
        &[0x48, 0x8b, 0x03],
        |machine| set(machine, Register::Rbx, UNMAPPED),
        expect![[r#"
            Read 0x180000, entries read: 1
            PageFault: PageFault { pcid: 0, linear: 180000 }
            Read 0x80e0, entries read: 4
            Read 0x7010, entries read: 1
            Write 0x33fd0, entries read: 1
            Cs 0x10 to 0x10"#]],
    );
}

#[test]
fn invalidations() {
    let pcid_5 = |machine: &mut Machine| {
        machine.cpu.cr4 |= cr4::PCIDE;
        machine.cpu.cr3 |= 5;
        let cr3 = machine.cpu.cr3;
        set(machine, Register::Rax, cr3 + 1);
    };
    check(&[0x0f, 0x22, 0xd8], pcid_5, expect!["Cr3Write: Cr3Flush { pcid: 6 }"]);
    let no_flush = |machine: &mut Machine| {
        machine.cpu.cr4 |= cr4::PCIDE;
        let cr3 = machine.cpu.cr3;
        set(machine, Register::Rax, cr3 | 1 << 63);
    };
    check(&[0x0f, 0x22, 0xd8], no_flush, expect!["Cr3Write: Optional"]);
    check(&[0x0f, 0x22, 0xe0], |machine| set(machine, Register::Rax, cr4::PAE), expect!["Cr4Write: Everything"]);
    check(
        &[0x0f, 0x01, 0x38],
        |machine| set(machine, Register::Rax, CODE),
        expect!["Invlpg: Invlpg { pcid: 0, linear: 10000 }"],
    );
    // INVLPG of an address that is not canonical does nothing.
    check(&[0x0f, 0x01, 0x38], |machine| set(machine, Register::Rax, 1 << 62), expect![""]);
    let invpcid = |machine: &mut Machine| {
        set(machine, Register::Rbx, DATA);
        set(machine, Register::Rax, 2);
    };
    check(
        &[0x66, 0x0f, 0x38, 0x82, 0x03],
        invpcid,
        expect![[r#"
            Read 0x20000, entries read: 1
            Invpcid: InvpcidAll"#]],
    );
}
