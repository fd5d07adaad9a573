//! One round of the search: every call and every state, under what is known so far.

use super::agenda::Agenda;
use super::apply::Looks;
use super::caches::{Caches, is_translation};
use super::classes::{Classes, FamilyId, TreeId};
use super::context::{Context, ContextId, Contexts, Situation};
use super::family::{Cost, End, Family, Going, Node, Relevant, Run, RunId, Way};
use super::guard::{Held, Item};
use super::hash::Map;
use super::learned::{Fresh, Learned};
use super::shadow::Frame;
use super::value::Loc;
use crate::explore::assume::{Assumptions, Seen};
use crate::explore::by_place::{AtInstruction, ByPlace};
use crate::explore::lane::{Lane, Strike};
use crate::explore::sweep::Failure;
use crate::explore::world::World;
use crate::machine::refusal_reason;
use crate::scenario::Vector;
use std::sync::Arc;

/// What is searched.
#[derive(Clone, Debug)]
pub(in crate::explore) struct Aim {
    pub(in crate::explore) vectors: Arc<[Vector]>,
    pub(in crate::explore) assumed: Assumptions,
    /// Runs of a round after which it gives up.
    pub(in crate::explore) max_runs: u64,
    /// Bytes after which it gives up.
    pub(in crate::explore) max_memory: u64,
    pub(in crate::explore) flaw: Flaw,
}

/// What a search leaves out on purpose, to see whether the check finds it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(not(test), allow(dead_code))]
pub(in crate::explore) enum Flaw {
    #[default]
    None,
    /// Comparisons that decided.
    NoComparisons,
    /// Bits that were looked at.
    NoBits,
    /// Ends of calls.
    NoEnds,
    /// Entries of tables that walks read.
    NoWalks,
    /// Whether a translation is cached.
    NoLookUps,
    /// What invalidations do to translations that values follow.
    NoInvalidations,
    /// What an instruction pushes that delivers an event.
    NoFrames,
    /// Decisions that are to be taken again, for words that matter only now.
    NotAgain,
}

impl Flaw {
    fn hides(self, item: Item, caches: &Caches) -> bool {
        let word = if let Item::Bits { loc: Loc::Memory(word), .. } = item { Some(word) } else { None };
        match self {
            Self::None | Self::NoEnds | Self::NoInvalidations | Self::NoFrames | Self::NotAgain => false,
            Self::NoComparisons => matches!(item, Item::Taken { .. }),
            Self::NoBits => matches!(item, Item::Bits { .. }),
            Self::NoWalks => word.is_some_and(|word| caches.is_entry(word)),
            Self::NoLookUps => word.is_some_and(is_translation),
        }
    }
}

/// What is to be done.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// The next boundary of a run is weighed.
    Walk(RunId),
    /// A run goes on from a boundary after a handler returned in one way.
    Resume { node: Node, callee: FamilyId, end: u32 },
}

pub(super) struct Round {
    pub(super) world: Arc<World>,
    pub(super) aim: Arc<Aim>,
    pub(super) learned: Arc<Learned>,
    pub(super) fresh: Fresh,
    pub(super) contexts: Contexts,
    pub(super) classes: Classes,
    pub(super) trees: Map<(Situation, Vector), TreeId>,
    pub(super) families: Vec<Family>,
    pub(super) runs: Vec<Run>,
    agenda: Agenda<Event>,
    /// A run was followed after a call that turned out to belong to another class: it starts from a state that may not be. What is said of it
    /// holds, and is more than there is. A summary of it may disagree with the machine.
    pub(super) strayed: bool,
    pub(super) failures: Vec<Failure>,
    /// Choices at the boundaries of all runs.
    pub(super) weighed: ByPlace,
    pub(super) mistakes: Vec<String>,
    pub(super) steps: u64,
    pub(super) joined: u64,
    /// About how many bytes the runs and calls take.
    pub(super) held: u64,
    /// Items that callers do not know yet.
    untold: Vec<(FamilyId, usize)>,
    /// Words, and bytes of them, that were read for the first time as they were interrupted.
    pub(super) newly_read: Vec<(u64, u8)>,
    grew_at: Option<u32>,
    pub(super) pace: Pace,
}

/// How far a round goes that has found something new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// What few strikes teach is taken in before there are more.
    Short,
    /// To its end: what is new is rare, and far away.
    Whole,
}

pub(super) const PROGRAM: FamilyId = FamilyId(0);

impl Round {
    pub(super) fn new(
        world: Arc<World>,
        aim: Arc<Aim>,
        learned: Arc<Learned>,
        mut classes: Classes,
        pace: Pace,
    ) -> Self {
        classes.begin();
        let mut round = Self {
            world,
            aim,
            learned,
            fresh: Fresh::default(),
            contexts: Contexts::default(),
            classes,
            trees: Map::default(),
            families: Vec::new(),
            runs: Vec::new(),
            agenda: Agenda::default(),
            strayed: false,
            failures: Vec::new(),
            weighed: ByPlace::default(),
            mistakes: Vec::new(),
            steps: 0,
            joined: 0,
            held: 0,
            untold: Vec::new(),
            newly_read: Vec::new(),
            grew_at: None,
            pace,
        };
        let lane = Lane::start(&round.world);
        round.families.push(Family::new(Frame::Program, None, Seen::default(), lane.clone(), Vec::new()));
        round.follow_entry(PROGRAM, lane, None);
        round
    }

    pub(super) fn run(&self, id: RunId) -> &Run {
        &self.runs[id.0 as usize]
    }

    pub(super) fn family(&self, id: FamilyId) -> &Family {
        &self.families[id.0 as usize]
    }

    pub(super) fn family_mut(&mut self, id: FamilyId) -> &mut Family {
        &mut self.families[id.0 as usize]
    }

    pub(super) fn run_mut(&mut self, id: RunId) -> &mut Run {
        &mut self.runs[id.0 as usize]
    }

    /// As much as decides about what is searched.
    pub(super) fn about(&self, seen: Seen) -> Seen {
        seen.about(&self.aim.vectors, self.aim.assumed)
    }

    /// The context of a lane, which as a rule is the one it had last, and what assumptions know there.
    pub(super) fn situation(&mut self, last: Option<ContextId>, lane: &Lane) -> Situation {
        let context = self.contexts.number_after(last, &self.learned, lane);
        if !self.learned.arms_breakpoints && self.contexts.get(context).arms_a_breakpoint() {
            self.fresh.arms_breakpoints = true;
            self.make_again();
        }
        Situation { context, seen: self.about(Seen::of(&self.world, lane)) }
    }

    pub(super) fn cost(&self, node: Node) -> Cost {
        let run = self.run(node.run);
        let family = self.family(run.family);
        Cost {
            strikes: (family.strikes.len() + run.strikes.len()) as u32,
            steps: family.entered_at + run.offset + node.boundary,
        }
    }

    pub(super) fn grew(&mut self, at: Cost) {
        self.grew_at.get_or_insert(at.strikes);
    }

    /// What was found changes what its runs come to: the round ends before there are more strikes, and another one is made.
    pub(super) fn make_again(&mut self) {
        self.grew(Cost::default());
    }

    /// Whether something was found by which runs would come to something else.
    pub(super) fn has_grown(&self) -> bool {
        self.grew_at.is_some()
    }

    /// How many strikes come before what is to be done next.
    pub(super) fn next_strikes(&self) -> Option<u32> {
        self.agenda.first().map(|cost| cost.strikes)
    }

    /// Does the next piece of work. Whether there was any.
    pub(super) fn advance(&mut self) -> bool {
        let Some(cost) = self.agenda.first() else { return false };
        let is_enough = self.pace == Pace::Short && self.grew_at.is_some_and(|strikes| cost.strikes > strikes);
        if is_enough || self.is_beyond(cost) {
            return false;
        }
        match self.agenda.take() {
            Some(Event::Walk(run)) => self.walk(run),
            Some(Event::Resume { node, callee, end }) => self.resume(node, callee, end),
            None => {}
        }
        self.follow_up();
        true
    }

    /// What follows at once from what was found.
    pub(super) fn follow_up(&mut self) {
        self.tell();
        while !self.newly_read.is_empty() {
            self.take_reads();
            self.tell();
        }
    }

    /// Whether a schedule with fewer strikes is known to break something.
    fn is_beyond(&self, cost: Cost) -> bool {
        let best = self.failures.iter().map(|failure| failure.strikes.len()).min();
        best.is_some_and(|best| cost.strikes as usize >= best)
    }

    pub(super) fn schedule_walk(&mut self, run: RunId) {
        let cost = self.cost(Node { run, boundary: 0 });
        let lane = self.run(run).lane.clone();
        self.run_mut(run).walk = Some((Box::new(lane), 0));
        self.agenda.add(cost, Event::Walk(run));
    }

    /// Weighs boundaries of a run until something else comes first.
    fn walk(&mut self, id: RunId) {
        let Some((mut lane, mut boundary)) = self.run_mut(id).walk.take() else { return };
        loop {
            let node = Node { run: id, boundary };
            for index in 0..self.aim.vectors.len() {
                if let Some(&vector) = self.aim.vectors.get(index) {
                    self.weigh(node, &lane, vector);
                }
            }
            boundary += 1;
            if boundary >= self.run(id).length() {
                return self.walked(id);
            }
            lane.step(&self.world, &mut ());
            self.steps += 1;
            let cost = self.cost(Node { run: id, boundary });
            if self.agenda.first().is_some_and(|first| first < cost) {
                self.run_mut(id).walk = Some((lane, boundary));
                return self.agenda.add(cost, Event::Walk(id));
            }
        }
    }

    fn walked(&mut self, id: RunId) {
        let callees: Vec<_> = self.run(id).calls.keys().copied().collect();
        for callee in callees {
            let items = self.family(callee).items.len();
            for item in 0..items {
                self.lift_to(id, callee, item);
            }
        }
    }

    fn weigh(&mut self, node: Node, lane: &Lane, vector: Vector) {
        let machine = lane.machine();
        let Some(&situation) = self.run(node.run).contexts.get(node.boundary as usize) else { return };
        self.depend_for(node, vector);
        if let Some(assumption) = self.aim.assumed.excluding_seen(&self.world, situation.seen, machine, vector) {
            return self.weighed_at(lane).counts.exclude(assumption);
        }
        self.depend_on_refusal(node, vector);
        if let Some(reason) = refusal_reason(&machine.cpu, vector.event()) {
            return self.weighed_at(lane).refuse(reason);
        }
        self.weighed_at(lane).counts.schedules += 1;
        let tree = self.tree(self.struck(situation, &machine.cpu), vector);
        let leaf = self.classes.leaf(tree, |item| item.evaluate(&self.learned, lane));
        let callee = self.classes.family(leaf).unwrap_or_else(|| self.enter(leaf, node, lane));
        self.call(node, callee);
    }

    /// What is counted at the instruction before which a lane is.
    fn weighed_at(&mut self, lane: &Lane) -> &mut AtInstruction {
        self.weighed.at(lane.machine().cpu.rip)
    }

    /// `callee` strikes at a boundary.
    pub(super) fn call(&mut self, node: Node, callee: FamilyId) {
        self.family_mut(callee).callers.insert(node.run);
        self.run_mut(node.run).calls.entry(callee).or_default().strike(node.boundary);
        for end in 0..self.family(callee).ends.len() as u32 {
            self.consider(node, callee, end);
        }
    }

    pub(super) fn context_is(&self, number: ContextId, context: &Context) -> bool {
        self.contexts.get(number) == context
    }

    /// What strikes before a boundary, from the start.
    pub(super) fn strikes(&self, node: Node) -> Vec<Strike> {
        let run = self.run(node.run);
        let family = self.family(run.family);
        let inside = run.strikes.iter().map(|strike| later(*strike, family.entered_at));
        family.strikes.iter().copied().chain(inside).collect()
    }

    /// A handler that strikes at a boundary may return this way.
    pub(super) fn consider(&mut self, node: Node, callee: FamilyId, index: u32) {
        let Some(end) = self.family(callee).ends.get(index as usize).cloned() else { return };
        let relevant = self.relevant_words(node.run, callee, index, &end);
        let met = self
            .meets_again(node, callee, index, &end)
            .or_else(|| self.turns_out_harmless(node, callee, index, &end, &relevant));
        match met {
            Some((met, looks)) => self.meet(node, (callee, index), met, looks),
            None => {
                let cost = self.cost(node);
                let event = Event::Resume { node, callee, end: index };
                let after =
                    Cost { strikes: cost.strikes + 1 + end.strikes.len() as u32, steps: cost.steps + end.steps };
                if let Some(way) = self.way(node.run, callee, index)
                    && way.is_new(node.boundary)
                {
                    way.goes_on(node.boundary, Going::ToFollow);
                    self.agenda.add(after, event);
                }
            }
        }
    }

    /// A run goes on as a boundary of one does.
    fn meet(&mut self, node: Node, (callee, end): (FamilyId, u32), met: Node, looks: Looks) {
        self.joined += u64::from(met.run != node.run);
        if let Some(way) = self.way(node.run, callee, end) {
            way.met = Some((node.boundary, met));
            way.goes_on(node.boundary, if met == node { Going::AsItself } else { Going::As(met) });
        }
        self.look_in(self.run(node.run).family, looks);
    }

    pub(super) fn way(&mut self, run: RunId, callee: FamilyId, end: u32) -> Option<&mut Way> {
        let ends = self.family(callee).ends.len();
        let call = self.run_mut(run).calls.get_mut(&callee)?;
        call.ways.resize(ends, Way::default());
        call.ways.get_mut(end as usize)
    }

    /// Which of the words that an end changes may matter to a run.
    fn relevant_words(&mut self, run: RunId, callee: FamilyId, index: u32, end: &End) -> Arc<Relevant> {
        if let Some(Way { relevant: Some(relevant), .. }) = self.way(run, callee, index) {
            return Arc::clone(relevant);
        }
        let matters = &self.run(run).matters;
        let may_matter = |&index: &u32| matters.binary_search(&end.words[index as usize].0).is_ok();
        let words: Box<[u32]> = (0..end.words.len() as u32).filter(may_matter).collect();
        let moving = words.iter().copied().filter(|&index| !end.words[index as usize].1.is_known()).collect();
        let relevant = Arc::new(Relevant { words, moving });
        if let Some(way) = self.way(run, callee, index) {
            way.relevant = Some(Arc::clone(&relevant));
        }
        relevant
    }

    /// Whether an end leaves all that matters at a boundary as it is. If a word differs it will be the first to be looked at next time.
    fn turns_out_harmless(
        &mut self,
        node: Node,
        callee: FamilyId,
        index: u32,
        end: &End,
        relevant: &Relevant,
    ) -> Option<(Node, Looks)> {
        let differs = self.way(node.run, callee, index)?.differs;
        match self.is_harmless(node, end, &relevant.words, differs) {
            Ok(looks) => Some((node, looks)),
            Err(word) => {
                self.way(node.run, callee, index)?.differs = word.or(differs);
                None
            }
        }
    }

    /// As which boundary a run goes on, as it did at another after the same call.
    fn meets_again(&self, node: Node, callee: FamilyId, index: u32, end: &End) -> Option<(Node, Looks)> {
        let way = self.run(node.run).calls.get(&callee)?.ways.get(index as usize)?;
        let (before, met) = way.met.filter(|&(before, _)| before <= node.boundary)?;
        match &way.relevant {
            Some(relevant) if met == (Node { boundary: before, ..node }) => {
                Some((node, self.is_still_harmless(node, end, &relevant.moving, before)?))
            }
            _ => self.joins_again(node, end, (before, met)),
        }
    }

    /// A call may return in a new way: tells its callers.
    pub(super) fn returned(&mut self, callee: FamilyId, end: End) {
        let index = self.family(callee).ends.len() as u32;
        if self.aim.flaw == Flaw::NoEnds {
            return;
        }
        self.family_mut(callee).ends.push(Arc::new(end));
        let callers: Vec<_> = self.family(callee).callers.iter().copied().collect();
        for run in callers {
            let boundaries = self.run(run).calls.get(&callee).map(|call| call.boundaries.clone());
            for boundary in boundaries.unwrap_or_default() {
                self.consider(Node { run, boundary }, callee, index);
            }
        }
    }

    /// Goes on from a boundary after a handler returned.
    fn resume(&mut self, node: Node, callee: FamilyId, index: u32) {
        let call = self.run(node.run).calls.get(&callee);
        if call.is_none_or(|call| call.boundaries.binary_search(&node.boundary).is_err()) {
            // It belongs to another class.
            return;
        }
        let Some(end) = self.family(callee).ends.get(index as usize).cloned() else { return };
        match self.meets(node, callee, index, &end) {
            Some((met, looks)) => self.meet(node, (callee, index), met, looks),
            None => {
                if let Some(way) = self.way(node.run, callee, index) {
                    way.goes_on(node.boundary, Going::Followed);
                }
                self.follow_resumed(node, callee, &end);
            }
        }
    }

    /// A boundary from which a run goes on as the state after a handler returned.
    fn meets(&self, node: Node, callee: FamilyId, index: u32, end: &End) -> Option<(Node, Looks)> {
        let again = self.meets_again(node, callee, index, end);
        if again.is_some() {
            return again;
        }
        let state = self.state_after(node, end);
        let nodes = self.family(self.run(node.run).family).nodes.get(&state.fingerprint(&self.learned))?;
        let mut differs = None;
        nodes.iter().find_map(|&met| match self.joins(&state, met, differs) {
            Ok(looks) => Some((met, looks)),
            Err(word) => {
                differs = word.or(differs);
                None
            }
        })
    }

    // Items

    /// A family depends on what was looked at.
    pub(super) fn look_in(&mut self, family: FamilyId, looks: Looks) {
        for item in looks.into_iter().flat_map(Held::parts).filter_map(Item::bits) {
            self.depend(family, item);
        }
    }

    pub(super) fn depend(&mut self, id: FamilyId, item: Item) {
        if self.aim.flaw.hides(item, &self.learned.caches) {
            return;
        }
        let number = self.classes.items().number(item);
        if self.family_mut(id).depend(number, item) {
            let number = self.family(id).items.len() - 1;
            self.untold.push((id, number));
        }
    }

    /// Tells callers what their calls depend on.
    fn tell(&mut self) {
        while let Some((callee, item)) = self.untold.pop() {
            if let Some(&item) = self.family(callee).items.get(item) {
                self.split(callee, item);
            }
            let callers: Vec<_> = self.family(callee).callers.iter().copied().collect();
            for run in callers {
                if self.run(run).walk.is_none() {
                    self.lift_to(run, callee, item);
                }
            }
        }
    }

    /// Everything was done, or everything up to the first schedules that break something, and nothing was learned on the way.
    pub(super) fn is_through(&self) -> bool {
        let rest = self.agenda.first().is_none_or(|cost| self.is_beyond(cost));
        rest && self.grew_at.is_none()
    }
}

/// A strike that is counted from later on.
pub(super) fn later(strike: Strike, steps: u32) -> Strike {
    Strike { step: strike.step + steps, ..strike }
}
