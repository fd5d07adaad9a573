//! A kernel tree in the place of the built-in text.

use super::copy::Copy;
use super::{check, lines, play};
use expect_test::expect;
use std::fs;

const ENTRY: &str = "arch/x86/entry/entry_64.S";
const CALLING: &str = "arch/x86/entry/calling.h";

#[test]
fn walks_both_texts() {
    check(
        "tree --tree testdata/tree",
        0,
        expect![[r#"
            v6.##, ## files with ### lines; the C side is modelled (checked). The macro is that of form E.
            ### pairs of instructions agree, from ## entry points.

              declared (endbr-load-gs-index): asm_load_gs_index begins with ENDBR## in Linux; only the C side
              calls it
              built in arch/x##/entry/entry_##.S:###: swapgs
              tree     arch/x##/entry/entry_##.S:###: endbr##

            not in the built-in text: __irqentry_text_start, asm_common_interrupt,
            asm_exc_coproc_segment_overrun, irq_entries_start, x##_verw_sel
            not modelled, a call panics: __switch_to, common_interrupt, exc_coproc_segment_overrun
        "#]],
    );
    let different = Copy::new("different");
    different.edit(ENTRY, "\tstd\n", "");
    different.check(
        "tree",
        1,
        expect![[r#"
            v6.##, ## files with ### lines; the C side is modelled (checked). The macro is that of form E.
            ### pairs of instructions agree, from ## entry points.

              DIFFERENT: another instruction
              built in arch/x##/entry/entry_##.S:###: std
              tree     arch/x##/entry/entry_##.S:###: movq $0, 5*8(%rsp)

              declared (endbr-load-gs-index): asm_load_gs_index begins with ENDBR## in Linux; only the C side
              calls it
              built in arch/x##/entry/entry_##.S:###: swapgs
              tree     arch/x##/entry/entry_##.S:###: endbr##

            not in the built-in text: __irqentry_text_start, asm_common_interrupt,
            asm_exc_coproc_segment_overrun, irq_entries_start, x##_verw_sel
            not modelled, a call panics: __switch_to, common_interrupt, exc_coproc_segment_overrun
        "#]],
    );
}

#[test]
fn runs_the_tree_as_form_custom() {
    check(
        "run --tree testdata/tree --inject 'kernel_loop+1:nmi > nmi_exit:db' --features pti,pcid --steps none",
        0,
        expect![[r#"
            form      tree: the entry code of v6.## as it stands
            features  pti,pcid
            handler   quiet: returns at once
            TLB       architectural: unbounded; drops exactly what the manual requires
            reading   MIN
            inject    kernel_loop+1:nmi > nmi_exit:db
            arch/x##/entry/entry_##.S: note: instructions after these labels are counted differently here than
              in the built-in text
              asm_load_gs_index
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
            deliveries              8
            NMIs                    1
            #DB                     1
            page faults             2
            other events            4
        "#]],
    );
    // A label of Linux that both texts understand, and one that a patch brings.
    let inject = |text: &str, label: &str, patch: &str| {
        let command = format!("compare --forms E,custom {text} --features pti,pcid --rows 0 --inject");
        let said = play(&format!("{command} 'entry_SYSCALL_64:nmi > {label}:mc'"), patch);
        assert_eq!(said.err, "");
        (said.status, lines(&said.out, |line| line.contains(label)))
    };
    let (status, said) = inject("--tree testdata/tree", "nmi_swapgs", "");
    assert_eq!(status, 0);
    expect![[r#"
        inject    entry_SYSCALL_##:nmi > nmi_swapgs:mc
    "#]]
    .assert_eq(&said);
    let patch = "--- a/arch/x86/entry/entry_64.S\n+++ b/arch/x86/entry/entry_64.S\n@@ -1,3 +1,4 @@\n nmi_no_fsgsbase:\n \ttestl\t%ebx, %ebx\n+nmi_looks:\n \tjnz\tnmi_restore\n";
    let (status, said) = inject("--patch -", "nmi_looks", patch);
    assert_eq!(status, 1);
    expect![[r#"
        inject    entry_SYSCALL_##:nmi > nmi_looks:mc
            nmi_looks:mc did not strike: the text of E has no such label, and that of custom has it
        counters  not comparable: E is not struck by nmi_looks:mc
        nmi_looks exists in custom only
        nmi_looks+1 exists in custom only
    "#]]
    .assert_eq(&said);
    check(
        "places --tree testdata/tree nmi_exit_cr3",
        0,
        expect![[r#"
        nmi_exit_cr3_restored    ffffffff#######e  arch/x##/entry/entry_##.S:###  wrgsbase %rbx
        nmi_exit_cr3_restored+1  ffffffff########  arch/x##/entry/entry_##.S:###  jmp nmi_restore
        --- standard error
        arch/x##/entry/entry_##.S: note: instructions after these labels are counted differently here than
          in the built-in text
          asm_load_gs_index
    "#]],
    );
    check(
        "claims 3 --tree testdata/tree",
        0,
        expect![[r#"
        the note with the patch, ## August ####

            3. Brendan Jackman; Andy Lutomirski doubts it: Andy Lutomirski wrote of the patch of #### that
            it looks correct.
            verdict   not decidable here
            because   This is history. His mail of ## May #### answers the opening mail of the series, 0/2,
                      which holds both patches; the link in the note leads to 2/2, which always flushes.

        claims    1: 1 not decidable here
        changed   none
        numbers   differ in none
        --- standard error
        arch/x##/entry/entry_##.S: note: instructions after these labels are counted differently here than
          in the built-in text
          asm_load_gs_index
    "#]],
    );
}

#[test]
fn bisects() {
    let status = |tree: &Copy| {
        let command = "explore --bisect --depth 1 --features pti,pcid --handler quiet --vectors nmi --tree";
        play(&format!("{command} {}", tree.folder()), "").status
    };
    let tree = Copy::new("bisected");
    assert_eq!(status(&tree), 0);
    tree.edit(CALLING, "\tmovq\t\\save_reg, %cr3\n", "");
    assert_eq!(status(&tree), 1);
    tree.edit(CALLING, "\tbt\t$PTI_USER_PGTABLE_BIT, \\save_reg\n", "\tno such instruction\n");
    assert_eq!(status(&tree), 125);
    let lacking = Copy::new("bisected-lacking");
    fs::remove_file(lacking.file("arch/x86/entry/entry.S")).expect("the file");
    assert_eq!(status(&lacking), 125);
    let configured = Copy::new("bisected-configured");
    fs::write(configured.file(".config"), "CONFIG_MITIGATION_RETHUNK=y\nCONFIG_XEN_PV=y\n").expect("the file");
    assert_eq!(status(&configured), 0);
}

/// What goes to code that is not here is no verdict on the tree.
#[test]
fn says_where_a_tree_goes_to_code_that_is_not_modelled() {
    let tree = Copy::new("unmodelled");
    tree.edit(ENTRY, "\tcall\tdo_syscall_64\n", "\tcall\tdo_syscall_32\n");
    tree.check(
        "run --steps none --features pti,pcid",
        1,
        expect![[r#"
        form      tree: the entry code of v6.## as it stands
        features  pti,pcid
        handler   quiet: returns at once
        TLB       architectural: unbounded; drops exactly what the manual requires
        reading   MIN
        inject    nothing
        arch/x##/entry/entry_##.S: note: these labels of the built-in text have no place here, as the texts
          differ before them
          syscall_choose_exit
        arch/x##/entry/entry_##.S: note: instructions after these labels are counted differently here than
          in the built-in text
          asm_load_gs_index
        end       the kernel panicked after ## steps
            goes to `do_syscall_##`, a function in C that is not modelled, at step ##: what it does from
            there on says nothing about Linux
            breaks mapped at step ##, kernel_panic+1: the kernel panicked

        instructions         ##
        CR3 reads             1
        CR3 writes            1
        no-flush CR3 writes   1
        TLB hits             ##
        TLB misses           ##
        cold misses          ##
        page-walk reads      ##
    "#]],
    );
    let command = "explore --bisect --depth 1 --features pti,pcid --handler quiet --vectors nmi --tree";
    let answer = play(&format!("{command} {}", tree.folder()), "");
    assert_eq!(answer.status, 125);
    let said = |line: &str| ["verdict", "breaks", "goes to", "there on"].iter().any(|word| line.contains(word));
    expect![[r#"
        verdict   no answer: each counterexample first enters code that is not modelled
            breaks mapped at step ##: without any exception
                goes to `do_syscall_##`, a function in C that is not modelled, at step ##: what it does from
                there on says nothing about Linux
    "#]]
    .assert_eq(&lines(&answer.out, said));
    let json = play(&format!("{command} {} --json", tree.folder()), "").out;
    assert!(
        json.contains("\"verdict\": \"not-finished\"") && json.contains("\"unmodelled\": \"goes to `do_syscall_32`"),
        "{json}"
    );
}

/// A macro of a mitigation that has code by default is compared as all code is.
#[test]
fn what_nobody_turned_on_is_no_declared_mitigation() {
    let tree = Copy::new("mitigation");
    let header = "arch/x86/include/asm/nospec-branch.h";
    tree.edit(
        header,
        "\tALTERNATIVE \"\", \"lfence\", ALT_NOT(X86_FEATURE_ALWAYS)\n",
        "\tmovq\t%cr3, %rax\n\tmovq\t%rax, %cr3\n",
    );
    let answer = play(&format!("tree --tree {}", tree.folder()), "");
    assert_eq!(answer.status, 1, "{}", answer.out);
    expect![[r#"
        ### pairs of instructions agree, from ## entry points.
          DIFFERENT: another instruction
          tree     arch/x##/include/asm/nospec-branch.h:##: movq %cr3, %rax
    "#]]
    .assert_eq(&lines(&answer.out, |line| {
        ["cr3", "DIFFERENT", "mitigations", "agree"].iter().any(|word| line.contains(word))
    }));
}

#[test]
fn settings_are_for_the_tree_too() {
    check(
        "tree --tree testdata/tree --config MITIGATION_RETHUNK=y",
        0,
        expect![[r#"
            v6.##, ## files with ### lines; the C side is modelled (checked). The macro is that of form E.
            ### pairs of instructions agree, from ## entry points.

              declared (mitigations): what --config turns on runs as Linux leaves it on a processor that needs
              no mitigation: RET by way of a thunk, jumps, an erased stack; or frames for the unwinder
              built in arch/x##/entry/entry_##.S:###: ret
              tree     arch/x##/entry/entry_##.S:###: jmp __x##_return_thunk

              declared (mitigations): what --config turns on runs as Linux leaves it on a processor that needs
              no mitigation: RET by way of a thunk, jumps, an erased stack; or frames for the unwinder
              built in arch/x##/entry/entry_##.S:###: ret
              tree     arch/x##/entry/entry_##.S:###: jmp __x##_return_thunk

              declared (mitigations): what --config turns on runs as Linux leaves it on a processor that needs
              no mitigation: RET by way of a thunk, jumps, an erased stack; or frames for the unwinder
              built in arch/x##/entry/entry_##.S:###: ret
              tree     arch/x##/entry/entry_##.S:###: jmp __x##_return_thunk

              declared (endbr-load-gs-index): asm_load_gs_index begins with ENDBR## in Linux; only the C side
              calls it
              built in arch/x##/entry/entry_##.S:###: swapgs
              tree     arch/x##/entry/entry_##.S:###: endbr##

            not in the built-in text: __irqentry_text_start, asm_common_interrupt,
            asm_exc_coproc_segment_overrun, irq_entries_start, x##_verw_sel
            not modelled, a call panics: __switch_to, common_interrupt, exc_coproc_segment_overrun
        "#]],
    );
    check(
        "run --tree testdata/tree --config MITIGATION_RETHUNK=y --steps none",
        0,
        expect![[r#"
        form      custom: your own text in the entry code of v6.##
        features  pti,pcid,invpcid,fsgsbase,nx
        handler   quiet: returns at once
        TLB       architectural: unbounded; drops exactly what the manual requires
        reading   MIN
        inject    nothing
        arch/x##/entry/entry_##.S: note: instructions after these labels are counted differently here than
          in the built-in text
          asm_load_gs_index
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
        deliveries              6
        page faults             2
        other events            4
    "#]],
    );
}

#[test]
fn reads_nothing_outside_the_tree() {
    let tree = Copy::new("outside");
    let outside = tree.file("arch/x86/include/asm/segment.h");
    fs::remove_file(&outside).expect("the file");
    std::os::unix::fs::symlink("/etc/passwd", &outside).expect("a link");
    tree.check(
        "run",
        2,
        expect![[r#"
        cr3play: the text does not assemble
          arch/x##/entry/entry_##.S:7:##: error: `arch/x##/include/asm/segment.h` is not read: a link leads
            out of the tree
          take another tree, or mend the file
        arch/x##/entry/entry.S:3:##: error: `arch/x##/include/asm/segment.h` is not read: a link leads out
          of the tree
          take another tree, or mend the file
        arch/x##/entry/calling.h:###:8: error: `VDSO_CPUNODE_MASK` is not defined
          in macro GET_PERCPU_BASE, called in line ###
          in macro SAVE_AND_SET_GSBASE, called in line ###
          define it as a label, by `.set` or by `#define`, or give it as a constant
    "#]],
    );
    fs::remove_file(&outside).expect("the link");
    fs::create_dir(&outside).expect("a folder");
    tree.check(
        "run",
        2,
        expect![[r#"
        cr3play: the text does not assemble
          arch/x##/entry/entry_##.S:7:##: error: there is no file `asm/segment.h`
          it would be in one of the folders arch/x##/include, arch/x##/include/generated, include,
            arch/x##/include/uapi, include/uapi, include/generated/uapi, arch/x##/include/generated/uapi
        arch/x##/entry/entry.S:3:##: error: there is no file `asm/segment.h`
          it would be in one of the folders arch/x##/include, arch/x##/include/generated, include,
            arch/x##/include/uapi, include/uapi, include/generated/uapi, arch/x##/include/generated/uapi
        arch/x##/entry/calling.h:###:8: error: `VDSO_CPUNODE_MASK` is not defined
          in macro GET_PERCPU_BASE, called in line ###
          in macro SAVE_AND_SET_GSBASE, called in line ###
          define it as a label, by `.set` or by `#define`, or give it as a constant
    "#]],
    );
    tree.edit(ENTRY, "<asm/segment.h>", "\"/etc/passwd\"");
    tree.check(
        "run",
        2,
        expect![[r#"
        cr3play: the text does not assemble
          arch/x##/entry/entry_##.S:7:##: error: `/etc/passwd` is outside of the tree
          only files of the tree are read
        arch/x##/entry/entry.S:3:##: error: there is no file `asm/segment.h`
          it would be in one of the folders arch/x##/include, arch/x##/include/generated, include,
            arch/x##/include/uapi, include/uapi, include/generated/uapi, arch/x##/include/generated/uapi
        arch/x##/entry/calling.h:###:8: error: `VDSO_CPUNODE_MASK` is not defined
          in macro GET_PERCPU_BASE, called in line ###
          in macro SAVE_AND_SET_GSBASE, called in line ###
          define it as a label, by `.set` or by `#define`, or give it as a constant
    "#]],
    );
    check(
        "run --tree no/such/folder",
        2,
        expect![[r#"
        --- standard error
        cr3play: cannot read no/such/folder: No such file or directory (os error 2)
          name the top folder of a kernel tree
    "#]],
    );
    check(
        "run --tree testdata/asm",
        2,
        expect![[r#"
        --- standard error
        cr3play: testdata/asm is not a tree that can be run
          Makefile: error: the tree has no such file
          it names the release: name the top folder of a kernel tree
    "#]],
    );
}
