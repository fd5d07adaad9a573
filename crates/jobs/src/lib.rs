#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod found;
mod queue;
mod search;
mod study;
mod trees;

pub use queue::Jobs;
pub use trees::{Trees, receive};
