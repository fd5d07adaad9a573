//! Assemblies as bytes. Those of several texts share their texts and their rows: two forms of a macro differ in a few lines.

use super::bytes::{Reader, Writer};
use super::{Answer, Assembly};
use cr3_core::asm::sorted::Map;
use cr3_core::asm::{Diagnostic, Image, Line, Position, Section, Severity, Source};
use cr3_core::linux::GivenLine;
use cr3_core::machine::order::sort_by_key;

/// A line of a listing without its address, in the order of places.
type Row<'l> = (Position, &'l str, &'l [(String, Position)], u32, bool);

fn row(line: &Line) -> Row<'_> {
    (line.position, &line.text, &line.expansion, line.length, line.instruction)
}

/// The rows of listings, each once.
#[derive(Default)]
struct Rows<'l> {
    lines: Vec<&'l Line>,
    numbers: Map<Row<'l>, usize>,
}

impl<'l> Rows<'l> {
    fn of(assemblies: &[&'l Assembly]) -> Self {
        let mut rows = Self::default();
        for line in assemblies.iter().flat_map(|assembly| &assembly.image.listing) {
            let next = rows.lines.len();
            if *rows.numbers.get_or_insert_with(row(line), || next) == next {
                rows.lines.push(line);
            }
        }
        rows
    }

    fn write(&self, writer: &mut Writer) {
        let mut last = 0;
        writer.list(self.lines.iter(), |writer, line| {
            writer.number(u64::from(line.length) << 1 | u64::from(line.instruction));
            writer.length(line.position.source);
            writer.distance(last, line.position.line.into());
            last = line.position.line.into();
            writer.number(line.position.column.into());
            writer.text(&line.text);
            write_calls(writer, &line.expansion);
        });
    }

    /// Lines that follow each other here and among the rows: the first row, how many, and how far the first is from where the lines
    /// before it end.
    fn write_listing(&self, writer: &mut Writer, listing: &[Line]) {
        let mut runs: Vec<(usize, u64, u64, u64)> = Vec::new();
        let mut end = 0;
        for line in listing {
            let number = self.numbers.get(&row(line)).copied().unwrap_or_default();
            match runs.last_mut() {
                Some((first, count, ..)) if *first + *count as usize == number && line.address == end => *count += 1,
                _ => runs.push((number, 1, end, line.address)),
            }
            end = line.address.wrapping_add(line.length.into());
        }
        writer.list(runs.into_iter(), |writer, (first, count, end, address)| {
            writer.length(first);
            writer.number(count);
            writer.distance(end, address);
        });
    }
}

/// A row as it is read. Nothing is copied before it becomes a line.
struct Read<'b> {
    position: Position,
    text: &'b str,
    calls: Vec<(&'b str, Position)>,
    length: u32,
    instruction: bool,
}

impl Read<'_> {
    fn line(&self, address: u64) -> Line {
        let Self { position, text, length, instruction, .. } = *self;
        let expansion = self.calls.iter().map(|(name, position)| ((*name).to_owned(), *position)).collect();
        Line { address, length, instruction, position, text: text.to_owned(), expansion }
    }
}

fn read_rows<'b>(reader: &mut Reader<'b>) -> Option<Vec<Read<'b>>> {
    let mut last = 0;
    reader.list(|reader| {
        let size = reader.small()?;
        let source = reader.length()?;
        last = reader.distance(last)?;
        Some(Read {
            length: size >> 1,
            instruction: size & 1 != 0,
            position: Position { source, line: last.try_into().ok()?, column: reader.small()? },
            text: reader.text()?,
            calls: read_calls(reader)?,
        })
    })
}

fn read_listing(reader: &mut Reader<'_>, rows: &[Read<'_>]) -> Option<Vec<Line>> {
    let (mut listing, mut end) = (Vec::with_capacity(rows.len()), 0_u64);
    reader.list(|reader| {
        let (first, count) = (reader.length()?, reader.length()?);
        end = reader.distance(end)?;
        for row in rows.get(first..first.checked_add(count)?)? {
            listing.push(row.line(end));
            end = end.wrapping_add(row.length.into());
        }
        Some(())
    })?;
    Some(listing)
}

fn write_position(writer: &mut Writer, Position { source, line, column }: Position) {
    writer.length(source);
    writer.number(line.into());
    writer.number(column.into());
}

fn read_position(reader: &mut Reader<'_>) -> Option<Position> {
    Some(Position { source: reader.length()?, line: reader.small()?, column: reader.small()? })
}

fn write_calls(writer: &mut Writer, calls: &[(String, Position)]) {
    writer.list(calls.iter(), |writer, (name, position)| {
        writer.text(name);
        write_position(writer, *position);
    });
}

fn read_calls<'b>(reader: &mut Reader<'b>) -> Option<Vec<(&'b str, Position)>> {
    reader.list(|reader| Some((reader.text()?, read_position(reader)?)))
}

/// In the order of addresses, so that what shifts all of them shows once.
fn write_names(writer: &mut Writer, names: &Map<String, u64>) {
    let mut list: Vec<_> = names.iter().map(|(name, address)| (*address, name)).collect();
    sort_by_key(&mut list, |named| *named);
    let mut last = 0;
    writer.list(list.into_iter(), |writer, (address, name)| {
        writer.text(name);
        writer.distance(last, address);
        last = address;
    });
}

fn read_names(reader: &mut Reader<'_>) -> Option<Map<String, u64>> {
    let mut last = 0;
    let names = reader.list(|reader| {
        let name = reader.text()?.to_owned();
        last = reader.distance(last)?;
        Some((name, last))
    });
    Some(names?.into_iter().collect())
}

fn write_assembly(writer: &mut Writer, Assembly { image, sources, notes, given }: &Assembly, rows: &Rows<'_>) {
    rows.write_listing(writer, &image.listing);
    write_names(writer, &image.symbols);
    write_names(writer, &image.aliases);
    writer.list(image.absent.iter(), |writer, name| writer.text(name));
    writer.list(sources.iter(), |writer, source| {
        writer.text(&source.name);
        writer.text(&source.text);
    });
    writer.list(notes.iter(), write_diagnostic);
    writer.list(given.iter(), |writer, GivenLine { source, line, given }| {
        write_position(writer, Position { source: *source, line: *line, column: *given });
    });
    writer.list(image.sections.iter(), |writer, section| {
        writer.text(&section.name);
        writer.number(section.base);
        writer.raw(&section.bytes);
    });
}

fn read_assembly(reader: &mut Reader<'_>, rows: &[Read<'_>]) -> Option<Assembly> {
    let listing = read_listing(reader, rows)?;
    let (symbols, aliases) = (read_names(reader)?, read_names(reader)?);
    let absent = reader.list(|reader| Some(reader.text()?.to_owned()))?;
    let source =
        |reader: &mut Reader<'_>| Some(Source { name: reader.text()?.to_owned(), text: reader.text()?.to_owned() });
    let sources = reader.list(source)?.into();
    let notes = reader.list(read_diagnostic)?.into();
    let given = reader.list(|reader| {
        let Position { source, line, column: given } = read_position(reader)?;
        Some(GivenLine { source, line, given })
    })?;
    let sections = reader.list(|reader| {
        Some(Section { name: reader.text()?.to_owned(), base: reader.number()?, bytes: reader.raw()?.to_vec() })
    })?;
    let image = Image { sections, symbols, aliases, absent, listing, ..Image::default() }.into();
    Some(Assembly { image, sources, notes, given: given.into() })
}

const SEVERITIES: [Severity; 3] = [Severity::Error, Severity::Warning, Severity::Note];

fn write_diagnostic(writer: &mut Writer, told: &Diagnostic) {
    let Diagnostic { severity, position, source, message, hint, expansion } = told;
    writer.length(SEVERITIES.iter().position(|other| other == severity).unwrap_or_default());
    write_position(writer, *position);
    writer.text(source);
    writer.text(message);
    writer.list(hint.iter(), |writer, hint| writer.text(hint));
    write_calls(writer, expansion);
}

fn read_diagnostic(reader: &mut Reader<'_>) -> Option<Diagnostic> {
    Some(Diagnostic {
        severity: *SEVERITIES.get(reader.length()?)?,
        position: read_position(reader)?,
        source: reader.text()?.to_owned(),
        message: reader.text()?.to_owned(),
        hint: reader.list(|reader| Some(reader.text()?.to_owned()))?.pop(),
        expansion: read_calls(reader)?.into_iter().map(|(name, position)| (name.to_owned(), position)).collect(),
    })
}

/// Assemblies, each under a key. The keys come first, so that they can be read alone.
pub(super) fn write_all(assemblies: &[(String, Assembly)]) -> Vec<u8> {
    let mut writer = Writer::default();
    let rows = Rows::of(&assemblies.iter().map(|(_, assembly)| assembly).collect::<Vec<_>>());
    writer.list(assemblies.iter(), |writer, (key, _)| writer.text(key));
    rows.write(&mut writer);
    writer.list(assemblies.iter(), |writer, (_, assembly)| {
        writer.inside(|writer| write_assembly(writer, assembly, &rows));
    });
    writer.finish()
}

/// The keys of [`write_all`], in order.
pub(super) fn read_keys(bytes: &[u8]) -> Option<Vec<String>> {
    keys(&mut Reader::new(bytes)?)
}

fn keys(reader: &mut Reader<'_>) -> Option<Vec<String>> {
    reader.list(|reader| Some(reader.text()?.to_owned()))
}

/// The assembly with this number.
pub(super) fn read_one(bytes: &[u8], number: usize) -> Option<Assembly> {
    let mut reader = Reader::new(bytes)?;
    keys(&mut reader)?;
    let rows = read_rows(&mut reader)?;
    let bodies = reader.list(Reader::raw)?;
    read_assembly(&mut reader.at(bodies.get(number)?), &rows)
}

/// What an answer is.
const REFUSED: u64 = 0;
const ASSEMBLED: u64 = 1;

/// The answer to a question, under its ticket.
#[must_use]
pub fn answered(ticket: u32, answer: &Answer) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.number(ticket.into());
    match answer {
        Ok(assembly) => {
            writer.number(ASSEMBLED);
            let rows = Rows::of(&[assembly]);
            rows.write(&mut writer);
            write_assembly(&mut writer, assembly, &rows);
        }
        Err(diagnostics) => {
            writer.number(REFUSED);
            writer.list(diagnostics.iter(), write_diagnostic);
        }
    }
    writer.finish()
}

/// Read back; `None` if it is none.
#[must_use]
pub fn answer(bytes: &[u8]) -> Option<(u32, Answer)> {
    let mut reader = Reader::new(bytes)?;
    let ticket = reader.small()?;
    let answer = match reader.number()? {
        ASSEMBLED => {
            let rows = read_rows(&mut reader)?;
            Ok(read_assembly(&mut reader, &rows)?)
        }
        REFUSED => Err(reader.list(read_diagnostic)?),
        _ => return None,
    };
    Some((ticket, answer))
}
