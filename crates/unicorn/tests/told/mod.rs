//! The numbers that docs/TRUST.md tells of a comparison.

use cr3_unicorn::checker::Tally;

/// Asserts that the document's row `name` has `count` cases, and the steps, faults and deliveries of `tally`.
pub(crate) fn check(name: &str, count: u64, tally: &Tally) {
    let counted = [count, tally.compared, tally.exceptions, tally.delivered_by_both];
    assert_eq!(cr3_testing::numbers(name), counted, "docs/TRUST.md tells otherwise of: {name}");
}
