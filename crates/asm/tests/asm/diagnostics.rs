//! What a person reads in diagnostics: place, cause, mend.

use cr3_asm::{Diagnostic, Options, Severity};
use expect_test::{Expect, expect};

use crate::support::assembled;

fn shown(diagnostic: &Diagnostic) -> String {
    let severity = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    let (line, column) = (diagnostic.position.line, diagnostic.position.column);
    let mut text = format!("{line}:{column}: {severity}: {}\n", diagnostic.message);
    if let Some(hint) = &diagnostic.hint {
        text.push_str(&format!("  hint: {hint}\n"));
    }
    for (name, at) in &diagnostic.expansion {
        text.push_str(&format!("  in {name} called at {}:{}\n", at.line, at.column));
    }
    text
}

pub(crate) fn check(text: &str, want: Expect) {
    let (_, diagnostics) = assembled(text, &Options::default());
    want.assert_eq(&diagnostics.iter().map(shown).collect::<String>());
}

#[test]
fn words_that_are_not_known() {
    check(
        "\tmovqq %rax, %rbx\n",
        expect![[r#"
        1:2: error: `movqq` is not an instruction, a directive or a macro
          hint: did you mean `movq`?
    "#]],
    );
    check(
        "nop; nop; swpgs\n",
        expect![[r#"
        1:11: error: `swpgs` is not an instruction, a directive or a macro
          hint: did you mean `swapgs`?
    "#]],
    );
    check(
        ".macro RESTORE_CR3 a\n.endm\nRESTOR_CR3 %rax\n",
        expect![[r#"
        3:1: error: `RESTOR_CR3` is not an instruction, a directive or a macro
          hint: did you mean the macro `RESTORE_CR3`?
    "#]],
    );
    check(
        "\t.sectoin .text\n",
        expect![[r#"
        1:2: error: `.sectoin` is not a known directive
          hint: did you mean `.section`?
    "#]],
    );
    check(
        "\t.intel_syntax noprefix\n",
        expect![[r#"
        1:2: error: `.intel_syntax` is not a known directive
          hint: only AT&T syntax is supported
    "#]],
    );
    check(
        "\tmovaps %xmm0, %xmm1\n",
        expect![[r#"
            1:2: error: `movaps` is not an instruction of this machine
              hint: x87, MMX, SSE and AVX instructions are not supported
        "#]],
    );
    check(
        "\tmov %rxa, %rbx\n",
        expect![[r#"
        1:6: error: `%rxa` is not a register of this machine
          hint: did you mean `%rax`?
    "#]],
    );
    check(
        "\tfrobnicate\n",
        expect![[r#"
        1:2: error: `frobnicate` is not an instruction, a directive or a macro
          hint: define it by `.macro` or `#define`; x87, SSE and AVX instructions are not supported
    "#]],
    );
    check(
        "#inlcude <asm/foo.h>\n#include <asm/bar.h>\n",
        expect![[r#"
        1:2: warning: `#inlcude` counts as a comment
          hint: did you mean `#include`?
        2:1: warning: #include <asm/bar.h> is not followed
          hint: the definitions that entry code needs from kernel headers are built in; paste anything else above
    "#]],
    );
}

#[test]
fn includes_that_are_not_followed_are_told_once_for_a_file() {
    check(
        "#if 0\n#include <asm/no.h>\n#endif\n\n#include <asm/a.h>\n#include \"b.h\"\nnop\n#include <asm/c.h>\n",
        expect![[r#"
            5:1: warning: #include <asm/a.h> and 2 more are not followed
              hint: the definitions that entry code needs from kernel headers are built in; paste anything else above
        "#]],
    );
}

/// Nothing unknown is skipped because it looks like something that emits no bytes.
#[test]
fn words_that_only_look_like_bookkeeping() {
    check(
        "\tUNWIND_HINTX garbage, %xyz\n",
        expect![[r#"
        1:2: error: `UNWIND_HINTX` is not an instruction, a directive or a macro
          hint: did you mean the macro `UNWIND_HINT`?
    "#]],
    );
    check(
        "\tANNOTATE_FOO\n",
        expect![[r#"
        1:2: error: `ANNOTATE_FOO` is not an instruction, a directive or a macro
          hint: define it by `.macro` or `#define`; x87, SSE and AVX instructions are not supported
    "#]],
    );
    check(
        "\tUNWIND_HINT_REGS ofset=8\n",
        expect![[r#"
        1:19: error: macro `UNWIND_HINT_REGS` has no parameter `ofset`
          hint: did you mean `offset`?
    "#]],
    );
    check(
        "\tANNOTATE_NOENDBR %rax\n",
        expect![[r#"
            1:19: error: macro `ANNOTATE_NOENDBR` takes no arguments
              hint: its parameters are: none; white space and commas both separate arguments
        "#]],
    );
    check(
        "\t.cfi_nonsense 1,2\n",
        expect![[r#"
        1:2: error: `.cfi_nonsense` is not a known directive
          hint: a name that begins with `.` is a directive unless it ends with `:`
    "#]],
    );
    check(
        "\t.arch i386\n",
        expect![[r#"
        1:8: error: `.arch i386` is not taken
          hint: every instruction of this machine is enabled: leave it out, or write `.arch generic64`
    "#]],
    );
    check(
        "\t.arch\n",
        expect![[r#"
        1:2: error: `.arch` is not taken
          hint: every instruction of this machine is enabled: leave it out, or write `.arch generic64`
    "#]],
    );
    check(
        "\t.att_syntax noprefix\n",
        expect![[r#"
        1:14: error: `.att_syntax noprefix` is not taken
          hint: registers are written with `%`
    "#]],
    );
    check(
        "UNWIND_HINT_IRET_ENTRY offset=8\nUNWIND_HINT_REGS base=%rdi offset=8\nANNOTATE_NOENDBR\n.cfi_startproc\n\
         .cfi_def_cfa %rsp, 8\n.arch generic64\n.att_syntax prefix\n.code64\n",
        expect![[r#""#]],
    );
}

#[test]
fn operands_that_do_not_fit() {
    check(
        "\tmov %eax, %rbx\n",
        expect![[r#"
        1:6: error: `%eax` is 32 bits wide where `mov` needs 64
          hint: suffix and registers must name the same width
    "#]],
    );
    check(
        "\tmovq %eax, %rbx\n",
        expect![[r#"
        1:7: error: `%eax` is 32 bits wide where `movq` needs 64
          hint: suffix and registers must name the same width
    "#]],
    );
    check(
        "\tmov (%rax), (%rbx)\n",
        expect![[r#"
        1:2: error: `mov` does not take these operands: memory, memory
          hint: only one operand may be in memory; a number without `$` is an address
    "#]],
    );
    check(
        "\tmov %rax, $1\n",
        expect![[r#"
        1:2: error: `mov` does not take these operands: register, immediate
          hint: AT&T order is source first: the destination comes last
    "#]],
    );
    check(
        "\tmov %rax\n",
        expect![[r#"
            1:2: error: `mov` takes 2 operands, not 1
              hint: write `mov %register, %register`
        "#]],
    );
    check(
        "\tmov %rax %rbx\n",
        expect![[r#"
        1:6: error: `%rbx` follows a register
          hint: put a comma between operands; an address is written `displacement(%base,%index,scale)`
    "#]],
    );
    check(
        "\tadd $0x123456789, %rax\n",
        expect![[r#"
        1:6: error: the immediate in `$0x123456789` does not fit `add`
          hint: an immediate or displacement has 32 bits, sign-extended to 64; `movabs` takes 64 bits
    "#]],
    );
    check(
        "\tmov 0x123456789(%rax), %rbx\n",
        expect![[r#"
        1:6: error: the displacement in `0x123456789(%rax)` does not fit `mov`
          hint: an immediate or displacement has 32 bits, sign-extended to 64; `movabs` takes 64 bits
    "#]],
    );
    check(
        "\tmov %ah, %r8b\n",
        expect![[r#"
        1:6: error: `%ah` cannot be encoded together with REX
          hint: AH, BH, CH and DH cannot be combined with R8 to R15, SPL, BPL, SIL, DIL or 64-bit operands
    "#]],
    );
    check(
        "\tlea (%rax,%rbx,3), %rcx\n",
        expect![[r#"
            1:17: error: a scale is 1, 2, 4 or 8
              hint: a register may be base and index at once: `(%rax,%rax,2)` is three times `%rax`
        "#]],
    );
    check(
        "\tlea (%rax,%rsp), %rcx\n",
        expect![[r#"
            1:6: error: `%rsp` cannot be an index
              hint: make it the base: `(%rsp,%index,scale)`
        "#]],
    );
    check(
        "\tadd $0x1ff, %al\n",
        expect![[r#"
        1:6: warning: `$0x1ff` is cut to its low 8 bits
          hint: the suffix or the registers give the width
    "#]],
    );
    check(
        "\taddl $1, (%rax)\n\tadd $1, (%rax)\n",
        expect![[r#"
        2:2: warning: `add` has no suffix and no register: it uses 32 bits
          hint: write the width: `addb`, `addw`, `addl` or `addq`
    "#]],
    );
    check(
        "\tjmp %rax\n",
        expect![[r#"
        1:6: warning: an indirect jump without `*`
          hint: write `jmp *%rax`
    "#]],
    );
    check(
        "\tmov $(1 + , %rax\n",
        expect![[r#"
            1:12: error: `,` does not begin an expression
              hint: a number, a name, `'a` or `(` begins one
        "#]],
    );
    check(
        "\tmov 8(rax), %rbx\n",
        expect![[r#"
            1:7: error: `(` does not continue an expression
              hint: registers are written with `%`: `%rax`
        "#]],
    );
    check(
        "\tmov $5$, %rbx\n",
        expect![[r#"
            1:7: error: `5$` is not a number
              hint: write `10`, `0x0a`, `0b1010`, or `012`, which is octal
        "#]],
    );
    check(
        "\tmovl cr3, %eax\n",
        expect![[r#"
            1:7: error: `cr3` is not defined
              hint: registers are written with `%`: `%cr3`
        "#]],
    );
}

#[test]
fn operands_too_few_or_too_many() {
    check(
        "\tmov $1\n\tadd %rax\n\tjmp\n\tcld %rax\n\tret 1, 2\n\tshl\n",
        expect![[r#"
        1:2: error: `mov` takes 2 operands, not 1
          hint: write `mov %register, %register`
        2:2: error: `add` takes 2 operands, not 1
          hint: write `add %register, %register`
        3:2: error: `jmp` takes 1 operand, not 0
          hint: write `jmp label`
        4:2: error: `cld` takes no operands, not 1
          hint: write `cld`
        5:2: error: `ret` takes 0 or 1 operands, not 2
          hint: write `ret` or `ret $number`
        6:2: error: `shl` takes 1 or 2 operands, not 0
          hint: write `shl %register` or `shl $1, %register`
    "#]],
    );
    check(
        "\tmov %rax, (%rbx,%rcx,3)\n\tmov %rax, (%rip,%rcx)\n\tmov %rax, %gs:\n",
        expect![[r#"
        1:23: error: a scale is 1, 2, 4 or 8
          hint: a register may be base and index at once: `(%rax,%rax,2)` is three times `%rax`
        2:12: error: `%rip` takes no index
          hint: load the address first: `lea name(%rip), %rax`, then `(%rax,%index,scale)`
        3:2: error: an address is missing
          hint: an address is written `displacement(%base,%index,scale)`: `%gs:0(%rax)`, for example
    "#]],
    );
}

#[test]
fn symbols_that_are_not_defined() {
    check(
        "\tjmp .Lnoflsh\n.Lnoflush:\n",
        expect![[r#"
        1:6: error: `.Lnoflsh` is not defined
          hint: did you mean `.Lnoflush`?
    "#]],
    );
    check(
        "\tmov $nowhere, %rax\n",
        expect![[r#"
        1:7: error: `nowhere` is not defined
          hint: define it as a label, by `.set` or by `#define`, or give it as a constant
    "#]],
    );
    check(
        "\tjmp 1f\n1:\tjmp 2b\n",
        expect![[r#"
        2:8: error: no label `2:` before this
          hint: `2f` looks forward
    "#]],
    );
    check(
        "a:\na:\n",
        expect![[r#"
        2:1: error: `a` is already defined
          hint: a label in a macro needs `\@` in its name, or a number: `1:`
    "#]],
    );
    check(
        "a = b\nb = a\n\t.quad a\n",
        expect![[r#"
            3:2: error: `b` is defined in terms of itself, or through too many other names
              hint: give one of the names a number or a label
        "#]],
    );
    check(
        "\t.quad a + b\na:\nb:\n",
        expect![[r#"
        1:2: error: addresses can only be moved by a number, subtracted or compared
          hint: both labels of a difference must be in one section, or the subtracted one in the section at hand
    "#]],
    );
    check(
        "\tmov far, %eax\nfar = 0x123456789\n",
        expect![[r#"
            1:2: error: 0x123456789 does not fit in 4 bytes
              hint: take a wider field (`.quad`, `movabs`), or a smaller value: the difference of two labels
        "#]],
    );
    check(
        "\t.byte near\n\t.skip 300\nnear:\n",
        expect![[r#"
            1:2: error: 0x12d does not fit in 1 byte
              hint: take a wider field (`.quad`, `movabs`), or a smaller value: the difference of two labels
        "#]],
    );
    check(
        "\tjrcxz away\n\t.skip 300\naway:\n",
        expect![[r#"
            1:2: error: the target is 300 bytes away: more than a displacement of 1 byte reaches
              hint: place the sections closer together, or jump through a register
        "#]],
    );
}

#[test]
fn macros_and_their_calls() {
    check(
        ".macro m a:req\n\tmov \\a, %rax\n.endm\n\tm\n",
        expect![[r#"
        4:2: error: macro `m` needs its argument `a`
          hint: write `m a=...`
    "#]],
    );
    check(
        ".macro m a\n\tmov \\a, %rax\n.endm\n\tm b=1\n\tm 1, 2\n",
        expect![[r#"
            4:4: error: macro `m` has no parameter `b`
              hint: did you mean `a`?
            5:7: error: macro `m` takes 1 argument at most
              hint: its parameters are: a; white space and commas both separate arguments
        "#]],
    );
    check(
        ".macro inner r\n\tmov \\r, %rbx\n.endm\n.macro outer r\n\tinner \\r\n.endm\n\touter %eax\n",
        expect![[r#"
        2:2: error: `%eax` is 32 bits wide where `mov` needs 64
          hint: suffix and registers must name the same width
          in outer called at 7:2
          in inner called at 5:2
    "#]],
    );
    check(
        ".macro m\n\tnop\n",
        expect![[r#"
        1:1: error: this `.macro` has no `.endm`
          hint: add `.endm` in the file, macro or repetition it begins in
    "#]],
    );
    check(
        "\tnop\n.endm\n",
        expect![[r#"
            2:1: error: `.endm` without `.macro`
              hint: remove it, or begin the macro above with `.macro name`
        "#]],
    );
    check(
        ".macro m a:reg\n.endm\n",
        expect![[r#"
        1:12: error: `:reg` does not qualify a parameter
          hint: write `:req` or `:vararg`
    "#]],
    );
    check(
        ".macro m\n.if 1\n.endm\n\tm\n",
        expect![[r#"
        2:1: error: this `.if` has no `.endif`
          hint: it must end in the file, macro or repetition it begins in
          in m called at 4:2
    "#]],
    );
    check(
        ".macro m\n.endm\n.macro m\n.endm\n",
        expect![[r#"
        3:8: error: macro `m` was already defined in line 1
          hint: remove one of the two, or put one under `#if` and the other under its `#else`
    "#]],
    );
    check(
        "\tALTERNATIVE \"nop\", \"ud2\"\n",
        expect![[r#"
        1:2: error: `ALTERNATIVE` takes 3 arguments, not 2
          hint: write each arm as a string: `ALTERNATIVE "old", "new", X86_FEATURE_NAME`
    "#]],
    );
    check(
        "\tALTERNATIVE \"nop\", \"ud2\", 0\n",
        expect![[r#"
        1:28: error: `0` does not name one feature
          hint: write one name such as `X86_FEATURE_PTI`, or its number, alone or in `ALT_NOT(...)`
    "#]],
    );
    check(
        "\tALTERNATIVE \"nopp\", \"\", X86_FEATURE_PCID\n",
        expect![[r#"
        1:15: error: `nopp` is not an instruction, a directive or a macro
          hint: did you mean `nop`?
          in ALTERNATIVE called at 1:2
    "#]],
    );
    check(
        "#define F(x, y) x\n\t.byte F(1)\n\t.byte F(1\n",
        expect![[r#"
            2:8: error: macro `F` takes 2 arguments, not 1
              hint: commas separate arguments; brackets keep a comma within one
            3:8: error: no `)` for the arguments of `F`
              hint: close the call with `)`
        "#]],
    );
    check(
        ".exitm\n.purgem nothing\n",
        expect![[r#"
            1:1: error: `.exitm` outside a macro
              hint: remove it: there is no macro here for it to end
            2:9: error: no macro `nothing`
              hint: only a macro that is defined above can be removed
        "#]],
    );
}

#[test]
fn conditionals_and_repetitions() {
    check(
        ".if 1\n\tnop\n",
        expect![[r#"
        1:1: error: this `.if` has no `.endif`
          hint: it must end in the file, macro or repetition it begins in
    "#]],
    );
    check(
        ".endif\n.else\n.elseif 1\n",
        expect![[r#"
            1:1: error: `.endif` without `.if`
              hint: remove it, or add its `.if`
            2:1: error: `.else` without `.if`
              hint: remove it, or add its `.if`
            3:1: error: `.elseif` without `.if`
              hint: remove it, or add its `.if`
        "#]],
    );
    check(
        ".if 1\n.else\n.else\n.endif\n",
        expect![[r#"
            3:1: error: a second `.else` for one `.if`
              hint: remove one, or end the `.if` inside with `.endif` before it
        "#]],
    );
    check(
        ".if forward == 1\n.endif\nforward = 1\n",
        expect![[r#"
        1:1: error: `.if` needs a number that is already known
          hint: define the names it uses above, with no jump or alignment between its labels
    "#]],
    );
    check(
        "#if 1\n\tnop\n",
        expect![[r#"
        1:1: error: this #if has no #endif
          hint: add `#endif` where its lines end
    "#]],
    );
    check(
        "#else\n#endif\n#elif 1\n",
        expect![[r#"
            1:1: error: #else without #if
              hint: remove it, or add its `#if`
            2:1: error: #endif without #if
              hint: remove it, or add its `#if`
            3:1: error: #elif without #if
              hint: remove it, or add its `#if`
        "#]],
    );
    check(
        "#error stop here\n",
        expect![[r#"
            1:1: error: #error stop here
              hint: the text itself refuses this: see the `#if` around it
        "#]],
    );
    check(
        ".rept 3\n\tnop\n",
        expect![[r#"
        1:1: error: this `.rept` has no `.endr`
          hint: add `.endr` in the file, macro or repetition it begins in
    "#]],
    );
    check(
        ".endr\n",
        expect![[r#"
            1:1: error: `.endr` without `.rept`, `.irp` or `.irpc`
              hint: remove it, or begin the repetition above with `.rept count`
        "#]],
    );
    check(
        ".rept -1\n.endr\n",
        expect![[r#"
            1:7: error: a repetition cannot run a negative number of times
              hint: write a count of 0 or more
        "#]],
    );
    check(
        ".rept 1000000000\n\tnop\n.endr\n",
        expect![[r#"
        2:2: error: too many statements after expansion
          hint: a repetition or a recursive macro multiplies the text: lower its count
    "#]],
    );
    check(
        "\tnop\n/* open\n",
        expect![[r#"
        2:1: error: this comment does not end
          hint: close it with `*/`
    "#]],
    );
}

#[test]
fn data_and_places() {
    check(
        "\t.byte \"a\"\n\t.byte %rax\n\t.skip\n",
        expect![[r#"
        1:8: error: `"` does not begin an expression
          hint: write strings in `.ascii` and `.asciz`, and a character as `'a`
        2:8: error: `%` does not begin an expression
          hint: a register is an operand by itself, or part of the brackets of an address
        3:2: error: a count is missing
          hint: write how many bytes: `.skip 8`
    "#]],
    );
    check(
        "\t.byte 0x1ff\n",
        expect![[r#"
            1:8: warning: 0x1ff is cut to its low 1 byte
              hint: `.word`, `.long` and `.quad` have 2, 4 and 8 bytes
        "#]],
    );
    check(
        "\t.ascii \"open\n",
        expect![[r#"
            1:9: error: this string has no closing quote
              hint: close it with `"`; a quote inside is written `\"`
        "#]],
    );
    check(
        "\t.ascii open\n",
        expect![[r#"
        1:9: error: a string is missing here
          hint: write the string in double quotes
    "#]],
    );
    check(
        "\t.byte 1,,2\n",
        expect![[r#"
        1:2: error: an expression is missing here
          hint: write a number or a name
    "#]],
    );
    check(
        "\t.byte 08\n",
        expect![[r#"
            1:8: error: `08` is not a number
              hint: write `10`, `0x0a`, `0b1010`, or `012`, which is octal
        "#]],
    );
    check(
        "\t.quad 0x10000000000000000\n",
        expect![[r#"
            1:8: error: `0x10000000000000000` does not fit in 64 bits
              hint: the largest is 0xffffffffffffffff
        "#]],
    );
    check(
        "\t.byte 1/0\n",
        expect![[r#"
            1:9: error: division by zero
              hint: the right side of `/` and `%` must not be 0
        "#]],
    );
    check(
        "\t.skip 1<<40\n",
        expect![[r#"
            1:2: error: this would be longer than the 4194304 bytes a text may produce
              hint: write a smaller count or alignment
        "#]],
    );
    check(
        "\t.skip -1\n",
        expect![[r#"
            1:2: error: a count must not be negative
              hint: write a count of 0 or more
        "#]],
    );
    check(
        "\t.balign 3\n",
        expect![[r#"
        1:10: error: an alignment is a power of two, 2^31 at most
          hint: `.balign 16` and `.p2align 4` both align to 16 bytes
    "#]],
    );
    check(
        "\tnop\n\t.balign 1<<30\n",
        expect![[r#"
            2:2: error: this would be longer than the 4194304 bytes a text may produce
              hint: write a smaller count or alignment
        "#]],
    );
    check(
        "\t.skip 8\n\t.org 4\n",
        expect![[r#"
            2:2: error: .org moves backwards, from 0x8 to 0x4
              hint: shorten what precedes it, or go further: `.org` moves forwards only
        "#]],
    );
    check(
        "\t.popsection\n",
        expect![[r#"
            1:2: error: `.popsection` without `.pushsection`
              hint: remove it, or enter the section above with `.pushsection`
        "#]],
    );
    check(
        "\t.set 5, 6\n\t.set a\n",
        expect![[r#"
            1:7: error: `5` is not a name
              hint: a name begins with a letter, `_`, `.` or `$` and continues with these and digits
            2:2: error: write `.set name, value`
              hint: put a comma between name and value
        "#]],
    );
}

#[test]
fn columns_count_characters_of_the_source() {
    check(
        "é: mov %eax, %rbx\n",
        expect![[r#"
        1:8: error: `%eax` is 32 bits wide where `mov` needs 64
          hint: suffix and registers must name the same width
    "#]],
    );
    check(
        "\tALTERNATIVE \"\", \\\n\t\t\"movv\", X86_FEATURE_ALWAYS\n",
        expect![[r#"
        2:4: error: `movv` is not an instruction, a directive or a macro
          hint: did you mean `mov`?
          in ALTERNATIVE called at 1:2
    "#]],
    );
    check(
        "#define BAD movv\n\tnop; BAD %rax\n",
        expect![[r#"
        2:7: error: `movv` is not an instruction, a directive or a macro
          hint: did you mean `mov`?
    "#]],
    );
}

/// An error that a later pass finds precedes one that an earlier pass found further down.
#[test]
fn errors_stand_in_the_order_of_the_text() {
    check(
        "\tjmp nowhere\n\tmovv %rax, %rbx\n#else\n\t.byte 1 2\n",
        expect![[r#"
        1:6: error: `nowhere` is not defined
          hint: define it as a label, by `.set` or by `#define`, or give it as a constant
        2:2: error: `movv` is not an instruction, a directive or a macro
          hint: did you mean `mov`?
        3:1: error: #else without #if
          hint: remove it, or add its `#if`
        4:10: error: `2` does not continue an expression
          hint: put an operator before it, or a comma where the next operand begins
    "#]],
    );
}

/// A chain of calls is shown up to a length, and a hundred errors are enough.
#[test]
fn long_lists_end() {
    let (_, diagnostics) = assembled(".macro m\n\tm\n.endm\n\tm\n", &Options::default());
    assert_eq!(diagnostics.len(), 1);
    assert_eq!(diagnostics[0].message, "expansion is more than 64 levels deep");
    assert_eq!(diagnostics[0].expansion.len(), 64);
    let (_, diagnostics) = assembled(&"\tfrobnicate\n".repeat(1000), &Options::default());
    assert_eq!(diagnostics.len(), 101);
    assert_eq!(diagnostics[100].message, "100 errors: the rest of the text is not read");
}
