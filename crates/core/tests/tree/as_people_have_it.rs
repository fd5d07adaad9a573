//! Trees as people have them: with a configuration, with a file missing, with a Makefile that names another release.

use super::*;

/// A place of the entry code that every return to user mode comes by.
const EXIT: &str = "syscall_return_via_sysret:\n\tPOP_REGS pop_rdi=0\n";

/// The entry code with what a kernel's has under some names of the configuration.
fn entry() -> String {
    let erased = text(ENTRY).replacen(EXIT, &EXIT.replace("\tPOP", "\tSTACKLEAK_ERASE\n\tPOP"), 1);
    let checked = "#if defined(CONFIG_DEBUG_ENTRY) && defined(CONFIG_ODD)\n\tSAVE_FLAGS\n#endif\n";
    let canary = "#ifdef CONFIG_STACKPROTECTOR\n\tmovq TASK_stack_canary(%rsi), %rbx\n\tmovq %rbx, PER_CPU_VAR(fixed_percpu_data + stack_canary_offset)\n#endif\n";
    let switch = "\tjmp\t__switch_to\n";
    assert!(erased.contains(switch) && erased.contains("\tSTACKLEAK_ERASE\n"));
    erased.replacen(switch, &format!("{canary}{checked}{switch}"), 1)
}

/// The tree with such entry code and a configuration.
fn configured(config: &str) -> Arc<Tree> {
    let files = [(ENTRY, entry()), (".config", config.to_owned())];
    let files = files.map(|(path, text)| (path.to_owned(), File::Text(text)));
    Arc::new(read(&files.into()).expect("a tree"))
}

fn recorded(config: Config) -> Trace {
    Trace::record(&Scenario { config, ..Scenario::default() }, Options::default())
        .unwrap_or_else(|told| panic!("{}", said(&told)))
}

#[test]
fn a_configuration_is_taken_from_the_tree_and_a_person_goes_before_it() {
    let entry = text(ENTRY).replacen("\tswapgs", "#ifdef CONFIG_ODD\n\tswapgz\n#endif\n\tswapgs", 1);
    let with = |config: &str| {
        let files = [(ENTRY, entry.as_str()), (".config", config)];
        let files = files.map(|(path, text)| (path.to_owned(), File::Text(text.to_owned())));
        Arc::new(read(&files.into()).expect("a tree"))
    };
    let tree = with("# CONFIG_EVEN is not set\nCONFIG_ODD=y\nCONFIG_SMP=n\nCONFIG_DEBUG_ENTRY=y\n");
    assert_eq!(tree.kernel(Kernel::V6_12).to_string(), "v6.12+debug-entry");
    let told = boot(&tree, "").map(|_| ()).map_err(|told| said(&told));
    assert!(told.is_err_and(|told| told.contains("swapgz")), "it is on");
    let notes = boot(&tree, "#undef CONFIG_ODD\n").expect("a person turned it off").notes;
    assert!(!said(&notes).contains("of its .config"), "what a person sets is not taken from it: {}", said(&notes));
    assert!(said(&notes).contains("set otherwise in its .config: CONFIG_SMP is off (here on)\n"), "{}", said(&notes));
    let notes = boot(&tree, "#undef CONFIG_ODD\n#define CONFIG_SMP 1\n").expect("it assembles").notes;
    assert!(!said(&notes).contains("CONFIG_SMP"), "{}", said(&notes));
    assert!(boot(&with("CONFIG_ODD=n\n"), "").is_ok());
}

/// With any configuration the tree takes the steps that it takes with none, or what is otherwise is declared.
#[test]
fn configurations_run_and_are_declared() {
    let steps = |config: &str, kernel, settings: &str| {
        let tree = configured(config);
        let config = Config { kernel, ..super::config(&tree, settings) };
        let trace = recorded(config);
        let walked = lockstep(&tree, settings, Features::ALL, kernel).expect("it assembles");
        assert_eq!(walked.undeclared().count(), 0, "{}", differences(&walked));
        assert_eq!((trace.ending().to_string().as_str(), trace.unmodelled()), ("the program exited", None));
        assert_eq!(trace.breakages, []);
        (trace.steps.len(), walked.differences.len())
    };
    let debug = Kernel::only(Variation::DebugEntry);
    let [plain, checked] = [Kernel::V6_12, debug].map(|kernel| steps("", kernel, ""));
    let check = |config: &str| assert_eq!(steps(config, Kernel::V6_12, ""), plain, "{config}");
    check("CONFIG_MITIGATION_RETHUNK=y\n");
    check("CONFIG_GCC_PLUGIN_STACKLEAK=y\n");
    check("CONFIG_STACKPROTECTOR=y\n");
    check("CONFIG_FRAME_POINTER=y\nCONFIG_X86_32=y\nCONFIG_XEN_PV=y\nCONFIG_SMP=n\n");
    let both = "CONFIG_DEBUG_ENTRY=y\nCONFIG_PARAVIRT_XXL=y\nCONFIG_ODD=y\n";
    assert_eq!(steps(both, debug, ""), checked, "{both}");
    // What a person sets is taken as it is written: a jump for a RET, a call and a RET, a frame for the unwinder.
    let more = |settings: &str| {
        let (steps, differences) = steps("", Kernel::V6_12, settings);
        [steps - plain.0, differences - plain.1]
    };
    expect!["[[3, 3], [6, 1], [6, 19]]"].assert_eq(&format!(
        "{:?}",
        ["MITIGATION_RETHUNK", "GCC_PLUGIN_STACKLEAK", "FRAME_POINTER"]
            .map(|name| more(&format!("#define CONFIG_{name} 1\n")))
    ));
}

#[test]
fn what_is_off_is_said_with_the_reason() {
    let tree =
        configured("CONFIG_MITIGATION_RETHUNK=y\nCONFIG_PARAVIRT_XXL=y\nCONFIG_STACKPROTECTOR=y\nCONFIG_XEN_PV=y\n");
    let notes = boot(&tree, "").expect("it assembles").notes;
    expect![[r#"
        arch/x86/entry/entry_64.S:0: of its .config 1 names are used; on: CONFIG_STACKPROTECTOR
          --config NAME=y or NAME=n changes one
        arch/x86/entry/entry_64.S:0: on in its .config and off here: CONFIG_MITIGATION_RETHUNK, CONFIG_PARAVIRT_XXL
          the processor needs none of these mitigations, and at boot Linux makes RET, jumps and NOPs of them; the machine is not a guest of Xen, and Linux patches its own instructions in; --config NAME=y sets one all the same
    "#]].assert_eq(&said(&notes[..2]));
}

/// A header that nothing but a setting includes is read with that setting; so is what it calls.
#[test]
fn settings_reach_what_the_text_has_under_them() {
    let entry = text(ENTRY).replacen(EXIT, &format!("#ifdef CONFIG_ODD\n#include <asm/odd.h>\n#endif\n{EXIT}"), 1);
    let odd = "arch/x86/include/asm/odd.h";
    let files = [(ENTRY, entry), (odd, "\tcall odd_function\n".to_owned())];
    let files: Files = files.map(|(path, text)| (path.to_owned(), File::Text(text))).into();
    let setting = "#define CONFIG_ODD 1\n";
    let asked = |settings| {
        let mut asked = Vec::new();
        let tree = read_with(&files, settings, &mut |path| asked.push(path.to_owned())).expect("a tree");
        (Arc::new(tree), asked.iter().any(|path| path == odd))
    };
    let (without, with) = (asked(""), asked(setting));
    assert_eq!((without.1, with.1), (false, true));
    assert_eq!(recorded(config(&without.0, "")).unmodelled(), None);
    let trace = recorded(config(&with.0, setting));
    assert_eq!(trace.unmodelled().map(|(_, name)| name), Some("odd_function"));
    assert_eq!(recorded(config(&with.0, "")).unmodelled(), None);
    // Of a tree that was read without the setting, the header is said to be missing.
    let told = boot(&without.0, setting).map(|_| ()).map_err(|told| said(&told));
    assert!(told.is_err_and(|told| told.contains("there is no file `asm/odd.h`")));
}

#[test]
fn what_is_missing_is_said_and_no_verdict() {
    let check = |edits: &[(&str, Option<String>)], expected: Expect| {
        let file = |text: &Option<String>| text.clone().map_or(File::Absent, File::Text);
        let edits = edits.iter().map(|(path, text)| ((*path).to_owned(), file(text))).collect();
        let tree = Arc::new(read(&edits).expect("a tree"));
        let told = match boot(&tree, "") {
            Err(told) => said(&told),
            Ok(system) => {
                let trace = recorded(config(&tree, ""));
                let reached = trace.unmodelled().map(|(step, name)| (step, linux::tree::described(name)));
                format!("{}{} {reached:?}\n", said(&system.notes), trace.ending())
            }
        };
        expected.assert_eq(&told);
    };
    let with = |path: &str, from: &str, to: &str| {
        assert!(text(path).contains(from), "{from}");
        Some(text(path).replace(from, to))
    };
    check(
        &[("arch/x86/entry/entry.S", None)],
        expect![[r#"
        arch/x86/include/asm/nospec-branch.h:10: `x86_verw_sel` is not defined
          it would be in arch/x86/entry/entry.S, which this tree lacks
    "#]],
    );
    check(
        &[(CALLING, with(CALLING, "cpu_tlbstate", "cpu_tlb_state"))],
        expect![[r#"
        arch/x86/entry/calling.h:132: `cpu_tlb_state` is not defined
          did you mean `cpu_tlbstate`?
        arch/x86/entry/calling.h:134: `cpu_tlb_state` is not defined
          did you mean `cpu_tlbstate`?
        arch/x86/entry/calling.h:173: `cpu_tlb_state` is not defined
          did you mean `cpu_tlbstate`?
    "#]],
    );
    check(
        &[(ENTRY, with(ENTRY, "call\tdo_syscall_64", "call\tdo_syscall_32"))],
        expect![[r#"
        arch/x86/entry/entry_64.S:0: these labels of the built-in text have no place here, as the texts differ before them
          syscall_choose_exit
        arch/x86/entry/entry_64.S:0: instructions after these labels are counted differently here than in the built-in text
          asm_load_gs_index
        the kernel panicked Some((59, "`do_syscall_32`, a function in C that is not modelled,"))
    "#]],
    );
    check(
        &[
            (ENTRY, with(ENTRY, "\tUNTRAIN_RET\n", "\tcall\tentry_ibpb\n")),
            ("arch/x86/entry/entry.S", with("arch/x86/entry/entry.S", "entry_barrier", "another")),
        ],
        expect![[r#"
            arch/x86/entry/entry_64.S:0: these labels of the built-in text have no place here, as the texts differ before them
              syscall_choose_exit
            arch/x86/entry/entry_64.S:0: instructions after these labels are counted differently here than in the built-in text
              asm_load_gs_index
            the kernel panicked Some((59, "`entry_ibpb`, which would be in arch/x86/entry/entry.S,"))
        "#]],
    );
    check(
        &[("arch/x86/mm/tlb.c", None)],
        expect![[r#"
        arch/x86/entry/entry_64.S:0: the tree has no arch/x86/mm/tlb.c, so switch_mm_irqs_off says that it is switching after it chooses an ASID, as in v6.12
          --kernel early-switching says it before, as v6.12.y and v6.17 do since a fix of 2025
        arch/x86/entry/entry_64.S:0: instructions after these labels are counted differently here than in the built-in text
          asm_load_gs_index
        the program exited None
    "#]],
    );
    check(
        &[(ENTRY, with(ENTRY, "\tsysretq\n", "\tjz\t.Lnowhere\n\tsysretq\n"))],
        expect![[r#"
        arch/x86/entry/entry_64.S:61: `.Lnowhere` is not defined
          define it as a label, by `.set` or by `#define`, or give it as a constant
    "#]],
    );
}

/// The C side takes the arguments that the text passes, not those of the release in its Makefile.
#[test]
fn older_entry_code_hands_over_what_it_did() {
    let entry = text(ENTRY);
    let (now, then) = ("\tmovq\t%rsp, %rdi\n\tmovslq\t%eax, %rsi\n", "\tmovq\t%rax, %rdi\n\tmovq\t%rsp, %rsi\n");
    assert!(entry.contains(now));
    for written in [now, then] {
        for makefile in
            ["VERSION = 5\nPATCHLEVEL = 10\n", "VERSION = 5\nPATCHLEVEL = 13\n", "VERSION = 6\nPATCHLEVEL = 12\n"]
        {
            let files = [(ENTRY, entry.replacen(now, written, 1)), ("Makefile", makefile.to_owned())];
            let tree = read(&files.map(|(path, text)| (path.to_owned(), File::Text(text))).into()).expect("a tree");
            let trace = recorded(config(&Arc::new(tree), ""));
            assert_eq!(trace.ending().to_string(), "the program exited", "{written}{makefile}");
            assert_eq!(trace.breakages, []);
        }
    }
}
