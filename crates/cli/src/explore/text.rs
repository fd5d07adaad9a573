//! The answer for a person.

use super::Searched;
use super::arguments::{ExploreArguments, quoted};
use crate::table::{Align, labelled, table, wrap};
use cr3_core::counters::Counter;
use cr3_core::explore::{Assumption, Method, Report, Verdict, Violation, follows_instructions};
use cr3_core::linux::Form;
use std::collections::BTreeSet;

/// `--list-assumptions`.
pub(super) fn assumptions() -> String {
    let one = |assumption: Assumption| {
        let parts = [assumption.sentence(), assumption.source(), assumption.off()];
        let [sentence, source, off] = parts.map(str::to_owned);
        format!("{assumption}\n")
            + &wrap(&sentence, 4)
            + &wrap(&format!("Because: {source}."), 4)
            + &wrap(&format!("Off: {off}."), 4)
    };
    Assumption::ALL.into_iter().map(one).collect()
}

pub(super) fn text(arguments: &ExploreArguments, searched: &Searched, against: Option<&Searched>) -> String {
    let mut text = one(arguments, searched);
    if let Some(against) = against {
        text.push('\n');
        text += &one(arguments, against);
    }
    text + &costs(searched, against) + "\n" + &labelled("again", &searched.command)
}

fn form(searched: &Searched) -> &Form {
    searched.query.configs.first().map_or(&Form::E, |config| &config.form)
}

fn one(arguments: &ExploreArguments, searched: &Searched) -> String {
    let Searched { query, report, .. } = searched;
    let form = form(searched);
    let vectors: Vec<_> = query.vectors.iter().map(|vector| vector.name()).collect();
    let counts = &report.counts;
    let choices = format!(
        "{}: {} refused, {} excluded, {} schedules",
        counts.choices(),
        counts.refused,
        Assumption::ALL.into_iter().map(|assumption| counts.excluded(assumption)).sum::<u64>(),
        counts.schedules
    );
    let mut text = [
        labelled("form", &format!("{form}: {}", form.description())),
        labelled("systems", &systems(searched)),
        labelled("vectors", &vectors.join(", ")),
        labelled("verdict", &verdict(searched)),
        labelled("choices", &choices),
    ]
    .concat();
    text += &report.violations.iter().map(|violation| self::violation(arguments, violation)).collect::<String>();
    text +=
        &report.unconfirmed.iter().map(|told| wrap(&format!("not confirmed by a run: {told}"), 4)).collect::<String>();
    text + &assumed(searched)
}

fn systems(searched: &Searched) -> String {
    let configs = &searched.query.configs;
    let features: BTreeSet<_> = configs.iter().map(|config| config.features).collect();
    let handlers: BTreeSet<_> = configs.iter().map(|config| config.handler).collect();
    match configs.as_slice() {
        [config] => format!("features {}, handler {}", config.features, config.handler),
        _ => {
            let names: Vec<_> = handlers.iter().map(ToString::to_string).collect();
            format!("{} sets of features with each of the handlers {}", features.len(), names.join(", "))
        }
    }
}

/// Schedules of so many exceptions, in words.
fn schedules(depth: u32) -> String {
    match depth {
        0 => "no schedule".to_owned(),
        1 => "every schedule of one exception".to_owned(),
        _ => format!("every schedule of up to {depth} exceptions"),
    }
}

fn verdict(searched: &Searched) -> String {
    let Searched { query, report, .. } = searched;
    let share = query.shard.map_or(String::new(), |shard| format!(" in share {shard}"));
    match report.verdict {
        Verdict::Holds => format!("holds for {}{share}", schedules(report.depth)),
        Verdict::Breaks => {
            format!("breaks{share}: {} of {} schedules", report.counts.breaking, report.counts.schedules)
        }
        Verdict::NotFinished => format!("not finished{share}: covered is {}", schedules(report.depth)),
        Verdict::Empty => format!("empty{share}: {}", nothing(report)),
    }
}

/// Where nothing struck.
fn nothing(report: &Report) -> String {
    let empty = report.settings.iter().find(|setting| setting.is_empty());
    empty.map_or_else(String::new, |setting| {
        let where_to = if setting.counts.schedules == 0 { "anywhere" } else { "in the kernel on the user's tables" };
        format!(
            "nothing struck {where_to} with features {}, handler {}",
            setting.config.features, setting.config.handler
        )
    })
}

fn violation(arguments: &ExploreArguments, violation: &Violation) -> String {
    let Violation { broken, schedule, steps, .. } = violation;
    let minimal = if violation.is_minimal { "" } else { " (there may be a shorter one)" };
    let strikes = match schedule.injections.is_empty() {
        true => "without any exception".to_owned(),
        false => schedule.to_string(),
    };
    wrap(&format!("breaks {} after {steps} steps: {strikes}{minimal}", broken.invariant()), 4)
        + &wrap(&broken.to_string(), 8)
        + &wrap(&command(arguments, violation), 8)
}

/// The command that plays a counterexample.
pub(super) fn command(arguments: &ExploreArguments, violation: &Violation) -> String {
    let config = &violation.config;
    let form = match (&config.form, arguments.macro_file()) {
        (Form::Custom, Some(file)) => format!("--macro {}", quoted(&file)),
        (form, _) => format!("--form {form}"),
    };
    let mut command = format!("cr3play run {form} --features {} --handler {}", config.features, config.handler);
    if !violation.schedule.injections.is_empty() {
        command += &format!(" --inject {}", quoted(&violation.schedule.to_string()));
    }
    command
}

fn assumed(searched: &Searched) -> String {
    let Searched { query, report, .. } = searched;
    let row = |assumption: Assumption| {
        let runs = |handler| query.configs.iter().any(|config| config.handler.contains(handler));
        let excluded = match (query.assumed.holds(assumption), assumption.handler()) {
            (false, _) => "off".to_owned(),
            (true, Some(handler)) if runs(handler) => format!("off: --handler has {handler}"),
            (true, Some(handler)) => format!("no {handler}"),
            (true, None) => format!("{} excluded", report.excluded(assumption)),
        };
        vec!["assumes ".to_owned(), assumption.id().to_owned(), excluded]
    };
    let rows: Vec<_> = Assumption::ALL.into_iter().map(row).collect();
    table(&[Align::Left, Align::Left, Align::Left], &rows)
}

/// The counters that say what a form costs.
const COUNTED: [Counter; 10] = [
    Counter::Instructions,
    Counter::Cr3Writes,
    Counter::RedundantCr3Writes,
    Counter::FlushingCr3Writes,
    Counter::NoflushCr3Writes,
    Counter::DroppedEntries,
    Counter::RefillMisses,
    Counter::RequestedFlushes,
    Counter::KeptFlushes,
    Counter::LeftoverFlushes,
];

/// What single exceptions cost: all together, and the most that one of them does.
fn costs(searched: &Searched, against: Option<&Searched>) -> String {
    let exact = |counter: &Counter| searched.query.method == Method::Plain || follows_instructions(*counter);
    let rows = COUNTED.into_iter().filter(exact).map(|counter| {
        let mut row = vec![counter.label().to_owned()];
        let total = total(&searched.report, counter);
        row.push(total.to_string());
        if let Some(against) = against {
            let other = self::total(&against.report, counter);
            row.extend([other.to_string(), format!("{:+}", other as i64 - total as i64)]);
        }
        row.extend(worst(&searched.report, counter).map(|(most, place)| format!("at most {most}, {place}")));
        row
    });
    let mut head = vec!["single exceptions together".to_owned(), form(searched).to_string()];
    if let Some(against) = against {
        head.extend([form(against).to_string(), "difference".to_owned()]);
    }
    let rows: Vec<_> = std::iter::once(head).chain(rows).collect();
    let columns = if against.is_some() { 5 } else { 3 };
    let align = |column| if column == 0 || column + 1 == columns { Align::Left } else { Align::Right };
    let aligns: Vec<_> = (0..columns).map(align).collect();
    format!("\n{}", table(&aligns, &rows))
}

pub(super) fn total(report: &Report, counter: Counter) -> u64 {
    report.settings.iter().map(|setting| setting.costs.total[counter]).sum()
}

/// The most that one schedule counts, and where: the first system and step counts.
pub(super) fn worst(report: &Report, counter: Counter) -> Option<(u64, String)> {
    let worst = |setting: &cr3_core::explore::Setting| setting.costs.worst(counter).map_or(0, |(most, ..)| most);
    let most = report.settings.iter().map(worst).max().filter(|most| *most != 0)?;
    let setting = report.settings.iter().find(|setting| worst(setting) == most)?;
    let (_, step, vector) = setting.costs.worst(counter)?;
    Some((most, setting.schedule(step, vector)?.to_string()))
}
