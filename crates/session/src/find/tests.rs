use super::*;
use crate::choice::Overlay;
use crate::state::Settings;
use crate::{Action, is_valid, update};
use expect_test::{Expect, expect};

const OPENING: &str = "v=1&a=A&b=E&s=kernel_loop%2B1:nmi&at=0";

fn opened(query: &str) -> State {
    update(&State::open(OPENING, Settings::default()), Action::Search(query.to_owned()))
}

fn check(query: &str, expected: Expect) {
    let (items, words) = shown(&opened(query));
    assert!(items.len() <= SHOWN);
    assert_eq!(items.iter().filter(|item| item.is_chosen).count(), usize::from(!items.is_empty()));
    let line = |Item { is_chosen, step, place, text, .. }: &Item| {
        format!("{} {step}: {place}: {text}\n", if *is_chosen { ">" } else { " " })
    };
    expected.assert_eq(&format!("{}{words}", items.iter().map(line).collect::<String>()));
}

#[test]
fn a_search_finds_steps_labels_addresses_and_instructions() {
    check("", expect![[""]]);
    check("  ", expect![[""]]);
    check(
        "42",
        expect![[r#"
            > 42: entry_SYSCALL_64_after_hwframe+14: pushq %r14
            1 of 1"#]],
    );
    check(
        "0",
        expect![[r#"
            > 5: user_loop+2: movq %rax, 4096(%rbx)
              20: entry_SYSCALL_64+5: andq $(~0x1800), %rsp
              36: entry_SYSCALL_64_after_hwframe+8: pushq %r10
              49: entry_SYSCALL_64_after_hwframe+21: xorl %r10d, %r10d
              66: sys_write: movq 104(%rbx), %rsi
              81: asm_exc_int3+4: testb $3, 136-120(%rsp)
              98: error_entry+8: pushq %r10
              112: error_entry+22: xorl %r10d, %r10d
            1 of 209"#]],
    );
    check("999999", expect!["No step, label, address or instruction matches “999999”."]);
    check(
        "exc_nmi+2",
        expect![[r#"
            > 245: exc_nmi+2: pushq %rbx
            1 of 1"#]],
    );
    check(
        "PARANOID_EXIT",
        expect![[r#"
            > never runs: asm_exc_debug+9: jmp paranoid_exit
              never runs: asm_exc_machine_check+9: jmp paranoid_exit
              never runs: asm_exc_vmm_communication+13: jmp paranoid_exit
              never runs: asm_exc_double_fault+8: jmp paranoid_exit
              never runs: paranoid_exit: bt $12, %r14
              never runs: paranoid_exit_cr3_restored: wrgsbase %rbx
              never runs: paranoid_exit_checkgs: testl %ebx, %ebx
            1 of 7"#]],
    );
    check(
        "movq %r14, %cr3",
        expect![[r#"
        > 274 in A, 272 in E: nmi_exit+9: movq %r14, %cr3
          never runs: paranoid_exit+9: movq %r14, %cr3
        1 of 2"#]],
    );
    check(
        "swapgs",
        expect![[r#"
            > 16: entry_SYSCALL_64+1: swapgs
              356 in A, 354 in E: syscall_choose_exit+1: jz swapgs_restore_regs_and_return_to_usermode
              389 in A, 387 in E: entry_SYSRETQ_unsafe_stack: swapgs
              433 in A, 431 in E: error_entry_from_user: swapgs
              457 in A, 455 in E: error_return+2: jmp swapgs_restore_regs_and_return_to_usermode
              458 in A, 456 in E: swapgs_restore_regs_and_return_to_usermode: jmp .Lpti_restore_regs_and_return_to_usermode
              494 in A, 492 in E: iret_exit_user_cr3+2: jmp .Lswapgs_and_iret
              495 in A, 493 in E: iret_exit_swapgs: swapgs
            1 of 40"#]],
    );
    check(
        "nmi strikes",
        expect![[r#"
            > 163: kernel_loop+1: NMI strikes
            1 of 1"#]],
    );
    check("swapgz", expect!["No step, label, address or instruction matches “swapgz”."]);
}

/// Each instruction of both runs is found by its address and by its place, at each of its steps.
#[test]
fn every_step_is_found_by_its_address_and_its_place() {
    let state = opened("");
    for side in Side::BOTH {
        let trace = state.runs.trace(side).expect("a run");
        for (step, it) in trace.steps.iter().enumerate().filter(|(_, it)| it.kind == StepKind::Instruction).step_by(7) {
            let row = Match::Row(state.runs.row_of(side, step).expect("a row"));
            for query in [format!("{:#x}", it.rip), format!("{:x}", it.rip), trace.place_name(step)] {
                assert!(search(&state.runs, side, &query).all.contains(&row), "{query}");
            }
        }
    }
}

#[test]
fn a_search_goes_on_and_back_from_the_step_at_hand() {
    let mut state = opened("swapgs");
    let found = search(&state.runs, state.side, "swapgs");
    let rows = || found.all.iter().filter_map(|it| if let Match::Row(row) = it { Some(*row) } else { None });
    for row in rows() {
        state = update(&state, Action::Find(Direction::Forward));
        assert_eq!(state.cursor, row);
    }
    assert!(!is_valid(&state, &Action::Find(Direction::Forward)));
    for row in rows().rev().skip(1) {
        state = update(&state, Action::Find(Direction::Backward));
        assert_eq!(state.cursor, row);
    }
    assert!(!is_valid(&state, &Action::Find(Direction::Backward)));
    assert!(!is_valid(&opened("swapgz"), &Action::Find(Direction::Forward)));
}

#[test]
fn what_was_found_is_opened_and_the_search_is_kept() {
    let searching = update(&opened("exc_nmi+2"), Action::Open(Overlay::Find));
    let (items, _) = shown(&searching);
    let taken = update(&searching, Action::TakeFound(items[0].at.clone()));
    assert_eq!((taken.overlay.clone(), taken.query.as_str()), (Overlay::None, "exc_nmi+2"));
    assert_eq!(taken.runs.place(taken.cursor).expect("a place").to_string(), "exc_nmi+2");
    let idle = opened("asm_exc_double_fault");
    let (items, _) = shown(&idle);
    assert!(matches!(items[0].at, Match::Code(_)), "nothing in the opening story is a double fault");
    let taken = update(&idle, Action::TakeFound(items[0].at.clone()));
    assert_eq!(taken.browsed.map(|place| place.to_string()).as_deref(), Some("asm_exc_double_fault"));
    let elsewhere = update(&searching, Action::OpenLink("v=1&a=C&b=E".to_owned()));
    assert_eq!(elsewhere.query, "exc_nmi+2");
    assert_eq!(elsewhere.link().scenario(), State::open("v=1&a=C&b=E", Settings::default()).link().scenario());
}
