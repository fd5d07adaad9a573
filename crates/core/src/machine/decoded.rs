//! Instructions already decoded, kept with the page they were decoded from.
//!
//! A clone of a machine shares its pages and with them what was decoded; a write forgets the instructions it touches.
//! No part of the state: two machines that differ only here are equal.

use iced_x86::Instruction;
use std::sync::OnceLock;

/// Longest instruction in bytes (SDM vol. 2A 2.3.11).
pub(super) const INSTRUCTION_MAX: usize = 15;

const LINE: usize = 64;
const LINES: usize = 64;

type Line = [OnceLock<Instruction>; LINE];

/// The instructions of one page, in lines of 64 offsets that come to life on first use.
#[derive(Default)]
pub(super) struct Decoded {
    lines: OnceLock<Box<[OnceLock<Box<Line>>; LINES]>>,
}

impl Decoded {
    /// The instruction at `offset`, if it was decoded for the linear address `linear`.
    #[inline]
    pub(super) fn get(&self, offset: usize, linear: u64) -> Option<&Instruction> {
        let line = self.lines.get()?.get(offset / LINE)?.get()?;
        line.get(offset % LINE)?.get().filter(|instruction| instruction.ip() == linear)
    }

    /// Keeps `instruction`, which lies wholly in this page. The first linear address that a page runs at wins: a
    /// decoded instruction carries its address, and pages that execute at two addresses are rare.
    pub(super) fn keep(&self, offset: usize, instruction: Instruction) {
        let lines = self.lines.get_or_init(|| Box::new([const { OnceLock::new() }; LINES]));
        let Some(line) = lines.get(offset / LINE) else { return };
        let line = line.get_or_init(|| Box::new([const { OnceLock::new() }; LINE]));
        if let Some(cell) = line.get(offset % LINE) {
            let _ = cell.set(instruction);
        }
    }

    /// Forgets every instruction that may contain one of the `length` bytes from `offset` on.
    #[inline]
    pub(super) fn forget(&mut self, offset: usize, length: usize) {
        let Some(lines) = self.lines.get_mut() else { return };
        let first = offset.saturating_sub(INSTRUCTION_MAX - 1) / LINE;
        let last = (offset + length.max(1) - 1) / LINE;
        for line in lines.iter_mut().take(last + 1).skip(first) {
            line.take();
        }
    }
}
