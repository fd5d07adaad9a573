//! Calls of handlers, and the runs that follow them.

use super::classes::{FamilyId, ItemId, Leaf};
use super::context::{ContextId, Situation};
use super::guard::{Flags, Held, Item};
use super::hash::{Map, Set};
use super::history::{History, Uses};
use super::learned::{Bytes, Kind};
use super::shadow::Frame;
use super::value::{Loc, REGISTERS, Value};
use crate::explore::assume::Seen;
use crate::explore::lane::{LANE, Lane, Strike};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct RunId(pub(super) u32);

/// A boundary of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Node {
    pub(super) run: RunId,
    pub(super) boundary: u32,
}

/// How far a state is from the start: strikes, then steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cost {
    pub(super) strikes: u32,
    pub(super) steps: u32,
}

/// All that may happen from one strike to the return of its handler, or the program from its start to its end.
#[derive(Debug)]
pub(super) struct Family {
    pub(super) frame: Frame,
    /// Nothing for the program.
    pub(super) kind: Option<Kind>,
    /// Where its class is; nothing for the program.
    pub(super) leaf: Option<Leaf>,
    /// What is read of it after it has returned.
    pub(super) demanded: Bytes,
    /// What struck before the entry, and at it.
    pub(super) strikes: Vec<Strike>,
    /// Steps before the strike.
    pub(super) entered_at: u32,
    /// What assumptions know inside it.
    pub(super) seen: Seen,
    /// What was interrupted.
    pub(super) entry: Lane,
    pub(super) items: Vec<ItemId>,
    known_items: Set<ItemId>,
    /// Bits among these items.
    pub(super) looked: Looked,
    pub(super) ends: Vec<Arc<End>>,
    pub(super) runs: Vec<RunId>,
    /// Runs that it strikes.
    pub(super) callers: BTreeSet<RunId>,
    /// Boundaries of its runs, by fingerprint.
    pub(super) nodes: Map<u64, Vec<Node>>,
}

impl Family {
    pub(super) fn new(frame: Frame, kind: Option<Kind>, seen: Seen, entry: Lane, strikes: Vec<Strike>) -> Self {
        Self {
            frame,
            kind,
            leaf: None,
            demanded: Bytes::default(),
            seen,
            strikes,
            entered_at: entry.steps(),
            entry,
            items: Vec::new(),
            known_items: Set::default(),
            looked: Looked::default(),
            ends: Vec::new(),
            runs: Vec::new(),
            callers: BTreeSet::new(),
            nodes: Map::default(),
        }
    }

    /// Whether it is new.
    pub(super) fn depend(&mut self, number: ItemId, item: Item) -> bool {
        let is_new = self.frame == Frame::Handler && self.known_items.insert(number);
        if is_new {
            self.items.push(number);
            self.looked.add(item);
        }
        is_new
    }
}

/// A way in which a handler returns.
#[derive(Clone, Debug)]
pub(super) struct End {
    /// What struck inside, in steps after the entry.
    pub(super) strikes: Vec<Strike>,
    /// Steps from the entry to the boundary after the return.
    pub(super) steps: u32,
    pub(super) context: ContextId,
    pub(super) registers: [(Value, u64); REGISTERS],
    pub(super) flags: (Flags, u64),
    /// Words that may not be as they were interrupted, in order.
    pub(super) words: Vec<(u64, Value, u64)>,
    /// Those of them that hold something of what was interrupted.
    pub(super) moving: Vec<u64>,
    /// Registers that may not be as they were interrupted: a bit for each.
    pub(super) changed: u32,
    /// Whether the flags may not be as they were interrupted.
    pub(super) changes_flags: bool,
}

/// A class of calls that strikes a run.
#[derive(Debug, Default)]
pub(super) struct Call {
    /// At which boundaries, in order.
    pub(super) boundaries: Vec<u32>,
    /// For each end of the class, how the run goes on after it.
    pub(super) ways: Vec<Way>,
}

impl Call {
    pub(super) fn strike(&mut self, boundary: u32) {
        let place = self.boundaries.partition_point(|&other| other <= boundary);
        self.boundaries.insert(place, boundary);
    }
}

/// How a run goes on after a call that returned in one way.
#[derive(Clone, Debug, Default)]
pub(super) struct Way {
    /// The words of the end that may matter to the run.
    pub(super) relevant: Option<Arc<Relevant>>,
    /// The last of them that was seen to matter and to differ.
    pub(super) differs: Option<u32>,
    /// At which boundary last the run went on as another, or as itself; and as which.
    pub(super) met: Option<(u32, Node)>,
    /// How it goes on at each boundary, in order, where it does not as itself.
    went: Vec<(u32, Going)>,
}

/// How a run goes on after a call at one boundary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Going {
    /// As if nothing had struck.
    AsItself,
    /// As from a boundary on.
    As(Node),
    /// By itself: a run that is to be followed, unless it turns out to go on as another.
    ToFollow,
    /// By itself: a run that was followed.
    Followed,
}

impl Way {
    pub(super) fn at(&self, boundary: u32) -> Going {
        let place = self.went.binary_search_by_key(&boundary, |went| went.0);
        place.map_or(Going::AsItself, |place| self.went[place].1)
    }

    /// Whether nothing was found for a boundary yet, or that the run goes on as itself.
    pub(super) fn is_new(&self, boundary: u32) -> bool {
        self.at(boundary) == Going::AsItself
    }

    pub(super) fn goes_on(&mut self, boundary: u32, going: Going) {
        match (self.went.binary_search_by_key(&boundary, |went| went.0), going) {
            (Ok(place), Going::AsItself) => {
                self.went.remove(place);
            }
            (Ok(place), going) => self.went[place].1 = going,
            (Err(_), Going::AsItself) => {}
            (Err(place), going) => self.went.insert(place, (boundary, going)),
        }
    }
}

/// Words of an end that may matter to a run, by their places in [`End::words`].
#[derive(Clone, Debug)]
pub(super) struct Relevant {
    pub(super) words: Box<[u32]>,
    /// Those of them that hold something of what was interrupted.
    pub(super) moving: Box<[u32]>,
}

/// A run without strikes, from after a strike or a return of a handler to its end, or to a boundary from which another run goes on
/// alike.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) family: FamilyId,
    /// At its start.
    pub(super) lane: Lane,
    /// What struck since the entry, in steps after it.
    pub(super) strikes: Vec<Strike>,
    /// Steps from the entry to its start.
    pub(super) offset: u32,
    pub(super) contexts: Vec<Situation>,
    pub(super) history: History,
    pub(super) uses: Uses,
    pub(super) next: Option<Node>,
    /// The end of the family, by number, that it returned as because both are alike in all that is read later.
    pub(super) returned_as: Option<u32>,
    /// Words that may matter to it, in order: what it and those that it goes on as read, what is demanded, what handlers read.
    pub(super) matters: Vec<u64>,
    /// Those of them that it, or a run that it goes on from, has written.
    pub(super) written: Vec<u64>,
    /// What strikes it.
    pub(super) calls: BTreeMap<FamilyId, Call>,
    /// What was lifted, and of which versions of its places.
    pub(super) lifted: Set<(ItemId, [u32; 2])>,
    /// The boundary that is weighed next, on the machine; nothing once all are.
    pub(super) walk: Option<(Box<Lane>, u32)>,
}

impl Run {
    /// About how many bytes it takes, with what finds its boundaries.
    pub(super) fn bytes(&self) -> u64 {
        const BOUNDARY: usize = size_of::<Situation>() + size_of::<(u64, Vec<Node>)>() + size_of::<Node>();
        LANE + self.history.bytes() + (self.contexts.len() * BOUNDARY) as u64
    }

    /// Boundaries.
    pub(super) fn length(&self) -> u32 {
        self.contexts.len() as u32
    }
}

/// What a place holds, and what that is on the machine.
pub(super) type Sampled = (Held, u64);

/// Bits that are the same in all that a class has interrupted, because it has looked at them.
#[derive(Clone, Debug, Default)]
pub(super) struct Looked(Map<Loc, u64>);

impl Looked {
    fn add(&mut self, item: Item) {
        if let Item::Bits { loc, mask } = item {
            *self.0.entry(loc).or_default() |= mask;
        }
    }

    pub(super) fn of(&self, loc: Loc) -> u64 {
        self.0.get(&loc).copied().unwrap_or(0)
    }
}
