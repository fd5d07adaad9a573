//! Which row of the table takes the operands, and what to report if none does.

use super::layout::{FixupKind, fits};
use super::operand::{Memory, Operand, OperandKind};
use super::register::{Class, Register, Width};
use super::report::{Cause, Fault, counted};
use super::table::{Choice, Kind, Row};
use super::value::Value;

/// A remark besides the bytes.
pub(super) type Remark = Option<Fault>;

/// A row that a mnemonic may mean.
#[derive(Clone, Copy)]
pub(super) struct Candidate {
    pub(super) row: &'static Row,
    pub(super) suffix: Option<Width>,
    pub(super) condition: u8,
}

/// Why a row does not take the operands. A greater one is more specific.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Mismatch {
    Count,
    Kind,
    Range { operand: usize },
    Width { operand: usize, want: Width },
}

impl Mismatch {
    fn rank(&self) -> u8 {
        match self {
            Self::Count => 0,
            Self::Kind => 1,
            Self::Width { .. } => 2,
            Self::Range { .. } => 3,
        }
    }
}

/// The first candidate that takes the operands.
pub(super) fn choose(
    mnemonic: &str,
    candidates: &[Candidate],
    operands: &[Operand],
) -> Result<(Choice, Remark), Fault> {
    let mut best = Mismatch::Count;
    for candidate in candidates {
        match fit(candidate, operands) {
            Ok((width, guessed)) => {
                let choice = Choice { row: candidate.row, width, condition: candidate.condition, guessed };
                return Ok((choice, remark(mnemonic, &choice, operands)));
            }
            Err(mismatch) if mismatch.rank() > best.rank() => best = mismatch,
            Err(_) => {}
        }
    }
    Err(explain(mnemonic, candidates, operands, &best))
}

fn remark(mnemonic: &str, choice: &Choice, operands: &[Operand]) -> Remark {
    if choice.guessed {
        let message = format!("`{mnemonic}` has no suffix and no register: it uses 32 bits");
        return Some(
            Cause::new(mnemonic, message)
                .hint(format!("write the width: `{mnemonic}b`, `{mnemonic}w`, `{mnemonic}l` or `{mnemonic}q`")),
        );
    }
    shortened(choice, operands).or_else(|| no_star(mnemonic, choice.row, operands))
}

/// An immediate that loses its upper bits, as in GNU `as`.
fn shortened(choice: &Choice, operands: &[Operand]) -> Remark {
    let size = choice.width.map_or(4, |width| (width.bits() / 8).min(4)) as u8;
    let kinds = choice.row.operands.iter().zip(operands);
    let mut long = kinds.filter(|(kind, operand)| match (kind, &operand.kind) {
        (Kind::Imm, OperandKind::Immediate(Value::Constant(number))) => !fits(*number, size, FixupKind::Either),
        _ => false,
    });
    long.next().map(|(_, operand)| {
        let bits = u32::from(size) * 8;
        Cause::new(&operand.text, format!("`{}` is cut to its low {bits} bits", operand.text))
            .hint("the suffix or the registers give the width")
    })
}

fn no_star(mnemonic: &str, row: &Row, operands: &[Operand]) -> Remark {
    let star = matches!(row.operands.first(), Some(Kind::Indirect | Kind::IndirectMem))
        && operands.first().is_some_and(|first| !first.indirect);
    star.then(|| {
        let text = operands.first().map_or("", |operand| &operand.text);
        Cause::new(text, "an indirect jump without `*`").hint(format!("write `{mnemonic} *{text}`"))
    })
}

/// The width at which the row takes the operands, and whether it was guessed.
fn fit(candidate: &Candidate, operands: &[Operand]) -> Result<(Option<Width>, bool), Mismatch> {
    let row = candidate.row;
    if row.operands.len() != operands.len() {
        return Err(Mismatch::Count);
    }
    let by_kind = row.operands.iter().zip(operands).all(|(kind, operand)| takes(*kind, operand));
    if !by_kind || !is_one_address_size(operands) {
        return Err(Mismatch::Kind);
    }
    let (width, guessed) = width_of(candidate, operands)?;
    for (at, (kind, operand)) in row.operands.iter().zip(operands).enumerate() {
        // A guessed width says nothing about the sign of an immediate.
        check(*kind, operand, width.filter(|_| !guessed), at)?;
        if guessed && !fits_guess(operand) {
            return Err(Mismatch::Range { operand: at });
        }
    }
    Ok((width, guessed))
}

/// Whether the operand is of the kind, regardless of widths and values.
fn takes(kind: Kind, operand: &Operand) -> bool {
    use OperandKind as O;
    let general = |register: &Register| register.width().is_some();
    let accumulator = |register: &Register| register.number == 0 && matches!(register.class, Class::General(_));
    match (kind, &operand.kind) {
        (Kind::Indirect, O::Register(register)) => general(register),
        // GNU `as` accepts an address that no direct jump could have, and warns that `*` is missing.
        (Kind::Indirect | Kind::IndirectMem, O::Memory(memory)) => operand.indirect || !is_plain(memory),
        _ if operand.indirect => false,
        (Kind::Reg | Kind::RegOf(_) | Kind::RegRm | Kind::Rm | Kind::RmOf(_), O::Register(register)) => {
            general(register)
        }
        (Kind::Rm | Kind::RmOf(_) | Kind::Mem, O::Memory(_)) => true,
        (Kind::Acc | Kind::AccReg | Kind::AccRm, O::Register(register)) => accumulator(register),
        (Kind::Cl, O::Register(register)) => *register == Register { class: Class::General(Width::B), number: 1 },
        (Kind::Dx, O::Register(register)) => *register == Register { class: Class::General(Width::W), number: 2 },
        (Kind::DxAddress, O::Port) => true,
        (Kind::One, O::Immediate(value)) => value.constant() == Some(1),
        (Kind::Three, O::Immediate(value)) => value.constant() == Some(3),
        (Kind::Imm8Signed | Kind::ImmWide, O::Immediate(value)) => value.constant().is_some(),
        (Kind::Imm8 | Kind::Imm16 | Kind::Imm | Kind::Imm64 | Kind::Imm32, O::Immediate(_)) => true,
        (Kind::SegmentRegister, O::Register(register)) => register.class == Class::Segment,
        (Kind::FsOrGs, O::Register(register)) => register.class == Class::Segment && register.number >= 4,
        (Kind::ControlRegister, O::Register(register)) => register.class == Class::Control,
        (Kind::DebugRegister, O::Register(register)) => register.class == Class::Debug,
        (Kind::Offset64, O::Memory(memory)) => memory.base.is_none() && memory.index.is_none(),
        (Kind::Target | Kind::Target32 | Kind::Target8, O::Memory(memory)) => is_plain(memory),
        (Kind::Source, O::Memory(memory)) => is_string(memory, 6),
        (Kind::Destination, O::Memory(memory)) => {
            is_string(memory, 7) && memory.segment.is_none_or(|segment| segment.number == 0)
        }
        _ => false,
    }
}

/// A displacement alone.
fn is_plain(memory: &Memory) -> bool {
    memory.base.is_none() && memory.index.is_none() && memory.segment.is_none()
}

/// `(%rsi)` or `(%rdi)`.
fn is_string(memory: &Memory, base: u8) -> bool {
    let plain = memory.index.is_none() && memory.displacement.as_ref().is_none_or(|value| value.constant() == Some(0));
    plain && memory.base.is_some_and(|register| register.number == base && register.width().is_some())
}

/// String instructions have two addresses and one prefix for the size of both.
fn is_one_address_size(operands: &[Operand]) -> bool {
    let mut sizes = operands.iter().filter_map(|operand| match &operand.kind {
        OperandKind::Memory(memory) => memory.base.and_then(Register::width),
        _ => None,
    });
    let first = sizes.next();
    sizes.all(|size| Some(size) == first)
}

/// The width of the operation: from the suffix, else from a register, else the row's default.
fn width_of(candidate: &Candidate, operands: &[Operand]) -> Result<(Option<Width>, bool), Mismatch> {
    let row = candidate.row;
    if row.widths.is_empty() {
        return Ok((None, false));
    }
    if let Some(width) = candidate.suffix {
        return Ok((Some(width), false));
    }
    let mut found = None;
    // The last register decides: it is the destination.
    for (at, (kind, operand)) in row.operands.iter().zip(operands).enumerate() {
        if let (true, OperandKind::Register(register)) = (gives_width(*kind), &operand.kind) {
            found = register.width().map(|width| (width, at)).or(found);
        }
    }
    match (found, row.how.default, row.widths) {
        (Some((width, _)), _, widths) if widths.contains(&width) => Ok((Some(width), false)),
        (Some((_, operand)), _, widths) => {
            let want = widths.iter().copied().max().unwrap_or(Width::L);
            Err(Mismatch::Width { operand, want })
        }
        (None, Some(width), _) => Ok((Some(width), false)),
        (None, None, [width]) => Ok((Some(*width), false)),
        (None, None, _) => Ok((Some(Width::L), true)),
    }
}

/// A guessed width does not shorten an immediate.
fn fits_guess(operand: &Operand) -> bool {
    match &operand.kind {
        OperandKind::Immediate(value) => value.constant().is_none_or(|number| fits(number, 4, FixupKind::Either)),
        _ => true,
    }
}

fn gives_width(kind: Kind) -> bool {
    matches!(kind, Kind::Reg | Kind::Rm | Kind::RegRm | Kind::Acc | Kind::AccReg | Kind::AccRm | Kind::Indirect)
}

/// Whether the operand's width and value fit.
fn check(kind: Kind, operand: &Operand, width: Option<Width>, at: usize) -> Result<(), Mismatch> {
    let wanted = match kind {
        Kind::RmOf(own) | Kind::RegOf(own) => Some(own),
        kind if gives_width(kind) => width,
        _ => None,
    };
    match &operand.kind {
        OperandKind::Register(register) => match (wanted, register.width()) {
            (Some(want), Some(have)) if want != have => Err(Mismatch::Width { operand: at, want }),
            _ => Ok(()),
        },
        OperandKind::Immediate(value) => match value.constant() {
            Some(number) if !immediate_fits(kind, number, width) => Err(Mismatch::Range { operand: at }),
            _ => Ok(()),
        },
        OperandKind::Memory(memory) => match &memory.displacement {
            Some(Value::Constant(number)) if !displacement_fits(kind, memory, *number) => {
                Err(Mismatch::Range { operand: at })
            }
            _ => Ok(()),
        },
        OperandKind::Port => Ok(()),
    }
}

fn immediate_fits(kind: Kind, number: i64, width: Option<Width>) -> bool {
    match kind {
        Kind::Imm8 => fits(number, 1, FixupKind::Either) || fits(at_width(number, width), 1, FixupKind::Signed),
        Kind::Imm16 => fits(number, 2, FixupKind::Either),
        Kind::Imm32 => fits(number, 4, FixupKind::Signed),
        Kind::Imm8Signed => fits(at_width(number, width), 1, FixupKind::Signed),
        Kind::ImmWide => !fits(number, 4, FixupKind::Signed),
        // GNU `as` truncates what does not fit in 8, 16 or 32 bits, and warns.
        Kind::Imm => width != Some(Width::Q) || fits(number, 4, FixupKind::Signed),
        _ => true,
    }
}

/// The number at the width: `0xffff` is -1 in 16 bits, `0xffffffff` in 32. GNU `as` makes the latter -1 in 16 bits too.
fn at_width(number: i64, width: Option<Width>) -> i64 {
    match width {
        Some(Width::W) if fits(number, 2, FixupKind::Either) => i64::from(number as i16),
        Some(Width::W | Width::L) if fits(number, 4, FixupKind::Either) => i64::from(number as i32),
        _ => number,
    }
}

fn displacement_fits(kind: Kind, memory: &Memory, number: i64) -> bool {
    let narrow = memory.base.iter().chain(&memory.index).any(|register| register.width() == Some(Width::L));
    match kind {
        Kind::Offset64 | Kind::Target | Kind::Target32 | Kind::Target8 => true,
        _ if narrow => fits(number, 4, FixupKind::Either),
        _ => fits(number, 4, FixupKind::Signed),
    }
}

/// Explains what is wrong with the operands.
fn explain(mnemonic: &str, candidates: &[Candidate], operands: &[Operand], mismatch: &Mismatch) -> Fault {
    let text = |at: usize| operands.get(at).map_or("", |operand| operand.text.as_str());
    match mismatch {
        Mismatch::Count => wrong_count(mnemonic, candidates, operands.len()),
        Mismatch::Kind => {
            let list: Vec<&str> = operands.iter().map(describe).collect();
            Cause::new(mnemonic, format!("`{mnemonic}` does not take these operands: {}", list.join(", ")))
                .hint(operand_hint(operands))
        }
        Mismatch::Range { operand } => {
            let what = match operands.get(*operand).map(|operand| &operand.kind) {
                Some(OperandKind::Memory(_)) => "displacement",
                _ => "immediate",
            };
            Cause::new(text(*operand), format!("the {what} in `{}` does not fit `{mnemonic}`", text(*operand)))
                .hint("an immediate or displacement has 32 bits, sign-extended to 64; `movabs` takes 64 bits")
        }
        Mismatch::Width { operand, want } => {
            let have = match operands.get(*operand).map(|operand| &operand.kind) {
                Some(OperandKind::Register(register)) => register.width().map_or(0, Width::bits),
                _ => 0,
            };
            let message = format!("`{}` is {have} bits wide where `{mnemonic}` needs {}", text(*operand), want.bits());
            Cause::new(text(*operand), message).hint("suffix and registers must name the same width")
        }
    }
}

fn wrong_count(mnemonic: &str, candidates: &[Candidate], have: usize) -> Fault {
    let rows = || candidates.iter().map(|candidate| candidate.row);
    let most = rows().map(|row| row.operands.len()).max().unwrap_or(0);
    let rows: Vec<&Row> = (0..=most).filter_map(|count| rows().find(|row| row.operands.len() == count)).collect();
    let takes = match rows.as_slice() {
        [only] => counted(only.operands.len(), "operand"),
        _ => {
            let counts: Vec<String> = rows.iter().map(|row| row.operands.len().to_string()).collect();
            format!("{} operands", counts.join(" or "))
        }
    };
    let written: Vec<String> = rows.iter().map(|row| written(mnemonic, row)).collect();
    Cause::new(mnemonic, format!("`{mnemonic}` takes {takes}, not {have}"))
        .hint(format!("write {}", written.join(" or ")))
}

/// An example of the row: `` `mov %register, %register` ``.
fn written(mnemonic: &str, row: &Row) -> String {
    let operands: Vec<&str> = row.operands.iter().map(|kind| example(*kind)).collect();
    format!("`{}`", format!("{mnemonic} {}", operands.join(", ")).trim_end())
}

fn example(kind: Kind) -> &'static str {
    match kind {
        Kind::Reg | Kind::RegOf(_) | Kind::RegRm | Kind::Rm | Kind::RmOf(_) => "%register",
        Kind::Acc | Kind::AccReg | Kind::AccRm => "%rax",
        Kind::Cl => "%cl",
        Kind::Dx => "%dx",
        Kind::DxAddress => "(%dx)",
        Kind::One => "$1",
        Kind::Three => "$3",
        Kind::Imm8 | Kind::Imm8Signed | Kind::Imm16 | Kind::Imm | Kind::ImmWide | Kind::Imm64 | Kind::Imm32 => {
            "$number"
        }
        Kind::SegmentRegister => "%ds",
        Kind::FsOrGs => "%gs",
        Kind::ControlRegister => "%cr3",
        Kind::DebugRegister => "%dr7",
        Kind::Mem | Kind::Offset64 => "address",
        Kind::Indirect | Kind::IndirectMem => "*address",
        Kind::Target | Kind::Target32 | Kind::Target8 => "label",
        Kind::Source => "(%rsi)",
        Kind::Destination => "(%rdi)",
    }
}

fn describe(operand: &Operand) -> &'static str {
    match &operand.kind {
        OperandKind::Register(register) => match register.class {
            Class::General(_) | Class::High => "register",
            Class::Segment => "segment register",
            Class::Control => "control register",
            Class::Debug => "debug register",
            Class::Instruction(_) => "address register",
        },
        OperandKind::Immediate(_) => "immediate",
        OperandKind::Memory(_) => "memory",
        OperandKind::Port => "port",
    }
}

fn operand_hint(operands: &[Operand]) -> &'static str {
    let memories = operands.iter().filter(|operand| matches!(operand.kind, OperandKind::Memory(_))).count();
    match operands.last().map(|operand| &operand.kind) {
        Some(OperandKind::Immediate(_)) => "AT&T order is source first: the destination comes last",
        _ if memories > 1 => "only one operand may be in memory; a number without `$` is an address",
        _ => "sources come first and the destination last; a number without `$` is an address",
    }
}
