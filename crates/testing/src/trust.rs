//! The numbers in docs/TRUST.md.

const DOCUMENT: &str = include_str!("../../../docs/TRUST.md");

/// The numbers in the row of the document's tables that begins with `name`.
pub fn numbers(name: &str) -> Vec<u64> {
    let start = format!("| {name} |");
    let row = DOCUMENT.lines().find_map(|line| line.strip_prefix(&start));
    let cells = row.unwrap_or_else(|| panic!("docs/TRUST.md has no row {name}")).split('|');
    cells.filter_map(|cell| cell.split_whitespace().next()?.replace(',', "").parse().ok()).collect()
}
