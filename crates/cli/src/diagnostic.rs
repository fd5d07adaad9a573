//! Diagnostics of the assembler, as text and as JSON.

use crate::origin::Origin;
use crate::outcome::WrongUse;
use crate::table::rewrap;
use cr3_core::asm::{Diagnostic, Severity, Source};
use cr3_core::linux::System;
use serde::Serialize;
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

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

/// Notes about a person's text that assembles. A line that is too long continues below.
pub(crate) fn notes(notes: &[Diagnostic]) -> String {
    notes.iter().map(|note| rewrap(&text(note))).collect()
}

/// One diagnostic in JSON.
#[derive(Serialize)]
pub(crate) struct Report {
    severity: &'static str,
    message: String,
    hint: Option<String>,
    #[serde(flatten)]
    origin: Origin,
}

impl Report {
    /// The notes of a person's own system; none without one.
    pub(crate) fn of_system(own: Option<&System>) -> Vec<Self> {
        own.map_or_else(Vec::new, |own| Self::all(&own.notes, &own.sources))
    }

    pub(crate) fn all(diagnostics: &[Diagnostic], sources: &[Source]) -> Vec<Self> {
        let report = |diagnostic: &Diagnostic| Self {
            severity: severity(diagnostic.severity),
            message: diagnostic.message.clone(),
            hint: diagnostic.hint.clone(),
            origin: Origin::of_diagnostic(diagnostic, sources),
        };
        diagnostics.iter().map(report).collect()
    }
}

/// A macro that does not assemble, as wrong use of `--macro`.
pub(crate) fn refused(diagnostics: &[Diagnostic]) -> WrongUse {
    let text: String = diagnostics.iter().map(text).collect();
    WrongUse::new("the text does not assemble", text.trim_end())
}
