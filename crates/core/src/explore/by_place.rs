//! The outcomes of single exceptions, instruction by instruction.

use super::count::Counts;
use crate::machine::{Cpu, refusal_reason};
use crate::scenario::Vector;

/// The outcome of the choices before one instruction, over all arrivals at it in the run in which nothing strikes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AtInstruction {
    /// Its linear address.
    pub address: u64,
    /// The choices.
    pub counts: Counts,
    /// Why the architecture refuses the first that it refuses.
    pub refusal: Option<&'static str>,
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

/// What was counted at the boundaries, by their instructions, in order of address; `end` is what all of them counted.
pub(super) fn by_place(marks: &[Mark], end: Counts) -> Vec<AtInstruction> {
    let mut places: Vec<AtInstruction> = Vec::new();
    let ends = marks.iter().skip(1).map(|mark| mark.before).chain([end]);
    for (mark, end) in marks.iter().zip(ends) {
        let Mark { address, refusal, before } = *mark;
        let index = places.partition_point(|place| place.address < address);
        if places.get(index).is_none_or(|place| place.address != address) {
            places.insert(index, AtInstruction { address, counts: Counts::default(), refusal: None });
        }
        if let Some(place) = places.get_mut(index) {
            place.counts += end - before;
            place.refusal = place.refusal.or(refusal);
        }
    }
    places
}
