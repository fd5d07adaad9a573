//! Single random instructions on both processors.

pub mod image;
pub mod random;
