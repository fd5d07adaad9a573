//! How far a search came, in words.

use super::Searched;
use crate::table::{labelled, wrap};
use cr3_core::explore::{Method, Obstacle, Reach, Report, Setting, Verdict};

/// Where a search found what breaks.
pub(super) struct Broke {
    /// The exceptions of the counterexample.
    pub(super) depth: u32,
    /// The depth that is complete.
    pub(super) complete: u32,
    /// The depth that was asked for, if it has a number.
    pub(super) asked: Option<u32>,
    pub(super) schedules: u64,
    pub(super) breaking: u64,
    /// That the search did not finish, if something ended it early.
    pub(super) early: Option<String>,
}

impl Broke {
    /// At which depth it breaks, and what was not searched for that reason.
    pub(super) fn words(&self, share: &str) -> String {
        let Self { depth, complete, schedules: seen, breaking, .. } = *self;
        if depth == 0 {
            return "breaks without any exception".to_owned();
        }
        // What is summed up is not counted; single exceptions are.
        let is_counted = depth <= complete.max(1);
        let Some(asked) = self.asked.or(is_counted.then_some(depth)) else {
            let fewer = schedules(complete);
            return format!("breaks at depth {depth}; {fewer} keeps every promise ({seen} schedules){}", self.rest());
        };
        let up_to = if depth == 1 { String::new() } else { format!(" of up to {depth} exceptions") };
        let deeper = match asked.saturating_sub(depth) {
            0 => String::new(),
            1 => format!("; depth {asked} not searched"),
            _ => format!("; depths {} to {asked} not searched", depth + 1),
        };
        let rest = if complete < depth { self.rest() } else { String::new() };
        format!("breaks at depth {depth}{share}: {breaking} of {seen} schedules{up_to}{rest}{deeper}")
    }

    fn rest(&self) -> String {
        self.early.as_ref().map_or(String::new(), |early| format!("; {early}"))
    }
}

/// Schedules of so many exceptions, in words.
pub(super) fn schedules(depth: u32) -> String {
    match depth {
        1 => "every schedule of one exception".to_owned(),
        _ => format!("every schedule of up to {depth} exceptions"),
    }
}

/// Why a search ended early, and on which of several systems. Who stops it stops it on all of them.
pub(super) fn why_early(report: &Report) -> Option<String> {
    report.obstacle.as_ref().map(|(config, obstacle)| match (obstacle, report.settings.len()) {
        (Obstacle::Stopped, _) | (_, 1) => in_words(obstacle),
        _ => format!("with features {}, handler {}: {}", config.features, config.handler, in_words(obstacle)),
    })
}

/// What ended a search, and the option that mends it.
pub(super) fn in_words(obstacle: &Obstacle) -> String {
    let mend = match obstacle {
        Obstacle::Runs => "; try a larger --max-states",
        Obstacle::Memory => "; try a larger --max-memory",
        Obstacle::Handler(_) | Obstacle::Marks(_) => "; try --depth 2",
        Obstacle::Stopped | Obstacle::Steps(_) | Obstacle::Processor | Obstacle::Mistake(_) => "",
    };
    format!("{obstacle}{mend}")
}

/// How far each of several systems is, where the search ended early.
pub(super) fn systems_so_far(searched: &Searched) -> String {
    let Searched { query, report, random, .. } = searched;
    let settings = &report.settings;
    if report.obstacle.is_none() || settings.len() < 2 || random.is_some() {
        return String::new();
    }
    let (label, asked) = match query.method {
        Method::Summaries => ("any depth".to_owned(), Reach::Any),
        Method::Plain | Method::CutOff => (format!("depth {}", query.depth), Reach::Depth(query.depth)),
    };
    let through = settings.iter().filter(|setting| setting.reach >= asked).count();
    labelled(&label, &format!("{through} of {} systems", settings.len()))
        + &settings.iter().map(system).collect::<String>()
}

/// How far one system is.
fn system(setting: &Setting) -> String {
    let Setting { config, verdict, reach, obstacle, .. } = setting;
    let reach = match (verdict, reach) {
        (Verdict::Breaks, _) => "breaks".to_owned(),
        (_, Reach::Any) => "any depth".to_owned(),
        (_, Reach::Depth(0)) => "no depth".to_owned(),
        (_, Reach::Depth(depth)) => format!("depth {depth}"),
    };
    let why = obstacle.as_ref().map_or(String::new(), |obstacle| format!(": {}", in_words(obstacle)));
    wrap(&format!("{reach}, features {}, handler {}{why}", config.features, config.handler), 4)
}
