//! Sections while they are written, and how they get their final lengths, addresses and bytes.
//!
//! A section is a list of items. Bytes are an item of fixed length. Jumps, alignments, `.org`, and fills whose length
//! is an expression get their length by relaxation: every jump begins short, and one that does not reach becomes long,
//! until nothing changes (`relax_segment` in gas/write.c).

mod located;
mod placed;

pub(super) use placed::Placed;

use std::rc::Rc;

use super::alignment::Alignments;
use super::nop;
use super::report::{Cause, Fault, Place};
use super::sorted::Map;
use super::value::{LabelId, Value};

/// What goes into a hole in the bytes.
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
    Relative { end: u8, to: Reach },
}

/// What is at the end of a distance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Where a call or a jump goes.
    Code,
    /// An operand in memory.
    Memory,
}

/// What an alignment or `.org` puts into the gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Filler {
    Nops,
    /// A value of this many bytes, repeated. A gap that is no multiple of it is an error.
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

    fn encode_short(&self, distance: i64, out: &mut Vec<u8>) {
        out.push(self.condition.map_or(0xEB, |code| 0x70 | code));
        out.push(distance as u8);
    }

    fn encode_long(&self, distance: i64, out: &mut Vec<u8>) {
        match self.condition {
            None => out.push(0xE9),
            Some(code) => out.extend_from_slice(&[0x0F, 0x80 | code]),
        }
        out.extend_from_slice(&(distance as i32).to_le_bytes());
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

impl Item {
    /// Where its calls and jumps go.
    fn targets(&self) -> impl Iterator<Item = &Value> {
        let (fixups, jump) = match self {
            Self::Bytes { fixups, .. } => (fixups.as_slice(), None),
            Self::Jump(jump) => (&[][..], Some(&jump.target)),
            _ => (&[][..], None),
        };
        let calls = |fixup: &&Fixup| matches!(fixup.kind, FixupKind::Relative { to: Reach::Code, .. });
        fixups.iter().filter(calls).map(|fixup| &fixup.value).chain(jump)
    }
}

/// What becomes of a section in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Placed,
    /// As `/DISCARD/` of a linker script: nothing of it is in the image.
    Discarded,
}

/// A section while it is written.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) name: String,
    pub(super) base: u64,
    /// Whether no-operations fill its alignments.
    pub(super) code: bool,
    pub(super) fate: Fate,
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

/// What a statement of the listing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StatementKind {
    Instruction,
    Data,
}

/// A statement of the listing before its address is known.
struct Entry {
    mark: Mark,
    /// `None`: as long as its item.
    length: Option<usize>,
    kind: StatementKind,
    text: Rc<str>,
    place: Place,
}

/// All sections, labels and listing entries.
pub(super) struct Layout {
    drafts: Vec<Draft>,
    names: Map<String, usize>,
    labels: Vec<Mark>,
    entries: Vec<Entry>,
    /// Values of `.set`, which are no distances between sections: GNU `as` has no relocation for a symbol.
    set: Vec<(Value, Place)>,
    current: usize,
    /// Bytes of fixed length in all sections.
    written: usize,
}

impl Layout {
    pub(super) fn new() -> Self {
        Self {
            drafts: Vec::new(),
            names: Map::new(),
            labels: Vec::new(),
            entries: Vec::new(),
            set: Vec::new(),
            current: 0,
            written: 0,
        }
    }

    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.names.get(name).copied()
    }

    pub(super) fn add(&mut self, name: &str, base: u64, code: bool, fate: Fate) -> usize {
        self.names.insert(name.to_owned(), self.drafts.len());
        self.drafts.push(Draft { name: name.to_owned(), base, code, fate, items: Vec::new() });
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

    /// `a - b`, if both lie in the same run of bytes.
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

    /// Notes the value that a symbol gets, if it waits for the layout.
    pub(super) fn set(&mut self, value: &Value, place: &Place) {
        if matches!(value, Value::Complex(_)) {
            self.set.push((value.clone(), place.clone()));
        }
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
    pub(super) fn list(&mut self, start: EntryStart, kind: StatementKind, text: Rc<str>, place: &Place) {
        let from = start.0;
        let items = self.drafts.get(from.section).map_or(&[][..], |draft| &draft.items);
        let mut push = |item: usize, offset: usize, length: Option<usize>| {
            self.entries.push(Entry {
                mark: Mark { item, offset, ..from },
                length,
                kind,
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
    Cause::new("", message).hint("place the sections closer together, or jump through a register")
}

pub(super) fn too_long(most: u64) -> Fault {
    Cause::new("", format!("this would be longer than the {most} bytes a text may produce"))
        .hint("write a smaller count or alignment")
}
