//! All paging structures that a root leads to (SDM vol. 3A 4.2).

use cr3_core::machine::bits::entry;
use cr3_core::machine::{Memory, paging};
use std::collections::BTreeSet;

/// Every paging structure that the one at `root` leads to, including itself.
pub fn structures(root: paging::Start, memory: &Memory) -> BTreeSet<u64> {
    let mut found = BTreeSet::from([root.table]);
    let mut level = vec![root.table];
    for _ in 1..root.level.number() {
        let tables: BTreeSet<u64> = level.iter().flat_map(|table| named_tables(*table, memory)).collect();
        level = tables.difference(&found).copied().collect();
        found.extend(&level);
    }
    found
}

/// The tables that the entries of `table` name; `table` is not of the last level.
fn named_tables(table: u64, memory: &Memory) -> Vec<u64> {
    let entries = (table..table + 0x1000).step_by(8).map(|physical| memory.read_u64(physical));
    let names = entries.filter(|value| value & entry::PRESENT != 0 && value & entry::LARGE == 0);
    names.map(|value| value & entry::ADDRESS).collect()
}
