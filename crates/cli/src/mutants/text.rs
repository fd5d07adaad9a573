//! The answer for a person.

use super::MutantsArguments;
use crate::shell::quoted;
use crate::table::{Align, cut, labelled, table, wrap};
use cr3_core::explore::Violation;
use cr3_core::mutants::{Extra, Judged, LineFate, Macro, Report, Score, VECTORS, Verdict};

pub(super) fn text(report: &Report) -> String {
    [head(report), by_line(report), survivors(report), strays(report)].concat()
}

/// `--lines`.
pub(super) fn lines(report: &Report) -> String {
    let mut text = searched(report) + &original(report);
    for part in Macro::ALL {
        let fates: Vec<_> = report.lines().filter(|fate| fate.part == part).collect();
        let Some(first) = fates.first() else { continue };
        text += &format!("\n{part}: {}\n", first.source);
        text += &fates.iter().map(fate).collect::<String>();
    }
    text
}

fn fate(fate: &LineFate<'_>) -> String {
    let reason = fate.reason.map_or(String::new(), |reason| wrap(reason, 9));
    format!("{:>5}  {}\n{}{reason}", fate.line, fate.statement, wrap(&without(fate.without), 9))
}

/// One mutant.
pub(super) fn one(arguments: &MutantsArguments, report: &Report) -> String {
    let each = |judged: &Judged| {
        let said = match &judged.verdict {
            Verdict::Killed(violation) => killer(violation),
            Verdict::NotAssembling(error) => error.clone(),
            Verdict::SameBytes(other) => other.map_or_else(|| "the form itself".to_owned(), |id| id.to_string()),
            Verdict::Equivalent(extra) => format!("{} inputs", extra.inputs),
            Verdict::Slower(extra) => cost(extra),
            Verdict::StrayStore { address } => format!("to {address:#x}"),
            Verdict::Survivor => judged.reason(report.form).unwrap_or("nothing breaks").to_owned(),
        };
        change(judged).trim_start().to_owned()
            + &labelled("verdict", &format!("{}: {said}", judged.verdict.name()))
            + &again(arguments, judged)
    };
    searched(report) + &original(report) + &report.judged.iter().map(each).collect::<String>()
}

/// The command that plays what kills a mutant.
fn again(arguments: &MutantsArguments, judged: &Judged) -> String {
    let Verdict::Killed(violation) = &judged.verdict else { return String::new() };
    let config = &violation.config;
    let inject = match violation.schedule.injections.is_empty() {
        true => String::new(),
        false => format!(" --inject {}", quoted(&violation.schedule.to_string())),
    };
    let (form, tree) = (arguments.form(), arguments.tree());
    let text = format!(
        "cr3play mutants{form} {} --show | cr3play run{tree} --macro - --features {} --handler {}{inject}",
        judged.mutant.id, config.features, config.handler
    );
    labelled("again", &text)
}

/// What fails without a line.
fn without(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Killed(violation) => format!("without it {}", killer(violation)),
        Verdict::NotAssembling(error) => format!("without it the text does not assemble: {error}"),
        Verdict::SameBytes(_) => "without it the code is the same: nothing fails".to_owned(),
        Verdict::Equivalent(_) => "nothing fails without it".to_owned(),
        Verdict::Slower(extra) => format!("nothing fails without it, but it costs {}", cost(extra)),
        Verdict::StrayStore { address } => format!("without it a store goes astray, to {address:#x}"),
        Verdict::Survivor => "nothing fails without it, but the result differs".to_owned(),
    }
}

fn cost(extra: &Extra) -> String {
    let Extra { inputs, writes, flushes } = extra;
    format!("{writes} more writes to CR3 and {flushes} more flushes over {inputs} inputs")
}

fn killer(violation: &Violation) -> String {
    let strikes = match violation.schedule.injections.is_empty() {
        true => "without any exception".to_owned(),
        false => violation.schedule.to_string(),
    };
    let config = &violation.config;
    format!(
        "{} breaks at step {}: {strikes}, features {}, handler {}",
        violation.broken.invariant(),
        violation.step(),
        config.features,
        config.handler
    )
}

fn searched(report: &Report) -> String {
    let vectors: Vec<_> = VECTORS.iter().map(|vector| vector.name()).collect();
    let exceptions =
        if report.depth == 1 { "one exception".to_owned() } else { format!("up to {} exceptions", report.depth) };
    labelled("form", &format!("{}: {}", report.form, report.form.description()))
        + &labelled("searched", &format!("{exceptions} of {}, the standard set of systems", vectors.join(", ")))
}

fn original(report: &Report) -> String {
    let Some(violation) = report.original.first() else { return String::new() };
    let text = format!(
        "the form itself breaks on {} of the systems that come first, so no mutant is searched; on one of them {}",
        report.original.len(),
        killer(violation)
    );
    labelled("no answer", &text)
}

fn head(report: &Report) -> String {
    let counts = Verdict::NAMES.into_iter().map(|name| format!("{} {name}", report.count(name)));
    let counts: Vec<_> = counts.collect();
    let Score { killed, of } = report.score();
    let (whole, tenth) = (report.score().per_mille() / 10, report.score().per_mille() % 10);
    let unconfirmed: String = report.unconfirmed.iter().map(|text| labelled("not seen", text)).collect();
    searched(report)
        + &original(report)
        + &labelled("mutants", &format!("{}: {}", report.judged.len(), counts.join(", ")))
        + &labelled(
            "score",
            &format!("{killed} of {of} ({whole}.{tenth} %): killed or stray-store, of those and the survivors"),
        )
        + &unconfirmed
}

/// How many mutants of each line have which verdict.
fn by_line(report: &Report) -> String {
    let mut text = String::new();
    for part in Macro::ALL {
        let of_part: Vec<_> = report.judged.iter().filter(|judged| judged.mutant.id.part == part).collect();
        let Some(first) = of_part.first() else { continue };
        text += &format!("\n{part}: {}\n", first.mutant.source);
        let rows: Vec<_> = std::iter::once(title()).chain(deleted(&of_part).map(|line| row(&of_part, line))).collect();
        let numbers = [Align::Right].into_iter().chain([Align::Left]).chain([Align::Right; 7]);
        text += &table(&numbers.collect::<Vec<_>>(), &rows);
    }
    text
}

fn title() -> Vec<String> {
    let names = ["line", "statement", "killed", "stray", "slower", "equiv.", "bytes", "no asm", "left"];
    names.map(str::to_owned).to_vec()
}

/// One mutant of each statement: every statement can be deleted.
fn deleted<'a>(judged: &'a [&'a Judged]) -> impl Iterator<Item = &'a Judged> {
    let mut seen = 0;
    judged.iter().copied().filter(move |judged| {
        let is_new = judged.mutant.id.statement != seen;
        seen = judged.mutant.id.statement;
        is_new
    })
}

fn row(all: &[&Judged], line: &Judged) -> Vec<String> {
    let here = |judged: &&&Judged| judged.mutant.id.statement == line.mutant.id.statement;
    let count = |name| all.iter().filter(here).filter(|judged| judged.verdict.name() == name).count();
    let counts =
        Verdict::NAMES.into_iter().map(count).map(|count| if count == 0 { String::new() } else { count.to_string() });
    let statement = cut(&line.mutant.old, 38);
    [line.mutant.line.to_string(), statement].into_iter().chain(counts).collect()
}

fn survivors(report: &Report) -> String {
    let survivors: String = report.survivors().map(|judged| survivor(report, judged)).collect();
    if survivors.is_empty() { "\nno survivors\n".to_owned() } else { format!("\nsurvivors\n{survivors}") }
}

fn change(judged: &Judged) -> String {
    let mutant = &judged.mutant;
    let new = if mutant.new.is_empty() { "nothing" } else { &mutant.new };
    wrap(&format!("{}, {} line {}: {} becomes {new}", mutant.id, mutant.source, mutant.line, mutant.old), 4)
}

fn survivor(report: &Report, judged: &Judged) -> String {
    change(judged) + &judged.reason(report.form).map_or(String::new(), |reason| wrap(reason, 8))
}

fn strays(report: &Report) -> String {
    let stray = |judged: &Judged| match judged.verdict {
        Verdict::StrayStore { address } => Some(change(judged) + &wrap(&format!("stores to {address:#x}"), 8)),
        _ => None,
    };
    let strays: String = report.judged.iter().filter_map(stray).collect();
    if strays.is_empty() { strays } else { format!("\nstores where the form stores nothing\n{strays}") }
}
