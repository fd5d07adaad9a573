//! Directives that write data, move the location, change the section, or say something.

use super::annotation::CALL_FRAME;
use super::assembler::Assembler;
use super::conditional::KNOWN_HERE;
use super::expression::integer;
use super::layout::{Filler, Fixup, FixupKind, Item, count_bytes, fits};
use super::macros::is_name;
use super::operand::split_commas;
use super::report::{Cause, Fault, Place, nearest};
use super::scrub::Words;
use super::value::Value;

/// Directives that do not change the bytes: symbol attributes, line numbers, unwind tables.
const SILENT: [&str; 11] =
    [".type", ".size", ".file", ".loc", ".ident", ".hidden", ".local", ".protected", ".internal", ".line", ".version"];

/// Directives that choose what is already chosen, with the words that do so. Other words would change what the
/// assembler accepts.
const CHOSEN: [(&str, &[&str]); 3] =
    [(".code64", &[""]), (".att_syntax", &["", "prefix"]), (".arch", &["generic64", "default"])];

/// Directives with a function of their own, as hints.
const KNOWN: [&str; 67] = [
    ".byte",
    ".word",
    ".short",
    ".value",
    ".hword",
    ".2byte",
    ".long",
    ".int",
    ".4byte",
    ".quad",
    ".8byte",
    ".octa",
    ".ascii",
    ".asciz",
    ".string",
    ".zero",
    ".skip",
    ".space",
    ".fill",
    ".align",
    ".balign",
    ".balignw",
    ".balignl",
    ".p2align",
    ".p2alignw",
    ".p2alignl",
    ".org",
    ".section",
    ".text",
    ".data",
    ".bss",
    ".pushsection",
    ".popsection",
    ".previous",
    ".globl",
    ".global",
    ".weak",
    ".set",
    ".equ",
    ".equiv",
    ".error",
    ".err",
    ".warning",
    ".print",
    ".macro",
    ".endm",
    ".rept",
    ".irp",
    ".irpc",
    ".endr",
    ".exitm",
    ".purgem",
    ".if",
    ".ifdef",
    ".ifndef",
    ".ifb",
    ".ifnb",
    ".ifc",
    ".ifnc",
    ".elseif",
    ".else",
    ".endif",
    ".end",
    ".extern",
    ".type",
    ".size",
    ".hidden",
];

type Outcome = Result<(), Fault>;

/// Runs the directive `word`.
pub(super) fn directive(
    state: &mut Assembler<'_, '_>,
    word: &str,
    words: &Words<'_>,
    text: &str,
    place: &Place,
) -> Outcome {
    if SILENT.contains(&word) || CALL_FRAME.contains(&word) {
        return Ok(());
    }
    let rest = words.rest;
    if let Some((_, taken)) = CHOSEN.iter().find(|(chosen, _)| *chosen == word) {
        return if taken.contains(&rest) { Ok(()) } else { Err(not_chosen(word, rest)) };
    }
    match word {
        ".globl" | ".global" | ".extern" => {}
        ".weak" => split_commas(rest).into_iter().for_each(|name| state.symbols.set_weak(name)),
        ".set" | ".equ" | ".equiv" => set(state, word, rest, place)?,
        ".error" | ".err" => {
            return Err(Cause::new(words.word, format!("{word} {rest}"))
                .hint("the text itself refuses this: see the conditions around it"));
        }
        ".warning" | ".print" => {
            state.report.warning(place, Cause::new(words.word, rest).remark());
            return Ok(());
        }
        ".text" | ".data" | ".bss" => plain_section(state, word, rest)?,
        ".section" => section(state, rest)?,
        ".pushsection" => {
            let from = state.layout.current();
            state.section_stack.push((from, state.previous_section));
            section(state, rest)?;
        }
        ".popsection" => pop_section(state)?,
        ".previous" => {
            let (current, previous) = (state.layout.current(), state.previous_section);
            state.layout.enter(previous);
            state.previous_section = current;
        }
        _ => return write(state, word, words, text, place),
    }
    state.emit_text(text);
    Ok(())
}

/// Directives that put something into the section.
fn write(state: &mut Assembler<'_, '_>, word: &str, words: &Words<'_>, text: &str, place: &Place) -> Outcome {
    let rest = words.rest;
    let start = state.layout.start_entry();
    let result = match word {
        ".byte" => data(state, 1, rest, place),
        ".word" | ".short" | ".value" | ".hword" | ".2byte" => data(state, 2, rest, place),
        ".long" | ".int" | ".4byte" => data(state, 4, rest, place),
        ".quad" | ".8byte" => data(state, 8, rest, place),
        ".octa" => octa(state, rest, place),
        ".ascii" => strings(state, rest, b""),
        ".asciz" | ".string" => strings(state, rest, b"\0"),
        ".zero" | ".skip" | ".space" => skip(state, rest, place),
        ".fill" => fill(state, rest, place),
        ".align" | ".balign" => align(state, rest, Unit::Bytes, 1, place),
        ".balignw" => align(state, rest, Unit::Bytes, 2, place),
        ".balignl" => align(state, rest, Unit::Bytes, 4, place),
        ".p2align" => align(state, rest, Unit::Power, 1, place),
        ".p2alignw" => align(state, rest, Unit::Power, 2, place),
        ".p2alignl" => align(state, rest, Unit::Power, 4, place),
        ".org" => org(state, rest, place),
        _ => return Err(unknown(words.word)),
    };
    // What was written before a fault is listed too: the listing covers every byte.
    state.list_data(start, text, place);
    state.emit_text(text);
    result
}

fn not_chosen(word: &str, rest: &str) -> Fault {
    let hint = match word {
        ".code64" => "it takes no argument",
        ".att_syntax" => "registers are written with `%`",
        _ => "every instruction of this machine is enabled: leave it out, or write `.arch generic64`",
    };
    let at = if rest.is_empty() { word } else { rest };
    Cause::new(at, format!("`{}` is not taken", format!("{word} {rest}").trim_end())).hint(hint)
}

fn unknown(word: &str) -> Fault {
    let known = KNOWN.iter().chain(&SILENT).chain(&CALL_FRAME).copied().chain(CHOSEN.map(|(chosen, _)| chosen));
    let fault = Cause::new(word, format!("`{word}` is not a known directive"));
    match (word, nearest(word, known)) {
        (".intel_syntax", _) => fault.hint("only AT&T syntax is supported"),
        (".code16" | ".code32", _) => fault.hint("only 64-bit code is supported"),
        (".include" | ".incbin", _) => fault.hint("other files are not read; paste their text above"),
        (_, Some(near)) => fault.hint(format!("did you mean `{near}`?")),
        (_, None) => fault.hint("a name that begins with `.` is a directive unless it ends with `:`"),
    }
}

fn set(state: &mut Assembler<'_, '_>, word: &str, rest: &str, place: &Place) -> Outcome {
    let parts = rest.split_once(',');
    let (name, value) = parts.ok_or_else(|| {
        Cause::new(word, format!("write `{word} name, value`")).hint("put a comma between name and value")
    })?;
    let name = name.trim();
    if !is_name(name) {
        return Err(Cause::new(name, format!("`{name}` is not a name"))
            .hint("a name begins with a letter, `_`, `.` or `$` and continues with these and digits"));
    }
    if word == ".equiv" && *state.symbols.definition(name) != super::symbols::Definition::Undefined {
        return Err(
            Cause::new(name, format!("`{name}` is already defined")).hint("`.set` may give a name another value")
        );
    }
    state.set(name, value, place)
}

fn plain_section(state: &mut Assembler<'_, '_>, name: &str, rest: &str) -> Outcome {
    if !matches!(rest, "" | "0") {
        return Err(Cause::new(rest, "numbered subsections are not supported")
            .hint("enter a section of another name: `.section .text.more`"));
    }
    state.enter_section(name, None);
    Ok(())
}

/// `.section name, "flags", @type, ...`
fn section(state: &mut Assembler<'_, '_>, rest: &str) -> Outcome {
    let parts = split_commas(rest);
    let name = parts.first().map_or("", |name| name.trim_matches('"'));
    if name.is_empty() || name.contains(char::is_whitespace) {
        return Err(Cause::new(".section", "`.section` needs a name").hint("write `.section .text`, for example"));
    }
    let flags = parts.get(1).filter(|flags| flags.starts_with('"')).map(|flags| flags.trim_matches('"'));
    state.enter_section(name, flags);
    Ok(())
}

fn pop_section(state: &mut Assembler<'_, '_>) -> Outcome {
    let (current, previous) = state.section_stack.pop().ok_or_else(|| {
        Cause::new(".popsection", "`.popsection` without `.pushsection`")
            .hint("remove it, or enter the section above with `.pushsection`")
    })?;
    state.layout.enter(current);
    state.previous_section = previous;
    Ok(())
}

/// Values of `size` bytes each.
fn data(state: &mut Assembler<'_, '_>, size: u8, rest: &str, place: &Place) -> Outcome {
    for piece in split_commas(rest) {
        let value = state.value(piece)?;
        let Some(number) = value.constant() else {
            let fixup = Fixup { offset: 0, size, kind: FixupKind::Either, value, place: place.clone() };
            state.layout.bytes(&[0; 8][..usize::from(size)], vec![fixup]);
            continue;
        };
        if !fits(number, size, FixupKind::Either) {
            let fault = Cause::new(piece, format!("{number:#x} is cut to its low {}", count_bytes(size)))
                .hint("`.word`, `.long` and `.quad` have 2, 4 and 8 bytes");
            state.report.warning(place, fault);
        }
        state.layout.bytes(&number.to_le_bytes()[..usize::from(size)], Vec::new());
    }
    Ok(())
}

/// Values of 16 bytes: literals, or numbers extended by their sign.
fn octa(state: &mut Assembler<'_, '_>, rest: &str, place: &Place) -> Outcome {
    for piece in split_commas(rest) {
        let hex = piece.strip_prefix("0x").or_else(|| piece.strip_prefix("0X"));
        let wide = hex.and_then(|digits| u128::from_str_radix(digits, 16).ok());
        let number = match (wide, integer(piece)) {
            (Some(number), _) => number,
            (None, Ok(number)) => u128::from(number),
            (None, Err(_)) => match state.value(piece)?.constant() {
                Some(number) => i128::from(number) as u128,
                None => {
                    return Err(
                        Cause::new(piece, "`.octa` takes numbers").hint("an address has 64 bits: write `.quad`")
                    );
                }
            },
        };
        state.layout.bytes(&number.to_le_bytes(), Vec::new());
    }
    state.check_size(place);
    Ok(())
}

/// Strings, each followed by `end`.
fn strings(state: &mut Assembler<'_, '_>, rest: &str, end: &[u8]) -> Outcome {
    if rest.is_empty() {
        return Err(Cause::new("", "a string is missing here").hint("write the string in double quotes"));
    }
    // As in GNU `as`, an empty piece between two commas is no string.
    for piece in split_commas(rest).into_iter().filter(|piece| !piece.is_empty()) {
        let mut left = piece;
        while !left.is_empty() {
            if !left.starts_with('"') {
                return Err(Cause::new(left, "a string is missing here").hint("write the string in double quotes"));
            }
            let length = super::scrub::closed_string(left);
            let length = length.ok_or_else(|| {
                Cause::new("\"", "this string has no closing quote")
                    .hint("close it with `\"`; a quote inside is written `\\\"`")
            })?;
            state.layout.bytes(&unescape(&left[1..length - 1]), Vec::new());
            left = left[length..].trim_start();
        }
        if !end.is_empty() {
            state.layout.bytes(end, Vec::new());
        }
    }
    Ok(())
}

/// The bytes of a string: `\n`, `\\`, octal and hexadecimal escapes ("Strings" in the manual of GNU `as`).
fn unescape(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        at += 1;
        if *byte != b'\\' {
            out.push(*byte);
            continue;
        }
        let escape = bytes.get(at).copied().unwrap_or(b'\\');
        let (value, taken) = match escape {
            b'b' => (8, 1),
            b't' => (9, 1),
            b'n' => (10, 1),
            b'f' => (12, 1),
            b'r' => (13, 1),
            b'0'..=b'9' => octal(&bytes[at..]),
            b'x' | b'X' => {
                let (value, taken) = hexadecimal(&bytes[at + 1..]);
                (value, taken + 1)
            }
            other => (other, 1),
        };
        out.push(value);
        at += taken;
    }
    out
}

/// Up to three digits and how many there are. The low byte counts. GNU `as` accepts 8 and 9 as digits too.
fn octal(bytes: &[u8]) -> (u8, usize) {
    let run = bytes.iter().take(3).map_while(|byte| char::from(*byte).to_digit(10));
    run.fold((0_u8, 0), |(value, count), digit| (value.wrapping_mul(8).wrapping_add(digit as u8), count + 1))
}

/// All digits and how many there are. The low byte counts.
fn hexadecimal(bytes: &[u8]) -> (u8, usize) {
    let run = bytes.iter().map_while(|byte| char::from(*byte).to_digit(16));
    run.fold((0_u8, 0), |(value, count), digit| (value.wrapping_mul(16).wrapping_add(digit as u8), count + 1))
}

/// A number that must be known here, or `otherwise` if `text` is empty.
fn number(state: &mut Assembler<'_, '_>, text: &str, otherwise: i64) -> Result<i64, Fault> {
    if text.is_empty() {
        return Ok(otherwise);
    }
    let value = state.value(text)?;
    value
        .constant()
        .ok_or_else(|| Cause::new(text, format!("`{text}` must be a number that is already known")).hint(KNOWN_HERE))
}

/// `count` units of `filler`: as bytes if the count is known, else as an item.
fn gap(state: &mut Assembler<'_, '_>, count: Value, filler: Filler, place: &Place) -> Outcome {
    let Some(known) = count.constant() else {
        state.layout.item(Item::Fill { count, filler, place: place.clone() });
        return Ok(());
    };
    let known = u64::try_from(known)
        .map_err(|_| Cause::new("", "a count must not be negative").hint("write a count of 0 or more"))?;
    let length = known.saturating_mul(filler.unit());
    let most = state.options.limits.bytes as u64;
    if length > most.saturating_sub(state.layout.written() as u64) {
        return Err(super::layout::too_long(most));
    }
    let mut bytes = Vec::new();
    filler.fill(&mut bytes, length as usize);
    state.layout.bytes(&bytes, Vec::new());
    Ok(())
}

/// `.skip count, fill`
fn skip(state: &mut Assembler<'_, '_>, rest: &str, place: &Place) -> Outcome {
    let parts = split_commas(rest);
    let count = parts
        .first()
        .ok_or_else(|| Cause::new(".skip", "a count is missing").hint("write how many bytes: `.skip 8`"))?;
    let count = state.value(count)?;
    let value = number(state, parts.get(1).copied().unwrap_or(""), 0)? as u64 & 0xFF;
    gap(state, count, Filler::Pattern { value, size: 1 }, place)
}

/// `.fill count, size, value`. Only the low four bytes of the value count (".fill" in the manual of GNU `as`).
fn fill(state: &mut Assembler<'_, '_>, rest: &str, place: &Place) -> Outcome {
    let parts = split_commas(rest);
    let count = parts
        .first()
        .ok_or_else(|| Cause::new(".fill", "a count is missing").hint("write `.fill count, size, value`"))?;
    let count = state.value(count)?;
    let size = number(state, parts.get(1).copied().unwrap_or(""), 1)?.clamp(0, 8) as u8;
    let value = number(state, parts.get(2).copied().unwrap_or(""), 0)? as u64 & 0xFFFF_FFFF;
    gap(state, count, Filler::Pattern { value, size }, place)
}

/// The unit of an alignment's first operand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Bytes,
    /// Zero bits at the end of the address.
    Power,
}

/// `.balign to, fill, most` and `.p2align`.
fn align(state: &mut Assembler<'_, '_>, rest: &str, unit: Unit, size: u8, place: &Place) -> Outcome {
    let parts = split_commas(rest);
    let part = |at: usize| parts.get(at).copied().unwrap_or("");
    let to = number(state, part(0), 1)?;
    let to = match unit {
        Unit::Power => u32::try_from(to).ok().and_then(|power| 1_u64.checked_shl(power)),
        Unit::Bytes if to == 0 => Some(1),
        Unit::Bytes => u64::try_from(to).ok().filter(|to| to.is_power_of_two()),
    };
    let to = to.filter(|to| *to <= 1 << 31).ok_or_else(|| {
        Cause::new(part(0), "an alignment is a power of two, 2^31 at most")
            .hint("`.balign 16` and `.p2align 4` both align to 16 bytes")
    })?;
    // Without a fill, GNU `as` pads `.balignw` and the like as `.balign` does, and warns.
    let size = if parts.len() < 2 { 1 } else { size };
    let nops = state.layout.in_code() && size == 1;
    let filler = match number(state, part(1), if nops { 0x90 } else { 0 })? {
        0x90 if nops => Filler::Nops,
        value => Filler::Pattern { value: value as u64, size },
    };
    let most = number(state, part(2), i64::MAX)?;
    if to > 1 {
        let most = if most <= 0 { u64::MAX } else { most as u64 };
        let place = place.clone();
        state.layout.item(Item::Align { to, most, filler, place });
    }
    Ok(())
}

/// `.org to, fill`: `to` is a label plus a number, or an offset from the start of the section.
fn org(state: &mut Assembler<'_, '_>, rest: &str, place: &Place) -> Outcome {
    let parts = split_commas(rest);
    let to = parts.first().ok_or_else(|| {
        Cause::new(".org", "`.org` needs a target").hint("write an offset from the start of the section: `.org 0x100`")
    })?;
    let to = state.value(to)?;
    let value = number(state, parts.get(1).copied().unwrap_or(""), 0)? as u64 & 0xFF;
    state.layout.item(Item::Org { to, filler: Filler::Pattern { value, size: 1 }, place: place.clone() });
    Ok(())
}
