#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub use cr3_asm as asm;
pub use cr3_machine as machine;

pub mod benchmark;
pub mod beside;
pub mod choice;
pub mod claims;
pub mod compare;
pub mod cost;
pub mod counters;
#[cfg(feature = "search")]
pub mod explore;
pub mod geometry;
pub mod judge;
pub mod linux;
pub mod lookup;
#[cfg(feature = "search")]
pub mod mutants;
pub mod promises;
pub mod query;
pub mod run;
pub mod scenario;
pub mod trace;
pub mod trust;
