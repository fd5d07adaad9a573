//! A comparison as files for other programs: counters as JSON and CSV, the timeline as SVG, all of it as one HTML file
//! that opens from a disk and asks for nothing.

mod counters;
mod html;
mod markup;
mod timeline;

use crate::choice::Side;
use crate::library::Library;
use crate::state::{Settings, State};
use crate::{opening, report, words};
use std::rc::Rc;

/// Between the parts of a request: no text that a person writes has it.
const SEPARATOR: char = '\u{1f}';

/// What a comparison is saved as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Export {
    /// The report, for a mail.
    Report,
    /// Every counter of both runs, and how they went, as JSON.
    Json,
    /// Every counter of both runs as comma-separated values (RFC 4180).
    Csv,
    /// The timeline as a picture.
    Svg,
    /// The comparison as a page of its own.
    Html,
}

impl Export {
    /// All.
    pub const ALL: [Self; 5] = [Self::Report, Self::Json, Self::Csv, Self::Svg, Self::Html];

    /// Those for other programs, in the order in which they are offered.
    pub const FILES: [Self; 4] = [Self::Json, Self::Csv, Self::Svg, Self::Html];

    /// The name, which its file ends with.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Report => "txt",
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Svg => "svg",
            Self::Html => "html",
        }
    }

    /// What it is, in a few words.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Report => "Report",
            Self::Json => "Counters (JSON)",
            Self::Csv => "Counters (CSV)",
            Self::Svg => "Timeline (SVG)",
            Self::Html => "Comparison (HTML)",
        }
    }

    /// The media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Report => "text/plain",
            Self::Json => "application/json",
            Self::Csv => "text/csv",
            Self::Svg => "image/svg+xml",
            Self::Html => "text/html",
        }
    }

    /// The file of a state; `address` opens the state again, and `report` is its report.
    #[must_use]
    pub fn file(self, state: &State, address: &str, report: &str) -> String {
        match self {
            Self::Report => report.to_owned(),
            Self::Json => counters::json(state, address),
            Self::Csv => counters::csv(state),
            Self::Svg => timeline::svg(state),
            Self::Html => html::html(state, address, report),
        }
    }

    /// As the page asks a worker for a file of what is on display. The address says everything but which texts are not the present ones,
    /// and what the explorer has found.
    #[must_use]
    pub fn request(self, shown: &State, address: &str) -> String {
        let earlier = Side::BOTH.into_iter().filter(|side| shown.runs.is_of_earlier_text(*side));
        let earlier = earlier.map(words::side_key).collect::<Vec<_>>().join(",");
        let verdicts = report::verdicts(shown).join("\n");
        format!("{}{SEPARATOR}{earlier}{SEPARATOR}{address}{SEPARATOR}{verdicts}", self.name())
    }

    /// The file that a request asks for, with the trees that are here; none if it is no request.
    #[must_use]
    pub fn answer(request: &str, library: &Library) -> Option<String> {
        let mut parts = request.splitn(4, SEPARATOR);
        let name = parts.next()?;
        let export = Self::ALL.into_iter().find(|export| export.name() == name)?;
        let (earlier, address, verdicts) = (parts.next()?, parts.next()?, parts.next()?);
        let (_, link) = address.split_once('#')?;
        let mut state = opening::open(link, Settings::default(), library);
        // Nobody else has them yet.
        Rc::get_mut(&mut state.runs)?.say_earlier(earlier.split(',').filter_map(words::side_of));
        let verdicts: Vec<_> = verdicts.lines().map(str::to_owned).collect();
        Some(export.file(&state, address, &report::text_with(&state, address, &verdicts)))
    }
}

#[cfg(test)]
mod tests;
