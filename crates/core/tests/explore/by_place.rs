//! The outcomes of single exceptions by instruction, and what is known of a depth before it is complete.

use crate::support::{FIVE, config, custom, explore, query, two_deep};
use cr3_core::explore::{Counts, Explorer, Method, Progress, Query, Shorter, Verdict};
use cr3_core::linux::{Config, boot};
use cr3_core::scenario::{Places, Vector};

/// The instructions are those of the image, each once; what was counted at them sums up to what was counted at all.
#[track_caller]
fn check(config: Config, vectors: &[Vector]) {
    let query = Query { vectors: vectors.to_vec(), ..query(vec![config.clone()]) };
    let report = explore(query.clone());
    let system = boot(&config).expect("it assembles");
    let places = Places::new(&system.image);
    let by_place = &report.settings[0].by_place;
    assert!(by_place.is_sorted_by(|one, next| one.address < next.address));
    assert!(by_place.iter().all(|at| places.at(at.address).is_some()));
    assert!(by_place.iter().all(|at| (at.counts.refused != 0) == at.refusal.is_some()));
    let mut sum = Counts::default();
    by_place.iter().for_each(|at| sum += at.counts);
    assert_eq!(sum, report.counts);
    for violation in report.violations {
        let place = &violation.schedule.injections[0].place;
        let address = places.site(places.resolve(place).expect("a place")).address;
        let at = by_place.iter().find(|at| at.address == address).expect("it was looked at");
        assert_ne!(at.counts.broken(violation.broken.promise()), 0, "{}", violation.schedule);
    }
    assert_eq!(explore(Query { method: Method::Plain, ..query }).settings[0].by_place, *by_place);
}

#[test]
fn counts_by_instruction_sum_up_to_all_counts() {
    check(config("form=E"), &FIVE);
    check(config("form=never handler=pending-flush features=pti,pcid"), &FIVE);
    check(config("form=A"), &[Vector::Interrupt]);
    check(custom("clobbers"), &FIVE);
}

#[test]
fn a_deeper_search_keeps_the_counts_by_instruction() {
    let by_place = |query| explore(query).settings[0].by_place.clone();
    assert_eq!(by_place(two_deep(config(""), 379, 2000)), by_place(query(vec![config("")])));
}

#[test]
fn a_counterexample_is_told_before_its_depth_is_complete() {
    let mut explorer = Explorer::new(two_deep(custom("reentrant"), 384, 2000)).expect("it assembles");
    while explorer.strikes() == 1 || explorer.begun().broken == 0 {
        assert_eq!(explorer.work(1000), Progress::More);
    }
    let (begun, early) = (explorer.begun(), explorer.report());
    assert_eq!((early.verdict, early.depth), (Verdict::Breaks, 1));
    assert!(
        early.violations.iter().all(|violation| violation.depth() == 2 && violation.shorter == Shorter::OnlyInSteps)
    );
    assert!(begun.counts.breaking > 0 && begun.counts.schedules >= begun.counts.breaking);
    while explorer.work(100_000) == Progress::More {}
    let whole = explorer.report();
    assert_eq!((whole.verdict, whole.depth), (Verdict::Breaks, 2));
    assert!(whole.counts.breaking >= begun.counts.breaking);
    assert_eq!(explorer.begun(), Default::default());
}
