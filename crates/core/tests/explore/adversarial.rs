//! Macros that are written to fool a search, each with its verdict.

use crate::support::{custom, explore, query, told, two_deep};
use expect_test::{Expect, expect};

/// Every single exception.
#[track_caller]
fn check(name: &str, expected: Expect) {
    expected.assert_eq(&told(&explore(query(vec![custom(name)]))));
}

/// Two exceptions. The first strikes at one boundary of so many.
#[track_caller]
fn check_two(name: &str, index: u32, of: u32, expected: Expect) {
    expected.assert_eq(&told(&explore(two_deep(custom(name), index, of))));
}

#[test]
fn a_register_that_is_not_given_back() {
    check(
        "clobbers",
        expect![[r#"
        breaks at depth 1
          regs: syscall_entry_kernel_cr3:db, minimal
          mapped: do_syscall_64+2:db, minimal
    "#]],
    );
}

#[test]
fn a_register_that_is_easy_to_forget() {
    check(
        "fs_base",
        expect![[r#"
        breaks at depth 1
          regs: syscall_entry_kernel_cr3:db, minimal
    "#]],
    );
}

#[test]
fn per_cpu_data_by_the_users_gs_base() {
    check(
        "wrong_gs",
        expect![[r#"
        breaks at depth 1
          gs: entry_SYSCALL_64+2:db, minimal
          mapped: entry_SYSCALL_64+2:db, minimal
    "#]],
    );
}

#[test]
fn a_word_that_is_not_reentrant_breaks_with_two() {
    check(
        "reentrant",
        expect![[r#"
        holds at depth 1
    "#]],
    );
    check_two(
        "reentrant",
        384,
        2000,
        expect![[r#"
            breaks at depth 2
              restored: error_entry+10#3:db > paranoid_exit+1:mc, of fewest
        "#]],
    );
}

#[test]
fn a_count_of_two_breaks_with_two() {
    check(
        "second_hit",
        expect![[r#"
        holds at depth 1
    "#]],
    );
    check_two(
        "second_hit",
        379,
        2000,
        expect![[r#"
            breaks at depth 2
              restored: error_entry+5#3:db, error_entry+5:db, of fewest
              user-cr3: error_entry+5#3:db, iret_exit_user_cr3:db, of fewest
        "#]],
    );
}

#[test]
fn flags_that_an_int3_pushes_break_with_two() {
    check(
        "pushed_by_probe",
        expect![[r#"
        holds at depth 1
    "#]],
    );
    check_two(
        "pushed_by_probe",
        379,
        2000,
        expect![[r#"
            breaks at depth 2
              restored: error_entry+5#3:mc > paranoid_exit_cr3_restored:db, of fewest
              user-cr3: error_entry+5#3:mc, iret_exit_user_cr3:db, of fewest
        "#]],
    );
}

#[test]
fn a_translation_that_stays_cached_breaks_with_two() {
    check(
        "stale_entry",
        expect![[r#"
        holds at depth 1
    "#]],
    );
    check_two(
        "stale_entry",
        379,
        2000,
        expect![[r#"
            breaks at depth 2
              no-stale: error_entry+5#3:db, entry_SYSCALL_64:mc, of fewest
              restored: error_entry+5#3:db, entry_SYSCALL_64:mc, of fewest
              user-cr3: error_entry+5#3:db, entry_SYSRETQ_unsafe_stack:mc, of fewest
        "#]],
    );
    check_two(
        "stale_entry_flushed",
        379,
        2000,
        expect![[r#"
        holds at depth 2
    "#]],
    );
}

#[test]
fn what_looks_wrong_and_is_right_holds() {
    for name in
        ["counts_only", "iret_to_itself", "harmless_window", "cleared_by_probe", "three_deep", "stale_entry_flushed"]
    {
        assert_eq!(told(&explore(query(vec![custom(name)]))), "holds at depth 1\n", "{name}");
    }
    for name in ["counts_only", "iret_to_itself", "harmless_window"] {
        assert_eq!(told(&explore(two_deep(custom(name), 389, 2000))), "holds at depth 2\n", "{name}");
    }
}
