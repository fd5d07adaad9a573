//! The assembler against GNU `as`, its diagnostics, and what it does with hostile text.

mod diagnostics;
mod files;
mod gas;
mod hostile;
mod instructions;
mod linux;
