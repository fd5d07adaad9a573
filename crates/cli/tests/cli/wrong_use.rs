//! Wrong use: what is wrong, and what to do about it.

use super::{play, refused};
use expect_test::expect;
use serde_json::Value;

/// `asm` accepts the same words for features as `run`. SEV-ES chooses no arm.
#[test]
fn features_are_named_alike_everywhere() {
    let text = "ALTERNATIVE \"nop\", \"hlt\", X86_FEATURE_PTI\nALTERNATIVE \"nop\", \"hlt\", X86_FEATURE_SEV_ES\n";
    for (list, bytes) in [
        ("none", "9090"),
        ("pti", "f490"),
        ("pti,no-sev-es", "f490"),
        ("pti,sev-es", "f490"),
        ("NO-SEV-ES", "9090"),
        ("no-sev-es,X86_FEATURE_SEV_ES", "90f4"),
        ("X86_FEATURE_PTI,X86_FEATURE_SEV_ES", "f4f4"),
    ] {
        let answer = play(&format!("asm - --json --features {list}"), text);
        assert_eq!(answer.status, 0, "{list}: {}", answer.err);
        let report: Value = serde_json::from_str(&answer.out).expect("JSON");
        assert_eq!(report["bytes"], bytes, "{list}");
    }
}

#[test]
fn wrong_use_names_cause_and_mend() {
    let cases = [
        "places --form",
        "compare --forms A,Q",
        "compare --forms custom",
        "compare --forms A,E --macro README.md",
        "compare --inject kernel_loop:nmj",
        "compare --inject kernel_lop:nmi",
        "run --inject 'kernel_loop:nmi > exc_nmi:nmi'",
        "run --inject kernel_loop+99:nmi",
        "run --features pti,pcd",
        "run --features no-sev-es --inject kernel_loop+1:vc",
        "run --handler perf+prof",
        "run --preset kgdb",
        "compare --preset schedule --handler quiet",
        "run --preset schedule --inject kernel_loop:nmi",
        "run --features pti --preset schedule",
        "run --steps 3",
        "run --steps 5..3",
        "run --steps 3..x",
        "run --form E --macro crates/core/src/linux/restore/e.S",
        "places --form A --macro crates/core/src/linux/restore/e.S",
        "run --form custom --macro no/such/file",
        "run --macro crates/core/src/linux/restore/a.S --macro crates/core/src/linux/restore/e.S",
        "compare --forms A,custom --macro crates/core/src/linux/restore/a.S --macro crates/core/src/linux/restore/e.S",
        "asm no/such/file",
        "asm - -D A=x",
        "asm - -D =5",
        "asm - -D A-B=5",
        "asm - --features pit",
        "asm - --features pti,X86_FEATURE_",
        "tlb Cargo.toml",
        "explore --depth any --shard 1/2",
        "explore --seed 3",
        "nmi --rate -1",
        "nmi --cycles 3..2",
        "run --geometry skylark",
    ];
    expect![[r#"
        $ cr3play places --form
        error: a value is required for '--form <FORM>' but none was supplied

        For more information, try '--help'.
        $ cr3play compare --forms A,Q
        cr3play: unknown form 'Q': one of A, B2, C, E, never
          or custom, text or tree, with --macro FILE or --tree DIR
        $ cr3play compare --forms custom
        cr3play: form 'custom' has no text
          give it with --macro FILE or --tree DIR
        $ cr3play compare --forms A,E --macro README.md
        cr3play: --macro is given but no form takes it
          try custom as one of the forms: A,E,custom
        $ cr3play compare --inject kernel_loop:nmj
        error: invalid value 'kernel_loop:nmj' for '--inject <SCHEDULE>': column 13: unknown vector 'nmj':
          one of nmi, db, mc, vc, df, irq

        For more information, try '--help'.
        $ cr3play compare --inject kernel_lop:nmi
        cr3play: kernel_lop:nmi did not strike: no such label; did you mean kernel_loop, kernel_probe,
          kernel_loop_end?
          `cr3play places` lists the places
        $ cr3play run --inject 'kernel_loop:nmi > exc_nmi:nmi'
        cr3play: exc_nmi:nmi did not strike: refused: NMIs are blocked from the delivery of one until the
          next IRET (SDM vol. 3A 6.7.1)
          inject another vector there, or this one elsewhere
        $ cr3play run --inject kernel_loop+99:nmi
        cr3play: kernel_loop+99:nmi did not strike: the label has only 6 instructions (+0 to +5)
          `cr3play places` lists the places
        $ cr3play run --features pti,pcd
        error: invalid value 'pti,pcd' for '--features <FEATURES>': unknown feature 'pcd': one of pti, pcid,
          invpcid, fsgsbase, nx, sev-es, no-sev-es

        For more information, try '--help'.
        $ cr3play run --features no-sev-es --inject kernel_loop+1:vc
        cr3play: kernel_loop+1:vc did not strike: refused: #VC arises in SEV-ES guests only (AMD APM vol. 2
          15.35.5)
          inject another vector there, or this one elsewhere
        $ cr3play run --handler perf+prof
        error: invalid value 'perf+prof' for '--handler <HANDLER>': unknown handler 'prof': one of quiet,
          perf, pending-flush, kgdb-poke, rogue-cr3, rogue-switch-mm, schedule, efi-call

        For more information, try '--help'.
        $ cr3play run --preset kgdb
        error: invalid value 'kgdb' for '--preset <NAME>': unknown preset 'kgdb': one of kgdb-kernel,
          kgdb-sysret-exit, kgdb-iret-exit, kgdb-in-switch-mm, late-flush, leftover-flush, rogue-cr3,
          rogue-switch-mm, schedule, efi-call, vc-syscall-gap

        For more information, try '--help'.
        $ cr3play compare --preset schedule --handler quiet
        error: the argument '--preset <NAME>' cannot be used with '--handler <HANDLER>'

        Usage: cr3play compare --preset <NAME>

        For more information, try '--help'.
        $ cr3play run --preset schedule --inject kernel_loop:nmi
        error: the argument '--preset <NAME>' cannot be used with '--inject <SCHEDULE>'

        Usage: cr3play run --preset <NAME>

        For more information, try '--help'.
        $ cr3play run --features pti --preset schedule
        error: the argument '--features <FEATURES>' cannot be used with '--preset <NAME>'

        Usage: cr3play run --features <FEATURES>

        For more information, try '--help'.
        $ cr3play run --steps 3
        error: invalid value '3' for '--steps <STEPS>': expected key, all, none, FROM..TO, FROM.. or ..TO

        For more information, try '--help'.
        $ cr3play run --steps 5..3
        error: invalid value '5..3' for '--steps <STEPS>': no step is from 5 on and before 3

        For more information, try '--help'.
        $ cr3play run --steps 3..x
        error: invalid value '3..x' for '--steps <STEPS>': 'x' is not a step

        For more information, try '--help'.
        $ cr3play run --form E --macro crates/core/src/linux/restore/e.S
        cr3play: --macro is given but the form is 'E'
          leave --form out, or try --form custom
        $ cr3play places --form A --macro crates/core/src/linux/restore/e.S
        cr3play: --macro is given but the form is 'A'
          leave --form out, or try --form custom
        $ cr3play run --form custom --macro no/such/file
        cr3play: cannot read no/such/file: No such file or directory (os error 2)
          name a text file that exists, or - for standard input
        $ cr3play run --macro crates/core/src/linux/restore/a.S --macro crates/core/src/linux/restore/e.S
        cr3play: --macro is given 2 times, for 1 form that can take one
          `cr3play compare --forms custom,custom` takes two, and so does `cr3play explore --against custom`
        $ cr3play compare --forms A,custom --macro crates/core/src/linux/restore/a.S --macro crates/core/src/linux/restore/e.S
        cr3play: --macro is given 2 times, for 1 form that can take one
          `cr3play compare --forms custom,custom` takes two, and so does `cr3play explore --against custom`
        $ cr3play asm no/such/file
        cr3play: cannot read no/such/file: No such file or directory (os error 2)
          name a text file that exists, or - for standard input
        $ cr3play asm - -D A=x
        cr3play: 'A=x' defines nothing
          write NAME=NUMBER, for example PAGE_SHIFT=12 or BASE=0xff
        $ cr3play asm - -D =5
        cr3play: '=5' defines nothing
          write NAME=NUMBER, for example PAGE_SHIFT=12 or BASE=0xff
        $ cr3play asm - -D A-B=5
        cr3play: 'A-B=5' defines nothing
          write NAME=NUMBER, for example PAGE_SHIFT=12 or BASE=0xff
        $ cr3play asm - --features pit
        cr3play: unknown feature 'pit': one of pti, pcid, invpcid, fsgsbase, nx, sev-es, no-sev-es
          or a name of the kernel's, as X86_FEATURE_SMAP
        $ cr3play asm - --features pti,X86_FEATURE_
        cr3play: unknown feature 'X86_FEATURE_': one of pti, pcid, invpcid, fsgsbase, nx, sev-es, no-sev-es
          or a name of the kernel's, as X86_FEATURE_SMAP
        $ cr3play tlb Cargo.toml
        cr3play: Cargo.toml: profile: there is no such field here
          testdata/README.md describes the format of vectors
        $ cr3play explore --depth any --shard 1/2
        cr3play: --shard shares out schedules that run one by one, and --depth any sums them up
          give the depth as a number, or leave --shard out
        $ cr3play explore --seed 3
        cr3play: --seed chooses random schedules, and no --random asks for any
          try --random 1000
        $ cr3play nmi --rate -1
        error: unexpected argument '-1' found

        Usage: cr3play nmi [OPTIONS]

        For more information, try '--help'.
        $ cr3play nmi --cycles 3..2
        error: invalid value '3..2' for '--cycles <LOW..HIGH>': expected LOW..HIGH, the smaller number first

        For more information, try '--help'.
        $ cr3play run --geometry skylark
        error: invalid value 'skylark' for '--geometry <GEOMETRY>': unknown TLB geometry 'skylark': one of
          architectural, architectural-max, sandy-bridge, haswell, skylake, skylake-emptied, ice-lake,
          golden-cove, zen-2, zen-3, zen-4

        For more information, try '--help'.
    "#]]
    .assert_eq(&refused(cases));
}
