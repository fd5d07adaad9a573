//! What single exceptions cost, and whether the costs of two forms may be compared.

use super::Searched;
use crate::table::{Align, table, wrap};
use cr3_core::counters::Counter;
use cr3_core::explore::{Method, Report, Setting, Verdict, follows_instructions};
use cr3_core::linux::Config;

/// The counters that say what a form costs.
const SHOWN: [Counter; 10] = [
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

/// The most that one schedule counts, and where.
pub(super) struct Worst<'a> {
    pub(super) most: u64,
    pub(super) schedule: String,
    pub(super) config: &'a Config,
}

pub(super) fn total(report: &Report, counter: Counter) -> u64 {
    report.settings.iter().map(|setting| setting.costs.total[counter]).sum()
}

/// Schedules that the totals sum: those of one exception that break nothing.
pub(super) fn counted(report: &Report) -> u64 {
    report.settings.iter().map(|setting| setting.costs.schedules).sum()
}

/// The worst schedule: the first system and step counts.
pub(super) fn worst(report: &Report, counter: Counter) -> Option<Worst<'_>> {
    let worst = |setting: &Setting| setting.costs.worst(counter).map_or(0, |(most, ..)| most);
    let most = report.settings.iter().map(worst).max().filter(|most| *most != 0)?;
    let setting = report.settings.iter().find(|setting| worst(setting) == most)?;
    let (_, step, vector) = setting.costs.worst(counter)?;
    Some(Worst { most, schedule: setting.schedule(step, vector)?.to_string(), config: &setting.config })
}

/// Whether a search knows a counter of every schedule.
pub(super) fn is_known(method: Method, counter: Counter) -> bool {
    method == Method::Plain || follows_instructions(counter)
}

/// Whether the costs are those of all single exceptions that break nothing.
pub(super) fn are_complete(searched: &Searched) -> bool {
    searched.report.depth >= 1
}

/// Why the costs of two forms must not be subtracted, if so.
pub(super) fn no_differences(one: &Searched, other: &Searched) -> Option<String> {
    let unfit = |searched: &Searched| Some(format!("form {} {}", searched.name, not_holding(&searched.report)?));
    let counts = [one, other].map(|searched| counted(&searched.report));
    let unequal = || {
        let [one, other] = counts;
        (one != other).then(|| format!("the forms have {one} and {other} schedules"))
    };
    unfit(one).or_else(|| unfit(other)).or_else(unequal)
}

/// What keeps single exceptions from holding.
fn not_holding(report: &Report) -> Option<&'static str> {
    match report.verdict {
        _ if report.violations.first().is_some_and(|violation| violation.depth() == 0) => {
            Some("breaks without any exception")
        }
        _ if report.violations.first().is_some_and(|violation| violation.depth() == 1) => {
            Some("breaks with one exception")
        }
        Verdict::Empty => Some("says nothing: its verdict is empty"),
        _ if report.depth == 0 => Some("did not finish depth 1"),
        _ if !report.unconfirmed.is_empty() => Some("has breakages that no run confirms"),
        _ => None,
    }
}

/// The table; nothing where depth 1 is not complete.
pub(super) fn costs(searched: &Searched, against: Option<&Searched>) -> String {
    if !are_complete(searched) || against.is_some_and(|against| !are_complete(against)) {
        return String::new();
    }
    let reason = against.and_then(|against| no_differences(searched, against));
    let shown = || SHOWN.into_iter().filter(|counter| is_known(searched.query.method, *counter));
    let mut rows = vec![head(searched, against), counted_row(searched, against)];
    rows.extend(shown().map(|counter| row(searched, against, counter, reason.as_deref())));
    let aligns = [Align::Left, Align::Right, Align::Right, Align::Right];
    let columns = if against.is_some() { 4 } else { 2 };
    let mut text = format!("\nsingle exceptions that break nothing\n{}", table(&aligns[..columns], &rows));
    text += &reason.map_or(String::new(), |reason| wrap(&format!("n/c: not comparable, since {reason}"), 0));
    let most: Vec<_> = shown().filter_map(|counter| most(searched, counter)).collect();
    if !most.is_empty() {
        text += &format!("\nthe most of one of them, form {}\n{}", searched.name, most.concat());
    }
    text
}

fn head(searched: &Searched, against: Option<&Searched>) -> Vec<String> {
    let mut head = vec![String::new(), searched.name.clone()];
    head.extend(against.into_iter().flat_map(|against| [against.name.clone(), "difference".to_owned()]));
    head
}

fn counted_row(searched: &Searched, against: Option<&Searched>) -> Vec<String> {
    let counts = std::iter::once(searched).chain(against).map(|searched| counted(&searched.report).to_string());
    let mut row: Vec<_> = std::iter::once("schedules counted".to_owned()).chain(counts).collect();
    row.extend(against.map(|_| String::new()));
    row
}

fn row(searched: &Searched, against: Option<&Searched>, counter: Counter, reason: Option<&str>) -> Vec<String> {
    let one = total(&searched.report, counter);
    let mut row = vec![counter.label().to_owned(), one.to_string()];
    if let Some(against) = against {
        let other = total(&against.report, counter);
        let difference = reason.map_or_else(|| format!("{:+}", difference(one, other)), |_| "n/c".to_owned());
        row.extend([other.to_string(), difference]);
    }
    row
}

/// How much more the other form counts.
pub(super) fn difference(one: u64, other: u64) -> i64 {
    other as i64 - one as i64
}

/// The most of a counter, where, and on which of the systems if there are several.
fn most(searched: &Searched, counter: Counter) -> Option<String> {
    let Worst { most, schedule, config } = worst(&searched.report, counter)?;
    let system = match searched.query.configs.len() {
        1 => String::new(),
        _ => format!(", features {}, handler {}", config.features, config.handler),
    };
    Some(wrap(&format!("{}: {most}, {schedule}{system}", counter.label()), 4))
}
