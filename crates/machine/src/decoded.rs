//! Instructions already decoded, kept with the page they were decoded from.
//!
//! A clone of a machine shares its pages and with them what was decoded; a write forgets the instructions it touches.
//! No part of the state: two machines that differ only here are equal.

use super::exec::Short;
use iced_x86::Instruction;
use std::sync::OnceLock;
use triomphe::Arc;

/// Longest instruction in bytes (SDM vol. 2A 2.3.11).
pub(super) const INSTRUCTION_MAX: usize = 15;

const LINE: usize = 64;
const LINES: usize = 64;

/// An instruction and its short form, if it has one.
pub(super) struct Kept {
    pub(super) instruction: Instruction,
    pub(super) short: Option<Short>,
}

type Line = [OnceLock<Kept>; LINE];

/// The instructions of one page, in lines of 64 offsets that come to life on first use.
pub(super) struct Lines {
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
        line.get(offset % LINE)?.get().filter(|kept| kept.instruction.ip() == linear)
    }

    /// The first linear address that a page runs at wins: a decoded instruction carries its address, and pages that
    /// execute at two addresses are rare.
    fn keep(&self, offset: usize, instruction: Instruction) {
        let Some(line) = self.lines.get(offset / LINE) else { return };
        let line = line.get_or_init(|| Box::new([const { OnceLock::new() }; LINE]));
        if let Some(cell) = line.get(offset % LINE) {
            let _ = cell.set(Kept { instruction, short: Short::of(&instruction) });
        }
    }
}

/// The decoded instructions that belong to a page; none until one is.
#[derive(Default)]
pub(super) struct Decoded {
    lines: OnceLock<Arc<Lines>>,
}

impl Decoded {
    /// Keeps `instruction`, which lies wholly in this page.
    pub(super) fn keep(&self, offset: usize, instruction: Instruction) {
        self.lines.get_or_init(Arc::default).keep(offset, instruction);
    }

    /// Forgets every instruction that may contain one of the `length` bytes from `offset` on.
    #[inline]
    pub(super) fn forget(&mut self, offset: usize, length: usize) {
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

/// The decoded instructions of the page that was executed last, within reach of the next fetch.
#[derive(Clone, Default)]
pub(super) struct Running {
    /// Number of the page.
    page: u64,
    lines: Option<Arc<Lines>>,
}

impl Running {
    /// Whether it has what was decoded from a page.
    #[inline]
    pub(super) fn is_at(&self, page: u64) -> bool {
        self.page == page && self.lines.is_some()
    }

    /// The instruction at `offset` of its page, if it was decoded for the linear address `linear`.
    #[inline]
    pub(super) fn get(&self, offset: usize, linear: u64) -> Option<&Kept> {
        self.lines.as_ref()?.get(offset, linear)
    }

    /// Goes over to another page.
    pub(super) fn go_to(&mut self, page: u64, decoded: &Decoded) {
        *self = Self { page, lines: decoded.lines.get().cloned() };
    }

    /// Lets go of a page that is about to be written.
    #[inline]
    pub(super) fn leave(&mut self, page: u64) {
        if self.page == page {
            self.lines = None;
        }
    }
}
