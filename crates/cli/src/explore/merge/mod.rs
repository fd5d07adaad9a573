//! `cr3play merge`: the shares of one search, joined into one verdict.

mod alike;
mod joined;
mod share;
mod text;
mod value;

use super::exit;
use crate::outcome::{WrongUse, print, print_json};
use alike::alike;
use clap::Args;
use cr3_core::explore::Verdict;
use joined::{Joined, searched_singly};
use serde::Serialize;
use serde_json::Value;
use share::{Share, complete};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(crate) struct MergeArguments {
    /// What `explore --json --shard I/N` printed, a file for each share
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

/// The verdict of all shares together. It has the fields of a share, except those about a share alone.
#[derive(Serialize)]
struct Merged {
    version: Value,
    /// Of `cr3play`.
    program: Value,
    #[serde(flatten)]
    search: Joined,
    /// What to know of a person's own text.
    notes: Value,
    /// The same of the form that it is compared with.
    against: Option<Joined>,
    /// These are about single exceptions, which each share has searched whole.
    differences: Value,
    no_differences: Value,
    shares: u64,
    /// The shares that something ended early.
    unfinished: Vec<Unfinished>,
}

/// A share that something ended early.
#[derive(Serialize)]
struct Unfinished {
    file: String,
    shard: String,
    depth: Value,
    obstacle: Value,
}

pub(crate) fn merge(arguments: &MergeArguments) -> ExitCode {
    exit(said(arguments), 3, 2)
}

fn said(arguments: &MergeArguments) -> Result<Verdict, WrongUse> {
    let shares = arguments.files.iter().map(|file| Share::read(file)).collect::<Result<Vec<_>, _>>()?;
    if let [first, others @ ..] = &shares[..] {
        others.iter().try_for_each(|other| alike(first, other))?;
    }
    let merged = Merged::new(&complete(shares)?);
    if arguments.json {
        print_json(&merged)?;
    } else {
        print(&text::text(&merged))?;
    }
    Ok(merged.search.said)
}

impl Merged {
    fn new(shares: &[Share]) -> Self {
        let answers: Vec<_> = shares.iter().map(|share| &share.answer).collect();
        let first = answers.first().copied().unwrap_or(&Value::Null);
        let single = searched_singly(&answers);
        let against: Vec<_> = answers.iter().map(|answer| &answer["against"]).filter(|form| !form.is_null()).collect();
        Self {
            version: first["version"].clone(),
            program: first["program"].clone(),
            search: Joined::new(&answers),
            notes: first["notes"].clone(),
            against: (!against.is_empty()).then(|| Joined::new(&against)),
            differences: single["differences"].clone(),
            no_differences: single["no_differences"].clone(),
            shares: shares.len() as u64,
            unfinished: shares.iter().filter(|share| share.early().is_some()).map(Unfinished::new).collect(),
        }
    }
}

impl Unfinished {
    fn new(share: &Share) -> Self {
        let Share { file, answer, index, of } = share;
        Self {
            file: file.clone(),
            shard: format!("{index}/{of}"),
            depth: answer["depth"].clone(),
            obstacle: answer["obstacle"].clone(),
        }
    }
}
