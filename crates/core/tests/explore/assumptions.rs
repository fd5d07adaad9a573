//! Each assumption turned off alone.

use crate::support::{FIVE, config, excluded, explore, query, told};
use cr3_core::explore::{Assumption, Assumptions, Method, Query, Reach, Shard, standard_handlers};
use cr3_core::linux::{Config, Form, Handlers};
use cr3_core::scenario::Vector;
use expect_test::{Expect, expect};

/// The outcome of a form if `off` is not assumed, on the system on which it matters.
fn verdict(form: Form, off: Assumption, text: &str, vectors: &[Vector], reach: Reach, shard: Option<Shard>) -> String {
    let assumed = Assumptions::default().without(off);
    let joined = off.handler().map(Handlers::only);
    let handler = joined.unwrap_or(config(text).handler);
    assert!(joined.is_none_or(|joined| standard_handlers(assumed).contains(&joined)));
    let config = Config { form, handler, ..config(text) };
    let (method, depth) = match reach {
        Reach::Depth(depth) => (Method::CutOff, depth),
        Reach::Any => (Method::Summaries, 1),
    };
    let query = Query { assumed, vectors: vectors.to_vec(), depth, method, shard, ..query(vec![config]) };
    let report = explore(query);
    assert!(excluded(&report).iter().all(|(id, _)| *id != off.id()));
    told(&report)
}

/// Forms that come to the same share a paragraph.
#[track_caller]
fn check(off: Assumption, text: &str, vectors: &[Vector], reach: Reach, shard: Option<Shard>, expected: Expect) {
    let mut paragraphs: Vec<(String, Vec<&str>)> = Vec::new();
    for form in [Form::A, Form::B2, Form::C, Form::E, Form::Never] {
        let told = verdict(form, off, text, vectors, reach, shard);
        match paragraphs.iter_mut().find(|(other, _)| *other == told) {
            Some((_, forms)) => forms.push(form.name()),
            None => paragraphs.push((told, vec![form.name()])),
        }
    }
    let text: String = paragraphs.iter().map(|(told, forms)| format!("{}: {told}", forms.join(" "))).collect();
    expected.assert_eq(&text);
}

const THREE: &[Vector] = &crate::support::THREE;

#[test]
fn handlers_that_schedule() {
    check(
        Assumption::NoSchedule,
        "",
        THREE,
        Reach::Depth(1),
        None,
        expect![[r#"
        A: breaks at depth 1
          kernel-cr3: syscall_entry_kernel_cr3:db, minimal
          user-cr3: sysret_exit_switch_cr3+5:db, minimal
          flush-kept: sysret_exit_switch_cr3+5:db, minimal
        B2 C E: breaks at depth 1
          kernel-cr3: entry_SYSCALL_64:db, minimal
          user-cr3: sysret_exit_switch_cr3+5:db, minimal
          flush-kept: sysret_exit_switch_cr3+5:db, minimal
        never: breaks at depth 1
          restored: entry_SYSCALL_64:db, minimal
          kernel-cr3: entry_SYSCALL_64+4:db, minimal
          user-cr3: sysret_exit_switch_cr3+5:db, minimal
          flush-kept: sysret_exit_switch_cr3+5:db, minimal
    "#]],
    );
}

#[test]
fn handlers_that_leave_another_mm() {
    check(
        Assumption::NoMmSwitch,
        "",
        &[Vector::Nmi],
        Reach::Depth(1),
        None,
        expect![[r#"
        A: breaks at depth 1
          user-cr3: user_start:nmi, minimal
          kernel-cr3: syscall_entry_kernel_cr3:nmi, minimal
          flush-kept: sysret_exit_switch_cr3+5:nmi, minimal
          mapped: user_start:nmi, minimal
        B2 C E: breaks at depth 1
          user-cr3: user_start:nmi, minimal
          kernel-cr3: entry_SYSCALL_64:nmi, minimal
          flush-kept: sysret_exit_switch_cr3+5:nmi, minimal
          mapped: user_start:nmi, minimal
        never: breaks at depth 1
          user-cr3: user_start:nmi, minimal
          restored: entry_SYSCALL_64:nmi, minimal
          kernel-cr3: entry_SYSCALL_64+4:nmi, minimal
          flush-kept: sysret_exit_switch_cr3+5:nmi, minimal
          mapped: user_start:nmi, minimal
    "#]],
    );
}

#[test]
fn a_debugger_that_pokes_text() {
    check(
        Assumption::NoPoke,
        "",
        THREE,
        Reach::Depth(1),
        None,
        expect![[r#"
        A: breaks at depth 1
          kernel-cr3: syscall_entry_kernel_cr3:db, minimal
          user-cr3: sysret_exit_switch_cr3+5:db, minimal
          flush-kept: sysret_exit_switch_cr3+5:db, minimal
        B2 C E: breaks at depth 1
          kernel-cr3: entry_SYSCALL_64:db, minimal
          user-cr3: sysret_exit_switch_cr3+5:db, minimal
          flush-kept: sysret_exit_switch_cr3+5:db, minimal
        never: breaks at depth 1
          restored: entry_SYSCALL_64:db, minimal
          kernel-cr3: entry_SYSCALL_64+4:db, minimal
          user-cr3: sysret_exit_switch_cr3+5:db, minimal
          flush-kept: sysret_exit_switch_cr3+5:db, minimal
    "#]],
    );
}

#[test]
fn raw_writes_to_cr3() {
    check(
        Assumption::NoRawCr3,
        "",
        &[Vector::Nmi],
        Reach::Depth(1),
        None,
        expect![[r#"
        A: breaks at depth 1
          user-cr3: user_start:nmi, minimal
          restored: user_start:nmi, minimal
          mapped: user_start:nmi, minimal
        B2 C E: breaks at depth 1
          user-cr3: user_start:nmi, minimal
          restored: user_start:nmi, minimal
          kernel-cr3: syscall_entry_kernel_cr3:nmi, minimal
          mapped: user_start:nmi, minimal
        never: breaks at depth 1
          user-cr3: user_start:nmi, minimal
          restored: user_start:nmi, minimal
          kernel-cr3: entry_SYSCALL_64:nmi, minimal
          mapped: user_start:nmi, minimal
    "#]],
    );
}

#[test]
fn flushes_that_are_requested_after_the_look() {
    let text = "features=pti,pcid,fsgsbase,nx handler=pending-flush";
    check(
        Assumption::NoRequestAfterLook,
        text,
        THREE,
        Reach::Depth(1),
        None,
        expect![[r#"
        A B2 C E: breaks at depth 1
          flush-kept: sysret_exit_switch_cr3+5:db, minimal
        never: breaks at depth 1
          restored: entry_SYSCALL_64:db, minimal
          flush-kept: sysret_exit_switch_cr3+5:db, minimal
          user-cr3: sysret_exit_switch_cr3+14:db, minimal
    "#]],
    );
}

/// One exception runs the handler to its end and finds nothing; a second one inside it finds the tables.
#[test]
fn tables_with_bit_12_set() {
    let nmi = &[Vector::Nmi, Vector::MachineCheck];
    check(
        Assumption::Aligned,
        "",
        nmi,
        Reach::Depth(2),
        in_the_kernel(),
        expect![[r#"
        A B2 C E: breaks at depth 2
          kernel-cr3: sysret_exit_switch_cr3+11:mc > efi_service:nmi, of fewest
          no-stale: sysret_exit_switch_cr3+11:mc > efi_service:nmi, of fewest
          mapped: sysret_exit_switch_cr3+11:mc > efi_service:nmi, of fewest
        never: breaks at depth 1
          restored: entry_SYSCALL_64:mc, minimal
          user-cr3: sysret_exit_switch_cr3+14:mc, minimal
    "#]],
    );
    check(
        Assumption::Aligned,
        "features=pcid,invpcid,fsgsbase,nx",
        nmi,
        Reach::Depth(2),
        in_the_kernel(),
        expect![[r#"
        A B2 C E never: holds at depth 2
    "#]],
    );
}

#[test]
fn vc_in_the_syscall_gap() {
    check(
        Assumption::VcGap,
        "",
        &FIVE,
        Reach::Depth(1),
        None,
        expect![[r#"
        A B2 C E: breaks at depth 1
          mapped: entry_SYSCALL_64:vc, minimal
        never: breaks at depth 1
          user-cr3: user_start:df, minimal
          restored: user_start:df, minimal
    "#]],
    );
}

/// One boundary in the kernel.
fn in_the_kernel() -> Option<Shard> {
    Shard::new(250, 2000)
}

#[test]
fn exceptions_on_a_stack_that_is_in_use() {
    check(
        Assumption::IstOnce,
        "",
        &[Vector::Debug],
        Reach::Depth(2),
        in_the_kernel(),
        expect![[r#"
            A B2 C E: breaks at depth 2
              mapped: sysret_exit_switch_cr3+11:db > paranoid_entry:db, of fewest
            never: breaks at depth 1
              restored: entry_SYSCALL_64:db, minimal
              user-cr3: sysret_exit_switch_cr3+14:db, minimal
        "#]],
    );
    check(
        Assumption::VcOnce,
        "",
        &[Vector::VmmCommunication],
        Reach::Depth(2),
        in_the_kernel(),
        expect![[r#"
            A B2 C E: breaks at depth 2
              mapped: sysret_exit_switch_cr3+11:vc > asm_exc_vmm_communication:vc, of fewest
              gs: sysret_exit_switch_cr3+11:vc > paranoid_entry+17:vc, of fewest
            never: breaks at depth 1
              restored: sysret_exit_switch_cr3+14:vc, minimal
              user-cr3: sysret_exit_switch_cr3+14:vc, minimal
        "#]],
    );
}

#[test]
fn two_double_faults_at_one_address() {
    check(
        Assumption::DfOnce,
        "",
        &[Vector::DoubleFault],
        Reach::Depth(2),
        in_the_kernel(),
        expect![[r#"
            A B2 C E: breaks at depth 2
              mapped: sysret_exit_switch_cr3+11:df, sysret_exit_switch_cr3+11:df, of fewest
            never: breaks at depth 1
              user-cr3: user_start:df, minimal
              restored: user_start:df, minimal
        "#]],
    );
}

/// Three exceptions at least, so only a search of any depth comes there. `crates/core/src/explore/tests.rs` replays two more such schedules.
#[test]
fn nmis_while_the_frame_of_an_nmi_is_needed() {
    check(
        Assumption::NmiFrame,
        "",
        &[Vector::Nmi, Vector::Debug],
        Reach::Any,
        None,
        expect![[r#"
            A B2 C E: breaks at depth 1
              mapped: user_start:nmi > asm_exc_nmi:db, asm_exc_nmi:nmi, of fewest
            never: breaks at depth 1
              restored: entry_SYSCALL_64:db, minimal
              user-cr3: sysret_exit_switch_cr3+14:db, minimal
        "#]],
    );
}

#[test]
fn assumptions_are_found_by_their_ids() {
    for assumption in Assumption::ALL {
        assert_eq!(assumption.id().parse(), Ok(assumption));
        assert!(assumption.sentence().ends_with('.'), "{assumption}");
    }
    let unknown = "ist-twice".parse::<Assumption>().map_err(|unknown| unknown.to_string());
    expect!["unknown assumption 'ist-twice': one of no-schedule, no-mm-switch, no-poke, no-raw-cr3, no-request-after-look, aligned, ist-once, nmi-frame, vc-gap, vc-once, df-once"].assert_eq(&unknown.expect_err("no such id"));
}
