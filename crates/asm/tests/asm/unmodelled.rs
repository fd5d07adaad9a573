//! Instructions that GNU `as` accepts and this machine does not model: what each would need, not what is spelt alike.

use cr3_asm::Options;
use expect_test::expect;

use crate::diagnostics::check;
use crate::support::{assembled, errors};

#[test]
fn what_reaches_other_processors_is_not_taken_for_a_slip() {
    check(
        "\tinvlpgb\n\ttlbsync\n.macro tlbsinc\n.endm\n\tTLBSYNC\n\tsenduipi %rax\n",
        expect![[r#"
            1:2: error: `invlpgb` is not modelled: it reaches other processors
              hint: this machine has one processor; `invlpg` and `invpcid` drop its own translations
            2:2: error: `tlbsync` is not modelled: it reaches other processors
              hint: this machine has one processor; `invlpg` and `invpcid` drop its own translations
            5:2: error: `TLBSYNC` is not modelled: it reaches other processors
              hint: this machine has one processor; `invlpg` and `invpcid` drop its own translations
            6:2: error: `senduipi` is not modelled: it needs user interrupts, which reach other processors
              hint: leave it out: this machine has one processor, and its interrupts enter the kernel
        "#]],
    );
}

#[test]
fn others_say_what_they_need() {
    let needs = [
        ("mwaitx", "it waits for a clock or for a write of another processor"),
        ("vmptrld (%rax)", "it needs a hypervisor's state"),
        ("invlpga", "it needs a hypervisor's state"),
        ("pvalidate", "it needs the table of page owners of SEV-SNP"),
        ("eretu", "it needs FRED"),
        ("wrussq %rax, (%rbx)", "it needs shadow stacks"),
        ("xbegin 1f", "it needs transactional memory"),
        ("seamcall", "it enters code that this machine does not have"),
        ("movdiri %rax, (%rbx)", "it needs caches of data or devices"),
    ];
    for (text, need) in needs {
        let word = text.split(' ').next().unwrap_or(text);
        let (_, diagnostics) = assembled(text, &Options::default());
        assert_eq!(errors(&diagnostics), [format!("1:1: `{word}` is not modelled: {need}")]);
    }
}

#[test]
fn a_macro_may_have_such_a_name() {
    let (image, diagnostics) = assembled(".macro tlbsync\nhlt\n.endm\ntlbsync\n", &Options::default());
    assert_eq!((image.sections[0].bytes.as_slice(), diagnostics), ([0xf4].as_slice(), Vec::new()));
}
