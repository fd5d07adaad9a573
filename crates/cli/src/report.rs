//! `cr3play report`.

use crate::arguments::{Asked, Format, ReportArguments};
use crate::findings;
use crate::input::read;
use crate::outcome::{Outcome, WrongUse, print, tell};
use cr3_core::linux::{Base, Form};
use cr3_core::trace::Trace;
use cr3_jobs::Jobs;
use cr3_session::choice::Judging;
use cr3_session::explore::wire::{Pace, Request};
use cr3_session::export::Export;
use cr3_session::link::{self, Link};
use cr3_session::{Action, Settings, Side, State, report, update};
use std::path::Path;

pub(crate) fn report(arguments: &ReportArguments) -> Result<Outcome, WrongUse> {
    let state = judged(opened(arguments)?, arguments.verdict);
    let link = link::encode(&state.link());
    let address = format!("{}#{link}", arguments.base_address);
    let format = if arguments.system.json { Format::Json } else { arguments.format };
    let export = |export: Export| export.file(&state, &address, &report::text(&state, &address));
    print(&match format {
        Format::Text => report::text(&state, &address),
        Format::Link => link::file(&link),
        Format::Json => export(Export::Json),
        Format::Csv => export(Export::Csv),
        Format::Svg => export(Export::Svg),
        Format::Html => export(Export::Html),
    })?;
    let runs: Vec<&Trace> = Side::BOTH.into_iter().filter_map(|side| state.runs.trace(side)).collect();
    match runs.len() {
        2 => findings::outcome(&runs),
        _ => Ok(Outcome::Finding),
    }
}

fn opened(arguments: &ReportArguments) -> Result<State, WrongUse> {
    let link = match &arguments.link {
        Some(given) => found(given)?,
        None => link::encode(&of_options(arguments)?),
    };
    let judging = if arguments.verdict == Asked::No { Judging::Off } else { Judging::ByItself };
    let state = State::open(&link, Settings { judging, ..Settings::default() });
    if let Some(notice) = state.notice.as_ref().filter(|_| arguments.link.is_some()) {
        tell(&format!("cr3play: {notice}\n"));
    }
    Ok(state)
}

/// The link that is given, or that a file holds.
fn found(given: &str) -> Result<String, WrongUse> {
    if let Some(link) = link::find(given) {
        return Ok(link);
    }
    let text = read(Path::new(given))?;
    link::find(&text).ok_or_else(|| {
        WrongUse::new(
            format!("{given} has no link"),
            "a link begins with #v=; the page copies one, or saves it as a file",
        )
    })
}

/// The link of what the options choose.
fn of_options(arguments: &ReportArguments) -> Result<Link, WrongUse> {
    let usual = arguments.system.usual_pair();
    let forms = arguments.forms.as_deref().unwrap_or(usual);
    let configs = arguments.system.configs(Some(forms))?;
    let [left, right] = configs.as_slice() else {
        return Err(WrongUse::new(format!("a report is about two forms, not {}", configs.len()), "try --forms A,E"));
    };
    if configs.iter().any(|config| config.base != Base::BuiltIn) {
        return Err(WrongUse::new("no link carries a kernel tree", "`cr3play compare` takes --tree"));
    }
    let mut texts = configs.iter().filter(|config| config.form == Form::Custom).map(|config| config.custom.to_string());
    let custom = texts.next();
    let other = texts.next().filter(|other| Some(other) != custom.as_ref());
    if custom.iter().chain(&other).any(|text| text.len() > link::TEXT_LIMIT) {
        let cause = format!("a link carries a text of up to {} KiB", link::TEXT_LIMIT >> 10);
        return Err(WrongUse::new(cause, "leave out what is no macro; `cr3play compare` takes longer texts"));
    }
    let forms = [left.form, right.form];
    let scenario = arguments.strikes.scenario(left.clone());
    let config = scenario.config;
    Ok(Link {
        forms,
        features: config.features,
        kernel: config.kernel,
        handler: config.handler,
        geometry: config.geometry,
        schedule: scenario.schedule,
        custom,
        right: other,
        ..Link::default()
    })
}

/// Steps of a slice of a search.
const STEPS: u64 = 10_000_000;

/// The state with what the explorer says, as the page has it.
fn judged(state: State, asked: Asked) -> State {
    let pace = match asked {
        Asked::No => return state,
        Asked::Single => Pace::Rest,
        Asked::Deep => Pace::Deepen,
    };
    let mut jobs = Jobs::default();
    state.searches().into_iter().for_each(|(_, request)| jobs.take(request));
    jobs.take(Request::Go(pace));
    let mut state = state;
    while !jobs.is_idle() {
        for (ticket, told) in jobs.slice(STEPS) {
            state = update(&state, Action::Explored(ticket, told));
        }
    }
    state
}
