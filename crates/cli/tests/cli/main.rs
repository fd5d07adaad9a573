//! `cr3play` as a person or a script meets it: what it prints, where, and its exit status.

mod second_cpu;

use expect_test::{Expect, expect};
use serde_json::Value;
use std::io::Write;
use std::process::{Command, Output, Stdio};

struct Answer {
    status: i32,
    out: String,
    err: String,
}

fn play(arguments: &str, input: &str) -> Answer {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let mut child = Command::new(env!("CARGO_BIN_EXE_cr3play"))
        .args(words(arguments))
        .current_dir(root)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("cr3play starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    // A child that does not read its input may be gone already.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let Output { status, stdout, stderr } = child.wait_with_output().expect("cr3play ends");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Answer { status: status.code().expect("no signal"), out: text(stdout), err: text(stderr) }
}

/// Words as a shell splits them, with single quotes.
fn words(line: &str) -> Vec<String> {
    let quoted = line.split('\'').enumerate();
    quoted
        .flat_map(|(index, part)| match index % 2 {
            0 => part.split_whitespace().map(str::to_owned).collect(),
            _ => vec![part.to_owned()],
        })
        .collect()
}

/// No line of either stream is wider than 100 columns.
fn assert_fits(arguments: &str, answer: &Answer) {
    let mut lines = answer.out.lines().chain(answer.err.lines());
    assert_eq!(lines.find(|line| line.chars().count() > 100), None, "{arguments}");
}

fn check(arguments: &str, status: i32, expected: Expect) {
    let answer = play(arguments, "");
    assert_fits(arguments, &answer);
    let both = match answer.err.as_str() {
        "" => answer.out,
        err => format!("{}--- standard error\n{err}", answer.out),
    };
    expected.assert_eq(&steady(&both));
    assert_eq!(answer.status, status, "{arguments}");
}

/// The text with numbers of two digits and more hidden: steps, totals, addresses. They vary with every edit of the kernel's texts.
fn steady(text: &str) -> String {
    let mut steady = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let length = rest[start..].find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len() - start);
        let (before, number) = (&rest[..start], &rest[start..start + length]);
        steady += before;
        steady += &if length == 1 { number.to_owned() } else { "#".repeat(length) };
        rest = &rest[start + length..];
    }
    steady + rest
}

fn json(arguments: &str, status: i32) -> Value {
    let answer = play(arguments, "");
    assert_eq!(answer.status, status, "{arguments}: {}", answer.err);
    serde_json::from_str(&answer.out).expect("JSON")
}

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
                breaks user-cr3 at step ###, user_write_done: user mode on the kernel's tables, CR3 0x######

                                         A    B2          C       E    never
            ~  instructions           ####  ####   -5  ####    ####     ####  +###
            ~  CR3 reads                ##    ##         ##      ##       ##    +2
            ~  CR3 writes               ##    ##         ##      ##       ##    +1
            ~  redundant CR3 writes      0     0          0       0        1    +1
            ~  flushing CR3 writes       0     1   +1     0       0        0
            ~  no-flush CR3 writes      ##    ##   -1    ##      ##       ##    +1
            ~  dropped entries           0     6   +6     0       0        0
            ~  dropped by CR3 writes     0     6   +6     0       0        0
            ~  TLB hits               ####  ####  -##  ####    ####     ####  +###
            ~  TLB misses               ##    ##   +6    ##      ##       ##    +1
            ~  refill misses             0     6   +6     0       0        0
            ~  cold misses              ##    ##         ##      ##       ##    +1
            ~  page-walk reads          ##    ##  +##    ##      ##       ##    +7
            ~  deliveries                7     7          7       7        8    +1
               NMIs                      1     1          1       1        1
            ~  page faults               2     2          2       2        3    +1
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
    assert_eq!(shown("..20"), Some(20));
    assert_eq!(shown("20..").map(|rest| rest as u64 + 20), report["steps"].as_u64());
    assert_eq!(shown("..").map(|all| all as u64), report["steps"].as_u64());
    assert_eq!(shown("all").map(|all| all as u64), report["steps"].as_u64());
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
fn lists_places() {
    check(
        "places sysret_exit_user_cr3",
        0,
        expect![[r#"
            sysret_exit_user_cr3    ffffffff######f2  entry/syscall.S:##  popq %rdi
            sysret_exit_user_cr3+1  ffffffff######f3  entry/syscall.S:##  popq %rsp
        "#]],
    );
    let report = json("places kernel_loop --json", 0);
    assert_eq!(report["places"][1]["place"], "kernel_loop+1");
    assert_eq!(report["vectors"].as_array().map(Vec::len), Some(6));
    check(
        "places no_such_place",
        2,
        expect![[r#"
        --- standard error
        cr3play: no place has 'no_such_place' in its name
          `cr3play places` without a text lists all
    "#]],
    );
}

#[test]
fn lists_presets() {
    check(
        "presets",
        0,
        expect![[r#"
        kgdb-kernel
            In kernel code a debugger pokes text through a temporary mm, and the task comes back with
            another PCID.
            features  pti,pcid,invpcid,fsgsbase,nx
            handler   kgdb-poke
            inject    kernel_loop+1:db

        kgdb-sysret-exit
            The same between the switch to the user CR3 and SYSRET: the CR3 to restore names a PCID that was
            given away.
            features  pti,pcid,invpcid,fsgsbase,nx
            handler   kgdb-poke
            inject    sysret_exit_user_cr3:nmi

        kgdb-iret-exit
            The same before IRET to user mode.
            features  pti,pcid,invpcid,fsgsbase,nx
            handler   kgdb-poke
            inject    iret_exit_user_cr3:nmi

        kgdb-in-switch-mm
            A debugger pokes text while the records say that an address space is being switched.
            features  pti,pcid,invpcid,fsgsbase,nx
            handler   kgdb-poke
            inject    kernel_loop+1:db > switch_mm_switching:nmi

        late-flush
            A flush is requested after the exit has looked whether one is pending: user mode runs first, in
            every form.
            features  pti,pcid,fsgsbase,nx
            handler   pending-flush
            inject    sysret_exit_switch_cr3+5:nmi

        leftover-flush
            A flush is requested when the user CR3 is loaded already; form B2 flushes and leaves the request
            for another flush.
            features  pti,pcid,fsgsbase,nx
            handler   pending-flush
            inject    sysret_exit_user_cr3:nmi

        rogue-cr3
            A handler changes CR3 and tells nobody: form A repairs it, the others keep it.
            features  pti,pcid,invpcid,fsgsbase,nx
            handler   rogue-cr3
            inject    kernel_loop+1:nmi

        rogue-switch-mm
            A handler switches to init_mm and not back: form A makes CR3 disagree with the records, the
            others keep both wrong.
            features  pti,pcid,invpcid,fsgsbase,nx
            handler   rogue-switch-mm
            inject    kernel_loop+1:nmi

        schedule
            A handler switches to another task's address space and back, as if it had scheduled.
            features  pti,pcid,invpcid,fsgsbase,nx
            handler   schedule
            inject    kernel_loop+1:nmi

        vc-syscall-gap
            #VC in the first instructions of SYSCALL moves to the thread stack, and restores the user CR3
            while it runs on it.
            features  pti,pcid,invpcid,fsgsbase,nx
            handler   quiet
            inject    entry_SYSCALL_##+1:vc
    "#]],
    );
    let presets = json("presets --json", 0);
    for preset in presets.as_array().expect("a list") {
        let name = preset["name"].as_str().expect("a name");
        let run = json(&format!("run --preset {name} --steps none --budget 20000 --json"), status(name));
        for field in ["features", "handler", "geometry", "inject"] {
            assert_eq!(run[field], preset[field], "{name}: {field}");
        }
        assert_eq!(run["unfired"].to_string(), "[]", "{name} strikes");
    }
}

/// With form E: the program exits and no promise is broken.
fn status(preset: &str) -> i32 {
    i32::from(!["kgdb-kernel", "leftover-flush", "schedule"].contains(&preset))
}

#[test]
fn a_preset_stands_for_features_handler_and_schedule() {
    let named = play("compare --preset leftover-flush --forms B2,E", "");
    let written = "compare --features pti,pcid,fsgsbase,nx --handler pending-flush --inject sysret_exit_user_cr3:nmi";
    let spelt = play(&format!("{written} --forms B2,E"), "");
    assert_eq!((named.status, named.out), (0, spelt.out));
    let skylake = json("run --preset schedule --geometry skylake --steps none --json", 0);
    assert_eq!(skylake["geometry"], "skylake");
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
fn assembles() {
    let text = "bt $BIT, %r14\nALTERNATIVE \"jmp end\", \"\", X86_FEATURE_PTI\nend:\n";
    let answer = play("asm - --features pti -D BIT=12", text);
    assert_eq!((answer.status, answer.err.as_str()), (0, ""));
    expect![[r#"
        0  490fbae60c  bt $BIT, %r14
    "#]]
    .assert_eq(&answer.out);
}

#[test]
fn assembles_to_json() {
    let answer = play("asm - --json", "mov %rax, %cr3\n");
    let report: Value = serde_json::from_str(&answer.out).expect("JSON");
    assert_eq!(report["bytes"], "0f22d8");
    assert_eq!(report["listing"][0]["text"], "mov %rax, %cr3");
    assert_eq!(report["diagnostics"].to_string(), "[]");
}

#[test]
fn a_text_that_does_not_assemble_is_a_finding() {
    let answer = play("asm -", "nop\n frob %eax\n");
    assert_eq!(answer.status, 1);
    expect![[r#"
        -:2:2: error: `frob` is not an instruction, a directive or a macro
          define it by `.macro` or `#define`; x87, SSE and AVX instructions are not taken
    "#]]
    .assert_eq(&answer.err);
    let answer = play("asm - --json", "nop\n frob %eax\n");
    let report: Value = serde_json::from_str(&answer.out).expect("JSON");
    assert_eq!(answer.status, 1);
    assert_eq!(report["diagnostics"][0]["line"], 2);
    assert_eq!(report["diagnostics"][0]["severity"], "error");
}

#[test]
fn runs_vectors() {
    let report = json("tlb testdata/tlb/vectors.toml --json", 0);
    assert_eq!(report["failed"], 0);
    assert_eq!(report["unrepresentable"], 1);
    assert_eq!(report["passed"], report["vectors"].as_array().map(Vec::len).expect("vectors") - 1);
}

#[test]
fn a_vector_that_fails_is_a_finding() {
    let vectors = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/tlb/vectors.toml"));
    let wrong = vectors.expect("vectors").replacen("min = \"all\"", "min = \"none\"", 1);
    let answer = play("tlb -", &wrong);
    assert_eq!(answer.status, 1);
    assert!(answer.out.lines().any(|line| line.starts_with("failed ")), "{}", answer.out);
    assert!(answer.out.ends_with(" 1 failed, 1 not run\n"), "{}", answer.out);
}

#[test]
fn estimates_what_a_write_for_each_nmi_amounts_to() {
    let told = play("nmi --rate 4000 --ghz 3 --cycles 200..400", "");
    assert_eq!(told.status, 0);
    expect![[r#"
        formula   share = NMIs per second x share that strikes in the kernel x cycles of each / cycles per
                  second
        with      4000 NMIs per second, 1 of them in the kernel, 200 to 400 cycles each, 3 GHz
        share     0.0267 % to 0.0533 % of one processor
        a year    2.34 to 4.68 hours of one processor
        note      an estimate from published ranges; nothing was measured
    "#]]
    .assert_eq(&told.out);
    let report = json("nmi --rate 16000 --kernel-share 0.5 --cycles 200 --json", 0);
    assert_eq!(report["cycles"].to_string(), "[200,200]");
    let share = report["share"][0].as_f64().expect("a number");
    assert!((share - 16_000.0 * 0.5 * 200.0 / 3e9).abs() < 1e-12, "{share}");
}

#[test]
fn lists_processors_with_sources_and_doubts() {
    let answer = play("cpus", "");
    assert_eq!(answer.status, 0);
    assert!(answer.out.lines().all(|line| line.chars().count() <= 100));
    let report = json("cpus --json", 0);
    let models = report.as_array().expect("a list");
    assert_eq!(models.len(), 11);
    let processors = models.iter().filter(|model| !model["processor"].is_null());
    for model in processors.clone() {
        let processor = &model["processor"];
        for text in [&processor["doubts"], &processor["cr3_write"]["source"], &processor["page_walk"]["doubt"]] {
            assert!(text.as_str().is_some_and(|text| !text.is_empty()), "{model}");
        }
    }
    assert_eq!(processors.count(), 9);
}

#[test]
fn a_run_on_a_processor_costs_what_its_counters_say() {
    let report = json("compare --geometry skylake --features pti --inject kernel_loop+1:nmi --json", 0);
    let runs = report["runs"].as_array().expect("runs");
    for run in runs {
        let count = |name: &str| run["counters"][name].as_u64().expect("a counter");
        let invpcid = 350 * count("invpcid");
        let low = 70 * count("cr3_writes") + 16 * count("tlb_misses") + invpcid;
        let high = 250 * count("cr3_writes") + 200 * count("tlb_misses") + invpcid;
        assert_eq!(run["cost"]["cycles"].to_string(), format!("[{low},{high}]"));
        assert_eq!(run["cost"]["processor"], "Skylake");
    }
    assert_eq!(report["reading"], "measured");
    let unbounded = json("compare --inject kernel_loop+1:nmi --json", 0);
    assert!(unbounded["runs"][0]["cost"].is_null());
    assert_eq!(unbounded["reading"], "MIN");
}

/// The text of a run on a processor, from its first line about cycles on.
fn told_costs(arguments: &str) -> String {
    let answer = play(arguments, "");
    assert_eq!(answer.status, 0, "{}", answer.err);
    assert_fits(arguments, &answer);
    answer.out.split("\n\n").filter(|part| part.starts_with("cycles on ")).collect()
}

#[test]
fn a_run_on_a_processor_tells_its_cost_and_what_the_processor_lacks() {
    let check = |arguments: &str, expected: Expect| expected.assert_eq(&told_costs(arguments));
    check(
        "run --steps none --geometry skylake --inject kernel_loop+1:nmi",
        expect![[r#"
        cycles on Skylake       each                   E
        CR3 writes         70 to 250  15 x: 1050 to 3750
        other walks        16 to 200   28 x: 448 to 5600
        sum                                 1498 to 9350
        Published ranges, not measured here; `cr3play cpus` has sources and doubts.
    "#]],
    );
    check(
        "run --steps none --geometry zen-2 --inject kernel_loop+1:nmi",
        expect![[r#"
        cycles on Zen 2       each                   E
        CR3 writes       70 to 250  15 x: 1050 to 3750
        other walks      16 to 200   29 x: 464 to 5800
        sum                               1514 to 9550
        Published ranges, not measured here; `cr3play cpus` has sources and doubts.
        warning   the run uses PCID, which Zen 2 does not have; switch pcid off to see a processor without
                  it
        warning   the run uses INVPCID, which Zen 2 does not have; switch invpcid off to see a processor
                  without it
    "#]],
    );
    check(
        "run --steps none --geometry zen-3 --features pti,nx --inject kernel_loop+1:nmi",
        expect![[r#"
        cycles on Zen 3       each                   E
        CR3 writes       70 to 250  15 x: 1050 to 3750
        refill walks     16 to 200  58 x: 928 to 11600
        other walks      16 to 200   27 x: 432 to 5400
        sum                              2410 to 20750
        Published ranges, not measured here; `cr3play cpus` has sources and doubts.
    "#]],
    );
    check("run --steps none --inject kernel_loop+1:nmi", expect![[""]]);
    check(
        "compare --rows 0 --geometry sandy-bridge --inject kernel_loop+1:nmi",
        expect![[r#"
        cycles on Sandy Bridge       each                   A                   E
        CR3 writes              70 to 250  16 x: 1120 to 4000  15 x: 1050 to 3750
        other walks             16 to 200   29 x: 464 to 5800   29 x: 464 to 5800
        sum                                      1584 to 9800        1514 to 9550
        difference                                                    -250 to -70
        Published ranges, not measured here; `cr3play cpus` has sources and doubts.
        warning   the run uses INVPCID, which Sandy Bridge does not have; switch invpcid off to see a
                  processor without it"#]],
    );
    let warnings = |arguments: &str| json(arguments, 0)["cost"]["warnings"].as_array().expect("a list").len();
    assert_eq!(warnings("run --steps none --geometry zen-2 --json"), 2);
    assert_eq!(warnings("run --steps none --geometry zen-2 --features pti --json"), 0);
}

/// `asm` takes the words for features that `run` takes. SEV-ES chooses no arm.
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
        "compare --macro README.md",
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
        "run --macro crates/core/src/linux/restore/e.S",
        "places --form A --macro crates/core/src/linux/restore/e.S",
        "run --form custom --macro no/such/file",
        "asm no/such/file",
        "asm - -D A=x",
        "asm - -D =5",
        "asm - -D A-B=5",
        "asm - --features pit",
        "asm - --features pti,X86_FEATURE_",
        "tlb Cargo.toml",
        "nmi --rate -1",
        "nmi --cycles 3..2",
        "run --geometry skylark",
    ];
    let told = cases.map(|case| {
        let answer = play(case, "");
        assert_eq!(answer.status, 2, "{case}: {}", answer.err);
        assert_fits(case, &answer);
        format!("$ cr3play {case}\n{}", answer.err)
    });
    expect![[r#"
        $ cr3play places --form
        error: a value is required for '--form <FORM>' but none was supplied

        For more information, try '--help'.
        $ cr3play compare --forms A,Q
        cr3play: unknown form 'Q': one of A, B2, C, E, never
          or custom, with --macro FILE
        $ cr3play compare --forms custom
        cr3play: form 'custom' has no text
          give it with --macro FILE
        $ cr3play compare --macro README.md
        cr3play: --macro is given but no form 'custom'
          try --forms A,E,custom
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
          let another vector strike there, or this one elsewhere
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
          let another vector strike there, or this one elsewhere
        $ cr3play run --handler perf+prof
        error: invalid value 'perf+prof' for '--handler <HANDLER>': unknown handler 'prof': one of quiet,
          perf, pending-flush, kgdb-poke, rogue-cr3, rogue-switch-mm, schedule

        For more information, try '--help'.
        $ cr3play run --preset kgdb
        error: invalid value 'kgdb' for '--preset <NAME>': unknown preset 'kgdb': one of kgdb-kernel,
          kgdb-sysret-exit, kgdb-iret-exit, kgdb-in-switch-mm, late-flush, leftover-flush, rogue-cr3,
          rogue-switch-mm, schedule, vc-syscall-gap

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
        error: invalid value '3..x' for '--steps <STEPS>': 'x' is no step

        For more information, try '--help'.
        $ cr3play run --macro crates/core/src/linux/restore/e.S
        cr3play: --macro is given but the form is 'E'
          try --form custom
        $ cr3play places --form A --macro crates/core/src/linux/restore/e.S
        cr3play: --macro is given but the form is 'A'
          try --form custom
        $ cr3play run --form custom --macro no/such/file
        cr3play: cannot read no/such/file: No such file or directory (os error 2)
          name a text file that exists, or - for standard input
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
        cr3play: Cargo.toml: profile: no such field belongs here
          testdata/README.md describes the format of vectors
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
    .assert_eq(&told.concat());
}

/// Every place can be copied into a schedule, and every line can be found in its text.
#[test]
fn places_are_never_cut() {
    let named: Vec<_> = json("places --json", 0)["places"].as_array().expect("places").clone();
    let all = play("places", "");
    assert_fits("places", &all);
    let mut words = all.out.split_whitespace();
    for place in &named {
        let origin = format!("{}:{}", place["source"].as_str().expect("a source"), place["line"]);
        let name = place["place"].as_str().expect("a name");
        assert!(words.any(|word| word == name) && words.any(|word| word == origin), "{name} {origin}");
    }
    for command in ["run --steps all", "compare --forms E,never --inject iret_exit_user_cr3:nmi --rows 9999"] {
        let answer = play(command, "");
        assert_fits(command, &answer);
        let place = |line: &str| line.trim_start_matches([' ', '+', '-', '~']).split(' ').next().map(str::to_owned);
        let cut = answer.out.lines().filter_map(place).find(|word| word.len() > 3 && word.ends_with('…'));
        assert_eq!(cut, None, "{command}");
    }
    let steps = play("run --steps all", "").out;
    let long = |place: &&str| place.len() > 27 && steps.lines().any(|line| line.ends_with(place));
    let alone = named.iter().filter_map(|place| place["place"].as_str()).filter(long).count();
    assert!(alone > 10, "{alone} long places have a line of their own");
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
    }
    let report = json("run --form never --features pti --inject sysret_exit_user_cr3:nmi --json", 1);
    let broken = &report["broken"][0];
    assert_eq!((broken["invariant"].as_str(), broken["place"].as_str()), (Some("user-cr3"), Some("user_write_done")));
    check(
        "run --form never --features pti --inject sysret_exit_user_cr3:nmi --steps none",
        1,
        expect![[r#"
            form      never: does not restore: shows what the macro is for
            features  pti
            handler   quiet: returns at once
            TLB       architectural: unbounded; drops exactly what the manual requires
            reading   MIN
            inject    sysret_exit_user_cr3:nmi
            end       the program exited after #### steps
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

#[test]
fn measures_speed() {
    let report = json("bench --samples 1 --json", 0);
    assert!(report[0]["median"].as_f64().is_some_and(|rate| rate > 1000.0), "{report}");
    assert_eq!(report[0]["name"], "counted");
    assert_eq!(report[1]["name"], "recorded");
}
