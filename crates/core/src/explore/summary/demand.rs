//! What callers read of what calls may change, and what follows for calls that were followed before anybody knew.
//!
//! While nothing reads a word after a call, ends that differ in it are one, and so are states of the call's runs. Once something does, it is
//! *demanded* of the call. Then each decision that two things are one is taken again for that word, in place.

use super::apply::{Looks, alike};
use super::classes::FamilyId;
use super::family::{End, Family, Going, Node, Run, RunId};
use super::guard::Held;
use super::hash::Set;
use super::learned::Learned;
use super::round::{Flaw, Round};
use super::value::Loc;
use std::collections::BTreeSet;
use std::sync::Arc;

/// A word, and to the runs of which family it matters.
type Matter = (FamilyId, u64);

impl Round {
    /// Demands what callers read of what calls may change. Whether there was more than was known when they were followed.
    pub(super) fn demand(&mut self) -> bool {
        !self.take_demands().is_empty()
    }

    /// If everything was done: demands more, and does what follows from it. Whether there was any of it.
    pub(super) fn answer_demands(&mut self) -> bool {
        let demands = if self.is_through() { self.take_demands() } else { BTreeSet::new() };
        self.matter(&demands);
        self.follow_up();
        !demands.is_empty()
    }

    /// Something stores to words that nobody thought of.
    pub(super) fn stores_more(&mut self, learned: Arc<Learned>, words: &[u64]) {
        self.learned = learned;
        let reads = |word| move |run: &&Run| run.uses.reads(word);
        let readers = |word| self.runs.iter().filter(reads(word)).map(move |run| (run.family, word));
        let matter = words.iter().flat_map(|&word| readers(word)).collect();
        self.matter(&matter);
        self.follow_up();
    }

    /// What is read for the first time of what is interrupted matters wherever something may strike.
    pub(super) fn take_reads(&mut self) {
        let words = std::mem::take(&mut self.newly_read);
        let learned = Arc::make_mut(&mut self.learned);
        for &(word, bytes) in &words {
            learned.read.add(word, bytes);
        }
        let families = (0..self.families.len() as u32).map(FamilyId);
        let matter = families.flat_map(|family| words.iter().map(move |&(word, _)| (family, word))).collect();
        self.matter(&matter);
    }

    /// For the next round.
    pub(super) fn keep_demands(&mut self) {
        let demanded = self.families.iter().filter_map(|family| Some((family.kind?, family.demanded.clone())));
        self.fresh.demanded = demanded.collect();
    }

    fn take_demands(&mut self) -> BTreeSet<Matter> {
        let changed = self.changed();
        let mut taken = BTreeSet::new();
        // What is demanded of a call may be demanded of those that strike inside it.
        loop {
            let news = self.demands(&changed);
            if news.is_empty() {
                return taken;
            }
            for &(callee, word) in &news {
                self.family_mut(callee).demanded.add(word, u8::MAX);
            }
            taken.extend(news);
        }
    }

    /// Words that callers read, that a call may change, and of which neither is known.
    fn demands(&self, changed: &[Set<u64>]) -> Set<Matter> {
        let mut news = Set::default();
        for (run, id) in self.runs.iter().zip(0..).map(|(run, id)| (run, RunId(id))) {
            let demanded = &self.family(run.family).demanded;
            let words = || run.matters.iter().copied().chain(demanded.words());
            for (&callee, call) in &run.calls {
                let known = &self.family(callee).demanded;
                let may_change = |word: &u64| {
                    self.learned.read.of(*word) == 0
                        && known.of(*word) == 0
                        && changed[callee.0 as usize].contains(word)
                        && !news.contains(&(callee, *word))
                };
                let matters = |word: &u64| {
                    call.boundaries.iter().any(|&boundary| self.matters(Node { run: id, boundary }, *word))
                };
                let found: Vec<_> = words().filter(may_change).filter(matters).collect();
                news.extend(found.into_iter().map(|word| (callee, word)));
            }
        }
        news
    }

    /// For each family, the words that it may change.
    fn changed(&self) -> Vec<Set<u64>> {
        let own =
            |family: &Family| family.runs.iter().flat_map(|&run| self.run(run).history.words()).collect::<Set<u64>>();
        let mut changed: Vec<_> = self.families.iter().map(own).collect();
        loop {
            let mut grew = false;
            for run in &self.runs {
                let caller = run.family.0 as usize;
                for callee in run.calls.keys() {
                    if callee.0 as usize == caller {
                        continue;
                    }
                    let more: Vec<_> = changed[callee.0 as usize].difference(&changed[caller]).copied().collect();
                    grew |= !more.is_empty();
                    changed[caller].extend(more);
                }
            }
            if !grew {
                return changed;
            }
        }
    }

    /// Words matter to families to whose runs they did not matter before.
    fn matter(&mut self, matters: &BTreeSet<Matter>) {
        let learned = Arc::clone(&self.learned);
        let stored = || matters.iter().copied().filter(|(_, word)| learned.stored.contains(word));
        for (family, word) in stored() {
            for run in self.family(family).runs.clone() {
                let run = self.run_mut(run);
                insert(&mut run.matters, word);
                if run.history.has(word) {
                    insert(&mut run.written, word);
                }
            }
        }
        if self.aim.flaw == Flaw::NotAgain {
            return;
        }
        for (family, word) in stored() {
            for run in self.family(family).runs.clone() {
                self.return_unless_alike(run, word);
                self.go_on_unless_alike(run, word);
                self.consider_again(run, word);
            }
        }
    }

    /// A run that returned as another did may differ from it in a word.
    fn return_unless_alike(&mut self, id: RunId, word: u64) {
        let run = self.run(id);
        let Some(number) = run.returned_as else { return };
        let family = run.family;
        let last = Node { run: id, boundary: run.length() };
        // Sums are looked at on the return.
        let own = match self.at(last, Loc::Memory(word)) {
            (Held::Sum(_), sample) => (Held::KNOWN, sample),
            word => word,
        };
        let (value, sample) = self.word_of_end(family, &self.family(family).ends[number as usize], word);
        let mut looks = Looks::new();
        if alike(own, (Held::Word(value), sample), &self.family(family).looked, &mut looks) {
            self.look_in(family, looks);
        } else {
            self.return_again(id);
        }
    }

    /// A run that went on as another may differ from it in a word.
    fn go_on_unless_alike(&mut self, id: RunId, word: u64) {
        let Some(met) = self.run(id).next else { return };
        let last = Node { run: id, boundary: self.run(id).length() };
        let mut looks = Looks::new();
        if self.word_joins(self.at(last, Loc::Memory(word)), met, word, &mut looks) {
            self.look_in(self.run(id).family, looks);
            return;
        }
        let next = self.follow_further(id);
        self.run_mut(id).next = Some(next);
        // Both execute the same instructions; only the word differs. A word that matters here and did not matter there now matters to the
        // runs that lead here.
        let is_new = |&word: &u64| self.matters(next, word) && !self.matters(met, word);
        let family = self.run(id).family;
        let more = self.run(next.run).matters.iter().copied().filter(is_new).map(|word| (family, word));
        self.matter(&more.collect());
    }

    /// After calls, a run may have gone on as a state that differs in a word.
    fn consider_again(&mut self, id: RunId, word: u64) {
        let callees: Vec<_> = self.run(id).calls.keys().copied().collect();
        for callee in callees {
            for (end, number) in self.family(callee).ends.clone().into_iter().zip(0..) {
                self.consider_end_again(id, callee, (number, &end), word);
            }
        }
    }

    fn consider_end_again(&mut self, id: RunId, callee: FamilyId, (number, end): (u32, &Arc<End>), word: u64) {
        let changes = end.words.binary_search_by_key(&word, |entry| entry.0).is_ok();
        let Some(way) = self.way(id, callee, number) else { return };
        if changes {
            way.relevant = None;
        }
        way.met = None;
        let way = way.clone();
        let boundaries = self.run(id).calls.get(&callee).map(|call| call.boundaries.clone()).unwrap_or_default();
        for boundary in boundaries {
            let node = Node { run: id, boundary };
            let met = match way.at(boundary) {
                Going::As(met) => met,
                Going::AsItself if changes => node,
                Going::AsItself | Going::ToFollow | Going::Followed => continue,
            };
            let mut looks = Looks::new();
            if self.word_joins(self.word_after(node, end, word), met, word, &mut looks) {
                self.look_in(self.run(id).family, looks);
                continue;
            }
            if let Some(way) = self.way(id, callee, number) {
                way.goes_on(boundary, Going::AsItself);
            }
            self.consider(node, callee, number);
        }
    }
}

/// Into a list in order.
fn insert(words: &mut Vec<u64>, word: u64) {
    if let Err(place) = words.binary_search(&word) {
        words.insert(place, word);
    }
}
