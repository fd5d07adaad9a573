//! Which assumptions a verdict needs: the outcome of the search without each of them.

use super::arguments::{Asked, ExploreArguments};
use super::{Searched, Settings, search};
use crate::outcome::WrongUse;
use cr3_core::explore::{Assumption, Assumptions, Method, Query, Reach, Standing, Verdict};
use cr3_core::linux::Config;

/// The outcome of a search that holds without one of its assumptions.
pub(super) struct Without {
    pub(super) assumption: Assumption,
    pub(super) verdict: Verdict,
    /// Choices that the assumption excludes in the search that holds.
    pub(super) excluded: u64,
}

impl Without {
    /// The assumption, and what it does in the search that holds.
    fn words(&self) -> String {
        let Self { assumption, excluded, .. } = self;
        match assumption.handler() {
            Some(handler) => format!("{assumption}, which keeps out the handler {handler}"),
            None => format!("{assumption}, which excludes {excluded} choices"),
        }
    }
}

/// Which assumptions a verdict needs, each taken away alone.
pub(super) fn needed(verdict: Verdict, reach: Reach, why: &[Without]) -> String {
    let those = |is_meant: fn(Verdict) -> bool| {
        why.iter().filter(|without| is_meant(without.verdict)).map(Without::words).collect::<Vec<_>>()
    };
    let breaking = those(|verdict| verdict == Verdict::Breaks);
    let unknown = those(|verdict| matches!(verdict, Verdict::NotFinished | Verdict::Empty));
    let breaks = match (breaking.as_slice(), verdict) {
        ([], _) => None,
        ([one], Verdict::Holds) => Some(format!("holds only because: {one}")),
        ([one], _) => Some(format!("it holds with {one}")),
        (several, Verdict::Holds) => Some(format!("holds only because of each of these: {}", several.join("; "))),
        (several, _) => Some(format!("it breaks without any one of these: {}", several.join("; "))),
    };
    let open = match unknown.as_slice() {
        [] => None,
        [one] => Some(format!("whether it holds without {one}, is not known")),
        several => Some(format!("whether it holds without any one of these is not known: {}", several.join("; "))),
    };
    match (breaks, open) {
        (None, None) => without_each(verdict, reach),
        (breaks, open) => breaks.into_iter().chain(open).collect::<Vec<_>>().join(". And "),
    }
}

/// That no assumption is needed by itself.
fn without_each(verdict: Verdict, reach: Reach) -> String {
    match (verdict, reach) {
        (Verdict::Holds, Reach::Any) => "it holds at any depth without any one of its assumptions, too".to_owned(),
        (Verdict::Holds, Reach::Depth(_)) => {
            "it holds to this depth without any one of its assumptions, too".to_owned()
        }
        _ => "it holds without any one of those that are off, and breaks without all of them".to_owned(),
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    #[track_caller]
    fn check(verdict: Verdict, without: &[(Assumption, Verdict)], expected: Expect) {
        let without: Vec<_> =
            without.iter().map(|&(assumption, verdict)| Without { assumption, verdict, excluded: 7 }).collect();
        expected.assert_eq(&needed(verdict, Reach::Any, &without));
    }

    #[test]
    fn what_a_verdict_needs_is_said_in_words() {
        let [vc, aligned, raw] = [Assumption::VcGap, Assumption::Aligned, Assumption::NoRawCr3];
        check(
            Verdict::Holds,
            &[(vc, Verdict::Holds)],
            expect!["it holds at any depth without any one of its assumptions, too"],
        );
        check(
            Verdict::Holds,
            &[(vc, Verdict::Breaks), (raw, Verdict::Holds)],
            expect!["holds only because: vc-gap, which excludes 7 choices"],
        );
        check(Verdict::Breaks, &[(vc, Verdict::Breaks)], expect!["it holds with vc-gap, which excludes 7 choices"]);
        check(
            Verdict::Breaks,
            &[(vc, Verdict::Holds), (raw, Verdict::Holds)],
            expect!["it holds without any one of those that are off, and breaks without all of them"],
        );
        check(
            Verdict::Holds,
            &[(vc, Verdict::Breaks), (raw, Verdict::Breaks)],
            expect![
                "holds only because of each of these: vc-gap, which excludes 7 choices; no-raw-cr3, which keeps out the handler rogue-cr3"
            ],
        );
        check(
            Verdict::Holds,
            &[(aligned, Verdict::NotFinished)],
            expect!["whether it holds without aligned, which keeps out the handler efi-call, is not known"],
        );
        check(
            Verdict::Holds,
            &[(vc, Verdict::Breaks), (aligned, Verdict::NotFinished), (raw, Verdict::Empty)],
            expect![
                "holds only because: vc-gap, which excludes 7 choices. And whether it holds without any one of these is not known: aligned, which keeps out the handler efi-call; no-raw-cr3, which keeps out the handler rogue-cr3"
            ],
        );
    }
}
