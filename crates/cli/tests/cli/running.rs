//! `cr3play run`: which steps it shows, and what makes a run a finding.

use super::{check, json, play};
use expect_test::expect;

#[test]
fn shows_key_steps() {
    let command = "run --form B2 --features pti,pcid --handler pending-flush --inject";
    let schedule = "sysret_exit_user_cr3+1:nmi > exc_nmi+2:mc";
    check(
        &format!("{command} '{schedule}'"),
        0,
        expect![[r#"
            form      B2: posted May ####: skips a kernel CR3, always flushes a user CR3
            features  pti,pcid
            handler   pending-flush: flushes one page as the kernel does and may leave a user flush pending
            TLB       architectural: unbounded; drops exactly what the manual requires
            reading   MIN
            inject    sysret_exit_user_cr3+1:nmi > exc_nmi+2:mc
            end       the program exited after #### steps
                user-cr3, kernel-cr3, restored, no-stale, flush-kept, regs, gs, mapped and nested held in this
                run

            instructions           ####
            CR3 reads                ##
            CR3 writes               ##
            flushing CR3 writes       2
            no-flush CR3 writes      ##
            dropped entries          ##
            dropped by CR3 writes     8
            dropped by INVLPG         2
            TLB hits               ####
            TLB misses               ##
            refill misses             9
            cold misses              ##
            page-walk reads          ##
            INVLPG                    4
            deliveries                8
            NMIs                      1
            #MC                       1
            page faults               2
            other events              4
            flushes requested         1
            flushes kept              1
            flushes left over         1

              step in CPL CR3   place                       what it did
                ##  0   0 u ### entry_SYSCALL_##+6          writes CR3: kernel tables, PCID 1, no flush; nothing
                                                            dropped
                ##  0   0 k 1   kernel_probe                INT3 enters its handler; frame on the thread stack,
                                                            handler asm_exc_int3; 2 TLB misses
               ###  0   0 k 1   sysret_exit_switch_cr3+##   writes CR3: user tables, PCID 0x###, no flush;
                                                            nothing dropped
               ###  0   0 u ### sysret_exit_user_cr3+1      NMI strikes before sysret_exit_user_cr3+1; frame on
                                                            the IST-NMI stack, handler asm_exc_nmi; 2 TLB misses
               ###  1   0 u ### paranoid_entry_save_cr3+6   writes CR3: kernel tables, PCID 1, no flush; nothing
                                                            dropped
               ###  1   0 k 1   exc_nmi+2                   #MC strikes before exc_nmi+2; frame on the IST-MC
                                                            stack, handler asm_exc_machine_check; 1 TLB miss
               ###  2   0 k 1   flush_tlb_one_user          invalidates one page of the current PCID and of
                                                            globals
               ###  2   0 k 1   invalidate_user_asid+1      the bit was 0; requests a flush of PCID 0x###
               ###  2   0 k 1   flush_tlb_one_user          invalidates one page of the current PCID and of
                                                            globals; drops 1 TLB entry
               ###  1   0 k 1   flush_tlb_one_user          invalidates one page of the current PCID and of
                                                            globals
               ###  1   0 k 1   flush_tlb_one_user          invalidates one page of the current PCID and of
                                                            globals; drops 1 TLB entry
               ###  1   0 k 1   nmi_exit+2                  writes CR3: user tables, PCID 0x###, flush; drops 6
                                                            TLB entries
               ###  0   3 u ### user_write_done             stores 0x8 at 0x######; 2 TLB misses after a flush
               ###  0   3 u ### user_breakpoint             INT3 enters its handler; frame on the entry stack,
                                                            handler asm_exc_int3
               ###  1   0 u ### error_entry_from_user+4     writes CR3: kernel tables, PCID 1, no flush; nothing
                                                            dropped
               ###  1   0 k 1   iret_exit_switch_cr3+##     writes CR3: user tables, PCID 0x###, flush; drops 2
                                                            TLB entries
               ###  0   3 u ### user_fault                  #PF: the PTE is not present; #PF is delivered; frame
                                                            on the entry stack, handler asm_exc_page_fault; 1
                                                            TLB miss
               ###  1   0 u ### error_entry_from_user+4     writes CR3: kernel tables, PCID 1, no flush; nothing
                                                            dropped
               ###  1   0 k 1   iret_exit_switch_cr3+##     writes CR3: user tables, PCID 0x###, no flush;
                                                            nothing dropped
               ###  0   0 u ### entry_SYSCALL_##+6          writes CR3: kernel tables, PCID 1, no flush; nothing
                                                            dropped
               ###  0   0 k 1   kernel_probe                INT3 enters its handler; frame on the thread stack,
                                                            handler asm_exc_int3
              ####  0   0 k 1   sysret_exit_switch_cr3+##   writes CR3: user tables, PCID 0x###, no flush;
                                                            nothing dropped
              ####  0   3 u ### user_breakpoint             INT3 enters its handler; frame on the entry stack,
                                                            handler asm_exc_int3
              ####  1   0 u ### error_entry_from_user+4     writes CR3: kernel tables, PCID 1, no flush; nothing
                                                            dropped
              ####  1   0 k 1   iret_exit_switch_cr3+##     writes CR3: user tables, PCID 0x###, no flush;
                                                            nothing dropped
              ####  0   0 u ### entry_SYSCALL_##+6          writes CR3: kernel tables, PCID 1, no flush; nothing
                                                            dropped
              ####  0   0 k 1   get_user_read               #PF: the PTE is not present; #PF is delivered; frame
                                                            on the thread stack, handler asm_exc_page_fault; 1
                                                            TLB miss
              ####  0   0 k 1   sysret_exit_switch_cr3+##   writes CR3: user tables, PCID 0x###, no flush;
                                                            nothing dropped
              ####  0   0 u ### entry_SYSCALL_##+6          writes CR3: kernel tables, PCID 1, no flush; nothing
                                                            dropped
              ####  0   0 k 1   iret_exit_switch_cr3+##     writes CR3: user tables, PCID 0x###, no flush;
                                                            nothing dropped
              ####  0   0 u ### entry_SYSCALL_##+6          writes CR3: kernel tables, PCID 1, no flush; nothing
                                                            dropped
        "#]],
    );
}

#[test]
fn shows_the_steps_asked_for() {
    let report = json("run --steps 20..23 --json", 0);
    let steps: Vec<_> = report["shown_steps"].as_array().expect("steps").iter().map(|step| &step["step"]).collect();
    assert_eq!(steps, [20, 21, 22]);
    assert_eq!(report["end"]["kind"], "finished");
    let shown = |steps| json(&format!("run --steps {steps} --json"), 0)["shown_steps"].as_array().map(Vec::len);
    assert_eq!(shown("none"), Some(0));
    let answer = play("run --steps 900000..", "");
    assert_eq!((answer.status, answer.out.as_str()), (2, ""));
    assert!(answer.err.starts_with("cr3play: there is no step 900000: the run has "), "{}", answer.err);
    assert_eq!(shown("..20"), Some(19));
    assert_eq!(shown("20..").map(|rest| rest as u64 + 19), report["steps"].as_u64());
    assert_eq!(shown("..").map(|all| all as u64), report["steps"].as_u64());
    assert_eq!(shown("all").map(|all| all as u64), report["steps"].as_u64());
}

#[test]
fn steps_are_counted_from_1_everywhere() {
    let answer = play("run --steps 1..2", "");
    assert!(answer.out.lines().any(|line| line.starts_with("     1  0   3 ")), "{}", answer.out);
    assert_eq!(json("run --steps ..2 --json", 0)["shown_steps"][0]["step"], 1);
    assert_eq!(play("run --steps 0..2", "").status, 2);
    // The promise breaks at the step that the run shows under the same number.
    let command = "run --form never --inject entry_SYSRETQ_unsafe_stack:nmi";
    let broken = &json(&format!("{command} --steps none --json"), 1)["broken"][0];
    let step = broken["step"].as_u64().expect("a step");
    let report = json(&format!("{command} --steps {step}..{} --json", step + 1), 1);
    assert_eq!(report["shown_steps"][0]["place"], broken["place"]);
    let last = json("run --steps all --json", 0);
    let steps = last["shown_steps"].as_array().expect("steps");
    assert_eq!(steps.last().expect("a step")["step"], last["steps"]);
}

#[test]
fn a_run_that_does_not_halt_is_a_finding() {
    check(
        "run --budget 100 --steps none",
        1,
        expect![[r#"
            form      E: PARANOID_RESTORE_CR3, merged in v6.9: skips a kernel CR3, BTR on the pending flush
            features  pti,pcid,invpcid,fsgsbase,nx
            handler   quiet: returns at once
            TLB       architectural: unbounded; drops exactly what the manual requires
            reading   MIN
            inject    nothing
            end       the run was stopped after ### steps; --budget gives more
                user-cr3, kernel-cr3, restored, no-stale, flush-kept, regs, gs, mapped and nested held in this
                run

            instructions         ###
            CR3 reads              1
            CR3 writes             1
            no-flush CR3 writes    1
            TLB hits             ###
            TLB misses            ##
            cold misses           ##
            page-walk reads       ##
            deliveries             1
            other events           1
        "#]],
    );
}

#[test]
fn several_handlers_run_together() {
    let run = |handler: &str| {
        let report = json(&format!("run --handler {handler} --inject kernel_loop+1:nmi --steps none --json"), 0);
        (report["handler"].clone(), report["counters"]["invlpg"].clone())
    };
    assert_eq!(run("ghes+perf"), ("perf+pending-flush".into(), 2.into()));
    assert_eq!(run("perf"), ("perf".into(), 0.into()));
    assert_eq!(run("quiet"), ("quiet".into(), 0.into()));
}

#[test]
fn a_broken_promise_is_a_finding() {
    for (command, status) in [
        ("compare --forms A,E --inject kernel_loop+1:nmi", 0),
        ("run --form never --inject kernel_loop+1:nmi --steps none", 0),
        ("run --form never --features pti --inject sysret_exit_user_cr3:nmi --steps none", 1),
        ("compare --forms A,E --handler kgdb-poke --inject kernel_loop+1:db --rows 0", 1),
        ("compare --features pti,pcid --handler pending-flush --inject sysret_exit_switch_cr3+5:nmi --rows 0", 1),
    ] {
        let answer = play(command, "");
        assert_eq!(answer.status, status, "{command}: {}{}", answer.out, answer.err);
        assert_eq!(answer.out.contains("breaks "), status == 1, "{command}: {}", answer.out);
        let words = answer.out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(
            words.contains("mapped and nested held in this run"),
            command.starts_with("run") && status == 0,
            "{command}: {}",
            answer.out
        );
    }
    let report = json("run --form never --features pti --inject sysret_exit_user_cr3:nmi --json", 1);
    assert_eq!(report["judged"].as_array().map(Vec::len), Some(9));
    let broken = |nth: usize| [&report["broken"][nth]["invariant"], &report["broken"][nth]["place"]];
    assert_eq!(broken(0), ["restored", "sysret_exit_user_cr3"]);
    assert_eq!(broken(1), ["user-cr3", "user_write_done"]);
    check(
        "run --form never --features pti --inject sysret_exit_user_cr3:nmi --steps none",
        1,
        expect![[r#"
            form      never: does not restore: shows why the macro exists
            features  pti
            handler   quiet: returns at once
            TLB       architectural: unbounded; drops exactly what the manual requires
            reading   MIN
            inject    sysret_exit_user_cr3:nmi
            end       the program exited after #### steps
                breaks restored at step ###, sysret_exit_user_cr3: the exception struck with CR3 0x###### and
                returned with 0x######
                breaks user-cr3 at step ###, user_write_done: user mode on the kernel's tables, CR3 0x######

            instructions           ####
            CR3 reads                ##
            CR3 writes               ##
            redundant CR3 writes      1
            flushing CR3 writes      ##
            dropped entries          ##
            dropped by CR3 writes    ##
            TLB hits               ####
            TLB misses               ##
            refill misses            ##
            cold misses              ##
            page-walk reads         ###
            deliveries                7
            NMIs                      1
            page faults               2
            other events              4
        "#]],
    );
}
