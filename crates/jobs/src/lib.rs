#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod found;
mod queue;
mod search;
mod study;
mod workshop;

pub use found::goes_beyond;
pub use queue::Jobs;
pub use workshop::{Workshop, receive};
