//! A system of a search, and what is known of it so far.

use super::by_place::AtInstruction;
use super::count::{Costs, Counts};
use super::known::Known;
use super::obstacle::Obstacle;
use super::summary::{Reached, Saturation};
use super::sweep::{Failure, Found, Work};
use super::world::World;
use crate::asm::Diagnostic;
use crate::linux::Config;
use crate::promises::Breakage;
use std::sync::Arc;

/// A system and what is known of it.
pub(super) struct Explored {
    pub(super) world: Arc<World>,
    pub(super) known: Arc<Known>,
    /// For each number of strikes that was looked at, from 1.
    pub(super) counts: Vec<Counts>,
    /// The number of strikes up to which all schedules were seen.
    pub(super) complete: u32,
    pub(super) costs: Costs,
    /// Of single strikes.
    pub(super) by_place: Vec<AtInstruction>,
    /// Of the last number of strikes.
    pub(super) failures: Vec<Failure>,
    /// Whether there are others that were counted and not seen.
    pub(super) hides: bool,
    pub(super) work: Work,
    /// What handlers do, summed up.
    pub(super) saturation: Option<Saturation>,
    /// What ended its search early.
    pub(super) obstacle: Option<Obstacle>,
}

impl Explored {
    pub(super) fn new(config: &Config) -> Result<Self, Vec<Diagnostic>> {
        let world = World::new(config)?;
        let failure =
            |breakage: &Breakage| Failure { strikes: Vec::new(), steps: breakage.step as u32, broken: breakage.broken };
        let failures = world.base_broken.iter().map(failure).collect();
        Ok(Self {
            world: Arc::new(world),
            known: Arc::default(),
            counts: Vec::new(),
            complete: 0,
            costs: Costs::default(),
            by_place: Vec::new(),
            failures,
            hides: false,
            work: Work::default(),
            saturation: None,
            obstacle: None,
        })
    }

    pub(super) fn absorb(&mut self, found: Found) {
        self.counts.push(found.counts);
        self.failures = found.failures;
        self.hides = found.hides;
        self.costs.merge(&found.costs);
        self.by_place.extend(found.by_place);
        self.work.add(found.work);
        self.obstacle = found.obstacle;
    }

    pub(super) fn absorb_saturation(&mut self, saturation: Saturation) {
        self.failures = saturation.failures().to_vec();
        self.work.add(saturation.worked());
        self.obstacle = saturation.obstacle().cloned();
        self.saturation = Some(saturation);
    }

    /// Somebody stopped its search.
    pub(super) fn stop(&mut self) {
        self.obstacle.get_or_insert(Obstacle::Stopped);
    }

    /// Whether schedules of any depth and number are covered, or those up to the first that breaks a promise.
    pub(super) fn is_saturated(&self) -> bool {
        self.saturation.as_ref().map(Saturation::reached) == Some(Reached::Fixpoint)
    }
}
