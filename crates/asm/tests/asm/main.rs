//! The assembler against GNU `as`, its diagnostics, and what it does with hostile text.

mod configuration;
mod diagnostics;
mod files;
mod generate;
mod hostile;
mod includes;
mod instructions;
mod random;
mod sections;
mod support;
mod unmodelled;
