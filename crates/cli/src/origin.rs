//! Positions in texts.

use cr3_core::asm::{Diagnostic, Line, Position, Source};
use serde::Serialize;

/// A position in a source, with the macro calls that led there.
#[derive(Serialize)]
pub(crate) struct Origin {
    source: String,
    line: u32,
    column: u32,
    /// Outermost first.
    expansion: Vec<Call>,
}

#[derive(Serialize)]
struct Call {
    r#macro: String,
    source: String,
    line: u32,
}

impl Origin {
    pub(crate) fn of_line(line: &Line, sources: &[Source]) -> Self {
        let name = |source: usize| sources.get(source).map_or_else(String::new, |source| source.name.clone());
        let call = |(name_of_macro, at): &(String, Position)| Call {
            r#macro: name_of_macro.clone(),
            source: name(at.source),
            line: at.line,
        };
        Self {
            source: name(line.position.source),
            line: line.position.line,
            column: line.position.column,
            expansion: line.expansion.iter().map(call).collect(),
        }
    }

    pub(crate) fn of_diagnostic(diagnostic: &Diagnostic, sources: &[Source]) -> Self {
        let line = Line {
            address: 0,
            length: 0,
            instruction: false,
            position: diagnostic.position,
            text: String::new(),
            expansion: diagnostic.expansion.clone(),
        };
        Self { source: diagnostic.source.clone(), ..Self::of_line(&line, sources) }
    }
}
