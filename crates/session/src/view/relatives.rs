//! What belongs together in different panes: a register and the instructions that name it, CR3 and the entries of its PCID,
//! a word of the stack and the step that stored it.
//!
//! Each part of the page says what it is and what it has to do with. [`relatives`] says what to light up for a part; those
//! parts that have to do with it are lit.

use crate::choice::Side;
use crate::moment::Moment;
use crate::runs::Runs;
use cr3_core::counters::Counter;
use cr3_core::machine::cpu::GENERAL;
use cr3_core::machine::observe::AccessKind;
use cr3_core::machine::tlb::Entry;
use cr3_core::trace::touches;

/// Something that parts of the page are, or have to do with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Thing {
    /// An aligned row.
    Row(usize),
    /// The instruction at an address.
    Instruction(u64),
    /// A register.
    Register(&'static str),
    /// A statement that names this register.
    Names(&'static str),
    /// CR3.
    Cr3,
    /// A step that writes CR3.
    Cr3Write,
    /// A PCID.
    Pcid(u16),
    /// The word at this distance from RSP.
    Slot(u64),
    /// A page of 4 KiB by its number.
    Page(u64),
}

/// The registers that parts of the page have in common.
fn registers() -> impl Iterator<Item = &'static str> {
    GENERAL.into_iter().chain(["cr2"])
}

fn register(name: &str) -> Option<&'static str> {
    registers().find(|known| *known == name)
}

/// Whether a name is that of a register or of a part of it: `eax`, `al`, `r8d`.
fn is_part(whole: &str, name: &str) -> bool {
    let (core, is_numbered) = (&whole[1..], whole.as_bytes()[1].is_ascii_digit());
    match name.strip_prefix(whole) {
        Some(rest) => rest.is_empty() || (is_numbered && matches!(rest, "d" | "w" | "b")),
        None if is_numbered => false,
        // eax, ax
        None if name.strip_prefix('e').unwrap_or(name) == core => true,
        // al, ah, sil
        None => match name.strip_suffix(['l', 'h']) {
            Some(start) => start == core || core.strip_suffix('x') == Some(start),
            None => false,
        },
    }
}

/// Adds the registers that a statement names, in AT&T syntax.
fn add_named(things: &mut Vec<Thing>, text: &str) {
    for rest in text.split('%').skip(1) {
        let end = rest.bytes().position(|letter| !letter.is_ascii_alphanumeric()).unwrap_or(rest.len());
        if let Some(name) = registers().find(|whole| is_part(whole, &rest[..end])) {
            add(things, Thing::Names(name));
        }
    }
}

fn add(things: &mut Vec<Thing>, thing: Thing) {
    if !things.contains(&thing) {
        things.push(thing);
    }
}

impl Thing {
    /// Its name in the page's markup.
    #[must_use]
    pub fn key(self) -> String {
        match self {
            Self::Row(row) => format!("row-{row}"),
            Self::Instruction(address) => format!("at-{address:x}"),
            Self::Register(name) => format!("reg-{name}"),
            Self::Names(name) => format!("names-{name}"),
            Self::Cr3 => "cr3".to_owned(),
            Self::Cr3Write => "writes".to_owned(),
            Self::Pcid(pcid) => format!("pcid-{pcid}"),
            Self::Slot(offset) => format!("slot-{offset}"),
            Self::Page(page) => format!("page-{page:x}"),
        }
    }

    /// The thing of a name.
    #[must_use]
    pub fn of_key(key: &str) -> Option<Self> {
        let (kind, rest) = key.split_once('-').unwrap_or((key, ""));
        let hex = || u64::from_str_radix(rest, 16).ok();
        Some(match kind {
            "row" => Self::Row(rest.parse().ok()?),
            "at" => Self::Instruction(hex()?),
            "reg" => Self::Register(register(rest)?),
            "names" => Self::Names(register(rest)?),
            "cr3" => Self::Cr3,
            "writes" => Self::Cr3Write,
            "pcid" => Self::Pcid(rest.parse().ok()?),
            "slot" => Self::Slot(rest.parse().ok()?),
            "page" => Self::Page(hex()?),
            _ => return None,
        })
    }
}

/// Several things for the page's markup.
#[must_use]
pub fn keys(things: &[Thing]) -> String {
    let keys: Vec<String> = things.iter().map(|thing| thing.key()).collect();
    keys.join(" ")
}

/// What a row has to do with.
#[must_use]
pub fn of_row(runs: &Runs, row: usize) -> Vec<Thing> {
    let mut things = vec![Thing::Row(row)];
    for side in Side::BOTH {
        let Some((trace, index)) = runs.trace(side).zip(runs.step_index(side, row)) else { continue };
        let step = &trace.steps[index];
        add(&mut things, Thing::Instruction(step.rip));
        if step.counted.contains(Counter::Cr3Writes) {
            add(&mut things, Thing::Cr3Write);
            add(&mut things, pcid(step.cr3_after));
        }
        add_named(&mut things, trace.line(index).map_or("", |line| &line.text));
    }
    things
}

fn pcid(cr3: u64) -> Thing {
    Thing::Pcid((cr3 & 0xfff) as u16)
}

/// What an instruction of the listing has to do with.
#[must_use]
pub fn of_instruction(address: u64, text: &str) -> Vec<Thing> {
    let mut things = vec![Thing::Instruction(address)];
    if text.trim_end().ends_with("%cr3") {
        things.push(Thing::Cr3Write);
    }
    add_named(&mut things, text);
    things
}

/// The register of a line of the list of registers.
#[must_use]
pub fn of_register(name: &str) -> Option<Thing> {
    register(name).map(Thing::Register)
}

/// What CR3 has to do with.
#[must_use]
pub fn of_cr3(moment: &Moment) -> Vec<Thing> {
    let mut things = vec![Thing::Cr3];
    for now in moment.sides.iter().flatten() {
        add(&mut things, pcid(now.after.cpu.cr3));
    }
    things
}

/// What an entry of the TLB has to do with.
#[must_use]
pub fn of_entry(entry: &Entry) -> Vec<Thing> {
    vec![Thing::Pcid(entry.pcid), Thing::Page(entry.linear >> 12)]
}

/// What a word of the stack has to do with.
#[must_use]
pub fn of_slot(offset: u64, addresses: [Option<u64>; 2]) -> Vec<Thing> {
    let mut things = vec![Thing::Slot(offset)];
    for address in addresses.into_iter().flatten() {
        add(&mut things, Thing::Page(address >> 12));
    }
    things
}

/// What to light up for a thing at a moment.
#[must_use]
pub fn relatives(runs: &Runs, moment: &Moment, thing: Thing) -> Vec<Thing> {
    let mut lit = match thing {
        Thing::Row(row) => of_row(runs, row).split_off(1),
        Thing::Instruction(address) => of_instruction(address, text_at(runs, address)),
        Thing::Cr3 => of_cr3(moment),
        Thing::Register(_) | Thing::Slot(_) => Vec::new(),
        other => vec![other],
    };
    lit.iter_mut().for_each(|thing| *thing = named_by(*thing));
    match thing {
        Thing::Row(row) => add_stored(&mut lit, runs, moment, row),
        Thing::Slot(offset) => Side::BOTH.into_iter().for_each(|side| add_store(&mut lit, runs, moment, side, offset)),
        Thing::Register(name) => lit.push(Thing::Names(name)),
        Thing::Cr3 => lit.push(Thing::Cr3Write),
        _ => {}
    }
    lit
}

/// A statement has to do with the register that it names, and with CR3 if it writes that.
fn named_by(thing: Thing) -> Thing {
    match thing {
        Thing::Names(name) => Thing::Register(name),
        Thing::Cr3Write => Thing::Cr3,
        other => other,
    }
}

/// The statement at an address, in the code of either side.
fn text_at(runs: &Runs, address: u64) -> &str {
    for trace in Side::BOTH.into_iter().filter_map(|side| runs.trace(side)) {
        let line = trace.places.at(address).map(|place| trace.places.site(place).line as usize);
        if let Some(line) = line.and_then(|line| trace.system.image.listing.get(line)) {
            return &line.text;
        }
    }
    ""
}

/// Adds the words of the stack to which the steps of a row stored.
fn add_stored(lit: &mut Vec<Thing>, runs: &Runs, moment: &Moment, row: usize) {
    for side in Side::BOTH {
        let detail = runs.step_index(side, row).and_then(|step| runs.trace(side)?.detail(step));
        let Some((detail, now)) = detail.zip(moment.side(side)) else { continue };
        for offset in (0..super::stack::WORDS).map(|word| word * 8) {
            let word = now.after.cpu.registers[4].wrapping_add(offset);
            if detail.memory.iter().any(|it| it.kind == AccessKind::Write && touches(it, word)) {
                add(lit, Thing::Slot(offset));
            }
        }
    }
}

/// Adds the step that stored to a word of the stack last, its instruction, and the page of the word.
fn add_store(lit: &mut Vec<Thing>, runs: &Runs, moment: &Moment, side: Side, offset: u64) {
    let Some((trace, now)) = runs.trace(side).zip(moment.side(side)) else { return };
    let word = now.after.cpu.registers[4].wrapping_add(offset);
    add(lit, Thing::Page(word >> 12));
    if let Some(step) = trace.last_store(runs.taken(side, moment.row), word) {
        add(lit, Thing::Instruction(trace.steps[step].rip));
        runs.row_of(side, step).into_iter().for_each(|row| add(lit, Thing::Row(row)));
    }
}

#[cfg(test)]
mod tests;
