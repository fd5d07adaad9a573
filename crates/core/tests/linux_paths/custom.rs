//! A person's own macro runs like the repository's forms, and fails with a diagnostic, whatever it contains.

use crate::support::{ALL_ON, Run};
use cr3_core::asm::{Diagnostic, Severity};
use cr3_core::linux::sources::{CUSTOM, form_source};
use cr3_core::linux::{self, Config, Features, Form, NoteKind};
use cr3_core::machine::Exception::Nmi;
use cr3_core::machine::{self, Event};
use cr3_testing::cases;
use proptest::prelude::*;

fn config(text: &str) -> Config {
    Config { features: ALL_ON, form: Form::Custom, custom: text.into(), ..Config::default() }
}

fn ours(form: Form) -> Config {
    Config { features: ALL_ON, form, ..Config::default() }
}

/// The writes to CR3 of a run that an NMI strikes in an exit window.
fn writes(config: &Config) -> Vec<(u64, u64)> {
    let mut run = Run::of(config);
    run.run_to("sysret_exit_user_cr3");
    run.inject(Nmi);
    assert_eq!(run.run_to_end(), "run_end");
    run.log.cr3_writes.iter().map(|write| (write.before, write.after)).collect()
}

#[test]
fn the_text_of_a_form_given_as_ones_own_does_the_same() {
    for form in [Form::A, Form::B2, Form::C, Form::E] {
        let own = config(&form_source(form, "").text);
        for features in [ALL_ON, Features { pcid: false, ..ALL_ON }] {
            let (own, ours) = (Config { features, ..own.clone() }, Config { features, ..ours(form) });
            assert_eq!(writes(&own), writes(&ours), "{form:?}");
        }
    }
}

fn errors(text: &str) -> Vec<Diagnostic> {
    let diagnostics = linux::boot(&config(text)).map(|_| ()).expect_err("refused");
    diagnostics.into_iter().filter(|diagnostic| diagnostic.severity == Severity::Error).collect()
}

#[test]
fn what_does_not_assemble_is_reported_at_its_line() {
    let within = |body: &str| format!("\n.macro RESTORE_CR3 scratch_reg:req save_reg:req\n{body}\n.endm\n");
    let cases = [
        (String::new(), 1),
        (".macro RESTORE_CR3 other:req\n.endm".to_owned(), 1),
        (within("\tmovq \\save_reg, %cr99"), 3),
        (within("\tfrobnicate \\save_reg"), 3),
        (within("\tjmp nowhere"), 3),
        (within("\tmovq \\save_reg, %cr3\n.rept"), 4),
        (within("") + "\nexc_nmi:\n", 0),
        (within("") + "\n.section .elsewhere\n.quad 1\n", 7),
        (within("") + "\n.text\n.skip 0x200001\n", 7),
        (within("") + "\n.section .user.text, \"ax\"\n.skip 0x1000\n", 7),
    ];
    for (text, line) in cases {
        let errors = errors(&text);
        let first = errors.first().unwrap_or_else(|| panic!("no error for {text:?}"));
        if line != 0 {
            assert_eq!((first.source.as_str(), first.position.line), (CUSTOM, line), "{text:?}: {errors:#?}");
        }
        assert!(!first.message.is_empty(), "{text:?}");
    }
}

/// The notes on places in a text that boots: line and message. The one on the whole text, which must be there, is left out.
fn notes(text: &str, features: Features) -> Vec<(u32, String)> {
    let system = linux::boot(&Config { features, ..config(text) }).expect("a text that boots");
    assert!(system.notes.iter().all(|note| note.source == CUSTOM && note.severity != Severity::Error));
    let (taken, others): (Vec<_>, Vec<_>) =
        system.notes.iter().partition(|note| NoteKind::of(&note.message) == NoteKind::Taken);
    assert_eq!(taken.len(), 1);
    others.into_iter().map(|note| (note.position.line, note.message.clone())).collect()
}

#[test]
fn our_own_texts_have_no_notes() {
    for form in Form::NAMED {
        let system = linux::boot(&Config { form, ..config("") }).expect("a form of the repository");
        assert_eq!(*system.notes, [], "{form:?}");
    }
    for form in [Form::A, Form::B2, Form::C, Form::E] {
        assert_eq!(notes(&form_source(form, "").text, ALL_ON), [], "{form:?}");
    }
}

/// A form between `#if` and `#else`, with an empty macro in the other arm, as in calling.h.
fn under(test: &str, form: Form) -> String {
    let name = if matches!(form, Form::A) { "RESTORE_CR3" } else { "PARANOID_RESTORE_CR3" };
    let text = form_source(form, "").text;
    format!("{test}\n{text}\n#else\n.macro {name} scratch_reg:req save_reg:req\n.endm\n#endif\n")
}

#[test]
fn the_configuration_of_the_machine_decides_between_arms() {
    for name in ["CONFIG_PAGE_TABLE_ISOLATION", "CONFIG_MITIGATION_PAGE_TABLE_ISOLATION"] {
        for test in [format!("#ifdef {name}"), format!("#if defined({name})"), format!("#if IS_ENABLED({name})")] {
            for form in [Form::A, Form::E] {
                let text = under(&test, form);
                assert_eq!(notes(&text, ALL_ON), [], "{test}");
                assert_eq!(writes(&config(&text)), writes(&ours(form)), "{test} {form:?}");
            }
        }
    }
    for (features, taken) in [(ALL_ON, true), (Features { sev_es: false, ..ALL_ON }, false)] {
        let text = under("#ifdef CONFIG_AMD_MEM_ENCRYPT", Form::E);
        assert_eq!(notes(&text, features).is_empty(), taken);
    }
}

#[test]
fn an_unknown_name_of_the_configuration_and_an_empty_macro_are_said() {
    let text = under("#if defined(CONFIG_DEBUG_ENTRY) && !defined(CONFIG_XEN_PV)", Form::E);
    let empty = text.lines().position(|line| line == "#else").expect("an #else") as u32 + 2;
    let expected = [
        (1, "`CONFIG_DEBUG_ENTRY` counts as off".to_owned()),
        (1, "`CONFIG_XEN_PV` counts as off".to_owned()),
        (empty, "the macro PARANOID_RESTORE_CR3 is empty with these features".to_owned()),
    ];
    assert_eq!(notes(&text, ALL_ON), expected);
    let set = format!("#define CONFIG_DEBUG_ENTRY 1\n{text}");
    assert_eq!(notes(&set, ALL_ON), [(2, "`CONFIG_XEN_PV` counts as off".to_owned())]);
}

/// What is empty depends on the features, not on the text alone.
#[test]
fn a_macro_that_an_alternative_empties_is_empty() {
    let text =
        ".macro RESTORE_CR3 save_reg:req\n\tALTERNATIVE \"\", \"movq \\save_reg, %cr3\", X86_FEATURE_PCID\n.endm\n";
    let empty = [(1, "the macro RESTORE_CR3 is empty with these features".to_owned())];
    assert_eq!(notes(text, ALL_ON), []);
    assert_eq!(notes(text, Features { pcid: false, ..ALL_ON }), empty);
    assert_eq!(notes(".macro RESTORE_CR3\n.Lend_\\@:\n.endm\n", ALL_ON), empty);
}

#[test]
fn a_second_definition_is_refused_at_its_line() {
    let text = form_source(Form::A, "").text;
    let first = text.lines().position(|line| line.starts_with(".macro RESTORE_CR3")).expect("a macro") as u32 + 1;
    let second = text.lines().count() as u32 + first;
    let errors = errors(&format!("{text}{text}"));
    let said: Vec<_> = errors.iter().map(|error| (error.position.line, error.message.as_str())).collect();
    assert_eq!(said, [(second, format!("macro `RESTORE_CR3` was already defined in line {first}").as_str())]);
    assert!(errors[0].hint.as_ref().is_some_and(|hint| !hint.contains(".purgem")), "{errors:?}");
}

/// The macros around CR3 in the words of v4.15 and later: all the same except the first.
const BLOCK: &str = "
.macro SET_NOFLUSH_BIT reg:req
\tbtsq\t$X86_CR3_PCID_NOFLUSH_BIT, \\reg
.endm
.macro ADJUST_KERNEL_CR3 reg:req
\tALTERNATIVE \"\", \"SET_NOFLUSH_BIT \\reg\", X86_FEATURE_PCID
\t/* Clear PCID and \"PAGE_TABLE_ISOLATION bit\", point CR3 at kernel pagetables: */
\tandq    $(~PTI_USER_PGTABLE_AND_PCID_MASK), \\reg
.endm
.macro Switch_To_Kernel_CR3 scratch_reg:req
\tALTERNATIVE \"jmp .Lend_\\@\", \"\", X86_FEATURE_PTI
\tmov %cr3, \\scratch_reg
\tADJUST_KERNEL_CR3 \\scratch_reg
\tmov \\scratch_reg, %cr3
.Lend_\\@:
.endm
.macro SWITCH_TO_USER_CR3_NOSTACK scratch_reg:req scratch_reg2:req
\tmov %cr3, \\scratch_reg
.endm
";

#[test]
fn macros_of_the_text_replace_the_built_in_ones() {
    let text = format!("{BLOCK}{}", form_source(Form::E, "").text);
    let replaces = |name: &str, how: &str| format!("`{name}` replaces the built-in macro of that name; {how}");
    let expected = [
        (2, replaces("SET_NOFLUSH_BIT", "their texts differ")),
        (5, replaces("ADJUST_KERNEL_CR3", "both have the same text")),
        (10, replaces("Switch_To_Kernel_CR3", "both have the same text")),
        (17, "`SWITCH_TO_USER_CR3_NOSTACK` is new, and nothing calls it".to_owned()),
    ];
    assert_eq!(notes(&text, ALL_ON), expected);
    assert_eq!(writes(&config(&text)), writes(&ours(Form::E)));
    let system = linux::boot(&config(&text)).expect("a text that boots");
    let own = |line: &&cr3_core::asm::Line| line.text.starts_with("btsq");
    assert!(system.image.listing.iter().filter(own).count() > 1, "the entry code uses the macro of the text");
    assert!(system.sources.iter().all(|source| source.name == CUSTOM || !source.text.contains(".macro SET_NOFLUSH")));
}

#[test]
fn any_of_our_macros_may_be_replaced() {
    let form = form_source(Form::E, "").text;
    let idtentry = ".macro idtentry asmsym:req cfunc:req has_error_code:req\n\\asmsym:\n\thlt\n.endm\n";
    let [only] = &notes(&format!("{idtentry}{form}"), ALL_ON)[..] else { panic!("one note") };
    assert_eq!(only.1, "`idtentry` replaces the built-in macro of that name; their texts differ");
    let undecided = errors(&format!(".if 1\n.macro SET_NOFLUSH_BIT reg\n.endm\n.endif\n{form}"));
    let said: Vec<_> = undecided.iter().map(|error| (error.position.line, error.message.as_str())).collect();
    let [(2, message)] = said[..] else { panic!("{said:?}") };
    assert!(
        message.starts_with("macro `SET_NOFLUSH_BIT` was already defined in arch/x86/entry/calling.h line "),
        "{message}"
    );
}

/// Pieces of a person's text, good or bad.
fn piece() -> impl Strategy<Value = String> {
    let pieces = [
        ".macro RESTORE_CR3 scratch_reg:req save_reg:req",
        ".macro PARANOID_RESTORE_CR3 save_reg",
        ".endm",
        "ALTERNATIVE \"jmp .Lend_\\@\", \"\", X86_FEATURE_PTI",
        "ALTERNATIVE \"\", \"",
        "bt $12, \\save_reg",
        "jnc .Lend_\\@",
        ".Lend_\\@:",
        "movq \\save_reg, %cr3",
        "btr \\scratch_reg, THIS_CPU_user_pcid_flush_mask",
        "RESTORE_CR3 %rax %r14",
        ".rept 1000000000",
        ".endr",
        ".if 1",
        ".endif",
        ".section .user.text",
        ".section \u{e9}",
        ".skip 0xffffffffffffffff",
        ".org 0x7fffffffffffffff",
        ".set user_start, 0x8000000000000000",
        "entry_SYSCALL_64:",
        "#define mov push",
        "#include \"x\"",
        "/*",
        "\\",
        "1: jmp 1b",
        "hlt",
        "--- a/arch/x86/entry/calling.h",
        "+++ b/arch/x86/entry/calling.h",
        "@@ -1,2 +1,2 @@",
        " .Lend_\\@:",
        "-.endm",
        "+.endm",
    ];
    prop::sample::select(pieces.to_vec()).prop_map(str::to_owned)
}

/// Boots with the text and takes some steps, with NMIs between them.
fn survives(text: &str) {
    let Ok(system) = linux::boot(&config(text)) else { return };
    let mut machine = system.machine;
    let pages = machine.memory.pages().count();
    for _ in 0..4 {
        let _ = (0..500).take_while(|_| machine::step(&mut machine, &mut ()).is_ok()).count();
        let _ = machine::deliver(&mut machine, Event::Exception(Nmi), None, &mut ());
    }
    // The machine maps less than this.
    let grown = machine.memory.pages().count() - pages;
    assert!(grown <= 2000, "{grown} pages more");
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn no_text_makes_boot_or_the_run_panic(pieces in prop::collection::vec(piece(), 0..12)) {
        survives(&format!(".macro RESTORE_CR3 scratch_reg save_reg\n.endm\n{}\n", pieces.join("\n")));
    }

    #[test]
    fn no_body_makes_boot_or_the_run_panic(pieces in prop::collection::vec(piece(), 0..12)) {
        survives(&format!(".macro RESTORE_CR3 scratch_reg:req save_reg:req\n{}\n.endm\n", pieces.join("\n")));
    }

    #[test]
    fn no_damage_to_a_form_makes_boot_or_the_run_panic(
        form in prop::sample::select(vec![Form::A, Form::B2, Form::C, Form::E]),
        at in 0..2000_usize,
        removed in 0..20_usize,
        inserted in prop_oneof![Just(String::new()), piece(), "\\PC{0,6}"],
    ) {
        let text: Vec<char> = form_source(form, "").text.chars().collect();
        let (kept, rest) = text.split_at(at % text.len());
        let rest = rest.iter().skip(removed);
        survives(&kept.iter().copied().chain(inserted.chars()).chain(rest.copied()).collect::<String>());
    }
}
