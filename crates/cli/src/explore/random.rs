//! Random schedules: the generator, and who draws which.

use super::{Progress, Settings};
use cr3_core::explore::{Explorer, Samples, Shard};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Which schedules are drawn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Random {
    pub(super) schedules: u64,
    pub(super) seed: u64,
    pub(super) shard: Option<Shard>,
}

/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
struct Generator(u64);

impl Generator {
    /// Schedules are drawn from generators of their own, so that none depends on who draws the others.
    fn new(seed: u64, schedule: u64) -> Self {
        let mut generator = Self(seed);
        Self(generator.next() ^ schedule.wrapping_mul(0xd134_2543_de82_ef95))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// A number below `bound`; 0 if that is 0.
    fn below(&mut self, bound: u32) -> u32 {
        (((self.next() >> 32) * u64::from(bound)) >> 32) as u32
    }
}

impl Random {
    fn is_ours(&self, schedule: u64) -> bool {
        self.shard.is_none_or(|shard| shard.holds(schedule))
    }
}

/// Draws all of them by several threads. Their order makes no difference.
pub(super) fn carry_out(explorer: &mut Explorer, random: &Random, settings: &Settings) {
    let Some(sampler) = explorer.sampler() else { return };
    let next = AtomicU64::new(0);
    let all = Mutex::new(Samples::default());
    let progress = Progress::of_random(random.schedules);
    std::thread::scope(|scope| {
        for _ in 0..settings.jobs {
            scope.spawn(|| {
                let mut samples = Samples::default();
                while !settings.is_stopped() {
                    let schedule = next.fetch_add(1, Ordering::Relaxed);
                    if schedule >= random.schedules {
                        break;
                    }
                    if random.is_ours(schedule) {
                        let mut generator = Generator::new(random.seed, schedule);
                        samples.merge(sampler.sample(schedule, &mut |bound| generator.below(bound)));
                    }
                    progress.advance();
                }
                if let Ok(mut all) = all.lock() {
                    all.merge(samples);
                }
            });
        }
    });
    progress.clear();
    explorer.absorb_samples(all.into_inner().unwrap_or_default());
    if next.into_inner() < random.schedules {
        explorer.stop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_splitmix64_and_stay_below_their_bound() {
        // The first numbers of seed 0, as published.
        let mut generator = Generator(0);
        assert_eq!([generator.next(), generator.next()], [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4]);
        let mut seen = [0; 5];
        (0..1000).for_each(|_| seen[generator.below(5) as usize] += 1);
        assert!(seen.iter().all(|count| (150..250).contains(count)), "{seen:?}");
        assert_eq!([generator.below(0), generator.below(1)], [0, 0]);
    }
}
