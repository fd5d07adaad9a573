//! What tests and benches of `cr3-unicorn` share. Nothing but tests and benches depends on this crate.
//!
//! [`fuzz`] draws single random instructions in random states, [`own::Own`] is our machine as a second CPU, [`scenario`] has whole
//! runs of the Linux image in one call.

pub mod fuzz;
pub mod own;
pub mod scenario;
