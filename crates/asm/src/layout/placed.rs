//! The layout with the length and the address of every item. Relaxation finds them; then the layout is written as bytes
//! and as a listing.

use super::super::alignment::Alignments;
use super::super::report::{Cause, Fault, Place, Report};
use super::super::symbols::Symbols;
use super::super::value::{Base, LabelId, Value};
use super::super::{Line, Position, Section};
use super::located::{Known, Located, apart};
use super::{
    Draft, Fate, Fixup, FixupKind, Item, Jump, Layout, StatementKind, count_bytes, fits, out_of_range, too_long,
};

/// Whether jumps that reach may still stay short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Patience {
    /// They may: the lengths may yet settle.
    Left,
    /// All become long, so that the lengths settle.
    Spent,
}

impl Patience {
    fn in_pass(pass: usize) -> Self {
        if pass < PATIENT_PASSES { Self::Left } else { Self::Spent }
    }
}

/// Passes over a section after which all its jumps become long.
const PATIENT_PASSES: usize = 100;

/// Passes after which a layout counts as unsettled.
const MAX_PASSES: usize = 150;

/// The layout while lengths are being found, and afterwards.
pub(in super::super) struct Placed<'l> {
    known: Known<'l>,
    /// Length of each item.
    lengths: Vec<Vec<u64>>,
    /// Of each section.
    alignments: Vec<Alignments>,
}

impl<'l> Placed<'l> {
    /// Finds the length of every item.
    pub(in super::super) fn settle(
        layout: &'l Layout,
        symbols: &'l Symbols,
        most: u64,
        report: &mut Report<'_>,
    ) -> Self {
        let per_item = |value: fn(&Item) -> u64| -> Vec<Vec<u64>> {
            layout.drafts.iter().map(|draft| draft.items.iter().map(value).collect()).collect()
        };
        let mut placed = Self {
            known: Known::new(layout, symbols, per_item(|_| 0)),
            lengths: per_item(|item| match item {
                Item::Bytes { data, .. } => data.len() as u64,
                _ => 0,
            }),
            alignments: layout.drafts.iter().map(Draft::alignments).collect(),
        };
        placed.start_jumps();
        for section in 0..layout.drafts.len() {
            placed.estimate(section, most);
        }
        for pass in 0..MAX_PASSES {
            let mut changed = false;
            for section in 0..layout.drafts.len() {
                changed |= placed.pass(section, most, Patience::in_pass(pass));
            }
            if !changed {
                placed.check_gaps(most, report);
                return placed;
            }
        }
        let fault = Cause::new("", "the lengths in this text do not settle")
            .hint("a fill or alignment depends on an address that it moves");
        report.error(&placed.first_open_place(), fault);
        placed
    }

    /// Jumps that can be short begin short; the others are long from the start.
    fn start_jumps(&mut self) {
        for (section, draft) in self.known.layout.drafts.iter().enumerate() {
            for (item, content) in draft.items.iter().enumerate() {
                if let Item::Jump(jump) = content {
                    let near = self.known.label_of(&jump.target).is_some_and(|(mark, _)| mark.section == section);
                    self.lengths[section][item] = if near { 2 } else { jump.long_length() };
                }
            }
        }
    }

    /// First addresses: with short jumps, and no fills yet.
    fn estimate(&mut self, section: usize, most: u64) {
        let mut at = 0_u64;
        for item in 0..self.known.layout.drafts[section].items.len() {
            self.known.offsets[section][item] = at;
            let aligns = matches!(self.known.layout.drafts[section].items[item], Item::Align { .. });
            if let Some(length) = self.gap(section, item, at, most).filter(|_| aligns) {
                self.lengths[section][item] = length;
            }
            at = at.saturating_add(self.lengths[section][item]);
        }
    }

    /// One pass of relaxation: moves every item by the growth before it, and lets jumps that do not reach grow. It
    /// assumes that a target further on in the section moves as much as the jump did.
    fn pass(&mut self, section: usize, most: u64, patience: Patience) -> bool {
        let mut stretch = 0_i64;
        let mut changed = false;
        for (item, content) in self.known.layout.drafts[section].items.iter().enumerate() {
            let old = self.known.offsets[section][item];
            let at = old.wrapping_add_signed(stretch);
            self.known.offsets[section][item] = at;
            changed |= at != old;
            let before = self.lengths[section][item];
            let length = match content {
                Item::Jump(jump) if before == 2 => {
                    match patience == Patience::Left && self.reaches(section, item, jump, at, stretch) {
                        true => 2,
                        false => jump.long_length(),
                    }
                }
                _ => self.gap(section, item, at, most).unwrap_or(before),
            };
            self.lengths[section][item] = length;
            changed |= length != before;
            stretch = stretch.wrapping_add(length.wrapping_sub(before) as i64);
        }
        changed
    }

    fn reaches(&self, section: usize, item: usize, jump: &Jump, at: u64, stretch: i64) -> bool {
        let Some((mark, offset)) = self.known.label_of(&jump.target) else {
            return false;
        };
        let mut target = self.known.offset_of(mark).wrapping_add_signed(offset);
        if stretch != 0 && mark.item > item {
            target = target.wrapping_add_signed(self.stretch_at(section, item, mark.item, stretch));
        }
        let distance = target.wrapping_sub(at.wrapping_add(2)) as i64;
        i8::try_from(distance).is_ok()
    }

    /// How much of `stretch` at item `from` remains at item `to`. An alignment between them absorbs what it can. The
    /// greatest absorbs as much as all of them, since each is a power of two.
    fn stretch_at(&self, section: usize, from: usize, to: usize, stretch: i64) -> i64 {
        let mask = !(self.alignments[section].between(from, to) as i64 - 1);
        if stretch < 0 { -(-stretch & mask) } else { stretch & mask }
    }

    /// The length of an item that is a gap, if it begins at `at`.
    fn gap(&self, section: usize, item: usize, at: u64, most: u64) -> Option<u64> {
        let length = match self.known.layout.drafts.get(section)?.items.get(item)? {
            Item::Align { to, most, .. } => {
                // gas aligns the offset in the section, whose own alignment is at least as great.
                let gap = at.wrapping_neg() & (to - 1);
                if gap > *most { 0 } else { gap }
            }
            Item::Fill { count, filler, .. } => {
                let count = self.known.evaluate(count).ok()?.number.max(0) as u64;
                count.saturating_mul(filler.unit())
            }
            Item::Org { to, .. } => {
                let to = self.known.evaluate(to).ok()?;
                (to.number as u64).saturating_sub(at)
            }
            _ => return None,
        };
        Some(if length > most { 0 } else { length })
    }

    /// Reports wrong gaps: values that are unknown, negative or too long.
    fn check_gaps(&self, most: u64, report: &mut Report<'_>) {
        for (section, draft) in self.known.layout.drafts.iter().enumerate() {
            for (item, content) in draft.items.iter().enumerate() {
                if report.stopped() {
                    return;
                }
                let at = self.known.offsets[section][item];
                if let Some((fault, place)) = self.gap_fault(section, content, at, most) {
                    report.error(place, fault);
                }
            }
        }
    }

    fn gap_fault<'i>(&self, section: usize, item: &'i Item, at: u64, most: u64) -> Option<(Fault, &'i Place)> {
        match item {
            Item::Fill { count, filler, place } => {
                let located = match self.known.evaluate(count) {
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
            Item::Org { to, place, .. } => match self.known.evaluate(to) {
                Err(fault) => Some((fault, place)),
                Ok(to) if to.from.is_some() => Some((apart(), place)),
                Ok(to) if to.section.is_some_and(|other| other != section) => Some((
                    Cause::new("", ".org to another section").hint("give an offset, or a label of this section"),
                    place,
                )),
                Ok(to) if (to.number as u64) < at || to.number < 0 => {
                    let message = format!(".org moves backwards, from {at:#x} to {:#x}", to.number);
                    Some((
                        Cause::new("", message)
                            .hint("shorten what precedes it, or go further: `.org` moves forwards only"),
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
        let items = self.known.layout.drafts.iter().flat_map(|draft| &draft.items);
        items
            .filter_map(|item| match item {
                Item::Fill { place, .. } | Item::Org { place, .. } => Some(place.clone()),
                _ => None,
            })
            .next()
            .unwrap_or_else(|| Place::plain(Position::default()))
    }

    /// The value as an address or a number.
    pub(in super::super) fn number(&self, value: &Value) -> Result<i64, Fault> {
        self.known.number(value)
    }

    /// The address of a label; none in a section that is discarded.
    pub(in super::super) fn address(&self, label: LabelId) -> Option<u64> {
        let mark = self.known.layout.labels.get(label.0)?;
        let draft = self.known.layout.drafts.get(mark.section).filter(|draft| draft.fate == Fate::Placed)?;
        Some(draft.base.wrapping_add(self.known.offset_of(*mark)))
    }

    /// The names that a call or a jump goes to and nothing defines, as often as they are used.
    pub(in super::super) fn called(&self) -> impl Iterator<Item = &'l str> {
        let (layout, symbols) = (self.known.layout, self.known.symbols);
        let placed = layout.drafts.iter().filter(|draft| draft.fate == Fate::Placed);
        let targets = placed.flat_map(|draft| &draft.items).flat_map(Item::targets);
        targets.filter_map(|target| match target {
            Value::Relative(Base::Symbol(symbol), _) if symbols.value(*symbol).is_none() => Some(symbols.name(*symbol)),
            _ => None,
        })
    }

    /// The bytes of all sections that are not empty or hold a label.
    pub(in super::super) fn sections(&self, report: &mut Report<'_>) -> Vec<Section> {
        for (value, place) in &self.known.layout.set {
            if self.known.evaluate(value).is_ok_and(|located| located.from.is_some()) {
                report.error(place, apart());
            }
        }
        let all = || self.known.layout.drafts.iter().enumerate();
        all().filter(|(_, draft)| draft.fate == Fate::Discarded).for_each(|(at, draft)| self.check(at, draft, report));
        let used = |draft: &Draft| draft.fate == Fate::Placed && !draft.items.is_empty();
        all().filter(|(_, draft)| used(draft)).map(|(at, _)| self.section(at, report)).collect()
    }

    /// Reports the values of a discarded section that `as` refuses. `ld` never sees what does not fit or is not defined.
    fn check(&self, section: usize, draft: &Draft, report: &mut Report<'_>) {
        let fixups = draft.items.iter().flat_map(|item| match item {
            Item::Bytes { fixups, .. } => fixups.as_slice(),
            _ => &[],
        });
        for fixup in fixups.filter(|fixup| self.known.is_defined(&fixup.value)) {
            if let Err(fault) = self.distance_from(fixup, section) {
                report.error(&fixup.place, fault);
            }
        }
    }

    fn section(&self, section: usize, report: &mut Report<'_>) -> Section {
        let draft = &self.known.layout.drafts[section];
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
                        self.fix(fixup, section, start, &mut bytes, report);
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
        let distance = match self.known.number(&jump.target) {
            Ok(target) => target.wrapping_sub(end as i64),
            Err(fault) => {
                report.error(&jump.place, fault);
                0
            }
        };
        if i32::try_from(distance).is_err() {
            report.error(&jump.place, out_of_range(distance, 4));
        }
        match length {
            2 => jump.encode_short(distance, bytes),
            _ => jump.encode_long(distance, bytes),
        }
    }

    fn fix(&self, fixup: &Fixup, section: usize, start: usize, bytes: &mut [u8], report: &mut Report<'_>) {
        if report.stopped() {
            return;
        }
        let at = start + fixup.offset;
        let located = match self.distance_from(fixup, section).and_then(|located| self.known.kept(located)) {
            Ok(located) => located,
            Err(fault) => return report.error(&fixup.place, fault),
        };
        let number = self.known.number_at(located);
        let field = match fixup.kind {
            FixupKind::Relative { end, .. } => {
                let from = self.known.layout.drafts[section].base.wrapping_add(at as u64).wrapping_add(u64::from(end));
                number.wrapping_sub(from as i64)
            }
            _ => number,
        };
        // The linker treats a 32-bit address as unsigned (R_X86_64_32, psABI 4.4.1).
        let is_address = located.section.is_some() && located.from.is_none();
        let wraps = fixup.kind == FixupKind::Either && fixup.size == 4 && is_address && field < 0;
        // It treats a distance as signed, of 16 bits either way (R_X86_64_PC8, PC16, PC32).
        let kind = match (located.from, fixup.size) {
            (Some(_), 1 | 4) => FixupKind::Signed,
            _ => fixup.kind,
        };
        if wraps || !fits(field, fixup.size, kind) {
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

    /// The value for a hole of `section`, from which alone a distance to another section may count.
    fn distance_from(&self, fixup: &Fixup, section: usize) -> Result<Located, Fault> {
        let located = self.known.evaluate(&fixup.value)?;
        let relative = matches!(fixup.kind, FixupKind::Relative { .. });
        match located.from {
            Some(from) if from != section || relative => Err(apart()),
            _ => Ok(located),
        }
    }

    /// The listing, in order of address within each section.
    pub(in super::super) fn listing(&self) -> Vec<Line> {
        // Each section was written from its begin to its end.
        let of = |section| self.known.layout.entries.iter().filter(move |entry| entry.mark.section == section);
        let mut lines = Vec::with_capacity(self.known.layout.entries.len());
        let placed = |section: &usize| self.known.layout.drafts[*section].fate == Fate::Placed;
        for entry in (0..self.known.layout.drafts.len()).filter(placed).flat_map(of) {
            let item = self.lengths[entry.mark.section].get(entry.mark.item).copied().unwrap_or(0);
            let length = entry.length.map_or(item, |length| length as u64);
            if length == 0 {
                continue;
            }
            let base = self.known.layout.drafts[entry.mark.section].base;
            lines.push(Line {
                address: base.wrapping_add(self.known.offset_of(entry.mark)),
                length: length as u32,
                instruction: entry.kind == StatementKind::Instruction,
                position: entry.place.at,
                text: entry.text.to_string(),
                expansion: entry.place.expansion.to_vec(),
            });
        }
        lines
    }
}
