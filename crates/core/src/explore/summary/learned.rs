//! What a search learns of a system, round by round. It only grows. A round in which it does not grow is a fixpoint.

use super::caches::{Caches, is_translation};
use super::context::KERNEL_DATA_SEGMENT;
use super::gather::{Found, Gathered};
use super::hash::{Map, Set};
use super::shadow::{Frame, bits_of};
use super::value::{Loc, Origin, Source, Value};
use crate::explore::agree::{Cached, Tables};
use crate::explore::assume::DOUBLE_FAULT_RIP;
use crate::explore::journal::Facts;
use crate::linux::layout::USER_PCID_FLUSH_MASK_PHYSICAL;
use crate::machine::Machine;
use crate::machine::bits::entry::{ACCESSED, DIRTY};
use crate::scenario::Vector;
use std::collections::BTreeSet;

/// Bytes of words, by number.
#[derive(Clone, Debug, Default)]
pub(super) struct Bytes(Map<u64, u8>);

impl Bytes {
    pub(super) fn of(&self, word: u64) -> u8 {
        self.0.get(&word).copied().unwrap_or(0)
    }

    /// Whether some of them are new.
    pub(super) fn add(&mut self, word: u64, bytes: u8) -> bool {
        let held = self.0.entry(word).or_default();
        let grew = bytes & !*held != 0;
        *held |= bytes;
        grew
    }

    pub(super) fn merge(&mut self, other: &Self) -> bool {
        other.0.iter().fold(false, |grew, (&word, &bytes)| self.add(word, bytes) || grew)
    }

    pub(super) fn words(&self) -> impl Iterator<Item = u64> {
        self.0.keys().copied()
    }
}

/// A class of handler calls, the same in all rounds. Classes with the same number share their demands. If two hashes collide, the search
/// distinguishes more states than it needs to, never fewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Kind {
    pub(super) vector: Vector,
    /// A hash of the context and of the values of the items.
    pub(super) number: u64,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Learned {
    /// Words whose value is part of every key: what the processor or the promises read by themselves, and something stores to.
    pub(super) keyed: BTreeSet<u64>,
    /// Words that something stores to. All others are as they were booted.
    pub(super) stored: Set<u64>,
    /// Words in which something is counted. They are opaque while nobody looks.
    pub(super) counts: Bytes,
    /// What was opaque, and somebody looked.
    pub(super) looked: BTreeSet<Origin>,
    /// What handlers read of what they interrupt.
    pub(super) read: Bytes,
    /// What is read after a call of a kind of what it may change.
    pub(super) demanded: Map<Kind, Bytes>,
    /// Cached translations that are not what a walk finds, or may not be.
    pub(super) caches: Caches,
    /// Pages that hold page tables.
    pub(super) tables: BTreeSet<u64>,
    pub(super) facts: Facts,
    /// A breakpoint is armed somewhere. Then RF belongs to each context, since one that is armed later sees the RF of now.
    pub(super) arms_breakpoints: bool,
}

/// What is new of what a round found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum News {
    Nothing,
    /// Words are stored to that nobody thought of. Nobody reads them as they were interrupted, and each is stored as a whole, so what was
    /// followed stands as it is.
    Stores(Vec<u64>),
    /// What was followed would come to something else.
    More,
}

/// What one round found out.
#[derive(Clone, Debug, Default)]
pub(super) struct Fresh {
    pub(super) counts: Bytes,
    pub(super) looked: BTreeSet<Origin>,
    pub(super) read: Bytes,
    pub(super) demanded: Map<Kind, Bytes>,
    pub(super) arms_breakpoints: bool,
    pub(super) gathered: Gathered,
}

const TELLING: u64 = DOUBLE_FAULT_RIP >> 3;

/// Whether a word tells states apart by itself once handlers read it.
pub(super) fn tells_states_apart(word: u64) -> bool {
    word == TELLING
}

impl Learned {
    /// Bytes of a word that are opaque because something is counted there.
    pub(super) fn counted(&self, word: u64) -> u8 {
        let bytes = self.counts.of(word);
        let is_opaque = bytes != 0 && !self.keyed.contains(&word) && !self.looked.contains(&Origin::Count(word));
        if is_opaque { bytes } else { 0 }
    }

    /// What a word holds that nobody has written.
    pub(super) fn initial(&self, frame: Frame, word: u64) -> Value {
        let moves = frame == Frame::Handler && self.stored.contains(&word) && !self.keyed.contains(&word);
        if moves { Value::input(Loc::Memory(word)) } else { Value::KNOWN }
    }

    /// What a word holds, if this was written.
    pub(super) fn held(&self, frame: Frame, word: u64, written: Option<Value>) -> Value {
        let value = written.unwrap_or_else(|| self.initial(frame, word));
        let (bits, origin) = match (self.marks(word), self.counted(word)) {
            (0, 0) => return value,
            (0, bytes) => (bits_of(bytes), Origin::Count(word)),
            (marks, _) => (marks, Origin::Mark(word)),
        };
        let opaque = Value::whole(Source::Opaque(origin));
        opaque.over(bits, value).unwrap_or(opaque)
    }

    /// A word that tells states apart by itself, if any does: each double fault leaves another address there, and handlers read it, so
    /// states in which it differs are never one.
    pub(super) fn telling(&self) -> Option<u64> {
        (self.read.of(TELLING) != 0).then_some(TELLING)
    }

    /// The marks of use in a word, if it belongs to a page table. The processor sets them whenever it likes.
    pub(super) fn marks(&self, word: u64) -> u64 {
        if self.tables.contains(&(word >> 9)) { ACCESSED | DIRTY } else { 0 }
    }

    /// The physical address of an entry at whose marks of use somebody looks. Then no two states are one for sure.
    pub(super) fn seen_marks(&self) -> Option<u64> {
        self.looked.iter().find_map(|origin| if let Origin::Mark(word) = origin { Some(word << 3) } else { None })
    }

    /// What is read after calls of a kind, and of those that it was divided from.
    pub(super) fn demanded_of(&self, kinds: impl Iterator<Item = Kind>) -> Bytes {
        let mut demanded = Bytes::default();
        for held in kinds.filter_map(|kind| self.demanded.get(&kind)) {
            demanded.merge(held);
        }
        demanded
    }

    /// Takes in what a round found. What is new, what is demanded excepted. `machine` has the page tables.
    pub(super) fn take(&mut self, fresh: Fresh, machine: &Machine) -> News {
        let Fresh { counts, looked, read, demanded, arms_breakpoints, gathered } = fresh;
        let Found { facts, cached, in_part } = gathered.into_found();
        let mut grew = false;
        grew |= self.counts.merge(&counts);
        grew |= arms_breakpoints && !self.arms_breakpoints;
        self.arms_breakpoints |= arms_breakpoints;
        // The others were taken in when they were found.
        grew |= self.read.merge(&read) && read.of(TELLING) != 0;
        for origin in looked {
            grew |= self.looked.insert(origin);
            // What was added to it cannot always be said.
            if let Origin::Count(word) = origin {
                self.looked.insert(Origin::Mixture(word));
            }
        }
        for (kind, bytes) in demanded {
            self.demanded.entry(kind).or_default().merge(&bytes);
        }
        let more: Vec<_> = facts.stored.iter().copied().filter(|word| !self.stored.contains(word)).collect();
        self.stored.extend(&more);
        grew |= !(facts.cr3s.is_subset(&self.facts.cr3s) && facts.fetched.is_subset(&self.facts.fetched));
        self.facts.merge(&facts);
        grew |= self.settle(cached, machine);
        let is_seen = |word: &u64| self.read.of(*word) != 0 || in_part.contains(word) || *word == KERNEL_DATA_SEGMENT;
        match more {
            more if grew || more.iter().any(is_seen) => News::More,
            more if more.is_empty() => News::Nothing,
            more => News::Stores(more),
        }
    }

    /// What follows from all stores, fetches and CR3s so far.
    fn settle(&mut self, cached: Set<(Cached, u64)>, machine: &Machine) -> bool {
        let mut tables = Tables::default();
        tables.learn(machine, &self.facts);
        self.tables = tables.pages().clone();
        let is_stale = |(cached, cr3): &(Cached, u64)| !tables.is_settled(machine, cached, *cr3);
        let mut grew = self.caches.add(cached.into_iter().filter(is_stale).map(|(cached, _)| cached).collect());
        let followed = self.caches.clone();
        self.caches.follow(&tables, machine);
        grew |= !followed.follows_all_of(&self.caches) || !self.caches.follows_all_of(&followed);
        // What is followed no more is no place.
        self.stored.retain(|&word| !is_translation(word));
        self.stored.extend(self.caches.followed().map(|followed| followed.word));
        let is_keyed = |word: &u64| tables.is_read_by_itself(*word) && !self.caches.is_entry(*word);
        let mut keyed: BTreeSet<_> = self.facts.stored.iter().copied().filter(is_keyed).collect();
        // `no-stale` excuses a stale translation under a user PCID while the mask says that its flush is pending.
        if self.caches.is_any_under_user_pcid() {
            keyed.insert(USER_PCID_FLUSH_MASK_PHYSICAL >> 3);
        }
        grew |= keyed != self.keyed;
        self.keyed = keyed;
        grew
    }
}
