//! What tests and benches of `cr3-unicorn` share. Only tests and benches depend on this crate.
//!
//! [`fuzz`] draws single random instructions in random states. [`own::Own`] is our machine as a second CPU.
//! [`scenario`] runs the Linux image on both in one call.

pub mod fuzz;
pub mod own;
pub mod scenario;

/// The example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
