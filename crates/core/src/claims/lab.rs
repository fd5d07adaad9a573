//! Where experiments are carried out: each system is booted once, each run, sweep and search made once.

use super::measure::{End, Measure, Search, Sweep, Tally};
use super::subject::Subject;
use super::sums::Where;
use super::sweep::Swept;
use super::world::World;
use crate::asm::Diagnostic;
use crate::compare::compare;
use crate::cost::CR3_WRITE;
use crate::explore::{Assumptions, Explorer, Method, Progress, Query, Report};
use crate::linux::Config;
use crate::scenario::{Scenario, Vector};
use crate::trace::{Options, Trace};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Steps of a run; a handler that leaves the wrong tables behind makes it fault for ever.
const BUDGET: u32 = 20_000;

/// The experiments on one subject, and their outcomes.
#[derive(Debug, Default)]
pub struct Lab {
    subject: Subject,
    worlds: BTreeMap<Config, Arc<World>>,
    sweeps: BTreeMap<(Config, Where, Vector), Arc<Swept>>,
    runs: BTreeMap<Scenario, Arc<Trace>>,
    searches: BTreeMap<Search, Arc<Report>>,
    measured: BTreeMap<Measure, i64>,
}

impl Lab {
    /// A lab in which nothing was done yet.
    pub fn new(subject: Subject) -> Self {
        Self { subject, ..Self::default() }
    }

    /// What replaces form E.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// Carries out what `measure` needs.
    ///
    /// # Errors
    /// The assembler's diagnostics when the subject does not assemble.
    pub fn measure(&mut self, measure: Measure) -> Result<i64, Vec<Diagnostic>> {
        if let Some(value) = self.measured.get(&measure) {
            return Ok(*value);
        }
        let value = self.value(measure)?;
        self.measured.insert(measure, value);
        Ok(value)
    }

    fn value(&mut self, measure: Measure) -> Result<i64, Vec<Diagnostic>> {
        Ok(match measure {
            Measure::Run(form, scene, fact) => fact.of(&*self.run(scene.scenario(form))?),
            Measure::Beyond(forms, scene, counter) => {
                let [first, second] = forms.map(|form| self.run(scene.scenario(form)));
                first?.counters[counter].cast_signed() - second?.counters[counter].cast_signed()
            }
            Measure::Sweep(sweep, sum) => self.sweep(sweep.config(), sweep.kind, sweep.vector)?.sum(sum),
            Measure::Differing(sweep, form) => {
                let other = self.sweep(Sweep { form, ..sweep }.config(), sweep.kind, sweep.vector)?;
                self.sweep(sweep.config(), sweep.kind, sweep.vector)?.differing(&other)
            }
            Measure::Explored(tally) => {
                let counts = self.search(Search)?.counts;
                let counted = match tally {
                    Tally::Schedules => counts.schedules,
                    Tally::Breaking => counts.breaking,
                    Tally::Broken(promise) => counts.broken(promise),
                };
                counted.cast_signed()
            }
            Measure::PublishedWrite(End::Least) => CR3_WRITE.cycles.low.cast_signed(),
            Measure::PublishedWrite(End::Most) => CR3_WRITE.cycles.high.cast_signed(),
        })
    }

    fn world(&mut self, config: &Config) -> Result<Arc<World>, Vec<Diagnostic>> {
        if let Some(world) = self.worlds.get(config) {
            return Ok(Arc::clone(world));
        }
        let world = Arc::new(World::new(config)?);
        self.worlds.insert(config.clone(), Arc::clone(&world));
        Ok(world)
    }

    fn sweep(&mut self, config: Config, kind: Where, vector: Vector) -> Result<Arc<Swept>, Vec<Diagnostic>> {
        let key = (self.subject.applied(config), kind, vector);
        if let Some(swept) = self.sweeps.get(&key) {
            return Ok(Arc::clone(swept));
        }
        let world = self.world(&key.0)?;
        let swept = Arc::new(Swept::new(&world, kind, vector));
        self.sweeps.insert(key, Arc::clone(&swept));
        Ok(swept)
    }

    /// Records the run of `scenario`, with the subject in the place of form E.
    ///
    /// # Errors
    /// As [`Self::measure`].
    pub fn run(&mut self, scenario: Scenario) -> Result<Arc<Trace>, Vec<Diagnostic>> {
        let Scenario { config, schedule } = scenario;
        let scenario = Scenario { config: self.subject.applied(config), schedule };
        if let Some(trace) = self.runs.get(&scenario) {
            return Ok(Arc::clone(trace));
        }
        let trace = Arc::new(Trace::record(&scenario, Options { budget: BUDGET })?);
        self.runs.insert(scenario, Arc::clone(&trace));
        Ok(trace)
    }

    fn search(&mut self, search: Search) -> Result<Arc<Report>, Vec<Diagnostic>> {
        if let Some(report) = self.searches.get(&search) {
            return Ok(Arc::clone(report));
        }
        let configs = search.configs().map(|config| self.subject.applied(config)).collect();
        let query = Query {
            configs,
            vectors: Search::VECTORS.to_vec(),
            depth: 1,
            assumed: Assumptions::default(),
            method: Method::CutOff,
            max_runs: None,
            shard: None,
        };
        let mut explorer = Explorer::new(query)?;
        while explorer.work(1_000_000) == Progress::More {}
        let report = Arc::new(explorer.report());
        self.searches.insert(search, Arc::clone(&report));
        Ok(report)
    }

    /// The rows of two runs: that of step `step` of run `side`.
    pub(super) fn row(left: &Trace, right: &Trace, side: usize, step: usize) -> usize {
        compare(&[left, right]).row_of(side, step).unwrap_or(0)
    }
}
