//! A person's patch: found by code in our texts, with the form that it fits; and what a person reads of it.

use crate::support::ALL_ON;
use cr3_core::linux::sources::CUSTOM;
use cr3_core::linux::{self, Config, Form};
use cr3_core::trace::{Options, Trace, att};
use cr3_core::{asm::Severity, scenario::Scenario};
use expect_test::{Expect, expect};

/// A file of testdata/patches.
fn file(name: &str) -> String {
    let path = format!("{}/../../testdata/patches/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn own(text: &str) -> Config {
    Config { features: ALL_ON, form: Form::Custom, custom: text.into(), ..Config::default() }
}

/// What a person reads of a text.
fn check(text: &str, expected: Expect) {
    let told = match linux::boot(&own(text)) {
        Ok(system) => system.notes.to_vec(),
        Err(diagnostics) => diagnostics,
    };
    let lines = told.iter().map(|told| {
        let severity = if told.severity == Severity::Error { "error" } else { "note" };
        let place = format!("{}:{}:{}", told.source, told.position.line, told.position.column);
        format!("{place}: {severity}: {}\n  {}\n", told.message, told.hint.as_deref().unwrap_or("-"))
    });
    expected.assert_eq(&lines.collect::<String>().replace("  -\n", ""));
}

/// The instructions of a run with an NMI in a window and one in the kernel.
fn run(config: Config) -> Vec<String> {
    let schedule = "kernel_loop+1:nmi, sysret_exit_user_cr3:nmi".parse().expect("a schedule");
    let trace = Trace::record(&Scenario { config, schedule }, Options::default()).expect("a text that boots");
    assert!(trace.unfired.is_empty(), "{:?}", trace.unfired);
    let decoded = (0..trace.steps.len()).filter_map(|index| trace.detail(index)?.decoded);
    decoded.map(|instruction| att(&trace.system.image, &instruction)).collect()
}

fn does_as(name: &str, form: Form) {
    let ours = Config { features: ALL_ON, form, ..Config::default() };
    let (own, ours) = (run(own(&file(name))), run(ours));
    assert!(own == ours, "{name} does not do what form {form} does");
}

#[test]
fn the_resent_patch_makes_form_c_of_form_a_however_it_comes() {
    for kind in ["diff", "mail", "reply", "quoted-printable", "base64"] {
        does_as(&format!("resent.{kind}"), Form::C);
    }
    does_as("remarks.reply", Form::C);
}

#[test]
fn the_merged_patch_makes_form_e_of_form_a_with_the_places_that_call_it() {
    for kind in ["diff", "mail", "reply", "quoted-printable", "base64"] {
        does_as(&format!("merged.{kind}"), Form::E);
    }
}

#[test]
fn a_series_is_applied_in_its_order() {
    let renamed = run(own(&file("series.mbox")));
    let ours = run(Config { features: ALL_ON, form: Form::E, ..Config::default() });
    assert!(renamed == ours, "both patches together are form E under its old name");
    check(
        &file("series.mbox"),
        expect![[r#"
        restore/custom.S:55:1: note: taken for 2 mails with unified diffs; left out: heads of mails, the words around it
          it fits form A, and changes arch/x86/entry/calling.h (2 hunks), comments alone (1 hunk)
        restore/custom.S:70:2: note: `RESTORE_CR3` is changed
    "#]],
    );
}

#[test]
fn a_person_reads_what_it_was_taken_for_and_which_form_it_fits() {
    check(
        &file("resent.reply"),
        expect![[r#"
        restore/custom.S:18:1: note: taken for a mail with a unified diff; undone: the marks of a reply; left out: heads of mails, the words around it
          it fits form A, and changes arch/x86/entry/calling.h (1 hunk), comments alone (1 hunk)
        restore/custom.S:33:4: note: `RESTORE_CR3` is changed
    "#]],
    );
    check(
        &file("merged.quoted-printable"),
        expect![[r#"
            restore/custom.S:19:1: note: taken for a mail with a unified diff; undone: quoted-printable; left out: heads of mails, the words around it
              it fits form A, and changes arch/x86/entry/calling.h (3 hunks), arch/x86/entry/entry_64.S (2 hunks)
            restore/custom.S:19:1: note: `RESTORE_CR3` is gone
            restore/custom.S:27:2: note: `PARANOID_RESTORE_CR3` is new
            restore/custom.S:72:2: note: the arm for a kernel without page-table isolation is left out
              isolation is compiled in here
        "#]],
    );
    check(
        &file("resent.mail").replace('\n', "\r\n"),
        expect![[r#"
        restore/custom.S:19:1: note: taken for a mail with a unified diff; undone: carriage returns; left out: heads of mails, the words around it
          it fits form A, and changes arch/x86/entry/calling.h (1 hunk), comments alone (1 hunk)
        restore/custom.S:34:2: note: `RESTORE_CR3` is changed
    "#]],
    );
}

/// A diff on calling.h with this body.
fn calling(body: &str) -> String {
    diff("arch/x86/entry/calling.h", body)
}

fn diff(path: &str, body: &str) -> String {
    let old = body.lines().filter(|line| !line.starts_with('+')).count();
    let new = body.lines().filter(|line| !line.starts_with('-')).count();
    format!("--- a/{path}\n+++ b/{path}\n@@ -1,{old} +1,{new} @@\n{body}")
}

const PLAIN_WRITE: &str = " .Lwrcr3_\\@:\n \tmovq\t\\save_reg, %cr3\n .Lend_\\@:\n .endm\n";

#[test]
fn the_places_that_call_the_macro_follow_it() {
    let renamed = calling(
        "-.macro PARANOID_RESTORE_CR3 scratch_reg:req save_reg:req\n+.macro RESTORE_CR3 save_reg:req\n \tALTERNATIVE \"jmp .Lend_\\@\", \"\", X86_FEATURE_PTI\n \tbt\t$PTI_USER_PGTABLE_BIT, \\save_reg\n \tjnc\t.Lend_\\@\n-\tALTERNATIVE \"jmp .Lwrcr3_\\@\", \"\", X86_FEATURE_PCID\n-\tmovq\t\\save_reg, \\scratch_reg\n-\tandq\t$(0x7FF), \\scratch_reg\n-\tbtr\t\\scratch_reg, THIS_CPU_user_pcid_flush_mask\n-\tjc\t.Lwrcr3_\\@\n-\tSET_NOFLUSH_BIT \\save_reg\n-.Lwrcr3_\\@:\n \tmovq\t\\save_reg, %cr3\n",
    );
    let (own, ours) = (run(own(&renamed)), run(Config { features: ALL_ON, form: Form::B2, ..Config::default() }));
    assert!(own == ours, "form E without what form B2 does not have");
    check(
        &renamed,
        expect![[r#"
        restore/custom.S:1:1: note: taken for a unified diff
          it fits form E, and changes arch/x86/entry/calling.h (1 hunk)
        restore/custom.S:1:1: note: `PARANOID_RESTORE_CR3` is gone
        restore/custom.S:5:2: note: `RESTORE_CR3` is new
    "#]],
    );
}

/// The code around the calls is that of another version, and where they stand follows from the macro's head.
#[test]
fn hunks_that_only_change_the_calls_may_be_of_another_version() {
    let head = calling(
        "-.macro RESTORE_CR3 scratch_reg:req save_reg:req\n+.macro RESTORE_CR3 save_reg:req\n \tALTERNATIVE \"jmp .Lend_\\@\", \"\", X86_FEATURE_PTI\n \tbt\t$PTI_USER_PGTABLE_BIT, \\save_reg\n \tjnc\t.Lend_\\@\n-\tALTERNATIVE \"jmp .Lwrcr3_\\@\", \"\", X86_FEATURE_PCID\n-\tmovq\t\\save_reg, \\scratch_reg\n-\tandq\t$(0x7FF), \\scratch_reg\n-\tbt\t\\scratch_reg, THIS_CPU_user_pcid_flush_mask\n-\tjnc\t.Lnoflush_\\@\n-\tbtr\t\\scratch_reg, THIS_CPU_user_pcid_flush_mask\n-\tjmp\t.Lwrcr3_\\@\n-.Lnoflush_\\@:\n-\tSET_NOFLUSH_BIT \\save_reg\n-.Lwrcr3_\\@:\n \tmovq\t\\save_reg, %cr3\n",
    );
    let calls = " \tTRACE_SOMETHING\n-\tRESTORE_CR3\tscratch_reg=%rbx save_reg=%r14\n+\t/* shorter */\n+\tRESTORE_CR3\tsave_reg=%r14\n \tSWAPGS_SOMEHOW\n";
    let both = format!("{head}{}", diff("arch/x86/entry/entry_64.S", calls));
    check(
        &both,
        expect![[r#"
        restore/custom.S:1:1: note: taken for a unified diff
          it fits form C, and changes arch/x86/entry/calling.h (1 hunk), how the macro is called, which follows from its head (1 hunk)
        restore/custom.S:5:2: note: `RESTORE_CR3` is changed
    "#]],
    );
    let (own, ours) = (run(own(&both)), run(Config { features: ALL_ON, form: Form::B2, ..Config::default() }));
    assert!(own == ours, "form C becomes form B2");
    // Code beside the call is no matter of the macro alone.
    check(
        &format!("{head}{}", diff("arch/x86/entry/entry_64.S", &format!("{calls}+\tnop\n"))),
        expect![[r#"
        restore/custom.S:23:1: error: the hunk does not fit: nothing in the text matches `TRACE_SOMETHING` and the lines after it
          that is arch/x86/entry/entry_64.S with form C; give the patches before it too, or the macros as it leaves them
    "#]],
    );
    check(
        &diff("arch/x86/entry/entry_64.S", calls),
        expect![[r#"
        restore/custom.S:4:1: error: the hunk does not fit: nothing in the text matches `TRACE_SOMETHING` and the lines after it
          that is arch/x86/entry/entry_64.S with form E; give the patches before it too, or the macros as it leaves them
    "#]],
    );
}

#[test]
fn code_of_the_entry_text_may_change() {
    let text = diff(
        "arch/x86/entry/entry_64.S",
        " SYM_CODE_START_LOCAL(paranoid_exit)\n \tUNWIND_HINT_REGS\n+\tnop\n \tPARANOID_RESTORE_CR3 scratch_reg=%rax save_reg=%r14\n",
    );
    check(
        &text,
        expect![[r#"
        restore/custom.S:1:1: note: taken for a unified diff
          it fits form E, and changes arch/x86/entry/entry_64.S (1 hunk)
    "#]],
    );
    let system = linux::boot(&own(&text)).expect("a patch that fits");
    let line = system.image.listing.iter().find(|line| line.text == "nop").expect("the line of the patch");
    assert_eq!(system.sources[line.position.source].name, "arch/x86/entry/entry_64.S (patched)");
    assert_eq!(line.address, system.image.symbols["paranoid_exit"]);
}

#[test]
fn what_the_assembler_says_is_said_at_the_line_of_the_mail() {
    let wrong = calling(&PLAIN_WRITE.replace(" .Lend_", "+\tfrobnicate\t%rax\n .Lend_"));
    check(
        &wrong,
        expect![[r#"
        restore/custom.S:6:3: error: `frobnicate` is not an instruction, a directive or a macro
          define it by `.macro` or `#define`; x87, SSE and AVX instructions are not supported
        restore/custom.S:6:3: error: `frobnicate` is not an instruction, a directive or a macro
          define it by `.macro` or `#define`; x87, SSE and AVX instructions are not supported
    "#]],
    );
    let quoted: String =
        format!("From: a@b\nSubject: Re: x\n\n{wrong}").lines().map(|line| format!("> {line}\n")).collect();
    check(
        &quoted,
        expect![[r#"
        restore/custom.S:9:5: error: `frobnicate` is not an instruction, a directive or a macro
          define it by `.macro` or `#define`; x87, SSE and AVX instructions are not supported
        restore/custom.S:9:5: error: `frobnicate` is not an instruction, a directive or a macro
          define it by `.macro` or `#define`; x87, SSE and AVX instructions are not supported
    "#]],
    );
    check(
        &calling(&PLAIN_WRITE.replace(" .endm", "-.endm")),
        expect![[r#"
        restore/e.S:6:1: error: this `.macro` has no `.endm`
          add `.endm` in the file, macro or repetition it begins in
    "#]],
    );
}

#[test]
fn a_patch_that_does_not_fit_says_what_stands_there() {
    check(
        &calling(&PLAIN_WRITE.replace("movq", "mov").replace(" .endm", "+\tnop\n .endm")),
        expect![[r#"
            restore/custom.S:5:1: error: the hunk does not fit: it has `mov \save_reg,%cr3` where the text has `movq \save_reg,%cr3`
              that is restore/e.S, line 24, with form E, which it fits best; give the patches before it too, or the macros as it leaves them
        "#]],
    );
    check(
        &calling("-\tfrobnicate %rax\n"),
        expect![[r#"
        restore/custom.S:4:1: error: the hunk does not fit: nothing in the text matches `frobnicate %rax` and the lines after it
          that is arch/x86/entry/calling.h with form E; give the patches before it too, or the macros as it leaves them
    "#]],
    );
    check(
        &file("cut.reply"),
        expect![[r#"
        restore/custom.S:15:1: error: the hunk is cut short: 8 of its lines are missing
          give the patch itself instead of a reply that quotes a part of it
    "#]],
    );
    check(
        &diff("arch/x86/mm/tlb.c", "-\told();\n+\tnew();\n"),
        expect![[r#"
        restore/custom.S:1:1: error: no text has the name arch/x86/mm/tlb.c
          the C side of the kernel is not modelled; the files with a text are arch/x86/entry/calling.h and arch/x86/entry/entry_64.S: give a patch that changes one of those files
    "#]],
    );
    check(
        &diff("arch/x86/Kconfig", "-old\n+new\n"),
        expect![[r#"
        restore/custom.S:1:1: error: no text has the name arch/x86/Kconfig
          the files with a text are arch/x86/entry/calling.h and arch/x86/entry/entry_64.S: give a patch that changes one of those files
    "#]],
    );
    // Words in a foreign syntax around a patch say nothing of it.
    check(
        &format!("In Intel's words:\nmov rax, cr3\n\n{}", calling("-\tfrobnicate %rax\n")),
        expect![[r#"
        restore/custom.S:7:1: error: the hunk does not fit: nothing in the text matches `frobnicate %rax` and the lines after it
          that is arch/x86/entry/calling.h with form E; give the patches before it too, or the macros as it leaves them
    "#]],
    );
    // Form C, with its first patch missing.
    check(
        &file("series.mbox").split_once("\nFrom aaaa").expect("two mails").0.replace("jnc\t.Lnoflush", "jc\t.Lnoflush"),
        expect![[r#"
            restore/custom.S:24:1: error: the hunk does not fit: it has `jc .Lnoflush_\@` where the text has `jnc .Lnoflush_\@`
              that is restore/a.S, line 20, with form A, which it fits best; give the patches before it too, or the macros as it leaves them
        "#]],
    );
}

#[test]
fn files_that_are_not_modelled_are_left_out_with_a_note() {
    let c_file = diff("arch/x86/mm/tlb.c", "-\told();\n+\tnew();\n");
    let text = format!("{c_file}{}", file("resent.diff"));
    check(
        &text,
        expect![[r#"
        restore/custom.S:1:1: note: taken for a unified diff
          it fits form A, and changes arch/x86/entry/calling.h (1 hunk), comments alone (1 hunk)
        restore/custom.S:1:1: note: arch/x86/mm/tlb.c is left out: not modelled
          the C side of the kernel is not modelled; the files with a text are arch/x86/entry/calling.h and arch/x86/entry/entry_64.S
        restore/custom.S:23:2: note: `RESTORE_CR3` is changed
    "#]],
    );
}

#[test]
fn names_of_the_configuration_are_set_before_a_patch() {
    let body =
        " .Lwrcr3_\\@:\n+#ifdef CONFIG_DEBUG_ENTRY\n+\tnop\n+#endif\n \tmovq\t\\save_reg, %cr3\n .Lend_\\@:\n .endm\n";
    let patch = calling(body);
    let count = |text: &str| run(own(text)).iter().filter(|text| *text == "nop").count();
    check(
        &patch,
        expect![[r#"
        restore/custom.S:1:1: note: taken for a unified diff
          it fits form E, and changes arch/x86/entry/calling.h (1 hunk)
        restore/custom.S:5:9: note: `CONFIG_DEBUG_ENTRY` counts as off
          the machine does not model it; `#define CONFIG_DEBUG_ENTRY 1` above this line turns it on
    "#]],
    );
    assert_eq!(count(&patch), 0);
    let set = format!("#define CONFIG_DEBUG_ENTRY 1\n#line 1\n{patch}");
    check(
        &set,
        expect![[r#"
        restore/custom.S:1:1: note: taken for a unified diff
          it fits form E, and changes arch/x86/entry/calling.h (1 hunk)
        restore/custom.S:5:2: note: `PARANOID_RESTORE_CR3` is changed
    "#]],
    );
    assert_eq!(count(&set), 1);
    assert_eq!(count(&format!("#define CONFIG_DEBUG_ENTRY 1\n{patch}")), 1);
}

#[test]
fn macros_that_a_patch_adds_and_features_that_nothing_decides_are_said() {
    let body = "-.macro PARANOID_RESTORE_CR3 scratch_reg:req save_reg:req\n+.macro UNUSED\n+\tALTERNATIVE \"\", \"nop\", X86_FEATURE_LA57\n+.endm\n+.macro PARANOID_RESTORE_CR3 scratch_reg:req save_reg:req\n \tALTERNATIVE \"jmp .Lend_\\@\", \"\", X86_FEATURE_PTI\n";
    check(
        &calling(body),
        expect![[r#"
        restore/custom.S:1:1: note: taken for a unified diff
          it fits form E, and changes arch/x86/entry/calling.h (1 hunk)
        restore/custom.S:5:2: note: `UNUSED` is new, and nothing calls it
        restore/custom.S:6:3: note: `X86_FEATURE_LA57` counts as off
          the machine does not model it, and no switch decides it
    "#]],
    );
    check(
        ".macro RESTORE_CR3 save_reg\n\tALTERNATIVE \"\", \"nop\", X86_FEATURE_LA57\n\tmovq \\save_reg, %cr3\n.endm\n",
        expect![[r#"
            restore/custom.S:1:1: note: taken for one macro
            restore/custom.S:2:2: note: `X86_FEATURE_LA57` counts as off
              the machine does not model it, and no switch decides it
        "#]],
    );
}

#[test]
fn macros_in_a_reply_are_taken_out_of_it() {
    let reply = "On Tue somebody wrote:\n> Better so:\n>\n> .macro RESTORE_CR3 save_reg:req\n>         movq    \\save_reg, %cr3\n> .endm\nNo.\n";
    check(
        reply,
        expect![[r#"
            restore/custom.S:4:3: note: taken for a mail with one macro; undone: the marks of a reply; left out: the words around it
        "#]],
    );
    check(
        &reply.replace("%cr3", "%cr99"),
        expect![[r#"
        restore/custom.S:5:30: error: `%cr99` is not a register of this machine
          general-purpose, segment, control and debug registers are known; x87 and SSE are not
        restore/custom.S:5:30: error: `%cr99` is not a register of this machine
          general-purpose, segment, control and debug registers are known; x87 and SSE are not
    "#]],
    );
    check(
        ".macro RESTORE_CR3 save_reg:req other=3D0\n=09movq =\n\\save_reg, %cr3\n.endm\n",
        expect![[r#"
            restore/custom.S:1:1: note: taken for one macro; undone: quoted-printable
        "#]],
    );
    assert_eq!(linux::boot(&own(reply)).expect("macros that boot").sources[2].name, CUSTOM);
}

#[test]
fn a_run_of_instructions_and_foreign_syntax_are_named() {
    check(
        "\tmovq\t\\save_reg, %cr3\n\tjc\t.Lwrcr3_\\@\n\tSET_NOFLUSH_BIT \\save_reg\n",
        expect![[r#"
        restore/custom.S:1:1: error: the text is a run of instructions without a macro around it
          put `.macro PARANOID_RESTORE_CR3 scratch_reg:req save_reg:req` before it and `.endm` after it
    "#]],
    );
    check(
        "> So:\n\tbtr\t\\scratch_reg, THIS_CPU_user_pcid_flush_mask\n",
        expect![[r#"
        restore/custom.S:1:1: error: the text is a run of instructions without a macro around it
          put `.macro PARANOID_RESTORE_CR3 scratch_reg:req save_reg:req` before it and `.endm` after it
    "#]],
    );
    check(
        ".macro RESTORE_CR3 save_reg\n\tmov cr3, rax\n.endm\n",
        expect![[r#"
        restore/custom.S:2:1: error: this looks like Intel's syntax
          write AT&T syntax: `movq %cr3, %rax` reads CR3
    "#]],
    );
    check(
        "TEXT \u{b7}restore(SB), NOSPLIT, $0\n\tMOVQ AX, CR3\n",
        expect![[r#"
        restore/custom.S:1:1: error: this looks like Go's assembler
          write the GNU assembler's AT&T syntax: `movq %cr3, %rax` reads CR3
    "#]],
    );
    check(
        "\n.macro PTI_EXIT\n\tmovq\tPCPU(UCR3), %rax\n.endm\n",
        expect![[r#"
        restore/custom.S:3:1: error: this looks like a macro of a BSD kernel
          the macros are Linux's, of arch/x86/entry/calling.h
    "#]],
    );
}

#[test]
fn a_whole_entry_text_is_named() {
    let entry = "/* Entry. */\n#include <linux/linkage.h>\n#include \"calling.h\"\n.code64\n.section .entry.text, \"ax\"\n\
                 SYM_CODE_START(entry_SYSCALL_64) /* here */\n\tswapgs\nSYM_CODE_END(entry_SYSCALL_64)\n";
    let told = expect![[r#"
        restore/custom.S:6:1: error: the text is more than macros: it has `entry_SYSCALL_64`, which is entry code and built in
          paste its macros, a calling.h, a diff of entry_64.S, or all of entry_64.S
    "#]];
    check(entry, told);
    let form = linux::sources::form_source(Form::E, "").text;
    let told = expect![[r#"
        restore/custom.S:27:1: error: the text is more than macros: it has `paranoid_exit`, which is entry code and built in
          paste its macros, a calling.h, a diff of entry_64.S, or all of entry_64.S
    "#]];
    check(&format!("{form}paranoid_exit:\n\tret\n"), told);
}

/// As the kernel has it: includes, all macros, and an arm for a kernel without isolation.
#[test]
fn a_whole_calling_h_replaces_ours() {
    let built_in = Config { features: ALL_ON, form: Form::E, ..Config::default() };
    let sources = linux::boot(&built_in).expect("a form of the repository").sources;
    let [calling, form] = [1, 2].map(|index| sources[index].text.as_str());
    let text = format!(
        "#include <linux/jump_label.h>\n#include <asm/unwind_hints.h>\n#include <asm/msr.h>\n{calling}\n\
         #ifdef CONFIG_MITIGATION_PAGE_TABLE_ISOLATION\n{form}\n#else\n.macro PARANOID_RESTORE_CR3 scratch_reg:req save_reg:req\n\
         .endm\n#endif\n"
    );
    let system = linux::boot(&own(&text)).unwrap_or_else(|told| panic!("{told:?}"));
    let said: Vec<&str> = system.notes.iter().map(|note| note.message.as_str()).collect();
    let count = said.len() - 1;
    assert_eq!(said[0], "#include <linux/jump_label.h> and 2 more are not followed");
    assert_eq!(said[1], format!("taken for {count} macros"), "the restore macro is no replacement");
    let equal = |said: &&str| said.ends_with("replaces the built-in macro of that name; both have the same text");
    assert!(said.len() > 10 && said[2..].iter().all(equal), "{said:#?}");
    assert!(run(own(&text)) == run(built_in));
}

/// Both arms have the macro; a setting decides which is the one that is called.
#[test]
fn a_setting_decides_between_arms() {
    let arms = "#ifdef CONFIG_DEBUG_ENTRY\n.macro RESTORE_CR3 save_reg:req\n\tmovq \\save_reg, %cr3\n.endm\n#else\n.macro PARANOID_RESTORE_CR3 scratch_reg:req save_reg:req\n\tnop\n\tmovq \\save_reg, %cr3\n.endm\n#endif\n";
    let nops = |text: &str| run(own(text)).iter().filter(|text| *text == "nop").count();
    assert_eq!(nops(arms), 2, "one for each NMI");
    assert_eq!(nops(&format!("#define CONFIG_DEBUG_ENTRY 1\n#line 1\n{arms}")), 0);
}

/// The names that an older calling.h takes from other headers (asm/processor-flags.h, asm/page_types.h).
#[test]
fn names_of_older_headers_are_known() {
    let names = "#define PTI_USER_PGTABLE_BIT\t\tPAGE_SHIFT\n#define PTI_USER_PGTABLE_MASK\t\t(1 << PTI_USER_PGTABLE_BIT)\n\
                 #define PTI_USER_PCID_BIT\t\tX86_CR3_PTI_PCID_USER_BIT\n#define PTI_USER_PCID_MASK\t\t(1 << PTI_USER_PCID_BIT)\n\
                 #define PTI_USER_PGTABLE_AND_PCID_MASK\t(PTI_USER_PCID_MASK | PTI_USER_PGTABLE_MASK)\n";
    let text = format!("{names}{}", linux::sources::form_source(Form::A, "").text);
    check(
        &text,
        expect![[r#"
            restore/custom.S:1:1: note: taken for one macro
        "#]],
    );
    assert!(run(own(&text)) == run(Config { features: ALL_ON, form: Form::A, ..Config::default() }));
}
