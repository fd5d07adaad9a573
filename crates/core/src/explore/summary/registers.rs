//! What the registers of a shadow hold, and which of them changed.

use super::guard::{Held, register};
use super::value::REGISTERS;
use crate::machine::Cpu;
use std::ops::{Deref, Index, IndexMut};

#[derive(Clone, Debug)]
pub(super) struct Registers {
    held: [Held; REGISTERS],
    /// A bit for each one that may have changed since [`Self::take_changed`].
    changed: u32,
    /// Bits of each one that nobody may look at, as of then.
    opaque: [u64; REGISTERS],
}

impl Registers {
    pub(super) fn new(held: [Held; REGISTERS]) -> Self {
        Self { held, changed: u32::MAX, opaque: [0; REGISTERS] }
    }

    pub(super) fn swap(&mut self, one: usize, other: usize) {
        self.held.swap(one, other);
        self.changed |= 1 << one | 1 << other;
    }

    /// Which ones may have changed since the last time.
    pub(super) fn take_changed(&mut self) -> impl Fn(usize) -> bool + use<> {
        let changed = std::mem::take(&mut self.changed);
        let is_changed = move |number: usize| changed >> number & 1 != 0;
        for (number, (held, opaque)) in self.held.iter().zip(&mut self.opaque).enumerate() {
            if is_changed(number) {
                *opaque = if let Held::Word(value) = held { value.opaque() } else { 0 };
            }
        }
        is_changed
    }

    /// What is known of them on a machine, the others as they are there.
    pub(super) fn seen(&self, cpu: &Cpu) -> [u64; REGISTERS] {
        std::array::from_fn(|number| register(cpu, number) & !self.opaque[number])
    }
}

impl Deref for Registers {
    type Target = [Held; REGISTERS];

    fn deref(&self) -> &Self::Target {
        &self.held
    }
}

impl Index<usize> for Registers {
    type Output = Held;

    fn index(&self, number: usize) -> &Held {
        &self.held[number]
    }
}

impl IndexMut<usize> for Registers {
    fn index_mut(&mut self, number: usize) -> &mut Held {
        self.changed |= 1 << number;
        &mut self.held[number]
    }
}
