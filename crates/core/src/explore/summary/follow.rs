//! Runs on the machine, with a shadow beside.

use super::apply::{Looks, MIXED, State, mixture};
use super::classes::FamilyId;
use super::context::Situation;
use super::family::{Cost, End, Family, Node, Run, RunId};
use super::gather::Gather;
use super::guard::{FOLLOWED, Held, Item, register_of};
use super::hash::Map;
use super::learned::tells_states_apart;
use super::registers::Registers;
use super::round::{Round, later};
use super::shadow::Notes;
use super::shadow::{Frame, Shadow};
use super::value::{Loc, OWES, Origin, Part, Value};
use crate::explore::lane::{Lane, Strike, Went};
use crate::explore::sweep::Failure;
use crate::promises::{Breakage, Struck};
use crate::scenario::Vector;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How a run ended.
enum Outcome {
    Finished,
    Returned,
    Joined(Node),
    Broken,
}

/// A run that goes on.
struct Following {
    family: FamilyId,
    /// Handlers around the family's own.
    level: usize,
    /// What the family's own interrupted; nothing for the program.
    own: Option<Arc<Struck>>,
    start: Lane,
    lane: Lane,
    shadow: Shadow,
    strikes: Vec<Strike>,
    offset: u32,
    contexts: Vec<Situation>,
    prints: Vec<u64>,
    /// For runs that it does not join, what distinguishes them.
    hints: Map<RunId, Hint>,
}

/// A word that distinguishes two runs: the one that it is about does the same with it up to a boundary, and the one at hand has not changed it
/// since.
struct Hint {
    word: u64,
    until: u32,
    since: Option<u32>,
}

impl Following {
    fn new(family: FamilyId, level: usize, lane: Lane, shadow: Shadow, strikes: Vec<Strike>, offset: u32) -> Self {
        let (start, contexts, prints, hints) = (lane.clone(), Vec::new(), Vec::new(), Map::default());
        let own = lane.handlers().get(level).cloned();
        Self { family, level, own, start, lane, shadow, strikes, offset, contexts, prints, hints }
    }
}

impl Round {
    /// The first run of a family, from what strikes.
    pub(super) fn follow_entry(&mut self, family: FamilyId, mut lane: Lane, vector: Option<Vector>) {
        let frame = self.family(family).frame;
        let mut shadow = Shadow::new(Arc::clone(&self.learned), frame);
        let level = lane.level();
        let mut went = Went::On;
        if let Some(vector) = vector {
            let mut gather = Gather::new(lane.machine(), &mut self.fresh.gathered);
            went = lane.strike(&self.world, vector, &mut (&mut shadow, &mut gather));
        }
        shadow.start(&lane);
        let offset = u32::from(vector.is_some());
        let following = Following::new(family, level, lane, shadow, Vec::new(), offset);
        if went == Went::On && following.lane.broken().is_empty() {
            self.follow(following);
        } else {
            self.fail(&following.lane);
            self.learn(family, following.shadow.notes);
        }
    }

    /// Another run of a family, from a boundary after a handler returned.
    pub(super) fn follow_resumed(&mut self, node: Node, callee: FamilyId, end: &End) {
        let Some(kind) = self.family(callee).kind else { return };
        let lane = match self.carry_out(node, kind.vector, end) {
            Ok(lane) => lane,
            Err(mistake) => return self.mistakes.push(mistake),
        };
        let mut shadow = self.shadow_after(node, end);
        shadow.start(&lane);
        let family = self.run(node.run).family;
        let run = self.run(node.run);
        let since = run.offset + node.boundary;
        let mut strikes = run.strikes.clone();
        strikes.push(Strike { step: since, vector: kind.vector });
        strikes.extend(end.strikes.iter().map(|&strike| later(strike, since)));
        let level = self.family(family).entry.level();
        let offset = since + end.steps;
        self.follow(Following::new(family, level, lane, shadow, strikes, offset));
    }

    /// The machine after what a summary says, by running it.
    fn carry_out(&mut self, node: Node, vector: Vector, end: &End) -> Result<Lane, String> {
        let mut lane = self.lane_at(node);
        let level = lane.level();
        let mut gather = Gather::new(lane.machine(), &mut self.fresh.gathered);
        lane.strike(&self.world, vector, &mut gather);
        let mut inside = end.strikes.iter();
        let mut next = inside.next();
        for step in 1..end.steps {
            match next.filter(|strike| strike.step == step) {
                Some(strike) => {
                    lane.strike(&self.world, strike.vector, &mut gather);
                    next = inside.next();
                }
                None => {
                    lane.step(&self.world, &mut gather);
                }
            }
        }
        self.steps += u64::from(node.boundary + end.steps);
        let situation = self.situation(None, &lane);
        let state = self.state_after(node, end);
        let cpu = &lane.machine().cpu;
        let opaque = |held: Held| if let Held::Word(value) = held { value.opaque() } else { 0 };
        let mut registers = state.registers.iter().enumerate();
        let same = registers
            .all(|(number, &(held, sample))| (sample ^ register_of(&lane, number)) & !opaque(held) == 0)
            && (state.flags.1 ^ cpu.rflags) & FOLLOWED & !state.flags.0.word().opaque() == 0
            && situation == state.situation
            && lane.level() == level;
        let words = end.words.iter().all(|&(word, ..)| {
            let (held, sample) = (state.word)(word);
            (sample ^ self.learned.on(lane.machine(), word)) & !opaque(held) == 0
        });
        if same && words {
            Ok(lane)
        } else {
            Err(format!("a summary disagrees with the machine at {:#x}, {vector:?}, {:?}", cpu.rip, lane.strikes()))
        }
    }

    /// What places hold after a summary was applied.
    fn shadow_after(&mut self, node: Node, end: &End) -> Shadow {
        let mut shadow = self.memory_at(node);
        for &(word, value, sample) in &end.words {
            let (after, _) = self.after(node, (value, sample));
            let mixed = Origin::Mixture(word);
            let after = match after {
                Ok(after) => after,
                Err(_) if !self.learned.looked.contains(&mixed) => mixture(word),
                Err(_) => self.look_before(&mut shadow, node, value),
            };
            shadow.sums.remove(&word);
            shadow.put(word, after);
        }
        let state = self.state_after(node, end);
        shadow.flags = state.flags.0;
        let mut ends = end.registers.iter();
        shadow.registers = Registers::new(state.registers.map(|(held, _)| match (held, ends.next()) {
            (Held::Word(MIXED), Some(&(value, _))) => Held::Word(self.look_before(&mut shadow, node, value)),
            (held, _) => held,
        }));
        shadow
    }

    /// Looks at all that a value of a summary comes from, as it is at a boundary. Then it is known.
    fn look_before(&self, shadow: &mut Shadow, node: Node, value: Value) -> Value {
        for loc in value.parts().filter_map(Part::input) {
            shadow.look_held(self.at(node, loc).0);
            if loc == Loc::Flags
                && let Some((flags, _)) = self.run(node.run).history.flags_at(node.boundary)
            {
                flags.guards().for_each(|guard| shadow.look_guard(guard));
            }
        }
        Value::KNOWN
    }

    /// A shadow in which words hold what they do at a boundary.
    fn memory_at(&self, node: Node) -> Shadow {
        let run = self.run(node.run);
        let mut shadow = Shadow::new(Arc::clone(&self.learned), self.family(run.family).frame);
        for word in run.history.words() {
            match run.history.at(Loc::Memory(word), node.boundary).map(|moment| moment.held) {
                Some(Held::Word(value)) => shadow.put(word, value),
                Some(Held::Sum(sum)) => {
                    shadow.sums.insert(word, sum.add);
                }
                None => {}
            }
        }
        shadow
    }

    /// What all places hold at the boundary after the last of a run, and the machine there.
    pub(super) fn after_the_last(&self, id: RunId) -> (Lane, Shadow) {
        let node = Node { run: id, boundary: self.run(id).length() };
        let lane = self.lane_at(node);
        let mut shadow = self.memory_at(node);
        shadow.registers = Registers::new(std::array::from_fn(|number| self.at(node, Loc::Register(number as u8)).0));
        if let Some((flags, _)) = self.run(id).history.flags_at(node.boundary) {
            shadow.flags = flags.clone();
        }
        shadow.owes = lane.owes_round();
        (lane, shadow)
    }

    /// A run that went on as another goes on by itself: the run that does so from there on, if there is one.
    pub(super) fn follow_further(&mut self, id: RunId) -> Node {
        let (lane, mut shadow) = self.after_the_last(id);
        shadow.start(&lane);
        let Run { family, ref strikes, offset, .. } = *self.run(id);
        let (strikes, offset) = (strikes.clone(), offset + self.run(id).length());
        let next = Node { run: RunId(self.runs.len() as u32), boundary: 0 };
        let level = self.family(family).entry.level();
        self.follow(Following::new(family, level, lane, shadow, strikes, offset));
        next
    }

    fn follow(&mut self, mut following: Following) {
        let mut gathered = std::mem::take(&mut self.fresh.gathered);
        let mut gather = Gather::new(following.lane.machine(), &mut gathered);
        let outcome = loop {
            if let Some(outcome) = self.one_step(&mut following, &mut gather) {
                break outcome;
            }
        };
        self.fresh.gathered = gathered;
        self.steps += u64::from(following.lane.steps() - following.start.steps());
        self.settle(following, &outcome);
    }

    /// Notes the boundary and takes a step. What came of it if that was the last one.
    fn one_step(&mut self, following: &mut Following, gather: &mut Gather<'_>) -> Option<Outcome> {
        let last = following.contexts.last().map(|situation| situation.context);
        let situation = self.situation(last, &following.lane);
        let print = following.shadow.fingerprint(situation, following.lane.machine());
        if !following.strikes.is_empty()
            && let Some((node, looks)) = self.met(following, situation, print)
        {
            self.look_in(following.family, looks);
            return Some(Outcome::Joined(node));
        }
        following.shadow.step = following.contexts.len() as u32;
        following.contexts.push(situation);
        following.prints.push(print);
        let went = following.lane.step(&self.world, &mut (&mut following.shadow, gather));
        if following.shadow.leaves && following.shadow.frame == Frame::Handler {
            following.shadow.leaves = false;
            if let Some(own) = &following.own {
                following.shadow.left(own, &following.lane.machine().cpu);
            }
            self.left(following);
        }
        debug_assert_eq!(following.shadow.owes, following.lane.owes_round());
        match went {
            _ if !following.lane.broken().is_empty() => Some(Outcome::Broken),
            Went::Over => Some(Outcome::Finished),
            Went::On if following.lane.level() <= following.level && following.shadow.frame == Frame::Handler => {
                Some(Outcome::Returned)
            }
            Went::On => None,
        }
    }

    /// What the family returns by was executed, or something that looks like it.
    fn left(&mut self, following: &mut Following) {
        if following.lane.level() > following.level {
            return;
        }
        let Family { kind, seen, .. } = self.family(following.family);
        let is_nmi = kind.is_some_and(|kind| kind.vector == Vector::Nmi);
        let shadow = &mut following.shadow;
        // It is lost unless another NMI is under way.
        if is_nmi && (shadow.registers[OWES] != Held::KNOWN || shadow.owes) {
            shadow.depend(Some(Item::InsideNmi));
        }
        if seen.keeps_nmis_out() && !crate::run::is_iret(shadow.instruction.mnemonic()) {
            self.mistakes.push("a handler returns by something other than IRET".to_owned());
        }
    }

    /// A boundary from which another run continues the same way, and what must be looked at for that.
    fn met(&self, following: &mut Following, situation: Situation, print: u64) -> Option<(Node, Looks)> {
        let nodes = self.family(following.family).nodes.get(&print)?;
        let Following { shadow, lane, hints, .. } = following;
        let state = State::of(situation, shadow, lane.machine());
        let mut differs = None;
        nodes.iter().find_map(|&met| {
            let told_apart =
                |hint: &Hint| met.boundary <= hint.until && shadow.history.last_change(hint.word) == hint.since;
            if hints.get(&met.run).is_some_and(told_apart) {
                return None;
            }
            match self.joins(&state, met, differs) {
                Ok(looks) => Some((met, looks)),
                Err(word) => {
                    if let Some(word) = word {
                        differs = Some(word);
                        let until = self.run(met.run).uses.same_fate_until(word, met.boundary);
                        let since = shadow.history.last_change(word);
                        hints.insert(met.run, Hint { word, until, since });
                    }
                    None
                }
            }
        })
    }

    /// Keeps a run that is over.
    fn settle(&mut self, following: Following, outcome: &Outcome) {
        let Following { family, start, lane, mut shadow, strikes, offset, contexts, prints, .. } = following;
        let steps = offset + contexts.len() as u32;
        let end = match outcome {
            Outcome::Returned => Some(self.end(&lane, &mut shadow, strikes.clone(), steps)),
            Outcome::Broken => {
                self.fail(&lane);
                None
            }
            Outcome::Finished | Outcome::Joined(_) => None,
        };
        let id = RunId(self.runs.len() as u32);
        for (print, boundary) in prints.into_iter().zip(0..) {
            self.family_mut(family).nodes.entry(print).or_default().push(Node { run: id, boundary });
        }
        let next = if let Outcome::Joined(node) = *outcome { Some(node) } else { None };
        let notes = std::mem::take(&mut shadow.notes);
        let matters = self.what_matters(family, &shadow, next);
        let mut written: Vec<_> = shadow.history.words().filter(|word| matters.binary_search(word).is_ok()).collect();
        written.sort_unstable();
        shadow.history.shrink();
        self.runs.push(Run {
            family,
            lane: start,
            strikes,
            offset,
            contexts,
            history: shadow.history,
            uses: shadow.uses,
            next,
            returned_as: None,
            matters,
            written,
            calls: BTreeMap::new(),
            lifted: super::hash::Set::default(),
            walk: None,
        });
        self.held += self.run(id).bytes();
        self.family_mut(family).runs.push(id);
        self.learn(family, notes);
        if self.run(id).length() > 0 {
            self.schedule_walk(id);
        }
        if let Some(end) = end {
            self.returns(id, end);
        }
    }

    /// Words that may matter to a run, and that may be other than they are.
    fn what_matters(&self, family: FamilyId, shadow: &Shadow, next: Option<Node>) -> Vec<u64> {
        let demanded = &self.family(family).demanded;
        let later = next.map_or(&[][..], |node| &self.run(node.run).matters);
        let read = shadow.uses.read_words().chain(self.learned.read.words());
        let all = read.chain(later.iter().copied()).chain(demanded.words());
        let mut words: Vec<_> = all.filter(|word| self.learned.stored.contains(word)).collect();
        words.sort_unstable();
        words.dedup();
        words
    }

    /// Takes in what a run looked at.
    pub(super) fn learn(&mut self, family: FamilyId, notes: Notes) {
        let strikes = self.family(family).strikes.len() as u32;
        let mut grew = false;
        for item in notes.found {
            self.depend(family, item);
        }
        for origin in notes.looked {
            grew |= !self.learned.looked.contains(&origin);
            self.fresh.looked.insert(origin);
        }
        for word in notes.counts.words() {
            grew |= notes.counts.of(word) & !self.learned.counts.of(word) != 0;
            self.fresh.counts.add(word, notes.counts.of(word));
        }
        for word in notes.read.words() {
            let bytes = notes.read.of(word);
            if bytes & !self.learned.read.of(word) != 0 && self.fresh.read.add(word, bytes) {
                grew |= tells_states_apart(word);
                self.newly_read.push((word, bytes));
            }
        }
        if grew {
            self.grew(Cost { strikes, steps: 0 });
        }
    }

    fn fail(&mut self, lane: &Lane) {
        for &Breakage { step, broken } in lane.broken() {
            let failure = Failure { strikes: lane.strikes().to_vec(), steps: step as u32, broken };
            let promise = broken.promise();
            match self.failures.iter_mut().find(|other| other.broken.promise() == promise) {
                Some(other) if failure.order() < other.order() => *other = failure,
                Some(_) => {}
                None => self.failures.push(failure),
            }
        }
    }
}
