//! `cr3play report`.

use crate::arguments::{Asked, Format, ReportArguments};
use crate::findings;
use crate::input::read;
use crate::outcome::{Outcome, WrongUse, print, tell};
use crate::own_text::Given;
use cr3_core::linux::{Config, Form, TreeId};
use cr3_core::scenario::Scenario;
use cr3_core::trace::Trace;
use cr3_jobs::Jobs;
use cr3_session::choice::{Judging, Own};
use cr3_session::explore::Subject;
use cr3_session::explore::wire::{Pace, Request};
use cr3_session::export::Export;
use cr3_session::library::Library;
use cr3_session::link::{self, Link};
use cr3_session::{Action, Settings, Side, State, opening, report, update};
use std::path::Path;
use std::sync::Arc;

pub(crate) fn report(arguments: &ReportArguments) -> Result<Outcome, WrongUse> {
    let given = arguments.system.own.read()?;
    let mut library = Library::default();
    given.trees.iter().for_each(|(id, tree)| library.add(*id, tree.clone()));
    let state = opened(arguments, &given, &library)?;
    let state = judged(state, arguments.verdict, &library);
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

fn opened(arguments: &ReportArguments, given: &Given, library: &Library) -> Result<State, WrongUse> {
    let link = match &arguments.link {
        Some(link) => found(link)?,
        None => link::encode(&of_options(arguments, given)?),
    };
    let judging = if arguments.verdict == Asked::No { Judging::Off } else { Judging::ByItself };
    let settings = Settings { judging, budget: arguments.budget, ..Settings::default() };
    let state = opening::open(&link, settings, library);
    if arguments.link.is_some() {
        has_trees(&state, given)?;
        let notice = state.notice.iter().map(|notice| format!("cr3play: {notice}\n"));
        notice.for_each(|notice| tell(&notice));
    }
    Ok(state)
}

/// Whether the trees that are given are those that a link runs.
fn has_trees(state: &State, given: &Given) -> Result<(), WrongUse> {
    let wanted: Vec<_> = Side::BOTH.into_iter().filter_map(|side| state.setup.tree(side)).collect();
    let is_given = |id: &TreeId| given.trees.iter().any(|(given, _)| given == id);
    if let Some((id, tree)) = given.trees.iter().find(|(id, _)| !wanted.contains(id)) {
        let (cause, mend) = match wanted.first() {
            Some(wanted) => (
                format!("the link runs the kernel tree {wanted}"),
                "the number is a sum over the files that are read: give the tree as it was",
            ),
            None => ("the link runs no kernel tree".to_owned(), "leave --tree out"),
        };
        return Err(WrongUse::new(format!("{cause}, and --tree gives {id}, {}", tree.release()), mend));
    }
    if let Some(id) = wanted.iter().find(|id| !is_given(id)) {
        tell(&format!(
            "cr3play: the link runs the kernel tree {id}, which no link carries\n  give its folder with --tree DIR\n"
        ));
    }
    Ok(())
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
fn of_options(arguments: &ReportArguments, given: &Given) -> Result<Link, WrongUse> {
    let configs = arguments.system.pair(arguments.forms.as_deref(), given)?;
    let own = configs.each_ref().map(|config| own(config, given));
    let has_text = |(config, own): &(&Config, Own)| config.form == Form::Custom && own.has_text();
    let mut texts = configs.iter().zip(own).filter(has_text).map(|(config, _)| config.custom.to_string());
    let custom = texts.next();
    let right = texts.next().filter(|right| Some(right) != custom.as_ref());
    if custom.iter().chain(&right).any(|text| text.len() > link::TEXT_LIMIT) {
        let cause = format!("a link carries a text of up to {} KiB", link::TEXT_LIMIT >> 10);
        return Err(WrongUse::new(cause, "leave out what is no macro; `cr3play compare` takes longer texts"));
    }
    let forms = configs.each_ref().map(|config| config.form);
    let [left, _] = configs;
    let Scenario { config, schedule } = arguments.strikes.scenario(left);
    let Config { features, handler, geometry, .. } = config;
    // What trees have beside it the link's reader sees in the trees.
    let kernel = arguments.system.kernel;
    Ok(Link { forms, own, features, kernel, handler, geometry, schedule, custom, right, ..Link::default() })
}

/// What a custom form is.
fn own(config: &Config, given: &Given) -> Own {
    let named = config.base.tree().and_then(|tree| given.trees.iter().find(|(_, given)| Arc::ptr_eq(given, tree)));
    match named {
        Some((id, _)) if config.custom.is_empty() => Own::Tree(*id),
        Some((id, _)) => Own::EditedTree(*id),
        None => Own::Text,
    }
}

/// Steps of a slice of a search.
const STEPS: u64 = 10_000_000;

/// The state with what the explorer says, as the page has it.
fn judged(state: State, asked: Asked, library: &Library) -> State {
    let pace = match asked {
        Asked::No => return state,
        Asked::Single => Pace::Rest,
        Asked::Deep => Pace::Deepen,
    };
    let mut jobs = Jobs::default();
    state.searches().into_iter().for_each(|(_, request)| jobs.take(filled(request, library)));
    jobs.take(Request::Go(pace));
    let mut state = state;
    while !jobs.is_idle() {
        for (ticket, message) in jobs.slice(STEPS) {
            state = update(&state, Action::Explored(ticket, message));
        }
    }
    state
}

/// The request with the trees that it names.
fn filled(request: Request, library: &Library) -> Request {
    match request {
        Request::Judge(ticket, subject) => {
            let config = library.filled(&subject.config);
            Request::Judge(ticket, Subject { config, ..subject })
        }
        other => other,
    }
}
