//! An unbounded store of translations: only an invalidation removes an entry.

use super::{Entry, PageSize};

/// Entries sorted by page, then size, then PCID; at most one for each of these.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sorted {
    entries: Vec<Entry>,
}

pub(super) type Key = (u64, PageSize, u16);

pub(super) fn key(entry: &Entry) -> Key {
    (entry.linear, entry.size, entry.pcid)
}

impl Sorted {
    /// Entries of any PCID whose page holds `linear`, small pages first.
    pub(super) fn covering(&self, linear: u64) -> impl Iterator<Item = &Entry> {
        PageSize::ALL.into_iter().flat_map(move |size| {
            let page = linear & !size.offset_mask();
            let first = self.entries.partition_point(|entry| key(entry) < (page, size, 0));
            self.entries.iter().skip(first).take_while(move |entry| (entry.linear, entry.size) == (page, size))
        })
    }

    /// Adds `entry`, replacing one with the same page, size and PCID.
    pub(super) fn insert(&mut self, entry: Entry) {
        match self.entries.binary_search_by_key(&key(&entry), key) {
            Ok(index) => self.entries[index] = entry,
            Err(index) => self.entries.insert(index, entry),
        }
    }

    pub(super) fn retain(&mut self, keep: impl FnMut(&Entry) -> bool) {
        self.entries.retain(keep);
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }
}
