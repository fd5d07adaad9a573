//! The numbers of a comparison in docs/TRUST.md.

use cr3_unicorn::checker::Tally;

/// Asserts that the document's row `name` has `count` cases, and the steps, faults and deliveries of `tally`.
pub(crate) fn check(name: &str, count: u64, tally: &Tally) {
    let counted = [count, tally.compared, tally.exceptions, tally.delivered_by_both];
    assert_eq!(cr3_testing::numbers(name), counted, "docs/TRUST.md has other numbers for: {name}");
}
