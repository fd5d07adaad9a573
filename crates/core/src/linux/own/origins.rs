//! Where each line of the assembled texts comes from, so that what is said of it is said where a person looks.

use super::super::GivenLine;
use super::{CUSTOM, Diagnostic, FORM_INDEX, Position};
use std::sync::Arc;

/// Where a line comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// A line of the person's text, and characters that stand before the code in it.
    Given { line: u32, shift: u32 },
    /// A line of the text with this name, built in or of a tree, as it stands there.
    Kept { name: Arc<str>, line: u32 },
}

/// The origin of each line of those texts that a person's text changed, by index. There are few, so a list serves.
#[derive(Debug, Default)]
pub(crate) struct Origins(Vec<(usize, Vec<Origin>)>);

impl Origins {
    /// Those of a text with this index that a person gave: line and characters before it.
    pub(super) fn of_text(source: usize, lines: impl Iterator<Item = (u32, u32)>) -> Self {
        Self(vec![(source, lines.map(|(line, shift)| Origin::Given { line, shift }).collect())])
    }

    pub(super) fn insert(&mut self, source: usize, lines: Vec<Origin>) {
        self.0.push((source, lines));
    }

    pub(super) fn of(&self, at: Position) -> Option<Origin> {
        self.0.iter().find(|(source, _)| *source == at.source)?.1.get((at.line as usize).checked_sub(1)?).cloned()
    }

    /// The index after the last text that a person changed.
    pub(super) fn end(&self) -> usize {
        self.0.iter().map(|(source, _)| source + 1).max().unwrap_or(0)
    }

    /// The lines that a person gave.
    pub(crate) fn given_lines(&self) -> Vec<GivenLine> {
        let of_text = |(source, lines): &(usize, Vec<Origin>)| {
            let numbered = (1..).zip(lines);
            let given = numbered.filter_map(|(line, origin)| match origin {
                Origin::Given { line: given, .. } => Some(GivenLine { source: *source, line, given: *given }),
                Origin::Kept { .. } => None,
            });
            given.collect::<Vec<_>>()
        };
        self.0.iter().flat_map(of_text).collect()
    }

    /// Whether a person gave the line.
    pub(super) fn is_given(&self, at: Position) -> bool {
        matches!(self.of(at), Some(Origin::Given { .. }))
    }

    /// The diagnostic with the places that a person knows.
    pub(crate) fn given(&self, told: Diagnostic) -> Diagnostic {
        let (position, name) = self.place(told.position);
        let source = name.as_deref().map_or(told.source, str::to_owned);
        let expansion = told.expansion.into_iter().map(|(called, at)| (called, self.place(at).0)).collect();
        Diagnostic { position, source, expansion, ..told }
    }

    /// The place that a person knows, and the name of its text.
    pub(super) fn place(&self, at: Position) -> (Position, Option<Arc<str>>) {
        match self.of(at) {
            Some(Origin::Given { line, shift }) => {
                (Position { source: FORM_INDEX, line, column: at.column + shift }, Some(CUSTOM.into()))
            }
            Some(Origin::Kept { name, line }) => (Position { line, ..at }, Some(name)),
            None => (at, None),
        }
    }
}
