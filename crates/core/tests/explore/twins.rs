//! Plain search and search with cut-off come to the same.

use crate::support::{Extent, FIVE, THREE, config, excluded, explore, query, two_deep};
use cr3_core::counters::Counter;
use cr3_core::explore::{Counts, Method, Query, Report, follows_instructions};
use cr3_core::scenario::Vector;
use std::time::Instant;

/// A counter, its sum, and the most that one schedule counts.
type Cost = (Counter, u64, Option<u64>);

/// What does not depend on the way of searching.
fn result(report: &Report) -> (Counts, Vec<String>, Vec<Cost>) {
    let violations = report.violations.iter();
    let violations = violations
        .map(|violation| format!("{} {} {}", violation.broken.invariant(), violation.steps, violation.schedule));
    let settings = report.settings.iter().flat_map(|setting| {
        let counters = Counter::ALL.iter().filter(|counter| follows_instructions(**counter));
        counters.map(|&counter| {
            let worst = setting.costs.worst(counter).map(|(most, ..)| most);
            (counter, setting.costs.total[counter], worst)
        })
    });
    (report.counts, violations.collect(), settings.collect())
}

#[track_caller]
fn check(query: Query) -> (Report, Report) {
    let cut = explore(Query { method: Method::CutOff, ..query.clone() });
    let plain = explore(Query { method: Method::Plain, ..query });
    assert_eq!((cut.verdict, cut.depth), (plain.verdict, plain.depth));
    assert_eq!(result(&cut), result(&plain));
    assert_eq!(excluded(&cut), excluded(&plain));
    assert_eq!(plain.work.cut, 0);
    (cut, plain)
}

#[test]
fn single_exceptions_come_to_the_same() {
    // A flush that is requested makes a difference until the next exit, and a poke one that stays.
    for (text, least) in [
        ("form=E handler=quiet", 4000),
        ("form=A handler=perf", 3900),
        ("form=never handler=quiet", 3000),
        ("form=B2 features=pti,pcid handler=pending-flush", 0),
        ("form=E handler=kgdb-poke", 0),
    ] {
        let (cut, plain) = check(query(vec![config(text)]));
        assert_eq!(cut.work.runs, plain.work.runs, "{text}");
        assert!(cut.work.cut >= least, "{text}: {:?}", cut.work);
    }
}

/// Two exceptions of three vectors. The first strikes at one boundary.
#[track_caller]
fn check_two(text: &str, boundary: u32) {
    check_two_of(text, &THREE, boundary);
}

/// Two exceptions. The first strikes at one boundary.
#[track_caller]
fn check_two_of(text: &str, vectors: &[Vector], boundary: u32) {
    let (cut, plain) = check(Query { vectors: vectors.to_vec(), ..two_deep(config(text), boundary, 2000) });
    assert_eq!(cut.depth, 2, "{text}");
    assert!(cut.work.runs < plain.work.runs, "{text}: {:?} {:?}", cut.work, plain.work);
    assert!(cut.counts.schedules > 1000 * vectors.len() as u64, "{text}: {:?}", cut.counts);
}

#[test]
fn two_exceptions_come_to_the_same_with_vc() {
    const NMI_AND_COMMUNICATION: &[Vector] = &[Vector::Nmi, Vector::VmmCommunication];
    check_two_of("form=E handler=quiet", &[Vector::VmmCommunication], 379);
    check_two_of("form=E handler=quiet", NMI_AND_COMMUNICATION, 379);
    check_two_of("form=A handler=perf", &FIVE, 800);
}

#[test]
fn two_exceptions_come_to_the_same_in_the_kernel() {
    check_two("form=E handler=quiet", 379);
}

#[test]
fn two_exceptions_come_to_the_same_where_a_flush_is_requested() {
    check_two("form=E features=pti,pcid,fsgsbase,nx handler=pending-flush", 1000);
}

#[test]
fn two_exceptions_come_to_the_same_where_exceptions_leave_marks() {
    check_two("form=A handler=perf", 800);
}

/// Interrupts strike at few boundaries, so that all pairs of them can be run to their end.
#[test]
fn all_pairs_of_interrupts_come_to_the_same() {
    let (cut, plain) =
        check(Query { vectors: vec![Vector::Interrupt], depth: 2, ..query(vec![config("form=E handler=quiet")]) });
    assert_eq!(cut.depth, 2);
    assert!(cut.work.runs < plain.work.runs, "{:?} {:?}", cut.work, plain.work);
}

/// Shares of all pairs of NMIs: a thousandth of them, or as many as there is time for.
const SHARES: u32 = 1000;

#[test]
fn shares_of_all_pairs_come_to_the_same() {
    let extent = Extent::asked_for();
    let (begun, mut shares, mut schedules) = (Instant::now(), 0, 0);
    for index in extent.scattered(SHARES) {
        if !extent.goes_on(begun, shares, 1) {
            break;
        }
        let (cut, _) =
            check(Query { vectors: vec![Vector::Nmi], ..two_deep(config("form=E handler=quiet"), index, SHARES) });
        assert_eq!(cut.depth, 2, "seed {}", extent.seed);
        shares += 1;
        schedules += cut.depths[1].schedules;
    }
    println!("{schedules} pairs of NMIs, {shares} of {SHARES} shares from seed {}: the same both ways", extent.seed);
}
