//! Names for instruction boundaries: nearest label plus instruction offset, and back.

use crate::asm::Image;
use std::collections::BTreeMap;

/// An instruction boundary by name: before the instruction `offset` instructions after `label`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Named<'a> {
    /// Nearest label at or before it in its section that is not local (`.L`).
    pub label: &'a str,
    /// Instructions after the label.
    pub offset: u32,
}

/// Every instruction of an image by name.
///
/// Invariant: a name survives edits elsewhere, because it counts from the nearest label and knows no address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// Address of each instruction, with its label's address and its offset.
    instructions: BTreeMap<u64, (u64, u32)>,
    /// The name of a label's address; of two labels at one address the one first in the alphabet.
    names: BTreeMap<u64, String>,
    /// Addresses of the labels, all names.
    labels: BTreeMap<String, u64>,
}

impl Places {
    /// Names the instructions of `image`. An instruction before the first label of its section has no name.
    pub fn new(image: &Image) -> Self {
        let mut places = Self::default();
        for (name, &address) in image.symbols.iter().filter(|(name, _)| !is_local(name)) {
            places.names.entry(address).or_insert_with(|| name.clone());
            places.labels.insert(name.clone(), address);
        }
        for section in &image.sections {
            places.add_section(image, section.base, section.bytes.len() as u64);
        }
        places
    }

    fn add_section(&mut self, image: &Image, base: u64, length: u64) {
        let end = base.saturating_add(length);
        let mut label = None;
        let mut next = base;
        let mut offset = 0;
        let within = |address: u64| (base..end).contains(&address);
        for line in image.listing.iter().filter(|line| within(line.address)) {
            if let Some((&nearest, _)) = self.names.range(next..=line.address).next_back() {
                label = Some(nearest);
                offset = 0;
            }
            next = line.address.saturating_add(1);
            if let (true, Some(label)) = (line.instruction, label) {
                self.instructions.insert(line.address, (label, offset));
                offset += 1;
            }
        }
    }

    /// The name of the instruction that starts at `address`.
    pub fn name(&self, address: u64) -> Option<Named<'_>> {
        let &(label, offset) = self.instructions.get(&address)?;
        let label = self.names.get(&label)?;
        Some(Named { label, offset })
    }

    /// The address of the instruction `offset` instructions after `label`, within the label's reach: the next label ends it.
    pub fn address(&self, label: &str, offset: u32) -> Option<u64> {
        let start = *self.labels.get(label)?;
        self.instructions
            .range(start..)
            .take_while(|(_, place)| place.0 == start)
            .find(|(_, place)| place.1 == offset)
            .map(|(&address, _)| address)
    }

    /// Every named instruction in order of address.
    pub fn iter(&self) -> impl Iterator<Item = (u64, Named<'_>)> {
        self.instructions.keys().filter_map(|&address| Some((address, self.name(address)?)))
    }

    /// The labels that name at least one instruction, in order of the alphabet.
    pub fn labels(&self) -> impl Iterator<Item = &str> {
        self.labels.iter().filter(|(_, address)| self.instructions.contains_key(address)).map(|(name, _)| name.as_str())
    }
}

fn is_local(name: &str) -> bool {
    name.starts_with(".L")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asm::{Line, Position, Section};

    fn line(address: u64, length: u32, instruction: bool) -> Line {
        Line { address, length, instruction, position: Position::default(), text: String::new(), expansion: Vec::new() }
    }

    fn image() -> Image {
        let symbols = [
            ("entry", 0x1000),
            (".Llocal", 0x1001),
            ("inner", 0x1003),
            ("also_inner", 0x1003),
            ("data", 0x1008),
            ("other", 0x2001),
        ];
        Image {
            sections: [(0x1000, 16), (0x2000, 4)]
                .map(|(base, length)| Section { name: format!("{base:x}"), base, bytes: vec![0; length] })
                .into(),
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
    fn instructions_are_named_by_the_nearest_label_that_is_not_local() {
        let places = Places::new(&image());
        let named: Vec<_> = places.iter().map(|(address, place)| (address, place.label, place.offset)).collect();
        assert_eq!(
            named,
            [
                (0x1000, "entry", 0),
                (0x1001, "entry", 1),
                (0x1003, "also_inner", 0),
                (0x2001, "other", 0),
                (0x2002, "other", 1),
            ]
        );
        for (address, place) in places.iter() {
            assert_eq!(places.address(place.label, place.offset), Some(address));
        }
    }

    #[test]
    fn what_is_no_instruction_boundary_has_no_name() {
        let places = Places::new(&image());
        assert_eq!(places.name(0x1002), None, "inside an instruction");
        assert_eq!(places.name(0x1004), None, "data");
        assert_eq!(places.name(0x2000), None, "no label before it in its section");
        assert_eq!(places.address("entry", 2), None, "the next label ends its reach");
        assert_eq!(places.address("data", 0), None);
        assert_eq!(places.address("nowhere", 0), None);
    }

    #[test]
    fn every_name_of_an_address_leads_to_it() {
        let places = Places::new(&image());
        assert_eq!(places.address("inner", 0), Some(0x1003));
        assert_eq!(places.address("also_inner", 0), Some(0x1003));
        let labels: Vec<_> = places.labels().collect();
        assert_eq!(labels, ["also_inner", "entry", "inner", "other"]);
    }
}
