//! Carries out a schedule on a machine: steps it, and injects what is due at instruction boundaries.
//!
//! The runner records nothing; pass an observer to see a run.

mod ending;
mod nesting;

pub use ending::Ending;
pub(crate) use nesting::is_iret;
pub use nesting::{Frame, Nest};

use crate::machine::observe::{Attention, Delivered, Ordinary, Watched};
use crate::machine::{self, Event, Fault, Machine, Observer, Register, Stepper, Stop};
use crate::scenario::{Injection, Nesting, PlaceId, Places, Schedule, Unresolved, Vector};
use iced_x86::{Instruction, Mnemonic};
use std::fmt::{self, Display, Formatter};

/// Steps after which a run stops by default.
pub const DEFAULT_BUDGET: u32 = 1_000_000;

/// Why an injection of the schedule did not strike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The image has no such place.
    NoSuchPlace(Unresolved),
    /// The run ended first. `arrivals` counts how often the place was reached.
    NotReached {
        /// Arrivals at the place since the injection was allowed to strike.
        arrivals: u32,
    },
    /// It had to strike inside the handler of the previous injection, and that handler returned first.
    HandlerReturned {
        /// Arrivals at the place inside the handler.
        arrivals: u32,
    },
    /// The architecture does not let it strike at that point.
    Refused {
        /// The architectural reason, with its section of the manual.
        reason: String,
    },
    /// An earlier injection did not strike, and the schedule counts from there.
    Predecessor {
        /// Index of that injection.
        index: usize,
    },
}

impl Display for Reason {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchPlace(unresolved) => unresolved.fmt(f),
            Self::NotReached { arrivals: 0 } => f.write_str("the run never reached it"),
            Self::NotReached { arrivals } => write!(f, "the run reached it only {}", times(*arrivals)),
            Self::HandlerReturned { arrivals: 0 } => f.write_str("the handler it had to strike in returned first"),
            Self::HandlerReturned { arrivals } => {
                write!(f, "the handler it had to strike in returned first, after reaching it {}", times(*arrivals))
            }
            Self::Refused { reason } => write!(f, "refused: {reason}"),
            Self::Predecessor { index } => write!(f, "injection {} did not strike", index + 1),
        }
    }
}

fn times(count: u32) -> String {
    match count {
        1 => "once".to_owned(),
        _ => format!("{count} times"),
    }
}

/// An injection that did not strike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfired {
    /// Index in the schedule.
    pub index: usize,
    /// The injection.
    pub injection: Injection,
    /// Why it did not strike.
    pub reason: Reason,
}

impl Display for Unfired {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { injection, reason, .. } = self;
        write!(f, "{injection} did not strike: {reason}")
    }
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// HLT with nothing left to wake the processor.
    Halted,
    /// The processor shut down.
    Shutdown {
        /// RIP of the interrupted instruction.
        rip: u64,
        /// The chain of faults, first cause first.
        chain: Vec<Fault>,
    },
    /// The step budget is used up.
    Budget {
        /// The budget, in steps.
        steps: u32,
    },
}

impl From<Stop> for End {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Halted => Self::Halted,
            Stop::Shutdown { rip, chain } => Self::Shutdown { rip, chain },
        }
    }
}

/// The cause of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The injection with this index in the schedule.
    Injected(u32),
    /// The current instruction faulted and did not retire.
    Faulted,
    /// The current instruction retired and trapped: INT n, single step.
    Trapped,
    /// The processor held it: an NMI latched while NMIs were blocked, a debug trap held back by MOV SS.
    Latched,
}

/// The kind of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StepKind {
    /// An instruction retired.
    Instruction,
    /// An event was delivered.
    Delivery {
        /// Which.
        event: Event,
        /// Why.
        origin: Origin,
    },
    /// The processor shut down, instead of an instruction or of delivering the injection with this index.
    Shutdown {
        /// Index in the schedule.
        injected: Option<u32>,
    },
}

/// A step that the runner took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stepped {
    /// Its kind.
    pub kind: StepKind,
    /// The instruction that retired or faulted; `INVALID` when none was decoded.
    pub mnemonic: Mnemonic,
}

/// A machine with a schedule.
#[derive(Clone, Debug)]
pub struct Runner {
    stepper: Stepper,
    schedule: Vec<(Injection, u64)>,
    /// Index of the next injection.
    next: usize,
    /// Arrivals at its place so far.
    arrivals: u32,
    nest: Nest,
    /// Depth at which the injection before it struck.
    struck_at: Option<usize>,
    /// Whether the handler of the previous injection has returned. An event that strikes deeper after that is not
    /// inside it.
    returned: bool,
    unfired: Vec<Unfired>,
    stopped: Option<End>,
}

impl Runner {
    /// Prepares `schedule` for `machine`. An injection at a place that does not exist is reported at once, with all
    /// after it.
    pub fn new(machine: Machine, places: &Places, schedule: &Schedule) -> Self {
        Self::resume(machine, Nest::default(), places, schedule)
    }

    /// Like [`Self::new`], from the middle of a run: the handlers of `nest` have not returned. The first injection may
    /// strike at once, and arrivals count from here.
    pub fn resume(machine: Machine, nest: Nest, places: &Places, schedule: &Schedule) -> Self {
        let mut runner = Self {
            stepper: Stepper::new(machine),
            schedule: Vec::new(),
            next: 0,
            arrivals: 0,
            nest,
            struck_at: None,
            returned: false,
            unfired: Vec::new(),
            stopped: None,
        };
        for injection in &schedule.injections {
            match places.resolve(&injection.place) {
                Ok(place) => runner.wait_for(injection, places, place),
                Err(unresolved) => {
                    let from = runner.schedule.len();
                    runner.give_up(&schedule.injections, from, Reason::NoSuchPlace(unresolved));
                    break;
                }
            }
        }
        runner
    }

    fn wait_for(&mut self, injection: &Injection, places: &Places, place: PlaceId) {
        self.schedule.push((injection.clone(), places.site(place).address));
    }

    /// Reports injection `from` with `reason`, and all after it.
    fn give_up(&mut self, injections: &[Injection], from: usize, reason: Reason) {
        let mut reason = Some(reason);
        for (index, injection) in injections.iter().enumerate().skip(from) {
            let reason = reason.take().unwrap_or(Reason::Predecessor { index: from });
            let injection = injection.clone();
            self.unfired.push(Unfired { index, injection, reason });
        }
    }

    /// Like [`Self::give_up`], for the next injection.
    fn give_up_waiting(&mut self, reason: Reason) {
        let waiting: Vec<_> = self.schedule.iter().map(|(injection, _)| injection.clone()).collect();
        let already = std::mem::take(&mut self.unfired);
        self.give_up(&waiting, self.next, reason);
        self.unfired.extend(already);
        self.next = self.schedule.len();
    }

    /// The machine in its current state.
    pub fn machine(&self) -> &Machine {
        self.stepper.machine()
    }

    /// The handlers that have not returned.
    pub fn nest(&self) -> &Nest {
        &self.nest
    }

    /// Injects what is due at this boundary, or else executes one instruction or delivers what the processor holds.
    ///
    /// # Errors
    /// How the run ended, if it can take no further step.
    pub fn step<O: Observer>(&mut self, observer: &mut O) -> Result<Stepped, End> {
        if let Some(end) = &self.stopped {
            return Err(end.clone());
        }
        let mut probe = Probe::new(self.stepper.machine());
        let injected = self.due();
        let mut observers = (&mut probe, observer);
        let result = match injected {
            Some(index) => self.inject(index, &mut observers),
            None => self.stepper.step(&mut observers),
        };
        self.settle(&probe, injected, result)
    }

    /// Takes several ordinary steps at once if no injection waits, as [`Stepper::stride`] does; otherwise, one step. Returns
    /// the last step, and how many there were.
    ///
    /// # Errors
    /// Those of [`Self::step`].
    pub fn stride<O: Observer>(&mut self, observer: &mut O, limit: u32) -> Result<(Stepped, u32), End> {
        if self.next < self.schedule.len() || self.stopped.is_some() {
            return self.step(observer).map(|stepped| (stepped, 1));
        }
        let mut probe = Probe::new(self.stepper.machine());
        let result = self.stepper.stride(&mut (&mut probe, observer), limit);
        let count = result.as_ref().map_or(1, |count| *count);
        self.settle(&probe, None, result.map(|_| ())).map(|stepped| (stepped, count))
    }

    /// Lets `vector` strike at this boundary whatever the schedule says, as the injection with this index. Ask
    /// [`machine::refusal_reason`] first.
    ///
    /// # Errors
    /// Those of [`Self::step`].
    pub fn strike<O: Observer>(&mut self, index: u32, vector: Vector, observer: &mut O) -> Result<Stepped, End> {
        if let Some(end) = &self.stopped {
            return Err(end.clone());
        }
        let mut probe = Probe::new(self.stepper.machine());
        let mut observers = (&mut probe, observer);
        let result = self.deliver(vector, &mut observers);
        self.settle(&probe, Some(index), result)
    }

    /// Notes the result of a step.
    fn settle(&mut self, probe: &Probe, injected: Option<u32>, result: Result<(), Stop>) -> Result<Stepped, End> {
        self.follow(probe);
        let kind = match result {
            Ok(()) => probe.kind(injected),
            // HLT itself is a step; an injection may yet wake the processor.
            Err(Stop::Halted) if probe.retired.is_some() => StepKind::Instruction,
            Err(Stop::Halted) => return Err(End::Halted),
            Err(stop) => {
                self.stopped = Some(stop.into());
                StepKind::Shutdown { injected }
            }
        };
        Ok(Stepped { kind, mnemonic: probe.mnemonic })
    }

    /// Index of the injection that strikes at this boundary. Counts the arrival.
    fn due(&mut self) -> Option<u32> {
        let (injection, address) = self.schedule.get(self.next)?;
        match (self.struck_at, injection.nesting) {
            (Some(_), Nesting::After) if !self.returned => return None,
            (Some(_), Nesting::Inside) if self.returned => {
                let arrivals = self.arrivals;
                self.give_up_waiting(Reason::HandlerReturned { arrivals });
                return None;
            }
            _ => {}
        }
        if self.machine().cpu.rip != *address {
            return None;
        }
        self.arrivals = self.arrivals.saturating_add(1);
        if self.arrivals != injection.place.occurrence {
            return None;
        }
        match machine::refusal_reason(&self.machine().cpu, injection.vector.event()) {
            None => Some(self.next as u32),
            Some(reason) => {
                self.give_up_waiting(Reason::Refused { reason: reason.to_owned() });
                None
            }
        }
    }

    fn inject<O: Observer>(&mut self, index: u32, observer: &mut O) -> Result<(), Stop> {
        let Some((Injection { vector, .. }, _)) = self.schedule.get(index as usize) else {
            return Ok(());
        };
        let vector = *vector;
        self.next += 1;
        self.arrivals = 0;
        self.deliver(vector, observer)
    }

    fn deliver<O: Observer>(&mut self, vector: Vector, observer: &mut O) -> Result<(), Stop> {
        self.struck_at = Some(self.nest.depth());
        self.returned = false;
        machine::deliver(self.stepper.machine_mut(), vector.event(), vector.error_code(), observer)
    }

    /// Whether the handler of the last strike has returned; true if nothing struck.
    pub fn has_returned(&self) -> bool {
        self.struck_at.is_none() || self.returned
    }

    /// Keeps count of the handlers.
    fn follow(&mut self, probe: &Probe) {
        if let Some(frame) = probe.retired {
            self.nest.retired(probe.mnemonic, frame);
        }
        if probe.delivered.is_some() {
            self.nest.entered(probe.interrupted);
        }
        self.returned |= self.struck_at.is_some_and(|depth| self.nest.depth() <= depth);
    }

    /// The injections that did not strike, in the order of the schedule, if no step follows.
    pub fn finish(mut self) -> (Machine, Vec<Unfired>) {
        if self.next < self.schedule.len() {
            let arrivals = self.arrivals;
            self.give_up_waiting(Reason::NotReached { arrivals });
        }
        (self.stepper.into_machine(), self.unfired)
    }
}

/// Observes what the runner must know about a step.
struct Probe {
    mnemonic: Mnemonic,
    /// RSP and CPL after the instruction, if one retired.
    retired: Option<Frame>,
    faulted: bool,
    delivered: Option<Event>,
    /// The state that a delivery interrupts: that before the step, or after the instruction if it trapped.
    interrupted: Frame,
}

impl Probe {
    fn new(machine: &Machine) -> Self {
        Self {
            mnemonic: Mnemonic::INVALID,
            retired: None,
            faulted: false,
            delivered: None,
            interrupted: frame(machine),
        }
    }

    fn kind(&self, injected: Option<u32>) -> StepKind {
        let origin = match (injected, self.retired, self.faulted) {
            (Some(index), ..) => Origin::Injected(index),
            (None, Some(_), _) => Origin::Trapped,
            (None, None, true) => Origin::Faulted,
            (None, None, false) => Origin::Latched,
        };
        self.delivered.map_or(StepKind::Instruction, |event| StepKind::Delivery { event, origin })
    }
}

fn frame(machine: &Machine) -> Frame {
    Frame { stack: machine.cpu.registers[Register::Rsp as usize], cpl: machine.cpu.cpl }
}

impl Observer for Probe {
    #[inline(always)]
    fn attention(&self) -> Attention {
        Attention::Unusual { stores: Watched::NOTHING }
    }

    fn ordinary(&mut self, machine: &Machine, ordinary: Ordinary) {
        self.mnemonic = ordinary.mnemonic;
        self.retired = Some(frame(machine));
    }

    fn before(&mut self, _: &Machine, instruction: &Instruction) {
        self.mnemonic = instruction.mnemonic();
    }

    fn retired(&mut self, machine: &Machine, _: &Instruction) {
        self.retired = Some(frame(machine));
    }

    fn fault(&mut self, _: &Fault) {
        self.faulted = true;
    }

    fn delivered(&mut self, _: &Machine, delivered: &Delivered) {
        self.delivered = Some(delivered.event);
        // INT n has entered its handler when it retires, and has not changed the interrupted stack.
        let traps = !matches!(delivered.event, Event::Software(_));
        if let Some(after) = self.retired.filter(|_| traps) {
            self.interrupted = after;
        }
    }
}
