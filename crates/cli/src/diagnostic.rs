//! Diagnostics of the assembler, as text.

use crate::outcome::WrongUse;
use cr3_core::asm::{Diagnostic, Severity};
use std::fmt::Write;

/// One diagnostic as compilers print them: `file:line:column: error: message`.
pub(crate) fn text(diagnostic: &Diagnostic) -> String {
    let Diagnostic { position, source, message, hint, expansion, .. } = diagnostic;
    let severity = severity(diagnostic.severity);
    let place = match position.line {
        0 => source.clone(),
        line => format!("{source}:{line}:{}", position.column),
    };
    let mut text = match place.as_str() {
        "" => format!("{severity}: {message}\n"),
        _ => format!("{place}: {severity}: {message}\n"),
    };
    for (name, call) in expansion.iter().rev() {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  in macro {name}, called in line {}", call.line);
    }
    if let Some(hint) = hint {
        let _ = writeln!(text, "  {hint}");
    }
    text
}

pub(crate) fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

/// A macro that does not assemble, as wrong use of `--macro`.
pub(crate) fn refused(diagnostics: &[Diagnostic]) -> WrongUse {
    let text: String = diagnostics.iter().map(text).collect();
    WrongUse::new("the text does not assemble", text.trim_end())
}
