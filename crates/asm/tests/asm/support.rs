//! What tests of the assembler share.

use std::path::PathBuf;

use cr3_asm::{Diagnostic, Image, Options, Severity, Source, assemble};

/// The repository's folder of test data for the assembler.
pub(crate) fn testdata() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/asm")
}

/// Assembles one text.
pub(crate) fn assembled(text: &str, options: &Options) -> (Image, Vec<Diagnostic>) {
    let source = Source { name: "test.S".into(), text: text.into() };
    let (image, diagnostics) = assemble(&[source], options);
    check_told(&diagnostics);
    (image, diagnostics)
}

/// Every error says what mends it, and errors are in the order of the text; the one that ends a long list is last.
pub(crate) fn check_told(diagnostics: &[Diagnostic]) {
    let bare = diagnostics.iter().find(|told| told.severity == Severity::Error && told.hint.is_none());
    assert_eq!(bare, None, "an error without a hint");
    let errors = diagnostics.iter().filter(|told| told.severity == Severity::Error).count();
    let in_order = &diagnostics[..diagnostics.len() - usize::from(errors > 100)];
    assert!(in_order.is_sorted_by_key(|told| (told.position.source, told.position.line)), "{diagnostics:#?}");
}

/// The messages of the errors.
pub(crate) fn errors(diagnostics: &[Diagnostic]) -> Vec<String> {
    let errors = diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error);
    errors.map(|error| format!("{}:{}: {}", error.position.line, error.position.column, error.message)).collect()
}
