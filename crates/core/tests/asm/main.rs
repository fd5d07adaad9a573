//! The assembler against GNU `as`, its diagnostics, and what it does with hostile text.

mod files;
mod gas;
mod instructions;
