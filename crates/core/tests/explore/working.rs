//! How a search is carried out: in slices, in tasks, within a budget; and when it says nothing.

use crate::support::{THREE, config, explore, query, told, two_deep};
use cr3_core::explore::{Explorer, Progress, Query, Report, Verdict};
use cr3_core::scenario::Vector;

fn told_in_full(report: &Report) -> String {
    format!("{report:?}")
}

#[test]
fn slices_and_tasks_come_to_the_same() {
    let query = two_deep(config("form=never handler=quiet"), 100, 2000);
    let whole = told_in_full(&explore(query.clone()));
    let mut sliced = Explorer::new(query.clone()).expect("it assembles");
    let mut slices = 0;
    while sliced.work(997) == Progress::More {
        slices += 1;
        assert!(sliced.done() <= 1000);
    }
    assert!(slices > 100, "{slices}");
    assert_eq!(told_in_full(&sliced.report()), whole);
    let mut tasks = Explorer::new(query).expect("it assembles");
    while !tasks.tasks().is_empty() {
        let done = tasks.tasks().into_iter().filter_map(|task| task.run(|| true)).collect();
        tasks.absorb(done);
    }
    assert_eq!(told_in_full(&tasks.report()), whole);
}

/// A depth needs to know the outcomes of all schedules of fewer exceptions, so only the last one is shared out.
#[test]
fn only_the_last_depth_is_shared_out() {
    let tasks_of_two = |depth| {
        let mut explorer = Explorer::new(Query { depth, ..two_deep(config(""), 379, 2000) }).expect("it assembles");
        let first: Vec<_> = explorer.tasks().into_iter().filter_map(|task| task.run(|| true)).collect();
        assert_eq!(first.len(), 1);
        explorer.absorb(first);
        explorer.tasks().len()
    };
    assert_eq!([2, 3].map(tasks_of_two), [1, 16]);
}

#[test]
fn a_cancelled_search_says_what_it_covered() {
    let mut explorer = Explorer::new(two_deep(config("handler=quiet"), 379, 2000)).expect("it assembles");
    let first = explorer.tasks().into_iter().filter_map(|task| task.run(|| true)).collect();
    explorer.absorb(first);
    assert_eq!(explorer.strikes(), 2);
    let none: Vec<_> = explorer.tasks().into_iter().filter_map(|task| task.run(|| false)).collect();
    explorer.absorb(none);
    assert_eq!(told(&explorer.report()), "not-finished at depth 1\n");
    assert!(explorer.tasks().is_empty());
}

#[test]
fn a_budget_ends_a_search() {
    let limited = |max_runs| told(&explore(Query { max_runs: Some(max_runs), ..query(vec![config("handler=quiet")]) }));
    assert_eq!(limited(100), "not-finished at depth 0\n");
    assert_eq!(limited(1_000_000), "holds at depth 1\n");
}

#[test]
fn a_search_in_which_nothing_strikes_where_it_matters_is_empty() {
    let empty = |text: &str, vectors: &[Vector]| {
        let report = explore(Query { vectors: vectors.to_vec(), ..query(vec![config(text)]) });
        (report.verdict, report.counts.schedules == 0)
    };
    // #VC does not exist without SEV-ES; interrupts wait where entry code runs on the user's tables.
    assert_eq!(empty("features=pti,pcid,no-sev-es", &[Vector::VmmCommunication]), (Verdict::Empty, true));
    assert_eq!(empty("", &[Vector::Interrupt]), (Verdict::Empty, false));
    assert_eq!(empty("features=none", &[Vector::Interrupt]), (Verdict::Holds, false));
    assert_eq!(empty("", &THREE), (Verdict::Holds, false));
}
