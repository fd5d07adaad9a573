//! Random texts for the assembler, from the rows of its own table. `#` in a name stands for the number of the text.

// The rows themselves, which are not part of the assembler's interface.
#[allow(dead_code)]
#[path = "../../src/register.rs"]
mod register;
#[rustfmt::skip]
#[allow(dead_code)]
#[path = "../../src/table.rs"]
mod table;

use register::Width;
use table::{CONDITIONAL, CONDITIONS, Kind, Row, TABLE};

use cr3_testing::Random;

const PREFIXES: [&str; 16] = [
    "lock", "rep", "repe", "repz", "repne", "repnz", "data16", "addr32", "cs", "ds", "fs", "gs", "rex64", "rex.w",
    "rex", "notrack",
];

const NUMBERS: [i64; 30] = [
    0,
    1,
    2,
    3,
    8,
    63,
    64,
    127,
    128,
    129,
    255,
    256,
    0x7fff,
    0x8000,
    0xffff,
    0x1_0000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ff80,
    0xffff_ffff,
    0x1_0000_0000,
    0x1234_5678_9abc_def0,
    i64::MAX,
    -1,
    -2,
    -127,
    -128,
    -129,
    -0x8000,
    -0x8000_0000,
];

fn rows() -> impl Iterator<Item = &'static Row> {
    TABLE.iter().copied().flatten()
}

fn number_text(random: &mut Random, number: i64) -> String {
    match random.below(8) {
        0..3 => number.to_string(),
        3..6 if number >= 0 => format!("{number:#x}"),
        6 => format!("{}+{}", number.wrapping_sub(3), 3),
        7 if (0..=0x7fff_ffff).contains(&number) => format!("({number}<<1)/2"),
        _ => number.to_string(),
    }
}

/// A number, usually of `bits` bits.
fn number(random: &mut Random, bits: u32) -> String {
    let fits = |number: &i64| bits == 64 || (*number >= -(1 << (bits - 1)) && *number < 1 << bits);
    let fitting: Vec<i64> = NUMBERS.iter().copied().filter(fits).collect();
    let number = match random.below(12) {
        0 => random.pick(&NUMBERS),
        1 => random.bits() as i64,
        2..6 => (random.bits() as i64) >> (64 - bits),
        _ => random.pick(&fitting),
    };
    number_text(random, number)
}

fn register(random: &mut Random, width: Width) -> String {
    const LEGACY: [&str; 8] = ["ax", "cx", "dx", "bx", "sp", "bp", "si", "di"];
    const BYTES: [&str; 12] = ["al", "cl", "dl", "bl", "ah", "ch", "dh", "bh", "spl", "bpl", "sil", "dil"];
    let name = if random.one_in(2) {
        let letter = ["b", "w", "d", ""][width as usize];
        format!("r{}{letter}", 8 + random.below(8))
    } else if width == Width::B {
        random.pick(&BYTES).to_owned()
    } else {
        let letter = ["", "", "e", "r"][width as usize];
        format!("{letter}{}", random.pick(&LEGACY))
    };
    format!("%{name}")
}

fn accumulator(width: Width) -> String {
    format!("%{}", ["al", "ax", "eax", "rax"][width as usize])
}

fn displacement(random: &mut Random, label: &str) -> String {
    match random.below(10) {
        0..4 => String::new(),
        4 => label.to_owned(),
        5 => format!("{label}+{}", random.below(300)),
        _ => number(random, 32),
    }
}

/// An address in one of its forms.
fn memory(random: &mut Random, label: &str) -> String {
    let segment = if random.one_in(6) {
        let name = random.pick(&["cs", "ds", "es", "ss", "fs", "gs"]);
        format!("%{name}:")
    } else {
        String::new()
    };
    let width = if random.one_in(10) { Width::L } else { Width::Q };
    let index = loop {
        let index = register(random, width);
        if !index.ends_with("sp") || random.one_in(50) {
            break index;
        }
    };
    let base = register(random, width);
    let scale = random.pick(&[1, 1, 2, 4, 8]);
    let displacement = displacement(random, label);
    let group = match random.below(9) {
        0..3 => format!("({base})"),
        3 => format!("({base},{index})"),
        4 => format!("({base},{index},{scale})"),
        5 => format!("(,{index},{scale})"),
        6 => "(%rip)".to_owned(),
        _ if displacement.is_empty() => format!("{}({base})", number(random, 8)),
        7 => String::new(),
        _ => format!("({base}, {index}, {scale})"),
    };
    format!("{segment}{displacement}{group}")
}

/// An operand of the kind, for an operation of the width; `labels` are addresses behind and before it.
fn operand(random: &mut Random, kind: Kind, width: Width, labels: &[&str]) -> String {
    let label = random.pick(labels);
    let immediate = |random: &mut Random, bits| match random.below(24) {
        0 if bits >= 32 => format!("${label}"),
        1 => format!("${label}-{}", labels[0]),
        _ => format!("${}", number(random, bits)),
    };
    match kind {
        Kind::Reg | Kind::RegRm => register(random, width),
        Kind::Rm if random.one_in(2) => register(random, width),
        Kind::RmOf(own) if random.one_in(2) => register(random, own),
        Kind::RegOf(own) => register(random, own),
        Kind::Rm | Kind::RmOf(_) | Kind::Mem => memory(random, label),
        Kind::Acc | Kind::AccReg | Kind::AccRm => accumulator(width),
        Kind::Cl => "%cl".to_owned(),
        Kind::Dx => "%dx".to_owned(),
        Kind::DxAddress => "(%dx)".to_owned(),
        Kind::One => "$1".to_owned(),
        Kind::Three => "$3".to_owned(),
        Kind::Imm8 | Kind::Imm8Signed => immediate(random, 8),
        Kind::Imm16 => immediate(random, 16),
        Kind::Imm => immediate(random, [8, 16, 32, 32][width as usize]),
        Kind::ImmWide | Kind::Imm64 => immediate(random, 64),
        Kind::Imm32 => immediate(random, 32),
        Kind::SegmentRegister => format!("%{}", random.pick(&["es", "cs", "ss", "ds", "fs", "gs"])),
        Kind::FsOrGs => format!("%{}", random.pick(&["fs", "gs"])),
        Kind::ControlRegister => format!("%cr{}", random.pick(&[0, 2, 3, 4, 8])),
        Kind::DebugRegister => format!("%{}{}", random.pick(&["dr", "db"]), random.below(8)),
        Kind::Offset64 => format!("{}{}", random.pick(&["", "", "%gs:"]), number(random, 64)),
        Kind::Indirect if random.one_in(2) => format!("*{}", register(random, width)),
        Kind::Indirect | Kind::IndirectMem => format!("*{}", memory(random, label)),
        Kind::Target | Kind::Target32 | Kind::Target8 => {
            let beyond = if random.one_in(6) { "+2" } else { "" };
            format!("{label}{beyond}")
        }
        Kind::Source => random.pick(&["(%rsi)", "%fs:(%rsi)", "%ds:(%rsi)", "(%esi)"]).to_owned(),
        Kind::Destination => random.pick(&["(%rdi)", "%es:(%rdi)", "(%edi)"]).to_owned(),
    }
}

/// An instruction that the row describes, between `labels`.
fn instruction(random: &mut Random, row: &Row, labels: &[&str]) -> String {
    let width = if row.widths.is_empty() { Width::L } else { random.pick(row.widths) };
    let mut mnemonic = row.name.to_owned();
    if CONDITIONAL.contains(&row.name) {
        mnemonic += random.pick(&CONDITIONS).0;
    }
    if row.takes_suffix(width) && random.one_in(2) {
        mnemonic.push(width.suffix());
    }
    if random.one_in(40) {
        mnemonic.make_ascii_uppercase();
    }
    let operands: Vec<String> = row.operands.iter().map(|kind| operand(random, *kind, width, labels)).collect();
    let between = random.pick(&[", ", ", ", ",", " ,\t"]);
    let mut prefix = String::new();
    while random.one_in(if prefix.is_empty() { 25 } else { 3 }) {
        prefix += random.pick(&PREFIXES);
        prefix.push(' ');
    }
    format!("{prefix}{mnemonic}{}{}", random.pick(&[" ", "\t", "  "]), operands.join(between))
}

const LABELS: [&str; 2] = ["n#before", "n#after"];

fn any_instruction(random: &mut Random) -> String {
    let rows: Vec<&Row> = rows().collect();
    let row = random.pick(&rows);
    instruction(random, row, &LABELS)
}

fn between_labels(text: &str) -> String {
    format!("n#before:\n{text}\nn#after:\n")
}

/// `each` instructions of every row, with labels close behind and before them.
pub(crate) fn lines_of_every_row(random: &mut Random, each: usize) -> Vec<String> {
    let repeated = rows().flat_map(|row| std::iter::repeat_n(row, each));
    repeated.map(|row| between_labels(&instruction(random, row, &LABELS))).collect()
}

/// A damaged instruction of any row.
pub(crate) fn damaged_line(random: &mut Random) -> String {
    let line = any_instruction(random);
    between_labels(&damaged(random, &line))
}

/// A damaged piece of a program.
pub(crate) fn damaged_program(random: &mut Random) -> String {
    let program = program(random);
    damaged(random, &program)
}

/// A piece of a program of any kind.
pub(crate) fn program(random: &mut Random) -> String {
    match random.below(6) {
        0 => jumps(random),
        1 => macros(random),
        2 => alternative(random),
        3 => apart(random),
        4 => compared(random),
        _ => data(random),
    }
}

/// Jumps, calls and returns, with filler that makes their distances.
fn jumps(random: &mut Random) -> String {
    let names = ["n#a", "n#b", ".Ln#c", "1", "2"];
    let mut text = String::from("1:\n2:\n");
    let count = 4 + random.below(8);
    let mut defined = [false; 3];
    for _ in 0..count {
        let at = random.below(5) as usize;
        let target = match at {
            3 | 4 => format!("{}{}", names[at], random.pick(&["f", "b"])),
            _ => names[at].to_owned(),
        };
        let statement = match random.below(10) {
            0..4 => format!("j{} {target}", random.pick(&CONDITIONS).0),
            4..6 => format!("jmp {target}"),
            6 => format!("call {target}"),
            7 => format!(".skip {}", random.pick(&[1, 2, 60, 100, 110, 120, 124, 125, 126, 127, 128, 250])),
            8 => format!(".balign {}", random.pick(&[2, 4, 8, 16, 32])),
            _ => format!("lea {target}(%rip), %rax"),
        };
        text += &format!("{statement}\n");
        let at = random.below(5) as usize;
        if at >= 3 || !std::mem::replace(&mut defined[at], true) {
            text += &format!("{}:\n", names[at]);
        }
    }
    let rest = names.iter().take(3).zip(defined).filter(|(_, defined)| !defined).map(|(name, _)| format!("{name}:\n"));
    text + &rest.collect::<String>() + "1:\n2:\n\tnop\n"
}

/// Macros that call each other with operands, counters, conditions and repetitions.
fn macros(random: &mut Random) -> String {
    let source = register(random, Width::Q);
    let target = register(random, Width::Q);
    let address = format!("{}({})", number_of_words(random), register(random, Width::Q));
    let times = random.below(4);
    let choice = random.below(3);
    let jump = random.pick(&CONDITIONS).0;
    let second = random.pick(&[format!("to={address}"), format!("to={target}"), address.clone()]);
    format!(
        "\
.macro inner# from:req to={target} n=1
\tmov \\from, \\to
\tj{jump} .Lin#_\\@
\t.byte \\n
.if \\n == {choice}
\tadd ${}, %rcx
.elseif \\n > 1
\tpush \\to
.else
\tnop
.endif
.Lin#_\\@:
.endm
.macro outer# a b:vararg
.rept {times}
\tinner# \\a \\b
.endr
\tinner# from=\\a, n={}
.ifnb \\b
\tinner# \\a, \\b
.endif
.endm
\touter# {source}
\touter# {source}, {second}
.irp reg, rax, r8, rbp
\tpush %\\reg
.endr
",
        random.below(300),
        random.below(3),
    )
}

fn number_of_words(random: &mut Random) -> i64 {
    8 * (random.below(40) as i64 - 20)
}

/// ALTERNATIVE between instructions, also with several statements and labels.
fn alternative(random: &mut Random) -> String {
    let mut arm = || {
        let count = random.below(3);
        let lines: Vec<String> = (0..count).map(|_| any_instruction(random)).collect();
        lines.join("; ")
    };
    let (first, second, third) = (arm(), arm(), arm());
    let features = ["X86_FEATURE_PTI", "X86_FEATURE_PCID", "X86_FEATURE_NEVER"];
    let (feature, other) = (random.pick(&features), random.pick(&features));
    let call = if random.one_in(3) {
        format!("ALTERNATIVE_2 \"{first}\", \"{second}\", {feature}, \"{third}\", {other}")
    } else {
        format!("ALTERNATIVE \"{first}\", \"{second}\", {feature}")
    };
    between_labels(&call)
}

/// Data in several sizes, from numbers, labels and their differences.
fn data(random: &mut Random) -> String {
    let mut text = String::from("n#before:\n");
    for _ in 0..1 + random.below(4) {
        let (directive, bits) = random.pick(&[(".byte", 8), (".word", 16), (".long", 32), (".quad", 64)]);
        let items: Vec<String> = (0..1 + random.below(3))
            .map(|_| match random.below(6) {
                0 => "n#after-n#before".to_owned(),
                1 => "(. - n#before) * 2".to_owned(),
                2 if bits >= 32 => format!("n#before+{}", random.below(99)),
                _ => number(random, bits),
            })
            .collect();
        text += &format!("\t{directive} {}\n", items.join(", "));
    }
    let letters = ["a", "\\n", "\\\\", "\\\"", "\\101", " ", "z"];
    let string: String = (0..random.below(5)).map(|_| random.pick(&letters)).collect();
    text + &format!("\t.asciz \"{string}\"\nn#after:\n")
}

/// Distances to labels of another section, and a section that is discarded.
fn apart(random: &mut Random) -> String {
    let mut distances = || {
        let one = |random: &mut Random| {
            let directive = random.pick(&[".long", ".long", ".long", ".quad", ".quad", ".quad", ".word", ".byte"]);
            let target = random.pick(&["n#here", "n#there", "9b", "n#late"]);
            let from = match random.below(12) {
                0 => random.pick(&["n#here", "n#late"]),
                _ => random.pick(&[".", ".", "(. - 2)"]),
            };
            match random.below(6) {
                0 => format!("\t{directive} {} + {target} - {from}\n", random.below(9)),
                1 => format!("\t{directive} {target} - {from} + {}\n", random.below(9)),
                2 => format!("\tmov ${target} - {from}, {}\n", register(random, Width::Q)),
                _ => format!("\t{directive} {target} - {from}\n"),
            }
        };
        let count = 1 + random.below(2);
        (0..count).map(|_| one(random)).collect::<String>()
    };
    let (there, dropped, late) = (distances(), distances(), distances());
    format!(
        "n#here:\n\tnop\n9:\tnop\n.pushsection .u#,\"aw\"\n\t.byte 7\nn#there:\n{there}.popsection\n\
         .pushsection .discard.d\n\t.long 9b\n{dropped}.popsection\n\
         .pushsection .u#\n{late}.popsection\n\tret\nn#late:\n"
    )
}

/// Registers compared in `.if`.
fn compared(random: &mut Random) -> String {
    let mut side = || match random.below(8) {
        0 => random.pick(&["4", "n#a", "0"]).to_owned(),
        1 => random.pick(&["%cr3", "%gs", "%db7"]).to_owned(),
        2 => format!("({})", register(random, Width::Q)),
        3 => random.pick(&["%rax + 8", "%rsp"]).to_owned(),
        _ => random.pick(&["%rsp", "%rsp", "%RSP", "%rax", "%eax"]).to_owned(),
    };
    let (left, right) = (side(), side());
    let operator = match random.below(6) {
        0 => random.pick(&["<=", "<", "-", "+"]),
        _ => random.pick(&["==", "!=", "<>"]),
    };
    let tests = [format!("{left} {operator} {right}"), format!("!({left} {operator} {right})"), left.clone()];
    let test = random.pick(&[0, 0, 0, 0, 0, 0, 1, 1, 1, 2]);
    format!(".if {}\n\tpush $1\n.else\n\tpush $2\n.endif\n", tests[test])
}

/// The text with one piece lost, doubled, or replaced by another piece of assembly.
fn damaged(random: &mut Random, text: &str) -> String {
    const PIECES: [&str; 24] = [
        "%", "$", ",", "(", ")", "*", ":", " ", "b", "l", "q", "w", "r", "-", "0x", "8", "9f", "1b", "%rax", "%cr3",
        "$1", "(%rsp)", "lock ", "\n",
    ];
    let chars: Vec<char> = text.chars().collect();
    let at = random.below(chars.len() as u64) as usize;
    let lost = random.pick(&[0, 1, 1, 1, 2, 3]);
    let piece = if random.one_in(3) { "" } else { random.pick(&PIECES) };
    let head: String = chars[..at].iter().collect();
    let tail: String = chars.iter().skip(at + lost).collect();
    let mut text = format!("{head}{piece}{tail}\n");
    // `as` has no C preprocessor, which would join these lines.
    while text.contains("\\\n") {
        text = text.replace("\\\n", "\n");
    }
    text
}
