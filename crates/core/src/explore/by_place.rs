//! The outcomes of choices, instruction by instruction.

use super::count::Counts;
use crate::machine::{Cpu, refusal_reason};
use crate::scenario::Vector;

/// The outcome of the choices before one instruction: of single exceptions, over all arrivals at it in the run in which nothing strikes, or of
/// any depth, over all arrivals in the runs that stand for all others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AtInstruction {
    /// Its linear address.
    pub address: u64,
    /// The choices.
    pub counts: Counts,
    /// Why the architecture refuses the first that it refuses.
    pub refusal: Option<&'static str>,
}

/// Choices by the instruction before which they are, in order of address.
#[derive(Clone, Debug, Default)]
pub(super) struct ByPlace(Vec<AtInstruction>);

impl ByPlace {
    /// The choices before the instruction at an address.
    pub(super) fn at(&mut self, address: u64) -> &mut AtInstruction {
        let index = self.0.partition_point(|place| place.address < address);
        if self.0.get(index).is_none_or(|place| place.address != address) {
            self.0.insert(index, AtInstruction { address, counts: Counts::default(), refusal: None });
        }
        &mut self.0[index]
    }

    /// All choices together.
    pub(super) fn total(&self) -> Counts {
        self.0.iter().fold(Counts::default(), |mut sum, place| {
            sum += place.counts;
            sum
        })
    }

    pub(super) fn into_vec(self) -> Vec<AtInstruction> {
        self.0
    }

    pub(super) fn as_slice(&self) -> &[AtInstruction] {
        &self.0
    }
}

impl AtInstruction {
    /// One choice more, which the architecture refuses.
    pub(super) fn refuse(&mut self, reason: &'static str) {
        self.counts.refused += 1;
        self.refusal.get_or_insert(reason);
    }
}

/// A boundary of the run in which nothing strikes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    address: u64,
    refusal: Option<&'static str>,
    /// What was counted before it.
    pub(super) before: Counts,
}

impl Mark {
    pub(super) fn new(cpu: &Cpu, vectors: &[Vector], before: Counts) -> Self {
        let refusal = vectors.iter().find_map(|vector| refusal_reason(cpu, vector.event()));
        Self { address: cpu.rip, refusal, before }
    }
}

/// What was counted at the boundaries, by their instructions; `end` is what all of them counted.
pub(super) fn by_place(marks: &[Mark], end: Counts) -> Vec<AtInstruction> {
    let mut places = ByPlace::default();
    let ends = marks.iter().skip(1).map(|mark| mark.before).chain([end]);
    for (mark, end) in marks.iter().zip(ends) {
        let place = places.at(mark.address);
        place.counts += end - mark.before;
        place.refusal = place.refusal.or(mark.refusal);
    }
    places.into_vec()
}
