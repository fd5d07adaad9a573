//! What single tasks do: assemble a mutant, hold it against the form, search a system.

use super::body::{self, Mutant};
use super::proof::{Bench, Compared, Masks, Original};
use super::{Extra, Macro, Query, VECTORS, Verdict};
use crate::asm::{Diagnostic, Section};
use crate::counters::Counter;
use crate::explore::{
    self, Assumptions, Explorer, Method, Progress, Setting, Violation, standard_features, standard_handlers,
};
use crate::linux::written::{self, Macros};
use crate::linux::{self, Config, Features, Handler, Handlers, System};
use std::collections::BTreeSet;

/// Features of the standard set with which the macros are the same code.
#[derive(Debug)]
pub(super) struct Group {
    names: Vec<String>,
    features: Features,
    /// That of the form.
    pub(super) code: Vec<Section>,
    /// What the macros of the form do; nothing if they cannot be run alone.
    original: Option<Original>,
}

/// What all tasks know.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) query: Query,
    macros: Macros,
    pub(super) mutants: Vec<Mutant>,
    pub(super) groups: Vec<Group>,
    /// The standard set, of the form.
    pub(super) systems: Vec<Config>,
    /// How many systems come first: one of each group.
    pub(super) first: usize,
}

/// What the explorer says of a system.
#[derive(Clone, Debug, Default)]
pub(super) struct Searched {
    /// The shortest.
    pub(super) violation: Option<Violation>,
    pub(super) unconfirmed: Vec<String>,
    /// Whether single strikes make a handler ask for a flush by a bit of the mask.
    asks: bool,
}

/// A mutant that assembles.
pub(super) struct Tried {
    /// Its code in each group.
    pub(super) code: Vec<Vec<Section>>,
    /// What it does more in each group, if it does the same there.
    pub(super) same: Vec<Option<Extra>>,
}

impl Shared {
    pub(super) fn new(query: &Query) -> Result<Self, Vec<Diagnostic>> {
        let macros = Macros::of(&query.config)?;
        let mut mutants = body::mutants(&macros);
        mutants.retain(|mutant| query.chosen.has(mutant.id));
        let groups = groups(&macros)?;
        let (systems, first) = systems(&macros);
        Ok(Self { query: query.clone(), macros, mutants, groups, systems, first })
    }

    fn config(&self, mutant: &Mutant, features: Features, handler: Handlers) -> Config {
        Config { features, handler, ..written::with_text(&self.macros.config, &mutant.text) }
    }

    fn boot(&self, mutant: &Mutant, group: &Group) -> Result<System, Vec<Diagnostic>> {
        linux::boot(&self.config(mutant, group.features, Handlers::QUIET))
    }

    /// The code of each group, and what the mutant does more where it does the same.
    ///
    /// # Errors
    /// The assembler's message if it refuses the text in one of them.
    pub(super) fn tried(&self, index: usize) -> Result<Tried, String> {
        let mutant = self.mutants.get(index).ok_or("no such mutant")?;
        let (mut code, mut same) = (Vec::new(), Vec::new());
        for group in &self.groups {
            let system = self.boot(mutant, group).map_err(first_message)?;
            same.push(self.same(mutant, group, &system, Masks::Every));
            code.push(system.image.sections.clone());
        }
        Ok(Tried { code, same })
    }

    /// What the mutant does more, if it does the same in a group.
    fn same(&self, mutant: &Mutant, group: &Group, system: &System, masks: Masks) -> Option<Extra> {
        let bench = Bench::new(system, group.features, &self.macros)?;
        match group.original.as_ref()?.compare(&bench, mutant.id.part, masks) {
            Compared::Same(extra) => Some(extra),
            Compared::Different => None,
        }
    }

    /// The outcome of the form itself on a system.
    pub(super) fn original(&self, system: usize) -> Searched {
        let explorer = self.systems.get(system).and_then(|config| self.explorer(config));
        explorer.map_or_else(Searched::default, searched)
    }

    /// The explorer about one system; nothing if its text does not assemble.
    fn explorer(&self, config: &Config) -> Option<Explorer> {
        let query = explore::Query {
            configs: vec![config.clone()],
            vectors: VECTORS.to_vec(),
            depth: self.query.depth,
            assumed: Assumptions::default(),
            method: Method::CutOff,
            max_runs: None,
            shard: None,
        };
        Explorer::new(query).ok()
    }

    /// What the explorer says of a mutant on the first system from `from` on that it breaks; the form breaks none. Systems on which it does the
    /// same are left out.
    pub(super) fn hunted(&self, index: usize, same: &[bool], originals: &[Searched], from: usize) -> Searched {
        let mut all = Searched::default();
        let Some(mutant) = self.mutants.get(index) else { return all };
        let mut without_requests: Vec<Option<bool>> = vec![None; self.groups.len()];
        for (system, original) in self.systems.iter().zip(originals).skip(from) {
            let group = self.groups.iter().position(|group| group.names == names(system.features, &self.macros));
            // With more exceptions than one it is not known that nothing asks for a flush.
            let never_asks = self.query.depth == 1 && !original.asks;
            let mut is_same = |group: usize| {
                same.get(group) == Some(&true) || (never_asks && self.remembered(mutant, group, &mut without_requests))
            };
            if group.is_some_and(&mut is_same) {
                continue;
            }
            let config = self.config(mutant, system.features, system.handler);
            let explorer = self.explorer(&config).map(Explorer::for_shortest);
            let found = explorer.map_or_else(Searched::default, searched);
            all.unconfirmed.extend(found.unconfirmed);
            if found.violation.is_some() {
                return Searched { violation: found.violation, ..all };
            }
        }
        all
    }

    /// As [`Self::is_same_without_requests`], asked once for each group.
    fn remembered(&self, mutant: &Mutant, group: usize, known: &mut [Option<bool>]) -> bool {
        let ask = || self.is_same_without_requests(mutant, group);
        known.get_mut(group).is_some_and(|known| *known.get_or_insert_with(ask))
    }

    /// Whether a mutant does the same as the form in a group as long as no bit of the mask is set.
    fn is_same_without_requests(&self, mutant: &Mutant, group: usize) -> bool {
        let Some(group) = self.groups.get(group) else { return false };
        let system = self.boot(mutant, group);
        system.is_ok_and(|system| self.same(mutant, group, &system, Masks::Empty).is_some())
    }

    /// The verdict on a mutant that nothing kills.
    pub(super) fn left(&self, index: usize) -> Verdict {
        let Some(mutant) = self.mutants.get(index) else { return Verdict::Survivor };
        let stray = |group: &Group| {
            let system = self.boot(mutant, group).ok()?;
            let bench = Bench::new(&system, group.features, &self.macros)?;
            group.original.as_ref()?.stray_store(&bench, mutant.id.part)
        };
        let address = self.groups.iter().find_map(stray);
        address.map_or(Verdict::Survivor, |address| Verdict::StrayStore { address })
    }
}

fn first_message(diagnostics: Vec<Diagnostic>) -> String {
    diagnostics.into_iter().next().map_or_else(String::new, |diagnostic| diagnostic.message)
}

/// Steps between two looks whether a search is over.
const SLICE: u64 = 1_000_000;

fn searched(mut explorer: Explorer) -> Searched {
    while explorer.work(SLICE) == Progress::More {}
    let report = explorer.report();
    let asked = |setting: &Setting| setting.costs.total[Counter::RequestedFlushes];
    Searched {
        violation: report.violations.into_iter().next(),
        unconfirmed: report.unconfirmed,
        asks: report.settings.iter().map(asked).sum::<u64>() != 0,
    }
}

/// What decides which code the macros are: the names of features that are on and that their texts mention.
fn names(features: Features, macros: &Macros) -> Vec<String> {
    let sources = Macro::ALL.into_iter().filter_map(|part| macros.named(part.called(macros)));
    let texts: Vec<_> =
        sources.map(|written| written.source.text.as_str()).chain([macros.form.text.as_str()]).collect();
    written::mentioned(features, &texts)
}

/// The groups of the standard features, and what the form's macros do in each.
fn groups(macros: &Macros) -> Result<Vec<Group>, Vec<Diagnostic>> {
    let mut groups: Vec<Group> = Vec::new();
    for features in standard_features() {
        let names = names(features, macros);
        if groups.iter().all(|group| group.names != names) {
            let system = linux::boot(&Config { features, handler: Handlers::QUIET, ..macros.config.clone() })?;
            let original = Bench::new(&system, features, macros).map(Original::new);
            groups.push(Group { names, features, code: system.image.sections.clone(), original });
        }
    }
    Ok(groups)
}

/// The standard set of a form, and how many systems come first: one of each group, the one on which the macros do most before the others.
fn systems(macros: &Macros) -> (Vec<Config>, usize) {
    let handlers = standard_handlers(Assumptions::default());
    let each = |features: Features| handlers.iter().map(move |&handler| (features, handler));
    let mut pairs: Vec<_> = standard_features().into_iter().flat_map(each).collect();
    let asks = |(features, handler): &(Features, Handlers)| {
        features.pti && features.pcid && !features.invpcid && handler.contains(Handler::PendingFlush)
    };
    pairs.sort_by_key(|pair| !asks(pair));
    let mut seen = BTreeSet::new();
    let (first, others): (Vec<_>, Vec<_>) =
        pairs.into_iter().partition(|(features, _)| seen.insert(names(*features, macros)));
    let count = first.len();
    let config = |(features, handler)| Config { features, handler, ..macros.config.clone() };
    (first.into_iter().chain(others).map(config).collect(), count)
}
