//! A kernel tree as the entry text: `testdata/tree`, whose words are ours and whose syntax is the kernel's.

mod as_people_have_it;

use cr3_core::asm::{Diagnostic, Severity};
use cr3_core::beside::{Lockstep, Pair, lockstep};
use cr3_core::linux::sources::form_source;
use cr3_core::linux::tree::{Base, File, Tree};
use cr3_core::linux::{self, Config, Features, Form, Handler, Handlers, Kernel, System, Variation};
use cr3_core::scenario::presets::PRESETS;
use cr3_core::scenario::{Place, PlaceId, Places, Scenario, Schedule, Vector};
use cr3_core::trace::{Options, Trace};
use expect_test::{Expect, expect};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/tree");

const ENTRY: &str = "arch/x86/entry/entry_64.S";
const CALLING: &str = "arch/x86/entry/calling.h";

/// The files of a tree by path.
type Files = BTreeMap<String, File>;

/// The tree in `testdata`, with the files that `edits` has in the place of its own.
fn read(edits: &Files) -> Result<Tree, Vec<Diagnostic>> {
    read_noting(edits, &mut |_| {})
}

fn read_noting(edits: &Files, note: &mut dyn FnMut(&str)) -> Result<Tree, Vec<Diagnostic>> {
    read_with(edits, "", note)
}

fn read_with(edits: &Files, settings: &str, note: &mut dyn FnMut(&str)) -> Result<Tree, Vec<Diagnostic>> {
    let mut find = |path: &str| {
        let file = edits.get(path).cloned().unwrap_or_else(|| on_disk(path));
        if matches!(file, File::Text(_)) {
            note(path);
        }
        file
    };
    Tree::read(&mut find, settings)
}

fn on_disk(path: &str) -> File {
    std::fs::read_to_string(Path::new(ROOT).join(path)).map_or(File::Absent, File::Text)
}

fn text(path: &str) -> String {
    match on_disk(path) {
        File::Text(text) => text,
        other => panic!("{path}: {other:?}"),
    }
}

fn plain() -> Arc<Tree> {
    Arc::new(read(&Files::new()).expect("the tree of testdata"))
}

/// The tree with `from` in one of its files replaced by `to`.
fn edited(path: &str, from: &str, to: &str) -> Result<Arc<Tree>, Vec<Diagnostic>> {
    let before = text(path);
    assert!(before.contains(from), "{path} has no {from}");
    read(&[(path.to_owned(), File::Text(before.replacen(from, to, 1)))].into()).map(Arc::new)
}

fn config(tree: &Arc<Tree>, custom: &str) -> Config {
    Config { base: Base::Tree(Arc::clone(tree)), form: Form::Custom, custom: custom.into(), ..Config::default() }
}

fn boot(tree: &Arc<Tree>, custom: &str) -> Result<System, Vec<Diagnostic>> {
    linux::boot(&config(tree, custom))
}

fn said(diagnostics: &[Diagnostic]) -> String {
    let line = |told: &Diagnostic| {
        let hint = told.hint.as_ref().map_or(String::new(), |hint| format!("  {hint}\n"));
        format!("{}:{}: {}\n{hint}", told.source, told.position.line, told.message)
    };
    diagnostics.iter().map(line).collect()
}

fn differences(walked: &Lockstep) -> String {
    let line = |difference: &cr3_core::beside::Difference| {
        let name = difference.declared.map_or("undeclared", |declared| declared.name);
        let [ours, theirs] =
            [&difference.ours, &difference.theirs].map(|spot| format!("{}:{} {}", spot.source, spot.line, spot.text));
        format!("{name}: {} | {ours} | {theirs}\n", difference.what)
    };
    walked.differences.iter().map(line).collect()
}

/// PTI, PCID and FSGSBASE, each on and off, with and without CONFIG_DEBUG_ENTRY.
fn configurations() -> impl Iterator<Item = (Features, Kernel)> {
    let kernels = [Kernel::V6_12, Kernel::only(Variation::DebugEntry)];
    (0..8).flat_map(move |set: u32| {
        let on = |bit: u32| set >> bit & 1 != 0;
        let features = Features { pti: on(0), pcid: on(1), invpcid: on(1), fsgsbase: on(2), ..Features::ALL };
        kernels.map(|kernel| (features, kernel))
    })
}

#[test]
fn in_sixteen_configurations_the_texts_agree() {
    let tree = plain();
    let mut pairs = Vec::new();
    for (features, kernel) in configurations() {
        let walked = lockstep(&tree, "", features, kernel).expect("it assembles");
        expect![[r#"
            endbr-load-gs-index: another instruction | arch/x86/entry/entry_64.S:251 swapgs | arch/x86/entry/entry_64.S:238 endbr64
        "#]]
        .assert_eq(&differences(&walked));
        assert_eq!(walked.form, Form::E);
        pairs.push(walked.pairs);
    }
    expect![[r#"
        [592, 609, 598, 615, 601, 618, 629, 646, 600, 617, 606, 623, 609, 626, 637, 654]
    "#]]
    .assert_eq(&format!("{pairs:?}\n"));
}

#[test]
fn runs_are_those_of_the_built_in_text() {
    let tree = plain();
    for preset in PRESETS {
        let config = Config { features: preset.features, handler: preset.handler, ..Config::default() };
        let [ours, theirs] = Pair::new(&tree, Form::E, &config).expect("it assembles").run(&preset.schedule());
        assert_eq!(ours, theirs, "{}", preset.name);
    }
    let perf = Config { handler: Handlers::only(Handler::Perf), ..Config::default() };
    let pair = Pair::new(&tree, Form::E, &perf).expect("it assembles");
    let schedules = pair.single_injections(&[Vector::Nmi, Vector::Debug, Vector::MachineCheck]);
    let mut struck = 0;
    for schedule in schedules.iter().step_by(17) {
        let [ours, theirs] = pair.run(schedule);
        assert_eq!(ours, theirs, "{schedule}");
        struck += usize::from(ours.unfired.is_empty());
    }
    assert!(struck > 60, "{struck} of {} schedules struck", schedules.len());
}

#[test]
fn a_difference_is_found_at_its_line() {
    let check = |path: &str, from: &str, to: &str, expected: Expect| {
        let tree = edited(path, from, to).expect("it can be read");
        let walked = lockstep(&tree, "", Features::ALL, Kernel::V6_12).expect("it assembles");
        let differences = differences(&walked);
        let undeclared = differences.lines().filter(|line| line.starts_with("undeclared"));
        expected.assert_eq(&undeclared.flat_map(|line| [line, "\n"]).collect::<String>());
    };
    check(
        ENTRY,
        "subq\t$EXCEPTION_STKSZ, %rdx",
        "subq\t$EXCEPTION_STKSZ*2, %rdx",
        expect![[r#"
            undeclared: another number: 0x2000 and 0x4000 | arch/x86/entry/entry_64.S:449 subq $EXCEPTION_STKSZ, %rdx | arch/x86/entry/entry_64.S:374 subq $((1<<CONFIG_PAGE_SHIFT)<<1)*2, %rdx
        "#]],
    );
    check(
        ENTRY,
        "\tstd\n",
        "",
        expect![[r#"
            undeclared: another instruction | arch/x86/entry/entry_64.S:526 std | arch/x86/entry/entry_64.S:432 movq $0, 5*8(%rsp)
        "#]],
    );
    check(
        CALLING,
        "bt\t$PTI_USER_PGTABLE_BIT, \\save_reg",
        "bt\t$PTI_USER_PCID_BIT, \\save_reg",
        expect![[r#"
            undeclared: another number: 0xc and 0xb | restore/e.S:10 bt $12, %r14 | arch/x86/entry/calling.h:168 bt $11, %r14
            undeclared: another number: 0xc and 0xb | restore/e.S:10 bt $12, %r14 | arch/x86/entry/calling.h:168 bt $11, %r14
        "#]],
    );
    check(
        "arch/x86/include/asm/segment.h",
        "GDT_ENTRY_KERNEL_DS\t3",
        "GDT_ENTRY_KERNEL_DS\t2",
        expect![[r#"
            undeclared: other data | arch/x86/entry/calling.h:202 verw mds_verw_sel(%rip) | arch/x86/include/asm/nospec-branch.h:10 verw x86_verw_sel (%rip)
            undeclared: other data | arch/x86/entry/calling.h:202 verw mds_verw_sel(%rip) | arch/x86/include/asm/nospec-branch.h:10 verw x86_verw_sel (%rip)
            undeclared: another number: 0x18 and 0x10 | arch/x86/entry/entry_64.S:459 pushq $__KERNEL_DS | arch/x86/entry/entry_64.S:382 pushq $(2*8)
        "#]],
    );
}

#[test]
fn the_form_of_a_tree_is_found() {
    for form in [Form::A, Form::C, Form::B2, Form::E] {
        let calling = text(CALLING);
        let begin = calling.find(".macro PARANOID_RESTORE_CR3").expect("the macro");
        let end = begin + calling[begin..].find(".endm").expect("its end") + ".endm\n".len();
        let with_form = format!("{}{}{}", &calling[..begin], form_source(form, "").text, &calling[end..]);
        let other = text(ENTRY).replace("PARANOID_RESTORE_CR3 scratch_reg=%rax save_reg=%r14", call(form, "rax"));
        let other = other.replace("PARANOID_RESTORE_CR3 scratch_reg=%r15 save_reg=%r14", call(form, "r15"));
        let edits = [(CALLING.to_owned(), File::Text(with_form)), (ENTRY.to_owned(), File::Text(other))];
        let tree = Arc::new(read(&edits.into()).expect("it can be read"));
        let walked = lockstep(&tree, "", Features::ALL, Kernel::V6_12).expect("it assembles");
        assert_eq!((walked.form, walked.undeclared().count()), (form, 0));
    }
}

fn call(form: Form, scratch: &str) -> &'static str {
    match (form, scratch) {
        (Form::B2, _) => "RESTORE_CR3 save_reg=%r14",
        (Form::E, "rax") => "PARANOID_RESTORE_CR3 scratch_reg=%rax save_reg=%r14",
        (Form::E, _) => "PARANOID_RESTORE_CR3 scratch_reg=%r15 save_reg=%r14",
        (_, "rax") => "RESTORE_CR3 scratch_reg=%rax save_reg=%r14",
        _ => "RESTORE_CR3 scratch_reg=%r15 save_reg=%r14",
    }
}

#[test]
fn places_have_the_names_of_both_texts() {
    let theirs = boot(&plain(), "").expect("it assembles");
    let ours = linux::boot(&Config::default()).expect("the built-in text");
    let [ours, theirs] = [ours, theirs].map(|system| Places::new(&system.image));
    let place = |label: &str, offset| Place { label: label.to_owned(), offset, occurrence: 1 };
    // Labels of the built-in text that Linux lacks name what stands there.
    for label in ["nmi_exit", "sysret_exit_switch_cr3", "iret_exit_user_cr3", "syscall_choose_exit"] {
        assert!(ours.resolve(&place(label, 0)).is_ok() && theirs.resolve(&place(label, 0)).is_ok(), "{label}");
    }
    // A label of Linux that the built-in text lacks is understood by both, and begins no place.
    for places in [&ours, &theirs] {
        let swapgs = places.resolve(&place("nmi_swapgs", 0)).expect("a label of Linux");
        assert_eq!(places.name(swapgs), "nmi_no_fsgsbase+2");
    }
    let returning = ours.resolve(&place("common_interrupt_return", 0)).expect("a label of Linux");
    assert_eq!(ours.name(returning), "swapgs_restore_regs_and_return_to_usermode");
    // CLAC is written as bytes, and is a place.
    assert!(theirs.resolve(&place("asm_exc_nmi", 1)).is_ok());
    let of = |places: &Places| (0..places.iter().len() as u32).map(|id| places.name(PlaceId(id))).collect::<Vec<_>>();
    let (ours, theirs) = (of(&ours), of(&theirs));
    let missing: Vec<_> = ours.iter().filter(|name| !theirs.contains(name)).collect();
    assert_eq!(missing, [""; 0]);
}

#[test]
fn edits_change_a_tree_as_they_change_the_built_in_text() {
    let tree = plain();
    let schedule: Schedule = "kernel_loop+1:nmi".parse().expect("a schedule");
    let trace = |config: Config| {
        let scenario = Scenario { config, schedule: schedule.clone() };
        let trace = Trace::record(&scenario, Options::default()).expect("it assembles");
        (trace.steps.len(), trace.counters)
    };
    for form in [Form::A, Form::B2, Form::C, Form::Never] {
        let ours = trace(Config { form, ..Config::default() });
        assert_eq!(trace(config(&tree, &form_source(form, "").text)), ours, "{form}");
    }
    let patch = "--- a/arch/x86/entry/calling.h\n+++ b/arch/x86/entry/calling.h\n@@ -1,3 +1,2 @@\n \tmov\t\\scratch_reg, %cr3\n-.Ldone_\\@:\n .endm\n";
    let refused =
        boot(&tree, &patch.replace("mov\t\\scratch_reg", "mov\t\\another_reg")).map(|_| ()).map_err(|told| said(&told));
    expect![[r#"Err("restore/custom.S:4: the hunk does not fit: it has `mov \\another_reg,%cr3` where the text has `mov \\scratch_reg,%cr3`\n  that is arch/x86/entry/calling.h, line 162, with the tree (v6.12), which it fits best; give the patches before it too, or the macros as it leaves them\n")"#]].assert_eq(&format!("{refused:?}"));
    let noted = |custom: &str| boot(&tree, custom).map(|system| said(&system.notes)).unwrap_or_else(|told| said(&told));
    expect![[r#"
        restore/custom.S:1: `SET_NOFLUSH_BIT` replaces the tree's macro of that name; their texts differ
          the tree's one is in arch/x86/entry/calling.h, line 110
        restore/custom.S:1: taken for one macro
        arch/x86/entry/entry_64.S:0: instructions after these labels are counted differently here than in the built-in text
          asm_load_gs_index
    "#]]
    .assert_eq(&noted(".macro SET_NOFLUSH_BIT reg:req\n\tbts $63, \\reg\n.endm\n"));
    expect![[r#"
        restore/custom.S:1: taken for a unified diff
          it fits the tree (v6.12), and changes arch/x86/entry/calling.h (1 hunk)
        restore/custom.S:5: `SET_NOFLUSH_BIT` is changed
        arch/x86/entry/entry_64.S:0: instructions after these labels are counted differently here than in the built-in text
          asm_load_gs_index, entry_SYSCALL_64, error_entry_bad_iret, error_entry_from_user, iret_exit_switch_cr3, nmi_exit, nmi_from_user, paranoid_entry_save_cr3, paranoid_exit, sysret_exit_switch_cr3
    "#]].assert_eq(&noted("--- a/arch/x86/entry/calling.h\n+++ b/arch/x86/entry/calling.h\n@@ -1,3 +1,4 @@\n .macro SET_NOFLUSH_BIT reg:req\n+\tnop\n \tbts\t$X86_CR3_PCID_NOFLUSH_BIT, \\reg\n .endm\n"));
}

#[test]
fn nothing_is_read_but_what_the_text_needs() {
    let mut asked: Vec<String> = Vec::new();
    read_noting(&Files::new(), &mut |path| asked.push(path.to_owned())).expect("the tree of testdata");
    asked.sort();
    asked.dedup();
    expect![[r#"
        Makefile
        arch/x86/entry/calling.h
        arch/x86/entry/entry.S
        arch/x86/entry/entry_64.S
        arch/x86/include/asm/asm.h
        arch/x86/include/asm/frame.h
        arch/x86/include/asm/ibt.h
        arch/x86/include/asm/idtentry.h
        arch/x86/include/asm/linkage.h
        arch/x86/include/asm/msr-index.h
        arch/x86/include/asm/nospec-branch.h
        arch/x86/include/asm/page_types.h
        arch/x86/include/asm/percpu.h
        arch/x86/include/asm/processor-flags.h
        arch/x86/include/asm/segment.h
        arch/x86/include/asm/smap.h
        arch/x86/include/asm/trapnr.h
        arch/x86/include/asm/unistd.h
        arch/x86/mm/tlb.c
        include/linux/const.h
        include/linux/linkage.h
        include/uapi/asm-generic/errno.h
    "#]]
    .assert_eq(&(asked.join("\n") + "\n"));
}

#[test]
fn what_is_wrong_is_said_with_the_file() {
    let check = |path: &str, file: File, expected: Expect| {
        let edits: Files = [(path.to_owned(), file)].into();
        let told = match read(&edits) {
            Ok(tree) => boot(&Arc::new(tree), "").map(|system| system.notes.to_vec()).unwrap_or_else(|told| told),
            Err(told) => told,
        };
        let errors: Vec<_> = told.into_iter().filter(|told| told.severity == Severity::Error).take(2).collect();
        expected.assert_eq(&said(&errors));
    };
    let with = |path: &str, from: &str, to: &str| File::Text(text(path).replacen(from, to, 1));
    check(
        "Makefile",
        File::Absent,
        expect![[r#"
        Makefile:0: the tree has no such file
          it names the release: name the top folder of a kernel tree
    "#]],
    );
    check(
        "Makefile",
        File::Text("all:\n".to_owned()),
        expect![[r#"
        Makefile:0: it names no release
          it has VERSION, PATCHLEVEL and SUBLEVEL in a kernel tree
    "#]],
    );
    check(
        ENTRY,
        File::Absent,
        expect![[r#"
        arch/x86/entry/entry_64.S:0: the tree has no such file
          it has the entry code: name the top folder of a kernel tree
    "#]],
    );
    check(
        "arch/x86/include/asm/segment.h",
        File::Absent,
        expect![[r#"
            arch/x86/entry/entry_64.S:7: there is no file `asm/segment.h`
              it would be in one of the folders arch/x86/include, arch/x86/include/generated, include, arch/x86/include/uapi, include/uapi, include/generated/uapi, arch/x86/include/generated/uapi
            arch/x86/entry/entry.S:3: there is no file `asm/segment.h`
              it would be in one of the folders arch/x86/include, arch/x86/include/generated, include, arch/x86/include/uapi, include/uapi, include/generated/uapi, arch/x86/include/generated/uapi
        "#]],
    );
    check(
        "arch/x86/include/asm/segment.h",
        File::Refused("a link leads out of the tree".to_owned()),
        expect![[r#"
            arch/x86/entry/entry_64.S:7: `arch/x86/include/asm/segment.h` is not read: a link leads out of the tree
              take another tree, or mend the file
            arch/x86/entry/entry.S:3: `arch/x86/include/asm/segment.h` is not read: a link leads out of the tree
              take another tree, or mend the file
        "#]],
    );
    check(
        ENTRY,
        with(ENTRY, "\"calling.h\"", "\"../../../../../../calling.h\""),
        expect![[r#"
            arch/x86/entry/entry_64.S:19: `../../../../../../calling.h` is outside of the tree
              only files of the tree are read
        "#]],
    );
    check(
        ENTRY,
        with(ENTRY, "\"calling.h\"", "\"/etc/passwd\""),
        expect![[r#"
            arch/x86/entry/entry_64.S:19: `/etc/passwd` is outside of the tree
              only files of the tree are read
        "#]],
    );
    check(
        "arch/x86/include/asm/frame.h",
        File::Text("#include <asm/frame.h>\n".to_owned()),
        expect![[r#"
            arch/x86/include/asm/frame.h:1: `arch/x86/include/asm/frame.h` includes itself endlessly
              guard it with `#ifndef`, `#define` and `#endif`
        "#]],
    );
    check(
        ENTRY,
        with(ENTRY, "SYM_CODE_START(asm_exc_nmi)", "SYM_CODE_START(asm_nmi)"),
        expect![[r#"
            arch/x86/entry/entry_64.S:0: no text defines 'asm_exc_nmi'
              an entry point may have had another name in this release: v5.8 and later can be run
        "#]],
    );
    check(
        ENTRY,
        with(ENTRY, "$EXCEPTION_STKSZ", "$NO_SUCH_NUMBER"),
        expect![[r#"
        arch/x86/entry/entry_64.S:374: `NO_SUCH_NUMBER` is not defined
          define it as a label, by `.set` or by `#define`, or give it as a constant
    "#]],
    );
}

#[test]
fn the_c_side_follows_the_release() {
    let kernel = |tree: &Tree| tree.kernel(Kernel::V6_12).to_string();
    assert_eq!(kernel(&plain()), "v6.12");
    let tlb = "arch/x86/mm/tlb.c";
    let swapped = "void switch_mm_irqs_off(void)\n{\n\tx(LOADED_MM_SWITCHING);\n\tchoose_new_asid(y);\n}\n";
    let early = read(&[(tlb.to_owned(), File::Text(swapped.to_owned()))].into()).expect("a tree");
    assert_eq!(kernel(&early), "v6.12+early-switching");
    let later = edited("Makefile", "PATCHLEVEL = 12", "PATCHLEVEL = 18").expect("a tree");
    let notes = boot(&later, "").expect("it assembles").notes;
    expect![[r#"
        arch/x86/entry/entry_64.S:0: the C side of v6.18 is unchecked: the nearest that is modelled is that of v6.12
          the entry texts of v6.1 and v6.12 were compared with it; in v6.18 the current task and the top of its stack are per-CPU variables of their own, outside pcpu_hot; in v6.18 addresses of per-CPU symbols do not count from 0; in v6.18 an mm may have a global ASID, where the processor has INVLPGB
        arch/x86/entry/entry_64.S:0: instructions after these labels are counted differently here than in the built-in text
          asm_load_gs_index
    "#]]
    .assert_eq(&said(&notes));
}

/// The macros of a patched tree are those that the patch makes, so its mutants are too.
#[test]
fn macros_of_a_patched_tree_are_the_patched_ones() {
    let patch = "--- a/arch/x86/entry/calling.h\n+++ b/arch/x86/entry/calling.h\n@@ -1,3 +1,4 @@\n .macro SET_NOFLUSH_BIT reg:req\n+\tnop\n \tbts\t$X86_CR3_PCID_NOFLUSH_BIT, \\reg\n .endm\n";
    let macros = |custom: &str| linux::written::Macros::of(&config(&plain(), custom)).map_err(|told| said(&told));
    let [before, after] = ["", patch].map(|custom| macros(custom).expect("macros"));
    let statements = |macros: &linux::written::Macros, name: &str| macros.named(name).map(|it| it.statements.len());
    assert_eq!(statements(&before, "SET_NOFLUSH_BIT"), Some(1));
    assert_eq!(statements(&after, "SET_NOFLUSH_BIT"), Some(2));
    let restore = |macros: &linux::written::Macros| statements(macros, "PARANOID_RESTORE_CR3");
    assert_eq!(restore(&before), restore(&after));
    assert!(linux::boot(&after.config).is_ok());
}
