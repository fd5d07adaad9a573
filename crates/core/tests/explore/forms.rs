//! Every single exception, in the standard set.

use crate::support::{FIVE, config, explore, query, told};
use cr3_core::counters::Counter;
use cr3_core::explore::{Assumptions, Query, Report, Verdict, standard_features, standard_handlers};
use cr3_core::linux::{Config, Form};
use expect_test::expect;

/// Every single exception, in each of the eighteen systems.
fn standard(form: Form) -> Report {
    let handlers = standard_handlers(Assumptions::default());
    let systems = standard_features().into_iter().flat_map(|features| {
        handlers.iter().map(move |&handler| Config { form, features, handler, ..Config::default() })
    });
    let report = explore(query(systems.collect()));
    assert_eq!(report.settings.len(), 18);
    report
}

fn total(report: &Report, counter: Counter) -> u64 {
    report.settings.iter().map(|setting| setting.costs.total[counter]).sum()
}

#[test]
fn the_merged_form_holds_in_the_whole_standard_set() {
    let report = standard(Form::E);
    assert_eq!((report.verdict, report.depth), (Verdict::Holds, 1));
    for setting in &report.settings {
        assert!(!setting.is_empty(), "{:?}", setting.config);
        assert_eq!(setting.counts.on_user_tables == 0, !setting.config.features.pti, "{:?}", setting.config);
    }
}

#[test]
fn forms_that_restore_hold() {
    for form in [Form::A, Form::C] {
        let report = standard(form);
        assert_eq!(told(&report), "holds at depth 1\n", "{form}");
        assert_eq!(total(&report, Counter::LeftoverFlushes), 0, "{form}");
    }
}

#[test]
fn form_b2_holds_and_its_leftover_requests_are_counted() {
    let report = standard(Form::B2);
    assert_eq!(told(&report), "holds at depth 1\n");
    assert!(total(&report, Counter::LeftoverFlushes) > 100, "{}", total(&report, Counter::LeftoverFlushes));
}

#[test]
fn never_breaks_with_one_exception() {
    expect![[r#"
        breaks at depth 1
          restored: entry_SYSCALL_64:db, minimal
          user-cr3: sysret_exit_switch_cr3+15:db, minimal
    "#]]
    .assert_eq(&told(&standard(Form::Never)));
}

#[test]
fn five_vectors_hold_too() {
    for text in ["handler=quiet", "handler=perf"] {
        let report = explore(Query { vectors: FIVE.to_vec(), ..query(vec![config(text)]) });
        assert_eq!(told(&report), "holds at depth 1\n", "{text}");
        assert_eq!(crate::support::excluded(&report), [("vc-gap", 49)], "{text}");
    }
}

#[test]
fn only_form_a_writes_cr3_when_it_holds_what_it_is_to_hold() {
    let redundant = |form| total(&standard(form), Counter::RedundantCr3Writes);
    assert!(redundant(Form::A) > 1000);
    assert_eq!([Form::C, Form::E].map(redundant), [0, 0]);
}
