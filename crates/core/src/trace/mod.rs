//! A run recorded so that any step can be shown, forwards and backwards.
//!
//! A step keeps only what rows and timelines need. Replay from the nearest keyframe finds everything else.

mod detail;
mod event;
mod narrate;
mod registers;
mod stores;

pub use crate::promises::{Breakage, Broken};
pub use crate::run::{End, Ending, Origin, Reason, StepKind, Unfired};
pub use detail::{RegisterChange, Retaken, StepDetail, att};
pub use event::{delivery, event_name};
pub use registers::{Named, register, registers};
pub use stores::touches;

use crate::asm::{Diagnostic, Line};
use crate::counters::{Counter, CounterSet, Counters, Tally};
use crate::linux::tree::described;
use crate::linux::{Config, System};
use crate::machine::{self, Machine, Observer};
use crate::promises::Promises;
use crate::run::{DEFAULT_BUDGET, Runner, Stepped};
use crate::scenario::{PlaceId, Places, Scenario};
use iced_x86::Mnemonic;
use std::sync::Arc;

/// One step, as rows and timelines need it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// What it was.
    pub kind: StepKind,
    /// Address of the instruction, or of the interrupted one.
    pub rip: u64,
    /// The place of `rip`; none if control went where no code was assembled.
    pub place: Option<PlaceId>,
    /// The mnemonic; `INVALID` for injections and instructions that could not be fetched.
    pub mnemonic: Mnemonic,
    /// Handlers that had not returned before this step: 0 in the task, at most 255.
    pub level: u8,
    /// Privilege level before the step.
    pub cpl: u8,
    /// CR3 before the step.
    pub cr3: u64,
    /// CR3 after the step.
    pub cr3_after: u64,
    /// Counters that this step raised.
    pub counted: CounterSet,
    /// Index of its first count in the list behind [`Trace::counts`].
    counts: u32,
}

/// A run, step by step.
#[derive(Clone, Debug)]
pub struct Trace {
    /// What was run.
    pub scenario: Scenario,
    /// The system as it started, with its image and sources.
    pub system: System,
    /// Names of the image's instructions.
    pub places: Arc<Places>,
    /// The steps.
    pub steps: Vec<Step>,
    /// How it ended.
    pub end: End,
    /// Injections that did not strike, with the reason.
    pub unfired: Vec<Unfired>,
    /// The counters at the end.
    pub counters: Counters,
    /// The first breakage of each invariant, in order of steps.
    pub breakages: Vec<Breakage>,
    /// By how much each step raised the counters in its `counted`, step after step.
    counts: Vec<(Counter, u32)>,
    /// The state before every [`KEYFRAME_EVERY`]th step, the first included.
    keyframes: Vec<Keyframe>,
}

/// The whole state before a step.
#[derive(Clone, Debug)]
struct Keyframe {
    machine: Machine,
    counters: Counters,
}

/// Steps between keyframes. Replaying this many takes well under a millisecond.
const KEYFRAME_EVERY: usize = 512;

/// How much to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Steps after which the run stops with [`End::Budget`].
    pub budget: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self { budget: DEFAULT_BUDGET }
    }
}

impl Trace {
    /// Boots `scenario` and records its run.
    ///
    /// # Errors
    /// The assembler's diagnostics, if a person's macro does not assemble.
    pub fn record(scenario: &Scenario, options: Options) -> Result<Self, Vec<Diagnostic>> {
        let system = crate::linux::boot(&scenario.config)?;
        Ok(Self::record_system(system, scenario, options))
    }

    /// The same, but one of `before` that started the same system gives its own, and `boot` starts others: nothing is assembled
    /// again that has not changed.
    ///
    /// # Errors
    /// Those of `boot`.
    pub fn record_after<'t, E>(
        before: impl IntoIterator<Item = &'t Self>,
        scenario: &Scenario,
        options: Options,
        boot: impl FnOnce(&Config) -> Result<System, E>,
    ) -> Result<Self, E> {
        let mut before = before.into_iter();
        match before.find(|trace| trace.scenario.config.starts_as(&scenario.config)) {
            Some(trace) => Ok(Self::recorded(trace.system.clone(), trace.places.clone(), scenario, options)),
            None => Ok(Self::record_system(boot(&scenario.config)?, scenario, options)),
        }
    }

    /// Records a run of a system that is already booted. Only the schedule of `scenario` is carried out.
    pub fn record_system(system: System, scenario: &Scenario, options: Options) -> Self {
        let places = Arc::new(Places::new(&system.image));
        Self::recorded(system, places, scenario, options)
    }

    fn recorded(system: System, places: Arc<Places>, scenario: &Scenario, options: Options) -> Self {
        let runner = Runner::new(system.machine.clone(), &places, &scenario.schedule);
        let mut trace = Self {
            scenario: scenario.clone(),
            system,
            places,
            steps: Vec::new(),
            end: End::Budget { steps: options.budget },
            unfired: Vec::new(),
            counters: Counters::default(),
            breakages: Vec::new(),
            counts: Vec::new(),
            keyframes: Vec::new(),
        };
        trace.run(runner, options.budget);
        trace
    }

    fn run(&mut self, mut runner: Runner, budget: u32) {
        let mut tally = Tally::new(runner.machine());
        let mut promises = Promises::new(&self.system, &self.scenario.config, &self.places);
        for index in 0..budget as usize {
            if index.is_multiple_of(KEYFRAME_EVERY) {
                self.keyframe(runner.machine(), &tally);
            }
            let before = Before::new(&runner);
            promises.boundary(index, runner.machine(), runner.nest().depth());
            match runner.step(&mut (&mut tally, &mut promises)) {
                Ok(stepped) => {
                    self.push(before, stepped, runner.machine(), &mut tally);
                    promises.counted(index, self.steps[index].counted);
                }
                Err(end) => {
                    self.end = end;
                    break;
                }
            }
        }
        self.counters = *tally.counters();
        promises.ended(self.steps.len().saturating_sub(1), self.ending());
        self.breakages = promises.broken().to_vec();
        let (machine, unfired) = runner.finish();
        self.keyframe(&machine, &tally);
        self.unfired = unfired;
    }

    fn keyframe(&mut self, machine: &Machine, tally: &Tally) {
        let machine = machine.clone();
        let counters = *tally.counters();
        self.keyframes.push(Keyframe { machine, counters });
    }

    fn push(&mut self, before: Before, stepped: Stepped, after: &Machine, tally: &mut Tally) {
        let counted = tally.take_touched();
        let counts = self.counts.len() as u32;
        for counter in counted.iter() {
            let now = tally.counters()[counter];
            let amount = now - self.counters[counter];
            self.counters[counter] = now;
            self.counts.push((counter, amount as u32));
        }
        let last = self.steps.last().and_then(|step| step.place);
        let place = self.places.following(last, before.rip);
        self.steps.push(Step {
            kind: stepped.kind,
            rip: before.rip,
            place,
            mnemonic: stepped.mnemonic,
            level: before.level,
            cpl: before.cpl,
            cr3: before.cr3,
            cr3_after: after.cpu.cr3,
            counted,
            counts,
        });
    }

    /// How the run ended, from Linux's view.
    pub fn ending(&self) -> Ending {
        Ending::of(&self.end, &self.places, self.steps.last().and_then(|step| step.place))
    }

    /// The first step that is in a function without a model, and the name of the function: after it the run says nothing about Linux.
    pub fn unmodelled(&self) -> Option<(usize, &str)> {
        let stubs: Vec<_> = self.system.unmodelled().collect();
        let reached = |step: &Step| stubs.iter().find(|(address, _)| *address == step.rip).map(|(_, name)| *name);
        self.steps.iter().enumerate().find_map(|(index, step)| Some((index, reached(step)?)))
    }

    /// The same in words that follow the name of a run; none of a run that stays in code that is here.
    pub fn goes_beyond(&self) -> Option<String> {
        let (step, name) = self.unmodelled()?;
        let name = described(name);
        Some(format!("goes to {name} at step {}: what it does from there on says nothing about Linux", step + 1))
    }

    /// The state before step `index`; the final state for an index past the end.
    pub fn machine_before(&self, index: usize) -> Machine {
        let index = index.min(self.steps.len());
        let frame =
            if index == self.steps.len() { self.keyframes.len().saturating_sub(1) } else { index / KEYFRAME_EVERY };
        let Some(keyframe) = self.keyframes.get(frame) else {
            return self.system.machine.clone();
        };
        let mut machine = keyframe.machine.clone();
        if index < self.steps.len() {
            for step in frame * KEYFRAME_EVERY..index {
                self.replay(&mut machine, step, &mut ());
            }
        }
        machine
    }

    /// The state after step `index`; the final state for an index past the end.
    pub fn machine_after(&self, index: usize) -> Machine {
        self.machine_before(index.saturating_add(1))
    }

    /// Takes step `index` again on the state before it. A stop is reported in the trace's end, not here.
    fn replay<O: Observer>(&self, machine: &mut Machine, index: usize, observer: &mut O) {
        let injected = self.steps.get(index).and_then(|step| self.injected(step));
        let _stop = match injected {
            Some(vector) => machine::deliver(machine, vector.event(), vector.error_code(), observer),
            None => machine::step(machine, observer),
        };
    }

    fn injected(&self, step: &Step) -> Option<crate::scenario::Vector> {
        let index = match step.kind {
            StepKind::Delivery { origin: Origin::Injected(index), .. } => index,
            StepKind::Shutdown { injected } => injected?,
            _ => return None,
        };
        let injection = self.scenario.schedule.injections.get(index as usize)?;
        Some(injection.vector)
    }

    /// The counters before step `index`; the final ones for an index past the end.
    pub fn counters_before(&self, index: usize) -> Counters {
        if index >= self.steps.len() {
            return self.counters;
        }
        let frame = index / KEYFRAME_EVERY;
        let mut counters = self.keyframes.get(frame).map_or_else(Counters::default, |keyframe| keyframe.counters);
        for step in frame * KEYFRAME_EVERY..index {
            for &(counter, amount) in self.counts(step) {
                counters[counter] += u64::from(amount);
            }
        }
        counters
    }

    /// By how much step `index` raised each counter, without counters that it did not raise.
    pub fn counts(&self, index: usize) -> &[(Counter, u32)] {
        let start = |step: Option<&Step>| step.map_or(self.counts.len(), |step| step.counts as usize);
        let next = index.saturating_add(1);
        self.counts.get(start(self.steps.get(index))..start(self.steps.get(next))).unwrap_or(&[])
    }

    /// Everything about step `index`, by taking it again; none past the end.
    pub fn detail(&self, index: usize) -> Option<StepDetail> {
        Some(self.retake(index)?.detail)
    }

    /// Step `index` with the states around it, in one replay; none past the end.
    pub fn retake(&self, index: usize) -> Option<Retaken> {
        detail::retake(self, index)
    }

    /// The line of the listing that step `index` executed or interrupted.
    pub fn line(&self, index: usize) -> Option<&Line> {
        let place = self.steps.get(index)?.place?;
        let line = self.places.site(place).line;
        self.system.image.listing.get(line as usize)
    }

    /// `label+offset` of step `index`, or its address in hexadecimal where no code was assembled.
    pub fn place_name(&self, index: usize) -> String {
        match self.steps.get(index) {
            Some(Step { place: Some(place), .. }) => self.places.name(*place),
            Some(Step { rip, .. }) => format!("{rip:#x}"),
            None => String::new(),
        }
    }
}

/// What a step's record keeps of the state before it.
struct Before {
    rip: u64,
    cr3: u64,
    cpl: u8,
    level: u8,
}

impl Before {
    fn new(runner: &Runner) -> Self {
        let cpu = &runner.machine().cpu;
        Self { rip: cpu.rip, cr3: cpu.cr3, cpl: cpu.cpl, level: u8::try_from(runner.nest().depth()).unwrap_or(u8::MAX) }
    }
}
