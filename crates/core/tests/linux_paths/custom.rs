//! A person's own macro: runs like the repository's forms, and fails with a diagnostic, whatever it says.

use crate::support::{ALL_ON, Run};
use cr3_core::asm::{Diagnostic, Severity};
use cr3_core::linux::sources::{CUSTOM, form_source};
use cr3_core::linux::{self, Config, Features, Form, Geometry, Handler, Handlers};
use cr3_core::machine::Exception::Nmi;
use cr3_core::machine::{self, Event};
use cr3_testing::cases;
use proptest::prelude::*;

fn config(text: &str) -> Config {
    let form = Form::Custom(text.into());
    Config { features: ALL_ON, form, handler: Handlers::QUIET, geometry: Geometry::Architectural }
}

/// The writes to CR3 of a run that an NMI strikes in an exit window.
fn writes(form: &Form, features: Features) -> Vec<(u64, u64)> {
    let mut run = Run::new(features, form, Handler::Quiet);
    run.run_to("sysret_exit_user_cr3");
    run.inject(Nmi);
    assert_eq!(run.run_to_end(), "run_end");
    run.log.cr3_writes.iter().map(|write| (write.before, write.after)).collect()
}

#[test]
fn the_text_of_a_form_given_as_ones_own_does_the_same() {
    for form in [Form::A, Form::B2, Form::C, Form::E] {
        let own = Form::Custom(form_source(&form).text.into());
        for features in [ALL_ON, Features { pcid: false, ..ALL_ON }] {
            assert_eq!(writes(&own, features), writes(&form, features), "{form:?}");
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

/// Pieces of which a person's text, good or bad, is made.
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
        let text: Vec<char> = form_source(&form).text.chars().collect();
        let (kept, rest) = text.split_at(at % text.len());
        let rest = rest.iter().skip(removed);
        survives(&kept.iter().copied().chain(inserted.chars()).chain(rest.copied()).collect::<String>());
    }
}
