//! Decoded instructions, kept with the page that holds their bytes.
//!
//! A clone of a machine shares its pages, and with them their decoded instructions. A write drops the instructions it
//! touches. Notes are no part of the state: two machines that differ only in them are equal.

use super::Use;
use super::short::Short;
use crate::access::INSTRUCTION_MAX;
use crate::{Machine, Memory};
use iced_x86::{Instruction, Mnemonic};
use std::sync::OnceLock;
use triomphe::Arc;

const LINE: usize = 64;
const LINES: usize = 64;

/// An instruction, what is asked about it at each step, and its short form, if it has one.
pub(super) struct Kept {
    /// The linear address for which it was decoded.
    linear: u64,
    pub(super) mnemonic: Mnemonic,
    pub(super) instruction: Instruction,
    pub(super) short: Option<Short>,
}

type Line = [OnceLock<Kept>; LINE];

/// The instructions of one page, in lines of 64 offsets. A line is allocated on first use.
struct Lines {
    lines: [OnceLock<Box<Line>>; LINES],
}

impl Default for Lines {
    fn default() -> Self {
        Self { lines: [const { OnceLock::new() }; LINES] }
    }
}

impl Lines {
    /// The instruction at `offset`, if it was decoded for the linear address `linear`.
    #[inline]
    fn get(&self, offset: usize, linear: u64) -> Option<&Kept> {
        let line = self.lines.get(offset / LINE)?.get()?;
        line.get(offset % LINE)?.get().filter(|kept| kept.linear == linear)
    }

    /// The first linear address at which a page runs wins: a decoded instruction carries its address, and few pages
    /// execute at two addresses.
    fn keep(&self, offset: usize, instruction: Instruction) {
        let Some(line) = self.lines.get(offset / LINE) else { return };
        let line = line.get_or_init(|| Box::new([const { OnceLock::new() }; LINE]));
        if let Some(cell) = line.get(offset % LINE) {
            let (linear, mnemonic) = (instruction.ip(), instruction.mnemonic());
            let _ = cell.set(Kept { linear, mnemonic, instruction, short: Short::of(&instruction) });
        }
    }
}

/// The decoded instructions of a page; empty until one is decoded.
#[derive(Default)]
pub(crate) struct Notes {
    lines: OnceLock<Arc<Lines>>,
}

impl Notes {
    /// Keeps `instruction`, which lies wholly in this page.
    fn keep(&self, offset: usize, instruction: Instruction) {
        self.lines.get_or_init(Arc::default).keep(offset, instruction);
    }

    /// Drops everything that rests on one of the `length` bytes from `offset` on.
    #[inline]
    pub(crate) fn forget(&mut self, offset: usize, length: usize) {
        let Some(shared) = self.lines.get_mut() else { return };
        let Some(lines) = Arc::get_mut(shared) else {
            self.lines.take();
            return;
        };
        let first = offset.saturating_sub(INSTRUCTION_MAX - 1) / LINE;
        let last = (offset + length.max(1) - 1) / LINE;
        for line in lines.lines.iter_mut().take(last + 1).skip(first) {
            line.take();
        }
    }
}

/// The notes of the page that executed last, at hand for the next fetch.
#[derive(Clone, Default)]
pub(crate) struct Running {
    /// Number of the page.
    page: u64,
    lines: Option<Arc<Lines>>,
    used: Use,
}

impl Running {
    /// One that never has any notes.
    pub(super) fn shunned() -> Self {
        Self { used: Use::Shunned, ..Self::default() }
    }

    /// The instruction at `offset` of its page, if it was decoded for the linear address `linear`.
    #[inline]
    pub(super) fn get(&self, offset: usize, linear: u64) -> Option<&Kept> {
        self.lines.as_ref()?.get(offset, linear)
    }

    /// Whether it has the notes of a page.
    #[inline]
    fn is_at(&self, page: u64) -> bool {
        self.page == page && self.lines.is_some()
    }

    /// Lets go of a page that is about to be written.
    #[inline]
    pub(crate) fn leave(&mut self, page: u64) {
        if self.page == page {
            self.lines = None;
        }
    }
}

impl Memory {
    /// Gets hold of the notes of the page of `physical`.
    #[inline]
    pub(super) fn run_page(&mut self, physical: u64) {
        if !self.running.is_at(physical >> 12) {
            self.change_page(physical);
        }
    }

    #[cold]
    fn change_page(&mut self, physical: u64) {
        let used = self.running.used;
        let noted = self.notes(physical).filter(|_| used == Use::Taken);
        let lines = noted.and_then(|notes| notes.lines.get().cloned());
        self.running = Running { page: physical >> 12, lines, used };
    }
}

/// The instruction at `physical`, if it was decoded for the linear address `linear` and not written since.
pub(crate) fn recall_instruction(machine: &mut Machine, physical: u64, linear: u64) -> Option<Instruction> {
    machine.memory.run_page(physical);
    machine.memory.running.get(physical as usize & 0xfff, linear).map(|kept| kept.instruction)
}

/// Keeps `instruction`, which was decoded from the bytes at `physical` and ends in the same page.
pub(crate) fn keep_instruction(machine: &Machine, physical: u64, instruction: Instruction) {
    if machine.memory.running.used == Use::Taken
        && let Some(notes) = machine.memory.notes(physical)
    {
        notes.keep(physical as usize & 0xfff, instruction);
    }
}
