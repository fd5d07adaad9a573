//! What tests of several crates share. Nothing but tests depends on this crate.

#[cfg(feature = "proptest")]
mod cases;
pub mod gas;
mod random;
pub mod source;
mod trust;

#[cfg(feature = "proptest")]
pub use cases::cases;
pub use random::Random;
pub use trust::numbers;

/// The example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
