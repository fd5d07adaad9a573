//! What a program that assembles is asked, and what it answers.

pub use super::pack::{answer, answered};

use super::Assembly;
use crate::fields::SEPARATOR;
use crate::library::{Library, config_of, config_text};
use cr3_core::asm::{Image, Source};
use cr3_core::linux::tree::UNMODELLED;
use cr3_core::linux::{Config, System};
use std::fmt::Write;

/// Asks for all that is wanted, each under its ticket, the oldest first. Nothing that was asked before is wanted any more.
#[must_use]
pub fn asked(wanted: &[(u32, &Config)]) -> String {
    let mut text = String::new();
    for (ticket, config) in wanted {
        let config = config_text(config);
        let _ = write!(text, "{ticket}{SEPARATOR}{}{SEPARATOR}{config}", config.len());
    }
    text
}

/// Read back, with the trees that are there; none if nothing is asked for.
#[must_use]
pub fn questions(mut text: &str, library: &Library) -> Option<Vec<(u32, Config)>> {
    let mut questions = Vec::new();
    while !text.is_empty() {
        let (ticket, rest) = text.split_once(SEPARATOR)?;
        let (length, rest) = rest.split_once(SEPARATOR)?;
        let (config, rest) = rest.split_at_checked(length.parse().ok()?)?;
        questions.push((ticket.parse().ok()?, config_of(config, library)?));
        text = rest;
    }
    Some(questions)
}

/// What is needed of a system to start it elsewhere. All texts except the person's own stay where they are.
#[must_use]
pub fn assembly(system: &System) -> Assembly {
    let kept = |source: &Source| {
        let is_kept = source.name.contains("custom") || source.name == UNMODELLED;
        let text = if is_kept { source.text.clone() } else { String::new() };
        Source { name: source.name.clone(), text }
    };
    let Image { sections, symbols, aliases, absent, listing, .. } = (*system.image).clone();
    let image = Image { sections, symbols, aliases, absent, listing, ..Image::default() };
    let sources = system.sources.iter().map(kept).collect();
    Assembly { image: image.into(), sources, notes: system.notes.clone(), given: system.given.clone() }
}
