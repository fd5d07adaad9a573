//! `cr3play places`.

use crate::arguments::PlacesArguments;
use crate::json::hex;
use crate::origin::Origin;
use crate::outcome::{Outcome, WrongUse, print, print_json, tell};
use crate::table::{Align, table};
use crate::{diagnostic, json};
use cr3_core::asm::{Image, Line};
use cr3_core::linux::{System, boot};
use cr3_core::scenario::{PlaceId, Places, Scenario, Schedule, Vector};
use serde::Serialize;
use std::collections::BTreeSet;

#[derive(Serialize)]
struct Report {
    form: &'static str,
    #[serde(flatten)]
    setting: json::Setting,
    notes: Vec<diagnostic::Report>,
    vectors: Vec<VectorReport>,
    places: Vec<PlaceReport>,
}

#[derive(Serialize)]
struct VectorReport {
    name: &'static str,
    mnemonic: &'static str,
    description: &'static str,
}

#[derive(Serialize)]
struct PlaceReport {
    place: String,
    label: String,
    offset: u32,
    address: String,
    instruction: String,
    #[serde(flatten)]
    origin: Origin,
}

pub(crate) fn places(arguments: &PlacesArguments) -> Result<Outcome, WrongUse> {
    let config = arguments.system.config(arguments.form.as_deref())?;
    let system = boot(&config).map_err(|diagnostics| diagnostic::refused(&diagnostics))?;
    let places = Places::new(&system.image);
    let others = other_names(&system.image, &arguments.filter);
    let wanted =
        |(id, line): &(PlaceId, &Line)| places.name(*id).contains(&arguments.filter) || others.contains(&line.address);
    let found: Vec<_> = lines(&system, &places).filter(wanted).collect();
    if found.is_empty() {
        let cause = format!("no place has '{}' in its name", arguments.filter);
        return Err(WrongUse::new(cause, "`cr3play places` without a text lists all"));
    }
    if arguments.system.json {
        let schedule = Schedule::default();
        print_json(&Report {
            form: config.form.name(),
            setting: json::Setting::new(&Scenario { config, schedule }),
            notes: diagnostic::Report::all(&system.notes, &system.sources),
            vectors: Vector::ALL.into_iter().map(vector_report).collect(),
            places: found.iter().map(|&(id, line)| place_report(&system, &places, id, line)).collect(),
        })?;
    } else {
        let rows: Vec<_> = found.iter().flat_map(|&(id, line)| rows(&system, &places, id, line)).collect();
        print(&table(&[Align::Left; 4], &rows))?;
        tell(&diagnostic::notes(&system.notes));
    }
    Ok(Outcome::Success)
}

/// The addresses of the labels that a schedule may name, but no place is listed by, with `filter` in their names.
fn other_names(image: &Image, filter: &str) -> BTreeSet<u64> {
    let labels = image.symbols.iter().chain(&image.aliases).filter(|(name, _)| !name.starts_with(".L"));
    labels.filter(|(name, _)| name.contains(filter)).map(|(_, address)| *address).collect()
}

fn lines<'a>(system: &'a System, places: &'a Places) -> impl Iterator<Item = (PlaceId, &'a Line)> {
    let line = |(index, line): (u32, u32)| Some((PlaceId(index), system.image.listing.get(line as usize)?));
    (0..).zip(places.iter().map(|site| site.line)).filter_map(line)
}

fn vector_report(vector: Vector) -> VectorReport {
    VectorReport { name: vector.name(), mnemonic: vector.mnemonic(), description: vector.description() }
}

fn place_report(system: &System, places: &Places, id: PlaceId, line: &Line) -> PlaceReport {
    let site = places.site(id);
    PlaceReport {
        place: places.name(id),
        label: places.label(site.label).to_owned(),
        offset: site.offset,
        address: hex(site.address),
        instruction: line.text.clone(),
        origin: Origin::of_line(line, &system.sources),
    }
}

/// Maximum width of a place's name that shares a line with the rest.
const PLACE: usize = 30;

/// The last column can be looked up elsewhere, so it may be cut.
fn rows(system: &System, places: &Places, id: PlaceId, line: &Line) -> Vec<Vec<String>> {
    let source = system.sources.get(line.position.source).map_or("", |source| source.name.as_str());
    let name = places.name(id);
    let address = format!("{:x}", line.address);
    let origin = format!("{source}:{}", line.position.line);
    let row = |name: String| vec![name, address, origin, line.text.clone()];
    match name.chars().count() <= PLACE {
        true => vec![row(name)],
        false => vec![vec![name], row(String::new())],
    }
}
