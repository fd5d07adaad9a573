//! All schedules of one number of strikes, of one system.
//!
//! A trunk is a run that may still be struck; at each of its boundaries each vector is weighed. With one strike left the struck run is a
//! leaf: it goes to its end, or until it agrees with a run whose end is known. With more left it is a trunk of its own: its boundaries
//! inside the handler are nested strikes, those after the return are strikes one after the other.

use super::agree::{Future, Tables, fingerprint};
use super::assume::Assumptions;
use super::by_place::{AtInstruction, Mark, by_place};
use super::count::{Costs, Counts};
use super::journal::{Journal, Record, Watch};
use super::known::{Known, Learned};
use super::lane::{LANE, Lane, Strike, Went};
use super::obstacle::Obstacle;
use super::returning::Returning;
use super::world::World;
use crate::counters::{Counter, Counters};
use crate::machine::refusal_reason;
use crate::promises::{Breakage, Broken};
use crate::query::Method;
use crate::scenario::Vector;
use std::collections::HashMap;
use std::sync::Arc;

/// What a search is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aim {
    /// Every schedule is seen.
    Every,
    /// The shortest counterexample: what cannot be shorter than one that is known is left out.
    Shortest,
}

/// A share of a sweep: the boundaries of the unstruck run whose number leaves `index` when divided by `of`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) index: u32,
    pub(super) of: u32,
}

/// What to sweep.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) strikes: u32,
    pub(super) vectors: Arc<[Vector]>,
    pub(super) assumed: Assumptions,
    pub(super) method: Method,
    pub(super) aim: Aim,
    pub(super) part: Part,
    /// Whether a sweep of more strikes follows, which needs to know what this one saw.
    pub(super) followed: bool,
    /// Leaves after which it gives up.
    pub(super) limit: u64,
    /// Bytes of states after which it gives up.
    pub(super) memory: u64,
}

/// A schedule that breaks a promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) strikes: Vec<Strike>,
    pub(super) steps: u32,
    pub(super) broken: Broken,
}

impl Failure {
    /// Fewest strikes, then fewest steps, then the first place.
    pub(super) fn order(&self) -> (usize, u32, &[Strike]) {
        (self.strikes.len(), self.steps, &self.strikes)
    }
}

/// The outcome of a sweep.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    pub(super) counts: Counts,
    /// The best for each promise.
    pub(super) failures: Vec<Failure>,
    /// What schedules of one strike cost.
    pub(super) costs: Costs,
    pub(super) work: Work,
    /// The outcomes of schedules of one strike, by the instruction before which they strike.
    pub(super) by_place: Vec<AtInstruction>,
    pub(super) learned: Learned,
    /// What made it give up.
    pub(super) obstacle: Option<Obstacle>,
    /// Schedules that break something were counted by what followed of another state, and never seen.
    pub(super) hides: bool,
}

/// How much was done. Depends on the method.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Steps taken.
    pub steps: u64,
    /// Runs that were started by a strike.
    pub runs: u64,
    /// Runs that ended early because they agreed with one whose end is known.
    pub cut: u64,
}

impl Work {
    pub(super) fn add(&mut self, other: Self) {
        self.steps += other.steps;
        self.runs += other.runs;
        self.cut += other.cut;
    }
}

impl Found {
    /// Adds another part of the same sweep.
    pub(super) fn merge(&mut self, other: Self) {
        self.counts += other.counts;
        self.costs.merge(&other.costs);
        self.work.add(other.work);
        // One strike is swept in one part.
        self.by_place.extend(other.by_place);
        self.obstacle = self.obstacle.take().or(other.obstacle);
        self.hides |= other.hides;
        other.failures.into_iter().for_each(|failure| self.fail(failure));
    }

    pub(super) fn fail(&mut self, failure: Failure) {
        let promise = failure.broken.promise();
        match self.failures.iter_mut().find(|other| other.broken.promise() == promise) {
            Some(other) if failure.order() < other.order() => *other = failure,
            Some(_) => {}
            None => self.failures.push(failure),
        }
    }
}

/// A run that may still be struck.
struct Trunk {
    lane: Lane,
    /// The vector to weigh next at this boundary, by number.
    next: usize,
    /// Strikes that are left.
    left: u32,
    /// Handlers around the boundary at which it was struck itself.
    level: usize,
    /// What it accesses, if runs are compared with it.
    record: Option<Arc<Record>>,
    /// The class of states that its boundaries stand for.
    class: Option<usize>,
}

/// About how many bytes a state takes that is kept.
const STATE: u64 = (size_of::<Waypoint>() - size_of::<Lane>()) as u64 + LANE;

/// A boundary of a trunk that other runs may turn out to agree with.
struct Waypoint {
    lane: Lane,
    record: Arc<Record>,
    class: usize,
    before: Counts,
}

/// The state of a sweep between two slices of work.
pub(super) struct Sweep {
    world: Arc<World>,
    plan: Plan,
    known: Arc<Known>,
    tables: Tables,
    trunks: Vec<Trunk>,
    /// By fingerprint and strikes left.
    waypoints: HashMap<(u64, u32), Vec<Waypoint>>,
    /// Counts at the end of each class, once it is reached.
    classes: Vec<Counts>,
    found: Found,
    /// Each boundary of the unstruck run, with what was counted before it.
    marks: Vec<Mark>,
    /// About how many bytes the states take.
    held: u64,
}

/// Whether there is more to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There is.
    More,
    /// All is done.
    Done,
}

impl Sweep {
    pub(super) fn new(world: Arc<World>, plan: Plan, known: Arc<Known>) -> Self {
        let lane = Lane::start(&world);
        let mut tables = Tables::default();
        tables.learn(lane.machine(), &world.base.facts);
        tables.learn(lane.machine(), &known.facts);
        let record = Some(Arc::clone(&world.base));
        let trunk = Trunk { lane, next: 0, left: plan.strikes, level: 0, record, class: None };
        let mut sweep = Self {
            trunks: vec![trunk],
            world,
            plan,
            known,
            tables,
            waypoints: HashMap::new(),
            classes: Vec::new(),
            found: Found::default(),
            marks: Vec::new(),
            held: 0,
        };
        sweep.mark_base();
        sweep
    }

    /// Makes each boundary of the unstruck run a waypoint, for every number of strikes of which it is known what follows.
    fn mark_base(&mut self) {
        if self.plan.method == Method::Plain {
            return;
        }
        for strikes in 1..self.plan.strikes {
            let Some(tails) = self.known.tails.get(strikes as usize - 1).cloned() else { continue };
            let mut lane = Lane::start(&self.world);
            for tail in tails {
                let class = self.classes.len();
                self.classes.push(tail);
                self.wait_at(&lane, Arc::clone(&self.world.base), strikes, class, Counts::default());
                if lane.step(&self.world, &mut ()) != Went::On {
                    break;
                }
            }
        }
    }

    fn wait_at(&mut self, lane: &Lane, record: Arc<Record>, left: u32, class: usize, before: Counts) {
        let key = (fingerprint(&lane.machine().cpu), left);
        self.held += STATE;
        let waypoint = Waypoint { lane: lane.clone(), record, class, before };
        self.waypoints.entry(key).or_default().push(waypoint);
    }

    /// Takes about so many steps.
    pub(super) fn work(&mut self, steps: u64) -> Progress {
        let end = self.found.work.steps + steps;
        while self.found.work.steps < end {
            if let Some(obstacle) = self.spent() {
                self.give_up(obstacle);
            }
            if !self.advance() {
                return Progress::Done;
            }
        }
        Progress::More
    }

    /// The budget that is spent.
    fn spent(&self) -> Option<Obstacle> {
        match () {
            () if self.found.work.runs >= self.plan.limit => Some(Obstacle::Runs),
            () if self.held > self.plan.memory => Some(Obstacle::Memory),
            () => None,
        }
    }

    /// Leaves the rest undone.
    pub(super) fn give_up(&mut self, obstacle: Obstacle) {
        self.found.obstacle.get_or_insert(obstacle);
        self.trunks.clear();
    }

    /// The part of the boundaries of the unstruck run that are done, in thousandths.
    pub(super) fn done(&self) -> u32 {
        match self.trunks.first() {
            Some(base) => base.lane.steps() * 1000 / self.world.base_steps.max(1),
            None => 1000,
        }
    }

    /// Its outcome so far.
    pub(super) fn found(&self) -> &Found {
        &self.found
    }

    pub(super) fn finish(mut self) -> Found {
        let end = self.found.counts;
        if self.plan.followed {
            self.found.learned.tails = self.marks.iter().map(|mark| end - mark.before).collect();
        }
        if self.plan.strikes == 1 {
            self.found.by_place = by_place(&self.marks, end);
        }
        self.found
    }

    fn is_marked(&self) -> bool {
        self.plan.followed || self.plan.strikes == 1
    }

    /// Weighs one choice, or takes a step. Whether there was anything to do.
    fn advance(&mut self) -> bool {
        let is_base = self.trunks.len() == 1;
        if is_base && self.trunks.first().is_some_and(|base| self.is_idle(base.lane.steps())) {
            self.trunks.clear();
        }
        let is_marked = is_base && self.is_marked();
        let Some(trunk) = self.trunks.last_mut() else { return false };
        if is_marked && trunk.next == 0 {
            self.marks.push(Mark::new(&trunk.lane.machine().cpu, &self.plan.vectors, self.found.counts));
        }
        let Part { index, of } = self.plan.part;
        let is_ours = !is_base || trunk.lane.steps() % of == index;
        match self.plan.vectors.get(trunk.next).filter(|_| is_ours) {
            Some(&vector) => {
                trunk.next += 1;
                self.weigh(vector);
            }
            None => self.walk(),
        }
        true
    }

    /// Whether what breaks after so many steps is of no use: something shorter is known, and only the shortest is asked for.
    fn is_idle(&self, steps: u32) -> bool {
        self.enough().is_some_and(|enough| steps >= enough)
    }

    /// The steps from which on a run finds nothing shorter than what is known, if only that is sought.
    fn enough(&self) -> Option<u32> {
        let shortest = self.found.failures.iter().map(|failure| failure.steps + 1).min();
        shortest.filter(|_| self.plan.aim == Aim::Shortest)
    }

    /// Takes the trunk to its next boundary.
    fn walk(&mut self) {
        let Some(mut trunk) = self.trunks.pop() else { return };
        trunk.next = 0;
        let level = trunk.lane.level();
        self.found.work.steps += 1;
        if trunk.lane.step(&self.world, &mut ()) != Went::On {
            return self.leave(&trunk);
        }
        if self.plan.method != Method::Plain && trunk.lane.level() < level && trunk.lane.level() <= trunk.level {
            trunk.level = trunk.lane.level();
            if self.joins(&trunk) {
                return self.leave(&trunk);
            }
            trunk.class.get_or_insert_with(|| {
                self.classes.push(Counts::default());
                self.classes.len() - 1
            });
        }
        if let (Some(class), Some(record)) = (trunk.class, &trunk.record) {
            self.wait_at(&trunk.lane, Arc::clone(record), trunk.left, class, self.found.counts);
        }
        self.trunks.push(trunk);
    }

    fn leave(&mut self, trunk: &Trunk) {
        if let Some(end) = trunk.class.and_then(|class| self.classes.get_mut(class)) {
            *end = self.found.counts;
        }
    }

    /// Whether what follows is what follows of a state that was met before. Then it is counted as that was.
    fn joins(&mut self, trunk: &Trunk) -> bool {
        let key = (fingerprint(&trunk.lane.machine().cpu), trunk.left);
        let Some(waypoints) = self.waypoints.get(&key) else { return false };
        let strikes = Some(&self.known.exposed);
        let met = waypoints.iter().find(|met| {
            let future = Future { record: &met.record, step: met.lane.steps(), strikes };
            self.tables.agree(&trunk.lane, &met.lane, future)
        });
        let Some(met) = met else { return false };
        let tail = self.classes.get(met.class).map_or_else(Counts::default, |end| *end - met.before);
        self.found.counts += tail;
        self.found.hides |= tail.breaking != 0;
        self.found.work.cut += 1;
        true
    }

    /// Decides about one choice at the boundary of the innermost trunk.
    fn weigh(&mut self, vector: Vector) {
        let Some(trunk) = self.trunks.last() else { return };
        let is_last = trunk.left == 1;
        let counts = &mut self.found.counts;
        if refusal_reason(&trunk.lane.machine().cpu, vector.event()).is_some() {
            counts.refused += u64::from(is_last);
        } else if let Some(assumption) = self.plan.assumed.excluding(&self.world, &trunk.lane, vector) {
            if is_last {
                counts.exclude(assumption);
            }
        } else if is_last {
            let cpu = &trunk.lane.machine().cpu;
            counts.strike(vector, cpu);
            self.leaf(vector);
        } else {
            self.branch(vector);
        }
    }

    /// Strikes, and makes the struck run a trunk.
    fn branch(&mut self, vector: Vector) {
        let Some(parent) = self.trunks.last() else { return };
        let (left, level) = (parent.left - 1, parent.lane.level());
        let mut lane = parent.lane.clone();
        if lane.strike(&self.world, vector, &mut ()) != Went::On {
            return;
        }
        let record = (self.plan.method != Method::Plain).then(|| self.record(lane.clone()));
        self.trunks.push(Trunk { lane, next: 0, left, level, record: record.map(Arc::new), class: None });
    }

    /// Runs ahead without a strike, to know what a trunk accesses.
    fn record(&mut self, mut lane: Lane) -> Record {
        let mut journal = Journal::new(&lane);
        let mut return_to = Returning::new(self.trunks.len(), &lane);
        let next = loop {
            self.found.work.steps += 1;
            if journal.step(&self.world, &mut lane) != Went::On {
                break None;
            }
            if let Some(trunk) = return_to.arrived(&self.trunks, |trunk| &trunk.lane, &lane)
                && let Some(record) = &trunk.record
                && self.tables.agree(&lane, &trunk.lane, Future { record, step: trunk.lane.steps(), strikes: None })
            {
                break Some((Arc::clone(record), trunk.lane.steps()));
            }
        };
        let record = journal.finish(next);
        self.held += record.bytes();
        self.tables.learn(lane.machine(), &record.facts);
        record
    }

    /// Strikes, and runs until the end is known.
    fn leaf(&mut self, vector: Vector) {
        let Some(trunk) = self.trunks.last() else { return };
        let lane = trunk.lane.clone();
        self.found.work.runs += 1;
        if self.plan.followed {
            let mut watch = Watch::new(lane.machine());
            self.run(lane, vector, &mut watch);
            let (exposed, facts) = watch.into_parts();
            self.found.learned.exposed.merge(&exposed);
            self.found.learned.facts.merge(&facts);
        } else {
            self.run(lane, vector, &mut ());
        }
    }

    fn run<O: crate::machine::Observer>(&mut self, mut lane: Lane, vector: Vector, watch: &mut O) {
        let struck_at = lane.steps();
        let mut went = lane.strike(&self.world, vector, watch);
        let mut return_to = Returning::new(self.trunks.len(), &lane);
        let mut rest = Counters::default();
        let enough = self.enough().unwrap_or(u32::MAX);
        while went == Went::On && lane.steps() < enough {
            went = lane.stride(&self.world, enough - lane.steps(), watch);
            if self.plan.method != Method::Plain
                && went == Went::On
                && let Some(trunk) = return_to.arrived(&self.trunks, |trunk| &trunk.lane, &lane)
                && let Some(record) = &trunk.record
                && self.tables.agree(&lane, &trunk.lane, Future { record, step: trunk.lane.steps(), strikes: None })
            {
                if self.plan.strikes == 1 {
                    rest = rest_of(&self.world.base_counters, trunk.lane.counters());
                }
                self.found.work.cut += 1;
                went = Went::Over;
            }
        }
        self.found.work.steps += u64::from(lane.steps() - struck_at);
        for &Breakage { step, broken } in lane.broken() {
            self.found.counts.breaks(broken.promise());
            self.found.fail(Failure { strikes: lane.strikes().to_vec(), steps: step as u32, broken });
        }
        if !lane.broken().is_empty() {
            self.found.counts.breaking += 1;
        } else if self.plan.strikes == 1 {
            self.found.costs.add(&sum(lane.counters(), &rest), struck_at, vector);
        }
    }
}

fn rest_of(all: &Counters, before: &Counters) -> Counters {
    let mut rest = *all;
    Counter::ALL.iter().for_each(|&counter| rest[counter] -= before[counter]);
    rest
}

fn sum(left: &Counters, right: &Counters) -> Counters {
    let mut sum = *left;
    Counter::ALL.iter().for_each(|&counter| sum[counter] += right[counter]);
    sum
}
