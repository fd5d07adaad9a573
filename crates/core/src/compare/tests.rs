//! The alignment of runs, on steps made up for it. `tests/scenarios.rs` compares runs of real code.

use super::*;
use crate::linux::{Config, Form};
use crate::machine::bits::cr4;
use crate::scenario::Scenario;
use crate::trace::Options;
use proptest::prelude::*;

/// A step for each letter: small letters are plain instructions after one label, capitals are anchors.
fn keys(run: &str) -> Vec<Key> {
    let key = |c: char| Key {
        label: Some(0),
        mnemonic: Mnemonic::try_from(c as usize).unwrap_or_default(),
        event: None,
        anchor: c.is_uppercase().then_some(Anchor::Label),
    };
    run.chars().map(key).collect()
}

fn aligned(runs: &[&str]) -> Vec<Merged> {
    let runs = runs.iter().enumerate();
    runs.fold(Vec::new(), |rows, (run, steps)| merge(rows, run, &keys(steps)))
}

/// One line for each run, a dash where it has no step.
fn lines(runs: &[&str]) -> Vec<String> {
    let rows = aligned(runs);
    let cell = |run: usize, text: &str, row: &Merged| {
        let step = row.steps.iter().find(|(of, _)| *of == run)?.1;
        text.chars().nth(step as usize)
    };
    let line = |(run, text): (usize, &&str)| rows.iter().map(|row| cell(run, text, row).unwrap_or('-')).collect();
    runs.iter().enumerate().map(line).collect()
}

#[test]
fn steps_stand_beside_their_like() {
    let cases: [(&[&str], &[&str]); 8] = [
        (&["AbcD", "AbcD"], &["AbcD", "AbcD"]),
        (&["AbcWxD", "AbcxD"], &["AbcWxD", "Abc-xD"]),
        (&["AbxD", "AbcxD"], &["Ab-xD", "AbcxD"]),
        (&["AbD", "AcD"], &["Ab-D", "A-cD"]),
        // A step between two anchors is never matched with a step elsewhere.
        (&["AbBD", "ABbD"], &["AbB-D", "A-BbD"]),
        (&["", "AB"], &["--", "AB"]),
        (&["AbcWxD", "AbcxD", "AbcWxD"], &["AbcWxD", "Abc-xD", "AbcWxD"]),
        // Steps that the second and the third run share are in one row, though the first has no such step.
        (&["AD", "AbcD", "AcD"], &["A--D", "AbcD", "A-cD"]),
    ];
    for (runs, expected) in cases {
        assert_eq!(lines(runs), expected, "{runs:?}");
    }
}

#[test]
fn equal_keys_with_another_anchor_do_not_match() {
    let mut write = keys("a");
    write[0].anchor = Some(Anchor::Cr3Write);
    let rows = merge(merge(Vec::new(), 0, &keys("a")), 1, &write);
    assert_eq!(rows.len(), 2);
}

/// Anchors of the rows in which the macro writes CR4, with bits of it inverted and restored.
fn anchors_of_cr4_writes(inverted: u64) -> Vec<Option<Anchor>> {
    let text = format!(
        ".macro RESTORE_CR3 scratch_reg:req save_reg:req\n\tmovq %cr4, \\scratch_reg\n\
         \txorq ${inverted:#x}, \\scratch_reg\n\tmovq \\scratch_reg, %cr4\n\
         \txorq ${inverted:#x}, \\scratch_reg\n\tmovq \\scratch_reg, %cr4\n\tmovq \\save_reg, %cr3\n.endm\n"
    );
    let scenario = Scenario {
        config: Config { form: Form::Custom, custom: text.into(), ..Config::default() },
        schedule: "kernel_loop+1:nmi".parse().expect("a schedule"),
    };
    let trace = Trace::record(&scenario, Options::default()).unwrap_or_else(|told| panic!("{told:#?}"));
    let comparison = compare(&[&trace, &trace]);
    assert!(comparison.differences.is_empty());
    let writes_cr4 = |row: &&Row| {
        let line = row.steps[0].and_then(|step| trace.line(step as usize));
        line.is_some_and(|line| line.text.ends_with(", %cr4"))
    };
    comparison.rows.iter().filter(writes_cr4).map(|row| row.anchor).collect()
}

/// The kernel flushes everything this way if it has no INVPCID.
#[test]
fn a_flush_by_cr4_is_an_anchor() {
    assert_eq!(anchors_of_cr4_writes(cr4::PGE), [Some(Anchor::Flush); 2]);
    assert_eq!(anchors_of_cr4_writes(cr4::OSFXSR), [None; 2], "a write of CR4 that invalidates nothing");
}

#[test]
fn ranges_are_maximal() {
    let row = |differs| Row { steps: Vec::new(), anchor: None, differs };
    let rows: Vec<_> = [true, true, false, true, false].map(row).into();
    let comparison = Comparison { differences: ranges(&rows), rows, ..Comparison::default() };
    assert_eq!(comparison.differences, [0..2, 3..4]);
    assert_eq!(comparison.next_difference(0), Some(&(3..4)));
    assert_eq!(comparison.next_difference(3), None);
    assert_eq!(comparison.previous_difference(3), Some(&(0..2)));
    assert_eq!(comparison.previous_difference(1), None);
    assert_eq!(comparison.difference_at(1), Some(0));
    assert_eq!(comparison.difference_at(2), None);
}

proptest! {
    #[test]
    fn every_step_has_one_row_and_order_is_kept(runs in prop::collection::vec("[a-dABC]{0,30}", 1..5)) {
        let runs: Vec<&str> = runs.iter().map(String::as_str).collect();
        let rows = aligned(&runs);
        for (run, text) in runs.iter().enumerate() {
            let steps: Vec<u32> = rows.iter().flat_map(|row| &row.steps).filter(|(of, _)| *of == run).map(|(_, step)| *step).collect();
            prop_assert_eq!(steps, (0..text.len() as u32).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_run_beside_itself_has_no_gap(run in "[a-dABC]{0,60}", copies in 1..4usize) {
        let runs = vec![run.as_str(); copies];
        let rows = aligned(&runs);
        prop_assert_eq!(rows.len(), run.len());
        prop_assert!(rows.iter().all(|row| row.steps.len() == copies));
    }
}
