#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod found;
mod queue;
mod search;
mod study;

pub use queue::Jobs;
