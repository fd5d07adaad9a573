//! `cr3play mutants`: threads and exit status; the mutants and what they come to are the library's.

mod arguments;
mod json;
mod text;

pub(crate) use arguments::{AFTER, MutantsArguments};

use crate::outcome::{WrongUse, print, print_json, tell};
use crate::{diagnostic, jobs, own_text};
use cr3_core::mutants::{Mutants, Report};
use std::process::ExitCode;

/// What the mutants of a form say about the explorer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Enough,
    TooFew,
    NoAnswer,
}

impl Standing {
    /// Deletions alone have no score: it is of all mutants.
    fn of(report: &Report, deletions: bool) -> Self {
        match () {
            () if !report.original.is_empty() || !report.unconfirmed.is_empty() => Self::NoAnswer,
            () if deletions || report.score().is_enough() => Self::Enough,
            () => Self::TooFew,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Enough => "enough",
            Self::TooFew => "too-few",
            Self::NoAnswer => "no-answer",
        }
    }
}

pub(crate) fn mutants(arguments: &MutantsArguments) -> ExitCode {
    match answer(arguments) {
        Ok(Standing::Enough) => ExitCode::SUCCESS,
        Ok(Standing::TooFew) => ExitCode::from(1),
        Ok(Standing::NoAnswer) => ExitCode::from(3),
        Err(wrong) => {
            tell(&format!("cr3play: {wrong}\n"));
            ExitCode::from(2)
        }
    }
}

fn answer(arguments: &MutantsArguments) -> Result<Standing, WrongUse> {
    let config = arguments.config()?;
    let own = own_text::system(Some(&config))?;
    if let Some(own) = own.as_ref().filter(|_| !arguments.json) {
        tell(&diagnostic::notes(&own.notes));
    }
    if let Some(id) = arguments.id.as_ref().filter(|_| arguments.show) {
        print(&arguments::named(id, &config)?.text)?;
        return Ok(Standing::Enough);
    }
    let mutants = Mutants::new(&arguments.query(config)?).map_err(|diagnostics| diagnostic::refused(&diagnostics))?;
    let report = judged(mutants, arguments.threads());
    let standing = Standing::of(&report, arguments.lines);
    match (arguments.json, arguments.lines) {
        (true, _) => print_json(&json::Answer::new(&report, standing, own.as_ref()))?,
        (false, true) => print(&text::lines(&report))?,
        (false, false) if arguments.id.is_some() => print(&text::one(arguments, &report))?,
        (false, false) => print(&text::text(&report))?,
    }
    Ok(standing)
}

fn judged(mut mutants: Mutants, threads: usize) -> Report {
    loop {
        let done = jobs::carry_out(mutants.tasks(), threads, |task| Some(task.run()));
        mutants.absorb(done);
        if let Some(report) = mutants.report() {
            return report;
        }
    }
}
