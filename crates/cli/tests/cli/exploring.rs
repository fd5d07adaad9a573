//! `cr3play explore`.

use super::{check, json, play};
use expect_test::expect;
use serde_json::Value;

/// One system, so that a search is short.
const ONE: &str = "--features pti,pcid,invpcid,fsgsbase,nx --handler quiet";

#[test]
fn a_form_that_holds_says_what_was_covered_and_assumed() {
    check(
        &format!("explore {ONE} --depth 1 --vectors nmi"),
        0,
        expect![[r#"
            form      E: PARANOID_RESTORE_CR3, merged in v6.9: skips a kernel CR3, BTR on the pending flush
            systems   features pti,pcid,invpcid,fsgsbase,nx, handler quiet
            vectors   nmi
            verdict   holds for every schedule of one exception (nmi), under the assumptions below
            choices   ####: 0 refused, 0 excluded, #### schedules
            assumes   no-schedule            no system runs `schedule`
            assumes   no-mm-switch           no system runs `rogue-switch-mm`
            assumes   no-poke                no system runs `kgdb-poke`
            assumes   no-raw-cr3             no system runs `rogue-cr3`
            assumes   no-request-after-look  0 excluded
            assumes   aligned                no system runs `efi-call`
            assumes   ist-once               0 excluded
            assumes   nmi-frame              0 excluded
            assumes   vc-gap                 0 excluded
            assumes   vc-once                0 excluded
            assumes   df-once                0 excluded

            single exceptions that break nothing
                                        E
            schedules counted        ####
            instructions          #######
            CR3 writes              #####
            redundant CR3 writes        0
            flushing CR3 writes         0
            no-flush CR3 writes     #####
            flushes requested           0
            flushes kept                0
            flushes left over           0

            the most of one of them, form E
                instructions: ####, entry_SYSCALL_##:nmi
                CR3 writes: ##, user_start:nmi
                no-flush CR3 writes: ##, user_start:nmi

            again     cr3play explore --form E --depth 1 --vectors nmi --handler quiet --features
                      pti,pcid,invpcid,fsgsbase,nx
        "#]],
    );
}

#[test]
fn a_form_that_breaks_shows_the_shortest_schedules_and_how_to_run_them() {
    check(
        &format!("explore --form never {ONE} --depth 1"),
        1,
        expect![[r#"
            form      never: does not restore: shows why the macro exists
            systems   features pti,pcid,invpcid,fsgsbase,nx, handler quiet
            vectors   nmi, db, mc
            verdict   breaks at depth 1: ### of #### schedules
            choices   ####: 0 refused, 0 excluded, #### schedules
                breaks restored at step ###: entry_SYSCALL_##:db
                    the exception struck with CR3 0x###### and returned with 0x######
                    cr3play run --form never --features pti,pcid,invpcid,fsgsbase,nx --handler quiet --inject
                    entry_SYSCALL_##:db
                breaks user-cr3 at step ###: sysret_exit_switch_cr3+##:db
                    user mode on the kernel's tables, CR3 0x######
                    cr3play run --form never --features pti,pcid,invpcid,fsgsbase,nx --handler quiet --inject
                    sysret_exit_switch_cr3+##:db
            assumes   no-schedule            no system runs `schedule`
            assumes   no-mm-switch           no system runs `rogue-switch-mm`
            assumes   no-poke                no system runs `kgdb-poke`
            assumes   no-raw-cr3             no system runs `rogue-cr3`
            assumes   no-request-after-look  0 excluded
            assumes   aligned                no system runs `efi-call`
            assumes   ist-once               0 excluded
            assumes   nmi-frame              0 excluded
            assumes   vc-gap                 0 excluded
            assumes   vc-once                0 excluded
            assumes   df-once                0 excluded

            single exceptions that break nothing
                                    never
            schedules counted        ####
            instructions          #######
            CR3 writes              #####
            redundant CR3 writes        0
            flushing CR3 writes         0
            no-flush CR3 writes     #####
            flushes requested           0
            flushes kept                0
            flushes left over           0

            the most of one of them, form never
                instructions: ####, run_end+2:nmi
                CR3 writes: ##, user_start:nmi
                no-flush CR3 writes: ##, user_start:nmi

            again     cr3play explore --form never --depth 1 --vectors nmi,db,mc --handler quiet --features
                      pti,pcid,invpcid,fsgsbase,nx
        "#]],
    );
}

#[test]
fn two_forms_side_by_side() {
    check(
        &format!("explore --form A --against E {ONE} --vectors nmi"),
        0,
        expect![[r#"
            form      A: RESTORE_CR3, December #### to v6.8: always writes CR3
            systems   features pti,pcid,invpcid,fsgsbase,nx, handler quiet
            vectors   nmi
            verdict   holds for every schedule of one exception (nmi), under the assumptions below
            choices   ####: 0 refused, 0 excluded, #### schedules
            assumes   no-schedule            no system runs `schedule`
            assumes   no-mm-switch           no system runs `rogue-switch-mm`
            assumes   no-poke                no system runs `kgdb-poke`
            assumes   no-raw-cr3             no system runs `rogue-cr3`
            assumes   no-request-after-look  0 excluded
            assumes   aligned                no system runs `efi-call`
            assumes   ist-once               0 excluded
            assumes   nmi-frame              0 excluded
            assumes   vc-gap                 0 excluded
            assumes   vc-once                0 excluded
            assumes   df-once                0 excluded

            form      E: PARANOID_RESTORE_CR3, merged in v6.9: skips a kernel CR3, BTR on the pending flush
            systems   features pti,pcid,invpcid,fsgsbase,nx, handler quiet
            vectors   nmi
            verdict   holds for every schedule of one exception (nmi), under the assumptions below
            choices   ####: 0 refused, 0 excluded, #### schedules
            assumes   no-schedule            no system runs `schedule`
            assumes   no-mm-switch           no system runs `rogue-switch-mm`
            assumes   no-poke                no system runs `kgdb-poke`
            assumes   no-raw-cr3             no system runs `rogue-cr3`
            assumes   no-request-after-look  0 excluded
            assumes   aligned                no system runs `efi-call`
            assumes   ist-once               0 excluded
            assumes   nmi-frame              0 excluded
            assumes   vc-gap                 0 excluded
            assumes   vc-once                0 excluded
            assumes   df-once                0 excluded

            single exceptions that break nothing
                                        A        E  difference
            schedules counted        ####     ####
            instructions          #######  #######       -####
            CR3 writes              #####    #####       -####
            redundant CR3 writes     ####        0       -####
            flushing CR3 writes         0        0          +0
            no-flush CR3 writes     #####    #####       -####
            dropped entries             0        0          +0
            refill misses               0        0          +0
            flushes requested           0        0          +0
            flushes kept                0        0          +0
            flushes left over           0        0          +0

            the most of one of them, form A
                instructions: ####, entry_SYSCALL_##:nmi
                CR3 writes: ##, user_start:nmi
                redundant CR3 writes: 1, syscall_entry_kernel_cr3:nmi
                no-flush CR3 writes: ##, user_start:nmi

            again     cr3play explore --form A --depth 1 --vectors nmi --handler quiet --features
                      pti,pcid,invpcid,fsgsbase,nx --against E
        "#]],
    );
}

#[test]
fn nothing_that_strikes_where_it_matters_is_no_answer() {
    check(
        &format!("explore {ONE} --depth 1 --vectors irq"),
        3,
        expect![[r#"
            form      E: PARANOID_RESTORE_CR3, merged in v6.9: skips a kernel CR3, BTR on the pending flush
            systems   features pti,pcid,invpcid,fsgsbase,nx, handler quiet
            vectors   irq
            verdict   empty: `reached` does not hold: no exception struck kernel code that runs on the user's
                      tables with features pti,pcid,invpcid,fsgsbase,nx, handler quiet
            choices   ####: #### refused, 0 excluded, ### schedules
            assumes   no-schedule            no system runs `schedule`
            assumes   no-mm-switch           no system runs `rogue-switch-mm`
            assumes   no-poke                no system runs `kgdb-poke`
            assumes   no-raw-cr3             no system runs `rogue-cr3`
            assumes   no-request-after-look  0 excluded
            assumes   aligned                no system runs `efi-call`
            assumes   ist-once               0 excluded
            assumes   nmi-frame              0 excluded
            assumes   vc-gap                 0 excluded
            assumes   vc-once                0 excluded
            assumes   df-once                0 excluded

            single exceptions that break nothing
                                       E
            schedules counted        ###
            instructions          ######
            CR3 writes              ####
            redundant CR3 writes       0
            flushing CR3 writes        0
            no-flush CR3 writes     ####
            flushes requested          0
            flushes kept               0
            flushes left over          0

            the most of one of them, form E
                instructions: ####, user_start:irq
                CR3 writes: ##, user_start:irq
                no-flush CR3 writes: ##, user_start:irq

            again     cr3play explore --form E --depth 1 --vectors irq --handler quiet --features
                      pti,pcid,invpcid,fsgsbase,nx
        "#]],
    );
    assert_eq!(play(&format!("explore {ONE} --depth 1 --vectors irq --bisect"), "").status, 125);
    assert_eq!(play(&format!("explore {ONE} --depth 1 --max-states 10"), "").status, 3);
}

/// The lines that say why a verdict holds.
fn why(arguments: &str, status: i32) -> String {
    let answer = play(&format!("explore {arguments}"), "");
    assert_eq!(answer.status, status, "{arguments}: {}{}", answer.out, answer.err);
    let lines = answer.out.lines().skip_while(|line| !line.starts_with("why "));
    lines.take_while(|line| !line.is_empty()).map(|line| format!("{}\n", line.trim())).collect()
}

#[test]
fn a_verdict_says_which_assumptions_it_needs() {
    let check = |arguments: &str, status, expected: expect_test::Expect| expected.assert_eq(&why(arguments, status));
    let standard = "--features pti,pcid,fsgsbase,nx --depth 1 --vectors nmi";
    check(
        &format!("{standard} --handler pending-flush --why"),
        0,
        expect![[r#"
            why       holds only because: no-request-after-look, which excludes 42 choices
        "#]],
    );
    check(
        &format!("{ONE} --depth 1 --vectors nmi,vc --why"),
        0,
        expect![[r#"
            why       holds only because: vc-gap, which excludes 49 choices
        "#]],
    );
    check(
        &format!("{ONE} --depth 1 --vectors nmi --why"),
        0,
        expect![[r#"
            why       it holds to this depth without any one of its assumptions, too
        "#]],
    );
    // Nothing strikes twice on one stack among single exceptions.
    check(
        &format!("{ONE} --depth any --vectors db --why"),
        0,
        expect![[r#"
            why       holds only because: ist-once, which excludes 1609 choices
        "#]],
    );
    check(
        &format!("{standard} --without no-poke"),
        1,
        expect![[r#"
            why       it holds with no-poke, which keeps out the handler kgdb-poke
        "#]],
    );
    check(
        &format!("{standard} --without no-poke --without no-schedule --without df-once"),
        1,
        expect![[r#"
            why       it breaks without any one of these: no-schedule, which keeps out the handler schedule;
            no-poke, which keeps out the handler kgdb-poke
        "#]],
    );
    check(&format!("--form never {standard} --without no-poke"), 1, expect![[""]]);
    let report = json(&format!("explore {ONE} --depth 1 --vectors vc --why --json"), 0);
    let needed = report["without"].as_array().expect("a list").iter().filter(|need| need["verdict"] == "breaks");
    assert_eq!(
        needed.map(|need| (&need["id"], &need["excluded"])).collect::<Vec<_>>(),
        [(&"vc-gap".into(), &report["excluded"]["vc-gap"])]
    );
}

#[test]
fn bisect_knows_good_bad_and_no_answer() {
    let status =
        |arguments: &str| play(&format!("explore {ONE} --depth 1 --vectors db --bisect {arguments}"), "").status;
    assert_eq!(status("--form E"), 0);
    assert_eq!(status("--form never"), 1);
    assert_eq!(status("--macro nowhere.S"), 125);
    // What the parser of arguments refuses, too.
    assert_eq!(status("--depth 9"), 125);
    assert_eq!(status("--nonsense"), 125);
    assert_eq!(play("explore --nonsense", "").status, 2);
}

#[test]
fn a_handler_that_is_named_twice_counts_once() {
    let report = json("explore --features pti,pcid --handler quiet,quiet --depth 1 --vectors db --json", 0);
    assert_eq!(report["systems"].as_array().expect("a list").len(), 1);
}

#[test]
fn assumptions_are_listed() {
    check(
        "explore --list-assumptions",
        0,
        expect![[r#"
            no-schedule
                A handler behind the paranoid entry does not schedule.
                Reason: in_nmi() holds there, and schedule() reports "scheduling while atomic"
                (kernel/sched/core.c, v6.##).
                Off: the handler `schedule` joins the set.
            no-mm-switch
                A handler behind the paranoid entry does not leave another mm loaded.
                Reason: no such handler of Linux calls switch_mm_irqs_off without switching back.
                Off: the handler `rogue-switch-mm` joins the set.
            no-poke
                No debugger pokes text through a temporary mm.
                Reason: only kgdb does, and only while somebody debugs (text_poke_kgdb,
                arch/x##/kernel/alternative.c, v6.##); docs/FINDINGS.md lists what breaks.
                Off: the handler `kgdb-poke` joins the set.
            no-raw-cr3
                Nobody writes CR3 without changing the kernel's records.
                Reason: no handler of Linux does; form A would restore CR3, the others would not
                (docs/FINDINGS.md).
                Off: the handler `rogue-cr3` joins the set.
            no-request-after-look
                No user flush is requested between an exit's look at the mask and its CR3 write.
                Reason: nothing in Linux flushes a user page in an NMI; otherwise the flush is late in every
                form (docs/FINDINGS.md).
                Off: `pending-flush` strikes there too.
            aligned
                The tables that kernel code runs on are aligned to 8 KiB, so that bit ## of their CR3 is clear.
                Reason: Linux aligns them, except EFI's until v4.##; in every form entry takes a CR3 with bit ##
                set for the user's (docs/FINDINGS.md).
                Off: the handler `efi-call` joins the set, and what strikes inside it finds such a CR3.
            ist-once
                Nothing strikes whose IST stack is in use: no #DB in a #DB, no #MC in a #MC, no #DF in a #DF.
                Reason: a second frame would overwrite the first; Linux turns breakpoints off while it handles
                one (arch/x##/kernel/traps.c, v6.##).
                Off: they may, and the first frame is overwritten.
            nmi-frame
                No NMI strikes while the frame of an NMI may not be overwritten.
                Reason: NMIs are blocked then, unless the IRET of a #MC or #DB unblocks them too early
                (docs/LIMITS.md).
                Off: one may, and the NMI handler repeats without end or panics.
            vc-gap
                No #VC strikes in the SYSCALL gap or on the NMI stack.
                Reason: no instruction there has to be emulated by a hypervisor (docs/FINDINGS.md).
                Off: one may, and the kernel panics where isolation is on.
            vc-once
                No #VC strikes inside a #VC.
                Reason: the handler runs no instruction that a hypervisor has to emulate; its IST stack holds
                one frame (docs/FINDINGS.md).
                Off: one may.
            df-once
                No second #DF strikes at the address of the last one.
                Reason: the modelled handler takes it for the same double fault again, and stops
                (docs/LIMITS.md).
                Off: one may, and the model panics.
        "#]],
    );
    let listed = json("explore --list-assumptions --json", 0);
    assert_eq!(listed.as_array().map(Vec::len), Some(11));
}

/// The counterexamples that `explore` prints are commands, and `run` judges alike: the same promises at the same steps.
#[test]
fn what_explore_prints_can_be_run() {
    let mut promises = Vec::new();
    for arguments in
        ["--form never --vectors db", "--form E --without vc-gap --vectors vc", "--macro testdata/explore/wrong_gs.S"]
    {
        let report = json(&format!("explore {ONE} --depth 1 {arguments} --json"), 1);
        assert_eq!((&report["version"], &report["depth"]), (&Value::from(5), &Value::from(1)));
        for violation in report["violations"].as_array().expect("a list") {
            assert_eq!(violation["minimal"], true);
            let command = violation["command"].as_str().and_then(|command| command.strip_prefix("cr3play "));
            let run = json(&format!("{} --json --steps none", command.expect("a command")), 1);
            let broken = run["broken"].as_array().expect("a list");
            let same = |broken: &&Value| broken["invariant"] == violation["promise"];
            let broken = broken.iter().find(same).unwrap_or_else(|| panic!("{violation} and {run}"));
            assert_eq!((&broken["step"], &broken["message"]), (&violation["step"], &violation["message"]));
            promises.push(violation["promise"].clone());
        }
    }
    assert_eq!(promises, ["restored", "user-cr3", "mapped", "gs", "mapped"]);
}

#[test]
fn no_number_depends_on_threads() {
    let report = |jobs| {
        let arguments = "--macro testdata/explore/second_hit.S --depth 2 --vectors db --shard 380/2000 --json";
        json(&format!("explore {ONE} {arguments} --jobs {jobs}"), 1)
    };
    let one = report(1);
    assert_eq!(one, report(5));
    assert_eq!((&one["verdict"], &one["depth"], &one["shard"]), (&"breaks".into(), &2.into(), &"380/2000".into()));
}

#[test]
fn no_byte_depends_on_threads_at_any_depth() {
    let systems =
        "--features pti,pcid,invpcid,fsgsbase,nx --handler quiet,perf,pending-flush --vectors nmi --depth any";
    let answer = |jobs: u32| play(&format!("explore {systems} --json --jobs {jobs}"), "");
    let one = answer(1);
    assert_eq!(one.out, answer(2).out);
    assert_eq!((one.status, one.err.as_str()), (0, ""));
    let report: Value = serde_json::from_str(&one.out).expect("JSON");
    assert_eq!((&report["verdict"], &report["depth"]), (&"holds".into(), &"any".into()));
}

#[test]
fn any_depth_is_asked_for_unless_schedules_are_run_one_by_one() {
    let depth = |arguments: &str| json(&format!("explore {ONE} --vectors nmi {arguments} --json"), 0)["depth"].clone();
    assert_eq!(depth(""), "any");
    for one_by_one in ["--plain", "--against A", "--shard 1/1"] {
        assert_eq!(depth(one_by_one), 1, "{one_by_one}");
    }
}

#[test]
fn choices_add_up() {
    let report = json(&format!("explore {ONE} --depth 1 --vectors nmi,vc --json"), 0);
    let number = |field: &Value| field.as_u64().expect("a number");
    let excluded: u64 = report["excluded"].as_object().expect("by id").values().map(number).sum();
    assert_eq!(number(&report["choices"]), number(&report["refused"]) + excluded + number(&report["schedules"]));
    assert_eq!(number(&report["choices"]), 2 * number(&report["contexts"]));
    assert_eq!(report["excluded"]["vc-gap"], excluded);
}
