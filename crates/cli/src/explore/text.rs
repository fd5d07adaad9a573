//! The answer for a person.

use super::Searched;
use super::costs::costs;
use super::extent::{Broke, schedules, systems_so_far, why_early};
use super::why::{Without, needed};
use crate::forms::described;
use crate::shell::{kernel_option, quoted};
use crate::table::{Align, labelled, table, wrap};
use cr3_core::explore::{Assumption, Counts, Method, Reach, Report, Shard, Shorter, Standing, Verdict, Violation};
use cr3_session::view::verdict::UNTOLD;
use std::collections::BTreeSet;

/// `--list-assumptions`.
pub(super) fn assumptions() -> String {
    let one = |assumption: Assumption| {
        let parts = [assumption.sentence(), assumption.source(), assumption.off()];
        let [sentence, source, off] = parts.map(str::to_owned);
        format!("{assumption}\n")
            + &wrap(&sentence, 4)
            + &wrap(&format!("Reason: {source}."), 4)
            + &wrap(&format!("Off: {off}."), 4)
    };
    Assumption::ALL.into_iter().map(one).collect()
}

pub(super) fn text(searched: &Searched, against: Option<&Searched>, why: Option<&[Without]>) -> String {
    let mut text = one(searched)
        + &why
            .map_or(String::new(), |why| labelled("why", &needed(searched.report.verdict, searched.report.reach, why)));
    if let Some(against) = against {
        text.push('\n');
        text += &one(against);
    }
    text + &costs(searched, against) + "\n" + &labelled("again", &searched.command)
}

fn one(searched: &Searched) -> String {
    let Searched { query, report, name, .. } = searched;
    let form = query.configs.first().map_or_else(|| name.clone(), |config| described(name, config));
    let counts = &report.counts;
    // Of random schedules each strike is a choice; otherwise each choice that is a schedule is one more strike.
    let (label, struck) = searched.random.map_or(("choices", "schedules"), |_| ("strikes", "struck"));
    let choices = sums(counts, struck);
    let mut text = [
        labelled("form", &form),
        labelled("systems", &systems(searched)),
        labelled("vectors", &vectors(searched)),
        query.shard.map_or(String::new(), |shard| share(shard, searched)),
        labelled("verdict", &verdict(searched)),
        systems_so_far(searched),
        labelled(label, &choices),
        report.at_any_depth.map_or(String::new(), |counts| labelled("any depth", &at_any_depth(&counts))),
    ]
    .concat();
    let violations = report.violations.iter().zip(&searched.unmodelled);
    text += &violations.map(|(broken, said)| violation(searched, broken, said.as_deref())).collect::<String>();
    text +=
        &report.unconfirmed.iter().map(|text| wrap(&format!("not confirmed by a run: {text}"), 4)).collect::<String>();
    text + &assumed(searched)
}

fn sums(counts: &Counts, struck: &str) -> String {
    let excluded: u64 = Assumption::ALL.into_iter().map(|assumption| counts.excluded(assumption)).sum();
    format!("{}: {} refused, {excluded} excluded, {} {struck}", counts.choices(), counts.refused, counts.schedules)
}

/// The choices above are those of single exceptions.
fn at_any_depth(counts: &Counts) -> String {
    format!("choices in the runs that stand for all: {}", sums(counts, "strikes"))
}

fn share(shard: Shard, searched: &Searched) -> String {
    let repeats =
        ": it repeats the single exceptions of the other shares, so counts of shares must not be added up for depth 1";
    // Random schedules are dealt out, and nothing else is searched.
    let note = if searched.random.is_some() { "" } else { repeats };
    labelled("share", &format!("{shard}{note}"))
}

fn systems(searched: &Searched) -> String {
    let configs = &searched.query.configs;
    let features: BTreeSet<_> = configs.iter().map(|config| config.features).collect();
    let handlers: BTreeSet<_> = configs.iter().map(|config| config.handler).collect();
    let features: Vec<_> = features.iter().map(ToString::to_string).collect();
    let handlers: Vec<_> = handlers.iter().map(ToString::to_string).collect();
    let features = match features.as_slice() {
        [one] => format!("features {one}"),
        several => format!("{} sets of features ({})", several.len(), several.join("; ")),
    };
    match handlers.as_slice() {
        [one] => format!("{features}, handler {one}"),
        several => format!("{features}, each of the handlers {}", several.join(", ")),
    }
}

fn verdict(searched: &Searched) -> String {
    let Searched { query, report, .. } = searched;
    let share = query.shard.map_or(String::new(), |shard| format!(" in share {shard}"));
    match report.verdict {
        _ if searched.is_untold() => UNTOLD.to_owned(),
        Verdict::Holds => {
            let schedules = match report.reach {
                Reach::Depth(depth) => schedules(depth),
                Reach::Any => "every schedule of any depth and number".to_owned(),
            };
            format!("holds for {schedules}{share} ({}), under the assumptions below", vectors(searched))
        }
        Verdict::Breaks | Verdict::NotFinished if searched.random.is_some() => drawn(report, &share),
        Verdict::Breaks => breaks(searched, &share),
        Verdict::NotFinished => not_finished(report, &share),
        Verdict::Empty => format!("empty{share}: {}", nothing(report)),
    }
}

fn not_finished(report: &Report, share: &str) -> String {
    let covered = match report.depth {
        0 => "no depth was completed".to_owned(),
        depth => format!("{} was covered", schedules(depth)),
    };
    let early = why_early(report).map_or(String::new(), |why| format!("; {why}"));
    format!("not finished{share}; {covered}, and {} schedules were seen in all{early}", report.counts.schedules)
}

/// The outcomes of random schedules.
fn drawn(report: &Report, share: &str) -> String {
    let (runs, breaking) = (report.work.runs, report.counts.breaking);
    let early = why_early(report).map_or(String::new(), |why| format!("; {why}"));
    match report.verdict {
        Verdict::Breaks if runs == 0 => "breaks without any exception".to_owned(),
        Verdict::Breaks => format!("breaks{share}: {breaking} of {runs} random schedules{early}"),
        _ => none_breaks(share, runs) + &early,
    }
}

/// That so many random schedules break nothing.
pub(super) fn none_breaks(share: &str, runs: u64) -> String {
    format!("not finished{share}: none of {runs} random schedules breaks a promise; other schedules may")
}

fn vectors(searched: &Searched) -> String {
    let vectors: Vec<_> = searched.query.vectors.iter().map(|vector| vector.name()).collect();
    vectors.join(", ")
}

/// At which depth it breaks, and what was not searched for that reason.
fn breaks(searched: &Searched, share: &str) -> String {
    let Searched { query, report, .. } = searched;
    let broke = Broke {
        depth: report.violations.first().map_or(0, |violation| violation.depth() as u32),
        complete: report.depth,
        asked: (query.method != Method::Summaries).then_some(query.depth),
        schedules: report.counts.schedules,
        breaking: report.counts.breaking,
        early: why_early(report).map(|why| format!("the search did not finish: {why}")),
    };
    broke.words(share)
}

/// What struck nowhere.
fn nothing(report: &Report) -> String {
    let empty = report.settings.iter().find(|setting| setting.is_empty());
    empty.map_or_else(String::new, |setting| {
        let what = match setting.idle {
            Some(vector) => format!("{} struck nowhere", vector.mnemonic()),
            None => "no exception struck kernel code that runs on the user's tables".to_owned(),
        };
        format!(
            "`reached` does not hold: {what} with features {}, handler {}",
            setting.config.features, setting.config.handler
        )
    })
}

fn violation(searched: &Searched, violation: &Violation, unmodelled: Option<&str>) -> String {
    let Violation { broken, schedule, .. } = violation;
    let shorter = match violation.shorter {
        Shorter::None => String::new(),
        known => format!(" ({})", known.words()),
    };
    let strikes = match schedule.injections.is_empty() {
        true => "without any exception".to_owned(),
        false => schedule.to_string(),
    };
    wrap(&format!("breaks {} at step {}: {strikes}{shorter}", broken.invariant(), violation.step()), 4)
        + &wrap(&broken.to_string(), 8)
        + &unmodelled.map_or_else(String::new, |said| wrap(said, 8))
        + &wrap(&command(searched, violation), 8)
}

/// The command that plays a counterexample.
pub(super) fn command(searched: &Searched, violation: &Violation) -> String {
    let (config, form) = (&violation.config, &searched.options);
    let mut command = format!("cr3play run {form} --features {} --handler {}", config.features, config.handler);
    command += &kernel_option(config.kernel);
    if !violation.schedule.injections.is_empty() {
        command += &format!(" --inject {}", quoted(&violation.schedule.to_string()));
    }
    command
}

fn assumed(searched: &Searched) -> String {
    let Searched { query, report, .. } = searched;
    let row = |assumption: Assumption| {
        let standing = query.standing(assumption);
        let label = if standing.is_assumed() { "assumes " } else { "" };
        let state = match standing {
            Standing::Excludes => format!("{} excluded", report.excluded(assumption)),
            Standing::KeepsOut(handler) => format!("no system runs `{handler}`"),
            Standing::Off | Standing::OffUnused(_) | Standing::Given(_) => standing.to_string(),
        };
        vec![label.to_owned(), assumption.id().to_owned(), state]
    };
    let rows: Vec<_> = Assumption::ALL.into_iter().map(row).collect();
    table(&[Align::Left, Align::Left, Align::Left], &rows)
}
