//! Names for instruction boundaries: the nearest label that is not local, and the instructions after it.

use super::Place;
use crate::asm::Image;
use crate::asm::sorted::Map;
use crate::machine::order::sort_by_key;
use std::fmt::{self, Display, Formatter};

/// An instruction of one image: its index in [`Places::iter`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PlaceId(pub u32);

/// An instruction and its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Linear address.
    pub address: u64,
    /// Nearest label at or before it in its section that is not local; the section's name if there is none.
    pub label: LabelId,
    /// Instructions after the label.
    pub offset: u32,
    /// Index in [`Image::listing`].
    pub line: u32,
}

/// A label of one image: an index for [`Places::label`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LabelId(pub u32);

/// Why a place names no instruction of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unresolved {
    /// No such label, or no instruction follows it.
    UnknownLabel {
        /// Labels with similar names, nearest first, at most three.
        nearest: Vec<String>,
    },
    /// A label of the built-in text that begins no place of a kernel tree.
    Parted,
    /// The next label comes first.
    PastEnd {
        /// Instructions that the label has.
        instructions: u32,
    },
}

impl Display for Unresolved {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownLabel { nearest } if nearest.is_empty() => f.write_str("no such label"),
            Self::UnknownLabel { nearest } => {
                write!(f, "no such label; did you mean {}?", nearest.join(", "))
            }
            Self::Parted => f.write_str(
                "the kernel tree has no place for this label of the built-in text: their instructions differ before it",
            ),
            Self::PastEnd { instructions: 1 } => f.write_str("the label has only 1 instruction (+0)"),
            Self::PastEnd { instructions } => {
                write!(f, "the label has only {instructions} instructions (+0 to +{})", instructions.saturating_sub(1))
            }
        }
    }
}

/// Every instruction of an image with its name, in order of address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    sites: Vec<Site>,
    labels: Vec<String>,
    /// Index in `sites` of a label's first instruction, and how many it has.
    extents: Map<String, (u32, u32)>,
    /// Labels of the built-in text that have no place here.
    absent: Vec<String>,
}

impl Places {
    /// Names every instruction of `image`.
    pub fn new(image: &Image) -> Self {
        let mut places = Self { absent: image.absent.clone(), ..Self::default() };
        let mut lines: Vec<_> = (0u32..)
            .zip(&image.listing)
            .filter(|(_, line)| line.instruction)
            .map(|(index, line)| (line.address, index))
            .collect();
        sort_by_key(&mut lines, |line| *line);
        let mut lines = lines.into_iter().peekable();
        let starts: Vec<_> = label_starts(image).into_iter().collect();
        for (index, (start, name)) in starts.iter().enumerate() {
            let end = starts.get(index + 1).map_or(u64::MAX, |(next, _)| *next);
            let here = std::iter::from_fn(|| lines.next_if(|(address, _)| *address < end));
            places.push_all(name, here.filter(|(address, _)| address >= start));
        }
        places.name_aliases(image);
        places
    }

    /// Adds the instructions from a label to the next one.
    fn push_all(&mut self, name: &str, lines: impl Iterator<Item = (u64, u32)>) {
        let label = LabelId(self.labels.len() as u32);
        let first = self.sites.len() as u32;
        self.sites.extend(lines.zip(0..).map(|((address, line), offset)| Site { address, label, offset, line }));
        let count = self.sites.len() as u32 - first;
        if count != 0 {
            self.labels.push(name.to_owned());
            self.extents.get_or_insert_with(name.to_owned(), || (first, count));
        }
    }

    /// Labels at one address name one place. The longest is printed, any is understood, aliases among them. If a form of the macro is
    /// empty, the label after it, for example `paranoid_exit_cr3_restored`, then keeps its name from the other forms.
    fn name_aliases(&mut self, image: &Image) {
        for (name, &address) in &image.symbols {
            let canonical = self.at(address).map(|id| self.site(id).clone());
            if let Some(Site { label, offset: 0, .. }) = canonical
                && !name.starts_with(".L")
                && let Some(&extent) = self.extents.get(self.label(label))
            {
                self.extents.get_or_insert_with(name.clone(), || extent);
            }
        }
        for (name, &address) in &image.aliases {
            if let Some(id) = self.at(address)
                && let Some(&(first, count)) = self.extents.get(self.label(self.site(id).label))
            {
                self.extents.get_or_insert_with(name.clone(), || (id.0, first + count - id.0));
            }
        }
    }

    /// The instructions in order of address; [`PlaceId`] counts along.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Site> {
        self.sites.iter()
    }

    /// The labels that name places, in order of address; [`LabelId`] counts along.
    pub fn labels(&self) -> impl ExactSizeIterator<Item = &str> {
        self.labels.iter().map(String::as_str)
    }

    /// The instruction at a linear address.
    pub fn at(&self, address: u64) -> Option<PlaceId> {
        let index = self.sites.binary_search_by_key(&address, |site| site.address);
        index.ok().map(|index| PlaceId(index as u32))
    }

    /// Like [`Self::at`], fast if control went on from `before` to the next instruction.
    pub fn following(&self, before: Option<PlaceId>, address: u64) -> Option<PlaceId> {
        let next = before.map(|PlaceId(before)| PlaceId(before.saturating_add(1)));
        let is_there = |next: &PlaceId| self.sites.get(next.0 as usize).is_some_and(|site| site.address == address);
        next.filter(is_there).or_else(|| self.at(address))
    }

    /// The site of `id`. An id of another image returns some site, or [`Site::NOWHERE`].
    pub fn site(&self, id: PlaceId) -> &Site {
        self.sites.get(id.0 as usize).unwrap_or(&Site::NOWHERE)
    }

    /// The name of a label; empty for one of another image.
    pub fn label(&self, id: LabelId) -> &str {
        self.labels.get(id.0 as usize).map_or("", String::as_str)
    }

    /// `label+offset`, with `+0` left out.
    pub fn name(&self, id: PlaceId) -> String {
        let site = self.site(id);
        name(self.label(site.label), site.offset)
    }

    /// The place of `id` on its first arrival.
    pub fn place(&self, id: PlaceId) -> Place {
        let site = self.site(id);
        Place { label: self.label(site.label).to_owned(), offset: site.offset, occurrence: 1 }
    }

    /// The instruction that `place` names.
    ///
    /// # Errors
    /// [`Unresolved`] if there is none.
    pub fn resolve(&self, place: &Place) -> Result<PlaceId, Unresolved> {
        let Some(&(first, instructions)) = self.extents.get(&place.label) else {
            if self.absent.contains(&place.label) {
                return Err(Unresolved::Parted);
            }
            let known = self.extents.keys().map(String::as_str);
            let nearest = nearest(&place.label, known);
            return Err(Unresolved::UnknownLabel { nearest });
        };
        match place.offset < instructions {
            true => Ok(PlaceId(first + place.offset)),
            false => Err(Unresolved::PastEnd { instructions }),
        }
    }

    /// A name for any address: the place of an instruction, or none.
    pub fn describe(&self, address: u64) -> Option<String> {
        self.at(address).map(|id| self.name(id))
    }
}

impl Site {
    /// No instruction.
    pub const NOWHERE: Self = Self { address: 0, label: LabelId(u32::MAX), offset: 0, line: u32::MAX };
}

fn name(label: &str, offset: u32) -> String {
    match offset {
        0 => label.to_owned(),
        _ => format!("{label}+{offset}"),
    }
}

/// The start of each label that may name a place. A section is a label itself until its first label.
fn label_starts(image: &Image) -> Map<u64, &str> {
    let mut starts = Map::new();
    for section in &image.sections {
        starts.insert(section.base, section.name.as_str());
    }
    for (name, &address) in image.symbols.iter().filter(|(name, _)| !name.starts_with(".L")) {
        let is_section = image
            .sections
            .iter()
            .any(|section| section.base == address && starts.get(&address) == Some(&section.name.as_str()));
        let shorter = starts.get(&address).is_none_or(|other| other.len() < name.len());
        if is_section || shorter {
            starts.insert(address, name);
        }
    }
    starts
}

/// The names most like `given`, nearest first, at most three, and none that differs in more than half.
pub(crate) fn nearest<'a>(given: &str, known: impl Iterator<Item = &'a str>) -> Vec<String> {
    // Longer names than any symbol are not worth the quadratic cost.
    let given: Vec<char> = given.chars().take(64).collect();
    let mut scored: Vec<(usize, &str)> = known
        .map(|name| (distance(&given, name), name))
        .filter(|&(distance, name)| distance <= given.len().max(name.len()) / 2)
        .collect();
    sort_by_key(&mut scored, |scored| *scored);
    scored.iter().take(3).map(|&(_, name)| name.to_owned()).collect()
}

/// Edit distance (Levenshtein).
fn distance(a: &[char], b: &str) -> usize {
    let mut row: Vec<usize> = (0..=a.len()).collect();
    for (j, cb) in b.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], j + 1);
        for (i, &ca) in a.iter().enumerate() {
            let substitute = diagonal + usize::from(ca != cb);
            diagonal = row[i + 1];
            row[i + 1] = substitute.min(diagonal + 1).min(row[i] + 1);
        }
    }
    row[a.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asm::{Line, Position, Section};

    fn line(address: u64, length: u32, instruction: bool) -> Line {
        let position = Position::default();
        Line { address, length, instruction, position, text: String::new(), expansion: Vec::new() }
    }

    fn image() -> Image {
        let section = |name: &str, base, length| Section { name: name.to_owned(), base, bytes: vec![0; length] };
        let symbols = [
            ("entry", 0x1000),
            (".Llocal", 0x1001),
            ("inner", 0x1003),
            ("also", 0x1003),
            ("data", 0x1008),
            ("other", 0x2001),
        ];
        Image {
            sections: vec![section(".text", 0x1000, 16), section(".late", 0x2000, 4)],
            symbols: symbols.map(|(name, at)| (name.to_owned(), at)).into(),
            listing: vec![
                line(0x1000, 1, true),
                line(0x1001, 2, true),
                line(0x1003, 1, true),
                line(0x1004, 4, false),
                line(0x1008, 8, false),
                line(0x2000, 1, true),
                line(0x2001, 1, true),
                line(0x2002, 2, true),
            ],
            ..Image::default()
        }
    }

    #[test]
    fn instructions_have_the_name_of_the_nearest_label() {
        let places = Places::new(&image());
        let named: Vec<_> =
            places.iter().map(|site| (site.address, places.describe(site.address).unwrap_or_default())).collect();
        let expected = [
            (0x1000, "entry"),
            (0x1001, "entry+1"),
            (0x1003, "inner"),
            (0x2000, ".late"),
            (0x2001, "other"),
            (0x2002, "other+1"),
        ];
        assert_eq!(named, expected.map(|(address, name)| (address, name.to_owned())));
        for (index, site) in places.iter().enumerate() {
            let id = PlaceId(index as u32);
            assert_eq!(places.resolve(&places.place(id)), Ok(id));
            assert_eq!(places.at(site.address), Some(id));
        }
    }

    #[test]
    fn every_label_of_an_address_leads_to_it() {
        let places = Places::new(&image());
        let place = |label: &str, offset| Place { label: label.to_owned(), offset, occurrence: 1 };
        assert_eq!(places.resolve(&place("inner", 0)), places.resolve(&place("also", 0)));
        let unknown = places.resolve(&place("entri", 0)).map_err(|e| e.to_string());
        assert_eq!(unknown, Err("no such label; did you mean entry?".to_owned()));
        let past = places.resolve(&place("entry", 2)).map_err(|e| e.to_string());
        assert_eq!(past, Err("the label has only 2 instructions (+0 to +1)".to_owned()));
        let far = places.resolve(&place("zzzzzzzzzz", 0));
        assert_eq!(far, Err(Unresolved::UnknownLabel { nearest: vec![] }));
        assert_eq!(places.at(0x1002), None, "inside an instruction");
        assert_eq!(places.at(0x1004), None, "data");
    }
}
