//! Which calls are one class: for each vector and context a tree of questions about what was interrupted.
//!
//! A question that one class asks does not divide the others. The trees outlive rounds: they only grow.

use super::context::Context;
use super::guard::Item;
use super::hash::{Map, hash};
use super::learned::Kind;
use super::value::Loc;
use crate::explore::assume::Seen;
use crate::scenario::Vector;

/// A class of calls that were followed, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct FamilyId(pub(super) u32);

/// An item, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct ItemId(u32);

/// Gives equal items equal numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Items {
    numbers: Map<Item, ItemId>,
    all: Vec<Item>,
}

impl Items {
    pub(super) fn number(&mut self, item: Item) -> ItemId {
        *self.numbers.entry(item).or_insert_with(|| {
            self.all.push(item);
            ItemId(self.all.len() as u32 - 1)
        })
    }

    pub(super) fn get(&self, number: ItemId) -> Item {
        self.all[number.0 as usize]
    }
}

/// What decides about a tree: a vector, a context, and what assumptions know inside.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Root {
    pub(super) vector: Vector,
    pub(super) context: Context,
    pub(super) seen: Seen,
}

/// A tree, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct TreeId(u32);

/// A place in a tree at which a class is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Leaf {
    tree: TreeId,
    branch: u32,
}

impl Leaf {
    pub(super) fn tree(self) -> TreeId {
        self.tree
    }
}

#[derive(Clone, Debug)]
struct Branch {
    above: Option<u32>,
    /// Of the questions and answers down to here.
    hash: u64,
    is: Is,
}

#[derive(Clone, Debug)]
enum Is {
    Class(Option<FamilyId>),
    Question { item: ItemId, answers: Vec<(u64, u32)> },
}

/// All trees.
#[derive(Clone, Debug, Default)]
pub(super) struct Classes {
    items: Items,
    numbers: Map<Root, TreeId>,
    trees: Vec<(Vector, Vec<Branch>)>,
}

impl Classes {
    /// A round begins: it has no classes yet.
    pub(super) fn begin(&mut self) {
        let branches = self.trees.iter_mut().flat_map(|(_, branches)| branches);
        branches.for_each(|branch| {
            if let Is::Class(family) = &mut branch.is {
                *family = None;
            }
        });
    }

    pub(super) fn items(&mut self) -> &mut Items {
        &mut self.items
    }

    pub(super) fn item(&self, number: ItemId) -> Item {
        self.items.get(number)
    }

    pub(super) fn tree(&mut self, root: Root) -> TreeId {
        let next = TreeId(self.trees.len() as u32);
        let (vector, hash) = (root.vector, hash(&root));
        let number = *self.numbers.entry(root).or_insert(next);
        if number == next {
            self.trees.push((vector, vec![Branch { above: None, hash, is: Is::Class(None) }]));
        }
        number
    }

    pub(super) fn find_tree(&self, root: &Root) -> Option<TreeId> {
        self.numbers.get(root).copied()
    }

    fn branches(&self, tree: TreeId) -> &[Branch] {
        &self.trees[tree.0 as usize].1
    }

    fn branches_mut(&mut self, tree: TreeId) -> &mut Vec<Branch> {
        &mut self.trees[tree.0 as usize].1
    }

    /// Where a call belongs; `ask` answers questions.
    pub(super) fn leaf(&mut self, tree: TreeId, mut ask: impl FnMut(Item) -> u64) -> Leaf {
        let mut at = 0;
        loop {
            let branches = &self.trees[tree.0 as usize].1;
            let Is::Question { item, answers } = &branches[at as usize].is else { return Leaf { tree, branch: at } };
            let answer = ask(self.items.get(*item));
            at = match answers.iter().find(|(other, _)| *other == answer) {
                Some(&(_, next)) => next,
                None => self.grow(tree, at, answer),
            };
        }
    }

    /// The class of a call, if there is one.
    pub(super) fn find(&self, tree: TreeId, mut ask: impl FnMut(Item) -> u64) -> Option<FamilyId> {
        let mut at = 0;
        loop {
            match &self.branches(tree)[at as usize].is {
                Is::Class(family) => return *family,
                Is::Question { item, answers } => {
                    let answer = ask(self.items.get(*item));
                    at = answers.iter().find(|(other, _)| *other == answer)?.1;
                }
            }
        }
    }

    /// Another answer to a question.
    fn grow(&mut self, tree: TreeId, at: u32, answer: u64) -> u32 {
        let branches = self.branches_mut(tree);
        let next = branches.len() as u32;
        let branch = &mut branches[at as usize];
        let above = branch.hash;
        if let Is::Question { item, answers } = &mut branch.is {
            let hash = hash(&(above, *item, answer));
            answers.push((answer, next));
            branches.push(Branch { above: Some(at), hash, is: Is::Class(None) });
        }
        next
    }

    pub(super) fn family(&self, leaf: Leaf) -> Option<FamilyId> {
        match self.branches(leaf.tree)[leaf.branch as usize].is {
            Is::Class(family) => family,
            Is::Question { .. } => None,
        }
    }

    pub(super) fn found(&mut self, leaf: Leaf, family: FamilyId) {
        self.branches_mut(leaf.tree)[leaf.branch as usize].is = Is::Class(Some(family));
    }

    pub(super) fn kind(&self, leaf: Leaf) -> Kind {
        Kind { vector: self.trees[leaf.tree.0 as usize].0, number: self.branches(leaf.tree)[leaf.branch as usize].hash }
    }

    /// The kinds of all classes that were once at a leaf, or above it.
    pub(super) fn kinds(&self, leaf: Leaf) -> impl Iterator<Item = Kind> {
        let (vector, branches) = &self.trees[leaf.tree.0 as usize];
        let mut at = Some(leaf.branch);
        std::iter::from_fn(move || {
            let branch = &branches[at? as usize];
            at = branch.above;
            Some(Kind { vector: *vector, number: branch.hash })
        })
    }

    /// Whether the questions down to a leaf say the outcome of the item.
    pub(super) fn decides(&self, leaf: Leaf, item: Item) -> bool {
        let asked = || Above { classes: self, tree: leaf.tree, at: Some(leaf.branch) };
        let bits = |loc| {
            let of = |item| match item {
                Item::Bits { loc: other, mask } if other == loc => mask,
                _ => 0,
            };
            asked().fold(0, |known, item| known | of(item))
        };
        let is_known = |(loc, mask): (Loc, u64)| mask & !bits(loc) == 0;
        asked().any(|other| other == item) || item.looks_at().is_some_and(|mut looks| looks.all(is_known))
    }

    /// The class at a leaf asks something more, to which its own answer is known. Where it is now.
    pub(super) fn split(&mut self, leaf: Leaf, item: Item, answer: u64) -> Leaf {
        let item = self.items.number(item);
        let branch = &mut self.branches_mut(leaf.tree)[leaf.branch as usize];
        let was = std::mem::replace(&mut branch.is, Is::Question { item, answers: Vec::new() });
        let next = self.grow(leaf.tree, leaf.branch, answer);
        self.branches_mut(leaf.tree)[next as usize].is = was;
        Leaf { tree: leaf.tree, branch: next }
    }
}

/// The questions above a branch.
struct Above<'a> {
    classes: &'a Classes,
    tree: TreeId,
    at: Option<u32>,
}

impl Iterator for Above<'_> {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        let branches = self.classes.branches(self.tree);
        self.at = branches[self.at? as usize].above;
        match branches[self.at? as usize].is {
            Is::Question { item, .. } => Some(self.classes.items.get(item)),
            Is::Class(_) => None,
        }
    }
}
