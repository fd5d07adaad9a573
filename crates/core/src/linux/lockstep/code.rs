//! An image as code: its bytes decoded, its names by address.

use crate::asm::{Image, Section};
use iced_x86::{Decoder, DecoderOptions, Instruction, Mnemonic};
use std::collections::BTreeMap;

/// The section of entry code.
const ENTRY: &str = ".entry.text";
/// Bytes of an entry of the exception table.
const EXCEPTION: usize = 16;

/// An image, decoded where it is asked for.
pub(crate) struct Code<'i> {
    pub(crate) image: &'i Image,
    names: BTreeMap<u64, Vec<&'i str>>,
}

/// Whether control can go on behind an instruction.
pub(crate) fn goes_on(instruction: &Instruction) -> bool {
    !matches!(
        instruction.mnemonic(),
        Mnemonic::Jmp
            | Mnemonic::Ret
            | Mnemonic::Retf
            | Mnemonic::Iret
            | Mnemonic::Iretd
            | Mnemonic::Iretq
            | Mnemonic::Sysret
            | Mnemonic::Sysretq
            | Mnemonic::Int3
            | Mnemonic::Ud0
            | Mnemonic::Ud1
            | Mnemonic::Ud2
    )
}

impl<'i> Code<'i> {
    pub(crate) fn new(image: &'i Image) -> Self {
        let mut names: BTreeMap<u64, Vec<&str>> = BTreeMap::new();
        for (name, address) in image.symbols.iter().chain(&image.aliases) {
            names.entry(*address).or_default().push(name);
        }
        Self { image, names }
    }

    /// A section without a base has no place in memory: its addresses are none.
    fn section(&self, address: u64) -> Option<(&'i Section, usize)> {
        self.image.sections.iter().filter(|section| section.base != 0).find_map(|section| {
            let offset = usize::try_from(address.checked_sub(section.base)?).ok()?;
            (offset < section.bytes.len()).then_some((section, offset))
        })
    }

    /// Whether the address is in the section of entry code.
    pub(crate) fn is_entry(&self, address: u64) -> bool {
        self.section(address).is_some_and(|(section, _)| section.name == ENTRY)
    }

    /// Whether the address is in any section.
    pub(crate) fn has(&self, address: u64) -> bool {
        self.section(address).is_some()
    }

    /// The bytes at an address, at most `length`.
    pub(crate) fn bytes(&self, address: u64, length: usize) -> &'i [u8] {
        self.section(address)
            .map_or(&[], |(section, offset)| &section.bytes[offset..section.bytes.len().min(offset + length)])
    }

    /// The instruction at an address.
    pub(crate) fn decode(&self, address: u64) -> Option<Instruction> {
        let bytes = self.bytes(address, 15);
        let mut decoder = Decoder::with_ip(64, bytes, address, DecoderOptions::NO_INVALID_CHECK);
        let instruction = decoder.decode();
        (!bytes.is_empty() && !instruction.is_invalid()).then_some(instruction)
    }

    /// The first address from this one on that is no no-operation.
    pub(crate) fn past_nops(&self, mut address: u64) -> u64 {
        while let Some(nop) = self.decode(address).filter(|instruction| instruction.mnemonic() == Mnemonic::Nop) {
            address = nop.next_ip();
        }
        address
    }

    /// The names of an address.
    pub(crate) fn names(&self, address: u64) -> &[&'i str] {
        self.names.get(&address).map_or(&[], Vec::as_slice)
    }

    /// The labels of entry code that are not local.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&'i str, u64)> {
        let image = self.image;
        let labels = image.symbols.iter().filter(|(name, _)| !name.starts_with(".L"));
        labels.filter(|(_, address)| self.is_entry(**address)).map(|(name, address)| (name.as_str(), *address))
    }

    /// Entries of the exception table: what may fault, and where to go on.
    pub(crate) fn exceptions(&self) -> impl Iterator<Item = (u64, u64)> {
        let table = self.image.sections.iter().find(|section| section.name == "__ex_table");
        let word = |bytes: &[u8]| bytes.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        let entries = table.map_or(&[][..], |table| &table.bytes).chunks_exact(EXCEPTION);
        entries.map(move |entry| (word(entry), word(&entry[8..])))
    }

    /// Where the runs of instructions begin and end that a macro with one of these names made.
    pub(crate) fn expansions(&self, macros: &[&str]) -> Vec<(u64, u64)> {
        let made = |call: &(String, _)| macros.iter().any(|name| call.0.eq_ignore_ascii_case(name));
        let mut lines: Vec<_> = self.image.listing.iter().filter(|line| line.expansion.iter().any(made)).collect();
        lines.sort_by_key(|line| line.address);
        let mut runs: Vec<(u64, u64)> = Vec::new();
        for line in lines {
            let end = line.address + u64::from(line.length);
            match runs.last_mut() {
                Some((_, last)) if *last == line.address => *last = end,
                _ => runs.push((line.address, end)),
            }
        }
        runs
    }
}
