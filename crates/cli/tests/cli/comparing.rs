//! `cr3play compare`.

use super::{assert_fits, check, json, play};
use expect_test::{Expect, expect};

#[test]
fn compares_two_forms() {
    check(
        "compare --forms A,E --features pti,pcid --handler quiet --inject kernel_loop+1:nmi",
        0,
        expect![[r#"
            form      A, E
            features  pti,pcid
            handler   quiet: returns at once
            TLB       architectural: unbounded; drops exactly what the manual requires
            reading   MIN
            inject    kernel_loop+1:nmi
            end       A: the program exited after #### steps
                      E: the program exited after #### steps

                                        A     E
            ~  instructions          ####  ####  -2
               CR3 reads               ##    ##
            ~  CR3 writes              ##    ##  -1
            ~  redundant CR3 writes     1     0  -1
            ~  no-flush CR3 writes     ##    ##  -1
            ~  TLB hits              ####  ####  -2
               TLB misses              ##    ##
               cold misses             ##    ##
               page-walk reads         ##    ##
               deliveries               7     7
               NMIs                     1     1
               page faults              2     2
               other events             4     4

            difference 1 of 1, rows ### to ### of ####
                nmi_exit+1                    | jnc .Lnoflush_##               | jnc .Lend_##
              - nmi_exit+8                    | bts $##, %r##                  | no step
              - nmi_exit+9                    | movq %r##, %cr3                | no step
                nmi_exit_cr3_restored         | jmp nmi_no_fsgsbase            | jmp nmi_no_fsgsbase
                A ###: writes CR3: same tables, PCID 1, no flush; nothing dropped; redundant

            nmi_exit+8 exists in A only
            nmi_exit+9 exists in A only
        "#]],
    );
}

#[test]
fn compares_all_forms() {
    let command = "compare --forms A,B2,C,E,never --features pti,pcid,nx --inject sysret_exit_user_cr3+1:nmi --rows 8";
    check(
        command,
        1,
        expect![[r#"
            form      A, B2, C, E, never
            features  pti,pcid,nx
            handler   quiet: returns at once
            TLB       architectural: unbounded; drops exactly what the manual requires
            reading   MIN
            inject    sysret_exit_user_cr3+1:nmi
            end       A: the program exited after #### steps
                      B2: the program exited after #### steps
                      C: the program exited after #### steps
                      E: the program exited after #### steps
                      never: the program exited after #### steps
                breaks restored at step ###, sysret_exit_user_cr3+1: the exception struck with CR3 0x###### and
                returned with 0x######
                breaks user-cr3 at step ###, user_write_done: user mode on the kernel's tables, CR3 0x######
            counters  not comparable: never breaks restored at step ###

                                         A    B2          C       E    never
            ~  instructions           ####  ####   -5  ####    ####     ####  n/c
            ~  CR3 reads                ##    ##         ##      ##       ##  n/c
            ~  CR3 writes               ##    ##         ##      ##       ##  n/c
            ~  redundant CR3 writes      0     0          0       0        1  n/c
            ~  flushing CR3 writes       0     1   +1     0       0        0
            ~  no-flush CR3 writes      ##    ##   -1    ##      ##       ##  n/c
            ~  dropped entries           0     6   +6     0       0        0
            ~  dropped by CR3 writes     0     6   +6     0       0        0
            ~  TLB hits               ####  ####  -##  ####    ####     ####  n/c
            ~  TLB misses               ##    ##   +6    ##      ##       ##  n/c
            ~  refill misses             0     6   +6     0       0        0
            ~  cold misses              ##    ##         ##      ##       ##  n/c
            ~  page-walk reads          ##    ##  +##    ##      ##       ##  n/c
            ~  deliveries                7     7          7       7        8  n/c
               NMIs                      1     1          1       1        1
            ~  page faults               2     2          2       2        3  n/c
               other events              4     4          4       4        4

            difference 1 of 5, rows ### to ### of ####
                exc_nmi_restore_cr2+8         ret                                                 A B2 C E never
              - nmi_exit                      bt $##, %r##                                        A B2 C E -----
              - nmi_exit+1                    jnc .Lnoflush_##                                    A B2 C E -----
              - nmi_exit+2                    movq %r##, %r##                                     A -- C E -----
              - nmi_exit+3                    andq $(0x7FF), %r##                                 A -- C E -----
              - nmi_exit+4                    bt %r##, %gs:cpu_tlbstate+TLB_STATE_user_pcid_flu…  A -- C - -----
              - nmi_exit+5                    jnc .Lnoflush_##                                    A -- C - -----
              + nmi_exit+4                    btr %r##, %gs:cpu_tlbstate+TLB_STATE_user_pcid_fl…  - -- - E -----
              + nmi_exit+5                    jc .Lwrcr3_##                                       - -- - E -----
              … ### more rows, --rows shows more
                A ###, B2 ###, C ###, E ###: the bit was 1

            difference 2 of 5, rows ### to ### of ####
                find_vma+1                    xorl %eax, %eax                                     A B2 C E never
              ~ find_vma_loop                 cmpq $0, 8(%rsi)                                    A B2 C E never
                find_vma_loop+1               je .Lfind_vma_done                                  A B2 C E never
                A ###, B2 ###, C ###, E ###: reads 0x###### at 0xffffffff########; 1 TLB miss
                never ###: reads 0x###### at 0xffffffff########

            difference 3 of 5, rows ### to ### of ####
                handle_mm_fault_walk+5        je handle_pte_fault                                 A B2 C E never
              ~ handle_mm_fault_walk+6        movq (%rdx), %rsi                                   A B2 C E never
                handle_mm_fault_walk+7        movl %esi, %eax                                     A B2 C E never
                A ###, B2 ###, C ###, E ###: rsi = 0x################; 1 TLB miss
                never ###: rsi = 0x################

            difference 4 of 5, rows ### to ### of ####
                user_loop+1                   incq %rax                                           A B2 C E never
              ~ user_loop+2                   movq %rax, ####(%rbx)                               A B2 C E never
              ~ user_loop+3                   addq %rax, ####(%rbx)                               A B2 C E never
              ~ user_loop+4                   pushq %rax                                          A B2 C E never
                user_loop+5                   popq %rcx                                           A B2 C E never
                A ###, C ###, E ###, never ###: stores 0x1 at 0x######
                B2 ###: stores 0x1 at 0x######; 1 TLB miss after a flush
                A ###, C ###, E ###, never ###: stores 0x2 at 0x######
                B2 ###: stores 0x2 at 0x######; 1 TLB miss after a flush
                A ###, C ###, E ###, never ###: stores 0x1 at 0x7fffffffeef8
                B2 ###: stores 0x1 at 0x7fffffffeef8; 1 TLB miss after a flush

            difference 5 of 5, rows ### to ### of ####
                entry_SYSCALL_##+1            swapgs                                              A B2 C E never
              ~ entry_SYSCALL_##+2            movq %rsp, %gs:cpu_tss_rw+TSS_sp2                   A B2 C E never
                entry_SYSCALL_##+3            mov %cr3, %rsp                                      A B2 C E never
                A ###, C ###, E ###, never ###: stores 0x7fffffffef## at 0xffff######c#####
                B2 ###: stores 0x7fffffffef## at 0xffff######c#####; 1 TLB miss after a flush

            nmi_exit+3 exists in A, C, E only
            nmi_exit+4 exists in A, C, E only
            nmi_exit+5 exists in A, C, E only
            nmi_exit+6 exists in A, C, E only
            nmi_exit+7 exists in A, C, E only
            nmi_exit+8 exists in A, C only
            nmi_exit+9 exists in A, C only
        "#]],
    );
}

#[test]
fn comparison_as_json_has_counters_of_each_run() {
    let command = "compare --forms A,E --features pti,pcid --handler quiet --inject 'kernel_loop+1:nmi' --json";
    let report = json(command, 0);
    let runs = report["runs"].as_array().expect("runs");
    let of = |name: &str| -> Vec<u64> { runs.iter().map(|run| run["counters"][name].as_u64().expect(name)).collect() };
    let forms: Vec<_> = runs.iter().map(|run| run["form"].as_str().expect("a form")).collect();
    assert_eq!(forms, ["A", "E"]);
    let [a, e] = of("cr3_writes")[..] else { panic!("two runs") };
    assert_eq!(a, e + 1);
    assert_eq!(of("redundant_cr3_writes"), [1, 0]);
    assert_eq!(of("flushing_cr3_writes"), [0, 0]);
    assert_eq!(of("noflush_cr3_writes"), [a, e]);
    assert_eq!(of("dropped_entries"), [0, 0]);
    assert_eq!(of("refill_misses"), [0, 0]);
    assert_eq!(of("tlb_misses")[0], of("tlb_misses")[1]);
    assert_eq!(of("instructions")[0], of("instructions")[1] + 2);
    assert_eq!(report["inject"], "kernel_loop+1:nmi");
    assert_eq!(report["differences"].as_array().map(Vec::len), Some(1));
    let writes = report["counters"].as_array().and_then(|all| all.iter().find(|row| row["name"] == "cr3_writes"));
    assert_eq!(writes.expect("a counter")["deltas"].to_string(), "[0,-1]");
    let row = &report["differences"][0]["rows"][1];
    assert_eq!((row["anchor"].as_str(), row["steps"][1].is_null()), (Some("cr3_write"), true));
    assert_eq!(row["steps"][0]["registers"].to_string(), "[]");
}

/// Why the second run is not comparable, and how many of its counters have a difference nevertheless.
#[track_caller]
fn check_comparable(command: &str, status: i32, expected: Expect) {
    let report = json(&format!("compare {command} --json"), status);
    let deltas = report["counters"].as_array().expect("counters").iter().map(|row| &row["deltas"][1]);
    let given = deltas.filter(|delta| !delta.is_null()).count();
    let why = report["not_comparable"][1].as_str().unwrap_or("comparable");
    expected.assert_eq(&format!("{why}; {given} differences"));
}

#[test]
fn a_run_that_went_astray_saves_nothing() {
    check_comparable("--forms A,E --inject kernel_loop+1:nmi", 0, expect!["comparable; 39 differences"]);
    check_comparable(
        "--forms E,never --inject entry_SYSRETQ_unsafe_stack:nmi",
        1,
        expect!["never breaks restored at step 388; 0 differences"],
    );
    check_comparable("--forms A,E --budget 1300", 1, expect!["A was cut after 1300 steps; 0 differences"]);
    check_comparable("--forms A,E --preset late-flush", 1, expect!["A breaks flush-kept at step 428; 0 differences"]);
    check_comparable("--forms A,E --preset kgdb-kernel", 1, expect!["A breaks kernel-cr3 at step 477; 0 differences"]);
    check_comparable(
        "--forms A,E --inject 'kernel_loop+1:nmi > nmi_exit+9:mc'",
        1,
        expect!["E is not struck by nmi_exit+9:mc; 0 differences"],
    );
}

#[test]
fn equal_forms_have_no_difference() {
    let report = json("compare --forms E,E,E --json", 0);
    assert_eq!(report["differences"].to_string(), "[]");
    assert_eq!(report["partial_places"].to_string(), "[]");
}

#[test]
fn a_text_of_ones_own_is_form_custom() {
    let command =
        "compare --forms E,custom --macro crates/core/src/linux/restore/e.S --inject kernel_loop+1:nmi --json";
    let report = json(command, 0);
    assert_eq!(report["runs"][1]["form"], "custom");
    assert_eq!(report["differences"].to_string(), "[]");
    check(
        "run --form custom --macro README.md",
        2,
        expect![[r#"
        --- standard error
        cr3play: the text does not assemble
          restore/custom.S:1:1: error: the text defines neither PARANOID_RESTORE_CR3 nor RESTORE_CR3
          Begin with: .macro PARANOID_RESTORE_CR3 scratch_reg:req save_reg:req
    "#]],
    );
}

#[test]
fn many_forms_fit() {
    let forms = "A,B2,C,E,never,".repeat(3) + "custom";
    let command =
        format!("compare --forms {forms} --macro crates/core/src/linux/restore/a.S --inject kernel_loop+1:nmi");
    let answer = play(&command, "");
    assert_fits(&command, &answer);
    let heads = answer.out.lines().filter(|line| line.trim_start().starts_with("A ") && line.contains("never"));
    assert!(heads.count() >= 2, "the counters come in several tables: {}", answer.out);
    let values = answer.out.lines().filter(|line| line.contains("  CR3 writes  "));
    let values: usize =
        values.map(|line| line.split_whitespace().filter(|word| word.parse::<u32>().is_ok()).count() - 1).sum();
    assert_eq!(values, 15, "a value for each run beside the first");
}
