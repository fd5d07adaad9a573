//! The assembler against GNU `as`, its diagnostics, and what it does with hostile text.

#[path = "../common/cases.rs"]
mod cases;
mod diagnostics;
mod files;
mod gas;
mod generate;
mod hostile;
mod instructions;
mod linux;
mod random;
#[path = "../common/random.rs"]
mod random_numbers;
#[path = "../common/told.rs"]
mod told;
