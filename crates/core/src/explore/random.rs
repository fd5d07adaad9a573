//! Schedules drawn at random. The caller has the random numbers.
//!
//! Where a strike is drawn and may not strike, it is counted as refused or excluded, and the schedule goes on without it. What this says is what
//! it found: schedules that break nothing say nothing of others.

use super::Explorer;
use super::Stage;
use super::assume::Assumptions;
use super::lane::{Lane, Strike, Went};
use super::sweep::{Failure, Found};
use super::world::World;
use crate::machine::refusal_reason;
use crate::promises::Breakage;
use crate::scenario::Vector;
use std::sync::Arc;

/// Handlers that are struck inside one another, at most.
pub const MAX_LEVEL: usize = 6;
/// Strikes of one schedule, at most.
pub const MAX_STRIKES: u32 = 16;

/// Steps to the next strike if it is to be a near one: inside the handler of the one before, as a rule.
const NEAR: u32 = 60;

/// Draws schedules and runs them.
#[derive(Clone)]
pub struct Sampler {
    worlds: Vec<Arc<World>>,
    vectors: Arc<[Vector]>,
    assumed: Assumptions,
}

/// The outcome of schedules that were drawn, system by system.
#[derive(Clone, Default)]
pub struct Samples {
    found: Vec<Found>,
}

impl Samples {
    /// Adds others. The order does not matter.
    pub fn merge(&mut self, other: Self) {
        self.found.resize(self.found.len().max(other.found.len()), Found::default());
        self.found.iter_mut().zip(other.found).for_each(|(found, more)| found.merge(more));
    }
}

impl Sampler {
    /// Draws and runs schedule `number`, of the systems in turn. `draw` gives a number below its argument.
    pub fn sample(&self, number: u64, draw: &mut dyn FnMut(u32) -> u32) -> Samples {
        let mut found = vec![Found::default(); self.worlds.len()];
        let system = (number % self.worlds.len().max(1) as u64) as usize;
        if let (Some(world), Some(found)) = (self.worlds.get(system), found.get_mut(system)) {
            self.run(world, found, draw);
        }
        Samples { found }
    }

    fn run(&self, world: &World, found: &mut Found, draw: &mut dyn FnMut(u32) -> u32) {
        let mut lane = Lane::start(world);
        let mut next = draw(world.base_steps);
        let mut strikes = 1 + draw(MAX_STRIKES);
        let mut went = Went::On;
        while went == Went::On {
            went = if strikes > 0 && lane.steps() >= next {
                strikes -= 1;
                next = lane.steps() + 1 + gap(world, draw);
                let vector = self.vectors.get(draw(self.vectors.len() as u32) as usize).copied();
                vector.map_or(Went::On, |vector| self.strike(world, &mut lane, vector, found))
            } else {
                lane.step(world, &mut ())
            };
        }
        found.work.runs += 1;
        found.work.steps += u64::from(lane.steps());
        conclude(&lane, found);
    }

    /// Strikes, if that is allowed.
    fn strike(&self, world: &World, lane: &mut Lane, vector: Vector, found: &mut Found) -> Went {
        let cpu = &lane.machine().cpu;
        if lane.level() >= MAX_LEVEL {
            return Went::On;
        }
        if refusal_reason(cpu, vector.event()).is_some() {
            found.counts.refused += 1;
            return Went::On;
        }
        if let Some(assumption) = self.assumed.excluding(world, lane, vector) {
            found.counts.exclude(assumption);
            return Went::On;
        }
        found.counts.strike(vector, cpu);
        lane.strike(world, vector, &mut ())
    }
}

/// Half of the strikes are near the one before. The others are up to a quarter of a run away, or few schedules would have many.
fn gap(world: &World, draw: &mut dyn FnMut(u32) -> u32) -> u32 {
    if draw(2) == 0 { draw(NEAR) } else { draw(world.base_steps / 4) }
}

fn conclude(lane: &Lane, found: &mut Found) {
    for &Breakage { step, broken } in lane.broken() {
        found.counts.breaks(broken.promise());
        found.fail(Failure { strikes: struck_by(lane, step), steps: step as u32, broken });
    }
    found.counts.breaking += u64::from(!lane.broken().is_empty());
}

/// What had struck when a promise broke: nothing later is part of the counterexample.
fn struck_by(lane: &Lane, step: usize) -> Vec<Strike> {
    lane.strikes().iter().copied().filter(|strike| strike.step as usize <= step).collect()
}

impl Explorer {
    /// What draws schedules; nothing if a system breaks a promise by itself.
    pub fn sampler(&self) -> Option<Sampler> {
        let worlds = || self.systems.iter().map(|system| Arc::clone(&system.world)).collect();
        let (vectors, assumed) = (self.query.vectors.clone().into(), self.query.assumed);
        (self.stage != Stage::Over).then(|| Sampler { worlds: worlds(), vectors, assumed })
    }

    /// Takes in what was drawn, and ends the search: no depth is complete by it.
    pub fn absorb_samples(&mut self, samples: Samples) {
        self.stage = Stage::Over;
        self.systems.iter_mut().zip(samples.found).for_each(|(system, found)| system.absorb(found));
    }
}
