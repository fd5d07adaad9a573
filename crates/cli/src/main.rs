//! `cr3play`: the playground in a terminal.
fn main() {}
