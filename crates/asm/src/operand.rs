//! Operands: `$immediate`, `%register`, `segment:displacement(base,index,scale)`, and `*` before those of indirect
//! jumps.

use super::expression::{Dialect, Scope, continues_name, parse};
use super::register::{Class, Register, Width, names, register};
use super::report::{Cause, Fault, nearest};
use super::scrub::commas;
use super::value::Value;

/// A memory address.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Memory {
    pub(super) segment: Option<Register>,
    pub(super) displacement: Option<Value>,
    pub(super) base: Option<Register>,
    pub(super) index: Option<Register>,
    /// 1, 2, 4 or 8.
    pub(super) scale: u8,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum OperandKind {
    Register(Register),
    Immediate(Value),
    Memory(Memory),
    /// `(%dx)`: the I/O port that DX names.
    Port,
}

/// An operand as written.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Operand {
    pub(super) kind: OperandKind,
    /// `*`: this place holds the target of a jump.
    pub(super) indirect: bool,
    pub(super) text: String,
}

/// Splits `text` at commas outside brackets and strings.
pub(super) fn split_commas(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut start = 0;
    for at in commas(text) {
        pieces.push(text[start..at].trim());
        start = at + 1;
    }
    pieces.push(text[start..].trim());
    if pieces == [""] { Vec::new() } else { pieces }
}

/// The operands of an instruction.
pub(super) fn operands(text: &str, scope: &mut dyn Scope) -> Result<Vec<Operand>, Fault> {
    split_commas(text).into_iter().map(|piece| operand(piece, scope)).collect()
}

/// `(%dx)`.
fn is_port(text: &str) -> bool {
    let inside = text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
    inside.is_some_and(|register| register.trim().eq_ignore_ascii_case("%dx"))
}

fn operand(text: &str, scope: &mut dyn Scope) -> Result<Operand, Fault> {
    let (indirect, rest) = match text.strip_prefix('*') {
        Some(rest) => (true, rest.trim_start()),
        None => (false, text),
    };
    let kind = match rest.chars().next() {
        None => {
            return Err(Cause::new(",", "an operand is missing").hint("remove the extra comma, or add the operand"));
        }
        Some('(') if is_port(rest) => OperandKind::Port,
        Some('$') => OperandKind::Immediate(parse(&rest[1..], Dialect::Gas, scope)?),
        Some('%') => register_or_segment(rest, scope)?,
        Some(_) => OperandKind::Memory(memory(None, rest, scope)?),
    };
    Ok(Operand { kind, indirect, text: text.to_owned() })
}

/// `%rax`, or `%gs:...`.
fn register_or_segment(text: &str, scope: &mut dyn Scope) -> Result<OperandKind, Fault> {
    let (found, rest) = take_register(text)?;
    let rest = rest.trim_start();
    if rest.is_empty() {
        return Ok(OperandKind::Register(found));
    }
    match rest.strip_prefix(':') {
        Some(address) if found.class == Class::Segment => {
            Ok(OperandKind::Memory(memory(Some(found), address.trim_start(), scope)?))
        }
        Some(_) => Err(Cause::new(text, "only a segment register may precede `:`").hint("for example `%gs:`")),
        None => Err(Cause::new(text, format!("`{rest}` follows a register"))
            .hint("put a comma between operands; an address is written `displacement(%base,%index,scale)`")),
    }
}

/// The register at the start of `text`, which begins with `%`, and what follows.
fn take_register(text: &str) -> Result<(Register, &str), Fault> {
    let name = text.strip_prefix('%').unwrap_or(text).trim_start();
    let length = name.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(name.len());
    let (name, rest) = name.split_at(length);
    match register(&name.to_ascii_lowercase()) {
        Some(found) => Ok((found, rest)),
        None => Err(unknown_register(name)),
    }
}

fn unknown_register(name: &str) -> Fault {
    let fault = Cause::new(format!("%{name}"), format!("`%{name}` is not a register of this machine"));
    let known: Vec<String> = names().collect();
    match nearest(name, known.iter().map(String::as_str)) {
        Some(near) => fault.hint(format!("did you mean `%{near}`?")),
        None => fault.hint("general-purpose, segment, control and debug registers are known; x87 and SSE are not"),
    }
}

/// `displacement(base,index,scale)`, with at least one part.
fn memory(segment: Option<Register>, text: &str, scope: &mut dyn Scope) -> Result<Memory, Fault> {
    let (displacement, group) = match group_start(text) {
        Some(at) => (text[..at].trim(), Some(&text[at..])),
        None => (text.trim(), None),
    };
    if displacement.is_empty() && group.is_none() {
        return Err(Cause::new(text, "an address is missing")
            .hint("an address is written `displacement(%base,%index,scale)`: `%gs:0(%rax)`, for example"));
    }
    let displacement = match displacement {
        "" => None,
        text => Some(parse(text, Dialect::Gas, scope).map_err(|fault| address_hint(fault, text))?),
    };
    let mut memory = Memory { segment, displacement, base: None, index: None, scale: 1 };
    if let Some(group) = group {
        fill_group(&mut memory, group, scope)?;
    }
    Ok(memory)
}

/// The likeliest slip in an address is a register name without `%`.
fn address_hint(fault: Fault, text: &str) -> Fault {
    let mut names = text.split(|c| !continues_name(c)).filter(|name| register(&name.to_ascii_lowercase()).is_some());
    match names.next() {
        Some(name) => fault.rather(format!("registers are written with `%`: `%{name}`")),
        None => fault,
    }
}

/// Where the bracket of base and index begins: the last one, if a register or a comma follows it.
fn group_start(text: &str) -> Option<usize> {
    if !text.trim_end().ends_with(')') {
        return None;
    }
    let mut depth = 0_u32;
    let open = text.char_indices().rev().find(|(_, c)| {
        match c {
            ')' => depth += 1,
            '(' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && *c == '('
    })?;
    let inside = text[open.0 + 1..].trim_start();
    inside.starts_with(['%', ',']).then_some(open.0)
}

fn fill_group(memory: &mut Memory, group: &str, scope: &mut dyn Scope) -> Result<(), Fault> {
    let inside = group.trim_end().strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or("");
    let parts = split_commas(inside);
    if parts.len() > 3 {
        return Err(Cause::new(group, "an address has at most three parts: `(%base,%index,scale)`")
            .hint("write the displacement before the bracket: `8(%rax,%rbx,2)`"));
    }
    memory.base = address_register(parts.first(), group)?;
    let second = parts.get(1).copied().unwrap_or("");
    if second.is_empty() && parts.len() > 1 {
        return Err(Cause::new(group, "an index register or a scale is missing after the comma")
            .hint("write `(%base)` or `(%base,%index,scale)`"));
    }
    if !second.is_empty() && !second.starts_with('%') && parts.len() == 2 {
        // `(,1)`: a scale without an index, which GNU as accepts and does not encode.
        scale(second, scope)?;
        return check_group(memory, group);
    }
    memory.index = address_register(parts.get(1), group)?;
    if let Some(text) = parts.get(2).filter(|text| !text.is_empty()) {
        memory.scale = scale(text, scope)?;
    }
    check_group(memory, group)
}

fn address_register(part: Option<&&str>, group: &str) -> Result<Option<Register>, Fault> {
    let Some(part) = part.filter(|part| !part.is_empty()) else {
        return Ok(None);
    };
    if !part.starts_with('%') {
        return Err(Cause::new(*part, format!("`{part}` is not a register")).hint("registers are written with `%`"));
    }
    let (found, rest) = take_register(part)?;
    if !rest.trim().is_empty() {
        return Err(Cause::new(group, format!("`{}` follows a register", rest.trim()))
            .hint("put a comma between base, index and scale"));
    }
    Ok(Some(found))
}

fn scale(text: &str, scope: &mut dyn Scope) -> Result<u8, Fault> {
    match parse(text, Dialect::Gas, scope)?.constant() {
        Some(scale @ (1 | 2 | 4 | 8)) => Ok(scale as u8),
        _ => Err(Cause::new(text, "a scale is 1, 2, 4 or 8")
            .hint("a register may be base and index at once: `(%rax,%rax,2)` is three times `%rax`")),
    }
}

const RIP_ALONE: &str = "load the address first: `lea name(%rip), %rax`, then `(%rax,%index,scale)`";

/// Base and index are general-purpose registers of one width, 64 or 32 bits. RIP has no index, and RSP is no index.
fn check_group(memory: &Memory, group: &str) -> Result<(), Fault> {
    let address_width = |register: Register| match register.class {
        Class::General(width @ (Width::L | Width::Q)) => Some(width),
        Class::Instruction(width) => Some(width),
        _ => None,
    };
    let base = memory.base.map(address_width);
    let index = memory.index.map(address_width);
    let relative = memory.base.is_some_and(|base| matches!(base.class, Class::Instruction(_)));
    let (message, hint) = match (base, index) {
        (Some(None), _) | (_, Some(None)) => {
            ("an address is made of 64-bit or 32-bit registers", "`%rax` to `%r15`, or `%eax` to `%r15d`")
        }
        (Some(a), Some(b)) if a != b => ("base and index differ in width", "name both by 64 bits, or both by 32"),
        (Some(_), Some(_)) if relative => ("`%rip` takes no index", RIP_ALONE),
        _ => match memory.index {
            Some(Register { class: Class::Instruction(_), .. }) => ("`%rip` cannot be an index", RIP_ALONE),
            Some(Register { class: Class::General(_), number: 4 }) => {
                ("`%rsp` cannot be an index", "make it the base: `(%rsp,%index,scale)`")
            }
            _ => return Ok(()),
        },
    };
    Err(Cause::new(group, message).hint(hint))
}
