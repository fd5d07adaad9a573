//! The one judge of a run.

use super::records::Records;
use super::stale::Stale;
use super::{Breakage, Broken, Returns, Struck};
use crate::counters::{Counter, CounterSet};
use crate::linux::{Config, System};
use crate::machine::observe::{Attention, ControlAccess, Delivered, MemoryAccess, Ordinary, TlbEvent};
use crate::machine::tlb::Entry;
use crate::machine::{Event, Machine, Observer};
use crate::scenario::Places;
use crate::trace::Ending;
use iced_x86::Instruction;
use std::sync::Arc;

/// Steps after what struck last in which the program has to finish. Without a strike it takes about 1,400, a handler takes 600 at
/// most.
pub const ENDLESS: u32 = 20_000;

/// Judges one run. It observes each step; the caller reports each boundary. It keeps the first breakage of each promise.
#[derive(Clone, Debug)]
pub struct Promises {
    records: Records,
    returns: Returns,
    stale: Stale,
    /// Steps since something struck from outside.
    quiet: u32,
    /// How many breakages of `returns` are among `broken`.
    returned: usize,
    broken: Vec<Breakage>,
}

impl Promises {
    /// What it judges, in words.
    pub const JUDGED: &str = "user-cr3, kernel-cr3, restored, no-stale, flush-kept, regs, gs, mapped and nested";

    /// Judges runs of `system`, which was booted from `config` and whose image has these `places`.
    pub fn new(system: &System, config: &Config, places: &Places) -> Self {
        Self {
            records: Records::new(config, places),
            returns: Returns::new(&system.machine, &system.image),
            stale: Stale::new(&system.machine),
            quiet: 0,
            returned: 0,
            broken: Vec::new(),
        }
    }

    /// Judges the boundary before step `step`, `depth` handlers deep.
    #[inline]
    pub fn boundary(&mut self, step: usize, machine: &Machine, depth: usize) {
        for broken in self.records.boundary(machine, depth).into_iter().flatten().flatten() {
            self.keep(step, broken);
        }
        if let Some(broken) = self.stale.boundary(machine) {
            self.keep(step, broken);
        }
        self.take_returned(step);
        self.quiet += 1;
        if self.is_endless() {
            self.keep(step, Broken::Endless);
        }
    }

    /// Judges step `step` by the counters that it raised.
    pub fn counted(&mut self, step: usize, counted: CounterSet) {
        if counted.contains(Counter::LostFlushes) {
            self.keep(step, Broken::LostFlush);
        } else if counted.contains(Counter::LateFlushes) {
            self.keep(step, Broken::LateFlush);
        }
    }

    /// Judges how the run ended with its last step, `step`. A run that was cut says nothing of its end.
    pub fn ended(&mut self, step: usize, ending: Ending) {
        self.take_returned(step);
        if !matches!(ending, Ending::Finished | Ending::Budget) {
            self.keep(step, Broken::Ended(ending));
        }
    }

    fn take_returned(&mut self, step: usize) {
        while let Some(&broken) = self.returns.broken().get(self.returned) {
            self.returned += 1;
            self.keep(step, broken);
        }
    }

    fn keep(&mut self, step: usize, broken: Broken) {
        if self.broken.iter().all(|other| other.broken.promise() != broken.promise()) {
            let at = self.broken.partition_point(|other| other.step <= step);
            self.broken.insert(at, Breakage { step, broken });
        }
    }

    /// The most ordinary steps that it judges at once: judging the boundary after the last one then judges each. In user
    /// mode that is one, and so it is while CR3 and the records disagree, since the place may excuse that.
    pub fn stride(&self, machine: &Machine) -> u32 {
        let judges_alike = machine.cpu.cpl == 0 && self.records.agree_with(machine);
        if judges_alike { ENDLESS.saturating_sub(self.quiet).max(1) } else { 1 }
    }

    /// Whether the program ought to have finished by now.
    pub fn is_endless(&self) -> bool {
        self.quiet > ENDLESS
    }

    /// Whether two judges of one system would go on to judge the same way.
    pub fn agrees(&self, other: &Self) -> bool {
        self.records.agrees(&other.records)
            && self.returns.agrees(&other.returns)
            && self.stale.agrees(&other.stale)
            && self.broken == other.broken
    }

    /// Whether the disagreement at hand began at [`BETWEEN_RECORDS`](crate::linux::records::BETWEEN_RECORDS).
    pub fn is_between_records(&self) -> bool {
        self.records.is_between_records()
    }

    /// Whether an NMI was delivered whose handler has not made a round since.
    pub fn owes_round(&self) -> bool {
        self.returns.owes_round()
    }

    /// Stale translations that may be used under CR3 and have no flush pending.
    pub fn stale(&self) -> &[Entry] {
        self.stale.stale()
    }

    /// What has struck and not returned, outermost first.
    pub fn handlers(&self) -> &[Arc<Struck>] {
        self.returns.handlers()
    }

    /// The first breakage of each promise so far, in order of steps.
    pub fn broken(&self) -> &[Breakage] {
        &self.broken
    }
}

/// Tells each judge that observes.
impl Observer for Promises {
    #[inline(always)]
    fn attention(&self) -> Attention {
        self.records.attention().with(self.returns.attention()).with(self.stale.attention())
    }

    #[inline]
    fn ordinary(&mut self, machine: &Machine, ordinary: Ordinary) {
        // The boundary after them counts the last one.
        self.quiet += ordinary.count - 1;
        self.returns.ordinary(machine, ordinary);
    }

    #[inline]
    fn before(&mut self, machine: &Machine, instruction: &Instruction) {
        self.returns.before(machine, instruction);
    }

    #[inline]
    fn retired(&mut self, machine: &Machine, instruction: &Instruction) {
        self.returns.retired(machine, instruction);
    }

    #[inline]
    fn memory(&mut self, access: &MemoryAccess) {
        self.records.memory(access);
        self.returns.memory(access);
        self.stale.memory(access);
    }

    #[inline]
    fn tlb(&mut self, event: &TlbEvent) {
        self.stale.tlb(event);
    }

    fn control(&mut self, access: &ControlAccess) {
        self.stale.control(access);
    }

    fn arriving(&mut self, machine: &Machine, event: Event, error_code: Option<u32>) {
        self.quiet = 0;
        self.returns.arriving(machine, event, error_code);
    }

    fn delivered(&mut self, machine: &Machine, delivered: &Delivered) {
        self.returns.delivered(machine, delivered);
    }
}
