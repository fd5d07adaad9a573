//! `cr3play tlb`.

use crate::arguments::TlbArguments;
use crate::input::read;
use crate::outcome::{Outcome, WrongUse, print, print_json};
use crate::table::wrap;
use cr3_vectors::{self as vectors, Report};
use serde::Serialize;

#[derive(Serialize)]
struct FileReport {
    file: String,
    passed: usize,
    failed: usize,
    unrepresentable: usize,
    vectors: Vec<VectorReport>,
}

#[derive(Serialize)]
struct VectorReport {
    id: String,
    title: String,
    source: String,
    /// `passed`, `failed` or `unrepresentable`.
    outcome: &'static str,
    /// What differed, or why it cannot be run.
    details: Vec<String>,
}

pub(crate) fn tlb(arguments: &TlbArguments) -> Result<Outcome, WrongUse> {
    let name = arguments.file.display().to_string();
    let text = read(&arguments.file)?;
    let suite = vectors::parse(&name, &text)
        .map_err(|error| WrongUse::new(error, "testdata/README.md describes the format of vectors"))?;
    let report = file_report(name, vectors::run(&suite));
    if arguments.json {
        print_json(&report)?;
    } else {
        print(&report_text(&report))?;
    }
    Ok(Outcome::finding_if(report.failed != 0))
}

fn file_report(file: String, reports: Vec<Report>) -> FileReport {
    let vectors: Vec<_> = reports.into_iter().map(vector_report).collect();
    let count = |outcome| vectors.iter().filter(|vector| vector.outcome == outcome).count();
    FileReport { file, passed: count(PASSED), failed: count(FAILED), unrepresentable: count(UNREPRESENTABLE), vectors }
}

const PASSED: &str = "passed";
const FAILED: &str = "failed";
const UNREPRESENTABLE: &str = "unrepresentable";

fn vector_report(report: Report) -> VectorReport {
    let (outcome, details) = match report.outcome {
        vectors::Outcome::Passed => (PASSED, Vec::new()),
        vectors::Outcome::Failed(differences) => (FAILED, differences),
        vectors::Outcome::Unrepresentable(reason) => (UNREPRESENTABLE, vec![reason]),
    };
    VectorReport { id: report.id, title: report.title, source: report.source, outcome, details }
}

fn report_text(report: &FileReport) -> String {
    let mut text = String::new();
    for VectorReport { id, title, outcome, details, .. } in &report.vectors {
        let outcome = if *outcome == UNREPRESENTABLE { "not run" } else { outcome };
        text += &wrap(&format!("{outcome} {id}: {title}"), 0);
        details.iter().for_each(|detail| text += &wrap(detail, 4));
    }
    let FileReport { passed, failed, unrepresentable, .. } = report;
    text + &format!("{passed} passed, {failed} failed, {unrepresentable} not run\n")
}
