//! What the page and the worker of the trees write to each other. The files themselves are handed over by the browser.

use super::{Assembly, Opened, Told};
use crate::fields::{PART, SEPARATOR, items, list, plain};
use crate::library::{Library, config_of, config_text};
use cr3_core::asm::{Diagnostic, Image, Line, Position, Section, Severity, Source};
use cr3_core::linux::{Config, System, TreeId};
use std::fmt::Write;
use std::str::FromStr;

/// Begins a message that gives a worker a tree.
const TREE: &str = "tree";

/// Asks for the text of a configuration, under a ticket.
#[must_use]
pub fn asked(ticket: u32, config: &Config) -> String {
    format!("{ticket}{SEPARATOR}{}", config_text(config))
}

/// Read back, with the trees that are there; none if nothing is asked for.
#[must_use]
pub fn question(text: &str, library: &Library) -> Option<(u32, Config)> {
    let (ticket, config) = text.split_once(SEPARATOR)?;
    Some((ticket.parse().ok()?, config_of(config, library)?))
}

/// Gives a worker the files of a tree.
#[must_use]
pub fn gift(id: TreeId, files: &[(String, String)]) -> String {
    let file = |(path, text): &(String, String)| format!("{path}{PART}{}", plain(text));
    format!("{TREE}{SEPARATOR}{id}{SEPARATOR}{}", list(files.iter().map(file)))
}

/// The files of a tree that a worker is given; none if a message gives none.
#[must_use]
pub fn given(text: &str) -> Option<(TreeId, Vec<(String, String)>)> {
    let (id, files) = text.strip_prefix(TREE)?.strip_prefix(SEPARATOR)?.split_once(SEPARATOR)?;
    let file = |item: &str| item.split_once(PART).map(|(path, text)| (path.to_owned(), text.to_owned()));
    Some((id.parse().ok()?, items(files).map(file).collect::<Option<_>>()?))
}

/// What the worker tells, but [`Told::Opening`], which the page knows.
#[must_use]
pub fn encode(told: &Told) -> String {
    match told {
        Told::Opening => String::new(),
        Told::Opened(Opened { id, release, kernel, files, configured }) => {
            format!("opened{SEPARATOR}{id}{PART}{release}{PART}{kernel}{PART}{files}{PART}{configured}")
        }
        Told::Refused(why) => format!("refused{SEPARATOR}{why}"),
        Told::Assembled(ticket, Err(diagnostics)) => {
            format!("wrong{SEPARATOR}{ticket}{SEPARATOR}{}", list(diagnostics.iter().map(diagnostic_text)))
        }
        Told::Assembled(ticket, Ok(assembly)) => {
            format!("assembled{SEPARATOR}{ticket}{SEPARATOR}{}", assembly_text(assembly))
        }
    }
}

/// Reads a message back; `None` if it is none of these.
#[must_use]
pub fn decode(text: &str) -> Option<Told> {
    let (kind, rest) = text.split_once(SEPARATOR)?;
    Some(match kind {
        "opened" => {
            let mut parts = rest.splitn(5, PART);
            Told::Opened(Opened {
                id: parsed(parts.next())?,
                release: parts.next()?.to_owned(),
                kernel: parsed(parts.next())?,
                files: parsed(parts.next())?,
                configured: parts.next()?.to_owned(),
            })
        }
        "refused" => Told::Refused(rest.to_owned()),
        "wrong" => {
            let (ticket, list) = rest.split_once(SEPARATOR)?;
            Told::Assembled(ticket.parse().ok()?, Err(items(list).map(diagnostic_of).collect::<Option<_>>()?))
        }
        "assembled" => {
            let (ticket, assembly) = rest.split_once(SEPARATOR)?;
            Told::Assembled(ticket.parse().ok()?, Ok(assembly_of(assembly)?))
        }
        _ => return None,
    })
}

fn parsed<T: FromStr>(field: Option<&str>) -> Option<T> {
    field?.parse().ok()
}

/// What a page needs of a system to start it. All texts except the person's own stay in the worker.
#[must_use]
pub fn assembly(system: &System) -> Assembly {
    let kept = |source: &Source| {
        let text = if source.name.contains("custom") { plain(&source.text) } else { String::new() };
        Source { name: source.name.clone(), text }
    };
    let Image { sections, symbols, aliases, absent, listing, .. } = (*system.image).clone();
    let image = Image { sections, symbols, aliases, absent, listing, ..Image::default() };
    Assembly { image: image.into(), sources: system.sources.iter().map(kept).collect(), notes: system.notes.clone() }
}

fn assembly_text(Assembly { image, sources, notes }: &Assembly) -> String {
    let names = |names: &cr3_core::asm::sorted::Map<String, u64>| {
        list(names.iter().map(|(name, address)| format!("{name} {address:x}")))
    };
    let source = |source: &Source| format!("{}{PART}{}", source.name, source.text);
    [
        list(image.sections.iter().map(section_text)),
        names(&image.symbols),
        names(&image.aliases),
        list(image.absent.iter()),
        list(image.listing.iter().map(line_text)),
        list(sources.iter().map(source)),
        list(notes.iter().map(diagnostic_text)),
    ]
    .join(&SEPARATOR.to_string())
}

fn assembly_of(text: &str) -> Option<Assembly> {
    let mut fields = text.split(SEPARATOR);
    let mut next = || fields.next();
    let sections = items(next()?).map(section_of).collect::<Option<_>>()?;
    let mut names = || items(next()?).map(name_of).collect::<Option<_>>();
    let (symbols, aliases) = (names()?, names()?);
    let absent = items(next()?).map(str::to_owned).collect();
    let listing = items(next()?).map(line_of).collect::<Option<_>>()?;
    let source = |item: &str| {
        let (name, text) = item.split_once(PART)?;
        Some(Source { name: name.to_owned(), text: text.to_owned() })
    };
    let sources = items(next()?).map(source).collect::<Option<Vec<_>>>()?;
    let notes = items(next()?).map(diagnostic_of).collect::<Option<Vec<_>>>()?;
    let image = Image { sections, symbols, aliases, absent, listing, ..Image::default() };
    Some(Assembly { image: image.into(), sources: sources.into(), notes: notes.into() })
}

fn section_text(Section { name, base, bytes }: &Section) -> String {
    let mut text = format!("{name} {base:x} ");
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn section_of(text: &str) -> Option<Section> {
    let mut words = text.splitn(3, ' ');
    let (name, base, digits) = (words.next()?.to_owned(), hexadecimal(words.next()?)?, words.next()?.as_bytes());
    let digit = |digit: u8| char::from(digit).to_digit(16);
    let byte = |pair: &[u8]| Some((digit(pair[0])? << 4 | digit(pair[1])?) as u8);
    Some(Section { name, base, bytes: digits.chunks_exact(2).map(byte).collect::<Option<_>>()? })
}

fn hexadecimal(text: &str) -> Option<u64> {
    u64::from_str_radix(text, 16).ok()
}

fn name_of(item: &str) -> Option<(String, u64)> {
    let (name, address) = item.split_once(' ')?;
    Some((name.to_owned(), hexadecimal(address)?))
}

/// Numbers, then macro calls with their places, then the statement.
fn line_text(line: &Line) -> String {
    let Line { address, length, instruction, position, text, expansion } = line;
    let numbers = format!("{address:x} {length} {} {}", u32::from(*instruction), position_text(*position));
    format!("{numbers}{PART}{}{PART}{text}", expansion_text(expansion))
}

fn line_of(item: &str) -> Option<Line> {
    let mut parts = item.splitn(3, PART);
    let mut numbers = parts.next()?.splitn(4, ' ');
    Some(Line {
        address: hexadecimal(numbers.next()?)?,
        length: parsed(numbers.next())?,
        instruction: numbers.next()? == "1",
        position: position_of(numbers.next()?)?,
        expansion: expansion_of(parts.next()?)?,
        text: parts.next()?.to_owned(),
    })
}

fn position_text(Position { source, line, column }: Position) -> String {
    format!("{source} {line} {column}")
}

fn position_of(text: &str) -> Option<Position> {
    let mut numbers = text.split(' ');
    Some(Position { source: parsed(numbers.next())?, line: parsed(numbers.next())?, column: parsed(numbers.next())? })
}

fn expansion_text(expansion: &[(String, Position)]) -> String {
    expansion.iter().map(|(name, at)| format!("{name}\n{}\n", position_text(*at))).collect()
}

fn expansion_of(text: &str) -> Option<Vec<(String, Position)>> {
    let mut lines = text.lines();
    let mut expansion = Vec::new();
    while let Some(name) = lines.next() {
        expansion.push((name.to_owned(), position_of(lines.next()?)?));
    }
    Some(expansion)
}

const SEVERITIES: [Severity; 3] = [Severity::Error, Severity::Warning, Severity::Note];

fn diagnostic_text(told: &Diagnostic) -> String {
    let Diagnostic { severity, position, source, message, hint, expansion } = told;
    let severity = SEVERITIES.iter().position(|other| other == severity).unwrap_or_default();
    let (place, calls) = (position_text(*position), expansion_text(expansion));
    let (message, hint) = (plain(message), plain(hint.as_deref().unwrap_or_default()));
    format!("{severity}{PART}{place}{PART}{calls}{PART}{source}{PART}{message}{PART}{hint}")
}

fn diagnostic_of(item: &str) -> Option<Diagnostic> {
    let mut parts = item.split(PART);
    Some(Diagnostic {
        severity: *SEVERITIES.get(parsed::<usize>(parts.next())?)?,
        position: position_of(parts.next()?)?,
        expansion: expansion_of(parts.next()?)?,
        source: parts.next()?.to_owned(),
        message: parts.next()?.to_owned(),
        hint: parts.next().filter(|hint| !hint.is_empty()).map(str::to_owned),
    })
}
