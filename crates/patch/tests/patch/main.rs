//! What texts are taken for, where hunks are placed, and that no text does harm.

mod any_text;
mod placing;
mod recognising;

/// A file of testdata/patches.
fn file(name: &str) -> String {
    let path = format!("{}/../../testdata/patches/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}
