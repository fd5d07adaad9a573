//! Summaries with a mistake in them: the check has to find it.

use super::{Aim, Flaw, Saturation};
use crate::explore::assume::Assumptions;
use crate::explore::sweep::Progress;
use crate::explore::world::World;
use crate::linux::{Config, Handler, Handlers};
use crate::scenario::Vector;
use std::sync::Arc;

/// How many of some schedules of two strikes do not go as the summaries say.
fn wrong(flaw: Flaw, handler: Handler, vectors: [Vector; 2]) -> usize {
    let config = Config { handler: Handlers::only(handler), ..Config::default() };
    let world = World::new(&config).unwrap_or_else(|diagnostics| panic!("{diagnostics:#?}"));
    let aim = Aim { vectors: vectors.into(), assumed: Assumptions::default(), max_runs: 20_000, flaw };
    let mut saturation = Saturation::new(Arc::new(world), aim);
    while saturation.work(1_000_000) == Progress::More {}
    let pairs = (0..1_378).step_by(31).flat_map(|first| (1..260).step_by(5).map(move |second| (first, first + second)));
    let is_wrong = |(first, second): (u32, u32)| {
        let mut strikes = [(first, vectors[0]), (second, vectors[1])].into_iter().peekable();
        let played = saturation.play(|step, _| strikes.next_if(|strike| strike.0 == step).map(|strike| strike.1));
        // A mistake that keeps the search from its end is found as well.
        played.is_none_or(|played| played.wrong.is_some())
    };
    pairs.filter(|&pair| is_wrong(pair)).count()
}

#[test]
fn the_check_finds_what_was_left_out() {
    const EXCEPTIONS: [Vector; 2] = [Vector::Debug, Vector::MachineCheck];
    assert_eq!(wrong(Flaw::None, Handler::Quiet, EXCEPTIONS), 0);
    let cases = [
        (Flaw::NoBits, Handler::Perf, EXCEPTIONS),
        (Flaw::NoComparisons, Handler::Quiet, EXCEPTIONS),
        (Flaw::OneEnd, Handler::Quiet, [Vector::Nmi, Vector::Debug]),
    ];
    let found = cases.map(|(flaw, handler, vectors)| (flaw, wrong(flaw, handler, vectors)));
    assert!(found.iter().all(|(_, wrong)| *wrong != 0), "{found:?}");
}
