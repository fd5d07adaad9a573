//! The numbers that docs/TRUST.md tells of a comparison.

use cr3_unicorn::checker::Tally;

const DOCUMENT: &str = include_str!("../../../../docs/TRUST.md");

/// Asserts that the document's row `name` has `count` cases, and the steps, faults and deliveries of `tally`.
pub(crate) fn check(name: &str, count: u64, tally: &Tally) {
    let counted = [count, tally.compared, tally.exceptions, tally.delivered_by_both];
    let start = format!("| {name} |");
    let row = DOCUMENT.lines().find_map(|line| line.strip_prefix(&start));
    let cells = row.unwrap_or_else(|| panic!("docs/TRUST.md has no row {name}")).split('|');
    let numbers = cells.filter_map(|cell| cell.split_whitespace().next()?.replace(',', "").parse::<u64>().ok());
    assert_eq!(numbers.collect::<Vec<_>>(), counted, "docs/TRUST.md tells otherwise of: {name}");
}
