//! A run recorded so that any step can be shown, forwards and backwards.
//!
//! A step keeps only what rows and timelines need; everything else is found again by replay from the nearest keyframe.

mod detail;
mod narrate;

pub use crate::run::{End, Origin, Reason, StepKind, Unfired};
pub use detail::{RegisterChange, StepDetail};

use crate::asm::{Diagnostic, Line};
use crate::counters::{Counter, CounterSet, Counters};
use crate::linux::System;
use crate::machine::Machine;
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
    /// The place of `rip`; none when control went where no code was assembled.
    pub place: Option<PlaceId>,
    /// What the instruction was; `INVALID` for deliveries from outside and instructions that could not be fetched.
    pub mnemonic: Mnemonic,
    /// Handlers that had not returned before this step: 0 in the task.
    pub level: u8,
    /// Privilege level before the step.
    pub cpl: u8,
    /// CR3 before the step.
    pub cr3: u64,
    /// CR3 after the step.
    pub cr3_after: u64,
    /// Counters that this step raised.
    pub counted: CounterSet,
    /// Index of its first count in [`Trace`]'s list.
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
    /// Injections that did not strike, with why.
    pub unfired: Vec<Unfired>,
    /// The counters at the end.
    pub counters: Counters,
    counts: Vec<(Counter, u32)>,
    keyframes: Vec<Keyframe>,
}

/// The whole state before a step.
#[derive(Clone, Debug)]
struct Keyframe {
    machine: Machine,
    counters: Counters,
}

/// Steps between keyframes: replay of that many takes well under a millisecond.
const KEYFRAME_EVERY: usize = 512;

/// How much to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Steps after which the run stops with [`End::Budget`].
    pub budget: u32,
}

impl Default for Options {
    fn default() -> Self {
        let budget = crate::run::DEFAULT_BUDGET;
        Self { budget }
    }
}

impl Trace {
    /// Boots `scenario` and records its run.
    ///
    /// # Errors
    /// The assembler's diagnostics when a person's macro does not assemble.
    pub fn record(scenario: &Scenario, options: Options) -> Result<Self, Vec<Diagnostic>> {
        let system = crate::linux::boot(&scenario.config)?;
        Ok(Self::record_system(system, scenario, options))
    }

    /// Records a run of a system that is booted already; `scenario.config` is kept as a name only.
    pub fn record_system(system: System, scenario: &Scenario, options: Options) -> Self {
        unimplemented!()
    }

    /// The state before step `index`; the final state for an index past the end.
    pub fn machine_before(&self, index: usize) -> Machine {
        unimplemented!()
    }

    /// The state after step `index`; the final state for an index past the end.
    pub fn machine_after(&self, index: usize) -> Machine {
        self.machine_before(index.saturating_add(1))
    }

    /// The counters before step `index`; the final ones for an index past the end.
    pub fn counters_before(&self, index: usize) -> Counters {
        unimplemented!()
    }

    /// What step `index` raised each counter by.
    pub fn counts(&self, index: usize) -> &[(Counter, u32)] {
        unimplemented!()
    }

    /// Everything about step `index`, by executing it again; none past the end.
    pub fn detail(&self, index: usize) -> Option<StepDetail> {
        unimplemented!()
    }

    /// The line of the listing that step `index` executed or interrupted.
    pub fn line(&self, index: usize) -> Option<&Line> {
        let place = self.steps.get(index)?.place?;
        let line = self.places.site(place).line;
        self.system.image.listing.get(line as usize)
    }

    /// `label+offset` of step `index`, or its address in hexadecimal where no code was assembled.
    pub fn place_name(&self, index: usize) -> String {
        unimplemented!()
    }
}
