//! `cr3play claims`, and kernels that differ from v6.12.

use super::{assert_fits, check, json, play};
use expect_test::expect;
use serde_json::Value;

const FORM_A: &str = "crates/core/src/linux/restore/a.S";

#[test]
fn a_claim_has_its_verdict_its_numbers_and_the_command_that_shows_it() {
    check(
        "claims 9",
        0,
        expect![[r#"
            Andy Lutomirski's answer, ## September ####

                9. Andy Lutomirski: It is a minor optimisation for that much thinking and fragility.
                verdict   confirmed with an exception
                except    Without PCIDs the write empties the TLB of all that is not global, at each NMI.
                       1  CR3 writes, form A beyond E, kernel_loop+1:nmi, handler perf
                       0  refill misses, form A beyond E, kernel_loop+1:nmi, handler perf
                       4  refill misses, form A beyond E, kernel_loop+1:nmi, handler perf, features
                          pti,invpcid,fsgsbase,nx
                look at   nmi_exit, step ### of A, step ### of E
                    cr3play compare --forms A,E --features pti,pcid,invpcid,fsgsbase,nx --handler perf --inject
                    kernel_loop+1:nmi
                look at   nmi_exit, step ### of A, step ### of E
                    cr3play compare --forms A,E --features pti,invpcid,fsgsbase,nx --handler perf --inject
                    kernel_loop+1:nmi

            claims    1: 1 confirmed with an exception
        "#]],
    );
    check(
        "claims 3",
        0,
        expect![[r#"
            the note with the patch, ## August ####

                3. Brendan Jackman; Andy Lutomirski doubts it: Andy Lutomirski wrote of the patch of #### that
                it looks correct.
                verdict   not decidable here
                because   This is history. His mail of ## May #### answers the opening mail of the series, 0/2,
                          which holds both patches; the link in the note leads to 2/2, which always flushes.

            claims    1: 1 not decidable here
        "#]],
    );
}

#[test]
fn a_macro_in_the_place_of_the_merged_one_changes_claims() {
    check(
        &format!("claims 9 --macro {FORM_A}"),
        1,
        expect![[r#"
            Andy Lutomirski's answer, ## September ####

                9. Andy Lutomirski: It is a minor optimisation for that much thinking and fragility.
                verdict   refuted; with form E it is confirmed with an exception
                       0  CR3 writes, form A beyond custom, kernel_loop+1:nmi, handler perf, with form E 1
                       0  refill misses, form A beyond custom, kernel_loop+1:nmi, handler perf
                       0  refill misses, form A beyond custom, kernel_loop+1:nmi, handler perf, features
                          pti,invpcid,fsgsbase,nx, with form E 4
                look at   nmi_exit, step ### of A, step ### of custom
                    cr3play compare --forms A,custom --macro crates/core/src/linux/restore/a.S --features
                    pti,pcid,invpcid,fsgsbase,nx --handler perf --inject kernel_loop+1:nmi
                look at   nmi_exit, step ### of A, step ### of custom
                    cr3play compare --forms A,custom --macro crates/core/src/linux/restore/a.S --features
                    pti,invpcid,fsgsbase,nx --handler perf --inject kernel_loop+1:nmi

            claims    1: 1 refuted
            changed   9
            numbers   differ in 9
            --- standard error
            restore/custom.S:1:1: note: taken for one macro
        "#]],
    );
    check(
        "claims 9 --macro crates/core/src/linux/restore/e.S",
        0,
        expect![[r#"
            Andy Lutomirski's answer, ## September ####

                9. Andy Lutomirski: It is a minor optimisation for that much thinking and fragility.
                verdict   confirmed with an exception
                except    Without PCIDs the write empties the TLB of all that is not global, at each NMI.
                       1  CR3 writes, form A beyond custom, kernel_loop+1:nmi, handler perf
                       0  refill misses, form A beyond custom, kernel_loop+1:nmi, handler perf
                       4  refill misses, form A beyond custom, kernel_loop+1:nmi, handler perf, features
                          pti,invpcid,fsgsbase,nx
                look at   nmi_exit, step ### of A, step ### of custom
                    cr3play compare --forms A,custom --macro crates/core/src/linux/restore/e.S --features
                    pti,pcid,invpcid,fsgsbase,nx --handler perf --inject kernel_loop+1:nmi
                look at   nmi_exit, step ### of A, step ### of custom
                    cr3play compare --forms A,custom --macro crates/core/src/linux/restore/e.S --features
                    pti,invpcid,fsgsbase,nx --handler perf --inject kernel_loop+1:nmi

            claims    1: 1 confirmed with an exception
            changed   none
            numbers   differ in none
            --- standard error
            restore/custom.S:1:1: note: taken for one macro
        "#]],
    );
}

#[test]
fn a_patch_in_the_place_of_the_merged_macro() {
    let report = json("claims 9 --patch testdata/patches/merged.mail --config DEBUG_ENTRY=n --json", 0);
    let notes = report["notes"][0]["message"].as_str().expect("a note");
    assert!(notes.starts_with("taken for a mail with a unified diff; "), "{notes}");
    assert_eq!((&report["form"], report["changed"].to_string().as_str()), (&"custom".into(), "[]"));
    let command = report["claims"][0]["commands"][0].as_str().expect("a command");
    assert!(command.contains(" --macro testdata/patches/merged.mail --config CONFIG_DEBUG_ENTRY=n "), "{command}");
}

#[test]
fn claims_as_json_have_all_that_a_view_needs() {
    let report = json("claims 13 --json", 0);
    let claim = &report["claims"][0];
    assert_eq!((&report["version"], &report["form"]), (&1.into(), &"E".into()));
    assert_eq!(report["changed"].to_string(), "[]");
    assert_eq!(claim["verdict"], "confirmed-with-an-exception");
    assert_eq!(claim["verdict_of_e"], Value::Null);
    let show = &claim["shows"][1];
    expect![[r#""form=E features=pti,pcid,invpcid,fsgsbase,nx handler=schedule geometry=architectural inject=kernel_loop+1:db > switch_mm_between_records:nmi""#]]
        .assert_eq(&show["scenarios"][1].to_string());
    let (step, place) = (show["steps"][1].as_u64().expect("a step"), show["place"].as_str().expect("a place"));
    // The command leads to the step that the claim speaks of.
    let scenario = "--handler schedule --inject 'kernel_loop+1:db > switch_mm_between_records:nmi'";
    let run = json(&format!("run {scenario} --steps {step}..{} --json", step + 1), 1);
    assert_eq!(run["shown_steps"][0]["place"], place);
    let compared = claim["commands"][1].as_str().expect("a command").strip_prefix("cr3play ").expect("of ours");
    let comparison = json(&format!("{compared} --json"), 1);
    assert!(comparison["rows"].as_u64() >= show["row"].as_u64(), "{show}");

    let own = json(&format!("claims 13 --macro {FORM_A} --json"), 1);
    assert_eq!((&own["form"], own["changed"].to_string().as_str()), (&"custom".into(), "[13]"));
    assert_eq!(own["claims"][0]["verdict_of_e"], "confirmed-with-an-exception");
    let values = |key: &str| own["claims"][0]["numbers"].as_array().expect("numbers").iter().any(|n| !n[key].is_null());
    assert!(values("value_of_e"));
}

/// Each command that a claim names does what it says: it plays, and no injection is left out.
#[test]
fn the_commands_of_claims_play() {
    for id in [6, 8, 24] {
        for command in json(&format!("claims {id} --json"), 0)["claims"][0]["commands"].as_array().expect("commands") {
            let command = command.as_str().expect("a command").strip_prefix("cr3play ").expect("of ours").to_owned();
            if command.starts_with("compare") {
                let answer = play(&command, "");
                assert_eq!((answer.status, answer.err.as_str()), (1, ""), "{command}");
                assert!(!answer.out.contains("did not strike"), "{command}");
            } else {
                assert_eq!(command, "explore --form E");
            }
        }
    }
}

#[test]
fn wrong_use_of_claims_says_what_is_right() {
    check(
        "claims 25",
        2,
        expect![[r#"
        --- standard error
        cr3play: there is no claim ##
          give a number from 1 to ##
    "#]],
    );
    check(
        "claims 1 --macro no_such_file.S",
        2,
        expect![[r#"
        --- standard error
        cr3play: cannot read no_such_file.S: No such file or directory (os error 2)
          name a text file that exists, or - for standard input
    "#]],
    );
    let answer = play("claims 1 --macro -", "nop\n");
    assert_fits("claims", &answer);
    assert_eq!((answer.status, answer.out.as_str()), (2, ""));
    expect![[r#"
        cr3play: the text does not assemble
          restore/custom.S:1:1: error: the text defines neither PARANOID_RESTORE_CR3 nor RESTORE_CR3
          Begin with: .macro PARANOID_RESTORE_CR3 scratch_reg:req save_reg:req
    "#]]
    .assert_eq(&answer.err);
}

#[test]
fn a_kernel_that_differs_is_named() {
    check(
        "run --kernel debug-entry+early-switching --inject kernel_loop+1:nmi --steps none",
        0,
        expect![[r#"
        form      E: PARANOID_RESTORE_CR3, merged in v6.9: skips a kernel CR3, BTR on the pending flush
        features  pti,pcid,invpcid,fsgsbase,nx
        kernel    v6.##+early-switching+debug-entry: switch_mm_irqs_off stores LOADED_MM_SWITCHING before
                  choose_new_asid: a fix of ####, in 6.##.### and v6.##; CONFIG_DEBUG_ENTRY, on in
                  defconfig: the first NMI unblocks NMIs by an IRET of its own, and exits check what they
                  return to
        handler   quiet: returns at once
        TLB       architectural: unbounded; drops exactly what the manual requires
        reading   MIN
        inject    kernel_loop+1:nmi
        end       the program exited after #### steps
            user-cr3, kernel-cr3, restored, no-stale, flush-kept, regs, gs, mapped and nested held in this
            run

        instructions         ####
        CR3 reads              ##
        CR3 writes             ##
        no-flush CR3 writes    ##
        TLB hits             ####
        TLB misses             ##
        cold misses            ##
        page-walk reads        ##
        deliveries              7
        NMIs                    1
        page faults             2
        other events            4
    "#]],
    );
    check(
        "run --kernel v6.6",
        2,
        expect![[r#"
        --- standard error
        error: invalid value 'v6.6' for '--kernel <KERNEL>': unknown kernel variation 'v6.6': one of v6.##,
          early-switching, debug-entry, sev-es-nmi-complete

        For more information, try '--help'.
    "#]],
    );
    let run = json("run --kernel debug-entry --steps none --json", 0);
    assert_eq!(run["kernel"], "v6.12+debug-entry");
    let answer =
        play("explore --depth 1 --kernel debug-entry --handler kgdb-poke --features pti,pcid --vectors nmi", "");
    assert_eq!(answer.status, 1);
    let counterexample = answer.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(counterexample.contains("--handler kgdb-poke --kernel v6.12+debug-entry --inject"), "{}", answer.out);
    assert!(counterexample.contains("again cr3play explore --form E"), "{}", answer.out);
}
