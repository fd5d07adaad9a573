//! The answer as JSON.

use super::Standing;
use crate::diagnostic;
use cr3_core::explore::{Shorter, Violation};
use cr3_core::linux::System;
use cr3_core::mutants::{Extra, Judged, Report, Verdict};
use serde::Serialize;
use std::collections::BTreeMap;

/// Grows when a field changes its meaning or goes away.
const VERSION: u32 = 1;

#[derive(Serialize)]
pub(super) struct Answer {
    version: u32,
    form: &'static str,
    /// What to know of a person's own text.
    notes: Vec<diagnostic::Report>,
    /// The most exceptions of a schedule.
    depth: u32,
    vectors: Vec<&'static str>,
    /// `enough`, `too-few` or `no-answer`.
    standing: &'static str,
    /// How many mutants have each verdict.
    counts: BTreeMap<&'static str, u64>,
    score: Score,
    mutants: Vec<Mutant>,
    /// What breaks the form itself.
    original: Vec<Broken>,
    /// What the runner does not confirm: mistakes of the explorer.
    unconfirmed: Vec<String>,
}

#[derive(Serialize)]
struct Score {
    killed: u64,
    of: u64,
    per_mille: u64,
}

#[derive(Serialize)]
struct Mutant {
    id: String,
    source: String,
    line: u32,
    old: String,
    new: String,
    verdict: &'static str,
    /// The shortest schedule that kills it.
    killed_by: Option<Broken>,
    /// What it does more, or that it does the same.
    same: Option<Same>,
    /// Whose code it makes, if that is known: `original` or the id of a mutant.
    same_bytes: Option<String>,
    /// Physical address of a word that it stores to.
    stray_store: Option<String>,
    /// Why nothing kills it.
    reason: Option<&'static str>,
    /// What the assembler says.
    error: Option<String>,
}

/// Sums over everything that the macro may be given.
#[derive(Serialize)]
struct Same {
    inputs: u64,
    more_cr3_writes: u64,
    more_flushes: u64,
}

#[derive(Serialize)]
struct Broken {
    promise: &'static str,
    message: String,
    features: String,
    handler: String,
    schedule: String,
    /// At which it breaks, counted from 1.
    step: u32,
    minimal: bool,
}

impl Answer {
    pub(super) fn new(report: &Report, standing: Standing, own: Option<&System>) -> Self {
        let score = report.score();
        Self {
            version: VERSION,
            form: report.form.name(),
            notes: diagnostic::Report::of_system(own),
            depth: report.depth,
            vectors: cr3_core::mutants::VECTORS.iter().map(|vector| vector.name()).collect(),
            standing: standing.name(),
            counts: Verdict::NAMES.into_iter().map(|name| (name, report.count(name))).collect(),
            score: Score { killed: score.killed, of: score.of, per_mille: score.per_mille() },
            mutants: report.judged.iter().map(|judged| Mutant::new(report, judged)).collect(),
            original: report.original.iter().map(Broken::new).collect(),
            unconfirmed: report.unconfirmed.clone(),
        }
    }
}

impl Mutant {
    fn new(report: &Report, judged: &Judged) -> Self {
        let Judged { mutant, verdict } = judged;
        Self {
            id: mutant.id.to_string(),
            source: mutant.source.clone(),
            line: mutant.line,
            old: mutant.old.clone(),
            new: mutant.new.clone(),
            verdict: verdict.name(),
            killed_by: if let Verdict::Killed(violation) = verdict { Some(Broken::new(violation)) } else { None },
            same: same(verdict),
            same_bytes: match verdict {
                Verdict::SameBytes(other) => Some(other.map_or_else(|| "original".to_owned(), |id| id.to_string())),
                _ => None,
            },
            stray_store: match verdict {
                Verdict::StrayStore { address } => Some(format!("{address:#x}")),
                _ => None,
            },
            reason: judged.reason(report.form),
            error: if let Verdict::NotAssembling(error) = verdict { Some(error.clone()) } else { None },
        }
    }
}

fn same(verdict: &Verdict) -> Option<Same> {
    match verdict {
        Verdict::Equivalent(Extra { inputs, writes, flushes }) | Verdict::Slower(Extra { inputs, writes, flushes }) => {
            Some(Same { inputs: *inputs, more_cr3_writes: *writes, more_flushes: *flushes })
        }
        _ => None,
    }
}

impl Broken {
    fn new(violation: &Violation) -> Self {
        Self {
            promise: violation.broken.invariant(),
            message: violation.broken.to_string(),
            features: violation.config.features.to_string(),
            handler: violation.config.handler.to_string(),
            schedule: violation.schedule.to_string(),
            step: violation.step(),
            minimal: violation.shorter == Shorter::None,
        }
    }
}
