//! Nineteen systems whose handlers are summed up, and the check of what that rests on: all single exceptions, nested pairs and random
//! schedules go as the summaries say.
//!
//! Each test takes a fixed part of the pairs and of the random schedules. `cargo xtask fuzz MINUTES explorer` sets `CR3_EXPLORER_SECONDS`:
//! then pairs take up to half of this time after the search and its single exceptions, and random schedules what is left, until a
//! million exceptions have struck. They start from the seed in `CR3_EXPLORER_SEED`, and a line says how far they came.

use crate::any_depth::{any_depth, searched, verdict, weighed};
use crate::support::{Extent, THREE, config};
use cr3_core::explore::{Explorer, Played, Reach, Report};
use cr3_core::scenario::Vector;
use cr3_testing::Random;
use std::time::Instant;

const NMI: &[Vector] = &[Vector::Nmi];
const DEBUG_AND_MACHINE_CHECK: &[Vector] = &[Vector::Debug, Vector::MachineCheck];
const COMMUNICATION: &[Vector] = &[Vector::VmmCommunication];
const NMI_AND_COMMUNICATION: &[Vector] = &[Vector::Nmi, Vector::VmmCommunication];
const ALL_BUT_NMI: &[Vector] = &[Vector::Debug, Vector::MachineCheck, Vector::VmmCommunication];

macro_rules! systems {
    ($($name:ident: $text:literal, $vectors:expr, $usual:expr;)*) => { $(
        #[test]
        fn $name() {
            check($text, $vectors, $usual);
        }
    )* };
}

systems! {
    form_a_by_nmi: "form=A handler=quiet", NMI, SAMPLE;
    form_a_by_db_and_mc: "form=A handler=quiet", DEBUG_AND_MACHINE_CHECK, SAMPLE;
    form_b2_by_db_and_mc: "form=B2 handler=quiet", DEBUG_AND_MACHINE_CHECK, SAMPLE;
    form_c_by_nmi: "form=C handler=quiet", NMI, SAMPLE;
    form_c_by_db_and_mc: "form=C handler=quiet", DEBUG_AND_MACHINE_CHECK, SAMPLE;
    form_e_by_nmi: "form=E handler=quiet", NMI, WHOLE;
    form_e_by_db_and_mc: "form=E handler=quiet", DEBUG_AND_MACHINE_CHECK, WHOLE;
    form_e_by_all_three: "form=E handler=quiet", &THREE, SAMPLE;
    form_e_without_pcids: "form=E features=pti,fsgsbase,nx handler=quiet", DEBUG_AND_MACHINE_CHECK, SAMPLE;
    form_e_by_vc: "form=E handler=quiet", COMMUNICATION, WHOLE;
    form_e_by_nmi_and_vc: "form=E handler=quiet", NMI_AND_COMMUNICATION, WHOLE;
    form_e_by_db_mc_and_vc: "form=E handler=quiet", ALL_BUT_NMI, SAMPLE;
    perf_by_nmi_and_vc: "form=E handler=perf", NMI_AND_COMMUNICATION, SAMPLE;
    perf_by_nmi: "form=E handler=perf", NMI, SAMPLE;
    perf_by_db_and_mc: "form=E handler=perf", DEBUG_AND_MACHINE_CHECK, SAMPLE;
    pending_flush_by_nmi: "form=E handler=pending-flush", NMI, SAMPLE;
    pending_flush_by_db_and_mc: "form=E handler=pending-flush", DEBUG_AND_MACHINE_CHECK, SAMPLE;
    pending_flush_by_all_three: "form=E handler=pending-flush", &THREE, SAMPLE;
}

/// Each address that a double fault has left behind makes states of its own.
#[test]
fn form_e_by_df() {
    let report = check("form=E handler=quiet", &[Vector::DoubleFault], SAMPLE);
    assert_eq!(weighed(&report), [0, 7023, 417_947]);
}

/// It holds for every schedule, and schedules that are played go as the summaries say.
pub(crate) fn check(text: &str, vectors: &[Vector], usual: Usual) -> Report {
    let extent = Extent::asked_for();
    println!("{text} {vectors:?}, seed {}", extent.seed);
    let explorer = searched(any_depth(config(text), vectors));
    let report = explorer.report();
    assert_eq!(verdict(&report), ("holds", Reach::Any, 0));
    let check = Check { explorer, vectors, extent, usual };
    let steps = check.steps();
    let singles = check.singles(steps);
    if check.plays_all_singles() {
        assert_eq!(u64::from(singles.strikes), report.counts.schedules, "each single exception was played");
    }
    let begun = Instant::now();
    let (pairs, boundaries) = check.nested_pairs(steps, begun);
    let random = check.random(steps, begun);
    // An NMI blocks NMIs, and assumptions keep #VC out of #VC and #DF out of #DF.
    let nests = !matches!(vectors, [Vector::Nmi | Vector::VmmCommunication | Vector::DoubleFault]);
    assert_eq!((pairs.deepest > 1, random.deepest > 1), (nests, nests), "{pairs:?} {random:?}");
    println!(
        "{text} {vectors:?}: {} single exceptions, {} strikes in nested pairs at {boundaries} of {steps} boundaries, {} strikes of random \
         schedules from seed {}: as the summaries say",
        singles.strikes, pairs.strikes, random.strikes, extent.seed
    );
    report
}

/// What was played.
#[derive(Debug, Default)]
struct Sum {
    strikes: u32,
    deepest: u32,
}

impl Sum {
    #[track_caller]
    fn add(&mut self, played: &Played) {
        assert_eq!(played.wrong, None, "{played:?}");
        self.strikes += played.strikes;
        self.deepest = self.deepest.max(played.deepest);
    }
}

/// How much is played in an ordinary test.
#[derive(Clone, Copy)]
pub(crate) struct Usual {
    /// Single exceptions strike at one boundary in so many.
    singles: u32,
    /// Boundaries at which the first of two exceptions strikes.
    boundaries: u32,
    /// Random schedules.
    schedules: u32,
}

/// The merged form with the quiet handler.
const WHOLE: Usual = Usual { singles: 1, boundaries: 24, schedules: 2_000 };
/// Systems that differ from it in one thing.
pub(crate) const SAMPLE: Usual = Usual { singles: 11, boundaries: 4, schedules: 60 };

/// Exceptions of random schedules that end the play of a system.
const ENOUGH: u32 = 1_000_000;

/// Of the boundaries inside a handler one in so many is struck, in an ordinary test.
const INSIDE: u32 = 7;

struct Check<'a> {
    explorer: Explorer,
    vectors: &'a [Vector],
    extent: Extent,
    usual: Usual,
}

impl Check<'_> {
    fn play(&self, choose: impl FnMut(u32, usize) -> Option<Vector>) -> Played {
        self.explorer.play(0, choose).expect("the search is through and nothing breaks")
    }

    fn plays_all_singles(&self) -> bool {
        self.extent.time.is_some() || self.usual.singles == 1
    }

    /// The boundaries of the run in which nothing strikes.
    fn steps(&self) -> u32 {
        let mut steps = 0;
        self.play(|step, _| {
            steps = step + 1;
            None
        });
        steps
    }

    /// Single exceptions.
    fn singles(&self, steps: u32) -> Sum {
        let every = if self.plays_all_singles() { 1 } else { self.usual.singles };
        let mut sum = Sum::default();
        for step in (0..steps).step_by(every as usize) {
            for &vector in self.vectors {
                sum.add(&self.play(|at, inside| (at == step && inside == 0).then_some(vector)));
            }
        }
        sum
    }

    /// Two exceptions, the second inside the handler of the first: how many boundaries the first struck.
    fn nested_pairs(&self, steps: u32, begun: Instant) -> (Sum, u32) {
        let (extent, mut sum, mut boundaries) = (self.extent.shared_by(2), Sum::default(), 0);
        for first in extent.scattered(steps) {
            if !extent.goes_on(begun, boundaries, self.usual.boundaries) {
                break;
            }
            for &outer in self.vectors {
                self.inside(first, outer, boundaries % INSIDE, &mut sum);
            }
            boundaries += 1;
        }
        (sum, boundaries)
    }

    /// What may strike inside a handler, at one of its boundaries after the other.
    fn inside(&self, first: u32, outer: Vector, start: u32, sum: &mut Sum) {
        let (start, by) = if self.extent.time.is_some() { (0, 1) } else { (start, INSIDE as usize) };
        for after in (start..).step_by(by) {
            let mut is_inside = false;
            for &inner in self.vectors {
                let played = self.play(|step, inside| match inside {
                    0 if step == first => Some(outer),
                    1 if step == first + 1 + after => {
                        is_inside = true;
                        Some(inner)
                    }
                    _ => None,
                });
                sum.add(&played);
            }
            if !is_inside {
                return;
            }
        }
    }

    /// Schedules up to six deep, of up to sixteen exceptions.
    fn random(&self, steps: u32, begun: Instant) -> Sum {
        let mut random = Random(self.extent.seed);
        let (mut sum, mut schedules) = (Sum::default(), 0);
        while sum.strikes < ENOUGH && self.extent.goes_on(begun, schedules, self.usual.schedules) {
            let rate = [20, 60, 150, 400][random.below(4) as usize];
            let (most, first) = (1 + random.below(16), random.below(steps.into()) as u32);
            let mut asked = 0;
            let played = self.play(|step, inside| {
                let begins = asked == 0 && step >= first;
                let goes_on = asked != 0 && asked < most && inside < 6 && random.below(rate) == 0;
                let strikes = begins || goes_on;
                asked += u64::from(strikes);
                strikes.then(|| random.pick(self.vectors))
            });
            sum.add(&played);
            schedules += 1;
        }
        sum
    }
}
