//! What the counted events of a run cost on a processor: ranges of cycles with their sources, never one number.
//!
//! This program measures nothing. A figure is a range that somebody published, with its doubts. An event without a
//! published figure is counted and has no price.

mod nmi;
mod profiles;

pub use nmi::{Estimate, FORMULA, Load, estimate};
pub use profiles::{CR3_WRITE, PROFILES, profile};

use crate::counters::{Counter, Counters};
use crate::linux::{Feature, Features};
use crate::machine::tlb::geometry::Hierarchy;
use std::fmt;
use std::iter::Sum;
use std::ops::Add;

/// A range of cycles, both ends included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Cycles {
    /// At least this many.
    pub low: u64,
    /// At most this many.
    pub high: u64,
}

impl Cycles {
    /// From `low` to `high`.
    pub const fn new(low: u64, high: u64) -> Self {
        Self { low, high }
    }

    /// This many times the range.
    #[must_use]
    pub fn times(self, count: u64) -> Self {
        Self { low: self.low.saturating_mul(count), high: self.high.saturating_mul(count) }
    }
}

impl Add for Cycles {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self { low: self.low.saturating_add(other.low), high: self.high.saturating_add(other.high) }
    }
}

impl Sum for Cycles {
    fn sum<I: Iterator<Item = Self>>(ranges: I) -> Self {
        ranges.fold(Self::default(), Self::add)
    }
}

impl fmt::Display for Cycles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.low == self.high {
            true => write!(f, "{}", self.low),
            false => write!(f, "{} to {}", self.low, self.high),
        }
    }
}

/// A published range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figure {
    /// For one event.
    pub cycles: Cycles,
    /// Where it was published.
    pub source: &'static str,
    /// Why it may not apply here; empty if nothing is doubtful.
    pub doubt: &'static str,
}

/// Which processors of a kind have a feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// All.
    Everywhere,
    /// Some, or not as Linux runs them: in words.
    Partly(&'static str),
    /// None.
    Nowhere,
}

/// A processor: its translation caches, and what events cost on it.
#[derive(Debug)]
pub struct Profile {
    /// The translation caches, with the processor's name.
    pub hierarchy: &'static Hierarchy,
    /// Which features that isolation uses it has, and whether it needs isolation at all.
    pub facts: &'static str,
    /// CPUID.01H:ECX.PCID.
    pub has_pcid: Presence,
    /// CPUID.(7,0):EBX.INVPCID.
    pub has_invpcid: Presence,
    /// A MOV to CR3 by itself, without the refills that it causes. Nobody has published figures for flushing and
    /// no-flush writes on one processor.
    pub cr3_write: Figure,
    /// One page walk.
    pub page_walk: Figure,
    /// INVPCID of one page; none if no figure is published.
    pub invpcid: Option<Figure>,
}

/// What costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Part {
    /// CR3 writes, without the refills that they cause later.
    Cr3Writes,
    /// Walks of pages whose translation an invalidation had dropped: the later cost of flushes.
    Refills,
    /// All other page walks.
    OtherWalks,
    /// INVPCID.
    Invpcid,
    /// INVLPG.
    Invlpg,
}

impl Part {
    /// All parts, in the order in which they are shown.
    pub const ALL: [Self; 5] = [Self::Cr3Writes, Self::Refills, Self::OtherWalks, Self::Invpcid, Self::Invlpg];

    /// The name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cr3Writes => "cr3_writes",
            Self::Refills => "refills",
            Self::OtherWalks => "other_walks",
            Self::Invpcid => "invpcid",
            Self::Invlpg => "invlpg",
        }
    }

    /// The name for a person.
    pub fn label(self) -> &'static str {
        match self {
            Self::Cr3Writes => "CR3 writes",
            Self::Refills => "refill walks",
            Self::OtherWalks => "other walks",
            Self::Invpcid => "INVPCID",
            Self::Invlpg => "INVLPG",
        }
    }

    /// How often it happened.
    pub fn count(self, counters: &Counters) -> u64 {
        match self {
            Self::Cr3Writes => counters[Counter::Cr3Writes],
            Self::Refills => counters[Counter::RefillMisses],
            Self::OtherWalks => counters[Counter::TlbMisses].saturating_sub(counters[Counter::RefillMisses]),
            Self::Invpcid => counters[Counter::Invpcid],
            Self::Invlpg => counters[Counter::Invlpg],
        }
    }

    /// The cost of one; none if no figure is published.
    pub fn figure(self, profile: &Profile) -> Option<&Figure> {
        match self {
            Self::Cr3Writes => Some(&profile.cr3_write),
            Self::Refills | Self::OtherWalks => Some(&profile.page_walk),
            Self::Invpcid => profile.invpcid.as_ref(),
            Self::Invlpg => None,
        }
    }
}

/// A part of the cost of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// What costs.
    pub part: Part,
    /// How often it happened.
    pub count: u64,
    /// The cost of all of them; none if no figure is published.
    pub cycles: Option<Cycles>,
}

/// The cost of a run, part by part, in the order of [`Part::ALL`]. Parts that did not happen are included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cost {
    /// The parts.
    pub items: [Item; 5],
}

impl Cost {
    /// The sum of the parts that have a price.
    pub fn total(&self) -> Cycles {
        self.items.iter().filter_map(|item| item.cycles).sum()
    }
}

/// What a run cost on a processor.
pub fn cost(counters: &Counters, profile: &Profile) -> Cost {
    let item = |part: Part| {
        let count = part.count(counters);
        Item { part, count, cycles: part.figure(profile).map(|figure| figure.cycles.times(count)) }
    };
    Cost { items: Part::ALL.map(item) }
}

/// A feature that a run uses and that its processor lacks, at least sometimes. The counts are then those of no such
/// processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lack {
    /// What the run uses.
    pub feature: Feature,
    /// Which of these processors have it.
    pub presence: Presence,
    /// The processor's name.
    pub processor: &'static str,
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let feature = self.feature.name().to_ascii_uppercase();
        match self.presence {
            Presence::Nowhere => write!(f, "the run uses {feature}, which {} does not have; ", self.processor)?,
            Presence::Partly(words) => write!(f, "the run uses {feature}, and {words}; ")?,
            Presence::Everywhere => return write!(f, "{} has {feature}", self.processor),
        }
        write!(f, "switch {} off to see a processor without it", self.feature)
    }
}

/// What a run with these features needs and the processor lacks.
pub fn lacks(features: Features, profile: &Profile) -> impl Iterator<Item = Lack> {
    let processor = profile.hierarchy.name;
    let asked = [(Feature::Pcid, profile.has_pcid), (Feature::Invpcid, profile.has_invpcid)];
    let lacking =
        asked.into_iter().filter(move |&(feature, presence)| features.has(feature) && presence != Presence::Everywhere);
    lacking.map(move |(feature, presence)| Lack { feature, presence, processor })
}

/// How many more cycles the second run took, from least to most. What both did cancels, and each part keeps its own
/// range.
pub fn difference(first: &Counters, second: &Counters, profile: &Profile) -> [i64; 2] {
    let of = |part: Part| {
        let more = part.count(second).cast_signed().saturating_sub(part.count(first).cast_signed());
        let Cycles { low, high } = part.figure(profile).map(|figure| figure.cycles).unwrap_or_default();
        let ends = [low, high].map(|cycles| more.saturating_mul(cycles.cast_signed()));
        [ends[0].min(ends[1]), ends[0].max(ends[1])]
    };
    Part::ALL
        .map(of)
        .into_iter()
        .fold([0; 2], |sum, part| [sum[0].saturating_add(part[0]), sum[1].saturating_add(part[1])])
}

#[cfg(test)]
mod tests;
