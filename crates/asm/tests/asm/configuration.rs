//! Names of the kernel's configuration: which are on, and that the assembler reports every other one that a text asks
//! for.

use cr3_asm::{Options, Severity, Source, assemble};
use expect_test::expect;

use crate::diagnostics::check;
use crate::support::assembled;

/// Whether the text takes the arm under `test`, by the byte that it leaves; and the number of notes.
fn taken(test: &str) -> (bool, usize) {
    let (image, diagnostics) = assembled(&format!("{test}\n.byte 1\n#else\n.byte 0\n#endif\n"), &Options::default());
    (image.sections[0].bytes == [1], diagnostics.len())
}

#[test]
fn what_the_machine_is_built_with_is_on() {
    let on = [
        "X86",
        "X86_64",
        "64BIT",
        "SMP",
        "PAGE_TABLE_ISOLATION",
        "MITIGATION_PAGE_TABLE_ISOLATION",
        "VMAP_STACK",
        "X86_MCE",
        "X86_LOCAL_APIC",
    ];
    for name in on {
        for test in ["#ifdef CONFIG_", "#if defined CONFIG_", "#if CONFIG_"] {
            assert_eq!(taken(&format!("{test}{name}")), (true, 0), "{test}{name}");
        }
        for test in ["defined", "IS_ENABLED", "IS_BUILTIN"] {
            assert_eq!(taken(&format!("#if {test}(CONFIG_{name})")), (true, 0), "{test} {name}");
        }
        assert_eq!(taken(&format!("#ifndef CONFIG_{name}")), (false, 0), "{name}");
        assert_eq!(taken(&format!("#undef CONFIG_{name}\n#ifdef CONFIG_{name}")), (false, 0), "{name}");
    }
}

#[test]
fn every_other_name_is_off_and_said_once_at_its_first_place() {
    check(
        "#ifdef CONFIG_A\n#endif\n#if defined(CONFIG_B) || CONFIG_A || IS_ENABLED(CONFIG_C)\n#elif CONFIG_D\n#endif\n",
        expect![[r#"
            1:8: note: `CONFIG_A` counts as off
              hint: the machine does not model it; `#define CONFIG_A 1` above this line turns it on
            3:13: note: `CONFIG_B` counts as off
              hint: the machine does not model it; `#define CONFIG_B 1` above this line turns it on
            3:49: note: `CONFIG_C` counts as off
              hint: the machine does not model it; `#define CONFIG_C 1` above this line turns it on
            4:7: note: `CONFIG_D` counts as off
              hint: the machine does not model it; `#define CONFIG_D 1` above this line turns it on
        "#]],
    );
    check(
        "#ifndef CONFIG_A\n.ifdef CONFIG_B\n.endif\n.if IS_ENABLED(CONFIG_C) && !IS_ENABLED(CONFIG_SMP)\nhlt\n.endif\n#endif\n",
        expect![[r#"
            1:9: note: `CONFIG_A` counts as off
              hint: the machine does not model it; `#define CONFIG_A 1` above this line turns it on
            2:8: note: `CONFIG_B` counts as off
              hint: the machine does not model it; `#define CONFIG_B 1` above this line turns it on
            4:16: note: `CONFIG_C` counts as off
              hint: the machine does not model it; `#define CONFIG_C 1` above this line turns it on
        "#]],
    );
    assert_eq!(taken("#ifdef CONFIG_A"), (false, 1));
}

/// A text that sets a name knows its value, and skipped lines ask for nothing. Other names are the text's own affair.
#[test]
fn what_a_text_sets_or_does_not_ask_for_is_not_said() {
    assert_eq!(taken("#define CONFIG_A 1\n#if defined(CONFIG_A) && IS_ENABLED(CONFIG_A)"), (true, 0));
    assert_eq!(taken("#undef CONFIG_A\n#ifdef CONFIG_A"), (false, 0));
    assert_eq!(taken("#if 0\n#ifdef CONFIG_A\n#endif\n#endif\n#ifdef __i386__"), (false, 0));
    let set = Options { constants: [("CONFIG_A".to_owned(), 1)].into(), ..Options::default() };
    assert_eq!(assembled("#if IS_ENABLED(CONFIG_A)\nhlt\n#endif\n", &set).1, []);
}

#[test]
fn is_enabled_is_a_number_wherever_it_stands() {
    let (image, diagnostics) =
        assembled(".byte IS_ENABLED(CONFIG_SMP), 2 * IS_BUILTIN(CONFIG_64BIT)\n", &Options::default());
    assert_eq!((image.sections[0].bytes.as_slice(), diagnostics), ([1, 2].as_slice(), Vec::new()));
}

#[test]
fn arms_of_one_if_may_define_the_same_macro() {
    for (test, bytes) in [("CONFIG_PAGE_TABLE_ISOLATION", [0xf4].as_slice()), ("CONFIG_XEN_PV", &[])] {
        let text = format!("#ifdef {test}\n.macro m\nhlt\n.endm\n#else\n.macro m\n.endm\n#endif\nm\n");
        let (image, diagnostics) = assembled(&text, &Options::default());
        let assembled = image.sections.first().map_or(&[][..], |section| &section.bytes);
        assert_eq!(assembled, bytes, "{test}");
        assert!(diagnostics.iter().all(|told| told.severity == Severity::Note), "{diagnostics:?}");
    }
}

#[test]
fn a_second_definition_names_the_first() {
    check(
        ".macro m\n.endm\n\n.macro M a\nhlt\n.endm\n",
        expect![[r#"
            4:8: error: macro `M` was already defined in line 1
              hint: remove one of the two, or put one under `#if` and the other under its `#else`
        "#]],
    );
    let source = |name: &str| Source { name: name.to_owned(), text: "\n.macro m\n.endm\n".to_owned() };
    let (_, diagnostics) = assemble(&[source("calling.h"), source("entry.S")], &Options::default());
    let messages: Vec<_> = diagnostics.iter().map(|told| (told.source.as_str(), told.message.as_str())).collect();
    assert_eq!(messages, [("entry.S", "macro `m` was already defined in calling.h line 2")]);
    // A macro that was removed is not defined.
    assert_eq!(assembled(".macro m\n.endm\n.purgem m\n.macro m\n.endm\n", &Options::default()).1, []);
}
