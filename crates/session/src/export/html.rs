//! The comparison as a page of its own. It has no script and asks for nothing: its Content-Security-Policy says so too.

use super::markup::{escaped, label, name};
use super::timeline::svg;
use crate::choice::Side;
use crate::report::names;
use crate::runs::Runs;
use crate::state::State;
use crate::view::counters::{self, Count};
use crate::view::notes;
use crate::view::outcome::{no_run, not_comparable, outcome};
use crate::view::reason::reasons;
use crate::view::row::{Cell, row};
use crate::view::sentence::NO_STEP;
use std::ops::Range;

/// Rows of differences that stand in the table.
const ROWS: usize = 400;

const STYLE: &str = "\
body{font:15px/1.45 system-ui,sans-serif;max-width:75rem;margin:1.5rem auto;padding:0 1rem;color:#1a1a1a;background:#fff}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}
table{border-collapse:collapse}th,td{text-align:left;padding:2px 12px 2px 0;border-bottom:1px solid #ddd;vertical-align:top}
td.number,th.number{text-align:right;font-variant-numeric:tabular-nums}
pre,code{font:13px/1.4 ui-monospace,monospace}pre{overflow-x:auto;background:#f6f6f6;padding:.75rem}
svg{max-width:100%;height:auto}tr.differs td:first-child::before{content:'~ '}code{overflow-wrap:anywhere}";

pub(super) fn html(state: &State, address: &str, report: &str) -> String {
    let title = escaped(&name(state));
    let parts = [
        format!("<h1>{title}</h1>\n<p>Made by the CR3 playground {}. {}</p>\n", crate::VERSION, opens(address)),
        Side::BOTH.into_iter().filter_map(|side| tree(state, side)).collect(),
        section("How the runs ended", &outcomes(state)),
        section("Timeline", &svg(state)),
        section("Counters", &counted(state)),
        section("Differences", &differences(state)),
        noted(state),
        section("Report", &format!("<pre>{}</pre>\n", escaped(report))),
    ];
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n<style>\n{STYLE}\n</style>\n\
         <body>\n{}</body>\n</html>\n",
        parts.concat()
    )
}

fn section(title: &str, content: &str) -> String {
    format!("<h2>{title}</h2>\n{content}")
}

/// What opens the comparison again. A link without the page's address is for a person to append.
fn opens(address: &str) -> String {
    let address = escaped(address);
    match address.starts_with("http") {
        true => format!("<a href=\"{address}\">Open it there</a>, or drop this file on the page."),
        false => format!("Its link is <code>{address}</code>; the page also opens this file when it is dropped there."),
    }
}

/// The kernel tree that a side runs, which is not in this file either.
fn tree(state: &State, side: Side) -> Option<String> {
    state.setup.tree(side)?;
    let (side, label) = (["left", "right"][side.index()], escaped(&label(state, side)));
    Some(format!(
        "<p>The {side} side runs a kernel tree, {label}. Links do not carry trees: anyone who opens this link must open the tree as well.</p>\n"
    ))
}

fn outcomes(state: &State) -> String {
    let names = names(state);
    let one = |side: Side| {
        let words = outcome(&state.runs, side).map_or_else(|| no_run(&state.runs, side), |outcome| outcome.words());
        format!("<p><b>{}</b>: {}</p>\n", names[side.index()], escaped(&words))
    };
    let why = not_comparable(&state.runs, names);
    let why = why.map(|why| format!("<p>The counters are not comparable: {}.</p>\n", escaped(&why)));
    Side::BOTH.into_iter().map(one).chain(why).collect()
}

fn counted(state: &State) -> String {
    let [left, right] = names(state);
    let all = counters::bar(&state.runs).into_iter().chain(counters::others(&state.runs));
    let rows: String = all.map(|count| counter(&count)).collect();
    format!(
        "<table>\n<tr><th>counter</th><th class=\"number\">{left}</th><th class=\"number\">{right}</th>\
         <th class=\"number\">difference</th></tr>\n{rows}</table>\n"
    )
}

fn counter(count: &Count) -> String {
    let [left, right] = count.values.map(|value| value.map_or_else(|| "–".to_owned(), |value| value.to_string()));
    let delta = count.delta_text();
    let class = if delta.is_some() { " class=\"differs\"" } else { "" };
    format!(
        "<tr{class}><td>{}</td><td class=\"number\">{left}</td><td class=\"number\">{right}</td>\
         <td class=\"number\">{}</td></tr>\n",
        count.counter.label(),
        delta.unwrap_or_default()
    )
}

fn differences(state: &State) -> String {
    let runs = &*state.runs;
    let names = names(state);
    let ranges = &runs.comparison.differences;
    let total: usize = ranges.iter().map(ExactSizeIterator::len).sum();
    if total == 0 {
        return "<p>The runs are the same in every step.</p>\n".to_owned();
    }
    let mut left = ROWS;
    let places: String = ranges.iter().map(|range| place(runs, range, names, &mut left)).collect();
    let more = match total.saturating_sub(ROWS) {
        0 => String::new(),
        more => format!("<p>And {more} more rows.</p>\n"),
    };
    format!("<p>{total} of {} rows differ.</p>\n{places}{more}", runs.len())
}

fn place(runs: &Runs, range: &Range<usize>, names: [&str; 2], left: &mut usize) -> String {
    let shown = range.clone().take(*left);
    *left -= shown.len();
    if shown.len() == 0 {
        return String::new();
    }
    let rows: String = shown.map(|index| pair(runs, index)).collect();
    let why = escaped(&reasons(runs, range, names).join(". "));
    let [one, other] = names;
    format!("<p>{why}</p>\n<table>\n<tr><th>row</th><th>{one}</th><th>{other}</th></tr>\n{rows}</table>\n")
}

fn pair(runs: &Runs, index: usize) -> String {
    let [left, right] = row(runs, index).cells.map(|cell| cell.map_or_else(|| NO_STEP.to_owned(), |cell| step(&cell)));
    format!("<tr><td class=\"number\">{}</td><td>{left}</td><td>{right}</td></tr>\n", index + 1)
}

fn step(cell: &Cell) -> String {
    let marks: Vec<_> =
        cell.marks.iter().map(crate::view::row::Mark::words).filter(|words| !words.is_empty()).collect();
    let marks = if marks.is_empty() { String::new() } else { format!(" ({})", marks.join("; ")) };
    format!("{}, {}: <code>{}</code>{}", cell.step, escaped(&cell.place), escaped(&cell.text), escaped(&marks))
}

fn noted(state: &State) -> String {
    let notes = notes::notes(state);
    if notes.is_empty() {
        return String::new();
    }
    let one = |note: &notes::Noted| format!("<dt>{}</dt><dd>{}</dd>\n", escaped(&note.place), escaped(&note.text));
    section("Notes", &format!("<dl>\n{}</dl>\n", notes.iter().map(one).collect::<String>()))
}
