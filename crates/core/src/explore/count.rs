//! What a search has covered, in numbers that do not depend on how it went.

use super::assume::Assumption;
use crate::counters::{Counter, Counters};
use crate::linux::{Half, tables_half};
use crate::machine::Cpu;
use crate::promises::Promise;
use crate::scenario::Vector;
use std::ops::{AddAssign, Sub};

const ASSUMPTIONS: usize = Assumption::ALL.len();
const PROMISES: usize = Promise::ALL.len();

/// Choices of the last strike of schedules. A choice is refused, excluded, or a schedule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Refused by the architecture.
    pub refused: u64,
    excluded: [u64; ASSUMPTIONS],
    /// Schedules.
    pub schedules: u64,
    broken: [u64; PROMISES],
    /// Schedules that break some promise.
    pub breaking: u64,
    /// Schedules whose last strike was at CPL 0 on the user's tables.
    pub on_user_tables: u64,
    struck: [u64; Vector::ALL.len()],
}

impl Counts {
    /// All choices.
    pub fn choices(&self) -> u64 {
        self.refused + self.excluded.iter().sum::<u64>() + self.schedules
    }

    /// Choices that an assumption excluded. Where several would, the first in the order of [`Assumption::ALL`] counts.
    pub fn excluded(&self, assumption: Assumption) -> u64 {
        self.excluded[assumption as usize]
    }

    /// Schedules that break a promise.
    pub fn broken(&self, promise: Promise) -> u64 {
        self.broken[promise as usize]
    }

    /// Schedules whose last strike was this vector's.
    pub fn struck(&self, vector: Vector) -> u64 {
        self.struck[vector as usize]
    }

    pub(super) fn strike(&mut self, vector: Vector, at: &Cpu) {
        self.schedules += 1;
        self.on_user_tables += u64::from(at.cpl == 0 && tables_half(at.cr3) == Half::User);
        self.struck[vector as usize] += 1;
    }

    pub(super) fn exclude(&mut self, assumption: Assumption) {
        self.excluded[assumption as usize] += 1;
    }

    pub(super) fn breaks(&mut self, promise: Promise) {
        self.broken[promise as usize] += 1;
    }
}

fn each<const N: usize>(left: [u64; N], right: [u64; N], join: impl Fn(u64, u64) -> u64) -> [u64; N] {
    std::array::from_fn(|index| join(left[index], right[index]))
}

impl Counts {
    fn join(self, other: Self, join: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            refused: join(self.refused, other.refused),
            excluded: each(self.excluded, other.excluded, &join),
            schedules: join(self.schedules, other.schedules),
            broken: each(self.broken, other.broken, &join),
            breaking: join(self.breaking, other.breaking),
            on_user_tables: join(self.on_user_tables, other.on_user_tables),
            struck: each(self.struck, other.struck, &join),
        }
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        *self = self.join(other, |left, right| left + right);
    }
}

impl Sub for Counts {
    type Output = Self;
    /// What was counted since `other`, which was counted before.
    fn sub(self, other: Self) -> Self {
        self.join(other, |left, right| left - right)
    }
}

/// What all schedules of one strike that break nothing cost together, and which of them most. What a schedule costs is what its run counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Costs {
    /// Schedules whose runs are counted: those that break nothing.
    pub schedules: u64,
    /// Sums.
    pub total: Counters,
    /// The most that one schedule counts, and which: the step and the vector of its strike. The first in order of steps counts.
    worst: Vec<(u64, u32, Vector)>,
}

impl Default for Costs {
    fn default() -> Self {
        Self { schedules: 0, total: Counters::default(), worst: vec![(0, 0, Vector::Nmi); Counter::COUNT] }
    }
}

impl Costs {
    pub(super) fn add(&mut self, counters: &Counters, step: u32, vector: Vector) {
        self.schedules += 1;
        for (counter, value) in counters.iter() {
            self.total[counter] += value;
            self.offer(counter, (value, step, vector));
        }
    }

    fn offer(&mut self, counter: Counter, offered: (u64, u32, Vector)) {
        let worst = &mut self.worst[counter as usize];
        let earlier = (offered.1, offered.2) < (worst.1, worst.2);
        if offered.0 > worst.0 || (offered.0 == worst.0 && earlier) {
            *worst = offered;
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.schedules += other.schedules;
        for (counter, value) in other.total.iter() {
            self.total[counter] += value;
            self.offer(counter, other.worst[counter as usize]);
        }
    }

    /// The most that one schedule counts of `counter`, with the step that it strikes before and what strikes; nothing if none counts any.
    pub fn worst(&self, counter: Counter) -> Option<(u64, u32, Vector)> {
        self.worst.get(counter as usize).copied().filter(|(value, ..)| *value != 0)
    }
}

/// Whether a counter is known without running on once a run goes on as another did. Those of the TLB depend on what it holds, and two
/// runs that translate alike may hold different entries.
pub fn follows_instructions(counter: Counter) -> bool {
    use Counter::{
        CapacityMisses, ColdMisses, DroppedByCr0Write, DroppedByCr3Write, DroppedByCr4Write, DroppedByEferWrite,
        DroppedByInvlpg, DroppedByInvpcid, DroppedEntries, EvictedEntries, FaultDroppedEntries, PageWalkReads,
        RefillMisses, TlbHits, TlbMisses,
    };
    !matches!(
        counter,
        CapacityMisses
            | ColdMisses
            | DroppedByCr0Write
            | DroppedByCr3Write
            | DroppedByCr4Write
            | DroppedByEferWrite
            | DroppedByInvlpg
            | DroppedByInvpcid
            | DroppedEntries
            | EvictedEntries
            | FaultDroppedEntries
            | PageWalkReads
            | RefillMisses
            | TlbHits
            | TlbMisses
    )
}
