//! Summaries with a mistake in them: the check has to find it.

use super::{Aim, Flaw, Saturation};
use crate::explore::assume::Assumptions;
use crate::explore::sweep::Progress;
use crate::explore::world::World;
use crate::linux::{Config, Form};
use crate::scenario::Vector;
use cr3_testing::Random;
use std::sync::Arc;

const VECTORS: [Vector; 2] = [Vector::Debug, Vector::MachineCheck];

/// A text of testdata/explore.
pub(super) fn custom(name: &str) -> Config {
    let path = format!("{}/../../testdata/explore/{name}.S", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    Config { form: Form::Custom, custom: text.into(), ..Config::default() }
}

/// How many of some random schedules do not go as the summaries say.
fn wrong(name: &str, flaw: Flaw) -> usize {
    let world = World::new(&custom(name)).unwrap_or_else(|diagnostics| panic!("{diagnostics:#?}"));
    let aim =
        Aim { vectors: VECTORS.into(), assumed: Assumptions::default(), max_runs: 20_000, max_memory: u64::MAX, flaw };
    let mut saturation = Saturation::new(Arc::new(world), aim);
    while saturation.work(1_000_000) == Progress::More {}
    let mut random = Random(1);
    let mut is_wrong = |_: &u32| {
        let (first, mut struck) = (random.below(1_378) as u32, false);
        let played = saturation.play(|step, _| {
            let strikes = if struck { random.below(40) == 0 } else { step >= first };
            struck |= strikes;
            strikes.then(|| VECTORS[random.below(2) as usize])
        });
        // A mistake that keeps the search from its end is found as well.
        played.is_none_or(|played| played.wrong.is_some())
    };
    (0..200).filter(|schedule| is_wrong(schedule)).count()
}

#[test]
fn the_check_finds_what_was_left_out() {
    let cases = [
        ("harmless_window", Flaw::None),
        ("harmless_window", Flaw::NoComparisons),
        ("harmless_window", Flaw::NoEnds),
        ("progress_noted", Flaw::None),
        ("progress_noted", Flaw::NoBits),
        ("remapped", Flaw::None),
        ("remapped", Flaw::NoWalks),
        ("remapped", Flaw::NoInvalidations),
        ("cleared_by_probe", Flaw::None),
        ("cleared_by_probe", Flaw::NoFrames),
        // It breaks, and with this mistake the search says that it holds.
        ("stale_entry", Flaw::NoLookUps),
    ];
    let found = cases.map(|(name, flaw)| (name, flaw, wrong(name, flaw)));
    assert!(found.iter().all(|&(_, flaw, wrong)| (wrong == 0) == (flaw == Flaw::None)), "{found:?}");
}
