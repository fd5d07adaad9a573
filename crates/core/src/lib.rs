//! A small, exact x86-64 with a PCID-tagged TLB, the Linux page-table-isolation entry code that runs on it,
//! and the tools to inject exceptions into that code and compare what happens.
//!
//! Invariant: this crate knows no browser, no files, no clock, no randomness, no threads. A run is a function of
//! its [`scenario::Scenario`] alone.
//!
//! `allow(missing_docs)` stands only on registers and exceptions, whose names are the manual's and say all.

#![forbid(unsafe_code)]

pub use cr3_asm as asm;
pub use cr3_machine as machine;

pub mod benchmark;
pub mod compare;
pub mod cost;
pub mod counters;
pub mod explore;
pub mod linux;
pub mod promises;
pub mod run;
pub mod scenario;
pub mod trace;
pub mod trust;
