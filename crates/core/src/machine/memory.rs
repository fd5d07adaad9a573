//! Sparse physical memory with copy-on-write pages: a clone shares everything.

/// Physical memory. Addresses that no page backs read as zero and swallow writes only where `write` says so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {}
