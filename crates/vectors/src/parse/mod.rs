//! From the text of a vector file to scenes that can run. It resolves every name and number, so a file that parses has
//! no errors left.

mod bits;
mod steps;

use super::fields::{Fields, Names, Place, VectorError, evaluate, unknown};
use super::tables::{self, Mapping};
use super::{After, Case, PerReading, Scene, Suite, TableEntry, Vector};
use cr3_machine::bits::{cr0, segment};
use cr3_machine::tlb::{Entry, PageSize, StaleRights, StructureEntry};
use cr3_machine::{Cpu, CpuFeatures, Memory, SegmentRegister};
use std::collections::{BTreeMap, BTreeSet};

/// Reads the vectors in `text`. Errors call the file `file`.
///
/// # Errors
/// The first mistake: the file, the vector, the field and what is wrong with it.
pub fn parse(file: &str, text: &str) -> Result<Suite, VectorError> {
    let place = Place::new(file);
    let table = text.parse().map_err(|error: toml::de::Error| syntax_error(&place, text, &error))?;
    let mut fields = Fields::new(place, table);
    let names = names(fields.table("names")?)?;
    let baselines = baselines(fields.table("baselines")?, &names)?;
    let vectors = fields.tables("vector")?;
    fields.finish()?;
    let mut ids = BTreeSet::new();
    let mut parsed = Vec::new();
    for mut fields in vectors {
        let id = fields.text("id")?;
        let id = fields.need("id", id)?;
        fields.place = fields.place.of_vector(&id);
        if !ids.insert(id.clone()) {
            return Err(fields.place.field("id").error("another vector has this id"));
        }
        parsed.push(vector(fields, id, &baselines, &names)?);
    }
    Ok(Suite { file: file.to_owned(), vectors: parsed })
}

fn syntax_error(place: &Place, text: &str, error: &toml::de::Error) -> VectorError {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|character| *character != '\n').count() + 1;
    place.field(&format!("line {line}, column {column}")).error(error.message())
}

fn names(mut fields: Fields) -> Result<Names, VectorError> {
    let mut names = Names::new();
    for name in fields.names() {
        let value = fields.needed_address(&name, &Names::new())?;
        names.insert(name, value);
    }
    Ok(names)
}

/// A state to start from. Vectors change copies of it.
#[derive(Clone)]
struct Baseline {
    cpu: Cpu,
    mappings: Vec<Mapping>,
    cached: Vec<Cached>,
    structures: Vec<CachedStructure>,
}

/// A translation in the TLB, described by the tables it was made from.
#[derive(Clone)]
struct Cached {
    place: Place,
    name: String,
    pcid: u16,
    root: u64,
    linear: u64,
    /// Size of the cached piece, if smaller than the page.
    size: Option<PageSize>,
}

/// An upper-level entry in the paging-structure caches, described in the same way.
#[derive(Clone)]
struct CachedStructure {
    place: Place,
    name: String,
    pcid: u16,
    entry: TableEntry,
}

fn baselines(mut fields: Fields, names: &Names) -> Result<BTreeMap<String, Baseline>, VectorError> {
    let mut found = BTreeMap::new();
    for name in fields.names() {
        let mut fields = fields.table(&name)?;
        let mut baseline =
            Baseline { cpu: blank_cpu(), mappings: Vec::new(), cached: Vec::new(), structures: Vec::new() };
        state(&mut baseline, &mut fields, names)?;
        fields.finish()?;
        found.insert(name, baseline);
    }
    Ok(found)
}

/// A processor with nothing switched on, whose code segment is 64-bit code.
pub fn blank_cpu() -> Cpu {
    let features = CpuFeatures {
        pcid: false,
        invpcid: false,
        fsgsbase: false,
        smep: false,
        smap: false,
        nx: false,
        umip: false,
        lam: false,
        la57: false,
        sev_es: false,
        physical_address_bits: 46,
    };
    Cpu { cr0: cr0::ET, cr3: 0, cr4: 0, efer: 0, features, ..Cpu::in_long_mode() }
}

/// The fields that baselines and vectors share: registers, tables, cached entries.
fn state(baseline: &mut Baseline, fields: &mut Fields, names: &Names) -> Result<(), VectorError> {
    if let Some(cpl) = fields.small("cpl", 4)? {
        baseline.cpu.cpl = cpl as u8;
    }
    if let Some(cr3) = fields.address("cr3", names)? {
        baseline.cpu.cr3 = cr3;
    }
    code_segment(&mut baseline.cpu, fields)?;
    for (field, present) in [("features", true), ("without-features", false)] {
        for name in fields.texts(field)?.unwrap_or_default() {
            bits::feature(&mut baseline.cpu.features, &name, present)
                .map_err(|cause| fields.place.field(field).error(cause))?;
        }
    }
    for (field, value) in [("set", true), ("clear", false)] {
        for name in fields.texts(field)?.unwrap_or_default() {
            bits::state_bit(&mut baseline.cpu, &name, value).map_err(|cause| fields.place.field(field).error(cause))?;
        }
    }
    for fields in fields.tables("map")? {
        baseline.mappings.push(mapping(fields, names)?);
    }
    for fields in fields.tables("cached")? {
        baseline.cached.push(cached(fields, names)?);
    }
    for fields in fields.tables("cached-structures")? {
        baseline.structures.push(cached_structure(fields, names)?);
    }
    Ok(())
}

fn code_segment(cpu: &mut Cpu, fields: &mut Fields) -> Result<(), VectorError> {
    let long = match fields.text("code")?.as_deref() {
        None => return Ok(()),
        Some("64-bit") => segment::LONG,
        Some("compatibility") => 0,
        Some(other) => {
            let cause = format!("expected \"64-bit\" or \"compatibility\", found \"{other}\"");
            return Err(fields.place.field("code").error(cause));
        }
    };
    cpu.segments[SegmentRegister::Cs as usize].attributes = segment::PRESENT | long;
    Ok(())
}

fn page_size(fields: &mut Fields, name: &str) -> Result<Option<PageSize>, VectorError> {
    match fields.text(name)?.as_deref() {
        None => Ok(None),
        Some("4K") => Ok(Some(PageSize::Size4K)),
        Some("2M") => Ok(Some(PageSize::Size2M)),
        Some("1G") => Ok(Some(PageSize::Size1G)),
        Some(other) => Err(fields.place.field(name).error(format!("expected 4K, 2M or 1G, found {other}"))),
    }
}

fn mapping(mut fields: Fields, names: &Names) -> Result<Mapping, VectorError> {
    let mapping = Mapping {
        root: fields.needed_address("root", names)?,
        linear: fields.needed_address("linear", names)?,
        frame: fields.needed_address("frame", names)?,
        size: page_size(&mut fields, "size")?.unwrap_or(PageSize::Size4K),
        flags: bits::entry_bits(&mut fields, "flags")?,
    };
    fields.finish()?;
    Ok(mapping)
}

fn name(fields: &mut Fields) -> Result<String, VectorError> {
    let name = fields.text("name")?;
    fields.need("name", name)
}

fn pcid(fields: &mut Fields) -> Result<u16, VectorError> {
    let pcid = fields.small("pcid", 0x1000)?;
    fields.need("pcid", pcid)
}

fn cached(mut fields: Fields, names: &Names) -> Result<Cached, VectorError> {
    let cached = Cached {
        place: fields.place.clone(),
        name: name(&mut fields)?,
        pcid: pcid(&mut fields)?,
        root: fields.needed_address("root", names)?,
        linear: fields.needed_address("linear", names)?,
        size: page_size(&mut fields, "size")?,
    };
    fields.finish()?;
    Ok(cached)
}

fn cached_structure(mut fields: Fields, names: &Names) -> Result<CachedStructure, VectorError> {
    let place = fields.place.clone();
    let name = name(&mut fields)?;
    let pcid = pcid(&mut fields)?;
    let entry = table_entry(&mut fields, names)?;
    fields.finish()?;
    Ok(CachedStructure { place, name, pcid, entry })
}

/// The fields `root`, `linear` and `level`.
fn table_entry(fields: &mut Fields, names: &Names) -> Result<TableEntry, VectorError> {
    let level = fields.small("level", 5)?;
    Ok(TableEntry {
        root: fields.needed_address("root", names)?,
        linear: fields.needed_address("linear", names)?,
        level: fields.need("level", level.filter(|level| *level > 0))? as u8,
    })
}

fn vector(
    mut fields: Fields,
    id: String,
    baselines: &BTreeMap<String, Baseline>,
    names: &Names,
) -> Result<Vector, VectorError> {
    let title = fields.text("title")?;
    let title = fields.need("title", title)?;
    let source = fields.text("source")?;
    let source = fields.need("source", source)?;
    let case = match fields.text("unrepresentable")? {
        Some(reason) if reason.is_empty() => {
            return Err(fields.place.field("unrepresentable").error("must give the reason"));
        }
        Some(reason) => Case::Unrepresentable(reason),
        None => Case::Run(Box::new(scene(&mut fields, baselines, names)?)),
    };
    fields.finish()?;
    Ok(Vector { id, title, source, case })
}

fn stale_rights(fields: &mut Fields) -> Result<StaleRights, VectorError> {
    match fields.text("stale-rights")?.as_deref() {
        None | Some("walk-again") => Ok(StaleRights::WalkAgain),
        Some("fault") => Ok(StaleRights::Fault),
        Some(other) => {
            let cause = format!("expected \"walk-again\" or \"fault\", found \"{other}\"");
            Err(fields.place.field("stale-rights").error(cause))
        }
    }
}

fn scene(fields: &mut Fields, baselines: &BTreeMap<String, Baseline>, names: &Names) -> Result<Scene, VectorError> {
    let mut baseline = start(fields, baselines)?;
    state(&mut baseline, fields, names)?;
    let mut memory = tables::build(&baseline.mappings);
    let cached = cached_entries(&baseline, &memory)?;
    let structures = cached_structures(&baseline, &memory)?;
    for mut fields in fields.tables("bytes")? {
        put_bytes(&mut memory, &mut fields, names)?;
        fields.finish()?;
    }
    let known = || cached.iter().map(|(name, _)| name).chain(structures.iter().map(|(name, _)| name));
    let known: BTreeSet<String> = known().cloned().collect();
    let translations: BTreeSet<String> = cached.iter().map(|(name, _)| name.clone()).collect();
    let steps = fields.tables("steps")?;
    if steps.is_empty() {
        return Err(fields.place.field("steps").error("is missing or empty"));
    }
    let steps = steps.into_iter().map(|fields| steps::step(fields, names, &translations)).collect::<Result<_, _>>()?;
    let min = survivors(fields, "min", &known)?;
    let max = survivors(fields, "max", &known)?;
    let after = after(fields, names, &translations)?;
    let survivors = PerReading { min, max };
    let stale_rights = stale_rights(fields)?;
    Ok(Scene { cpu: baseline.cpu, memory, stale_rights, cached, structures, steps, survivors, after })
}

/// The baseline that the vector names, without the cached entries that the vector excludes.
fn start(fields: &mut Fields, baselines: &BTreeMap<String, Baseline>) -> Result<Baseline, VectorError> {
    let name = fields.text("baseline")?;
    let name = fields.need("baseline", name)?;
    let found = baselines.get(&name).cloned();
    let cause = || unknown(&name, "baseline of this file", baselines.keys());
    let mut baseline = found.ok_or_else(|| fields.place.field("baseline").error(cause()))?;
    for name in fields.texts("without")?.unwrap_or_default() {
        let names = baseline.cached.iter().map(|cached| &cached.name);
        let names = names.chain(baseline.structures.iter().map(|cached| &cached.name)).cloned().collect();
        require(&fields.place.field("without"), &name, "cached entry of the baseline", &names)?;
        baseline.cached.retain(|cached| cached.name != name);
        baseline.structures.retain(|cached| cached.name != name);
    }
    Ok(baseline)
}

fn cached_entries(baseline: &Baseline, memory: &Memory) -> Result<Vec<(String, Entry)>, VectorError> {
    let entry = |cached: &Cached| {
        let at = (cached.root, cached.linear);
        let entry = tables::translation(&baseline.cpu, memory, at, cached.pcid, cached.size);
        let entry = entry.ok_or_else(|| cached.place.error("the root maps no page there"))?;
        Ok((cached.name.clone(), entry))
    };
    baseline.cached.iter().map(entry).collect()
}

fn cached_structures(baseline: &Baseline, memory: &Memory) -> Result<Vec<(String, StructureEntry)>, VectorError> {
    let structure = |cached: &CachedStructure| {
        let structure = tables::structure(memory, cached.entry, cached.pcid);
        let structure = structure.ok_or_else(|| cached.place.error("the root has no table there"))?;
        Ok((cached.name.clone(), structure))
    };
    baseline.structures.iter().map(structure).collect()
}

fn put_bytes(memory: &mut Memory, fields: &mut Fields, names: &Names) -> Result<(), VectorError> {
    let physical = fields.needed_address("physical", names)?;
    let text = fields.text("hex")?;
    let text = fields.need("hex", text)?;
    let bytes: Result<Vec<u8>, _> = text.split_whitespace().map(|byte| u8::from_str_radix(byte, 16)).collect();
    let bytes = bytes.map_err(|_| fields.place.field("hex").error("expected pairs of hexadecimal digits"))?;
    memory.write_bytes(physical, &bytes);
    Ok(())
}

/// Names of cached entries in a list, or in one text separated by spaces.
fn survivors(fields: &mut Fields, field: &str, known: &BTreeSet<String>) -> Result<Option<Vec<String>>, VectorError> {
    let Some(texts) = fields.texts(field)? else { return Ok(None) };
    let words: Vec<_> = texts.iter().flat_map(|text| text.split_whitespace()).collect();
    let names: BTreeSet<String> = match words.as_slice() {
        ["all"] => known.clone(),
        ["none"] => BTreeSet::new(),
        names => names.iter().map(|name| (*name).to_owned()).collect(),
    };
    let place = fields.place.field(field);
    for name in &names {
        require(&place, name, "cached entry", known)?;
    }
    Ok(Some(names.into_iter().collect()))
}

fn require(place: &Place, name: &str, what: &str, known: &BTreeSet<String>) -> Result<(), VectorError> {
    if known.contains(name) { Ok(()) } else { Err(place.error(unknown(name, what, known))) }
}

fn require_translation(place: &Place, name: &str, translations: &BTreeSet<String>) -> Result<(), VectorError> {
    require(place, name, "cached translation", translations)
}

fn after(fields: &mut Fields, names: &Names, translations: &BTreeSet<String>) -> Result<After, VectorError> {
    let mut fields = fields.table("after")?;
    let dirty = fields.texts("dirty")?.unwrap_or_default();
    for name in &dirty {
        require_translation(&fields.place.field("dirty"), name, translations)?;
    }
    let place = fields.place.field("no-structures-for");
    let no_structures = fields.texts("no-structures-for")?.unwrap_or_default();
    let addresses: Result<_, _> = no_structures.iter().map(|text| evaluate(text, names)).collect();
    let after = After {
        cr3: fields.address("cr3", names)?,
        pcid: fields.small("pcid", 0x1000)?,
        long_mode_active: fields.flag("long-mode-active")?,
        cr3_writes: fields.number("cr3-writes")?,
        dirty,
        no_structures_for: addresses.map_err(|cause| place.error(cause))?,
    };
    fields.finish()?;
    Ok(after)
}
