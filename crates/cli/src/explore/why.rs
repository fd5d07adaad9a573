//! Which assumptions a verdict needs: the outcome of the search without each of them.

use super::arguments::{Asked, ExploreArguments};
use super::{Searched, Settings, search};
use crate::outcome::WrongUse;
use cr3_core::explore::{Assumption, Assumptions, Method, Query, Standing, Verdict};
use cr3_core::linux::Config;

/// The outcome of a search that holds without one of its assumptions.
pub(super) struct Without {
    pub(super) assumption: Assumption,
    pub(super) verdict: Verdict,
    /// Choices that the assumption excludes in the search that holds.
    pub(super) excluded: u64,
}

/// Asked for by `--why` of a search that holds, and by `--without` of one that breaks: does it hold with what was turned off?
pub(super) fn why(
    arguments: &ExploreArguments,
    searched: &Searched,
    settings: &Settings,
) -> Result<Option<Vec<Without>>, WrongUse> {
    let query = &searched.query;
    let off: Vec<_> = query.assumed.off().collect();
    match searched.report.verdict {
        Verdict::Holds if arguments.why => {
            let all = query.assumed.iter().collect();
            each(arguments, searched, all, settings).map(Some)
        }
        Verdict::Breaks if !off.is_empty() => {
            let mut assumed = arguments.query(&base(query), Assumptions::default())?;
            if assumed.method != Method::Summaries {
                assumed.depth = searched.report.violations.first().map_or(1, |violation| violation.depth() as u32);
            }
            let held = again(searched, assumed, settings)?;
            if held.report.verdict != Verdict::Holds {
                return Ok(None);
            }
            match off[..] {
                [assumption] => {
                    let excluded = held.report.excluded(assumption);
                    Ok(Some(vec![Without { assumption, verdict: Verdict::Breaks, excluded }]))
                }
                _ => each(arguments, &held, off, settings).map(Some),
            }
        }
        _ => Ok(None),
    }
}

/// Searches the same form once more. The answer has no command that repeats it.
fn again(searched: &Searched, query: Query, settings: &Settings) -> Result<Searched, WrongUse> {
    let Searched { name, options, .. } = searched;
    search(Asked { query, name: name.clone(), options: options.clone() }, settings, String::new())
}

/// A configuration of the query: all have the same form. Its text is not read a second time, because standard input is gone.
fn base(query: &Query) -> Config {
    query.configs.first().cloned().unwrap_or_default()
}

/// The outcome of the search without each of `assumptions` alone, at the depth at which it holds.
fn each(
    arguments: &ExploreArguments,
    held: &Searched,
    assumptions: Vec<Assumption>,
    settings: &Settings,
) -> Result<Vec<Without>, WrongUse> {
    let without = |assumption| {
        let excluded = held.report.excluded(assumption);
        let verdict = match held.query.standing(assumption) {
            // What it excludes nowhere it might as well not exclude.
            Standing::Excludes if excluded == 0 => Verdict::Holds,
            Standing::Excludes | Standing::KeepsOut(_) => alone(arguments, held, assumption, settings)?,
            Standing::Off | Standing::OffUnused(_) | Standing::Given(_) => Verdict::Holds,
        };
        Ok(Without { assumption, verdict, excluded })
    };
    assumptions.into_iter().map(without).collect()
}

/// Systems that the search had are left out where only others join.
fn alone(
    arguments: &ExploreArguments,
    held: &Searched,
    assumption: Assumption,
    settings: &Settings,
) -> Result<Verdict, WrongUse> {
    let mut query = arguments.query(&base(&held.query), held.query.assumed.without(assumption))?;
    query.depth = held.query.depth;
    if assumption.handler().is_some() {
        query.configs.retain(|config| !held.query.configs.contains(config));
    }
    if query.configs.is_empty() {
        return Ok(Verdict::Holds);
    }
    Ok(again(held, query, settings)?.report.verdict)
}
