//! `cr3play explore`: how arguments may be written, and what is said of wrong ones.

use super::{check, json};
use expect_test::expect;
use serde_json::Value;

#[test]
fn vectors_and_sets_may_be_written_with_spaces_and_in_capital_letters() {
    let asked = |arguments: &str| {
        let report = json(&format!("explore --features pti --depth 1 {arguments} --json"), 0);
        [report["vectors"].clone(), report["command"].clone()]
    };
    let plain = asked("--handler quiet --vectors nmi,db");
    assert_eq!(plain[0], Value::from(vec!["nmi", "db"]));
    assert_eq!(asked("--handler quiet --vectors 'nmi, db'"), plain);
    assert_eq!(asked("--handler quiet --vectors DB,NMI"), plain);
    assert_eq!(asked("--handler quiet --vectors nmi --vectors Db"), plain);
    assert_eq!(asked("--handler Standard --vectors nmi,db")[0], plain[0]);
}

/// A name of a file need not be text.
#[cfg(unix)]
#[test]
fn arguments_that_are_not_text_are_wrong_use() {
    use std::os::unix::ffi::OsStrExt;
    let status = |options: &[&str]| {
        let wrong = std::ffi::OsStr::from_bytes(b"\xff");
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_cr3play"));
        let output = command.arg("explore").args(options).arg("--vectors").arg(wrong).output().expect("cr3play starts");
        output.status.code()
    };
    assert_eq!((status(&[]), status(&["--bisect"])), (Some(2), Some(125)));
}

#[test]
fn wrong_use_says_what_is_wrong_and_what_to_do() {
    check(
        "explore --without ist-twice",
        2,
        expect![[r#"
        --- standard error
        error: invalid value 'ist-twice' for '--without <ID>': unknown assumption 'ist-twice': one of
          no-schedule, no-mm-switch, no-poke, no-raw-cr3, no-request-after-look, aligned, ist-once,
          nmi-frame, vc-gap, vc-once, df-once

        For more information, try '--help'.
    "#]],
    );
    for (arguments, expected) in [
        (
            "--vectors nmi,foo",
            expect![[r#"
                --- standard error
                error: invalid value 'foo' for '--vectors <LIST>': unknown vector: one of nmi, db, mc, vc, df, irq

                For more information, try '--help'.
            "#]],
        ),
        (
            "--vectors nmi,,db",
            expect![[r#"
                --- standard error
                error: invalid value '' for '--vectors <LIST>': a vector is missing: one of nmi, db, mc, vc, df, irq

                For more information, try '--help'.
            "#]],
        ),
        (
            "--handler standard,quiet",
            expect![[r#"
                --- standard error
                cr3play: --handler standard,quiet names the standard set beside others
                  give --handler standard alone, or each handler by its name: quiet,perf,pending-flush
            "#]],
        ),
        (
            "--handler none",
            expect![[r#"
                --- standard error
                cr3play: unknown handler 'none': one of quiet, perf, pending-flush, kgdb-poke, rogue-cr3,
                  rogue-switch-mm, schedule, efi-call
                  try --handler quiet, which returns at once
            "#]],
        ),
        (
            "--handler quiet,nonsense",
            expect![[r#"
            --- standard error
            cr3play: unknown handler 'nonsense': one of quiet, perf, pending-flush, kgdb-poke, rogue-cr3,
              rogue-switch-mm, schedule, efi-call
              or --handler standard; sets have ',' between them, handlers of one set '+'
        "#]],
        ),
        (
            "--features standard,pti",
            expect![[r#"
                --- standard error
                cr3play: --features standard,pti names the standard set beside others
                  give --features standard alone, which is six sets of features, or one set such as pti,pcid
            "#]],
        ),
    ] {
        check(&format!("explore {arguments}"), 2, expected);
    }
    check(
        "explore --handler perf+",
        2,
        expect![[r#"
        --- standard error
        cr3play: unknown handler '': one of quiet, perf, pending-flush, kgdb-poke, rogue-cr3,
          rogue-switch-mm, schedule, efi-call
          or --handler standard; sets have ',' between them, handlers of one set '+'
    "#]],
    );
    check(
        "explore --features pti,avx",
        2,
        expect![[r#"
        --- standard error
        cr3play: unknown feature 'avx': one of pti, pcid, invpcid, fsgsbase, nx, sev-es, no-sev-es
          or --features standard
    "#]],
    );
    check(
        "explore --depth many",
        2,
        expect![[r#"
        --- standard error
        error: invalid value 'many' for '--depth <N>': expected a number from 1 to 6, or `any`

        For more information, try '--help'.
    "#]],
    );
    check(
        "explore --shard 5/4",
        2,
        expect![[r#"
        --- standard error
        error: invalid value '5/4' for '--shard <I/N>': expected I/N, with I from 1 to N and N at most #####

        For more information, try '--help'.
    "#]],
    );
    check(
        "explore --vectors nmi,pf",
        2,
        expect![[r#"
            --- standard error
            error: invalid value 'pf' for '--vectors <LIST>': unknown vector: one of nmi, db, mc, vc, df, irq

            For more information, try '--help'.
        "#]],
    );
}
