#![doc = include_str!("../README.md")]

mod module;
mod parts;
mod watch;

pub use module::{Malformed, Module};
pub use parts::{Parts, split};
pub use watch::{called, watched};
