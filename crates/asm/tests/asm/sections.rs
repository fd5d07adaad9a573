//! Distances between sections, sections that are discarded, registers in `.if`, and features by number.

use cr3_asm::{Options, Severity};

use crate::support::{assembled, errors};

fn options() -> Options {
    Options {
        sections: [(".text".to_owned(), 0x1000), (".table".to_owned(), 0x3000)].into(),
        discarded: [".discard".to_owned()].into(),
        features: ["X86_FEATURE_PTI".to_owned()].into(),
        feature_numbers: [("X86_FEATURE_PTI".to_owned(), 7 * 32 + 11)].into(),
        ..Options::default()
    }
}

/// The bytes of the last section, or the errors.
fn last(text: &str) -> Result<Vec<u8>, Vec<String>> {
    let (image, diagnostics) = assembled(text, &options());
    match errors(&diagnostics) {
        none if none.is_empty() => Ok(image.sections.last().map(|section| section.bytes.clone()).unwrap_or_default()),
        errors => Err(errors),
    }
}

/// A table whose entries count from themselves, as `__ex_table`.
#[test]
fn a_distance_to_another_section_counts_from_the_one_at_hand() {
    let at = |entry: &str| last(&format!("nop\n1: nop\na:\n.pushsection .table, \"a\"\nb:\n{entry}\n.popsection\n"));
    let far = |distance: i32| Ok(distance.to_le_bytes().to_vec());
    assert_eq!(at(".long 1b - ."), far(-0x1fff));
    assert_eq!(at(".long a - b + 4"), far(-0x1ffa));
    assert_eq!(at(".long 4 + a - (b - 2)"), far(-0x1ff8));
    assert_eq!(at(".quad a - ."), Ok((-0x1ffe_i64).to_le_bytes().to_vec()));
    assert_eq!(at(".word a - ."), Ok((-0x1ffe_i16).to_le_bytes().to_vec()));
    let too_far = "6:1: 0xffffffffffffe002 does not fit in 1 byte";
    assert_eq!(at(".byte a - ."), Err(vec![too_far.to_owned()]));
    let apart = "addresses can only be moved by a number, subtracted or compared";
    for entry in [".long b - a", ".long 4 - . + a", ".long (a - b) * 1", ".long -(b - a)", ".skip a - b", ".org a - b"]
    {
        let refused = at(entry).expect_err(entry);
        assert!(refused.iter().any(|error| error.ends_with(apart) || error.contains("a count must be")), "{refused:?}");
    }
    assert_eq!(at(".set x, a - b\n.long x"), Err(vec![format!("6:1: {apart}")]));
}

#[test]
fn nothing_of_a_discarded_section_is_in_the_image() {
    let text = "f:\n999: nop\n.pushsection .discard.reachable\ng:\n.long 999b\n.quad outside, f\n.byte 1 - outside\njmp f\n.popsection\n.discard = 1\nret\n";
    let (image, diagnostics) = assembled(text, &options());
    assert_eq!(diagnostics, []);
    let sections: Vec<_> = image.sections.iter().map(|section| (section.name.as_str(), &*section.bytes)).collect();
    assert_eq!(sections, [(".text", &[0x90, 0xc3][..])]);
    assert_eq!(image.symbols.keys().map(String::as_str).collect::<Vec<_>>(), ["f"]);
    assert_eq!(image.listing.iter().map(|line| line.text.as_str()).collect::<Vec<_>>(), ["nop", "ret"]);
    // Only a dot continues the name.
    assert_eq!(last(".section .discarded\n.byte 5\n"), Ok(vec![5]));
    let dropped = "the label is in a section that is discarded";
    let beside = |text: &str| last(&format!(".pushsection .discard.x\ng: .byte 0\n.popsection\n{text}\n"));
    assert_eq!(beside(".quad g"), Err(vec![format!("4:1: {dropped}")]));
    assert_eq!(beside("jmp g"), Err(vec![format!("4:1: {dropped}")]));
    assert_eq!(beside("lea g(%rip), %rax"), Err(vec![format!("4:1: {dropped}")]));
}

#[test]
fn registers_are_compared_by_name() {
    let taken = |test: &str| last(&format!(".macro m r\n.if {test}\n.byte 1\n.else\n.byte 2\n.endif\n.endm\nm %rsp\n"));
    for test in ["\\r == %rsp", "%RSP == \\r", "\\r != %rax", "!(\\r == %esp)", "\\r <= %rsp", "(\\r) == % rsp && 1"] {
        assert_eq!(taken(test), Ok(vec![1]), "{test}");
    }
    for test in ["\\r == %rax", "\\r != %rsp", "\\r == 4", "4 == \\r", "\\r == nowhere", "\\r - %rsp"] {
        assert_eq!(taken(test), Ok(vec![2]), "{test}");
    }
    for (test, why) in [
        ("\\r", "`.if` needs a number that is already known"),
        ("\\r < %rax", "`.if` needs a number that is already known"),
        ("\\r == %xyz", "`%` does not begin an expression"),
    ] {
        let refused = taken(test).expect_err(test);
        assert!(refused.len() == 1 && refused[0].ends_with(why), "{refused:?}");
    }
    // Elsewhere a register is an operand or nothing.
    for text in [".byte %rsp == %rsp", ".set x, %rsp", "mov $%rsp, %rax", "mov 8+%rax(%rbx), %rcx", ".skip %rax - %rax"]
    {
        assert_eq!(last(text).expect_err(text).len(), 1, "{text}");
    }
}

#[test]
fn a_feature_may_be_a_number() {
    let arm = |feature: &str| last(&format!("ALTERNATIVE \"nop\", \"ret\", {feature}\n"));
    assert_eq!(arm("( 7*32+11)"), Ok(vec![0xc3]));
    assert_eq!(arm("((1 << 16) | ( 7*32+11))"), Ok(vec![0x90]));
    // A text that includes cpufeatures.h writes numbers without knowing it.
    assert_eq!(
        last("#define X86_FEATURE_PTI ( 9*32+ 1)\nALTERNATIVE \"nop\", \"ret\", X86_FEATURE_PTI\n"),
        Ok(vec![0xc3])
    );
    assert_eq!(
        last("#define X86_FEATURE_PCID ( 4*32+17)\nALTERNATIVE \"nop\", \"ret\", X86_FEATURE_PCID\n"),
        Ok(vec![0x90])
    );
    let text = "ALTERNATIVE \"nop\", \"ret\", ( 7*32+12)\n".repeat(2);
    let (image, diagnostics) = assembled(&text, &options());
    assert_eq!(image.sections[0].bytes, [0x90, 0x90]);
    let told: Vec<_> = diagnostics.iter().map(|told| (told.severity, told.message.as_str())).collect();
    assert_eq!(told, [(Severity::Note, "the feature with the number 7*32+12 counts as off")]);
}

/// Only calls and jumps lead to code that is missing; an operand in memory and a number need something else.
#[test]
fn what_calls_and_jumps_go_to_is_told_from_data() {
    let text = "call f\njmp g\njne h\nhere: call here\n.quad i\nmov j(%rip), %eax\nlea k(%rip), %rax\nmov $l, %rax\ncall *m(%rip)\nmov n, %rax\n";
    let (image, diagnostics) = assembled(text, &Options::default());
    assert_eq!(image.called.iter().collect::<Vec<_>>(), ["f", "g", "h"]);
    assert_eq!(errors(&diagnostics).len(), 9);
    let discarded = Options { discarded: [".discard".to_owned()].into_iter().collect(), ..Options::default() };
    let (image, _) = assembled(".section .discard.a, \"ax\"\ncall f\n", &discarded);
    assert!(image.called.is_empty());
}
