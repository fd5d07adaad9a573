//! To which class a call belongs, and what becomes of calls when a class asks something more.

use super::classes::{FamilyId, ItemId, Leaf, Root, TreeId};
use super::context::{Context, Situation};
use super::family::{Call, Family, Going, Node};
use super::guard::Item;
use super::round::Round;
use super::shadow::Frame;
use crate::explore::assume::Seen;
use crate::explore::lane::{LANE, Lane, Strike};
use crate::machine::Cpu;
use crate::scenario::Vector;

impl Round {
    /// What assumptions will know inside what strikes a lane.
    pub(super) fn seen_inside(&self, lane: &Lane) -> Seen {
        self.about(Seen::of(&self.world, lane).struck_here(&self.world, &lane.machine().cpu))
    }

    /// The situation of a boundary, once something has struck there.
    pub(super) fn struck(&self, situation: Situation, cpu: &Cpu) -> Situation {
        Situation { seen: self.about(situation.seen.struck_here(&self.world, cpu)), ..situation }
    }

    pub(super) fn tree(&mut self, struck: Situation, vector: Vector) -> TreeId {
        if let Some(&tree) = self.trees.get(&(struck, vector)) {
            return tree;
        }
        let context = self.contexts.get(struck.context).clone();
        let tree = self.classes.tree(Root { vector, context, seen: struck.seen });
        self.trees.insert((struck, vector), tree);
        tree
    }

    /// The class of `id` asks something more. Calls that answer otherwise belong to other classes.
    pub(super) fn split(&mut self, id: FamilyId, number: ItemId) {
        let item = self.classes.item(number);
        let Some(leaf) = self.family(id).leaf else { return };
        if self.classes.decides(leaf, item) {
            return;
        }
        let answer = item.evaluate(&self.learned, &self.family(id).entry);
        let leaf = self.classes.split(leaf, item, answer);
        let kind = self.classes.kind(leaf);
        let family = self.family_mut(id);
        (family.leaf, family.kind) = (Some(leaf), Some(kind));
        let callers: Vec<_> = self.family(id).callers.iter().copied().collect();
        for run in callers {
            let Some(call) = self.run_mut(run).calls.remove(&id) else { continue };
            let stays = |&boundary: &u32| self.answer(Node { run, boundary }, item) == answer;
            let (stay, go): (Vec<u32>, Vec<u32>) = call.boundaries.into_iter().partition(stays);
            let was_followed = |&boundary: &u32| call.ways.iter().any(|way| way.at(boundary) == Going::Followed);
            self.strayed |= go.iter().any(was_followed);
            if stay.is_empty() {
                self.family_mut(id).callers.remove(&run);
            } else {
                self.run_mut(run).calls.insert(id, Call { boundaries: stay, ..call });
            }
            for boundary in go {
                self.call_again(Node { run, boundary }, leaf.tree());
            }
        }
    }

    /// A call that belongs to another class than it seemed.
    fn call_again(&mut self, node: Node, tree: TreeId) {
        let mut classes = std::mem::take(&mut self.classes);
        let leaf = classes.leaf(tree, |item| self.answer(node, item));
        self.classes = classes;
        let callee = match self.classes.family(leaf) {
            Some(callee) => callee,
            None => {
                let lane = self.lane_at(node);
                self.enter(leaf, node, &lane)
            }
        };
        self.call(node, callee);
        if self.run(node.run).walk.is_none() {
            for item in 0..self.family(callee).items.len() {
                self.lift_to(node.run, callee, item);
            }
        }
    }

    /// The machine at a boundary.
    pub(super) fn lane_at(&self, node: Node) -> Lane {
        let mut lane = self.run(node.run).lane.clone();
        for _ in 0..node.boundary {
            lane.step(&self.world, &mut ());
        }
        lane
    }

    /// What an item comes to at a boundary.
    fn answer(&self, node: Node, item: Item) -> u64 {
        let by_history = item.evaluate_by(|loc| self.at(node, loc).1);
        // The others are about the handlers around, which are the same in all of a run.
        by_history.unwrap_or_else(|| item.evaluate(&self.learned, &self.run(node.run).lane))
    }

    /// The class of calls that a strike belongs to.
    pub(super) fn class(&self, lane: &Lane, vector: Vector) -> Option<FamilyId> {
        let (context, seen) = (Context::of(&self.learned, lane), self.seen_inside(lane));
        let tree = self.classes.find_tree(&Root { vector, context, seen })?;
        self.classes.find(tree, |item| item.evaluate(&self.learned, lane))
    }

    /// Follows a call that is like no other.
    pub(super) fn enter(&mut self, leaf: Leaf, node: Node, lane: &Lane) -> FamilyId {
        let kind = self.classes.kind(leaf);
        let mut strikes = self.strikes(node);
        strikes.push(Strike { step: lane.steps(), vector: kind.vector });
        let id = FamilyId(self.families.len() as u32);
        self.classes.found(leaf, id);
        let mut family = Family::new(Frame::Handler, Some(kind), self.seen_inside(lane), lane.clone(), strikes);
        family.leaf = Some(leaf);
        family.demanded = self.learned.demanded_of(self.classes.kinds(leaf));
        self.held += LANE;
        self.families.push(family);
        self.follow_entry(id, lane.clone(), Some(kind.vector));
        id
    }
}
