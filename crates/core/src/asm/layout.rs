//! Sections while they are written, and how they get their final lengths, addresses and bytes.
//!
//! A section is a list of items. Bytes are an item of fixed length; jumps, alignment, `.org` and fills whose length is an
//! expression are items whose length is found by relaxation: every jump begins short, and one that does not reach
//! becomes long, until nothing changes (`relax_segment` in gas/write.c).

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::alignment::Alignments;
use super::nop;
use super::report::{Cause, Fault, Place, Report};
use super::symbols::Symbols;
use super::value::{Base, LabelId, Operation, SymbolId, Value, compute};
use super::{Line, Section};

/// Passes over a section after which all its jumps become long.
const PATIENT_PASSES: usize = 100;

/// Passes after which a layout does not settle.
const MAX_PASSES: usize = 150;

/// Symbols defined by symbols defined by symbols.
const MAX_CHAIN: u32 = 32;

/// Operations evaluated for one value.
const MAX_OPERATIONS_OF_VALUE: u32 = 10_000;

/// Operations evaluated for all values of a text, in all passes.
const MAX_OPERATIONS: u32 = 10_000_000;

/// What a hole in the bytes is filled with.
#[derive(Clone, Debug)]
pub(super) struct Fixup {
    /// Offset in the item's bytes.
    pub(super) offset: usize,
    /// Bytes of the hole: 1, 2, 4 or 8.
    pub(super) size: u8,
    pub(super) kind: FixupKind,
    pub(super) value: Value,
    pub(super) place: Place,
}

/// How a value becomes a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FixupKind {
    /// The value; it must be the sign extension of the field.
    Signed,
    /// The value, taken as signed or as unsigned.
    Either,
    /// The distance to the value from the byte this many bytes after the field's first.
    Relative { end: u8 },
}

/// What an alignment or `.org` puts into the gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Filler {
    Nops,
    /// A value of so many bytes, repeated; a gap that it does not divide is an error.
    Pattern {
        value: u64,
        size: u8,
    },
}

/// A jump that has a short and a long form.
#[derive(Clone, Debug)]
pub(super) struct Jump {
    pub(super) target: Value,
    /// Condition code; `None` for `jmp`.
    pub(super) condition: Option<u8>,
    pub(super) place: Place,
}

impl Jump {
    fn long_length(&self) -> u64 {
        if self.condition.is_some() { 6 } else { 5 }
    }

    fn encode(&self, distance: i64, long: bool, out: &mut Vec<u8>) {
        match (self.condition, long) {
            (None, false) => out.push(0xEB),
            (Some(code), false) => out.push(0x70 | code),
            (None, true) => out.push(0xE9),
            (Some(code), true) => out.extend_from_slice(&[0x0F, 0x80 | code]),
        }
        match long {
            false => out.push(distance as u8),
            true => out.extend_from_slice(&(distance as i32).to_le_bytes()),
        }
    }
}

/// A part of a section.
#[derive(Clone, Debug)]
pub(super) enum Item {
    Bytes {
        data: Vec<u8>,
        fixups: Vec<Fixup>,
    },
    Jump(Jump),
    /// To a multiple of `to` (a power of two), unless that takes more than `most` bytes.
    Align {
        to: u64,
        most: u64,
        filler: Filler,
        place: Place,
    },
    Fill {
        count: Value,
        filler: Filler,
        place: Place,
    },
    Org {
        to: Value,
        filler: Filler,
        place: Place,
    },
}

/// A section while it is written.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) name: String,
    pub(super) base: u64,
    /// Whether alignment is filled with no-operations.
    pub(super) code: bool,
    items: Vec<Item>,
}

impl Draft {
    fn alignments(&self) -> Alignments {
        Alignments::new(self.items.iter().enumerate().filter_map(|(index, item)| match item {
            Item::Align { to, .. } => Some((index, *to)),
            _ => None,
        }))
    }
}

/// A label's place: section, item and offset in the item.
#[derive(Clone, Copy, Debug)]
struct Mark {
    section: usize,
    item: usize,
    offset: usize,
}

/// A statement of the listing before its address is known.
struct Entry {
    mark: Mark,
    /// `None`: as long as its item.
    length: Option<usize>,
    instruction: bool,
    text: Rc<str>,
    place: Place,
}

/// All sections, labels and listing entries.
pub(super) struct Layout {
    drafts: Vec<Draft>,
    names: BTreeMap<String, usize>,
    labels: Vec<Mark>,
    entries: Vec<Entry>,
    current: usize,
    /// Bytes of fixed length over all sections.
    written: usize,
}

impl Layout {
    pub(super) fn new() -> Self {
        Self {
            drafts: Vec::new(),
            names: BTreeMap::new(),
            labels: Vec::new(),
            entries: Vec::new(),
            current: 0,
            written: 0,
        }
    }

    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.names.get(name).copied()
    }

    pub(super) fn add(&mut self, name: &str, base: u64, code: bool) -> usize {
        self.names.insert(name.to_owned(), self.drafts.len());
        self.drafts.push(Draft { name: name.to_owned(), base, code, items: Vec::new() });
        self.drafts.len() - 1
    }

    pub(super) fn enter(&mut self, section: usize) {
        self.current = section;
    }

    pub(super) fn current(&self) -> usize {
        self.current
    }

    pub(super) fn in_code(&self) -> bool {
        self.drafts.get(self.current).is_some_and(|draft| draft.code)
    }

    /// A label at the end of the current section.
    pub(super) fn mark(&mut self) -> LabelId {
        let mark = self.end();
        self.labels.push(mark);
        LabelId(self.labels.len() - 1)
    }

    /// `a - b` when they stand in the same run of bytes.
    pub(super) fn distance(&self, a: LabelId, b: LabelId) -> Option<i64> {
        let (a, b) = (self.labels.get(a.0)?, self.labels.get(b.0)?);
        let same = a.section == b.section && a.item == b.item;
        same.then(|| a.offset as i64 - b.offset as i64)
    }

    /// Appends bytes with holes to fill; the fixups' offsets count from the first of the bytes.
    pub(super) fn bytes(&mut self, bytes: &[u8], fixups: Vec<Fixup>) {
        let end = self.end();
        let Some(Item::Bytes { data, fixups: all }) = self.item_mut(end) else {
            return;
        };
        all.extend(fixups.into_iter().map(|fixup| Fixup { offset: fixup.offset + end.offset, ..fixup }));
        data.extend_from_slice(bytes);
        self.written += bytes.len();
    }

    /// Bytes of fixed length so far.
    pub(super) fn written(&self) -> usize {
        self.written
    }

    pub(super) fn item(&mut self, item: Item) {
        if let Some(draft) = self.drafts.get_mut(self.current) {
            draft.items.push(item);
        }
    }

    /// Where the next statement begins, for [`Layout::list`].
    pub(super) fn start_entry(&mut self) -> EntryStart {
        EntryStart(self.end())
    }

    /// Lists everything written since `start` as one statement.
    pub(super) fn list(&mut self, start: EntryStart, instruction: bool, text: Rc<str>, place: &Place) {
        let from = start.0;
        let items = self.drafts.get(from.section).map_or(&[][..], |draft| &draft.items);
        let mut push = |item: usize, offset: usize, length: Option<usize>| {
            self.entries.push(Entry {
                mark: Mark { item, offset, ..from },
                length,
                instruction,
                text: text.clone(),
                place: place.clone(),
            });
        };
        for (index, item) in items.iter().enumerate().skip(from.item) {
            let offset = if index == from.item { from.offset } else { 0 };
            match item {
                Item::Bytes { data, .. } if data.len() > offset => push(index, offset, Some(data.len() - offset)),
                Item::Bytes { .. } => {}
                _ => push(index, 0, None),
            }
        }
    }

    /// The end of the current section, in an item of bytes.
    fn end(&mut self) -> Mark {
        let section = self.current;
        let Some(draft) = self.drafts.get_mut(section) else {
            return Mark { section, item: 0, offset: 0 };
        };
        if !matches!(draft.items.last(), Some(Item::Bytes { .. })) {
            draft.items.push(Item::Bytes { data: Vec::new(), fixups: Vec::new() });
        }
        let offset = match draft.items.last() {
            Some(Item::Bytes { data, .. }) => data.len(),
            _ => 0,
        };
        Mark { section, item: draft.items.len() - 1, offset }
    }

    fn item_mut(&mut self, mark: Mark) -> Option<&mut Item> {
        self.drafts.get_mut(mark.section)?.items.get_mut(mark.item)
    }
}

/// Where a listed statement begins.
#[derive(Clone, Copy)]
pub(super) struct EntryStart(Mark);

/// A value with its place in a section taken out: `number` counts from the section's base when there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Located {
    section: Option<usize>,
    number: i64,
}

/// The layout while lengths are sought, and after.
pub(super) struct Placed<'l> {
    layout: &'l Layout,
    symbols: &'l Symbols,
    /// Offset of each item from its section's base.
    offsets: Vec<Vec<u64>>,
    /// Length of each item.
    lengths: Vec<Vec<u64>>,
    /// Of each section.
    alignments: Vec<Alignments>,
    /// Operations that may still be evaluated.
    operations: Cell<u32>,
}

impl<'l> Placed<'l> {
    /// Finds the length of every item.
    pub(super) fn settle(layout: &'l Layout, symbols: &'l Symbols, most: u64, report: &mut Report<'_>) -> Self {
        let per_item = |value: fn(&Item) -> u64| -> Vec<Vec<u64>> {
            layout.drafts.iter().map(|draft| draft.items.iter().map(value).collect()).collect()
        };
        let mut placed = Self {
            layout,
            symbols,
            offsets: per_item(|_| 0),
            lengths: per_item(|item| match item {
                Item::Bytes { data, .. } => data.len() as u64,
                _ => 0,
            }),
            alignments: layout.drafts.iter().map(Draft::alignments).collect(),
            operations: Cell::new(MAX_OPERATIONS),
        };
        placed.start_jumps();
        for section in 0..layout.drafts.len() {
            placed.estimate(section, most);
        }
        for pass in 0..MAX_PASSES {
            let mut changed = false;
            for section in 0..layout.drafts.len() {
                changed |= placed.pass(section, most, pass >= PATIENT_PASSES);
            }
            if !changed {
                placed.check_gaps(most, report);
                return placed;
            }
        }
        let fault = Cause::new("", "the lengths of this text do not settle")
            .hint("a fill or alignment depends on an address that it moves itself");
        report.error(&placed.first_open_place(), fault);
        placed
    }

    /// Jumps that can be short begin so; the others are long from the start.
    fn start_jumps(&mut self) {
        for (section, draft) in self.layout.drafts.iter().enumerate() {
            for (item, content) in draft.items.iter().enumerate() {
                if let Item::Jump(jump) = content {
                    let near = self.label_of(&jump.target).is_some_and(|(mark, _)| mark.section == section);
                    self.lengths[section][item] = if near { 2 } else { jump.long_length() };
                }
            }
        }
    }

    /// First addresses: with short jumps, and no fills yet.
    fn estimate(&mut self, section: usize, most: u64) {
        let mut at = 0_u64;
        for item in 0..self.layout.drafts[section].items.len() {
            self.offsets[section][item] = at;
            let aligns = matches!(self.layout.drafts[section].items[item], Item::Align { .. });
            if let Some(length) = self.gap(section, item, at, most).filter(|_| aligns) {
                self.lengths[section][item] = length;
            }
            at = at.saturating_add(self.lengths[section][item]);
        }
    }

    /// One pass of relaxation: moves every item by what grew before it, and lets jumps that do not reach grow. A target
    /// further on in the section is taken to move as much as the jump did.
    fn pass(&mut self, section: usize, most: u64, force: bool) -> bool {
        let mut stretch = 0_i64;
        let mut changed = false;
        for (item, content) in self.layout.drafts[section].items.iter().enumerate() {
            let old = self.offsets[section][item];
            let at = old.wrapping_add_signed(stretch);
            self.offsets[section][item] = at;
            changed |= at != old;
            let before = self.lengths[section][item];
            let length = match content {
                Item::Jump(jump) if before == 2 => match force || !self.reaches(section, item, jump, at, stretch) {
                    true => jump.long_length(),
                    false => 2,
                },
                _ => self.gap(section, item, at, most).unwrap_or(before),
            };
            self.lengths[section][item] = length;
            changed |= length != before;
            stretch = stretch.wrapping_add(length.wrapping_sub(before) as i64);
        }
        changed
    }

    fn reaches(&self, section: usize, item: usize, jump: &Jump, at: u64, stretch: i64) -> bool {
        let Some((mark, offset)) = self.label_of(&jump.target) else {
            return false;
        };
        let mut target = self.offset_of(mark).wrapping_add_signed(offset);
        if stretch != 0 && mark.item > item {
            target = target.wrapping_add_signed(self.stretch_at(section, item, mark.item, stretch));
        }
        let distance = target.wrapping_sub(at.wrapping_add(2)) as i64;
        i8::try_from(distance).is_ok()
    }

    /// How much of `stretch` at item `from` is left at item `to`: an alignment between them takes up what it can, and the
    /// greatest as much as all of them, since each is a power of two.
    fn stretch_at(&self, section: usize, from: usize, to: usize, stretch: i64) -> i64 {
        let mask = !(self.alignments[section].between(from, to) as i64 - 1);
        if stretch < 0 { -(-stretch & mask) } else { stretch & mask }
    }

    /// The length of an item that is a gap, when it begins at `at`.
    fn gap(&self, section: usize, item: usize, at: u64, most: u64) -> Option<u64> {
        let length = match self.layout.drafts.get(section)?.items.get(item)? {
            Item::Align { to, most, .. } => {
                // gas aligns the offset in the section, whose own alignment is at least as great.
                let gap = at.wrapping_neg() & (to - 1);
                if gap > *most { 0 } else { gap }
            }
            Item::Fill { count, filler, .. } => {
                let count = self.evaluate(count).ok()?.number.max(0) as u64;
                count.saturating_mul(filler.unit())
            }
            Item::Org { to, .. } => {
                let to = self.evaluate(to).ok()?;
                (to.number as u64).saturating_sub(at)
            }
            _ => return None,
        };
        Some(if length > most { 0 } else { length })
    }

    /// Reports gaps that are wrong: values that cannot be had, negative or too long.
    fn check_gaps(&self, most: u64, report: &mut Report<'_>) {
        for (section, draft) in self.layout.drafts.iter().enumerate() {
            for (item, content) in draft.items.iter().enumerate() {
                if report.stopped() {
                    return;
                }
                let at = self.offsets[section][item];
                if let Some((fault, place)) = self.gap_fault(section, content, at, most) {
                    report.error(place, fault);
                }
            }
        }
    }

    fn gap_fault<'i>(&self, section: usize, item: &'i Item, at: u64, most: u64) -> Option<(Fault, &'i Place)> {
        match item {
            Item::Fill { count, filler, place } => {
                let located = match self.evaluate(count) {
                    Ok(located) => located,
                    Err(fault) => return Some((fault, place)),
                };
                let negative = located.number < 0;
                let long = (located.number.max(0) as u64).saturating_mul(filler.unit()) > most;
                let message = match (located.section.is_some(), negative, long) {
                    (true, _, _) => "a count must be a number, not an address",
                    (_, true, _) => "a count must not be negative",
                    (_, _, true) => return Some((too_long(most), place)),
                    _ => return None,
                };
                Some((Cause::new("", message).hint("the difference of two labels is a number of bytes"), place))
            }
            Item::Align { to, most: limit, filler, place } => {
                let gap = at.wrapping_neg() & (to - 1);
                let unit = filler.unit();
                if gap > *limit || (gap.is_multiple_of(unit) && gap <= most) {
                    return None;
                }
                let message = format!("the gap of {gap} bytes is not a multiple of {unit}");
                let fault = if gap > most {
                    too_long(most)
                } else {
                    Cause::new("", message)
                        .hint("align to a multiple of the filler, or fill with single bytes: `.balign`")
                };
                Some((fault, place))
            }
            Item::Org { to, place, .. } => match self.evaluate(to) {
                Err(fault) => Some((fault, place)),
                Ok(to) if to.section.is_some_and(|other| other != section) => Some((
                    Cause::new("", ".org to another section").hint("give an offset, or a label of this section"),
                    place,
                )),
                Ok(to) if (to.number as u64) < at || to.number < 0 => {
                    let message = format!(".org moves backwards, from {at:#x} to {:#x}", to.number);
                    Some((
                        Cause::new("", message)
                            .hint("shorten what stands before it, or go further: `.org` moves forwards only"),
                        place,
                    ))
                }
                Ok(to) if to.number as u64 - at > most => Some((too_long(most), place)),
                Ok(_) => None,
            },
            _ => None,
        }
    }

    fn first_open_place(&self) -> Place {
        let items = self.layout.drafts.iter().flat_map(|draft| &draft.items);
        items
            .filter_map(|item| match item {
                Item::Fill { place, .. } | Item::Org { place, .. } => Some(place.clone()),
                _ => None,
            })
            .next()
            .unwrap_or_else(|| Place::plain(super::Position::default()))
    }

    fn offset_of(&self, mark: Mark) -> u64 {
        let item = self.offsets.get(mark.section).and_then(|items| items.get(mark.item));
        item.copied().unwrap_or(0).wrapping_add(mark.offset as u64)
    }

    /// The address of a label.
    pub(super) fn address(&self, label: LabelId) -> u64 {
        let Some(mark) = self.layout.labels.get(label.0) else {
            return 0;
        };
        let base = self.layout.drafts.get(mark.section).map_or(0, |draft| draft.base);
        base.wrapping_add(self.offset_of(*mark))
    }

    /// The label and offset that `value` is, for jumps that may be short: weak symbols may be replaced by others, and are
    /// never near.
    fn label_of(&self, value: &Value) -> Option<(Mark, i64)> {
        let mut value = value.clone();
        let mut sum = 0_i64;
        for _ in 0..MAX_CHAIN {
            let Value::Relative(base, offset) = value else {
                return None;
            };
            sum = sum.wrapping_add(offset);
            match base {
                Base::Label(label) => {
                    let weak = self.symbols.is_weak(label);
                    return self.layout.labels.get(label.0).filter(|_| !weak).map(|mark| (*mark, sum));
                }
                Base::Symbol(symbol) => value = self.symbols.value(symbol)?,
            }
        }
        None
    }

    /// The value as an address or a number.
    pub(super) fn number(&self, value: &Value) -> Result<i64, Fault> {
        Ok(self.number_at(self.evaluate(value)?))
    }

    fn number_at(&self, located: Located) -> i64 {
        let base = located.section.and_then(|section| self.layout.drafts.get(section)).map_or(0, |draft| draft.base);
        located.number.wrapping_add(base as i64)
    }

    fn evaluate(&self, value: &Value) -> Result<Located, Fault> {
        let given = self.operations.get().min(MAX_OPERATIONS_OF_VALUE);
        let mut budget = given;
        let located = self.evaluate_within(value, MAX_CHAIN, &mut budget);
        self.operations.set(self.operations.get() - (given - budget));
        located
    }

    fn evaluate_within(&self, value: &Value, chain: u32, budget: &mut u32) -> Result<Located, Fault> {
        *budget = budget.checked_sub(1).ok_or_else(|| {
            Cause::new("", "this expression takes too long to evaluate")
                .hint("it names others that name others: give one of them a number")
        })?;
        match value {
            Value::Constant(number) => Ok(Located { section: None, number: *number }),
            Value::Relative(base, offset) => {
                let at = self.evaluate_base(*base, chain, budget)?;
                Ok(Located { number: at.number.wrapping_add(*offset), ..at })
            }
            Value::Complex(operation) => {
                let left = self.evaluate_within(&operation.left, chain, budget)?;
                let right = self.evaluate_within(&operation.right, chain, budget)?;
                combine(operation, left, right)
            }
        }
    }

    fn evaluate_base(&self, base: Base, chain: u32, budget: &mut u32) -> Result<Located, Fault> {
        match base {
            Base::Label(label) => {
                let unplaced = || Cause::new("", "a label has no place").hint("define it in a section");
                let mark = self.layout.labels.get(label.0).ok_or_else(unplaced)?;
                Ok(Located { section: Some(mark.section), number: self.offset_of(*mark) as i64 })
            }
            Base::Symbol(symbol) => self.evaluate_symbol(symbol, chain, budget),
        }
    }

    fn evaluate_symbol(&self, symbol: SymbolId, chain: u32, budget: &mut u32) -> Result<Located, Fault> {
        let value = self.symbols.value(symbol).ok_or_else(|| self.symbols.undefined(symbol))?;
        if chain == 0 {
            let name = self.symbols.name(symbol);
            return Err(Cause::new(name, format!("`{name}` is defined by itself, or through too many other names"))
                .hint("give one of the names a number or a label"));
        }
        self.evaluate_within(&value, chain - 1, budget)
    }

    /// The bytes of all sections that something was written to or that hold a label.
    pub(super) fn sections(&self, report: &mut Report<'_>) -> Vec<Section> {
        let used = |section: &usize| !self.layout.drafts[*section].items.is_empty();
        (0..self.layout.drafts.len()).filter(used).map(|section| self.section(section, report)).collect()
    }

    fn section(&self, section: usize, report: &mut Report<'_>) -> Section {
        let draft = &self.layout.drafts[section];
        let mut bytes = Vec::new();
        for (item, content) in draft.items.iter().enumerate() {
            if report.stopped() {
                break;
            }
            let start = bytes.len();
            let length = self.lengths[section][item];
            match content {
                Item::Bytes { data, fixups } => {
                    bytes.extend_from_slice(data);
                    for fixup in fixups {
                        self.fix(fixup, draft.base, start, &mut bytes, report);
                    }
                }
                Item::Jump(jump) => {
                    let end = draft.base.wrapping_add(start as u64).wrapping_add(length);
                    self.jump(jump, length, end, &mut bytes, report);
                }
                Item::Align { filler, .. } | Item::Fill { filler, .. } | Item::Org { filler, .. } => {
                    filler.fill(&mut bytes, length as usize);
                }
            }
        }
        Section { name: draft.name.clone(), base: draft.base, bytes }
    }

    fn jump(&self, jump: &Jump, length: u64, end: u64, bytes: &mut Vec<u8>, report: &mut Report<'_>) {
        let distance = match self.number(&jump.target) {
            Ok(target) => target.wrapping_sub(end as i64),
            Err(fault) => {
                report.error(&jump.place, fault);
                0
            }
        };
        if i32::try_from(distance).is_err() {
            report.error(&jump.place, out_of_range(distance, 4));
        }
        jump.encode(distance, length != 2, bytes);
    }

    fn fix(&self, fixup: &Fixup, base: u64, start: usize, bytes: &mut [u8], report: &mut Report<'_>) {
        if report.stopped() {
            return;
        }
        let at = start + fixup.offset;
        let located = match self.evaluate(&fixup.value) {
            Ok(located) => located,
            Err(fault) => return report.error(&fixup.place, fault),
        };
        let number = self.number_at(located);
        let field = match fixup.kind {
            FixupKind::Relative { end } => {
                let from = base.wrapping_add(at as u64).wrapping_add(u64::from(end));
                number.wrapping_sub(from as i64)
            }
            _ => number,
        };
        // The linker takes an address of 32 bits for unsigned (R_X86_64_32, psABI 4.4.1).
        let wraps = fixup.kind == FixupKind::Either && fixup.size == 4 && located.section.is_some() && field < 0;
        if wraps || !fits(field, fixup.size, fixup.kind) {
            let fault = match fixup.kind {
                FixupKind::Relative { .. } => out_of_range(field, fixup.size),
                _ => Cause::new("", format!("{field:#x} does not fit in {}", count_bytes(fixup.size)))
                    .hint("take a wider field (`.quad`, `movabs`), or a smaller value: the difference of two labels"),
            };
            return report.error(&fixup.place, fault);
        }
        let size = usize::from(fixup.size);
        if let Some(hole) = bytes.get_mut(at..at + size) {
            hole.copy_from_slice(&field.to_le_bytes()[..size]);
        }
    }

    /// The listing, in order of address within each section.
    pub(super) fn listing(&self) -> Vec<Line> {
        let mut entries: Vec<&Entry> = self.layout.entries.iter().collect();
        entries.sort_by_key(|entry| (entry.mark.section, entry.mark.item, entry.mark.offset));
        let mut lines = Vec::with_capacity(entries.len());
        for entry in entries {
            let item = self.lengths[entry.mark.section].get(entry.mark.item).copied().unwrap_or(0);
            let length = entry.length.map_or(item, |length| length as u64);
            if length == 0 {
                continue;
            }
            let base = self.layout.drafts[entry.mark.section].base;
            lines.push(Line {
                address: base.wrapping_add(self.offset_of(entry.mark)),
                length: length as u32,
                instruction: entry.instruction,
                position: entry.place.at,
                text: entry.text.to_string(),
                expansion: entry.place.expansion.to_vec(),
            });
        }
        lines
    }
}

impl Filler {
    /// Bytes of one repetition.
    pub(super) fn unit(self) -> u64 {
        match self {
            Self::Nops => 1,
            Self::Pattern { size, .. } => u64::from(size),
        }
    }

    /// Appends `length` bytes.
    pub(super) fn fill(self, out: &mut Vec<u8>, length: usize) {
        match self {
            Self::Nops => nop::fill(out, length),
            Self::Pattern { size: 0, .. } => {}
            Self::Pattern { value, size } => {
                let unit = &value.to_le_bytes()[..usize::from(size.min(8))];
                out.extend(unit.iter().cycle().take(length));
            }
        }
    }
}

/// Whether `field` can be stored in `size` bytes.
pub(super) fn fits(field: i64, size: u8, kind: FixupKind) -> bool {
    if size >= 8 {
        return true;
    }
    let bits = u32::from(size) * 8;
    let signed = field >= -(1 << (bits - 1)) && field < 1 << (bits - 1);
    let unsigned = field >= 0 && field < 1 << bits;
    match kind {
        FixupKind::Either => signed || unsigned,
        FixupKind::Signed | FixupKind::Relative { .. } => signed,
    }
}

/// `1 byte`, `2 bytes`.
pub(super) fn count_bytes(count: u8) -> String {
    if count == 1 { "1 byte".to_owned() } else { format!("{count} bytes") }
}

fn out_of_range(distance: i64, size: u8) -> Fault {
    let message =
        format!("the target is {distance} bytes away: more than a displacement of {} reaches", count_bytes(size));
    Cause::new("", message).hint("place the sections nearer to each other, or jump through a register")
}

pub(super) fn too_long(most: u64) -> Fault {
    Cause::new("", format!("this would be longer than the {most} bytes a text may produce"))
        .hint("write a smaller count or alignment")
}

/// Applies an operator to located values: addresses of one section can be subtracted and compared.
fn combine(operation: &Operation, left: Located, right: Located) -> Result<Located, Fault> {
    use super::value::Operator as O;
    let section = match (operation.operator, left.section, right.section) {
        (_, None, None) => None,
        (O::Add, Some(section), None) | (O::Add, None, Some(section)) | (O::Subtract, Some(section), None) => {
            Some(section)
        }
        (O::Subtract | O::Equal(_) | O::NotEqual(_), Some(a), Some(b)) if a == b => None,
        (O::Less(_) | O::LessEqual(_) | O::Greater(_) | O::GreaterEqual(_), Some(a), Some(b)) if a == b => None,
        _ => {
            return Err(Cause::new("", "addresses can only be moved by a number, subtracted or compared")
                .hint("both labels of a difference must stand in one section"));
        }
    };
    let number =
        compute(operation.operator, left.number, right.number).ok_or_else(super::expression::division_by_zero)?;
    Ok(Located { section, number })
}
