//! `cr3play asm`.

use crate::arguments::AsmArguments;
use crate::diagnostic;
use crate::input::read;
use crate::json::hex;
use crate::origin::Origin;
use crate::outcome::{Outcome, WrongUse, print, print_json, tell};
use crate::table::{Align, cut, table};
use cr3_core::asm::sorted::{Map, Set};
use cr3_core::asm::{Diagnostic, Image, Line, Options, Severity, Source, assemble};
use cr3_core::linux::{Feature, Features};
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Serialize)]
struct Report {
    /// All sections one after the other, in hexadecimal.
    bytes: String,
    sections: Vec<SectionReport>,
    symbols: BTreeMap<String, String>,
    listing: Vec<LineReport>,
    diagnostics: Vec<diagnostic::Report>,
}

#[derive(Serialize)]
struct SectionReport {
    name: String,
    base: String,
    bytes: String,
}

#[derive(Serialize)]
struct LineReport {
    address: String,
    bytes: String,
    instruction: bool,
    text: String,
    #[serde(flatten)]
    origin: Origin,
}

pub(crate) fn asm(arguments: &AsmArguments) -> Result<Outcome, WrongUse> {
    let sources: Result<Vec<_>, _> = arguments.files.iter().map(|file| source(file)).collect();
    let sources = sources?;
    let (image, diagnostics) = assemble(&sources, &options(arguments)?);
    if arguments.json {
        print_json(&report(&sources, &image, &diagnostics))?;
    } else {
        print(&listing(&image))?;
        diagnostics.iter().for_each(|diagnostic| tell(&diagnostic::text(diagnostic)));
    }
    Ok(Outcome::finding_if(diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)))
}

fn source(file: &std::path::Path) -> Result<Source, WrongUse> {
    Ok(Source { name: file.display().to_string(), text: read(file)? })
}

fn options(arguments: &AsmArguments) -> Result<Options, WrongUse> {
    let constants: Result<Map<_, _>, _> = arguments.defines.iter().map(|text| define(text)).collect();
    Ok(Options { features: features(&arguments.features)?, constants: constants?, ..Options::default() })
}

/// Features as the kernel's names, as the words of `run`, or as a mixture of both.
fn features(list: &str) -> Result<Set<String>, WrongUse> {
    let kernel = |name: &&str| name.strip_prefix("X86_FEATURE_").is_some_and(is_name);
    let (named, words): (Vec<_>, Vec<_>) = list.split(',').map(str::trim).partition(kernel);
    let ours = match words.is_empty() {
        true => Ok(Features::NONE),
        false => words.join(",").parse::<Features>(),
    };
    let ours = ours.map_err(|unknown| WrongUse::new(unknown, "or a name of the kernel's, as X86_FEATURE_SMAP"))?;
    // No arm of the kernel's entry code depends on SEV-ES.
    let ours = ours.iter().filter(|feature| *feature != Feature::SevEs);
    let ours = ours.map(|feature| format!("X86_FEATURE_{}", feature.name().to_ascii_uppercase()));
    Ok(named.into_iter().map(str::to_owned).chain(ours).collect())
}

/// Letters, digits and underscores, no digit first.
fn is_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.starts_with(|c: char| plain(c) && !c.is_ascii_digit()) && text.chars().all(plain)
}

fn define(text: &str) -> Result<(String, i64), WrongUse> {
    let wrong = || {
        WrongUse::new(format!("'{text}' defines nothing"), "write NAME=NUMBER, for example PAGE_SHIFT=12 or BASE=0xff")
    };
    let (name, value) = text.split_once('=').filter(|(name, _)| is_name(name)).ok_or_else(wrong)?;
    let value = match value.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok().map(u64::cast_signed),
        None => value.parse().ok(),
    };
    Ok((name.to_owned(), value.ok_or_else(wrong)?))
}

fn hex_bytes(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes_of<'a>(image: &'a Image, line: &Line) -> &'a [u8] {
    let within = image.sections.iter().find_map(|section| {
        let start = usize::try_from(line.address.checked_sub(section.base)?).ok()?;
        section.bytes.get(start..start.checked_add(line.length as usize)?)
    });
    within.unwrap_or(&[])
}

fn report(sources: &[Source], image: &Image, diagnostics: &[Diagnostic]) -> Report {
    Report {
        bytes: image.sections.iter().map(|section| hex_bytes(&section.bytes)).collect(),
        sections: image
            .sections
            .iter()
            .map(|section| SectionReport {
                name: section.name.clone(),
                base: hex(section.base),
                bytes: hex_bytes(&section.bytes),
            })
            .collect(),
        symbols: image.symbols.iter().map(|(name, &address)| (name.clone(), hex(address))).collect(),
        listing: image
            .listing
            .iter()
            .map(|line| LineReport {
                address: hex(line.address),
                bytes: hex_bytes(bytes_of(image, line)),
                instruction: line.instruction,
                text: line.text.clone(),
                origin: Origin::of_line(line, sources),
            })
            .collect(),
        diagnostics: diagnostic::Report::all(diagnostics, sources),
    }
}

fn listing(image: &Image) -> String {
    let row = |line: &Line| {
        vec![format!("{:x}", line.address), cut(&hex_bytes(bytes_of(image, line)), 30), line.text.clone()]
    };
    let rows: Vec<_> = image.listing.iter().map(row).collect();
    table(&[Align::Right, Align::Left, Align::Left], &rows)
}
