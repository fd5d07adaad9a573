//! Mutants: the outcomes of the macros that are wrong on purpose, and whether what is proven of them is so.

use cr3_core::asm::Section;
use cr3_core::explore::{Assumptions, Explorer, Method, Progress, Query as Search, Shorter};
use cr3_core::linux::{Config, Features, Form, Handler, Handlers};
use cr3_core::mutants::{Chosen, LineFate, Mutant, Mutants, Query, REASONS, Report, Score, VECTORS, Verdict, mutants};
use expect_test::{Expect, expect};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::Mutex;

/// Does the tasks by two threads.
fn judged(query: &Query) -> Report {
    let mut mutants = Mutants::new(query).unwrap_or_else(|diagnostics| panic!("{diagnostics:#?}"));
    loop {
        let tasks = mutants.tasks();
        let queue = Mutex::new(tasks.iter().enumerate());
        let done = Mutex::new(Vec::new());
        let work = || {
            loop {
                let next = queue.lock().expect("no thread panics").next();
                let Some((index, task)) = next else { return };
                let result = (index, task.run());
                done.lock().expect("no thread panics").push(result);
            }
        };
        std::thread::scope(|scope| [(); 2].map(|()| scope.spawn(work)).map(|thread| thread.join().expect("a thread")));
        let mut done = done.into_inner().expect("no thread panics");
        done.sort_by_key(|(index, _)| *index);
        mutants.absorb(done.into_iter().map(|(_, done)| done).collect());
        if let Some(report) = mutants.report() {
            return report;
        }
    }
}

fn query(form: Form, custom: &str, chosen: Chosen) -> Query {
    Query { config: Config { form, custom: custom.into(), ..Config::default() }, chosen, depth: 1 }
}

fn without(fate: &LineFate<'_>) -> String {
    match fate.without {
        Verdict::Killed(violation) => format!("{} {}", violation.broken.invariant(), violation.schedule),
        verdict => verdict.name().to_owned(),
    }
}

#[test]
fn form_e_and_the_explorer() {
    let report = judged(&query(Form::E, "", Chosen::All));
    assert_eq!(report.original, []);
    assert_eq!(report.unconfirmed, [""; 0]);
    let mut text = String::new();
    Verdict::NAMES.into_iter().for_each(|name| writeln!(text, "{name} {}", report.count(name)).expect("a string"));
    expect![[r#"
        killed 95
        stray-store 2
        slower 11
        equivalent 37
        same-bytes 0
        does-not-assemble 12
        survivor 2
    "#]]
    .assert_eq(&text);
    let score = report.score();
    assert!(score.is_enough(), "{score:?}");
    assert!(report.judged.iter().all(|judged| match &judged.verdict {
        Verdict::Killed(violation) => violation.shorter != Shorter::Unknown,
        _ => true,
    }));

    let survivors: Vec<_> = report.survivors().map(|judged| judged.mutant.id.to_string()).collect();
    let reasons: Vec<_> = REASONS.iter().map(|(id, _)| (*id).to_owned()).collect();
    assert_eq!(survivors, reasons, "each survivor has a reason, and each reason a survivor");

    let lines =
        report.lines().map(|fate| format!("{}:{}: {}: {}\n", fate.part, fate.line, fate.statement, without(&fate)));
    expect![[r#"
        restore:7: ALTERNATIVE "jmp .Lend_\@","",X86_FEATURE_PTI: equivalent
        restore:10: bt $PTI_USER_PGTABLE_BIT,\save_reg: restored entry_SYSCALL_64:db
        restore:11: jnc .Lend_\@: flush-kept syscall_entry_kernel_cr3:db
        restore:13: ALTERNATIVE "jmp .Lwrcr3_\@","",X86_FEATURE_PCID: mapped entry_SYSCALL_64:db
        restore:16: movq \save_reg,\scratch_reg: flush-kept sysret_exit_switch_cr3+14:db
        restore:17: andq $(0x7FF),\scratch_reg: flush-kept sysret_exit_switch_cr3+14:db
        restore:18: btr \scratch_reg,THIS_CPU_user_pcid_flush_mask: flush-kept sysret_exit_switch_cr3+14:db
        restore:19: jc .Lwrcr3_\@: flush-kept entry_SYSCALL_64:db
        restore:21: SET_NOFLUSH_BIT \save_reg: slower
        restore:23: .Lwrcr3_\@:: does-not-assemble
        restore:24: movq \save_reg,%cr3: restored entry_SYSCALL_64:db
        restore:25: .Lend_\@:: does-not-assemble
        save:167: ALTERNATIVE "jmp .Ldone_\@","",X86_FEATURE_PTI: equivalent
        save:168: mov %cr3,\scratch_reg: mapped entry_SYSCALL_64:db
        save:169: movq \scratch_reg,\save_reg: restored entry_SYSCALL_64:db
        save:170: bt $PTI_USER_PGTABLE_BIT,\scratch_reg: mapped entry_SYSCALL_64:db
        save:171: jnc .Ldone_\@: slower
        save:172: ADJUST_KERNEL_CR3 \scratch_reg: mapped entry_SYSCALL_64:db
        save:173: mov \scratch_reg,%cr3: mapped entry_SYSCALL_64:db
        save:174: .Ldone_\@:: does-not-assemble
        user:137: mov %cr3,\scratch_reg: mapped 
        user:138: ALTERNATIVE "jmp .Lwrcr3_\@","",X86_FEATURE_PCID: mapped 
        user:139: movq \scratch_reg,\scratch_reg2: kernel-cr3 
        user:140: andq $(0x7FF),\scratch_reg: flush-kept user_start:vc
        user:141: bt \scratch_reg,THIS_CPU_user_pcid_flush_mask: flush-kept user_start:vc
        user:142: jnc .Lnoflush_\@: slower
        user:143: btr \scratch_reg,THIS_CPU_user_pcid_flush_mask: survivor
        user:144: movq \scratch_reg2,\scratch_reg: kernel-cr3 user_start:vc
        user:145: jmp .Lwrcr3_pcid_\@: flush-kept user_start:vc
        user:146: .Lnoflush_\@:: does-not-assemble
        user:147: movq \scratch_reg2,\scratch_reg: kernel-cr3 
        user:148: SET_NOFLUSH_BIT \scratch_reg: slower
        user:149: .Lwrcr3_pcid_\@:: does-not-assemble
        user:150: orq $(PTI_USER_PCID_MASK),\scratch_reg: kernel-cr3 
        user:151: .Lwrcr3_\@:: does-not-assemble
        user:152: orq $(PTI_USER_PGTABLE_MASK),\scratch_reg: kernel-cr3 
        user:153: mov \scratch_reg,%cr3: user-cr3 
    "#]]
    .assert_eq(&lines.collect::<String>());
}

#[test]
fn a_score_counts_what_could_be_found() {
    let enough = |killed, of| Score { killed, of }.is_enough();
    assert!(enough(95, 100) && !enough(94, 100) && enough(0, 0) && !enough(18, 19) && enough(19, 20));
    assert_eq!([(0, 0), (1, 3), (97, 99)].map(|(killed, of)| Score { killed, of }.per_mille()), [1000, 333, 979]);
}

fn explorer(config: Config) -> Explorer {
    let search = Search {
        configs: vec![config],
        vectors: VECTORS.to_vec(),
        depth: 1,
        assumed: Assumptions::default(),
        method: Method::CutOff,
        max_runs: None,
        shard: None,
    };
    Explorer::new(search).unwrap_or_else(|diagnostics| panic!("{diagnostics:#?}"))
}

/// Whether the explorer finds nothing on a system.
fn holds(form: Form, custom: &str, features: Features, handler: Handler) -> bool {
    let config =
        Config { form, custom: custom.into(), features, handler: Handlers::only(handler), ..Config::default() };
    let mut explorer = explorer(config).for_shortest();
    while explorer.work(1_000_000) == Progress::More {}
    let report = explorer.report();
    assert_eq!(report.unconfirmed, [""; 0]);
    report.violations.is_empty()
}

const NO_INVPCID: Features = Features { invpcid: false, ..Features::ALL };
const NO_PCID: Features = Features { pcid: false, ..Features::ALL };
const NO_ISOLATION: Features = Features { sev_es: true, ..Features::NONE };

fn mutant(form: Form, custom: &str, id: &str) -> Mutant {
    let all = mutants(&query(form, custom, Chosen::All).config).expect("a form");
    all.into_iter().find(|mutant| mutant.id.to_string() == id).unwrap_or_else(|| panic!("no mutant {id}"))
}

#[test]
fn what_is_proven_to_be_the_same_breaks_nothing() {
    for id in ["restore:9:delete", "save:5:delete", "user:6:swap", "user:17:double"] {
        let text = mutant(Form::E, "", id).text;
        assert!(holds(Form::Custom, &text, NO_INVPCID, Handler::PendingFlush), "{id}");
    }
    let text = mutant(Form::E, "", "restore:3:swap").text;
    assert!(holds(Form::Custom, &text, NO_PCID, Handler::Quiet));
}

#[test]
fn a_search_for_the_shortest_finds_what_the_whole_search_finds_first() {
    for id in ["restore:11:delete", "save:3:delete", "restore:8:negate"] {
        let custom = mutant(Form::E, "", id).text;
        let config = Config { form: Form::Custom, custom, ..Config::default() };
        let found = |shortest: fn(Explorer) -> Explorer| {
            let mut explorer = shortest(explorer(config.clone()));
            while explorer.work(1_000_000) == Progress::More {}
            let report = explorer.report();
            (report.verdict, report.depth, report.violations.into_iter().next())
        };
        assert_eq!(found(Explorer::for_shortest), found(|explorer| explorer), "{id}");
    }
}

/// Form E whose macros end by spoiling what the proof takes for useless: the registers that their calls name, and the status flags.
fn spoiled() -> String {
    let restore = mutant(Form::E, "", "restore:1:double").text;
    let own = restore
        .replace(".Lend_\\@:\n", ".Lend_\\@:\n\tmovq $-2, \\scratch_reg\n\tmovq $-3, \\save_reg\n\taddq $1, %rax\n");
    let macro_of = |id: &str| {
        let text = mutant(Form::E, "", id).text;
        text[text.rfind(".macro").expect("a macro")..].to_owned()
    };
    let save = macro_of("save:1:double").replace(".endm", "\tmovq $-2, \\scratch_reg\n\taddq $2, \\scratch_reg\n.endm");
    let user = macro_of("user:1:double")
        .replace(".endm", "\tmovq $-2, \\scratch_reg\n\tmovq $-3, \\scratch_reg2\n\taddq $3, %rax\n.endm");
    [own, save, user].join("\n")
}

#[test]
fn what_the_proof_takes_for_useless_is_useless() {
    let text = spoiled();
    for (features, handler) in
        [(NO_INVPCID, Handler::PendingFlush), (NO_PCID, Handler::Quiet), (NO_ISOLATION, Handler::Quiet)]
    {
        assert!(holds(Form::Custom, &text, features, handler), "{features}");
    }
    let worse = text.replace("\tmovq $-3, \\save_reg\n", "\tmovq $-3, %r13\n");
    assert!(holds(Form::Custom, &worse, NO_ISOLATION, Handler::Quiet), "R13 is loaded behind the macro too");
    let wrong = text.replace("\tmovq $-3, \\save_reg\n", "\tmovq $-3, %rbx\n");
    assert!(!holds(Form::Custom, &wrong, NO_INVPCID, Handler::PendingFlush), "RBX is what the GS base was");
    let unsaved = text.replace("\taddq $2, \\scratch_reg\n", "\tmovq $0, \\save_reg\n");
    assert!(!holds(Form::Custom, &unsaved, NO_INVPCID, Handler::PendingFlush), "what is saved is used");
}

#[test]
fn every_form_has_mutants() {
    let count = |form| {
        let all = mutants(&query(form, "", Chosen::All).config).expect("a form");
        let of = |name: &str| all.iter().filter(|mutant| mutant.id.part.name() == name).count();
        format!("{form}: {} restore, {} save, {} user\n", of("restore"), of("save"), of("user"))
    };
    expect![[r#"
        A: 61 restore, 33 save, 75 user
        B2: 18 restore, 33 save, 75 user
        C: 61 restore, 33 save, 75 user
        E: 51 restore, 33 save, 75 user
        never: 0 restore, 33 save, 75 user
    "#]]
    .assert_eq(&Form::NAMED.into_iter().map(count).collect::<String>());
}

#[track_caller]
fn check_text(custom: &str, id: &str, expected: Expect) {
    let Mutant { source, line, old, new, text, .. } = mutant(Form::Custom, custom, id);
    expected.assert_eq(&format!("{source}:{line}: {old} => {new}\n{text}"));
}

const OWN: &str = "\
#define BIT 12 /* one
 two */
.macro RESTORE_CR3 save_reg:req scratch_reg=%rax
	bt	$BIT, \\save_reg; jnc .Lend_\\@ /* three
	four */
	movq	\\save_reg, %cr3 // five
.Lend_\\@:
.endm
.macro SAVE_AND_SWITCH_TO_KERNEL_CR3 scratch_reg:req save_reg:req
	mov	%cr3, \\save_reg
.endm
";

#[test]
fn a_persons_text_keeps_its_lines_and_comments() {
    check_text(
        OWN,
        "restore:2:negate",
        expect![[r#"
        restore/custom.S:4: jnc .Lend_\@ => jc .Lend_\@
        #define BIT 12 /* one
         two */
        .macro RESTORE_CR3 save_reg:req scratch_reg=%rax
        	bt $BIT,\save_reg; jc .Lend_\@ /* three
        	four */
        	movq	\save_reg, %cr3 // five
        .Lend_\@:
        .endm
        .macro SAVE_AND_SWITCH_TO_KERNEL_CR3 scratch_reg:req save_reg:req
        	mov	%cr3, \save_reg
        .endm
    "#]],
    );
    check_text(
        OWN,
        "restore:2:swap",
        expect![[r#"
        restore/custom.S:4: jnc .Lend_\@; movq \save_reg,%cr3 => movq \save_reg,%cr3; jnc .Lend_\@
        #define BIT 12 /* one
         two */
        .macro RESTORE_CR3 save_reg:req scratch_reg=%rax
        	bt $BIT,\save_reg; movq \save_reg,%cr3 /* three
        	four */
        	jnc .Lend_\@
        .Lend_\@:
        .endm
        .macro SAVE_AND_SWITCH_TO_KERNEL_CR3 scratch_reg:req save_reg:req
        	mov	%cr3, \save_reg
        .endm
    "#]],
    );
    check_text(
        OWN,
        "save:1:register-1",
        expect![[r#"
        restore/custom.S:10: mov %cr3,\save_reg => mov %cr3,\scratch_reg
        #define BIT 12 /* one
         two */
        .macro RESTORE_CR3 save_reg:req scratch_reg=%rax
        	bt	$BIT, \save_reg; jnc .Lend_\@ /* three
        	four */
        	movq	\save_reg, %cr3 // five
        .Lend_\@:
        .endm
        .macro SAVE_AND_SWITCH_TO_KERNEL_CR3 scratch_reg:req save_reg:req
        	mov %cr3,\scratch_reg
        .endm
    "#]],
    );
    let user = mutant(Form::Custom, OWN, "user:1:delete");
    assert_eq!((user.source.as_str(), user.text.starts_with(OWN)), ("arch/x86/entry/calling.h", true));
}

#[test]
fn settings_before_a_text_stay_before_its_mutants() {
    let id = "restore:2:negate";
    let without = mutant(Form::Custom, OWN, id);
    for (settings, lines) in [("#define CONFIG_A 1\n#line 1\n", 0), ("#define CONFIG_A 1\n#undef CONFIG_B\n", 2)] {
        let with = mutant(Form::Custom, &format!("{settings}{OWN}"), id);
        assert_eq!((&*with.text, with.line), (format!("{settings}{}", without.text).as_str(), without.line + lines));
    }
}

/// Form A to form E, as a patch.
const MERGED: &str = include_str!("../../../testdata/patches/merged.diff");

#[test]
fn the_mutants_of_a_patch_are_those_of_the_macros_that_it_makes() {
    let changes = |form, custom| {
        let all = mutants(&query(form, custom, Chosen::All).config).expect("a form");
        all.into_iter().map(|mutant| (mutant.id, mutant.old, mutant.new)).collect::<Vec<_>>()
    };
    let patched = changes(Form::Custom, MERGED);
    assert_eq!(patched, changes(Form::E, ""));
    assert_eq!(patched.len(), 159);
    for id in ["restore:11:delete", "save:4:register-1", "user:16:delete"] {
        assert_eq!(sections(Form::Custom, MERGED, id), sections(Form::E, "", id), "{id}");
    }
}

fn sections(form: Form, custom: &str, id: &str) -> Vec<Section> {
    let config = Config { form: Form::Custom, custom: mutant(form, custom, id).text, ..Config::default() };
    cr3_core::linux::boot(&config).expect("it assembles").image.sections.clone()
}

/// Another instruction with the same code.
const CALLING: &str = "\
--- a/arch/x86/entry/calling.h
+++ b/arch/x86/entry/calling.h
@@ -1,3 +1,3 @@
 .macro SET_NOFLUSH_BIT reg:req
-	bts	$X86_CR3_PCID_NOFLUSH_BIT, \\reg
+	btsq	$X86_CR3_PCID_NOFLUSH_BIT, \\reg
 .endm
";

#[test]
fn the_mutants_of_a_patch_have_all_that_it_changes() {
    for id in ["restore:11:delete", "user:16:delete"] {
        assert_eq!(sections(Form::Custom, CALLING, id), sections(Form::E, "", id), "{id}");
        let Mutant { source, text, .. } = mutant(Form::Custom, CALLING, id);
        assert_eq!((source.as_str(), text.matches("btsq").count()), ("restore/custom.S", 1), "{id}");
    }
}

#[test]
fn a_patch_of_entry_code_has_no_mutants() {
    let call = "+\tPARANOID_RESTORE_CR3 scratch_reg=%r15";
    let patch = MERGED.replace("+1370,7 @@", "+1370,8 @@").replace(call, &format!("+\tnop\n{call}"));
    let refused = mutants(&query(Form::Custom, &patch, Chosen::All).config).expect_err("more than macros");
    let said = "the patch changes entry code and not only macros";
    assert_eq!((refused[0].position.line, refused[0].message.as_str()), (3, said));
}

#[test]
fn statements_that_share_several_lines_are_left_alone() {
    let changed = |from: &str, to: &str| {
        let text = OWN.replacen(from, to, 1);
        assert_ne!(text, OWN);
        let all = mutants(&query(Form::Custom, &text, Chosen::All).config).expect("a form");
        let own = all.iter().filter(|mutant| mutant.id.part.name() == "restore");
        own.map(|mutant| mutant.id.statement).collect::<BTreeSet<_>>()
    };
    assert_eq!(changed("// five", "// six"), [1, 2, 3, 4].into());
    assert_eq!(changed("four */\n", "four */ ; "), [4].into(), "one line for the assembler");
    assert_eq!(changed("movq\t", "movq \\\n"), [1, 2, 4].into(), "the third goes on");
}

#[test]
fn a_form_that_breaks_says_nothing_about_its_mutants() {
    let one = mutant(Form::Never, "", "save:4:delete").id;
    let report = judged(&query(Form::Never, "", Chosen::One(one)));
    assert_eq!(report.original.len(), 2, "with page-table isolation");
    assert_eq!(report.judged.len(), 0);
    let refused = Mutants::new(&query(Form::Custom, "", Chosen::All)).map(|_| ());
    assert_eq!(refused.map_err(|diagnostics| diagnostics.len()), Err(1));
}
