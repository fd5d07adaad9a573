//! The playground in a browser.
fn main() {}
