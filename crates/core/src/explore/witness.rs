//! From the steps of a search to a schedule that a person can run, and the run that confirms it.

use super::lane::{Lane, Strike, Went};
use super::world::World;
use crate::judge::judge;
use crate::promises::{Breakage, ENDLESS};
use crate::scenario::{Injection, Nesting, Place, Schedule};

/// The addresses that were reached since the last strike: before its handler returned, and after.
#[derive(Default)]
struct Arrivals {
    inside: Vec<u64>,
    after: Vec<u64>,
}

impl Arrivals {
    fn count(&mut self, lane: &Lane) {
        let arrivals = if lane.runner().has_returned() { &mut self.after } else { &mut self.inside };
        arrivals.push(lane.machine().cpu.rip);
    }

    /// The strike at this boundary, which was counted, in the words of a schedule.
    fn injection(&self, world: &World, lane: &Lane, strike: Strike) -> Option<Injection> {
        let rip = lane.machine().cpu.rip;
        let (nesting, arrivals) = match lane.runner().has_returned() {
            true => (Nesting::After, &self.after),
            false => (Nesting::Inside, &self.inside),
        };
        let place = world.places.place(world.places.at(rip)?);
        let occurrence = arrivals.iter().filter(|address| **address == rip).count() as u32;
        let place = Place { occurrence, ..place };
        Some(Injection { place, vector: strike.vector, nesting })
    }
}

/// The schedule that strikes before these steps; none where control is at no instruction of the image.
pub(super) fn schedule(world: &World, strikes: &[Strike]) -> Option<Schedule> {
    let mut lane = Lane::start(world);
    let mut arrivals = Arrivals::default();
    let mut injections = Vec::new();
    for &strike in strikes {
        while lane.steps() < strike.step {
            arrivals.count(&lane);
            if lane.step(world, &mut ()) != Went::On {
                return None;
            }
        }
        arrivals.count(&lane);
        injections.push(arrivals.injection(world, &lane, strike)?);
        arrivals = Arrivals::default();
        lane.strike(world, strike.vector, &mut ());
    }
    Some(Schedule { injections })
}

/// What the runner says of a schedule, carried out from its text: the first breakage of each promise.
pub(super) fn replay(world: &World, schedule: &Schedule) -> Vec<Breakage> {
    let World { system, places, config, .. } = world;
    // It ends by itself: each of the exceptions leaves it so many steps.
    let budget = (schedule.injections.len() as u32 + 1) * (ENDLESS + 1);
    judge(system, places, config, schedule, budget).breakages
}
