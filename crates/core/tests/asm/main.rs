//! The assembler against GNU `as`, its diagnostics, and what it does with hostile text.

#[path = "../common/cases.rs"]
mod cases;
mod diagnostics;
mod files;
mod gas;
mod hostile;
mod instructions;
mod linux;
